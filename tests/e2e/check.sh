#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rule files with faults, and what `logwatch check` says of each, to the letter:
# tests/conf/NAME.yaml and NAME.expect.  Also how it is called and how it ends.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
unset LOGWATCH_TEST_UNSET
failures=0
count=0

# The outcome of a case is the status of what was done before.
result() { # NAME
	local status=$?

	count=$((count + 1))
	if ((status == 0)); then
		echo "ok $1"
	else
		echo "not ok $1"
		failures=$((failures + 1))
	fi
}

# Runs logwatch: $tmp/out, $tmp/err and $got are what it said and its status.
logwatch() { # ARGUMENT...
	timeout 60 "$LOGWATCH" "$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
}

# The expected file decides whether there is a fault; ok-* has none.
as_expected() { # NAME
	local want=0

	grep -q '^[^ ].*: error: ' "$1.expect" && want=1
	logwatch check --rules "$1.yaml"
	diff "$1.expect" "$tmp/out" && [[ ! -s $tmp/err ]] && ((got == want)) &&
	    { [[ $1 != ok-* ]] || ((got == 0)); }
}

cd "$srcdir/tests/conf" || exit 1
for file in *.yaml; do
	as_expected "${file%.yaml}"
	result "${file%.yaml}"
done
for file in *.expect; do
	[[ -e ${file%.expect}.yaml ]] || {
		false
		result "$file has no rule file"
	}
done

messages=$(grep -c '^twenty.yaml:.*: error: ' twenty.expect)
((messages == 20))
result 'twenty faults, twenty messages'

logwatch check --json --rules twenty.yaml
((got == 1)) && jq -es 'length == 20 and
    all(.file == "twenty.yaml" and .severity == "error" and
        .line > 0 and .column > 0 and .text != "")' "$tmp/out" >/dev/null
result 'the same as JSON'

logwatch run --state "$tmp/state.db" --rules twenty.yaml
((got == 3)) && diff <(sed '$d' twenty.expect) <(head -n -1 "$tmp/err") &&
    [[ ! -s $tmp/out && ! -e $tmp/state.db ]]
result 'run says the same, on standard error, and ends with 3'

logwatch check --rules warnings.yaml
((got == 0))
result 'warnings are no faults'
logwatch check --strict --rules warnings.yaml
((got == 1))
result 'unless they are asked to be'

logwatch check --rules "$tmp/none.yaml"
((got == 3)) && grep -q 'none.yaml' "$tmp/err"
result 'a file that is not there'
mkdir "$tmp/rules.d"
logwatch check --rules "$tmp/rules.d"
((got == 3)) && grep -q 'rules.d' "$tmp/err"
result 'a directory with no rule file'
logwatch check
((got == 2)) && [[ -s $tmp/err ]]
result 'no file at all'
logwatch check --nonsense
((got == 2))
result 'an option that there is not'
: >"$tmp/empty.yaml"
logwatch check --rules ok-minimal.yaml --rules "$tmp/empty.yaml"
((got == 1)) &&
    grep -q 'empty.yaml:1:1: error: the file holds nothing' "$tmp/out"
result 'an empty file among others'

cp ok-minimal.yaml "$tmp/rules.d/a.yml"
printf 'version: 1\nrules:\n  - {id: r, match: y, actions: [none]}\n' \
    >"$tmp/rules.d/b.yaml"
printf 'no rule file\n' >"$tmp/rules.d/README"
logwatch check --rules "$tmp/rules.d"
((got == 1)) && (($(grep -c ': error: ' "$tmp/out") == 2)) &&
    grep -q "b.yaml:3:10: error: rule id 'r' is there already" "$tmp/out" &&
    grep -q "b.yaml:3:33: error: rule 'r': no action 'none'" "$tmp/out"
result 'a directory is read as one rule file'

# What is too much for a file of these.
{
	cat ok-minimal.yaml
	printf '# %01048576d\n' 0
} >"$tmp/long.yaml"
logwatch check --rules "$tmp/long.yaml"
((got == 1)) && grep -q 'larger than 1 MiB' "$tmp/out" &&
    (($(wc -c <"$tmp/out") < 10000))
result 'more than 1 MiB'
{
	echo 'version: 1'
	echo "rules: ["
	seq -f '%.0f,' 120000
	echo "]"
} >"$tmp/many.yaml"
logwatch check --rules "$tmp/many.yaml"
((got == 1)) && grep -q '100,000 nodes' "$tmp/out"
result 'more than 100,000 nodes'
{
	printf 'version: 1\nrules: '
	printf '%050000d' 0 | tr 0 '['
} >"$tmp/deep.yaml"
logwatch check --rules "$tmp/deep.yaml"
((got == 1)) && grep -q '64 levels' "$tmp/out"
result 'more than 64 levels'
printf 'version: 1\0\n' >"$tmp/nul.yaml"
logwatch check --rules "$tmp/nul.yaml"
((got == 1)) && ! LC_ALL=C grep -qP '\x00' "$tmp/out"
result 'a NUL'
logwatch check --rules "$LOGWATCH"
((got == 1)) && (($(wc -c <"$tmp/out") < 10000))
result 'a program'

# Up to a megabyte each, of what makes readers slow, deep or large.
mkdir "$tmp/hostile"
python3 - "$tmp/hostile" <<'EOF'
import sys
def write(name, text):
    data = text if isinstance(text, bytes) else text.encode()
    with open(f'{sys.argv[1]}/{name}.yaml', 'wb') as f:
        f.write(data)
def many(count, text):
    return ''.join(text.replace('#', str(i)) for i in range(count))
head = 'version: 1\nsources: {a: {path: a.log}}\nrules: '
write('maps in maps', head + '{a: ' * 50000)
write('lists in maps in lists', head + '[{' * 200000)
write('dashes', head + '\n ' + '- ' * 400000)
write('question marks', head + '\n ' + '? ' * 400000)
write('blocks in blocks', head + '\n' + ''.join(
    ' ' * i + 'a:\n' for i in range(1, 1400)))
write('quotes', head + '"' * 1000000)
write('escapes', head + '"' + '\\x41' * 250000 + '"')
write('one text', head + 'a' * 1000000)
write('one key', head + '\n  ' + 'a' * 1000000 + ': x\n')
write('colons', head + ':' * 1000000)
write('commas', head + '[' + ',' * 1000000)
write('empty lines', head + '\n' * 1000000)
write('blocks of text', head + '\n' + '- |\n' * 200000)
write('anchors', head + '[' + many(45000, '&a# x,') +
      many(45000, '*a#,') + ']')
write('aliases of nothing', head + '[' + '*a, ' * 250000 + ']')
write('laughs', 'version: 1\na: &a {id: r, match: x}\n' + ''.join(
    f'{y}: &{y} [' + f'*{x},' * 100 + ']\n' for x, y in ('ab', 'bc', 'cd')))
write('documents', head + 'x\n' + '---\n' * 250000)
write('directives', '%TAG ! tag:x\n' * 70000 + '---\nversion: 1\n')
write('one key many times', head + '{' + 'a: 1, ' * 49000 + '}')
write('many keys like ours', 'version: 1\nsettings: {' +
      many(49000, 'contex#: 1, ') + '}')
write('marks of order', b'\xef\xbb\xbf' * 300000)
write('bytes', bytes((i * 7919 + i * i * 31) % 256 for i in range(900000)))
write('many faults', head + '\n' + "  - {id: a, match: '('}\n" * 8000)
write('many faults in a line', head + '[' + "{id: a, match: '('}," * 8000 +
      ']')
write('unknown sources', 'version: 1\nsources: {' +
      many(8000, 'source-number-#: {path: a},\n') +
      '}\nrules: [{id: r, match: x, source: [' +
      many(20000, 'suorce-nummer-#, ') + ']}]')
write('unknown actions', head + '[{id: r, match: x, actions: [' +
      many(20000, 'suorce-nummer-#, ') + ']}]\nactions: {' +
      many(8000, 'source-number-#: {exec: [a]},\n') + '}')
write('unknown causes', head + '[\n' + many(7500,
      '{id: source-number-#, match: x, '
      'caused_by: {within: 1m, rules: [suorce-nummer-#]}},\n') + ']')
write('a chain of causes', head + '[\n' + ''.join(
    f'{{id: r{i}, match: x, caused_by: {{within: 1m, rules: [r{i + 1}]}}}},\n'
    for i in range(5000)) + '{id: r5000, match: x}]')
write('names in a template', head + "[{id: r, match: x, summary: '" +
      '{{a}}' * 190000 + "'}]")
write('a template that never ends', head + "[{id: r, match: x, summary: '" +
      '{{' * 450000 + "'}]")
write('variables', head + "[{id: r, match: x, summary: '" +
      '${A:-' * 180000 + "'}]")
write('long patterns', head + '[\n' + many(15, "{id: r#, match: '" +
      '(?:ab|cd)' * 6500 + "'},\n") + ']')
write('parentheses', head + "[{id: r, match: '" + '(' * 60000 + "'}]")
write('repetitions', head +
      "[{id: r, match: '(?:(?:a{1000}){1000}){1000}'}]")
write('looking ahead', head +
      "[{id: r, match: '(?=x){,2500}(?=(?:y){1,2500})(?=x{2500})'}]")
write('a list of hours', head + "[{id: r, schedule: '" + '0,' * 400000 +
      "0 * * * *', actions: [a]}]\nactions: {a: {exec: [date]}}")
EOF
# A sanitizer reserves more than there is, and takes its time.
limit=700000
deadline=20
if grep -q __asan_init "$LOGWATCH"; then
	limit=unlimited
	deadline=120
fi
for file in "$tmp"/hostile/*.yaml; do
	(
		ulimit -v "$limit"
		timeout "$deadline" "$LOGWATCH" check --rules "$file" \
		    >"$tmp/out" 2>"$tmp/err"
	)
	got=$?
	((got <= 1)) && [[ ! -s $tmp/err ]] &&
	    (($(wc -c <"$tmp/out") < 1000000)) &&
	    tail -n 1 "$tmp/out" | grep -q ' errors\?, .* actions\?$'
	result "in its bounds: ${file##*/}"
done

# What is no file, or never ends.
mkfifo "$tmp/fifo"
printf 'version: 1\ninclude: [%s, /dev/zero, /dev/null]\n' "$tmp/fifo" \
    >"$tmp/devices.yaml"
logwatch check --rules "$tmp/devices.yaml"
((got == 1)) && (($(grep -c 'not a regular file' "$tmp/out") == 3))
result 'what is no file is not waited for'

# shellcheck disable=SC2016 # the dollar is the rule file's
printf '%s\n' 'version: 1' 'sources:' '  a: {path: a.log}' 'rules:' \
    '  - {id: r, match: x, cooldown: "${LOGWATCH_TEST_SECRET}"}' \
    >"$tmp/secret.yaml"
LOGWATCH_TEST_SECRET=canary logwatch check --rules "$tmp/secret.yaml"
((got == 1)) && ! grep -q canary "$tmp/out" "$tmp/err"
result 'what a variable holds is not shown'

printf '%s\n' 'version: 1' 'sources:' '  a: {path: a.log}' 'rules:' \
    "  - {id: plain, match: 'no space left on (\\w+)'}" \
    "  - {id: wide, match: ['\\AFA', 'x', '\\pLx']}" \
    "  - {id: empty, match: 'x*'}" >"$tmp/costs.yaml"
logwatch check --verbose --rules "$tmp/costs.yaml"
((got == 0)) &&
    grep -qE "^rule 'plain': match 'no space.*[0-9]+ ns" "$tmp/out" &&
    (($(grep -c '^rule ' "$tmp/out") == 5))
result 'what patterns cost'
logwatch check --verbose --json --rules "$tmp/costs.yaml"
prefilter=$(grep -q '"why":"there is no prefilter"' "$tmp/out" || echo yes)
[[ -z $prefilter || $(jq -r 'select(.rule) | "\(.rule) \(.cover)"' "$tmp/out" |
    tr '\n' ';') = 'plain text;wide wider;wide exact;wide none;empty none;' ]] &&
    jq -e 'select(.rule) | .ns >= 0 and .jit != null' "$tmp/out" >/dev/null
result 'the same as JSON'

cd "$srcdir" || exit 1
for file in rules/*.yml; do
	env -i PATH="$PATH" "$LOGWATCH" check --rules "$file" >"$tmp/out"
	result "the shipped $file"
done

echo "$count cases, $failures failed"
((failures == 0)) || exit 1

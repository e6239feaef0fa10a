#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rule files with faults, and what `logwatch check` says of each, to the letter:
# tests/conf/NAME.yaml and NAME.expect.  Also how it is called and how it ends.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
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

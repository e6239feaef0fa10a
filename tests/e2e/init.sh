#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `logwatch init`: what it writes for logs of all kinds is a rule file, finds in
# them what goes wrong, and holds what a log says as data.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq gzip
failures=0
count=0

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

# Runs logwatch: $tmp/err and $got are what it said and its status; what it
# printed is a file of the caller's.
logwatch() { # OUTPUT ARGUMENT...
	local out=$1

	shift
	timeout 60 "$LOGWATCH" "$@" >"$out" 2>"$tmp/err"
	got=$?
}

fine() { # RULES PATTERN
	logwatch "$tmp/out" check --strict --rules "$1"
	((got == 0)) && grep -q "$2" "$tmp/out" && return
	cat "$tmp/out"
	return 1
}

# A rule file without a fault or a warning, also with all that it hides, whose
# test passes and whose rule finds so many lines.
works() { # RULES [LOG HITS]
	fine "$1" ' 1 rule, ' || return
	sed '1,/^version/!s/^#\([a-z]\|  \)/\1/' "$1" >"$1.all"
	SLACK_WEBHOOK_URL=http://127.0.0.1:9/x \
	    fine "$1.all" ' 2 rules, .* 2 actions' || return
	logwatch "$tmp/out" test --rules "$1"
	if ((got != 0)) || ! grep -q '^1 passed, 0 failed' "$tmp/out"; then
		cat "$tmp/out" "$tmp/err"
		return 1
	fi
	(($# > 1)) || return 0
	logwatch "$tmp/out" scan --count --rules "$1" "$2"
	[[ $(<"$tmp/out") = *$'\t'$3 ]] || {
		cat "$tmp/out"
		return 1
	}
}

cd "$tmp" || exit 1

logwatch plain.yml init
((got == 0)) && [[ ! -s $tmp/err ]] && works plain.yml &&
    grep -q "path: 'app.log'" plain.yml
result 'without a log: a rule file for app.log'

# Colours, stack traces, a job's number, a table's name.
for i in {10..29}; do
	printf '\033[32m[Nest] 57 - \033[39m10/17/2025, 8:00:%d AM \033[32m%s\n' \
	    "$i" $'    LOG\033[39m \033[38;5;3m[Driver] \033[39mProcessing'
	((i % 3)) || printf '%s\n' \
	    $'\033[31m[Nest] 57 - \033[39m10/17/2025, 8:00:'"$i"$' AM \033[31m  ERROR\033[39m \033[33m[Job] \033[39mJob '"$i violates \"t$i\"" \
	    'QueryFailedError: x' '    at f (/a.js:1:2)'
done >twenty_worker.log
logwatch nest.yml init twenty_worker.log
((got == 0)) && [[ ! -s $tmp/err ]] && works nest.yml twenty_worker.log 6 &&
    grep -qF "match: 'ERROR \\[Job\\] Job [\\w.:/-]+ violates \"[^\"]*\"'" \
        nest.yml && grep -q '^  twenty_worker:$' nest.yml &&
    grep -qF "multiline: {start: '^(?:[\\w.-]+ +\\| )?\\[Nest\\] '}" nest.yml
result "a Nest application's log"

for i in {10..29}; do
	head="2025-10-17 08:00:$i.123 UTC [$i] twenty@db"
	printf '%s\n' "$head LOG:  checkpoint complete" \
	    "$head ERROR:  duplicate key violates unique constraint \"PK_$i\"" \
	    "$head DETAIL:  Key (id)=($i) already exists." \
	    "$head STATEMENT:  INSERT INTO x" $'\tVALUES (1)'
done >postgresql.log
logwatch postgres.yml init postgresql.log
((got == 0)) && works postgres.yml postgresql.log 20 && grep -qF \
    "match: 'ERROR: +duplicate key violates unique constraint \"[^\"]*\"'" \
    postgres.yml && grep -qF "multiline: {continue: '^\\t'}" postgres.yml
result "PostgreSQL's log"

for i in {10..29}; do
	printf '{"level":"%s","msg":"request %d \\"x\\""}\n' \
	    "$( ((i % 5)) && echo info || echo error)" "$i"
done >app.log
logwatch json.yml init app.log
((got == 0)) && works json.yml app.log 4 && ! grep -q multiline json.yml
result 'a JSON log'

gzip -k app.log && mv app.log.gz old.log.gz
logwatch packed.yml init old.log.gz
((got == 0)) && works packed.yml old.log.gz 4 &&
    grep -q "path: 'old.log'$" packed.yml
result 'a compressed log'

logwatch many.yml init postgresql.log app.log twenty_worker.log none.log
((got == 0)) && (($(wc -l <"$tmp/err") == 1)) &&
    grep -q '^logwatch: none.log: not there yet' "$tmp/err" &&
    works many.yml &&
    (($(grep -c '    path: ' many.yml) == 4)) &&
    grep -q 'source: postgresql$' many.yml
result 'several logs: the rule is for the one with most trouble'
mkdir logs && cp app.log logs/app.log
logwatch same.yml init app.log logs/app.log
((got == 0)) && works same.yml && grep -q '^  app-2:$' same.yml
result 'two logs of one name'
for name in null NULL true 0 .x -- é; do
	cp app.log "./$name.log"
	logwatch word.yml init "./$name.log"
	((got == 0)) && works word.yml
	result "a log whose name is $name"
done

# What a log says is data.
for i in 1 2 3; do
	printf '%s \x01\x07\xff \xe2\x80\xae\xc2\x85 \xef\xbb\xbf%s\n' \
	    "error: it's \"a\" {{host}} \${HOME} \$\$ key: value # none $i" \
	    "'[a](b) *c* \\d \\' - | > @ \`d\` <@U> ?{}, &x"
done >hostile.log
logwatch hostile.yml init hostile.log
((got == 0)) && [[ ! -s $tmp/err ]] && works hostile.yml hostile.log 3
result 'a line that is YAML, a template, a variable and a pattern'
mkdir -p $'odd/a: b\n# {{c}} ${HOME} \'"'
# shellcheck disable=SC2016 # the dollar is the file's
name=$'odd/a: b\n# {{c}} ${HOME} \'"/[x]*.log'
cp hostile.log "$name"
logwatch name.yml init "$name"
((got == 0)) && [[ ! -s $tmp/err ]] && works name.yml &&
    sed -i 's/^    path:/    start_at: beginning\n&/' name.yml &&
    logwatch "$tmp/out" run --once --state name.db --rules name.yml &&
    ((got == 0)) &&
    logwatch "$tmp/out" incidents --json --state name.db &&
    [[ $(jq -r .path "$tmp/out") = "$name" ]]
result 'a name that is all that, too, is followed'
cp hostile.log $'odd/\377.log'
logwatch bytes.yml init $'odd/\377.log'
((got == 0)) && works bytes.yml && grep -qF "path: 'odd/?.log'" bytes.yml
result 'a name that is no UTF-8'

# Nothing to see.
: >empty.log
logwatch empty.yml init empty.log
((got == 0)) && grep -q 'empty.log: empty' "$tmp/err" && works empty.yml
result 'an empty log'
head -c 300000 "$LOGWATCH" >program
logwatch program.yml init program
((got == 0)) && works program.yml && grep -q 'it was no text' program.yml
result 'a program'
head -c 300000 /dev/zero | tr '\0' e >long.log
logwatch long.yml init long.log
((got == 0)) && works long.yml
result 'a line without an end'
logwatch directory.yml init logs
((got == 0)) && grep -q 'logs: it is no regular file' "$tmp/err" &&
    logwatch "$tmp/out" check --rules directory.yml && ((got == 0)) &&
    (($(grep -c ': warning: ' "$tmp/out") == 1)) &&
    grep -q 'this is a directory' "$tmp/out"
result 'a directory'
mkfifo fifo
logwatch fifo.yml init fifo
((got == 0)) && works fifo.yml
result 'a pipe that nobody writes to'
logwatch stdin.yml init - <app.log
((got == 0)) && works stdin.yml && grep -q "path: '-'$" stdin.yml
result 'standard input'

# Of a long log both ends are looked at, and no more.
{
	echo 'first failed 1'
	seq -f 'all is well %.0f' 300000
	printf 'last failed %d\n' {1..9}
} >large.log
logwatch large.yml init large.log
((got == 0)) && works large.yml large.log 9 &&
    grep -qF "match: 'last failed [\\w.:/-]+'" large.yml
result 'the end of a long log'

# Into a file.
logwatch "$tmp/out" init --output new.yml app.log
((got == 0)) && [[ ! -s $tmp/out && ! -s $tmp/err ]] && cmp new.yml json.yml
result 'the same into a file'
echo mine >new.yml
logwatch "$tmp/out" init --output new.yml app.log
((got == 3)) && [[ $(<new.yml) = mine ]] &&
    tail -n 1 "$tmp/err" | grep -q 'new.yml is there already'
result 'which is never overwritten'
ln -s nowhere.yml link.yml
logwatch "$tmp/out" init --output link.yml app.log
((got == 3)) && [[ ! -e nowhere.yml ]]
result 'nor is what a link leads to made'
logwatch "$tmp/out" init --output none/new.yml
((got == 3)) && grep -q 'none/new.yml' "$tmp/err"
result 'a directory that is not there'
logwatch /dev/full init
((got == 3)) && [[ -s $tmp/err ]]
result 'a full disk is told'
logwatch "$tmp/out" init --nonsense
((got == 2)) && [[ ! -s $tmp/out ]]
result 'an option that there is not'

echo "$count cases, $failures failed"
((failures == 0)) || exit 1

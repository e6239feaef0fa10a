#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# New rules take the place of the old: no line is lost, what was begun goes on,
# and what is wrong with them changes nothing.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

rules() { # <RULES
	{
		printf '%s\n' 'version: 1' 'settings: {state: s.db}' \
		    'sources: {app: {path: app.log}}'
		cat
	} >rules.yml.new
	mv rules.yml.new rules.yml
}
rules <<'YAML'
rules:
  - {id: three, match: 'error', threshold: {count: 3, within: 1h}, resolve: manual}
  - {id: gone, match: 'gone (?<n>\d+)', key: n, resolve: manual}
  - {id: slow, match: 'slow', actions: [slow], resolve: manual}
actions:
  slow: {exec: [./slow]}
YAML
cat >slow <<'SH'
#!/bin/sh
touch running
read -r x <go
touch slow-done
SH
chmod +x slow
mkfifo go
: >app.log
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log
reloaded() { # TIMES
	[[ $(grep -c 'info: rules reloaded' watch.log) == "$1" ]]
}
incident() { # RULE FILTER
	"$LOGWATCH" incidents --json --state s.db 2>/dev/null |
	    jq -es "map(select(.rule == \"$1\")) | length == 1 and (.[0] | $2)" \
	    >/dev/null
}

step 'what a rule remembers stays, and a new rule is followed'
printf 'error\nerror\ngone 1\n' >>app.log
wait_for 10 'the line behind them' incident gone true
rules <<'YAML'
rules:
  - {id: three, match: 'error', threshold: {count: 3, within: 1h}, resolve: manual,
     summary: 'three times'}
  - {id: new, match: 'new', resolve: manual}
  - {id: slow, match: 'slow', actions: [slow], resolve: manual}
actions:
  slow: {exec: [./slow]}
YAML
kill -HUP "$watcher"
wait_for 10 'the new rules' reloaded 1
printf 'error\nnew\ngone 2\n' >>app.log
wait_for 10 'the third' incident three '.count == 3 and .summary == "three times"'
wait_for 10 'the new rule' incident new true
expect 'what nobody asks for any more is over' eval '! incident gone true'

step 'rules with faults change nothing'
cp rules.yml good.yml
echo 'rules: [' >>rules.yml
kill -HUP "$watcher"
wait_for 10 'word of it' grep -q 'error: rules not reloaded, the old ones stay: ' \
    watch.log
"$LOGWATCH" reload --state s.db 2>err.log
expect_equal 'the command' 1 $?
expect 'the fault, and where' grep -q 'rules.yml:[0-9]*:[0-9]*: error: ' err.log
rm rules.yml
"$LOGWATCH" reload --state s.db 2>err.log
expect_equal 'a file that is not there' 1 $?
mv good.yml rules.yml
sed -i 's/s\.db/other.db/' rules.yml
"$LOGWATCH" reload --state s.db 2>err.log
expect_equal 'another state' 1 $?
expect 'why' grep -q 'restart instead' err.log
sed -i 's/other\.db/s.db/' rules.yml
echo 'new again' >>app.log
wait_for 10 'the old ones go on' incident new '.count == 2'
expect 'no more reloads' reloaded 1

step 'a script that runs is waited for, and the lines meanwhile'
echo slow >>app.log
wait_for 10 'it runs' test -e running
"$LOGWATCH" reload --rules rules.yml >out.log || die "reload: $?"
echo 'new a third time' >>app.log
wait_for 10 'a line meanwhile' incident new '.count == 3'
expect 'the old rules still' reloaded 1
echo >go
wait_for 10 'the new rules then' reloaded 2
expect 'it ended well' incident slow '.actions[0].state == "succeeded"'

step 'no line is lost, and none counted twice, however often they are read'
before=$("$LOGWATCH" incidents --json --state s.db |
    jq 'select(.rule == "new") | .count')
for i in {1..20}; do
	for k in {1..50}; do
		echo "new $i $k"
	done >>app.log
	kill -HUP "$watcher"
	((i % 5)) || wait_for 10 'one of them' eval \
	    "grep -q 'rules reloaded' watch.log"
done
wait_for 20 'each line once' incident new ".count == $((before + 1000))"
stop "$watcher"
expect_equal 'and after the end' $((before + 1000)) \
    "$("$LOGWATCH" incidents --json --state s.db |
	jq 'select(.rule == "new") | .count')"

step 'a stop while it waits for a script ends it'
rm -f running slow-done
start again "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' again.log
"$LOGWATCH" resolve --rules rules.yml "$("$LOGWATCH" incidents --json \
    --state s.db | jq -r 'select(.rule == "slow") | .id')" >/dev/null ||
    die "resolve: $?"
echo slow >>app.log
wait_for 10 'it runs' test -e running
kill -HUP "$watcher"
wait_for 10 'it waits' grep -q 'info: reloading the rules' again.log
echo >go
stop "$watcher"
for i in {1..8}; do
	start "round-$i" "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "round-$i.log"
	kill -HUP "$watcher"
	((i % 2)) || wait_for 10 'it is at it' grep -q 'reloading' "round-$i.log"
	kill -TERM "$watcher"
	wait "$watcher"
	expect_equal 'its end' 0 $?
done

step 'standard input is not given up'
printf '%s\n' 'version: 1' "settings: {state: in.db}" "sources: {in: {path: '-'}}" \
    'rules: [{id: r, match: x}]' >in.yml
mkfifo input
"$LOGWATCH" --rules in.yml <input >in.log 2>&1 &
watcher=$!
exec 9>input
wait_for 10 'it follows' grep -q 'info: following version' in.log
"$LOGWATCH" reload --rules in.yml 2>err.log
expect_equal 'refused' 1 $?
expect 'why' grep -q 'standard input' err.log
exec 9>&-
stop "$watcher"

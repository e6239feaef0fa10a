#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is an incident and what is not, in the running daemon; and that a kill in
# between changes nothing about it.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
settings: {state: s.db, context: {before: 2, after: 3}}
sources:
  app:
    path: 'logs/*.log'
    exclude: ['*skip*']
    start_at: beginning
    multiline: {continue: '^\s', timeout: 200ms}
rules:
  - id: thrice
    match: 'slow (?<who>\w+)'
    except: 'slow motion'
    key: [who]
    threshold: {count: 3, within: 1h}
    resolve: manual
  - id: pair
    match: 'begin (?<job>\d+)'
    followed_by: {match: 'abort (?<job>\d+)', within: 1h, same: [job]}
    key: [job]
    summary: 'job {{job}} was aborted'
    severity: warning
    resolve: manual
  - id: trace
    match: 'Error: (?<text>.*)\n.*at (?<where>\S+)'
    summary: '{{text}} at {{where}}'
    resolve: {quiet: 1s}
  - id: list
    match: ['LIST (?<code>\d+) (?<path>\S+)', 'LIST (?<code>\d+)']
    summary: '{{code}}-{{path}}-'
EOF
mkdir logs

open_ids() { # of a rule: the keys of its open incidents, sorted
	"$LOGWATCH" incidents --json --state s.db 2>/dev/null |
	    jq -r "select(.rule == \"$1\") | .key[]" | sort | tr '\n' ' '
}
is_open() { # RULE KEYS...
	local rule=$1

	shift
	[[ $(open_ids "$rule") == "$*${*:+ }" ]]
}
kill_hard() {
	kill -KILL "$watcher"
	wait_for 10 'its end' eval '! running "$watcher"'
}
follow() {
	: >watch.log
	start watch "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' watch.log
}
# Both the lines and what they led to are in the state when a later one is.
settled() {
	printf '%s\n' "slow marker$1" "slow marker$1" "slow marker$1" \
	    >>logs/a.log
	wait_for 10 'the marker' eval '[[ $(open_ids thrice) == *marker'"$1"'* ]]'
}

step 'a threshold counts by key, an exception does not count'
follow
printf '%s\n' 'slow ann' 'slow bob' 'slow ann' 'slow motion' 'slow motion' \
    'slow motion' >>logs/a.log
echo 'slow zoe' >>logs/skip.log
settled 1
expect 'nobody but the marker' is_open thrice marker1

step 'killed in between, it goes on counting: each line once'
kill_hard
echo 'slow ann' >>logs/b.log # a file that is new, and the third of ann
follow
wait_for 10 'ann' is_open thrice ann marker1
expect_equal 'her count' 3 "$("$LOGWATCH" incidents --json --state s.db |
    jq 'select(.key.who == "ann") | .count')"

step 'a pair needs both halves, in order, with equal captures'
printf '%s\n' 'abort 1' 'begin 1' 'begin 2' 'abort 3' >>logs/a.log
settled 2
expect 'no pair yet' is_open pair
kill_hard
follow
echo 'abort 2' >>logs/a.log
wait_for 10 'the second pair' is_open pair 2
expect_equal 'its summary' 'job 2 was aborted' \
    "$("$LOGWATCH" incidents --json --state s.db |
        jq -r 'select(.rule == "pair") | .summary')"

step 'lines that belong together are one event, with the lines around it'
printf '%s\n' one two three 'Error: it fell' '    at f.js:1' >>logs/a.log
printf '%s\n' '    at g.js:2' four >>logs/a.log
wait_for 10 'the trace' eval '"$LOGWATCH" incidents --all --json --state s.db |
    jq -es "[.[] | select(.rule == \"trace\")][0] | .summary == \"it fell at f.js:1\" and
        .context.before == [\"two\", \"three\"] and
        .context.after[0] == \"four\"" >/dev/null'

step 'quiet resolves it'
wait_for 10 'quiet' eval '"$LOGWATCH" incidents --all --json --state s.db |
    jq -es "[.[] | select(.rule == \"trace\")][0] | .state == \"resolved\"" >/dev/null'

step 'a capture of another pattern of the list is empty'
echo 'LIST 7' >>logs/a.log
wait_for 10 'the incident' eval '"$LOGWATCH" incidents --json --state s.db |
    jq -es "any(.summary == \"7--\" and .captures.path == \"\")" >/dev/null'

step 'told by its time-out, it is not told again after a kill'
kill_hard
printf 'Error: it sank\n    at h.js:3\n' >>logs/a.log
follow
wait_for 10 'the second trace' eval '"$LOGWATCH" incidents --all --json \
    --state s.db | jq -es "any(.summary == \"it sank at h.js:3\")" >/dev/null'
kill_hard
follow
settled 3
expect_equal 'its count' 1 "$("$LOGWATCH" incidents --all --json --state s.db |
    jq 'select(.summary == "it sank at h.js:3") | .count')"

step 'a log that is rotated is read on, the old one to its end'
mv logs/a.log logs-a.1
echo 'slow eve' >>logs-a.1
printf '%s\n' 'slow eve' 'slow eve' >>logs/a.log
wait_for 10 'eve' eval '[[ $(open_ids thrice) == *eve* ]]'
stop "$watcher"
step 'a resolved incident does not hide the open one of its key'
cat >twice.yml <<'EOF'
version: 1
settings: {state: twice.db}
sources: {app: {path: twice.log, start_at: beginning}}
rules:
  - {id: other, match: 'OTHER', cooldown: 1h}
  - id: bad
    match: 'BAD (?<n>\d+)'
    key: [n]
    resolve: {match: 'GOOD (?<n>\d+)', same: [n]}
EOF
for n in {1..20}; do
	printf 'BAD %d\nGOOD %d\nBAD %d\n' "$n" "$n" "$n"
done >twice.log
"$LOGWATCH" --rules twice.yml --once 2>twice.err || die "exit $?"
seq -f 'BAD %g' 20 >>twice.log
"$LOGWATCH" --rules twice.yml --once 2>>twice.err || die "exit $?"
expect_equal 'one open for each' 20 \
    "$("$LOGWATCH" incidents --json --state twice.db | wc -l)"
step 'done'

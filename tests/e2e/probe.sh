#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What programs say from time to time: of a real queue in Redis, and of what
# cannot say it.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq redis-server redis-cli
cd "$tmp" || exit 1
port=$(free_port)

cat >rules.yml <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - id: queue-long
    probe: [redis-cli, -e, -p, '$port', LLEN, jobs]
    every: 200ms
    above: 10
    for: 300ms
    summary: '{{value}} jobs wait'
  - id: queue-stuck
    probe: [redis-cli, -e, -p, '$port', LLEN, stuck]
    every: 200ms
    not_falling: 1s
  - id: redis-down
    probe: [redis-cli, -e, -p, '$port', PING]
    every: 200ms
  - id: role
    probe: [cat, role]
    every: 200ms
    output: 'role:(?<role>slave)'
  - id: hangs
    probe: [./hangs]
    every: 200ms
    timeout: 300ms
EOF
: >app.log
echo role:master >role
# It takes no notice of a signal and has a child that does not, either.
cat >hangs <<'EOF'
#!/bin/sh
[ -e hang ] || exit 0
trap '' TERM
sleep 20 &
echo $! >>hang
wait
EOF
chmod +x hangs

summary_of() { # RULE
	"$LOGWATCH" incidents --all --json --state s.db |
	    jq -r "select(.rule == \"$1\") | .summary" | tail -n 1
}
child_ended() {
	! kill -0 "$(head -n 1 hang)" 2>/dev/null
}
redis() {
	redis-cli -e -p "$port" "$@" >/dev/null 2>&1
}
run_redis() {
	start redis redis-server --port "$port" --bind 127.0.0.1 --save '' \
	    --appendonly no --dir "$tmp"
	redis_pid=$pid
	wait_for 20 'Redis answers' redis PING
}
follow() {
	: >watch.log
	start watch "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' watch.log
}

at_exit() {
	[[ ! -s hang ]] || xargs kill -KILL <hang 2>/dev/null
}

step 'a queue that is too long, for long enough'
run_redis
follow
redis RPUSH jobs {1..12}
redis RPUSH stuck 1
wait_for 20 'the incident' states open queue-long
expect_equal 'its words' '12 jobs wait' "$(summary_of queue-long)"
redis LTRIM jobs 0 4
wait_for 20 'its end' states resolved queue-long

step 'one that does not get shorter'
wait_for 20 'the incident' states open queue-stuck
expect_equal 'its words' 'queue-stuck: 1, and not falling' \
    "$(summary_of queue-stuck)"
redis LPOP stuck
wait_for 20 'its end' states resolved queue-stuck

step 'what it prints'
echo role:slave >role
wait_for 20 'the incident' states open role
expect_equal 'its words' "role: it says 'role:slave'" "$(summary_of role)"

step 'killed and started again it is one incident'
kill -KILL "$watcher"
wait "$watcher" 2>/dev/null
follow
echo role:master >role
wait_for 20 'its end' states resolved role

step 'what cannot be asked is neither good nor bad, and an incident of its own'
redis RPUSH jobs {1..12}
wait_for 20 'the incident' states 'open resolved' queue-long
kill -KILL "$redis_pid"
wait "$redis_pid" 2>/dev/null
wait_for 20 'a status that is not 0' states open redis-down
wait_for 20 'two probes that cannot tell' states 'open open' \
    logwatch.probe-failed
expect 'its incident is open still' states 'open resolved' queue-long
expect 'no other' states resolved queue-stuck
run_redis
wait_for 20 'Redis is back' states resolved redis-down
wait_for 20 'they can tell' states 'resolved resolved' logwatch.probe-failed
wait_for 20 'the queue is gone with it' states 'resolved resolved' queue-long

step 'one that hangs is ended, with what it started, and holds up no other'
: >hang
wait_for 30 'it cannot tell' states 'open resolved resolved' \
    logwatch.probe-failed
redis RPUSH jobs {1..12}
wait_for 20 'another goes on' states 'open resolved resolved' queue-long
wait_for 20 'its child is ended' child_ended
mv hang hung
wait_for 30 'it can tell again' states 'resolved resolved resolved' \
    logwatch.probe-failed
expect 'it was never bad' states '' hangs
stop "$watcher"
step 'done'

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whether a process is there: real ones, and those that only look like it.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq setsid
cd "$tmp" || exit 1
worker="queue-worker-of-$$" # nobody else's

# Its own arguments name the worker: the rule file is called like it.
cat >"$worker.yml" <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - id: gone
    process: {cmdline: 'node .*$worker\b'}
    summary: '{{found}} found'
    severity: critical
    actions: [restart]
  - id: doubled
    process: {cmdline: 'node .*$worker\b', count: {above: 1}}
    for: 500ms
    summary: '{{found}} found: {{pids}}'
  - id: less # as soon as it opens, the others have been looked at with it
    process: {name: less-$$, count: {above: 0}}
  - id: pager
    process: {name: tail, count: {above: 10000}}
  - id: by-file
    process: {pidfile: worker.pid}
actions:
  restart: {exec: [./restart.sh, 'node $worker'], timeout: 60s}
EOF
# Waits until it is told to go on, and starts one that outlives it.
cat >restart.sh <<'EOF'
#!/bin/bash
touch waits
until [[ -e go ]]; do sleep 0.1; done
[[ -e start ]] || exit 0
setsid bash -c 'echo $$ >started.pid; exec -a "$0" sleep 300' "$1" \
    >/dev/null 2>&1 &
until [[ -s started.pid ]]; do sleep 0.1; done
EOF
chmod +x restart.sh
: >app.log

# A process whose arguments are 'node QUEUE-WORKER'.
run_worker() {
	(exec -a "node $worker" sleep 300) &
	pid=$!
	lib_pids+=("$pid")
}
summary_is() { # WANTED RULE
	[[ $("$LOGWATCH" incidents --all --json --state s.db 2>/dev/null |
	    jq -r "select(.rule == \"$2\") | .summary" | tail -n 1) == "$1" ]]
}
watches_an_end() {
	[[ $(find "/proc/$watcher/fd" -lname '*pidfd*') ]]
}
# Under a shell whose arguments name the worker, too.
follow() {
	: >watch.log
	# shellcheck disable=SC2016 # for the shell that is started
	start watch sh -c '"$0" --rules "$1" & echo $! >watch.pid; wait' \
	    "$LOGWATCH" "$worker.yml"
	wait_for 10 'it follows' grep -q 'info: following version' watch.log
	watcher=$(cat watch.pid)
	lib_pids+=("$watcher")
}

at_exit() {
	touch start go
	[[ ! -s started.pid ]] || kill -KILL "$(cat started.pid)"
	[[ ! -s proved.pid ]] || kill -KILL "$(cat proved.pid)"
}

step 'what runs is not missed, and its end is waited for'
echo 0 >worker.pid
run_worker
first=$pid
follow
wait_for 20 'the pidfile is no process' states open by-file
wait_for 20 'it waits for the end' watches_an_end
expect 'none is missed' states '' gone

step 'its end is seen; neither logwatch nor what it started count'
kill -KILL "$first"
wait "$first" 2>/dev/null
wait_for 20 'the incident' states open gone
expect 'its words' summary_is '0 found' gone
wait_for 20 'its script runs' test -e waits
echo "$watcher" >worker.pid # nor by its number
(exec -a "less-$$" sleep 300) &
lib_pids+=("$!")
less=$!
wait_for 20 'a look with all of it' states open less
expect 'it is missed still' states open gone
expect 'also by its number' states open by-file

step 'a tool that looks at it does not count'
kill "$less"
wait_for 20 'a look without it' states resolved less
mkdir bin
cp "$(command -v sleep)" bin/tail
(exec -a "tail -f node $worker.log" bin/tail 300) &
lib_pids+=("$!")
(exec -a "less-$$" sleep 300) &
less=$!
lib_pids+=("$less")
wait_for 20 'a look with it' states 'open resolved' less
expect 'it is missed still' states open gone

step 'killed and started again it is one incident'
kill -KILL "$watcher"
wait_for 10 'its end' eval "! running $watcher"
follow
wait_for 20 'it has looked' states 'open resolved' less
expect 'one incident' states open gone

step 'what its script started counts once that has ended'
touch start go
wait_for 30 'it is back' states resolved gone

step 'two are too many'
run_worker
second=$pid
wait_for 20 'the incident' states open doubled
expect 'its words' grep -q "2 found: .*$second" <("$LOGWATCH" incidents \
    --json --state s.db)
echo "$second" >worker.pid
wait_for 20 'by its number' states resolved by-file
kill "$second"
wait_for 20 'its end' states resolved doubled
wait_for 20 'by its number' states 'open resolved' by-file
stop "$watcher"

step 'a repair that is proved before the next look resolves it, too'
cat >proved.yml <<EOF
version: 1
settings: {state: proved.db}
sources:
  app: {path: app.log}
rules:
  - id: gone
    process: {cmdline: 'node proved-$worker'}
    for: 300ms
    actions: [start]
  - id: job
    match: 'begin (?<id>\d+)'
    not_followed_by: {match: 'done (?<id>\d+)', within: 1s, same: [id]}
    key: [id]
    actions: [fix]
actions:
  start:
    exec: [./start.sh, 'node proved-$worker']
    verify: {source: app, match: Ready, within: 10s}
  fix:
    exec: [/bin/sh, -c, 'echo Fixed >>app.log']
    verify: {source: app, match: Fixed, within: 10s}
EOF
cat >start.sh <<'EOF'
#!/bin/bash
setsid bash -c 'echo $$ >proved.pid; exec -a "$0" sleep 300' "$1" \
    >/dev/null 2>&1 &
echo Ready >>app.log
EOF
chmod +x start.sh
: >watch.log
start watch "$LOGWATCH" --rules proved.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log
echo 'begin 1' >>app.log
proved() { # WANTED RULE
	[[ $("$LOGWATCH" incidents --all --json --state proved.db 2>/dev/null |
	    jq -r "select(.rule == \"$2\") | .state + \" \" +
	        .actions[0].state") == "$1" ]]
}
wait_for 20 'it is back' proved 'resolved succeeded' gone
wait_for 20 'the other is repaired' proved 'open succeeded' job
echo 'done 1' >>app.log
wait_for 20 'and over when it is done after all' \
    proved 'resolved succeeded' job
stop "$watcher"
step 'done'

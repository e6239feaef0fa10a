#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What does not come: in the running daemon, over restarts and a kill.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq sqlite3
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - id: cron-silent
    absent: 'Job (?<job>\d+) with name CronTrigger processed'
    except: 'dry run'
    for: 2s
    severity: critical
    actions: [note]
  - id: host-silent
    absent: 'alive from (?<host>\w+)'
    key: [host]
    for: 2s
    forget: 5s
    summary: 'nothing from {{host}}'
  - id: hourly
    absent: 'report (?<n>\d+)'
    for: 1h
    summary: 'no report after {{n}}'
  - id: job-hangs
    match: 'Job (?<job>\d+) begins'
    key: [job]
    not_followed_by: {match: 'Job (?<job>\d+) ends', within: 3s, same: [job]}
  - id: report # what was read is in the state with it
    match: 'report (?<n>\d+)'
    summary: 'report {{n}}'
actions:
  note: {exec: [/bin/sh, -c, 'cat >>noted.json']}
EOF
: >app.log

# What a filter of jq makes of all incidents of a rule, sorted.
follow() {
	: >watch.log
	start watch "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' watch.log
}
kill_hard() {
	kill -KILL "$watcher"
	wait "$watcher" 2>/dev/null
}
# As if what is remembered of a rule had happened an hour earlier.
an_hour_earlier() { # RULE
	sqlite3 s.db "update detector set state = cast(json_set(
	    cast(state as text), '\$.ms', json_extract(cast(state as text),
	    '\$.ms') - 3600000) as blob) where rule = '$1'" ||
	    die 'the state cannot be changed'
}

step 'what never came is missed'
follow
wait_for 20 'the incident' incidents_are open cron-silent .state
expect 'its words' incidents_are 'cron-silent: nothing has matched for 2s' \
    cron-silent .summary
wait_for 20 'its action' test -s noted.json
expect_equal 'what it was told' 'opened app critical' \
    "$(jq -r '"\(.change) \(.source) \(.severity)"' noted.json)"

step 'an exception does not resolve it, the next match does'
printf '%s\n' 'Job 1 with name CronTrigger processed (dry run)' \
    'alive from a' >>app.log
wait_for 20 'the host is missed' incidents_are open host-silent .state
expect 'it is open still' incidents_are open cron-silent .state
echo 'Job 2 with name CronTrigger processed' >>app.log
wait_for 20 'its end' \
    incidents_are resolved cron-silent '.state | select(. != "open")'

step 'a key that is forgotten resolves its incident'
expect 'its words' incidents_are 'nothing from a' host-silent .summary
wait_for 20 'its end' incidents_are resolved host-silent .state

step 'killed, and started again after an hour, it misses what is due'
echo 'report 7' >>app.log
wait_for 20 'the report is read' incidents_are 'report 7' report .summary
kill_hard
an_hour_earlier hourly
follow
wait_for 20 'the incident' incidents_are open hourly .state
expect 'its words' incidents_are 'no report after 7' hourly .summary
expect 'the line that came last' incidents_are 'report 7' hourly .event

step 'killed again, it does not open another'
kill_hard
follow
echo 'alive from b' >>app.log
wait_for 20 'another is missed' incidents_are 'open resolved' host-silent .state
expect 'one incident' incidents_are open hourly .state

step 'what came while it was down is read before anything is missed'
kill_hard
an_hour_earlier hourly
echo 'report 8' >>app.log
follow
wait_for 20 'its end' incidents_are resolved hourly .state
stop "$watcher"

step 'what begins and does not end in time is missed, over a kill'
follow
printf '%s\n' 'Job 1 begins' 'Job 2 begins' 'Job 3 begins' 'Job 2 ends' \
    'report 9' >>app.log
wait_for 20 'the report is read' incidents_are 'report 9' report \
    '.summary | select(. != "report 7")'
kill_hard
echo 'Job 3 ends' >>app.log
follow
wait_for 20 'one is missed' incidents_are open job-hangs .state
expect 'its words' \
    incidents_are 'job-hangs: not followed within 3s: Job 1 begins' \
    job-hangs .summary
kill_hard
follow
echo 'Job 1 ends' >>app.log
wait_for 20 'its end' incidents_are resolved job-hangs .state
stop "$watcher"

step 'read once, it misses what is due, and only that'
expect 'none is due' "$LOGWATCH" --rules rules.yml --once 2>once.log
expect 'none is open' incidents_are resolved hourly .state
an_hour_earlier hourly
expect 'it ends' "$LOGWATCH" --rules rules.yml --once 2>>once.log
expect 'one is open' incidents_are 'open resolved' hourly .state
step 'done'

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Scripts that run by the clock.  A minute is the finest that a schedule has:
# all is tried at the turn of one.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - {id: good, schedule: '* * * * *', actions: [first, second]}
  - {id: proved, schedule: '*/1 * * * *', zone: Asia/Taipei, actions: [prove]}
  - id: bad
    schedule: '* * * * *'
    summary: 'backup: {{event}}'
    actions: [broken, second]
    escalate: {actions: [page]}
  - {id: killed, schedule: '* * * * *', actions: [slow]}
  - {id: watched, schedule: '* * * * *', actions: [observed], mode: observe}
  - {id: off, schedule: '* * * * *', actions: [observed], enabled: false}
  - {id: other-time, schedule: '0 0 29 2 *', actions: [observed]}
actions:
  first: {exec: [./note, first]}
  second: {exec: [./note, second]}
  prove: {exec: [./prove], verify: {match: 'PROVED', within: 30s}}
  broken: {exec: [./broken]}
  page: {exec: [./note, page]}
  slow: {exec: [./slow]}
  observed: {exec: [./note, observed]}
EOF
cat >dry.yml <<'EOF'
version: 1
settings: {state: dry.db}
sources:
  app: {path: app.log}
rules:
  - {id: dry, schedule: '* * * * *', actions: [observed]}
actions:
  observed: {exec: [./note, observed]}
EOF
: >app.log
script() { # NAME: its body on standard input
	{
		echo '#!/bin/sh'
		cat
	} >"$1"
	chmod +x "$1"
}
script note <<'EOF'
echo "$LOGWATCH_RULE $1" >>ran
EOF
script prove <<'EOF'
jq -e '.rule == "proved" and .change == "opened"' >/dev/null || exit 8
echo PROVED >>app.log
EOF
script broken <<'EOF'
echo 'no space left' >&2
exit 3
EOF
script slow <<'EOF'
echo $$ >slow.pid
sleep 2
echo "$LOGWATCH_RULE slow" >>ran
EOF
ran() { # RULE SCRIPTS...: all that ran for it, in order
	[[ $(sed -n "s/^$1 //p" ran 2>/dev/null | tr '\n' ' ') == "${*:2} " ]]
}
incidents() { # RULES...: all there are, sorted
	[[ $("$LOGWATCH" incidents --all --json --state s.db | jq -r .rule |
	    sort | tr '\n' ' ') == "$* " ]]
}
record() { # RULE FILTER: of its only incident
	"$LOGWATCH" incidents --all --json --state s.db 2>/dev/null |
	    jq -es "map(select(.rule == \"$1\")) | length == 1 and
	    (.[0] | $2)" >/dev/null
}

step 'nothing runs with --once, nor before its time'
# Not right before the turn of a minute, which is what this waits for.
while ((10#$(date +%S) >= 57)); do sleep 0.2; done
"$LOGWATCH" --rules rules.yml --once >once.log 2>&1 || die "exit $?"
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
start dry "$LOGWATCH" --rules dry.yml --dry-run
dry=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log
expect 'nothing ran' test ! -e ran

step 'at the minute all run'
wait_for 70 'a script that takes its time' test -s slow.pid
expect 'it is the start of the minute' test "$((10#$(date +%S)))" -le 20

step 'a script that logwatch did not see the end of opens its incident'
wait_for 20 'its start is noted' grep -q 'action started rule=killed' watch.log
wait_for 20 'another failed' record bad '.state == "open"'
kill -KILL "$watcher"
wait "$watcher" 2>/dev/null
expect 'not while it runs' incidents bad
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 20 'its outcome is unknown' record killed '.state == "open" and
    .actions[0].state == "unknown" and .escalated_at != null'
expect 'it ran to its end, once' ran killed slow

step 'what went well is no incident, what failed is one'
wait_for 20 'two scripts, in order' ran good first second
wait_for 20 'the proof' grep -q 'action succeeded rule=proved .*verified=yes' \
    watch.log
wait_for 20 'the one that escalates' ran bad page
wait_for 20 'what failed' record bad '.summary ==
    "backup: action broken failed: exit status 3" and .count == 1 and
    .actions[0].exit == 3 and .actions[0].output == "no space left\n" and
    .actions[1].state == "skipped"'
expect 'no other incident' incidents bad killed

step 'who observes, is switched off or has another time runs nothing'
expect 'who observes says so' grep -q 'the rule only observes rule=watched' \
    watch.log
wait_for 10 'the dry run says so' grep -q 'would run rule=dry' dry.log
expect 'none of these' eval '! grep -q observed ran'
stop "$watcher"
stop "$dry"
step 'done'

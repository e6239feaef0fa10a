#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# logwatch test: the tests of a rule file, under a simulated clock.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
settings: {state: must-not-appear.db}
sources:
  app: {path: app.log}
  java: {path: java.log, multiline: {start: '^\['}}
rules:
  - id: cron-silent
    source: app
    absent: 'CronTrigger'
    for: 10m
    actions: [touch]
  - id: violated
    source: app
    match: 'violates (?<constraint>\w+)'
    key: [constraint]
    threshold: {count: 2, within: 1m}
    resolve: {quiet: 5m}
    cooldown: 1m
    actions: [touch]
  - id: hangs
    source: app
    match: 'Job (?<job>\d+) begins'
    not_followed_by: {match: 'Job (?<job>\d+) ends', within: 3m, same: [job]}
  - id: trace
    source: java
    match: 'Error: (?s:.*)at main'
actions:
  touch: {exec: [touch, must-not-appear]}
EOF
cat >good.yml <<'EOF'
tests:
  - name: silence
    source: app
    steps:
      - log: 'CronTrigger 1'
      - wait: 9m59s
      - expect: []
      - wait: 1s
      - expect: [{rule: cron-silent, state: open}]
      - log: 'CronTrigger 2'
      - expect: [{rule: cron-silent, state: resolved}]
  - name: a threshold, quiet, and the cooldown
    source: app
    steps:
      - log: ['violates a', 'violates b']
      - expect: []
      - wait: 59s
      - log: 'violates a'
      - expect: [{rule: violated, key: {constraint: a}, count: 2}]
      - wait: 4m59s
      - expect: [{rule: violated, summary: 'violated: violates a'}]
      - wait: 1s
      - expect: [{rule: violated, state: resolved}]
      - wait: 59s
      - log: 'violates a'
      - expect: [{rule: violated, count: 3}]
  - name: the window is over when the first hit is as old as it
    source: app
    steps:
      - log: 'violates a'
      - wait: 1m
      - log: 'violates a'
      - expect: []
  - name: of many that wait, the one that is missing
    source: app
    steps:
      - log: |
          Job 1 begins
          Job 2 begins
          Job 1 ends
      - wait: 3m
      - expect: [{rule: hangs, captures: {job: 2}}]
      - log: 'Job 2 ends'
      - expect: []
  - name: an event of several lines is whole when it is looked at
    source: java
    steps:
      - log: "[1] Error: oh\n  at some\n  at main"
      - expect: [{rule: trace}]
  - name: lines of a file
    source: app
    steps:
      - log_file: some.log
      - expect: [{rule: violated, count: 2}]
EOF
printf 'violates a\nviolates a' >some.log
both() { # FILE: the rules with these tests
	cat rules.yml "$1" >both.yml
}

step 'what holds passes'
both good.yml
"$LOGWATCH" test --rules both.yml >out.log 2>&1 || die "exit $?: $(cat out.log)"
expect_equal 'the last line' '6 passed, 0 failed' "$(tail -n 1 out.log)"
expect_equal 'passed' 6 "$(grep -c '^PASS  ' out.log)"

step 'what does not hold fails, and says what there is instead'
cat >bad.yml <<'EOF'
tests:
  - name: it fires too late
    source: app
    steps:
      - log: 'CronTrigger'
      - wait: 9m
      - expect: [{rule: cron-silent}]
  - name: more than is expected
    source: app
    steps:
      - log: "violates a\nviolates a"
      - expect: []
  - name: a capture that is another
    source: app
    steps:
      - log: "violates a\nviolates a"
      - expect: [{rule: violated, captures: {constraint: b}}]
  - name: one for each that is expected
    source: app
    steps:
      - log: "violates a\nviolates a"
      - expect: [{rule: violated}, {rule: violated}]
  - name: a file that is not there
    source: app
    steps:
      - log_file: nowhere.log
      - expect: []
  - name: this one passes
    source: app
    steps: [{expect: []}]
EOF
both bad.yml
"$LOGWATCH" test --rules both.yml >out.log 2>&1
expect_equal 'its status' 1 $?
expect_equal 'the last line' '1 passed, 5 failed' "$(tail -n 1 out.log)"
line=$(grep -n 'rule: cron-silent}\]' both.yml | cut -d : -f 1)
expect 'where' grep -qF \
    "both.yml:$line: rule 'cron-silent' has no open incident like this" out.log
expect 'what is too many' grep -qF \
    "rule 'violated' has an open incident too many" out.log
expect 'what there is' grep -q \
    'got *violated open .*"constraint": "a"' out.log
expect 'the last line of log' grep -qF 'last line CronTrigger' out.log
expect 'the file' grep -qF 'nowhere.log: No such file' out.log
"$LOGWATCH" test --json --rules both.yml >out.json
expect_equal 'as JSON' 'false false false false false true' \
    "$(jq -r .passed out.json | paste -sd ' ')"

step 'stamps turn the clock, those of lines that are no hits too'
cat >stamps.yml <<'EOF'
version: 1
sources: {app: {path: app.log}}
rules:
  - {id: down, match: TypeError, resolve: {quiet: 5m}}
  - {id: often, match: TypeError, threshold: {count: 2, within: 1m}}
tests:
  - name: a minute is between them
    steps:
      - log: |
          2025-10-17T08:00:00Z ERROR
          TypeError
          2025-10-17T08:01:00Z ERROR
          TypeError
      - expect: [{rule: down, count: 2}]
      - log: '2025-10-17T08:06:00Z fine'
      - expect: []
EOF
"$LOGWATCH" test --rules stamps.yml >out.log || die "$(<out.log)"

step 'one by its name, and none'
"$LOGWATCH" test --rules both.yml --name 'this one' >out.log
expect_equal 'its status' 0 $?
"$LOGWATCH" test --rules both.yml --name nobody >out.log 2>&1
expect_equal 'the status of none' 0 $?
expect 'that it is said' grep -q 'there are no tests of that name' out.log

step 'rules that have faults are not tested'
printf '  - {name: x, source: app, steps: [{expect: [{rule: y}]}]}\n' >>both.yml
"$LOGWATCH" test --rules both.yml >out.log 2>&1
expect_equal 'its status' 3 $?
expect 'the fault' grep -q "no rule 'y'" out.log
expect_equal 'the reason, last' 'logwatch: the rules have 1 fault: nothing was done' \
    "$(tail -n 1 out.log)"
"$LOGWATCH" test --rules nowhere.yml >out.log 2>&1
expect_equal 'the status of a file that is not there' 3 $?

step 'nothing was run, and nothing saved'
expect 'nothing' test ! -e must-not-appear -a ! -e must-not-appear.db

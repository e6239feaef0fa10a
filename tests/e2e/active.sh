#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Hours in which a rule counts: all steps under the simulated clock of
# logwatch test, which starts on a Monday at noon.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
cd "$tmp" || exit 1

step 'hits, windows, pairs and quiet'
cat >rules.yml <<'EOF'
version: 1
sources:
  app: {path: app.log}
rules:
  - {id: office, match: 'ERR', active: {days: Mon-Fri, hours: '08:00-20:00', zone: UTC}}
  - {id: taipei, match: 'TPE', active: {hours: '08:00-20:00', zone: Asia/Taipei}, resolve: {quiet: 1m}}
  - {id: burst, match: 'BURST', threshold: {count: 2, within: 1h}, active: {hours: '08:00-20:00', zone: UTC}}
  - {id: night, match: 'NIGHT', active: {days: Mon, hours: '22:00-06:00', zone: UTC}}
  - {id: pair, match: 'a', followed_by: {match: 'b', within: 2h}, active: {hours: '08:00-13:00', zone: UTC}}
  - {id: hangs, match: 'begin', not_followed_by: {match: 'end', within: 1h}, active: {hours: '08:00-12:30', zone: UTC}}
tests:
  - name: hits within and outside
    source: app
    steps:
      - log: 'ERR'
      - expect: [{rule: office}]
      - wait: 8h
      - expect: [{rule: office, state: resolved}]
      - log: 'ERR'
      - expect: [{rule: office, state: resolved}]
      - wait: 11h59m59s
      - log: 'ERR'
      - expect: [{rule: office, state: resolved}]
      - wait: 1s
      - log: 'ERR'
      - expect: [{rule: office, count: 1}]
  - name: another zone has other hours
    source: app
    steps:
      - log: 'TPE'
      - expect: []
      - wait: 12h
      - log: 'TPE'
      - expect: [{rule: taipei}]
  - name: what is quiet is not judged outside
    source: app
    steps:
      - wait: 7h50m
      - log: 'ERR'
      - wait: 12h9m59s
      - expect: [{rule: office, state: open}]
      - wait: 1s
      - expect: [{rule: office, state: resolved}]
  - name: hits outside are in no window
    source: app
    steps:
      - wait: 7h59m59s
      - log: 'BURST'
      - wait: 1s
      - log: ['BURST', 'BURST']
      - expect: []
  - name: hours past midnight belong to the day on which they began
    source: app
    steps:
      - log: 'NIGHT'
      - wait: 9h59m59s
      - log: 'NIGHT'
      - expect: []
      - wait: 3h
      - log: 'NIGHT'
      - expect: [{rule: night, count: 1}]
      - wait: 21h
      - log: 'NIGHT'
      - expect: [{rule: night, state: resolved}]
  - name: both halves come within
    source: app
    steps:
      - log: 'a'
      - wait: 1h
      - log: 'b'
      - expect: []
      - wait: 19h
      - log: ['b', 'a', 'b']
      - expect: [{rule: pair}]
  - name: a second half that is missing is told when the hours begin again
    source: app
    steps:
      - log: 'begin'
      - wait: 19h59m59s
      - expect: []
      - wait: 1s
      - expect: [{rule: hangs, state: open}]
      - wait: 8h
      - log: 'end'
      - expect: [{rule: hangs, state: resolved}]
  - name: one that comes outside has come
    source: app
    steps:
      - log: 'begin'
      - wait: 30m
      - log: ['begin', 'end']
      - wait: 24h
      - expect: []
EOF
"$LOGWATCH" test --rules rules.yml >test.log 2>&1 || die 'tests of the rules'

step 'what is absent'
cat >absent.yml <<'EOF'
version: 1
sources:
  app: {path: app.log}
rules:
  - {id: silent, absent: 'tick', for: 1h, active: {hours: '08:00-12:30', zone: UTC}}
tests:
  - name: is judged when the hours begin again
    source: app
    steps:
      - log: 'tick'
      - wait: 19h59m59s
      - expect: []
      - wait: 1s
      - expect: [{rule: silent, state: open}]
      - wait: 12h
      - log: 'tick'
      - expect: [{rule: silent, state: resolved}]
  - name: may come before
    source: app
    steps:
      - wait: 19h59m
      - log: 'tick'
      - wait: 1m
      - expect: []
      - wait: 58m59s
      - expect: []
      - wait: 1s
      - expect: [{rule: silent, state: open}]
EOF
"$LOGWATCH" test --rules absent.yml >absent.log 2>&1 ||
    die 'tests of the rules'

step 'a process is looked at in its hours only'
now=$(date -u +%H)
other=$(printf '%02d:00-%02d:00' $(((10#$now + 11) % 24)) \
    $(((10#$now + 13) % 24)))
cat >process.yml <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - {id: then, process: {cmdline: 'no such process'}, active: {hours: '$other', zone: UTC}}
  - {id: now, process: {cmdline: 'no such process'}, active: {days: Mon-Sun, zone: UTC}}
EOF
: >app.log
start watch "$LOGWATCH" --rules process.yml
wait_for 10 'the one that is active' grep -q 'incident opened rule=now' \
    watch.log
stop "$pid"
expect 'not the other' eval '! grep -q rule=then watch.log'
step 'done'

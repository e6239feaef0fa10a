#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# logwatch replay: what the rules would have reported, in the logs' own time.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq gzip script
cd "$tmp" || exit 1
export TZ=UTC LOGWATCH

cat >rules.yml <<'EOF'
version: 1
settings: {state: must-not-appear.db}
sources:
  app: {path: app.log}
rules:
  - id: cron-silent
    absent: 'CronTrigger'
    for: 10m
    actions: [touch]
  - id: violated
    match: 'violates (?<constraint>\w+)'
    key: [constraint]
    threshold: {count: 2, within: 1m}
    resolve: {quiet: 5m}
    severity: critical
    actions: [touch, chat]
  - id: hangs
    match: 'Job (?<job>\d+) begins'
    not_followed_by: {match: 'Job (?<job>\d+) ends', within: 3m, same: [job]}
  - id: gone
    process: {name: no-such-process}
  - id: off
    match: violates
    enabled: false
actions:
  touch: {exec: [touch, must-not-appear]}
  chat: {slack: {url: 'https://hooks.slack.com/services/T/B/x'}}
EOF

# Four hours, a line each 10 s, CronTrigger each minute but for 40 minutes.
awk 'BEGIN {
	for (t = 0; t < 4 * 3600; t += 10) {
		at = sprintf("2025-10-17T%02d:%02d:%02d.000Z", 8 + t / 3600,
		    t % 3600 / 60, t % 60)
		print at " query: select 1"
		if (t % 60 == 0 && (t < 3600 || t >= 6000))
			print at " CronTrigger"
		if (t == 5000 || t == 5010 || t == 9000)
			print at " row violates a"
		if (t == 12600)
			print at " Job 7 begins"
	}
}' >whole.log
head -n 700 whole.log >first.log
tail -n +701 whole.log >second.log
gzip -k first.log

changes() { # of --json: time of the change, rule, change
	jq -r '"\(.rule) \(.change) \(.resolved_at // .detected_at | .[11:19])"' \
	    "$1"
}
cat >want <<'EOF'
cron-silent opened 09:09:00
violated opened 09:23:30
violated resolved 09:28:30
cron-silent resolved 09:40:00
hangs opened 11:33:00
EOF

step 'incidents open and are resolved when they would have been'
"$LOGWATCH" replay --json --rules rules.yml whole.log >got.json 2>err.log
expect_equal 'its status' 0 $?
changes got.json >got
expect 'each change' diff want got
expect 'what cannot be replayed is said' grep -q "'gone' is not replayed" err.log
expect_equal 'a record is whole' \
    'a 2 2025-10-17T09:23:20.000Z 2025-10-17T09:23:30.000Z' \
    "$(jq -r 'select(.rule == "violated" and .change == "opened") |
	"\(.key.constraint) \(.count) \(.first_seen) \(.last_seen)"' got.json)"

step 'several files are taken in the order of their stamps, packed ones too'
"$LOGWATCH" replay --json --rules rules.yml second.log first.log.gz \
    >got.json 2>err.log || die "exit $?"
changes got.json >got
expect 'each change' diff want got
"$LOGWATCH" replay --json --rules rules.yml - <whole.log >got.json 2>err.log
changes got.json >got
expect 'standard input' diff want got

step 'a timeline for people'
COLUMNS=100 "$LOGWATCH" replay --rules rules.yml whole.log >out.log ||
    die "exit $?"
expect 'how much' grep -q \
    '^1644 lines, from 2025-10-17T08:00:00.000Z to 2025-10-17T11:59:50.000Z' \
    out.log
expect 'a bar' grep -Eq \
    '^violated +2025-10-17 09:23:30 +5m +2  \| +#+ +\|$' out.log
expect 'what is open to the end' grep -Eq \
    '^hangs +2025-10-17 11:33:00 +26m50s\+ +1  \| +#*>\|$' out.log
expect 'what would have been done' grep -Eq \
    '^violated +1 +0 +3  would run touch; would tell chat$' out.log
expect 'what cannot be replayed' grep -Eq '^gone +not replayed: ' out.log
expect 'what is switched off' grep -Eq '^off +not replayed: ' out.log
(($(awk '{ print length }' out.log | sort -n | tail -n 1) <= 100)) ||
    die 'a line is wider than the terminal'

step 'lines without stamps are one moment, which is said'
echo 'row violates b' >plain.log
"$LOGWATCH" replay --rules rules.yml plain.log >out.log 2>err.log
expect 'it is said' grep -q 'no time passes' err.log
expect 'one line' grep -q '^1 line, from ' out.log

# What is absent may be held back for the time-out of multiline: 1 s later.
step 'the last event of a log ends with it'
cat >java.yml <<'EOF'
version: 1
sources: {java: {path: java.log, multiline: {start: '^2025'}}}
rules:
  - {id: trace, match: 'Error(?s:.*)at main', resolve: manual}
  - {id: after, absent: nothing, for: 1h}
EOF
printf '2025-10-17T08:00:00Z Error\n  at main' >one.log
printf '2025-10-17T10:00:00Z fine\n' >two.log
"$LOGWATCH" replay --json --rules java.yml one.log two.log >got.json 2>err.log
expect_equal 'in their order' 'trace opened 08:00:00,after opened 09:00:01' \
    "$(changes got.json | paste -sd ,)"

step 'how far it is, on a terminal and nowhere else'
timeout 2 yes 'nothing' | "$LOGWATCH" replay --rules rules.yml - \
    >out.log 2>err.log
expect 'no bar in a file' test "$(grep -c 'MB/s' err.log)" = 0
# shellcheck disable=SC2016 # for the shell that is started
TERM=xterm script -qec \
    'timeout 2 yes nothing | "$LOGWATCH" replay --rules rules.yml - >out.log' \
    /dev/null >tty.log
expect 'a bar on a terminal' grep -q 'MB/s' tty.log

step 'a log that cannot be read is told, after what could be done'
"$LOGWATCH" replay --json --rules rules.yml nowhere.log whole.log \
    >got.json 2>err.log
expect_equal 'its status' 3 $?
changes got.json >got
expect 'each change' diff want got
expect 'the file' grep -q 'nowhere.log: No such file' err.log

step 'rules with a fault, and wrong usage'
"$LOGWATCH" replay --rules rules.yml >/dev/null 2>&1
expect_equal 'no log' 2 $?
"$LOGWATCH" replay --rules rules.yml --source nobody whole.log >/dev/null 2>&1
expect_equal 'no such source' 2 $?
echo 'version: 2' >bad.yml
"$LOGWATCH" replay --rules bad.yml whole.log >/dev/null 2>&1
expect_equal 'a fault' 3 $?

step 'nothing was run, and nothing saved'
expect 'nothing' test ! -e must-not-appear -a ! -e must-not-appear.db

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Rules that only observe, and rules that are switched off.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

rules() { # MODE ENABLED: of the rule job-failed
	cat >rules.yml <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log, start_at: beginning}
rules:
  - id: job-failed
    match: 'Job (?<job>\d+) failed'
    key: [job]
    mode: $1
    enabled: $2
    actions: [repair, tell]
    escalate: [repair]
    resolve: manual
  - id: silent
    absent: 'alive'
    for: 1ms
    enabled: $2
actions:
  repair: {exec: [/bin/sh, -c, 'echo ran >>ran']}
  tell: {exec: [/bin/sh, -c, 'echo told >>ran']}
EOF
}
once() {
	"$LOGWATCH" --rules rules.yml --once 2>>once.log || die "exit $?"
}
incidents() { # FILTER of jq
	"$LOGWATCH" incidents --all --json --state s.db | jq -r "$1" | sort
}

step 'a rule that observes opens incidents and runs nothing'
rules observe true
echo 'Job 1 failed' >>app.log
once
expect_equal 'its incident' 'open repair:skipped tell:skipped' \
    "$(incidents 'select(.rule == "job-failed") | .state + " " +
        ([.actions[] | .name + ":" + .state] | join(" "))')"
expect 'nothing ran' test ! -e ran
expect 'the log says why' grep -q 'action skipped rule=job-failed .*only observes' \
    once.log

step 'that acts again, for what opens from then on'
rules act true
echo 'Job 2 failed' >>app.log
once
expect_equal 'what ran' 'ran told' "$(tr '\n' ' ' <ran | sed 's/ $//')"
expect_equal 'for one of them' 2 "$(incidents 'select(.rule == "job-failed" and
    .actions[0].state == "succeeded") | .key.job')"

step 'a rule that is switched off opens nothing, and what it opened is over'
expect_equal 'open so far' 'job-failed job-failed silent' \
    "$(incidents 'select(.state == "open") | .rule' | tr '\n' ' ' |
        sed 's/ $//')"
rules act false
echo 'Job 3 failed' >>app.log
once
expect_equal 'open now' '' "$(incidents 'select(.state == "open") | .rule')"
expect_equal 'never opened' '' "$(incidents 'select(.key.job == "3") | .id')"
expect_equal 'nothing more ran' 2 "$(wc -l <ran)"

step 'its faults are told all the same'
sed -i 's/failed/failed(/' rules.yml
"$LOGWATCH" check --rules rules.yml >check.txt
expect_equal 'exit' 1 $?
expect 'where' grep -q 'missing closing parenthesis' check.txt

step 'switched on again it goes on from where logs were read to'
rules act true
once
expect_equal 'what was read meanwhile is over' '' \
    "$(incidents 'select(.key.job == "3") | .id')"
once
expect_equal 'what it misses, it misses anew' silent \
    "$(incidents 'select(.state == "open") | .rule')"
step 'done'

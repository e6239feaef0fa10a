#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What becomes of an incident while it is open, and what a kill of logwatch and
# a new start leave of that: reminders, an escalation,
# causes.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
hook=http://127.0.0.1:$(cat port)/hook
export hook

rules() { # the rules on standard input
	cat >rules.yml <<'END'
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
actions:
  tell: {webhook: {url: '${hook}'}}
  page: {webhook: {url: '${hook}'}}
END
	cat >>rules.yml
	rm -f s.db s.db-*
	: >posts.jsonl
	: >app.log
}
run() { # NAME
	start "$1" "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "$1.log"
}
killed() {
	kill -KILL "$watcher"
	wait "$watcher" 2>/dev/null
}
posts() { # FILTER of jq, of each record that was told
	jq -r '.body | if type == "string" then fromjson else . end | '"$1" \
	    posts.jsonl 2>/dev/null
}
times() { # RULE CHANGE: how often it was told
	posts "select(.rule == \"$1\" and .change == \"$2\") | .id" | wc -l
}
passed() { # MILLISECONDS since the test began
	(($(elapsed_ms) >= $1))
}
at_least() { # N RULE CHANGE
	(($(times "$2" "$3") >= $1))
}

step 'who does not acknowledge is reminded, and escalated once'
rules <<'END'
rules:
  - {id: slow, match: SLOW, remind: 1s, actions: tell, resolve: manual}
  - {id: never, match: SLOW, severity: critical, remind: never, actions: tell,
     resolve: manual}
  - {id: alone, match: SLOW, actions: tell, resolve: manual,
     escalate: {actions: page, after: 1s}}
  - {id: new, match: NEW, actions: tell}
END
run first
echo SLOW >>app.log
wait_for 10 'two reminders' at_least 2 slow reminded
wait_for 10 'the escalation' at_least 1 alone escalated

step 'after a kill there is one reminder, not all that were missed'
killed
expect_equal 'the last change in the state' reminded \
    "$("$LOGWATCH" incidents --json --state s.db |
        jq -r 'select(.rule == "slow") | .change')"
# The third is due 4 s after the second, and one more 8 s after that.
missed_at=$(($(elapsed_ms) + 12000))
: >posts.jsonl
wait_for 20 'two are missed' passed "$missed_at"
run second
wait_for 10 'one more' at_least 1 slow reminded
echo SLOW >>app.log # and when all else is told that is due
echo NEW >>app.log
wait_for 10 'what comes after' at_least 1 new opened
expect_equal 'how many' 1 "$(times slow reminded)"
expect_equal 'the others were told nothing' '' \
    "$(posts 'select(.rule == "never" or .rule == "alone") | .change')"
killed

step 'what another incident caused is told as an update of it'
rules <<'END'
rules:
  - {id: cause, match: DOWN, actions: tell, resolve: {match: UP}}
  - {id: effect, match: LATE, actions: [tell, repair], escalate: page,
     caused_by: {rules: [cause], within: 1m}, resolve: {match: SOON}}
  - {id: broken, match: LATE, actions: [tell, fail], escalate: page,
     caused_by: {rules: [cause], within: 1m}, resolve: {match: SOON}}
END
sed -i "s|^actions:|&\n  repair: {exec: [/bin/sh, -c, 'echo repaired >>ran']}\n  fail: {exec: [/bin/false]}|" \
    rules.yml
run third
printf 'DOWN\nLATE\n' >>app.log
wait_for 10 'the one that fails' at_least 2 broken escalated # tell, page
killed
expect 'the script of the effect ran' grep -q repaired ran
expect_equal 'the effects' 'effect broken' "$("$LOGWATCH" incidents --json \
    --state s.db | jq -r --slurp '. as $all | .[] |
        select(.rule == "cause") | .id as $id | .effects[] as $e |
        $all[] | select(.id == $e and .caused_by == $id) | .rule' |
    tr '\n' ' ' | sed 's/ $//')"

step 'and so it is after a kill, until its cause is over'
run fourth
wait_for 10 'updates of the cause' at_least 4 cause updated
expect_equal 'told of the effect' '' "$(posts 'select(.rule == "effect") |
    .change')"
echo UP >>app.log
wait_for 10 'that it is there' at_least 1 effect opened
expect_equal 'the one that escalated is known' 0 "$(times broken opened)"
echo SOON >>app.log
wait_for 10 'its own end' at_least 1 effect resolved
wait_for 10 'the end of what escalated, to both' at_least 2 broken resolved
killed

step 'done'

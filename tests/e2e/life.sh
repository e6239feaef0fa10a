#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What becomes of an incident while it is open, and what a kill of logwatch and
# a new start leave of that: reminders, an escalation,
# causes, what is collected.

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

collected() { # FILTER of jq, of the entries of its incidents, sorted
	"$LOGWATCH" incidents --all --json --state s.db 2>/dev/null |
	    jq -c "select(.rule == \"$1\") | .collected[] | $2" | sort
}
has_collected() { # WANTED RULE FILTER
	[[ $(collected "$2" "$3") == "$1" ]]
}

step 'what commands say when it opens and when it resolves is in the record'
rules <<'END'
rules:
  - id: look
    mode: observe
    match: 'DOWN (?<what>.*)'
    actions: tell
    resolve: {match: UP}
    collect:
      - [/bin/echo, 'is "{{what}}"']
      - [/bin/sh, -c, 'env | sort | grep -c -e hook -e LOGWATCH; exit 3']
      - [./not-there]
  - {id: slow, match: SLOW, resolve: {match: UP}, actions: tell,
     collect: [[/bin/sh, -c, 'echo begun >>slow; while [ -e slow ]; do sleep 0.1; done']]}
END
run fifth
printf 'DOWN $(touch owned); x\n' >>app.log
wait_for 10 'three' has_collected '["opened",0,"is \"$(touch owned); x\"\n"]
["opened",3,"0\n"]
["opened",null,""]' look '[.when, .exit, .output]'
expect 'why one was not run' has_collected '"./not-there"' look \
    'select(.error != null) | .argv[0]'
[[ ! -e owned ]] || die 'log text reached a shell'
echo UP >>app.log
wait_for 10 'and three more' has_collected '["opened",3]
["resolved",3]' look 'select(.exit == 3) | [.when, .exit]'
wait_for 10 'that it resolved' at_least 1 look resolved

step 'nobody waits for it, and after a kill it is not repeated'
echo SLOW >>app.log
wait_for 10 'it began' test -s slow
wait_for 10 'the message is there' at_least 1 slow opened
killed
run sixth
wait_for 10 'it says so' grep -q 'not repeated rule=slow' sixth.log
echo 'DOWN again' >>app.log
wait_for 10 'what else is collected' has_collected '"is \"again\"\n"' look \
    'select(.output == "is \"again\"\n") | .output'
expect_equal 'how often it began' 1 "$(wc -l <slow)"
stop "$watcher"

step 'a storm does not start a process for each'
rules <<'END'
rules:
  - {id: storm, match: 'STORM (?<n>\d+)', key: n, resolve: {match: UP},
     collect: [[./count, '{{n}}']]}
END
cat >count <<'END'
#!/bin/sh
mkdir "running.$1.$$"
ls -d running.* | wc -l >>most
rmdir "running.$1.$$"
END
chmod +x count
seq -f 'STORM %.0f' 100 >>app.log
echo UP >>app.log
sed -i 's/path: app.log/path: app.log, start_at: beginning/' rules.yml
"$LOGWATCH" --rules rules.yml --once >once.log 2>&1 || die "exit $?"
expect_equal 'all of them' 200 "$(wc -l <most)"
most=$(sort -n most | tail -n 1)
((most <= 4)) || die "$most at once"
expect_equal 'in the records' 200 "$(collected storm .exit | grep -cx 0)"
rm most s.db
"$LOGWATCH" --rules rules.yml --once --dry-run >dry.log 2>&1 || die "exit $?"
expect 'in a dry run none' test ! -e most
expect 'that says so' grep -q 'would collect rule=storm' dry.log

step 'done'

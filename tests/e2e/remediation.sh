#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Remediations: in order, proved, limited, once; and what becomes of those that
# fail, or that logwatch does not live to see the end of.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3 sqlite3 strace
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
hook=http://127.0.0.1:$(cat port)/hook
export hook

rules() { # NAME: the rest of the rule and the actions on standard input
	cat >"$1.yml" <<EOF
version: 1
settings: {state: $1.db}
sources:
  app: {path: $1-app.log}
EOF
	cat >>"$1.yml"
	: >"$1-app.log"
	: >ran
}
script() { # NAME: its body on standard input
	{
		echo '#!/bin/sh'
		echo 'echo "$(basename "$0")" >>ran'
		cat
	} >"$1"
	chmod +x "$1"
}
ran() { # SCRIPTS...: all that ran, in order
	[[ $(tr '\n' ' ' <ran) == "$*${*:+ }" ]]
}
record() { # NAME FILTER: of the newest incident
	"$LOGWATCH" incidents --all --json --state "$1.db" 2>/dev/null |
	    tail -n 1 | jq -e "$2" >/dev/null 2>&1
}
posted() { # ID-FREE CHANGES...: told to the receiver, in order
	[[ $(jq -r '.body | if type == "string" then fromjson else . end |
	    .change' posts.jsonl 2>/dev/null | tr '\n' ' ') == "$* " ]]
}

step 'two scripts run in order, the second when the first is proved'
rules order <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [other, tell, clean, restart]
    resolve: {match: 'READY'}
actions:
  unused: {exec: [./restart]}
  other: {webhook: {url: 'http://127.0.0.1:9/'}, changes: [reminded]}
  tell: {webhook: {url: '${hook}'}}
  clean: {exec: [./clean, 'a b', '{{event}}'], verify: {match: 'cleaned', within: 20s}}
  restart: {exec: [./restart], env: {WHO: 'me & you'}}
EOF
script clean <<'EOF'
[ "$1" = 'a b' ] && [ "$2" = 'DOWN; $(touch owned) `id`' ] || exit 9
jq -e '.rule == "down" and .change == "opened"' >/dev/null || exit 8
[ "$LOGWATCH_RULE" = down ] && [ -n "$LOGWATCH_ID" ] || exit 7
[ -z "$hook" ] || exit 6
EOF
script restart <<'EOF'
[ "$WHO" = 'me & you' ] || exit 9
echo up
EOF
start order "$LOGWATCH" --rules order.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' order.log
echo 'DOWN; $(touch owned) `id`' >>order-app.log
wait_for 10 'the first script' ran clean
wait_for 10 'it waits for its proof' record order \
    '.actions[0].state == "verifying" and .actions[1].state == "pending"'
echo 'READY' >>order-app.log # held back: the remediation is not over
echo 'cleaned' >>order-app.log
wait_for 10 'both' ran clean restart
wait_for 10 'the end' record order '.state == "resolved" and
    ([.actions[].state] == ["succeeded", "succeeded"]) and
    .actions[1].output == "up\n"'
wait_for 10 'what was told' posted opened remediated resolved
[[ ! -e owned ]] || die 'log text reached a shell'
jq -e '[.headers | with_entries(.key |= ascii_downcase) | ."webhook-id"] |
    length == 1' posts.jsonl >/dev/null || die 'no webhook-id'
stop "$watcher"

step 'a script that fails escalates, the later ones are skipped'
: >posts.jsonl
rules fails <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [clean, restart]
    escalate: {actions: [tell, page]}
    resolve: manual
actions:
  tell: {webhook: {url: '${hook}'}}
  clean: {exec: [./bad]}
  restart: {exec: [./restart]}
  page: {exec: [./page]}
EOF
script bad <<'EOF'
echo 'no such table' >&2
exit 4
EOF
script page </dev/null
echo DOWN >>fails-app.log
"$LOGWATCH" --rules fails.yml --once >fails.log 2>&1 || die "exit $?"
sed -i 's/start_at.*//' fails.yml
echo DOWN >>fails-app.log
"$LOGWATCH" --rules fails.yml --once >>fails.log 2>&1 || die "exit $?"
expect 'what ran' ran bad page
expect 'the record' record fails '.escalated_at != null and
    .actions[0].state == "failed" and .actions[0].exit == 4 and
    .actions[0].output == "no such table\n" and
    .actions[1].state == "skipped"'
expect 'who was told' posted escalated

step 'hits of an open incident start nothing; reopened it does not run again'
rules again <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [restart]
    resolve: {match: 'READY'}
    cooldown: 1h
actions:
  restart: {exec: [./restart], env: {WHO: 'me & you'}}
EOF
"$LOGWATCH" --rules again.yml --once >again.log 2>&1 || die "exit $?"
printf '%s\n' DOWN DOWN DOWN READY DOWN >>again-app.log
"$LOGWATCH" --rules again.yml --once >>again.log 2>&1 || die "exit $?"
expect 'once' ran restart
expect 'it is open again, and a human is needed' record again \
    '.state == "open" and .count >= 4'

step 'no proof in time, and too many runs, are no success'
rules proof <<'EOF'
rules:
  - id: down
    match: 'DOWN (?<n>\d+)'
    key: [n]
    actions: [restart]
actions:
  restart:
    exec: [./restart]
    env: {WHO: 'me & you'}
    verify: {match: 'never', within: 300ms}
    limit: {runs: 2, within: 1h}
EOF
"$LOGWATCH" --rules proof.yml --once >proof.log 2>&1 || die "exit $?"
printf 'DOWN 1\nDOWN 2\nDOWN 3\n' >>proof-app.log
"$LOGWATCH" --rules proof.yml --once >>proof.log 2>&1 || die "exit $?"
expect 'two of three' ran restart restart
expect_equal 'their ends' 'limited unverified unverified' \
    "$("$LOGWATCH" incidents --all --json --state proof.db |
        jq -r '.actions[0].state' | sort | tr '\n' ' ' | sed 's/ $//')"
echo 'DOWN 4' >>proof-app.log
"$LOGWATCH" --rules proof.yml --once >>proof.log 2>&1 || die "exit $?"
expect 'the limit survives a restart' ran restart restart

step 'thousands over their limit at once: one run, no deep stack'
rules many <<'EOF'
rules:
  - id: down
    match: 'DOWN (?<n>\d+)'
    key: [n]
    actions: [restart]
    escalate: [page]
actions:
  restart: {exec: [./restart], env: {WHO: 'me & you'}, limit: {runs: 1, within: 1h}}
  page: {exec: [./page], limit: {runs: 1, within: 1h}}
EOF
"$LOGWATCH" --rules many.yml --once >many.log 2>&1 || die "exit $?"
seq -f 'DOWN %g' 2000 >>many-app.log
(ulimit -s 512 && exec "$LOGWATCH" --rules many.yml --once) >many.log 2>&1 ||
    die "exit $?"
expect_equal 'what ran' 'page restart' "$(sort ran | tr '\n' ' ' | sed 's/ $//')"
expect_equal 'all are open' 2000 \
    "$("$LOGWATCH" incidents --json --state many.db | wc -l)"

step 'a script that cannot run is a failure that says why'
rules cannot <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [nothing]
actions:
  nothing: {exec: [./not-there]}
EOF
"$LOGWATCH" --rules cannot.yml --once >cannot.log 2>&1 || die "exit $?"
echo DOWN >>cannot-app.log
"$LOGWATCH" --rules cannot.yml --once >>cannot.log 2>&1 || die "exit $?"
expect 'the record' record cannot '.actions[0].state == "failed" and
    .actions[0].exit == null and .escalated_at != null'
grep -q 'error: action failed.*not-there' cannot.log || die "$(cat cannot.log)"

step 'logwatch is killed while its script runs: waited for, never run twice'
rules killed <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [slow]
actions:
  slow: {exec: [./slow]}
EOF
script slow <<'EOF'
while [ ! -e go ]; do sleep 0.05; done
EOF
rm -f go
start killed "$LOGWATCH" --rules killed.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' killed.log
echo DOWN >>killed-app.log
wait_for 10 'the script' ran slow
wait_for 10 'its pid in the ledger' grep -q 'action started' killed.log
kill -KILL "$watcher"
wait_for 10 'its end' eval '! running "$watcher"'
start killed2 "$LOGWATCH" --rules killed.yml
watcher=$pid
wait_for 10 'it finds the script' grep -q 'still runs' killed2.log
: >go
wait_for 10 'the outcome is unknown' record killed \
    '.actions[0].state == "unknown" and .escalated_at != null'
expect 'once' ran slow
stop "$watcher"

step 'a script that is found again keeps its time-out'
rules orphan <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [slow]
actions:
  slow: {exec: [./slow], timeout: 2s}
EOF
rm -f go
start orphan "$LOGWATCH" --rules orphan.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' orphan.log
echo DOWN >>orphan-app.log
wait_for 10 'the script' ran slow
wait_for 10 'its pid in the ledger' grep -q 'action started' orphan.log
kill -KILL "$watcher"
wait_for 10 'its end' eval '! running "$watcher"'
start orphan2 "$LOGWATCH" --rules orphan.yml
watcher=$pid
wait_for 10 'the end of its time' record orphan \
    '.actions[0].state == "unknown" and .escalated_at != null'
stop "$watcher"

step 'the clock was set back meanwhile: nothing takes longer than from now on'
day=86400000
rules back <<'EOF'
rules:
  - {id: slow, match: 'SLOW', actions: [slow]}
  - {id: again, match: 'AGAIN', actions: [again]}
  - {id: proved, match: 'PROVED', actions: [proved]}
actions:
  slow: {exec: [./slow], timeout: 2s}
  again: {exec: [./bad], retry: {attempts: 2, backoff: 3s}}
  proved: {exec: [./page], verify: {match: never, within: 3s}}
EOF
start back "$LOGWATCH" --rules back.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' back.log
printf '%s\n' SLOW AGAIN PROVED >>back-app.log
back_states() { # SORTED...
	[[ $("$LOGWATCH" incidents --all --json --state back.db 2>/dev/null |
	    jq -r '.actions[].state' | sort | tr '\n' ' ') == "$* " ]]
}
wait_for 10 'all are under way' back_states pending running verifying
kill -KILL "$watcher"
wait_for 10 'its end' eval '! running "$watcher"'
sqlite3 back.db "update run set started_ms = started_ms + $day;
    update incident set state = cast(json_set(cast(state as text),
	'\$.ended.again', json_extract(cast(state as text), '\$.ended.again') + $day)
	as blob) where rule = 'again';
    update incident set state = cast(json_set(cast(state as text),
	'\$.ended.proved', json_extract(cast(state as text), '\$.ended.proved') + $day)
	as blob) where rule = 'proved';" || die 'the state cannot be written'
start back2 "$LOGWATCH" --rules back.yml
watcher=$pid
wait_for 15 'the end of all' back_states failed unknown unverified
stop "$watcher"

step 'killed as a script begins, before its pid is saved: it keeps its lock'
rules begins <<'EOF'
rules:
  - {id: down, match: 'DOWN', actions: [page, killer]}
  - {id: worse, match: 'WORSE', actions: [other]}
actions:
  page: {exec: [./page], lock: worker}
  killer: {exec: [./killer], lock: worker}
  other: {exec: [./other], lock: worker}
EOF
script killer <<'EOF'
kill -KILL $PPID
while [ ! -e go ]; do sleep 0.05; done
echo killed >>ran
EOF
script other </dev/null
rm -f go
# A commit takes its time.  The leak check cannot run under strace.
start begins env ASAN_OPTIONS=detect_leaks=0 strace -qqq -o trace -D \
    -P "$PWD/begins.db-wal" -e inject=pwrite64:delay_enter=100000 -- \
    "$LOGWATCH" --rules begins.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' begins.log
printf '%s\n' DOWN WORSE >>begins-app.log
wait_for 10 'its end' eval '! running "$watcher"'
start begins2 "$LOGWATCH" --rules begins.yml
watcher=$pid
wait_for 10 'it finds the script' grep -q 'still runs.*action=killer' begins2.log
expect 'the other waits' ran page killer
: >go
wait_for 10 'the other' ran page killer killed other
stop "$watcher"

step 'killed, and then the rules say no more what its script is for'
left() { # NAME ACTIONS-OF-THE-RULE NAME-OF-THE-SCRIPT [NAME-OF-THE-RULE]
	: >>"$1-app.log"
	cat >"$1.yml" <<EOF
version: 1
settings: {state: $1.db}
sources:
  app: {path: $1-app.log}
rules:
  - {id: ${4:-down}, match: 'DOWN', actions: $2, escalate: {actions: [page]}}
  - {id: worse, match: 'WORSE', actions: [other]}
actions:
  $3: {exec: [./first], lock: worker}
  page: {exec: [./page]}
  other: {exec: [./other], lock: worker}
EOF
}
script first <<'EOF'
while [ ! -e go ]; do sleep 0.05; done
echo first ended >>ran
EOF
# What it is in the rules later: out of the list, of another name, its rule too.
for later in 'listed [page] first' 'named [second] second' \
    'gone [second] second another'; do
	read -r name rest <<<"$later"
	rm -f go
	: >ran
	left "$name" '[first]' first
	start "$name" "$LOGWATCH" --rules "$name.yml"
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "$name.log"
	echo DOWN >>"$name-app.log"
	wait_for 10 'the script' ran first
	wait_for 10 'its record' record "$name" '.actions[0].state == "running"'
	kill -KILL "$watcher"
	wait_for 10 'its end' eval '! running "$watcher"'
	# shellcheck disable=SC2086 # its words are arguments
	left "$name" $rest
	start "$name-2" "$LOGWATCH" --rules "$name.yml"
	watcher=$pid
	wait_for 10 'it finds the script' grep -q \
	    'still runs, and the rules do not say any more.*action=first' \
	    "$name-2.log"
	echo WORSE >>"$name-app.log"
	wait_for 10 'the other is seen' grep -q 'rule=worse' "$name-2.log"
	wait_for 10 'it is unknown' eval '"$LOGWATCH" incidents --all --json \
	    --state "$name.db" | jq -se ".[] | select(.rule == \"down\") |
	    .actions[0].state == \"unknown\"" >/dev/null'
	! grep -qx other ran || die 'it did not wait for the lock'
	: >go
	wait_for 10 'the other' grep -qx other ran
	expect 'it waited' eval '[[ $(grep -v page ran | head -n 3 | tr "\n" ,) == "first,first ended,other," ]]'
	[[ $name == gone ]] || expect 'a human is told' grep -qx page ran
	stop "$watcher"
	expect 'the ledger' eval '[[ $(sqlite3 "$name.db" \
	    "select count(*) from run where ended_ms = 0") == 0 ]]'
done

step 'SIGTERM while a script runs: it is waited for'
rules term <<'EOF'
rules:
  - id: down
    match: 'DOWN'
    actions: [slow]
actions:
  slow: {exec: [./slow]}
EOF
rm -f go
start term "$LOGWATCH" --rules term.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' term.log
echo DOWN >>term-app.log
wait_for 10 'the script' ran slow
kill "$watcher"
wait_for 10 'it waits' grep -q 'waiting for a script' term.log
: >go
wait_for 10 'its end' eval '! running "$watcher"'
expect 'the outcome' record term '.actions[0].state == "succeeded"'
step 'done'

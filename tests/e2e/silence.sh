#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Silences: nobody is told of a rule for a while, and nothing else changes.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq curl python3
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port

cat >rules.yml <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - id: oops
    match: 'oops (?<n>\d+)'
    key: n
    resolve: {match: 'fine (?<n>\d+)', same: n}
    actions: [tell, repair]
    escalate: {actions: [page]}
  - {id: other, match: 'other (?<m>\d)', key: m, actions: [tell]}
actions:
  tell: {webhook: {url: 'http://127.0.0.1:$(cat port)/hook'}}
  page: {webhook: {url: 'http://127.0.0.1:$(cat port)/page'}}
  repair: {exec: [./repair, '{{n}}']}
EOF
cat >repair <<'EOF'
#!/bin/sh
echo "$1" >>repaired
[ "$1" != 9 ]
EOF
chmod +x repair
: >app.log

run() { # NAME
	start "$1" "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "$1.log"
}
command() {
	local name=$1

	shift
	"$LOGWATCH" "$name" --state s.db "$@" >out.log 2>err.log
}
told() { # PATH CHANGES-OF-NUMBERS...: all that was posted there, sorted
	local path=$1

	shift
	[[ $(jq -r --arg path "$path" 'select(.path == $path) | .body |
	    if type == "string" then fromjson else . end |
	    "\(.change)\(.captures.n // "")"' posts.jsonl 2>/dev/null |
	    LC_ALL=C sort | tr '\n' ' ') == "$*${*:+ }" ]]
}
state() { # FILTER: of all incidents
	"$LOGWATCH" incidents --all --json --state s.db 2>/dev/null |
	    jq -se "$1" >/dev/null
}
api() { # PATH [CURL ARGUMENT...]
	local path=$1

	shift
	curl -sS --max-time 10 --unix-socket s.db.sock "$@" "http://logwatch$path"
}
post() { # PATH BODY
	api "$1" -H 'Content-Type: application/json' -d "$2" \
	    -o answer.json -w '%{http_code}'
}
rule_state() { # RULE STATE
	[[ $(api /api/v1/status |
	    jq -r --arg id "$1" '.rules[] | select(.id == $id) | .state') == "$2" ]]
}
run first

step 'one that was told before is told to its end'
echo 'oops 1' >>app.log
wait_for 10 'it is told' told /hook opened1 remediated1
command silence oops --for 2h --reason 'we know'
expect_equal 'its status' 0 $?
expect 'what is said' grep -qE '^oops: silenced until 20.*Z \([0-9A-Z]{26}\)$' out.log
expect 'its rule' rule_state oops silenced
expect 'the log' grep -q 'silenced by hand rule=oops .* uid=[0-9]* reason=we know' first.log
printf '%s\n' 'fine 1' 'oops 2' 'other 1' >>app.log
wait_for 10 'its end, and that of another rule' told /hook opened opened1 remediated1 resolved1

step 'one that opens is repaired, and nobody is told'
wait_for 10 'its script' grep -qx 2 repaired
wait_for 10 'it is open' state 'map(select(.captures.n == "2")) |
    .[0].state == "open" and .[0].actions[0].state == "succeeded"'
printf '%s\n' 'oops 3' 'fine 3' 'oops 9' >>app.log
wait_for 10 'one that failed' state 'map(select(.captures.n == "9")) |
    .[0].escalated_at != null'
wait_for 10 'one that is over' state 'map(select(.captures.n == "3")) |
    .[0].state == "resolved"'
command silence
expect 'they are listed' grep -qE '^oops: until 20.* we know$' out.log

step 'a restart ends no silence'
stop "$watcher"
run second
expect 'its rule' rule_state oops silenced
command reload
wait_for 10 'nor does a reload' grep -q 'rules reloaded' second.log
expect 'its rule' rule_state oops silenced
echo 'oops 4' >>app.log
wait_for 10 'it is open' state 'map(select(.captures.n == "4")) |
    .[0].actions[0].state == "succeeded"'
expect 'nobody was told' told /hook opened opened1 remediated1 resolved1
expect 'nobody was paged' told /page

step 'what is not over when it ends is told then'
command unsilence oops
expect_equal 'its status' 0 $?
expect_equal 'what is said' 'oops: is not silent any more' "$(<out.log)"
wait_for 10 'they are told' told /hook opened opened1 opened2 opened4 opened9 remediated1 resolved1
wait_for 10 'and the page' told /page opened9
expect 'its rule' rule_state oops open
printf '%s\n' 'fine 2' 'fine 9' 'fine 4' >>app.log
wait_for 10 'their ends' told /hook opened opened1 opened2 opened4 opened9 remediated1 resolved1 resolved2 resolved4 resolved9

step 'its time ends it, whether logwatch runs or not'
: >posts.jsonl
expect_equal 'by the API' 200 "$(post /api/v1/silences \
    '{"rule": "oops", "for": "2s", "reason": ""}')"
expect 'its answer' jq -e '(.id | length) == 26 and
    (.until | test("^20.*Z$"))' answer.json
echo 'oops 5' >>app.log
wait_for 10 'it is told when that is over' told /hook opened5
command silence other --for 1s --reason x
stop "$watcher"
echo 'other 2' >>app.log
wait_for 10 'its time is over' eval \
    '[[ $(date -u +%FT%T) > $(grep -o "20[^.]*" out.log | head -n 1) ]]'
run third
wait_for 10 'it is told' told /hook opened opened5

step 'what is no silence'
while read -r body; do
	expect_equal "$body" 400 "$(post /api/v1/silences "$body")"
done <<'EOF'
{}
[]
{"rule": "oops"}
{"rule": "oops", "for": "2h", "reason": 3}
{"rule": "oops", "for": "2", "reason": "x"}
{"rule": "oops", "for": "0s", "reason": "x"}
{"rule": "oops", "for": "366d", "reason": "x"}
EOF
expect_equal 'no such rule' 404 "$(post /api/v1/silences \
    '{"rule": "nobody", "for": "2h", "reason": "x"}')"
expect_equal 'no such silence' 404 "$(post \
    /api/v1/silences/01ARZ3NDEKTSV4RRFFQ69G5FAV/end '{}')"
command silence nobody --for 2h --reason x
expect_equal 'no such rule, by command' 1 $?
command unsilence oops
expect_equal 'nothing to end' 1 $?
expect 'why' grep -q "there is no silence of 'oops'" err.log
for wrong in 'silence oops' 'silence oops --for 2h' 'silence oops --for 2 --reason x' \
    'silence --for 2h --reason x' 'silence a b' 'unsilence --for 2h'; do
	# shellcheck disable=SC2086 # its words are arguments
	command $wrong
	expect_equal "$wrong" 2 $?
done
stop "$watcher"
command silence oops --for 2h --reason x
expect_equal 'nobody answers' 3 $?
step 'done'

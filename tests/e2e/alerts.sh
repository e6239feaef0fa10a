#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Alerts: what wakes somebody is told that it opened and that it is over, once
# and again until it arrives, over a kill and an outage.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
cd "$tmp" || exit 1

key=CANARY6789abcdef0123456789ABCDEF
port=$(free_port)

receiver() { # NAME PORT
	rm -f "$1.port"
	start "$1" /usr/bin/env python3 -B "$srcdir/contrib/receiver.py" \
	    --port "$2" --port-file "$1.port" --record "$1.jsonl" --strict --quiet
	wait_for 10 'the receiver' test -s "$1.port"
}
follow() { # NAME
	: >"$1.log"
	start "$1" "$LOGWATCH" --rules "$1.yml"
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "$1.log"
}
got() { # NAME FILTER WANTED: what a filter makes of each body that came
	[[ $(jq -r ".body | fromjson | $2" "$1.jsonl" 2>/dev/null |
	    tr '\n' ' ') == "$3 " ]]
}
clean() { # NAME: the receiver would have taken all of it
	jq -es 'all(.faults == [])' "$1.jsonl" >/dev/null
}
no_secret() { # FILES...
	! grep -q "$key" "$@"
}

step 'PagerDuty: an alert is triggered and resolved'
cat >page.yml <<EOF
version: 1
settings: {state: page.db}
sources:
  app: {path: app.log}
rules:
  - id: down
    match: 'DOWN (?<what>.*)'
    key: [what]
    severity: critical
    summary: 'Down: {{what}}'
    runbook: 'https://wiki.example/down?a=1'
    actions: [oncall]
    resolve: {match: 'UP (?<what>.*)', same: [what]}
actions:
  oncall: {pagerduty: {routing_key_file: key, api: 'http://127.0.0.1:$port'}}
EOF
echo "$key" >key
: >app.log
receiver pager "$port"
pager=$pid
follow page
echo 'DOWN "db" <!here> \ {{summary}}' >>app.log
wait_for 10 'a trigger' got pager .event_action trigger
got pager .payload.summary 'Down: "db" <!here> \ {{summary}}' ||
    die 'the summary is another one'
echo 'UP "db" <!here> \ {{summary}}' >>app.log
wait_for 10 'its end' got pager .event_action 'trigger resolve'
expect_equal 'alerts' 1 \
    "$(jq -r '.body | fromjson | .dedup_key' pager.jsonl | sort -u | wc -l)"
expect 'its key, path and type' jq -es --arg key "$key" 'all(
    .path == "/v2/enqueue" and (.body | fromjson | .routing_key) == $key and
    .headers["Content-Type"] == "application/json")' pager.jsonl >/dev/null
expect 'what it would take' clean pager

step 'PagerDuty: opened in an outage, killed, resolved while down: both arrive'
stop "$pager"
echo 'DOWN queue' >>app.log
wait_for 10 'it waits' grep -q 'notification not sent action=oncall' page.log
kill -KILL "$watcher"
wait "$watcher" 2>/dev/null
echo 'UP queue' >>app.log
: >pager.jsonl
follow page
wait_for 10 'it waits still' grep -q 'notification not sent' page.log
receiver pager "$port"
pager=$pid
wait_for 20 'both, in order' got pager .event_action 'trigger resolve'

step 'PagerDuty: the key is in no log and in no state'
expect 'no key while it waits or after' no_secret ./*.log page.db*
echo 'no key' >key
echo 'DOWN disk' >>app.log
wait_for 10 'it says why not' grep -q \
    'notification not sent.*the routing key in key holds what is neither' \
    page.log
echo "$key" >key
wait_for 20 'it goes on with the right one' got pager .event_action \
    'trigger resolve trigger'
stop "$watcher"
expect 'no key at the end' no_secret ./*.log page.db*
stop "$pager"

# What a receiver was told: "KEY open" or "KEY over" of each, in order; open is
# what ends in more than three minutes.
alerts() { # NAME
	jq -r '.time as $now | .body | fromjson[] |
	    (.endsAt | sub("\\.[0-9]+Z$"; "Z") | fromdate) as $until |
	    .labels.what + if $until > $now + 180 then " open"
		elif $until < $now + 5 then " over" else " soon" end' \
	    "$1.jsonl" 2>/dev/null
}
told() { # NAME ALERTS...
	local name=$1

	shift
	[[ $(alerts "$name" | tr '\n' ',') == "$(printf '%s,' "$@")" ]]
}
told_some() { # NAME ALERTS...: in any order, and none but these
	local name=$1

	shift
	[[ $(alerts "$name" | sort -u | tr '\n' ',') == "$(printf '%s,' "$@")" ]]
}
stands() { # NAME ALERTS...: what was told last of each, and of none but these
	local name=$1

	shift
	[[ $(alerts "$name" | awk '{ last[$1] = $2 }
	    END { for (key in last) print key, last[key] }' | sort |
	    tr '\n' ',') == "$(printf '%s,' "$@")" ]]
}
told_at_last() { # NAME ALERTS...: in order
	local name=$1

	shift
	[[ $(alerts "$name" | tail -n $# | tr '\n' ',') == "$(printf '%s,' "$@")" ]]
}

step 'Alertmanager: two of them, one dead: the other is told without delay'
am1=$(free_port)
am2=$(free_port)
cat >am.yml <<EOF
version: 1
settings: {state: am.db, host: crm-1}
sources:
  app: {path: app.log}
rules:
  - id: down
    match: 'DOWN (?<what>.*)'
    key: [what]
    severity: critical
    summary: 'Down: {{what}}'
    labels: {team: crm, 'on-call': 'yes'}
    runbook: 'https://wiki.example/down?a=1'
    actions: [am, late]
    resolve: {match: 'UP (?<what>.*)', same: [what]}
  - id: effect
    match: 'SLOW (?<what>.*)'
    key: [what]
    actions: [am]
    caused_by: {rules: [down], within: 1h}
actions:
  am: {alertmanager: {url: ['http://127.0.0.1:$am1', 'http://127.0.0.1:$am2/']}}
  late: {alertmanager: {url: 'http://127.0.0.1:$am1/late'}, changes: [escalated]}
EOF
: >app.log
receiver am1 "$am1"
alive=$pid
follow am
echo 'DOWN db' >>app.log
wait_for 10 'the one' told am1 'db open'
wait_for 10 'the other waits' grep -q \
    'notification not sent action=am/2 delivery=.*-opened' am.log
expect_equal 'its labels' \
    '{"alertname":"down","rule":"down","severity":"critical","host":"crm-1","source":"app","what":"db","team":"crm","on_call":"yes"}' \
    "$(jq -c '.body | fromjson[0].labels' am1.jsonl)"
printf 'SLOW web\nDOWN queue\n' >>app.log # the effect is told as its cause
wait_for 10 'the next one' told am1 'db open' 'db open' 'queue open'
echo 'UP queue' >>app.log
wait_for 10 'its end' told am1 'db open' 'db open' 'queue open' 'queue over'

step 'Alertmanager: killed, and resolved while down: nothing is lost'
kill -KILL "$watcher"
wait "$watcher" 2>/dev/null
echo 'DOWN disk' >>app.log
: >am1.jsonl
follow am
wait_for 10 'what is open is told again at once, and what is new' stands \
    am1 'db open' 'disk open'
kill -KILL "$watcher"
wait "$watcher" 2>/dev/null
echo 'UP disk' >>app.log
: >am1.jsonl
follow am
wait_for 10 'what is over, and what is not' stands am1 'db open' 'disk over'

step 'Alertmanager: the other is back: it is told how all of it stands'
receiver am2 "$am2"
wait_for 80 'all, and not how it stood before' told_some am2 'db open' \
    'disk over' 'queue over'
echo 'UP db' >>app.log
for am in am1 am2; do
	wait_for 10 'its end, and what it leaves behind' told_at_last "$am" \
	    'db over' 'web open'
done

step 'Alertmanager: what it would take, nobody was told of what was not his'
expect 'what it would take' clean am1
expect 'what the other would take' clean am2
expect 'no escalation, no alert' jq -es 'all(.path | startswith("/late") | not)' \
    am1.jsonl >/dev/null
stop "$watcher"
stop "$alive"

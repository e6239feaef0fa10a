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
	    --port "$2" --port-file "$1.port" --record "$1.jsonl" --strict
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

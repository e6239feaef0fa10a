#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Logs of JSON objects: patterns see the message, other fields are captures.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

cat >rules.yml <<'YAML'
version: 1
settings: {state: s.db}
sources:
  api: {path: api.log, format: json, message: msg}
rules:
  - id: failed
    match: 'request (?<what>\w+)'
    except: 'health'
    where: {http.status: '>= 500', level: error}
    key: [http.method]
    summary: '{{http.method}} {{what}} for {{user.name}}: {{path}} {{id}}'
    actions: [show]
    resolve: {match: '^all well$'}
  - id: pair
    match: '^begin'
    followed_by: {match: '^end', within: 1m, same: [job.id]}
    summary: 'job {{job.id}}'
  - {id: quote, match: '^she said "hi"$'}
  - {id: raw, match: '"msg"|^\{'}
  - {id: empty, match: '^(?!.)', where: {kind: nothing}}
  - {id: many, match: '^many$', where: {last: yes}}
actions:
  show: {exec: [./show, '{{http.status}}', '{{event}}']}
YAML
cat >show <<'SH'
#!/bin/sh
cat >"record-$LOGWATCH_LINE"
printf '%s\n' "$@" >"args-$LOGWATCH_LINE"
env >"env-$LOGWATCH_LINE"
SH
chmod +x show
: >api.log

log() { # OBJECT
	printf '%s\n' "$1" >>api.log
}
one() { # RULE FILTER
	"$LOGWATCH" incidents --json --state s.db 2>/dev/null | jq -es \
	    "map(select(.rule == \"$1\")) | length == 1 and (.[0] | $2)" \
	    >/dev/null
}

start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log

step 'the message is matched, the fields decide and are captured'
log '{"level":"error","msg":"request done","http":{"status":200,"method":"GET"}}'
log '{"level":"warn","msg":"request done","http":{"status":500,"method":"GET"}}'
log '{"level":"error","msg":"request done","other":{"http.status":500}}'
log '{"level":"error","msg":"health request done","http":{"status":500}}'
log '{"level":"error","msg":"no","text":"request done","http":{"status":500}}'
log '{"time":"2025-10-17T08:00:03.5Z","level":"error","msg":"request \u0064one","http":{"status":503,"method":"GET"},"user":{"name":"J\u00f6"},"path":"/x","id":"7","LD_PRELOAD":"x","n":[1, 2]}'
wait_for 10 'the incident' one failed '.line == 6'
wait_for 10 'its script' test -s env-6
expect 'the record' jq -e '.event == "request done" and .count == 1 and
    .captures == {"what":"done","level":"error","http.status":"503",
	"http.method":"GET","user.name":"Jö","time":"2025-10-17T08:00:03.5Z",
	"path":"/x","id":"7","LD_PRELOAD":"x","n":"[1, 2]"} and
    .key == {"http.method":"GET"} and
    .first_seen == "2025-10-17T08:00:03.500Z" and
    .fields == ["time","path","id","LD_PRELOAD","n"]' record-6
expect_equal 'what the log calls path and id stands for nothing else' \
    "GET done for Jö: api.log $(jq -r .id record-6)" \
    "$(jq -r .summary record-6)"
expect_equal 'the arguments' '503 request done' "$(paste -sd ' ' args-6)"
expect_equal 'the variables' \
    "$(printf '%s\n' LOGWATCH_CAPTURE_{HTTP_METHOD=GET,HTTP_STATUS=503} \
	LOGWATCH_CAPTURE_{LEVEL=error,USER_NAME=Jö,WHAT=done})" \
    "$(grep -a ^LOGWATCH_CAPTURE_ env-6 | LC_ALL=C sort)"

step 'escapes are read before patterns see them, the quotes of JSON never'
log '{"msg":"she said \"hi\""}'
wait_for 10 'the quotation' one quote '.line == 7'

step 'what is no object is text; an object without the field is empty'
log 'request done, with "msg" as text'
wait_for 10 'the text' one raw '.line == 8'
log '{"kind":"nothing"}'
wait_for 10 'the object' one empty '.line == 9 and .event == ""'

step 'fields tell pairs apart, also over a restart'
log '{"msg":"begin","job":{"id":1},"x":"first"}'
log '{"msg":"begin","job":{"id":2},"x":"first"}'
log '{"msg":"she said \"hi\""}'
wait_for 10 'a line behind them' one quote '.count == 2'
stop "$watcher"
log '{"msg":"end","job":{"id":2}}'
start again "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'the pair' one pair '.summary == "job 2" and
    .captures."job.id" == "2" and .captures.x == "first" and
    .fields == ["x"]'

step 'what the rule names is found among any number of fields'
log "{$(for i in {1..500}; do printf '"f%d":%d,' "$i" "$i"; done
)\"msg\":\"many\",\"last\":\"yes\"}"
wait_for 10 'the incident' one many '.captures.last == "yes" and
    (.captures | length) == 200'
log '{"msg":"all well"}'
wait_for 10 'the end' eval '! one failed true'
stop "$watcher"

step 'the stamp of an object is its time'
"$LOGWATCH" replay --json --rules rules.yml api.log >replay.json 2>err.log ||
    die "$(cat err.log)"
expect 'the first' jq -es 'map(select(.rule == "failed" and
    .change == "opened")) | .[0].detected_at == "2025-10-17T08:00:03.500Z"' \
    replay.json

step 'explain sees what the rule sees'
"$LOGWATCH" explain --rules rules.yml --rule failed --line \
    '{"level":"error","msg":"request done","http":{"status":404}}' >out.log
expect_equal 'no hit' 1 $?
expect 'why' grep -q "where: http.status is '404', not >= 500" out.log

step 'many objects, sieved, are what one by one they are'
for i in {1..8000}; do
	printf '{"level":"%s","msg":"request %s","http":{"status":%d}}\n' \
	    $((i % 2)) $((i % 7)) $((i % 600))
	((i % 50)) || echo '{"level":"error","msg":"request \u0069n","http":{"status":500}}'
done >big.log
"$LOGWATCH" scan --count --rules rules.yml --rule failed big.log >out.log
expect_equal 'the hits' $'failed\t160' "$(cat out.log)"
expect_equal 'from a pipe' $'failed\t160' "$("$LOGWATCH" scan --count \
    --rules rules.yml --rule failed - <big.log)"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control socket: how it stands, and what is done by hand.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq curl
cd "$tmp" || exit 1

cat >rules.yml <<'YAML'
version: 1
settings: {state: s.db}
sources:
  app: {path: [app.log, missing.log]}
  cmd: {command: [sleep, '1000']}
rules:
  - {id: oops, match: 'oops (?<n>\d+)', key: n, resolve: manual,
     summary: "number {{n}} \e[31m", remind: 1h}
  - {id: off, match: x, enabled: false}
YAML
: >app.log
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log

api() { # PATH [CURL ARGUMENT...]
	local path=$1
	shift
	curl -sS --max-time 10 --unix-socket s.db.sock "$@" "http://logwatch$path"
}
code() { # PATH [CURL ARGUMENT...]
	api "$@" -o /dev/null -w '%{http_code}'
}
incident() { # ID FILTER
	api "/api/v1/incidents/$1" | jq -e "$2" >/dev/null
}
open() { # NUMBER
	[[ $(api /api/v1/status | jq .incidents.open) == "$1" ]]
}

step 'nobody else may ask'
expect_equal 'its mode' 600 "$(stat -c %a s.db.sock)"

step 'how it stands'
printf 'oops 1\noops 2\n' >>app.log
wait_for 10 'two incidents' open 2
api /api/v1/status >status.json
expect 'the status' jq -e '
    .version != "" and .uptime_s >= 0 and .degraded == [] and
    (.sources | map(.name)) == ["app", "cmd"] and
    (.sources[0].files | map({path, position, size, watched})) ==
	[{path: "app.log", position: 14, size: 14, watched: "inotify"}] and
    (.sources[0].last_event | test("^20.*Z$")) and
    .sources[1] == {name: "cmd", files: [], last_event: null} and
    .rules == [{id: "oops", hits: 2, state: "open"},
	{id: "off", hits: 0, state: "disabled"}] and
    .deliveries == {pending: 0, dead: 0}' status.json
id=$(api /api/v1/incidents | jq -r '.incidents[0].id')
other=$(api /api/v1/incidents | jq -r '.incidents[1].id')
expect 'an incident' incident "$id" ".id == \"$id\" and .captures.n == \"1\""

step 'the command says the same on one screen'
"$LOGWATCH" status --rules rules.yml >out.log 2>err.log
expect_equal 'its status' 0 $?
for part in '2 open, nothing degraded' "$id" 'number 1' 'app.log  14 of 14 bytes' \
    'oops .* 2 hits  open' 'off .* 0 hits  disabled'; do
	grep -qE "$part" out.log || die "no '$part' in $(cat out.log)"
done
expect 'no control' test "$(tr -d '\12\40-\176\200-\377' <out.log | wc -c)" = 0
"$LOGWATCH" status --json --socket s.db.sock | jq -e '.incidents.open == 2' \
    >/dev/null || die 'no JSON'

step 'acknowledged, resolved, by hand'
"$LOGWATCH" ack --state s.db "$id" >out.log || die "ack: $?"
expect_equal 'what is said' "$id: oops acknowledged" "$(cat out.log)"
expect 'the record' incident "$id" '.acknowledged_at != null and .state == "open"'
"$LOGWATCH" resolve --json --rules rules.yml "$id" |
    jq -e '.state == "resolved"' >/dev/null || die 'resolve'
expect 'one is left' open 1
expect 'who did it' grep -q "acknowledged by hand id=$id uid=$(id -u)" watch.log
api '/api/v1/incidents?state=all' >all.json
expect 'all of them' jq -e '.incidents | map(.state) | sort ==
    ["open", "resolved"]' all.json
"$LOGWATCH" resolve --rules rules.yml "$id" 2>err.log
expect_equal 'again' 1 $?
expect_equal 'why' 'logwatch: there is no such open incident' "$(cat err.log)"
"$LOGWATCH" ack --rules rules.yml 01ARZ3NDEKTSV4RRFFQ69G5FAV 2>err.log
expect_equal 'one that is not there' 1 $?
"$LOGWATCH" ack --rules rules.yml ../status 2>/dev/null
expect_equal 'no id' 2 $?
"$LOGWATCH" ack --rules rules.yml 2>/dev/null
expect_equal 'none' 2 $?

step 'it is kept over a kill'
"$LOGWATCH" ack --rules rules.yml "$other" >/dev/null || die "ack: $?"
saved() {
	"$LOGWATCH" incidents --json --state s.db |
	    jq -e '.acknowledged_at != null' >/dev/null
}
wait_for 10 'it is saved' saved
kill -KILL "$watcher"
wait "$watcher"
"$LOGWATCH" status --rules rules.yml 2>err.log
expect_equal 'nobody answers' 3 $?
expect 'why' grep -q '^logwatch: no logwatch runs there' err.log
start again "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' again.log
expect 'it knows' incident "$other" '.acknowledged_at != null'
expect 'and the other one' incident "$id" '.state == "resolved"'

step 'what is wrong is said as what it is'
expect_equal 'no such path' 404 "$(code /api/v1/nothing)"
expect_equal 'no such id' 404 "$(code /api/v1/incidents/x)"
expect_equal 'by GET' 405 "$(code "/api/v1/incidents/$other/resolve")"
expect_equal 'by DELETE' 405 "$(code /api/v1/status -X DELETE)"
expect_equal 'not as JSON' 415 "$(code "/api/v1/incidents/$other/resolve" -d x)"
expect_equal 'too much' 413 "$(head -c 100000 /dev/zero | code \
    "/api/v1/incidents/$other/ack" -H 'Content-Type: application/json' \
    -H 'Expect:' --data-binary @-)"
expect_equal 'a state that is none' 400 "$(code '/api/v1/incidents?state=x')"
expect_equal 'nothing was resolved' 1 \
    "$(api /api/v1/status | jq .incidents.open)"
expect_equal 'health' ok "$(api /healthz)"
expect_equal 'ready' ok "$(api /readyz)"
expect_equal 'the head alone' 200 "$(code /healthz -I)"

step 'who asks badly, or is slow, holds nobody up'
python3 - <<'PY' || die 'hostile clients'
import os, socket
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect('s.db.sock')
    return s
slow = [connect() for _ in range(30)]
for s in slow:
    s.send(b'GET /api/v1/sta')
for junk in (b'\0' * 1000, b'GET ' + b'a' * 100000 + b' HTTP/1.1\r\n\r\n',
             b'POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n',
             os.urandom(5000), b'GET / HTTP/9.9\r\n\r\n'):
    s = connect()
    try:
        s.sendall(junk)
    except OSError:
        pass
    slow.append(s)
s = connect()
s.sendall(b'GET /healthz HTTP/1.0\r\n\r\n')
answer = b''
while True:
    part = s.recv(65536)
    if not part:
        break
    answer += part
assert answer.endswith(b'ok\n'), answer
PY
echo 'oops 9' >>app.log
wait_for 10 'the line meanwhile' open 2

step 'what is degraded comes first'
stop "$watcher"
expect 'the socket is gone' test ! -e s.db.sock
mv app.log away
echo 'another' >app.log
start degraded "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'lines are lost' grep -q 'rule=logwatch.lines-lost' degraded.log
"$LOGWATCH" status --rules rules.yml >out.log
expect_equal 'its status' 1 $?
expect 'at once' eval 'sed -n 4p out.log | grep -q "  ! Lines of app.log are lost"'
stop "$watcher"

step 'a path that is longer than a socket may have; and the only one'
long=$(printf 'd%.0s' {1..150})
mkdir -p "$long/logwatch"
export XDG_STATE_HOME=$tmp/$long
cat >long.yml <<'YAML'
version: 1
sources: {app: {path: app.log}}
rules: [{id: r, match: x}]
YAML
"$LOGWATCH" status 2>err.log
expect_equal 'none runs' 3 $?
start long "$LOGWATCH" --rules long.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' long.log
"$LOGWATCH" status >out.log || die "status: $?"
expect 'it is found' grep -q 'app.log' out.log
stop "$watcher"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A test message through one action: sent once, and the answer shown.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
cat >refuse.py <<'PY'
import http.server, os
class Refuse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        text = ('no such hook \x1b[31m ' + self.path).encode()
        self.send_response(503)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        print('asked', flush=True)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Refuse)
with open('bad-port.new', 'w') as f:
    f.write(str(server.server_port))
os.rename('bad-port.new', 'bad-port')
server.serve_forever()
PY
start refuse /usr/bin/env python3 refuse.py
wait_for 10 'who refuses' test -s bad-port

cat >rules.yml <<YAML
version: 1
settings: {host: crm-1, state: must-not-appear.db}
sources: {a: {path: a.log}}
rules: [{id: r, match: x, actions: [hook, chat, teams, off, busy, script]}]
actions:
  hook: {webhook: {url: 'http://127.0.0.1:$(cat port)/hook'}, changes: resolved}
  chat: {slack: {url: 'http://127.0.0.1:$(cat port)/slack'}}
  teams: {teams: {url: 'http://127.0.0.1:$(cat port)/teams'}}
  off: {slack: {url: '\${NOTHING:-}'}}
  busy: {webhook: {url: 'http://127.0.0.1:$(cat bad-port)/secret'}}
  script: {exec: [touch, must-not-appear]}
YAML
send() { # ARGUMENT...
	"$LOGWATCH" send --rules rules.yml "$@" >out.log 2>err.log
}

step 'each receiver gets its message'
for action in hook chat teams; do
	send "$action"
	expect_equal "the status of $action" 0 $?
	expect 'the answer' grep -qE "^$action: sent by .* in [0-9]+ ms, answer 20" out.log
	expect 'no more' test ! -s err.log
done
expect_equal 'the messages' 3 "$(jq -s length posts.jsonl)"
expect 'the record' jq -es 'map(.body | fromjson) | .[0] |
    .change == "test" and .rule == "logwatch.test" and .host == "crm-1" and
    .state == "open" and (.id | length) == 26' posts.jsonl
send --json hook
expect 'the same as JSON' jq -e '.action == "hook" and .sent and
    .status == 200 and .duration_ms >= 0 and .error == null' out.log

step 'one that is not taken is not tried again, and the reason is said'
send busy
expect_equal 'its status' 3 $?
expect 'the answer' grep -q '^busy: not sent by webhook, answer 503: no such hook' out.log
expect 'no control' test "$(tr -d '\12\40-\176\200-\377' <out.log | wc -c)" = 0
expect 'no secret' eval '! grep -q secret out.log err.log'
expect 'the reason, last' eval 'tail -n 1 err.log | grep -q "^logwatch: .*503"'
expect_equal 'attempts' 1 "$(grep -c asked refuse.log)"
send --json busy
expect 'as JSON' jq -e '(.sent | not) and .status == 503 and
    (.error | contains("503"))' out.log

step 'what cannot be sent'
send off
expect_equal 'no url' 3 $?
expect 'why' grep -q 'left out: its url is empty' err.log
send script
expect_equal 'a script' 2 $?
send nobody
expect_equal 'no such action' 2 $?
send
expect_equal 'none' 2 $?
send hook chat
expect_equal 'two' 2 $?
expect 'nothing ran, nothing was saved' \
    test ! -e must-not-appear -a ! -e must-not-appear.db

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whether a server answers, and what.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
cd "$tmp" || exit 1
port=$(free_port)

cat >rules.yml <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - id: up
    http: http://127.0.0.1:$port/answer
    every: 200ms
    timeout: 500ms
  - id: closed
    http: http://127.0.0.1:$port/answer
    every: 200ms
    timeout: 500ms
    status: [401, 403]
    summary: 'not closed: {{status}}{{error}}'
  - id: up-for
    http: http://127.0.0.1:$port/answer
    every: 200ms
    timeout: 500ms
    for: 1h
EOF
: >app.log
# Answers what stands in the file 'answer', and nothing where it is empty; notes
# what it was asked.
cat >server.py <<'EOF'
import http.server
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open('asked', 'a') as f:
            f.write('%s %s %s\n' % (self.command, self.path,
                                    self.headers.get('User-Agent')))
        with open('answer') as f:
            status = f.read().strip()
        if not status:
            time.sleep(5)
            return
        self.send_response(int(status))
        if status == '302':
            self.send_header('Location', '/elsewhere')
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])),
                                Handler).serve_forever()
EOF

summary_has() { # TEXT RULE: the last one's
	[[ $("$LOGWATCH" incidents --all --json --state s.db |
	    jq -r "select(.rule == \"$2\") | .summary" | tail -n 1) == *"$1"* ]]
}
run_server() {
	start server python3 server.py "$port"
}

step 'no answer is bad'
echo 200 >answer
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 20 'the incident' states open up
expect 'its words' summary_has 'up: no answer: ' up
expect 'the other' summary_has 'not closed: 0' closed

step 'one of 200 to 299 is good, or what the rule names'
run_server
wait_for 20 'its end' states resolved up
expect 'the other is open' states open closed
echo 403 >answer
wait_for 20 'its end' states resolved closed
wait_for 20 'for the one it is bad' states 'open resolved' up
expect 'its words' summary_has 'up: it answered 403' up

step 'a redirect is not followed'
echo 302 >answer
wait_for 20 'for both it is bad' states 'open resolved' closed
expect 'its words' summary_has 'not closed: 302' closed
expect 'nobody went there' eval '! grep -q elsewhere asked'
expect_equal 'what it is asked' 'GET /answer logwatch' "$(sort -u asked)"

step 'one that does not come in time is none'
echo 204 >answer
wait_for 20 'its end' states 'resolved resolved' up
: >answer
wait_for 20 'the incident' states 'open resolved resolved' up
expect 'its words' summary_has 'up: no answer: ' up
echo 200 >answer
wait_for 20 'its end' states 'resolved resolved resolved' up
expect 'not for long enough' states '' up-for
stop "$watcher"
step 'done'

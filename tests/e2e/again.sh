#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What failed is done again by hand: dead letters, and remediations.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3 curl
cd "$tmp" || exit 1

# Refuses for good until there is a file named mended.
cat >refuse.py <<'PY'
import http.server, os
class Refuse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        mended = os.path.exists('mended')
        if mended:
            with open('posts', 'ab') as f:
                f.write(body + b'\n')
        self.send_response(200 if mended else 410)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Refuse)
with open('port.new', 'w') as f:
    f.write(str(server.server_port))
os.rename('port.new', 'port')
server.serve_forever()
PY
start refuse /usr/bin/env python3 refuse.py
wait_for 10 'who refuses' test -s port
cat >rules.yml <<YAML
version: 1
settings: {state: s.db, builtin: false}
sources: {app: {path: app.log}}
rules:
  - {id: oops, match: 'oops (?<n>\\d+)', key: n, resolve: manual,
     actions: [tell, fix, check]}
  - {id: quiet, match: 'only (?<n>\\d+)', key: n, resolve: manual, actions: tell}
actions:
  tell: {webhook: {url: 'http://127.0.0.1:$(cat port)/hook'}}
  fix: {exec: [./fix], limit: {runs: 3, within: 1h}}
  check: {exec: [./check]}
YAML
printf '%s\n' '#!/bin/sh' 'echo fix >>ran; test -e mended' >fix
printf '%s\n' '#!/bin/sh' 'echo check >>ran' >check
chmod +x fix check
: >app.log
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log
control() { # COMMAND ARGUMENT...
	local command=$1
	shift
	"$LOGWATCH" "$command" --rules rules.yml "$@"
}
dead() { # NUMBER
	[[ $(control deliveries --json | jq -s 'map(select(.state == "dead")) |
	    length') == "$1" ]]
}
posted() { # NUMBER
	[[ -e posts && $(wc -l <posts) == "$1" ]]
}

step 'what was given up is listed'
expect_equal 'none' 'nothing waits' "$(control deliveries)"
echo 'oops 1' >>app.log
wait_for 10 'two dead letters: opened, escalated' dead 2
control deliveries --json | jq -es 'map(.change) == ["opened", "escalated"] and
    (.[0] | .action == "tell" and .attempts == 1 and .next_at == null and
	(.error | contains("410")) and (.id | endswith("-opened")))' >/dev/null ||
    die "$(control deliveries --json)"
expect 'for people' eval 'control deliveries | grep -q "tell  dead  1 attempt: .*410"'
id=$(control incidents --json | jq -r .id)
letter=$(control deliveries --json | jq -rs '.[1].id')

step 'one of them is sent again, and then all'
touch mended
expect_equal 'one' '1 notifications are sent again' \
    "$(control deliveries --retry "$letter")"
wait_for 10 'it comes' posted 1
expect 'it is that one' jq -e '.change == "escalated"' posts
control deliveries --retry "$letter" 2>err.log
expect_equal 'again' 1 $?
rm mended
echo 'only 2' >>app.log
wait_for 10 'another' dead 2
touch mended
control deliveries --retry >/dev/null || die "all: $?"
wait_for 10 'both come' posted 3
wait_for 10 'none is left' dead 0
control deliveries nonsense 2>/dev/null
expect_equal 'an argument without --retry' 2 $?

step 'a remediation that failed runs again, from the first script'
rm mended
expect_equal 'what ran' fix "$(paste -sd ' ' ran)"
expect_equal 'it fails again' "$id: scripts run again; 0 notifications are sent again" \
    "$(control retry "$id")"
ran() { # TEXT
	[[ $(paste -sd ' ' ran) == "$1" ]]
}
wait_for 10 'it ran' ran 'fix fix'
repaired() { # ID
	control incidents --json | jq -es "map(select(.id == \"$1\")) | .[0].actions |
	    map(select(.name != \"tell\").state) == [\"succeeded\", \"succeeded\"]" \
	    >/dev/null
}
failed_again() {
	control incidents --json | jq -es "map(select(.id == \"$id\")) |
	    .[0].actions[0].state == \"failed\"" >/dev/null
}
wait_for 10 'it failed' failed_again
touch mended
control retry --json "$id" | jq -e .scripts >/dev/null || die 'retry'
wait_for 10 'it worked' repaired "$id"
expect_equal 'what ran' 'fix fix fix check' "$(paste -sd ' ' ran)"

step 'what did not fail is not done again, and the limit holds'
expect_equal 'it worked' "$id: scripts do not run; 0 notifications are sent again" \
    "$(control retry "$id")"
echo 'oops 3' >>app.log
third() {
	control incidents --json | jq -es 'map(select(.key.n == "3")) |
	    .[0].actions[0].state == "limited"' >/dev/null
}
wait_for 10 'the limit' third
other=$(control incidents --json | jq -r 'select(.key.n == "3") | .id')
control retry "$other" >/dev/null || die "retry: $?"
wait_for 10 'the limit holds' third
expect_equal 'what ran' 'fix fix fix check' "$(paste -sd ' ' ran)"
control retry 01ARZ3NDEKTSV4RRFFQ69G5FAV 2>/dev/null
expect_equal 'no such incident' 1 $?
expect_equal 'a body that is none' 400 "$(curl -s -o /dev/null -w '%{http_code}' \
    --unix-socket s.db.sock -H 'Content-Type: application/json' -d '[]' \
    http://logwatch/api/v1/deliveries/retry)"
stop "$watcher"

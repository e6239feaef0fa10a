#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# logwatch's own troubles as incidents, and the backlog that starts nothing.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
hook=http://127.0.0.1:$(cat port)/hook
export hook

rules() { # NAME: settings on the command line, the rest on standard input
	printf 'version: 1\n' >"$1.yml"
	cat >>"$1.yml"
}
record() { # NAME FILTER: one of the incidents
	"$LOGWATCH" incidents --all --json --state "$1.db" 2>/dev/null |
	    jq -es "any(.[]; $2)" >/dev/null 2>&1
}
posted() { # FILTER: one of the messages
	jq -r '.body | if type == "string" then fromjson else . end' \
	    posts.jsonl 2>/dev/null | jq -es "any(.[]; $1)" >/dev/null 2>&1
}
refused() { # TIMES
	[[ $(grep -c 'notification given up action=bad' fails.log) == "$1" ]]
}
follow() { # NAME: start it
	start "$1" "$LOGWATCH" --rules "$1.yml"
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "$1.log"
}

step 'a log that is not there: a minute from now'
rules gone <<'YAML'
settings: {state: gone.db, actions: [tell]}
sources: {app: {path: [gone-a.log, gone-b.log]}}
rules: [{id: r, match: oops, actions: tell}]
actions: {tell: {webhook: {url: '${hook}'}}}
YAML
: >gone-a.log
follow gone
gone=$watcher
gone_since=$SECONDS

step 'lines that nobody can read any more'
rules lost <<'YAML'
settings: {state: lost.db, actions: [tell, note]}
sources: {app: {path: lost-app.log}}
rules: [{id: r, match: oops, actions: tell}]
actions:
  tell: {webhook: {url: '${hook}'}}
  note: {exec: [sh, -c, 'echo "$LOGWATCH_RULE $LOGWATCH_CAPTURE_BYTES $1" >>notes', sh, '{{path}}']}
YAML
echo one >lost-app.log
follow lost
stop "$watcher"
mv lost-app.log away
echo two >lost-app.log
follow lost
wait_for 10 'the message' posted '.rule == "logwatch.lines-lost" and
    .change == "opened" and .severity == "error" and .source == "app" and
    .path == "lost-app.log" and .count == 1 and
    .key == {source: "app"}'
wait_for 10 'the script' test -s notes
expect_equal 'what the script was given' \
    'logwatch.lines-lost unknown lost-app.log' "$(cat notes)"
stop "$watcher"

step 'a state file that was damaged'
head -c 8192 /dev/zero | tr '\0' 'x' >damaged
printf 'SQLite format 3\0' | cat - damaged >lost.db
rm -f lost.db-wal lost.db-shm
follow lost
wait_for 10 'the message' posted '.rule == "logwatch.state-damaged" and
    (.path | endswith("/lost.db.damaged-1"))'
stop "$watcher"

step 'a log that cannot be read, until it can'
rules closed <<'YAML'
settings: {state: closed.db, actions: [tell]}
sources: {app: {path: closed-app.log}}
rules: [{id: r, match: oops, actions: tell}]
actions: {tell: {webhook: {url: '${hook}'}}}
YAML
mkfifo closed-app.log
follow closed
wait_for 20 'the incident' record closed '.state == "open" and
    .rule == "logwatch.source-unreadable" and .path == "closed-app.log"'
stop "$watcher"
rm closed-app.log
: >closed-app.log
follow closed # it was over before logwatch was there to see it
wait_for 10 'the end' record closed '.state == "resolved" and
    .rule == "logwatch.source-unreadable"'
wait_for 10 'what was told' posted '.change == "resolved" and
    .rule == "logwatch.source-unreadable"'
stop "$watcher"

step 'a source that falls silent, over a restart'
rules silent <<'YAML'
settings: {state: silent.db, actions: [tell]}
sources: {app: {path: silent-app.log, silent: 3s}}
rules: [{id: r, match: oops, actions: tell}]
actions: {tell: {webhook: {url: '${hook}'}}}
YAML
: >silent-app.log
follow silent
wait_for 10 'the incident' record silent '.state == "open" and
    .rule == "logwatch.source-silent" and .source == "app" and
    .summary == "Nothing was logged by app for 3s"'
stop "$watcher"
follow silent
echo talks >>silent-app.log
wait_for 10 'the end' record silent '.state == "resolved" and
    .rule == "logwatch.source-silent"'
stop "$watcher"

step 'an action that fails, until it works; of itself it does not speak'
rules fails <<'YAML'
settings: {state: fails.db, actions: [bad, tell]}
sources: {app: {path: fails-app.log}}
rules: [{id: r, match: oops, actions: bad, key: [n]}]
actions:
  bad: {webhook: {url: '${bad}'}}
  tell: {webhook: {url: '${hook}'}, changes: [opened, resolved]}
YAML
sed -i "s/match: oops/match: 'oops (?<n>.)'/" fails.yml
cat >refuse.py <<'PY'
import http.server, os, sys
class Refuse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200 if os.path.exists('mended') else 404)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *args):
        print('asked', flush=True)
server = http.server.HTTPServer(('127.0.0.1', 0), Refuse)
with open('bad-port.new', 'w') as f:
    f.write(str(server.server_port))
os.rename('bad-port.new', 'bad-port')
server.serve_forever()
PY
start refuse /usr/bin/env python3 refuse.py
wait_for 10 'who refuses' test -s bad-port
bad=http://127.0.0.1:$(cat bad-port)/
export bad
: >fails-app.log
follow fails
echo 'oops 1' >>fails-app.log
wait_for 10 'the message elsewhere' posted '.change == "opened" and
    .rule == "logwatch.action-failed" and .captures.action == "bad" and
    (.summary | contains("404"))'
wait_for 10 'the second refusal, of what is told of the first' refused 2
echo 'oops 2' >>fails-app.log
wait_for 10 'it counts' record fails \
    '.rule == "logwatch.action-failed" and .count == 2'
record fails '.rule == "logwatch.action-failed" and .count > 2' &&
    die 'what was told of a failure counted as one'
expect_equal 'incidents of it' 1 "$(grep -c \
    'incident opened rule=logwatch.action-failed' fails.log)"
touch mended
echo 'oops 3' >>fails-app.log
wait_for 10 'its end' posted '.change == "resolved" and
    .rule == "logwatch.action-failed"'
stop "$watcher"

step 'more waits for a receiver than there is room for'
rules full <<'YAML'
settings: {state: full.db, actions: [tell], outbox: {max: 64KiB, age: 1h}}
sources: {app: {path: full-app.log}}
rules: [{id: r, match: 'oops (?<n>\d+)', key: n, actions: dead}]
actions:
  dead: {webhook: {url: 'http://127.0.0.1:1/'}}
  tell: {webhook: {url: '${hook}'}}
YAML
: >full-app.log
follow full
for i in {1..200}; do
	printf 'oops %d %01000d\n' "$i" 0
done >>full-app.log
wait_for 10 'word of what is dropped' posted '.change == "opened" and
    .rule == "logwatch.outbox-full" and (.captures.dropped | tonumber) > 0'
stop "$watcher"
expect_equal 'incidents of it' 1 "$(grep -c \
    'incident opened rule=logwatch.outbox-full' full.log)"

step 'a pattern that gives up again and again'
rules slow <<'YAML'
settings: {state: slow.db}
sources: {app: {path: slow-app.log}}
rules: [{id: slow, match: '^(a|aa)+$'}]
YAML
: >slow-app.log
follow slow
line=$(printf 'a%.0s' {1..60})b
for _ in {1..12}; do
	echo "$line"
done >>slow-app.log
wait_for 60 'the incident' record slow '.state == "open" and
    .rule == "logwatch.rule-suspended" and .captures.name == "slow" and
    .captures.part == "match"'
stop "$watcher"

step 'switched off, there is none'
sed -i 's/settings: {/settings: {builtin: false, /' closed.yml
rm -f closed.db* closed-app.log
mkfifo closed-app.log
follow closed
off=$watcher
off_since=$SECONDS

step 'a backlog opens its incident and runs nothing'
rules late <<'YAML'
settings: {state: late.db, late_after: 1h}
sources: {app: {path: [late-app.log, late-new.log], start_at: beginning}}
rules: [{id: r, match: 'oops (?<n>.)', key: n, actions: [tell, repair]}]
actions:
  tell: {webhook: {url: '${hook}'}}
  repair: {exec: [sh, -c, 'echo "$1" >>repaired', sh, '{{n}}']}
YAML
echo 'oops 1' >late-app.log
touch -d '2 hours ago' late-app.log
echo 'oops 2' >late-new.log
follow late
wait_for 10 'the late one' record late '.key.n == "1" and .late and
    [.actions[].state] == ["skipped"]'
wait_for 10 'its message' posted '.key.n == "1" and .late and
    [.actions[].state] == ["skipped"]'
wait_for 10 'the one that is not late' record late '.key.n == "2" and
    (.late | not) and [.actions[].state] == ["succeeded"]'
echo 'oops 3' >>late-app.log
wait_for 10 'a new line of the old file' record late '.key.n == "3" and
    (.late | not) and [.actions[].state] == ["succeeded"]'
expect_equal 'what was repaired' '2 3' "$(sort repaired | xargs)"
stop "$watcher"

step 'the log that is not there'
record gone '.rule == "logwatch.source-missing"' &&
    ((SECONDS - gone_since < 59)) && die 'told too early'
wait_for $((75 - (SECONDS - gone_since))) 'the incident' record gone \
    '.state == "open" and .rule == "logwatch.source-missing" and
    .path == "gone-b.log" and .severity == "warning"'
echo here >gone-b.log
wait_for 10 'the end' posted '.change == "resolved" and
    .rule == "logwatch.source-missing"'
record gone '.path == "gone-a.log"' && die 'the other log is not missing'
stop "$gone"

((SECONDS - off_since > 7)) || die 'too early to know'
record closed 'true' && die 'an incident although they are switched off'
stop "$off"
step 'done'

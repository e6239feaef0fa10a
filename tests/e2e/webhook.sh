#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Webhooks that are signed: what a receiver can verify, at each attempt, and
# what a secret never gets into.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3 openssl
cd "$tmp" || exit 1
port=$(free_port)

# Answers what stands in the file 'answer'; notes each request as a line of JSON.
cat >server.py <<'EOS'
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        names = ('webhook-id', 'webhook-timestamp', 'webhook-signature')
        request = {name[8:]: self.headers.get(name) for name in names}
        request['body'] = body.decode()
        with open('answer') as f:
            status = int(f.read())
        with open('posts.jsonl', 'a') as f:
            f.write(json.dumps(request) + '\n')
        self.send_response(status)
        # a receiver that tells what it got
        answer = str(self.headers).encode()
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])),
                                Handler).serve_forever()
EOS
start server python3 server.py "$port"

secret() {
	echo "whsec_$(openssl rand -base64 32)"
}
one=$(secret)
two=$(secret)
cat >rules.yml <<EOF
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log, start_at: beginning}
rules:
  - {id: down, match: DOWN, actions: [tell], resolve: manual}
actions:
  tell: {webhook: {url: 'http://127.0.0.1:$port/', secret_file: secret}}
EOF

post() { # NUMBER FILTER
	sed -n "$1p" posts.jsonl | jq -rj "$2"
}
posts() { # COUNT
	[[ $(wc -l <posts.jsonl) -ge $1 ]]
}
# The signature by another hand: openssl's HMAC, the key as hexadecimal.
signature() { # NUMBER SECRET
	local key

	key=$(printf %s "${2#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
	printf 'v1,%s' "$(post "$1" '"\(.id).\(.timestamp).\(.body)"' |
	    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary |
	    base64)"
}

step 'each attempt is signed with what the file holds then'
: >posts.jsonl
echo 503 >answer
echo "$one" >secret
echo DOWN >app.log
start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 20 'two attempts' posts 2
for attempt in 1 2; do
	expect_equal "the signature of attempt $attempt" \
	    "$(signature $attempt "$one")" "$(post $attempt .signature)"
done
printf '%s\n%s\n' "$two" "$one" >secret
echo 200 >answer
wait_for 20 'it is sent' grep -q 'notification sent' watch.log
stop "$watcher"
last=$(wc -l <posts.jsonl)
expect_equal 'both signatures' \
    "$(signature "$last" "$two") $(signature "$last" "$one")" \
    "$(post "$last" .signature)"
expect 'the time is of the attempt' \
    test "$(post 1 .timestamp)" -lt "$(post "$last" .timestamp)"
for part in .id .body; do
	expect_equal "$part at each attempt" 1 \
	    "$(jq -r $part posts.jsonl | sort -u | wc -l)"
done

step 'what cannot be signed is not sent'
printf 'whsec_hush-hush\n' >secret
sed -i 's/id: down/id: again/' rules.yml
echo DOWN >>app.log
start again "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 20 'it says so' grep -q \
    'not sent .*: the secret in secret is no base64' again.log
expect_equal 'requests' "$last" "$(wc -l <posts.jsonl)"
echo "$two" >secret
wait_for 20 'it is sent' grep -q 'notification sent' again.log
stop "$watcher"

step 'no secret and no signature is in log and state'
for what in "$one" "$two" "${one#whsec_}" "${two#whsec_}" hush-hush \
    "$(post 1 .signature)" "$(post "$last" .signature | cut -d ' ' -f 2)"; do
	[[ $what ]] || die 'nothing to look for'
	if grep -qaF -e "$what" -- watch.log again.log s.db*; then
		die "a secret is told: $what"
	fi
done
expect 'an answer was quoted' grep -q 'answered 503: .*Host: 127' watch.log
step 'done'

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Mails as a server and a reader of mail see them: threads, hostile text, replies
# that are final and that are not, TLS, and what a password never gets into.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3 openssl
cd "$tmp" || exit 1

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mail.test \
    -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out ca.pem \
    2>openssl.out || die 'no certificate'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other.test \
    -addext subjectAltName=IP:127.0.0.1 -keyout other-key.pem \
    -out other-ca.pem 2>>openssl.out || die 'no certificate'
cat key.pem ca.pem >server.pem

server() { # NAME [KIND]: its port in $port
	start "server-$1" python3 "$srcdir/tests/e2e/smtp.py" "$@"
	wait_for 10 "the server $1" test -s "$1.port"
	port=$(cat "$1.port")
}
# NAME EXPRESSION: of the mails that it took, as a reader of mail sees them
mails() {
	python3 - "$@" <<'EOF'
import email.policy
import json
import sys

mails = []
with open(sys.argv[1] + '.mails') as file:
    for line in file:
        envelope = json.loads(line)
        mail = email.message_from_string(envelope['text'],
                                         policy=email.policy.default)
        assert not mail.defects, mail.defects
        for value in mail.values():
            assert not value.defects, value.defects
        text = mail.get_content().replace('\r\n', '\n')
        mails.append((envelope, mail, text))
print(eval('(' + sys.argv[2] + ')'))
EOF
}
count() { # NAME COUNT
	[[ $(wc -l <"$1.mails") -ge $2 ]]
}
rules() { # the settings of the mail on standard input
	cat <<EOF >rules.yml
version: 1
settings: {state: s.db, host: crm-1}
sources:
  app: {path: app.log, multiline: {start: '^(DOWN|OK|READY)'}}
rules:
  - id: down
    match: DOWN
    actions: [mail]
    resolve: {match: READY}
    cooldown: 1ms
    description: "one\n.\n..two\n\n.QUIT"
actions:
  mail: {email: {$(cat)}}
EOF
	: >app.log
}
watch() { # NAME
	start "$1" "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' grep -q 'info: following version' "$1.log"
}

step 'an incident is a thread, whatever its log says'
server plain
rules <<EOF
smtp: 'smtp://127.0.0.1:$port', from: 'Wächter <log@a.test>', to: [ops@b.test, 'Boss <boss@b.test>']
EOF
watch thread
printf 'DOWN \e[31mDienst "Grün" \xff\n.\nSubject: no\r\n.\r\nQUIT\r\n' >>app.log
echo 'OK' >>app.log
wait_for 20 'the first mail' count plain 1
echo 'READY' >>app.log
wait_for 20 'the second' count plain 2
stop "$watcher"
expect_equal 'the envelope' \
    "<log@a.test> ['<ops@b.test>', '<boss@b.test>'] None" \
    "$(mails plain "'%s %s %s' % tuple(mails[0][0][n] for n in ('from', 'to', 'user'))")"
expect_equal 'the head' 'Wächter <log@a.test>, ops@b.test, Boss <boss@b.test>' \
    "$(mails plain "'%s, %s' % (mails[0][1]['From'], mails[0][1]['To'])")"
expect_equal 'the subjects' '[error] opened: [error] resolved: ' \
    "$(mails plain "''.join(m[1]['Subject'].partition(':')[0] + ': ' for m in mails)")"
expect_equal 'the kind' 'text/plain utf-8 auto-generated' \
    "$(mails plain "' '.join([mails[0][1].get_content_type(), mails[0][1].get_content_charset(), mails[0][1]['Auto-Submitted']])")"
expect_equal 'the thread' True \
    "$(mails plain "mails[0][1]['In-Reply-To'] is None and
        mails[1][1]['In-Reply-To'] == mails[0][1]['Message-ID'] ==
        mails[1][1]['References'] != mails[1][1]['Message-ID']")"
expect_equal 'the text' True "$(mails plain "'''
one
.
..two

.QUIT

→ DOWN Dienst \"Grün\" �
→ .
→ Subject: no
→ .
→ QUIT
''' in mails[0][2] and '\x1b' not in mails[0][0]['text']")"
expect_equal 'the end of the first' QUIT \
    "$(sed -n '/^QUIT$/{p;q}' plain.commands)"

step 'what a server does not take now it is sent again'
: >plain.mails
echo 'RCPT 450 4.7.1 greylisted' >plain.replies
watch later
echo 'DOWN' >>app.log
wait_for 20 'it is refused' grep -q \
    'not sent .*: answered 450: 4.7.1 greylisted; retry in' later.log
echo '. 451 4.3.0 full' >plain.replies
wait_for 20 'it is refused at its end' grep -q \
    'not sent .*: answered 451: 4.3.0 full; retry in' later.log
expect_equal 'mails' 0 "$(wc -l <plain.mails)"
rm plain.replies
wait_for 20 'it is sent' grep -q 'notification sent' later.log
expect_equal 'mails' 1 "$(wc -l <plain.mails)"

step 'what it never takes is a dead letter at once'
echo 'RCPT 550-5.1.1 no|550 such user' >plain.replies
echo 'READY' >>app.log
wait_for 20 'it is given up' grep -q 'given up .*attempts=1: answered 550: 5.1.1 no such user; kept' later.log
stop "$watcher"
rm plain.replies

step 'who is to use TLS sends nothing without it'
rules <<EOF
smtp: 'smtp://127.0.0.1:$port', from: log@a.test, to: ops@b.test, ca_file: ca.pem, user: me, password_file: pass
EOF
echo 's3cret-word' >pass
: >plain.mails
: >plain.commands
watch bare
echo 'DOWN' >>app.log
wait_for 20 'it says so' grep -qi 'not sent .*STARTTLS' bare.log
stop "$watcher"
expect_equal 'what was said' 'EHLO' \
    "$(cut -d ' ' -f 1 plain.commands | sort -u)"

for kind in starttls smtps; do
	step "$kind with a certificate of that CA"
	server "$kind" "$kind"
	scheme=smtp
	[[ $kind == smtps ]] && scheme=smtps
	rm -f s.db*
	rules <<EOF
smtp: '$scheme://127.0.0.1:$port', from: log@a.test, to: ops@b.test, ca_file: ca.pem, user: me, password_file: pass
EOF
	watch "$kind"
	# a server that repeats what it was told
	plain_login=$(printf '\0me\0s3cret-word' | base64)
	echo "AUTH 454 4.7.0 no $plain_login s3cret-word" >"$kind.replies"
	echo 'DOWN' >>app.log
	wait_for 20 'it is refused' grep -qF \
	    'answered 454: 4.7.0 no *** ***; retry in' "$kind.log"
	rm "$kind.replies"
	wait_for 20 'it is sent' count "$kind" 1
	expect_equal 'who sent it' "$plain_login True" \
	    "$(mails "$kind" "'%s %s' % (mails[0][0]['user'], mails[0][0]['secure'])")"
	expect 'over TLS' test "$(wc -l <"$kind.mails")" -eq 1
	stop "$watcher"

	step "$kind with one of another CA"
	rm -f s.db*
	sed -i 's/ca_file: ca.pem/ca_file: other-ca.pem/' rules.yml
	: >"$kind.commands"
	: >app.log
	watch "$kind-other"
	echo 'DOWN' >>app.log
	wait_for 20 'it is not sent' grep -qi 'not sent .*certificate' \
	    "$kind-other.log"
	stop "$watcher"
	expect "no login" eval "! grep -q AUTH $kind.commands"
	for what in s3cret-word "$plain_login" \
	    "$(printf s3cret-word | base64)"; do
		if grep -qaF -e "$what" -- "$kind"*.log s.db*; then
			die "a password is told: $what"
		fi
	done
done
step 'done'

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Logs as strangers write them: no crash, no loss of the lines around, no
# memory without bound.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
settings: {state: s.db}
sources:
  app: {path: app.log}
rules:
  - id: found
    match: 'FIND (?<what>\S+)'
    key: [what]
    actions: [show]
    resolve: manual
actions:
  show: {exec: [./show, '{{what}}', --, '{{event}}']}
EOF
cat >show <<'EOF'
#!/bin/sh
printf '%s' "$1" >"arg-$LOGWATCH_LINE"
printf '%s' "$3" >"event-$LOGWATCH_LINE"
cat >"record-$LOGWATCH_LINE"
EOF
chmod +x show
: >app.log

start watch "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' watch.log

found() { # WHAT
	"$LOGWATCH" incidents --json --state s.db 2>/dev/null |
	    jq -es "any(.key.what == \"$1\")" >/dev/null
}

step 'binary bytes, NUL, invalid UTF-8, escapes'
head -c 100000 /dev/urandom | tr -d '\n' >>app.log
printf '\nFIND after-binary\r\n' >>app.log
wait_for 10 'the line behind' found after-binary
printf 'a\0b FIND with-nul \xff\xfe \x1b[31mred\x1b[0m\n' >>app.log
wait_for 10 'the line with a NUL' found with-nul
wait_for 10 'its script' test -s record-3
jq -e '.event == "a\u0000b FIND with-nul \ufffd\ufffd red" and .line == 3' \
    record-3 >/dev/null || die "$(cat record-3)"

step 'what looks like shell, options, variables stays one argument'
printf '%s\n' 'FIND $(touch${IFS}owned);`touch${IFS}owned`|"'"'"'&>owned' \
    >>app.log
wait_for 10 'its script' test -s record-4
expect_equal 'the argument' '$(touch${IFS}owned);`touch${IFS}owned`|"'"'"'&>owned' \
    "$(cat arg-4)"
[[ ! -e owned ]] || die 'log text reached a shell'

step 'a line of 100 MB does no harm, the next one is whole'
rss_before=$(awk '/VmRSS/ {print $2}' "/proc/$watcher/status")
{
	printf 'FIND head-of-long '
	head -c 100000000 /dev/zero | tr '\0' x
	printf '\nFIND behind-long\n'
} >>app.log
wait_for 60 'the line behind' found behind-long
expect 'its head' found head-of-long
rss_after=$(awk '/VmRSS/ {print $2}' "/proc/$watcher/status")
# A sanitizer keeps what was freed for a while.
((rss_after - rss_before < 100000)) ||
    die "memory grew from $rss_before to $rss_after kB"

step 'a pattern that explodes is counted, not taken for a miss'
sed -i "s/match: 'FIND/match: '^(a+)+\$|FIND/" rules.yml
stop "$watcher"
start explode "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'it follows' grep -q 'info: following version' explode.log
printf '%s!\nFIND behind-explosion\n' "$(printf 'a%.0s' {1..60})" >>app.log
wait_for 10 'the line behind' found behind-explosion
grep -q 'error: a pattern hit its match limit.*rule=found' explode.log ||
    die "$(cat explode.log)"
expect 'it runs' running "$watcher"
stop "$watcher"

step 'nor is it by what reads old logs'
tail -n 2 app.log >old.log
printf '%s\n' 'tests:' '  - name: explodes' '    source: app' \
    '    steps: [{log_file: old.log},]' | cat rules.yml - >tests.yml
for command in scan replay explain; do
	"$LOGWATCH" "$command" --rules rules.yml old.log >out.log 2>err.log
	expect_equal "the status of $command" 3 $?
	grep -q 'match limit' err.log || die "$command: $(cat err.log)"
done
"$LOGWATCH" test --rules tests.yml >out.log 2>&1
expect_equal 'the status of test' 1 $?
expect 'why' grep -q 'pattern hit its match limit' out.log

step 'a directory, a FIFO under the name of a log: said, no hang'
rm app.log
mkfifo app.log
start fifo "$LOGWATCH" --rules rules.yml
watcher=$pid
wait_for 10 'word of it' grep -qi 'app.log.*not a regular file\|app.log.*fifo' fifo.log
rm app.log
echo 'FIND real-file' >app.log
wait_for 10 'the file that took its place' found real-file
stop "$watcher"
step 'its own log among the logs is not followed: no line about a line'
printf '%s\n' 'version: 1' "settings: {state: own.db}" \
    "sources: {all: {path: '*.olog', start_at: beginning}}" \
    "rules: [{id: any, match: 'FIND|follow'}]" >own.yml
echo 'FIND me' >a.olog
start own "$LOGWATCH" --rules own.yml --log-file own.olog
watcher=$pid
wait_for 10 'the log beside it' grep -q 'incident opened' own.olog
echo 'FIND me too' >>a.olog
wait_for 10 'both' eval '"$LOGWATCH" incidents --json --state own.db |
    jq -e ".count == 2" >/dev/null'
grep -q "own.olog.*own log" own.olog || die 'it does not say so'
stop "$watcher"

step 'closed standard streams, and SIGCHLD ignored, do no harm'
(trap '' CHLD; exec "$LOGWATCH" --rules rules.yml --once <&- >&- 2>&-)
expect_equal 'its exit' 0 $?
"$LOGWATCH" scan --rules rules.yml app.log >&- 2>/dev/null
expect_equal 'a scan that cannot print' 3 $?
"$LOGWATCH" scan --rules rules.yml - <&- >/dev/null 2>&1
expect_equal 'a scan that cannot read' 3 $?

step 'a byte order mark is no text'
printf '\xef\xbb\xbf{ FIND marked\n' >bom.log
sed "s/match: .*/match: '^\\{ FIND (?<what>.*)'/" rules.yml >bom.yml
"$LOGWATCH" scan --rules bom.yml bom.log >/dev/null || die "exit $?"
step 'done'

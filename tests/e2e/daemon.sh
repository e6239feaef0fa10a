#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The daemon as an operator handles it: start, background, pidfile, stop, what
# it says of faults, what is left behind for the next start.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1
export XDG_STATE_HOME=$tmp/xdg

cat >rules.yml <<'EOF'
version: 1
sources:
  app: {path: app.log}
rules:
  - id: broke
    match: 'ERROR (?<what>\w+)'
    key: [what]
    summary: 'broke: {{what}}'
    actions: [note]
    resolve: {match: 'mended (?<what>\w+)', same: [what]}
actions:
  note: {exec: [./note.sh, '{{what}}']}
EOF
cat >note.sh <<'EOF'
#!/bin/sh
echo "$1" >>notes
EOF
chmod +x note.sh

noted() { # WHAT
	grep -qx -- "$1" notes 2>/dev/null
}
open_count() { # NUMBER
	[[ $("$LOGWATCH" incidents --json --rules rules.yml | wc -l) -eq $1 ]]
}

step 'goes to the background once every source is watched'
: >app.log
"$LOGWATCH" --rules rules.yml --daemon --pidfile pid --log-file lw.log ||
    die "start: exit $?"
daemon=$(cat pid)
lib_pids+=("$daemon")
expect 'it runs' running "$daemon"
[[ $(readlink "/proc/$daemon/exe") == "$LOGWATCH" ]] || die 'whose pid is it?'
# What is appended right after the return must not be lost.
echo 'ERROR first' >>app.log
wait_for 10 'the script of the first' noted first

step 'tells its incidents while it runs'
expect 'one is open' open_count 1
"$LOGWATCH" incidents --json --rules rules.yml |
    jq -e '.rule == "broke" and .key.what == "first" and .line == 1 and
        .state == "open" and .actions[0].state == "succeeded" and
        .actions[0].exit == 0' >/dev/null || die 'the record'
[[ -f xdg/logwatch/rules.db ]] || die 'the state is not where it belongs'

step 'a second one is refused'
if "$LOGWATCH" --rules rules.yml --once >second.log 2>&1; then
	die 'a second one ran on the same state'
fi
expect_equal 'its exit' 3 "$("$LOGWATCH" --rules rules.yml --once \
    >/dev/null 2>&1; echo $?)"
tail -n 1 second.log | grep -q 'in use' || die "$(cat second.log)"
if "$LOGWATCH" --rules rules.yml --state other.db --daemon --pidfile pid \
    >second.log 2>&1; then
	die 'a second one took the pidfile'
fi
grep -q 'pidfile' second.log || die "$(cat second.log)"
expect_equal 'the pidfile is still the first one'"'"'s' "$daemon" "$(cat pid)"

step 'stops on SIGTERM, takes its pidfile along, goes on where it was'
kill "$daemon"
wait_for 10 'its end' eval '! running "$daemon"'
[[ ! -e pid ]] || die 'the pidfile is still there'
echo 'ERROR second' >>app.log
echo 'mended first' >>app.log
"$LOGWATCH" --rules rules.yml --once >once.log 2>&1 || die "exit $?"
expect 'the second was seen' noted second
expect_equal 'each once' 'first second' "$(tr '\n' ' ' <notes | sed 's/ $//')"
expect 'the first is resolved' open_count 1
expect_equal 'in history' 2 \
    "$("$LOGWATCH" incidents --all --json --rules rules.yml | wc -l)"

step 'who waits for what the starter says does not wait for the daemon'
said=$(timeout 10 "$LOGWATCH" --rules rules.yml --daemon --pidfile pid 2>&1) ||
    die "exit $?: $said"
daemon=$(cat pid)
lib_pids+=("$daemon")
[[ $said == *"logging to $tmp/xdg/logwatch/rules.log"* ]] || die "$said"
kill "$daemon"
wait_for 10 'its end' eval '! running "$daemon"'

step 'a dry run says what it would do, and leaves no trace'
echo 'ERROR third' >>app.log
"$LOGWATCH" --rules rules.yml --once --dry-run >dry.log 2>&1 || die "exit $?"
grep -q "would run .*note.sh' 'third'" dry.log || die "$(cat dry.log)"
if noted third; then die 'it ran'; fi
"$LOGWATCH" --rules rules.yml --once >>once.log 2>&1 || die "exit $?"
expect 'the real run still sees it' noted third

step 'a log that is not there is said once and followed when it appears'
sed 's/app.log/deep\/er\/late.log/' rules.yml >late.yml
start late "$LOGWATCH" --rules late.yml
wait_for 10 'word of the missing log' grep -q 'late.log' late.log
mkdir -p deep/er
echo 'ERROR late' >deep/er/late.log
wait_for 10 'the late log' noted late
stop "$pid"
expect_equal 'said once' 1 "$(grep -c 'warning:.*late.log.*\(not there\|no such\|missing\|does not exist\)' -i late.log)"

step 'a glob that names nothing yet is said'
sed 's/app.log/none-*.log/' rules.yml >glob.yml
"$LOGWATCH" --rules glob.yml --once 2>glob.log || die "exit $?"
grep -q 'warning: no file is there.*none-' glob.log || die "$(cat glob.log)"

step 'faults are printed as check prints them, and nothing starts'
cat >bad.yml <<'EOF'
version: 1
sources: {app: {path: app.log}}
rules:
  - id: a
    regex: 'x'
  - id: b
    match: '('
EOF
"$LOGWATCH" check --rules bad.yml >check.out
expect_equal 'check' 1 $?
"$LOGWATCH" --rules bad.yml >/dev/null 2>bad.err
expect_equal 'run' 3 $?
grep -v 'errors\?,' check.out >check.faults
head -n "$(wc -l <check.faults)" bad.err | diff -u check.faults - ||
    die 'run and check say different things'
grep -q "bad.yml:5:5: error: .*did you mean 'match'" check.out ||
    die "$(cat check.out)"
"$LOGWATCH" --rules none.yml 2>none.err
expect_equal 'a rule file that is not there' 3 $?
tail -n 1 none.err | grep -q 'none.yml' || die "$(cat none.err)"
"$LOGWATCH" nonsense 2>/dev/null
expect_equal 'wrong usage' 2 $?
step 'done'

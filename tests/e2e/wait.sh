#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The start gate: goes on when a line says so, and gives up for what is worse.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
cd "$tmp" || exit 1

cat >one.yml <<'YAML'
version: 1
settings: {state: must-not-appear.db}
sources: {app: {path: app.log}}
rules: [{id: r, match: x}]
YAML
cat >two.yml <<'YAML'
version: 1
sources:
  app: {path: app.log, multiline: {start: '^\['}}
  api: {path: api.log, format: json, message: msg}
rules: [{id: r, match: x}]
YAML

gate() { # ARGUMENT...: starts it, until it follows
	: >gate.out
	: >gate.err
	"$LOGWATCH" wait --rules "$rules" "$@" >gate.out 2>gate.err &
	pid=$!
	wait_for 10 'it waits' watches "$pid"
}
watches() { # PID: it has an inotify watch, or is gone
	! running "$1" || grep -qs '^inotify' "/proc/$1/fdinfo/"*
}
gives() { # STATUS WHAT
	wait "$pid"
	expect_equal "the status: $2" "$1" $?
}

rules=one.yml
step 'what was there before is not what is waited for'
echo ready >app.log
gate --for '^ready$' --timeout 300ms
gives 1 'the time is up'
expect_equal 'why' 'logwatch: the time is up' "$(cat gate.err)"
expect 'no line came' test ! -s gate.out

step 'a new line opens it, colours off'
gate --for '^ready$'
printf 'starting\n\033[32mready\033[0m\n' >>app.log
gives 0 'ready'
expect 'nothing is said' test ! -s gate.out -a ! -s gate.err

step 'a line that says otherwise shuts it, and the last lines are shown'
gate --for ready --fail 'cannot|ready' --tail 2
printf 'one\ntwo\nit cannot be ready\nfour\n' >>app.log
gives 1 'a line of --fail'
expect_equal 'why' 'logwatch: a line matched --fail' "$(cat gate.err)"
expect 'the last lines' grep -qx 'it cannot be ready' gate.out
expect 'no more of them' test "$(wc -l <gate.out)" -le 2

step 'a log that is not there yet, and one that is begun anew'
rm app.log
gate --for ready
echo ready >app.log
gives 0 'a new file'
gate --for begun
echo begun >app.log
gives 0 'a file begun anew'

step 'what a process said last counts when it is gone'
mkfifo go
sh -c 'read -r x <go; echo nothing; echo ready >>app.log' >>app.log &
process=$!
gate --for ready --pid "$process"
echo >go
gives 0 'it said so before it went'
sh -c 'read -r x <go; for i in 1 2 3; do echo "line $i"; done' >>app.log &
process=$!
gate --for ready --pid "$process"
echo >go
gives 1 'it went without'
expect_equal 'why' 'logwatch: the process is gone' "$(cat gate.err)"
expect_equal 'what it said' $'line 1\nline 2\nline 3' "$(cat gate.out)"
gate --for ready --pid "$process"
gives 1 'it was gone before'

step 'events are those of the source'
rules=two.yml
echo >api.log
gate --source app --for '(?s)^\[x\].*ready'
printf '[x] one\n  ready\n' >>app.log
gives 0 'of several lines'
gate --source api --for '^ready "now"$'
echo '{"msg":"ready \"now\""}' >>api.log
gives 0 'a JSON object'

step 'wrong usage, and rules with faults'
usage() { # STATUS ARGUMENT...
	local status=$1
	shift
	"$LOGWATCH" wait "$@" >out.log 2>err.log
	expect_equal "wait $*" "$status" $?
}
usage 2 --rules one.yml
usage 2 --for x
usage 2 --rules two.yml --for x
usage 2 --rules one.yml --source nobody --for x
usage 2 --rules one.yml --for '('
usage 2 --rules one.yml --for x --timeout 5
usage 2 --rules one.yml --for x --pid 0
usage 2 --rules one.yml --for x --tail -1
usage 2 --rules one.yml --for x y
echo 'version: 2' >bad.yml
usage 3 --rules bad.yml --for x
usage 3 --rules nowhere.yml --for x
expect 'no state' test ! -e must-not-appear.db

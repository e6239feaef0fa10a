#!/bin/sh
# SPDX-License-Identifier: MIT
# From a fresh checkout to a running logwatch: installs what is missing,
# builds in build, and runs rules/twenty.yml on a worker's log; where there is
# none, on one in which it plays the incident, from the crash to 'resolved'.
set -eu

usage='usage: contrib/quickstart.sh [LOG]
  LOG  the log of a Twenty queue worker; default: what TWENTY_WORKER_LOG says,
       else ./twenty_worker.log.  Where it is not there, an incident is played.'

case $#:${1:-} in
1:--help)
	echo "$usage"
	exit 0
	;;
0: | 1:[!-]*) ;;
*)
	echo "$usage" >&2
	exit 2
	;;
esac
log=${1:-${TWENTY_WORKER_LOG:-twenty_worker.log}}
case $log in
/*) ;;
*) log=$PWD/$log ;;
esac
cd "$(dirname "$0")/.."
root=$PWD
logwatch=$root/build/logwatch

say() {
	printf '== %s\n' "$*"
}

die() {
	echo "quickstart: $*" >&2
	exit 1
}

# Joined by &&, for `if` switches `set -e` off.
build() {
	{ [ -e configure ] && [ -e Makefile.in ] || ./autogen.sh; } &&
	    cd build &&
	    { [ -e Makefile ] || ../configure --quiet; } &&
	    make --no-print-directory -j "$(nproc)" logwatch
}

./contrib/install-deps.sh
say 'building in ./build (what it says goes to build/quickstart.log)'
mkdir -p build
if ! (build) >build/quickstart.log 2>&1 </dev/null; then
	tail -n 40 build/quickstart.log >&2
	die 'the build failed: see build/quickstart.log'
fi

if [ -e "$log" ]; then
	say "following $log; Ctrl-C ends it"
	export TWENTY_WORKER_LOG="$log"
	exec "$logwatch" --rules rules/twenty.yml
fi

# --- No log: the incident is played.

say "There is no $log."
say 'So this plays the incident, with stand-ins for the worker and for psql,'
say 'and a receiver in the place of Slack (Teams would be told the same).'

dir=$(mktemp -d)
pids=

# Waits up to SECONDS until the rest holds.
within() { # SECONDS COMMAND...
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 0.2
	done
}

# The one that was restarted is no child of this shell.
end_worker() {
	[ -s "$dir/worker.pid" ] || return 0
	worker=$(cat "$dir/worker.pid")
	kill "$worker" 2>/dev/null || return 0
	within 5 gone "$worker" || kill -KILL "$worker" 2>/dev/null || :
}

gone() { # PID
	! kill -0 "$1" 2>/dev/null
}

cleanup() {
	trap - EXIT
	trap '' INT TERM HUP
	end_worker
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null || :
	done
	# Again: a repair that ran meanwhile may have started one more.
	end_worker
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

give_up() {
	echo "quickstart: $*" >&2
	if [ -e "$dir/logwatch.log" ]; then
		echo "quickstart: what logwatch said:" >&2
		cat "$dir/logwatch.log" >&2
	fi
	exit 1
}

incidents() {
	"$logwatch" incidents --all --state "$dir/twenty.db" "$@"
}

resolved() {
	incidents --json 2>/dev/null | grep '"rule": *"violation-then-exit"' |
	    grep -q '"resolved_at": *"'
}

"$root/contrib/receiver.py" --port 0 --port-file "$dir/port" \
    --record "$dir/messages.jsonl" &
pids=$!
within 10 test -s "$dir/port" || give_up 'the receiver did not start'

say 'The worker starts and does its jobs.'
log=$dir/twenty_worker.log
"$root/contrib/demo/queue-worker.sh" "$dir" >>"$log" 2>&1 &
pids="$pids $!"
within 10 grep -q 'processed on queue' "$log" ||
    give_up 'the stand-in worker did not start'

# All that makes it a demo is in the environment: rules and scripts are the
# shipped ones.  The stand-in psql comes first in PATH; a worker of this
# machine must not be taken for ours, so the pattern names the directory.
PATH=$root/contrib/demo/bin:$PATH \
    TWENTY_WORKER_LOG=$log TWENTY_DIR=$dir \
    TWENTY_SCRIPTS=$root/contrib \
    TWENTY_WORKER_COMMAND="'$root/contrib/demo/queue-worker.sh' '$dir'" \
    TWENTY_WORKER_PATTERN="demo/queue-worker\\.sh $dir\$" \
    PG_DATABASE_URL="postgres://stand-in$dir/twenty" \
    SLACK_WEBHOOK_URL=http://127.0.0.1:$(cat "$dir/port")/slack \
    TEAMS_WEBHOOK_URL='' \
    "$logwatch" --rules rules/twenty.yml --state "$dir/twenty.db" \
    2>"$dir/logwatch.log" &
daemon=$!
pids="$pids $daemon"
within 10 test -e "$dir/twenty.db" || give_up 'logwatch did not start'
kill -0 "$daemon" 2>/dev/null || give_up 'logwatch ended'
sleep 2

say 'A workflow is deleted while timeline rows still name it.'
say 'The worker will meet them, violate a foreign key, and die.'
echo 2 >"$dir/orphans"
within 60 resolved || give_up 'it was not resolved within a minute'
# The last messages are on their way.
sleep 1

say 'Resolved: detected, cleaned, restarted, and proved by a job that was done.'
[ ! -s "$dir/orphans" ] || give_up 'the orphaned rows are still there'
say 'What logwatch did, in its own words:'
cat "$dir/logwatch.log"
say 'The incidents (the warning ends by itself after 15 quiet minutes):'
incidents
say 'On the log of a real worker:'
cat <<'END'
   export SLACK_WEBHOOK_URL=https://hooks.slack.com/services/...
   ./contrib/quickstart.sh /path/to/twenty_worker.log
END

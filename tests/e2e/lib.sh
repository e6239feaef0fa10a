# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the end-to-end tests, which source it: a directory of their own, waiting
# with a deadline, processes that end with the test.
#
#   LOGWATCH  the binary; its directory is not assumed
#   srcdir    the source tree, which may be read-only
#   E2E_KEEP  not empty: what the test wrote stays, for a look at it
#
# A test writes nothing but in $tmp.  What it needs and does not find is a
# failure, for a test that was not run proves nothing.
set -u
export LC_ALL=C.UTF-8
# A daemon's errors are ours to see, not the terminal's.
unset NO_COLOR

: "${LOGWATCH:?names the binary to test}"
: "${srcdir:?names the source tree}"
LOGWATCH=$(realpath "$LOGWATCH") || exit 1
srcdir=$(realpath "$srcdir") || exit 1
[[ -x $LOGWATCH ]] || {
	echo "not an executable: $LOGWATCH" >&2
	exit 1
}

test_name=$(basename "$0" .sh)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/logwatch-$test_name.XXXXXX") || exit 1
started_at=$EPOCHREALTIME
export E2E_OURS=$tmp # in the environment of all that is started here
lib_pids=()
lib_failed=

# What else is to be ended; a test may define its own.
at_exit() {
	:
}

lib_cleanup() {
	local status=$? i

	trap - EXIT
	# Whoever read our output may be gone; what was started ends all the
	# same.
	trap '' PIPE
	if ((status != 0)) || [[ $lib_failed ]]; then
		lib_show_logs
		((status != 0)) || status=1
	fi
	at_exit
	for ((i = ${#lib_pids[@]} - 1; i >= 0; i--)); do
		ours "${lib_pids[i]}" && stop "${lib_pids[i]}"
	done
	if [[ ${E2E_KEEP:-} ]]; then
		echo "kept: $tmp"
	else
		rm -rf "$tmp"
	fi
	exit "$status"
}
trap lib_cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# For whoever has to find out why: the end of every log.
lib_show_logs() {
	local log

	for log in "$tmp"/*.log; do
		[[ -s $log ]] || continue
		echo "--- the end of $(basename "$log")"
		tail -n 40 "$log" | cut -c 1-400
	done
	echo '---'
}

# Milliseconds since the test began.
elapsed_ms() {
	echo $(((${EPOCHREALTIME/./} - ${started_at/./}) / 1000))
}

# One line on what is tested now, and how long after the start.
step() { # TEXT...
	printf '%5.1f s  %s\n' "$(elapsed_ms)e-3" "$*"
}

# The test ends here, as failed.
die() { # TEXT...
	echo "FAILED: $*" >&2
	lib_failed=yes
	exit 1
}

# Fails the test where the command does.
expect() { # WHAT COMMAND...
	local what=$1

	shift
	"$@" || die "$what: $*"
}

expect_equal() { # WHAT EXPECTED GOT
	[[ $2 == "$3" ]] || die "$1: expected '$2', got '$3'"
}

need() { # PROGRAM...
	local program

	for program; do
		command -v "$program" >/dev/null ||
		    die "$program is missing: contrib/install-deps.sh --tests"
	done
}

# Waits until the command succeeds; the time is up: the test has failed.
wait_for() { # SECONDS WHAT COMMAND...
	local deadline=$((SECONDS + $1)) what=$2

	shift 2
	until "$@"; do
		((SECONDS < deadline)) || die "not within its time: $what ($*)"
		sleep 0.1
	done
}

# Whether what a filter of jq makes of the incidents of a rule, sorted, is that;
# of those in the state file s.db.
incidents_are() { # WANTED RULE FILTER
	[[ $("$LOGWATCH" incidents --all --json --state s.db 2>/dev/null |
	    jq -r "select(.rule == \"$2\") | $3" | sort |
	    tr '\n' ' ') == "$1${1:+ }" ]]
}
states() { # WANTED RULE
	incidents_are "$1" "$2" .state
}

# Starts a program in the background, what it says in $tmp/NAME.log, its pid in
# $pid; it ends with the test.
start() { # NAME COMMAND...
	local name=$1

	shift
	: >>"$tmp/$name.log"
	"$@" >>"$tmp/$name.log" 2>&1 </dev/null &
	pid=$!
	lib_pids+=("$pid")
}

running() { # PID
	[[ -d /proc/$1 && $(ps -o stat= -p "$1") != Z* ]]
}

# Whether it was started here: numbers of processes that ended are given out
# again, within a minute where many tests run.  Some write over their environment
# (redis-server): they are known as children of this shell.
ours() { # PID, or -PID of the leader of a group
	grep -qzx "E2E_OURS=$E2E_OURS" "/proc/${1#-}/environ" 2>/dev/null ||
	    [[ $(ps -o ppid= -p "${1#-}") -eq $BASHPID ]]
}

# SIGTERM, and SIGKILL ten seconds later; waits for the end.
stop() { # PID
	local deadline=$((SECONDS + 10))

	kill "$1" 2>/dev/null
	while running "$1" && ((SECONDS < deadline)); do
		sleep 0.05
	done
	running "$1" && kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

# A TCP port that nobody listens on now.
free_port() {
	/usr/bin/env python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

#!/bin/bash
# SPDX-License-Identifier: MIT
# Stops every Twenty worker of this machine and starts one, which outlives
# whoever called this.  What the worker then does is not looked at.
set -u
shopt -s nullglob

usage() {
	cat <<'EOF'
Usage: restart-worker.sh [--list]

Stops every Twenty queue worker (SIGTERM, then SIGKILL), starts one, and waits
until its process is there.  What an earlier run started for the same TWENTY_DIR
is stopped too, such as an nx that still builds.  Started by logwatch, it does
nothing where all that runs was started since the exit that the incident tells
of.

  --list     print the workers that would be stopped, and stop none
  --help     print this

Environment:
  TWENTY_DIR             Twenty's directory; default: the current one
  TWENTY_WORKER_COMMAND  starts a worker, in TWENTY_DIR and by bash;
                         default: npx nx run twenty-server:worker
  TWENTY_WORKER_LOG      what it prints is appended here;
                         default: twenty_worker.log, from the current directory
  TWENTY_WORKER_PATTERN  extended regular expression for the whole command line
                         of a worker, its arguments joined by blanks;
                         default: node running queue-worker/queue-worker or .js
  TWENTY_STOP_WAIT       seconds from SIGTERM to SIGKILL; default 20
  TWENTY_START_WAIT      seconds until the new process is there; default 30

PG_DATABASE_URL, REDIS_URL, NODE_ENV and NODE_OPTIONS go to the worker where
they are not empty.

Exit status: 0 restarted, or nothing to do; 2 wrong usage or settings; 3 an old
worker could not be stopped, or another restart took too long; 4 the new one did
not start.
EOF
}

say() {
	printf '%s\n' "$*"
}

die() { # STATUS TEXT...
	local status=$1

	shift
	printf 'restart-worker.sh: %s\n' "$*" >&2
	exit "$status"
}

# This process and those that started it, logwatch among them: never a worker.
ancestors() {
	local pid=$BASHPID stat

	while ((pid > 1)) && read -r stat <"/proc/$pid/stat"; do
		printf '%s\n' "$pid"
		# The name stands in parentheses and may hold anything.
		read -r _ pid _ <<<"${stat##*) }"
	done 2>/dev/null
}

is_worker() { # DIRECTORY-IN-PROC
	local argv=()

	mapfile -d '' -t argv 2>/dev/null <"$1/cmdline" &&
	    [[ "${argv[*]}" =~ $pattern ]]
}

# Whether an earlier run of this script started it, or what it comes from: nx,
# and what it builds with, before there is a worker.
is_marked() { # DIRECTORY-IN-PROC
	local variable environment=()

	mapfile -d '' -t environment 2>/dev/null <"$1/environ" || return 1
	for variable in "${environment[@]}"; do
		[[ $variable == "$marker" ]] && return
	done
	return 1
}

# The pids of the processes that the test holds for, one a line.  In another
# container's namespace one may look the same and is none of ours.
find_processes() { # TEST
	local dir pid not_ours

	not_ours=" $(ancestors | tr '\n' ' ')"
	for dir in /proc/[0-9]*; do
		"$1" "$dir" || continue
		pid=${dir#/proc/}
		[[ $not_ours == *" $pid "* ]] && continue
		[[ -e $dir/ns/pid && ! $dir/ns/pid -ef /proc/self/ns/pid ]] &&
		    continue
		printf '%s\n' "$pid"
	done 2>/dev/null
}

is_either() { # DIRECTORY-IN-PROC
	is_worker "$1" || is_marked "$1"
}

# All that is to be stopped before a new one starts.
workers() {
	find_processes is_either
}

# How many seconds ago a process was started; fails where it is gone.
age_of() { # PID
	local stat field uptime

	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	# Field 22 is the start in ticks since boot; the third is the first here.
	read -r -a field <<<"${stat##*) }"
	read -r uptime _ </proc/uptime
	say $((${uptime%.*} - field[19] / $(getconf CLK_TCK)))
}

# How many seconds ago the incident's last line was seen, by the record that
# logwatch gives on standard input; fails where there is none.  A quote within
# the log's text is escaped there, so no log line can pass for the field.
age_of_exit() {
	local record seen

	[[ -n ${LOGWATCH_ID-} ]] || return 1
	record=$(head -c 4194304)
	[[ $record =~ \"last_seen\":\ ?\"([0-9TZ:.-]+)\" ]] || return 1
	seen=$(date -d "${BASH_REMATCH[1]}" +%s) || return 1
	say $(($(date +%s) - seen))
}

# Whether there are workers, or what becomes one, and all were started since
# then.  nx reports an exit a moment late, maybe beside the new worker: 5 s are
# its.
already_restarted() { # AGE_OF_EXIT
	local pid age pids

	mapfile -t pids < <(workers)
	((${#pids[@]} > 0)) || return 1
	for pid in "${pids[@]}"; do
		age=$(age_of "$pid") || return 1
		((age <= $1 + 5)) || return 1
	done
	say "worker ${pids[*]} was started ${age} s ago, after the exit:" \
	    "nothing to do"
}

signal_workers() { # SIGNAL
	local pid

	for pid in $(workers); do
		kill -s "$1" "$pid" 2>/dev/null || [[ ! -d /proc/$pid ]] ||
		    die 3 "cannot stop worker $pid of user" \
			"$(stat -c %U "/proc/$pid"): run logwatch as that user"
	done
}

# Waits until no worker is left; fails when the time is up.
wait_gone() { # SECONDS
	local deadline=$((SECONDS + $1))

	while [[ -n $(workers) ]]; do
		((SECONDS < deadline)) || return 1
		sleep 0.1
	done
}

stop_workers() {
	local pids

	mapfile -t pids < <(workers)
	if ((${#pids[@]} == 0)); then
		say 'no worker was running'
		return
	fi
	signal_workers TERM
	if ! wait_gone "$stop_wait"; then
		say "still there ${stop_wait} s after SIGTERM: SIGKILL"
		signal_workers KILL
		wait_gone 5 || die 3 "worker $(workers | tr '\n' ' ')" \
		    'does not end, not even by SIGKILL'
	fi
	say "stopped ${#pids[@]} worker(s): ${pids[*]}"
}

# Starts the command in a session of its own, with nothing of ours open and not
# as our child, so that it lives on whatever becomes of its starter.  Prints
# its pid.
launch() {
	local fd name

	cd -- "$dir" || return 1
	# What logwatch said is about the incident, not for the worker; and an
	# empty variable would win over Twenty's .env.
	unset "${!LOGWATCH_@}"
	for name in PG_DATABASE_URL REDIS_URL NODE_ENV NODE_OPTIONS; do
		[[ -n ${!name-} ]] || unset "$name"
	done
	export "${marker?}"
	(
		for fd in "/proc/$BASHPID/fd/"*; do
			fd=${fd##*/}
			((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
		done
		exec setsid nohup bash -c "$command" \
		    </dev/null >>"$log" 2>&1
	) &
	say "$!"
}

# Waits for the new worker's process.  nx may have to build first: as long as
# what was launched lives, that is no failure, and `verify` has the last word.
wait_started() { # LAUNCHED
	local deadline=$((SECONDS + start_wait + 1)) pids

	while
		mapfile -t pids < <(find_processes is_worker)
		((${#pids[@]} == 0))
	do
		if [[ ! -d /proc/$1 ]]; then
			say "the end of $log:" >&2
			tail -n 5 -- "$log" >&2
			die 4 "the command ended without a worker: $command"
		fi
		if ((SECONDS >= deadline)); then
			say "started $1 ($command), which runs; but no process" \
			    "is a worker by its command line after" \
			    "${start_wait} s (does it build first?)"
			return
		fi
		sleep 0.1
	done
	say "started worker ${pids[*]}"
}

number() { # NAME VALUE
	[[ $2 =~ ^[0-9]{1,4}$ ]] || die 2 "$1=$2: not a number of seconds"
}

dir=${TWENTY_DIR:-.}
log=${TWENTY_WORKER_LOG:-twenty_worker.log}
command=${TWENTY_WORKER_COMMAND:-npx nx run twenty-server:worker}
# Anchored at the program, so that an editor, a tail or a shell that names the
# same file is none.
pattern='^([^ ]*/)?node(js)? (.* )?([^ ]*/)?queue-worker/queue-worker(\.js)?$'
pattern=${TWENTY_WORKER_PATTERN:-$pattern}
marker=TWENTY_WORKER_STARTED_FOR=$(realpath -m -- "$dir")
stop_wait=${TWENTY_STOP_WAIT:-20}
start_wait=${TWENTY_START_WAIT:-30}

case ${1-} in
--help)
	usage
	exit 0
	;;
--list)
	for pid in $(workers); do
		tr '\0' ' ' <"/proc/$pid/cmdline" | sed "s/^/$pid /; s/ *\$/\n/"
	done
	exit 0
	;;
'') ;;
*)
	usage >&2
	exit 2
	;;
esac
number TWENTY_STOP_WAIT "$stop_wait"
number TWENTY_START_WAIT "$start_wait"
[[ '' =~ $pattern ]]
(($? < 2)) || die 2 "TWENTY_WORKER_PATTERN: no regular expression: $pattern"
[[ ! '' =~ $pattern ]] ||
    die 2 "TWENTY_WORKER_PATTERN matches every process: $pattern"
log=$(realpath -m -- "$log")
{ : >>"$log"; } 2>/dev/null || die 2 "cannot write the worker's log: $log"

exit_at=
if age=$(age_of_exit); then
	exit_at=$((SECONDS - age))
	# Time for nx and the shell to say their last, and for a cleaning of
	# the same crash to come first to the lock.
	sleep 2
fi
# The directory itself is the lock: nothing to create, nothing left behind.
{ exec 9<"$dir"; } 2>/dev/null || die 2 "TWENTY_DIR: cannot open $dir"
flock -w 90 9 || die 3 "another repair holds $dir for more than 90 s"
if [[ -n $exit_at ]] && already_restarted $((SECONDS - exit_at)); then
	exit 0
fi
stop_workers
launched=$(launch) || die 4 "cannot change to $dir"
wait_started "$launched"

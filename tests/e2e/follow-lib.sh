# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# For the tests that follow logs through what happens to them; on top of
# lib.sh.  Every line carries an id and has to be told exactly once.
#
# A case is a function under a comment that begins with its races:
#
#     # T-05: why it is hard.
#     both_rotations_between_two_looks_are_read() {
#
# and run_cases at the end of the script runs them all, several at once, each
# in a directory of its own: one TAP line each.  Arguments of the script choose
# some, by race or by name.  E2E_JOBS says how many run at once.
#
# Lines are written and expected by SPEC:
#     7      the line 7, told once           a-7    likewise, any word
#     1..9   the lines 1 to 9                7*50   fifty lines of block 7

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq awk flock

patience=30    # seconds for what should be there at once
case_limit=300 # seconds for a whole case
watcher=       # the daemon of the case
under=()       # what comes before the daemon, such as prlimit --nofile=64
allow_lost=    # not empty: lines may be lost, and reported as lost

# Each id of the specs with how often it is to be told.
spec_expand() { # SPEC...
	local s

	for s; do
		echo "$s"
	done | awk '{
		n = 1
		if (i = index($0, "*")) {
			n = substr($0, i + 1)
			$0 = substr($0, 1, i - 1)
		}
		if (i = index($0, "..")) {
			to = substr($0, i + 2)
			for (id = substr($0, 1, i - 1) + 0; id <= to + 0; id++)
				print id, n
		} else
			print $0, n
	}'
}

# The text of the lines, to standard output.
lines() { # SPEC...
	spec_expand "$@" | awk '{
		if ($2 == 1)
			print "n=" $1 " a line of the log"
		else
			for (i = 1; i <= $2; i++)
				print "n=" $1 "." i " a line of the log"
	}'
}

# Appends them, in few writes.
put() { # FILE SPEC...
	local file=$1

	shift
	lines "$@" >>"$file"
}

# The rule file: the sources as given, and a rule that tells each line.
sources() { # 'NAME: {KEY: VALUE, ...}'...
	cat <<EOF >rules.yml
version: 1
settings: {state: s.db, context: {before: 0, after: 0}}
sources:
$(printf '  %s\n' "$@")
rules:
  - id: line
    match: '^n=(?<n>[^.\s]+)'
    key: [n]
    resolve: manual
EOF
}

# Starts the daemon and waits until every source is watched; its pid is in
# $watcher, what it says in watch.log.
follow() {
	local before

	: >>watch.log
	before=$(grep -c ' following version=' watch.log)
	start watch "${under[@]}" "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for "$patience" 'it follows' follows_again "$before"
}
follows_again() { # BEFORE
	(($(grep -c ' following version=' watch.log) > $1)) && return
	running "$watcher" || die 'it ended instead of following'
	return 1
}

ended() { # PID
	! running "$1"
}
# A clean stop.
finish() {
	local status

	[[ $watcher ]] || return 0
	kill "$watcher"
	wait_for "$patience" 'its end' ended "$watcher"
	wait "$watcher"
	status=$?
	watcher=
	expect_equal 'its exit' 0 "$status"
}
kill_hard() {
	kill -KILL "$watcher"
	wait "$watcher" 2>/dev/null
	watcher=
}
# Between halt and go it sees nothing: all that happens meanwhile happens
# between two of its looks.
halt() {
	kill -STOP "$watcher"
	wait_for "$patience" 'its halt' eval \
	    '[[ $(ps -o stat= -p "$watcher") == T* ]]'
}
go() {
	kill -CONT "$watcher"
}
# Reads everything there is to its end and exits.
once() {
	timeout 30 "$LOGWATCH" --rules rules.yml --once >>once.log 2>&1 ||
	    die "--once: exit $?"
}

# 'ID COUNT' of each line that was told, in the order of telling.
told() {
	timeout 30 "$LOGWATCH" incidents --all --json --state s.db \
	    2>>incidents.err |
	    jq -r 'select(.rule == "line") | "\(.key.n) \(.count)"'
}
incidents() { # RULE
	timeout 30 "$LOGWATCH" incidents --all --json --state s.db \
	    2>>incidents.err | jq -c "select(.rule == \"$1\")"
}
has_incident() { # RULE
	[[ $(incidents "$1") ]]
}

all_told() {
	told | sort >told.txt
	[[ -z $(comm -23 want.txt told.txt) ]]
}
tell_difference() { # [all]: name those that are not wanted, too
	join -a 1 -a 2 -e 0 -o 0,1.2,2.2 want.txt told.txt |
	    awk -v all="${1:-}" '
	$3 < $2 { missing++; if (missing <= 8) m = m " " $1 }
	$3 > $2 && (all || $2) { more++; if (more <= 8) o = o " " $1 "(" $3 ")" }
	END {
		print missing + 0, "not told:" m, "-", more + 0, \
		    "told too often:" o
	}'
}
# Waits until these lines are told, once each; others may be, too.
await_told() { # SPEC...
	local deadline=$((SECONDS + patience))

	spec_expand "$@" | sort >want.txt
	until all_told; do
		((SECONDS < deadline)) || die "$(tell_difference)"
		sleep 0.05
	done
}
# These lines and no others were told, once each.
expect_told_now() { # SPEC...
	spec_expand "$@" | sort >want.txt
	told | sort >told.txt
	cmp -s want.txt told.txt || die "$(tell_difference all)"
}
# The same, by the daemon as it runs; and nothing comes to it when it stops, or
# when everything is looked at once more by a new one.
expect_told() { # SPEC...
	[[ -z $watcher ]] || await_told "$@"
	finish
	expect_told_now "$@"
	once
	expect_told_now "$@"
	[[ $allow_lost ]] || expect_none_lost
}
# The same, in this order.
expect_told_in_order() { # SPEC...
	expect_told "$@"
	spec_expand "$@" >want.txt
	told >told.txt
	cmp -s want.txt told.txt ||
	    die "another order: $(diff want.txt told.txt | head -n 5)"
}
expect_none_lost() {
	! has_incident logwatch.lines-lost ||
	    die "lost: $(incidents logwatch.lines-lost)"
}
# What could not be read is never silent.
expect_lost() {
	wait_for "$patience" 'word of what was lost' has_incident \
	    logwatch.lines-lost
}

# What it says is looked for without its incidents, which repeat the lines.
said() { # EXTENDED-REGEX
	grep -v ' incident opened ' watch.log | grep -Eiq -- "$1"
}
await_said() { # EXTENDED-REGEX
	wait_for "$patience" 'its word' said "$1"
}
times_said() { # EXTENDED-REGEX
	grep -v ' incident opened ' watch.log | grep -Eic -- "$1"
}

# The script goes on in a mount namespace of its own, so that what its cases
# mount is seen by them alone and ends with them; $own_mounts is empty where
# there can be none.
in_own_mounts() { # ARGUMENTS OF THE SCRIPT...
	own_mounts=${E2E_OWN_MOUNTS:-}
	[[ ! $own_mounts ]] || return 0
	unshare -m --propagation private true 2>/dev/null || return 0
	rm -rf "$tmp"
	E2E_OWN_MOUNTS=yes exec unshare -m --propagation private "$0" "$@"
}

# For a case: this machine cannot run it.  It is named as skipped.
skip() { # WHY...
	echo "cannot run here: $*"
	exit 77
}

case_cleanup() {
	local status=$? i

	trap - EXIT
	if ((status != 0 && status != 77)); then
		for i in "$tmp"/{watch,once}.log; do
			[[ -s $i ]] || continue
			echo "--- the end of $(basename "$i")"
			grep -v ' incident opened rule=line ' "$i" |
			    tail -n 15 | cut -c 1-300
		done
	fi
	at_exit
	for i in "${lib_pids[@]}"; do
		ours "$i" && kill -KILL "$i" 2>/dev/null
	done
	exit "$status"
}

# One case, in a subshell.
case_run() { # NUMBER NAME
	trap case_cleanup EXIT
	tmp=$tmp/$1
	lib_pids=()
	mkdir "$tmp" && cd "$tmp" || exit 1
	"$2"
	exit 0
}

# 'RACES NAME' of each case, as the script has them.
cases_list() {
	awk '/^# T-[0-9]/ {
		races = $0
		sub(/^# /, "", races)
		sub(/:.*/, "", races)
		gsub(/[ .]/, "", races)
	}
	/^[a-z_0-9]+\(\) \{$/ && races != "" {
		sub(/\(.*/, "")
		print races, $0
		races = ""
	}' "$0"
}

case_report() { # NUMBER RACES NAME STATUS SECONDS
	local number=$1 status=$4

	case $status in
	0) echo "ok $number - $2 $3 ($5 s)" ;;
	77)
		echo "[  SKIPPED ] $3"
		;;
	*)
		echo "not ok $number - $2 $3 ($5 s)"
		cases_failed=yes
		;;
	esac
	[[ $status == 0 ]] || sed 's/^/# /' "$tmp/$number.out"
}

run_cases() { # [RACE|NAME...]
	local -A jobs_of=() began=() label=()
	local races name number=0 p status jobs=${E2E_JOBS:-4}

	cases_failed=
	set -m # each case is a process group, to be ended as a whole
	while read -r races name; do
		case_wanted "$races" "$name" "$@" || continue
		number=$((number + 1))
		label[$number]="$races $name"
		while ((${#jobs_of[@]} >= jobs)); do
			cases_reap
		done
		case_run "$number" "$name" >"$tmp/$number.out" 2>&1 \
		    </dev/null &
		jobs_of[$number]=$!
		began[$number]=$SECONDS
		lib_pids+=("-$!")
	done < <(cases_list)
	while ((${#jobs_of[@]} > 0)); do
		cases_reap
	done
	echo "1..$number"
	((number > 0)) || die "no such case: $*"
	lib_pids=()
	[[ -z $cases_failed ]] || exit 1
}
case_wanted() { # RACES NAME [RACE|NAME...]
	local races=$1 name=$2 w

	shift 2
	(($# > 0)) || return 0
	for w; do
		[[ ,$races, == *,$w,* || $name == "$w" ]] && return 0
	done
	return 1
}
# Reports the cases that have ended, and ends those that do not.
cases_reap() {
	local number p

	sleep 0.05
	for number in "${!jobs_of[@]}"; do
		p=${jobs_of[$number]}
		if [[ -d /proc/$p && $(cat "/proc/$p/stat" 2>&1) != *') Z '* ]]; then
			((SECONDS - began[$number] < case_limit)) && continue
			echo "not within $case_limit s" >>"$tmp/$number.out"
			kill -KILL -- "-$p" 2>/dev/null
		fi
		wait "$p" 2>/dev/null
		status=$?
		kill -KILL -- "-$p" 2>/dev/null
		# shellcheck disable=SC2086 # two words
		case_report "$number" ${label[$number]} "$status" \
		    $((SECONDS - began[$number]))
		unset "jobs_of[$number]"
	done
}

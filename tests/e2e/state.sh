#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Stopped, killed, started again, and the state file: races 83 to 92 of the
# table.

# Mounts of its own, which nobody else sees and which end with it.
if [[ -z ${OWN_MOUNTS:-} ]] && unshare -m true 2>/dev/null; then
	OWN_MOUNTS=yes exec unshare -m --propagation private -- "$0" "$@"
fi
# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 strace unshare setpriv pgrep

# The leak check cannot run under strace.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

with_mounts() {
	[[ ${OWN_MOUNTS:-} ]] || skip 'it takes a mount namespace'
}
at_exit() {
	local where

	awk -v t="$tmp/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo |
	    sort -r | while read -r where; do umount -l "$where"; done
}
# Statements upon the state file, as another program.
state_sql() { # SQL
	python3 - "$1" <<'PY'
import sqlite3, sys
db = sqlite3.connect("s.db")
db.executescript(sys.argv[1])
db.commit()
PY
}
writer_start() { # FILE FROM TO: as fast as it can, a line a write
	python3 - "$@" <<'PY' &
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
    os.write(fd, b"n=%d a line of the log\n" % i)
PY
	writer=$!
	lib_pids+=("$writer")
}

# T-83
a_stop_under_load_is_soon_and_the_next_start_goes_on() {
	local signal from

	sources 'app: {path: a.log}'
	: >a.log
	follow
	writer_start a.log 1 6000
	for signal in TERM INT TERM; do
		from=$(elapsed_ms)
		kill "-$signal" "$watcher"
		wait_for 20 'its end' ended "$watcher"
		wait "$watcher"
		expect_equal "the exit after $signal" 0 $?
		(($(elapsed_ms) - from < 9000)) || die 'it took its time'
		follow
	done
	wait "$writer"
	expect_told 1..6000
}

# T-83
a_broken_pipe_for_its_log_does_not_end_it() {
	sources 'app: {path: a.log, start_at: beginning}'
	mkfifo pipe
	sh -c 'read -r line <pipe' &
	"$LOGWATCH" --rules rules.yml >pipe 2>&1 </dev/null &
	watcher=$!
	lib_pids+=("$watcher")
	put a.log 1..9
	await_told 1..9
	kill -PIPE "$watcher"
	put a.log 10..19
	expect_told 1..19
}

# A run that is killed as it makes its nth call of that kind.  Fails where it
# makes fewer.
killed_at() { # CALLS N
	{
		timeout 60 strace -qq -o trace -e "trace=$1" \
		    -e "inject=$1:signal=KILL:when=$2" \
		    "$LOGWATCH" --rules rules.yml --once >>once.log 2>&1
	} 2>/dev/null
	(($? == 137))
}

# T-84
a_kill_at_any_call_loses_and_repeats_nothing() {
	local call n from=1 runs=0 begun=

	sources 'app: {path: a.log, start_at: beginning}'
	for call in pwrite64 fdatasync openat,openat2 unlink,ftruncate preadv close; do
		n=0
		while
			n=$((n + 1 + n / 6))
			put a.log "$from..$((from + 2))"
			from=$((from + 3))
			killed_at "$call" "$n"
		do
			runs=$((runs + 1))
			((runs % 3 == 0)) || continue
			# What is rotated before a first start is no matter
			# of ours.
			[[ $begun ]] || once
			begun=yes
			put a.log "$from..$((from + 2))"
			mv a.log "a.log.$runs"
			put a.log "$((from + 3))..$((from + 5))"
			from=$((from + 6))
			killed_at "$call" "$n"
			once
		done
	done
	echo "kills: $runs"
	((runs > 20)) || die 'there were hardly any'
	once
	expect_told_now "1..$((from - 1))"
}

# T-85
a_full_disk_is_said_and_made_up_for() {
	with_mounts
	sources 'app: {path: a.log}'
	mkdir m
	mount -t tmpfs -o size=1m none m
	sed -i 's/s.db/m\/s.db/' rules.yml
	: >a.log
	follow
	put a.log 1..9
	wait_for "$patience" 'its lines' \
	    eval 'grep -q "incident opened.*n=9 " watch.log'
	head -c 1m /dev/zero >m/fill 2>/dev/null
	put a.log 10..2999
	await_said 'error: the state cannot be written'
	expect 'it runs' running "$watcher"
	put a.log 3000..3009
	wait_for "$patience" 'lines that are read all the same' \
	    eval 'grep -q "incident opened.*n=3009 " watch.log'
	rm m/fill
	mount -o remount,size=64m m
	await_said 'info: the state can be written again'
	finish
	cp m/s.db* .
	sed -i 's/m\/s.db/s.db/' rules.yml
	expect_told 1..3009
	expect_equal 'words of it' 1 "$(times_said 'state cannot be written')"
}

# T-85: nothing of it was saved when logwatch was killed.
a_script_that_ran_while_the_disk_was_full_does_not_run_again() {
	with_mounts
	mkdir m
	mount -t tmpfs -o size=1m none m
	cat >rules.yml <<'EOF'
version: 1
settings: {state: m/s.db, context: {before: 0, after: 0}}
sources: {app: {path: a.log}}
rules:
  - {id: line, match: '^n=(?<n>[^.\s]+)', key: [n], resolve: manual, actions: [fix]}
actions:
  fix: {exec: [./fix.sh, '{{n}}']}
EOF
	printf '#!/bin/sh\necho "$1" >>ran\n' >fix.sh
	chmod +x fix.sh
	: >a.log
	follow
	head -c 1m /dev/zero >m/fill 2>/dev/null
	put a.log 1..200
	await_said 'error: the state cannot be written'
	wait_for "$patience" 'a script that runs all the same' test -s ran
	kill_hard
	rm m/fill
	mount -o remount,size=64m m
	follow
	wait_for "$patience" 'every script' \
	    eval '(($(sort -u ran | wc -l) == 200))'
	finish
	expect_equal 'scripts that ran twice' '' "$(sort ran | uniq -d)"
}

# T-85
writes_that_fail_for_now_are_tried_again() {
	sources 'app: {path: a.log}'
	: >a.log
	follow
	put a.log 1..9
	await_told 1..9
	start strace strace -qq -o trace -p "$watcher" \
	    -e trace=pwrite64,fdatasync,ftruncate \
	    -e inject=pwrite64:error=ENOSPC:when=1..5 \
	    -e inject=fdatasync:error=EIO:when=2..4
	wait_for "$patience" 'that it is traced' \
	    grep -q '^TracerPid:.*[1-9]' "/proc/$watcher/status"
	put a.log 10..19
	await_said 'error: the state cannot be written'
	put a.log 20..29
	patience=30 # it tries again every 5 s
	await_said 'info: the state can be written again'
	put a.log 30..39
	expect_told 1..39
	expect 'there were faults' grep -q 'ENOSPC.*INJECTED' trace
}

# T-85
a_state_directory_that_goes_or_is_closed_ends_nothing() {
	with_mounts
	sources 'app: {path: a.log}'
	mkdir m
	mount -t tmpfs none m
	sed -i 's/s.db/m\/s.db/' rules.yml
	: >a.log
	follow
	put a.log 1..9
	wait_for "$patience" 'its lines' \
	    eval 'grep -q "incident opened.*n=9 " watch.log'
	mv m/s.db m/elsewhere
	put a.log 10..19
	await_said 'error: the state cannot be written.*removed or replaced'
	mv m/elsewhere m/s.db
	await_said 'info: the state can be written again'
	finish
	cp m/s.db* .
	sed -i 's/m\/s.db/s.db/' rules.yml
	expect_told 1..19
}

# T-85
a_state_that_cannot_be_made_ends_the_start_and_says_where() {
	with_mounts
	sources 'app: {path: a.log}'
	mkdir m
	mount -t tmpfs -o ro none m
	"$LOGWATCH" --rules rules.yml --state m/s.db >once.log 2>&1
	expect_equal 'its exit' 3 $?
	tail -n 1 once.log | grep -q 'm/s.db.*[Rr]ead-only' ||
	    die "$(tail -n 1 once.log)"
	"$LOGWATCH" --rules rules.yml --state m >once.log 2>&1
	expect_equal 'its exit' 3 $?
	tail -n 1 once.log | grep -q 'directory' || die "$(tail -n 1 once.log)"
}

damaged() { # HOW
	python3 - "$1" <<'PY'
import os, random, sys
how = sys.argv[1]
data = bytearray(open("s.db", "rb").read())
seed = int.from_bytes(os.urandom(4), "big")
print("seed", seed)
chance = random.Random(seed)
if how == "empty":
    data = b""
elif how == "zeros":
    data = bytes(len(data))
elif how == "cut":
    del data[chance.randrange(1, len(data) - 1):]
elif how == "flipped":
    for i in range(200):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
elif how == "head":
    data[:16] = bytes(16)
elif how == "garbage":
    data[100:] = chance.randbytes(len(data) - 100)
open("s.db", "wb").write(data)
PY
}
# T-86
a_damaged_state_is_put_aside_and_said_and_following_goes_on() {
	local how

	for how in empty zeros cut flipped head garbage; do
		rm -f s.db* a.log watch.log
		sources 'app: {path: a.log}'
		: >a.log
		once
		put a.log 1..9
		once
		damaged "$how"
		put a.log 10..19 # there at what is a first start again
		follow
		put a.log 20..29
		await_told 20..29
		finish
		# Nothing was committed to an empty file: that is no damage.
		[[ $how == empty ]] && continue
		# What was flipped may be of no use, and is not missed.
		[[ $how == flipped && ! -e s.db.damaged-1 ]] && continue
		expect "word of it: $how" said 'warning: state file is damaged'
		[[ -e s.db.damaged-1 ]] || die "it is not kept: $how"
		expect "the incident: $how" has_incident logwatch.state-damaged
		rm -f s.db.damaged*
	done
}

# T-86
a_state_behind_a_link_is_used_and_the_link_stays() {
	sources 'app: {path: a.log, start_at: beginning}'
	mkdir d
	ln -s d/real.db s.db
	put a.log 1..9
	once
	put a.log 10..19
	once
	expect_told_now 1..19
	[[ -L s.db && -s d/real.db ]] || die 'the link is gone'
}

# T-87
a_position_that_cannot_be_is_said_and_read_from_the_start() {
	local change

	for change in 'offset = 1000000000000000000' 'offset = -5' \
	    'offset = 100000' "head = x'00'" "anchor = x''" \
	    'line = -7, offset = 9223372036854775807'; do
		rm -f s.db* once.log
		sources 'app: {path: a.log, start_at: beginning}'
		rm -f a.log
		put a.log 1..9
		once
		expect_told_now 1..9
		state_sql "UPDATE position SET $change WHERE inode != 0;
		    DELETE FROM incident; DELETE FROM detector"
		put a.log 10..19
		once
		expect_told_now 1..19
		grep -q 'warning:.*path=a.log' once.log ||
		    die "not said: $change"
	done
}

# T-87
a_position_of_another_file_is_not_taken() {
	sources 'app: {path: a.log, start_at: beginning}'
	put a.log 1..9
	once
	state_sql 'DELETE FROM incident; DELETE FROM detector'
	put new 101..150
	cat new >a.log # the inode, with another text
	once
	expect_told_now 101..150
}

# T-88
a_killed_one_leaves_no_lock_and_a_living_one_does() {
	sources 'app: {path: a.log}'
	: >a.log
	follow
	put a.log 1..9
	await_told 1..9
	timeout 20 "$LOGWATCH" --rules rules.yml >second.log 2>&1
	expect_equal 'the exit of the second' 3 $?
	tail -n 1 second.log | grep -q "in use.*$watcher" ||
	    die "$(tail -n 1 second.log)"
	kill_hard
	put a.log 10..19
	follow
	await_told 1..19
	halt # also while the first one does not answer
	timeout 20 "$LOGWATCH" --rules rules.yml >second.log 2>&1
	expect_equal 'the exit of the second' 3 $?
	go
	put a.log 20..29
	expect_told 1..29
}

# T-89
reloads_under_load_lose_nothing() {
	local i

	sources 'app: {path: a.log}'
	: >a.log
	follow
	writer_start a.log 1 3000
	for i in {1..1000}; do
		kill -HUP "$watcher" || die 'it has ended'
	done
	wait "$writer"
	expect 'it runs' running "$watcher"
	expect_told 1..3000
}

other_tells() {
	put b.log 4
	has_incident other
}

# T-90
a_log_under_another_path_is_not_read_again() {
	sources 'app: {path: a.log, start_at: beginning}'
	put a.log 1..9
	once
	sources "app: {path: $tmp/a.log, start_at: beginning}"
	put a.log 10..19
	once
	expect_told_now 1..19
	mkdir d
	mv a.log d/b.log
	sources "app: {path: 'd/*.log', start_at: beginning}"
	put d/b.log 20..29
	once
	expect_told_now 1..29
}

# T-90
a_state_of_a_newer_logwatch_is_refused_and_left() {
	sources 'app: {path: a.log, start_at: beginning}'
	put a.log 1..9
	once
	# The format, with its complement above it.
	state_sql "PRAGMA user_version = $(((~2 << 16) | 2))"
	cp s.db before
	"$LOGWATCH" --rules rules.yml --once >newer.log 2>&1
	expect_equal 'its exit' 3 $?
	tail -n 1 newer.log | grep -q 'newer' || die "$(cat newer.log)"
	cmp s.db before || die 'it was changed'
}

# T-91
a_first_start_begins_where_the_rules_say() {
	put a.log 1..9
	sources 'app: {path: a.log}'
	follow
	put a.log 10..19
	expect_told 10..19
	rm s.db*
	sources 'app: {path: a.log, start_at: beginning}'
	once
	expect_told_now 1..19
}

# T-91
files_that_appear_during_a_start_are_read_from_their_start() {
	local i from=1

	mkdir d
	sources "app: {path: 'd/*.log'}"
	once # a source that was started before: none is skipped
	for i in 1 2 3; do
		python3 - "$from" <<'PY' &
import sys, time
for i in range(int(sys.argv[1]), int(sys.argv[1]) + 300):
    with open("d/%d.log" % i, "w") as f:
        f.write("n=%d a line of the log\n" % i)
    time.sleep(0.001)
PY
		writer=$!
		lib_pids+=("$writer")
		follow
		wait "$writer"
		from=$((from + 300))
		await_told "1..$((from - 1))"
		finish
	done
	expect_told_now 1..900
}

# T-92: as a container has it: the first process, nobody in the passwd file,
# no capability, a root that cannot be written to, no /proc and no /tmp.
a_bare_container_is_enough() {
	local inside

	with_mounts
	((EUID == 0)) || skip 'it takes root'
	mkdir in
	cp "$LOGWATCH" in/logwatch
	sources 'app: {path: a.log}'
	mv rules.yml in/
	: >in/a.log
	chown -R 54321 in
	cat >inside.sh <<'SH'
set -e
mount --bind "$1" /mnt
mount -o remount,bind,ro /
mount -t tmpfs -o ro none /proc
mount -t tmpfs -o ro none /tmp
cd /mnt
exec setpriv --reuid=54321 --regid=54321 --clear-groups --no-new-privs \
    --bounding-set=-all --inh-caps=-all -- \
    env -i ASAN_OPTIONS=detect_leaks=0 ./logwatch --rules rules.yml
SH
	# strict: without /proc a sanitizer cannot look at its own memory map.
	start watch unshare -m -p -f --kill-child --propagation private \
	    sh inside.sh "$PWD/in"
	watcher=$pid
	if ! (wait_for "$patience" 'it follows' said 'following version='); then
		grep -q Sanitizer watch.log &&
		    skip 'a sanitizer does not start without /proc'
		die 'it does not start'
	fi
	lines 1..9 >>in/a.log
	cd in || die 'in'
	await_told 1..9
	inside=$(pgrep -P "$watcher")
	kill "$inside"
	wait_for "$patience" 'its end' ended "$watcher"
	watcher=
	expect_told_now 1..9
}

run_cases "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the kernel does to a reader of logs: events that are dropped or never
# come, limits, errors, load and clocks.  T-70 to T-82.

# Mounts of its own, which nobody else sees and which end with it.
if [[ -z ${OWN_MOUNTS:-} ]] && unshare -m true 2>/dev/null; then
	OWN_MOUNTS=yes exec unshare -m --propagation private -- "$0" "$@"
fi
# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 strace prlimit unshare

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
# logwatch in a user namespace whose limit of this name is that.
follow_limited() { # LIMIT NUMBER
	unshare -Ur true 2>/dev/null || skip 'it takes a user namespace'
	# shellcheck disable=SC2016 # that shell's
	under=(unshare -Ur sh -c "echo $2 >/proc/sys/user/$1; "'exec "$@"' --)
	follow
}
# strace's tracee is logwatch; a signal to strace would not reach it.
follow_traced() { # STRACE-OPTION...
	under=(strace -qq -o trace -D "$@" --)
	follow
}

# T-70
nothing_is_lost_when_the_event_queue_overflows() {
	sources "app: {path: 'd/*.log', start_at: beginning}"
	mkdir d
	put d/a.log 1
	put d/b.log 2
	follow
	await_told 1..2
	halt
	# One event each: those of one file in a row would be merged.
	python3 - <<'PY'
limit = int(open("/proc/sys/fs/inotify/max_queued_events").read())
with open("d/a.log", "ab", 0) as a, open("d/b.log", "ab", 0) as b:
    for i in range(limit // 2 + 1000):
        a.write(b"x\n")
        b.write(b"x\n")
PY
	# None of these is announced any more.
	put d/a.log 3..9
	mv d/a.log d/a.log.1
	put d/a.log 10..19
	put d/c.log 20..29
	mkdir d/e
	rm d/b.log
	put d/b.log 30..39
	go
	expect_told 1..39
	expect 'word of it' said 'overflow'
}

# T-71
without_watches_files_are_looked_at_every_second() {
	local i

	sources "app: {path: 'd/*.log', start_at: beginning}"
	mkdir d
	for i in {1..20}; do
		put "d/$i.log" "$i"
	done
	follow_limited max_inotify_watches 5
	await_told 1..20
	for i in {1..25}; do
		put "d/$i.log" "$((i + 100))"
	done
	await_told 101..125
	mv d/20.log d/20.log.1
	put d/20.log 200..209
	await_told 200..209
	expect_told 1..20 101..125 200..209
	# Once for the files and once for the directories, at most.
	(($(times_said 'warning:.*cannot be watched') <= 2)) ||
	    die 'it says so again and again'
	expect 'word of it' said 'cannot be watched.*max_user_watches'
}

# T-71
without_an_inotify_instance_files_are_looked_at_every_second() {
	sources "app: {path: ['d/*.log', e/a.log], start_at: beginning}"
	mkdir d
	put d/a.log 1..9
	follow_limited max_inotify_instances 0
	await_told 1..9
	put d/a.log 10..19
	put d/b.log 20..29
	mkdir e
	put e/a.log 30..39
	expect_told 1..39
	expect_equal 'words of it' 1 \
	    "$(times_said 'warning:.*(cannot|can) be watched')"
	expect 'what to do' said 'every second.*max_user_instances'
}

# T-72
more_files_than_descriptors_are_all_read() {
	local i

	sources "app: {path: 'd/*.log', start_at: beginning}"
	mkdir d
	for i in {1..150}; do
		put "d/$i.log" "$i"
	done
	under=(prlimit --nofile=64:64 --)
	follow
	await_told 1..150
	for i in {1..150}; do
		put "d/$i.log" "$((i + 1000))"
	done
	await_told 1001..1150
	for i in {1..50}; do
		mv "d/$i.log" "d/$i.log.1"
		put "d/$i.log" "$((i + 2000))"
	done
	expect_told 1..150 1001..1150 2001..2050
}

# T-72
a_watch_that_the_kernel_refuses_is_made_up_for() {
	local error n=0

	for error in ENOSPC ENOMEM; do
		rm -rf d s.db*
		mkdir d
		put d/a.log 1..9
		sources "app: {path: 'd/*.log', start_at: beginning}"
		follow_traced -e trace=inotify_add_watch \
		    -e "inject=inotify_add_watch:error=$error:when=2+"
		await_told 1..9
		put d/a.log 10..19
		put d/b.log 20..29
		await_told 1..29
		expect_told 1..29
		n=$((n + 1))
		expect_equal 'starts' "$n" "$(times_said 'following version')"
	done
}

# T-72
a_file_that_cannot_be_opened_for_now_is_tried_again() {
	sources "app: {path: [a.log, b.log], start_at: beginning}"
	put a.log 1..9
	put b.log 10..19
	# The first tries fail, the later ones do not.
	follow_traced -e trace=openat,openat2 -P a.log -P b.log \
	    -e inject=openat,openat2:error=EMFILE:when=1..4
	await_told 1..19
	put a.log 20..29
	expect_told 1..29
	expect 'word of it' said 'warning:.*(opened|descriptors).*path=[ab].log'
}

# T-73: an overlay does not tell what is written to its lower layer.
a_file_system_without_events_is_looked_at() {
	with_mounts
	mkdir lower upper work m
	put lower/a.log 1..9
	mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work m ||
	    skip 'no overlay here'
	sources 'app: {path: m/a.log, start_at: beginning}'
	follow
	await_told 1..9
	put lower/a.log 10..19
	await_told 1..19
	put lower/a.log 20..29
	await_told 1..29
	finish # it holds the mount
	expect_told_now 1..29
}

# T-74
a_writer_by_memory_map_is_read() {
	sources 'app: {path: [a.log, b.log], start_at: beginning}'
	truncate -s 64K b.log # made before, and all zeros
	follow
	python3 - <<'PY'
import mmap, os, time
for name, first in (("a.log", 1), ("b.log", 21)):
    with open(name, "a+b") as f:
        f.truncate(65536)
        m = mmap.mmap(f.fileno(), 65536)
        at = 0
        for i in range(first, first + 20):
            line = b"n=%d a line of the log\n" % i
            m[at:at + len(line)] = line
            at += len(line)
            time.sleep(0.05)
        m.flush()
        m.close()
PY
	await_told 1..40
	# Cut to its length, as such writers do in the end.
	truncate -s "$(tr -d '\0' <a.log | wc -c)" a.log
	put a.log 41..49
	expect_told 1..49
}

# T-75
a_burst_and_a_pause_and_a_burst_lose_nothing() {
	local want=400000 rule="'^b=(?<n>\\d+)'"

	sources 'app: {path: app.log}'
	printf '  - {id: burst, match: %s, resolve: manual}\n' "$rule" \
	    >>rules.yml
	: >app.log
	follow
	seq -f 'b=%.0f a line of a burst' $((want / 2)) >>app.log
	put app.log 1
	await_told 1
	seq -f 'b=%.0f a line of a burst' $((want / 2)) | while read -r; do
		printf '%s\n' "$REPLY"
	done >>app.log
	mv app.log app.log.1
	put app.log 2
	patience=40 expect_told 1..2
	expect_equal 'lines of the burst' "$want" \
	    "$(incidents burst | jq .count)"
}

counts_sum_to() { # NUMBER
	[[ $(incidents line | jq -s 'map(.count) | add') == "$1" ]]
}

# T-76
thousands_of_files_are_followed_and_none_is_starved() {
	local i count=5000 fast

	(($(ulimit -Hn) > count)) || skip "it takes $count descriptors"
	ulimit -Sn "$(ulimit -Hn)"
	mkdir d
	sources "app: {path: 'd/*.log', start_at: beginning}"
	python3 -c '
import sys
for i in range(1, int(sys.argv[1]) + 1):
    open("d/%d.log" % i, "w").write("n=f%d\n" % (i % 10))' $count
	sed -i 's/key: .*/key: [n]/' rules.yml
	patience=30 follow
	wait_for 30 'all of them' counts_sum_to "$count"
	# One is always ahead of its reader.
	yes 'a line that is nothing to a rule' >d/1.log &
	fast=$!
	lib_pids+=("$fast")
	for i in {1..100}; do
		put "d/$((i * 50)).log" "$i"
	done
	await_told 1..100
	kill "$fast"
	wait "$fast" 2>/dev/null
	rm d/1.log
	await_told 1..100
	expect 'it runs' running "$watcher"
}

# T-77
offsets_beyond_four_gigabytes_are_read_and_kept() {
	sources 'app: {path: a.log}'
	truncate -s 5G a.log
	printf '\n' >>a.log
	follow
	put a.log 1..9
	await_told 1..9
	finish
	put a.log 10..19
	once
	expect_told 1..19
	incidents line | jq -es 'all(.offset > 5368709120)' >/dev/null ||
	    die 'their offsets'
}

# T-77
a_terabyte_of_nothing_is_passed_over() {
	sources 'app: {path: a.log, start_at: beginning}'
	truncate -s 1T a.log || skip 'no such file here'
	put a.log 1..9
	follow
	expect_told 1..9
}

holds_nothing_deleted() {
	! find "/proc/$watcher/fd" -lname '*a.log (deleted)' | grep -q .
}

# T-78
a_deleted_file_is_drained_and_let_go_while_its_writer_lives() {
	sources 'app: {path: a.log}'
	follow
	exec 5>>a.log
	lines 1..9 >&5
	rm a.log
	lines 10..19 >&5
	await_told 1..19
	wait_for 20 'that it is let go' holds_nothing_deleted
	expect_told 1..19
	exec 5>&-
}

# The clock as a library tells it; its file holds the seconds to add.
jumping_clock() {
	cat >clock.c <<'CC'
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

static long long
jump(void)
{
	char buf[32] = "";
	int fd = open(CLOCK, O_RDONLY | O_CLOEXEC);
	long long add = 0;

	if (fd >= 0 && read(fd, buf, sizeof buf - 1) > 0)
		sscanf(buf, "%lld", &add);
	if (fd >= 0)
		close(fd);
	return add;
}
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int ret = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ts->tv_sec += jump();
	return ret;
}
time_t
time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t != NULL)
		*t = ts.tv_sec;
	return ts.tv_sec;
}
int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
CC
	"${CC_FOR_TESTS:-cc}" -shared -fPIC "-DCLOCK=\"$PWD/clock\"" \
	    -o clock.so clock.c || die 'no C compiler'
}
follow_jumping() {
	under=(env LD_PRELOAD="$PWD/clock.so"
	    ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0")
	follow
}

# T-80
a_clock_that_jumps_loses_no_line_and_ends_no_window() {
	local jump n=10 pair=0

	jumping_clock
	cat >rules.yml <<'YML'
version: 1
settings: {state: s.db}
sources: {app: {path: a.log, start_at: beginning}}
rules:
  - {id: line, match: '^n=(?<n>\d+)', key: [n], resolve: manual}
  - id: twice
    match: '^t=(?<t>\d+)'
    key: [t]
    threshold: {count: 2, within: 10m}
    resolve: manual
  - id: both
    match: '^begin=(?<t>\d+)'
    followed_by: {match: '^end=(?<t>\d+)', within: 10m, same: [t]}
    key: [t]
    resolve: manual
  - {id: quiet, match: '^q=', resolve: {quiet: 10m}}
YML
	echo 0 >clock
	echo q=1 >a.log
	put a.log 1
	follow_jumping
	await_told 1
	# An hour on, an hour back, 1970, 2040, back to now.
	for jump in 3600 -3600 -1795000000 440000000 0; do
		pair=$((pair + 1))
		printf '%s=%d\n' t "$pair" begin "$pair" >>a.log
		put a.log $((n++))
		await_told 10..$((n - 1))
		echo "$jump" >clock
		printf '%s=%d\n' t "$pair" end "$pair" >>a.log
		put a.log $((n++))
		await_told 10..$((n - 1))
		expect_equal "the window over the jump $jump" "$pair" \
		    "$(incidents twice | wc -l)"
		expect_equal "the pair over the jump $jump" "$pair" \
		    "$(incidents both | wc -l)"
	done
	expect_equal 'quiet is still open' open \
	    "$(incidents quiet | jq -r .state)"
	finish
	expect_told_now 1 10..$((n - 1))
}

# T-82
calls_that_are_interrupted_lose_nothing() {
	sources "app: {path: 'd/*.log', start_at: beginning}"
	mkdir d
	put d/a.log 1..9
	follow
	await_told 1..9
	# Every third, not every one: that would be no interruption.
	start strace strace -qq -o trace -p "$watcher" \
	    -e inject=preadv,pread64,read,openat,openat2,pwrite64,fdatasync,epoll_wait,epoll_pwait:error=EINTR:when=1+3
	wait_for "$patience" 'that it is traced' \
	    grep -q '^TracerPid:.*[1-9]' "/proc/$watcher/status"
	put d/a.log 10..19
	mv d/a.log d/a.log.1
	put d/a.log 20..29
	put d/b.log 30..39
	await_told 1..39
	expect_told 1..39
	expect 'some were' grep -q 'EINTR.*INJECTED' trace
}

# T-82
a_disk_that_cannot_be_read_for_now_is_said_and_read_later() {
	sources 'app: {path: [a.log, b.log], start_at: beginning}'
	put a.log 1..9
	put b.log 10..19
	follow_traced -e trace=preadv -P a.log \
	    -e inject=preadv:error=EIO:when=1..3
	await_told 10..19
	await_said 'warning:.*cannot be read.*path=a.log.*Input/output error'
	await_told 1..19
	put a.log 20..29
	expect_told 1..29
	expect_equal 'words of it' 1 "$(times_said 'warning:.*cannot be read')"
}

# T-82
a_storm_of_signals_loses_nothing() {
	sources 'app: {path: a.log}'
	: >a.log
	follow
	python3 - "$watcher" <<'PY'
import os, signal, sys
pid = int(sys.argv[1])
storm = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGPIPE, signal.SIGCHLD,
         signal.SIGWINCH)
with open("a.log", "a") as f:
    for i in range(10000):
        os.kill(pid, storm[i % len(storm)])
        if i % 100 == 0:
            f.write("n=%d a line of the log\n" % (i // 100 + 1))
            f.flush()
PY
	expect 'it runs' running "$watcher"
	expect_told 1..100
}

run_cases "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Logs that are rotated by renaming, watched and not: T-01 to T-20.

# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 logrotate gzip zstd setpriv

# Followed from its first byte; the lines 1 to 10 are read.
followed_log() { # [KEY: VALUE...]
	sources "app: {path: app.log${1:+, $1}}"
	: >app.log
	follow
	put app.log 1..10
	await_told 1..10
}

# As logrotate does: app.log.2 becomes app.log.3, and so on, up to keep.
rotate() { # [KEEP]
	local i keep=${1:-9}

	rm -f "app.log.$keep"
	for ((i = keep - 1; i >= 1; i--)); do
		[[ ! -e app.log.$i ]] || mv "app.log.$i" "app.log.$((i + 1))"
	done
	mv app.log app.log.1
}

# T-01
lines_before_and_after_each_rotation_are_told_in_order() {
	local i

	followed_log
	for i in {1..5}; do
		put app.log "$((i * 10 + 1))..$((i * 10 + 10))"
		rotate
		put app.log "$((i * 10 + 101))..$((i * 10 + 110))"
		await_told "$((i * 10 + 101))..$((i * 10 + 110))"
	done
	expect_told_in_order 1..20 111..120 21..30 121..130 31..40 131..140 \
	    41..50 141..150 51..60 151..160
}

# T-02: the writer has not been told yet.
lines_written_to_the_renamed_file_are_read() {
	followed_log
	exec 3>>app.log
	rotate
	lines 11..20 >&3
	await_told 11..20
	put app.log 21..30
	await_told 21..30
	lines 31..40 >&3
	await_told 31..40
	rotate
	lines 41 >&3
	put app.log 51
	await_told 41 51
	exec 3>&-
	expect_told 1..41 51
}

# T-03
a_reader_that_is_far_behind_finishes_the_old_file_first() {
	followed_log
	halt
	yes 'a line that no rule is interested in, of middling length' |
	    head -n 2000000 >>app.log
	put app.log 11..20
	rotate
	put app.log 21..30
	go
	expect_told_in_order 1..30
}

# T-04: no descriptor was ever open on most of them.
five_rotations_in_five_milliseconds_lose_nothing() {
	local round from

	followed_log
	for round in 1 2 3; do
		from=$((round * 100))
		python3 - "$from" <<'EOF'
import os, sys
names = ['app.log'] + ['app.log.%d' % i for i in range(1, 30)]
block = int(sys.argv[1])
for turn in range(6):
    with open('app.log', 'a') as f:
        for i in range(100):
            f.write('n=%d.%d a line of the log\n' % (block + turn, i))
    if turn < 5:
        for i in range(28, -1, -1):
            if os.path.exists(names[i]):
                os.rename(names[i], names[i + 1])
EOF
		await_told "$from..$((from + 5))*100"
	done
	expect_told 1..10 '100..105*100' '200..205*100' '300..305*100'
}

# T-05
both_rotations_between_two_looks_are_read() {
	followed_log
	halt
	put app.log 11..20
	rotate
	put app.log 21..30
	rotate
	put app.log 31..40
	go
	expect_told_in_order 1..40
}

# T-05: likewise, with names that sort by date.
rotations_between_two_looks_are_read_in_the_order_of_their_dates() {
	followed_log
	halt
	put app.log 11..20
	mv app.log app.log-20261122
	put app.log 21..30
	mv app.log app.log-20261123
	put app.log 31..40
	mv app.log app.log-20261124
	put app.log 41..50
	go
	expect_told_in_order 1..50
}

# T-06
a_log_rotated_while_stopped_is_finished_and_then_its_successor() {
	followed_log
	finish
	put app.log 11..20
	rotate
	put app.log 21..30
	follow
	expect_told_in_order 1..30
}

# T-06: the same after a kill, and with lines in the middle file only.
logs_rotated_twice_while_killed_are_read_in_order() {
	followed_log
	kill_hard
	rotate
	put app.log 11..20
	rotate
	put app.log 21..30
	follow
	expect_told_in_order 1..30
}

# T-07
of_seven_rotations_what_is_left_is_read_and_the_gap_is_reported() {
	local i

	followed_log
	finish
	for i in {1..7}; do
		put app.log "$((i * 10 + 1))..$((i * 10 + 10))"
		rotate 3
	done
	put app.log 81..90
	follow
	allow_lost=yes
	await_told 51..90
	expect_lost
	expect_told_in_order 1..10 51..90
}

# T-08
a_dated_name_is_found_after_a_stop() {
	followed_log
	finish
	put app.log 11..20
	mv app.log app.log-20260823
	put app.log 21..30
	follow
	expect_told_in_order 1..30
}

# T-08
files_in_olddir_are_found_by_the_rotated_glob() {
	mkdir old
	followed_log "rotated: 'old/app.log*'"
	finish
	put app.log 11..20
	mv app.log old/app.log-20260822
	put app.log 21..30
	mv app.log old/app.log-20260823
	put app.log 31..40
	follow
	expect_told_in_order 1..40
}

# T-08
a_file_moved_to_another_directory_is_read_through_its_descriptor() {
	mkdir elsewhere
	followed_log
	exec 3>>app.log
	halt
	put app.log 11..20
	mv app.log elsewhere/whatever
	lines 21..30 >&3
	put app.log 31..40
	go
	await_told 21..40
	lines 41..50 >&3
	exec 3>&-
	await_told 41..50
	expect_told 1..50
}

# T-09
a_file_copied_away_and_deleted_is_drained_first() {
	followed_log
	halt
	put app.log 11..20
	cp app.log "${TMPDIR:-/tmp}/${tmp##*/}.$$" &&
	    mv "${TMPDIR:-/tmp}/${tmp##*/}.$$" copy
	rm app.log
	put app.log 21..30
	go
	expect_told_in_order 1..30
}

# T-10
a_file_compressed_at_once_is_drained_and_not_read_again() {
	followed_log
	halt
	put app.log 11..20
	rotate
	gzip app.log.1
	put app.log 21..30
	go
	expect_told_in_order 1..30
}

compressed_while_stopped() { # COMMAND...
	followed_log
	finish
	put app.log 11..20
	rotate
	"$@" app.log.1
	put app.log 21..30
	follow
	expect_told_in_order 1..30
}

# T-10
a_file_gzipped_while_stopped_is_read_on_from_its_position() {
	compressed_while_stopped gzip -q
}

# T-10
a_file_zstded_while_stopped_is_read_on_from_its_position() {
	compressed_while_stopped zstd -q --rm
}

# T-10: the second is found compressed though it was never known as text.
a_middle_file_that_was_compressed_while_stopped_is_read_too() {
	followed_log
	finish
	put app.log 11..20
	rotate
	put app.log 21..30
	rotate
	gzip app.log.1 app.log.2
	put app.log 31..40
	follow
	expect_told_in_order 1..40
}

# T-10
a_compressed_file_that_the_glob_names_is_refused_once() {
	sources "app: {path: '*.log*'}"
	: >app.log
	follow
	put text 11..20
	gzip -c text >packed
	mv packed other.log.gz
	put app.log 1..10
	await_said 'compressed'
	touch other.log.gz
	put app.log 21..30
	await_told 21..30
	expect_equal 'said' 1 "$(times_said 'compressed.*other.log.gz|other.log.gz.*compressed')"
	expect_told 1..10 21..30
}

# T-10: it was taken for a log of its own before.
a_compressed_copy_that_the_glob_names_is_read_on() {
	sources "app: {path: 'app.log*', start_at: beginning}"
	put app.log 1..10
	follow
	await_told 1..10
	halt
	put app.log 11..20
	cp app.log app.log.1
	: >app.log
	gzip app.log.1
	put app.log 21..30
	go
	await_told 1..30
	finish
	put app.log 31..40
	mv app.log.1.gz app.log.2.gz
	cp app.log app.log.1
	: >app.log
	gzip app.log.1
	put app.log 41..50
	follow
	expect_told 1..50
}

logrotate_with() { # DIRECTIVE...
	{
		echo "$tmp/app.log {"
		printf '\t%s\n' 'rotate 9' 'nomail' "$@"
		echo '}'
	} >rotate.conf
	chmod 644 rotate.conf
	logrotate -f -s "$tmp/rotate.state" rotate.conf ||
	    die "logrotate: exit $?"
}

# T-11
seconds_without_a_file_are_waited_for_and_said_once() {
	followed_log
	put app.log 11..20
	logrotate_with dateext nocreate compress delaycompress
	await_said 'waiting for the next'
	# More than one look of those that come every second.
	sleep 2.5
	expect_equal 'words' 1 \
	    "$(times_said 'waiting for the next|missing|not there|cannot')"
	put app.log 21..30
	expect_told_in_order 1..30
}

# T-11
logrotate_with_delaycompress_loses_and_doubles_nothing() {
	local i

	followed_log
	for i in 1 2 3 4; do
		halt
		put app.log "${i}1..${i}5"
		logrotate_with compress delaycompress 'create 0640'
		put app.log "${i}6..${i}9"
		go
		await_told "${i}1..${i}9"
	done
	finish
	put app.log 51..55
	logrotate_with compress delaycompress 'create 0640'
	put app.log 56..59
	follow
	expect_told 1..10 11..19 21..29 31..39 41..49 51..59
}

# T-12: root without its privilege to read everything.
a_file_created_unreadable_is_read_once_it_may_be() {
	under=(setpriv --bounding-set '-dac_override,-dac_read_search')
	followed_log
	rotate
	(umask 777 && : >app.log)
	python3 - "$(lines 11..20)" <<'EOF'
import os, sys
os.chmod('app.log', 0o600)
f = open('app.log', 'a')
os.chmod('app.log', 0)
f.write(sys.argv[1] + '\n')
EOF
	await_said 'app.log.*(permission|denied)'
	chmod 600 app.log
	await_told 11..20
	put app.log 21..30
	expect_told_in_order 1..30
}

# T-13
a_rotated_file_that_the_glob_names_is_not_read_again() {
	sources "app: {path: 'app.log*'}"
	: >app.log
	follow
	put app.log 1..10
	await_told 1..10
	rotate
	put app.log 11..20
	await_told 11..20
	halt
	rotate
	put app.log 21..30
	rotate
	put app.log 31..40
	go
	await_told 31..40
	finish
	rotate
	put app.log 41..50
	follow
	expect_told 1..50
}

# T-13: with copytruncate the copy is another file with the same text.
a_copy_that_the_glob_names_is_not_read_again() {
	sources "app: {path: 'app.log*'}"
	: >app.log
	follow
	put app.log 1..10
	await_told 1..10
	logrotate_with copytruncate
	put app.log 11..20
	await_told 11..20
	halt
	logrotate_with copytruncate
	put app.log 21..30
	go
	await_told 21..30
	finish
	logrotate_with copytruncate
	put app.log 31..40
	follow
	expect_told 1..40
}

# T-14
two_files_that_swap_names_go_on_each_where_it_was() {
	sources "app: {path: [a.log, b.log]}"
	: >a.log
	: >b.log
	follow
	put a.log 1..10
	put b.log 11..25
	await_told 1..25
	halt
	mv a.log t
	mv b.log a.log
	mv t b.log
	put a.log 31..40
	put b.log 41..50
	go
	await_told 31..50
	finish
	mv a.log t
	mv b.log a.log
	mv t b.log
	put a.log 51..60
	put b.log 61..70
	follow
	expect_told 1..25 31..70
}

# T-15
a_file_renamed_over_another_is_not_read_again_and_the_other_is_finished() {
	sources "app: {path: [a.log, b.log]}"
	: >a.log
	: >b.log
	follow
	put a.log 1..10
	put b.log 11..20
	await_told 1..20
	halt
	put a.log 21..30
	put b.log 31..40
	mv a.log b.log
	put b.log 41..50
	go
	await_told 21..50
	put a.log 51..60
	expect_told 1..60
}

# T-16
a_rotation_back_goes_on_where_it_was() {
	followed_log
	rotate
	put app.log 11..20
	await_told 11..20
	mv app.log other
	mv app.log.1 app.log
	put app.log 21..30
	await_told 21..30
	finish
	rotate
	follow
	mv app.log.1 app.log
	put app.log 31..40
	expect_told 1..40
}

# T-17: the writer reopens all of them on one signal.
a_thousand_files_rotated_by_one_logrotate_run_lose_nothing() {
	local i

	sources "app: {path: 'logs/*.log'}"
	mkdir logs
	follow
	cat >writer.py <<'EOF'
import signal
handles = []
def reopen(*_):
    global handles
    old, handles = handles, [open('logs/%d.log' % i, 'a', 1)
                             for i in range(1, 1001)]
    for f in old:
        f.close()
    open('reopened', 'a').write('x')
signal.signal(signal.SIGHUP, reopen)
reopen()
for turn in range(4):
    for i in range(1000):
        handles[i].write('n=%d.%d a line of the log\n' % (i + 1, turn))
    if turn < 3:
        open('turn%d' % turn, 'w')
        signal.pause()
EOF
	ulimit -n 4096
	start writer python3 writer.py
	cat >rotate.conf <<EOF
$tmp/logs/*.log {
	rotate 9
	nomail
	sharedscripts
	postrotate
		kill -HUP $pid
	endscript
}
EOF
	for i in 0 1 2; do
		wait_for "$patience" 'the writer' test -e "turn$i"
		logrotate -f -s "$tmp/rotate.state" rotate.conf ||
		    die "logrotate: exit $?"
	done
	expect_told '1..1000*4'
}

# T-18: the new name is there before the old one is gone.
names_that_come_and_go_in_any_order_leave_no_file_stuck() {
	local i

	followed_log
	for i in {1..30}; do
		put app.log "$((i * 10 + 1))..$((i * 10 + 5))"
		case $((i % 3)) in
		0)
			put next "$((i * 10 + 6))..$((i * 10 + 9))"
			ln app.log "app.log.$i"
			mv next app.log
			;;
		1)
			mv app.log "app.log.$i"
			: >app.log
			rm app.log
			put app.log "$((i * 10 + 6))..$((i * 10 + 9))"
			;;
		2)
			ln app.log "app.log.$i"
			rm app.log
			put app.log "$((i * 10 + 6))..$((i * 10 + 9))"
			;;
		esac
	done
	put app.log 999
	await_told 999
	expect_equal 'errors' 0 "$(times_said ' error: |internal')"
	for i in {1..30}; do
		echo "$((i * 10 + 1))..$((i * 10 + 9))"
	done >specs
	# shellcheck disable=SC2046 # words
	expect_told 1..10 $(cat specs) 999
}

# T-20: however a start falls between the rotations of a busy writer.
a_file_replaced_while_logwatch_starts_is_seen() {
	local i writer

	followed_log
	cat >writer.py <<'EOF'
import os, time
for i in range(1, 201):
    with open('app.log', 'a') as f:
        f.write('n=w%d a line of the log\n' % i)
    os.rename('app.log', 'app.log.%04d' % i)
    with open('app.log', 'a') as f:
        f.write('n=v%d a line of the log\n' % i)
    time.sleep(0.005)
EOF
	start writer python3 writer.py
	writer=$pid
	for i in {1..6}; do
		kill_hard
		follow
	done
	wait_for "$patience" 'the writer' ended "$writer"
	for i in {1..200}; do
		echo "w$i" "v$i"
	done >specs
	# shellcheck disable=SC2046 # words
	expect_told 1..10 $(cat specs)
}

run_cases "$@"

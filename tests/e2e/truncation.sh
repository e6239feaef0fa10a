#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Logs that are cut, rewritten or edited where they are: T-21 to T-34.

# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 logrotate fallocate truncate

# Followed from its first byte; the lines 1 to 10 are read.
followed_log() {
	sources 'app: {path: app.log}'
	: >app.log
	follow
	put app.log 1..10
	await_told 1..10
}

copytruncate() {
	cat >rotate.conf <<EOF
$tmp/app.log {
	rotate 20
	nomail
	copytruncate
}
EOF
	logrotate -f -s "$tmp/rotate.state" rotate.conf ||
	    die "logrotate: exit $?"
}

# T-21
copytruncate_at_rest_loses_and_doubles_nothing() {
	local i

	followed_log
	for i in 1 2 3 4; do
		copytruncate
		put app.log "${i}1..${i}9"
		await_told "${i}1..${i}9"
	done
	finish
	copytruncate
	put app.log 51..59
	follow
	expect_told_in_order 1..10 11..19 21..29 31..39 41..49 51..59
}

# T-21, T-22
what_was_not_read_when_it_was_truncated_is_read_from_the_copy() {
	followed_log
	halt
	put app.log 11..20
	copytruncate
	put app.log 21..30
	go
	expect_told_in_order 1..30
}

# T-21, T-22
what_was_not_read_when_it_was_truncated_is_read_from_the_copy_after_a_stop() {
	followed_log
	finish
	put app.log 11..20
	copytruncate
	put app.log 21..30
	follow
	expect_told_in_order 1..30
}

# T-22: what logrotate copied is told; what it lost between copy and truncate
# is told where it was read before.
copytruncate_under_load_loses_no_line_that_is_in_a_copy() {
	local i writer

	followed_log
	cat >writer.py <<'EOF'
import time
with open('app.log', 'ab', 0) as f:
    for i in range(11, 8011):
        f.write(b'n=%d a line of the log\n' % i)
        if i % 40 == 0:
            time.sleep(0.01)
EOF
	start writer python3 writer.py
	writer=$pid
	for i in {1..5}; do
		copytruncate
	done
	wait_for 30 'the writer' ended "$writer"
	cat app.log app.log.* | sed -n 's/^n=\([0-9]*\) .*/\1/p' |
	    sort -u >written
	# shellcheck disable=SC2046 # words
	await_told $(cat written)
	finish
	once
	expect_equal 'told twice' '' "$(told | awk '$2 != 1')"
}

# T-23
a_file_that_regrew_past_the_old_place_is_read_from_its_start() {
	followed_log
	halt
	: >app.log
	put app.log 1001..1050
	go
	expect_told_in_order 1..10 1001..1050
	expect 'a word about it' said 'truncated|rewritten'
}

# T-23, T-24: and while nobody was there.
a_file_rewritten_while_stopped_is_read_from_its_start() {
	followed_log
	finish
	: >app.log
	put app.log 1001..1050
	follow
	await_told 1001..1050
	finish
	: >app.log
	put app.log 2001..2050
	follow
	expect_told_in_order 1..10 1001..1050 2001..2050
}

# T-24
a_file_rewritten_to_the_same_size_is_read_from_its_start() {
	followed_log
	put app.log 11..20
	await_told 11..20
	halt
	# As long, for a..i have one letter, too.
	lines a b c d e f g h i 80..90 >other
	expect_equal 'size' "$(stat -c %s app.log)" "$(stat -c %s other)"
	cat other >app.log
	go
	expect_told_in_order 1..20 a b c d e f g h i 80..90
}

# T-25
a_banner_that_is_written_again_does_not_hide_a_rewrite() {
	sources 'app: {path: app.log}'
	: >app.log
	follow
	seq -f 'banner line %g, the same at each start' 60 >banner
	cat banner >app.log
	put app.log 1..10
	await_told 1..10
	halt
	cat banner >app.log
	put app.log 11..40
	go
	await_told 11..40
	finish
	cat banner >app.log
	put app.log 41..80
	follow
	expect_told_in_order 1..80
}

# T-26: what is left of it is known as far as the last place that was marked, so
# that the lines behind that are told again, but none is missed.
of_a_file_cut_to_a_part_few_lines_are_read_again() {
	local again # how often lines were told in all

	sources 'app: {path: app.log, start_at: beginning}'
	lines 1..2000 >app.log
	follow
	await_told 1..2000
	truncate -s "$(lines 1..1500 | wc -c)" app.log
	await_said 'truncated to a part'
	put app.log 3001..3010
	await_told 3001..3010
	finish
	again=$(told | awk '{ sum += $2 } END { print sum }')
	((again >= 2010 && again < 2010 + 250)) || die "told $again times"
}

# T-26: with little left it may be another text.
a_file_of_which_little_is_left_is_read_from_its_start() {
	followed_log
	truncate -s "$(lines 1..5 | wc -c)" app.log
	await_said 'truncated, reading from its start'
	put app.log 11..20
	await_told 11..20
}

# T-27
a_file_emptied_for_each_line_gives_every_line() {
	local i

	followed_log
	for i in {11..40}; do
		: >app.log
		put app.log "$i"
		await_told "$i"
	done
	expect_told_in_order 1..40
}

# T-28: the writer does not append, so it leaves a hole behind.
a_line_behind_the_hole_of_a_truncation_is_whole() {
	sources 'app: {path: app.log}'
	: >app.log
	follow
	exec 3>app.log
	lines 1..1000 >&3
	await_told 1..1000
	: >app.log
	lines 1001..1010 >&3
	await_told 1001..1010
	halt
	: >app.log
	lines 1011..1020 >&3
	go
	await_told 1011..1020
	finish
	: >app.log
	lines 1021..1030 >&3
	follow
	await_told 1021..1030
	jq -s -e 'all(.event | startswith("n="))' \
	    < <(incidents line) >/dev/null || die 'zeros are in a line'
	expect_told_in_order 1..1030
}

memory_kb() { # of the daemon, its own
	awk '/^RssAnon:/ { print $2 }' "/proc/$watcher/status"
}

# T-29
a_hole_of_ten_gigabytes_takes_no_time_and_no_memory() {
	local before

	followed_log
	before=$(memory_kb)
	halt
	: >app.log
	truncate -s 10G app.log || skip 'no sparse files'
	put app.log 11..20
	go
	patience=3
	await_told 11..20
	(($(memory_kb) - before < 4096)) || die "$(memory_kb) kB, $before before"
	patience=10
	expect_told_in_order 1..20
}

# T-30
half_a_line_that_was_truncated_is_not_glued_to_the_next() {
	followed_log
	# One write, so the half was read with what is before it.
	printf '%s\nn=half' "$(lines 11..20)" >>app.log
	await_told 11..20
	: >app.log
	put app.log 21..30
	await_told 21..30
	printf '%s\nn=half' "$(lines 31..40)" >>app.log
	await_told 31..40
	halt
	: >app.log
	put app.log 41..90
	go
	expect_told_in_order 1..90
}

# T-31
of_two_truncations_between_two_looks_the_last_text_is_read() {
	followed_log
	halt
	: >app.log
	put app.log 11..20
	: >app.log
	put app.log 21..40
	go
	allow_lost=yes
	expect_told_in_order 1..10 21..40
}

# T-31
a_file_truncated_and_renamed_between_two_looks_is_read_under_both_names() {
	followed_log
	halt
	: >app.log
	put app.log 11..40
	mv app.log app.log.1
	put app.log 41..50
	go
	await_told 11..50
	expect_told 1..50
}

# T-32
zeros_punched_into_the_head_change_nothing() {
	followed_log
	put app.log 11..1000
	await_told 11..1000
	fallocate --punch-hole -o 0 -l 8192 app.log ||
	    skip 'this file system punches no holes'
	put app.log 1001..1010
	await_told 1001..1010
	finish
	fallocate --punch-hole -o 0 -l 16384 app.log
	put app.log 1011..1020
	follow
	expect_told_in_order 1..1020
}

# T-32: the text moves towards the head, the place that was read with it.
a_head_that_was_collapsed_is_noticed() {
	followed_log
	put app.log 11..1000
	await_told 11..1000
	halt
	fallocate --collapse-range -o 0 -l 8192 app.log ||
	    skip 'this file system collapses no ranges'
	put app.log 1001..1010
	go
	await_told 1001..1010
	finish
	fallocate --collapse-range -o 0 -l 4096 app.log
	put app.log 1011..1400
	follow
	expect_told_in_order 1..1400
}

# T-33: it keeps its last twenty lines, and is written anew for each.
a_circular_log_is_not_read_again_for_each_line() {
	local i

	followed_log
	cat >append.py <<'EOF'
import sys
with open('app.log', 'r+') as f:
    text = (f.readlines() + [sys.argv[1] + '\n'])[-20:]
    f.seek(0)
    f.writelines(text)
    f.truncate()
EOF
	for i in {11..30}; do
		python3 append.py "$(lines "$i")"
		await_told "$i"
	done
	finish
	for i in {31..35}; do
		python3 append.py "$(lines "$i")"
	done
	follow
	expect_told_in_order 1..35
}

# T-34
a_log_that_sed_edits_is_not_read_again() {
	followed_log
	sed -i 's/nothing of this is there/x/' app.log
	put app.log 11..20
	await_told 11..20
	sed -i '1,3d' app.log
	put app.log 21..30
	await_told 21..30
	finish
	sed -i '1,3d' app.log
	put app.log 31..40
	follow
	expect_told_in_order 1..40
}

# T-34: as an editor that writes back into the same file.
a_log_that_is_written_back_in_place_is_not_read_again() {
	followed_log
	halt
	{
		cat app.log
		lines 11..20
	} >edited
	cat edited >app.log
	go
	await_told 11..20
	halt
	sed 1,5d app.log >edited
	cat edited >app.log
	put app.log 21..30
	go
	expect_told_in_order 1..30
}

# T-34: text that moved is searched for; other text is not mistaken for it.
another_text_is_read_from_its_start_and_said() {
	followed_log
	halt
	{
		lines 101..150
		# As the place that was read, but for what is in front of it.
		lines 200 | tr '\n' '!'
		lines 10
	} >app.log
	go
	await_told 101..150
	expect 'a word about it' said 'rewritten|truncated|rotated'
	expect_told 1..10 101..150 200
}

run_cases "$@"

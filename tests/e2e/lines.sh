#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a line is, whatever bytes it is made of and however they arrive: races
# 57 to 69 of the table.

# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 gzip iconv

# What was written before is read by now: a line of another file is, which came
# after it.
look_passed() {
	looks=$((${looks:-0} + 1))
	put other.log "look-$looks"
	await_told "look-$looks"
}
event_of() { # ID
	incidents line | jq -r --arg n "$1" 'select(.key.n == $n) | .event'
}
line_of() { # ID
	incidents line | jq -r --arg n "$1" 'select(.key.n == $n) | .line'
}

# T-57
an_unfinished_line_waits_for_its_end_and_is_kept_over_a_stop() {
	sources 'app: {path: [a.log, other.log], start_at: beginning}'
	printf 'n=1 whole\nn=2 ha' >a.log
	follow
	await_told 1
	look_passed
	expect_equal 'half a line' '' "$(event_of 2)"
	finish
	once
	once
	expect_told_now 1 look-1
	printf 'lf\nn=3 ha' >>a.log
	once
	expect_told_now 1..2 look-1
	expect_equal 'the line' 'n=2 half' "$(event_of 2)"
	follow
	printf 'lf\n' >>a.log
	expect_told 1..3 look-1
	expect_equal 'the line' 'n=3 half' "$(event_of 3)"
}

# T-58
a_line_begun_before_a_rotation_is_ended_in_the_renamed_file() {
	sources 'app: {path: [a.log, other.log], start_at: beginning}'
	exec 5>>a.log
	printf 'n=1 ha' >&5
	follow
	look_passed
	mv a.log a.log.1
	put a.log 2
	await_told 2
	printf 'lf\n' >&5
	expect_told 1..2 look-1
	expect_equal 'the line' 'n=1 half' "$(event_of 1)"
}

# T-58: with the rotation between two looks.
a_line_begun_and_rotated_between_two_looks_is_one_line() {
	sources 'app: {path: [a.log, other.log], start_at: beginning}'
	exec 5>>a.log
	printf 'n=1 ha' >&5
	follow
	look_passed
	halt
	mv a.log a.log.1
	put a.log 2
	printf 'lf\n' >&5
	go
	expect_told 1..2 look-1
	expect_equal 'the line' 'n=1 half' "$(event_of 1)"
}

# T-59
a_line_never_ended_is_told_when_its_file_is_let_go() {
	sources 'app: {path: a.log, start_at: beginning}'
	exec 5>>a.log
	printf 'n=1\nn=2 without an end' >&5
	follow
	await_told 1
	rm a.log
	await_told 1..2
	finish
	expect_equal 'the line' 'n=2 without an end' "$(event_of 2)"
}

# T-60
a_line_ended_while_killed_is_one_line() {
	sources 'app: {path: [a.log, other.log], start_at: beginning}'
	printf 'n=1\nn=2 ha' >a.log
	follow
	await_told 1
	look_passed
	kill_hard
	printf 'lf\nn=3 ha' >>a.log
	follow
	await_told 1..2
	look_passed
	kill_hard
	printf 'lf\n' >>a.log
	mv a.log a.log.1
	put a.log 4
	follow
	expect_told 1..4 look-1 look-2
	expect_equal 'the line' 'n=2 half' "$(event_of 2)"
	expect_equal 'the line' 'n=3 half' "$(event_of 3)"
}

# T-61
a_line_written_byte_by_byte_is_one_line() {
	sources 'app: {path: a.log}'
	follow
	python3 - <<'PY'
import os, time
fd = os.open("a.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i in range(1, 11):
    for byte in ("n=%d é 日誌 \U0001f600\r\n" % i).encode():
        os.write(fd, bytes([byte]))
        time.sleep(0.001)
PY
	expect_told 1..10
	expect_equal 'the line' 'n=7 é 日誌 😀' "$(event_of 7)"
}

# T-61
a_line_cut_within_a_character_or_a_line_end_is_whole() {
	sources 'app: {path: [a.log, other.log], start_at: beginning}'
	follow
	printf 'n=1 \xe6\x97' >>a.log
	look_passed
	printf '\xa5 day\r' >>a.log
	look_passed
	printf '\nn=2\r' >>a.log
	look_passed
	printf '\n' >>a.log
	expect_told 1..2 look-1 look-2 look-3
	expect_equal 'the first' 'n=1 日 day' "$(event_of 1)"
	expect_equal 'the second' 'n=2' "$(event_of 2)"
}

# T-62
lines_about_the_limit_are_whole_and_longer_ones_are_cut_and_said() {
	local i

	python3 - <<'PY'
with open("a.log", "w") as f:
    for i, size in enumerate((65535, 65536, 65537, 1 << 20), 1):
        start = "n=%d " % i
        f.write(start + "x" * (size - len(start) - 4) + " end\n")
        f.write("n=%d\n" % (10 + i))
PY
	sources 'app: {path: a.log, start_at: beginning, max_line: 64KiB}'
	sed -i 's/\^n=(?<n>\[^.\\s\]+)/^n=(?<n>\\d+)( x+ end)?$/' rules.yml
	once
	expect_told_now 1..2 11..14
	for i in 1 2 3 4; do
		expect_equal 'its line' $((2 * i)) "$(line_of $((i + 10)))"
	done
	grep -q 'warning: line too long.*path=a.log' once.log ||
	    die 'the long ones were not said'
	expect_equal 'its length' 65536 "$(event_of 2 | tr -d '\n' | wc -c)"
}

# T-62
a_line_of_a_hundred_megabytes_takes_little_memory() {
	local before after

	sources 'app: {path: a.log, start_at: beginning}'
	# A sanitizer keeps what was freed for a while: not so much.
	under=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=1")
	follow
	put a.log 1..9
	await_told 1..9
	before=$(awk '/VmHWM/ { print $2 }' "/proc/$watcher/status")
	{
		printf 'n=10 '
		head -c 100000000 /dev/zero | tr '\0' x
		printf '\n'
		lines 11..19
	} >>a.log
	patience=60 await_told 1..19
	after=$(awk '/VmHWM/ { print $2 }' "/proc/$watcher/status")
	((after - before < 32000)) ||
	    die "memory grew from $before to $after kB"
	expect_equal 'its line' 11 "$(line_of 11)"
	expect_told 1..19
}

# T-63
nul_bytes_are_bytes_of_their_line() {
	printf 'n=1 a\0b\n\0\0\0\nn=2 \0\0\n\0n=9\nn=3\n' >a.log
	sources 'app: {path: a.log, start_at: beginning}'
	once
	expect_told_now 1..3
	expect_equal 'the first' 'n=1 a\u0000b' "$(incidents line |
	    jq 'select(.key.n == "1") | .event' | tr -d '"')"
	expect_equal 'the last' 5 "$(line_of 3)"
}

# T-63
a_gigabyte_of_zeros_hides_no_line_behind_it() {
	sources 'app: {path: a.log, start_at: beginning}'
	put a.log 1..9
	follow
	await_told 1..9
	truncate -s +1G a.log
	printf '\n' >>a.log
	put a.log 10..19
	patience=40 expect_told 1..19
}

# T-64
only_a_newline_ends_a_line() {
	printf 'n=1 crlf\r\nn=2 cr\rn=91\rx\nn=3 \x0b\x0cn=92\nn=4 \xe2\x80\xa8n=93 \xc2\x85n=94\nn=5 two\r\r\n\r\nn=6\n' >a.log
	sources 'app: {path: a.log, start_at: beginning}'
	once
	# To patterns a line begins behind a newline alone, too.
	expect_told_now 1..6
	expect_equal 'the first' 'n=1 crlf' "$(event_of 1)"
	expect_equal 'the second' $'n=2 cr\rn=91\rx' "$(event_of 2)"
	expect_equal 'the last' 7 "$(line_of 6)"
}

# T-65
what_is_no_utf_8_is_matched_and_told_as_the_replacement() {
	printf '%b' 'n=1 \xff\xfe x\n' 'n=2 overlong \xc0\xaf x\n' \
	    'n=3 surrogate \xed\xa0\x80 x\n' 'n=4 caf\xe9 x\n' \
	    'n=5 cut \xe6\x97\n' 'n=6 \xf4\x90\x80\x80 x\n' \
	    'n=7 \x80\x80 x\n' 'n=8 \xf0\x9f\x98\x80 x\n' >a.log
	sources 'app: {path: a.log, start_at: beginning}'
	once
	expect_told_now 1..8
	"$LOGWATCH" incidents --all --json --state s.db >records
	iconv -f UTF-8 -t UTF-8 records >/dev/null || die 'JSON is UTF-8'
	expect_equal 'latin-1' 'n=4 caf� x' "$(event_of 4)"
	expect_equal 'cut at the end' 0 \
	    "$(event_of 5 | grep -q 'n=5 cut �'; echo $?)"
	expect_equal 'what is right' 'n=8 😀 x' "$(event_of 8)"
}

# T-66
a_byte_order_mark_is_no_part_of_the_first_line() {
	sources 'app: {path: a.log, start_at: beginning}'
	printf '\xef\xbb\xbfn=1\nn=2\n' >a.log
	follow
	await_told 1..2
	mv a.log a.log.1
	printf '\xef\xbb\xbfn=3\n' >new
	mv new a.log
	await_told 3
	: >a.log
	printf '\xef\xbb\xbfn=4\n' >>a.log
	expect_told 1..4
}

# T-66
utf_16_is_refused_and_said_once() {
	mkdir d
	sources "app: {path: 'd/*', start_at: beginning}"
	lines 1..9 | iconv -t UTF-16LE | (printf '\xff\xfe'; cat) >d/le
	lines 1..9 | iconv -t UTF-16BE | (printf '\xfe\xff'; cat) >d/be
	put d/good 10..19
	follow
	await_told 10..19
	await_said '(warning|error):.*path=d/le.*UTF-16'
	await_said '(warning|error):.*path=d/be.*UTF-16'
	lines 1..9 | iconv -t UTF-16LE >>d/le
	put d/good 20..29
	expect_told 10..29
	expect_equal 'words of it' 1 \
	    "$(times_said 'path=d/le.*UTF-16')"
}

# T-67
what_moves_a_terminal_is_stored_and_never_shown_raw() {
	local evil=$'\e]52;c;cm0K\a\e]0;title\a\b\b\u202eevil\u202c\u2066\x9b31m\x7f'

	printf 'n=1 \e[31mred\e[0m \e[1;32mgreen\e[K\nn=2 %s\nn=3\n' "$evil" \
	    >a.log
	sources 'app: {path: a.log, start_at: beginning}'
	printf "    summary: '{{event}}'\n" >>rules.yml
	once
	expect_told_now 1..3
	expect_equal 'without its colours' 'n=1 red green' "$(event_of 1)"
	"$LOGWATCH" incidents --all --state s.db >shown.log
	NO_COLOR=1 python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' \
	    "$LOGWATCH" scan --rules rules.yml a.log | tr -d '\r' >scanned.log
	python3 - once.log shown.log scanned.log <<'PY' || die 'shown raw'
import re, sys
bad = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
for name in sys.argv[1:]:
    text = open(name, encoding="utf-8", errors="replace").read()
    found = bad.search(text)
    if found:
        at = found.start()
        print("%s: %r" % (name, text[max(0, at - 20):at + 20]))
        sys.exit(1)
PY
}

# T-68
empty_lines_are_lines() {
	sources 'app: {path: a.log, start_at: beginning}'
	{
		printf 'n=1\n\n\n \t \n\t\n'
		head -c 1000000 /dev/zero | tr '\0' '\n'
		lines 2
	} >a.log
	follow
	await_told 1..2
	expect_equal 'its line' 1000006 "$(line_of 2)"
	printf '\n\n\n' >>a.log
	put a.log 3
	expect_told 1..3
	expect_equal 'its line' 1000010 "$(line_of 3)"
}

# T-69
binary_files_in_a_log_hide_no_line_behind_them() {
	sources 'app: {path: a.log, start_at: beginning}'
	follow
	put a.log 1..9
	cat "$(command -v sed)" >>a.log
	echo >>a.log
	put a.log 10..19
	lines 90..99 | gzip >>a.log
	echo >>a.log
	put a.log 20..29
	expect_told 1..29
}

run_cases "$@"

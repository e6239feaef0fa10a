#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Links, globs, directories that come and go, names and things that are no
# logs: T-45 to T-56.

# Mounts of its own, which nobody else sees and which end with it.
if [[ -z ${OWN_MOUNTS:-} ]] && unshare -m true 2>/dev/null; then
	OWN_MOUNTS=yes exec unshare -m --propagation private -- "$0" "$@"
fi
# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 setpriv mount umount

as_root() {
	((EUID == 0)) || skip 'it takes root'
}
with_mounts() {
	[[ ${OWN_MOUNTS:-} ]] || skip 'it takes a mount namespace'
}
# What a case has mounted, the deepest first.
at_exit() {
	local where

	awk -v t="$tmp/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo |
	    sort -r | while read -r where; do umount -l "$where"; done
}

# T-45
a_link_swapped_to_another_file_is_followed_there_after_the_old_one() {
	local i

	put f-0 1..50
	ln -s f-0 a.log
	sources "app: {path: a.log, start_at: beginning}"
	follow
	await_told 1..50
	for i in {1..10}; do
		put "f-$((i - 1))" "$((i * 100 - 49))..$((i * 100))"
		put "f-$i" "$((i * 100 + 1))..$((i * 100 + 50))"
		ln -s "f-$i" swap
		mv -T swap a.log
		await_told "$((i * 100 - 49))..$((i * 100 + 50))"
	done
	expect_told_in_order 1..1050
}

# T-45
a_link_swapped_while_stopped_is_read_on_where_it_led_before() {
	put app-1 1..5
	ln -s app-1 a.log
	sources "app: {path: a.log, start_at: beginning, rotated: 'app-*'}"
	once
	put app-1 6..9
	put app-2 10..19
	ln -s app-2 swap
	mv -T swap a.log
	once
	expect_told 1..19
}

# T-46: as a kubelet rotates what /var/log/containers leads to.
the_target_of_a_link_is_followed_through_its_rotations() {
	local i from

	mkdir -p pods/uid/c containers
	ln -s ../pods/uid/c/0.log containers/c.log
	put pods/uid/c/0.log 1..10
	sources "app: {path: 'containers/*.log', start_at: beginning,
      rotated: 'pods/uid/c/0.log.*'}"
	follow
	await_told 1..10
	for i in 1 2 3; do
		from=$((i * 20 - 9))
		put pods/uid/c/0.log "$from..$((from + 9))"
		mv pods/uid/c/0.log "pods/uid/c/0.log.2026010$i-000000"
		put pods/uid/c/0.log "$((from + 10))..$((from + 19))"
		await_told "$from..$((from + 19))"
	done
	halt # two rotations between two looks
	put pods/uid/c/0.log 71..79
	mv pods/uid/c/0.log pods/uid/c/0.log.20260104-000000
	put pods/uid/c/0.log 80..89
	mv pods/uid/c/0.log pods/uid/c/0.log.20260105-000000
	put pods/uid/c/0.log 90..99
	go
	expect_told 1..99
}

# T-47
links_that_lead_nowhere_are_said_once_and_others_go_on() {
	local name

	ln -s nowhere dangling.log
	ln -s loop.log loop.log
	ln -s two.log one.log
	ln -s one.log two.log
	mkdir dir
	ln -s dir dir.log
	ln -s /dev/zero device.log
	sources "app: {path: [dangling.log, loop.log, one.log, dir.log,
      device.log, good.log], start_at: beginning}"
	put good.log 1..5
	follow
	await_told 1..5
	for name in dangling loop one dir device; do
		await_said "warning:.*path=$name.log"
	done
	put good.log 6..9
	put nowhere 10..19
	await_told 1..19
	put new 20..29
	mv new device.log
	expect_told 1..29
	for name in dangling loop one dir device; do
		expect_equal "warnings of $name.log" 1 \
		    "$(times_said "warning:.*path=$name.log")"
	done
}

# T-48
a_log_three_directories_deep_that_appears_is_read_from_its_start() {
	local i from

	sources "app: {path: [$(seq -s ', ' -f 'd%.0f/e/f/a.log' 30)]}"
	follow
	for i in {1..30}; do
		mkdir -p "d$i/e/f"
		put "d$i/e/f/a.log" "$((i * 10))..$((i * 10 + 9))"
	done
	from=$(elapsed_ms)
	await_told 10..309
	(($(elapsed_ms) - from < 5000)) || die 'they were not read soon'
	for i in {1..30}; do
		put "d$i/e/f/a.log" $((i + 1000))
	done
	expect_told 10..309 1001..1030
}

# T-49
a_directory_renamed_away_and_made_anew_leaves_both_files_followed() {
	local i

	mkdir d
	put d/a.log 1..9
	sources "app: {path: d/a.log, start_at: beginning}"
	follow
	await_told 1..9
	for i in 1 2 3; do
		exec 5>>d/a.log
		mv d "d.$i"
		mkdir d
		lines "$((i * 10))..$((i * 10 + 4))" >&5
		put d/a.log "$((i * 10 + 5))..$((i * 10 + 9))"
		await_told "1..$((i * 10 + 9))"
	done
	exec 5>&-
	expect_told 1..39
}

at_names_below() {
	(($(times_said 'log rotated.*path=m/a.log') == 2))
}
# T-50
another_file_system_mounted_over_the_directory_is_seen() {
	with_mounts
	mkdir m
	put m/a.log 1..9
	sources "app: {path: m/a.log, start_at: beginning}"
	follow
	await_told 1..9
	mount -t tmpfs none m
	put m/a.log 10..19
	await_told 1..19
	umount -l m
	put m/a.log 20..29
	await_told 1..29
	# A stop before it saw that would have it miss what was unmounted.
	wait_for "$patience" 'its look at what was below' at_names_below
	expect_told 1..29
}

# T-50
a_disk_unmounted_and_mounted_again_is_followed_there() {
	with_mounts
	mkdir m
	mount -t tmpfs none m
	put m/a.log 1..9
	sources "app: {path: 'm/*.log', start_at: beginning}"
	follow
	await_told 1..9
	umount -l m
	mount -t tmpfs none m
	put m/a.log 10..19
	expect_told 1..19
}

# T-50
a_directory_bound_over_another_is_seen() {
	with_mounts
	mkdir m n
	put m/a.log 1..9
	sources "app: {path: m/a.log, start_at: beginning}"
	follow
	await_told 1..9
	mount --bind n m
	put n/a.log 10..19
	expect_told 1..19
}

# T-51
a_thousand_files_at_once_are_each_read() {
	local i

	mkdir d
	sources "app: {path: 'd/*.log'}"
	follow
	for i in {1..1000}; do
		echo "n=$i" >"d/$i.log"
	done
	await_told 1..1000
	for i in {1..1000}; do
		echo "n=$((i + 1000))" >>"d/$i.log"
	done
	expect_told 1..2000
}

# T-51
a_file_that_appears_and_goes_leaves_the_others_whole() {
	mkdir d
	sources "app: {path: 'd/*.log'}"
	follow
	python3 - <<'PY'
import os
for i in range(500):
    name = "d/%d.log" % i
    with open(name, "w") as f:
        f.write("GONE\n")
    os.unlink(name)
    with open("d/stays.log", "a") as f:
        f.write("n=%d\n" % (i + 1))
PY
	await_told 1..500
	expect 'it runs' running "$watcher"
}

# T-52
names_of_any_bytes_are_followed_and_told_as_they_are() {
	# shellcheck disable=SC2016 # it must not
	local names=('a b.log' $'new\nline.log' 'a;b.log' '$(touch owned).log'
	    '*.log' '[x].log' '日誌.log' $'\xff\xfe.log' '-n.log' '{a,b}.log'
	    "$(printf 'x%.0s' {1..251}).log") i

	mkdir d
	echo "n=1" >"d/${names[0]}"
	sources "app: {path: 'd/*.log', start_at: beginning}"
	follow
	for i in "${!names[@]}"; do
		((i == 0)) || echo "n=$((i + 1))" >"d/${names[i]}"
	done
	await_told "1..${#names[@]}"
	for i in "${!names[@]}"; do
		echo "n=$((i + 101))" >>"d/${names[i]}"
	done
	await_told "101..$((100 + ${#names[@]}))"
	[[ ! -e owned ]] || die 'a name reached a shell'
	incidents line >records
	for i in "${!names[@]}"; do
		[[ ${names[i]} == $'\xff\xfe.log' ]] ||
		    jq -es --arg n "$((i + 101))" --arg p "d/${names[i]}" \
			'any(.key.n == $n and .path == $p)' records \
			>/dev/null || die "the path in the record: ${names[i]}"
	done
	if grep -q '^line.log' watch.log; then
		die 'a name broke a line of the log'
	fi
	finish
	once
	expect_told_now "1..${#names[@]}" "101..$((100 + ${#names[@]}))"
}

# T-52
a_name_with_glob_characters_can_be_named_itself() {
	sources "app: {path: ['[[]x].log', '-n.log'], start_at: beginning}"
	put '[x].log' 1..5
	put ./-n.log 6..9
	echo n=99 >x.log
	follow
	expect_told 1..9
}

# T-53
paths_written_in_odd_ways_lead_to_their_files() {
	local long

	mkdir -p d/e
	long=$(printf 'x%.0s' {1..200})
	long=$(printf "$long/%.0s" {1..25})a.log # more than PATH_MAX
	sources "app: {path: ['./d//e/../e/./1.log', '$tmp//d/e/2.log',
      d/e/3.log/, '$long', '$(printf 'y%.0s' {1..300})'],
      start_at: beginning}"
	put d/e/1.log 1..5
	put d/e/2.log 6..9
	echo n=99 >d/e/3.log
	follow
	await_told 1..9
	mv d/e/1.log d/e/1.log.1
	put d/e/1.log 10..19
	await_told 1..19
	expect 'word of the slash behind' said 'warning:.*path=d/e/3.log/'
	expect 'word of the long path' said 'warning:.*path=xxx'
	expect 'word of the long name' said 'warning:.*path=yyy'
}

# T-54
what_is_no_log_is_refused_and_neither_hangs_nor_floods() {
	local i

	as_root
	mkdir dir
	mkfifo fifo
	python3 -c 'import socket
socket.socket(socket.AF_UNIX).bind("socket")'
	mknod null c 1 3
	sources "app: {path: [dir, fifo, socket, 'null', /dev/full, /dev/zero,
      /dev/tty, good.log], start_at: beginning}"
	put good.log 1..5
	follow
	await_told 1..5
	for i in dir fifo socket null /dev/full /dev/zero /dev/tty; do
		expect_equal "words of $i" 1 \
		    "$(times_said "warning:.*path=$i ")"
	done
	put good.log 6..9
	await_told 1..9
	rmdir dir
	put dir 10..19
	put new 20..29
	mv new fifo
	expect_told 1..29
}

# T-54
files_of_proc_neither_hang_nor_flood() {
	local before after

	as_root
	# kmsg is denied here: what is read from it, nobody else gets.
	sources "app: {path: [/proc/uptime, /proc/self/mountinfo, /proc/kmsg,
      good.log], start_at: beginning}"
	put good.log 1..5
	# shellcheck disable=SC2054 # setpriv takes them so
	under=(setpriv --bounding-set=-syslog,-sys_admin --)
	follow
	await_told 1..5
	before=$(awk '{ print $14 + $15 }' "/proc/$watcher/stat")
	put good.log 6..9
	await_told 1..9
	# What is measured are two seconds: a reader without end takes them all.
	sleep 2
	after=$(awk '{ print $14 + $15 }' "/proc/$watcher/stat")
	((after - before < 100)) || die "busy: $((after - before)) ticks of 200"
	expect 'it runs' running "$watcher"
	(($(times_said .) < 100)) || die 'it floods its log'
}

# T-55: root that is held by modes as anybody is.
# shellcheck disable=SC2054 # setpriv takes them so
plain_root=(setpriv --bounding-set=-dac_override,-dac_read_search --)

# T-55
a_log_that_is_denied_is_read_once_it_may_be() {
	as_root
	sources "app: {path: a.log, start_at: beginning}"
	put a.log 1..5
	chmod 0 a.log
	under=("${plain_root[@]}")
	follow
	await_said 'warning:.*permission.*path=a.log'
	put a.log 6..9
	chmod 600 a.log
	await_told 1..9
	chown 65534 a.log
	put a.log 10..19 # open, it is read on
	expect_told 1..19
}

# T-55
a_log_denied_while_it_is_open_is_read_on_through_its_rotation() {
	as_root
	sources "app: {path: a.log, start_at: beginning}"
	put a.log 1..5
	under=("${plain_root[@]}")
	follow
	await_told 1..5
	exec 5>>a.log
	chmod 0 a.log
	lines 6..9 >&5
	await_told 1..9
	put new 10..19
	chown 65534 new
	chmod 600 new
	mv a.log a.log.1
	mv new a.log
	await_said 'warning:.*permission.*path=a.log'
	lines 20..29 >&5
	await_told 20..29
	chown 0 a.log
	expect_told 1..29
	expect_equal 'words of it' 1 "$(times_said 'warning:.*path=a.log')"
}

# T-55
a_directory_that_is_closed_and_opened_again_is_looked_into() {
	as_root
	mkdir d
	sources "app: {path: 'd/*.log', start_at: beginning}"
	put d/a.log 1..5
	chmod 0 d
	under=("${plain_root[@]}")
	follow
	chmod 700 d
	await_told 1..5
	chmod 0 d
	put d/a.log 6..9
	put d/b.log 10..19
	await_told 1..9
	chmod 700 d
	expect_told 1..19
}

# T-56
a_link_of_a_stranger_does_not_lead_to_others_files() {
	local i

	as_root
	mkdir d
	lines 98..99 >secret
	chmod 600 secret
	put d/a.log 1..5
	for i in 1 2 3; do
		ln -s ../secret "d/swap-$i"
	done
	chown -h 65534 d d/*
	sources "app: {path: [d/a.log, d/b.log, 'g/*.log'], start_at: beginning}"
	mkdir g
	chown 65534 g
	follow
	await_told 1..5
	mv -T d/swap-1 d/b.log
	mv -T d/swap-2 g/c.log
	mv -T d/swap-3 d/a.log
	await_said 'warning:.*path=d/b.log.*link'
	await_said 'warning:.*path=g/c.log.*link'
	await_said 'warning:.*path=d/a.log.*link'
	put secret 97
	put d/new 6..9
	mv d/new d/a.log
	await_told 1..9
	chown -h root g/c.log
	expect_told 1..9 97..99
}

# T-56
a_link_of_root_or_of_its_targets_owner_is_followed() {
	as_root
	mkdir d
	put d/1 1..5
	put d/2 6..9
	chown 65534 d d/1 d/2
	ln -s 1 d/a.log
	ln -s 2 d/b.log
	chown -h 65534 d/b.log
	sources "app: {path: [d/a.log, d/b.log], start_at: beginning}"
	follow
	expect_told 1..9
}

run_cases "$@"

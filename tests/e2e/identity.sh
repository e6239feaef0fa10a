#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Which file is which, by what it holds and not by its name, its number or its
# size alone: T-35 to T-44.

# shellcheck source=tests/e2e/follow-lib.sh
. "${srcdir:?names the source tree}/tests/e2e/follow-lib.sh" || exit 1
need python3 unshare mount umount
in_own_mounts "$@"

at_exit() {
	umount -l fs/merged fs 2>/dev/null
}

# Followed from its first byte; the lines 1 to 10 are read.
followed_log() {
	sources 'app: {path: app.log}'
	: >app.log
	follow
	put app.log 1..10
	await_told 1..10
}

# T-35
a_log_deleted_and_made_anew_larger_is_read_whole_after_the_old_one() {
	followed_log
	halt
	put app.log 11..20
	rm app.log
	put app.log 101..300
	go
	expect_told_in_order 1..20 101..300
}

# T-35
a_log_deleted_and_made_anew_again_and_again_is_read_whole() {
	local i

	followed_log
	for i in {1..20}; do
		rm app.log
		put app.log "$((i * 100))..$((i * 100 + i))"
		await_told "$((i * 100))..$((i * 100 + i))"
	done
	for i in {1..20}; do
		echo "$((i * 100))..$((i * 100 + i))"
	done >specs
	# shellcheck disable=SC2046 # words
	expect_told 1..10 $(cat specs)
}

# Another text under the same name and inode number.  File systems give a free
# number out again; where somebody else was faster, the case begins anew.
tries=0
remake_on_same_inode() { # TEXT-FILE
	local i inode

	inode=$(stat -c %i app.log)
	rm app.log
	for i in {1..50}; do
		cat "$1" >"try.$i"
		if [[ $(stat -c %i "try.$i") == "$inode" ]]; then
			mv "try.$i" app.log
			return
		fi
	done
	((++tries < 6)) || skip 'no inode number was given out again'
	mkdir again
	cd again || die 'no directory'
	tmp=$PWD
	"${FUNCNAME[1]}"
	exit 0
}

# T-36
another_log_on_the_same_inode_is_read_from_its_start_after_a_stop() {
	followed_log
	finish
	lines 101..200 >other
	remake_on_same_inode other
	allow_lost=yes # nobody can tell whether the old one grew before it went
	follow
	expect_told_in_order 1..10 101..200
}

# T-37: the heads are the same, what was in front of the position is not.
a_long_banner_does_not_make_another_log_the_same() {
	sources 'app: {path: app.log}'
	: >app.log
	follow
	seq -f 'banner line %g, the same at each start' 100 >banner
	cat banner >app.log
	put app.log 1..50
	await_told 1..50
	finish
	{
		cat banner
		lines 101..200
	} >other
	remake_on_same_inode other
	allow_lost=yes
	follow
	expect_told_in_order 1..50 101..200
}

# T-38
files_with_the_same_head_are_files_of_their_own() {
	local i

	sources "app: {path: 'logs/*.log'}"
	mkdir logs
	seq -f 'banner line %g, the same in each file' 100 >banner
	follow
	for i in {1..20}; do
		cp banner "logs/$i.log"
	done
	for i in {1..20}; do
		put "logs/$i.log" "$i*20"
	done
	await_told '1..20*20'
	finish
	for i in {1..20}; do
		put "logs/$i.log" "$((i + 100))*20"
		mv "logs/$i.log" "logs/$((i + 50)).log"
	done
	follow
	expect_told '1..20*20' '101..120*20'
}

# T-39
short_files_are_followed_at_once() {
	local i

	sources "app: {path: 'logs/*.log'}"
	mkdir logs
	: >logs/empty.log
	printf n >logs/one.log
	echo 'n=1 x' >logs/short.log
	follow
	: >logs/late.log
	printf n >logs/late1.log
	await_said 'following source=app path=logs/late1?.log'
	printf '=2 x\n' >>logs/late1.log
	echo 'n=3 x' >>logs/late.log
	echo 'n=4 x' >>logs/empty.log
	echo 'n=5 x' >>logs/short.log
	await_told 2..5
	finish
	for i in 6 7 8; do
		echo "n=$i x" >"logs/$i.log"
	done
	follow
	echo 'n=9 x' >>logs/6.log
	expect_told 2..9
}

# T-41: a hard link is another name of the same log.
two_names_of_a_log_are_one_log_in_a_source() {
	sources "app: {path: ['*.log', 'other/*.log'], exclude: ['watch.log', 'once.log']}"
	mkdir other
	: >app.log
	ln app.log other/app.log
	ln -s ../app.log other/link.log
	follow
	put app.log 1..10
	put other/app.log 11..20
	await_told 1..20
	ln app.log third.log
	put third.log 21..30
	await_told 21..30
	finish
	rm third.log
	put app.log 31..40
	follow
	await_told 31..40
	rm app.log other/link.log
	put other/app.log 41..50
	expect_told_in_order 1..50
}

# T-41
each_of_two_sources_reads_a_log_that_both_name() {
	sources 'one: {path: app.log}' 'two: {path: hard.log}'
	: >app.log
	ln app.log hard.log
	follow
	put app.log a
	for i in {1..20}; do
		put hard.log "$i"
	done
	# Told by each source: twice in all.
	await_told 'a*2' '1..20*2'
	finish
	put app.log b
	once
	expect_told_now 'a*2' '1..20*2' 'b*2'
}

# T-42: the lower layer's file is opened; the first write makes another file of
# it in the upper one.
a_log_that_overlayfs_copies_up_is_read_on() {
	[[ $own_mounts ]] || skip 'no mount namespace'
	mkdir fs
	mount -t tmpfs tmpfs fs || skip 'no tmpfs'
	mkdir fs/lower fs/upper fs/work fs/merged
	lines 1..10 >fs/lower/app.log
	mount -t overlay overlay -o \
	    lowerdir=fs/lower,upperdir=fs/upper,workdir=fs/work fs/merged ||
	    skip 'no overlayfs'
	sources 'app: {path: fs/merged/app.log, start_at: beginning}'
	follow
	await_told 1..10
	put fs/merged/app.log 11..20
	await_told 11..20
	put fs/merged/app.log 21..30
	expect_told_in_order 1..30
}

# T-43
a_log_that_grows_is_the_same_log_at_every_start() {
	local i

	sources 'app: {path: app.log}'
	: >app.log
	follow
	finish
	for i in {1..15}; do
		# From one byte to some kilobytes in all.
		printf 'n=%d x\n' "$i" >>app.log
		((i < 10)) || put app.log "$((i * 100))..$((i * 100 + i * 2))"
		follow
		await_told "$i"
		finish
	done
	for i in {10..15}; do
		echo "$((i * 100))..$((i * 100 + i * 2))"
	done >specs
	# shellcheck disable=SC2046 # words
	expect_told_in_order 1..9 $(
		i=10
		while read -r s; do
			echo "$i" "$s"
			i=$((i + 1))
		done <specs
	)
}

# T-44
the_state_does_not_grow_with_files_that_are_gone() {
	local round first

	sources "app: {path: 'logs/*.log'}"
	mkdir logs
	for round in 1 2 3; do
		follow
		python3 - <<'EOF'
for i in range(1000):
    with open('logs/%d.log' % i, 'w') as f:
        f.write('a line that no rule knows\n')
EOF
		put logs/app.log "$round"
		await_told "$round"
		finish
		rm -f logs/[0-9]*.log
		((round > 1)) || first=$(stat -c %s s.db)
	done
	allow_lost=yes # nobody knows whether they grew before they went
	expect_told 1..3
	(($(stat -c %s s.db) < first + 100000)) ||
	    die "$first bytes became $(stat -c %s s.db)"
}

run_cases "$@"

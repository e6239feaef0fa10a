#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Sources that are no files: commands and standard input; and scan --follow,
# over files that rotate and over standard input.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq pgrep
cd "$tmp" || exit 1

rules() { # SOURCES...: writes rules.yml
	rm -f s.db*
	printf '%s\n' 'version: 1' 'settings: {state: s.db}' 'sources:' "$@" \
	    'rules:' "  - {id: r, match: 'error (?<n>\\w+)', key: [n]," \
	    "     resolve: manual}" >rules.yml
}
follow() {
	: >watch.log
	start watch "$LOGWATCH" --rules rules.yml
	watcher=$pid
	wait_for 10 'it follows' logged 'info: following version'
}
# Everything ends at once, and leaves no process behind.
end_it() {
	kill "$watcher"
	wait_for 10 'its end' gone "$watcher"
	wait "$watcher" || die "its end: status $?"
	no_process || die "left behind: $(processes)"
}
# Those that a command of this test started: they have its directory in their
# arguments.
processes() {
	pgrep -af "$tmp/cmd\\."
}
no_process() {
	[[ ! $(processes) ]]
}
some_processes() { # COUNT
	(($(processes | wc -l) >= $1))
}
gone() { # PID
	! running "$1"
}
logged() { # PATTERN [COUNT]
	(($(grep -c -e "$1" watch.log) >= ${2:-1}))
}
keys() { # of all incidents, sorted
	"$LOGWATCH" incidents --all --json --state s.db 2>/dev/null |
	    jq -r '.key.n' | sort | tr '\n' ' '
}
found() { # KEY...
	[[ $(keys) == "$*${*:+ }" ]]
}
script() { # writes a command
	{
		echo '#!/bin/sh'
		cat
	} >"$tmp/cmd.$1"
	chmod +x "$tmp/cmd.$1"
}
memory_kb() { # PID: the most it ever had
	awk '/^VmHWM:/ { print $2 }' "/proc/$1/status"
}

step 'a command is started again, later each time, and its end is said'
script ends <<'END'
n=$(($(cat n 2>/dev/null || echo 0) + 1))
echo $n >n
echo "error run$n"
echo "complaint $n" >&2
printf 'error part%s' $n
exit 7
END
rules "  app: {command: ['$tmp/cmd.ends']}"
follow
wait_for 20 'its third run' found part1 part2 part3 run1 run2 run3
wait_for 10 'three ends' logged 'command ended source=app status=7' 3
expect 'a retry after one second' logged 'retry in \(0.[89]\|1.[012]\)s'
expect 'a retry after two' logged 'retry in \(1.[6-9]\|2.[0-4]\)s'
expect 'a retry after four' logged 'retry in \(3.[2-9]\|4.[0-8]\)s'
expect 'standard error in the log' logged 'source=app: complaint 2'
record=$("$LOGWATCH" incidents --all --json --state s.db |
    jq -r 'select(.key.n == "part2") | "\(.path) \(.line) \(.offset)"')
expect_equal 'its path, line and offset' "$tmp/cmd.ends 2 11" "$record"
end_it

step 'a command that dies is said to have died; one that cannot run too'
script dies <<'END'
echo error died
kill -SEGV $$
END
: >"$tmp/cmd.noexec"
rules "  dies: {command: ['$tmp/cmd.dies']}" \
    "  none: {command: [no-such-program]}" \
    "  noexec: {command: ['$tmp/cmd.noexec']}"
follow
wait_for 10 'the signal' logged 'command ended source=dies signal=SEGV'
wait_for 10 'why the others do not run' logged \
    'cannot be started source=none reason=run no-such-program: not found' 2
expect 'why not' logged 'source=noexec reason=run .*: not executable'
expect 'its line' found died
end_it

step 'binary bytes, a line of 100 MB and a flood keep their bounds'
script hostile <<'END'
printf 'error \000\001 \377\376 error binary\n'
head -c 100000000 /dev/zero | tr '\0' x
echo
echo error after
echo error shown >&2
yes complaint | head -n 100000 >&2
exec yes
END
rules "  hostile: {command: ['$tmp/cmd.hostile']}" '  app: {path: app.log}'
: >app.log
follow
wait_for 30 'what was around the long line' found after binary
wait_for 10 'the long line in the log' logged 'line too long.*source=hostile'
wait_for 10 'too much was said' logged 'too much on standard error'
echo 'error beside' >>app.log
wait_for 10 'a file beside the flood' found after beside binary
(($(grep -c 'source=hostile: ' watch.log) == 20)) ||
    die 'more or less than 20 lines of standard error'
(($(memory_kb "$watcher") < 150000)) ||
    die "memory: $(memory_kb "$watcher") KiB"
end_it

step 'stopping ends who will not stop, and children in other sessions'
script stays <<'END'
trap '' TERM
setsid sh -c "exec -a $0.child sleep 1000" &
setsid sleep 1000 &
echo $! >child
echo error up
sleep 1000
sleep 1000
END
sed -i '1s/sh$/bash/; s/setsid sh/setsid bash/' "$tmp/cmd.stays"
rules "  stays: {command: ['$tmp/cmd.stays']}"
follow
wait_for 10 'it is up' found up
wait_for 10 'its children' some_processes 2
end_it
expect 'its child is gone' gone "$(<child)"

step 'after a SIGKILL of logwatch a command that writes is gone'
script writes <<'END'
while echo tick; do sleep 0.1; done
END
rules "  writes: {command: ['$tmp/cmd.writes']}"
follow
wait_for 10 'it runs' some_processes 1
kill -KILL "$watcher"
wait_for 10 'it is gone' no_process

step 'what a command says is repaired, and what it says then is the proof'
script worker <<'END'
echo 'error broken'
until [ -e repaired ]; do sleep 0.05; done
echo 'up again'
exec sleep 1000
END
script repair <<'END'
cat >record.json
touch repaired
END
rules "  worker: {command: ['$tmp/cmd.worker']}"
cat >>rules.yml <<EOF
  - {id: fix, match: 'error broken', actions: [repair], resolve: manual}
actions:
  repair:
    exec: ['$tmp/cmd.repair']
    verify: {source: worker, match: '^up again', within: 20s}
EOF
follow
wait_for 20 'the proof' logged 'action succeeded rule=fix'
expect_equal 'the path' "$tmp/cmd.worker" "$(jq -r .path record.json)"
end_it

step 'standard input: a pipe that ends while other sources go on'
rules "  in: {path: '-'}" '  app: {path: app.log}'
: >app.log
mkfifo fifo
: >watch.log
"$LOGWATCH" run --rules rules.yml <fifo >>watch.log 2>&1 &
watcher=$!
lib_pids+=("$watcher")
exec 7>fifo
wait_for 10 'it follows' logged 'info: following version'
printf 'error one\nerror tw' >&7
wait_for 10 'the first line' found one
printf 'o\nerror three' >&7
wait_for 10 'the second line' found one two
exec 7>&-
wait_for 10 'the unfinished line' found one three two
wait_for 10 'that it ended' logged 'standard input ended.*source=in'
echo 'error four' >>app.log
wait_for 10 'the file' found four one three two
(($(grep -c 'standard input ended' watch.log) == 1)) || die 'said again'
end_it

step 'standard input once: a file, a pipe, nothing'
rules "  in: {path: '-'}"
once() {
	timeout 20 "$LOGWATCH" run --once --rules rules.yml 2>>watch.log
}
printf 'error f1\nerror f2' >input
once <input || die "a file: $?"
expect 'its lines' found f1 f2
echo 'error p1' | once || die "a pipe: $?"
expect 'its line' found f1 f2 p1
once </dev/null || die "nothing: $?"
once <&- || die "closed: $?"

step 'a command once is read to its end'
script once <<'END'
n=0
while [ $n -lt 2000 ]; do n=$((n + 1)); echo "line $n"; done
echo "error last$n"
exit 1
END
rules "  app: {command: ['$tmp/cmd.once']}"
once || die "a command: $?"
expect 'its last line' found last2000
expect 'its status' logged 'warning: command ended source=app status=1'

step 'a daemon has no standard input'
rules "  in: {path: '-'}"
"$LOGWATCH" run --daemon --rules rules.yml 2>daemon.err </dev/null
expect_equal 'the status' 2 $?
expect 'why' grep -q "source 'in', which is standard input" daemon.err

step 'scan --follow goes through renames and copytruncate'
rules '  app: {path: other.log}'
echo 'error s1' >scan.txt
"$LOGWATCH" scan --follow --json --rules rules.yml scan.txt late.txt \
    >scan.out 2>scan.log &
scanner=$!
lib_pids+=("$scanner")
hit() { # KEY...
	[[ $(jq -r '.captures.n' scan.out 2>/dev/null | tr '\n' ' ') == "$*${*:+ }" ]]
}
wait_for 10 'what was there' hit s1
echo 'error s2' >>scan.txt
wait_for 10 'a line that was added' hit s1 s2
mv scan.txt scan.txt.1
echo 'error s3' >>scan.txt.1
echo 'error s4' >scan.txt
wait_for 10 'both sides of a rename' hit s1 s2 s3 s4
cp scan.txt scan.txt.2
: >scan.txt
wait_for 10 'the truncation' grep -q truncated scan.log
echo 'error s5' >>scan.txt
wait_for 10 'after copytruncate, at the same offset' hit s1 s2 s3 s4 s5
echo 'error s6' >late.txt
wait_for 10 'a file that came late' hit s1 s2 s3 s4 s5 s6
kill -INT "$scanner"
wait "$scanner"
expect_equal 'the status of a scan with hits' 0 $?

step 'scan --follow: standard input, counts, no hit, a compressed log'
got=$(printf 'error i1\nerror i2' |
    timeout 20 "$LOGWATCH" scan --follow --rules rules.yml -)
expect_equal 'standard input to its end' \
    $'(standard input):1: r: error i1\n(standard input):2: r: error i2' "$got"
got=$(timeout 20 "$LOGWATCH" scan --follow --count --rules rules.yml - \
    </dev/null)
expect_equal 'the status of a scan without' 1 $?
expect_equal 'the counts' $'r\t0' "$got"
"$LOGWATCH" scan --follow --rule r --rules rules.yml other.txt >scan.out \
    2>none.log &
scanner=$!
lib_pids+=("$scanner")
wait_for 10 'it waits' grep -qs 'not there' none.log
kill "$scanner"
wait "$scanner"
expect_equal 'the status of a scan that was ended without' 1 $?
echo 'error z' | gzip >z.txt
timeout 20 "$LOGWATCH" scan --follow --rules rules.yml z.txt 2>scan.log
expect_equal 'the status with a compressed log' 3 $?
expect 'why' grep -q 'is compressed' scan.log
step 'done'

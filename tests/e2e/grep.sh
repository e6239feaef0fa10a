#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scan as a grep: the lines around hits are those that grep prints, and what no
# rule matches is counted by its shape.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq grep taskset
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
sources:
  lines: {path: app.log}
  joined: {path: app.log, multiline: {continue: '^\s'}}
rules:
  - {id: found, match: 'FIND'}
  - {id: seven, match: 'FIND 7'}
  - {id: spread, match: 'SPREAD(?s:.)*tail'}
EOF

scan() { # OPTION|LOG...; its exit in $status
	"$LOGWATCH" scan --rules rules.yml "$@" >out 2>err
	status=$?
}

step 'the lines around hits are those of grep, over many blocks of a log'
seed=$RANDOM
echo "seed $seed"
awk -v seed="$seed" 'BEGIN {
	srand(seed)
	for (i = 1; i <= 30000; i++) {
		n = rand()
		print (n < 0.002 || (n < 0.3 && i % 5000 < 40)) \
		    ? "FIND " i : "job " i " done\033[32m green\033[0m"
	}
}' >app.log
for around in '-A 0' '-A 3' '-B 3' '-C 2' '-A 40 -B 1' '-B 3000' '-A 9999'; do
	# shellcheck disable=SC2086 # options are words
	scan --source lines --rule found $around app.log
	expect_equal "the exit of $around" 0 "$status"
	# shellcheck disable=SC2086
	grep -n $around FIND app.log | sed 's/\x1b\[[0-9]*m//g' >want
	[[ $around != '-A 0' ]] || sed -i '/^--$/d' want
	sed -E 's/^app.log([:-])([0-9]+)[:-] (found: )?/\2\1/' out >got
	expect_equal "$around: the lines" '' "$(diff got want | head -n 5)"
done

step 'on one processor and on all the answers are the same'
scan --source lines --json app.log
mv out all
processors=$(taskset -pc $$ | sed 's/.*: //')
for on in "${processors%%[-,]*}" "$processors"; do
	taskset -c "$on" "$LOGWATCH" scan --rules rules.yml --source lines \
	    --json app.log app.log - < <(cat app.log) >out
	cat all all <(sed 's/app.log/(standard input)/' all) |
	    cmp - out || die "other hits on processors $on"
done

step 'a line of several hits is printed for each, and its neighbours once'
printf '%s\n' 1 2 'FIND 7' 4 5 'FIND 8' 7 >app.log
scan --source lines -C 1 app.log
expect_equal 'the lines' 'app.log-2- 2
app.log:3: found: FIND 7
app.log:3: seven: FIND 7
app.log-4- 4
app.log-5- 5
app.log:6: found: FIND 8
app.log-7- 7' "$(cat out)"

step 'the lines of an event are its own, and not those around it'
printf '%s\n' 1 2 'SPREAD' ' a' ' tail' 6 'SPREAD' ' tail' 9 10 >app.log
scan --source joined -C 1 app.log
expect_equal 'the lines' 'app.log-2- 2
app.log:3: spread: SPREAD
 a
 tail
app.log-6- 6
app.log:7: spread: SPREAD
 tail
app.log-9- 9' "$(cat out)"

step 'two logs have each their own lines'
printf '%s\n' 1 'FIND 1' >a.log
printf '%s\n' 1 2 'FIND 2' 4 >b.log
scan --source lines -C 1 a.log b.log
expect_equal 'the lines' 'a.log-1- 1
a.log:2: found: FIND 1
b.log-2- 2
b.log:3: found: FIND 2
b.log-4- 4' "$(cat out)"

step 'of a log that grows the lines around come when their event is whole'
printf '%s\n' 'FIND 1' 'after' >app.log
start follow "$LOGWATCH" scan --rules rules.yml --source joined -A 3 \
    --follow app.log
wait_for 10 'the line after it' grep -qx 'app.log-2- after' follow.log
stop "$pid"

step 'a number of lines that is none is refused'
for wrong in x -1 '' 10001; do
	scan --source lines -A "$wrong" a.log
	expect_equal "the exit of '$wrong'" 2 "$status"
	expect "the reason of '$wrong'" grep -q 'takes a number of lines' err
done

step 'what looks like trouble and no rule matches is counted by its shape'
{
	echo 'job 1 failed: timeout after 30s at "queue-a"'
	echo 'FIND an error'
	echo 'all is well, 0 errors'
	echo 'job 99 failed: timeout after 7s at "queue-b"'
	echo '2026-11-28T10:00:00.123Z ECONNREFUSED 10.0.0.5:6379'
	echo '2026-11-29T11:30:10.001Z ECONNREFUSED 10.0.0.17:6380'
	echo 'job 12 failed: timeout after 1s at "queue-a"'
	printf 'TypeError: x is not a function, \033[31mred\033[0m\n'
	echo 'SPREAD an error without its end'
	echo 'fine'
} >app.log
scan --source lines --unmatched app.log
expect_equal 'its exit' 0 "$status"
expect_equal 'the lines' \
    '3	app.log:1: job 1 failed: timeout after 30s at "queue-a"
2	app.log:5: 2026-11-28T10:00:00.123Z ECONNREFUSED 10.0.0.5:6379
1	app.log:8: TypeError: x is not a function, red
1	app.log:9: SPREAD an error without its end' "$(cat out)"
scan --source lines --unmatched --json app.log
expect_equal 'the first as JSON' \
    '{"count":3,"shape":"job * failed: timeout after * at \"*\"","path":"app.log","line":1}' \
    "$(head -n 1 out | jq -c 'del(.event)')"

step 'where there is nothing of the kind the answer is no'
echo 'FIND an error' >app.log
scan --source lines --unmatched app.log
expect_equal 'its exit' 1 "$status"
expect_equal 'what it prints' '' "$(cat out err)"
scan --source lines --unmatched --count app.log
expect_equal 'the exit with --count' 2 "$status"

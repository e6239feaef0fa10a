#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# logwatch explain: why an event is a hit, or why not.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
sources: {app: {path: app.log}}
rules:
  - id: violated
    match: 'violates (?<constraint>FK_\w+)'
    threshold: {count: 3, within: 1m}
  - {id: slow, match: 'took (?<ms>\d+)ms', where: {ms: '>= 500'}, except: cached}
  - {id: gone, process: {name: no-such-process}}
  - {id: off, match: x, enabled: false}
EOF
explain() {
	"$LOGWATCH" explain --rules rules.yml "$@" >out.log 2>err.log
}
has() { # WHAT LINE...: each stands in the output
	local what=$1 line

	shift
	for line; do
		grep -qxF -- "$line" out.log || die "$what: no '$line'"
	done
}

step 'a hit, with its captures and the threshold'
explain --line $'\033[31mrow violates FK_1\033[0m'
expect_equal 'its status' 0 $?
has 'a hit' "violated: yes: match constraint='FK_1'" \
    '    event    row violates FK_1' '                 ~~~~~~~~~~~~~'
has 'the threshold' '    threshold: 1 of 3 hits within 1m: no incident by that'

step 'a miss, with how far it got'
explain --rule violated --line 'row violates fk_1'
expect_equal 'its status' 1 $?
has 'how far' 'violated: no: match' \
    '    pattern  violates (?<constraint>FK_\w+)' \
    '             ~~~~~~~~~~~~~~~~~~~~~~~^' \
    '    event    row violates fk_1' '                 ~~~~~~~~~^'
expect 'only that rule' test "$(grep -c ': no' out.log)" = 1

step 'where, except, and rules that are not asked'
explain --line 'it took 499ms'
has 'where' "slow: no: where: ms is '499', not >= 500"
has 'a process' 'gone: no: it looks at processes, not at the log'
has 'one that is off' 'off: no: it is switched off'
explain --line 'it took 500ms, cached'
has 'except' 'slow: no: except: it matches too' '    pattern  cached'

step 'as JSON'
explain --json --line 'row violates FK_1 in 3'
expect_equal 'verdicts' 'violated hit,slow miss,gone not-asked,off not-asked' \
    "$(jq -r '"\(.rule) \(.verdict)"' out.log | paste -sd ,)"
explain --json --rule violated --line 'a violates fk'
expect_equal 'a miss' '{"m":"violates ","w":"F","s":"fk"}' "$(jq -c \
    '{m: .matched.text, w: .wanted.text, s: .saw}' out.log)"

step 'a log'
{
	for i in {1..2000}; do echo "line $i"; done
	echo 'row violates FK_1'
	echo 'row violates FK_2'
	echo 'it tool 7ms'
} >app.log
explain app.log
expect_equal 'its status' 0 $?
has 'its hits' '    2 hits, the first in line 2001; 0 incidents' \
    '    threshold: 2 of 3 hits within 1m: no incident by that'
has 'the line that got farthest' '    event    it tool 7ms' \
    '    of the last 1000 lines the one that got farthest'
explain - <app.log
has 'standard input' '    2 hits, the first in line 2001; 0 incidents'

step 'log text paints no terminal'
explain --line $'row violates FK_1 \x9b31m\x07'
expect 'no control' test "$(tr -d '\12\40-\176\200-\377' <out.log | wc -c)" = 0
expect 'nor one of eight bits' grep -q $'FK_1 \xef\xbf\xbd31m' out.log

step 'wrong usage, and a log that is not there'
explain
expect_equal 'neither' 2 $?
explain --line x app.log
expect_equal 'both' 2 $?
explain --rule nobody --line x
expect_equal 'no such rule' 2 $?
explain nowhere.log
expect_equal 'no such log' 3 $?
expect_equal 'nor a verdict' '' "$(<out.log)"
: >empty.log
explain empty.log
expect_equal 'an empty one has no hit' 1 $?
expect_equal 'nor a verdict' '' "$(<out.log)"
expect_equal 'why' 'logwatch explain: there is no line to explain' "$(<err.log)"

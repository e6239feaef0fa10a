#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What was written while logwatch was down is judged by when it was written:
# windows, pairs, silence and quiet; whatever the writer's clock says.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq gzip
cd "$tmp" || exit 1

cat >rules.yml <<'YAML'
version: 1
settings: {late_after: 1h, builtin: false}
sources:
  app: {path: app.log}
rules:
  - {id: burst, match: 'burst (?<n>\d)', key: [n], resolve: manual,
     threshold: {count: 3, within: 1m}}
  - {id: pair, match: 'begin (?<job>\w+)', resolve: manual, key: [job],
     followed_by: {match: 'end (?<job>\w+)', within: 1m, same: [job]}}
  - {id: unfinished, match: 'start (?<job>\w+)', key: [job],
     not_followed_by: {match: 'stop (?<job>\w+)', within: 90m, same: [job]}}
  - {id: silent, absent: 'heartbeat', for: 2h}
  - {id: beating, absent: 'heartbeat', for: 4h}
  - {id: quiet, match: 'trouble', resolve: {quiet: 1h}, cooldown: 1s}
  - {id: noisy, match: 'problem', resolve: {quiet: 1h}}
  - {id: late, match: '(?<when>old|young) news', key: [when],
     resolve: manual}
YAML

# A log as of so many minutes ago, a line each: "MINUTES TEXT".  Its writer's
# clock differs from ours by so many minutes.
lines() { # CLOCK <LINES
	local minutes text now
	now=$(date +%s)
	while read -r minutes text; do
		printf '%s %s\n' "$(date -u -d "@$((now - (minutes - $1) * 60))" \
		    '+%Y-%m-%d %H:%M:%S')" "$text"
	done
}
down=$(cat <<'LINES'
200 begin slow
200 burst 1
199 start long
198 start short
196 begin quick
196 end quick
196 burst 2
196 burst 2
196 burst 2
195 old news
190 trouble one
180 burst 1
170 heartbeat
165 end slow
160 burst 1
150 stop short
120 problem one
100 trouble two
65 problem two
20 young news
10 problem three
LINES
)

incidents() {
	"$LOGWATCH" incidents --all --json --state s.db 2>/dev/null
}
all_states() {
	incidents | jq -r '"\(.rule) \(.key | to_entries | map(.value) | join(" ")) \(.state) \(.count)"' |
	    sed 's/  */ /g' | sort
}

for clock in 0 -480 600; do
	step "a backlog, the writer's clock $clock minutes off"
	rm -f s.db* app.log
	lines "$clock" <<<'300 heartbeat' >app.log
	start "first$clock" "$LOGWATCH" --state s.db --rules rules.yml
	wait_for 10 'it follows' grep -q 'info: following version' "first$clock.log"
	stop "$pid"
	lines "$clock" <<<"$down" >>app.log
	touch -d '-10 minutes' app.log
	TZ=UTC start "watch$clock" "$LOGWATCH" --state s.db --rules rules.yml
	watcher=$pid
	wait_for 10 'the silence' eval 'all_states | grep -q silent'
	wait_for 10 'the quiet' eval 'all_states | grep -q "quiet resolved 1"'
	cat >want <<-'WANT'
	burst 2 open 3
	late old open 1
	late young open 1
	noisy open 3
	pair quick open 1
	quiet resolved 1
	quiet resolved 1
	silent open 1
	unfinished long open 1
	WANT
	all_states >got
	expect 'the incidents' diff want got
	expect_equal 'what is late' 'burst late noisy pair quiet quiet' \
	    "$(incidents | jq -r 'select(.late) | .rule' | sort | paste -sd ' ')"

	step 'what comes live is now, whatever its stamp'
	lines "$clock" <<<'0 heartbeat' >>app.log
	wait_for 10 'the end of the silence' eval 'all_states | grep -q "silent resolved"'
	printf '%s\n' 'burst 3' 'burst 3' 'burst 3' >>app.log
	wait_for 10 'the window' eval 'all_states | grep -q "burst 3 open 3"'
	stop "$watcher"
done

step 'a first that was there before it went down, and its second half since'
rm -f s.db* app.log
: >app.log
start before "$LOGWATCH" --state s.db --rules rules.yml
wait_for 10 'it follows' grep -q 'info: following version' before.log
lines 0 <<<'0 begin held' >>app.log
lines 0 <<<'0 old news' >>app.log
wait_for 10 'the line behind' eval 'all_states | grep -q "late old"'
stop "$pid"
lines 0 <<<'0 end held' >>app.log
start after "$LOGWATCH" --state s.db --rules rules.yml
wait_for 10 'the pair' eval 'all_states | grep -q "pair held"'
stop "$pid"

step 'what was rotated and compressed meanwhile is late to its last line'
rm -f s.db* app.log*
lines 0 <<<'300 heartbeat' >app.log
start unpacked "$LOGWATCH" --state s.db --rules rules.yml
wait_for 10 'it follows' grep -q 'info: following version' unpacked.log
stop "$pid"
yes '190 filler' | head -n 500 | lines 0 >>app.log
lines 0 <<<'180 young news' >>app.log
touch -d '-170 minutes' app.log
mv app.log app.log.1
gzip app.log.1
: >app.log
start packed "$LOGWATCH" --state s.db --rules rules.yml
wait_for 10 'the last line' eval 'all_states | grep -q "late young"'
expect_equal 'what is late' late \
    "$(incidents | jq -r 'select(.late) | .rule' | paste -sd ' ')"
stop "$pid"

step 'two files of a source: a hit is late, or one of a crowd, by itself'
rm -f s.db* app.log*
cat >two.yml <<'YAML'
version: 1
settings: {late_after: 1h, builtin: false}
sources:
  app: {path: 'app.log.?'}
rules:
  - {id: late, match: '(?<when>old|young) news of (?<file>.)', resolve: manual,
     key: [when, file]}
  - {id: crowd, match: 'crowd (?<n>.)', key: n, resolve: manual,
     threshold: {count: 3, within: 1m}}
YAML
: >app.log.a
: >app.log.b
start two "$LOGWATCH" --state s.db --rules two.yml
wait_for 10 'it follows' grep -q 'info: following version' two.log
stop "$pid"
for file in a b; do # whichever is read first
	lines 0 >>app.log.$file <<-LINES
	180 old news of $file
	180 crowd x
	150 crowd $file
	150 crowd $file
	150 crowd $file
	120 crowd x
	60 crowd x
	10 young news of $file
	10 crowd x
	10 crowd a
	10 crowd b
	10 crowd w
	LINES
	[[ $file == a ]] || lines 0 <<<'10 crowd w' >>app.log.$file
	touch -d '-10 minutes' app.log.$file
done
start two2 "$LOGWATCH" --state s.db --rules two.yml
wait_for 10 'all hits' eval '(($(all_states | wc -l) == 7))'
expect_equal 'what is a crowd' 'a b w' \
    "$(all_states | sed -n 's/^crowd \(.\) open .*/\1/p' | paste -sd ' ')"
expect_equal 'what is late' 'old a old b' "$(incidents |
    jq -r 'select(.late and .rule == "late") | "\(.key.when) \(.key.file)"' | sort | paste -sd ' ')"
stop "$pid"

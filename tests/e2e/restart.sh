#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What detectors and incidents remember, over a SIGKILL: one logwatch is killed
# in the middle of everything and started again, another one goes on beside it
# on the same logs, and both have to find the same, at the same time.  Then the
# rules are others after a kill.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
hook=http://127.0.0.1:$(cat port)/hook
closed=http://127.0.0.1:$(free_port)/
export hook closed

# Deadlines of 5 s begin within the first second; the kill is after three.
cat >rules.yml <<'END_OF_RULES'
version: 1
settings: {host: '${self}', late_after: 1h, context: {before: 0, after: 0}}
sources:
  app: {path: app.log}
  old: {path: old.log, start_at: beginning}
  stamped: {path: stamped.log}
actions:
  tell: {webhook: {url: '${hook}'}}
  note: {exec: [./note, '${self}']}
rules:
  - {id: mark, source: [app, stamped], match: 'MARK (?<n>\d+)',
     key: [n], resolve: manual}

  # Hits in a window.
  - {id: thrice, source: app, match: 'slow (?<who>\w+) (?<ms>\d+)', key: [who],
     threshold: {count: 3, within: 1h}, resolve: manual,
     summary: '{{who}} took {{ms}}'}
  - {id: kinds, source: app, match: 'kind (?<kind>\w+) of (?<what>\w+)',
     key: [what], threshold: {count: 3, within: 1h, distinct: kind},
     resolve: manual}
  - {id: window, source: app, match: 'tick (?<n>\d+)', key: [n],
     threshold: {count: 2, within: 5s}, resolve: manual}
  - {id: burst, source: stamped, match: 'burst', resolve: manual,
     threshold: {count: 3, within: 1h}}

  # Pairs.
  - {id: pair, source: app, match: 'begin (?<job>\d+) by (?<who>\w+)',
     followed_by: {match: 'abort (?<job>\d+) of (?<size>\w+)', within: 1h,
                   same: [job]},
     key: [job], resolve: manual, summary: '{{who}} {{job}} {{size}}'}
  - {id: pair-late, source: app, match: 'open (?<n>\d+)', key: [n],
     followed_by: {match: 'break (?<n>\d+)', within: 5s, same: [n]},
     resolve: manual}
  - {id: pair-stamped, source: stamped, match: 'first', resolve: manual,
     followed_by: {match: 'second', within: 1h}}

  # What does not come.
  - {id: unfinished, source: app, match: 'start (?<job>\d+) by (?<who>\w+)',
     not_followed_by: {match: 'stop (?<job>\d+)', within: 5s, same: [job]},
     key: [job], summary: '{{who}} {{job}}'}
  - {id: silent, source: app, absent: 'beat (?<n>\d+)', for: 5s,
     summary: 'since {{n}}'}
  - {id: never, source: app, absent: 'nothing of that kind', for: 5s}
  - {id: host, source: app, absent: 'alive (?<host>\w+) (?<n>\d+)', for: 5s,
     key: [host], summary: '{{host}} {{n}}'}
  - {id: left, source: app, absent: 'here (?<host>\w+)', for: 500ms,
     forget: 5s, key: [host]}

  # What a rule looks at by itself.
  - {id: gone-now, process: {name: 'restart-${E2E_GONE}'}}
  - {id: gone, process: {name: 'restart-${E2E_GONE}'}, for: 5s}
  - {id: bad-now, probe: [./bad], every: 200ms}
  - {id: bad, probe: [./bad], every: 200ms, for: 5s}
  - {id: long, probe: [echo, '12'], every: 200ms, above: 10, for: 5s}
  - {id: stuck, probe: [./stuck, '${self}'], every: 200ms, not_falling: 5s}
  - {id: deaf-now, http: '${closed}', every: 200ms}
  - {id: deaf, http: '${closed}', every: 200ms, for: 5s}

  # What becomes of an incident.
  - {id: quiet, source: app, match: 'trouble (?<n>\d+)', resolve: {quiet: 5s},
     summary: 'trouble {{n}}'}
  - {id: flap, source: app, match: 'flap (?<n>\d+)', cooldown: 1h,
     resolve: {match: 'fine'}}
  - {id: cool, source: app, match: 'flap (?<n>\d+)', cooldown: 5s,
     resolve: {match: 'fine'}}
  - {id: door, source: app, match: 'up (?<n>\d+)', key: [n],
     resolve: {match: 'down (?<n>\d+)', same: [n]}}
  - {id: slow, source: app, match: 'page', remind: 5s, resolve: manual,
     actions: [tell]}
  - {id: alone, source: app, match: 'page', resolve: manual,
     escalate: {actions: [tell], after: 5s}}
  - {id: cause, source: app, match: 'cause', resolve: manual}
  - {id: effect, source: app, match: 'effect', resolve: manual,
     caused_by: {rules: [cause], within: 1h}}
  - {id: other, source: app, match: 'effect', resolve: manual,
     caused_by: {rules: [cause], within: 2s}}
  - {id: late, source: old, match: 'old (?<n>\d+)', key: [n],
     resolve: manual, actions: [note]}
END_OF_RULES

script() { # NAME: its body on standard input
	{
		echo '#!/bin/sh'
		cat
	} >"$1"
	chmod +x "$1"
}
script note <<'END_OF_SCRIPT'
echo "$1" >>noted
END_OF_SCRIPT
script bad <<'END_OF_SCRIPT'
exit 3
END_OF_SCRIPT
# It falls at first.
script stuck <<'END_OF_SCRIPT'
echo . >>"asked.$1"
[ "$(wc -l <"asked.$1")" -gt 2 ] && echo 7 || echo 9
END_OF_SCRIPT
export E2E_GONE=$$

run() { # NAME: pid in $pid
	local words=$1-$((++runs)).log

	self=$1 start "${words%.log}" "$LOGWATCH" run --rules rules.yml \
	    --state "$1.db"
	wait_for 20 'it follows' grep -q 'info: following version' "$words"
}
runs=0
killed() {
	kill -KILL "$torn"
	wait "$torn" 2>/dev/null
}
look() { # NAME
	"$LOGWATCH" incidents --all --json --state "$1.db" >"$1.json" 2>/dev/null
}
incidents() { # NAME FILTER: of each incident at the last look, sorted
	jq -r "$2" "$1.json" | sort
}
found() { # NAME RULE WANTED: of each incident its key, state and count
	[[ $(incidents "$1" "select(.rule == \"$2\") | \"\(.key |
	    [.[]] | join(\" \")) \(.state) \(.count)\"" | sed 's/^ //' |
	    paste -sd ,) == "$3" ]]
}
finds() { # NAME RULE WANTED: perhaps only now
	[[ -e $1.json ]] && found "$@" && return
	look "$1"
	found "$@"
}
both() { # RULE WANTED: of both, which have to be there within seconds
	wait_for 20 "$1, uninterrupted" finds whole "$1" "$2"
	wait_for 20 "$1, killed" finds torn "$1" "$2"
}
# All that is told of the incidents of a rule but ids and times.
content() { # NAME RULE
	incidents "$1" "select(.rule == \"$2\") | {key, severity, state, summary,
	    description, source, path, line, offset, event, captures,
	    count, late, change,
	    caused: (.caused_by != null), effects: (.effects | length),
	    actions: [.actions[] | .state], escalated: (.escalated_at != null)} |
	    tojson" | sed 's/after [0-9]* ms/after some ms/g'
}
times() { # NAME RULE: in ms, of each incident
	incidents "$1" "select(.rule == \"$2\") | [.key, .line, (.detected_at,
	    .first_seen, .resolved_at, .escalated_at |
	    if . == null then 0 else (.[0:19] + \"Z\" | fromdate) * 1000 +
	    (.[20:23] | tonumber) end)] | tojson"
}
# They differ by how long the start took at most, and a second.
near() { # A B: numbers within lists
	jq -en --argjson a "$1" --argjson b "$2" --argjson slack "$slack" \
	    '[$a, $b] | transpose | all(if .[0] | type == "number" then
	    (.[0] - .[1] | fabs) <= $slack else .[0] == .[1] end)' >/dev/null
}
same() { # RULES...: what they found does not differ
	local rule a b

	for rule; do
		expect_equal "$rule" "$(content whole "$rule")" \
		    "$(content torn "$rule")"
		while IFS=$'\t' read -r a b; do
			near "$a" "$b" ||
			    die "times of $rule: uninterrupted $a, killed $b"
		done < <(paste <(times whole "$rule") <(times torn "$rule"))
	done
}
passed() { # MILLISECONDS since the test began
	(($(elapsed_ms) >= $1))
}
asked() { # N: how often a probe was
	[[ -e asked.$2 && $(wc -l <"asked.$2") -ge $1 ]]
}
posts() { # NAME RULE CHANGE: how often it was told
	jq -r '.body | if type == "string" then fromjson else . end |
	    select(.host == "'"$1"'" and .rule == "'"$2"'" and
	        .change == "'"$3"'") | .id' posts.jsonl 2>/dev/null | wc -l
}
ids() { # NAME RULE
	incidents "$1" "select(.rule == \"$2\") | .id"
}
stamp() { # SECONDS from now
	date -d "$1 seconds" '+%Y-%m-%d %H:%M:%S'
}

step 'half of everything'
: >app.log
: >stamped.log
echo "$(stamp -7200) old 1" >old.log
touch -d '-2 hours' old.log
run whole
whole=$pid
run torn
torn=$pid
for name in whole torn; do
	wait_for 20 'its probe has fallen' asked 6 "$name"
	for rule in gone-now bad-now deaf-now; do
		wait_for 20 "$rule" finds "$name" "$rule" 'open 1'
	done
done
began=$(elapsed_ms)
cat >>app.log <<'LINES'
slow ann 1
slow ann 2
slow bob 3
kind a of x
kind b of x
kind a of x
kind b of y
tick 1
tick 2
begin 1 by ann
begin 2 by bob
open 1
open 2
start 1 by ann
start 2 by bob
beat 1
alive a 1
alive b 1
here c
trouble 1
trouble 2
flap 1
fine
up 1
up 2
page
cause
MARK 1
LINES
both left 'c open 1'
both mark '1 open 1'
echo 'MARK 2' >>app.log
both mark '1 open 1,2 open 1'
both flap 'resolved 1'
both late '1 open 1'
reopens=$(ids torn flap)
wait_for 20 'half of the deadlines' passed $((began + 3000))
for line in burst burst first 'MARK 3'; do
	echo "$(stamp 0) $line" >>stamped.log
done
both mark '1 open 1,2 open 1,3 open 1'
killed
look torn

step 'the rest of it'
down=$(elapsed_ms)
cat >>app.log <<'LINES'
slow ann 4
kind c of x
kind b of y
tick 1
abort 1 of huge
break 1
stop 2
start 1 by eve
alive b 2
down 1
effect
LINES
{
	echo "$(stamp 0) burst"
	echo "$(stamp 0) second"
	echo "$(stamp 2) the last"
} >>stamped.log
echo "$(stamp 0) old 2" >>old.log
run torn
torn=$pid
slack=$(($(elapsed_ms) - down + 1000))
expect 'a deadline that begins anew would show' test "$slack" -lt 2900
wait_for 20 'the ends of windows and cooldowns' passed $((began + 5200))
cat >>app.log <<'LINES'
tick 2
break 2
flap 2
MARK 4
LINES
both mark '1 open 1,2 open 1,3 open 1,4 open 1'

step 'hits in a window are counted on, each once'
both thrice 'ann open 3'
both kinds 'x open 3'
both window '1 open 2'
same thrice kinds window

step 'also where the log says that the last was a moment earlier'
both burst 'open 3'
both pair-stamped 'open 1'
same burst pair-stamped

step 'a second half completes the first that was there before'
both pair '1 open 1'
both pair-late '1 open 1'
same pair pair-late

step 'a second half is missed when its time is up'
both unfinished '1 open 1'
same unfinished

step 'what does not come is missed when its time is up'
both silent 'open 1'
both never 'open 1'
both host 'a open 1,b open 1'
same silent never host

step 'what was missed is forgotten when its time is up'
both left 'c resolved 1'
same left

step 'what is bad for long enough'
for rule in gone bad long deaf; do
	both "$rule" 'open 1'
	same "$rule"
done

step 'a number that does not fall for long enough'
both stuck 'open 1'
same stuck

step 'quiet resolves it when its time is up'
both quiet 'resolved 2'
same quiet

step 'within its cooldown it is the one of before, later it is another'
both flap 'open 2'
both cool 'open 1,resolved 1'
same flap cool
expect_equal 'its id' "$reopens" "$(ids torn flap)"

step 'what resolves it names the one of several'
both door '1 resolved 1,2 open 1'
same door

step 'who does not acknowledge is reminded and escalated when it is time'
reminded() { # NAME
	(($(posts "$1" slow reminded) > 0))
}
wait_for 20 'the reminder, uninterrupted' reminded whole
wait_for 20 'the reminder, killed' reminded torn
escalated() { # NAME
	look "$1"
	[[ $(incidents "$1" 'select(.rule == "alone") |
	    .escalated_at != null') == true ]]
}
wait_for 20 'the escalation, uninterrupted' escalated whole
wait_for 20 'the escalation, killed' escalated torn
same slow alone
for name in whole torn; do
	told=$(jq -c '.time as $t | .body | if type == "string" then fromjson
	    else . end | select(.host == "'"$name"'" and .rule == "slow" and
	    .change == "reminded") | [$t * 1000]' posts.jsonl | head -n 1)
	[[ $name == torn ]] || at=$told
	expect_equal "$name is told that it opened" 1 \
	    "$(posts "$name" slow opened)"
	expect_equal "$name is told of the escalation" 1 \
	    "$(posts "$name" alone escalated)"
done
near "$at" "$told" || die "reminders: uninterrupted $at, killed $told"

step 'what began just before is the cause, and nothing else'
both effect 'open 1'
both other 'open 1'
same cause effect other
expect_equal 'its cause' "$(ids torn cause)" \
    "$(incidents torn 'select(.rule == "effect") | .caused_by')"

step 'what is late stays so, what comes now is not'
both late '1 open 1,2 open 1'
same late
noted() { # WANTED
	[[ $(sort noted 2>/dev/null | paste -sd ' ') == "$1" ]]
}
wait_for 20 'a script for each that is not late' noted 'torn whole'

step 'and there is nothing else'
look whole
look torn
every='"\(.rule) \(.key) \(.state) \(.count) \(.late)"'
expect_equal 'all incidents' "$(incidents whole "$every")" \
    "$(incidents torn "$every")"
stop "$torn"
stop "$whole"

step 'done'

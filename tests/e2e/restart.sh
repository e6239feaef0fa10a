#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What detectors and incidents remember, over a SIGKILL: one logwatch is killed
# in the middle of everything and started again, another one goes on beside it
# on the same logs, and both have to find the same, at the same time.  Then the
# rules are others after a kill.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3 sqlite3
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
hook=http://127.0.0.1:$(cat port)/hook
closed=http://127.0.0.1:$(free_port)/
export hook closed

# Deadlines of 5 or 8 s begin within the first second; the kill is after three.
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
     not_followed_by: {match: 'stop (?<job>\d+)', within: 8s, same: [job]},
     key: [job], summary: '{{who}} {{job}}'}
  - {id: silent, source: app, absent: 'beat (?<n>\d+)', for: 8s,
     summary: 'since {{n}}'}
  - {id: never, source: app, absent: 'nothing of that kind', for: 5s}
  - {id: host, source: app, absent: 'alive (?<host>\w+) (?<n>\d+)', for: 8s,
     key: [host], summary: '{{host}} {{n}}'}
  - {id: left, source: app, absent: 'here (?<host>\w+)', for: 500ms,
     forget: 8s, key: [host]}

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
echo . >>"asked.${1-bad}"
exit 3
END_OF_SCRIPT
# It falls at first.
script stuck <<'END_OF_SCRIPT'
echo . >>"asked.$1"
[ "$(wc -l <"asked.$1")" -gt 2 ] && echo 7 || echo 9
END_OF_SCRIPT
export E2E_GONE=$$

run() { # NAME: pid in $pid
	self=$1 start "$1-$((++runs))" "$LOGWATCH" run --rules rules.yml \
	    --state "$1.db"
}
runs=0
follows() { # NAME: since the last start
	wait_for 20 'it follows' grep -q 'info: following version' \
	    "$1-$runs.log"
}
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
near() { # A B: lists, whose numbers differ by $slack at most
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
from=$(elapsed_ms)
run whole
whole=$pid
runs=0
run torn
torn=$pid
follows whole
follows torn
# Times differ by how long starts took at most, and a moment.
slack=$(($(elapsed_ms) - from + 2000))
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
tick 2
begin 1 by ann
begin 2 by bob
open 2
start 1 by ann
beat 1
alive a 1
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
both mark '1 open 1'
echo 'MARK 2' >>app.log
both mark '1 open 1,2 open 1'
both flap 'resolved 1'
both late '1 open 1'
reopens=$(ids torn flap)
wait_for 20 'half of the deadlines' passed $((began + 3000))
printf '%s\n' 'start 2 by bob' 'alive b 1' >>app.log
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
abort 1 of huge
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
follows torn
slack=$((slack + $(elapsed_ms) - down)) # beginning anew would make it 3000
wait_for 20 'the ends of windows and cooldowns' passed $((began + 5200))
cat >>app.log <<'LINES'
tick 2
tick 3
tick 3
break 2
open 3
break 3
flap 2
MARK 4
LINES
both mark '1 open 1,2 open 1,3 open 1,4 open 1'

step 'hits in a window are counted on, each once'
both thrice 'ann open 3'
both kinds 'x open 3'
both window '3 open 2'
same thrice kinds window

step 'also where the log says that the last was a moment earlier'
both burst 'open 3'
both pair-stamped 'open 1'
same burst pair-stamped

step 'a second half completes the first that was there before'
both pair '1 open 1'
both pair-late '3 open 1'
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

# Rules that are others after a kill.
rules() { # the rules on standard input
	cat >changed.yml <<'END_OF_RULES'
version: 1
sources:
  app: {path: changed.log}
rules:
  - {id: mark, match: 'MARK (?<n>\d+)', key: [n], resolve: manual}
END_OF_RULES
	cat >>changed.yml
}
watch() {
	start "changed-$((++runs))" "$LOGWATCH" run --rules changed.yml \
	    --state changed.db
	watcher=$pid
	follows changed
}
is_marked() { # N
	look changed
	[[ $(incidents changed "select(.rule == \"mark\" and
	    .key.n == \"$1\") | .id") ]]
}
marked() { # N: what was written before is read, and what it led to is saved
	echo "MARK $1" >>changed.log
	wait_for 20 "mark $1" is_marked "$1"
}
cut_off() {
	kill -KILL "$watcher"
	wait "$watcher" 2>/dev/null
}
# As if what is remembered of rules had been an hour earlier.
an_hour_earlier() { # NAME RULES...
	local name=$1 rule

	shift
	for rule; do
		[[ $(sqlite3 changed.db "update detector set state =
		    cast(json_set(cast(state as text), '\$.$name',
		    json_extract(cast(state as text), '\$.$name') - 3600000)
		    as blob) where rule = '$rule'; select changes()") == 1 ]] ||
		    die "nothing is remembered of $rule"
	done
}
: >changed.log
rm -f asked.bad

step 'rules, half of what they wait for, and a kill'
rules <<'END_OF_RULES'
  - {id: kept, match: 'kept', threshold: {count: 3, within: 1h},
     severity: info, resolve: manual}
  - {id: kept-pair, match: 'one (?<n>\d)', resolve: manual,
     followed_by: {match: 'two (?<n>\d)', within: 1h, same: [n]}}
  - {id: kept-absent, absent: 'never', for: 1h}
  - {id: kept-bad, probe: [./bad], every: 200ms, for: 1h}
  - {id: window, match: 'old', threshold: {count: 3, within: 1h},
     resolve: manual}
  - {id: key, match: 'of (?<a>\w) and (?<b>\w)', key: [a], resolve: manual,
     threshold: {count: 3, within: 1h}}
  - {id: pair, match: 'one (?<n>\d)', resolve: manual,
     followed_by: {match: 'two (?<n>\d)', within: 1h, same: [n]}}
  - {id: unfinished, match: 'one (?<n>\d)', key: [n],
     not_followed_by: {match: 'three (?<n>\d)', within: 1h, same: [n]}}
  - {id: unfinished-told, match: 'zero (?<n>\d)', key: [n],
     not_followed_by: {match: 'three (?<n>\d)', within: 100ms, same: [n]}}
  - {id: absent, absent: 'never', for: 1h}
  - {id: host, absent: 'alive (?<host>\w)', key: [host], for: 1h}
  - {id: bad, probe: [./bad], every: 200ms, for: 1h}
  - {id: other-kind, match: 'other kind', resolve: manual,
     threshold: {count: 3, within: 1h}}
  - {id: gone, match: 'gone', threshold: {count: 2, within: 1h},
     resolve: manual}
  - {id: gone-absent, absent: 'never', for: 1h}
  - {id: gone-open, match: 'gone', resolve: manual}
END_OF_RULES
watch
printf '%s\n' kept old 'of x and y' 'one 1' 'zero 1' 'alive a' 'other kind' \
    gone kept old 'of x and y' 'other kind' >>changed.log
marked 1
wait_for 20 'what is missed already' eval 'look changed
    found changed unfinished-told "1 open 1"'
wait_for 20 'the probes were asked' asked 9 bad
marked 2
expect 'it is open' found changed gone-open 'open 1'
cut_off
an_hour_earlier ms kept-absent absent host unfinished gone-absent
an_hour_earlier bad_ms kept-bad bad

step 'others: what they waited for before is no matter of theirs'
rules <<'END_OF_RULES'
  - {id: other-kind, absent: 'never', for: 1h}
  - {id: kept, match: 'kept', threshold: {count: 3, within: 1h},
     severity: critical, summary: 'three', remind: never, resolve: manual}
  - {id: kept-pair, match: 'one (?<n>\d)', resolve: {quiet: 1h},
     followed_by: {match: 'two (?<n>\d)', within: 1h, same: [n]}}
  - {id: kept-absent, absent: 'never', for: 1h, summary: 'kept'}
  - {id: kept-bad, probe: [./bad], every: 200ms, for: 1h, cooldown: 1h}
  - {id: window, match: 'new', threshold: {count: 3, within: 1h},
     resolve: manual}
  - {id: key, match: 'of (?<a>\w) and (?<b>\w)', key: [a], resolve: manual,
     except: 'nothing', threshold: {count: 3, within: 1h}}
  - {id: pair, match: 'one (?<n>\d)', resolve: manual,
     followed_by: {match: 'two or (?<n>\d)', within: 1h, same: [n]}}
  - {id: unfinished, match: 'one (?<n>\d)', key: [n],
     not_followed_by: {match: 'four (?<n>\d)', within: 2s, same: [n]}}
  - {id: unfinished-told, match: 'zero (?<n>\d)', key: [n],
     not_followed_by: {match: 'four (?<n>\d)', within: 100ms, same: [n]}}
  - {id: absent, absent: 'no never', for: 3s}
  - {id: host, absent: 'alive! (?<host>\w)', key: [host], for: 3s}
  - {id: bad, probe: [./bad, again], every: 200ms, for: 3s}
END_OF_RULES
again=${EPOCHREALTIME/./}
watch
printf '%s\n' kept 'two 1' 'two or 1' new 'of x and y' >>changed.log
marked 3
expect 'a window that is kept' found changed kept 'open 3'
expect_equal 'its summary' three \
    "$(incidents changed 'select(.rule == "kept") | .summary')"
expect 'a pair that is kept' found changed kept-pair 'open 1'
wait_for 20 'what is kept of what does not come' eval 'look changed
    found changed kept-absent "open 1"'
wait_for 20 'what is kept of what is bad' eval 'look changed
    found changed kept-bad "open 1"'
for rule in window key pair unfinished other-kind gone gone-absent; do
	expect "$rule begins anew" found changed "$rule" ''
done
expect 'nobody sees the end of this' found changed unfinished-told \
    '1 resolved 1'
expect 'nor of this' found changed gone-open 'resolved 1'

step 'they find what is theirs'
printf '%s\n' new new 'of x and y' 'of x and y' 'one 2' 'two or 2' >>changed.log
marked 4
for rule in window key; do
	expect "$rule" found changed "$rule" "$([[ $rule == key ]] &&
	    echo 'x ')open 3"
done
expect 'a pair' found changed pair 'open 1'
since() { # RULE: ms from the second start until it opened
	incidents changed "select(.rule == \"$1\") | (.detected_at[0:19] + \"Z\" |
	    fromdate) * 1000 + (.detected_at[20:23] | tonumber) - $again / 1000 |
	    floor"
}
for rule in absent bad; do
	wait_for 20 "$rule, in its time" eval 'look changed
	    found changed "$rule" "open 1"'
	expect "$rule begins anew" test "$(since "$rule")" -ge 3000
done
expect 'nobody is awaited' found changed host ''
wait_for 20 'unfinished, in its time' eval 'look changed
    found changed unfinished "2 open 1"'
cut_off

step 'a rule that was gone begins anew'
rules <<'END_OF_RULES'
  - {id: gone, match: 'gone', threshold: {count: 2, within: 1h},
     resolve: manual}
  - {id: gone-absent, absent: 'never', for: 1h}
  - {id: gone-open, match: 'gone', resolve: manual}
END_OF_RULES
watch
echo gone >>changed.log
marked 5
marked 6 # and what is due at once is judged
expect 'its window' found changed gone ''
expect 'what it waited for' found changed gone-absent ''
expect 'its incident' found changed gone-open 'open 1,resolved 1'
stop "$watcher"

step 'done'

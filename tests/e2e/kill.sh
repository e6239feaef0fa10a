#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Killed at system calls from the line to the commit and beyond: after the
# next start there is one incident, its script ran once at most, and where that
# is unknown it is said.  Where EXHAUSTIVE is set at every call, else at every
# third, from another one each time.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq python3 strace
cd "$tmp" || exit 1

start receiver /usr/bin/env python3 "$srcdir/contrib/receiver.py" \
    --port-file port --record posts.jsonl
wait_for 10 'the receiver' test -s port
hook=http://127.0.0.1:$(cat port)/hook
export hook

cat >repair <<'EOF'
#!/bin/sh
echo "$LOGWATCH_ID" >>"$1"
sleep 0.1
EOF
chmod +x repair

prepare() { # N
	cat >"$1.yml" <<EOF
version: 1
settings: {state: $1.db}
sources:
  app: {path: $1-app.log, start_at: beginning}
rules:
  - id: down
    match: 'DOWN (?<what>\w+)'
    key: [what]
    actions: [tell, repair]
actions:
  tell: {webhook: {url: '\${hook}'}}
  repair: {exec: [./repair, $1.ran]}
EOF
	: >"$1-app.log"
	: >"$1.ran"
}

# Starts those named, traces them by strace with what is to be injected, and
# writes the line.
declare -A watchers inject
play() { # N...
	local n

	for n; do
		prepare "$n"
		start "$n" "$LOGWATCH" --rules "$n.yml"
		watchers[$n]=$pid
	done
	for n; do
		wait_for 20 'it follows' grep -q 'info: following version' \
		    "$n.log"
	done
	for n; do
		start "$n.strace" strace -o "$n.calls" -p "${watchers[$n]}" \
		    ${inject[$n]:+-e "${inject[$n]}"}
	done
	for n; do
		wait_for 20 'strace' grep -q attached "$n.strace.log"
		echo 'DOWN db' >>"$n-app.log"
	done
}

# Killed, or come to its end: the last call may come once less.
is_over() { # N
	! ours "${watchers[$1]}" ||
	    grep -q 'notification sent.*-remediated' "$1.log"
}

kill_each() { # N...
	local n

	play "$@"
	for n; do
		wait_for 20 "the end of $n (${inject[$n]})" is_over "$n"
		ours "${watchers[$n]}" &&
		    kill -KILL "${watchers[$n]}" 2>/dev/null
		wait_for 20 'its end' eval '! ours "${watchers[$n]}"'
	done
}

posts() { # FILTER: of the records that were told
	jq -r '.body | if type == "string" then fromjson else . end | '"$1" \
	    posts.jsonl
}

# What the next start makes of it.
check() { # N
	local n=$1 runs state id

	"$LOGWATCH" --rules "$n.yml" --once >>"$n.log" 2>&1 ||
	    die "$n: exit $?"
	"$LOGWATCH" incidents --all --json --state "$n.db" >"$n.json" ||
	    die "$n: exit $?"
	expect_equal "$n: incidents" 1 "$(wc -l <"$n.json")"
	id=$(jq -r .id "$n.json")
	runs=$(wc -l <"$n.ran")
	state=$(jq -r '.actions[0].state + " " +
	    (.escalated_at != null | tostring)' "$n.json")
	case "$runs $state" in
	'1 succeeded false' | '1 unknown true' | '0 unknown true') ;;
	*) die "$n (${inject[$n]:-}): ran $runs times, and is $state" ;;
	esac
	((runs == 0)) ||
	    expect_equal "$n: whose script ran" "$id" "$(cat "$n.ran")"
	expect_equal "$n: who was told of" "$id" \
	    "$(posts 'select(.path == "'"$n"'-app.log") | .id' | sort -u)"
	echo "$runs $state" >>outcomes
}

step 'left alone, for its system calls'
play alone
wait_for 20 'its end' is_over alone
stop "${watchers[alone]}"
check alone
# NAME COUNT each, for strace counts each call by itself.  A kill at one that
# changes nothing outside of the process is one at the next that does.
calls=$(sed -n '/^[a-z]/s/(.*//p' alone.calls |
    awk '/fdatasync/ { syncs++ }
	/^(mmap|munmap|mprotect|brk|fstat|newfstatat|lseek|getpid)$/ { next }
	syncs < 2 { print $1, ++count[$1] }')
total=$(wc -l <<<"$calls")
expect 'there are calls' test "$total" -gt 30

stride=${EXHAUSTIVE:+1}
mapfile -t numbers < <(seq $((1 + RANDOM % ${stride:-3})) "${stride:-3}" \
    "$total")

# Several at a time, for most of it is waiting.
for ((from = 0; from < ${#numbers[@]}; from += 12)); do
	some=("${numbers[@]:from:12}")
	step "killed at system calls ${some[*]} of $total"
	for n in "${some[@]}"; do
		read -r name count <<<"$(sed -n "${n}p" <<<"$calls")"
		inject[$n]=inject=$name:signal=KILL:when=$count
	done
	kill_each "${some[@]}"
	for n in "${some[@]}"; do
		check "$n"
	done
done

step 'what may happen has happened'
sort outcomes | uniq -c
# The first is that of one or two calls, which a sample may miss.
for outcome in ${EXHAUSTIVE:+'0 unknown true'} '1 unknown true' \
    '1 succeeded false'; do
	expect "$outcome" grep -qx "$outcome" outcomes
done

#!/bin/sh
# SPDX-License-Identifier: MIT
# What an idle logwatch with one file costs: its system calls over a minute
# (or BENCH_SECONDS), by strace, and its resident memory.
set -eu

logwatch=${1:?usage: bench/idle.sh LOGWATCH}
seconds=${BENCH_SECONDS:-60}
dir=$(mktemp -d)
pid=

cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || :
	[ -z "$pid" ] || wait "$pid" 2>/dev/null || :
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! command -v strace >/dev/null; then
	echo "idle: strace not found: on Debian install the package strace" >&2
	exit 1
fi
# Apart from what this script writes, which would be heard of.
mkdir "$dir/log"
cat >"$dir/idle.yml" <<-'END'
	version: 1

	sources:
	  idle: {path: log/idle.log}

	rules:
	  - id: never
	    source: idle
	    match: 'never (?<word>\w+) seen'
	    summary: 'Saw {{word}}'
END
echo 'one line' >"$dir/log/idle.log"
(cd "$dir" && exec "$logwatch" run --rules idle.yml --state idle.db) \
    2>"$dir/err" &
pid=$!
sleep 3
if ! kill -0 "$pid" 2>/dev/null; then
	cat "$dir/err" >&2
	pid=
	exit 1
fi

# Attaching wakes it once; what is counted as interrupted is strace's own.
strace -f -c -o "$dir/calls" -p "$pid" 2>"$dir/strace" &
strace=$!
sleep "$seconds"
kill -INT "$strace" 2>/dev/null || :
wait "$strace" || :
if ! grep -q attached "$dir/strace"; then
	cat "$dir/strace" >&2
	exit 1
fi

echo "system calls of an idle logwatch with one file in $seconds s:"
if [ -s "$dir/calls" ]; then
	cat "$dir/calls"
else
	echo 'none'
fi
grep -E '^(VmRSS|RssAnon|RssFile|Threads)' "/proc/$pid/status"

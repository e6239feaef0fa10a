#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the tests need, builds in build-test with the sanitizers on,
# runs every test, and ends with the line 'N passed, N failed'.
set -eu

usage='usage: contrib/test.sh [--lint]
  --lint  run make lint too; it counts as one test'
lint=
case $#:${1:-} in
0:) ;;
1:--lint) lint=yes ;;
1:--help)
	echo "$usage"
	exit 0
	;;
*)
	echo "$usage" >&2
	exit 2
	;;
esac

cd "$(dirname "$0")/.."
build='build-test'
jobs=$(nproc)
passed=0
failed=0

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

give_up() {
	echo "test.sh: $*" >&2
	failed=$((failed + 1))
	finish
}

# One test program's log: 'GOOD BAD' counts of cmocka's test cases, or of TAP's
# lines.  cmocka names those that failed twice.  A test that the machine cannot
# run (no user namespaces, as in some containers) is neither: it is named.
tally() {
	awk '
	/^\[=+\] / { cmocka = 1 }
	/^\[ +OK +\] / { good++ }
	/^\[ +(FAILED|ERROR) +\] [A-Za-z_]/ {
		sub(/^[^]]*\] /, "")
		bad[$0] = 1
	}
	/^ok( |$)/ { if (/# *[Ss][Kk][Ii][Pp]/) tapbad++; else tapgood++ }
	/^not ok( |$)/ { tapbad++ }
	END {
		for (name in bad)
			n++
		if (cmocka)
			print good + 0, n + 0
		else
			print tapgood + 0, tapbad + 0
	}' "$1"
}

# Adds one test program to the sums: as one test where its log counts none,
# and as one more failure where it ended badly without naming any.
add() { # TRS
	name=${1%.trs}
	result=$(sed -n 's/^:test-result: *//p' "$1" | tail -n 1)
	counts=$(tally "$name.log")
	good=${counts% *}
	bad=${counts#* }
	if [ "$result" != PASS ]; then
		[ "$bad" -gt 0 ] || bad=1
	elif [ "$good" -eq 0 ] && [ "$bad" -eq 0 ]; then
		good=1
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	sed -n 's/^\[ *SKIPPED *\] \([A-Za-z_][A-Za-z0-9_]*\)$/skipped, for this machine cannot run it: \1/p' \
	    "$name.log" | sort -u
	if [ "$bad" -gt 0 ]; then
		echo "--- ${result:-no result}: $name"
		tail -n 200 "$name.log"
		echo '---'
	fi
}

./contrib/install-deps.sh --tests ||
    give_up 'what the tests need could not be installed'

if [ ! -e configure ] || [ ! -e Makefile.in ]; then
	./autogen.sh || give_up 'autogen.sh failed'
fi
mkdir -p "$build"
cd "$build"
[ -e Makefile ] || ../configure --quiet --enable-sanitizers --enable-werror ||
    give_up 'configure failed: see build-test/config.log'

# What an earlier run left would be counted again.
rm -f tests/*/*.trs

# cmocka writes its results where the log is; colours are for a terminal.
export CMOCKA_MESSAGE_OUTPUT=STDOUT
if [ -n "${CI:-}" ] || ! [ -t 1 ]; then
	export AM_COLOR_TESTS=no NO_COLOR=1
fi

make -j "$jobs" || give_up 'the build failed'
make -j "$jobs" check </dev/null || checked=no

found=0
for trs in tests/*/*.trs; do
	[ -e "$trs" ] || continue
	found=$((found + 1))
	add "$trs"
done
if [ "$found" -eq 0 ]; then
	give_up 'no test has run'
elif [ -n "${checked:-}" ] && [ "$failed" -eq 0 ]; then
	give_up 'make check failed beside the tests: see above'
fi

if [ -n "$lint" ]; then
	if make --no-print-directory lint </dev/null; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
fi
finish

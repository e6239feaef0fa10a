#!/bin/bash
# SPDX-License-Identifier: MIT
# The shipped rules on real lines: each RULE.hit.log hits where and with what
# RULE.hit.expect says, and no rule hits in decoys.log.
# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?}/tests/e2e/lib.sh"

need jq
rules=$srcdir/rules/twenty.yml
export TWENTY_SCRIPTS=$srcdir/contrib

# The hits of a rule in a file, in one form whatever the order of the keys.
hits() { # RULE FILE
	"$LOGWATCH" scan --json --rules "$rules" "$2" >"$tmp/scan.out" \
	    2>"$tmp/scan.log"
	(($? < 2)) || die "scan of $2"
	jq -cS --arg rule "$1" 'select(.rule == $rule) |
	    {line, rule, captures}' "$tmp/scan.out"
}

for expected in "$srcdir"/tests/rules/*.hit.expect; do
	rule=$(basename "$expected" .hit.expect)
	step "$rule"
	jq -cS . "$expected" >"$tmp/expected"
	[[ -s $tmp/expected ]] || die "$expected is empty"
	hits "$rule" "${expected%.expect}.log" >"$tmp/got"
	diff "$tmp/expected" "$tmp/got" || die "$rule hits otherwise"
done

step 'every rule has its lines'
"$LOGWATCH" scan --count --rules "$rules" "$srcdir/tests/rules/decoys.log" \
    >"$tmp/count" 2>"$tmp/scan.log"
expect_equal 'the exit status where nothing hits' 1 $?
while IFS=$'\t' read -r rule count; do
	[[ -e $srcdir/tests/rules/$rule.hit.expect ]] ||
	    die "no lines for $rule"
	expect_equal "decoys that $rule hits" 0 "$count"
done <"$tmp/count"
expect_equal 'rules that were counted' \
    "$(find "$srcdir/tests/rules" -name '*.hit.expect' | wc -l)" \
    "$(wc -l <"$tmp/count")"
step 'done'

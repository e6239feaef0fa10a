#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Logs, and what becomes of the incidents in them, to the letter:
# tests/lifecycle/NAME.yaml and NAME.log, and NAME.expect with a line a change:
#
#   CHANGE #INCIDENT RULE{KEY} SEVERITY HITS FIRST..LAST at TIME: SUMMARY
#
# Incidents are numbered as they come; TIME is when it was found, or resolved.
# LIFECYCLE=NAME runs one, and shows what it prints.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
export TZ=UTC
failures=0
count=0

# shellcheck disable=SC2016 # the variables are jq's
told='
def day: sub("^....-"; "") | sub("(\\.000)?Z$"; "");
(reduce .[].id as $id ([]; if index($id) then . else . + [$id] end)) as $ids |
def number: . as $id | "#\(($ids | index($id)) + 1)";
.[] | "\(.change) \(.id | number) \(.rule)" +
    (if .key == {} then "" else
	"{\(.key | to_entries | map("\(.key)=\(.value)") | join(","))}" end) +
    " \(.severity) \(.count) \(.first_seen | day)..\(.last_seen | day)" +
    " at \((if .change == "resolved" then .resolved_at else .detected_at end) |
	day)" +
    (if .caused_by then " by \(.caused_by | number)" else "" end) +
    (if .late then " late" else "" end) + ": \(.summary)"'

as_expected() { # NAME
	timeout 60 "$LOGWATCH" replay --json --rules "$1.yaml" "$1.log" \
	    >"$tmp/out" 2>"$tmp/err" || return
	jq -rs "$told" "$tmp/out" >"$tmp/told" || return
	[[ ${LIFECYCLE:-} ]] && cat "$tmp/told"
	diff "$1.expect" "$tmp/told" && [[ ! -s $tmp/err ]]
}

cd "$srcdir/tests/lifecycle" || exit 1
# shellcheck disable=SC2231 # it is a pattern
for file in ${LIFECYCLE:-*}.yaml; do
	count=$((count + 1))
	if as_expected "${file%.yaml}"; then
		echo "ok ${file%.yaml}"
	else
		cat "$tmp/err"
		echo "not ok ${file%.yaml}"
		failures=$((failures + 1))
	fi
done

echo "$count cases, $failures failed"
((failures == 0 && count > 0)) || exit 1

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The JSON Schema that `logwatch schema` prints, in a validator: what is a rule
# file for `check` is one for it, and misspelt keys are none.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq
/usr/bin/python3 -c 'import jsonschema, yaml' ||
    die 'python3-jsonschema, python3-yaml: contrib/install-deps.sh --tests'
failures=0
count=0

result() { # NAME
	local status=$?

	count=$((count + 1))
	if ((status == 0)); then
		echo "ok $1"
	else
		echo "not ok $1"
		failures=$((failures + 1))
	fi
}

"$LOGWATCH" schema >"$tmp/schema.json" 2>"$tmp/err" && [[ ! -s $tmp/err ]]
result 'it is printed'
"$LOGWATCH" schema --nonsense >"$tmp/out" 2>"$tmp/err"
(($? == 2)) && [[ ! -s $tmp/out ]]
result 'an option that there is not'
"$LOGWATCH" schema rules.yml >"$tmp/out" 2>"$tmp/err"
(($? == 2)) && [[ ! -s $tmp/out ]]
result 'an argument is wrong usage'
"$LOGWATCH" schema >/dev/full 2>"$tmp/err"
(($? == 3)) && [[ -s $tmp/err ]]
result 'a full disk is told'

jq -e '.["$schema"] == "http://json-schema.org/draft-07/schema#" and
    .additionalProperties == false and .required == ["version"]' \
    "$tmp/schema.json" >/dev/null
result 'it is draft-07 and says what is required'
# Each property, however deep: a map of schemas under "properties".
jq -e '[.. | objects | .properties? // empty | to_entries[]] |
    length > 80 and all(.[]; .value.description | length > 10)' \
    "$tmp/schema.json" >/dev/null
result 'each key is described'
jq -e '.properties.rules.items.properties as $rule |
    $rule.enabled.default == true and
    $rule.severity.default == "error" and
    ($rule.severity | .. | .enum? // empty) ==
        ["info", "warning", "error", "critical"] and
    .properties.settings.properties.context.properties.before.default == 5' \
    "$tmp/schema.json" >/dev/null
result 'defaults and words are those of the rule file'

jq -e '[.. | objects | .patternErrorMessage? // empty] |
    length > 30 and all(startswith("expected "))' "$tmp/schema.json" >/dev/null
result 'an editor can say in words what was expected'

valid() { # FILE...
	/usr/bin/python3 "$srcdir/tests/schema.py" "$tmp/schema.json" "$@"
}

cd "$srcdir" || exit 1
good=() bad=()
for expect in tests/conf/*.expect; do
	file=${expect%.expect}.yaml
	if ! grep -q ': error: ' "$expect"; then
		good+=("$file")
	elif grep -qE "unknown key|is not supported yet" "$expect"; then
		bad+=("$file")
	fi
done
((${#good[@]} > 10 && ${#bad[@]} > 10))
result 'there are rule files of both kinds'
for file in "${good[@]}" rules/*.yml; do
	valid "$file"
	result "$file is a rule file"
done
for file in "${bad[@]}"; do
	! valid "$file" >"$tmp/out"
	result "$file is none"
done

# One rule, and one more source, held against it.
rule() { # valid|invalid NAME RULE
	printf '%s\n' 'version: 1' 'sources:' '  app: {path: app.log}' \
	    'rules:' "  - {id: r, $3}" 'actions:' "  a: ${4:-{exec: [date]}}" \
	    >"$tmp/rule.yaml"
	if [[ $1 = valid ]]; then
		valid "$tmp/rule.yaml"
	else
		! valid "$tmp/rule.yaml" >"$tmp/out"
	fi
	result "$2: $1"
}

rule valid 'one detector' 'match: x'
rule invalid 'no detector' 'severity: info'
rule invalid 'two detectors' 'match: x, absent: y, for: 1m'
rule valid 'absent with its time' 'absent: y, for: 1m'
rule invalid 'absent without its time' 'absent: y'
rule invalid 'a duration without a unit' 'match: x, cooldown: 5'
rule valid 'a duration of two units' 'match: x, cooldown: 1h30m'
# shellcheck disable=SC2016 # the dollar is the rule file's
rule valid 'a duration that a variable holds' 'match: x, cooldown: "${D:-1m}"'
rule invalid 'a word that there is not' 'match: x, severity: fatal'
rule invalid 'yes for true' 'match: x, enabled: yes'
rule valid 'resolve is a word' 'match: x, resolve: manual'
rule valid 'or a map' 'match: x, resolve: {quiet: 5m}'
rule invalid 'of which something must be there' 'match: x, resolve: {}'
rule invalid 'or another word' 'match: x, resolve: never'
rule valid 'escalate is a map' 'match: x, escalate: {actions: [a], after: 1m}'
rule valid 'or a name' 'match: x, escalate: a'
rule invalid 'a threshold without its time' 'match: x, threshold: {count: 3}'
rule valid 'processes too many' 'process: {name: x, count: {above: 2}}'
rule invalid 'processes by two ways' 'process: {name: x, pidfile: y}'
rule invalid 'a script as one text' 'match: x' '{exec: date}'
rule invalid 'a script and a notification' 'match: x' \
    '{exec: [date], slack: {url: "http://h.example/"}}'
rule invalid 'an action of no kind' 'match: x' '{timeout: 1m}'
rule invalid 'a notification to nowhere' 'match: x' '{slack: {timeout: 5s}}'

echo "$count cases, $failures failed"
((failures == 0)) || exit 1

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# logwatch-rules(5) against the keys that there are: an entry for each, with its
# type, words and default, and an example that is one.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
/usr/bin/python3 -c 'import jsonschema, yaml' ||
    die 'python3-jsonschema, python3-yaml: contrib/install-deps.sh --tests'
failures=0
count=0
page=$srcdir/man/logwatch-rules.5

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

"$LOGWATCH" schema >"$tmp/schema.json" || die 'no schema'
mkdir "$tmp/shown"

manual() { # PAGE
	/usr/bin/python3 -B "$srcdir/tests/manual.py" "$tmp/schema.json" "$1" \
	    "$tmp/shown"
}

manual "$page"
result 'each key has its entry, and each entry a key'
for file in "$tmp"/shown/*.yaml; do
	"$LOGWATCH" check --rules "$file" >"$tmp/out" || {
		cat "$tmp/out"
		false
	}
	result "the rule file $(basename "$file" .yaml) that it shows"
done
((count > 2))
result 'rule files are shown'

# A page in which something is wrong is not taken.
wrong() { # NAME WHAT SED-SCRIPT
	sed "$3" "$page" >"$tmp/page" && ! cmp -s "$page" "$tmp/page" &&
	    ! manual "$tmp/page" >"$tmp/out" && grep -qF "$2" "$tmp/out"
	result "$1"
}

wrong 'a key without an entry' 'RULES: cooldown: has no entry' \
    's/^\.It Ic cooldown .*/.It Cm manual/'
wrong 'an entry without a key' 'RULES: cooldwn: there is no such key' \
    's/^\.It Ic cooldown /.It Ic cooldwn /'
wrong 'an inner key that is not described' 'SOURCES: multiline: max_lines' \
    's/^\.Ic max_lines/.Ic max_line/'
wrong 'a wrong default' 'ACTIONS: timeout: the default 60s' \
    's/^Default: 60s/Default: 61s/'
wrong 'a wrong type' 'SETTINGS: history: is a duration' \
    's/^\.It Ic history : duration/.It Ic history : text/'
wrong 'a word that is missing' 'RULES: mode: the word observe' 's/observe/see/'
wrong 'no example' 'RULES: key: has no example' '/^\.Dl key: /d'
wrong 'a wrong example' 'RULES: cooldown: example:' \
    's/^\.Dl cooldown: 1h/&our/'

echo "$count cases, $failures failed"
((failures == 0)) || exit 1

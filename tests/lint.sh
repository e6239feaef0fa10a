#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the readers that never tire over the whole tree; `make lint` calls it
# with the build's flags in LINT_CPPFLAGS.  All run, then any finding fails.
set -u

cd "$(dirname "$0")/.." || exit 1
: "${CC:=gcc}"
if [ -z "${LINT_CPPFLAGS:-}" ]; then
	echo "lint: run it as 'make lint' in a configured tree" >&2
	exit 2
fi
jobs=$(nproc)
warnings='-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef'
failed=

# The folders of src/, and its files that are in none, from the bottom up.
order='base io conf store tail event match detect incident action '\
'ruleset pipeline serve cmd main'

missing() {
	if ! command -v "$1" >/dev/null; then
		echo "lint: $1 not found: on Debian install the package" \
		    "$2, or run ./contrib/install-deps.sh --tests" >&2
		return 0
	fi
	return 1
}

step() { # NAME TOOL PACKAGE FUNCTION
	if missing "$2" "$3"; then
		failed="$failed $1"
		return
	fi
	echo "lint: $1"
	"$4" || failed="$failed $1"
}

each() { # PATTERN DIRECTORY...: the files, each ended by NUL
	pattern=$1
	shift
	find "$@" -type f -name "$pattern" -print0 | LC_ALL=C sort -z
}

layout() {
	each '*.[ch]' src tests bench |
	    xargs -0 -r clang-format --dry-run -Werror
}

# What a test driver starts must be startable; what is only read need not be.
startable() {
	find tests/e2e contrib -name '*.sh' ! -name '*lib.sh' ! -perm -u+x |
	    LC_ALL=C sort | awk '{ print $0 ": is not executable"; n++ }
		END { exit n > 0 }' >&2
}

# A header must compile alone, so that the order of includes never matters.
headers() {
	each '*.h' src | WARNINGS=$warnings xargs -0 -r -P "$jobs" -n 1 sh -c '
	printf "#include \"%s\"\n" "${1#src/}" |
	    $0 -std=gnu17 $WARNINGS -Werror -fsyntax-only $LINT_CPPFLAGS \
	    -x c - || { echo "$1: does not compile alone" >&2; exit 1; }
	' "$CC"
}

# Includes point down the list of folders and never up; a library has one
# door.
includes() {
	each '*.[ch]' src | xargs -0 -r awk -v order="$order" '
	BEGIN {
		n = split(order, names, " ")
		for (i = 1; i <= n; i++)
			rank[names[i]] = i
		door["pcre2.h"] = "^src/match/pattern[.]c$"
		door["hs/hs.h"] = "^src/match/prefilter[.]c$"
		door["yaml.h"] = "^src/conf/node[.]c$"
		door["curl/curl.h"] = "^src/io/libcurl[.]h$"
		door["io/libcurl.h"] = "^src/io/(libcurl|fetch|mailer)[.]c$"
		door["sqlite3.h"] = "^src/store/"
		door["archive.h"] = "^src/tail/libarchive[.]h$"
		door["tail/libarchive.h"] = "^src/tail/(lib)?archive[.]c$"
		door["microhttpd.h"] = "^src/serve/libmicrohttpd[.]h$"
		door["serve/libmicrohttpd.h"] = "^src/serve/(libmicrohttpd|http)[.]c$"
		door["dlfcn.h"] = "^src/base/library[.]c$"
		door["zlib.h"] = "^src/tail/gunzip[.]c$"
		door["sys/inotify.h"] = "^src/tail/inotify[.]c$"
		door["uv.h"] = "^src/(io/|cmd/|tail/inotify[.]c$)"
	}
	function room(path) {
		sub(/^src\//, "", path)
		sub(/[.\/].*/, "", path)
		return path
	}
	function fault(text) {
		printf "%s:%d: error: %s\n", FILENAME, FNR, text
		bad = 1
	}
	/^[ \t]*#[ \t]*include/ {
		name = $0
		sub(/^[^"<]*["<]/, "", name)
		sub(/[">].*/, "", name)
		if (name in door && FILENAME !~ door[name])
			fault("<" name "> has another door")
		if ($0 !~ /"/)
			next
		if (!(room(name) in rank))
			fault("include not by its path below src: " name)
		else if (rank[room(name)] > rank[room(FILENAME)])
			fault("include points up: " name)
	}
	FNR == 1 && !/SPDX-License-Identifier: MIT/ {
		fault("the first line is not the SPDX line")
	}
	END { exit bad }'
}

# gcc 12 takes what is stored through a grown array for leaked; the tests run
# with LeakSanitizer.
analyzer() {
	# shellcheck disable=SC2086 # flags are words
	each '*.c' src | xargs -0 -r -P "$jobs" -n 1 $CC -std=gnu17 $warnings \
	    -Werror -fanalyzer -Wno-analyzer-malloc-leak $LINT_CPPFLAGS \
	    -c -o /dev/null
}

# One file at a time: clang-tidy 14 mixes up va_lists where it reads several.
tidy() {
	each '*.c' src | xargs -0 -r -P "$jobs" -n 1 sh -c '
	out=$(clang-tidy --quiet "$1" -- -std=gnu17 $LINT_CPPFLAGS 2>&1) ||
	    { printf "%s\n" "$out"; exit 1; }' sh
}

# It reads no system headers, so their macros that look like statements are
# told to it.
check() {
	cppcheck --quiet --std=c11 --enable=warning,performance,portability \
	    --inline-suppr --suppress=missingIncludeSystem --library=bsd \
	    '-Djson_array_foreach(a,i,v)=for(i=0;(v=json_array_get(a,i));i++)' \
	    '-Djson_object_foreach(o,k,v)=for(k="",v=o;v;v=NULL)' \
	    '-DLIST_HEAD(name,type)=struct name{struct type*lh_first;}' \
	    '-DLIST_ENTRY(type)=struct{struct type*le_next;}' \
	    --error-exitcode=1 -j "$jobs" -D_GNU_SOURCE -Isrc src
}

manuals() {
	each '*.[1-8]' man | xargs -0 -r mandoc -Tlint -Wwarning
}

# SC2016: what stands in single quotes here is for awk, another shell, or a
# rule file.
scripts() {
	{
		each '*.sh' autogen.sh bench contrib tests
		each run .ci
		each psql contrib/demo
	} | xargs -0 -r shellcheck -e SC2016
}

step clang-format clang-format clang-format layout
step startable find findutils startable
step headers "${CC%% *}" gcc headers
step includes awk mawk includes
step shellcheck shellcheck shellcheck scripts
step mandoc mandoc mandoc manuals
step cppcheck cppcheck cppcheck check
step gcc-fanalyzer "${CC%% *}" gcc analyzer
step clang-tidy clang-tidy clang-tidy tidy

if [ -n "$failed" ]; then
	echo "lint: findings in:$failed" >&2
	exit 1
fi
echo 'lint: nothing found'

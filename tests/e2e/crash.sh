#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Kills at system calls and at random: every line once, every incident once.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need python3 strace
export LOGWATCH
export TMPDIR=$tmp

"$srcdir/tests/model/crash.py" --spread 2 --kills 15 || {
	E2E_KEEP=yes
	die 'see above for the calls and the seed'
}

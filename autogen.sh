#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes ./configure from configure.ac, in a checkout that has none.
set -eu

cd "$(dirname "$0")"
for tool in autoconf automake pkg-config; do
	if ! command -v "$tool" >/dev/null; then
		echo "autogen.sh: $tool not found: on Debian install the" \
		    "package $tool, or run ./contrib/install-deps.sh" >&2
		exit 1
	fi
done
exec autoreconf --install --force

#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that the build needs, with --tests those of the
# tests, and with --bench those that the benches measure beside logwatch.  Does
# nothing where nothing is missing.
set -eu

usage='usage: contrib/install-deps.sh [--tests | --bench]'

# libcurl4-openssl-dev, libarchive-dev, libhyperscan-dev and libmicrohttpd-dev
# bring libcurl4, libarchive13, libhyperscan5 and libmicrohttpd12, which no
# program here is linked with: they are loaded at run time, to send something,
# where a log was compressed by zstd, xz or bzip2, where there is much to read,
# and where somebody asks.
build='gcc libc6-dev make autoconf automake pkg-config
	libuv1-dev libcurl4-openssl-dev libsqlite3-dev libjansson-dev
	libyaml-dev libpcre2-dev zlib1g-dev libarchive-dev libhyperscan-dev
	libmicrohttpd-dev
	ca-certificates procps tzdata'
# The repair of the shipped rules talks to PostgreSQL through psql; the demo's
# receiver is a Python program.
build="$build postgresql-client python3"
tests='libcmocka-dev bats postgresql redis-server jq sqlite3 strace sec
	logrotate gzip zstd xz-utils bzip2 util-linux mount
	python3-jsonschema python3-yaml
	shellcheck mandoc clang-format clang-tidy cppcheck curl git'
bench='rsyslog sec mtail fail2ban strace ripgrep grep'

die() {
	echo "install-deps: $*" >&2
	exit 1
}

want=$build
case $#:${1:-} in
0:) ;;
1:--tests)
	want="$want $tests"
	# A Node that somebody put in PATH is as good as Debian's.
	command -v node >/dev/null || want="$want nodejs"
	command -v npm >/dev/null || want="$want npm"
	;;
1:--bench) want="$want $bench" ;;
1:--help)
	echo "$usage"
	exit 0
	;;
*)
	echo "$usage" >&2
	exit 2
	;;
esac

# What another package provides counts: 'Provides' of what is installed.
installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" \
	    = installed ]
}

# The ways to have a package's work done without that very package.
served() {
	case $1 in
	pkg-config) installed pkgconf ;;
	# One cannot be beside the other.  With it all works, only slower: the
	# build says why.
	libhyperscan-dev) installed libvectorscan-dev ;;
	libcurl4-openssl-dev) installed libcurl4-gnutls-dev ;;
	postgresql-client) command -v psql >/dev/null ;;
	# python3-minimal has a python3, but no HTTP.
	python3) python3 -c 'import http.server' 2>/dev/null ;;
	git) command -v git >/dev/null ;;
	*) false ;;
	esac
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	# shellcheck disable=SC2086 # one blank between the words
	set -- $want
	die "no apt here; what Debian's packages of these names bring is" \
	    "needed: $*"
fi

missing=
for package in $want; do
	installed "$package" || served "$package" ||
	    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root() { "$@"; }
elif command -v sudo >/dev/null; then
	as_root() { sudo -- "$@"; }
else
	die "packages are missing, and installing them needs root or sudo;" \
	    "as root run: apt-get install --no-install-recommends$missing"
fi

# The policy below keeps the services that come with the packages from being
# started: tests start their own on loopback.  It is there for the length of
# this installation only; a policy of the machine's owner stays as it is.
policy=/usr/sbin/policy-rc.d
ours=
cleanup() {
	[ -z "$ours" ] || as_root rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

echo "install-deps: installing:$missing"
as_root apt-get -q update ||
    die "apt-get update failed: look at /etc/apt and at the network"
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
	ours=yes
	printf '#!/bin/sh\n# Of logwatch'\''s install-deps.sh; may go.\nexit 101\n' |
	    as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
fi
# shellcheck disable=SC2086 # package names are words
as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    --no-install-recommends install $missing ||
    die "apt-get could not install:$missing"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Old logs as rotation leaves them: compressed, in several members, damaged.

# shellcheck source=tests/e2e/lib.sh
. "${srcdir:?names the source tree}/tests/e2e/lib.sh" || exit 1
need jq gzip zstd xz bzip2
cd "$tmp" || exit 1

cat >rules.yml <<'EOF'
version: 1
sources:
  app: {path: app.log, multiline: {start: '^\d'}}
rules:
  - {id: found, match: 'FIND (?<what>\S+)(?s:.*)more'}
  - {id: other, match: 'nothing like this'}
EOF

scan() { # OPTION|LOG...; its exit in $status
	"$LOGWATCH" scan --rules rules.yml "$@" >out 2>err
	status=$?
}

lines() { # FROM TO
	local i

	for ((i = $1; i <= $2; i++)); do
		printf '%d job done in %dms\n' "$i" $((i * 7919 % 10007))
		((i % 1000)) || printf '%d FIND w%d\n  more\n' "$i" "$i"
	done
}

hits() { # LOG: what was found where, but for its path
	scan --json "$1"
	jq -c 'del(.path)' out
}

lines 1 30000 >app.log
plain=$(hits app.log)
expect_equal 'the hits of the plain log' 30 "$(wc -l <<<"$plain")"
expect_equal 'its last line' "$(grep -n 'FIND w30000' app.log | cut -d: -f1)" \
    "$(tail -n 1 <<<"$plain" | jq .line)"

packers='gzip zstd xz bzip2'
zstd -q -c app.log >built.zst
scan built.zst
if grep -q 'built without libarchive' err; then
	packers=gzip
fi

if [[ $packers != gzip ]]; then
	step 'libarchive is loaded for what needs it, and only then'
	gzip -c app.log >built.gz
	for log in app.log built.gz built.zst; do
		LD_DEBUG=files LD_DEBUG_OUTPUT=loaded scan "$log"
		expect_equal "the exit of $log" 0 "$status"
		grep -ho 'file=libarchive[^ ]*' loaded.* | head -n 1 \
		    >"with.$log"
		rm -f loaded.*
	done
	expect_equal 'with a plain log' '' "$(cat with.app.log)"
	expect_equal 'with gzip' '' "$(cat with.built.gz)"
	soname=$(sed 's/^file=//' with.built.zst)
	expect 'with zstd' test -n "$soname"

	step 'where it is missing or another library, the reason says what to do'
	mkdir missing other
	: >"missing/$soname"
	ln -s "$(ldd "$LOGWATCH" | awk '$1 ~ /^libz[.]/ {print $3}')" \
	    "other/$soname"
	for path in missing other; do
		LD_LIBRARY_PATH=$tmp/$path scan built.zst
		expect_equal "the exit with $path" 3 "$status"
		expect "the reason with $path" \
		    grep -q '^logwatch: built.zst: .*install it.*libarchive13' \
		    err
		LD_LIBRARY_PATH=$tmp/$path scan built.gz
		expect_equal "the exit of gzip with $path" 0 "$status"
	done
fi

for packer in $packers; do
	step "$packer: the same hits at the same lines and offsets"
	# By its content: the name says nothing.
	"$packer" -c app.log >packed
	expect_equal 'a file' "$plain" "$(hits packed)"
	expect_equal 'standard input' "$plain" "$(hits - <packed)"
	expect_equal 'a pipe in pieces' "$plain" "$({
		head -c 1 packed
		sleep 0.05
		tail -c +2 packed | head -c 3
		sleep 0.05
		tail -c +5 packed
	} | hits -)"

	step "$packer: several members are one log"
	{
		head -n 12345 app.log | "$packer" -c
		tail -n +12346 app.log | "$packer" -c
	} >members
	expect_equal 'the members' "$plain" "$(hits members)"

	step "$packer: an empty log"
	"$packer" -c </dev/null >empty
	scan empty
	expect_equal 'its exit' 1 "$status"
	expect_equal 'what it says' '' "$(cat err)"

	step "$packer: what there is of a truncated log, and the others"
	head -c $(($(stat -c %s packed) * 9 / 10)) packed >short
	scan --count short app.log
	expect_equal 'its exit' 3 "$status"
	expect 'the reason comes last' grep -q '^logwatch: short: truncated' \
	    <(tail -n 1 err)
	found=$(awk '$1 == "found" {print $2}' out)
	# A block of bzip2 is all or nothing.
	((found > 40)) || [[ $packer = bzip2 && $found -ge 30 ]] ||
	    die "only $found hits"
done

if [[ $packers != gzip ]]; then
	step 'xz: blocks, checks, filters and padding of every kind are read'
	{
		head -n 9000 app.log | xz -0 --block-size=50000 --check=sha256
		head -c 8 /dev/zero
		sed -n 9001,20000p app.log | xz -0 --check=none --delta=dist=4 \
		    --lzma2=preset=0,dict=64MiB
		tail -n +20001 app.log | xz -0 -T2 --block-size=100000
	} >blocks
	expect_equal 'the hits' "$plain" "$(hits blocks)"

	step 'xz: a dictionary that takes too much memory is refused'
	{
		cat blocks
		xz -0 --x86 --lzma2=preset=0,dict=1GiB <app.log
	} >large
	(
		grep -q __asan_init "$LOGWATCH" || ulimit -v 400000
		scan --count large
		expect_equal 'its exit' 3 "$status"
		expect 'the reason' grep -q \
		    '^logwatch: large: .* dictionary of 1024 MiB' err
		found=$(awk '$1 == "found" {print $2}' out)
		((found >= 28)) || die "only $found hits before it"
	) || exit 1
fi

step 'a gzip file that lost its last bytes was read whole'
gzip -c app.log | head -c -3 >short
expect_equal 'its hits' "$plain" "$(hits short)"
scan short
expect_equal 'its exit' 3 "$status"

step 'what does not fit its checksum is read and reported'
printf '1 FIND one\n  more\n2 end\n' | gzip -c >flipped
printf '\xff\xff\xff\xff' | dd of=flipped bs=1 \
    seek=$(($(stat -c %s flipped) - 8)) conv=notrunc status=none
scan --count flipped
expect_equal 'its exit' 3 "$status"
expect 'the reason' grep -q '^logwatch: flipped: damaged' err
expect 'what was read' grep -q '^found	1$' out

step 'a word that only looks like a head is text'
printf '1 no\nBZh9 FIND me\n more\n' >text
scan text
expect_equal 'its exit' 0 "$status"
printf 'BZh9 FIND me\n more\n' | scan -
expect_equal 'its exit' 0 "$status"
printf '\x1f' >text
scan text
expect_equal 'its exit' 1 "$status"

step 'a bomb costs no memory'
head -c 50000000 /dev/zero | gzip -c >one
for _ in {1..20}; do
	cat one
done >bomb
(
	# A sanitizer reserves more than there is.
	grep -q __asan_init "$LOGWATCH" || ulimit -v 400000
	scan bomb
	expect_equal 'its exit' 1 "$status"
) || exit 1
step 'done'

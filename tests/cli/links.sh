#!/bin/bash
# SPDX-License-Identifier: MIT
#
# links.sh BIN_DIR - ruchy-record links libc and zstd only, and can be one static file.
set -u
bin=$1 failed=0

case $bin in
*asan*)
	echo "SKIP: links: a sanitized build links its run-time too"
	exit 0
	;;
esac
extra=$(readelf -d "$bin/ruchy-record" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
	grep -vE '^(libc|libzstd|ld-linux-[a-z0-9-]*)\.so' || true)
if [ -z "$extra" ]; then
	echo "ok - ruchy-record links libc and zstd only"
else
	echo "not ok - ruchy-record also links: $extra"
	failed=1
fi
# The static one is small, and what its zstd leaves out is not called: chunks small and large, with kernel symbols.
file=build/static/ruchy-record most=$((1536 << 10))
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
if make -s static >/dev/null && ! readelf -lS "$file" | grep -qE 'INTERP|DYNAMIC|\.dynamic|\.symtab' && "$file" --version >/dev/null; then
	echo "ok - make static: one file that runs"
else
	echo "not ok - make static"
	failed=1
fi
size=$(stat -c %s "$file")
if [ "$size" -le "$most" ]; then
	echo "ok - the static recorder has $size bytes"
else
	echo "not ok - the static recorder has $size bytes, more than $most"
	failed=1
fi
if "$file" --doctor | grep -q '^no  *own programs'; then
	echo "SKIP: links: no events can be opened here, so the static recorder records nothing"
elif "$file" -q -F 10000 --bundle=full -e cpu_clock -o "$out/t.rtrace" -- sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done' &&
	"$bin/ruchy-analyze" info --verify "$out/t.rtrace" >"$out/info"; then
	echo "ok - the static recorder records"
else
	echo "not ok - the static recorder records: $(cat "$out/info")"
	failed=1
fi
exit $failed

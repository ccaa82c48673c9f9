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
if make -s static >/dev/null && ! readelf -l build/static/ruchy-record | grep -q INTERP &&
	build/static/ruchy-record --version >/dev/null; then
	echo "ok - make static: one file that runs"
else
	echo "not ok - make static"
	failed=1
fi
exit $failed

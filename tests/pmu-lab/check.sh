#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.sh BIN_DIR GUEST_DIR [CASE...] - fetch what the laboratory needs, cross-build the guest's programs in GUEST_DIR,
# run the cases with the analyzer of BIN_DIR. One line SKIP, and status 0, where the packages cannot be had.
set -eu

bin=$1 guest=$2
shift 2
here=$(dirname "$0")
# What the top make was asked for concerns this machine's build, not the guest's.
unset MAKEFLAGS MFLAGS MAKELEVEL

missing=
for command in qemu-system-aarch64 aarch64-linux-gnu-gcc cpio; do
	command -v "$command" >/dev/null 2>&1 || missing="$missing $command"
done
if [ -n "$missing" ]; then
	echo "SKIP: the laboratory: missing:$missing (make deps)"
	exit 0
fi

# Fetch parts; the cache's directory is in $cache then. 77: they cannot be had.
cache=
fetch() {
	local status=0 found
	found=$(bash "$here/fetch.sh" "$@") || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || exit "$status"
	cache=${found:-$cache}
	return "$status"
}

fetch sysroot busybox || {
	echo "SKIP: the laboratory: its packages cannot be had (see above)"
	exit 0
}
# Either kernel is worth a run without the other; run.py says SKIP for what is not there.
kernels=0
for part in kernel-6.1 kernel-6.12; do
	fetch "$part" && kernels=$((kernels + 1))
done
[ "$kernels" -gt 0 ] || {
	echo "SKIP: the laboratory: no kernel for it can be had (see above)"
	exit 0
}
status=0
make -s -j"$(nproc)" CROSS=aarch64-linux-gnu- SYSROOT="$cache/sysroot" VARIANT=release B="$guest" lab-guest
bash "$here/root.sh" "$cache" "$guest" "build/aarch64-static" "$guest/lab/root"
if [ $# -eq 0 ]; then
	# A cold `make check` had no sysroot yet when it ran the unit tests.
	RUCHY_LAB_CACHE=$cache "$bin/tests/unit/test_cfi_rows" >"$guest/lab/cfi_rows.log" 2>&1 || {
		cat "$guest/lab/cfi_rows.log"
		status=1
	}
	grep -E 'SKIP|rows$' "$guest/lab/cfi_rows.log" || true
	bash "$here/same_json.sh" "$bin" "$guest" "$cache/sysroot" || status=1
fi
"${PYTHON:-python3}" "$here/run.py" "$bin" "$cache" "$guest/lab" "$@" || status=1
exit "$status"

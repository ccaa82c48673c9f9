#!/bin/bash
# SPDX-License-Identifier: MIT
#
# alloc.sh BIN_DIR - ruchy-analyze with each of its allocations failing once: it ends with status 1
# and one line, or does without (a debug file, a table of unwind rows) and says at most one line.
# Never a signal.
set -u

if [ $# -ne 1 ]; then
	echo "usage: alloc.sh BIN_DIR" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd) || exit 2
golden=$here/../golden
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

if grep -q __asan_init "$bin/ruchy-analyze"; then
	echo "SKIP - failing allocations: AddressSanitizer brings an allocator of its own"
	exit 0
fi
if ! ${CC:-cc} -shared -fPIC -O1 -o fail_alloc.so "$here/fail_alloc.c" 2>cc.err; then
	echo "SKIP - failing allocations: fail_alloc.c does not link with this C library: $(tail -n 1 cc.err)"
	exit 0
fi

# sweep NAME ARGUMENTS…: once for each allocation
sweep() {
	local name=$1 total n status lines refused=0
	shift
	if ! FAIL_ALLOC_COUNT=count LD_PRELOAD=./fail_alloc.so "$bin/ruchy-analyze" "$@" >out 2>err; then
		echo "FAIL - $name: $(tail -n 1 err)"
		failed=1
		return
	fi
	total=$(cat count)
	for ((n = 1; n <= total; n++)); do
		FAIL_ALLOC=$n LD_PRELOAD=./fail_alloc.so timeout 60 "$bin/ruchy-analyze" "$@" >out 2>err
		status=$?
		lines=$(wc -l <err)
		refused=$((refused + (status == 1)))
		if [ "$status" -gt 1 ] || [ "$lines" -gt 1 ] || [ "$status" -gt "$lines" ]; then
			echo "FAIL - $name, allocation $n of $total: status $status, $lines lines: $(head -n 1 err)"
			failed=1
		fi
	done
	# most failures cannot be done without
	if [ "$total" -lt 50 ] || [ $((2 * refused)) -lt "$total" ]; then
		echo "FAIL - $name: of $total failing allocations only $refused ended the program"
		failed=1
	fi
	[ $failed -ne 0 ] || echo "ok - $name: $total allocations failed, $refused of them ended the program"
}

sweep "all reports" -q --symfs "$golden" --output out.json --flame-graph out.svg --html out.html --folded out.folded \
	--perf-script out.script "$golden/kernel.rtrace"
sweep "exports" -q -j1 --symfs "$golden" --firefox out.firefox --pprof out.pprof --speedscope out.speedscope --callgrind out.callgrind \
	--csv out.csv --timeline --focus . "$golden/fp.rtrace"
sweep "pack --unwind" pack -q --unwind "$golden/dwarf.rtrace" -o out.packed
sweep "info" info --records "$golden/dwarf.rtrace"
exit $failed

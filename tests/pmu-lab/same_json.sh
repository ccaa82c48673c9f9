#!/bin/bash
# SPDX-License-Identifier: MIT
#
# same_json.sh BIN_DIR GUEST_DIR SYSROOT [TRACE...] - one trace gives one report, whatever machine reads it.
#
# Analyzes every TRACE (the golden ones, of both architectures, if none is named) with the analyzer of BIN_DIR,
# which runs here, and with that of GUEST_DIR, which was built for aarch64 and runs in qemu's user mode over SYSROOT. JSON,
# folded stacks, perf-script text and the list of records must be equal to the byte. RUCHY_SYMFS says where the
# traces' files are (beside the first trace). One `ok`/`not ok` line a trace; SKIP, status 0, without
# qemu-aarch64-static.
set -u

if [ $# -lt 3 ] || [ ! -x "$1/ruchy-analyze" ] || [ ! -x "$2/ruchy-analyze" ]; then
	echo "usage: same_json.sh BIN_DIR GUEST_DIR SYSROOT [TRACE...]" >&2
	exit 2
fi
here=$1/ruchy-analyze there=$2/ruchy-analyze sysroot=$3
shift 3
if ! command -v qemu-aarch64-static >/dev/null 2>&1; then
	echo "SKIP: the same report on both architectures: no qemu-aarch64-static (make deps)"
	exit 0
fi
[ $# -gt 0 ] || set -- "$(dirname "$0")"/../golden/*.rtrace
symfs=${RUCHY_SYMFS:-$(dirname "$1")}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

# outputs DIR TRACE COMMAND...: all that the analyzer says of a trace
outputs() {
	local dir=$1 trace=$2
	shift 2
	mkdir -p "$dir"
	"$@" --quiet --symfs "$symfs" --output "$dir/json" --folded "$dir/folded" --perf-script "$dir/script" "$trace" \
		2>"$dir/messages" || return
	"$@" info --verify --records "$trace" >"$dir/info" 2>>"$dir/messages"
}

for trace; do
	rm -rf "$work/here" "$work/there"
	if ! outputs "$work/here" "$trace" "$here"; then
		failed=1
		echo "not ok - $trace: here: $(tail -n 1 "$work/here/messages")"
	elif ! outputs "$work/there" "$trace" qemu-aarch64-static -L "$sysroot" "$there"; then
		failed=1
		echo "not ok - $trace: on aarch64: $(tail -n 1 "$work/there/messages")"
	elif difference=$(diff -r "$work/here" "$work/there" 2>&1); then
		echo "ok - $(basename "$trace"): the same on both architectures"
	else
		failed=1
		echo "not ok - $trace: $(echo "$difference" | sed -n 1,6p | tr '\n' '|')"
	fi
done
exit $failed

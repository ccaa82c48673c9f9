#!/bin/bash
# SPDX-License-Identifier: MIT
#
# compare_readers.sh BIN_DIR FILE… - two readers, one page: `ruchy-analyze info --records` and
# read_trace.py must list the same chunks, records and rounds, with the same stack bytes.
#
# Over the FILEs, each as a file and through a pipe, over the traces of made_traces.py (both readers
# against the lines expected, or against each other where it has none), and over a fresh recording
# of BIN_DIR/programs/recursion.
# One `ok`/`not ok`/`SKIP` line each; non-zero exit on any difference.
set -u

if [ $# -lt 1 ] || [ ! -x "$1/ruchy-analyze" ]; then
	echo "usage: compare_readers.sh BIN_DIR FILE…" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
shift
here=$(cd "$(dirname "$0")" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok - $1"; }
not_ok() { failed=1; echo "not ok - $1: $2"; }

# info's list: from the second line up to the first empty one
list_of_info() {
	timeout 120 "$bin/ruchy-analyze" info --records "$1" >"$work/info" 2>"$work/info.err" || return
	sed -n '1d; /^$/q; p' "$work/info"
}

first_difference() { diff "$1" "$2" | sed -n 2,5p | tr '\n' '|'; }

# same NAME EXPECTED FOUND
same() {
	if cmp -s "$2" "$3"; then
		ok "$1 ($(grep -c '^  record' "$2") records)"
	else
		not_ok "$1" "$(first_difference "$2" "$3")"
	fi
}

compare() {
	local name=$1 file=$2
	if ! python3 "$here/read_trace.py" --records "$file" >"$work/python" 2>"$work/python.err"; then
		not_ok "$name" "$(tail -n 1 "$work/python.err")"
	elif ! grep -q '^chunk' "$work/python"; then
		not_ok "$name" "no chunk in it"
	elif ! list_of_info "$file" >"$work/file"; then
		not_ok "$name" "$(tail -n 1 "$work/info.err")"
	elif ! list_of_info - >"$work/pipe" < <(cat "$file"); then
		not_ok "$name by pipe" "$(tail -n 1 "$work/info.err")"
	else
		same "$name" "$work/python" "$work/file"
		same "$name by pipe" "$work/python" "$work/pipe"
	fi
}

for file in "$@"; do
	compare "$(basename "$file")" "$file"
done

mkdir "$work/made"
python3 -B "$here/made_traces.py" "$work/made" || exit 1
for file in "$work"/made/*.rtrace; do
	name="made $(basename "$file" .rtrace)"
	if [ ! -e "${file%.rtrace}.lines" ]; then
		compare "$name" "$file"
		continue
	fi
	list_of_info "$file" >"$work/file"
	same "$name" "${file%.rtrace}.lines" "$work/file"
	list_of_info - >"$work/pipe" < <(cat "$file")
	same "$name by pipe" "${file%.rtrace}.lines" "$work/pipe"
done

fresh=$work/fresh.rtrace
if [ ! -x "$bin/ruchy-record" ] || [ ! -x "$bin/programs/recursion" ]; then
	echo "SKIP - fresh recording: ruchy-record or programs/recursion is not built"
else
	"$bin/ruchy-record" -q -o "$fresh" "$bin/programs/recursion" 100 >/dev/null 2>"$work/err"
	status=$?
	if [ $status -eq 1 ] && grep -qi 'perf_event\|permi' "$work/err"; then
		echo "SKIP - fresh recording: $(tail -n 1 "$work/err")"
	elif [ $status -ne 0 ]; then
		not_ok "fresh recording" "exit status $status: $(tail -n 1 "$work/err")"
	else
		compare "fresh recording" "$fresh"
	fi
fi
exit $failed

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.sh BIN_DIR [--update] - the golden traces beside this script must give the outputs that are
# kept with them: NAME.folded and NAME.json, and where they are there NAME.script (perf-script), NAME.text (the report) and
# NAME.records (info --records, up to the first empty line). No field is filtered: nothing in them
# depends on the day or the host. --update writes those that are there instead (for a new trace,
# `touch` what it should have); read the difference before it is committed.
# One `ok`/`not ok` line each; non-zero exit on any difference.
set -u

if [ $# -lt 1 ] || [ ! -x "$1/ruchy-analyze" ]; then
	echo "usage: check.sh BIN_DIR [--update]" >&2
	exit 2
fi
analyze=$(cd "$1" && pwd)/ruchy-analyze || exit 2
update=${2:-}
# The reports name the trace as it was named to them: its name alone.
cd "$(dirname "$0")" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=0

ok() { echo "ok - $1"; }
not_ok() { failed=1; echo "not ok - $1: $2"; }

regenerate() {
	local trace=$1 to=$2
	"$analyze" --quiet --symfs . --folded "$to.folded" --output "$to.json" \
		--perf-script "$to.script" "$trace" || return
	"$analyze" --symfs . "$trace" >"$to.text" || return
	"$analyze" info --verify --records "$trace" >"$to.info" || return
	sed -n '/^$/q; p' "$to.info" >"$to.records"
}

seen=0
for trace in *.rtrace; do
	name=${trace%.rtrace}
	seen=$((seen + 1))
	if ! zstd -tq "$trace" 2>"$work/err"; then
		not_ok "$trace is a Zstandard file" "$(tail -n 1 "$work/err")"
	else
		ok "$trace is a Zstandard file"
	fi
	if ! regenerate "$trace" "$work/$name" 2>"$work/err"; then
		not_ok "$trace" "$(tail -n 1 "$work/err")"
		continue
	fi
	if ! "$analyze" --quiet --symfs . --no-inline --unwinder=exact --perf-script "$work/exact" "$trace" 2>"$work/err" ||
		! "$analyze" --quiet --symfs . --no-inline --perf-script "$work/quick" "$trace" 2>>"$work/err"; then
		not_ok "$trace: quick steps" "$(tail -n 1 "$work/err")"
	elif cmp -s "$work/exact" "$work/quick"; then
		ok "$trace: quick steps lead where exact ones do"
	else
		not_ok "$trace: quick steps" "$(diff "$work/exact" "$work/quick" | sed -n 1,4p | tr '\n' '|')"
	fi
	for kind in folded json script text records; do
		if [ ! -e "$name.$kind" ]; then
			case $kind in folded | json) not_ok "$name.$kind" "it is missing" ;; esac
		elif [ "$update" = --update ]; then
			cp "$work/$name.$kind" "$name.$kind"
		elif diff "$name.$kind" "$work/$name.$kind" >"$work/diff" 2>&1; then
			ok "$name.$kind"
		else
			not_ok "$name.$kind" "$(sed -n 1,4p "$work/diff" | tr '\n' '|')"
		fi
	done
done
[ $seen -gt 0 ] || not_ok "golden traces" "there are none"
exit $failed

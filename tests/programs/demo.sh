#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh BIN_DIR PROGRAMS_DIR OUT_DIR - record a real program, then show where its time went.
#
# Leaves trace.rtrace, profile.json and flamegraph.svg in OUT_DIR. The program is
# tests/programs/demo.c: an archiver, run over this repository's own sources.
set -eu

if [ $# -ne 3 ]; then
	echo "usage: demo.sh BIN_DIR PROGRAMS_DIR OUT_DIR" >&2
	exit 2
fi
bin=$1 programs=$2 out=$3

# A recording that isn't permitted is said in one place, with the way to permit it.
if [ "$(id -u)" -ne 0 ] && [ -r /proc/sys/kernel/perf_event_paranoid ] &&
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 3 ]; then
	echo "demo: kernel.perf_event_paranoid is $(cat /proc/sys/kernel/perf_event_paranoid): ordinary users may not record here." >&2
	echo "demo: allow it with: sudo sysctl kernel.perf_event_paranoid=2 (or run as root, or grant CAP_PERFMON)" >&2
fi

mkdir -p "$out"
run() {
	printf '$ %s\n' "$*"
	"$@"
}

run "$bin/ruchy-record" -o "$out/trace.rtrace" -- "$programs/demo" analyze format include record docs
echo
run "$bin/ruchy-analyze" --hotspots=10 --output="$out/profile.json" --flame-graph="$out/flamegraph.svg" \
	"$out/trace.rtrace"
echo
ls -l "$out/trace.rtrace" "$out/profile.json" "$out/flamegraph.svg"
echo "Open $out/flamegraph.svg in a browser."

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# jobs.sh BIN_DIR PROGRAMS_DIR - every output of ruchy-analyze is the same, to the byte, for -j1, -j2
# and -j8, from a file and from a pipe: of the golden traces, of recordings made here (threads,
# forks and execs, waits), of damaged ones, of several traces in one call, and of perf.data files of
# RUCHY_CORPORA.
#
# One `ok`/`FAIL`/`SKIP` line a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 2 ]; then
	echo "usage: jobs.sh BIN_DIR PROGRAMS_DIR" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
programs=$(cd "$2" && pwd) || exit 2
golden=$(cd "$(dirname "$0")/../golden" && pwd) || exit 2
corpora=${RUCHY_CORPORA:-$(dirname "$0")/../../../shared/corpora}
[ -d "$corpora" ] && corpora=$(cd "$corpora" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

ok() { echo "ok - $1"; }
not_ok() { failed=1; echo "FAIL - $1: $2"; }

# analyze DIR JOBS ARGUMENTS…: all outputs into DIR, and what was printed; standard input is passed on
analyze() {
	local dir=$1 jobs=$2
	shift 2
	mkdir -p "$dir"
	timeout 300 "$bin/ruchy-analyze" -j"$jobs" --symfs "$golden" --hotspots 5 --output="$dir/json" --folded="$dir/folded" \
		--perf-script="$dir/script" --flame-graph="$dir/svg" --html="$dir/html" --firefox="$dir/firefox.gz" --pprof="$dir/pprof.gz" \
		--speedscope="$dir/speedscope" --callgrind="$dir/callgrind" --csv="$dir/csv" --timeline "$@" >"$dir/out" 2>"$dir/err"
	echo "status $?" >>"$dir/err"
	# What a pipe can't know: the trace's name.
	sed -i '0,/"path":/s|"path":.*|"path"|' "$dir/json" 2>/dev/null
	sed -i "s|[^ ]*\.\(rtrace\|data\)|TRACE|g; s|standard input|TRACE|g; s|^trace  *-$|trace TRACE|" "$dir/out" "$dir/err"
}

# same NAME TRACE…: for any number of threads; one trace from a pipe, too
same() {
	local name=$1 jobs
	shift
	rm -rf j1 other
	analyze j1 1 "$@" </dev/null
	if ! grep -q 'status 0' j1/err || ! [ -s j1/json ]; then
		not_ok "$name" "$(head -n 1 j1/err)"
		return
	fi
	for jobs in 2 8; do
		analyze other $jobs "$@" </dev/null
		if ! diff -r j1 other >difference; then
			not_ok "$name" "-j1 and -j$jobs differ: $(head -n 3 difference | tr '\n' ' ')"
			return
		fi
	done
	if [ $# -eq 1 ] && [ "${1%.rtrace}" != "$1" ]; then
		for jobs in 1 8; do
			cat "$1" | analyze other $jobs -
			if ! diff -r j1 other >difference; then
				not_ok "$name" "-j1 of the file and -j$jobs of a pipe differ: $(head -n 3 difference | tr '\n' ' ')"
				return
			fi
		done
	fi
	ok "$name: $(wc -l <j1/folded) stacks, $(wc -l <j1/script) lines"
}

# spoil TRACE: change a byte near the end of its second sample chunk's payload
spoil() {
	local offset stored byte
	read -r offset stored < <("$bin/ruchy-analyze" info --records "$1" |
		sed -n 's/^chunk [0-9]* samples offset=\([0-9]*\) stored=\([0-9]*\) .*/\1 \2/p' | sed -n 2p)
	[ -n "$stored" ] || return 1
	byte=$(od -An -tu1 -j$((offset + stored - 20)) -N1 "$1")
	printf "\\$(printf %03o $((byte ^ 255)))" | dd of="$1" bs=1 seek=$((offset + stored - 20)) conv=notrunc status=none
}

for trace in "$golden"/*.rtrace; do
	same "${trace##*/}" "$trace"
done

record() {
	local name=$1
	shift
	"$bin/ruchy-record" -q -F 5000 -o "$name.rtrace" "$@" >/dev/null 2>"$name.err" && return
	not_ok "recording $name" "$(tail -n 1 "$name.err")"
	return 1
}
record threads "$programs/threads" 400 && same "threads" threads.rtrace
record forkexec "$programs/forkexec" 400 && same "forks and execs" forkexec.rtrace
if record waits --off-cpu "$programs/waits" 40 5; then
	same "waits" waits.rtrace
	same "waits, by wall time" waits.rtrace --weight wall
fi
[ -s threads.rtrace ] && [ -s forkexec.rtrace ] && same "three traces in one call" threads.rtrace forkexec.rtrace threads.rtrace
if [ -s threads.rtrace ]; then
	cp threads.rtrace spoilt.rtrace
	if spoil spoilt.rtrace && "$bin/ruchy-analyze" info spoilt.rtrace 2>&1 | grep -q damage; then
		same "a damaged chunk" spoilt.rtrace
		if ! grep -q 'damage in the trace: 1 place' j1/out && ! grep -q 'damage in the trace: 1 place' j1/json; then
			not_ok "a damaged chunk" "it is not told of: $(head -n 5 j1/out)"
		fi
	else
		not_ok "a damaged chunk" "the recording could not be damaged"
	fi
fi

found=
for data in "$corpora"/linux-perf-data/*.data "$corpora"/perfparser/*/*.data "$corpora"/perfparser/*/perf.data* \
	"$corpora"/quipper/perf.data.*-[0-9].[0-9] "$corpora"/simpleperf/*.data; do
	[ -f "$data" ] || continue
	"$bin/ruchy-analyze" -q --folded=folded "$data" >/dev/null 2>&1 || continue
	found=yes
	same "${data##*/}" "$data"
done
[ -n "$found" ] || echo "SKIP - perf.data files by others: no corpora, set RUCHY_CORPORA"
exit $failed

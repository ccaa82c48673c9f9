#!/bin/bash
# SPDX-License-Identifier: MIT
# planted.sh BIN_DIR PROGRAMS_DIR - files that others put where the recorder looks or writes: none is followed,
# none is waited for, each is named. And what it may take: perf maps and jitdumps.
set -u
bin=$(cd "${1:?usage: planted.sh BIN_DIR PROGRAMS_DIR}" && pwd)
programs=$(cd "${2:?usage: planted.sh BIN_DIR PROGRAMS_DIR}" && pwd)
work=$(mktemp -d)
left=
# shellcheck disable=SC2086 # a list of names
trap 'rm -rf "$work" $left' EXIT
cd "$work" || exit 1
failed=0

ok() { echo "ok: $1"; }
fail() { echo "FAIL: $1: ${2-}"; failed=1; }
skip() { echo "SKIP: $1: $2"; }

# record HOW: the program that plants, recorded; what it leaves is removed in the end
record() {
	timeout 60 "$bin/ruchy-record" -o t.rtrace -F 999 "$programs/jit" 150 "$@" >out 2>err
	status=$?
	left="$left $(cat out)"
	"$bin/ruchy-analyze" info t.rtrace >info 2>&1
}

# try NAME COMMAND...: on a machine so busy that the program ends before the recorder gets to run, once more, said aloud
try() {
	local name=$1 turn
	shift
	for turn in 1 2 3 4; do
		if "$@"; then
			ok "$name"
			return
		fi
		[ "$turn" = 4 ] || echo "again: $name: $why"
	done
	fail "$name" "$why"
}

# refused HOW REGEX: it is said in one line and in the trace, nothing of it is taken, the recording is good
refused() {
	record "$1" "$work"
	why="status $status: $(head -c 500 err)"
	[ $status -eq 0 ] || return 1
	[ "$(grep -Ec "$2" err)" -eq 1 ] && grep -Eq "^fallback +$2" info || return 1
	! grep -Eq "^chunk.*(perf-map|jitdump)" info
}

# taken KIND COMMAND...
taken() {
	local kind=$1
	shift
	"$@"
	why="status $status: $(head -c 300 err)"
	[ $status -eq 0 ] && grep -q "^chunk.*$kind" info && "$bin/ruchy-analyze" --folded - t.rtrace 2>&1 | grep -q generated_a
}

try "planted: fifo" refused fifo '.*/tmp/perf-[0-9]*.map of process [0-9]*: is a FIFO: not opened'
try "planted: link" refused link '.*/tmp/perf-[0-9]*.map of process [0-9]*: is a symbolic link: not opened'
try "planted: large" refused large '.*/tmp/perf-[0-9]*.map of process [0-9]*: 10737418240 bytes are more than the limit'
try "planted: swap" refused swap '.*/jit-[0-9]*.dump of process [0-9]*: is a FIFO: not opened'
if [ "$(id -u)" = 0 ]; then
	try "planted: other" refused other '.*/tmp/perf-[0-9]*.map of process [0-9]*: belongs to user 12345'
else
	skip "planted: other" "not root: a file cannot be given away"
fi
try "a perf map written at the very end is taken" taken perf-map record late
try "a jitdump is taken" taken jitdump record dump "$work"

# --bundle: a binary that is replaced while it runs. It is taken itself, or nothing is, and that is said; what stands in its place never is.
bundled() {
	cp "$programs/shares" victim
	rm -f t.rtrace
	timeout 60 "$bin/ruchy-record" --bundle=full -o t.rtrace -F 999 sh -c './victim 400 & until readlink /proc/$!/exe | grep -q victim; do :; done; rm victim; '"$1"'; wait; rm victim' >out 2>err
	status=$?
	"$bin/ruchy-analyze" info t.rtrace >info 2>&1
	why="status $status: $(head -c 500 err)"
	# its symbol table has that name, and nothing else in the trace
	[ $status -eq 0 ] && ! zstd -dcq t.rtrace 2>/dev/null | grep -aq 'not for readers' &&
		{ [ "$(zstd -dcq t.rtrace 2>/dev/null | grep -ac round_of_ten)" -ge 1 ] || grep -q "victim is not in the trace: $2" err; }
}
echo "not for readers" >secret && chmod 600 secret
try "bundle: replaced by a link" bundled 'ln -s secret victim' '.*a symbolic link'
try "bundle: replaced by a FIFO" bundled 'mkfifo victim' '.*a FIFO'
too_large() {
	cp "$programs/shares" victim && truncate -s 5G victim || return
	timeout 60 "$bin/ruchy-record" --bundle -o t.rtrace -F 999 ./victim 100 >out 2>err
	status=$?
	"$bin/ruchy-analyze" info t.rtrace >info 2>&1
	why="status $status: $(head -c 500 err)"
	[ $status -eq 0 ] && grep -Eq 'victim is not in the trace: .*5368709120 bytes are more than the limit' err &&
		grep -Eq '^fallback .*victim is not in the trace' info
}
try "bundle: 5 GiB" too_large
rm -f victim

# a container: its /tmp, its pid. The recorder is outside
contained() {
	"$bin/ruchy-record" -o t.rtrace -F 999 unshare -mpf --mount-proc sh -c \
		"exec 3<$programs/jit && mount -t tmpfs none /tmp && exec /proc/self/fd/3 150 late" >out 2>err
	status=$?
	grep -q "^/tmp/perf-1.map" out || status=99
	"$bin/ruchy-analyze" info t.rtrace >info 2>&1
}
if unshare -mpf --mount-proc sh -c 'mount -t tmpfs none /tmp' 2>/dev/null; then
	try "the perf map in a container's /tmp, by its own pid" taken perf-map contained
else
	skip "the perf map in a container" "namespaces are not permitted"
fi

# a JIT compiler as it is
if command -v node >/dev/null 2>&1; then
	echo 'function hot(n){let s=0;for(let i=0;i<n;i++)s=(s*31+i)%1000003;return s}let t=0;for(let k=0;k<3000;k++)t+=hot(20000)' >hot.js
	timeout 120 "$bin/ruchy-record" -q -o t.rtrace -F 999 sh -c 'echo /tmp/perf-$$.map; exec node --perf-basic-prof hot.js' >out 2>err
	status=$?
	left="$left $(cat out)"
	if [ $status -eq 0 ] && "$bin/ruchy-analyze" --folded - t.rtrace 2>/dev/null | grep -Eq 'JS:[*~^+]?hot'; then
		ok "node --perf-basic-prof: its functions have names"
	else
		fail "node --perf-basic-prof" "status $status: $(head -c 300 err)"
	fi
else
	skip "node --perf-basic-prof" "no node"
fi

# ---- where the trace goes ----
# not_written NAME REGEX: refused before the command runs
not_written() {
	timeout 60 "$bin/ruchy-record" -o sticky/t.rtrace touch ran 2>err
	status=$?
	if [ $status -eq 2 ] && grep -Eq "$2" err && [ "$(wc -l <err)" = 1 ] && [ ! -e ran ] && [ "$(cat victim)" = mine ]; then
		ok "$1"
	else
		fail "$1" "status $status: $(head -c 300 err)"
	fi
	rm -f sticky/t.rtrace ran
}
mkdir sticky && chmod 1777 sticky
echo mine >victim
ln -s ../victim sticky/t.rtrace
not_written "the output is a symbolic link in a sticky directory" "sticky/t.rtrace: cannot be the output: it is a symbolic link"
if [ "$(id -u)" = 0 ]; then
	mkfifo sticky/t.rtrace && chown 12345 sticky/t.rtrace
	not_written "the output is somebody else's FIFO in a sticky directory" "it is user 12345's, in a directory"
else
	skip "the output is somebody else's FIFO" "not root: a FIFO cannot be given away"
fi
(umask 000; "$bin/ruchy-record" -q -o open.rtrace true)
[ "$(stat -c %a open.rtrace)" = 600 ] && ok "a trace has mode 0600 whatever the umask" || fail "mode" "$(stat -c %a open.rtrace)"

exit $failed

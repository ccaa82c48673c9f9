#!/bin/bash
# SPDX-License-Identifier: MIT
# doctor.sh BIN_DIR - ruchy-record --doctor as root, as an ordinary user, with one capability, under a seccomp
# filter: what it says must be what recording then does.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:?usage: doctor.sh BIN_DIR}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cp "$bin/ruchy-record" "$work" && cd "$work" || exit 1
mkdir -m 1777 open
failed=0

ok() { echo "ok: $1"; }
fail() { echo "FAIL: $1: ${2-}"; failed=1; }
skip() { echo "SKIP: $1: $2"; }

# doctor NAME STATUS COMMAND...: it says so, every "no" has its command below, and recording then does the same
doctor() {
	local name=$1 wanted=$2 status
	shift 2
	"$@" ./ruchy-record --doctor >out 2>err
	status=$?
	if [ $status -ne "$wanted" ] || [ -s err ]; then
		fail "$name" "status $status: $(head -c 300 err)"
	elif ! awk '/^no / { if (no) exit 1; no = 1; next } / -> / { no = 0 } END { exit no }' out; then
		fail "$name" "a line says no without a command: $(grep -A1 '^no ' out)"
	elif (cd open && "$@" ../ruchy-record -q -o "t.$RANDOM" true) 2>err; [ $? -ne "$wanted" ]; then
		fail "$name" "recording does not do what it says: $(head -c 300 err)"
	else
		ok "$name"
	fi
}

# says NAME REGEX
says() { grep -Eq "$2" out && ok "$1" || fail "$1" "no /$2/ in: $(cat out)"; }

user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
doctor "doctor" 0
cc=${CC:-cc}
$cc -O1 -o deny_perf "$here/deny_perf.c" || fail "deny_perf" "does not compile"
./deny_perf 1 true
if [ $? -eq 77 ]; then
	skip "doctor under a seccomp filter" "no filter can be set"
else
	doctor "doctor under a seccomp filter" 1 "$work/deny_perf" 1
	says "it names the filter" "^no +own programs.*seccomp filter"
	doctor "doctor where the call is missing" 1 "$work/deny_perf" 38
fi
if [ "$(id -u)" -ne 0 ] || ! "${user[@]}" true 2>/dev/null; then
	skip "doctor as an ordinary user" "needs root and setpriv"
	exit $failed
fi
paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)
if [ "$paranoid" -le 2 ]; then
	doctor "doctor as an ordinary user" 0 "${user[@]}" --bounding-set=-all
	says "an ordinary user has no capability" "^capabilities: none for recording"
	if [ "$paranoid" = 2 ]; then
		says "kernel samples need a setting" "^no +kernel samples"
	else
		skip "kernel samples need a setting" "kernel.perf_event_paranoid is not 2"
	fi
else
	doctor "doctor as an ordinary user" 1 "${user[@]}" --bounding-set=-all
fi
if "${user[@]}" --inh-caps=-all,+perfmon --ambient-caps=-all,+perfmon true 2>/dev/null; then
	doctor "doctor with CAP_PERFMON alone" 0 "${user[@]}" --inh-caps=-all,+perfmon --ambient-caps=-all,+perfmon
	says "CAP_PERFMON allows kernel samples" "^yes +kernel samples"
	says "CAP_PERFMON allows the whole system" "^yes +whole system"
else
	skip "doctor with CAP_PERFMON alone" "setpriv knows no such capability here"
fi
exit $failed

#!/bin/bash
# SPDX-License-Identifier: MIT
# targets.sh BIN_DIR - ruchy-record on programs that are hard to follow: thousands of threads, hundreds of
# processes a second, another program in an old process, files that are gone, replaced or elsewhere, 32 bits.
# One line a case; SKIP says what this machine lacks. Exit status 1 when a case failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:?usage: targets.sh BIN_DIR}" && pwd)
record=$bin/ruchy-record
analyze=$bin/ruchy-analyze
work=$(mktemp -d)
started=
trap '{ for p in $started; do kill -9 "$p"; done; wait; } 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

ok() { echo "ok: $1"; }
fail() { echo "FAIL: $1: ${2-}"; failed=1; }
skip() { echo "SKIP: $1: $2"; }
end() { { kill -9 "$@"; wait "$@"; } 2>/dev/null; }
start() { "$@" & started="$started $!"; pid=$!; }
now_ms() { date +%s%3N; }
wait_for() {
	local end=$(($(now_ms) + $1))
	shift
	until "$@"; do
		[ "$(now_ms)" -lt $end ] || return 1
		sleep 0.02
	done
}
runs() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }
has_threads() { [ "$(cat /proc/"$1"/task/*/comm 2>/dev/null | grep -c "^$2")" -ge "$3" ]; }

# recorded NAME TRACE FUNCTION LEAST: the trace reads, has samples, and so much percent of them in FUNCTION
recorded() {
	local got
	"$analyze" "$2" --folded=folded -q >out 2>&1 || { fail "$1" "$(head -3 out)"; return; }
	got=$(awk -v f="$3" '{ n += $NF } $0 ~ f { m += $NF } END { printf "%d", n ? 100 * m / n : -1 }' folded)
	[ "$got" -ge "$4" ] && ok "$1 ($got %)" || fail "$1" "$got % of samples in $3: $(head -c 300 folded)"
}

# all_named NAME TRACE NAMES LEAST: every thread in the report is called so (an extended expression), and they
# have so many names
all_named() {
	local others n
	"$analyze" "$2" -q --output=report.json --folded=folded >out 2>&1 || { fail "$1" "$(head -3 out)"; return; }
	others=$(python3 -c '
import json, re, sys
names = {t["name"] for t in json.load(open("report.json"))["threads"]}
print(len(names), *sorted(n for n in names if not re.fullmatch(sys.argv[1], n)))' "$3")
	n=${others%% *}
	[ "$n" = "$others" ] && [ "$n" -ge "$4" ] && ok "$1 ($n names)" || fail "$1" "names, and those that do not fit: $(head -c 300 <<<"$others")"
}

# small NAME COMMAND...: runs it; neither the recorder nor what it starts is larger than 64 MiB and the rings
small() {
	local name=$1 kib
	shift
	kib=$(python3 -c '
import resource, subprocess, sys
rc = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL).returncode
print(rc or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@" 2>err)
	case $bin in *asan* | *tsan*) [ "$kib" -gt 1000 ] && skip "$name" "sanitizers have memory of their own"; return ;; esac
	[ "${kib:-0}" -gt 1000 ] && [ "$kib" -le $((64 * 1024 + $(nproc) * 5120)) ] && ok "$name: $kib KiB" || fail "$name" "$kib KiB or status: $(tail -1 err)"
}

enough="--max-samples 100 --duration 60" # whoever competes for the CPUs

cc=${CC:-cc}
for program in busy many swarm; do
	$cc -O1 -pthread -o $program "$here/$program.c" || { fail "helpers" "do not compile"; exit 1; }
done
if ! "$record" -q -o probe.rtrace true 2>err; then
	skip "all that records" "$(cat err)"
	exit $failed
fi

# ---- many ----
small "memory, 1,000 threads" "$record" -e cpu_clock -o t.rtrace ./swarm threads 1000 2
all_named "1,000 threads, none without its name" t.rtrace 'swarm|t-[0-9]+' 800
small "memory, 500 processes a second" "$record" -e cpu_clock -o f.rtrace ./swarm forks 1000 2 2000
all_named "500 processes a second, none without its name" f.rtrace 'swarm|p-[0-9]+' 500
recorded "and their stacks" f.rtrace ';main;.*spin' 70
# 5,000 threads: the soft limit of open files is raised; what the hard one forbids is recorded by recording everything,
# or refused with the number that is needed.
attach=5000
ordinary="setpriv --reuid=65534 --regid=65534 --clear-groups"
[ "$(id -u)" -eq 0 ] || ordinary=
chmod 755 "$work" # the ordinary user runs it, too
start $ordinary ./many $attach 120000
many=$pid
if wait_for 20000 has_threads $many first $attach; then
	(ulimit -Sn 64; "$record" -F 10000 -e cpu_clock -p $many $enough -o a.rtrace 2>err) || fail "attaching to $attach threads" "$(tail -1 err)"
	all_named "attaching to $attach threads, none without its name ($(grep -q "everything is recorded" err && echo everything, filtered || echo each by its events))" \
		a.rtrace 'many|first|later' 1
	(ulimit -n 4096; $ordinary "$record" -p $many -o - >/dev/null 2>err; echo $? >status)
	need=$(sed -n 's/.*threads need \([0-9]*\) open files .* and 4096 are allowed: `ulimit -Hn \([0-9]*\)`.*/\1 \2/p' err)
	if grep -q "perf_event_paranoid is [3-9]" err; then
		skip "an ordinary user refused" "$(cat err)"
	else
		[ "$(cat status)" -eq 1 ] && [ "${need% *}" = "${need#* }" ] && [ "${need% *}" -ge $((attach * $(nproc) * 2)) ] &&
			ok "$attach threads, an ordinary user: refused, ${need% *} open files are needed" || fail "an ordinary user refused" "$(cat err)"
	fi
else
	skip "attaching to $attach threads" "they cannot be made"
fi
end $many

# ---- who is urgent ----
# The recorder's niceness and its command's: fields 19 (proc(5)); neither name has a space.
"$record" -q -o u.rtrace sh -c "cut -d' ' -f19 /proc/\$\$/stat /proc/\$PPID/stat" >nice
mine=$(cut -d' ' -f19 /proc/$$/stat)
if nice -n -20 true 2>&1 | grep -q .; then
	[ "$(tr '\n' ' ' <nice)" = "$mine $mine " ] && ok "without permission, the recorder is as urgent as all" || fail "urgency" "$(cat nice)"
	skip "the recorder is the most urgent" "a lower niceness is not permitted"
else
	[ "$(tr '\n' ' ' <nice)" = "$mine -20 " ] && ok "the recorder is the most urgent, its command is not" || fail "urgency" "$(cat nice)"
fi

# ---- another program in the old process ----
mkfifo gate
cp busy another
start bash -c 'read -r _ <gate; exec ./another 500'
start "$record" -q -p $pid -o x.rtrace
wait_for 20000 test -s x.rtrace
echo >gate
wait $pid && recorded "exec by a process that is attached to" x.rtrace '^another;_start;.*;main' 90 || fail "exec" "status $?"

# ---- files that are not there ----
# held NAME FILE BECOMES: `./FILE` runs while its name is taken away (BECOMES is moved there, if any)
held() {
	local name=$1 file=$2 becomes=$3
	cp busy "$file"
	start "./$file" 60000
	wait_for 20000 runs $pid "$file"
	rm "$file"
	[ -z "$becomes" ] || cp "$becomes" "$file"
	"$record" -q -p $pid $enough -o h.rtrace 2>err || fail "$name" "$(cat err)"
	"$analyze" h.rtrace -q --folded=folded >out 2>err
	grep -q "^$file;\[broken: module missing or refused\]" folded && grep -Eq "/$file: (not found here|build-id [0-9a-f]+, recorded was [0-9a-f]+)" err &&
		! grep -q '^[^ ]*;main' folded && ok "$name: named, and no other's names for it" || fail "$name" "$(tail -1 err) $(head -c 200 folded)"
	"$record" -q --bundle -p $pid $enough -o h.rtrace 2>err || fail "$name, --bundle" "$(cat err)"
	recorded "$name: --bundle brings it" h.rtrace "^$file;_start;.*;main" 90
	end $pid
}
held "a deleted binary" deleted ""
held "a replaced binary" replaced many

# ---- elsewhere ----
mkdir ns
if unshare -m true 2>err; then
	start unshare -m bash -c 'mount -t tmpfs none ns && cp busy ns/hidden && exec ./ns/hidden 60000'
	if wait_for 20000 runs $pid hidden; then
		"$record" -q --bundle -p $pid $enough -o n.rtrace 2>err || fail "another mount namespace" "$(cat err)"
		[ ! -e ns/hidden ] && recorded "another mount namespace: --bundle finds its files" n.rtrace '^hidden;_start;.*;main' 90
		"$record" -q -p $pid $enough -o n.rtrace
		"$analyze" n.rtrace -q --folded=folded >out 2>err
		grep -q "ns/hidden: not found here" err && ok "and without it the file is named" || fail "and without it the file is named" "$(cat err)"
	else
		skip "another mount namespace" "mount is not permitted"
	fi
	end $pid
else
	skip "another mount namespace" "$(cat err)"
fi

# ---- 32 bits ----
if $cc -m32 -O1 -static -nostdlib -fno-pie -no-pie -fno-stack-protector -o busy32 "$here/busy32.c" 2>err; then
	start ./busy32
	narrow=$pid
	start ./busy 60000
	if wait_for 2000 runs $narrow busy32; then
		"$record" -q -p $narrow,$pid --max-samples 400 --duration 60 -o w.rtrace 2>err || fail "32 bits beside 64" "$(cat err)"
		"$analyze" w.rtrace -q --folded=folded >out 2>err
		grep -q '^busy;_start;.*;main' folded && ! grep -q '^busy;\[broken' folded && grep -q '^busy32;\[broken: ' folded &&
			grep -q "busy32: not a 64-bit" err && ok "32 bits beside 64: counted and named" || fail "32 bits beside 64" "$(tail -1 err) $(cut -c1-80 folded | head -5)"
	else
		skip "32 bits beside 64" "this kernel runs no program of 32 bits"
	fi
	end $narrow $pid
else
	skip "32 bits beside 64" "no compiler for it: $(head -1 err)"
fi
exit $failed

#!/bin/bash
# SPDX-License-Identifier: MIT
# attach.sh BIN_DIR - ruchy-record on what runs already: processes, threads, everything.
# One line a case; SKIP says what this machine lacks. Exit status 1 when a case failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:?usage: attach.sh BIN_DIR}" && pwd)
record=$bin/ruchy-record
analyze=$bin/ruchy-analyze
work=$(mktemp -d)
started=
trap '{ for p in $started; do kill -9 "$p"; done; wait; } 2>/dev/null; rm -rf "$work"' EXIT
chmod 755 "$work" # the ordinary user below must get in
cd "$work" || exit 1
failed=0

ok() { echo "ok: $1"; }
fail() { echo "FAIL: $1: ${2-}"; failed=1; }
skip() { echo "SKIP: $1: $2"; }

# expect NAME STATUS STDERR_REGEX COMMAND... : the status, and a line of stderr that says why
expect() {
	local name=$1 status=$2 regex=$3 got
	shift 3
	timeout 60 "$@" >out 2>err
	got=$?
	if [ $got -ne "$status" ]; then
		fail "$name" "status $got, expected $status: $(head -c 300 err)"
	elif [ -n "$regex" ] && ! grep -Eq "$regex" err; then
		fail "$name" "no /$regex/ in: $(head -c 300 err)"
	else
		ok "$name"
	fi
}

# recorded NAME TRACE FUNCTION LEAST: the trace reads, has samples, and so much percent of them in FUNCTION
recorded() {
	local got
	"$analyze" "$2" --folded=folded -q >out 2>&1 || { fail "$1" "$(head -3 out)"; return; }
	got=$(awk -v f="$3" '{ n += $NF } $0 ~ f { m += $NF } END { printf "%d", n ? 100 * m / n : -1 }' folded)
	[ "$got" -ge "$4" ] && ok "$1 ($got %)" || fail "$1" "$got % of samples in $3: $(head -c 300 folded)"
}

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

enough="--max-samples 100 --duration 60" # whoever competes for the CPUs

cc=${CC:-cc}
$cc -O1 -o busy "$here/busy.c" && $cc -O1 -pthread -o many "$here/many.c" || { fail "helpers" "do not compile"; exit 1; }

# ---- usage ----
expect "no such process" 1 "process 4194304: there is none" "$record" -p 4194304
expect "no list" 2 "pid: '1x' is not a list" "$record" -p 1x
expect "a list that ends in a comma" 2 "is not a list" "$record" -p 1,
expect "two subjects" 2 "exclude each other" "$record" -p 1 -a
expect "a process that is waited for, and one that is named" 2 "exclude each other" "$record" -p 1 --wait-for x
expect "a command as well" 2 "not both" "$record" -p 1 true
expect "no list of CPUs" 2 "cpus: 'x' is not a list of CPUs" "$record" -C x
expect "off the CPU, of some CPUs" 2 "off-cpu and --cpus exclude each other" "$record" --off-cpu -C 0 -a
expect "no such cgroup" 1 "cgroup no/such: there is none" "$record" --cgroup no/such
[ -e ruchy.rtrace ] && fail "a refusal leaves no trace" || ok "a refusal leaves no trace"

# Everything below records.
if ! "$record" -q -o probe.rtrace true 2>err; then
	skip "all that records" "$(cat err)"
	exit $failed
fi

cp busy other

# ---- waits of what runs already ----
# A shell that waits for one short sleep after the other: off the CPU for most of the time.
start sh -c 'while :; do sleep 0.02; done'
waiter=$pid
wait_for 20000 runs $waiter sh
for how in "-p $waiter" "-t $waiter" -a; do
	# shellcheck disable=SC2086 # a flag and its value
	if ! "$record" -q -o waits.rtrace -e cpu_clock --off-cpu $how --duration 1 2>err; then
		if [ "$how" = -a ] && [ "$(id -u)" != 0 ]; then skip "waits with -a" "$(cat err)"; else fail "waits with $how" "$(cat err)"; fi
		continue
	fi
	ms=$("$analyze" -q --weight off_cpu --folded - waits.rtrace 2>err | awk '/^sh;|^sh / { n += $NF } END { printf "%d", n / 1000000 }')
	[ "${ms:-0}" -ge 100 ] && ok "waits with ${how%% *} ($ms ms of 1000)" || fail "waits with ${how%% *}" "$ms ms of 1000: $(cat err)"
done
{ kill -9 $waiter; wait $waiter; } 2>/dev/null

# ---- processes and threads ----
marker=marker$RANDOM$RANDOM$RANDOM
SECRET=$marker start ./busy 100000
busy=$pid
wait_for 20000 runs $busy busy
expect "-p for a time" 0 "duration ended the recording; what was recorded runs on" "$record" -p $busy --duration 0.7 --stack-size=32768 -o p.rtrace
recorded "-p finds the function" p.rtrace '^busy;.*;main' 90
"$analyze" info p.rtrace >out 2>&1
grep -q "^command .*/busy$" out && grep -q -- "--pid=$busy" out && ok "the trace names its program and what was asked" ||
	fail "the trace names its program" "$(grep -E '^(command|asked)' out)"
n=$(zstd -dcq p.rtrace | grep -ac "$marker")
[ "$n" -eq 0 ] && ok "the environment is not in the trace" || fail "the environment is not in the trace" "$n lines"
"$record" -v -q -p $busy $enough -o p.rtrace 2>err
"$analyze" info p.rtrace | grep -qE "withheld +[1-9]" && fail "no stack is withheld" "$(cat err)" || ok "no stack is withheld"
expect "a thread, which is no process" 0 "" "$record" -t $busy $enough -o t.rtrace
recorded "-t finds the function" t.rtrace '^busy;.*;main' 90
expect "a pid twice" 0 "" "$record" -p $busy,$busy -p $busy $enough -o t.rtrace
expect "--delay until after the end: no sample" 0 "^ruchy-record: 0 samples" "$record" -o delayed.rtrace --delay 60000 ./busy 100
expect "--delay until before it" 0 "^ruchy-record: [1-9][0-9]* samples" "$record" -o delayed.rtrace --delay 200 ./busy 500
recorded "--delay leaves no mapping out" delayed.rtrace '^busy;_start;.*;main' 90

# ---- the end ----
for signal in INT TERM HUP QUIT; do
	rm -f s.rtrace
	# The shell starts background jobs with INT and QUIT ignored, nohup with HUP, which we would respect.
	start env --default-signal=INT,QUIT,HUP "$record" -q -p $busy -o s.rtrace 2>err
	r=$pid
	wait_for 20000 test -s s.rtrace
	kill -$signal $r
	wait $r
	got=$?
	[ $got -eq 0 ] && kill -0 $busy && "$analyze" info s.rtrace 2>&1 | grep -q '^end  *when the recorder was stopped' &&
		ok "SIG$signal ends the recording and leaves the process alone" ||
		fail "SIG$signal" "status $got: $(head -1 err) $("$analyze" info s.rtrace 2>&1 | grep '^end')"
done
start ./busy 400
expect "a process that ends ends it" 0 "" "$record" -p $pid -o e.rtrace
"$analyze" info e.rtrace >out 2>&1 || fail "its trace reads" "$(tail -1 out)"

# ---- pause and resume ----
samples_of() { "$analyze" info "$1" 2>/dev/null | sed -n 's/^chunk [0-9]* samples .* records=\([0-9]*\) .*/\1/p' | awk '{ n += $1 } END { print n + 0 }'; }
more_than() { [ "$(samples_of "$1")" -gt "$2" ]; }
grows() { wait_for 20000 more_than "$1" "$(samples_of "$1")"; }
is_still() { local n; n=$(samples_of "$1"); sleep 0.9; [ "$(samples_of "$1")" -eq "$n" ]; }
# For longer than two rounds; what was taken before the pause may still be flushed.
stands() { wait_for 20000 is_still "$1"; }
mkfifo commands answers
exec 8<>answers
start "$record" -q -p $busy --control commands,answers -o k.rtrace
r=$pid
grows k.rtrace && echo pause >commands && read -r -t 10 answer <&8 && [ "$answer" = "ok pause" ] && stands k.rtrace &&
	echo nonsense >commands && read -r -t 10 answer <&8 && [[ $answer == error:* ]] &&
	echo resume >commands && read -r -t 10 answer <&8 && [ "$answer" = "ok resume" ] && grows k.rtrace &&
	echo stop >commands && read -r -t 10 answer <&8 && [ "$answer" = "ok stop" ] && wait $r &&
	"$analyze" info k.rtrace | grep -q "paused 1 times" && ok "--control pauses, resumes, stops, and answers" ||
	fail "--control" "answer '${answer-}' $("$analyze" info k.rtrace 2>&1 | tail -1)"
"$analyze" k.rtrace -q --output=k.json && grep -Eq '"coverage":[[:space:]]*(1|0\.9[0-9]*)' k.json && ok "coverage is of the time that was not paused" ||
	fail "coverage" "$(grep coverage k.json | head -2)"
exec 8<&-
kill $r 2>/dev/null
start "$record" -q -p $busy -o k.rtrace
r=$pid
grows k.rtrace && kill -USR1 $r && stands k.rtrace && kill -USR1 $r && grows k.rtrace && ok "SIGUSR1 pauses and resumes" ||
	fail "SIGUSR1" "$("$analyze" info k.rtrace 2>&1 | tail -1)"
kill -TERM $r
wait $r
expect "a control that is no FIFO" 1 "busy.c: is no FIFO" "$record" -p $busy --control "$here/busy.c"
expect "no control" 1 "none/such: cannot be opened" "$record" -p $busy --control none/such

# ---- processes that come later ----
start "$record" -q --wait-for a-program-of-more-than-fifteen -o w.rtrace
r=$pid
cp busy a-program-of-more-than-fifteen
listens() { find "/proc/$1/fd" -lname '*signalfd*' 2>/dev/null | grep -q .; } # from then on it looks for processes
wait_for 20000 listens $r
start ./a-program-of-more-than-fifteen 600
wait $r && recorded "--wait-for" w.rtrace '^a-program-of-mo;.*;main' 90 || fail "--wait-for" "status $?"
mkfifo gate
start bash -c 'read -r _ <gate; for i in 1 2 3 4 5 6; do ./busy 60; done; (exec -a other ./busy 300) & wait'
start "$record" -q -p $pid -o c.rtrace
wait_for 20000 test -s c.rtrace # it is there when all is open
echo >gate
wait $pid && recorded "children born later, by exec" c.rtrace '^busy;_start;.*;main' 70 || fail "children" "status $?"

# ---- threads ----
start ./many 40 60000
many=$pid
named() { cat /proc/"$1"/task/*/comm 2>/dev/null | grep -c "^$2$"; }
has_threads() { [ "$(named "$1" "$2")" -ge "$3" ]; }
wait_for 20000 has_threads $many first 40
start "$record" -q -p $many -o m.rtrace
r=$pid
wait_for 20000 has_threads $many later 40
wait_for 20000 more_than m.rtrace $((100 + $(samples_of m.rtrace)))
kill -TERM $r
wait $r && recorded "threads that are there, and some born later" m.rtrace ';spin' 50 || fail "threads" "status $?"
"$analyze" m.rtrace --folded=folded -q
names=$(cut -d';' -f1 folded | sort -u | tr '\n' ' ')
[[ $names =~ ^"first later "(many )?$ ]] && ok "all by name" || fail "all by name" "$names"
(ulimit -n 200; "$record" -p $many $enough -o f.rtrace 2>err; echo $? >status)
if [ "$(id -u)" -eq 0 ] && "$record" -q -a --duration 0.05 -o probe.rtrace 2>/dev/null; then
	[ "$(cat status)" -eq 0 ] && grep -q "everything is recorded, and the rest left out" err &&
		recorded "too few descriptors: everything, filtered" f.rtrace '^(first|later);' 100 ||
		fail "too few descriptors" "$(cat err)"
	! grep -q '^busy' folded && ok "nothing else is in it" || fail "nothing else is in it"
else
	[ "$(cat status)" -eq 1 ] && grep -Eq "threads need [0-9]+ open files" err && ok "too few descriptors: refused, with the number" ||
		fail "too few descriptors" "$(cat err)"
fi
if [ "$(id -u)" -eq 0 ]; then
	setpriv --reuid=65534 --regid=65534 --clear-groups ./many 40 30000 &
	many=$!
	started="$started $many"
	wait_for 10000 has_threads $many first 40
	(ulimit -n 100; setpriv --reuid=65534 --regid=65534 --clear-groups "$record" -p $many -o - >/dev/null 2>err; echo $? >status)
	if grep -q "perf_event_paranoid is [3-9]" err; then
		skip "an ordinary user with too few descriptors" "$(cat err)"
	else
		[ "$(cat status)" -eq 1 ] && grep -Eq "threads need [0-9]+ open files .*ulimit -Hn [0-9]+" err &&
			ok "an ordinary user with too few descriptors: refused, with the number" || fail "an ordinary user" "$(cat err)"
		need=$(sed -n 's/.*`ulimit -Hn \([0-9]*\)`.*/\1/p' err)
		# The later ones are there, or will be: twice as many.
		(ulimit -Hn $((need * 2)) && ulimit -Sn 100; setpriv --reuid=65534 --regid=65534 --clear-groups "$record" -p $many $enough -o - >e.rtrace 2>err; echo $? >status)
		[ "$(cat status)" -eq 0 ] && recorded "and with as many as it names: the soft limit is raised" e.rtrace ';spin' 50 ||
			fail "with as many as it names" "$(cat err)"
	fi
fi

# ---- both in one ----
"$bin/ruchy" profile -q -p $busy $enough --folded=folded 2>err && grep -q '^busy;.*;main' folded && ok "ruchy profile -p" ||
	fail "ruchy profile -p" "$(cat err)"

# ---- everything ----
if "$record" -q -a --duration 0.05 -o probe.rtrace 2>err; then
	expect "-a while a command runs" 7 "" "$record" -a -o a.rtrace sh -c './other 400; exit 7'
	"$analyze" a.rtrace --folded=folded -q
	grep -q '^busy;_start;.*;main ' folded && ok "-a sees who ran before, by name" || fail "-a" "$(cut -c1-80 folded | head -5)"
	pinned="taskset -c 0"
	$pinned true 2>/dev/null || pinned=
	expect "-C" 0 "" "$record" -a -C 0 -o cpu.rtrace $pinned ./other 100
	"$analyze" info cpu.rtrace | grep -q '^chunk .* samples .*ring=0 ' && ! "$analyze" info cpu.rtrace | grep -q '^chunk .* samples .*ring=[1-9]' &&
		ok "-C 0 samples CPU 0 only" || fail "-C 0" "$("$analyze" info cpu.rtrace | grep samples | head -3)"
	expect "no such CPU" 1 "CPU" "$record" -C 8191 --duration 0.1
	dir=
	for at in /sys/fs/cgroup/perf_event /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ -e $at/cgroup.procs ] && mkdir $at/ruchy-test-$$ 2>/dev/null && dir=$at/ruchy-test-$$ && break
	done
	if [ -n "$dir" ]; then
		start ./busy 3000
		echo $pid >"$dir/cgroup.procs"
		expect "--cgroup" 0 "" "$record" --cgroup "$dir" $enough -o g.rtrace
		recorded "--cgroup has its processes only" g.rtrace '^busy;' 100
		kill -9 $pid
		wait $pid 2>/dev/null
		started=${started% *}
		rmdir "$dir"
	else
		skip "--cgroup" "no cgroup can be made here"
	fi
else
	skip "everything that runs" "$(cat err)"
fi

# ---- who may ----
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	user="setpriv --reuid=65534 --regid=65534 --clear-groups"
	paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)
	if $user "$record" -q -o - true >/dev/null 2>err; then
		expect "another user's process" 1 "process $busy may not be observed.*CAP_PERFMON" $user "$record" -p $busy -o -
		if [ "$paranoid" -ge 1 ]; then
			expect "everything, as an ordinary user" 1 "perf_event_paranoid is $paranoid.*CAP_PERFMON" $user "$record" -a -o -
		else
			skip "everything, as an ordinary user" "kernel.perf_event_paranoid is $paranoid: it is allowed"
		fi
		$user ./busy 3000 &
		mine=$!
		started="$started $mine"
		wait_for 20000 runs $mine busy
		$user "$record" -q -p $mine $enough -o - >u.rtrace 2>err && recorded "one's own process" u.rtrace '^busy;_start;.*;main' 90 ||
			fail "one's own process" "$(cat err)"
	else
		skip "as an ordinary user" "$(cat err)"
	fi
	# CAP_PERFMON alone: samples, without what CAP_SYS_PTRACE would show: where the stack begins, and
	# before Linux 6.15 the mappings.
	least="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+perfmon --ambient-caps=-all,+perfmon"
	if $least true 2>/dev/null; then
		$least "$record" -p $busy $enough -o - >least.rtrace 2>err
		got=$?
		[ $got -eq 0 ] && grep -Eq "(mappings|where the stack begins in memory) of .*CAP_SYS_PTRACE" err && ok "CAP_PERFMON alone: says what it can't read" ||
			fail "CAP_PERFMON alone" "$got: $(cat err)"
		"$analyze" info least.rtrace 2>&1 | grep -qi "CAP_SYS_PTRACE" && ok "and the trace tells, too" || fail "and the trace tells, too"
		n=$(zstd -dcq least.rtrace | grep -ac "$marker")
		[ "$n" -eq 0 ] && ok "no environment then, either" || fail "no environment then, either" "$n"
	else
		skip "CAP_PERFMON alone" "setpriv can't give it"
	fi
else
	skip "who may" "not root, or no setpriv"
fi
exit $failed

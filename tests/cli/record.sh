#!/bin/bash
# SPDX-License-Identifier: MIT
# record.sh BIN_DIR - the command line of ruchy-record: statuses, messages, what it leaves behind.
# One line a case; SKIP says what this machine lacks. Exit status 1 when a case failed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:?usage: record.sh BIN_DIR}" && pwd)
record=$bin/ruchy-record
analyze=$bin/ruchy-analyze
work=$(mktemp -d)
mounted=
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$work"' EXIT
chmod 755 "$work" # the ordinary user below must get in
cd "$work" || exit 1
failed=0

ok() { echo "ok: $1"; }
fail() { echo "FAIL: $1: ${2-}"; failed=1; }
skip() { echo "SKIP: $1: $2"; }

# expect NAME STATUS STDERR_REGEX COMMAND... : the status, and that one line of stderr is the reason
expect() {
	local name=$1 status=$2 regex=$3 got
	shift 3
	"$@" >out 2>err
	got=$?
	if [ $got -ne "$status" ]; then
		fail "$name" "status $got, expected $status: $(head -c 300 err)"
	elif [ -n "$regex" ] && ! grep -Eq "$regex" err; then
		fail "$name" "no /$regex/ in: $(head -c 300 err)"
	elif [ -n "$regex" ] && [ "$(wc -l <err)" -ne 1 ]; then
		fail "$name" "not one line: $(head -c 300 err)"
	else
		ok "$name"
	fi
}

# check NAME COMMAND... : it succeeds
check() {
	local name=$1
	shift
	if "$@" >out 2>&1; then ok "$name"; else fail "$name" "$* said: $(tail -c 300 out)"; fi
}

marker_count() { zstd -dcq "$1" 2>/dev/null | grep -ac "$2"; }
sample_count() { sed -n 's/^ruchy-record: \([0-9]*\) samples.*/\1/p' "$1"; }
now_ms() { date +%s%3N; }

# wait_for MILLISECONDS CONDITION... : until it holds
wait_for() {
	local end=$(($(now_ms) + $1))
	shift
	until "$@"; do
		[ "$(now_ms)" -lt $end ] || return 1
		sleep 0.02
	done
}

cc=${CC:-cc}
for helper in deny_perf busy; do
	$cc -O1 -o $helper "$here/$helper.c" || { fail "$helper" "does not compile"; exit 1; }
done

# ---- usage ----
expect "help" 0 "" "$record" --help
grep -q "^Usage: ruchy-record" out && ok "help is on stdout" || fail "help is on stdout"
expect "version" 0 "" "$record" --version
expect "no command" 2 "no command" "$record"
expect "unknown option" 2 "unknown option '--bogus'" "$record" --bogus true
expect "unknown counter" 2 "unknown counter 'nonsense'.*page_faults" "$record" -e nonsense true
expect "a misspelled counter" 2 "unknown counter 'cach-misses': did you mean cache_misses" "$record" -e cach-misses true
expect "a tracepoint" 2 "tracepoints are not supported" "$record" -e sched:sched_switch true
expect "no such PMU" 2 "no PMU 'none'" "$record" -e none/event=1/ true
expect "an unknown modifier" 2 "only u, k, h and p" "$record" -e cycles:x true
expect "too many counters" 2 "more than 64 counters" "$record" -e "$(seq -s, -f r%.0f 1 65)" true
expect "rate out of range" 2 "sampling-rate.*1 to 1000000" "$record" -F 0 true
expect "rate and period" 2 "exclude each other" "$record" -F 9 -c 9 true
expect "stack size unaligned" 2 "multiple of 8" "$record" --stack-size=1001 true
expect "stack privacy" 2 "stack-privacy: 'some' is not full or redact" "$record" --stack-privacy=some true
expect "unwind method" 2 "not dwarf, fp or none" "$record" --unwind=magic true
expect "a rotated stream" 2 "rotate: standard output is one trace" "$record" --rotate=1 -o - true
expect "a rotation that is neither" 2 "rotate: '1x' is not a number of seconds" "$record" --rotate=1x true
expect "rotated, with files" 2 "rotate and --bundle exclude" "$record" --rotate=1M --bundle true
[ -e ruchy.rtrace ] && fail "bad usage leaves no trace" || ok "bad usage leaves no trace"

# Everything below records.
if ! "$record" -q -o probe.rtrace true 2>err; then
	skip "all that records" "$(cat err)"
	exit $failed
fi

# ---- counters ----
expect "--list" 0 "" "$record" --list
[ "$(grep -c '^  page_faults' out)" -eq 1 ] && ok "--list has what every machine has" || fail "--list" "$(head -5 out)"
# Every name of the table stands somewhere: there, or with a reason.
for name in cpu_cycles cache_misses branch_misses L1-dcache-load-misses node-prefetch-misses cpu_migrations; do
	grep -q "$name" out || fail "--list names $name" "$(cat out)"
done
"$record" -q -o many.rtrace -e "$(seq -s, -f r%.0f 1 40),page_faults" true 2>err
[ $? -eq 0 ] && "$analyze" info many.rtrace >out 2>&1 && [ "$(grep -c '^counter  *r[0-9]*:' out)" -eq 40 ] &&
	ok "40 counters, each there or with its reason" || fail "40 counters" "$(head -3 err out)"
"$record" -o period.rtrace -c 1 ./busy 20 2>err
grep -q "a period of 1 asks for more samples than kernel.perf_event_max_sample_rate" err &&
	"$analyze" info period.rtrace | grep -q "^event 0 .* every [1-9][0-9]* counts" &&
	ok "--period 1 is raised, and that is said" || fail "--period 1" "$(cat err)"
"$record" -v -e cpu_clock,page_faults -o mode.rtrace true 2>err
grep -q "mode: the time base alone; 1 counter alone" err && "$analyze" info mode.rtrace | grep -q "^mode  *the time base alone; 1" &&
	ok "the mode is printed, and in the trace" || fail "the mode" "$(cat err)"

# ---- statuses ----
expect "status of the command" 7 "" "$record" -q sh -c 'exit 7'
expect "status of a killed command" 137 "" "$record" -q sh -c 'kill -9 $$'
echo precious >kept.rtrace
expect "missing command" 127 "no_such_command_here: .*not found" "$record" -q -o kept.rtrace no_such_command_here
expect "missing path" 127 "no such file" "$record" -q -o kept.rtrace ./none/such
touch not_executable
expect "not executable" 126 "not_executable: .*[Pp]ermission" "$record" -q -o kept.rtrace ./not_executable
expect "a directory as the command" 126 "[Pp]ermission" "$record" -q -o kept.rtrace ./
[ "$(cat kept.rtrace)" = precious ] && ok "a command that can't run costs no earlier trace" ||
	fail "a command that can't run costs no earlier trace"
ls | grep -q 'kept.rtrace\.' && fail "no temporary file is left" "$(ls)" || ok "no temporary file is left"

# ---- the command's world ----
echo input | "$record" -q cat >out 2>err
[ "$(cat out)" = input ] && [ ! -s err ] && ok "stdin, stdout and stderr are the command's" ||
	fail "stdin, stdout and stderr are the command's" "$(cat out err)"
plain=$(grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status)
[ "$("$record" -q grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status)" = "$plain" ] &&
	ok "signal mask and dispositions are the command's" || fail "signal mask and dispositions are the command's"
plain=$(ulimit -n; ls /proc/self/fd | wc -l)
[ "$("$record" -q sh -c 'ulimit -n; ls /proc/self/fd | wc -l')" = "$plain" ] &&
	ok "the command inherits no descriptor and its own limits" ||
	fail "the command inherits no descriptor and its own limits"

# ---- the trace ----
"$record" -o t.rtrace ./busy 600 2>err
grep -Eq '^ruchy-record: [0-9]+ samples \([0-9]+ lost\), [0-9]+ KiB in t.rtrace, [0-9.]+ s, recorder CPU [0-9.]+ %$' err &&
	ok "closing line" || fail "closing line" "$(cat err)"
n=$(sample_count err)
[ "${n:-0}" -ge 300 ] && [ "$n" -le 900 ] && ok "about 600 samples ($n)" || fail "about 600 samples" "$n"
check "zstd -t" zstd -tq t.rtrace
file t.rtrace | grep -q Zstandard && ok "file knows it" || fail "file knows it" "$(file t.rtrace)"
[ "$(stat -c %a t.rtrace)" = 600 ] && ok "mode 0600" || fail "mode 0600"
chmod 644 t.rtrace && ln t.rtrace other_name && before=$(cksum <other_name)
"$record" -q -o t.rtrace true
[ "$(stat -c %a t.rtrace)" = 600 ] && [ "$(cksum <other_name)" = "$before" ] &&
	ok "an existing file is replaced, not written through" || fail "an existing file is replaced, not written through"
"$record" -o - sh -c './busy 200; echo from the command' >stream.rtrace 2>err
zstd -tq stream.rtrace 2>/dev/null && ! grep -aq "from the command" stream.rtrace && grep -q "from the command" err &&
	ok "a stream on stdout, the command's output on stderr" || fail "a stream on stdout" "$(cat err)"
expect "quiet" 0 "" "$record" -q true
[ -s err ] && fail "quiet is silent" "$(cat err)" || ok "quiet is silent"
"$record" -v -e cache_misses,page_faults ./busy 50 2>err
grep -q "asked: --counters=cache_misses,page_faults" err && grep -q "page_faults is recorded" err &&
	ok "verbose" || fail "verbose" "$(cat err)"
for method in fp none; do
	"$record" --unwind=$method -o u.rtrace ./busy 200 2>err
	[ "$(sample_count err)" -ge 50 ] && zstd -tq u.rtrace && ok "--unwind $method" || fail "--unwind $method" "$(cat err)"
done
"$record" -c 2000000 -o u.rtrace ./busy 400 2>err
n=$(sample_count err)
if grep -q "nanoseconds" err; then
	[ "$n" -ge 100 ] && [ "$n" -le 300 ] && ok "--period ($n)" || fail "--period" "$n"
fi
if [ -x "$analyze" ]; then
	check "info of a whole trace" "$analyze" info t.rtrace
else
	skip "info of a whole trace" "no ruchy-analyze"
fi

# ---- outputs that can't be ----
mkdir directory && ln -s nowhere link
expect "a directory as output" 2 "directory: .*a directory" "$record" -q -o directory true
expect "a link as output" 2 "link: .*a symbolic link" "$record" -q -o link true
expect "a missing directory" 1 "none/t: cannot be created" "$record" -q -o none/t touch ran
[ -e ran ] && fail "no output, no command" || ok "no output, no command"
check "a device as output" "$record" -q -o /dev/null true
expect "a full device" 1 "/dev/full: writing.*No space" "$record" -q -o /dev/full true
if mkdir full && mount -t tmpfs -o size=16k none full 2>/dev/null; then
	mounted=$work/full
	"$record" -q -o full/t.rtrace sh -c './busy 1500; touch ran_to_its_end' 2>err
	[ $? -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "full/t.rtrace: writing.*No space" err &&
		ok "a full disk: one line, status 1" || fail "a full disk: one line, status 1" "$(cat err)"
	[ -e ran_to_its_end ] && ok "a full disk: the command runs on" || fail "a full disk: the command runs on"
	if [ -x "$analyze" ]; then
		check "a full disk: what was written reads" "$analyze" info full/t.rtrace
	else
		skip "a full disk: what was written reads" "no ruchy-analyze"
	fi
else
	skip "a full disk" "mount is not permitted"
fi
"$record" -q -o - ./busy 1500 2>err | head -c 1000 >/dev/null
[ "${PIPESTATUS[0]}" -eq 1 ] && grep -q "Broken pipe" err && ok "a reader that goes away" ||
	fail "a reader that goes away" "$(cat err)"

# ---- refused events ----
./deny_perf 1 true
if [ $? -eq 77 ]; then
	skip "refused perf_event_open" "seccomp filters are not permitted"
else
	for errno in 1 13 38; do # EPERM, EACCES, ENOSYS
		expect "perf_event_open fails with errno $errno" 1 "perf_event_open: refused.*perf_event_paranoid" \
			./deny_perf $errno "$record" -q -o refused.rtrace touch ran
	done
	[ -e ran ] && fail "refused: the command is not run" || ok "refused: the command is not run"
	[ -e refused.rtrace ] && fail "refused: no trace" || ok "refused: no trace"
fi
paranoid=$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo unknown)
if [ "$(id -u)" -ne 0 ] || ! setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	skip "an ordinary user" "needs root and setpriv"
elif [ "$paranoid" != 2 ]; then
	skip "an ordinary user" "kernel.perf_event_paranoid is $paranoid, not 2"
else
	mkdir user && chown 65534:65534 user && chmod 755 busy
	cp "$record" user/ruchy-record && chmod 755 user/ruchy-record
	setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
		user/ruchy-record -v -o user/t.rtrace -e cs ./busy 400 2>err
	status=$?
	n=$(sample_count err)
	[ $status -eq 0 ] && [ "${n:-0}" -ge 100 ] && grep -q "user space only" err &&
		ok "an ordinary user at paranoid 2 records user space ($n samples)" ||
		fail "an ordinary user at paranoid 2 records user space" "status $status: $(cat err)"
	grep -q "context_switches is unavailable: it happens in the kernel" err &&
		ok "context switches are not zero, but unavailable" || fail "context switches are unavailable" "$(cat err)"
	setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
		bash -c 'ulimit -l 0; user/ruchy-record -v -o user/t.rtrace ./busy 200' 2>err
	status=$?
	n=$(sample_count err)
	[ $status -eq 0 ] && [ "${n:-0}" -ge 50 ] && grep -q "rings of .* instead of" err &&
		ok "smaller rings where memory may not be locked" || fail "smaller rings" "status $status: $(cat err)"
fi

# ---- another user ----
if [ "$(id -u)" -ne 0 ]; then
	expect "--user asked for by an ordinary user" 2 "--user: only root can run a command as another user" "$record" --user nobody true
elif ! setpriv --reuid=65534 --regid=65534 --groups 5,6 true 2>/dev/null || ! grep -q '^nobody:[^:]*:65534:65534:' /etc/passwd; then
	skip "--user" "no user nobody, or its ids cannot be taken"
else
	expect "--user without a command" 2 "ruchy-record: --user: there is no command" "$record" --user nobody -a
	expect "--user of nobody's name" 2 "ruchy-record: --user: there is no user 'no_such_user' in /etc/passwd" "$record" --user no_such_user touch ran_as
	setpriv --reuid=65534 --regid=65534 --clear-groups user/ruchy-record --user nobody touch ran_as 2>err
	status=$?
	[ $status -eq 2 ] && [ "$(wc -l <err)" = 1 ] && grep -q "only root" err && [ ! -e ran_as ] &&
		ok "--user asked for by an ordinary user" || fail "--user asked for by an ordinary user" "status $status: $(cat err)"
	# Real, effective, saved and file system ids, groups (root has others), no capability in any set but the bounding one; no way back.
	cat >who.sh <<'S'
sed -n 's/^\([UG]id\|Groups\|Cap[A-Z][a-z]*\):[ 	]*/\1 /p' /proc/self/status | grep -v CapBnd | tr '\t' ' ' | sed 's/ *$//'
echo "$HOME $SHELL $USER $LOGNAME $KEPT"
setpriv --reuid=0 true 2>/dev/null && echo back
kill -0 $PPID 2>/dev/null && echo may signal the recorder
exit 0
S
	IFS=: read -r _ _ _ _ _ home shell <<<"$(grep '^nobody:' /etc/passwd)"
	printf '%s\n' "Uid 65534 65534 65534 65534" "Gid 65534 65534 65534 65534" "Groups 65534" CapInh\ 0000000000000000 CapPrm\ 0000000000000000 \
		CapEff\ 0000000000000000 CapAmb\ 0000000000000000 "$home $shell nobody nobody kept" >wanted
	# The secure bits would keep capabilities through setresuid(2).
	for bits in "" --securebits=+no_setuid_fixup; do
		# shellcheck disable=SC2086
		if ! setpriv --groups 5,6 --inh-caps +sys_admin $bits true 2>/dev/null; then
			skip "--user with secure bits" "they cannot be set"
			continue
		fi
		# shellcheck disable=SC2086
		KEPT=kept setpriv --groups 5,6 --inh-caps +sys_admin $bits "$record" -q -o as.rtrace --user nobody sh -s <who.sh >who 2>err
		status=$?
		[ $status -eq 0 ] && cmp -s who wanted && [ "$(stat -c '%u %a' as.rtrace)" = "0 600" ] &&
			ok "--user: ids, groups, capabilities and environment are the user's, the trace is root's${bits:+ ($bits)}" ||
			fail "--user ${bits}" "status $status: $(cat err; diff wanted who)"
	done
	cp busy roots_only && chmod 700 roots_only
	expect "--user: what only root may run" 126 "roots_only: cannot be run: Permission denied" "$record" -q -o as.rtrace --user nobody ./roots_only 1
	# The right to record everybody stays the recorder's: that user may not.
	if setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all user/ruchy-record -q -a -o user/all.rtrace true 2>/dev/null; then
		skip "--user: recording keeps its rights" "any user may record everything here"
	else
		chmod 755 busy
		"$record" -q -o as.rtrace -a --user nobody ./busy 200 2>err && "$analyze" info as.rtrace >info 2>&1
		status=$?
		[ $status -eq 0 ] && grep -q "samples" info && "$analyze" --folded - as.rtrace 2>/dev/null | grep -q '^busy;' &&
			ok "--user: recording keeps its rights" || fail "--user: recording keeps its rights" "status $status: $(cat err)"
	fi
fi

# ---- ends ----
has_file() { [ -e "$1" ]; }
# As a terminal does for Ctrl-C: the signal goes to the process group of recorder and command. Job
# control gives them one, and lets them have the signal at all.
set -m
"$record" -o int.rtrace sh -c 'trap "exit 9" INT; touch int_ready; while :; do ./busy 20; done' 2>err &
pid=$!
wait_for 20000 has_file int_ready && kill -INT -- -$pid
wait $pid
status=$?
set +m
[ $status -eq 9 ] && zstd -tq int.rtrace && grep -q " samples " err && ok "Ctrl-C: the command's status, a whole trace" ||
	fail "Ctrl-C" "status $status: $(cat err)"
"$record" -o term.rtrace sh -c 'trap "exit 5" TERM; touch term_ready; while :; do ./busy 20; done' 2>err &
pid=$!
wait_for 20000 has_file term_ready && kill -TERM $pid
wait $pid
status=$?
[ $status -eq 5 ] && zstd -tq term.rtrace && ok "SIGTERM is passed on" || fail "SIGTERM is passed on" "status $status: $(cat err)"
"$record" -o twice.rtrace sh -c 'trap "" TERM; echo $$ >command_pid; touch twice_ready; ./busy 4000' 2>err &
pid=$!
wait_for 20000 has_file twice_ready && kill -TERM $pid && sleep 1 && kill -TERM $pid
wait $pid
status=$?
[ $status -eq 143 ] && zstd -tq twice.rtrace && grep -q " samples " err && ok "a second SIGTERM ends the recording" ||
	fail "a second SIGTERM ends the recording" "status $status: $(cat err)"
kill -9 "$(cat command_pid)" 2>/dev/null
"$record" -q -o bg.rtrace sh -c './busy 3000 & echo $! >grandchild' 2>err
[ $? -eq 0 ] && zstd -tq bg.rtrace && kill -0 "$(cat grandchild)" 2>/dev/null &&
	ok "recording ends with the command, grandchildren go on" || fail "recording ends with the command" "$(cat err)"
kill "$(cat grandchild)" 2>/dev/null
if "$record" -q -o held.rtrace -- sleep 0.1; then ok "an idle command"; else fail "an idle command"; fi

# ---- limits: the recording ends, whole, and the command runs on ----
# limit FLAG: record with it; sets spent_ms
limit() {
	local flag=$1 status start
	start=$(now_ms)
	"$record" -o limit.rtrace "$flag" -F 1000 sh -c 'echo $$ >limited; exec ./busy 20000' 2>err
	status=$?
	spent_ms=$(($(now_ms) - start))
	kill -0 "$(cat limited)" 2>/dev/null && alive=yes || alive=no
	kill "$(cat limited)" 2>/dev/null
	[ $status -eq 0 ] && [ $alive = yes ] && [ $spent_ms -lt 15000 ] && zstd -tq limit.rtrace &&
		grep -q "^ruchy-record: ${flag%%=*} ended the recording" err
}
if limit --duration=0.5 && [ $spent_ms -ge 500 ]; then ok "--duration"; else fail "--duration" "$(cat err)"; fi
if limit --max-samples=100 && [ "$(sample_count err)" -ge 100 ] && [ "$(sample_count err)" -le 5000 ]; then
	ok "--max-samples"
else
	fail "--max-samples" "$(cat err)"
fi
if limit --max-size=16K && [ "$(stat -c %s limit.rtrace)" -ge 16384 ] && [ "$(stat -c %s limit.rtrace)" -le 1048576 ]; then
	ok "--max-size"
else
	fail "--max-size" "$(cat err)"
fi
"$record" -o limit.rtrace --duration=60 sh -c 'exit 7' 2>err
[ $? -eq 7 ] && ! grep -q 'ended the recording' err && ok "a command that ends before its limit" ||
	fail "a command that ends before its limit" "$(cat err)"

# ---- one trace after another ----
"$record" -o part.rtrace --rotate=8K -F 5000 ./busy 800 2>err
[ $? -eq 0 ] && grep -Eq "in part.0001.rtrace to part.0*([2-9]|[1-9][0-9]+).rtrace" err && [ ! -e part.rtrace ] &&
	"$analyze" info --verify part.0*.rtrace >out &&
	[ "$(sed -n 's/.*of them \([0-9]*\) samples.*/\1/p' out | awk '{ n += $1 } END { print n }')" -eq "$(sample_count err)" ] &&
	ok "--rotate by size: all whole, no sample twice or missing" || fail "--rotate by size" "$(cat err)"
ls part.0*.rtrace >before
cksum part.0*.rtrace >sums
"$record" -q -o part.rtrace --rotate=60 true && cksum part.0*.rtrace | cmp -s -n "$(stat -c %s sums)" sums - &&
	[ "$(ls part.0*.rtrace | wc -l)" -eq $(($(wc -l <before) + 1)) ] &&
	ok "--rotate takes numbers that are free" || fail "--rotate takes numbers that are free" "$(ls part.0*)"

# ---- the flight recorder: nothing is written until it is asked for ----
flown() { "$analyze" info --verify "$1" >out 2>&1 && [ "$(sed -n 's/.*of them \([0-9]*\) samples.*/\1/p' out)" -ge 5 ]; }
"$record" -q -o crash.rtrace --snapshot=0.5 -F 2000 bash -c './busy 1200; kill -SEGV $$' 2>err
[ $? -eq 139 ] && flown crash.0001.rtrace && grep -q "killed by signal 11" out &&
	"$analyze" crash.0001.rtrace -q --folded=folded 2>err && grep -q "^busy;.*main" folded &&
	[ "$("$analyze" info crash.0001.rtrace | sed -n 's/^end.*after \([0-9]*\)\..*/\1/p')" -lt 5 ] &&
	ok "a crash: the last seconds are written, and names of before" || fail "a crash" "$(cat err; tail -3 out)"
"$record" -o quiet.rtrace --snapshot=5 ./busy 100 2>err
[ $? -eq 0 ] && [ -z "$(ls quiet.* 2>/dev/null)" ] && grep -q "in no trace" err &&
	ok "no crash: nothing is written" || fail "no crash: nothing is written" "$(ls quiet.*; cat err)"
mkfifo snap_fifo
"$record" -q -o asked.rtrace --snapshot=5 --control=snap_fifo ./busy 60000 2>err &
pid=$!
# The command runs: it was released, which comes after everything is ready.
has_command() {
	child=$(cat /proc/$pid/task/$pid/children 2>/dev/null)
	[ "$child" ] && [ "$(cat /proc/${child%% *}/comm 2>/dev/null)" = busy ]
}
wait_for 5000 has_command
sleep 0.5
kill -USR2 $pid
wait_for 10000 has_file asked.0001.rtrace
echo snapshot >snap_fifo
wait_for 10000 has_file asked.0002.rtrace
kill -TERM $pid
wait $pid
flown asked.0001.rtrace && flown asked.0002.rtrace && [ "$(ls asked.* | wc -l)" -eq 2 ] &&
	ok "SIGUSR2 and the control FIFO each write a trace" || fail "SIGUSR2 and the control FIFO" "$(ls asked.*; cat err)"
# Less room than a round of samples takes: what was left out is said, and stands in the trace.
"$record" -o small.rtrace --snapshot=5 --snapshot-size=4K -F 10000 --stack-size=32768 bash -c './busy 600; kill -SEGV $$' 2>err
[ $? -eq 139 ] && grep -Eq '[0-9]+ chunks of records did not fit into --snapshot-size' err && "$analyze" info small.0001.rtrace >out 2>&1 &&
	grep -Eq '^fallback +[0-9]+ chunks of records did not fit' out && ok "what has no room in memory is counted" || fail "what has no room" "$(cat err; tail -3 out)"
# Where a snapshot can be written no more: said even with -q, and the recording goes on.
mkdir gone
"$record" -q -o gone/t.rtrace --snapshot=5 ./busy 60000 2>err &
pid=$!
wait_for 5000 has_command
rmdir gone
kill -USR2 $pid
wait_for 10000 test -s err
kill -TERM $pid
wait $pid
[ $? -eq 143 ] && [ "$(cat err)" = "ruchy-record: gone/t.0001.rtrace: cannot be created: No such file or directory" ] &&
	ok "a snapshot that cannot be written is said with -q, too" || fail "a snapshot that cannot be written" "$(cat err)"
expect "snapshots to a stream" 2 "snapshot: standard output is one trace" "$record" --snapshot=1 -o - true
expect "snapshots and rotation" 2 "rotate and --snapshot exclude" "$record" --snapshot=1 --rotate=1 true
expect "snapshots where nothing can be written" 1 "none/t.rtrace: cannot be created" "$record" -q --snapshot=1 -o none/t.rtrace true

# ---- no environment in the trace ----
marker=marker$RANDOM$RANDOM$RANDOM
SECRET=$marker "$record" -q -o secret.rtrace --stack-size=32768 ./busy 300
SECRET=$marker "$record" -q -o secrets.rtrace --stack-size=32768 sh -c 'for i in 1 2 3 4 5; do ./busy 30; done'
n=$(($(marker_count secret.rtrace "$marker") + $(marker_count secrets.rtrace "$marker")))
[ "$n" -eq 0 ] && ok "the environment is not in the trace" || fail "the environment is not in the trace" "$n lines"
objects=$(ls "$bin"/record/*.o "$bin"/format/*.o 2>/dev/null)
sanitize=
nm "$record" 2>/dev/null | grep -q __asan_init && sanitize=-fsanitize=address,undefined
# shellcheck disable=SC2086
if [ -n "$objects" ] && $cc $sanitize -Wl,--wrap=stack_base_limit -o record_all $objects "$here/no_limit.c" \
	$(pkg-config --libs libzstd 2>/dev/null || echo -lzstd) 2>err; then
	# Unrandomized: else the kernel may leave an untouched page below the strings, and a dump ends there.
	SECRET=$marker ./record_all -q -o secret.rtrace --stack-size=32768 setarch -R ./busy 300
	n=$(marker_count secret.rtrace "$marker")
	[ "$n" -gt 0 ] && ok "without the rule it is ($n lines)" || fail "without the rule it is" "the marker is not there"
else
	skip "without the rule it is" "the objects in BIN_DIR do not link here: $(head -1 err)"
fi

# ---- what it links ----
if ldd "$record" >out 2>&1 && [ -z "$sanitize" ]; then
	grep -Ev 'linux-vdso|ld-linux|libc\.so|libzstd|libpthread' out | grep -q . &&
		fail "links libc and zstd only" "$(cat out)" || ok "links libc and zstd only"
fi
exit $failed

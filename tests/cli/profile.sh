#!/bin/bash
# SPDX-License-Identifier: MIT
#
# profile.sh BIN_DIR PROGRAMS_DIR - `ruchy profile`: the six flows of its contract, what it hands
# to the next `ruchy` on PATH, whose arguments and exit status are whose, and what it leaves behind.
#
# One `ok`/`FAIL`/`SKIP` line a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 2 ]; then
	echo "usage: profile.sh BIN_DIR PROGRAMS_DIR" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(cd "$1" && pwd) || exit 2
programs=$(cd "$2" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
PATH=$bin:$PATH
export TMPDIR=$work/tmp
mkdir "$TMPDIR"
failed=0 passed=0 skipped=0 schema_skipped=

pass() { passed=$((passed + 1)); echo "ok - $1"; }
fail() { failed=$((failed + 1)); echo "FAIL - $1: $2"; }
skip() { skipped=$((skipped + 1)); echo "SKIP - $1: $2"; }

# run WANTED_STATUS NAME COMMAND…: output to out, err; the case goes on only with that status
run() {
	local wanted=$1 name=$2 got
	shift 2
	timeout 120 "$@" >out 2>err </dev/null
	got=$?
	[ "$got" -eq "$wanted" ] && return 0
	fail "$name" "exit status $got, expected $wanted: $(tail -n 1 err)"
	return 1
}

# holds NAME FILE EXPRESSION: a Python expression over the JSON `r`
holds() {
	local message
	if message=$(python3 - "$2" "$3" 2>&1 <<-'PYTHON'
		import json, sys
		r = json.load(open(sys.argv[1]))
		if not eval(sys.argv[2]):
		    sys.exit("does not hold: " + sys.argv[2])
	PYTHON
	); then
		return 0
	fi
	fail "$1" "$(tail -n 1 <<<"$message")"
	return 1
}

valid_json() {
	local validator=$here/tests/format/validate_json.py status
	if ! python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$2" 2>err; then
		fail "$1" "$2 is no JSON: $(tail -n 1 err)"
		return 1
	fi
	[ -r "$validator" ] || return 0
	python3 "$validator" "$2" >err 2>&1
	status=$?
	[ $status -eq 0 ] && return 0
	if [ $status -eq 77 ]; then
		schema_skipped=$(tail -n 1 err)
		return 0
	fi
	fail "$1" "$2 against the schema: $(tail -n 1 err)"
	return 1
}

one_line() {
	[ "$(wc -l <err)" -eq 1 ] && return 0
	fail "$1" "stderr has $(wc -l <err) lines, expected 1: $(head -n 2 err | tr '\n' '|')"
	return 1
}

# ---- the six flows ----
# Each counter is measured, or unavailable with its reason; derived metrics are numbers, or null with one.
measured_or_told='all((c["available"] and c["total_samples"] >= 0) or (c["available"] is False and c["reason"]) for c in r["counters"])'
derived='all(k in r["derived_metrics"] and (isinstance(r["derived_metrics"][k], (int, float)) or (r["derived_metrics"][k] is None and r["derived_metrics"]["reasons"][k])) for k in ("ipc", "cache_miss_rate", "branch_miss_rate"))'

six_flows() {
	local BIN=$1 name

	name="flow 1: --counters=cpu_cycles --output=profile.json"
	run 0 "$name" ruchy profile --counters=cpu_cycles --output=profile.json "$BIN" &&
		valid_json "$name" profile.json &&
		holds "$name" profile.json '[c["name"] for c in r["counters"]] == ["cpu_cycles"] and r["version"] == "1.0"' &&
		holds "$name" profile.json "$measured_or_told" &&
		holds "$name" profile.json 'any("hot_function" in f["function"] for f in r["counters"][0]["functions"])' &&
		pass "$name"

	for counter in cache_misses branch_misses; do
		name="flow: --counters=$counter"
		run 0 "$name" ruchy profile --counters=$counter "$BIN" || continue
		grep -q hot_function out || { fail "$name" "the report names no hot_function"; continue; }
		run 0 "$name" ruchy profile --counters=$counter --output=one.json "$BIN" &&
			valid_json "$name" one.json &&
			holds "$name" one.json "[c['name'] for c in r['counters']] == ['$counter'] and $measured_or_told" &&
			holds "$name" one.json 'r["counters"][0]["available"] or (r["counters"][0]["total_samples"] is None and r["counters"][0]["functions"] == [])' &&
			pass "$name"
	done

	name="flow 4: --flame-graph=graph.svg --sampling-rate=1000"
	if run 0 "$name" ruchy profile --flame-graph=graph.svg --sampling-rate=1000 "$BIN"; then
		if ! grep -q '<svg' graph.svg || ! grep -qE 'compute_a|compute_b' graph.svg; then
			fail "$name" "graph.svg lacks <svg or compute_a/compute_b"
		elif ! python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' graph.svg 2>err; then
			fail "$name" "graph.svg is not well-formed: $(tail -n 1 err)"
		else
			pass "$name"
		fi
	fi

	name="flow 5: --hotspots=10 --output=hotspots.json"
	run 0 "$name" ruchy profile --hotspots=10 --output=hotspots.json "$BIN" &&
		valid_json "$name" hotspots.json &&
		holds "$name" hotspots.json '"hot_function" in r["hotspots"][0]["function"] and 1 <= len(r["hotspots"]) <= 10' &&
		holds "$name" hotspots.json 'abs(r["hotspots"][0]["percentage"] - 70) <= 15' &&
		pass "$name"

	name="flow 6: three counters"
	run 0 "$name" ruchy profile --counters=cpu_cycles,cache_misses,branch_misses --output=multi.json "$BIN" &&
		valid_json "$name" multi.json &&
		holds "$name" multi.json '[c["name"] for c in r["counters"]] == ["cpu_cycles", "cache_misses", "branch_misses"]' &&
		holds "$name" multi.json "$measured_or_told" &&
		holds "$name" multi.json "$derived" &&
		holds "$name" multi.json 'not {c["name"] for c in r["supporting_counters"]} & {c["name"] for c in r["counters"]}' &&
		pass "$name"
}

if [ -x "$programs/rust_contract" ]; then
	six_flows "$programs/rust_contract"
else
	skip "the six flows" "rust_contract was not built (no rustc)"
fi
# ---- flags, arguments, status ----
cat >arguments.sh <<'SCRIPT'
#!/bin/sh
printf 'argument [%s]\n' "$@"
SCRIPT
chmod +x arguments.sh

name="arguments after the binary are its own"
if run 0 "$name" ruchy profile --hotspots=3 --output=a.json ./arguments.sh --output=other.json -o x --hotspots=1 -- '' 'two words' --help; then
	printf 'argument [%s]\n' --output=other.json -o x --hotspots=1 -- '' 'two words' --help >expected
	grep '^argument' out | cmp -s - expected && [ ! -e other.json ] && [ ! -e x ] && pass "$name" ||
		fail "$name" "it got: $(grep '^argument' out | tr '\n' ' ')"
fi

name="-- ends the flags"
run 0 "$name" ruchy profile --output=a.json -- ./arguments.sh -x &&
	{ grep -qF 'argument [-x]' out && pass "$name" || fail "$name" "the argument did not arrive"; }

name="recorder's and analyzer's flags in any order, both spellings"
run 0 "$name" ruchy profile --hotspots 4 --sampling-rate 500 --output any.json --stack-size=4096 --counters cpu_clock --flame-graph any.svg "$programs/shares" 500 &&
	valid_json "$name" any.json &&
	holds "$name" any.json '[c["name"] for c in r["counters"]] == ["cpu_clock"] and len(r["hotspots"]) <= 4' &&
	{ grep -q '<svg' any.svg && pass "$name" || fail "$name" "no flame graph"; }

name="stdin is the program's"
echo "through the profiler" | timeout 60 ruchy profile --output=a.json cat >out 2>err
[ $? -eq 0 ] && grep -qx 'through the profiler' out && pass "$name" || fail "$name" "$(tail -n 1 err)"

name="the program's exit status is kept"
run 7 "$name" ruchy profile --output=a.json sh -c 'exit 7' && valid_json "$name" a.json && pass "$name"
name="128 + signal when it was killed"
run 143 "$name" ruchy profile --output=a.json sh -c 'kill -TERM $$' && pass "$name"
# cpu_clock: the fallback from cpu_cycles has a line of its own, on most virtual machines
name="a program that is not there: 127"
run 127 "$name" ruchy profile --counters=cpu_clock ./not-there && one_line "$name" && pass "$name"
name="a program that cannot be run: 126"
: >plain-file
run 126 "$name" ruchy profile --counters=cpu_clock ./plain-file && one_line "$name" && pass "$name"

name="-o is refused"
if run 2 "$name" ruchy profile -o a.json touch was-run && one_line "$name"; then
	if [ -e was-run ]; then
		fail "$name" "but the program was run"
	elif ! grep -q -e '--output' err || ! grep -q -e '--keep-trace' err; then
		fail "$name" "the line does not name --output and --keep-trace: $(cat err)"
	else
		pass "$name"
	fi
fi
for flags in --no-such-flag --sampling-rate=none --sampling-rate=0 --hotspots=-1 --counters=no_such_counter; do
	name="bad usage: $flags"
	rm -f was-run
	run 2 "$name" ruchy profile $flags touch was-run && one_line "$name" &&
		{ [ ! -e was-run ] && pass "$name" || fail "$name" "but the program was run"; }
done
name="bad usage: no program"
run 2 "$name" ruchy profile --hotspots=3 && one_line "$name" && pass "$name"
name="an output that cannot be written: 1"
run 1 "$name" ruchy profile --output=/nonexistent/a.json true && pass "$name"
name="ruchy profile --help"
run 0 "$name" ruchy profile --help && { grep -q -e --keep-trace out && pass "$name" || fail "$name" "no --keep-trace in it"; }

# ---- what it leaves behind ----
name="no temporary trace is left, whatever happened"
left=$(find "$TMPDIR" . -maxdepth 1 \( -name '*.rtrace*' -o -path "$TMPDIR/*" \) | head -n 3)
[ -z "$left" ] && pass "$name" || fail "$name" "$left"

name="--keep-trace FILE keeps it"
if run 0 "$name" ruchy profile --keep-trace kept.rtrace --output=a.json "$programs/shares" 300; then
	if command -v zstd >/dev/null && ! zstd -q -t kept.rtrace 2>err; then
		fail "$name" "zstd -t: $(cat err)"
	elif run 0 "$name" ruchy-analyze kept.rtrace; then
		grep -q heavy out && pass "$name" || fail "$name" "its report names no heavy"
	fi
fi

name="Ctrl-C ends the program, the report still comes"
timeout -s KILL 60 python3 - >out 2>err <<'PYTHON'
import os, signal, subprocess, sys, time
# a process group of its own, as a terminal gives a job: the signal reaches driver, recorder and program
p = subprocess.Popen(["ruchy", "profile", "--output=int.json", "sh", "-c", "touch started; exec sleep 30"], process_group=0,
                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
while not os.path.exists("started"):
    time.sleep(0.05)
time.sleep(0.5)
os.killpg(p.pid, signal.SIGINT)
sys.exit(p.wait() if p.returncode is None or p.returncode >= 0 else 255)
PYTHON
status=$?
[ $status -eq 130 ] && [ -s int.json ] && [ -z "$(ls "$TMPDIR")" ] && pass "$name" ||
	fail "$name" "status $status, report: $(ls -l int.json 2>&1), left: $(ls "$TMPDIR"), $(tail -n 1 err)"

# ---- other subcommands belong to the next ruchy on PATH ----
mkdir compiler links
cat >compiler/ruchy <<'SCRIPT'
#!/bin/sh
printf 'compiler [%s]\n' "$@"
exit 42
SCRIPT
chmod +x compiler/ruchy
ln -s "$bin/ruchy" links/ruchy
SYSTEM_PATH=/usr/bin:/bin

name="another subcommand goes to the next ruchy, with its status"
if PATH=$bin:$work/compiler:$SYSTEM_PATH run 42 "$name" "$bin/ruchy" analyze --output=x -o y 'z z'; then
	printf 'compiler [%s]\n' analyze --output=x -o y 'z z' | cmp -s - out && pass "$name" ||
		fail "$name" "it got: $(tr '\n' ' ' <out)"
fi
name="it does not find itself: twice on PATH, by a link, by a relative directory"
(cd "$bin" && PATH=$bin:$work/links:.::$bin/../$(basename "$bin"):$work/compiler:$SYSTEM_PATH \
	timeout 20 "$bin/ruchy" compile x) >out 2>err
status=$?
[ $status -eq 42 ] && grep -qx 'compiler \[compile\]' out && pass "$name" || fail "$name" "status $status: $(tail -n 1 err)"
name="no other ruchy: one line, and no loop"
PATH=$bin:$work/links:$SYSTEM_PATH run 127 "$name" timeout 20 "$bin/ruchy" compile x && one_line "$name" && pass "$name"

[ -z "$schema_skipped" ] || skip "JSON against the schema" "$schema_skipped"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: MIT
#
# filter.sh BIN_DIR PROGRAMS_DIR - a part of a recording: what is left, that every output is of the
# same samples, that the number of threads does not show, and which words are refused.
# One `ok`/`FAIL` line a case, and a non-zero exit when one failed.
set -u

if [ $# -ne 2 ]; then
	echo "usage: filter.sh BIN_DIR PROGRAMS_DIR" >&2
	exit 2
fi
bin=$(cd "$1" && pwd) || exit 2
programs=$(cd "$2" && pwd) || exit 2
analyze=$bin/ruchy-analyze
golden=$(cd "$(dirname "$0")/../golden" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0

ok() { echo "ok - $1"; }
fail() { failed=1; echo "FAIL - $1: $2"; }

"$bin/ruchy-record" -q -o t.rtrace "$programs/threads" 300 2>err || { echo "FAIL - recording: $(tail -n 1 err)"; exit 1; }
tid=$("$analyze" -q --output - t.rtrace | python3 -c '
import json, sys
print(next(t["tid"] for t in json.load(sys.stdin)["threads"] if t["name"] == "alpha"))')
pid=$("$analyze" -q --output - t.rtrace | python3 -c 'import json, sys; print(json.load(sys.stdin)["threads"][0]["pid"])')

# agree NAME EXPRESSION FLAGS…: all outputs with FLAGS are of the same samples, for one worker and
# for three, and EXPRESSION (Python) holds of the JSON `p`, the whole recording's `whole` and the set
# of all frames `frames`
agree() {
	local name=$1 expression=$2 why
	shift 2
	rm -rf one three && mkdir one three
	for jobs in one:1 three:3; do
		if ! "$analyze" -q -j "${jobs#*:}" "$@" --output "${jobs%:*}/json" --folded "${jobs%:*}/folded" --perf-script "${jobs%:*}/script" \
			--callgrind "${jobs%:*}/callgrind" --speedscope "${jobs%:*}/speedscope" --csv "${jobs%:*}/csv" --pprof "${jobs%:*}/pprof" \
			--flame-graph "${jobs%:*}/svg" --html "${jobs%:*}/html" --firefox "${jobs%:*}/firefox" --timeline --lines t.rtrace 2>err; then
			fail "$name" "$(tail -n 1 err)"
			return
		fi
	done
	if ! diff -r one three >differ; then
		fail "$name" "three workers give another output: $(head -n 1 differ)"
		return
	fi
	[ -e whole.json ] || "$analyze" -q --output whole.json t.rtrace
	if why=$(python3 - "$expression" 2>&1 <<'END'
import csv, gzip, json, re, sys
p, whole = json.load(open('one/json')), json.load(open('whole.json'))
base = p['time_base']
def weight(x):
    return x[base]['count'] if base in x else 0
total = next(c['total_sampled'] for c in p['counters'] + p['supporting_counters'] if c['name'] == base)
kept = p['filters']['samples']
folded = [line.rsplit(' ', 1) for line in open('one/folded')]
frames = {f for stack, _ in folded for f in stack.split(';')[1:]}
comms = {stack.split(';')[0] for stack, _ in folded}
page = json.loads(re.search('id="data">(.*?)</script>', open('one/html').read(), re.S)[1])
columns = [c['name'] for c in page['columns']]
cells = page['cells']
said = {
    'samples of html': sum(n for c, n in zip(cells['column'], cells['samples']) if columns[c] == base),
    'samples of firefox': sum(len(t['samples']['stack']) for t in json.load(gzip.open('one/firefox'))['threads']),
    'stacks of folded': sum(int(n) for _, n in folded),
    'samples of perf-script': sum(1 for line in open('one/script') if base.replace('_', '-') in line or base in line),
    'rows of csv': sum(int(r[f'{base} self samples']) for r in csv.DictReader(open('one/csv', newline=''))),
}
for what, n in said.items():
    assert n == kept, f'{what}: {n}, {kept} are kept'
speed = json.load(open('one/speedscope'))
assert next((q['endValue'] for q in speed['profiles'] if q['name'] == base), 0) == total, 'speedscope'
assert sum(weight(f['self']) for f in p['functions']) == total, 'functions'
assert sum(weight(t['counters']) for t in p['threads']) == total, 'threads'
assert p['filters']['of_samples'] == sum(t['counters'][base]['samples'] for t in whole['threads']), 'all'
assert eval(sys.argv[1]), sys.argv[1]
END
	); then
		ok "$name"
	else
		fail "$name" "$(tail -n 1 <<<"$why")"
	fi
}

agree "--thread NAME" 'comms == {"alpha"} and "beta_work" not in frames and "alpha_work" in frames' --thread alpha
agree "--thread NUMBER" "{t['tid'] for t in p['threads']} == {$tid}" --thread "$tid"
agree "--thread twice: one is enough" 'comms == {"alpha", "beta"}' --thread alpha --thread 'be*'
agree "--comm" 'comms == {"beta"}' --comm beta
agree "--process NAME: its first thread's" 'kept == p["filters"]["of_samples"] and len(p["threads"]) > 1' --process threads
agree "--process NUMBER" 'kept == p["filters"]["of_samples"]' --process "$pid"
agree "--thread with nothing left" 'kept == 0 and not p["functions"]' --thread nobody
agree "--focus" '"alpha_main" in frames and "beta_main" not in frames' --focus '^alpha_'
agree "--ignore" '"alpha_main" not in frames and "beta_main" in frames' --ignore '^alpha_'
agree "--module" 'all(f["module"] == "threads" for f in p["functions"] if weight(f["self"]))' --module threads
agree "--no-kernel" 'not any(f["kernel"] for f in p["functions"])' --no-kernel
agree "--merge-threads" '"threads" in comms and not comms & {"alpha", "beta"} and all(t["pid"] == t["tid"] for t in p["threads"])' --merge-threads
agree "--trim-std" 'not frames & {"_start", "start_thread", "clone3", "__libc_start_main"} and "alpha_work" in frames' --trim-std
agree "--time" '0 < kept < 0.5 * p["filters"]["of_samples"] and p["duration_ns"] < 0.5 * whole["duration_ns"]' --time 30%..60%
agree "several at once" 'comms == {"alpha"} and 0 < kept and frames <= {"alpha_main", "alpha_work"}' \
	--thread alpha --focus alpha_work --time ..90% --no-kernel --trim-std

# The halves of a recording are the whole.
name="--time: both halves are all"
n=0
for half in ..50% 50%..; do
	n=$((n + $("$analyze" -q --folded - --time $half t.rtrace | awk '{ n += $NF } END { print n + 0 }')))
done
all=$("$analyze" -q --folded - t.rtrace | awk '{ n += $NF } END { print n + 0 }')
[ "$n" -eq "$all" ] && ok "$name" || fail "$name" "$n of $all"

name="the report says it"
"$analyze" --symfs "$golden" --time 10ms..20ms --no-kernel "$golden/kernel.rtrace" >out 2>err
grep -qE '^  filters +--time 10ms\.\.20ms --no-kernel: [0-9.]+% kept, [0-9]+ of 20 samples$' out && ok "$name" || fail "$name" "$(grep filters out)"
name="a pipe can be filtered by time"
"$analyze" -q --folded piped --time 50%.. - <t.rtrace && "$analyze" -q --folded file --time 50%.. t.rtrace && cmp -s piped file && ok "$name" ||
	fail "$name" "another output than the file's"

# refuses NAME WORD ARGUMENTS…: status 2 and one line with WORD
refuses() {
	local name=$1 word=$2 got
	shift 2
	"$analyze" "$@" >out 2>err
	got=$?
	if [ $got -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && grep -qF -e "$word" err && [ ! -s out ]; then
		ok "$name"
	else
		fail "$name" "status $got: $(head -n 1 err)"
	fi
}

refuses "a bad expression" "--focus 'a('" --focus 'a(' t.rtrace
refuses "a bad expression to ignore" "--ignore '[z'" --ignore '[z' t.rtrace
refuses "a bad time" "--time" --time 1 t.rtrace
refuses "a time that ends before it begins" "--time 3..2" --time 3..2 t.rtrace
refuses "a pattern too long" "--module" --module "$(printf '%01100d' 0)" t.rtrace
echo 'a;b 1' >folded
refuses "folded stacks cannot be filtered" "folded" diff --focus a folded -- folded
exit $failed

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py BIN_DIR PROGRAMS_DIR [TRACE…] - what others read out of our exports equals our report.

Records every program of tests/live, takes the golden traces and the TRACEs, writes all exports of each
in one call, and asks the programs that they are made for:

    --pprof       go tool pprof -raw, -top, -peek
    --callgrind   callgrind_annotate
    --speedscope  the JSON Schema of the npm package ($SPEEDSCOPE: its directory), and that events nest; speedscope.py
                  has its importer
    --firefox     the tables of its types (src/types/profile.ts of the Firefox Profiler, which is no package): every
                  column is there and as long as it says, every number leads somewhere
    --perf-script inferno-collapse-perf, which weighs samples by their periods; stackcollapse-perf.pl of FlameGraph
    --folded      inferno-flamegraph; flamegraph.pl of FlameGraph ($FLAMEGRAPH: the directory of its scripts; Debian's
                  libdevel-nytprof-perl has the second)
    --csv         Python's csv

Totals of every event and self counts of every function must equal those of --output exactly.
A consumer that is not installed is SKIPped with its name. Standard library and python3-jsonschema.
"""
import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/live"))
import live  # noqa: E402


class Wrong(Exception):
    pass


def run(*command):
    result = subprocess.run([str(c) for c in command], capture_output=True)
    if result.returncode:
        raise Wrong(f"{command[0]}: {result.stderr.decode(errors='replace').strip()[-300:]}")
    return result.stdout.decode(errors="replace")


def equal(what, ours, theirs):
    if ours == theirs:
        return
    if isinstance(ours, dict):
        for key in ours.keys() | theirs.keys():
            equal(f"{what}: {key}", ours.get(key, 0), theirs.get(key, 0))
    raise Wrong(f"{what}: {theirs}, our report says {ours}")


class Report:
    """Our JSON: totals and self counts by event."""

    def __init__(self, path):
        data = json.loads(path.read_text())
        self.time_base = data["time_base"]
        self.totals, self.selfs = Counter(), {}
        for f in data["functions"]:
            for event, weight in f["self"].items():
                self.totals[event] += weight["count"]
                self.selfs.setdefault(event, Counter())[f["function"]] += weight["count"]
        self.functions = len(data["functions"])
        self.samples = sum(f["self"].get(self.time_base, {"samples": 0})["samples"]
                           for f in data["functions"])


def check_pprof(report, path):
    raw = run("go", "tool", "pprof", "-raw", path).split("Samples:\n", 1)[1].split("\nLocations\n")[0]
    head, *lines = raw.split("\n")
    types = [t.split("/")[0] for t in head.replace("[dflt]", "").split()]
    sums = Counter()
    for line in lines:
        match = re.match(r"\s*(\d[\d ]*): [\d ]+$", line)
        for name, value in zip(types, match.group(1).split() if match else []):
            sums[name] += int(value)
    equal("pprof samples", report.samples, sums.pop("samples", 0))
    equal("pprof totals", dict(report.totals), {k: v for k, v in sums.items() if v})
    for event in types[1:]:
        unit = "nanoseconds" if event.endswith("_clock") else "count"
        top = run("go", "tool", "pprof", "-top", f"-unit={unit}", f"-sample_index={event}",
                  "-nodecount=0", "-nodefraction=0", "-edgefraction=0", path)
        selfs = Counter()
        for line in top.split("cum%\n", 1)[-1].splitlines():
            flat, _, _, _, _, name = line.split(None, 5)
            selfs[re.sub(r" \((partial-)?inline\)$", "", name)] += int(flat.removesuffix("ns"))
        ours = report.selfs.get(event, Counter())
        equal(f"pprof -top {event}", +ours, +selfs)
    run("go", "tool", "pprof", "-peek", ".", path)


def check_callgrind(report, path):
    events = path.read_text().split("\nevents: ", 1)[1].split("\n", 1)[0].split()
    names = {re.sub(r"[^A-Za-z0-9]", "_", k): k for k in report.totals}
    text = run("callgrind_annotate", "--threshold=100", "--show-percs=no", "--auto=no", path)
    total = re.search(r"^(.*)  PROGRAM TOTALS$", text, re.M).group(1)
    numbers = [int(n.replace(",", "").replace(".", "0")) for n in total.split()]
    equal("callgrind totals", dict(report.totals),
          {names.get(e, e): n for e, n in zip(events, numbers) if n})
    selfs = {e: Counter() for e in events}
    row = re.compile(r"^\s*" + r"\s+".join([r"([\d,]+|\.)"] * len(events)) + r"\s+(.*)$")
    for line in text.split("file:function\n", 1)[1].splitlines():
        match = row.match(line)
        if not match:
            continue
        name = re.sub(r" \[(\[[^\[\]]*\]|[^\[\]]*)\]$", "", match.groups()[-1])  # the module
        name = name.split(":", 1)[1]
        for event, n in zip(events, match.groups()):
            selfs[event][name] += int(n.replace(",", "").replace(".", "0"))
    # it lists functions down to the threshold of the first event only
    first = events[0]
    equal(f"callgrind {first}", +report.selfs[names.get(first, first)], +selfs[first])


def check_speedscope(report, path):
    data = json.loads(path.read_text())
    schema = Path(os.environ.get("SPEEDSCOPE", "/nonexistent")) / "dist/release/file-format-schema.json"
    if schema.exists():
        import jsonschema
        jsonschema.validate(data, json.loads(schema.read_text()))
    frames = data["shared"]["frames"]
    for profile in data["profiles"]:
        stack, at, selfs = [], profile["startValue"], Counter()
        for event in profile["events"]:
            if event["at"] < at:
                raise Wrong("speedscope: events out of order")
            if event["at"] > at:
                selfs[stack[-1]] += event["at"] - at
            at = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
            elif stack.pop() != event["frame"]:
                raise Wrong("speedscope: a frame is closed that is not open")
        if stack:
            raise Wrong("speedscope: frames stay open")
        named = Counter()
        for frame, n in selfs.items():
            named[frames[frame]["name"]] += n
        equal(f"speedscope {profile['name']}", report.totals[profile["name"]], profile["endValue"])
        ours = report.selfs.get(profile["name"], Counter())
        equal(f"speedscope {profile['name']}", +ours, +named)


FIREFOX_TABLES = {
    "samples": ("stack", "timeDeltas", "weight"),
    "stackTable": ("prefix", "frame"),
    "frameTable": ("address", "inlineDepth", "category", "subcategory", "func", "nativeSymbol", "innerWindowID",
                   "line", "column"),
    "funcTable": ("name", "isJS", "relevantForJS", "resource", "fileName", "lineNumber", "columnNumber"),
    "resourceTable": ("lib", "name", "host", "type"),
    "nativeSymbols": ("libIndex", "address", "name", "functionSize"),
    "markers": ("data", "name", "startTime", "endTime", "phase", "category"),
}


def check_firefox_thread(data, thread):
    """Samples by the leaf's function: its name and the sum of weights."""
    for table, columns in FIREFOX_TABLES.items():
        for column in columns:
            if len(thread[table][column]) != thread[table]["length"]:
                raise Wrong(f"firefox: {table}.{column} is not as long as its table")
    stacks, frames, funcs = thread["stackTable"], thread["frameTable"], thread["funcTable"]
    strings, libs = len(thread["stringArray"]), len(data["libs"])
    lengths = [(stacks["frame"], frames["length"]), (frames["func"], funcs["length"]),
               (frames["category"], len(data["meta"]["categories"])), (funcs["name"], strings),
               ([r for r in funcs["resource"] if r != -1], thread["resourceTable"]["length"]),
               ([f for f in funcs["fileName"] if f is not None], strings),
               (thread["resourceTable"]["lib"], libs), (thread["resourceTable"]["name"], strings)]
    for numbers, end in lengths:
        if any(not 0 <= n < end for n in numbers):
            raise Wrong("firefox: a number leads nowhere")
    for i, prefix in enumerate(stacks["prefix"]):
        if prefix is None:
            continue
        if not 0 <= prefix < i:
            raise Wrong("firefox: a stack's prefix does not come before it")
        if frames["inlineDepth"][stacks["frame"][i]]:
            outer, inner = stacks["frame"][prefix], stacks["frame"][i]
            if frames["inlineDepth"][outer] + 1 != frames["inlineDepth"][inner] or \
                    frames["address"][outer] != frames["address"][inner]:
                raise Wrong("firefox: an inlined frame does not stand below the one it is inlined into")
    if any(d < 0 for d in thread["samples"]["timeDeltas"]):
        raise Wrong("firefox: samples out of order")
    selfs = Counter()
    for stack, weight in zip(thread["samples"]["stack"], thread["samples"]["weight"]):
        if stack is not None:
            name = thread["stringArray"][funcs["name"][frames["func"][stacks["frame"][stack]]]]
            selfs[name] += round(weight * 1000000) if thread["samples"]["weightType"] == "tracing-ms" else weight
    return selfs


def check_firefox(report, path):
    with gzip.open(path) as f:
        data = json.load(f)
    equal("firefox version", 55, data["meta"]["preprocessedProfileVersion"])
    selfs, others = Counter(), Counter()
    for thread in data["threads"]:
        selfs.update(check_firefox_thread(data, thread))
    equal("firefox self", +report.selfs.get(report.time_base, Counter()), +selfs)
    for counter in data["counters"]:
        if data["threads"][counter["mainThreadIndex"]]["pid"] != counter["pid"]:
            raise Wrong("firefox: a counter's thread is of another process")
        others[counter["name"]] += sum(counter["samples"]["count"])
    equal("firefox counters", {k: v for k, v in report.totals.items() if k != report.time_base and v}, +others)


def check_csv(report, path):
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""), strict=True))
    equal("csv rows", report.functions, len(rows))
    for event, total in report.totals.items():
        equal(f"csv {event}", total, sum(int(r[f"{event} self"]) for r in rows))


def check_perf_script(report, path):
    for event, total in report.totals.items():
        if total:
            stacks = run("inferno-collapse-perf", f"--event-filter={event}", path).splitlines()
            equal(f"inferno-collapse-perf {event}", total, sum(int(s.rsplit(" ", 1)[1]) for s in stacks))


def check_folded(report, path):
    lines = path.read_text().splitlines()
    equal("folded", report.samples, sum(int(line.rsplit(" ", 1)[1]) for line in lines))
    if lines:
        total = re.search(r'total_samples="(\d+)"', run("inferno-flamegraph", path))
        equal("inferno-flamegraph", report.samples, int(total[1]) if total else None)


CHECKS = [("perf-script", "inferno-collapse-perf", check_perf_script), ("folded", "inferno-flamegraph", check_folded),
          ("pprof", "go", check_pprof), ("callgrind", "callgrind_annotate", check_callgrind),
          ("speedscope", None, check_speedscope), ("firefox", None, check_firefox), ("csv", None, check_csv)]


def script(name):
    """A script of FlameGraph's, if it is there."""
    paths = [Path(d) / name for d in (os.environ.get("FLAMEGRAPH", "/nonexistent"), "/usr/share/perl5/Devel/NYTProf")]
    return next((p for p in paths if p.exists()), None)


def check_flamegraph(report, folded, perf_script):
    """flamegraph.pl draws our folded stacks as they are; stackcollapse-perf.pl finds as many samples as we do."""
    if script("flamegraph.pl") and folded.stat().st_size:
        svg = run("perl", script("flamegraph.pl"), folded)
        drawn = re.search(r"<title>all \(([\d,]+) samples, 100%\)", svg)
        equal("flamegraph.pl", report.samples, int(drawn[1].replace(",", "")) if drawn else None)
    if script("stackcollapse-perf.pl"):
        lines = run("perl", script("stackcollapse-perf.pl"), f"--event-filter={report.time_base}", perf_script).splitlines()
        equal("stackcollapse-perf.pl", report.samples, sum(int(s.rsplit(" ", 1)[1]) for s in lines))


def check_trace(analyzer, name, trace, flags):
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        files = {c: Path(work) / c for c, _, _ in CHECKS}
        again = Path(work) / "again"
        run(analyzer, "-q", *flags, "--output", Path(work) / "json",
            *(x for c in files for x in (f"--{c}", files[c])), trace)
        run(analyzer, "-q", *flags, "-j1", "--pprof", again, trace)
        report = Report(Path(work) / "json")
        for consumer, tool, check in CHECKS:
            if tool and not shutil.which(tool):
                continue
            try:
                check(report, files[consumer])
                print(f"ok - {name}: {consumer}")
            except Wrong as e:
                failed += 1
                print(f"not ok - {name}: {e}")
        if script("flamegraph.pl") or script("stackcollapse-perf.pl"):
            try:
                check_flamegraph(report, files["folded"], files["perf-script"])
                print(f"ok - {name}: FlameGraph")
            except Wrong as e:
                failed += 1
                print(f"not ok - {name}: {e}")
        if again.read_bytes() != files["pprof"].read_bytes():
            failed += 1
            print(f"not ok - {name}: --pprof differs from one run to the next")
    return failed


def main():
    bin_dir, programs = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    analyzer, failed = bin_dir / "ruchy-analyze", 0
    for consumer, tool, _ in CHECKS:
        if tool and not shutil.which(tool):
            print(f"SKIP - {consumer}: {tool} is not installed")
    if not os.environ.get("SPEEDSCOPE"):
        print("SKIP - speedscope: its schema (make deps, where npm is)")
    for name in ("flamegraph.pl", "stackcollapse-perf.pl"):
        if not script(name):
            print(f"SKIP - {name}: not in $FLAMEGRAPH, the directory of FlameGraph's scripts")
    golden = ROOT / "tests/golden"
    for trace in sorted(golden.glob("*.rtrace")):
        failed += check_trace(analyzer, trace.stem, trace, ["--symfs", golden])
    for trace in sys.argv[3:]:
        if Path(trace).exists():
            failed += check_trace(analyzer, Path(trace).stem, trace, [])
        else:
            print(f"SKIP - {trace}: not there (make bench-programs)")
    with tempfile.TemporaryDirectory() as work:
        seen = set()
        for case in live.CASES:
            args = [a.replace("{dir}", str(programs)).replace("{work}", work) for a in map(str, case.args)]
            key = (case.program, *args)
            if key in seen:
                continue
            seen.add(key)
            trace = Path(work) / "t.rtrace"
            if not (programs / case.program).exists():
                print(f"SKIP - {case.name}: {case.program} is not built")
                continue
            try:
                live.run([bin_dir / "ruchy-record", "-o", trace, "-F", 1000, *case.record,
                          "--counters=cpu_clock,page_faults", "--", programs / case.program, 300, *args], case.env)
            except live.Failure as e:
                print(f"SKIP - {case.name}: {e}")
                continue
            failed += check_trace(analyzer, case.name, trace, [])
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py BIN_DIR PROGRAMS_DIR [--runs N] - what recording and analyzing cost, beside perf.

Recording: each program runs unprofiled, under ruchy-record and under perf record, interleaved (the
order rotates from round to round, so that drift and neighbours meet all three alike). A shell
between tool and program notes when the program started and ended: the slowdown is the program's own,
against the unprofiled run of the *same* round; what the tool takes before and after stands apart.
Analysis: ruchy-analyze and perf script / perf report read a recording of the same program.

Writes nothing but to a temporary directory, asserts nothing: it prints a table to be read. What
cannot be measured is "n/a" with the reason. Standard library only.
"""
import argparse
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 1000
STACK_BYTES = 8192
EVENT = "cpu-clock"      # what a machine without a PMU has, too
ANALYSIS_RUNS = 7        # at most
ANALYSIS_LIMIT_S = 300   # a slower one is n/a
ONCE_S = 10              # a slower one runs once


# $0 is the file for the two times; the rest is the program. It is the same for all variants.
STOPWATCH = 's=$EPOCHREALTIME; "$@"; r=$?; echo "$s $EPOCHREALTIME" >"$0"; exit $r'


@dataclass
class Run:
    """One finished process: its own CPU time apart from that of the children it waited for."""
    wall_s: float
    own_cpu_s: float
    tree_cpu_s: float
    peak_kib: int
    stderr: str
    switches: int = 0        # context switches of its own main thread
    program_s: float = 0.0   # of a recording: from the program's start to its end


class Unavailable(Exception):
    pass


def own_switches(pid):
    """Context switches of the main thread of a process that has ended and is not yet reaped."""
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(n) for n in re.findall(r"voluntary_ctxt_switches:\s+(\d+)", status))


def own_cpu(pid):
    """CPU seconds of a process that has ended and is not yet reaped, without its children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    try:  # nanoseconds, but of the main thread only
        return max(ticks, int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9)
    except OSError:
        return ticks


def measure(command, work, limit_s=None, stdin=None):
    if not os.access(command[0], os.X_OK):
        raise Unavailable(f"no {command[0]}")
    with open(work / "stderr", "w+", errors="replace") as stderr, open(os.devnull, "w") as null, \
            open(stdin or os.devnull) as source:
        start = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], stdin=source, stdout=null, stderr=stderr,
                                   cwd=work, env={**os.environ, "LC_ALL": "C"},
                                   start_new_session=limit_s is not None)
        while limit_s is not None and not os.waitid(
                os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            if time.monotonic() - start > limit_s:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Unavailable(f"took over {limit_s} s")
            time.sleep(0.002)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall = time.monotonic() - start
        cpu, switches = own_cpu(process.pid), own_switches(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stderr.seek(0)
        text = stderr.read()
    if process.returncode != 0:
        line = (text.strip().splitlines() or ["nothing on stderr"])[-1]
        raise Unavailable(f"{Path(str(command[0])).name} exited with {process.returncode}: {line[:60]}")
    return Run(wall, cpu, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, text, switches)


def measure_program(command, around, work):
    """Run `command` under `around` (a function that puts a tool before it), timed by the stopwatch."""
    times = work / "times"
    times.unlink(missing_ok=True)
    run = measure(around(["/bin/bash", "-c", STOPWATCH, times, *command]), work)
    try:
        start, end = map(float, times.read_text().split())
    except (OSError, ValueError):
        raise Unavailable("the stopwatch did not run (bash before 5.0?)") from None
    run.program_s = end - start
    return run


# ---- the tools ----

class Ruchy:
    name = "ruchy-record"

    def __init__(self, bin_dir, work):
        self.bin, self.work = bin_dir, work

    def record(self, path, command):
        return [self.bin / "ruchy-record", "-o", path, "--counters", "cpu_clock", "-F", RATE_HZ,
                "--stack-size", STACK_BYTES, "--", *command]

    def counts(self, _path, run):
        m = re.search(r"(\d+) samples \((\d+) lost", run.stderr)
        return (int(m[1]), int(m[2])) if m else (None, None)

    def sample_bytes(self, path):
        """Stored bytes of the sample chunks: kallsyms and the like cost the same however long it ran."""
        info = subprocess.run([str(self.bin / "ruchy-analyze"), "info", str(path)], text=True,
                              capture_output=True, errors="replace").stdout
        stored = re.findall(r"^chunk \d+ samples .*stored=(\d+)", info, re.MULTILINE)
        return sum(map(int, stored)) or None

    def analyses(self, path):
        analyze = self.bin / "ruchy-analyze"
        return [("report", "ruchy-analyze", [analyze, path]),
                ("script", "ruchy-analyze --perf-script", [analyze, "--perf-script", "/dev/null", path])]


class Perf:
    name = "perf record"

    def __init__(self, perf, work):
        # its build-id cache would go to the user's home
        self.perf, self.work = [perf, "--buildid-dir", work / "buildid"], work

    def record(self, path, command):
        return [*self.perf, "record", "-o", path, "-e", EVENT, "-F", RATE_HZ, "--call-graph",
                f"dwarf,{STACK_BYTES}", "--", *command]

    def counts(self, path, _run):
        stats = subprocess.run([*map(str, self.perf), "report", "--stats", "-i", str(path)], text=True,
                               capture_output=True, errors="replace").stdout
        count = {k: int(v) for k, v in re.findall(r"(\w+) events:\s+(\d+)", stats)}
        records = count.get("LOST", 0) + count.get("LOST_SAMPLES", 0)
        return count.get("SAMPLE"), f"in {records} records" if records else 0

    def sample_bytes(self, path):
        return path.stat().st_size

    def analyses(self, path):
        return [("report", "perf report --stdio", [*self.perf, "report", "--stdio", "-i", path]),
                ("script", "perf script", [*self.perf, "script", "-i", path]),
                ("script", "perf script --no-inline", [*self.perf, "script", "--no-inline", "-i", path])]


# ---- tables ----

def table(head, rows):
    width = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    for n, row in enumerate([head, *rows]):
        print("  " + "  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w)
                               for i, (c, w) in enumerate(zip(row, width))))
        if n == 0:
            print("  " + "  ".join("-" * w for w in width))
    print(flush=True)


def spread(values, form):
    """Median [lower quartile, upper quartile]."""
    if len(values) < 2:
        return form.format(values[0])
    low, mid, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{form.format(mid)} [{form.format(low)}, {form.format(high)}]"


def kib(n):
    return f"{n / 1024:,.0f}"


# ---- recording ----

def record_program(name, command, tools, runs, work):
    """Interleaved runs of one program; prints its table, returns the last recording of each tool."""
    variants = [None, *tools]
    results = {v: [] for v in variants}
    failed, paths = {}, {}
    for i in range(runs + 1):  # the first round warms the page cache and is thrown away
        for v in variants[i % len(variants):] + variants[:i % len(variants)]:
            if v in failed:
                continue
            try:
                if v is not None:
                    paths[v] = work / f"{name}.{v.name.split()[0]}.data"
                run = measure_program(command, (lambda c, v=v: v.record(paths[v], c) if v else c), work)
            except Unavailable as error:
                if v is None:
                    raise
                failed[v] = str(error)
                paths.pop(v, None)
                continue
            if i > 0:
                results[v].append(run)
    bare = results[None]
    rows = [["no profiling", spread([r.program_s for r in bare], "{:.3f}")] + [""] * 7]
    for v in tools:
        if v in failed:
            rows.append([v.name, f"n/a ({failed[v]})"] + [""] * 7)
            continue
        got = results[v]
        samples, lost = v.counts(paths[v], got[-1])
        size, in_samples = paths[v].stat().st_size, v.sample_bytes(paths[v])
        rows.append([v.name, spread([r.program_s for r in got], "{:.3f}"),
                     spread([100 * (r.program_s / b.program_s - 1) for r, b in zip(got, bare)], "{:+.2f}"),
                     f"{statistics.median(r.wall_s - r.program_s for r in got):.3f}",
                     f"{statistics.median(r.own_cpu_s for r in got):.3f}", kib(size),
                     "n/a" if samples is None else samples, "n/a" if lost is None else lost,
                     f"{in_samples / samples:,.0f}" if samples and in_samples else "n/a"])
    print(f"Recording {name}: {describe(command)}")
    table(["", "program s", "slowdown %", "before+after s", "recorder CPU s", "KiB", "samples", "lost",
           "bytes a sample"], rows)
    return {v: (paths[v], v.counts(paths[v], results[v][-1])[0]) for v in tools if v in paths}


def describe(command):
    words = [Path(str(w)).name for w in command]
    return " ".join(words[:7]) + (" …" if len(words) > 7 else "")


# ---- analysis ----

def analyze_recordings(name, recordings, runs, work):
    jobs = [(kind, label, command, path, samples) for v, (path, samples) in recordings.items()
            for kind, label, command in v.analyses(path)]
    results, failed = {j[1]: [] for j in jobs}, {}
    for i in range(runs + 1):
        for kind, label, command, *_ in jobs:
            if label in failed:
                continue
            try:
                run = measure(command, work, limit_s=ANALYSIS_LIMIT_S)
            except Unavailable as error:
                failed[label] = str(error)
                continue
            # what takes that long needs no warming, and is not repeated
            if i > 0 or run.wall_s > ONCE_S:
                results[label].append(run)
            if run.wall_s > ONCE_S:
                failed[label] = f"took over {ONCE_S} s"
    best = {kind: min((statistics.median(r.wall_s for r in results[label])
                       for k, label, *_ in jobs if k == kind and results[label] and "ruchy" in label),
                      default=None) for kind in ("report", "script")}
    rows = []
    for kind, label, _, path, samples in sorted(jobs, key=lambda j: j[0]):
        got = results[label]
        if not got:
            rows.append([label, f"n/a ({failed[label]})", "", "", "", ""])
            continue
        wall = statistics.median(r.wall_s for r in got)
        rows.append([label, spread([r.wall_s for r in got], "{:.3f}") + (" (1 run)" if len(got) < 2 else ""),
                     f"{wall / best[kind]:.1f}×" if best[kind] else "n/a",
                     f"{statistics.median(r.tree_cpu_s for r in got):.3f}",
                     f"{max(r.peak_kib for r in got):,}",
                     f"{samples / wall:,.0f}" if samples else "n/a"])
    print(f"Analyzing the recordings of {name} ({runs} runs)")
    table(["", "wall s", "to ours", "CPU s", "peak RSS KiB", "samples/s"], rows)


# ---- what is run, and on what ----

def programs_to_run(programs, source_root):
    sources = [source_root / d for d in ("analyze", "format", "include", "record")]
    chosen = [("shares", [programs / "shares", 1500]), ("cpp", [programs / "cpp", 1500]),
              ("zstd", [programs / "demo", *sources])]
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler:  # deep stacks, many mappings, fork and exec
        chosen.append(("compiler", [compiler, "-O2", "-c", "-o", "/dev/null",
                                    source_root / "tests/programs/cpp.cpp"]))
    else:
        print("compiler: n/a (no g++ or clang++)")
    return chosen


def machine(perf, how):
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    version = subprocess.run([perf, "--version"], text=True, capture_output=True).stdout.strip() if perf else ""
    print(f"Machine: {model}, {os.cpu_count()} CPUs, Linux {platform.release()}")
    print(f"Event: {how}")
    print(f"Beside: {version or 'nothing: SKIP, perf is not installed, its rows are left out'}\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description="what recording and analyzing cost, beside perf")
    parser.add_argument("--runs", type=int, default=30, help="rounds for the overhead (default 30)")
    parser.add_argument("--only", action="append", help="only this program (shares, cpp, zstd, compiler)")
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("programs_dir", type=Path)
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs is at least 1")
    perf = shutil.which("perf")
    work = Path(tempfile.mkdtemp(prefix="ruchy-bench-"))
    try:
        tools = [Ruchy(options.bin_dir.resolve(), work)] + ([Perf(perf, work)] if perf else [])
        machine(perf, f"{EVENT} at {RATE_HZ} Hz, stack dumps of {STACK_BYTES} bytes; N = {options.runs} interleaved runs;"
                      " median [quartiles]")
        for name, command in programs_to_run(options.programs_dir.resolve(),
                                             Path(__file__).resolve().parents[2]):
            if options.only and name not in options.only:
                continue
            try:
                recordings = record_program(name, command, tools, options.runs, work)
                analyze_recordings(name, recordings, min(options.runs, ANALYSIS_RUNS), work)
            except Unavailable as error:
                print(f"{name}: n/a ({error})\n")
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""overhead.py BIN_DIR BENCH_CACHE [--runs N] - what recording costs the program, with statistics.

After Georges, Buytaert and Eeckhout ("Statistically rigorous Java performance evaluation", 2007): N runs of
each, interleaved in an order that rotates, means with 95 % intervals, coefficients of variation, Welch's t.

Compared: no profiling; the floor (an event that notes the instruction pointer alone, at the same rate,
into rings that nobody reads: tests/bench/floor.c); ruchy-record; perf record; perf record -z. The last
three record the same event with dumps of the same size. A stopwatch stands between tool and program.

Two tables a program:
  - at 1000 Hz: the program's time against no profiling and against perf's; and what the recorder took itself;
  - at each rate, microseconds of the program's time per sample: (time - time without profiling) / samples.
    Run-to-run noise is divided by many samples, so this tells what the percentages cannot (medians of the
    differences to the same round's run without profiling).

Writes nothing but to a temporary directory, asserts nothing.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scipy import stats

from bench import Unavailable, machine, measure, table
from workloads import counts_by_info, programs

EVENT = "cpu-clock"
CLASSIC_HZ = 1000


@dataclass
class Recording:
    """One run: the program's times by the stopwatch, then what the tool took."""
    wall_s: float
    cpu_s: float
    around_s: float = 0.0       # what the user waits before the program starts and after it has ended
    recorder_cpu_s: float = 0.0
    switches: int = 0
    bytes: int = 0
    samples: int = 0
    lost: int = 0


@dataclass
class Variant:
    name: str
    around: object              # (rate, output, command) -> command
    counts: object              # (output, stderr) -> (samples, lost)
    runs: dict = field(default_factory=dict)   # by rate
    peak_kib: int = 0           # most memory of the tool's own, in a run that is not timed

    def of(self, rate, attribute):
        return [getattr(r, attribute) for r in self.runs.get(rate, [])]


def variants(bin_dir, helpers, perf, stack, work):
    record, analyze = bin_dir / "ruchy-record", bin_dir / "ruchy-analyze"
    perf_record = [perf, "--buildid-dir", work / "buildid", "record", "-q", "-e", EVENT]
    info = counts_by_info(analyze)
    all_of = [
        Variant("no profiling", lambda hz, out, c: c, lambda out, err: (0, 0)),
        Variant("floor", lambda hz, out, c: [helpers / "floor", hz, out, *c],
                lambda out, err: (int(out.read_text()), 0)),
        Variant("ruchy-record", lambda hz, out, c: [record, "-o", out, "-e", "cpu_clock", "-F", hz,
                                                    "--stack-size", stack, "--", *c], info),
    ]
    if perf:
        for name, more in (("perf record", []), ("perf record -z", ["-z"])):
            all_of.append(Variant(name, lambda hz, out, c, more=more: [
                *perf_record, *more, "-F", hz, "--call-graph", f"dwarf,{stack}", "-o", out, "--", *c], info))
    return all_of


def run_once(variant, rate, command, helpers, work):
    times, output = work / "times", work / "recording"
    for f in (times, output):
        f.unlink(missing_ok=True)
    run = measure(variant.around(rate, output, [helpers / "stopwatch", times, *command]), work)
    try:
        begin, end, user, system = map(float, times.read_text().split())
    except (OSError, ValueError):
        raise Unavailable("the stopwatch did not run") from None
    r = Recording(end - begin, user + system)
    if output.exists():
        r.samples, r.lost = variant.counts(output, run.stderr)
        r.bytes = output.stat().st_size
        r.around_s = run.wall_s - r.wall_s
        r.recorder_cpu_s, r.switches = run.own_cpu_s, run.switches
    return r


def measure_peak(variant, command, work):
    """Look at the tool's memory while it runs; what wait4 tells has the program's in it."""
    words = [str(w) for w in variant.around(CLASSIC_HZ, work / "recording", command)]
    tool = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            cwd=work)
    while tool.poll() is None:
        try:
            m = re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{tool.pid}/status").read_text(), re.MULTILINE)
        except OSError:
            continue
        variant.peak_kib = max(variant.peak_kib, int(m[1]) if m else 0)
        time.sleep(0.01)


def run_all(of, rates, runs, command, helpers, work):
    """Interleaved; the first round warms the page cache and is thrown away. A variant that fails is left out."""
    failed = {}
    for i in range(runs + 1):
        for rate in rates:
            for v in of[i % len(of):] + of[:i % len(of)]:
                if v.name in failed:
                    continue
                try:
                    r = run_once(v, rate, command, helpers, work)
                except Unavailable as error:
                    failed[v.name] = str(error)
                    v.runs.clear()
                    continue
                if i > 0:
                    v.runs.setdefault(rate, []).append(r)
    return failed


# ---- statistics ----

def mean_interval(values):
    """Mean and the half width of its 95 % interval, by Student's t."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, float("nan")
    return mean, stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5


def median_interval(values):
    """Median and its 95 % interval by order statistics: no matter how far the outliers of a shared machine lie."""
    values, n = sorted(values), len(values)
    low = int(stats.binom.ppf(0.025, n, 0.5))
    return f"{statistics.median(values):.1f} [{values[low]:.1f}, {values[n - 1 - low]:.1f}]"


def welch(a, b):
    """t and p of the difference of two means with unequal variances."""
    if len(a) < 2 or len(b) < 2:
        return "", ""
    t = stats.ttest_ind(a, b, equal_var=False)
    return f"{t.statistic:+.2f}", f"{t.pvalue:.3f}"


def classic_table(of, rate):
    base = of[0].of(rate, "wall_s")
    perf = next((v.of(rate, "wall_s") for v in of if v.name == "perf record"), [])
    rows = []
    for v in of:
        wall = v.of(rate, "wall_s")
        if not wall:
            continue
        mean, half = mean_interval(wall)
        t, p = welch(wall, base) if v is not of[0] else ("", "")
        row = [v.name, f"{mean:.4f} ± {half:.4f}", f"{100 * statistics.stdev(wall) / mean:.2f}" if len(wall) > 1 else "",
               "" if v is of[0] else f"{100 * (mean / statistics.fmean(base) - 1):+.2f}", t, p,
               welch(wall, perf)[1] if v.name == "ruchy-record" else ""]
        samples = statistics.fmean(v.of(rate, "samples"))
        if not samples or v.name == "floor":
            rows.append(row + [""] * 7)
            continue
        cpu = statistics.fmean(v.of(rate, "recorder_cpu_s"))
        rows.append(row + [f"{statistics.median(v.of(rate, 'around_s')) * 1000:.0f}", f"{cpu:.4f}",
                           f"{100 * cpu / samples * 1000:.2f}", f"{v.peak_kib / 1024:.1f}",
                           f"{statistics.median(v.of(rate, 'switches')):.0f}",
                           f"{statistics.fmean(v.of(rate, 'bytes')) / samples:,.0f}",
                           f"{100 * sum(v.of(rate, 'lost')) / (sum(v.of(rate, 'lost')) + sum(v.of(rate, 'samples'))):.3f}"])
    table(["", "program s, mean", "CV %", "slowdown %", "t", "p", "p to perf", "around ms", "own CPU s",
           "CPU % at 1000/s", "RSS MiB", "switches", "bytes a sample", "lost %"], rows)


def per_sample_table(of, rates):
    rows = []
    for v in of[1:]:
        row = [v.name]
        for rate in rates:
            for clock in ("wall_s", "cpu_s"):
                base, got = of[0].of(rate, clock), v.of(rate, clock)
                samples = v.of(rate, "samples")
                if not got or not min(samples):
                    row.append("n/a")
                    continue
                # what was lost was taken, too
                each = [1e6 * (g - b) / (s + l) for g, b, s, l in zip(got, base, samples, v.of(rate, "lost"))]
                row.append(median_interval(each))
        rows.append(row)
    table(["µs of the program a sample", *(f"{clock}, {rate} Hz" for rate in rates for clock in ("wall", "CPU"))],
          rows)


# ---- all of it ----

def main():
    parser = argparse.ArgumentParser(description="what recording costs the program")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--rates", default="1000,10000", help="samples a second")
    parser.add_argument("--only", action="append", help="only this program")
    parser.add_argument("--json", type=Path, help="every run")
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("cache", type=Path)
    options = parser.parse_args()
    rates = [int(r) for r in options.rates.split(",")]
    bin_dir, helpers, perf = options.bin_dir.resolve(), options.bin_dir.resolve() / "tests/bench", shutil.which("perf")
    work = Path(tempfile.mkdtemp(prefix="ruchy-overhead-"))
    raw = {}
    try:
        machine(perf, f"{EVENT}; N = {options.runs} interleaved runs; means ± 95 % interval, medians [95 % interval]")
        for name, command, stack in programs(options.cache, helpers):
            if options.only and name not in options.only:
                continue
            if not os.access(command[0], os.X_OK):
                print(f"{name}: SKIP, no {Path(command[0]).name} (make bench-programs)\n")
                continue
            of = variants(bin_dir, helpers, perf, stack, work)
            failed = run_all(of, rates, options.runs, [str(c) for c in command], helpers, work)
            for v in of[2:]:
                if v.runs:
                    measure_peak(v, command, work)
            print(f"{name}: dumps of {stack} bytes")
            for variant, why in failed.items():
                print(f"  {variant}: n/a ({why})")
            if CLASSIC_HZ in rates:
                classic_table(of, CLASSIC_HZ)
            per_sample_table(of, rates)
            raw[name] = {v.name: {hz: [asdict(r) for r in runs] for hz, runs in v.runs.items()} for v in of}
    finally:
        shutil.rmtree(work)
    if options.json:
        options.json.write_text(json.dumps(raw))
    return 0


if __name__ == "__main__":
    sys.exit(main())

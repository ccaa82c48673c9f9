#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""sweep.py BIN_DIR BENCH_CACHE [--only stack|ring|watermark] [--runs N] - by what the recorder's defaults are chosen.

stack      --stack-size of 8, 16, 32 and 64 KiB: complete stacks and bytes a sample
ring       sample rings of 512 KiB to 8 MiB a CPU: lost samples at 10,000 Hz with dumps of 16 KiB, the recorder's
           CPU time, its wakeups. Also under load: two busy loops for each CPU beside
watermark  a wakeup at 1/16 to 1/2 of a ring: the same, at 10,000 Hz

Ring and watermark are constants of the program, not options: a recorder is built for each, below BIN_DIR/sweep.
Prints medians, asserts nothing (docs/overhead.md).
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import machine, measure, table
from workloads import counts_by_info, programs

TOP = Path(__file__).resolve().parents[2]
STACKS = (8192, 16384, 32768, 65528)
RINGS_KIB = (512, 1024, 2048, 4096, 8192)
PARTS = (16, 8, 4, 2)
HZ, DUMP = 10000, 16384


def build(bin_dir, name, flags):
    """A recorder with other constants."""
    to = bin_dir / "sweep" / name
    subprocess.run(["make", "-s", "-j2", "-C", TOP, f"B={to}", f"CFLAGS={flags}", to / "ruchy-record"], check=True,
                   stdout=subprocess.DEVNULL)
    return to / "ruchy-record"


def record(recorder, flags, command, work):
    return measure([recorder, "-e", "cpu_clock", "-o", work / "t.rtrace", *flags, "--", *command], work)


def completeness(analyze, trace, work):
    report = work / "report.json"
    subprocess.run([analyze, "-q", "--output", report, trace], check=True, stdout=subprocess.DEVNULL)
    return json.loads(report.read_text())["stacks"]["complete_percentage"]


def sweep_stack(bin_dir, commands, runs, work):
    rows = []
    for name, command in commands:
        for stack in STACKS:
            complete, each, cpu = [], [], []
            for _ in range(runs):
                run = record(bin_dir / "ruchy-record", ["-F", 1000, "--stack-size", stack], command, work)
                samples, _ = counts_by_info(bin_dir / "ruchy-analyze")(work / "t.rtrace", "")
                complete.append(completeness(bin_dir / "ruchy-analyze", work / "t.rtrace", work))
                each.append((work / "t.rtrace").stat().st_size / samples)
                cpu.append(1e6 * run.own_cpu_s / samples)
            rows.append([name, f"{stack:,}", f"{statistics.median(complete):.2f}", f"{statistics.median(each):,.0f}",
                         f"{statistics.median(cpu):.1f}"])
    table(["program, 1000 Hz", "dump", "complete %", "bytes a sample", "own CPU µs a sample"], rows)


def busy_loops(n):
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]


def sweep_built(bin_dir, what, variants, commands, runs, work):
    """`variants`: (text, name, flags). Interleaved, so that a slow moment meets all of them."""
    built = [(text, build(bin_dir, name, flags)) for text, name, flags in variants]
    rows = []
    for load in (0, 2 * os.cpu_count()):
        for program, command in commands:
            got = {text: [] for text, _ in built}
            loops = busy_loops(load)
            try:
                for _ in range(runs):
                    for text, recorder in built:
                        run = record(recorder, ["-F", HZ, "--stack-size", DUMP], command, work)
                        samples, lost = counts_by_info(bin_dir / "ruchy-analyze")(work / "t.rtrace", "")
                        got[text].append((100 * lost / (samples + lost), 1e6 * run.own_cpu_s / samples,
                                          1000 * run.switches / samples))
            finally:
                for p in loops:
                    p.kill()
                    p.wait()
            for text, _ in built:
                lost, cpu, switches = zip(*got[text])
                rows.append([f"{program}{', busy' if load else ''}", text, f"{statistics.median(lost):.3f}", f"{max(lost):.3f}",
                             f"{statistics.median(cpu):.1f}", f"{statistics.median(switches):.1f}"])
    table([f"program, {HZ} Hz, {DUMP} bytes", what, "lost %", "at most", "own CPU µs a sample", "switches per 1000"], rows)


def main():
    parser = argparse.ArgumentParser(description="other stack sizes, ring sizes and watermarks than the default ones")
    parser.add_argument("--only", choices=("stack", "ring", "watermark"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("cache", type=Path)
    options = parser.parse_args()
    bin_dir = options.bin_dir.resolve()
    # "deep, whole" is deep with another dump size; forks and threads have shallow stacks
    every = [(name, [str(c) for c in command]) for name, command, _ in programs(options.cache.resolve(), bin_dir / "tests/bench")
             if name in ("rust", "sqlite", "cppcheck", "deep") and os.access(command[0], os.X_OK)]
    if not every:
        print("SKIP: no programs (make bench-programs)")
        return 0
    few = [p for p in every if p[0] in ("rust", "cppcheck")]
    work = Path(tempfile.mkdtemp(prefix="ruchy-sweep-"))
    try:
        machine(None, f"cpu_clock; medians of {options.runs} runs")
        if options.only in (None, "stack"):
            sweep_stack(bin_dir, every, options.runs, work)
        if options.only in (None, "ring"):
            sweep_built(bin_dir, "ring, KiB", [(f"{k:,}", f"ring{k}", f"-DSAMPLES_BYTES={k << 10}u") for k in RINGS_KIB],
                        few, options.runs, work)
        if options.only in (None, "watermark"):
            sweep_built(bin_dir, "wakes at", [(f"1/{p}", f"part{p}", f"-DWATERMARK_PART={p}") for p in PARTS],
                        few, options.runs, work)
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())

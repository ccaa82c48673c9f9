#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""analyze.py BIN_DIR CACHE [--only MEASUREMENT] [--program NAME] ... - how fast recordings are analyzed.

Beside today's tools, in one run. Reads the recordings that programs.sh makes. Five measurements:

  whole     one process from start to end, symbols and inlined calls included, its output thrown away:
            ours from .rtrace and from perf.data, by one thread and by two, and perf and hotspot-perfparser
            from the same perf.data.
  warm      decoding, unwinding and aggregation only: what one more pass over the same samples costs in
            CPU time, when their tables are built and their symbols found: (K + 1 passes - one) / K. The
            recordings of K + 1 passes are made by repeat_trace and repeat_perf_data.py, with later times.
  scale     1 and 10 million samples, made by repeat_trace: time per sample, peak RSS.
  complete  the share of stacks that reach the thread's entry, by each tool's own output.
  addresses all unique pcs of one program's recording through each tool that turns addresses into lines.

Runs are interleaved, one round of all after the other; what takes longer than --slow-limit runs once, what
takes longer than --limit is stopped. Prints Markdown; --json has every run. Standard library only.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import Unavailable, measure
from hotspot import read_stacks

PROGRAMS = ("rust", "sqlite", "cppcheck", "deep")
ENTRIES = {"_start", "clone3", "__clone3", "clone", "__clone", "ret_from_fork_asm", "ret_from_fork"}
HOTSPOT = ("/usr/lib/*/libexec/hotspot-perfparser", "/usr/libexec/hotspot-perfparser",
           "/usr/lib/hotspot-perfparser")
MORE_PASSES = {"rtrace": 10, "perf.data": 3}  # the latter are gigabytes
# Both stop far earlier by default (perf at 127 frames, hotspot at 64), which makes deep stacks incomplete, and cheap.
MAX_STACK = ("--max-stack", "1024")
MAX_FRAMES = ("--max-frames", "1024")


@dataclass
class Job:
    """One command, measured in every round."""
    label: str
    command: list
    count: int                # of samples, or of addresses
    stdin: Path = None
    runs: list = field(default_factory=list)
    failed: str = None        # why there is no figure, or no more

    def median(self, what):
        return statistics.median(getattr(r, what) for r in self.runs)

    def spread(self):
        walls = [r.wall_s for r in self.runs]
        if len(walls) < 4:
            return f"{self.median('wall_s'):.2f}"
        low, mid, high = statistics.quantiles(walls, n=4, method="inclusive")
        return f"{mid:.2f} [{low:.2f}, {high:.2f}]"

    def as_json(self):
        return {"label": self.label, "count": self.count, "failed": self.failed,
                "runs": [{"wall_s": r.wall_s, "cpu_s": r.tree_cpu_s, "peak_kib": r.peak_kib} for r in self.runs]}


def run_rounds(jobs, options, work):
    for i in range(options.runs + 1):  # the first round warms the page cache, and is not counted
        for job in jobs:
            if job.failed:
                continue
            try:
                run = measure(job.command, work, limit_s=options.limit, stdin=job.stdin)
            except Unavailable as error:
                job.failed = str(error)
                continue
            if i > 0 or run.wall_s > options.slow_limit:
                job.runs.append(run)
            if run.wall_s > options.slow_limit:
                job.failed = "one run"


def text_of(command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace",
                          env={**os.environ, "LC_ALL": "C"}, **more).stdout


def in_thousands(rate):
    return f"{rate:,.0f}" if rate < 100 else f"{round(rate, -int(len(str(int(rate)))) + 3):,.0f}"


def table(head, rows):
    width = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    for n, row in enumerate([head, *rows]):
        print("| " + " | ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w)
                                for i, (c, w) in enumerate(zip(row, width))) + " |")
        if n == 0:
            print("|" + "|".join(("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":") for i, w in enumerate(width)) + "|")
    print(flush=True)


# ---- tools ----

class Ruchy:
    def __init__(self, bin_dir, work):
        self.analyze = bin_dir / "ruchy-analyze"
        self.work = work
        text = text_of([self.analyze, "--help"])
        self.threads = (1, 2) if "--jobs" in text else ()
        self.symbolizes = "symbolize" in text

    def folded(self, paths, threads=None):
        return [self.analyze, "-q", *([f"-j{threads}"] if threads else []), "--folded", "/dev/null", *paths]

    def facts(self, path):
        """Samples, and the share of complete stacks."""
        out = self.work / "facts.json"
        subprocess.run([str(self.analyze), "-q", "--no-inline", "--output", str(out), str(path)], check=True,
                       stderr=subprocess.DEVNULL)
        profile = json.loads(out.read_text())
        return profile["samples"], profile["stacks"]["complete_percentage"]


class Perf:
    def __init__(self, path):
        self.path = path

    def jobs(self, data, samples):
        if not self.path:
            return [Job(f"perf {what}", [], samples, failed="SKIP: perf is not installed")
                    for what in ("script", "report --stdio", "script --no-inline")]
        return [Job(f"perf {what}", [self.path, *what.split(), *MAX_STACK, "-i", data], samples)
                for what in ("script", "report --stdio", "script --no-inline")]

    def complete(self, data):
        """By the outermost frame's name, of samples that have one."""
        if not self.path:
            return None
        total = complete = 0
        with subprocess.Popen([self.path, "script", "--no-inline", *MAX_STACK, "-F", "ip,sym", "-i", str(data)],
                              text=True, errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            last = None
            for line in process.stdout:
                if line.strip():
                    last = line.split(None, 1)
                elif last is not None:
                    total += 1
                    complete += len(last) > 1 and last[1].strip() in ENTRIES
                    last = None
        return 100 * complete / total if total else None


class Hotspot:
    def __init__(self, work):
        self.path = next((p for pattern in HOTSPOT for p in Path("/").glob(pattern[1:])), None)
        self.work = work

    def command(self, data, output):
        return [self.path, *MAX_FRAMES, "--input", data, "--output", output]

    def jobs(self, data, samples):
        if not self.path:
            return [Job("hotspot-perfparser", [], samples, failed="SKIP: hotspot is not installed")]
        return [Job("hotspot-perfparser", self.command(data, "/dev/null"), samples)]

    def complete(self, data):
        if not self.path:
            return None
        output = self.work / "hotspot.stream"
        subprocess.run([str(c) for c in self.command(data, output)], check=True, stdin=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        outermost = list(read_stacks(output.read_bytes()))
        return 100 * sum(name in ENTRIES for name in outermost) / len(outermost) if outermost else None


# ---- whole analyses ----

def analysis_rows(jobs, complete, ours):
    rows = []
    for job in jobs:
        if not job.runs:
            rows.append([job.label, job.failed, "", "", "", ""])
            continue
        note = " (1 run)" if job.failed else ""
        wall = job.median("wall_s")
        rows.append([job.label, job.spread() + note, in_thousands(job.count / wall),
                     f"{wall / ours.median('wall_s'):.1f}×" if ours.runs else "n/a",
                     f"{max(r.peak_kib for r in job.runs) / 1024:.0f}", complete.get(job.label, "")])
    return rows


def shown(percent):
    return "n/a" if percent is None else f"{percent:.2f} %"


def measure_program(name, tools, cache, options, work):
    """Whole analyses of one program's two recordings; returns what is raw."""
    ruchy, perf, hotspot = tools
    trace, data = cache / f"{name}.rtrace", cache / f"{name}.perf.data"
    jobs, complete = [], {}
    for path, form in ((trace, "rtrace"), (data, "perf.data")):
        if not path.exists():
            print(f"SKIP: {name}: there is no {path}\n")
            continue
        samples, share = ruchy.facts(path)
        for n in ruchy.threads or (None,):
            label = f"ruchy-analyze{f' -j{n}' if n else ''}, {form}"
            complete[label] = shown(share)
            jobs.append(Job(label, ruchy.folded([path], n), samples))
    ours = next((j for j in reversed(jobs) if "perf.data" in j.label), jobs[-1] if jobs else None)
    if data.exists():
        jobs += perf.jobs(data, samples) + hotspot.jobs(data, samples)
        by_perf = shown(perf.complete(data))
        complete.update({j.label: by_perf for j in jobs if j.label.startswith("perf script --no")})
        complete["hotspot-perfparser"] = shown(hotspot.complete(data))
    if not jobs:
        return []
    run_rounds(jobs, options, work)
    counts = " and ".join(f"{n:,}" for n in dict.fromkeys(j.count for j in jobs))
    print(f"### {name}: {counts} samples\n")
    table(["", "wall s", "samples/s", "time to ours", "peak RSS MiB", "complete"], analysis_rows(jobs, complete, ours))
    return jobs


# ---- warm, and long ----

def repeated(bin_dir, path, samples, work):
    """A trace of that many samples, made of `path`; it is in the page cache when this returns."""
    out = work / f"{path.stem}.{samples}.rtrace"
    subprocess.run([bin_dir / "tests/bench/repeat_trace", str(samples), str(path), str(out)], check=True,
                   stdout=subprocess.DEVNULL)
    return out


def with_more_passes(bin_dir, path, form, samples, work):
    passes = MORE_PASSES[form] + 1
    if form == "rtrace":
        return repeated(bin_dir, path, samples * passes, work)
    out = work / "more.perf.data"
    # A process of its own: whatever this one grows to would count as the peak of all that it starts later.
    subprocess.run([sys.executable, Path(__file__).parent / "repeat_perf_data.py", str(passes), path, out], check=True)
    return out


def read_back(path):
    """The page cache holds the file as reading it leaves it: in large pages where the file system has them. One that
    was just written record by record, as repeat_perf_data.py does, stands in small ones, which cost four times as
    much to map: that would be a figure of how the file was made."""
    fd, piece = os.open(path, os.O_RDONLY), bytearray(1 << 20)
    try:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        while os.readv(fd, [piece]):
            pass
    finally:
        os.close(fd)


def warm_row(name, jobs):
    if not all(j.runs for j in jobs):
        return [name, next(j.failed for j in jobs if j.failed), "", ""]
    count = jobs[1].count - jobs[0].count
    median = (jobs[1].median("tree_cpu_s") - jobs[0].median("tree_cpu_s")) / count
    least = (min(r.tree_cpu_s for r in jobs[1].runs) - min(r.tree_cpu_s for r in jobs[0].runs)) / count
    return [name, in_thousands(1 / median), f"{1e9 * median:,.0f}", f"{1e9 * least:,.0f}"]


def measure_warm(tools, bin_dir, cache, names, options, work):
    """CPU time of one more pass, by one thread."""
    ruchy, rows, raw = tools[0], [], []
    one = 1 if ruchy.threads else None
    for name in names:
        for form in MORE_PASSES:
            path = cache / f"{name}.{form}"
            if not path.exists():
                continue
            samples = ruchy.facts(path)[0]
            more = with_more_passes(bin_dir, path, form, samples, work)
            for file in (path, more):
                read_back(file)
            jobs = [Job(f"{name} {form}", ruchy.folded([path], one), samples),
                    Job(f"{name} {form} again and again", ruchy.folded([more], one), ruchy.facts(more)[0])]
            run_rounds(jobs, options, work)
            raw += jobs
            more.unlink()
            rows.append(warm_row(f"{name}, {form}", jobs))
    print("### Decoding, unwinding and aggregation, tables warm, one thread\n")
    table(["", "samples/s and core", "ns a sample", "of the fastest runs"], rows)
    return raw


def measure_scale(tools, bin_dir, cache, options, work):
    path, ruchy = cache / "sqlite.rtrace", tools[0]
    if not path.exists():
        print(f"SKIP: scale: there is no {path}\n")
        return []
    jobs = []
    for samples in (1_000_000, 10_000_000):
        long = repeated(bin_dir, path, samples, work)
        jobs.append(Job(f"{samples:,} samples, {long.stat().st_size >> 20:,} MiB", ruchy.folded([long]),
                        ruchy.facts(long)[0]))
    run_rounds(jobs, options, work)
    for job in jobs:
        Path(job.command[-1]).unlink()
    print("### Long recordings, made of sqlite's\n")
    table(["", "wall s", "ns a sample", "CPU ns a sample", "peak RSS MiB"],
          [[j.label, j.spread(), f"{1e9 * j.median('wall_s') / j.count:,.0f}",
            f"{1e9 * j.median('tree_cpu_s') / j.count:,.0f}", f"{max(r.peak_kib for r in j.runs) / 1024:.0f}"]
           if j.runs else [j.label, j.failed, "", "", ""] for j in jobs])
    return jobs


# ---- addresses ----

def unique_pcs(program, data, perf):
    """Addresses in the program's file of every frame of the recording, by perf, which shares no code with us."""
    pcs = set()
    with subprocess.Popen([perf, "script", "--no-inline", *MAX_STACK, "-F", "ip,sym,dso", "-i", str(data)], text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            frame = re.match(r"\s+([0-9a-f]+) .*\((\S+)\)$", line)
            if frame and frame[2] == str(program):
                pcs.add(int(frame[1], 16))
    # They are addresses in the file, not in the process, for a program of this kind: see that they are.
    low, size = (int(v, 16) for v in re.search(r"LOAD\s+0x\w+ 0x(\w+) 0x\w+ 0x(\w+) 0x\w+ R E",
                                               text_of(["readelf", "-lW", program])).groups())
    return sorted(pc for pc in pcs if low <= pc < low + size)


def measure_addresses(tools, cache, options, work):
    program, data = cache / "cppcheck", cache / "cppcheck.perf.data"
    ruchy, perf, _ = tools
    if not (program.exists() and data.exists() and perf.path):
        print("SKIP: addresses: they come from perf's recording of cppcheck\n")
        return []
    pcs = unique_pcs(program, data, perf.path)
    if not pcs:
        print("SKIP: addresses: perf shows none of cppcheck in its recording\n")
        return []
    every, few = work / "pcs", work / "pcs.few"
    every.write_text("".join(f"0x{pc:x}\n" for pc in pcs))
    few.write_text("".join(f"0x{pc:x}\n" for pc in pcs[::20]))
    jobs = []
    if ruchy.symbolizes:
        jobs += [Job(f"ruchy-analyze symbolize{f' -j{n}' if n else ''}",
                     [ruchy.analyze, "symbolize", *([f"-j{n}"] if n else []), program], len(pcs), every)
                 for n in ruchy.threads or (None,)]
    for tool, flags, file in (("llvm-addr2line", "-fiC", every), ("addr2line", "-fiC", every),
                              ("eu-addr2line", "-fiC", few)):
        path = shutil.which(tool)
        count = len(pcs) if file == every else len(pcs[::20])
        jobs.append(Job(f"{tool} {flags}", [path, flags, "-e", program], count, file,
                        failed=None if path else f"SKIP: no {tool} on this system"))
    run_rounds(jobs, options, work)
    ours = jobs[0] if jobs[0].runs else None
    rows = [[j.label, f"{j.count:,}", j.spread() if j.runs else j.failed,
             in_thousands(j.count / j.median("wall_s")) if j.runs else "",
             f"{j.median('wall_s') / j.count / (ours.median('wall_s') / ours.count):.1f}×" if ours and j.runs else "",
             f"{max(r.peak_kib for r in j.runs) / 1024:.0f}" if j.runs else ""] for j in jobs]
    print(f"### Addresses: the {len(pcs):,} unique pcs of cppcheck's recording (eu-addr2line: every 20th)\n")
    table(["", "addresses", "wall s", "addresses/s", "time to ours", "peak RSS MiB"], rows)
    return jobs


# ---- the work ----

def describe_machine(tools, options):
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    virtual = "hypervisor" in Path("/proc/cpuinfo").read_text()
    _, perf, hotspot = tools
    versions = [text_of([perf.path, "--version"]).strip()] if perf.path else []
    if hotspot.path:
        versions.append(text_of([hotspot.path, "--version"]).strip() + " (" + text_of(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}", "hotspot"]) + ")")
    for tool in ("llvm-addr2line", "addr2line", "eu-addr2line"):
        if shutil.which(tool):
            lines = text_of([tool, "--version"]).splitlines()
            versions.append(next((line.strip() for line in lines if re.search(r"\d\.\d", line)), tool))
    facts = {"date": time.strftime("%Y-%m-%d"), "cpu": model, "cpus": os.cpu_count(), "virtual": virtual,
             "kernel": platform.release(), "versions": versions, "runs": options.runs, "load": os.getloadavg()[0]}
    print(f"{facts['date']}, {model}{' (virtual machine)' if virtual else ''}, {facts['cpus']} CPUs, Linux "
          f"{facts['kernel']}; cpu-clock. Median [quartiles] of {options.runs} interleaved runs.\nBeside: "
          f"{'; '.join(versions)}.\nLoad when this began: {facts['load']:.1f}.\n", flush=True)
    return facts


def main():
    parser = argparse.ArgumentParser(description="how fast recordings are analyzed, beside today's tools")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", action="append", choices=("whole", "warm", "addresses", "scale"),
                        help="one measurement (all but scale); repeatable")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="one program (all); repeatable")
    parser.add_argument("--limit", type=float, default=200, help="seconds after which a run is stopped (200)")
    parser.add_argument("--slow-limit", type=float, default=20, help="a run of more seconds is not repeated (20)")
    parser.add_argument("--json", type=Path, help="every run")
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("cache", type=Path)
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs is at least 1")
    cache, only = options.cache.resolve(), options.only or ("whole", "warm", "addresses")
    bin_dir = options.bin_dir.resolve()
    names = options.program or PROGRAMS
    work = Path(tempfile.mkdtemp(prefix=".bench-", dir=cache))  # gigabytes: not in what may be memory
    try:
        tools = (Ruchy(bin_dir, work), Perf(shutil.which("perf")), Hotspot(work))
        raw = {"machine": describe_machine(tools, options)}
        for name in names if "whole" in only else ():
            raw[name] = [j.as_json() for j in measure_program(name, tools, cache, options, work)]
        if "warm" in only:
            raw["warm"] = [j.as_json() for j in measure_warm(tools, bin_dir, cache, names, options, work)]
        if "scale" in only:
            raw["scale"] = [j.as_json() for j in measure_scale(tools, bin_dir, cache, options, work)]
        if "addresses" in only:
            raw["addresses"] = [j.as_json() for j in measure_addresses(tools, cache, options, work)]
        if options.json:
            options.json.write_text(json.dumps(raw, indent=1) + "\n")
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())

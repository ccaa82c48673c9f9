#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""live.py BIN_DIR PROGRAMS_DIR [CASE…] - record programs with known stacks, judge the stacks.

Each case records one program of tests/programs/ with BIN_DIR/ruchy-record, analyzes the trace
(--folded, --output) and checks what the program's source says of itself: chains, shares, and that
stacks whose leaf lies in the program's own image reach its entry. Shares and structure only;
nothing here depends on how fast the machine is.

    ok - name | not ok - name: why | SKIP - name: why          one line a case
    N passed, N failed, N skipped                              the last line

`--perf-stacks` judges perf record + perf script: the same checks then tell whether a program (or the
machine) is to blame. perf 6.1 loses stacks of processes that exec'ed and is asked for no inlined
frames here, so those cases fail. `--perf-recording` is perf record + our analyzer: it tells the
recorder's faults from the analyzer's. Standard library only.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

RATE_HZ = 1000
UNITS = 1200         # about 1.2 s of work
MIN_SAMPLES = 300    # fewer: the work is multiplied and the case recorded again
MIN_COMPLETE = 99.0  # % of samples in the program's own image that reach its entry
MARKER = "ruchy-live-marker-7f1c93d2b6"

# The loader's _start has no name where it is stripped.
ENTRY = re.compile(r"_start|ld-linux\S*\.so\S*\+0x[0-9a-f]+")
# where the C library has no symbol table, its thread entry has no name
THREAD_ENTRY = re.compile(
    r"_start|(__GI_)?(__)?clone3?|start_thread|thread_start|libc[.-].*\+0x[0-9a-f]+|\[unknown\]")
BROKEN = re.compile(r"\[broken: (.*)\]")


@dataclass
class Chain:
    """At least `share` percent of all samples have these frames, in this order, outermost first."""
    frames: list
    share: float = 95.0
    consecutive: bool = False


@dataclass
class Share:
    """Stacks with a frame `function` are `percent` of all samples, within `tolerance` points."""
    function: str
    percent: float
    tolerance: float = 5.0


@dataclass
class Stack:
    comm: str
    frames: list  # outermost first
    count: int
    broken: str | None = None


@dataclass
class Profile:
    stacks: list
    modules: dict                 # function name -> set of module names
    report: dict | None = None    # the JSON; None with perf
    recorder_line: str | None = None   # the closing line of ours
    trace: Path | None = None          # of ours
    record_with_perf: object = None    # () -> path of perf's recording of the same, for a control

    @property
    def total(self):
        return sum(s.count for s in self.stacks)


@dataclass
class Case:
    name: str
    program: str
    expect: list                                  # of Chain and Share
    args: list = field(default_factory=list)      # after UNITS; {dir} is the programs' directory, {work} one for its files
    record: list = field(default_factory=list)    # flags of the recorder
    own: set = field(default_factory=set)         # modules that count as the program's own
    entry: re.Pattern | None = ENTRY              # None: not expected to reach it
    also: list = field(default_factory=list)      # check(profile) -> complaint or None
    env: dict = field(default_factory=dict)
    names_from: str | None = None                 # twin with a symbol table, for a stripped program
    units: int = UNITS
    # attached to, not started by the recorder, once this (process id) -> bool holds
    attach_when: object = None


class Failure(Exception):
    pass


# ---- recording and reading ----

def run(command, env=None):
    result = subprocess.run([str(c) for c in command], env={**os.environ, **(env or {})}, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True, errors="replace")
    if result.returncode != 0:
        line = (result.stderr.strip().splitlines() or ["(nothing on stderr)"])[-1]
        raise Failure(f"{Path(command[0]).name} exited with {result.returncode}: {line}")
    return result


def parse_folded(text):
    """`comm;outer;…;leaf count` lines; `[broken: reason]` stands right after comm."""
    for line in text.splitlines():
        names, count = line.rsplit(" ", 1)
        comm, *frames = names.split(";")
        broken = BROKEN.fullmatch(frames[0]) if frames else None
        yield Stack(comm, frames[1:] if broken else frames, int(count), broken and broken.group(1))


def functions_of(report):
    """name -> modules, from every list of functions in the report."""
    modules = {}
    lists = [report.get("functions", [])]
    lists += [c.get("functions", []) for k in ("counters", "supporting_counters")
              for c in report.get(k, [])]
    for functions in lists:
        for f in functions:
            modules.setdefault(f["function"], set()).add(f["module"])
    return modules


def record_with_perf(case, command, data):
    flags = dict(zip(case.record[::2], case.record[1::2]))
    graph = "fp" if flags.get("--unwind") == "fp" else "dwarf," + flags.get("--stack-size", "16384")
    run(["perf", "record", "-q", "-N", "-o", data, "-e", "cpu-clock", "-F", RATE_HZ, "--call-graph",
         graph, "--", *command], case.env)
    return data


class Ruchy:
    """Our own two tools; with `perf_recorder`, our analyzer on perf's recording."""

    def __init__(self, bin_dir, perf_recorder):
        self.recorder, self.analyzer = bin_dir / "ruchy-record", bin_dir / "ruchy-analyze"
        self.perf_recorder = perf_recorder

    def profile(self, case, command, work):
        trace, folded, report = work / "t.rtrace", work / "t.folded", work / "t.json"
        line = None
        if self.perf_recorder:
            record_with_perf(case, command, trace)
        else:
            line = self.record(case, command, trace)
        traces = self.parts(work, line) if "--rotate" in case.record and line else [trace]
        run([self.analyzer, "--folded", folded, "--output", report, *traces])
        data = json.loads(report.read_text())
        # in the folded text `;` separates frames, so names have `:` in its place
        modules = {k.replace(";", ":"): v for k, v in functions_of(data).items()}
        return Profile(list(parse_folded(folded.read_text(errors="replace"))), modules, data, line,
                       None if self.perf_recorder else traces[0],
                       lambda: record_with_perf(case, ["setarch", "-R", *command],
                                                work / "control.data"))

    def parts(self, work, line):
        """The traces of a rotated recording, each of which is whole."""
        first, last = re.search(r" in (\S+) to (\S+),", line).groups()
        traces = [t for t in sorted(work.glob("t.*.rtrace")) if first <= str(t) <= last]
        if len(traces) < 3:
            raise Failure(f"{len(traces)} traces: nothing was rotated")
        for trace in traces:
            run([self.analyzer, "info", "--verify", trace])
        return traces

    def record(self, case, command, trace):
        """The recorder's closing line."""
        flags = [self.recorder, "-o", trace, "-F", RATE_HZ, *case.record]
        if case.attach_when is None:
            return run([*flags, "--", *command], case.env).stderr.strip()
        program = subprocess.Popen([str(c) for c in command], env={**os.environ, **case.env},
                                   stdin=subprocess.DEVNULL)
        try:
            while not case.attach_when(program.pid):
                if program.poll() is not None:
                    raise Failure(f"{case.program} ended before it could be attached to")
                time.sleep(0.001)
            line = run([*flags, "-p", program.pid]).stderr.strip()
            if program.wait() != 0:
                raise Failure(f"{case.program} exited with {program.returncode}")
            return line
        finally:
            program.kill()
            program.wait()


class PerfStacks:
    """perf record and perf script, as an oracle for the programs themselves."""

    def profile(self, case, command, work):
        data = work / "perf.data"
        record_with_perf(case, command, data)
        text = run(["perf", "script", "-i", data, "--no-inline", "-F", "comm,event,ip,sym,dso"]).stdout
        stacks, modules = Counter(), {}
        for block in text.split("\n\n"):
            header, *lines = block.strip("\n").splitlines() or [""]
            frames = []
            for line in lines:
                m = re.fullmatch(r"\s*([0-9a-f]+) (.*) \((.*)\)", line)
                if m is None:
                    continue
                module = Path(m.group(3)).name
                # our way of naming what has no symbol; good enough for the stripped program
                frames.append(m.group(2) if m.group(2) != "[unknown]" else f"{module}+0x{m.group(1)}")
                modules.setdefault(frames[-1], set()).add(module)
            if frames:
                stacks[header.split()[0], tuple(reversed(frames))] += 1
        return Profile([Stack(c, list(f), n) for (c, f), n in stacks.items()], modules)


# ---- what to wait for before attaching ----

def is_called(name):
    """The process has begun that program."""
    return lambda pid: Path(f"/proc/{pid}/comm").read_text().strip() == name


def has_threads(*names):
    """The process has threads with these names."""
    def holds(pid):
        comms = set()
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                comms.add((task / "comm").read_text().strip())
            except OSError:
                pass  # it has ended
        return comms >= set(names)
    return holds


def has_mapped(*names):
    """The process has had each of these libraries mapped."""
    seen = set()

    def holds(pid):
        maps = Path(f"/proc/{pid}/maps").read_text()
        seen.update(n for n in names if n in maps)
        return seen >= set(names)
    return holds


# ---- judging ----

def is_subsequence(patterns, frames):
    rest = iter(frames)
    return all(any(p.fullmatch(f) for f in rest) for p in patterns)


def is_run(patterns, frames):
    return any(all(p.fullmatch(f) for p, f in zip(patterns, frames[i:]))
               for i in range(len(frames) - len(patterns) + 1))


def percent(part, whole):
    return 100.0 * part / whole if whole else 0.0


def share_of(profile, function):
    pattern = re.compile(function)
    return percent(sum(s.count for s in profile.stacks if any(map(pattern.fullmatch, s.frames))),
                   profile.total)


def commonest(profile):
    s = max(profile.stacks, key=lambda s: s.count, default=None)
    return "none" if s is None else ";".join([s.comm] + ([f"[{s.broken}]"] if s.broken else []) + s.frames)


def check_chain(profile, chain):
    patterns = [re.compile(f) for f in chain.frames]
    holds = is_run if chain.consecutive else is_subsequence
    got = percent(sum(s.count for s in profile.stacks if holds(patterns, s.frames)), profile.total)
    if got < chain.share:
        return (f"{got:.1f} % of samples have {' > '.join(chain.frames)}, expected {chain.share:g} %"
                f" (commonest: {commonest(profile)})")
    return None


def check_share(profile, share):
    got = share_of(profile, share.function)
    if abs(got - share.percent) > share.tolerance:
        return f"{share.function} is in {got:.1f} % of samples, expected {share.percent:g} ± {share.tolerance:g}"
    return None


def check_complete(profile, case):
    """Of the samples whose leaf is in the program's own image: how many reach the entry?"""
    own = case.own | {case.program}
    inside = reached = 0
    worst = Counter()
    for s in profile.stacks:
        if not s.frames or not own & profile.modules.get(s.frames[-1], set()):
            continue
        inside += s.count
        if s.broken is None and case.entry.fullmatch(s.frames[0]):
            reached += s.count
        else:
            worst[s.broken or f"outermost frame {s.frames[0]}"] += s.count
    if inside == 0:
        return f"no sample's leaf is in {', '.join(sorted(own))}"
    if percent(reached, inside) < MIN_COMPLETE:
        return (f"{percent(reached, inside):.2f} % of {inside} samples reach the entry, expected"
                f" {MIN_COMPLETE:g} % (else: {worst.most_common(1)[0][0]})")
    return None


def check_trace(profile):
    """What holds for every recording of ours: loss told, sums equal, a valid zstd file."""
    report, complaints = profile.report, []
    told = re.search(r"(\d+) samples \((\d+) lost", profile.recorder_line)
    if told is None:
        complaints.append(f"the recorder's closing line tells no samples and loss: {profile.recorder_line!r}")
    elif (int(told[1]), int(told[2])) != (report["samples"], report["lost"]):
        complaints.append(f"recorder tells {told[1]} samples, {told[2]} lost; report {report['samples']},"
                          f" {report['lost']}")
    if shutil.which("zstd"):
        test = subprocess.run(["zstd", "-q", "-t", profile.trace], capture_output=True, text=True)
        if test.returncode != 0:
            complaints.append(f"zstd -t: {test.stderr.strip()}")
    return complaints


def judge(case, profile):
    complaints = []
    for expected in case.expect:
        check = check_chain if isinstance(expected, Chain) else check_share
        complaints.append(check(profile, expected))
    if case.entry is not None:
        complaints.append(check_complete(profile, case))
    complaints += [check(profile) for check in case.also]
    if profile.trace is not None:
        complaints += check_trace(profile)
    return [c for c in complaints if c]


# ---- checks of single programs ----

def every(leaf, says, holds):
    """≥ 99 % of the stacks that have a frame `leaf` satisfy `holds`; `says` is the complaint."""
    def check(profile):
        of = [s for s in profile.stacks if leaf in s.frames]
        good = sum(s.count for s in of if holds(s))
        whole = sum(s.count for s in of)
        if percent(good, whole) < 99:
            return f"{says}: only {good} of {whole} stacks with {leaf}"
        return None
    return check


def is_marked(reason):
    """The walk could not get on: nearly every stack says so, and the report counts it."""
    def check(profile):
        if profile.report is None:
            return None
        marked = sum(s.count for s in profile.stacks if s.broken is not None)
        if percent(marked, profile.total) < 95:
            return f"{marked} of {profile.total} stacks are marked as broken, expected nearly all"
        ends = profile.report["stacks"]["ends"]
        if percent(ends.get(reason, 0), profile.total) < 95:
            return f"stacks.ends has {ends}, expected {reason}"
        if profile.report["stacks"]["complete_percentage"] > 5:
            return f"stacks.complete_percentage is {profile.report['stacks']['complete_percentage']}"
        return None
    return check


def lacks(function):
    """No stack names `function`: it lies beyond what the dump holds."""
    def check(profile):
        return f"{function} is in stacks that cannot reach it" if share_of(profile, function) > 1 else None
    return check


def json_shares(**expected):
    """Self shares in the JSON's list for the time base agree, too."""
    def check(profile):
        if profile.report is None:
            return None
        counters = profile.report["counters"] + profile.report["supporting_counters"]
        functions = next((c["functions"] for c in counters if c["functions"]), [])
        for name, percentage in expected.items():
            got = next((f["percentage"] for f in functions if f["function"] == name), 0)
            if abs(got - percentage) > 5:
                return f"JSON gives {name} {got} %, expected {percentage} ± 5"
        return None
    return check


def charged(counter, time=20, **expected):
    """Of this counter's events each function has about so many percent, by its own samples; (low, high) in the JSON.

    Each has at least `time` percent of the time, or its share of the events would say little."""
    def check(profile):
        if profile.report is None:
            return None
        of = next(c for c in profile.report["counters"] if c["name"] == counter)
        if of["total_samples"] < 50:
            return f"only {of['total_samples']} samples of {counter}"
        for name, (low, high) in expected.items():
            got = next((f["percentage"] for f in of["functions"] if f["function"] == name), 0)
            if not low <= got <= high:
                return f"{name} is charged {got:.2f} % of {counter}, expected {low} to {high}"
            if share_of(profile, name) < time:
                return f"{name} has {share_of(profile, name):.1f} % of the time, so that says little"
        return None
    return check


def threads_are(**expected):
    """threads[] has these names with these shares of the time base's samples."""
    def check(profile):
        if profile.report is None:
            return None
        threads = Counter()
        for t in profile.report["threads"]:
            threads[t["name"]] += sum(t["stacks"]["ends"].values())
        for name, percentage in expected.items():
            got = percent(threads[name], profile.total)
            if abs(got - percentage) > 5:
                return f"thread {name} has {got:.1f} % of samples, expected {percentage} ± 5 ({dict(threads)})"
        return None
    return check


def no_hash(profile):
    bad = [f for s in profile.stacks for f in s.frames if re.search(r"::h[0-9a-f]{16}", f)]
    return f"a name keeps its hash: {bad[0]}" if bad and profile.report is not None else None


def no_marker(profile):
    """The environment is in no trace (DESIGN: nothing at or above the initial stack pointer)."""
    if profile.trace is None or not shutil.which("zstd"):
        return None
    marker = MARKER.encode()
    raw = subprocess.run(["zstd", "-q", "-dc", profile.trace], capture_output=True).stdout
    if len(raw) < 10000:
        return f"zstd -dc prints only {len(raw)} bytes"
    if marker in raw or marker in profile.trace.read_bytes():
        return "the trace holds the marker of the environment"
    return None


def perf_has_marker(profile):
    """Control: the same dumps without that rule hold it, so no_marker looks at the right bytes.

    Without address randomization: else the kernel may leave an untouched page below the strings, and
    a dump ends there."""
    if profile.record_with_perf is None or not shutil.which("perf"):
        return None
    if MARKER.encode() not in profile.record_with_perf().read_bytes():
        return "control: perf's recording does not hold the marker either"
    return None


# slices of 0.5 ms take turns in 1 ms: at 1000 Hz one of the two might have all samples
NO_LOCK_STEP = ["--sampling-rate", "997"]
GRID = r".*lab::Grid<{}, 32u?l?u?>"
CASES = [
    Case("recursion", "recursion", [Chain(["_start", "main", "odd", "even", "bottom"])],
         also=[every("bottom", "16 frames each of odd and even",
                     lambda s: s.frames.count("odd") == s.frames.count("even") == 16)]),
    Case("static", "recursion_static", [Chain(["_start", "main"] + ["odd", "even"] * 16 + ["bottom"])]),
    Case("static-pie", "recursion_static_pie",
         [Chain(["_start", "main"] + ["odd", "even"] * 16 + ["bottom"])]),
    Case("stripped", "recursion_stripped",
         [Chain(["_start", "main"] + ["odd", "even"] * 16 + ["bottom"])], names_from="recursion"),
    Case("shares", "shares",
         [Chain(["_start", "main", "round_of_ten", "heavy|medium|light"]),
          Share("heavy", 60), Share("medium", 30), Share("light", 10)],
         also=[json_shares(heavy=60, medium=30, light=10)]),
    Case("threads", "threads",
         [Chain(["alpha_main", "alpha_work"], 60, True), Chain(["beta_main", "beta_work"], 27, True),
          Share("alpha_work", 66.7), Share("beta_work", 33.3)],
         entry=THREAD_ENTRY, also=[threads_are(alpha=66.7, beta=33.3)]),
    Case("forkexec: itself", "forkexec",
         [Chain(["_start", "main", "parent_work"], 27),
          Chain(["_start", "main", "run_forked", "forked_work"], 27),
          Chain(["_start", "main", "run_execed", "execed_work"], 27),
          Share("parent_work", 33.3), Share("forked_work", 33.3), Share("execed_work", 33.3)]),
    Case("forkexec: another program", "forkexec",
         [Chain(["_start", "main", "run_forked", "forked_work"], 27),
          Chain(["_start", "main"] + ["odd", "even"] * 16 + ["bottom"], 27), Share("bottom", 33.3)],
         args=["{dir}/recursion"], own={"recursion"}),
    Case("dlopen", "dlopen",
         [Chain(["_start", "main", "visit", "plugin_a_entry", "plugin_a_work"], 27),
          Chain(["_start", "main", "visit", "plugin_b_entry", "plugin_b_work"], 27),
          Chain(["_start", "main", "visit", "plugin_a_entry", "host_callback"], 12),
          Chain(["_start", "main", "visit", "plugin_b_entry", "host_callback"], 12),
          Share("plugin_a_work", 33.3), Share("plugin_b_work", 33.3)],
         own={"libplugin_a.so", "libplugin_b.so"},
         also=[every("plugin_a_work", "called by plugin_a_entry", lambda s: "plugin_a_entry" in s.frames),
               every("plugin_b_work", "called by plugin_b_entry", lambda s: "plugin_b_entry" in s.frames)]),
    Case("rotated: threads", "threads",
         [Chain(["alpha_main", "alpha_work"], 60, True), Chain(["beta_main", "beta_work"], 27, True),
          Share("alpha_work", 66.7), Share("beta_work", 33.3)],
         entry=THREAD_ENTRY, record=["--rotate", "0.2"]),
    Case("rotated: forkexec", "forkexec",
         [Chain(["_start", "main", "parent_work"], 27),
          Chain(["_start", "main", "run_forked", "forked_work"], 27),
          Chain(["_start", "main", "run_execed", "execed_work"], 27)],
         record=["--rotate", "0.1"]),
    Case("rotated: dlopen", "dlopen",
         [Chain(["_start", "main", "visit", "plugin_a_entry", "plugin_a_work"], 27),
          Chain(["_start", "main", "visit", "plugin_b_entry", "plugin_b_work"], 27),
          Share("plugin_a_work", 33.3), Share("plugin_b_work", 33.3)],
         own={"libplugin_a.so", "libplugin_b.so"}, record=["--rotate", "0.1"]),
    Case("cpp", "cpp",
         [Chain(["_start", "main", r".*lab::simulate<lab::Grid<double.*", GRID.format("double") + "::relax.*"], 55),
          Chain(["_start", "main", r".*lab::simulate<lab::Grid<float.*", GRID.format("float") + "::relax.*"], 10),
          Chain(["_start", "main", r".*lab::count_words.*"], 1)]),
    Case("cpp: inlined frames", "cpp",
         [Chain([GRID.format("double") + "::relax.*", r".*lab::mean_of_four<double>.*"], 10)], entry=None),
    Case("omitfp", "omitfp", [Chain(["_start", "main", "crowded", "dynamic", "scrambled"])]),
    Case("signal: on the normal stack", "signal",
         [Chain(["_start", "main", "trap_repeatedly", "victim", "trap_first", "on_trap", "handler_work"])]),
    Case("signal: on an alternate stack", "signal",
         [Chain(["on_trap", "handler_work"])], args=["altstack"], entry=None,
         also=[is_marked("truncated"), lacks("main")]),
    Case("bigframe: --stack-size 8192", "bigframe", [Chain(["big_frame", "big_leaf"])], entry=None,
         record=["--stack-size", "8192"], also=[is_marked("truncated"), lacks("main"), lacks("outer")]),
    Case("bigframe: default stack size", "bigframe",
         [Chain(["_start", "main", "outer", "big_frame", "big_leaf"])]),
    Case("bigframe: --stack-size 32768", "bigframe",
         [Chain(["_start", "main", "outer", "big_frame", "big_leaf"])], record=["--stack-size", "32768"]),
    Case("fptest: --unwind fp", "fptest", [Chain(["main", "fp_outer", "fp_middle", "fp_leaf"], 95, True)],
         record=["--unwind", "fp"], entry=None),
    *[Case(f"slices: of {us / 1000:g} ms", "slices", [], args=[str(us)], entry=None,
           record=["--counters", "cpu_cycles,page_faults", *NO_LOCK_STEP],
           also=[charged("page_faults", touches_pages=(95, 100), only_computes=(0, 2))])
      for us in (100, 500, 2000, 20000)],
    Case("env: no secret in the trace", "env",
         [Chain(["_start", "main", "shallow"], 43),
          Chain(["_start", "main"] + ["deep"] * 20 + ["deep_bottom"], 43)],
         env={"SECRET": MARKER}, also=[no_marker]),
    # the kernel puts up to 8 KiB of random padding below the strings; this reaches them from anywhere
    Case("env: no secret, with large dumps", "env", [Chain(["_start", "main", "shallow"], 43)],
         record=["--stack-size", "32768"], env={"SECRET": MARKER}, also=[no_marker, perf_has_marker]),
    Case("redacted: itself, forked, executed", "forkexec",
         [Chain(["_start", "main", "parent_work"], 27), Chain(["_start", "main", "run_forked", "forked_work"], 27),
          Chain(["_start", "main", "run_execed", "execed_work"], 27)], record=["--stack-privacy", "redact"]),
    Case("redacted: dlopen", "dlopen",
         [Chain(["_start", "main", "visit", "plugin_a_entry", "plugin_a_work"], 27),
          Chain(["_start", "main", "visit", "plugin_b_entry", "plugin_b_work"], 27)],
         args=["{dir}"], own={"libplugin_a.so", "libplugin_b.so"}, record=["--stack-privacy", "redact"]),
    *[Case(f"{what} told of by a {name}", "jit",
           [Chain(["_start", "main", "run", "generated_a"], 55), Chain(["_start", "main", "run", "generated_b"], 22),
            Share("generated_a", 66.7), Share("generated_b", 33.3)], args=args, own={"[jit]", "//anon"},
           record=record)
      for what, record in (("jit:", []), ("rotated: jit,", ["--rotate", "0.2"]))
      for name, args in (("perf map", ["map"]), ("jitdump", ["dump", "{work}"]))],
    Case("golden: no C library", "golden",
         [Chain(["_start", "golden_main"] + ["golden_descend"] * 5 + ["golden_leaf"])]),
    Case("rust: the contract's program", "rust_contract",
         [Chain(["_start", "main", "rust_contract::main", "rust_contract::(hot_function|compute_a|compute_b)"]),
          Share("rust_contract::hot_function", 70), Share("rust_contract::compute_a", 20),
          Share("rust_contract::compute_b", 10)], also=[no_hash]),
    Case("rust: traits, recursion, a thread", "rust_stacks",
         [Chain(["_start", "rust_stacks::main", "rust_stacks::drive", ".*(Square|Circle).*::area"], 43),
          Chain(["_start", "rust_stacks::main"] + ["rust_stacks::descend"] * 8 + ["rust_stacks::leaf"], 20),
          Chain([".*(start|thread_start|call_once).*", "rust_stacks::generic.*"], 20)],
         entry=THREAD_ENTRY, also=[no_hash, threads_are(worker=25)]),
]


# The same stacks as when the recorder starts the program; of shares only the least, since the beginning is missing.
for name, when, chains in [
        ("recursion", is_called("recursion"), []),
        ("stripped", is_called("recursion_strip"), []),
        ("threads", has_threads("alpha", "beta"),
         [Chain(["alpha_main", "alpha_work"], 30, True), Chain(["beta_main", "beta_work"], 10, True)]),
        ("dlopen", has_mapped("libplugin_a.so", "libplugin_b.so"),
         [Chain(["_start", "main", "visit", f"plugin_{x}_entry", leaf], 5)
          for x in "ab" for leaf in (f"plugin_{x}_work", "host_callback")]),
        ("signal: on an alternate stack", is_called("signal"), [])]:
    case = next(c for c in CASES if c.name == name)
    CASES.append(replace(case, name=f"attach: {name}", expect=chains or case.expect, attach_when=when,
                         also=[] if name == "threads" else case.also))


# ---- running ----

def rename_by_twin(profile, stripped, twin):
    """`stripped+0xADDR` becomes the name that the twin's symbol table has for ADDR."""
    nm = run(["nm", "-n", "--defined-only", twin]).stdout.split("\n")
    symbols = [(int(a, 16), n) for a, kind, n in (line.split() for line in nm if line.count(" ") == 2)
               if kind in "tT"]

    def rename(name):
        m = re.fullmatch(re.escape(stripped) + r"\+0x([0-9a-f]+)", name)
        at_or_below = [n for a, n in symbols if m and a <= int(m[1], 16)]
        return at_or_below[-1] if at_or_below else name

    for s in profile.stacks:
        s.frames = [rename(f) for f in s.frames]
    profile.modules = {rename(k): v for k, v in profile.modules.items()}


def complaints_of(case, tools, programs, work):
    """What is wrong with one recording of the case, all of it."""
    try:
        return run_case(case, tools, programs, work)
    except (Failure, OSError, ValueError, KeyError) as error:
        return [f"{type(error).__name__}: {error}" if not isinstance(error, Failure) else str(error)]


def run_case(case, tools, programs, work):
    units = case.units
    while True:
        command = [programs / case.program, units, *(a.format(dir=programs, work=work) for a in case.args)]
        profile = tools.profile(case, command, work)
        if profile.total >= MIN_SAMPLES or units > 20 * case.units:
            break
        units *= 4
    if profile.total < MIN_SAMPLES:
        return [f"only {profile.total} samples of {units} units of work"]
    if case.names_from:
        rename_by_twin(profile, case.program, programs / case.names_from)
    return judge(case, profile)


def main():
    parser = argparse.ArgumentParser(description="record programs with known stacks, judge the stacks")
    parser.add_argument("--perf-stacks", action="store_true", help="judge perf's stacks instead of ours")
    parser.add_argument("--perf-recording", action="store_true", help="our analyzer on perf's recordings")
    parser.add_argument("--keep", action="store_true", help="keep the recordings and say where")
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("programs_dir", type=Path)
    parser.add_argument("case", nargs="*", help="only cases whose name contains one of these")
    options = parser.parse_args()
    programs = options.programs_dir.resolve()
    tools = PerfStacks() if options.perf_stacks else Ruchy(options.bin_dir.resolve(), options.perf_recording)
    count = Counter()
    work = Path(tempfile.mkdtemp(prefix="ruchy-live-"))

    for case in CASES:
        if options.case and not any(c in case.name for c in options.case):
            continue
        directory = work / re.sub(r"\W+", "-", case.name)
        directory.mkdir()
        # only the Rust programs may be absent; another one that is not there is a failure
        if case.program.startswith("rust_") and not (programs / case.program).exists():
            count["skipped"] += 1
            print(f"SKIP - {case.name}: {case.program} was not built (no rustc)", flush=True)
            continue
        complaints = complaints_of(case, tools, programs, directory)
        if complaints:
            # shares are chance, and a busy machine takes its time from where it likes: once more, said aloud
            print(f"again - {case.name}: {'; '.join(complaints)}", flush=True)
            complaints = complaints_of(case, tools, programs, directory)
        count["failed" if complaints else "passed"] += 1
        print(f"not ok - {case.name}: {'; '.join(complaints)}" if complaints else f"ok - {case.name}",
              flush=True)
        if not options.keep:
            shutil.rmtree(directory)
    if options.keep:
        print(f"recordings: {work}")
    else:
        shutil.rmtree(work)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    # nothing passed is nothing tested
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

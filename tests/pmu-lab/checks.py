# SPDX-License-Identifier: MIT
"""What a case of the laboratory may demand: `holds NAME ARG...` calls check_NAME(run, *args).

A check returns None, or its complaint as a text. Arguments are the words of the case's line.
"""
import functools
import json
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import live
import read_trace

WHEN_AND_WHERE = {"timestamp", "host", "path"}  # what two recordings of the same thing may differ in


class Run:
    """What a case left behind, and the analyzer's view of it; everything is read once."""

    def __init__(self, case, kernel, analyzer, root, directory):
        self.case, self.kernel, self.analyzer, self.root, self.directory = case, kernel, analyzer, root, directory
        self.trace = directory / "t.rtrace"

    def text(self, name):
        return (self.directory / name).read_text(errors="replace")

    def printed(self):
        path = self.directory / "output"
        return path.read_text(errors="replace").strip() if path.exists() else ""

    def analyze(self, *arguments):
        return subprocess.run([self.analyzer, *arguments], capture_output=True, text=True, errors="replace",
                              check=False)

    @functools.cached_property
    def info(self):
        return self.analyze("info", self.trace).stdout

    @functools.cached_property
    def profile(self):
        """In the form that live.py judges."""
        with tempfile.TemporaryDirectory() as work:
            folded, report = Path(work) / "folded", Path(work) / "json"
            live.run([self.analyzer, "-q", "--symfs", self.root, "--folded", folded, "--output", report, self.trace])
            data = json.loads(report.read_text())
            modules = {k.replace(";", ":"): v for k, v in live.functions_of(data).items()}
            return live.Profile(list(live.parse_folded(folded.read_text(errors="replace"))), modules, data,
                                self.printed(), self.trace)

    @functools.cached_property
    def samples(self):
        """(event, Record) of every sample, by the reader that was written from format.md."""
        return self._read.found

    @functools.cached_property
    def events(self):
        """Its events, by number."""
        return list(dict.fromkeys(self._read.events.values()))

    @functools.cached_property
    def _read(self):
        reader = _Samples(self.trace.read_bytes())
        reader.run()
        return reader


class _Samples(read_trace.Reader):
    def __init__(self, data):
        self.found = []
        super().__init__(data, True, lambda line: None, self.damaged)

    @staticmethod
    def damaged(offset, text):
        raise ValueError(f"byte {offset}: {text}")

    def record_line(self, data, images):
        if read_trace.u32_at(data, 0) == read_trace.RECORD_SAMPLE:
            event = self.events[read_trace.u64_at(data, 8)]
            sample = read_trace.read_sample(data, event, read_trace.SP_BIT.get(self.arch))
            sample.id = read_trace.u64_at(data, 8)
            self.found.append((event, sample))
        return super().record_line(data, images)


# ---- how it was recorded ----

def check_status(run, status):
    got = run.text("status").strip()
    return None if got == status else f"{got}, expected {status}"


def check_says(run, *pattern):
    """A line of what was printed."""
    pattern = " ".join(pattern)
    return None if re.search(pattern, run.printed(), re.M) else f"nothing printed matches {pattern!r}"


def check_lines(run, count):
    """So many lines were printed."""
    got = len(run.printed().splitlines())
    return None if got == int(count) else f"{got}, expected {count}"


def check_interrupts(run):
    """The PMU's interrupts took the samples: info names the hardware's event, and the interrupts were at least as many."""
    line = (re.search(r"^event 0 .*", run.info, re.M) or [""])[0]
    if not re.match(r"event 0 +cpu_cycles: time base, type 0 config 0x0, .* by the PMU's interrupts", line):
        return f"info does not say that the PMU's cpu_cycles is the time base: {line}"
    if "precise_ip" in line:
        return f"info claims a precision that this PMU has not: {line}"
    before, after = map(int, run.text("interrupts").split())
    samples = run.profile.report["samples"]
    if not samples or after - before < samples / 2:  # one interrupt may be the overflow of two counters
        return f"{samples} samples, but {after - before} interrupts of the PMU"
    return None


def check_read_values(run, expected):
    """Are there counter values in the samples? yes or no, and no is said."""
    has = bool(run.samples) and all(s.read is not None for _, s in run.samples)
    said = "PERF_SAMPLE_READ" in run.info
    if (has, said) != ((True, False) if expected == "yes" else (False, True)):
        return f"samples {'have' if has else 'lack'} values, info {'tells of' if said else 'tells no'} fallback"
    return None


def check_unavailable(run, name):
    report = run.profile.report
    counter = next(c for c in report["counters"] + report["supporting_counters"] if c["name"] == name)
    if counter["available"] or not counter["reason"] or counter["total"] is not None:
        return f"available {counter['available']}, reason {counter.get('reason')!r}, total {counter['total']}"
    return None


# ---- numbers ----

def check_samples(run, least):
    got = int((re.search(r"of them (\d+) samples", run.info) or [0, "0"])[1])
    return None if got >= int(least) else f"{got}, expected at least {least}"


def check_period(run, period):
    """Every sample of the time base has this very period."""
    period = int(period)
    of = [s.period for e, s in run.samples if not read_trace.has(e.flags, read_trace.FLAG_FREQ)]
    other = [p for p in of if p != period]
    return None if of and not other else f"{len(other)} of {len(of)} samples differ, as {other[:3]}"


def check_steps(run, period):
    """READ of one sample to the next differs by what the kernel says: the period.

    An interrupt that comes late reads more, and the next one the less, since the counter goes on
    where it overflowed; but for a whole period late, when the kernel begins anew
    (armpmu_event_set_period). Nine in ten are on time."""
    period, due, steps, exact = int(period), {}, 0, 0
    for event, sample in run.samples:
        if read_trace.has(event.flags, read_trace.FLAG_FREQ):
            continue
        key, (value, of) = (sample.id, sample.tid), sample.read[0]
        if of != sample.id:
            return f"the value is of event {of}, the sample of {sample.id}"
        late = value - due.get(key, period)
        if late < 0:
            return f"the sample of {key} that was due at {value - late} reads {value}"
        steps, exact = steps + 1, exact + (late < period // 100)
        due[key] = (value if late >= period else value - late) + period
    return None if steps > 100 and exact >= 0.9 * steps else f"{exact} of {steps} are on time"


def check_share(run, function, percent, tolerance):
    """By the counter's events and by itself, in the JSON."""
    counter = run.profile.report["counters"][0]
    got = next((f["percentage"] for f in counter["functions"] if f["function"] == function), 0)
    if counter["name"] != "cpu_cycles" or not counter["available"]:
        return f"{counter['name']} is not what was counted"
    if abs(got - float(percent)) > float(tolerance):
        return f"{function} has {got:.2f} % of cpu_cycles, expected {percent} ± {tolerance}"
    return None


def check_ipc(run, expected, tolerance):
    got = run.profile.report["derived_metrics"]["ipc"]
    return None if got and abs(got - float(expected)) <= float(tolerance) else f"{got}, expected {expected} ± {tolerance}"


def check_true_ipc(run, expected):
    """Every instruction takes the same time, so every function's IPC is the machine's. The run's is counted: within 1 %.
    The functions' are sampled: the truth is inside of 95 % of their 95 % intervals, over all traces of the case."""
    expected, inside, intervals, wrong = float(expected), 0, 0, []
    traces = sorted(run.directory.glob("*.rtrace"))
    for trace in traces:
        report = json.loads(run.analyze("-q", "--symfs", run.root, "--output", "-", trace).stdout)
        ipc = report["derived_metrics"]["ipc"]
        if not ipc or abs(ipc / expected - 1) > 0.01:
            return f"{trace.name}: the run's IPC is {ipc}, expected {expected}"
        for function in report["functions"]:
            interval = function["derived_metrics"]["intervals"].get("ipc")
            if interval and interval["low"] is not None:
                intervals += 1
                inside += interval["low"] <= expected <= interval["high"]
                if not interval["low"] <= expected <= interval["high"]:
                    wrong.append(f"{trace.name} {function['function']} {interval['low']:.3f}..{interval['high']:.3f}")
    print(f"# {run.case}: {len(traces)} runs, IPC {expected} inside {inside} of {intervals} intervals")
    if intervals < 6 * len(traces) or not traces:
        return f"only {intervals} intervals in {len(traces)} traces"
    return None if inside >= 0.95 * intervals else f"{inside} of {intervals} intervals: " + "; ".join(wrong[:5])


# ---- counters ----

def event_of(run, name):
    """The number of the event that counts it."""
    found = re.search(rf"^counter +{re.escape(name)}: .*?, event (\d+)", run.info, re.M)
    if not found:
        raise ValueError(f"info has no event for {name}")
    return int(found[1])


def total_of(run, event):
    """(count, ns running) over all CPUs, at the end."""
    found = re.search(rf"^total +event {event}: count (\d+), .* running (\d+) ns", run.info, re.M)
    return int(found[1]), int(found[2])


def task_time_ns(run):
    """All threads' CPU time: that of the sideband event, which always runs."""
    return total_of(run, int(re.findall(r"^event (\d+) +sideband", run.info, re.M)[0]))[1]


def coverage_of(run, name):
    return total_of(run, event_of(run, name))[1] / task_time_ns(run)


def scaled_total(run, name):
    return total_of(run, event_of(run, name))[0] / coverage_of(run, name)


def check_mode(run, *words):
    """How the events were opened together, as a part of info's line."""
    line = (re.search(r"^mode +(.*)", run.info, re.M) or ["", "none"])[1]
    return None if " ".join(words) in line else f"the mode is {line!r}"


def check_coverage(run, low, high, *names):
    """Percent of the tasks' time that each of these was on the PMU; and the time base always."""
    for name, least, most in [("cpu_cycles", 99, 101)] + [(n, float(low), float(high)) for n in names]:
        got = 100 * coverage_of(run, name)
        if not least <= got <= most:
            return f"{name} has {got:.1f} %, expected {least:g} to {most:g}"
    return None


def check_turns_hidden(run, high):
    """Time running / time enabled of the per-CPU events is no such measure: it is at most so many percent here."""
    found = re.search(r"^total +event 0: .* enabled (\d+) ns, running (\d+) ns", run.info, re.M)
    got = 100 * int(found[2]) / int(found[1])
    return None if got <= float(high) else f"running / enabled of the time base is {got:.1f} %"


def other(run, trace):
    """Another trace of the same run."""
    found = Run(run.case, run.kernel, run.analyzer, run.root, run.directory)
    found.trace = run.directory / trace
    return found


def check_scaled(run, tolerance, trace, name, *names):
    """Totals, scaled by coverage, differ by so many percent at most from `name` in another trace of the run."""
    alone = other(run, trace)
    expected = scaled_total(alone, name)
    if "take turns" in alone.info or coverage_of(alone, name) < 0.99:
        return f"{trace} took turns, too"
    for n in names:
        off = 100 * (scaled_total(run, n) / expected - 1)
        if abs(off) > float(tolerance):
            return f"{n} is {off:+.2f} % off"
    return None


def check_budget(run, times):
    """All counters together take at most so many times the samples of the time base."""
    base = sum(run.events.index(e) == 0 for e, _ in run.samples)
    others = len(run.samples) - base
    return None if 0 < others <= float(times) * base else f"{others} samples of counters, {base} of the time base"


def thread_counts(run, name):
    """Counts by thread: the last values that READ gave of each event and CPU; without READ the sums of periods."""
    last, sums = {}, Counter()
    for event, sample in run.samples:
        if run.events.index(event) != event_of(run, name):
            continue
        sums[sample.tid] += sample.period
        for value, of in sample.read or []:
            if of == sample.id:
                last[sample.tid, of] = max(value, last.get((sample.tid, of), 0))
    if last:
        sums = Counter()
        for (tid, _), value in last.items():
            sums[tid] += value
    return sums


def check_thread_totals(run, name, threads, tolerance):
    """So many threads have work of their own, and all threads' counts are the run's, within so many percent."""
    counts, total = thread_counts(run, name), total_of(run, event_of(run, name))[0]
    busy = [c for c in counts.values() if c > total / int(threads) / 2]
    off = 100 * (sum(counts.values()) / total - 1)
    if len(busy) != int(threads):
        return f"{len(busy)} threads worked, expected {threads}"
    return f"the threads' {name} are {off:+.2f} % off the run's" if abs(off) > float(tolerance) else None


def check_charged(run, trace, counter, function, low, high):
    """Percent of this counter's events that the JSON of a trace charges a function with."""
    of = next(c for c in other(run, trace).profile.report["counters"] if c["name"] == counter)
    got = next((f["percentage"] for f in of["functions"] if f["function"] == function), 0)
    if of["total_samples"] < 50:
        return f"only {of['total_samples']} samples of {counter}"
    return None if float(low) <= got <= float(high) else f"{trace}: {function} has {got:.2f} % of {counter}"


# ---- stacks ----

def check_live(run, name):
    """All that live.py says of that program: chains, shares, and that 99 % of its stacks are whole."""
    case = next(c for c in live.CASES if c.name == name)
    if run.profile.total < live.MIN_SAMPLES:
        return f"only {run.profile.total} samples"
    return "; ".join(live.judge(case, run.profile)) or None


def check_chain(run, least, *frames):
    """At least so many percent of the samples have these frames, outermost first; regular expressions."""
    return live.check_chain(run.profile, live.Chain(list(frames), float(least)))


def check_on_cpus(run, count):
    """Samples were taken on so many CPUs: a ring each."""
    rings = set(re.findall(r"^chunk \d+ samples .* ring=(\d+) ", run.info, re.M))
    return None if len(rings) == int(count) else f"on {len(rings)}"


def check_comms(run, *names):
    """Each of these commands has samples."""
    missing = set(names) - {s.comm for s in run.profile.stacks}
    return f"no samples of {', '.join(sorted(missing))}" if missing else None


def check_kernel_named(run, least):
    """At least so many percent of the samples in the kernel have their function's name."""
    kernel = [f for f in run.profile.report["counters"][0]["functions"] if f["module"].startswith("[kernel")]
    named = sum(f["samples"] for f in kernel if not re.match(r"\[|0x|\?", f["function"]))
    whole = sum(f["samples"] for f in kernel)
    return None if whole and named >= float(least) / 100 * whole else f"{named} of {whole}"


def check_waited(run, *names):
    """These functions were off the CPU as long as they say themselves (`waits`): to 2 % of all that they waited."""
    own = {n: int(w) - int(c) for n, w, c in re.findall(r"^(\w+) (\d+) (\d+)$", run.printed(), re.M)}
    folded = run.analyze("-q", "--symfs", run.root, "--weight", "off_cpu", "--folded", "-", run.trace).stdout
    got = Counter()
    for line in folded.splitlines():
        stack, _, ns = line.rpartition(" ")
        got.update({f: int(ns) for f in set(stack.split(";")) & set(names)})
    whole = sum(own[n] for n in names)
    wrong = [f"{n} {got[n]} ns, by itself {own[n]}" for n in names if abs(got[n] - own[n]) > 0.02 * whole]
    return "; ".join(wrong) or None


def check_markers(run, trace, low, high):
    """So many of the 1,000 markers are in the trace."""
    raw = subprocess.run(["zstd", "-dcq", run.directory / trace], capture_output=True, check=True).stdout
    got = len(set(re.findall(rb"Q\d{3}xyzW", raw)))
    return None if len(raw) > 10000 and int(low) <= got <= int(high) else f"{got} of {len(raw)} bytes, expected {low} to {high}"


def check_ends(run, reason, least):
    """At least so many percent of the stacks end for this reason."""
    ends = run.profile.report["stacks"]["ends"]
    got = live.percent(ends.get(reason, 0), sum(ends.values()))
    return None if got >= float(least) else f"{got:.1f} % end by {reason}, expected {least} % ({ends})"


# ---- traces ----

def check_whole(run):
    done = run.analyze("info", "--verify", run.trace)
    return None if done.returncode == 0 else f"info --verify exited with {done.returncode}: {done.stderr.strip()}"


def check_cut_but_readable(run):
    """What was recorded before the end that came too early can be read; and that it was cut is said."""
    verified = run.analyze("info", "--verify", run.trace)
    read = run.analyze("--symfs", run.root, run.trace)
    if verified.returncode != 1 or read.returncode != 0:
        return f"info --verify exited with {verified.returncode}, report with {read.returncode}: {read.stderr.strip()}"
    return None


def check_absent(run):
    return f"{run.trace.name} is there" if run.trace.exists() else None


def without(value, names):
    if isinstance(value, dict):
        return {k: without(v, names) for k, v in value.items() if k not in names}
    return [without(v, names) for v in value] if isinstance(value, list) else value


def check_same_json(runs):
    """Two boots: reports that differ in nothing but when and where."""
    if runs[0].trace == runs[1].trace:
        return "there is one trace"
    first, second = (without(r.profile.report, WHEN_AND_WHERE) for r in runs)
    if first != second:
        return "they differ in " + ", ".join(k for k in first if first[k] != second.get(k))
    return None if runs[0].profile.total >= live.MIN_SAMPLES else f"only {runs[0].profile.total} samples"

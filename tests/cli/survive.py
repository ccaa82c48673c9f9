#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""survive.py BIN_DIR [--kills N] [--sizes N] - whatever happens to a recording, its trace reads.

The recorder is killed at random moments in every mode, its disk is full at random sizes, its pipe is
closed after random bytes, it is stopped for a while, its reader is slow, its command is killed, two
of them write one file. What must hold of the trace is judged from its bytes: every chunk that stands
whole in the file is read, none is missing, and a killed recording lacks no more than the time of a
flush. `make survive` does it many times, and prints the distribution of what is missing.

One `ok`, `FAIL` or `SKIP` line a case; the exit status is 1 when a case failed.
"""

import argparse
import os
import random
import re
import resource
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CHUNK, ROUND = 0x184D2A52, 0x184D2A53
TAG = 0x43525452
META, SIDEBAND, SAMPLES = 1, 2, 3
FLUSH_MS = 600  # docs/format.md, "Rounds"
# A recorder that waits for a CPU flushes later, which is the machine's doing: of many kills the middle
# one is held to the promise. The others must show that time did not stop.
LATEST_MS = 3000

failed = 0


def ok(name, note=""):
    print(f"ok: {name}{' (' + note + ')' if note else ''}", flush=True)


def fail(name, why):
    global failed
    failed += 1
    print(f"FAIL: {name}: {why}", flush=True)


def skip(name, why):
    print(f"SKIP: {name}: {why}", flush=True)


def judge(name, problems, note=""):
    if problems:
        fail(name, f"{len(problems)} of them: " + "; ".join(problems[:3]))
    else:
        ok(name, note)


def whole_chunks(data):
    """(kind, greatest time) of the chunks whose bytes are all there, by walking the frames."""
    chunks, at, pending = [], 0, None
    while at + 8 <= len(data):
        magic, size = struct.unpack_from("<II", data, at)
        if not 0x184D2A50 <= magic <= 0x184D2A5F or at + 8 + size > len(data):
            break
        body = data[at + 8:at + 8 + size]
        at += 8 + size
        if magic != CHUNK or struct.unpack_from("<I", body)[0] != TAG:
            continue
        kind, last, stored = (struct.unpack_from(f, body, o)[0] for f, o in (("<I", 32), ("<Q", 48), ("<Q", 64)))
        if at + stored > len(data):
            break
        at += stored
        chunks.append((kind, last))
    return chunks


class Tools:
    def __init__(self, bin_dir, work):
        self.record, self.analyze = str(bin_dir / "ruchy-record"), str(bin_dir / "ruchy-analyze")
        self.work, self.busy = work, str(work / "busy")
        source = Path(__file__).resolve().parent / "busy.c"
        subprocess.run([*os.environ.get("CC", "cc").split(), "-O1", "-o", self.busy, source], check=True)

    def info(self, trace):
        return subprocess.run([self.analyze, "info", trace], capture_output=True, text=True, timeout=120)

    def problem(self, trace, ended=False):
        """What is wrong with a trace that was cut off anywhere; None: nothing."""
        chunks = whole_chunks(Path(trace).read_bytes())
        got = self.info(trace)
        if got.returncode:
            return f"{Path(trace).name} does not read: {got.stderr.strip()[:200]}"
        listed = len(re.findall(r"^chunk ", got.stdout, re.M))
        integrity = re.search(r"^integrity.*", got.stdout, re.M).group()
        if listed != len(chunks):
            return f"{len(chunks)} chunks are whole, {listed} are read"
        if "missing" in integrity or "damaged" in integrity:
            return integrity
        cut = re.search(r"^end +not recorded.*", got.stdout, re.M)
        if cut and any(kind == SAMPLES for kind, _ in chunks) and "all up to" not in cut.group():
            return "how far it reaches is not told"
        if ended and "integrity      whole" not in got.stdout:
            return integrity
        return None

    def samples(self, trace):
        return int(re.search(r"of them (\d+) samples", self.info(trace).stdout).group(1))


def kill_tree(process):
    """The recorder is gone; its command would run on."""
    for pid in process:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def cpu_seconds(pid):
    """That a process has had; 0: there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


# ---- SIGKILL ----

MODES = {  # options; {pid}: of a program that runs already; COMMAND: one is started
    "command": "COMMAND",
    "frame pointers": "--unwind=fp COMMAND",
    "16 KB dumps at 5000 Hz": "-F 5000 --stack-size=16384 COMMAND",
    "redacted": "--stack-privacy=redact COMMAND",
    "a process": "-p {pid}",
    "a thread": "-t {pid} --no-inherit",
    "everything": "-a",
    "one CPU": "-C {cpu} COMMAND",
    "off-CPU": "--off-cpu COMMAND",
    "rotated": "--rotate 0.3 COMMAND",
    "to a stream": "-o - COMMAND",
}


def killed_once(tools, options, pid):
    """Kill a recording; what is wrong, and how many ms of it are missing."""
    for old in tools.work.glob("k*.rtrace*"):
        old.unlink()
    trace = tools.work / "k.rtrace"
    words = options.format(pid=pid, cpu=min(os.sched_getaffinity(0))).replace("COMMAND", f"{tools.busy} 5000").split()
    to_stream = "-o -" in options
    with open(tools.work / "stream", "wb") as out:
        if not to_stream:
            words = ["-o", str(trace)] + words
        p = subprocess.Popen([tools.record, "-q"] + words, stdout=out, stderr=subprocess.PIPE, text=True)
    if to_stream:
        trace = tools.work / "stream"
    begun = lambda: (list(tools.work.glob("k*.rtrace")) if not to_stream else trace.stat().st_size) or p.poll() is not None
    if not wait_until(begun) or p.poll() is not None:
        kill_tree([p.pid])
        return f"did not begin: {p.stderr.read()[:200]}", None
    begun_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    time.sleep(random.uniform(0.02, 1.2))
    below = children(p.pid)
    p.kill()
    end_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    p.wait()
    kill_tree(below)
    # A killed recording of rotated traces ends in the last of them, or just before it was named.
    traces = sorted(tools.work.glob("k*.rtrace")) or [trace]
    if to_stream:
        traces = [trace]
    for t in traces:
        problem = tools.problem(t, ended=t != traces[-1])
        if problem:
            return f"{t.name}: {problem}", None
    last = max((time_ns for t in traces for kind, time_ns in whole_chunks(t.read_bytes()) if kind == SAMPLES), default=0)
    return None, (end_ns - max(last, begun_ns)) / 1e6


def kills(tools, count):
    target = subprocess.Popen([tools.busy, "100000000"])
    os.sched_setaffinity(target.pid, {min(os.sched_getaffinity(0))})
    problems, missing = [], []
    names = list(MODES)
    if subprocess.run([tools.record, "-q", "-o", tools.work / "probe.rtrace", "-a", "true"], capture_output=True).returncode:
        skip("kill -9 of a recording of everything", "not permitted")
        names = [n for n in names if MODES[n].split()[0] not in ("-a", "-C")]
    try:
        for i in range(count):
            name = names[i % len(names)]
            problem, gap = killed_once(tools, MODES[name], target.pid)
            if problem:
                problems.append(f"{name}: {problem}")
            else:
                missing.append((gap, name))
    finally:
        target.kill()
        target.wait()
    gaps = sorted(g for g, _ in missing)
    if gaps:
        spread = f"missing ms: median {statistics.median(gaps):.0f}, 90 % {gaps[len(gaps) * 9 // 10]:.0f}, most {gaps[-1]:.0f}"
        print(f"  {len(gaps)} kills, {spread}; within {FLUSH_MS} ms: {sum(g <= FLUSH_MS for g in gaps)}")
        if statistics.median(gaps) > FLUSH_MS:
            problems.append(f"more is missing than a flush: {spread}")
        problems += [f"{name}: {gap:.0f} ms are missing" for gap, name in missing if gap > LATEST_MS]
        judge(f"kill -9, {count} times, {len(names)} modes", problems, spread)
    else:
        judge("kill -9", problems or ["nothing was recorded"])


# ---- a full disk, a limit, a closed pipe ----

def record_busy(tools, output, cpu_ms=250, **more):
    return subprocess.run([tools.record, "-q", "-F", "5000", "-o", output, tools.busy, str(cpu_ms)],
                          capture_output=True, text=True, timeout=120, **more)


def judge_refused(tools, name, got, trace, reason):
    """The recording of a command could not be written to its end."""
    lines = got.stderr.splitlines()
    if got.returncode == 0 and not lines:  # on a busy machine a recording may be small enough
        problem = tools.problem(trace, ended=True)
        return f"{name}: {problem}" if problem else None
    if got.returncode != 1 or len(lines) != 1 or not re.search(reason, lines[0]):
        return f"{name}: status {got.returncode}, said {got.stderr[:200]!r}"
    if not trace.exists():  # not even the beginning had room: nothing was begun
        left = [p.name for p in trace.parent.iterdir() if p.name.startswith(trace.name)]
        return f"{name}: left {left}" if left else None
    problem = tools.problem(trace)
    return f"{name}: {problem}" if problem else None


def full_size(tools):
    trace = tools.work / "full.rtrace"
    record_busy(tools, trace)
    return trace.stat().st_size


def file_limits(tools, count, size):
    problems, trace = [], tools.work / "limited.rtrace"
    for _ in range(count):
        trace.unlink(missing_ok=True)
        limit = random.randrange(1, size // 2)
        got = record_busy(tools, trace, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        problem = judge_refused(tools, f"{limit} bytes", got, trace, "File too large")
        problems += [problem] if problem else []
    judge(f"a limit of file size, {count} times", problems)


def full_disks(tools, count, size):
    disk = tools.work / "disk"
    disk.mkdir()
    problems = []
    for i in range(count):
        pages = random.randrange(1, max(2, size // 2 // 4096))
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={pages * 4}k", "none", disk], capture_output=True).returncode:
            skip("a full disk", "mount is not permitted")
            return
        try:
            got = record_busy(tools, disk / "t.rtrace")
            problem = judge_refused(tools, f"{pages} pages", got, disk / "t.rtrace", "No space left")
            problems += [problem] if problem else []
        finally:
            subprocess.run(["umount", disk], check=True)
    judge(f"a full disk, {count} times", problems)


def closed_pipes(tools, count, size):
    problems, trace = [], tools.work / "piece.rtrace"
    for _ in range(count):
        wanted = random.randrange(1, size // 2)
        p = subprocess.Popen([tools.record, "-q", "-F", "5000", "-o", "-", tools.busy, "250"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        data = p.stdout.read(wanted)
        p.stdout.close()
        said = p.stderr.read().decode()
        p.wait()
        trace.write_bytes(data)
        if p.returncode == 0 and len(data) < wanted:  # it was small enough
            problem = tools.problem(trace, ended=True)
            problems += [f"{wanted} bytes: {problem}"] if problem else []
        elif p.returncode != 1 or said.count("\n") != 1 or "Broken pipe" not in said:
            problems.append(f"{wanted} bytes: status {p.returncode}, said {said[:200]!r}")
        elif whole_chunks(data):  # else not even what the trace is about
            problem = tools.problem(trace)
            problems += [f"{wanted} bytes: {problem}"] if problem else []
    judge(f"a pipe that is closed, {count} times", problems)


def refuses(name, regex, command, status=1, **more):
    got = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, **more)
    if got.returncode != status or got.stderr.count("\n") != 1 or not re.search(regex, got.stderr):
        fail(name, f"status {got.returncode}: {got.stderr[:300]!r}")
    else:
        ok(name)


def unwritable(tools):
    ran = tools.work / "ran"
    refuses("a closed standard output", "standard output: is not open to be written",
            ["sh", "-c", f"exec '{tools.record}' -q -o - touch '{ran}' >&-"])
    disk = tools.work / "read_only"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", disk], capture_output=True).returncode:
        skip("a read-only disk", "mount is not permitted")
    else:
        refuses("a read-only disk", "t.rtrace: cannot be created: Read-only", [tools.record, "-q", "-o", disk / "t.rtrace", "touch", ran])
        subprocess.run(["umount", disk], check=True)
    if ran.exists():
        fail("an output that cannot be written costs no run of the command", "it ran")


# ---- two writers, a stop, a slow reader, a killed command ----

def two_writers(tools):
    trace = tools.work / "shared.rtrace"
    first = subprocess.Popen([tools.record, "-q", "-o", trace, "sleep", "60"], stderr=subprocess.PIPE, text=True)
    wait_until(trace.exists)
    refuses("a file that another recording writes", "shared.rtrace: another recording is being written there",
            [tools.record, "-q", "-o", trace, "true"], status=1)
    trace.unlink()
    trace.write_text("somebody else's")
    kill_tree(children(first.pid))
    said = first.communicate(timeout=30)[1]
    if "shared.rtrace: was removed or replaced while it was written" in said:
        ok("a trace that lost its name is told of")
    else:
        fail("a trace that lost its name is told of", f"status {first.returncode}: {said!r}")
    if trace.read_text() != "somebody else's":
        fail("what took the name is left alone", trace.read_text()[:20])
    trace.unlink()
    killed = subprocess.Popen([tools.record, "-q", "-o", trace, "sleep", "60"], stderr=subprocess.DEVNULL)
    wait_until(trace.exists)
    below = children(killed.pid)
    killed.kill()
    killed.wait()
    kill_tree(below)
    got = subprocess.run([tools.record, "-q", "-o", trace, "true"], capture_output=True, text=True)
    judge("a killed recording holds nobody up", [got.stderr] if got.returncode else [])


def losses(text):
    """(event, cpu, count, from, to) of each loss that `info` lists."""
    found = re.findall(r"^loss +event (\d+) on cpu (\d+): (\d+) between (\d+) and (\d+) ns", text, re.M)
    return [tuple(int(n) for n in f) for f in found]


def told_losses(text, totals=True):
    """What is wrong with how `info` tells of losses; None: nothing."""
    told = losses(text)
    if not told:
        return "no loss is told of"
    lost = int(re.search(r"samples, (\d+) lost", text).group(1))
    by_total = sum(int(n) for n in re.findall(r"^total .*, lost (\d+)", text, re.M))
    if sum(n for _, _, n, _, _ in told) != by_total:
        return f"losses sum to {sum(n for _, _, n, _, _ in told)}, the totals say {by_total}"
    return f"records tell of {lost} lost, the totals of {by_total}" if lost > by_total else None


def stopped(tools):
    """While the recorder is stopped its rings fill up: what they lose is counted, with its time."""
    trace = tools.work / "stopped.rtrace"
    p = subprocess.Popen([tools.record, "-q", "-F", "10000", "--stack-size=65528", "-o", trace, tools.busy, "4000"])
    wait_until(lambda: trace.exists() and trace.stat().st_size > 20000)
    os.kill(p.pid, signal.SIGSTOP)
    from_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    computing = (children(p.pid) or [0])[0]
    enough = cpu_seconds(computing) + 1.5
    wait_until(lambda: cpu_seconds(computing) > enough or not Path(f"/proc/{computing}").exists(), 60)
    to_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    os.kill(p.pid, signal.SIGCONT)
    p.wait()
    text = tools.info(trace).stdout
    problems = [x for x in (tools.problem(trace, ended=True), told_losses(text)) if x]
    if not any(a < to_ns and b > from_ns for _, _, _, a, b in losses(text)):
        problems.append(f"no loss overlaps the stop: {losses(text)[:3]}")
    judge("a stopped recorder: the loss is counted, with its time", problems,
          f"{sum(n for _, _, n, _, _ in losses(text))} samples")


def slow_reader(tools):
    """A disk that takes nothing, then 200 kB a second: the trace is whole, what did not fit is counted."""
    fifo, trace = tools.work / "fifo", tools.work / "slow.rtrace"
    os.mkfifo(fifo)

    def copy():
        with open(fifo, "rb", buffering=0) as source, open(trace, "wb") as target:
            time.sleep(1.5)
            while piece := source.read(2048):
                target.write(piece)
                time.sleep(0.01 if time.monotonic() < throttled_until else 0)

    throttled_until = time.monotonic() + 3
    reader = threading.Thread(target=copy)
    reader.start()
    got = subprocess.run([tools.record, "-q", "-F", "10000", "--stack-size=65528", "-o", fifo, tools.busy, "2000"],
                         capture_output=True, text=True, timeout=120)
    reader.join()
    text = tools.info(trace).stdout
    problems = [x for x in (tools.problem(trace, ended=True), told_losses(text) if losses(text) else None) if x]
    if got.returncode or got.stderr:
        problems.append(f"status {got.returncode}: {got.stderr}")
    judge("a slow disk: the trace is whole", problems, f"{sum(n for _, _, n, _, _ in losses(text))} samples lost, and counted")


def killed_command(tools):
    trace = tools.work / "victim.rtrace"
    p = subprocess.Popen([tools.record, "-q", "-o", trace, tools.busy, "60000"])
    wait_until(lambda: trace.exists() and children(p.pid))
    time.sleep(0.3)
    kill_tree(children(p.pid))
    p.wait(timeout=30)
    text = tools.info(trace).stdout
    problem = tools.problem(trace, ended=True)
    if not problem and (p.returncode != 137 or "killed by signal 9" not in text):
        problem = f"status {p.returncode}: " + re.search(r"^end.*", text, re.M).group()
    judge("a command that is killed", [problem] if problem else [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sizes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    random.seed(options.seed)
    print(f"seed {options.seed}")
    work = Path(tempfile.mkdtemp())
    os.chdir(work)
    try:
        tools = Tools(options.bin_dir.resolve() if options.bin_dir.is_absolute() else Path(START, options.bin_dir), work)
        got = subprocess.run([tools.record, "-q", "-o", work / "probe.rtrace", "true"], capture_output=True, text=True)
        if got.returncode:
            skip("all that records", got.stderr.strip())
            return
        kills(tools, options.kills)
        size = full_size(tools)
        file_limits(tools, options.sizes, size)
        full_disks(tools, options.sizes, size)
        closed_pipes(tools, options.sizes, size)
        unwritable(tools)
        two_writers(tools)
        stopped(tools)
        slow_reader(tools)
        killed_command(tools)
    finally:
        os.chdir("/")
        shutil.rmtree(work, ignore_errors=True)


START = os.getcwd()
if __name__ == "__main__":
    main()
    sys.exit(1 if failed else 0)

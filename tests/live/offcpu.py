#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""offcpu.py BIN_DIR PROGRAMS_DIR - where threads wait and for how long, judged by their own clocks.

tests/programs/waits.c measures itself: around each way of spending time it reads the monotonic clock
and its thread's CPU clock. What --weight wall, off_cpu and on_cpu show for the same functions must be
that within LIMIT percent of all its time, whatever else the machine does. Recorded as root, with a
ring so short of room that most stacks are not sampled, and as an ordinary user.

    ok - name | not ok - name: why | SKIP - name: why
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

LIMIT = 2.0  # percent
WAYS = ("sleeps", "waits_for_lock", "reads_pipe", "computes")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
failed = 0


def judge(name, complaint):
    global failed
    failed += bool(complaint)
    print(f"not ok - {name}: {complaint}" if complaint else f"ok - {name}", flush=True)


def run(command, **more):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          **more)
    if done.returncode:
        raise SystemExit(f"not ok - {Path(str(command[0])).name}: status {done.returncode}: {done.stderr.strip()}")
    return done


def paranoid():
    return int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())


class Recording:
    def __init__(self, bin_dir, programs, work, args, flags=(), before=()):
        self.analyze = bin_dir / "ruchy-analyze"
        self.trace = work / "t.rtrace"
        done = run([*before, bin_dir / "ruchy-record", "-e", "cpu_clock", "--off-cpu", *flags, "-o", self.trace, "--",
                    programs / "waits", *args])
        self.said = done.stderr
        # name -> (wall, cpu) as the program measured
        self.own = {n: (int(w), int(c)) for n, w, c in (line.split() for line in done.stdout.splitlines())}

    def folded(self, weight):
        """ns by function of main's thread, each stack once; its whole as "main thread"; marks."""
        times = Counter()
        text = run([self.analyze, "-q", "--weight", weight, "--folded", "-", self.trace]).stdout
        for line in text.splitlines():
            names, ns = line.rsplit(" ", 1)
            comm, *frames = names.split(";")
            if comm == "waits":
                times["main thread"] += int(ns)
                times.update({f: int(ns) for f in set(frames)})
        return times

    def json(self, *flags):
        return json.loads(run([self.analyze, "-q", *flags, "--output", "-", self.trace]).stdout)


def differs(what, got, own, whole, limit=LIMIT):
    """A complaint where the two are further apart than `limit` percent of the whole."""
    if abs(got - own) <= limit / 100 * whole:
        return None
    return f"{what}: {got / 1e6:.1f} ms, by its own clocks {own / 1e6:.1f} (of {whole / 1e6:.0f})"


def check_split(r):
    wall, off, on = r.folded("wall"), r.folded("off_cpu"), r.folded("on_cpu")
    whole = sum(r.own[w][0] for w in WAYS)
    for way in WAYS:
        own_wall, own_cpu = r.own[way]
        judge(f"{way}: its wall time", differs("wall", wall[way], own_wall, whole))
        judge(f"{way}: on and off the CPU", differs("off", off[way], own_wall - own_cpu, whole) or
              differs("on", on[way], own_cpu, whole))
        if way != "computes":  # of each of these, not of all
            judge(f"{way}: its wait", differs("off", off[way], own_wall - own_cpu, own_wall))
    report = r.json("--weight", "wall")
    main = next(t for t in report["threads"] if t["name"] == "waits")["counters"]
    parts = sum(main[c]["count"] for c in ("cpu_clock", "blocked", "preempted") if c in main)
    judge("wall time is the sum of its parts", main["wall"]["count"] != parts and f"{main['wall']} of {main}")
    judge("the sleeper is blocked, not preempted",
          differs("blocked", r.folded("blocked")["sleeps"], off["sleeps"], off["sleeps"]))
    judge("nothing is without a stack", report["off_cpu"]["unsampled_ns"] * 100 > LIMIT * report["off_cpu"]["blocked_ns"]
          and f"{report['off_cpu']}")
    packed = r.trace.with_name("packed.rtrace")
    run([r.analyze, "pack", "--unwind", r.trace, "-o", packed])
    full, left = (run([r.analyze, "-q", "--weight", "off_cpu", "--folded", "-", t]).stdout for t in (r.trace, packed))
    judge("a trace of finished stacks tells the same", full != left and f"{left[:300]}")
    one, three = (run([r.analyze, "-q", "-j", n, "--weight", "wall", "--perf-script", "-", r.trace]).stdout for n in "13")
    judge("the same for any number of workers", one != three and "they differ")


def check_sums(name, r, limit=LIMIT):
    """Without most stacks the thread's time is still known."""
    own_wall, own_cpu = r.own["main"]
    off = r.folded("off_cpu")["main thread"]
    judge(f"{name}: the thread's time off the CPU", differs("off", off, own_wall - own_cpu, own_wall, limit))


def check_ordinary_user(bin_dir, programs, work):
    name = "an ordinary user"
    if os.getuid() != 0 or subprocess.run([*NOBODY, "true"], capture_output=True).returncode:
        print(f"SKIP - {name}: needs root and setpriv")
        return
    if paranoid() != 2:
        print(f"SKIP - {name}: kernel.perf_event_paranoid is {paranoid()}, not 2")
        return
    tools = work / "tools"  # where that user may read, and write the trace
    tools.mkdir()
    for f in (bin_dir / "ruchy-record", bin_dir / "ruchy-analyze", programs / "waits"):
        shutil.copy(f, tools)
    for d in (work.parent, work, tools):
        d.chmod(0o777)
    r = Recording(tools, tools, work, ["40", "5"], before=NOBODY)
    check_sums(name, r)
    off = r.json()["off_cpu"]
    judge(f"{name} is told that there are no stacks", "not where: stacks of context switches" not in r.said and r.said)
    judge(f"{name}: every interval is counted as without a stack", off["unsampled"] != off["intervals"] and f"{off}")


def check_pause(bin_dir, work):
    """What waits all through a pause is charged with what is before it only; the shell's parent is the recorder."""
    trace = work / "pause.rtrace"
    run([bin_dir / "ruchy-record", "-q", "-e", "cpu_clock", "--off-cpu", "-o", trace, "--", "sh", "-c",
         "sleep 2.3 & sleep 0.3; kill -USR1 $PPID; sleep 1; kill -USR1 $PPID; wait"])
    report = json.loads(run([bin_dir / "ruchy-analyze", "-q", "--weight", "off_cpu", "--output", "-", trace]).stdout)
    longest = max((t["counters"].get("blocked", {}).get("count", 0) for t in report["threads"] if t["name"] == "sleep"),
                  default=0)
    judge("a pause cuts what waits", not 0.2e9 < longest < 1.15e9 and f"{longest} ns of 2.3 s, 0.3 of them before the pause")
    judge("and that is counted", report["off_cpu"]["open"] < 1 and f"{report['off_cpu']}")


def main():
    bin_dir, programs = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory(prefix="ruchy-offcpu-") as top:
        work = Path(top) / "w"
        work.mkdir()
        if os.getuid() == 0 or paranoid() <= 1:
            check_split(Recording(bin_dir, programs, work, ["60", "10"]))
            # 4 MiB of dumps of 64 KiB in 100 ms, and some thousand switches
            r = Recording(bin_dir, programs, work, ["4000", "0"], ["--stack-size", "65528", "-F", "100"])
            off = r.json()["off_cpu"]
            judge("a storm of switches: some are not sampled", off["unsampled"] * 10 < off["intervals"] and f"{off}")
            judge("a storm of switches: nothing is lost", "(0 lost)" not in r.said and r.said)
            # what a switch costs with perf in it is on the CPU for the one, off it for the other
            check_sums("a storm of switches", r, 15)
            check_pause(bin_dir, work)
            run([bin_dir / "ruchy-record", "-q", "-e", "cpu_clock", "-o", work / "on.rtrace", "--", programs / "waits", "5", "1"])
            done = subprocess.run([str(bin_dir / "ruchy-analyze"), "--weight", "wall", str(work / "on.rtrace")],
                                  capture_output=True, text=True)
            judge("a recording without is told", (done.returncode != 2 or "ruchy-record --off-cpu" not in done.stderr)
                  and f"status {done.returncode}: {done.stderr}")
        else:
            print(f"SKIP - stacks of waits: kernel.perf_event_paranoid is {paranoid()}, and we are not root")
    with tempfile.TemporaryDirectory(prefix="ruchy-offcpu-") as top:
        work = Path(top) / "w"
        work.mkdir()
        check_ordinary_user(bin_dir, programs, work)
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

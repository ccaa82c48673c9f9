#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How often the gate of `ruchy-analyze diff` cries wolf, and how often it finds a wolf.

    diff_power.py BIN_DIR [--pool DIR] [--traces 60] [--false 200] [--power 100]

Records tests/bench/planted.c, as it is and with 10 % more work in the function that holds 30 % of the
time, --traces times each (in turn, so that both see the same weather), into --pool unless they are
there. Then draws sides from that pool at random, without replacement within a comparison:

  false alarms   5 traces a side, all of the same binary; --fail-on 'self>0%' must not fire
  power          10 traces a side; 'self>0%' must fire, and name `planted` first

Each trace is read once and compared as folded stacks without the thread's name, which have the same shares
and take a hundredth of the time: the clock's periods are all equal. Comparisons share traces, so they are not independent: the rates are of this pool on this machine.
Prints a table (docs/ci.md) and fails where a rate misses its goal.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FALSE_RULES = ["self>0%", "total>0%", "self>+1%"]
POWER_RULES = ["self>0%", "self>+1%"]


def record(args, pool):
    program = pool / "planted"
    if not program.exists():
        subprocess.run(["gcc", "-O2", "-g", "-o", program, HERE / "planted.c"], check=True)
    for i in range(1, args.traces + 1):
        for extra in (0, 10):
            trace = pool / f"p{extra}.{i:02}.rtrace"
            if not trace.exists():
                subprocess.run(["nice", f"{args.bin}/ruchy-record", "-q", "--sampling-rate", "5000", "-o", trace,
                                program, "8000", str(extra)], check=True)


def fold(args, trace):
    """The trace as folded stacks of its functions, beside it."""
    folded = trace.with_suffix(".folded")
    if not folded.exists():
        run = subprocess.run([f"{args.bin}/ruchy-analyze", "-q", "--folded", "-", trace], check=True,
                             capture_output=True, text=True)
        folded.write_text("".join(line.split(";", 1)[1] + "\n" for line in run.stdout.splitlines()))
    return folded


def fired(args, base, new, rules):
    """The rules that fired, and what each named first."""
    flags = [word for rule in rules for word in ("--fail-on", rule)]
    run = subprocess.run(["nice", f"{args.bin}/ruchy-analyze", "diff", "-q", "-j1", *flags, *base, "--", *new],
                         capture_output=True, text=True)
    if run.returncode not in (0, 3):
        sys.exit(run.stderr)
    found = {}
    for line in run.stderr.splitlines():
        for rule in rules:
            if f"'{rule}': " in line and "not judged" not in line:
                found[rule] = line.split(" of ", 1)[1].split(":", 1)[0]
    if (run.returncode == 3) != bool(found):
        sys.exit(f"status {run.returncode}, but: {run.stderr}")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--pool")
    parser.add_argument("--traces", type=int, default=60)
    parser.add_argument("--false", type=int, default=200)
    parser.add_argument("--power", type=int, default=100)
    args = parser.parse_args()
    pool = pathlib.Path(args.pool or tempfile.mkdtemp())
    pool.mkdir(parents=True, exist_ok=True)
    record(args, pool)
    same = [fold(args, trace) for trace in sorted(pool.glob("p0.*.rtrace"))]
    slow = [fold(args, trace) for trace in sorted(pool.glob("p10.*.rtrace"))]
    draw = random.Random(1)
    alarms = dict.fromkeys(FALSE_RULES, 0)
    hits = dict.fromkeys(POWER_RULES, 0)
    for _ in range(getattr(args, "false")):
        chosen = draw.sample(same, 10)
        for rule in fired(args, chosen[:5], chosen[5:], FALSE_RULES):
            alarms[rule] += 1
    for _ in range(args.power):
        found = fired(args, draw.sample(same, 10), draw.sample(slow, 10), POWER_RULES)
        for rule, first in found.items():
            hits[rule] += first == "planted"
    print(f"pool: {len(same)} and {len(slow)} traces; cores: {os.cpu_count()}")
    print("| question | rule | runs | fired | goal |\n|---|---|---:|---:|---:|")
    for rule, n in alarms.items():
        print(f"| same binary, 5 traces a side | `{rule}` | {getattr(args, 'false')} | {n} | at most 5 % |")
    for rule, n in hits.items():
        print(f"| planted +10 % of 30 %, 10 a side, named first | `{rule}` | {args.power} | {n} | at least 95 % |")
    good = alarms["self>0%"] <= 0.05 * getattr(args, "false") and hits["self>0%"] >= 0.95 * args.power
    sys.exit(not good)


if __name__ == "__main__":
    main()

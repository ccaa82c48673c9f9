#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""truth.py BIN_DIR PROGRAMS_DIR [TRACE…] - are joined stacks the true ones?

A recording with dumps of 65,528 bytes knows its stacks. Analyzed with --max-stack=16384, 8192 and
4096 the analyzer sees what smaller dumps would have held, and joins what it then has to; each joined
chain is compared with the uncut one. Recorded are a deep recursion and a large C++ program
(workloads.py); or the TRACEs are read instead.

        NAME, 16384 bytes: 50.79 % of 85,673 stacks whole, 99.99 % with the joined; …
    ok - NAME: 99.87 % of 1,539 joined stacks are the true ones

Fails where it is not to be believed that 99.5 % of such joined chains are right, taken over all sizes, or where
the deep recursion (and with --large, cppcheck) is less than 99 % complete with 16 KiB dumps.
Standard library only.
"""
import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workloads  # noqa: E402

SIZES = (16384, 8192, 4096)
MIN_RIGHT = 99.5      # % of the joined chains
MIN_CHANCE = 1e-3     # of so many wrong ones, were this the true share: a few hundred chains can't tell it closer
# % of the stacks with the first of SIZES, and by what recording. Most of what a compiler does deep down it
# does once: there is nothing to join that with.
MIN_COMPLETE = {"deep": 99.0, "cppcheck": 99.0}
MIN_JOINED = 100      # fewer prove nothing


def chains(path):
    """The frames of each sample of perf script text, leaf first."""
    frames, inside = [], False
    with open(path, errors="replace") as text:
        for line in text:
            if line == "\n":
                yield "".join(frames)
                frames, inside = [], False
            elif inside:
                frames.append(line)
            else:
                inside = True


def analyze(analyzer, trace, out, *flags):
    subprocess.run([analyzer, "-q", "--no-inline", "--perf-script", out, *flags, trace], check=True,
                   stderr=subprocess.DEVNULL)
    return chains(out)


def compare(analyzer, trace, size, directory):
    """(samples, complete when cut, joined, joined and known, joined and right)"""
    out = [Path(directory) / name for name in ("whole", "cut", "joined")]
    limit = f"--max-stack={size}"
    whole = analyze(analyzer, trace, out[0], "--no-join")
    cut = analyze(analyzer, trace, out[1], "--no-join", limit)
    joined = analyze(analyzer, trace, out[2], limit)
    n = complete = completed = known = right = 0
    for true, before, after in zip(whole, cut, joined, strict=True):
        n += 1
        complete += before == true
        if before == after:
            continue
        completed += 1
        # A stack that 65,528 bytes don't hold either is no truth, beyond what they do hold.
        known += true != before
        right += true != before and (after == true or (len(true) < len(after) and after.startswith(true)))
    return n, complete, completed, known, right


def chance(n, wrong):
    """That at least `wrong` of n chains are wrong where each is with the greatest share allowed."""
    share = 1 - MIN_RIGHT / 100
    ways = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(wrong)]
    return 1 - sum(math.exp(w + k * math.log(share) + (n - k) * math.log(1 - share)) for k, w in enumerate(ways))


def judge(analyzer, name, trace, directory):
    known = right = 0
    good = True
    for size in SIZES:
        n, complete, joined, k, r = compare(analyzer, trace, size, directory)
        known += k
        right += r
        percent = f"of {joined:,} joined {100 * r / k:.3f} % are right" if k else "none joined"
        print(f"    {name}, {size} bytes: {100 * complete / n:.2f} % of {n:,} stacks whole, "
              f"{100 * (complete + joined) / n:.2f} % with the joined; {percent}")
        if size == SIZES[0] and 100 * (complete + joined) / n < MIN_COMPLETE.get(name, 0):
            print(f"    which is less than {MIN_COMPLETE[name]} % complete")
            good = False
    share = 100 * right / known if known else 0
    good = good and known >= MIN_JOINED and chance(known, known - right) >= MIN_CHANCE
    print(f"{'ok' if good else 'not ok'} - {name}: {share:.3f} % of {known:,} joined stacks are the true ones")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("programs", type=Path)
    parser.add_argument("traces", nargs="*", type=Path)
    parser.add_argument("--large", action="store_true", help="record cppcheck instead, for minutes")
    args = parser.parse_args()
    bin_dir = args.bin_dir.resolve()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="ruchy-truth-") as directory:
        given = [(t.stem, t) for t in args.traces]
        record = workloads.record_large if args.large else workloads.record_deep
        for name, trace in given or record(bin_dir, args.programs.resolve(), directory):
            if isinstance(trace, str):
                print(f"SKIP - {name}: {trace}")
            elif not judge(bin_dir / "ruchy-analyze", name, trace, directory):
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

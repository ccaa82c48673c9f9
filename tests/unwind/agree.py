#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""agree.py BIN_DIR PROGRAMS_DIR [TRACE…] - do two engines walk the same stacks?

Records every program of tests/programs/, and a large C++ program that is there wherever g++ is (its
own compiler proper, cc1plus, at work), or reads the TRACEs instead; analyzes each with
--unwinder=rows and --unwinder=libunwind and compares the chains sample by sample, frame by frame.
Frames that agree are those from the leaf up to where the two part; of all frames of the longer chain.

    ok - programs: 99.98 % of 94,407 frames agree       all of tests/programs/ together; each TRACE
        12 part behind FUNCTION: libunwind ends         samples, by the place where the engines part

Fails where less than 99.9 % agree. docs/unwinding.md explains the places. Standard library only.
"""
import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

MIN_AGREE = 99.9     # % of the frames
MIN_FRAMES = 10000   # fewer prove nothing
ENGINES = ("rows", "libunwind")
SHOWN = 6            # places a recording

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workloads  # noqa: E402


def samples(path):
    """(header, [frame line…]) of perf script text, leaf first."""
    header, frames = None, []
    with open(path, errors="replace") as text:
        for line in text:
            if line == "\n":
                yield header, frames
                header, frames = None, []
            elif header is None:
                header = line
            else:
                frames.append(line)


def symbol(line):
    return line.split(None, 1)[1].strip() if line else "?"


def parted(a, b):
    """How many frames agree from the leaf on, and what happens then (None: nothing)."""
    same = 0
    for x, y in zip(a, b):
        if x != y:
            break
        same += 1
    if same == len(a) == len(b):
        return same, None
    behind = symbol(a[same - 1]) if same else "the sample itself"
    behind = behind.split("+0x")[0]
    if same == len(a):
        return same, f"{behind}: rows end"
    if same == len(b):
        return same, f"{behind}: libunwind ends"
    return same, f"{behind}: another caller"


def compare(analyze, trace, directory):
    """(frames in all, frames that agree, samples, Counter of places)"""
    files = [Path(directory) / engine for engine in ENGINES]
    for engine, path in zip(ENGINES, files):
        subprocess.run([analyze, "-q", "--no-inline", f"--unwinder={engine}", *workloads.no_join(analyze),
                        "--perf-script", path, trace], check=True, stderr=subprocess.DEVNULL)
    frames = agreed = n = 0
    places = Counter()
    for (header, a), (other, b) in zip(samples(files[0]), samples(files[1]), strict=True):
        if header != other:
            raise SystemExit(f"agree.py: {trace}: the engines list different samples")
        same, place = parted(a, b)
        frames += max(len(a), len(b))
        agreed += same
        n += 1
        if place:
            places[place] += 1
    return frames, agreed, n, places


def judge(name, frames, agreed, n, places):
    share = 100 * agreed / frames if frames else 0
    good = share >= MIN_AGREE and frames >= MIN_FRAMES
    print(f"{'ok' if good else 'not ok'} - {name}: {share:.3f} % of {frames:,} frames agree ({n:,} samples)")
    for place, count in places.most_common(SHOWN):
        print(f"    {count:6} part behind {place}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin_dir", type=Path)
    parser.add_argument("programs", type=Path)
    parser.add_argument("traces", nargs="*", type=Path)
    args = parser.parse_args()
    analyze = args.bin_dir.resolve() / "ruchy-analyze"
    if why := workloads.lacks_libunwind(analyze):
        print(f"SKIP - agreement of two engines: {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="ruchy-agree-") as directory:
        given = [(t.name, t.name, t) for t in args.traces]
        results = {}
        for group, name, trace in given or workloads.record_all(args.bin_dir.resolve(), args.programs.resolve(),
                                                                directory):
            if isinstance(trace, str):
                print(f"SKIP - {name}: {trace}")
                continue
            result = compare(analyze, trace, directory)
            results[group] = [a + b for a, b in zip(results[group], result)] if group in results else result
        failed = sum(not judge(name, *result) for name, result in results.items())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""privacy.py BIN_DIR PROGRAMS_DIR - what --stack-privacy=redact and pack --unwind leave out, and what they leave whole.

A program holds 1,000 random markers in its environment, on its stack and in registers: the redacted
trace has none of them, and the full one most. Then recordings of the programs with known stacks are
redacted by the recorder's own code (redact_trace), and every sample's stack is compared.
"""
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

N_MARKERS = 1000
UNITS = 150
LEAST_SAME = 0.999  # of all programs' stacks together: one has but hundreds of samples
LEAST_SAME_EACH = 0.99
PROGRAMS = ["recursion", "recursion_static_pie", "shares", "mixed", "threads", "forkexec", "dlopen", "omitfp",
            "signal", "bigframe", "slices", "crowd", "deep", "cpp", "golden", "rust_contract", "rust_stacks"]
ARGS = {"dlopen": ["{dir}"], "forkexec": ["{dir}/shares"], "deep": []}

failed = False


def judge(name, complaint):
    global failed
    failed |= bool(complaint)
    print(f"not ok - {name}: {complaint}" if complaint else f"ok - {name}", flush=True)


def run(command, env=None):
    return subprocess.run([os.fspath(c) for c in command], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def found(trace, markers):
    """How many of the markers the trace holds anywhere, decompressed or not."""
    plain, stored = run(["zstd", "-dcq", trace]), trace.read_bytes()
    if plain.returncode or len(plain.stdout) < len(stored):
        raise SystemExit(f"not ok - zstd -dc prints only {len(plain.stdout)} bytes of {len(stored)}: {plain.stderr}")
    raw = plain.stdout + stored
    return sum(m in raw for m in markers)


def check_markers(bin_dir, programs, work):
    rng = random.SystemRandom()
    markers = [bytes(rng.randrange(1, 256) for _ in range(8)) for _ in range(N_MARKERS)]
    env = {**os.environb, b"MARKERS": b"".join(markers)}
    for unwind in ("dwarf", "fp"):
        for mode in ("full", "redact"):
            trace = work / f"{unwind}-{mode}.rtrace"
            done = run([bin_dir / "ruchy-record", "-o", trace, "-q", "-F", "999", "--stack-size", "32768",
                        "--unwind", unwind, "--stack-privacy", mode, "--", programs / "secrets", str(UNITS * 2)], env)
            if done.returncode:
                return judge("markers", done.stderr.decode(errors="replace").strip())
            n = found(trace, markers)
            if mode == "redact":
                judge(f"a redacted trace holds no marker ({unwind})", n and f"it holds {n}")
            elif unwind == "dwarf":
                judge("control: a full trace holds them", n < 0.9 * N_MARKERS and f"it holds {n}")
    for unwind in ("dwarf", "fp"):
        packed = work / f"{unwind}-unwound.rtrace"
        done = run([bin_dir / "ruchy-analyze", "pack", "-q", "--unwind", work / f"{unwind}-full.rtrace", "-o", packed])
        if done.returncode:
            return judge("pack --unwind", done.stderr.decode(errors="replace").strip())
        n = found(packed, markers)
        judge(f"an unwound trace holds no marker ({unwind})", n and f"it holds {n}")
    info = run([bin_dir / "ruchy-analyze", "info", work / "dwarf-unwound.rtrace"]).stdout.decode()
    judge("info proves that no memory is in it",
          "no sample holds stack bytes or registers" not in info and info[-400:])
    info = run([bin_dir / "ruchy-analyze", "info", work / "dwarf-redact.rtrace"]).stdout.decode()
    judge("info says that it is redacted", "stack privacy  redact" not in info and info[:300])


def stacks(bin_dir, trace, work):
    text = work / "script.txt"
    done = run([bin_dir / "ruchy-analyze", "--perf-script", text, trace])
    if done.returncode:
        raise SystemExit(f"not ok - {trace}: {done.stderr.decode(errors='replace')}")
    return text.read_text(errors="replace").split("\n\n")


def check_stacks(bin_dir, programs, work):
    all_stacks = all_changed = 0
    for name in PROGRAMS:
        if not (programs / name).exists() and name.startswith("rust_"):
            print(f"SKIP - {name}: was not built (no rustc)")
            continue
        trace, redacted = work / "t.rtrace", work / "redacted.rtrace"
        args = [a.format(dir=programs) for a in ARGS.get(name, [])]
        run([bin_dir / "ruchy-record", "-o", trace, "-q", "-F", "4999", "--", programs / name, str(UNITS), *args])
        done = run([bin_dir / "tests/live/redact_trace", trace, redacted])
        if done.returncode:
            judge(name, done.stderr.decode(errors="replace").strip())
            continue
        full, left = stacks(bin_dir, trace, work), stacks(bin_dir, redacted, work)
        changed = sum(a != b for a, b in zip(full, left))
        all_stacks, all_changed = all_stacks + len(full), all_changed + changed
        judge(f"{name}: the stacks are the same",
              len(full) < 100 and f"only {len(full)} samples"
              or len(full) != len(left) and f"{len(full)} and {len(left)} samples"
              or changed > (1 - LEAST_SAME_EACH) * len(full) and f"{changed} of {len(full)} differ")
    judge("of all, 99.9 % of the stacks are the same",
          all_changed > (1 - LEAST_SAME) * all_stacks and f"{all_changed} of {all_stacks} differ")


def main():
    bin_dir, programs = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory(prefix="ruchy-privacy-") as work:
        check_markers(bin_dir, programs, Path(work))
        check_stacks(bin_dir, programs, Path(work))
    return failed


if __name__ == "__main__":
    sys.exit(main())

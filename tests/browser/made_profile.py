#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""made_profile.py DIR STACKS - DIR/made.data, a perf.data file with that many different stacks, and the
library that they are in: what a large recording is, without an hour of recording.

Cycles and instructions, eight threads, ten seconds, user and kernel frames. Some functions have the
names that people would give them who want to break what shows them. The same arguments give the
same file.
"""
import random
import struct
import subprocess
import sys
from pathlib import Path

BASE = 0x7F0000000000
FUNCTIONS = 1500
THREADS = 8
SECONDS = 10
SIZE = 32  # bytes of a function
HOSTILE = [
    b"</text><script>alert(1)</script>",
    b"</script><img src=x onerror=alert(2)>",
    b"two\nlines\tand;semicolons",
    b"not \xff\xfe UTF-8 \xc3(",
    b"]]>&amp;\"'`${alert(3)}",
    b"\xe2\x80\xaeback to front",
    b"long" * 25000,
]
IP, TID, TIME, CALLCHAIN, CPU, PERIOD, IDENTIFIER = 1, 2, 4, 0x20, 0x80, 0x100, 0x10000
SAMPLE_TYPE = IP | TID | TIME | CALLCHAIN | CPU | PERIOD | IDENTIFIER
MMAP, COMM_BIT, ID_ALL, MMAP2 = 1 << 8, 1 << 9, 1 << 18, 1 << 23
CONTEXT_USER = 2**64 - 512


def library(path):
    """FUNCTIONS functions of SIZE bytes: f0, f1, ..., the first of them with hostile names."""
    source = "".join(
        f'.type f{i},@function\nf{i}: .fill {SIZE},1,0x90\n.size f{i},{SIZE}\n' for i in range(FUNCTIONS)
    )
    subprocess.run(["gcc", "-x", "assembler", "-nostdlib", "-shared", "-o", path, "-"], input=source.encode(), check=True)
    for i, name in enumerate(HOSTILE):  # one at a time: a command line has its limits
        subprocess.run([b"objcopy", b"--redefine-sym", b"f%d=%s" % (i, name), bytes(path)], check=True)
    for line in subprocess.run(["readelf", "-SW", path], capture_output=True, check=True, text=True).stdout.splitlines():
        fields = line.replace("[ ", "[").split()
        if len(fields) > 4 and fields[1] == ".text":
            return int(fields[4], 16)
    sys.exit("no .text")


def record(kind, misc, body):
    return struct.pack("<IHH", kind, misc, 8 + len(body)) + body


def text(value):
    value += b"\0"
    return value + b"\0" * (-len(value) % 8)


def sample_id(tid, time, event):
    return struct.pack("<IIQIIQ", 1000, tid, time, 0, 0, event)


def sideband(path):
    out = b""
    for t in range(THREADS):
        name = HOSTILE[0][:15] if t == 1 else b"worker-%d" % t
        out += record(3, 0, struct.pack("<II", 1000, 1000 + t) + text(name) + sample_id(1000 + t, 1, 1))
    body = struct.pack("<IIQQQIIQQII", 1000, 1000, BASE, 1 << 24, 0, 8, 1, 2, 0, 5, 2)
    return out + record(10, 2, body + text(str(path).encode()) + sample_id(1000, 1, 1))


def stacks(count, rng):
    """Different stacks, from the root: a tree, some parts of which are much sampled."""
    seen, out = set(), []
    common = [tuple(rng.randrange(FUNCTIONS) for _ in range(rng.randint(2, 6))) for _ in range(60)]
    while len(out) < count:
        stack = (7,) + rng.choice(common) + tuple(rng.randrange(FUNCTIONS) for _ in range(rng.randint(2, 22)))
        if rng.random() < 0.02:
            stack += (rng.randrange(len(HOSTILE)),)
        if stack not in seen:
            seen.add(stack)
            out.append(stack)
    return out


def attr(config, period):
    flags = MMAP | COMM_BIT | ID_ALL | MMAP2
    return struct.pack("<IIQQQQQ", 0, 112, config, period, SAMPLE_TYPE, 0, flags) + b"\0" * 64


def samples(text_at, count):
    rng = random.Random(1)
    step = SECONDS * 10**9 // (2 * count)
    for n, stack in enumerate(stacks(count, rng)):
        chain = [CONTEXT_USER] + [BASE + text_at + f * SIZE + 9 for f in reversed(stack)]
        tid = 1000 + rng.choice((0, 0, 0, 1, 2, 3, 4, 5, 6, 7))
        ipc = 1 + stack[-1] % 7  # of the leaf: instructions are sampled as often as that
        for k, event in enumerate([1] + [2] * (1 if rng.random() < ipc / 8 else 0)):
            time = 10**9 + (2 * n + k) * step
            period = 1000000 if event == 1 else 2000000
            body = struct.pack("<QQIIQIIQQ", event, chain[1], 1000, tid, time, 0, 0, period, len(chain))
            yield record(9, 2, body + struct.pack(f"<{len(chain)}Q", *chain))


def make(directory, count):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    path = (directory / "libmade.so").resolve()
    text_at = library(path)
    data = sideband(path) + b"".join(samples(text_at, count))
    attrs = b"".join(
        attr(config, period) + struct.pack("<QQ", 104 + i * 8, 8)
        for i, (config, period) in enumerate([(0, 1000000), (1, 2000000)])
    )
    at = 104 + 16
    header = struct.pack("<8sQQQQQQQQ", b"PERFILE2", 104, 128, at, len(attrs), at + len(attrs), len(data), 0, 0)
    header += b"\0" * 32
    (directory / "made.data").write_bytes(header + struct.pack("<QQ", 1, 2) + attrs + data)
    return directory / "made.data"


if __name__ == "__main__":
    print(make(sys.argv[1], int(sys.argv[2])))

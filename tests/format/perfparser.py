#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perfparser.py BIN_DIR - chains of a recording made by others, frame by frame.

vector_static_gcc/perf.data of the corpora (RUCHY_CORPORA, default ../shared/corpora) comes with the
whole chain of every sample, as another unwinder found it. Every physical frame of ours must have the
same address and, where the expected text has a name, the same function. SKIPs aloud without corpora.
"""
import os
import re
import subprocess
import sys

LINE = re.compile(r"^\t([0-9a-f]+) ([0-9a-f]+)\t(.*)$")


def key(text):
    """Seconds with microseconds: what both texts have."""
    return text[:-3] if len(text.split(".")[1]) == 9 else text


def expected_chains(path):
    """{time: [(address, function or None)]}, physical frames, leaf first.

    A frame is two lines: where (address, caller, place) and what (symbol). Inlined calls come before
    the physical frame that they are part of; the first of them has its address."""
    chains, chain, pending, group = {}, None, None, None
    for line in open(path, encoding="utf-8", errors="replace"):
        head = re.match(r"^\S.*\t\d+\t\d+\t(\d+\.\d+)$", line)
        if head:
            chain = chains.setdefault(key(head.group(1)), [])
            pending = group = None
            continue
        m = LINE.match(line.rstrip("\n"))
        if not m or chain is None:
            continue
        if pending is None:
            pending = m
            continue
        if group is None:
            group = int(pending.group(1), 16)
        if not line.rstrip().endswith("(inlined)"):
            name = m.group(3).split("\t")[-1]
            name = re.sub(r" \S+ /.*$", "", name).strip()
            chain.append((group, name if name and "[kernel" not in name else None))
            group = None
        pending = None
    return chains


def our_chains(text):
    chains, chain = {}, None
    for line in text.splitlines():
        head = re.match(r"^\S.* (\d+\.\d+):\s", line)
        if head:
            chain = chains.setdefault(head.group(1), [])
        elif line.strip():
            address, rest = line.split(None, 1)
            name = re.sub(r"\+0x[0-9a-f]+ \(.*$", "", rest)
            chain.append((int(address, 16), None if name.startswith("[unknown]") else name))
    return chains


def symbol_addresses(path):
    """{name: address}, to tell that two names are one function's."""
    text = subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {f[2]: f[0] for f in (line.split() for line in text.splitlines()) if len(f) == 3}


def same(theirs, ours, leaf, addresses):
    """The expected text gives the address of the call, ours is the return address."""
    if theirs[0] != ours[0] and (leaf or theirs[0] != ours[0] - 1):
        return False
    if not theirs[1] or not ours[1]:
        return True
    base = lambda s: re.sub(r"[<(].*", "", s).split()[-1]
    a, b = base(theirs[1]), base(ours[1])
    return a == b or "operator" in theirs[1] or (a in addresses and addresses[a] == addresses.get(b))


def main():
    corpora = os.environ.get("RUCHY_CORPORA", "../shared/corpora")
    directory = os.path.join(corpora, "perfparser", "vector_static_gcc")
    if not os.path.isdir(directory):
        print(f"SKIP: perfparser: no recordings in {corpora}")
        return 0
    text = subprocess.run(
        [os.path.join(sys.argv[1], "ruchy-analyze"), "--no-inline", "--symfs", directory,
         "--perf-script=-", os.path.join(directory, "perf.data")],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    theirs = expected_chains(os.path.join(directory, "perf.data.expected.txt"))
    ours = our_chains(text)
    addresses = symbol_addresses(os.path.join(directory, "vector_static_gcc_v9.1.0"))
    wrong, compared, complete = [], 0, 0
    for time, chain in theirs.items():
        mine = ours.get(time)
        if mine is None:
            wrong.append(f"{time}: no such sample")
            continue
        compared += 1
        complete += bool(mine and mine[-1][1] == "_start")
        for i, frame in enumerate(chain):
            if i >= len(mine) or not same(frame, mine[i], i == 0, addresses):
                wrong.append(f"{time}: frame {i}: expected {frame[0]:x} {frame[1]}, got " +
                             (f"{mine[i][0]:x} {mine[i][1]}" if i < len(mine) else "the end"))
                break
    for line in wrong:
        print("  " + line)
    ok = not wrong and compared == len(theirs) == 45 and complete >= 42
    print(f"{'ok' if ok else 'not ok'} - perfparser/vector_static_gcc: {compared} chains compared, "
          f"{len(wrong)} differ, {complete} reach _start")
    return 0 if ok else 1


sys.exit(main())

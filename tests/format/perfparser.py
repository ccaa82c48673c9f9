#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""perfparser.py BIN_DIR - chains of recordings made by others, frame by frame.

perfparser/ of the corpora (RUCHY_CORPORA, default ../shared/corpora) comes with the whole chain of every
sample, as another unwinder and symbolizer found it: addresses, functions, inlined calls, file:line:column.
Every frame of ours, inlined ones too, must have the same address, function and place wherever the expected
text has them. SKIPs aloud without corpora.

One difference is known, and ours is right: in .plt the expected text says _init, the last symbol before it,
which is in another section (.init). No symbol covers the entries of .plt, so we say that we know none.
"""
import os
import re
import subprocess
import sys
from collections import Counter

# directory, recording, the program recorded, samples, stacks that have to reach _start
RECORDINGS = [
    ("vector_static_gcc", "perf.data", "vector_static_gcc_v9.1.0", 45, 42),
    ("vector_static_gcc", "perf.data.zstd", "vector_static_gcc_v9.1.0", None, None),
    ("fork_static_gcc", "perf.data.zstd", "fork", None, None),
]
LINE = re.compile(r"^\t([0-9a-f]+) ([0-9a-f]+)\t(.*)$")


def key(text):
    """Seconds with microseconds: what both texts have."""
    return text[:-3] if len(text.split(".")[1]) == 9 else text


def expected_chains(path):
    """{time: [(address, function or None, place or None)]}, leaf first.

    A frame is two lines: where (address, caller, place) and what (symbol). Inlined calls come before the
    physical frame that they are part of; the first of them has its address."""
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
        name = re.sub(r" \S+ /.*$", "", m.group(3).split("\t")[-1]).strip()
        place = pending.group(3).split("\t")[0]
        chain.append((group, name if name and "[kernel" not in name else None, place if ":" in place else None))
        if not line.rstrip().endswith("(inlined)"):
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
            name = re.sub(r"(\+0x[0-9a-f]+)? \([^()]*\)$", "", rest)
            chain.append((int(address, 16), None if name.startswith("[unknown]") else name))
    return chains


def places(bin_dir, program, chains):
    """{address: [place of each logical frame]}; a return address stands for the call before it."""
    wanted = sorted({a for chain in chains.values() for a, *_ in chain})
    text = subprocess.run([os.path.join(bin_dir, "ruchy-analyze"), "symbolize", program],
                          input="".join(f"{a:x}\n" for a in wanted), check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    blocks = text.split("\n\n")[:-1] if not text.endswith("\n\n\n") else text.split("\n\n")
    return {a: block.strip("\n").split("\n")[1::2] for a, block in zip(wanted, blocks)}


def symbol_addresses(path):
    """{name: address}, to tell that two names are one function's."""
    text = subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {f[2]: f[0] for f in (line.split() for line in text.splitlines()) if len(f) == 3}


def plt_of(path):
    """The addresses of .plt."""
    text = subprocess.run(["readelf", "-SW", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    m = re.search(r" \.plt +PROGBITS +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)", text)
    return range(int(m[1], 16), int(m[1], 16) + int(m[2], 16)) if m else range(0)


def difference(theirs, ours, leaf, addresses):
    """The expected text gives the address of the call, ours is the return address. None, or what differs."""
    if theirs[0] != ours[0] and (leaf or theirs[0] != ours[0] - 1):
        return "address"
    if theirs[1] and theirs[1] != ours[1]:
        a, b = theirs[1], ours[1]
        if not (a in addresses and addresses[a] == addresses.get(b)):
            return "function"
    return "place" if theirs[2] and theirs[2] != ours[2] else None


def with_places(chain, place):
    """Our logical frames with their places: those of one address follow each other, innermost first."""
    result, at, last = [], 0, None
    for address, name in chain:
        at = at + 1 if address == last else 0
        last = address
        lines = place.get(address, [])
        result.append((address, name, lines[at] if at < len(lines) else None))
    return result


def compare(bin_dir, directory, recording, program, samples, entries):
    data, program = os.path.join(directory, recording), os.path.join(directory, program)
    text = subprocess.run([os.path.join(bin_dir, "ruchy-analyze"), "--symfs", directory, "--perf-script=-", data],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    theirs, ours = expected_chains(data + ".expected.txt"), our_chains(text)
    addresses = symbol_addresses(program)
    # of the leaf the address itself, of callers the call's: both as the expected text has them
    place, plt = places(bin_dir, program, theirs), plt_of(program)
    wrong, compared, complete = [], Counter(), 0
    for time, chain in theirs.items():
        mine = ours.get(time)
        if mine is None:
            wrong.append(f"{time}: no such sample")
            continue
        compared["chains"] += 1
        complete += bool(mine and mine[-1][1] == "_start")
        shifted = [(a if a in place or a - 1 not in place else a - 1, n) for a, n in mine]
        placed = [(m[0], *f[1:]) for m, f in zip(mine, with_places(shifted, place))]
        leaf = chain[0][0] if chain else None
        for i, frame in enumerate(chain):
            what = difference(frame, placed[i], frame[0] == leaf, addresses) if i < len(placed) else "the end"
            if what == "function" and frame[1] == "_init" and placed[i][1] is None and frame[0] in plt:
                compared["entries of .plt said to be _init"] += 1
            elif what:
                wrong.append(f"{time}: frame {i}, {what}: expected {frame[0]:x} {frame[1:]}, got " +
                             (f"{placed[i][0]:x} {placed[i][1:]}" if i < len(placed) else "nothing"))
                break
            compared["frames"] += 1
            compared["functions"] += frame[1] is not None
            compared["places"] += frame[2] is not None
    for line in wrong:
        print("  " + line)
    ok = not wrong and compared["chains"] == len(theirs) and samples in (None, len(theirs))
    ok = ok and complete >= (entries or 0)
    counts = ", ".join(f"{v} {k}" for k, v in compared.items())
    print(f"{'ok' if ok else 'not ok'} - perfparser/{os.path.basename(directory)}/{recording}: {counts} compared, "
          f"{len(wrong)} differ, {complete} reach _start")
    return ok


def main():
    corpora = os.environ.get("RUCHY_CORPORA", "../shared/corpora")
    ok = True
    for name, *more in RECORDINGS:
        directory = os.path.join(corpora, "perfparser", name)
        if os.path.isdir(directory):
            ok &= compare(sys.argv[1], directory, *more)
        else:
            print(f"SKIP: perfparser/{name}: no recordings in {corpora}")
    return 0 if ok else 1


sys.exit(main())

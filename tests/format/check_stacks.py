#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do the stack reports of one profile agree?

    check_stacks.py PERF_SCRIPT FOLDED [SVG]   collapse the perf-script text as stackcollapse-perf.pl
                                               does, compare with the folded stacks, and both with
                                               the frames of the flame graph
    check_stacks.py --collapse PERF_SCRIPT     print the collapsed stacks

Differences that the formats demand are taken out: perf script prints "[unknown]" for a frame that
has no name, and knows no "[broken: reason]" frames. Exit status: 0 they agree, 1 they do not.
"""
import collections
import re
import sys
import xml.etree.ElementTree

HEADER = re.compile(r"^(?P<comm>\S.*?)\s+\d+(?:/\d+)?\s+(?:\[\d+\]\s+)?[\d.]+:\s+(?:\d+\s+)?(?P<event>\S+):")
FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<symbol>.*) \((?P<module>[^()]*(?:\([^()]*\))?[^()]*)\)$")
UNNAMED = re.compile(r"\+0x[0-9a-f]+$")
TITLE = re.compile(r"^(?P<name>.*) \((?P<samples>[\d,]+) samples, (?P<share>[\d.]+)%\)$", re.S)


def collapse(path):
    """Folded stacks of the first event: {"comm;outer;leaf": samples}."""
    stacks, frames, comm, first = collections.Counter(), [], None, None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if not line:
                if comm is not None:
                    stacks[";".join([comm] + frames[::-1])] += 1
                comm, frames = None, []
            elif not line[0].isspace() and not line.startswith("#"):
                header = HEADER.match(line)
                if not header:
                    sys.exit(f"{path}: not a header: {line}")
                first = first or header["event"]
                comm = header["comm"].replace(" ", "_") if header["event"] == first else None
            elif line[0].isspace():
                frame = FRAME.match(line)
                if not frame:
                    sys.exit(f"{path}: not a frame: {line}")
                frames.append(UNNAMED.sub("", frame["symbol"]).replace(";", ":"))
    return stacks


def folded(path):
    """What --folded wrote, with unnamed frames and broken stacks as perf script shows them."""
    stacks = collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            stack, _, samples = line.rstrip("\n").rpartition(" ")
            frames = [
                "[unknown]" if UNNAMED.search(frame) else frame
                for frame in stack.split(";")
                if not frame.startswith("[broken: ")
            ]
            stacks[";".join(frames)] += int(samples)
    return stacks


def check_graph(path, total):
    """Faults of the flame graph: nesting, titles, the root's samples."""
    svg = "{http://www.w3.org/2000/svg}"
    frames = []
    for group in xml.etree.ElementTree.parse(path).getroot().findall(f"{svg}g"):
        if group.get("id") != "frames":
            continue
        for frame in group:
            title = TITLE.match(frame.find(f"{svg}title").text)
            rect = frame.find(f"{svg}rect")
            if not title:
                yield f"not a title: {frame.find(f'{svg}title').text}"
                continue
            left, width = float(rect.get("x")), float(rect.get("width"))
            frames.append((float(rect.get("y")), left, left + width, title["name"]))
            if len(frames) == 1 and int(title["samples"].replace(",", "")) != total:
                yield f"the root has {title['samples']} samples, not {total}"
    rows = collections.defaultdict(list)
    for y, left, right, name in frames:
        rows[y].append((left, right, name))
    for y, row in rows.items():
        below = rows.get(y + 16)
        for (_, right, name), (left, _, other) in zip(sorted(row), sorted(row)[1:]):
            if left < right - 0.15:
                yield f"{name} and {other} overlap"
        for left, right, name in row:
            if below and not any(a <= left + 0.15 and right <= b + 0.15 for a, b, _ in below):
                yield f"{name} stands on nothing"


def main(arguments):
    if arguments[:1] == ["--collapse"]:
        for stack, samples in sorted(collapse(arguments[1]).items()):
            print(stack, samples)
        return 0
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    from_script, from_folded = collapse(arguments[0]), folded(arguments[1])
    faults = [
        f"{stack}: {from_script[stack]} in the perf-script text, {from_folded[stack]} folded"
        for stack in sorted(from_script.keys() | from_folded.keys())
        if from_script[stack] != from_folded[stack]
    ]
    if len(arguments) > 2:
        faults += check_graph(arguments[2], sum(from_folded.values()))
    for fault in faults[:20]:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

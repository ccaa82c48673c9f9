#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trim_trace.py TRACE OUT - copy a trace without what should not be kept in a repository.

A megabyte of kernel symbols is too much to keep beside a golden trace: the chunks of kallsyms are
replaced by one with the symbols that the trace's kernel addresses lie in, and the symbol after each.
The vdso's image may name the directory that its kernel was built in: such paths are overwritten, in
their length. The index is made anew; every other frame is copied as it is.
"""

import bisect
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "format"))
import made_traces  # noqa: E402
import read_trace  # noqa: E402

ITEM_VDSO = 12
KERNEL = range(0xffff800000000000, (1 << 64) - 4095)  # above: PERF_CONTEXT_* marks


def kernel_addresses(payload):
    """All numbers in the samples that could be one; a wrong guess keeps a line too many."""
    return {number for (number,) in struct.iter_unpack("<Q", payload[:len(payload) & ~7])
            if number in KERNEL}


def without_build_paths(items):
    """META with the long paths of VDSO items overwritten; nothing changes its length."""
    out, at = b"", 0
    while at < len(items):
        tag, length = struct.unpack_from("<II", items, at)
        end = at + (8 + length + 7 & ~7)
        item = items[at:end]
        if tag == ITEM_VDSO:
            item = re.sub(rb"/[!-~]{15,}", lambda path: b"/build/kernel".ljust(len(path[0]), b"/"),
                          item)
        out, at = out + item, end
    return out


def needed(lines, addresses):
    lines = sorted(lines, key=lambda line: int(line.split()[0], 16))
    starts = [int(line.split()[0], 16) for line in lines]
    keep = set()
    for address in addresses:
        after = bisect.bisect_right(starts, address)
        first = bisect.bisect_left(starts, starts[after - 1]) if after else 0
        keep.update(range(first, min(after + 1, len(lines))))  # with all aliases
    return [lines[i] for i in sorted(keep)]


def trim(data):
    reader = read_trace.Reader(data, False, lambda line: None, lambda at, text: None)
    at = reader.read_header()
    out = made_traces.Trace(reader.trace_id)
    out.data = data[:at]
    lines, addresses, chunks = [], set(), []
    while at < len(data):
        magic, body, end = reader.frame_at(at)
        if magic == read_trace.CHUNK:
            kind, raw, stored, form = struct.unpack_from("<32xI20xQQ4xI", body)
            frame, end = data[at:end + stored], end + stored
            payload = read_trace.inflate(frame[-stored:], raw, form)
            addresses |= kernel_addresses(payload) if kind == read_trace.SAMPLES else set()
            lines += payload.decode().splitlines() if kind == read_trace.KALLSYMS else []
            chunks.append((kind, frame, payload, body))
        elif magic != read_trace.INDEX:
            chunks.append((None, data[at:end], b"", body))
        at = end
    return assemble(out, chunks, needed(lines, addresses))


def assemble(out, chunks, lines):
    for kind, frame, payload, body in chunks:
        if kind is None:
            out.data += frame
        elif kind != read_trace.KALLSYMS:
            ring, first, last, count, form = struct.unpack_from("<36xIQQ16xII", body)
            stored = frame[8 + len(body):]
            if kind == read_trace.META:
                payload, stored, form = without_build_paths(payload), None, read_trace.PLAIN
            out.chunk(kind, payload, [], count, ring, first, last, stored, form)
        elif lines:
            text = "".join(line + "\n" for line in lines).encode()
            out.chunk(kind, text, [], len(lines))
            lines = []
    out.index()
    return out.data


def main(arguments):
    if len(arguments) != 2:
        print("usage: trim_trace.py TRACE OUT", file=sys.stderr)
        return 2
    with open(arguments[0], "rb") as file:
        data = trim(file.read())
    with open(arguments[1], "wb") as file:
        file.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""repeat_perf_data.py PASSES IN OUT - a long perf.data file from a short one: its samples PASSES times, each
pass with later times; what is not a sample once. Of one event, as perf record wrote the file on this machine.

The header is perf's tools/perf/Documentation/perf.data-file-format.txt, the records perf_event_open(2)'s.
"""
import struct
import sys

SAMPLE, FINISHED_ROUND = 9, 68
IDENTIFIER, IP, TID, TIME = 1 << 16, 1 << 0, 1 << 1, 1 << 2
N_FEATURE_BITS = 256


def records(data):
    """(type, start, size) of every record."""
    at = 0
    while at < len(data):
        kind, _, size = struct.unpack_from("<IHH", data, at)
        if size < 8 or at + size > len(data):
            raise SystemExit("repeat_perf_data: a record's size makes no sense")
        yield kind, at, size
        at += size


def time_at(sample_type):
    """Where a sample has its time: what stands before it is eight bytes each."""
    if not sample_type & TIME:
        raise SystemExit("repeat_perf_data: samples without times")
    return 8 + 8 * sum(bool(sample_type & bit) for bit in (IDENTIFIER, IP, TID))


def repeat(source, passes, out):
    magic, header_size, attr_size, attrs_at, _, data_at, data_size = struct.unpack_from("<8sQQQQQQ", source)
    if magic != b"PERFILE2":
        raise SystemExit("repeat_perf_data: not a perf.data file of this byte order")
    at = time_at(struct.unpack_from("<Q", source, attrs_at + 24)[0])
    data = bytearray(source[data_at:data_at + data_size])
    # A round after each pass: all of it is then older than what follows.
    samples = [(start, size) for kind, start, size in records(data) if kind == SAMPLE]
    rounds = {start for kind, start, _ in records(data) if kind == FINISHED_ROUND}
    times = [struct.unpack_from("<Q", data, start + at)[0] for start, _ in samples]
    step = max(times) - min(times) + 1
    out.write(source[:data_at])
    out.write(data)
    written = len(data)
    end_of_round = struct.pack("<IHH", FINISHED_ROUND, 0, 8)
    for _ in range(1, passes):
        for kind, start, size in records(data):
            if kind == SAMPLE:
                time, = struct.unpack_from("<Q", data, start + at)
                struct.pack_into("<Q", data, start + at, time + step)
            elif start not in rounds:
                continue
            out.write(memoryview(data)[start:start + size])
            written += size
        out.write(end_of_round)
        written += len(end_of_round)
    copy_features(source, data_at + data_size, written - data_size, out)
    out.seek(40)
    out.write(struct.pack("<QQ", data_at, written))


def copy_features(source, table, moved, out):
    """The table of sections behind the data and the sections themselves, which moved."""
    bits = sum(bin(byte).count("1") for byte in source[72:72 + N_FEATURE_BITS // 8])
    for i in range(bits):
        offset, size = struct.unpack_from("<QQ", source, table + 16 * i)
        out.write(struct.pack("<QQ", offset + moved, size))
    out.write(source[table + 16 * bits:])


def main():
    if len(sys.argv) != 4:
        raise SystemExit("usage: repeat_perf_data.py PASSES IN OUT")
    with open(sys.argv[2], "rb") as source, open(sys.argv[3], "wb") as out:
        repeat(source.read(), int(sys.argv[1]), out)


if __name__ == "__main__":
    main()

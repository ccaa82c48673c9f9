# SPDX-License-Identifier: MIT
"""What hotspot-perfparser wrote: the name of the outermost function of every sample.

Its stream is the magic "QPERFSTREAM\\0", a little-endian version, and messages of a little-endian size.
Each is a byte for its type and fields as Qt's QDataStream stores them: big-endian, byte strings and
lists with their length before them. Only the types read here are known to this file.
"""
import struct

LOCATION, SYMBOL, STRING, SAMPLE = 3, 4, 5, 13
MAGIC = b"QPERFSTREAM\0"


def messages(stream):
    if not stream.startswith(MAGIC):
        raise ValueError("not a stream of hotspot-perfparser")
    at = len(MAGIC) + 4
    while at + 4 <= len(stream):
        size, = struct.unpack_from("<I", stream, at)
        if size == 0 or at + 4 + size > len(stream):
            return
        yield stream[at + 4], memoryview(stream)[at + 5:at + 4 + size]
        at += 4 + size


def read_stacks(stream):
    """Yields a name, or None, for every sample."""
    strings, parents, names, outermost = {}, {}, {}, []
    for kind, body in messages(stream):
        if kind == STRING:  # id, length, bytes
            number, length = struct.unpack_from(">iI", body)
            strings[number] = bytes(body[8:8 + length]).decode(errors="replace") if length != 0xffffffff else ""
        elif kind == LOCATION:  # id, address, file, pid, line, column, parent
            number, _, _, _, _, _, parent = struct.unpack_from(">iQiIiii", body)
            parents[number] = parent
        elif kind == SYMBOL:  # id of the location, name
            number, name = struct.unpack_from(">ii", body)
            names[number] = name
        elif kind == SAMPLE:  # pid, tid, time, cpu, list of locations
            count, = struct.unpack_from(">I", body, 20)
            outermost.append(struct.unpack_from(">i", body, 24 + 4 * (count - 1))[0] if count else None)
    for location in outermost:
        # An inlined call's location has that of its caller as parent; names stand with the outermost.
        seen = 0
        while location not in names and parents.get(location, -1) >= 0 and seen < 64:
            location, seen = parents[location], seen + 1
        yield strings.get(names.get(location))

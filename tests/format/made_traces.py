#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""made_traces.py DIRECTORY - write small traces into DIRECTORY, each beside the lines expected of it.

Traces that no recorder makes on purpose: every field that a sample may have, shared stack bytes of
random threads, damaged records, bodies of a later version, two files joined. Each is made together
with the lines that a reader must give (read_trace.py says which), so it can be a reader's test:
`read_trace.py --self-test` and compare_readers.sh use them. Written from docs/format.md. One has no
lines: its compact payloads were damaged at random, and readers must agree on what is left.

The writer's stack images are kept as that page's words have them, a byte at a time; a reader that
is cleverer about it is checked against that.
"""

import os
import random
import struct
import subprocess
import sys
import zlib

TAG = 0x43525452
HEADER, CHUNK, ROUND, INDEX = 0x184D2A51, 0x184D2A52, 0x184D2A53, 0x184D2A54
META, SIDEBAND, SAMPLES, KALLSYMS, PERF_MAP, JITDUMP, OBJECT = 1, 2, 3, 4, 5, 6, 7
NAMES = {META: "meta", SIDEBAND: "sideband", SAMPLES: "samples", KALLSYMS: "kallsyms",
         PERF_MAP: "perf-map", JITDUMP: "jitdump", OBJECT: "object"}
MIB = 1 << 20
SP = 7  # bit of the stack pointer in x86_64's register mask


def compress(payload):
    return subprocess.run(["zstd", "-1cq", f"--stream-size={len(payload)}"], input=payload,
                          stdout=subprocess.PIPE, check=True).stdout


def pad(data):
    return data + bytes(-len(data) % 8)


class Trace:
    """A trace being made: its bytes, and the lines expected of them."""

    def __init__(self, trace_id=b"0123456789abcdef", grow=0):
        self.id, self.grow = trace_id, grow  # grow: bytes that a later version adds to a body
        self.data, self.lines, self.entries, self.ends = b"", [], [], []
        self.damaged = []  # offsets of chunks that no reader may take
        self.sequence = self.rounds = 0
        self.header()

    def frame(self, magic, body, grow=None):
        body += b"\xee" * (self.grow if grow is None else grow)
        body = struct.pack("<II", TAG, zlib.crc32(body)) + body
        self.data += struct.pack("<II", magic, len(body)) + body
        self.ends.append((len(self.data), len(self.lines)))

    def header(self, major=1, minor=0, incompatible=11):
        self.frame(HEADER, struct.pack("<HHIQQ16s", major, minor, 0, 0, incompatible, self.id))

    def chunk_frames(self, kind, raw_size, stored, count, ring=0, first=0, last=0, form=0):
        self.frame(CHUNK, self.id + struct.pack("<QIIQQQQII", self.sequence, kind, ring, first, last,
                                                raw_size, len(stored), count, form))
        self.ends.pop()  # not whole without its payload
        self.data += stored

    def damaged_chunk(self, raw_size, payload, count=1, form=1):
        """SAMPLES of which no reader may take a record."""
        self.damaged.append(len(self.data))
        self.chunk_frames(SAMPLES, raw_size, compress(payload), count, form=form)
        self.sequence += 1

    def chunk(self, kind, payload, lines, count=None, ring=0, first=0, last=0, stored=None, form=0):
        """`payload` is what readers shall find, `stored` the frame that they find it in."""
        stored = compress(payload) if stored is None else stored
        count = len(lines) if count is None else count
        offset = len(self.data)
        self.chunk_frames(kind, len(payload), stored, count, ring, first, last, form)
        self.lines.append(f"chunk {self.sequence} {NAMES.get(kind, 'unknown')} offset={offset} "
                          f"stored={len(self.data) - offset} raw={len(payload)} ring={ring} "
                          f"records={count} first={first} last={last}")
        self.lines += lines
        self.ends.append((len(self.data), len(self.lines)))
        self.entries.append(struct.pack("<QIIQQQII", offset, kind, ring, first, last, self.sequence,
                                        count, 0))
        self.sequence += 1

    def meta(self, items):
        payload = b""
        for tag, value in items:
            payload += pad(struct.pack("<II", tag, len(value)) + value)
        self.chunk(META, payload, [f"  item {tag} length={len(value)}" for tag, value in items])

    def records(self, kind, made, **more):
        self.chunk(kind, b"".join(record for record, _ in made), [line for _, line in made], **more)

    def compact(self, kind, packer, made, **more):
        """As records(), in the compact payload that `packer` has made of them."""
        self.records(kind, made, stored=compress(packer.payload()), form=1, **more)

    def mark(self, time):
        self.lines.append(f"round {time}")
        self.frame(ROUND, self.id + struct.pack("<QQQ", self.rounds, time, self.sequence))
        self.rounds += 1

    def index(self):
        body = self.id + struct.pack("<QQ", len(self.entries), 0) + b"".join(self.entries)
        length = 8 + 8 + len(body) + 16  # frame header, tag and CRC, body, this and the characters
        self.frame(INDEX, body + struct.pack("<Q", length) + b"RTRCINDX", grow=0)


# ---- events and records ---------------------------------------------------------------------------


class Event:
    """An event whose samples have the fields of `wanted` (bits of sample_type) and IDENTIFIER."""

    def __init__(self, ids, wanted, read_format=0, period=None, registers=0, branch=0):
        self.ids, self.bits, self.read_format = ids, set(wanted) | {16}, read_format
        self.period, self.registers, self.branch = period, registers, branch

    def item(self):
        """period None: a frequency is asked for."""
        flags = 1 << 18 | (1 << 10 if self.period is None else 0)
        attr = struct.pack("<IIQQQQQIIQQQQIi", 1, 128, 0, self.period or 1000,
                           sum(1 << bit for bit in self.bits), self.read_format, flags, 0, 0, 0, 0,
                           self.branch, self.registers, 0, 1).ljust(128, b"\0")
        return 13, (struct.pack("<IIII", 0, len(self.ids), len(attr), 4) + attr
                    + b"".join(struct.pack("<Q", i) for i in self.ids) + b"name")

    def trailer(self, pid, tid, time, number):
        out = b""
        for bit, value in ((1, struct.pack("<II", pid, tid)), (2, struct.pack("<Q", time)),
                           (6, struct.pack("<Q", number)), (9, struct.pack("<Q", 99)),
                           (7, struct.pack("<II", 3, 0)), (16, struct.pack("<Q", number))):
            out += value if bit in self.bits else b""
        return out

    def other(self, kind, body, pid, tid, time, misc=0, number=None):
        """(record, line) of one that is not a sample."""
        body = pad(body) + self.trailer(pid, tid, time, number or self.ids[0])
        line = f"  record {kind} misc={misc} size={8 + len(body)}"
        if kind < 22:  # else a type that perf_event_open(2) does not tell of
            line += f" time={time}" if 2 in self.bits else ""
            line += f" pid={pid} tid={tid}" if 1 in self.bits else ""
        return struct.pack("<IHH", kind, misc, 8 + len(body)) + body, line

    def read_value(self, number):
        times = b"".join(struct.pack("<Q", 5) for bit in (0, 1) if self.read_format >> bit & 1)
        extra = b"".join(struct.pack("<Q", value) for bit, value in ((2, number), (4, 0))
                         if self.read_format >> bit & 1)
        if self.read_format >> 3 & 1:
            return struct.pack("<Q", 2) + times + 2 * (struct.pack("<Q", 7) + extra)
        return struct.pack("<Q", 7) + times + extra

    def branches(self):
        index = struct.pack("<Q", 1) if self.branch >> 17 & 1 else b""
        counters = struct.pack("<Q", 1) if self.branch >> 19 & 1 else b""
        return struct.pack("<Q", 1) + index + struct.pack("<QQQ", 1, 2, 0) + counters

    def user_registers(self, sp):
        if sp is None:
            return struct.pack("<Q", 0)
        out = struct.pack("<Q", 2)
        for bit in range(64):
            if self.registers >> bit & 1:
                out += struct.pack("<Q", sp if bit == SP else 0xdead0000 + bit)
        return out

    def sample(self, pid, tid, time, ip, sp=None, dump=b"", stored=None, misc=2, number=None,
               period=123, chain=(1, 2, 3), patch=False):
        """(record, line); `stored`: the n bytes in the record, unless they are the whole dump."""
        stored = pad(dump) if stored is None else stored
        number = number or self.ids[0]
        body = b""
        for bit, value in ((16, struct.pack("<Q", number)), (0, struct.pack("<Q", ip)),
                           (1, struct.pack("<II", pid, tid)), (2, struct.pack("<Q", time)),
                           (3, struct.pack("<Q", 1 << 63)), (6, struct.pack("<Q", number)),
                           (9, struct.pack("<Q", 99)), (7, struct.pack("<II", 3, 0)),
                           (8, struct.pack("<Q", period)), (4, self.read_value(number)),
                           (5, struct.pack(f"<Q{len(chain)}Q", len(chain), *chain)),
                           (10, struct.pack("<I", 12) + b"raw data raw"), (11, self.branches()),
                           (12, self.user_registers(sp)),
                           (13, struct.pack("<Q", len(stored)) + stored
                            + (struct.pack("<Q", len(dump) | patch << 63) if stored else b""))):
            body += value if bit in self.bits else b""
        if 8 not in self.bits:
            period = 1 if self.period is None else self.period
        line = f"  record 9 misc={misc} size={8 + len(body)}"
        line += f" time={time}" if 2 in self.bits else ""
        line += f" pid={pid} tid={tid}" if 1 in self.bits else ""
        line += f" ip={ip:x} period={period}"
        if 13 in self.bits and dump and sp is not None and sp + len(dump) < 1 << 64:
            line += f" stack={sp:x}+{len(dump)} crc={zlib.crc32(dump):08x}"
        return struct.pack("<IHH", 9, misc, 8 + len(body)) + body, line


# ---- stack images ---------------------------------------------------------------------------------


class Image:
    """A thread's image in the words of the page: an interval and a byte for each address."""

    def __init__(self):
        self.lo = self.hi = 0
        self.byte = {}

    def least(self, sp, dump):
        """The least n that a writer may store."""
        end, n = sp + len(dump), len(dump)
        if self.lo == self.hi or end > self.hi or len(dump) > MIB:
            return -(-n // 8) * 8
        while n > 0 and sp + n - 1 >= self.lo and self.byte[sp + n - 1] == dump[n - 1]:
            n -= 1
        return max(8, -(-n // 8) * 8)

    def patch(self, sp, dump):
        """The patch that brings the image up to the dump: a mask for every 64 words, then words."""
        words = [pad(dump)[i:i + 8] for i in range(0, len(dump), 8)]
        known = [bytes(self.byte.get(sp + i + j, -1) & 255 for j in range(min(8, len(dump) - i)))
                 if all(sp + i + j in self.byte for j in range(min(8, len(dump) - i))) else None
                 for i in range(0, len(dump), 8)]
        stored = [old is None or pad(old) != new for old, new in zip(known, words)]
        masks = [sum(bit << i for i, bit in enumerate(stored[at:at + 64]))
                 for at in range(0, len(stored), 64)]
        while len(masks) > 1 and masks[-1] == 0:
            masks.pop()
        return (struct.pack(f"<{len(masks)}Q", *masks)
                + b"".join(word for word, bit in zip(words, stored) if bit))

    def write(self, sp, dump, n):
        end = sp + len(dump)
        if self.lo != self.hi and sp <= self.hi and end >= self.lo:
            self.lo, self.hi = min(self.lo, sp), max(self.hi, end)
        else:
            self.lo, self.hi, self.byte = sp, end, {}
        self.hi = min(self.hi, sp + MIB)
        self.lo = max(self.lo, self.hi - MIB)
        for i in range(min(n, len(dump))):
            self.byte[sp + i] = dump[i]
        self.byte = {at: byte for at, byte in self.byte.items() if self.lo <= at < self.hi}
        assert len(self.byte) == self.hi - self.lo


class Thread:
    """Memory that changes at random, and a stack pointer that wanders in it."""

    TOP = 2400

    def __init__(self, tid, chance):
        self.tid, self.chance = tid, chance
        self.base = 0x7ffc00000000 + tid * 0x100000
        self.memory = bytearray(chance.randbytes(self.TOP))
        self.sp = self.TOP - 400

    def step(self):
        """(sp, dump) of the next sample: mostly near the last, at times elsewhere, of any length."""
        chance = self.chance
        self.sp += chance.choice((0, 0, -8, 8, -16, 24, -120, 200, -600, 900))
        self.sp = min(max(self.sp, 0), self.TOP - 8)
        for _ in range(chance.randrange(4)):
            at = min(self.sp + chance.randrange(400), self.TOP - 1)
            self.memory[at] = chance.randrange(256)
        size = chance.choice((self.TOP, 512, 512, 64, 8, 5, 333))
        return self.base + self.sp, bytes(self.memory[self.sp:self.sp + size])


def shared_samples(event, chance, threads, count, start):
    """`count` samples of one chunk, as patches, or sharing as much as the rule allows, or whole."""
    images, made = {thread.tid: Image() for thread in threads}, []
    for i in range(count):
        thread = chance.choice(threads)
        sp, dump = thread.step()
        image, stored, form = images[thread.tid], pad(dump), chance.randrange(8)
        n, patch = len(stored), form > 3 and image.lo < image.hi and image.patch(sp, dump)
        if patch and len(patch) < len(dump):
            stored = patch
        elif form:
            patch, n = False, image.least(sp, dump)
            stored = stored[:n]
        else:
            patch = False
        image.write(sp, dump, n)
        made.append(event.sample(7, thread.tid, start + i, 0x401000 + i, sp, dump, stored,
                                 patch=bool(patch)))
    return made


# ---- compact payloads -----------------------------------------------------------------------------

WORD = (1 << 64) - 1


class Packer:
    """The three streams of a compact payload (§3.1), and what its records are held against."""

    def __init__(self):
        self.control, self.lengths, self.data = bytearray(), [], bytearray()
        self.bases, self.numbers, self.raw_size = {}, {}, 0

    def number(self, value):
        while value > 127:
            self.control.append(value & 127 | 128)
            value >>= 7
        self.control.append(value)

    def mask(self, bits):
        there = [i for i in range(8) if bits >> 8 * i & 255]
        self.control += bytes([sum(1 << i for i in there)] + [bits >> 8 * i & 255 for i in there])

    def word(self, value):
        length = -(-value.bit_length() // 8)
        self.lengths.append(length)
        self.data += value.to_bytes(length, "little")

    def alone(self, record):
        """A record that has no base."""
        self.number(0)
        self.number(len(record) // 8)
        for (word,) in struct.iter_unpack("<Q", record):
            self.word(word)
        self.raw_size += len(record)

    def record(self, record, key, head, noise=0):
        """One held against the last of the same key. noise: for the base's bits that say nothing."""
        words = struct.unpack(f"<{len(record) // 8}Q", record)
        new = key not in self.bases
        base = self.bases.setdefault(key, [0] * (head + 1))
        self.number(self.numbers.setdefault(key, len(self.numbers) + 1))
        if new:
            self.number(head)
        self.number(len(words) - head)
        wanted = list(words[:head]) + ([words[-1]] if len(words) > head else [])
        wanted[0] = wanted[0] & WORD >> 16 | noise << 48
        wanted[head - 1] = wanted[head - 1] - len(record) & WORD
        for at in range(0, len(wanted), 64):
            changes = [old != word for old, word in zip(base[at:at + 64], wanted[at:at + 64])]
            self.mask(sum(1 << i for i, change in enumerate(changes) if change))
            for word in (word for word, change in zip(wanted[at:], changes) if change):
                self.word(word)
        base[:len(wanted)] = wanted
        for word in words[head:-1]:
            self.word(word)
        self.raw_size += len(record)

    def payload(self):
        halves = self.lengths + [0] * (len(self.lengths) % 2)
        lengths = bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2]))
        return (struct.pack("<II", len(self.control), len(lengths)) + self.control + lengths
                + self.data)


def packed(made, head, noise=0):
    """A Packer of records: samples against the last of their key, which `head` tells, or alone.

    head(record) is (key, h), or None."""
    packer = Packer()
    for record, _ in made:
        found = head(record)
        if found is None:
            packer.alone(record)
        else:
            packer.record(record, *found, noise=noise)
    return packer


# ---- the traces -----------------------------------------------------------------------------------

USUAL = (0, 1, 2, 5, 7, 8, 12, 13)
REGISTERS = 1 << 6 | 1 << SP | 1 << 8 | 1 << 23
ARCH = (4, b"x86_64")


def usual_event(ids=(41, 42), **more):
    return Event(list(ids), USUAL, registers=REGISTERS, **more)


def plain():
    """As a recorder writes it: two rounds, what the kernel wrote, kallsyms, END, an index."""
    trace, event = Trace(), usual_event()
    trace.meta([(1, b"made_traces 1"), ARCH, (6, struct.pack("<Q", 4096)), event.item()])
    comm = event.other(3, struct.pack("<II", 7, 7) + b"name\0", 7, 7, 100, misc=0x2000)
    trace.records(SIDEBAND, [comm], first=100, last=100)
    made = [event.sample(7, 7, 101 + i, 0x401000 + 16 * i, 0x7ffc1000, bytes(range(64)))
            for i in range(3)]
    kernel = event.sample(0, 0, 104, 0xffffffff81000000, misc=1)
    trace.records(SAMPLES, made + [kernel], ring=1, first=101, last=104)
    trace.mark(104)
    trace.records(SAMPLES, [event.sample(7, 8, 110, 0x401000, number=42)], first=110, last=110)
    trace.mark(120)
    trace.chunk(KALLSYMS, b"ffffffff81000000 T _text\nffffffff81000040 T startup\n", [], count=2)
    trace.meta([(18, struct.pack("<IIQQQQ", 0, 0, 20, 1, 5, 0))])
    trace.index()
    return trace


def shared(seed=1, chunks=3, count=60):
    """Random threads; images begin anew with each chunk; the last dump of one is shared whole."""
    chance = random.Random(seed)
    trace, event = Trace(), usual_event()
    threads = [Thread(tid, chance) for tid in (7, 8, 9)]
    trace.meta([ARCH, event.item()])
    for chunk in range(chunks):
        start = 1000 * chunk
        made = shared_samples(event, chance, threads, count, start)
        trace.records(SAMPLES, made, ring=chunk % 2, first=start, last=start + count - 1)
        trace.mark(start + count)
    return trace


def broken(at):
    return f"  damaged record at byte {at}"


def records_damaged():
    """Records that must not be used between some that must be, and a chunk that breaks off."""
    trace, event = Trace(), usual_event()
    trace.meta([ARCH, event.item(), Event([50], (1, 2, 13)).item()])
    sp, dump = 0x7ffc1000, bytes(range(256))
    whole = event.sample(7, 7, 1, 0x401000, sp, dump)
    shares = event.sample(7, 7, 2, 0x401000, sp, dump, dump[:8])
    below = event.sample(7, 7, 3, 0x401000, sp - 64, bytes(64) + dump, bytes(64))
    gap = event.sample(7, 7, 4, 0x401000, sp - 512, bytes(512) + dump, bytes(256))
    above = event.sample(7, 7, 5, 0x401000, sp, dump + bytes(8), dump[:8])
    odd = event.sample(7, 7, 6, 0x401000, sp, dump, dump[:12])
    stranger = event.sample(7, 7, 7, 0x401000, number=77)
    no_image = Event([50], (1, 2, 13)).sample(7, 7, 8, 0x401000, sp, dump, dump[:8])
    short = (struct.pack("<IHHQ", 9, 2, 16, 41), "")
    made, at = [], 0
    for record, line in (shares, whole, shares, gap, above, odd, below, stranger, no_image, short,
                         shares):
        expected = line
        if record in (gap[0], above[0], odd[0], stranger[0], no_image[0], short[0]) or at == 0:
            expected = broken(at)
        made.append((record, expected))
        at += len(record)
    trace.records(SAMPLES, made)
    for end in (struct.pack("<IHH", 9, 2, 7), struct.pack("<IHH", 9, 2, 24) + bytes(8), b"\1\2\3"):
        trace.records(SAMPLES, [whole, (end, broken(len(whole[0])))])
    trace.records(SAMPLES, [whole])
    return trace


def words(*numbers):
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def patches_damaged():
    """Patches that say nothing else than they must, and those that do not: each case by itself."""
    trace, event = Trace(), usual_event()
    trace.meta([ARCH, event.item()])
    sp, dump = 0x7ffc1000, bytes(range(1, 241)) + b"tail."  # 31 words, the last of 5 bytes
    whole = event.sample(7, 7, 1, 1, sp, dump)
    last = pad(b"tail!")
    for at, size, content, stored, sound in (
            (0, 245, dump, words(0), True),
            (0, 245, dump[:240] + b"tail!", words(1 << 30) + last, True),
            (0, 245, dump, words(0, 0), False),                     # masks for more than the dump
            (0, 245, dump, words(1 << 31, 0), False),               # a word behind the dump
            (0, 245, dump, words(1), False),                        # a word is missing
            (0, 245, dump, words(1, 2, 3), False),                  # one too many
            (0, 245, dump, words(0) + b"1234", False),              # not a multiple of 8
            (-8, 253, bytes(8) + dump, words(1, 0), True),          # below the image: stored
            (-8, 253, bytes(8) + dump, words(0), False),            # and not stored
            (-8, 250, bytes(8) + dump[:242], words(1, 0), True),
            (8, 245, dump[8:] + bytes(8), words(3 << 29) + pad(dump[240:]) + bytes(8), True),
            (8, 245, dump[8:] + bytes(8), words(1 << 29) + pad(dump[240:]), False),
            (0x10000, 245, dump, words(0), False),                  # elsewhere
            (0, MIB + 8, bytes(MIB + 8), words(0), False)):
        made = event.sample(7, 7, 2, 2, sp + at, content[:size].ljust(size, b"\0"), stored, patch=True)
        line = made[1] if sound else broken(len(whole[0]))
        trace.records(SAMPLES, [whole, (made[0], line)])
    # Without an image, a register or a dump there is nothing to patch.
    trace.records(SAMPLES, [(event.sample(7, 7, 3, 3, sp, dump, words(0), patch=True)[0], broken(0))])
    trace.records(SAMPLES, [(event.sample(7, 7, 3, 3, None, dump, words(0), patch=True)[0], broken(0))])
    trace.records(SAMPLES, [(event.sample(7, 7, 3, 3, sp, b"", words(0), patch=True)[0], broken(0))])
    return trace


def images_at_edges():
    """Intervals that touch, lie apart or are too long; a dump that wraps; one without a register."""
    trace, event = Trace(), usual_event()
    bare = Event([50], (0, 1, 2, 13))
    trace.meta([ARCH, event.item(), bare.item()])
    far, dump = 0x7ffc00100000, bytes(range(64))
    below = far - 64
    touch = [event.sample(7, 7, 1, 1, far, dump), event.sample(7, 7, 2, 2, below, dump),
             event.sample(7, 7, 3, 3, below, dump + dump, dump[:8])]
    apart = [event.sample(7, 8, 4, 4, far, dump), event.sample(7, 8, 5, 5, below - 8, dump)]
    lost = event.sample(7, 8, 6, 6, far, dump, dump[:8])[0]
    at = sum(len(record) for record, _ in touch + apart)
    trace.records(SAMPLES, touch + apart + [(lost, broken(at))])
    # An image of 1 MiB and more, grown downwards: its top is forgotten, so sharing there is damage.
    step, made, memory = 32768, [], bytes(range(256)) * 128
    for i in range(34):
        made.append(event.sample(7, 7, 10 + i, 1, far - i * step, memory))
    bottom = far - 33 * step
    made.append(event.sample(7, 7, 50, 1, bottom, memory * 32, memory[:8]))
    at = sum(len(record) for record, _ in made)
    for sp, size, sound in ((bottom, MIB + 1, False), (bottom + 8, MIB, False), (bottom, MIB, True)):
        record, line = event.sample(7, 7, 51, 1, sp, (memory * 33)[:size], memory[:8])
        made.append((record, line if sound else broken(at)))
        at += len(record)
    trace.records(SAMPLES, made)
    # A dump up to the last byte but one has an image, one that ends at 2^64 has none, nor has one
    # without a stack pointer; none of these changes the image of the first.
    end = (1 << 64) - 65
    made = [event.sample(7, 7, 60, 1, end, dump), event.sample(7, 7, 61, 1, end, dump, dump[:8]),
            event.sample(7, 7, 62, 1, end + 1, dump[::-1]), event.sample(7, 7, 63, 1, None, dump),
            bare.sample(7, 7, 64, 1, None, dump),
            event.sample(7, 7, 65, 1, end, dump, dump[:8])]
    at = sum(len(record) for record, _ in made)
    made.append((event.sample(7, 7, 66, 1, end + 1, dump, dump[:8])[0], broken(at)))
    trace.records(SAMPLES, made)
    return trace


def fields():
    """Every field of §7, read formats of all kinds, and events that share a chunk."""
    trace, common = Trace(), range(12)
    events = [Event([60 + i], set(common) | {12, 13}, read_format=i, registers=REGISTERS,
                    branch=(0, 1 << 17, 1 << 19, 1 << 17 | 1 << 19)[i % 4]) for i in range(32)]
    events.append(Event([100], (0, 1), period=5000))  # no PERIOD: the period asked for
    events.append(Event([101], (0, 2)))               # no PERIOD, a frequency: 1; no TID
    trace.meta([ARCH] + [event.item() for event in events])
    made = [event.sample(7, 7, 100 + i, 0x401000, 0x7ffc1000, bytes(range(i, i + 48)))
            for i, event in enumerate(events)]
    trace.records(SAMPLES, made)
    made = [event.other(4, struct.pack("<IIIIQ", 7, 7, 1, 1, 5), 7, 7, 200 + i)
            for i, event in enumerate(events)]
    trace.records(SIDEBAND, made)
    return trace


def dump_record(kind, time, body):
    return struct.pack("<IIQ", kind, 16 + len(body), time) + body


def dump_code(time, address, size, index, name):
    return dump_record(0, time, struct.pack("<IIQQQQ", 1, 1, address, address, size, index)
                       + name + b"\0" + bytes(size))


def dump_lines(time, address, lines):
    """[(offset in the code, line, file)]"""
    return dump_record(2, time, struct.pack("<QQ", address, len(lines)) + b"".join(
        struct.pack("<QII", address + at, line, 0) + file + b"\0" for at, line, file in lines))


def made_at_run_time(late=False):
    """Code of two processes at one address; code whose place is used again, and code that moves.

    `late`: the compiler wrote its dump when all of it had run; only the index leads to it before. In between
    stands more than the analyzer keeps before it unwinds what it has (16 MiB, packed)."""
    trace, event = Trace(), usual_event()
    trace.meta([ARCH, event.item()])
    start, code = 0x7f0000000000, 0x7f0000001000
    made = []
    for pid, time in ((7, 10), (8, 11)):
        made.append(event.other(3, struct.pack("<II", pid, pid) + b"jit%d\0" % pid, pid, pid, time))
        made.append(event.other(10, struct.pack("<IIQQQQQQII", pid, pid, start, 0x10000, 0, 0, 0, 0,
                                                7, 2) + b"//anon\0", pid, pid, time, misc=2))
    trace.records(SIDEBAND, made, first=10, last=11)
    trace.chunk(PERF_MAP, struct.pack("<IIQ", 7, 0, 0) + b"7f0000001000 40 old\n"
                b"0x7f0000001010 0x10 inner;name\nnot a line\n7f0000001020 10 later one\n", [], count=4)
    dump = struct.pack("<IIIIIIQQ", 0x4A695444, 1, 40, 62, 0, 1, 0, 0)
    dump += dump_lines(90, code, [(0, 3, b"a.js"), (16, 4, b"\xff")])
    dump += dump_code(100, code, 32, 1, b"first") + dump_code(200, code, 32, 2, b"second")
    dump += dump_record(1, 300, struct.pack("<IIQQQQQ", 1, 1, code, code, code + 64, 32, 1))
    def put_dump():
        for at, end in ((0, 50), (50, 61), (61, len(dump))):  # cut anywhere
            trace.chunk(JITDUMP, struct.pack("<IIQ", 8, 0, at) + dump[at:end], [], count=0)

    if not late:
        put_dump()
    samples = [event.sample(7, 7, 120 + i, code + at) for i, at in enumerate((0, 0x10, 0x28, 0x40))]
    samples += [event.sample(8, 8, time, at) for time, at in (
        (130, code + 1), (140, code + 17), (250, code + 1), (350, code + 65), (360, code + 33))]
    trace.records(SAMPLES, samples, first=120, last=360)
    trace.mark(400)
    if late:
        noise = random.Random(5)
        for time in range(401, 406):
            trace.records(SAMPLES, [event.other(200, noise.randbytes(65000), 7, 7, time) for _ in range(55)],
                          first=time, last=time)
        trace.mark(500)
        put_dump()
        trace.index()
    return trace


def object_chunk(trace, header, texts, pieces, damaged=False):
    """An OBJECT of (role, flags, size) with (build-id, path, name) and pieces of (offset, bytes)."""
    def padded(data):
        return data + bytes(-len(data) % 8)
    payload = struct.pack("<IIQIIII", *header, *map(len, texts), 0) + padded(b"".join(texts))
    lines = ["  object role={} flags={} size={} id={:08x} path={:08x} name={:08x}".format(
        *header, *map(zlib.crc32, texts))]
    for at, content in pieces:
        payload += struct.pack("<QQ", at, len(content)) + padded(content)
        lines.append(f"  piece offset={at} size={len(content)} crc={zlib.crc32(content):08x}")
    if damaged:
        lines[-1] = "  damaged object"
    trace.chunk(OBJECT, payload, lines, count=len(pieces))


def files_along():
    """Files of the target, whole and in part, before the samples and behind them, damaged ones."""
    trace, event = Trace(), usual_event()
    trace.meta([ARCH, event.item()])
    program = b"\x12\x34", b"/bin/program", b""
    object_chunk(trace, (0, 1, 1 << 20), program, [(0, b"\x7fELF"), (4096, b"what is kept")])
    object_chunk(trace, (0, 1, 1 << 20), program, [((1 << 20) - 5, b"more.")])
    object_chunk(trace, (1, 0, 8), (*program[:2], b"/usr/lib/debug/x.debug"), [(0, b"8 bytes.")])
    trace.records(SAMPLES, [event.sample(7, 7, 1, 1)], first=1, last=1)
    trace.mark(9)
    object_chunk(trace, (4, 0, 3), (*program[:2], b"/src\0a.dwo"), [(0, b"dwo")])
    object_chunk(trace, (0, 0, 0), (b"", b"/bin/empty", b""), [])
    object_chunk(trace, (0, 1, 10), program, [(0, b"fits"), (8, b"goes beyond")], damaged=True)
    trace.chunk(OBJECT, bytes(31), ["  damaged object"], count=0)
    return trace


def later_version():
    """What a later minor version may add, and what stands between our frames."""
    trace, event = Trace(grow=40), usual_event()
    trace.data += struct.pack("<II", 0x184D2A50, 5) + b"\x52\x2a\x4d\x18!"
    trace.meta([(999, b"an item"), ARCH, event.item(), (1000, b"")])
    trace.data += struct.pack("<II", 0x184D2A5F, 0)
    trace.chunk(77, b"a kind of payload that is not known", [], count=12)
    trace.records(SAMPLES, [event.sample(7, 7, 1, 1, 0x7ffc1000, b"stack byte"),
                            event.other(200, bytes(24), 7, 7, 2)], first=1, last=2)
    trace.mark(9)
    # Somebody's frame is skipped by its size, however long, and even if it holds one of ours.
    inner = Trace()
    inner.rounds = 1
    inner.mark(77)
    body = (bytes(3000) + inner.data[inner.ends[0][0]:]).ljust(70000, b"\x50")
    trace.data += struct.pack("<II", 0x184D2A5A, len(body)) + body
    trace.mark(10)
    return trace


def thread_and_head(event):
    """For packed(): the samples of an event with their tids, up to the size of their stack bytes."""
    def head(record):
        at = 8 + 8 * sum(bit in event.bits for bit in (16, 0))
        if struct.unpack_from("<I", record)[0] != 9:
            return None
        tid = struct.unpack_from("<I", record, at + 4)[0]
        at += 8 * sum(bit in event.bits for bit in (1, 2, 3, 6, 9, 7, 8, 4))
        if 5 in event.bits:
            at += 8 + 8 * struct.unpack_from("<Q", record, at)[0]
        abi = struct.unpack_from("<Q", record, at)[0]
        at += 8 + 8 * (event.registers.bit_count() if abi else 0)
        return (tid, at), at // 8 + 1
    return head


def word_record(count, *first):
    """(record, line) of a type that is not known: `count` words, zeros behind those of `first`."""
    head = struct.pack("<IHH", 200, 0, 8 * count)
    return ((head + words(*first)).ljust(8 * count, b"\0"), f"  record 200 misc=0 size={8 * count}")


def compact():
    """Compact payloads as a recorder makes them, and at the edges of their rules."""
    chance = random.Random(5)
    trace, event = Trace(), usual_event()
    long = Event([50], (0, 1, 2, 5, 12, 13), registers=REGISTERS)
    trace.meta([ARCH, event.item(), long.item()])
    threads = [Thread(tid, chance) for tid in (7, 8, 9)]
    for at in (1000, 2000):  # images, bases and streams begin anew
        made = shared_samples(event, chance, threads, 60, at)
        made.insert(9, event.other(2, struct.pack("<QQ", 41, 5), 7, 7, at))  # LOST
        made.insert(20, event.sample(7, 8, at + 70, 1, 0x7ffc00000000))  # nothing behind the head
        made.insert(21, event.sample(7, 8, at + 71, 1, 0x7ffc00000000))
        made.insert(22, event.sample(0, 0, at + 72, WORD, None))
        trace.compact(SAMPLES, packed(made, thread_and_head(event)), made, first=at, last=at + 72)
    trace.mark(3000)
    # Heads of about 64 and 128 words, each twice with a stack and twice without: the last word is
    # the first of a mask of its own, or the last of one.
    for count in (*range(48, 56), *range(112, 120)):
        made = [long.sample(7, 7, i, i, 0x7ffc1000, dump, chain=range(count))
                for i, dump in enumerate((bytes(80), b"", chance.randbytes(80), b""))]
        trace.compact(SAMPLES, packed(made, thread_and_head(long)), made)
    # What follows is of no type that is known, so any words will do.
    full = [word_record(count, *(chance.randrange(1 << bits) for bits in range(65)))
            for count in (66, 70, 90, 66, 8191)]
    for head in (2, 3, 63, 64, 65, 66):
        for noise in (0, 0xabcd):
            trace.compact(SAMPLES, packed(full, lambda _, h=head: (0, h), noise), full)
    trace.compact(SAMPLES, packed(full, lambda _: None), full)
    for made in ([], [word_record(1)], 2 * [word_record(2, 1)], 3 * [word_record(8191)]):
        trace.compact(SAMPLES, packed(made, lambda _: None), made)
    # As many words of bases as there may be, and numbers of bases of one, two and three bytes.
    made = 16 * [word_record(8191, 3)]
    keys = iter(range(16))
    trace.compact(SAMPLES, packed(made, lambda _: (next(keys), 8191)), made)
    made = [word_record(2, i) for i in range(16500)] + 2 * [word_record(2, 1 << 63)]
    keys = iter([*range(16500), 16499, 130])
    trace.compact(SAMPLES, packed(made, lambda _: (next(keys), 2)), made)
    return trace


def payload_of(control, lengths=b"", data=b"", more=(0, 0)):
    """A compact payload of these streams; `more`: what its first two numbers are wrong by."""
    return (struct.pack("<II", len(control) + more[0], len(lengths) + more[1]) + bytes(control)
            + bytes(lengths) + bytes(data))


def damaged_payloads():
    """(raw size, payload, form) of payloads that break one rule of §3.1 each, and of some as made
    that break none."""
    # A base of two words, a record of three: word 0, word h - 1 and the last, each of one byte.
    new, again = [1, 2, 1, 1, 7], [1, 1, 0]
    lengths, data = b"\x11\x01", b"\xc8\2\3"
    sound, small, full = payload_of(new, lengths, data), word_record(2)[0], word_record(8191, 3)[0]
    yield 24, sound, 1
    yield 48, payload_of(new + again, lengths, data), 1
    yield 16, payload_of([0, 2], b"\x37", b"\xc8\0\0\0\0\0\x10\1\2\3"), 1
    for raw, control, lengths_, data_ in (
            (16, [0, 2], b"\x99", bytes(18)),             # a length of 9
            (16, [0, 2], b"\xf0", bytes(15)),             # of 15
            (16, [2, 2, 0, 0], b"", b""),                 # the first base is 1
            (48, new + [3, 2, 1, 0], lengths, data),      # the next one 2
            (16, [1, 0, 2, 0], b"\0", b""),               # h is 0
            (16, [1, 1, 1, 0], b"", b""),                 # 1
            (65536, [1, 128, 64, 0] + 128 * [0], b"", b""),  # 8192
            (8, [0, 0, 0, 1], b"\0", b""),                # n is 0
            (65536, [0, 128, 64], bytes(4096), b""),      # 8192
            (65536, [1, 2, 254, 63, 0], bytes(4095), b""),   # 8192 with h
            (16, [0, 3], bytes(2), b""),                  # it goes beyond the raw size
            (20, [0, 3], bytes(2), b""),
            (20, [0, 2], b"\0", b""),                     # a raw size that no words have
            (48, new, lengths, data),                     # too few records for it
            (24, new + again, lengths, data),             # too many
            (16, [1, 2, 0, 1, 4], b"\0", b""),            # word 2 changes, but n is h
            (24, [1, 2, 1, 1, 8], b"\0", b""),            # word 3, which the base does not have
            (520, [1, 64, 1, 0, 1, 2], b"\0", b""),       # word 65 of 65
            (512, [1, 64, 0, 0, 0], b"", b""),            # a mask too many
            (512, [1, 63, 1, 0, 0], b"", b""),
            (16, [0, 130, 128, 128, 0], b"\0", b""),      # a number of four bytes
            (16, [0, 130, 128, 128], b"\0", b""),         # one that does not end
            (24, [], b"", b""), (24, [1], b"", b""), (24, [1, 2], b"", b""),  # control is short
            (24, [1, 2, 1], b"", b""), (24, [1, 2, 1, 1], lengths, data),
            (24, [1, 2, 1, 3, 7], lengths, data),
            (24, new + [0], lengths, data),               # something is left of it
            (24, new, b"\x11", data),                     # lengths are short
            (24, new, lengths + b"\0", data),             # a byte of them is left
            (16, [0, 2], bytes(2), b""),
            (24, new, lengths, data[:2]),                 # data are short
            (24, new, lengths, data + b"\0"),             # a byte is left
            (0, [], b"", b"\0"), (0, [], b"\0", b""), (0, [0], b"", b"")):
        yield raw, payload_of(control, lengths_, data_), 1
    most = WORD >> 32
    for more in ((1, 0), (4, 0), (0, 1), (0, 4), (most - 5, 0), (0, most - 2), (-1, 0), (most - 5, most - 2)):
        yield 24, payload_of(new, lengths, data, more), 1
    yield 0, bytes(4), 1
    yield 0, bytes(7), 1
    # Sixteen bases of all the words that there may be, and one of three.
    packer = Packer()
    for key in range(16):
        packer.record(full, key, 8191)
    packer.record(small, 16, 2)
    yield packer.raw_size, packer.payload(), 1
    # Forms that are not known, plain bytes that say that they are compact, and the reverse.
    for form in (2, 3, 1 << 31 | 1):
        yield 24, sound, form
        yield len(small), small, form
    yield len(small), small, 1
    yield 24, sound, 0


SOUND_PAYLOADS = 3  # of damaged_payloads()


def compact_damaged():
    """Each rule of §3.1 broken once, between chunks that break none."""
    trace, event = Trace(), usual_event()
    trace.meta([ARCH, event.item()])
    made = [event.sample(7, 7, i, i, 0x7ffc1000, b"stack byte") for i in range(2)]
    packer = packed(made, thread_and_head(event))
    for i, (raw_size, payload, form) in enumerate(damaged_payloads()):
        trace.compact(SAMPLES, packer, made)
        if i < SOUND_PAYLOADS:
            size = 16 if raw_size == 16 else 24
            lines = raw_size // size * [f"  record 200 misc=0 size={size}"]
            trace.chunk(SAMPLES, bytes(raw_size), lines, stored=compress(payload), form=form)
        else:
            trace.damaged_chunk(raw_size, payload, form=form)
    trace.compact(SAMPLES, packer, made)
    return trace


def compact_flipped(seed=3, count=400):
    """Payloads with a few bytes changed, each compressed as if it were right; without lines."""
    chance = random.Random(seed)
    trace, event = Trace(), usual_event()
    trace.meta([ARCH, event.item(), Event([50], USUAL).item()])
    threads = [Thread(tid, chance) for tid in (7, 8)]
    made = shared_samples(event, chance, threads, 6, 1000)
    head = thread_and_head(event)
    packer = packed(made, lambda record: None if record == made[2][0] else head(record))
    streams = 8 + len(packer.control) + (len(packer.lengths) + 1) // 2
    for _ in range(count):
        payload = bytearray(packer.payload())
        for _ in range(chance.choice((1, 1, 2))):
            payload[chance.randrange(8, chance.choice((streams, len(payload))))] = chance.randrange(256)
        trace.damaged_chunk(packer.raw_size, payload, len(made))
    return trace


def older_version(minor, incompatible):
    """As plain(), by a writer of version 0."""
    trace = plain()
    changed = Trace()
    changed.data = b""
    changed.header(0, minor, incompatible)
    trace.data = changed.data + trace.data[len(changed.data):]
    return trace


MADE = {"plain": plain, "shared": shared, "records_damaged": records_damaged, "fields": fields,
        "images_at_edges": images_at_edges, "patches_damaged": patches_damaged,
        "later_version": later_version, "made_at_run_time": made_at_run_time,
        "jitdump_written_late": lambda: made_at_run_time(late=True), "files_along": files_along,
        "compact": compact, "compact_damaged": compact_damaged,
        "version_0.1": lambda: older_version(1, 1), "version_0.2": lambda: older_version(2, 7)}


# ---- checks ---------------------------------------------------------------------------------------


class Checks:
    """Checks of a reader: read(data) gives (lines, complaints), or raises `refusal`."""

    def __init__(self, read, refusal):
        self.read, self.refusal, self.failed = read, refusal, 0

    def that(self, name, holds, text=""):
        print(f"ok - {name}" if holds else f"not ok - {name}: {text}")
        self.failed += not holds

    def lines(self, name, data, wanted, complaints):
        """The lines must be these, with or without complaints."""
        lines, told = self.read(data)
        differ = [pair for pair in zip(lines, wanted) if pair[0] != pair[1]]
        self.that(name, lines == wanted, differ[:1] or f"{len(lines)} lines, not {len(wanted)}")
        self.that(f"{name}: " + ("damage is told" if complaints else "nothing to complain of"),
                  bool(told) == complaints, told[:3])

    def refused(self, name, data):
        try:
            self.read(data)
            self.that(name, False, "it was read")
        except self.refusal:
            self.that(name, True)

    def made(self):
        for name, make in MADE.items():
            trace = make()
            self.lines(name, trace.data, trace.lines, bool(trace.damaged))
            told = {at for at, _ in self.read(trace.data)[1]}
            self.that(f"{name}: all damage is told", told.issuperset(trace.damaged),
                      f"not at {sorted(set(trace.damaged) - told)}")

    def many_shared(self):
        wrong = [seed for seed in range(2, 30)
                 if (trace := shared(seed, 1, 80)) and self.read(trace.data)[0] != trace.lines]
        self.that("shared stack bytes of 28 random traces", not wrong, f"seeds {wrong}")

    def not_a_trace(self):
        self.refused("an empty file", b"")
        self.refused("a text", b"This is no trace, as any reader can tell.\n" * 9)
        self.refused("a header cut off", plain().data[:40])
        self.refused("a header with a wrong byte", b"".join((plain().data[:50], b"?", plain().data[51:])))
        for name, changed in (("a later major version", {"major": 2}),
                              ("an incompatible feature", {"incompatible": 1 << 63})):
            trace = Trace()
            trace.data = b""
            trace.header(**changed)
            self.refused(name, trace.data)

    def joined(self):
        """Two files joined, of which the first may be cut: what follows is not of this trace."""
        first, second = plain(), shared()
        second.data = second.data.replace(first.id, b"another trace id")
        other = Trace(b"another trace id")
        other.mark(5)
        self.lines("joined", first.data + other.data, first.lines, True)
        end, count = first.ends[3]
        self.lines("cut and joined", first.data[:end + 50] + other.data, first.lines[:count], True)

    def lost_chunk(self):
        """Each whole frame but the header taken out in turn: the others remain."""
        trace, wrong = plain(), []
        for (start, line), (end, after) in zip(trace.ends, trace.ends[1:]):
            lines, _ = self.read(trace.data[:start] + trace.data[end:])
            # Offsets move; and without the first META the records have no event.
            names = [text.split()[:3] for text in trace.lines[:line] + trace.lines[after:]]
            if line > 0 and [text.split()[:3] for text in lines] != names:
                wrong.append(start)
        self.that("a frame is missing", not wrong, f"those at {wrong}")

    def flipped_payloads(self):
        """Whatever a compact payload holds, it is read or refused."""
        trace = compact_flipped()
        lines, _ = self.read(trace.data)
        n_read = sum(line.startswith("chunk") for line in lines) - 1  # META
        n_refused = len(trace.damaged) - n_read
        self.that(f"damage in compact payloads ({n_read} read, {n_refused} refused)",
                  n_read > 50 and n_refused > 50)

    def truncated(self):
        """A file cut at any byte gives the lines of its whole frames, no more, no fewer."""
        trace, wrong = plain(), []
        for size in range(trace.ends[0][0], len(trace.data)):
            count = max(count for end, count in trace.ends if end <= size)
            if self.read(trace.data[:size])[0] != trace.lines[:count]:
                wrong.append(size)
        self.that(f"cut at every byte ({len(trace.data)})", not wrong, f"at {wrong[:9]}")

    def flipped(self):
        """A wrong byte anywhere costs its own frame at most, and never adds a line."""
        trace, wrong = plain(), []
        spans = [(start[0], end[0], start[1], end[1]) for start, end in zip(trace.ends, trace.ends[1:])]
        for start, end, line, after in spans[1:]:
            for at in range(start, end):
                data = bytearray(trace.data)
                data[at] ^= 0x55
                lines, told = self.read(bytes(data))
                if lines != trace.lines[:line] + trace.lines[after:] or not told:
                    wrong.append(at)
        self.that(f"a wrong byte at every offset ({len(trace.data)})", not wrong, f"at {wrong[:9]}")


def check(read, refusal):
    """The status: 0 where every check held."""
    checks = Checks(read, refusal)
    for one in (checks.made, checks.many_shared, checks.not_a_trace, checks.joined,
                checks.lost_chunk, checks.truncated, checks.flipped, checks.flipped_payloads):
        one()
    return 1 if checks.failed else 0


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: made_traces.py DIRECTORY", file=sys.stderr)
        return 2
    for name, make in MADE.items():
        trace = make()
        path = os.path.join(arguments[0], name)
        with open(path + ".rtrace", "wb") as file:
            file.write(trace.data)
        with open(path + ".lines", "w", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in trace.lines))
    with open(os.path.join(arguments[0], "compact_flipped.rtrace"), "wb") as file:
        file.write(compact_flipped().data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

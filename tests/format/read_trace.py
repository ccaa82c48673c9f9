#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""read_trace.py [--records] FILE - list the chunks, records and rounds of a trace.
read_trace.py --self-test         - check this reader on made traces (made_traces.py)

A second reader of the format, written from docs/format.md alone (and from perf_event_open(2), which
that page builds on): it shares no code and no author's assumption with format/, so where the two
differ, one of them or the page is wrong. It needs Python's standard library and the `zstd` program.
compare_readers.sh holds its lines against those of `ruchy-analyze info --records`.

Standard output has one line for each chunk, META item, record and round, in the order of the file;
damage goes to standard error and reading goes on, as §10 says. Status: 0, or 1 where the file is no
trace that this version reads, 2 bad usage.
"""

import functools
import struct
import subprocess
import sys
import zlib

TAG = 0x43525452
HEADER, CHUNK, ROUND, INDEX = 0x184D2A51, 0x184D2A52, 0x184D2A53, 0x184D2A54
NAMES = {HEADER: "header", CHUNK: "chunk header", ROUND: "round mark", INDEX: "index"}
SHORTEST = {HEADER: 48, CHUNK: 80, ROUND: 48, INDEX: 56}
LONGEST = {HEADER: 1024, CHUNK: 1024, ROUND: 1024, INDEX: 64 << 20}
SKIPPABLE = range(0x184D2A50, 0x184D2A60)
ZSTD_MAGIC = 0xFD2FB528

MAJOR = 1
# incompatible ones: stack dumps may be cut and shared (bit 0), or patches (1); samples unwound (2);
# payloads compact (3)
KNOWN_FEATURES = 15
META, SIDEBAND, SAMPLES, KALLSYMS, PERF_MAP, JITDUMP, OBJECT = 1, 2, 3, 4, 5, 6, 7
KINDS = {META: "meta", SIDEBAND: "sideband", SAMPLES: "samples", KALLSYMS: "kallsyms",
         PERF_MAP: "perf-map", JITDUMP: "jitdump", OBJECT: "object"}
LONGEST_PAYLOAD = 64 << 20
LONGEST_META = 64 << 20
PLAIN, COMPACT = 0, 1  # forms of a payload
LONGEST_RECORD, MOST_BASE_WORDS = 8191, 131072  # of a compact payload, in words
LONGEST_NUMBER = 3  # bytes in control

LAST_ROLE, LONGEST_ID, LONGEST_NAME = 4, 64, 4096  # of objects

ITEM_ARCH, ITEM_EVENT = 4, 13
RECORD_SAMPLE = 9
KNOWN_RECORDS = range(1, 22)  # perf_event_open(2): MMAP to AUX_OUTPUT_HW_ID
SP_BIT = {"x86_64": 7, "aarch64": 31}
LONGEST_IMAGE = 1 << 20
LONGEST_SHARED_DUMP = 1 << 20
PATCH_BIT = 63  # of dyn_size

# sample_type bits
IP, TID, TIME, ADDR, READ, CALLCHAIN, ID, CPU, PERIOD = 0, 1, 2, 3, 4, 5, 6, 7, 8
STREAM_ID, RAW, BRANCH_STACK, REGS_USER, STACK_USER, IDENTIFIER = 9, 10, 11, 12, 13, 16
# read_format bits
TOTAL_TIME_ENABLED, TOTAL_TIME_RUNNING, READ_ID, GROUP, READ_LOST = 0, 1, 2, 3, 4
# bits of the attr's flags (u64 at offset 40)
FLAG_FREQ, FLAG_SAMPLE_ID_ALL = 10, 18
# branch_sample_type bits that change the layout of BRANCH_STACK
BRANCH_HW_INDEX, BRANCH_COUNTERS = 17, 19


class Damaged(Exception):
    """These bytes do not follow the page; the text says why."""


class NotATrace(Exception):
    """The whole file cannot be read; the text says why."""


class Fields:
    """Numbers one after the other out of bytes, never beyond their end."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damaged("fields go beyond the end")
        self.at += count
        return self.data[self.at - count:self.at]

    def u32(self):
        return int.from_bytes(self.take(4), "little")

    def u64(self):
        return int.from_bytes(self.take(8), "little")


def u16_at(data, offset):
    return struct.unpack_from("<H", data, offset)[0]


def u32_at(data, offset):
    return struct.unpack_from("<I", data, offset)[0]


def u64_at(data, offset):
    return struct.unpack_from("<Q", data, offset)[0]


def has(word, bit):
    return word >> bit & 1 == 1


# ---- payloads -------------------------------------------------------------------------------------


def frame_layout(frame):
    """(content size, length) of the Zstandard frame that `frame` begins with (RFC 8878, 3.1.1)."""
    fields = Fields(frame)
    if fields.u32() != ZSTD_MAGIC:
        raise Damaged("no Zstandard frame where the payload should be")
    descriptor = fields.take(1)[0]
    single_segment = has(descriptor, 5)
    if not has(descriptor, 2):
        raise Damaged("the payload has no checksum")
    if not single_segment:
        fields.take(1)  # window descriptor
    fields.take((0, 1, 2, 4)[descriptor & 3])  # dictionary id
    size_bytes = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    if size_bytes == 0:
        raise Damaged("the payload does not state its content size")
    content = int.from_bytes(fields.take(size_bytes), "little") + (256 if size_bytes == 2 else 0)
    last = False
    while not last:
        block = int.from_bytes(fields.take(3), "little")
        last = has(block, 0)
        fields.take(1 if block >> 1 & 3 == 1 else block >> 3)  # an RLE block stores one byte
    fields.take(4)  # checksum
    return content, fields.at


@functools.lru_cache(maxsize=16)  # the self-test meets the same payloads thousands of times
def inflate(frame, raw_size, form=PLAIN):
    """The payload's bytes, expanded, as many as the chunk header says."""
    if form not in (PLAIN, COMPACT):
        raise Damaged(f"a payload of form {form}")
    content, length = frame_layout(frame)
    if content > LONGEST_PAYLOAD:
        raise Damaged(f"the payload states {content} bytes")
    if form == PLAIN and content != raw_size:
        raise Damaged(f"the payload states {content} bytes, its chunk header {raw_size}")
    if length != len(frame):
        raise Damaged("the payload frame is not as long as its chunk header says")
    done = subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True, check=False)
    if done.returncode != 0 or len(done.stdout) != content:
        raise Damaged("the payload does not decompress")
    return expand(done.stdout, raw_size) if form == COMPACT else done.stdout


class Streams:
    """The three streams of a compact payload (§3.1), each read from its start to its end."""

    def __init__(self, payload):
        fields = Fields(payload)
        n_control, n_lengths = fields.u32(), fields.u32()
        self.control = Fields(fields.take(n_control))
        self.lengths, self.n_lengths = fields.take(n_lengths), 0  # half bytes that were taken
        self.data = Fields(payload[fields.at:])

    def number(self):
        value = 0
        for i in range(LONGEST_NUMBER):
            byte = self.control.take(1)[0]
            value |= (byte & 127) << 7 * i
            if not has(byte, 7):
                return value
        raise Damaged("a number in control is too long")

    def mask(self):
        there = self.control.take(1)[0]
        return sum(self.control.take(1)[0] << 8 * i for i in range(8) if has(there, i))

    def word(self):
        if self.n_lengths >= 2 * len(self.lengths):
            raise Damaged("a word without a length")
        length = self.lengths[self.n_lengths >> 1] >> 4 * (self.n_lengths & 1) & 15
        self.n_lengths += 1
        if length > 8:
            raise Damaged(f"a word of {length} bytes")
        return int.from_bytes(self.data.take(length), "little")

    def finish(self):
        if (self.control.at != len(self.control.data) or self.data.at != len(self.data.data)
                or (self.n_lengths + 1) // 2 != len(self.lengths)):
            raise Damaged("a compact payload goes on behind its last record")


class Bases:
    """The bases of one compact payload: h and h + 1 words of each, in the order of their numbers."""

    def __init__(self):
        self.all, self.n_words = [], 0

    def get(self, number, streams):
        """(h, words) of base `number`, from 1, which is made now if it is the next."""
        if number <= len(self.all):
            return self.all[number - 1]
        head = streams.number() if number == len(self.all) + 1 else None
        if head is None or not 2 <= head <= LONGEST_RECORD:
            raise Damaged(f"base {number} of {head} words where {len(self.all)} were made")
        self.n_words += head + 1
        if self.n_words > MOST_BASE_WORDS:
            raise Damaged("bases of too many words")
        self.all.append((head, [0] * (head + 1)))
        return self.all[-1]


def expand(payload, raw_size):
    """The records that a compact payload tells of."""
    streams, bases, out = Streams(payload), Bases(), bytearray()
    while len(out) < raw_size:
        number = streams.number()
        head, base = bases.get(number, streams) if number else (0, [])
        count = head + streams.number()
        if not 1 <= count <= LONGEST_RECORD or 8 * count > raw_size - len(out):
            raise Damaged(f"a record of {count} words")
        known = head + (0 < head < count)  # words that the base has of it
        for first in range(0, known, 64):
            mask = streams.mask()
            if mask >> min(known - first, 64):
                raise Damaged("a word changes that the base does not have")
            for i in range(mask.bit_length()):
                if has(mask, i):
                    base[first + i] = streams.word()
        record = base[:head] + [streams.word() for _ in range(count - known)] + base[head:known]
        if head:
            record[0] = record[0] & (1 << 48) - 1 | 8 * count << 48
            record[head - 1] = record[head - 1] + 8 * count & (1 << 64) - 1
        out += struct.pack(f"<{count}Q", *record)
    streams.finish()
    return bytes(out)


# ---- events and records ---------------------------------------------------------------------------


class Event:
    """What is needed of an EVENT item to read its records (§6, §7)."""

    def __init__(self, value):
        fields = Fields(value)
        fields.u32()  # role
        n_ids, attr_size, name_size = fields.u32(), fields.u32(), fields.u32()
        attr = bytes(fields.take(attr_size))
        self.ids = [fields.u64() for _ in range(n_ids)]
        fields.take(name_size)
        attr = attr.ljust(88, b"\0")  # what an older attr lacks is zero
        self.sample_period = u64_at(attr, 16)
        self.sample_type = u64_at(attr, 24)
        self.read_format = u64_at(attr, 32)
        self.flags = u64_at(attr, 40)
        self.branch_sample_type = u64_at(attr, 72)
        self.registers = u64_at(attr, 80)
        if not has(self.sample_type, IDENTIFIER) or not has(self.flags, FLAG_SAMPLE_ID_ALL):
            raise Damaged("an event without PERF_SAMPLE_IDENTIFIER and sample_id_all")

    def default_period(self):
        return 1 if has(self.flags, FLAG_FREQ) else self.sample_period


class Record:
    """The decoded fields of one record; those that it does not have are None."""

    def __init__(self):
        self.time = self.pid = self.tid = self.ip = self.period = None
        self.read = None     # of READ: [(value, id), ...]; an id is None where it is not recorded
        self.sp = None       # the stack pointer among REGS_USER
        self.stored = b""    # the n bytes of STACK_USER
        self.dump_size = 0   # D
        self.patch = False   # the n bytes are a patch


def read_values(fields, read_format):
    """A read_format structure's values and their ids, a list of one without GROUP (§7)."""
    times = 8 * (has(read_format, TOTAL_TIME_ENABLED) + has(read_format, TOTAL_TIME_RUNNING))
    group = has(read_format, GROUP)
    members = fields.u64() if group else 1
    fields.take(times if group else 0)
    values = []
    for _ in range(members):
        value = fields.u64()
        fields.take(0 if group else times)
        values.append((value, fields.u64() if has(read_format, READ_ID) else None))
        fields.take(8 * has(read_format, READ_LOST))
    return values


def skip_branch_stack(fields, branch_sample_type):
    entries = fields.u64()
    if has(branch_sample_type, BRANCH_HW_INDEX):
        fields.take(8)
    fields.take(24 * entries)
    if has(branch_sample_type, BRANCH_COUNTERS):
        fields.take(8 * entries)


def read_registers(fields, mask, sp_bit):
    """The stack pointer, or None."""
    if fields.u64() == 0:
        return None
    values = [fields.u64() for _ in range(mask.bit_count())]
    if sp_bit is None or not has(mask, sp_bit):
        return None
    return values[(mask & ((1 << sp_bit) - 1)).bit_count()]


def read_sample(data, event, sp_bit):
    """`data` is the whole record; the order of fields is that of perf_event_open(2)."""
    record, fields, wanted = Record(), Fields(data, 8), event.sample_type
    fields.u64()  # IDENTIFIER
    if has(wanted, IP):
        record.ip = fields.u64()
    if has(wanted, TID):
        record.pid, record.tid = fields.u32(), fields.u32()
    if has(wanted, TIME):
        record.time = fields.u64()
    for bit in (ADDR, ID, STREAM_ID, CPU):
        if has(wanted, bit):
            fields.take(8)
    record.period = fields.u64() if has(wanted, PERIOD) else event.default_period()
    if has(wanted, READ):
        record.read = read_values(fields, event.read_format)
    if has(wanted, CALLCHAIN):
        fields.take(8 * fields.u64())
    if has(wanted, RAW):
        fields.take(fields.u32())
    if has(wanted, BRANCH_STACK):
        skip_branch_stack(fields, event.branch_sample_type)
    if has(wanted, REGS_USER):
        record.sp = read_registers(fields, event.registers, sp_bit)
    if has(wanted, STACK_USER):
        record.stored = bytes(fields.take(fields.u64()))
        size = fields.u64() if record.stored else 0
        record.patch, record.dump_size = has(size, PATCH_BIT), size & ~(1 << PATCH_BIT)
    return record


def read_trailer(data, event):
    """Of a record that is not a sample: its last bytes, of a length that sample_type tells."""
    wanted = event.sample_type
    bits = [bit for bit in (TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER) if has(wanted, bit)]
    if len(data) - 8 < 8 * len(bits):
        raise Damaged("the record is shorter than its trailer")
    record, fields = Record(), Fields(data, len(data) - 8 * len(bits))
    if has(wanted, TID):
        record.pid, record.tid = fields.u32(), fields.u32()
    if has(wanted, TIME):
        record.time = fields.u64()
    return record


class Images:
    """The threads' stack images of one chunk (§8.2): tid -> (lo, bytes)."""

    def __init__(self):
        self.of = {}

    def dump(self, record):
        """All D bytes of the record's dump; None where nothing tells whose and where they were.

        Raises Damaged where the dump shares what it must not, or what is not there."""
        size, stored = record.dump_size, record.stored
        if record.tid is None or record.sp is None or record.sp + size >= 1 << 64:
            if record.patch or len(stored) < size:
                raise Damaged("a dump without an image shares")
            return None
        end = record.sp + size
        lo, image = self.of.get(record.tid, (0, b""))
        if record.patch:
            dump = self.patched(record, lo, image)
        elif len(stored) < size:
            dump = stored + self.shared(record, end, lo, image)
        else:
            dump = stored[:size]
        # Steps 1 to 3 at once: what the image holds below and above the dump stays.
        below = above = b""
        if image and record.sp <= lo + len(image) and end >= lo:
            below, above = image[:max(record.sp - lo, 0)], image[max(end - lo, 0):]
        above = (dump + above)[:LONGEST_IMAGE]
        below = below[max(len(below) + len(above) - LONGEST_IMAGE, 0):]
        self.of[record.tid] = (record.sp - len(below), below + above)
        return dump

    @staticmethod
    def shared(record, end, lo, image):
        n = len(record.stored)
        if n % 8 != 0 or record.dump_size > LONGEST_SHARED_DUMP:
            raise Damaged("a dump that must not share")
        if not image or record.sp + n < lo or end > lo + len(image):
            raise Damaged("a dump shares bytes that its thread's image does not hold")
        return image[record.sp + n - lo:end - lo]

    @staticmethod
    def patched(record, lo, image):
        """The dump that the record's patch makes of the image (§8.3)."""
        stored, size = record.stored, record.dump_size
        if size == 0 or size > LONGEST_SHARED_DUMP or len(stored) % 8 != 0:
            raise Damaged("a dump that must not be a patch")
        masks, filled, n_words = [], 0, -(-size // 8)
        while filled < len(stored):
            mask = u64_at(stored, 8 * len(masks))
            if 64 * len(masks) >= n_words or mask >> n_words - 64 * len(masks):
                raise Damaged("a patch of words that are not in the dump")
            masks.append(mask)
            filled += 8 + 8 * mask.bit_count()
        if filled != len(stored):
            raise Damaged("a patch's masks and words do not fill it")
        changed = sum(mask << 64 * i for i, mask in enumerate(masks))
        dump, at = bytearray(), 8 * len(masks)
        for i in range(n_words):
            length = min(8, size - 8 * i)
            if has(changed, i):
                dump += stored[at:at + length]
                at += 8
            else:
                start = record.sp + 8 * i - lo
                if not image or start < 0 or start + length > len(image):
                    raise Damaged("a patch leaves out what its thread's image does not hold")
                dump += image[start:start + length]
        return bytes(dump)


# ---- the file -------------------------------------------------------------------------------------


class Reader:
    """One pass over a file's bytes. `out` gets the lines, `complain` (byte, text) the damage."""

    def __init__(self, data, records, out, complain):
        self.data, self.records, self.out, self.complain = data, records, out, complain
        self.trace_id = None
        self.sequence = 0    # of the next chunk
        self.round = 0       # number of the next mark
        self.time_mark = 0   # T of the last mark
        self.meta_bytes = 0
        self.arch = None
        self.events = {}     # id -> Event
        self.chunks = []     # (offset, kind, ring, first, last, sequence, records), for the index

    def frame_at(self, offset, whole=True):
        """(magic, body, end) of the skippable frame at `offset`, its size and CRC checked."""
        if len(self.data) - offset < 8:
            raise Damaged("the file ends within a frame")
        magic, size = u32_at(self.data, offset), u32_at(self.data, offset + 4)
        if magic not in SKIPPABLE:
            raise Damaged("no frame begins here")
        if magic not in NAMES:
            if not whole:
                raise Damaged("a frame of others")
            if size > len(self.data) - offset - 8:
                raise Damaged("the file ends within a frame of others")
            return magic, b"", offset + 8 + size
        name = NAMES[magic]
        if not SHORTEST[magic] <= size <= LONGEST[magic]:
            raise Damaged(f"a {name} of {size} bytes")
        if size > len(self.data) - offset - 8:
            raise Damaged(f"the file ends within a {name}")
        body = self.data[offset + 8:offset + 8 + size]
        if u32_at(body, 0) != TAG or u32_at(body, 4) != zlib.crc32(body[8:]):
            raise Damaged(f"the {name}'s tag or checksum is wrong")
        return magic, body, offset + 8 + size

    def run(self):
        offset = self.read_header()
        while offset is not None and offset < len(self.data):
            try:
                offset = self.read_frame(offset)
            except Damaged as damage:
                found = self.search(offset + 1)
                self.complain(offset, f"{damage}; {found - offset} bytes skipped")
                offset = found

    def read_header(self):
        try:
            magic, body, end = self.frame_at(0)
        except Damaged as damage:
            raise NotATrace(str(damage)) from None
        if magic != HEADER:
            raise NotATrace("the file does not begin with a trace's header")
        if u16_at(body, 8) > MAJOR:
            raise NotATrace(f"version {u16_at(body, 8)}.{u16_at(body, 10)}")
        unknown = u64_at(body, 24) & ~KNOWN_FEATURES
        if unknown:
            raise NotATrace(f"incompatible features {unknown:x}")
        self.trace_id = body[32:48]
        return end

    def search(self, offset):
        """The next whole header (of any trace), or chunk header or round mark of this one."""
        while True:
            # The four magics differ in their first byte only.
            offset = self.data.find(b"\x2a\x4d\x18", offset + 1) - 1
            if offset < 0:
                return len(self.data)
            try:
                magic, body, _ = self.frame_at(offset, whole=False)
            except Damaged:
                offset += 1
                continue
            if magic == HEADER or magic != INDEX and body[8:24] == self.trace_id:
                return offset
            offset += 1

    def read_frame(self, offset):
        """The offset after the frame (and payload) at `offset`; None where this trace ends."""
        magic, body, end = self.frame_at(offset)
        if magic not in NAMES:
            return end
        if magic == HEADER:
            if body[32:48] != self.trace_id:
                self.complain(offset, "another trace begins here")
                return None
            raise Damaged("a second header")
        if body[8:24] != self.trace_id:
            raise Damaged(f"a {NAMES[magic]} of another trace")
        if magic == CHUNK:
            return self.read_chunk(offset, body, end)
        if magic == ROUND:
            self.read_round(offset, body)
        else:
            self.check_index(offset, body)
        return end

    # -- rounds and index --

    def read_round(self, offset, body):
        number, time, next_sequence = u64_at(body, 24), u64_at(body, 32), u64_at(body, 40)
        if number < self.round:
            raise Damaged(f"round {number} where {self.round} was due")
        if number > self.round:
            self.complain(offset, f"{number - self.round} rounds are missing")
        if next_sequence > self.sequence:
            self.complain(offset, f"{next_sequence - self.sequence} chunks are missing")
            self.sequence = next_sequence
        if time < self.time_mark:
            self.complain(offset, f"the time falls from {self.time_mark} to {time}")
        self.round, self.time_mark = number + 1, max(time, self.time_mark)
        self.out(f"round {time}")

    def check_index(self, offset, body):
        """Nothing is read by the index, so one that differs is worth a word, not more."""
        count = u64_at(body, 24)
        if count > (len(body) - 56) // 48:
            raise Damaged("the index has more entries than bytes")
        trailer = 40 + 48 * count
        entries = [struct.unpack_from("<QIIQQQII", body, 40 + 48 * i)[:7] for i in range(count)]
        if entries != self.chunks:
            self.complain(offset, "the index differs from the chunks")
        if (body[trailer + 8:trailer + 16] != b"RTRCINDX"
                or u64_at(body, trailer) != len(self.data) - offset):
            self.complain(offset, "the index's end is wrong")

    # -- chunks --

    def read_chunk(self, offset, body, payload):
        sequence, kind, ring, first, last, raw, stored, records, form = struct.unpack_from(
            "<QIIQQQQII", body, 24)
        if sequence < self.sequence:
            raise Damaged(f"chunk {sequence} where {self.sequence} was due")
        if raw > LONGEST_PAYLOAD:
            raise Damaged(f"chunk {sequence} states {raw} bytes")
        if stored > len(self.data) - payload:
            raise Damaged(f"the file ends within chunk {sequence}")
        content = b""
        if kind in KINDS:
            content = inflate(self.data[payload:payload + stored], raw, form)
        if sequence > self.sequence:
            self.complain(offset, f"{sequence - self.sequence} chunks are missing")
        self.sequence = sequence + 1
        self.chunks.append((offset, kind, ring, first, last, sequence, records))
        end = payload + stored
        self.out(f"chunk {sequence} {KINDS.get(kind, 'unknown')} offset={offset} "
                 f"stored={end - offset} raw={raw} ring={ring} records={records} "
                 f"first={first} last={last}")
        found = self.read_payload(offset, kind, content)
        if found is not None and found != records:
            self.complain(offset, f"chunk {sequence} states {records} records and holds {found}")
        return end

    def read_payload(self, offset, kind, content):
        """The number of items, records or lines in it; None where this reader does not count."""
        if kind == META:
            return self.read_meta(offset, content)
        if kind in (SIDEBAND, SAMPLES):
            return self.read_records(content)
        if kind == OBJECT:
            return self.read_object(content)
        return content.count(b"\n") if kind == KALLSYMS else None

    def read_object(self, content):
        lines, fields = [], Fields(content)
        try:
            role, flags, size = fields.u32(), fields.u32(), fields.u64()
            lengths = fields.u32(), fields.u32(), fields.u32()
            fields.u32()
            if role > LAST_ROLE or lengths[0] > LONGEST_ID or max(lengths[1:]) > LONGEST_NAME:
                raise Damaged("an object's header makes no sense")
            sums = [f"{zlib.crc32(fields.take(length)):08x}" for length in lengths]
            fields.take(-fields.at % 8)
            lines.append("  object role={} flags={} size={} id={} path={} name={}".format(
                role, flags & 1, size, *sums))
            while fields.at < len(content):
                at, length = fields.u64(), fields.u64()
                piece = fields.take(length)
                if at > size or length > size - at:
                    raise Damaged("a piece lies outside of its file")
                fields.take(-length % 8)
                lines.append(f"  piece offset={at} size={length} crc={zlib.crc32(piece):08x}")
        except Damaged:
            lines.append("  damaged object")
        if self.records:
            for line in lines:
                self.out(line)
        return None if lines[-1] == "  damaged object" else len(lines) - 1

    def read_meta(self, offset, content):
        self.meta_bytes += len(content)
        if self.meta_bytes > LONGEST_META:
            self.complain(offset, "more META than a trace may have")
            return None
        fields, count = Fields(content), 0
        try:
            while fields.at < len(content):
                tag, length = fields.u32(), fields.u32()
                value = fields.take(length)
                fields.take(min(-fields.at % 8, len(content) - fields.at))
                count += 1
                if self.records:
                    self.out(f"  item {tag} length={length}")
                self.use_item(offset, tag, value)
        except Damaged as damage:
            self.complain(offset, f"the META after item {count - 1}: {damage}")
        return count

    def use_item(self, offset, tag, value):
        if tag == ITEM_ARCH:
            self.arch = bytes(value).decode("utf-8", "replace")
        elif tag == ITEM_EVENT:
            try:
                event = Event(value)
            except Damaged as damage:
                self.complain(offset, f"EVENT: {damage}")
                return
            for number in event.ids:
                self.events.setdefault(number, event)

    def read_records(self, content):
        """Counts the damaged ones too: they are records, only of no use."""
        if not self.records:
            return None
        at, count, images = 0, 0, Images()
        while at < len(content):
            size = u16_at(content, at + 6) if len(content) - at >= 8 else 0
            if size < 8 or size > len(content) - at:
                self.out(f"  damaged record at byte {at}")
                return None
            try:
                self.out(self.record_line(content[at:at + size], images))
            except Damaged:
                self.out(f"  damaged record at byte {at}")
            at += size
            count += 1
        return count

    def record_line(self, data, images):
        kind, misc, size = u32_at(data, 0), u16_at(data, 4), u16_at(data, 6)
        line = f"  record {kind} misc={misc} size={size}"
        if kind not in KNOWN_RECORDS:
            return line
        if size < 16:
            raise Damaged("the record has no room for an id")
        event = self.events.get(u64_at(data, 8 if kind == RECORD_SAMPLE else size - 8))
        if event is None:
            raise Damaged("the record has no event")
        if kind == RECORD_SAMPLE:
            record = read_sample(data, event, SP_BIT.get(self.arch))
        else:
            record = read_trailer(data, event)
        if record.time is not None:
            line += f" time={record.time}"
        if record.tid is not None:
            line += f" pid={record.pid} tid={record.tid}"
        if kind == RECORD_SAMPLE:
            line += f" ip={record.ip or 0:x} period={record.period}"
        dump = images.dump(record) if record.dump_size > 0 or record.patch else None
        if dump is not None:
            line += f" stack={record.sp:x}+{len(dump)} crc={zlib.crc32(dump):08x}"
        return line


def read(data, records=True):
    """(lines, complaints) of a trace in memory. Raises NotATrace."""
    lines, complaints = [], []
    Reader(data, records, lines.append, lambda at, text: complaints.append((at, text))).run()
    return lines, complaints


def list_file(path, records):
    def complain(offset, text):
        print(f"read_trace.py: {path}: byte {offset}: {text}", file=sys.stderr)
    try:
        with open(path, "rb") as file:
            data = file.read()
        Reader(data, records, print, complain).run()
    except (NotATrace, OSError) as error:
        print(f"read_trace.py: {path}: {error}", file=sys.stderr)
        return 1
    return 0


def main(arguments):
    if arguments == ["--self-test"]:
        sys.dont_write_bytecode = True  # no __pycache__ among the sources
        import made_traces  # pylint: disable=import-outside-toplevel
        return made_traces.check(read, NotATrace)
    records = arguments[:1] == ["--records"]
    if len(arguments) != 1 + records or arguments[-1].startswith("-"):
        print("usage: read_trace.py [--records] FILE | --self-test", file=sys.stderr)
        return 2
    return list_file(arguments[-1], records)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

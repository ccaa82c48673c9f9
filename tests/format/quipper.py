#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a recording of the quipper corpus holds, from its text form (*.pb_text).

    quipper.py FILE.pb_text               print the summary that test_perf_data.c
                                          makes from the recording itself
    quipper.py --records FILE.pb_text     read the lines of `info --records` from
                                          standard input and compare; status 1
                                          and a diff where they disagree

A summary has counts and sums (modulo 2^64) of every field, so that one wrong
value changes it, and the order of the records does not. perf's own records
(types from 64 on) are left out: they are not events.

quipper joins an anonymous mapping to the file mapping right before it (text
moved to huge pages), so it may have fewer MMAPs than the file. The unit test
joins them likewise; `info --records` has no addresses to do so with, so that
--records leaves out MMAPs. quipper also sets the top bit of callchain entries
that lie in no mapping: their sums are over the lower 63 bits.
"""
import re
import sys
import zlib

SAMPLE, MMAPS, USER_TYPES = 9, (1, 10), 64
MASK, ADDRESS = (1 << 64) - 1, (1 << 63) - 1
ESCAPE = re.compile(rb'\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)', re.S)
NAMED = {b'n': b'\n', b't': b'\t', b'r': b'\r', b'a': b'\a', b'b': b'\b', b'f': b'\f', b'v': b'\v'}


def unescape(match):
    what = match.group(1)
    if what[:1] in b'01234567':
        return bytes([int(what, 8)])
    if what[:1] == b'x' and len(what) > 1:
        return bytes([int(what[1:], 16)])
    return NAMED.get(what, what)


def value(text):
    """A scalar of the text format: int, bool or the bytes of a string."""
    if text.startswith(b'"'):
        return ESCAPE.sub(unescape, text[1:-1])
    if text in (b'true', b'false'):
        return int(text == b'true')
    return int(text)


def parse(path):
    """The message as a dict: name -> list of values and dicts."""
    stack = [{}]
    with open(path, 'rb') as lines:
        for line in lines:
            line = line.strip()
            if line == b'}':
                stack.pop()
            elif line.endswith(b' {'):
                message = {}
                stack[-1].setdefault(line[:-2].decode(), []).append(message)
                stack.append(message)
            elif line:
                name, _, text = line.partition(b': ')
                stack[-1].setdefault(name.decode(), []).append(value(text))
    if len(stack) != 1:
        sys.exit(f'{path}: unbalanced braces')
    return stack[0]


class Sums:
    """Sums by name, printed in the order of first use."""

    def __init__(self, title, *names):
        self.title, self.count, self.sums = title, 0, dict.fromkeys(names, 0)

    def add(self, **fields):
        self.count += 1
        for name, number in fields.items():
            self.sums[name] = (self.sums[name] + number) & MASK

    def __str__(self):
        return ' '.join([self.title, str(self.count)] + [f'{k}={v}' for k, v in self.sums.items()])


def first(message, name, default=0):
    return message.get(name, [default])[0]


def pick(message, **names):
    return {ours: first(message, theirs) for ours, theirs in names.items()}


def attr_lines(root):
    for i, entry in enumerate(root.get('file_attrs', [])):
        attr = entry['attr'][0]
        fields = ' '.join(f'{name}={first(attr, name)}' for name in (
            'type', 'config', 'sample_period', 'sample_type', 'read_format', 'freq', 'inherit'))
        yield f'event {i} {fields} ids={",".join(str(n) for n in entry.get("ids", []))}'


def event_lines(root):
    """Samples and the sum of their periods by event: by the id, or the only event."""
    owners = {number: i for i, entry in enumerate(root.get('file_attrs', []))
              for number in entry.get('ids', [])}
    sums = [Sums(f'event {i} samples', 'period') for i in range(len(root.get('file_attrs', [])))]
    for event in root.get('events', []):
        for sample in event.get('sample_event', []):
            owner = 0 if len(sums) == 1 else owners[sample['id'][0]]
            sums[owner].add(period=first(sample, 'period'))
    yield from map(str, sums)


def record_lines(root):
    types = {}
    samples = Sums('samples', 'ip', 'pid', 'tid', 'time', 'id', 'cpu', 'period', 'frames', 'callchain')
    mmaps = Sums('mmaps', 'pid', 'tid', 'start', 'length', 'pgoff', 'path')
    comms = Sums('comms', 'pid', 'tid', 'name')
    tasks = Sums('tasks', 'pid', 'ppid', 'tid', 'ptid', 'time')
    switches = Sums('switches', 'out')
    trailers = Sums('trailers', 'pid', 'tid', 'time', 'id', 'cpu')
    for event in root.get('events', []):
        kind = event['header'][0]['type'][0]
        if kind >= USER_TYPES:
            continue
        types[kind] = types.get(kind, 0) + 1
        for sample in event.get('sample_event', []):
            chain = sample.get('callchain', [])
            samples.add(frames=len(chain), callchain=sum(ip & ADDRESS for ip in chain), **pick(
                sample, ip='ip', pid='pid', tid='tid', time='sample_time_ns', id='id', cpu='cpu',
                period='period'))
        for mmap in event.get('mmap_event', []):
            mmaps.add(path=zlib.crc32(first(mmap, 'filename', b'')), **pick(
                mmap, pid='pid', tid='tid', start='start', length='len', pgoff='pgoff'))
        for comm in event.get('comm_event', []):
            comms.add(name=zlib.crc32(first(comm, 'comm', b'')), **pick(comm, pid='pid', tid='tid'))
        for task in event.get('fork_event', []) + event.get('exit_event', []):
            tasks.add(**pick(task, pid='pid', ppid='ppid', tid='tid', ptid='ptid',
                             time='fork_time_ns'))
        for switch in event.get('context_switch_event', []):
            switches.add(out=first(switch, 'is_out'))
        for body in event.values():
            if isinstance(body[0], dict):
                for info in body[0].get('sample_info', []):
                    trailers.add(**pick(info, pid='pid', tid='tid', time='sample_time_ns', id='id',
                                        cpu='cpu'))
    for kind in sorted(types):
        yield f'type {kind} {types[kind]}'
    yield from map(str, (samples, mmaps, comms, tasks, switches, trailers))


def meta_lines(root):
    ids = Sums('build_ids', 'id', 'path')
    for entry in root.get('build_ids', []):
        ids.add(id=zlib.crc32(entry['build_id_hash'][0]), path=zlib.crc32(entry['filename'][0]))
    yield str(ids)
    strings = first(root, 'string_metadata', {})
    for name in ('hostname', 'kernel_version', 'architecture', 'cpu_description',
                 'perf_command_line_whole'):
        text = first(first(strings, name, {}), 'value', b'').decode('utf-8', 'replace')
        yield f'{name} {text}'


def summary(path):
    root = parse(path)
    return [*attr_lines(root), *event_lines(root), *record_lines(root), *meta_lines(root)]


def visible(types, samples):
    kinds = [f'type {kind} {types[kind]}' for kind in sorted(types) if kind not in MMAPS]
    return kinds + [str(samples)]


def from_text(path):
    """What `info --records` can show, from the text form."""
    types, samples = {}, Sums('samples', 'time', 'pid', 'tid', 'ip')
    for event in parse(path).get('events', []):
        kind = event['header'][0]['type'][0]
        if kind < USER_TYPES:
            types[kind] = types.get(kind, 0) + 1
        for sample in event.get('sample_event', []):
            samples.add(**pick(sample, time='sample_time_ns', pid='pid', tid='tid', ip='ip'))
    return visible(types, samples)


def from_records(lines):
    """The same from its lines: chunk type misc size time=ns pid=n tid=n ip=hex."""
    types, samples = {}, Sums('samples', 'time', 'pid', 'tid', 'ip')
    for line in lines:
        words = line.split()
        kind = int(words[1])
        types[kind] = types.get(kind, 0) + 1
        if kind == SAMPLE:
            fields = dict(word.split('=') for word in words[4:])
            samples.add(**{name: 0 if text == '-' else int(text, 16 if name == 'ip' else 10)
                           for name, text in fields.items() if name in samples.sums})
    return visible(types, samples)


def main(args):
    if len(args) == 1:
        print('\n'.join(summary(args[0])))
        return 0
    if len(args) != 2 or args[0] != '--records':
        print(__doc__, file=sys.stderr)
        return 2
    want, have = from_text(args[1]), from_records(sys.stdin)
    for line in [f'-{w}' for w in want if w not in have] + [f'+{h}' for h in have if h not in want]:
        print(line)
    return int(want != have)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

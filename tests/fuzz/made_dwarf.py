#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""made_dwarf.py ELF OUT [.dwo] - an input for fuzz_dwarf from the debug sections of a small ELF file."""
import struct
import subprocess
import sys
import tempfile

NAMES = ["info", "abbrev", "str", "line_str", "str_offsets", "addr", "ranges", "rnglists", "line", "cu_index"]


def section(path, name):
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["objcopy", "-O", "binary", f"--only-section={name}", "--set-section-flags",
                        f"{name}=alloc", path, out.name], check=True, stderr=subprocess.DEVNULL)
        return out.read()


def main():
    suffix = sys.argv[3] if len(sys.argv) > 3 else ""
    sections = [section(sys.argv[1], f".debug_{n}{suffix}") for n in NAMES]
    with open(sys.argv[2], "wb") as out:
        out.write(b"".join(struct.pack("<I", len(s)) for s in sections) + b"".join(sections))


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py BIN_DIR [-n N] [--keep DIR] [NAME... | FILE...] - symbolize against llvm-symbolizer.

N random addresses in the functions of each program: our inlined calls, functions, files, lines and
columns against llvm-symbolizer's, frame by frame. Where they differ, addr2line of binutils is asked,
which shares no code with either. Each difference has a class:

  addr2line agrees  with us
  another alias     of the function: two symbols at one address, and we say the other
  STT_FILE          code without lines: llvm-symbolizer gives the symbol table's file name, we give none
  wrong             the rest: at most 1 in 1000, or the program fails

Without names all programs that the compilers here can build are made (two compilers, DWARF 4 and 5,
-O2, LTO, split, dwz, Rust); what is missing is a SKIP. A NAME with a slash is a file to compare as it
is. 10,000 addresses each: -n 10000.
"""
import argparse
import bisect
import collections
import os
import posixpath
import random
import re
import shutil
import subprocess
import sys
import tempfile

ALLOWED = 1000  # one in so many addresses may differ without a reason

HERE = os.path.dirname(os.path.abspath(__file__))

# name: (needs, commands); {cpp} {rs} {c}: sources, {out}: the program
BUILDS = {
    "gcc-dwarf5": (["g++"], ["g++ -O2 -g -gdwarf-5 -o {out} {cpp}"]),
    "gcc-dwarf4": (["g++"], ["g++ -O2 -g -gdwarf-4 -no-pie -o {out} {cpp}"]),
    "gcc-lto": (["g++"], ["g++ -O2 -g -flto -c -o {out}.a.o {cpp}", "gcc -O2 -g -flto -c -o {out}.b.o {c}",
                          "g++ -O2 -g -flto -o {out} {out}.a.o {out}.b.o"]),
    "gcc-types": (["g++"], ["g++ -O2 -g -gdwarf-4 -fdebug-types-section -o {out} {cpp}"]),
    "gcc-split": (["g++"], ["g++ -O2 -g -gdwarf-5 -gsplit-dwarf -o {out} {cpp}"]),
    "gcc-dwz": (["g++", "dwz"], ["g++ -O2 -g -c -o {out}.a.o {cpp}", "gcc -O2 -g -c -o {out}.b.o {c}",
                                 "g++ -o {out} {out}.a.o {out}.b.o", "cp {out} {out}.2", "cp {out} {out}.oracle",
                                 "dwz -m {out}.common {out} {out}.2"]),
    "gcc-c": (["gcc"], ["gcc -O2 -g -o {out} {c}"]),
    "clang-dwarf5": (["clang++"], ["clang++ -O2 -g -gdwarf-5 -o {out} {cpp}"]),
    "clang-dwarf4": (["clang++"], ["clang++ -O2 -g -gdwarf-4 -o {out} {cpp}"]),
    "clang-split": (["clang++"], ["clang++ -O2 -g -gdwarf-4 -gsplit-dwarf -o {out} {cpp}"]),
    "clang-split5": (["clang++"], ["clang++ -O2 -g -gdwarf-5 -gsplit-dwarf -o {out} {cpp}"]),
    "clang-dwp": (["clang++", "llvm-dwp"],
                  ["clang++ -O2 -g -gdwarf-5 -gsplit-dwarf -c -o {out}.a.o {cpp}",
                   "clang -O2 -g -gdwarf-5 -gsplit-dwarf -c -o {out}.b.o {c}", "clang++ -o {out} {out}.a.o {out}.b.o",
                   "llvm-dwp -e {out} -o {out}.dwp", "rm {out}.a.dwo {out}.b.dwo",
                   # llvm-symbolizer 14 misses range lists of a package's second unit
                   "clang++ -O2 -g -gdwarf-5 -c -o {out}.c.o {cpp}", "clang -O2 -g -gdwarf-5 -c -o {out}.d.o {c}",
                   "clang++ -o {out}.oracle {out}.c.o {out}.d.o"]),
    "gcc-dwp": (["g++", "dwp"],
                ["g++ -O2 -g -gdwarf-4 -gsplit-dwarf -c -o {out}.a.o {cpp}",
                 "gcc -O2 -g -gdwarf-4 -gsplit-dwarf -c -o {out}.b.o {c}", "g++ -o {out} {out}.a.o {out}.b.o",
                 "dwp -e {out} -o {out}.dwp", "rm {out}.a.dwo {out}.b.dwo"]),
    "rust": (["rustc"], ["rustc -C opt-level=2 -g -o {out} {rs}"]),
    "rust-lto": (["rustc"], ["rustc -C opt-level=3 -C lto=fat -g -o {out} {rs}"]),
}


def run(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", **more).stdout


def build(name, directory):
    """The program's path, or the reason why there is none."""
    needs, commands = BUILDS[name]
    for tool in needs:
        if not shutil.which(tool):
            return None, f"no {tool} here"
    out = os.path.join(directory, name)
    for command in commands:
        try:
            run(command.format(out=out, cpp=os.path.join(HERE, "templates.cpp"), c=os.path.join(HERE, "calls.c"),
                               rs=os.path.join(HERE, "generics.rs")).split(), cwd=directory)
        except subprocess.CalledProcessError as error:
            last = error.stderr.strip().splitlines()[-1:] or ["no message"]
            return None, f"{command.split()[0]} fails: {last[0]}"
    return out, None


def pick(path, n, seed):
    """n random addresses in its functions."""
    functions = set()
    for line in run(["nm", "-S", "--defined-only", path]).splitlines():
        f = line.split()
        if len(f) == 4 and f[2] in "tTwW" and int(f[1], 16):
            functions.add((int(f[0], 16), int(f[1], 16)))
    functions = sorted(functions)
    ends, total = [], 0
    for _, size in functions:
        total += size
        ends.append(total)
    chosen = random.Random(seed)
    if total <= n:
        return [start + i for start, size in functions for i in range(size)]
    addresses = []
    for _ in range(n):
        at = chosen.randrange(total)
        i = bisect.bisect_right(ends, at)
        addresses.append(functions[i][0] + functions[i][1] - (ends[i] - at))
    return addresses


# ---- what the tools say: [(function, file, line, column)] by address ----

def chains(text):
    """llvm-symbolizer's form, and ours."""
    result = []
    for block in text.split("\n\n"):
        lines = block.strip("\n").splitlines()
        chain = []
        for function, place in zip(lines[::2], lines[1::2]):
            m = re.match(r"^(.*):(\d+):(\d+)$", place)
            chain.append((function, m[1], int(m[2]), int(m[3])))
        if chain:
            result.append(chain)
    return result


def ask_us(bin_dir, path, addresses):
    """The answers of one thread; those of more have to be the same bytes, else there are none."""
    one, more = (run([os.path.join(bin_dir, "ruchy-analyze"), "symbolize", f"-j{jobs}", path, "-"],
                     input="".join(f"{a:x}\n" for a in addresses)) for jobs in (1, 4))
    return chains(one) if one == more else []


def ask_llvm(path, addresses):
    return chains(run(["llvm-symbolizer", "--inlines", "--no-demangle", f"--obj={path}"],
                      input="".join(f"0x{a:x}\n" for a in addresses)))


def ask_addr2line(path, addresses):
    """Columns are not told: None."""
    result = []
    if not addresses:
        return result
    for line in run(["addr2line", "-a", "-i", "-f", "-e", path],
                    input="".join(f"{a:x}\n" for a in addresses)).splitlines():
        if line.startswith("0x"):
            result.append([])
            function = None
        elif function is None:
            function = line
        else:
            m = re.match(r"^(.*):(\d+|\?)( \(discriminator \d+\))?$", line)
            result[-1].append((function, m[1], int(m[2]) if m[2] != "?" else 0, None))
            function = None
    return result


def demangled(names):
    """As we print names: by the same demangler's command, with the hashes of Rust dropped."""
    names = sorted(names)
    text = run(["c++filt", "-i"], input="".join(n + "\n" for n in names)).split("\n")
    return dict(zip(names, text))


# ---- comparing ----

def same_name(ours, theirs):
    """Names without linkage name we qualify: `n::f` for `f`. Names of over 4096 bytes we cut."""
    ours = re.sub(r"::h[0-9a-f]{16}$", "", ours)
    theirs = re.sub(r"::h[0-9a-f]{16}$", "", theirs)
    cut = len(ours.encode()) == 4096 and ours.endswith("...")
    return ours == theirs or ours.endswith("::" + theirs) or (cut and theirs.startswith(ours[:-3]))


def same_file(ours, theirs):
    if ours == theirs:
        return True
    return posixpath.normpath(ours) == posixpath.normpath(theirs)


def difference(ours, theirs, columns=True):
    """None, or what differs."""
    if len(ours) != len(theirs):
        return f"{len(ours)} frames for {len(theirs)}"
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if not same_name(a[0], b[0]):
            return f"frame {i}: name"
        if not same_file(a[1], b[1]):
            return f"frame {i}: file"
        if a[2] != b[2]:
            return f"frame {i}: line"
        if columns and a[3] != b[3]:
            return f"frame {i}: column"
    return None


def symbols(path):
    """Where functions start, by readable name; and the names of files."""
    starts, files = collections.defaultdict(set), set()
    for line in run(["readelf", "-sW", path]).splitlines():
        f = line.split(None, 7)
        if len(f) == 8 and f[3] in ("FUNC", "IFUNC"):
            starts[f[7]].add(int(f[1], 16))
        elif len(f) == 8 and f[3] == "FILE":
            files.add(f[7])
    readable = demangled(starts)
    by_name = collections.defaultdict(set)
    for name, at in starts.items():
        by_name[re.sub(r"::h[0-9a-f]{16}$", "", readable[name])] |= at
    return by_name, files


def classify(ours, theirs, third, starts, files):
    what = re.sub(r"\d+", "N", difference(ours, theirs))
    # Fewer frames than llvm-symbolizer's are not right because addr2line does not know better.
    if len(third) >= len(theirs) and not difference(ours, third, columns=False):
        return f"addr2line agrees ({what})"
    outer = [re.sub(r"::h[0-9a-f]{16}$", "", chain[-1][0]) for chain in (ours, theirs)]
    if starts[outer[0]] & starts[outer[1]]:
        theirs = theirs[:-1] + [(ours[-1][0], *theirs[-1][1:])]
        if not difference(ours, theirs):
            return "another alias"
    if len(theirs) == len(ours) == 1 and ours[0][1] == "??" and theirs[0][1] in files and not theirs[0][2]:
        return "STT_FILE"
    return f"wrong ({what})"


def compare(bin_dir, name, path, n, seed, verbose):
    addresses = pick(path, n, seed)
    # What others cannot read they get in a form that they can.
    oracle = path + ".oracle" if os.path.exists(path + ".oracle") else path
    ours, theirs = ask_us(bin_dir, path, addresses), ask_llvm(oracle, addresses)
    if not len(ours) == len(theirs) == len(addresses):
        print(f"not ok - symbolize/{name}: {len(addresses)} addresses, {len(ours)} answers of ours, "
              f"{len(theirs)} of llvm-symbolizer's")
        return False
    readable = demangled({f[0] for chain in theirs for f in chain})
    theirs = [[(readable[f[0]], *f[1:]) for f in chain] for chain in theirs]
    differ = [i for i in range(len(addresses)) if difference(ours[i], theirs[i])]
    third = dict(zip(differ, ask_addr2line(oracle, [addresses[i] for i in differ])))
    readable = demangled({f[0] for chain in third.values() for f in chain})
    tables = symbols(path)
    classes, shown = collections.Counter(), collections.Counter()
    for i in differ:
        other = [(readable[f[0]], *f[1:]) for f in third.get(i, [])]
        kind = classify(ours[i], theirs[i], other, *tables)
        classes[kind] += 1
        shown[kind] += 1
        if shown[kind] <= verbose:
            print(f"  {name} {addresses[i]:#x} {kind}")
            for who, chain in (("ours", ours[i]), ("llvm", theirs[i]), ("addr2line", other)):
                for f in chain:
                    print(f"    {who:9} {f[0][:90]} {f[1]}:{f[2]}:{f[3]}")
    frames = sum(map(len, ours))
    inlined = sum(len(c) > 1 for c in ours)
    wrong = sum(v for k, v in classes.items() if k.startswith("wrong"))
    ok = wrong * ALLOWED <= len(addresses) and inlined > 0
    print(f"{'ok' if ok else 'not ok'} - symbolize/{name}: {len(addresses)} addresses, {frames} frames, "
          f"{inlined} with inlined calls, {100 - 100 * len(differ) / len(addresses):.2f} % as llvm-symbolizer"
          + "".join(f"; {v} {k}" for k, v in sorted(classes.items())))
    return ok


def main():
    parser = argparse.ArgumentParser(description="symbolize against llvm-symbolizer and addr2line")
    parser.add_argument("bin_dir")
    parser.add_argument("names", nargs="*", help="of BUILDS, or files; default all")
    parser.add_argument("-n", type=int, default=1000, help="addresses of each program (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="build here, and keep it")
    parser.add_argument("-v", type=int, default=1, help="examples of each class that are printed (default 1)")
    options = parser.parse_intermixed_args()
    for tool in ("llvm-symbolizer", "addr2line", "c++filt", "nm"):
        if not shutil.which(tool):
            print(f"SKIP: symbolize: no {tool} here")
            return 0
    directory = options.keep or tempfile.mkdtemp(prefix="ruchy-symbolize-")
    os.makedirs(directory, exist_ok=True)
    ok = True
    try:
        for name in options.names or BUILDS:
            path, reason = (os.path.abspath(name), None) if "/" in name else build(name, directory)
            if not path:
                print(f"SKIP: symbolize/{name}: {reason}")
                continue
            ok &= compare(os.path.abspath(options.bin_dir), os.path.basename(name), path, options.n,
                          options.seed, options.v)
    finally:
        if not options.keep:
            shutil.rmtree(directory)
    return 0 if ok else 1


sys.exit(main())

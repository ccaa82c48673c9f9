# SPDX-License-Identifier: MIT
"""What the tests of unwinding record: the programs of tests/programs/ and one large C++ program.

The large one is cc1plus, GCC's own C++ compiler proper: 35 MB of recursive C++ built with -O2, with
unwind tables only, and there wherever g++ is.
"""
import functools
import os
import subprocess
from pathlib import Path

PROGRAMS = ["recursion", "recursion_static", "recursion_static_pie", "recursion_stripped", "bigframe", "cpp",
            "dlopen", "fptest", "omitfp", "rust_contract", "rust_stacks", "shares", "signal", "threads"]
UNITS = "400"

CXX = """
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <string>
#include <unordered_map>
int main()
{
	std::regex expression("a(b|c)*d");
	std::map<std::string, std::unordered_map<int, std::function<int(int)>>> table;
	std::vector<int> numbers(100);

	table["x"][1] = [](int a) { return a + 1; };
	std::sort(numbers.begin(), numbers.end(), [&](int a, int b) { return a < b; });
	std::cout << std::regex_match("abcd", expression) << table["x"][1](3) << std::filesystem::exists("/");
}
"""


@functools.cache
def _help(analyze):
    return subprocess.run([analyze, "--help"], text=True, capture_output=True, check=True).stdout


def no_join(analyze):
    """Flags that leave chains as they were walked."""
    return ["--no-join"] if "--no-join" in _help(analyze) else []


def lacks_libunwind(analyze):
    """Why there is no second engine; None where there is."""
    golden = Path(__file__).resolve().parent.parent / "golden/dwarf.rtrace"
    result = subprocess.run([analyze, "-q", "--unwinder=libunwind", golden], text=True, capture_output=True)
    return None if result.returncode == 0 else result.stderr.strip().splitlines()[-1]


def record(bin_dir, out, command, stack=65528, rate=1000):
    """A trace of `command`, or why there is none."""
    result = subprocess.run([bin_dir / "ruchy-record", "-q", "-F", str(rate), f"--stack-size={stack}", "-o", out,
                             "--", *command], text=True, stdin=subprocess.DEVNULL, capture_output=True)
    if result.returncode:
        return f"{Path(command[0]).name} exited with {result.returncode}: {result.stderr.strip()[-200:]}"
    return out


def compiler(directory, opt="-O2"):
    """The command that compiles a large C++ source; text: why there is none."""
    def ask(*args):
        return subprocess.run(args, text=True, capture_output=True).stdout

    try:
        proper = ask("g++", "-print-prog-name=cc1plus").strip()
    except FileNotFoundError:
        return "no g++ here"
    if not os.access(proper, os.X_OK):
        return "this g++ has no cc1plus"
    source = Path(directory) / "large.cpp"
    source.write_text(CXX)
    preprocessed = source.with_suffix(".ii")
    preprocessed.write_text(ask("g++", "-std=c++17", "-E", source))
    return [proper, "-quiet", "-fpreprocessed", opt, "-std=c++17", preprocessed, "-o", "/dev/null"]


def record_deep(bin_dir, programs, directory):
    """(name, path of the trace, or why there is none): programs whose stacks outgrow dumps."""
    out = Path(directory) / "deep.rtrace"
    yield "deep", record(bin_dir, out, [programs / "deep", "300"])
    out.unlink(missing_ok=True)
    command = compiler(directory)
    yield "cc1plus", command if isinstance(command, str) else record(
        bin_dir, Path(directory) / "cc1plus.rtrace", command)


def record_large(bin_dir, _programs, directory):
    """The same with what tests/bench/programs.sh has built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ruchy-bench"
    source = cache / "src/cppcheck/lib"
    if not (cache / "cppcheck").exists():
        yield "cppcheck", "tests/bench/programs.sh has not built it"
        return
    yield "cppcheck", record(bin_dir, Path(directory) / "cppcheck.rtrace", [
        cache / "cppcheck", "--quiet", "--enable=all", "--suppress=*", "-I", source, source / "checkclass.cpp"])


def record_all(bin_dir, programs, directory):
    """(group, name, path of the trace, or why there is none), one after the other."""
    for name in PROGRAMS:
        if not (programs / name).exists():
            yield "programs", name, "it is not built"
            continue
        args = [str(programs)] if name == "dlopen" else []
        out = Path(directory) / f"{name}.rtrace"
        yield "programs", name, record(bin_dir, out, [programs / name, UNITS, *args])
        out.unlink(missing_ok=True)
    command = compiler(directory)
    yield "cc1plus", "cc1plus", command if isinstance(command, str) else record(
        bin_dir, Path(directory) / "cc1plus.rtrace", command)

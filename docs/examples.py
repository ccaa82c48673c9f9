#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples.py BIN_DIR [--check] - the pictures and example outputs of README, docs and man pages, from real runs.

An example in a page is a code block (``` in Markdown, .Bd … .Ed in a man page) behind a line that says where it
comes from; the block is the command, and what it printed:

    <!-- kept: COMMAND -->        of the kept traces in tests/golden: the same on every machine
    <!-- made: COMMAND -->        of recordings that are made here, now
    <!-- made 8-23: COMMAND -->   those lines of it (in man pages: .\\" made 8-23: COMMAND)

The recordings are run.rtrace, of tests/programs/demo.c at work on this repository's sources, and five
base/N.rtrace and five new/N.rtrace of tests/bench/planted.c, the new ones with 20 % more work in one function.
Of run.rtrace are the pictures, too: docs/flamegraph.svg and, by headless Chromium, docs/{report,page}.png.

--check records nothing and writes nothing: it fails where a kept example is not what is printed now.
"""
import fcntl
import html
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs/ci.md", *sorted((ROOT / "docs/man").glob("*.[15]"))]
SOURCES = ("analyze", "format", "include", "record")
WIDTH = 118  # of the text in a page: what is longer is cut
COLUMNS = 104  # of the terminal in the picture
PICTURE_BYTES = 200000
COLOURS = {"1": "font-weight:bold", "2": "opacity:.6", "31": "color:#ff7b72", "32": "color:#7ee787", "33": "color:#e3b341", "36": "color:#79c0ff"}
BLOCK = re.compile(
    r'(?P<mark>^(?:<!-- |\.\\" )(?P<kind>kept|made)(?: (?P<first>\d+)-(?P<last>\d+))?: (?P<command>.*?)(?: -->)?\n)'
    r"(?P<open>```.*\n|\.Bd .*\n)(?P<body>(?:.*\n)*?)(?P<close>```$|\.Ed$)", re.M)


def build(work, name, source):
    """As one builds at home: what is shown has no paths of this machine. zstd statically, for its names, if it can be had."""
    shutil.copy(ROOT / source, work / f"{name}.c")
    gcc = f"gcc -O2 -g -fdebug-prefix-map=$PWD=/src -o {name} {name}.c"
    static = "-Wl,-Bstatic -lzstd -Wl,-Bdynamic"
    shell(work, f"{gcc} {static} || {gcc} -lzstd", check=True)


def record(work):
    """run.rtrace, base/ and new/, in a directory that looks like a user's."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in SOURCES:
        shutil.copytree(ROOT / name, work / name)
    build(work, "archiver", "tests/programs/demo.c")
    build(work, "parser", "tests/bench/planted.c")
    shell(work, "ruchy-record -q -o run.rtrace -e cpu_cycles,page_faults ./archiver " + " ".join(SOURCES), check=True)
    for side, extra in (("base", 0), ("new", 10)):
        (work / side).mkdir()
    for i in range(1, 6):  # in turn, so that both see the same weather
        for side, extra in (("base", 0), ("new", 20)):
            shell(work, f"ruchy-record -q -F 5000 -o {side}/{i}.rtrace ./parser 8000 {extra}", check=True)


def shell(where, command, check=False):
    run = subprocess.run(["bash", "-c", command], cwd=where, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.stdout.decode()


def cut(line):
    line = line.rstrip()
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def example(match, work):
    """The block anew: the command and what it prints."""
    where = ROOT / "tests/golden" if match["kind"] == "kept" else work
    lines = [cut(line) for line in shell(where, match["command"]).rstrip("\n").split("\n")]
    if match["first"]:
        first, last = int(match["first"]), int(match["last"])
        lines = ["…"] * (first > 1) + lines[first - 1 : last] + ["…"] * (last < len(lines))
    if match["open"].startswith(".Bd"):
        lines = ["$ " + match["command"].replace("\\", "\\e")] + [roff(line) for line in lines]
    else:
        lines = ["$ " + match["command"]] + lines
    return match["mark"] + match["open"] + "\n".join(lines) + "\n" + match["close"]


def roff(line):
    line = line.replace("\\", "\\e")
    return "\\&" + line if line[:1] in (".", "'") else line


def write_pages(work, check):
    """How many examples there are, and the pages whose examples are not what is printed."""
    stale, count = [], 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        wanted = [m for m in BLOCK.finditer(text) if not check or m["kind"] == "kept"]
        new = text
        for match in wanted:
            new = new.replace(match[0], example(match, work))
        count += len(wanted)
        if new != text:
            stale.append(page.relative_to(ROOT))
            if not check:
                page.write_text(new, encoding="utf-8")
    return count, stale


# ---- pictures ----


def on_terminal(where, *command):
    """What a colour terminal of COLUMNS gets."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(where)
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8", PAGER="")
        while os.get_terminal_size(1).columns != COLUMNS:
            time.sleep(0.01)
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    got = b""
    while True:
        try:
            got += os.read(fd, 65536)
        except OSError:
            break
    os.waitpid(pid, 0)
    return re.sub(r"[^\n]*\r(?!\n)|\x1b\[[0-9;]*K", "", got.decode().replace("\r\n", "\n"))  # the progress line is written over


def terminal_page(text):
    out, style = [], ""
    for part in re.split(r"(\x1b\[[0-9;]*m)", text):
        if part.startswith("\x1b"):
            style = ";".join(COLOURS[c] for c in part[2:-1].split(";") if c in COLOURS)
        elif part:
            out.append(f'<span style="{style}">{html.escape(part)}</span>')
    return ('<meta charset="utf-8"><body style="margin:0;background:#0d1117"><pre style="display:inline-block;margin:0;padding:14px 18px;'
            f'color:#e6edf3;font:13px/1.3 DejaVu Sans Mono,monospace">{"".join(out)}</pre>')


def pictures(work):
    shell(work, f"ruchy-analyze -q --source-prefix /src=. --flame-graph {ROOT}/docs/flamegraph.svg --html run.html run.rtrace", check=True)
    views = [["--hotspots=8"], ["--tree", "--min-percent=9"]]
    shown = [on_terminal(work, "ruchy-analyze", *view, "run.rtrace") for view in views]
    tree = re.split(r"\n(?:\x1b\[[0-9;]*m)*\n", shown[1])[1]  # without the header, which is the same
    text = f"$ ruchy-analyze {' '.join(views[0])} run.rtrace\n{shown[0]}\n$ ruchy-analyze {' '.join(views[1])} run.rtrace\n\n{tree}\n"
    (work / "report.html").write_text(terminal_page(text), encoding="utf-8")
    sys.path.insert(0, str(ROOT / "tests/browser"))
    import check
    if not (check.webdriver and shutil.which("chromium") and shutil.which("chromedriver")):
        print("SKIP - docs/*.png: Chromium, its driver or python3-selenium is missing (sh tests/deps.sh browser)")
        return
    browser = check.open_browser((1280, 1600))
    try:
        browser.get((work / "report.html").as_uri())
        save(browser.find_element("css selector", "pre").screenshot_as_png, "report.png")
    finally:
        browser.quit()
    browser = check.open_browser(check.SIZES["laptop"])
    try:
        browser.get((work / "run.html").as_uri())
        check.WebDriverWait(browser, 60).until(lambda b: b.find_element("css selector", "#selected").text)
        save(browser.get_screenshot_as_png(), "page.png")
    finally:
        browser.quit()


def save(png, name):
    path = ROOT / "docs" / name
    path.write_bytes(png)
    if len(png) > PICTURE_BYTES:
        sys.exit(f"{path} has {len(png)} bytes, more than {PICTURE_BYTES}")
    print(f"docs/{name}: {len(png)} bytes")


def main(bin_dir, check=None):
    bin_dir = Path(bin_dir).resolve()
    os.environ.update(PATH=f"{bin_dir}:{os.environ['PATH']}", LC_ALL="C.UTF-8", COLUMNS=str(WIDTH))
    work = bin_dir / "docs"
    if not check:
        record(work)
        pictures(work)
    count, stale = write_pages(work, check)
    if check:
        for page in stale:
            print(f"FAIL - the examples in {page} are not what is printed now: make docs-pictures")
        if not count:
            print("FAIL - no examples found")
        if count and not stale:
            print(f"ok - {count} examples in the pages are what is printed")
        return 1 if stale or not count else 0
    print(f"{count} examples; changed: {', '.join(map(str, stale)) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hostile.py BIN_DIR - names made to break what shows them, in every output.

One recording (tests/browser/made_profile.py) of functions that are called `</text><script>alert(1)</script>`,
of names with newlines, semicolons, quotes, invalid UTF-8, a change of writing direction and of 100 kB, and a thread
called like the first. Every output of it is UTF-8, is read by a parser of its kind, has as many records as there are,
and nothing in it runs in a browser or drives a terminal. One `ok`/`FAIL` line an output.
"""
import csv
import gzip
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))
import made_profile  # noqa: E402

STACKS = 1500
LONGEST = 20000  # bytes of a line in what people read: a name of 100 kB is cut
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
FILES = ["output", "flame-graph", "html", "folded", "perf-script", "pprof", "firefox", "speedscope", "callgrind", "csv"]
VIEWS = {"report": ["--hotspots=2000"], "tree": ["--tree", "--min-percent=0"], "callers": ["--callers", "alert"],
         "callees": ["--callees", "^f7$"], "by line": ["--by", "line"], "by module": ["--by", "module"],
         "by thread": ["--by", "thread"], "annotate": ["--annotate", "alert"], "color": ["--color=always"]}
failed = 0


def say(name, check, *arguments):
    global failed
    try:
        check(*arguments)
        print(f"ok - {name}", flush=True)
    except Exception as e:  # whatever a parser makes of it
        failed += 1
        print(f"FAIL - {name}: {type(e).__name__}: {str(e)[:300]}", flush=True)


def read(path):
    return path.read_bytes().decode("utf-8")  # strict


def plain(text):
    found = CONTROL.search(text)
    assert not found, f"{found[0]!r} in {text[max(0, found.start() - 40):found.end() + 20]!r}"


class Page(HTMLParser):
    """What elements and attributes there are, and the scripts' text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.handlers, self.data, self.open = [], [], "", False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.handlers += [k for k, _ in attrs if k.startswith("on")]
        self.open = tag == "script" and ("id", "data") in attrs

    def handle_data(self, data):
        self.data += data if self.open else ""


def check_html(path, truth):
    page = Page(read(path))
    assert page.tags.count("script") == 2 and "img" not in page.tags and not page.handlers, "names became markup"
    names = json.loads(page.data)["functions"]["name"]
    assert any("alert(1)" in n for n in names) and len(names) >= truth["functions"], "functions are missing"


def check_svg(path, layout=None):
    plain(read(path).replace("\r", "") if layout is None else read(path))
    root = ET.fromstring(path.read_bytes())
    tags = [e.tag.split("}")[1] for e in root.iter()]
    assert tags.count("script") <= 1 and "img" not in tags and "foreignObject" not in tags, "names became markup"
    titles = [e.text or "" for e in root.iter() if e.tag.endswith("}title")]
    assert any("</text><script>alert(1)</script>" in t for t in titles), "the name is not shown"


def check_json(path, truth):
    names = [f["function"] for f in json.loads(read(path))["functions"]]
    assert any("</text><script>alert(1)</script>" in n for n in names) and any("semicolons" in n for n in names)


def check_folded(path, truth):
    lines = read(path).splitlines()
    assert lines == read(path).split("\n")[:-1], "something ends a line besides line feeds"
    bad = [s for s in lines if not re.search(r"\S \d+$", s)]
    assert not bad, f"no stack and number: {bad[0][:100]!r}"
    assert sum(int(s.rsplit(" ", 1)[1]) for s in lines) == truth["samples"]
    frames = {f for s in lines for f in s.rsplit(" ", 1)[0].split(";")}
    missing = {f.replace(";", ":") for f in truth["names"] if ";" in f} - frames
    assert not missing, f"a semicolon in a name made two frames of it: {missing}"
    plain(read(path))


def check_perf_script(path, truth):
    """A line at the margin for each sample, an indented one for each frame, an empty one behind."""
    heads = 0
    for line in read(path).split("\n"):
        if line and not line[0].isspace():
            heads += 1
            assert re.search(r"\s1000/\d+\s+\[\d+\]\s+[\d.]+:\s+\d+ \S+:", line), f"no sample: {line[:100]!r}"
        elif line:
            assert re.match(r"\s+[0-9a-f]+ .* \(.*\)$", line), f"no frame: {line[:100]!r}"
    assert heads == truth["all"], f"{heads} samples, {truth['all']} in --output"
    plain(read(path).replace("\t", " "))


def check_pprof(path, truth):
    with gzip.open(path) as f:
        f.read()
    if not shutil.which("go"):
        print("SKIP - go tool pprof: go is not installed")
        return
    out = subprocess.run(["go", "tool", "pprof", "-raw", str(path)], capture_output=True, check=True).stdout.decode("utf-8")
    rows = re.findall(r"^\s*(\d+) +\d[\d ]*: [\d ]+$", out.split("Samples:\n", 1)[1].split("\nLocations\n")[0], re.M)
    assert sum(map(int, rows)) == truth["samples"], f"{sum(map(int, rows))} samples, {truth['samples']} in --output"


def check_firefox(path, truth):
    with gzip.open(path) as f:
        data = json.loads(f.read().decode("utf-8"))
    assert sum(len(t["samples"]["stack"]) for t in data["threads"]) == truth["samples"]


def check_speedscope(path, truth):
    data = json.loads(read(path))
    assert len(data["profiles"]) == 2 and any("alert(1)" in f["name"] for f in data["shared"]["frames"])


def check_callgrind(path, truth):
    word = r"(\(\d+\)( .+)?|.+)"
    line = re.compile(rf"(#.*|(version|creator|pid|cmd|part|desc|positions|events|event|summary|totals)\b.*|c?(fn|fl|fi|fe|ob|file)i?={word}"
                      r"|calls=[\d+* -]+|[+*-]?[\dx][\da-fx]*([ ][+*-]?[\da-fx]+)*|\* [\d ]+)?$")
    bad = [s for s in read(path).split("\n") if not line.match(s)]
    assert not bad, f"no line of the format: {bad[0][:100]!r}"
    plain(read(path))


def check_csv(path, truth):
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""), strict=True))
    assert len(rows) == truth["functions"] and all(None not in r and None not in r.values() for r in rows), f"{len(rows)} rows"
    assert sum(int(r[f"{truth['base']} self samples"]) for r in rows) == truth["samples"]


def check_messages(text):
    plain(text.decode("utf-8"))
    assert all(line.startswith("ruchy-analyze: ") and len(line) < LONGEST for line in text.decode("utf-8").split("\n")[:-1])


def check_view(text, colours=False):
    text = text.decode("utf-8")
    plain(re.sub("\x1b\\[[0-9;]*m", "", text) if colours else text)
    longest = max(len(line) for line in text.split("\n"))
    assert longest < LONGEST, f"a line of {longest} characters"
    assert len(text) > 300, "nothing is shown"


def check_markdown(path):
    text = read(path)
    plain(text)
    rows = [r for r in text.split("\n") if r.startswith("|")]
    columns = {len(re.sub(r"\\\|", "", r).split("|")) for r in rows}
    assert rows and len(columns) == 1, f"rows of {columns} columns"
    assert "<script" not in text and "<img" not in text, "names became markup"


def check_junit(path):
    plain(read(path))
    cases = [e for e in ET.fromstring(path.read_bytes()).iter() if e.tag == "testcase"]
    assert len(cases) == 2, f"{len(cases)} cases"


def check_two_columns(path):
    bad = [s for s in read(path).split("\n")[:-1] if not re.search(r"\S \d+ \d+$", s)]
    assert not bad, f"no stack and two numbers: {bad[0][:100]!r}"
    plain(read(path))


def check_diffs(analyze, work, made):
    """The same against its first half: everything is there, and differs."""
    rule = "self(</text><script>alert(1)</script>)>+0%"
    subprocess.run([analyze, "-q", "--folded", work / "half", "--time", "..50%", made], check=True, stderr=subprocess.DEVNULL)
    names = {"flame-graph": check_svg, "markdown": check_markdown, "junit": check_junit, "folded": check_two_columns,
             "output": lambda p: json.loads(read(p))}
    run = subprocess.run([analyze, "diff", "--hotspots=500", "--fail-on", rule, "--fail-on", "self>+0% & p<1",
                          *(x for n in names for x in (f"--{n}", work / f"diff-{n}")), work / "half", "--", work / "folded"],
                         capture_output=True)
    say("diff, on the terminal", check_view, run.stdout)
    say("diff, what its gate says", check_messages, run.stderr)
    assert run.returncode == 3 and run.stderr
    for name, check in names.items():
        say(f"diff --{name}", check, work / f"diff-{name}")


def main(bin_dir):
    if not (shutil.which("gcc") and shutil.which("objcopy")):
        print("SKIP - hostile names: gcc or objcopy is missing")
        return 0
    analyze = Path(bin_dir).resolve() / "ruchy-analyze"
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        made = made_profile.make(work, STACKS)
        subprocess.run([analyze, "-q", *(x for n in FILES for x in (f"--{n}", work / n)), made], check=True, stderr=subprocess.DEVNULL)
        report = json.loads(read(work / "output"))
        base = report["time_base"]
        counted = [t["counters"] for t in report["threads"]]
        truth = {"base": base, "functions": len(report["functions"]), "names": {f["function"] for f in report["functions"] if f["self"]}, "samples": sum(c[base]["samples"] for c in counted if base in c),
                 "all": sum(w["samples"] for c in counted for w in c.values())}
        checks = {"output": check_json, "flame-graph": lambda p, t: check_svg(p), "html": check_html, "folded": check_folded,
                  "perf-script": check_perf_script, "pprof": check_pprof, "firefox": check_firefox,
                  "speedscope": check_speedscope, "callgrind": check_callgrind, "csv": check_csv}
        for name in FILES:
            say(f"--{name}", checks[name], work / name, truth)
        for name, words in VIEWS.items():
            run = subprocess.run([analyze, *words, made], capture_output=True)
            say(f"the terminal: {name}", check_view, run.stdout, name == "color")
            say(f"the terminal: {name}, its messages", check_messages, run.stderr)
        check_diffs(analyze, work, made)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

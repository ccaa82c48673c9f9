#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""speedscope.py BIN_DIR - speedscope itself, in headless Chromium, imports our files.

$SPEEDSCOPE is the directory of its npm package (make deps installs it). --speedscope, --folded, --perf-script
and --pprof of a golden trace go through its own importer, as if they were dropped on it: no error is shown, and the
function with the greatest total in its table has the total of our report. SKIPs aloud without the package or Chromium.
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/browser"))
import check  # noqa: E402

FORMATS = {"speedscope": "t.speedscope.json", "folded": "t.folded", "perf-script": "t.linux-perf.txt", "pprof": "t.pb.gz"}
UNITS = {"ns": 1, "µs": 1e3, "us": 1e3, "ms": 1e6, "s": 1e9}


def table_of(browser, index, path):
    """The rows of the table of functions, as text, once the file is imported."""
    script = path.with_suffix(".js")
    script.write_text(f"speedscope.loadFileFromBase64({json.dumps(path.name)}, {json.dumps(base64.b64encode(path.read_bytes()).decode())})")
    browser.get("about:blank")  # another fragment alone loads nothing
    browser.get(f"{index.as_uri()}#localProfilePath={script}")
    shown = "return document.body.innerText"
    check.WebDriverWait(browser, 30).until(lambda b: "Time Order" in b.execute_script(shown) or "wrong" in b.execute_script(shown))
    text = browser.execute_script(shown)
    assert not re.search("something went wrong|unrecognized format", text, re.I), text[:200]
    browser.switch_to.active_element.send_keys("3")
    rows = "return [...document.querySelectorAll('table tr')].map(r => r.innerText)"
    check.WebDriverWait(browser, 10).until(lambda b: len(b.execute_script(rows)) > 1)
    return browser.execute_script(rows)[1:]


def main(bin_dir):
    index = Path(os.environ.get("SPEEDSCOPE", "/nonexistent")).resolve() / "dist/release/index.html"
    if not index.exists():
        print("SKIP - speedscope's importer: its npm package is not there (make deps, where npm is)")
        return 0
    if not (check.webdriver and shutil.which("chromium") and shutil.which("chromedriver")):
        print("SKIP - speedscope's importer: Chromium, its driver or python3-selenium is missing")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        files = {name: Path(directory) / file for name, file in FORMATS.items()}
        subprocess.run([Path(bin_dir).resolve() / "ruchy-analyze", "-q", "--symfs", ROOT / "tests/golden", "--output", Path(directory) / "json",
                        *(x for n, f in files.items() for x in (f"--{n}", f)), ROOT / "tests/golden/dwarf.rtrace"], check=True)
        report = json.loads((Path(directory) / "json").read_text())
        base = report["time_base"]
        weights = {f["function"]: f["total"][base] for f in report["functions"] if base in f["total"]}
        browser = check.open_browser(check.SIZES["laptop"])
        try:
            for name, path in files.items():
                try:
                    rows = table_of(browser, index, path)
                    found = {}
                    for row in rows:
                        m = re.match(r"\s*([\d.,]+)\s*(\S*)\s*\(([\d.]+)%\)\s*([\d.,]+)\s*([^\s(]*)\s*\(<?([\d.]+)%\)\s*(.*)", row, re.S)
                        if m:
                            found[m[7].strip()] = float(m[1].replace(",", "")) * UNITS.get(m[2], 1)
                    for function in ("golden_main", "golden_leaf"):
                        got = [v for k, v in found.items() if function in k]
                        want = dict(weights[function])
                        if name == "perf-script":  # it reads no periods there: samples last until the next
                            want["time"] = float(max(found.values()))
                        assert got and got[0] in want.values() and got[0] > 100, f"{function}: {got}, {want}; rows {rows[:3]}"
                    print(f"ok - speedscope reads --{name}")
                except Exception as e:
                    failed += 1
                    print(f"FAIL - speedscope reads --{name}: {type(e).__name__}: {str(e)[:400]}")
        finally:
            browser.quit()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py BIN_DIR [STACKS [RUNS]] - how fast a browser opens and zooms 100,000 different stacks.

--html and --flame-graph beside inferno's flame graph of our --folded (inferno-flamegraph on PATH or
in $INFERNO; make deps installs it). Milliseconds from asking for the file, or from the click, to the
second frame painted after it; medians. Asserts nothing.
"""
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import check  # noqa: E402
import made_profile  # noqa: E402

PAINTED = "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(performance.now() - t0))))"
OPENED = f"const done = arguments[arguments.length - 1], t0 = 0; {PAINTED}"
# The same depth in both kinds of SVG: inferno's frames have no depth, but a y.
SVG_ZOOM = f"""
const done = arguments[arguments.length - 1], all = [...document.querySelectorAll('#frames rect')];
const wide = all.filter(r => Number(r.getAttribute('fg:w')) > 0).sort((a, b) => b.getAttribute('fg:w') - a.getAttribute('fg:w'));
const total = Number(wide[0].getAttribute('fg:w'));
const target = wide.find(r => Number(r.getAttribute('fg:w')) < total / 12) || wide[1];
const t0 = performance.now();
target.dispatchEvent(new MouseEvent('click', {{bubbles: true}}));
{PAINTED};"""
PAGE_ZOOM = f"""
const done = arguments[arguments.length - 1], canvas = document.querySelector('#flame canvas');
const box = canvas.getBoundingClientRect(), t0 = performance.now();
canvas.dispatchEvent(new MouseEvent('click', {{bubbles: true, clientX: box.left + box.width / 2, clientY: box.bottom - 18 * 5 + 9}}));
{PAINTED};"""


def measure(path, zoom, runs):
    opened, zoomed = [], []
    for _ in range(runs):
        browser = check.open_browser(check.SIZES["laptop"])
        try:
            browser.set_script_timeout(300)
            browser.get(path.as_uri())
            opened.append(browser.execute_async_script(OPENED))
            zoomed.append(browser.execute_async_script(zoom))
        finally:
            browser.quit()
    return statistics.median(opened), statistics.median(zoomed)


def main(bin_dir, count=100000, runs=5):
    bin_dir, out = Path(bin_dir).resolve(), Path(bin_dir).resolve() / "browser-bench"
    made = made_profile.make(out, int(count))
    page, svg, folded = out / "page.html", out / "ours.svg", out / "stacks.folded"
    subprocess.run([bin_dir / "ruchy-analyze", "-q", "--html", page, "--flame-graph", svg, "--folded", folded, made],
                   check=True, stderr=subprocess.DEVNULL)
    files = [("--html", page, PAGE_ZOOM), ("--flame-graph", svg, SVG_ZOOM)]
    inferno = os.environ.get("INFERNO") or shutil.which("inferno-flamegraph")
    if inferno:
        for name, least in (("inferno", "0.01"), ("inferno, frames as narrow as ours", "0.0085")):  # percent; ours: 0.1 of 1180 px
            path = out / (name.replace(" ", "_") + ".svg")
            with path.open("wb") as f:
                subprocess.run([inferno, "--minwidth", least, folded], stdout=f, check=True)
            files.append((name, path, SVG_ZOOM))
    else:
        print("SKIP - inferno: inferno-flamegraph is not on PATH (make deps, where cargo is)")
    print(f"{count} stacks, {runs} runs, medians\n{'':34}{'MB':>7}{'open ms':>9}{'zoom ms':>9}")
    for name, path, zoom in files:
        opened, zoomed = measure(path, zoom, int(runs))
        print(f"{name:34}{path.stat().st_size / 1e6:7.1f}{opened:9.0f}{zoomed:9.0f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

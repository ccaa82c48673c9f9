#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check.py BIN_DIR - what people do with --html and --flame-graph, done in a real browser.

Headless Chromium opens both, of a made profile with hostile names (made_profile.py), as large as a laptop's window and as small as a phone's: click, type, drag, sort,
and compare what is shown with the numbers of --output and --perf-script. The console must stay empty
and no dialog may open that we did not ask for.

SKIPs where Chromium, its driver or python3-selenium is missing. Screenshots: BIN_DIR/browser/.
"""
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import made_profile  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}
failed = 0


def say(ok, name, why=""):
    global failed
    failed += not ok
    print(f"{'ok' if ok else 'FAIL'} - {name}" + (f": {why}" if why and not ok else ""), flush=True)


def number(text):
    return int(text.replace(",", ""))


# ---- the browser ----


def open_browser(size, scripts=True):
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    service = Service(shutil.which("chromedriver"))
    browser = webdriver.Chrome(service=service, options=options)
    browser.set_page_load_timeout(120)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600},
    )
    return browser


class Tab:
    """One file in the browser, and what can be done with it."""

    def __init__(self, browser, path, shots, name):
        self.b, self.shots, self.name = browser, shots, name
        browser.get(path.as_uri())

    def find(self, selector):
        return self.b.find_element("css selector", selector)

    def all(self, selector):
        return self.b.find_elements("css selector", selector)

    def text(self, selector):
        return self.b.execute_script("return document.querySelector(arguments[0]).textContent", selector)

    def wait(self, selector, pattern):
        """The text of an element once it matches."""
        try:
            return WebDriverWait(self.b, 60).until(lambda _: re.search(pattern, self.text(selector), re.S))
        except TimeoutException:
            raise AssertionError(f"{selector} says {self.text(selector)!r}, expected {pattern!r}") from None

    def click(self, selector):
        self.find(selector).click()

    def keys(self, *keys):
        ActionChains(self.b).send_keys(*keys).perform()

    def drag(self, selector, x0, x1, y):
        """From (x0, y) to (x1, y), measured from the element's upper left corner."""
        box = self.find(selector).rect
        middle = (box["width"] / 2, box["height"] / 2)
        e = self.find(selector)
        a = ActionChains(self.b, duration=50)
        a.move_to_element_with_offset(e, round(x0 - middle[0]), round(y - middle[1])).click_and_hold()
        a.move_to_element_with_offset(e, round((x0 + x1) / 2 - middle[0]), round(y - middle[1]))
        a.move_to_element_with_offset(e, round(x1 - middle[0]), round(y - middle[1])).release().perform()

    def click_at(self, selector, x, y):
        e = self.find(selector)
        box = e.rect
        a = ActionChains(self.b, duration=50)
        a.move_to_element_with_offset(e, round(x - box["width"] / 2), round(y - box["height"] / 2)).click().perform()

    def shot(self, what):
        self.b.save_screenshot(str(self.shots / f"{self.name}-{what}.png"))

    def quiet(self):
        lines = [e["message"] for e in self.b.get_log("browser") if "favicon" not in e["message"]]
        assert not lines, f"the console says: {lines[:2]}"


# ---- what the page must say ----


class Truth:
    """The same profile, read from the other outputs."""

    def __init__(self, report, script):
        self.report = json.loads(report.read_text(encoding="utf-8"))
        self.functions = self.report["functions"]
        self.rows = []  # (time, tid, event)
        for line in script.read_text(encoding="utf-8").splitlines():
            m = re.match(r"\S.*?\s+\d+/(\d+)\s+\[\d+\]\s+(\d+)\.(\d+):\s+\d+ (\S+?):", line)
            if m:
                self.rows.append((int(m[2]) * 10**6 + int(m[3]), int(m[1]), m[4]))
        self.start = min(r[0] for r in self.rows)
        self.base = self.report["counters"][0]["name"]
        self.total = sum(t["counters"].get(self.base, {}).get("samples", 0) for t in self.report["threads"])

    def self_samples(self, f):
        return f["self"].get(self.base, {}).get("samples", 0)

    def common(self):
        """The function that is in most stacks, but not in all."""
        shares = [(f["total"].get(self.base, {}).get("percentage", 0), f) for f in self.functions if re.fullmatch(r"f\d+", f["function"])]
        return max(((s, f) for s, f in shares if s < 90), key=lambda s: s[0])[1]

    def between(self, a, b):
        """Samples of the time base from a to b, in seconds from the first."""
        event = self.rows[0][2] if len({r[2] for r in self.rows}) == 1 else None
        return sum(1 for t, _, e in self.rows if a <= (t - self.start) / 1e6 < b and (event or e.replace("-", "_") in (self.base, "cycles")))


def table_rows(tab):
    while tab.find("#more").is_displayed():
        tab.b.execute_script("document.querySelector('#more').click()")
    return tab.b.execute_script(
        "return [...document.querySelectorAll('#functions tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
    )


def heads(tab):
    return tab.b.execute_script("return [...document.querySelectorAll('#functions thead button')].map(b => b.dataset.key)")


def selected(tab):
    return number(tab.wait("#selected", r"([\d,]+) samples")[1])


# ---- the page ----


def check_whole(tab, truth):
    assert selected(tab) == truth.total, f"{selected(tab)} samples, --output has {truth.total}"
    tab.click("#tab-table")
    rows, at = table_rows(tab), heads(tab).index("samples")
    ours = sorted(number(r[at]) for r in rows)
    theirs = sorted(truth.self_samples(f) for f in truth.functions)
    assert ours == theirs, f"self samples of {len(ours)} functions are not those of {len(theirs)} in --output"
    by_name = {r[heads(tab).index("function")]: r for r in rows}
    for f in truth.functions:
        share = f["total"].get(truth.base, {}).get("percentage", 0)
        row = by_name.get(f["function"])
        if row:
            assert abs(float(row[heads(tab).index("total")].rstrip(" %")) - share) < 0.011, f"total of {row}"
    assert sum(1 for f in truth.functions if f["function"] in by_name) > len(rows) * 0.9, "other names"
    tab.shot("table")


def check_sort(tab, truth):
    """By IPC: the worst first, what has none last, and the values are those of --output."""
    tab.click("#tab-table")
    tab.click("#functions thead button[data-key=ipc]")
    rows, at, name = table_rows(tab), heads(tab).index("ipc"), heads(tab).index("function")
    values = [r[at] for r in rows]
    known = [float(v) for v in values if v != "–"]
    assert len(known) > 20 and known == sorted(known), f"not in order: {known[:5]}"
    assert values[len(known):] == ["–"] * (len(values) - len(known)), "what has no value is not last"
    truths = {f["function"]: f["derived_metrics"]["ipc"] for f in truth.functions}
    checked = [(r[name], float(r[at]), truths[r[name]]) for r in rows if r[at] != "–" and truths.get(r[name]) is not None]
    wrong = [c for c in checked if abs(c[1] - c[2]) > 0.0051]
    assert len(checked) > 20 and not wrong, f"IPC {wrong[:2]}"
    tab.click("#functions thead button[data-key=ipc]")
    again = [float(r[at]) for r in table_rows(tab) if r[at] != "–"]
    assert again == known[::-1], "not turned around"
    tab.click("#functions thead button[data-key=function]")
    names = [r[name] for r in table_rows(tab)]
    assert names == sorted(names, key=lambda n: n.encode("utf-16-be")), "names are not in order"
    tab.click("#functions thead button[data-key=self]")


def check_search(tab, truth):
    f = truth.common()
    tab.find("#find").clear()
    tab.find("#find").send_keys(f"^{f['function']}$")
    shown = float(tab.wait("#matched", r"Matched: ([\d.]+) %")[1])
    share = f["total"][truth.base]["percentage"]
    assert abs(shown - share) < 0.051, f"{shown} % matched, {f['function']} has {share} %"
    tab.click("#tab-table")
    assert [r[heads(tab).index("function")] for r in table_rows(tab)] == [f["function"]], "the table shows more"
    tab.click("#tab-flame")
    tab.shot("search")
    tab.find("#find").clear()
    tab.find("#find").send_keys("(")
    tab.wait("#matched", "not a regular expression")
    tab.click("#reset")
    assert tab.wait("#matched", "^$")
    assert tab.find("#find").get_attribute("value") == ""


def check_range(tab, truth):
    """A second of the timeline, dragged and typed; all views follow."""
    names = 70 if tab.b.execute_script("return document.querySelector('#timeline').clientWidth") < 500 else 130
    plot = tab.b.execute_script("return document.querySelector('#timeline').clientWidth") - names
    length = float(tab.find("#to").get_attribute("value"))
    tab.b.execute_script("scrollTo(0, 0); document.querySelector('#timeline').scrollTop = 0")
    tab.drag("#timeline canvas", names + plot * 3 / length, names + plot * 4 / length, 15)
    tab.wait("#selected", "of the run")
    seconds = [float(tab.find(i).get_attribute("value")) for i in ("#from", "#to")]
    assert abs(seconds[0] - 3) < 4 * length / plot and abs(seconds[1] - seconds[0] - 1) < 4 * length / plot, f"selected {seconds}"
    compare_range(tab, truth, seconds)
    tab.shot("range")
    tab.click("#reset")
    assert selected(tab) == truth.total
    for box, value in (("#from", "5"), ("#to", "6")):
        tab.find(box).clear()
        tab.find(box).send_keys(value, Keys.ENTER)
    tab.wait("#selected", "of the run")
    compare_range(tab, truth, [float(tab.find(i).get_attribute("value")) for i in ("#from", "#to")])
    tab.click("#reset")


def compare_range(tab, truth, seconds):
    got, want = selected(tab), truth.between(*seconds)
    assert abs(got - want) <= 2, f"{got} samples from {seconds[0]} to {seconds[1]} s, {want} in --perf-script"
    tab.click("#tab-table")
    sums = sum(number(r[heads(tab).index("samples")]) for r in table_rows(tab))
    assert sums == got, f"the table has {sums} samples of {got}"
    tab.click("#tab-flame")
    tab.find("#flame canvas").send_keys(Keys.ARROW_DOWN)  # below the root is nothing: it stays
    for key in (Keys.ARROW_UP, Keys.ARROW_DOWN):
        tab.find("#flame canvas").send_keys(key)
    shown = number(tab.wait("#detail", r"^all .*?([\d,]+) samples")[1])
    assert shown == got, f"the flame graph has {shown} samples of {got}"


def check_threads(tab, truth):
    thread = truth.report["threads"][1]
    tab.click_at("#timeline canvas", 20, 30 * 2 + 15)  # lane 0 is all of them
    want = thread["counters"][truth.base]["samples"]
    assert selected(tab) == want, f"{selected(tab)} samples of thread {thread['tid']}, {want} in --output"
    tab.click("#reset")
    assert selected(tab) == truth.total


def check_zoom(tab):
    """With the mouse, then with the keyboard; details are told as text."""
    tab.click("#tab-flame")
    canvas = tab.find("#flame canvas")
    tab.b.execute_script("arguments[0].scrollIntoView({block: 'end'})", canvas)
    box = canvas.rect
    ActionChains(tab.b).move_to_element_with_offset(canvas, 0, round(box["height"] / 2) - 27).perform()
    name = tab.wait("#detail", r"^(\S+)")[1]
    assert name != "all", "the second row is not the root"
    before = tab.b.execute_script("return document.querySelector('#flame canvas').toDataURL()")
    ActionChains(tab.b).click().perform()
    assert tab.b.execute_script("return document.querySelector('#flame canvas').toDataURL()") != before, "nothing was zoomed"
    assert tab.wait("#detail", r"^(\S+)")[1] == name
    tab.shot("zoom")
    canvas.send_keys(Keys.ESCAPE)
    tab.wait("#detail", "^all ")
    canvas.send_keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP)
    inner = tab.wait("#detail", r"^(f\d+)")[1]
    canvas.send_keys(Keys.ENTER)
    tab.wait("#detail", "^" + re.escape(inner))
    canvas.send_keys("f")
    tab.wait("#fname", re.escape(inner[:20]))
    tab.wait("#ffacts", r"self .* %.*total .* %")
    tab.shot("function")
    tab.click("#reset")


def check_icicle(tab, truth):
    """By caller: the first row is the heaviest self, its shares are those of the table."""
    tab.click("#tab-icicle")
    canvas = tab.find("#icicle canvas")
    canvas.send_keys(Keys.ARROW_DOWN)
    shown = tab.wait("#detail", r"([\d.]+) %")
    best = max(f["self"].get(truth.base, {}).get("percentage", 0) for f in truth.functions)
    assert abs(float(shown[1]) - best) < 0.011, f"{shown[1]} % at the left, {best} % in --output"
    tab.shot("icicle")


def check_page(browser, path, truth, shots, name):
    tab = Tab(browser, path, shots, name)
    steps = [("is the whole profile", lambda: check_whole(tab, truth)), ("sorts by IPC", lambda: check_sort(tab, truth)),
             ("searches", lambda: check_search(tab, truth)), ("selects time", lambda: check_range(tab, truth)),
             ("selects a thread", lambda: check_threads(tab, truth)), ("zooms", lambda: check_zoom(tab)),
             ("shows callers", lambda: check_icicle(tab, truth)), ("fits", lambda: check_fits(tab)),
             ("is inert and quiet", lambda: check_inert(tab))]
    for what, step in steps:
        attempt(f"{name} {what}", step)


def check_fits(tab):
    """Nothing but the table scrolls sideways, and graphs end where their boxes do: also right after opening, before anything was resized."""
    tab.b.refresh()
    tab.wait("#selected", "samples")
    for box in ("#timeline", "#flame"):
        drawn, room = tab.b.execute_script("const b = document.querySelector(arguments[0]); "
                                           "return [b.querySelector('canvas').getBoundingClientRect().width, b.clientWidth]", box)
        assert abs(drawn - room) < 1, f"{box} is drawn {drawn} pixels wide, and has {room}"
    steps = tab.b.execute_script("return [0.3, 7, 80, 1e9, 3.3e9].map(roundStep)")
    assert steps == [0.5, 10, 100, 1e9, 5e9], f"the axis has steps of {steps}"
    tabs = tab.b.execute_script("const t = document.querySelector('#tabs'); return t.scrollWidth - t.clientWidth")
    assert tabs <= 0, f"the tabs are {tabs} px wider than the page"
    wide = tab.b.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} pixels are beyond the window"


def check_inert(tab):
    assert not tab.all("img") and len(tab.all("script")) == tab.b.execute_script(
        "return document.documentElement.localName === 'svg' ? 1 : 2"), "names became elements"
    tab.quiet()


def attempt(name, step):
    try:
        step()
        say(True, name)
    except (AssertionError, WebDriverException) as e:
        say(False, name, str(e).splitlines()[0][:300])


# ---- sources ----


def check_source(browser, path, shots):
    """The lines of a function in its source: the made profile has none, so the page gets one here."""
    page = path.read_text(encoding="utf-8")
    found = re.search(r'(<script type="application/json" id="data">)(.*?)(</script>)', page, re.S)
    data = json.loads(found[2])
    fn = data["functions"]["name"].index("f7")
    symbols = data["symbols"]
    symbols["line"] = [3 if f == fn else 0 for f in symbols["function"]]
    symbols["file"] = [0 if f == fn else -1 for f in symbols["function"]]
    data["files"], data["sources"] = ["made.c"], {"0": ["one", "two", "\tthree<b></b>", "four"]}
    changed = path.with_name("sources.html")
    changed.write_text(page[:found.start(2)] + json.dumps(data).replace("<", "\\u003c") + page[found.end(2):], encoding="utf-8")
    tab = Tab(browser, changed, shots, "source")
    tab.find("#find").send_keys("^f7$")
    tab.click("#tab-table")
    tab.click("#functions tbody tr")
    tab.wait("#fname", "^f7$")
    lines = tab.b.execute_script(
        "return [...document.querySelectorAll('#lines tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    total = tab.wait("#ffacts", r"total ([\d.]+ %)")[1]
    assert lines[0] == ["made.c"], lines[0]
    assert [l[3] for l in lines[1:]] == ["one", "two", "\tthree<b></b>", "four"], lines
    assert [l[2] for l in lines[1:]] == ["1", "2", "3", "4"], lines
    assert lines[3][1] == total and lines[1][1] == "", f"the line has {lines[3]}, the function {total}"
    tab.shot("lines")
    tab.quiet()


# ---- the SVG ----


def svg_visible(tab):
    return tab.b.execute_script("return document.querySelectorAll('#frames > g').length")


def svg_fits(tab, size):
    """The picture is as wide as the screen, and so is all of its text."""
    left_out = tab.text("#elided") or tab.text("#details")  # where there is no room beside the legend
    assert re.search("not drawn|more until zoomed in", left_out), f"what is left out is not said: {left_out}"
    wide, whole = tab.b.execute_script("return [innerWidth, Number(document.documentElement.getAttribute('width'))]")
    assert wide == whole == size[0], f"a picture of {whole} px in a window of {wide}, the screen has {size[0]}"
    title, search, subtitle = (tab.find(s).rect for s in ("#title", "#search", "#subtitle"))
    assert subtitle["x"] >= 0 and subtitle["x"] + subtitle["width"] <= whole, f"the subtitle is {subtitle}"
    assert title["width"] > 100 and title["x"] >= 0, f"the title is {title}"
    assert title["x"] + title["width"] <= search["x"], f"the title {title} runs into {search}"
    legend = tab.b.execute_script("return Math.max(...[...document.querySelectorAll('#foot text:not([id])')].map(t => t.getBoundingClientRect().right))")
    assert legend <= whole, f"the legend ends at {legend}"


def check_svg(browser, path, truth, shots, name, size, inverted):
    tab = Tab(browser, path, shots, name)
    f = truth.common()
    left_out = tab.text("#elided") or tab.text("#details")  # where there is no room beside the legend

    def zoom():
        # The third row: the root and the thread's name are below it.
        first = tab.b.execute_script(
            "const g = [...document.querySelectorAll('#frames > g')].find(g => g.frame.depth === 2);"
            "g.querySelector('rect').dispatchEvent(new MouseEvent('mouseover', {bubbles: true})); return g.frame.w")
        tab.wait("#details", r"^Function: .* samples")
        before = svg_visible(tab)
        tab.b.execute_script("[...document.querySelectorAll('#frames > g')].find(g => g.frame.depth === 2)"
                             ".querySelector('rect').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
        width = tab.b.execute_script("return Number([...document.querySelectorAll('#frames > g')].find(g => g.frame.depth === 2)"
                                     ".querySelector('rect').getAttribute('width'))")
        whole = tab.b.execute_script("return Number(document.documentElement.getAttribute('width'))")
        assert abs(width - (whole - 20)) < 2 and whole >= size[0] and first > 0, f"the zoomed frame is {width} px wide"
        tab.shot("zoom")
        tab.b.execute_script("document.querySelector('#unzoom').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
        assert svg_visible(tab) == before, "Reset Zoom shows other frames"

    def search():
        tab.keys("/")
        alert = WebDriverWait(tab.b, 10).until(expected_conditions.alert_is_present())
        alert.send_keys(f"^{f['function']}$")
        alert.accept()
        shown = float(tab.wait("#matched", r"Matched: ([\d.]+)%")[1])
        share = f["total"][truth.base]["percentage"]
        elided = re.search(r": ([\d.]+)%", left_out)
        slack = 0.06 + (float(elided[1]) if elided else 0)
        assert share - slack <= shown <= share + 0.06, f"{shown} % matched of {share} %, {slack} elided"
        tab.shot("search")
        tab.keys(Keys.ESCAPE)
        tab.wait("#matched", "^$")

    def keyboard():
        tab.b.execute_script("document.querySelector('#frames').focus()")
        tab.wait("#details", "^Function: all ")
        tab.keys(Keys.ARROW_DOWN if inverted else Keys.ARROW_UP)
        inner = tab.wait("#details", r"^Function: (?!all )(.*?) \(")[1]
        tab.keys(Keys.ENTER)
        assert tab.b.execute_script("return !document.querySelector('#unzoom').classList.contains('hidden')"), "not zoomed"
        tab.keys(Keys.ARROW_UP if inverted else Keys.ARROW_DOWN)
        tab.wait("#details", "^Function: all ")
        tab.keys(Keys.ESCAPE)
        assert tab.b.execute_script("return document.querySelector('#unzoom').classList.contains('hidden')"), f"still at {inner}"

    for what, step in [("fits the screen", lambda: svg_fits(tab, size)), ("zooms", zoom), ("searches", search), ("has a keyboard", keyboard), ("is inert and quiet", lambda: check_inert(tab))]:
        attempt(f"{name} {what}", step)


def check_without_scripts(path, shots):
    browser = open_browser(SIZES["laptop"], scripts=False)
    try:
        tab = Tab(browser, path, shots, "no-scripts")
        tab.shot("picture")
        title = browser.find_element("css selector", "#title")
        assert "graph" in title.text, "no title"
        assert not browser.find_element("css selector", "#search").is_displayed(), "the script ran"
        box = browser.find_element("css selector", "#frames").rect
        assert box["width"] > 600, f"the frames are {box}"
    finally:
        browser.quit()


# ---- colours: any two kinds stay apart for all kinds of colour vision ----

# Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB
VISION = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
LEAST_DELTA_E = 15  # CIE 1976; 2.3 is a just noticeable difference


def lab(rgb, vision):
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    r, g, b = (min(1, max(0, sum(a * c for a, c in zip(row, linear)))) for row in vision)
    x, y, z = ((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047, 0.2126 * r + 0.7152 * g + 0.0722 * b,
               (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def check_colours():
    numbers = r"\{ (\d+), (\d+), (\d+) \}"
    source = (ROOT / "analyze/report/flame_colour.c").read_text()
    kinds = [([int(n) for n in m[1:4]], [int(n) for n in m[4:7]]) for m in
             (list(m) for m in (([m[0]] + list(m.groups())) for m in re.finditer(rf"\] = \{{ [^,]+, {numbers}, {numbers} \}}", source)))]
    assert len(kinds) == 5, f"{len(kinds)} kinds of frames"
    page = re.search(r"const FILLS = (\[.*?\n\]);", (ROOT / "analyze/report/page/view.js").read_text(), re.S)[1]
    fills = json.loads(re.sub(r",\s*\]$", "]", page))
    assert [list(k) for k in kinds] == fills[:5], "the page has other colours than the flame graph"
    match = re.search(r"\.match rect \{ fill: #(\w{6})", (ROOT / "analyze/report/flamegraph.css").read_text())[1]
    kinds.append(([int(match[i:i + 2], 16) for i in (0, 2, 4)], [0, 0, 0]))
    shades = [[[b + s * k for b, s, k in zip(base, span, corner)] for corner in itertools.product((0, 1), repeat=3)] for base, span in kinds]
    for name, vision in VISION.items():
        for one, other in itertools.combinations(shades, 2):
            nearest = min(sum((p - q) ** 2 for p, q in zip(lab(a, vision), lab(b, vision))) ** 0.5 for a in one for b in other)
            assert nearest >= LEAST_DELTA_E, f"{name}: {one[0]} and {other[0]} are {nearest:.1f} apart"


def analyze(bin_dir, out, *arguments):
    subprocess.run([bin_dir / "ruchy-analyze", "-q", "--html", out / "page.html", "--output", out / "page.json", "--perf-script",
                    out / "page.script", "--flame-graph", out / "page.svg", *arguments], check=True, stderr=subprocess.DEVNULL)


def main(bin_dir):
    bin_dir = Path(bin_dir).resolve()
    shots = bin_dir / "browser"
    shots.mkdir(parents=True, exist_ok=True)
    attempt("colours stay apart for all kinds of colour vision", check_colours)
    lacking = [n for n in ("chromium", "chromedriver", "objcopy", "gcc") if not shutil.which(n)] + ([] if webdriver else ["python3-selenium"])
    if lacking:
        print(f"SKIP - pages in a browser: {', '.join(lacking)} missing")
        return failed
    made = made_profile.make(shots / "made", 3000)
    analyze(bin_dir, shots / "made", made)
    subprocess.run([bin_dir / "ruchy-analyze", "diff", "-q", "--flame-graph", shots / "made/diff.svg", made, "--", made], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([bin_dir / "ruchy-analyze", "-q", "--inverted", "--title", "upside down", "--flame-graph", shots / "made/inverted.svg", made],
                   check=True, stderr=subprocess.DEVNULL)
    truth = Truth(shots / "made/page.json", shots / "made/page.script")
    for name, size in SIZES.items():
        browser = open_browser(size)
        try:
            check_page(browser, shots / "made/page.html", truth, shots, f"page-{name}")
            attempt(f"page-{name} shows lines in their source", lambda: check_source(browser, shots / "made/page.html", shots))
            check_svg(browser, shots / "made/page.svg", truth, shots, f"svg-{name}", size, False)
            check_svg(browser, shots / "made/inverted.svg", truth, shots, f"icicle-{name}", size, True)
            attempt(f"diff-{name} fits the screen", lambda: svg_fits(Tab(browser, shots / "made/diff.svg", shots, f"diff-{name}"), size))
        finally:
            browser.quit()
    attempt("the flame graph is a picture without scripts", lambda: check_without_scripts(shots / "made/page.svg", shots))
    return failed


try:
    from selenium import webdriver
    from selenium.common.exceptions import TimeoutException, WebDriverException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support import expected_conditions
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    webdriver, WebDriverException = None, AssertionError

if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1]) else 0)

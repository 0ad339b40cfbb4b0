#!/usr/bin/env python3
"""Opens a report's page in Chromium, without a network, and measures what a reader would see.

    browser.py DIR

A copy of the page gets a script that does the measuring; the page itself has none. Screenshots of the page
go beside it.
"""

import json
import re
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path

MEASURE = """<pre id="measured"></pre><script>
const boxes = [...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect());
const body = getComputedStyle(document.body);
const ground = [body.backgroundColor, getComputedStyle(document.documentElement).backgroundColor];
const painted = ground.find(color => color != 'rgba(0, 0, 0, 0)') || 'rgb(255, 255, 255)';
document.getElementById('measured').textContent = JSON.stringify({
  plots: boxes.map(box => [box.left, box.width, box.height]),
  labels: [...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().width),
  rows: [...document.querySelectorAll('table')].map(table => table.rows.length),
  width: innerWidth,
  overflow: document.documentElement.scrollWidth - innerWidth,
  ink: body.color,
  paper: painted,
  fetched: performance.getEntriesByType('resource').length,
});
</script>"""


def chromium(page, *options):
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", offline]
    run = subprocess.run([*command, *options, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout


def brightness(color):
    red, green, blue = (int(part) for part in re.findall(r"\d+", color)[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def look(report, name, width, dark):
    scheme = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
    options = [f"--window-size={width},2400", *scheme]
    page = report / "report.html"
    chromium(page.resolve(), f"--screenshot={report / f'{name}.png'}", *options)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "report.html"
        copy.write_text(page.read_text().replace("</body>", f"{MEASURE}</body>"))
        dom = chromium(copy, "--dump-dom", *options)
    seen = json.loads(unescape(re.search(r'<pre id="measured">(.*?)</pre>', dom, re.S)[1]))
    print(f"{name}: {seen['width']} px wide, {len(seen['plots'])} plots, tables of {seen['rows']} rows, {seen['ink']} on {seen['paper']}")
    # Two against size, learning, three comparisons, profiles; and a shift each of four.
    assert len(seen["plots"]) == 11, "a plot is missing on the page"
    for left, wide, high in seen["plots"]:
        assert left >= 0 and left + wide <= seen["width"] and wide > 250 and high > 90, seen["plots"]
    assert seen["labels"] and min(seen["labels"]) > 0, "a label of a plot is not drawn"
    # A header, then a row for each of three groups, for each of them, for each of them under each of
    # nineteen shifts, for each of eleven runs.
    assert seen["rows"] == [4, 4, 58, 12], seen["rows"]
    assert seen["overflow"] <= 0, f"the page is {seen['overflow']} px wider than its window"
    assert seen["fetched"] == 0, "the page asks for something beside itself"
    ink, paper = brightness(seen["ink"]), brightness(seen["paper"])
    assert abs(ink - paper) > 0.6 and (paper < 0.5) == dark, (seen["ink"], seen["paper"])


def main(report):
    look(report, "desktop", 1100, dark=False)
    look(report, "phone", 390, dark=True)


main(Path(sys.argv[1]))

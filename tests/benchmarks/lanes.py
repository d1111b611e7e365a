"""What four streams of 100 tokens a second cost the page that shows them: busy time, bytes, and the longest frame.

The two ways of `streams.py` in a real JupyterLab and Chromium, each in new pages, in turn. Busy is the time that the
page's main thread spent on tasks, by Chromium's own count, from the first token until the last is on the page.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from driving import SETTLE_MS, run_all
from labserver import CHROMIUM, CHROMIUM_ARGUMENTS, lab_server

from .rows import Row, Skipped, measure
from .screen import Lab
from .streams import PER_SECOND, TOKENS, whole

ROUNDS = 3
JOB = f"4 lanes x {PER_SECOND} tokens/s, {TOKENS / PER_SECOND:.0f} s"

# Streams in the kernel; settles with the longest frame in seconds once every box says the whole.
STREAM = """async ([boxes, whole]) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const said = () => [...document.querySelectorAll(boxes)].filter((box) => box.textContent === whole).length === 4;
  let longest = 0;
  let last = performance.now();
  let going = true;
  const frame = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    if (going) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  await kernel.requestExecute({ code: 'stream(shown.say)' }).done;
  for (let tries = 0; tries < 600 && !said(); tries++) await new Promise((next) => setTimeout(next, 50));
  going = false;
  if (!said()) throw new Error('the text on the page is not what was said');
  return longest / 1000;
}"""


@dataclass
class Way:
    """A way to show the streams: its widget, where it is on the page, and what was measured of it."""

    name: str
    widget: str
    sign: str
    boxes: str
    busy: list[float] = field(default_factory=list)
    longest: list[float] = field(default_factory=list)
    received: list[float] = field(default_factory=list)


def rows() -> list[Row]:
    if not Path(CHROMIUM).exists():
        raise Skipped(f"no browser at {CHROMIUM}")
    if not importlib.util.find_spec("playwright"):
        raise Skipped("playwright is not installed")
    from playwright.sync_api import sync_playwright

    ours = Way("llmlab", "LanesOfLlmlab", ".llmlab.live .lane", ".said > .grows")
    theirs = Way("a trait per token", "TraitPerLane", ".traits", ".traits > div")
    with tempfile.TemporaryDirectory(prefix="llmlab-benchmarks-") as folder, sync_playwright() as playwright:
        root, home = Path(folder, "notebooks"), Path(folder, "home")
        root.mkdir()
        home.mkdir()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        with lab_server(root, home) as server:
            lab = Lab(server, browser)
            for turn in range(ROUNDS):
                for way in (ours, theirs) if turn % 2 == 0 else (theirs, ours):
                    _stream(lab, way)
        browser.close()
    peer = theirs.name
    return [
        Row(job=f"{JOB}: main thread busy", ours=measure(ours.busy), peer=peer, theirs=measure(theirs.busy), limit=0.5),
        Row(job=f"{JOB}: received", ours=measure(ours.received, unit="B"), peer=peer,
            theirs=measure(theirs.received, unit="B"), limit=0.1),
        Row(job=f"{JOB}: longest frame", ours=measure(ours.longest), peer=peer, theirs=measure(theirs.longest),
            note="one frame of hundreds: reported, not judged"),
    ]  # fmt: skip


def _stream(lab: Lab, way: Way) -> None:
    cell = f"from tests.benchmarks.streams import {way.widget}, stream\nshown = {way.widget}()\nshown"
    with lab.notebook(cell) as page:
        run_all(page)
        page.locator(way.sign).first.wait_for()
        page.wait_for_timeout(2 * SETTLE_MS)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        devtools.send("Network.enable")
        sizes: list[int] = []
        devtools.on("Network.webSocketFrameReceived", lambda event: sizes.append(len(event["response"]["payloadData"])))

        def busy() -> float:
            figures = devtools.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in figures if one["name"] == "TaskDuration"))

        before = busy()
        longest = page.evaluate(STREAM, [way.boxes, whole()])
        way.busy.append(busy() - before)
        way.longest.append(longest)
        way.received.append(sum(sizes))

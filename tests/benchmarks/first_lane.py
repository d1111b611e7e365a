"""How long after Run a person sees something of it: the first lane under way, and the first words, painted.

Four simulated endpoints in a real JupyterLab and Chromium, the processes that measure warm, as after any first run.
"""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from driving import run_all
from labserver import CHROMIUM, CHROMIUM_ARGUMENTS, lab_server

from .rows import Row, Skipped, measure
from .screen import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUNS = 12
SHOW = """import os
from llmlab import Playground
os.environ["LLMLAB_RUNS"] = os.path.abspath("runs")
Playground(endpoints=("simulated/groq-llama-8b", "simulated/claude-haiku", "simulated/claude-sonnet",
    "simulated/deepseek"), runs=1, warm_up=0, max_tokens=32)"""
RUN = ".llmlab.live .actions button.primary"

# Settles with the milliseconds from the key until a lane says that its call is under way, and until one has words.
ARM = """() => {
  let key;
  document.addEventListener('keydown', (event) => (key = event.timeStamp), { capture: true, once: true });
  const any = (selector, test) => () =>
    key && [...document.querySelectorAll(`.llmlab.live ${selector}`)].some((node) => test(node.textContent));
  const under_way = window.watch(any('.lane-state', (text) => /^(waiting|connecting|thinking|answering)/.test(text)));
  const empty = window.watch(any('.said > .grows', (text) => !text));
  const words = empty.then(() => window.watch(any('.said > .grows', (text) => text)));
  window.seen = Promise.all([under_way, words]).then((times) => times.map((time) => time - key));
}"""


def rows() -> list[Row]:
    if not Path(CHROMIUM).exists():
        raise Skipped(f"no browser at {CHROMIUM}")
    if not importlib.util.find_spec("playwright"):
        raise Skipped("playwright is not installed")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="llmlab-benchmarks-") as folder, sync_playwright() as playwright:
        root, home = Path(folder, "notebooks"), Path(folder, "home")
        root.mkdir()
        home.mkdir()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        with lab_server(root, home) as server, Lab(server, browser).notebook(SHOW) as page:
            run_all(page)
            page.locator(RUN).wait_for()
            _press(page)  # loads LiteLLM
            seen = [_press(page) for _ in range(RUNS)]
        browser.close()
    return [
        Row(job="Run until a lane is under way, painted", ours=measure([lane for lane, _ in seen]), wanted=0.3),
        Row(job="Run until the first words, painted", ours=measure([words for _, words in seen]),
            note="80 ms of it are the simulated endpoint's own"),
    ]  # fmt: skip


def _press(page: Page) -> tuple[float, float]:
    """Seconds from the key to each, of one run; waits until it is over."""
    page.evaluate(ARM)
    page.locator(RUN).focus()
    page.keyboard.press("Enter")
    lane, words = page.evaluate("window.seen")
    page.locator(f"{RUN}:not([aria-disabled=true])").wait_for()
    return lane / 1000, words / 1000

"""What a person waits for in JupyterLab: a key on a slider until the frame is painted, and three charts' first show.

The same twelve stacked bars three ways (`charts.py`), in a real JupyterLab and Chromium. Moves are measured in turn, in
blocks, each way with its own page and kernel; first shows in a new page with a new kernel each.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from driving import SETTLE_MS, SHUT_DOWN, notebook_of, run_all, wait_until_idle
from labserver import CHROMIUM, CHROMIUM_ARGUMENTS, LabServer, lab_server

from .rows import Measure, Row, Skipped, in_turn, measure

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BLOCKS, MOVES, WARM_UP = 3, 10, 5
SHOWS = 3
REST_MS = 120  # between moves: what the last one left behind (echoes, idle messages) is over
IMPORT = "from tests.benchmarks.charts import BarsChart, FigureChart, figure_widgets\n"
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"

# `watch(test)` settles with the time at which the frame was painted that first passed the test.
WATCH = """(() => {
  window.watch = (test) => new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('nothing was painted in 120 s')), 120_000);
    const look = () => {
      if (!test()) return false;
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => { clearTimeout(late); resolve(performance.now()); };
        port2.postMessage(0);
      });
      return true;
    };
    const watcher = new MutationObserver(() => look() && watcher.disconnect());
    watcher.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  window.armMove = (selector) => {
    const value = () => { const e = document.querySelector(selector); return e?.dataset.rev ?? e?.textContent; };
    const before = value();
    let key;
    document.addEventListener('keydown', (event) => (key = event.timeStamp), { capture: true, once: true });
    window.moved = window.watch(() => value() && value() !== before).then((painted) => painted - key);
  };
  window.firstShow = (selector, count) => {
    const start = performance.now();
    const painted = window.watch(() => document.querySelectorAll(selector).length >= count);
    window.jupyterapp.commands.execute('notebook:run-all-cells');
    return painted.then((end) => end - start);
  };
})()"""


@dataclass(frozen=True)
class Way:
    """A way to show the chart: the cells for one and for three, and what on the page says which move is shown."""

    name: str
    one: str
    three: str
    sign: str


BARS = Way("bars", f"{IMPORT}BarsChart()", f"{IMPORT}for _ in range(3): display(BarsChart())", ".llmlab .caption")
FIGURE = Way("figure", f"{IMPORT}FigureChart()", f"{IMPORT}for _ in range(3): display(FigureChart())", ".gtitle")
WIDGET = Way("FigureWidget", f"{IMPORT}figure_widgets(1)", f"{IMPORT}figure_widgets(3)", ".gtitle")
EXPLORER = Way(
    "Cost Explorer", "from llmlab import CostExplorer\nCostExplorer()",
    "from llmlab import CostExplorer\nfor _ in range(3): display(CostExplorer())", ".llmlab.live",
)  # fmt: skip


class Lab:
    """A JupyterLab and a browser, and notebooks opened in them."""

    def __init__(self, server: LabServer, browser: Browser) -> None:
        self.server, self.browser = server, browser
        self._opened = 0

    @contextmanager
    def notebook(self, cell: str) -> Iterator[Page]:
        """A new page with a notebook of this cell, not run yet, and an idle kernel."""
        self._opened += 1
        name = f"benchmark-{self._opened}.ipynb"
        (self.server.root / name).write_text(json.dumps(notebook_of((cell,))))
        page = self.browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)
        page.add_init_script(WATCH)
        try:
            page.goto(self.server.notebook_url(name))
            page.wait_for_function("() => window.jupyterapp?.restored")
            page.evaluate("() => window.jupyterapp.restored.then(() => true)")
            page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
            wait_until_idle(page)
            page.wait_for_timeout(1_000)  # Lab's own late work
            yield page
        finally:
            page.evaluate(SHUT_DOWN)
            page.close()

    def saved_bytes(self, page: Page) -> int:
        """How large the page's notebook is, once saved with its widgets' state."""
        page.wait_for_timeout(SETTLE_MS)
        page.evaluate(SAVE)
        name: str = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
        path = self.server.root / name
        assert "widgets" in json.loads(path.read_text())["metadata"], "saved without its widgets' state"
        return path.stat().st_size


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
        with lab_server(root, home) as server:
            lab = Lab(server, browser)
            found = [*_moves(lab), *_shows(lab)]
        browser.close()
    return found


def _moves(lab: Lab) -> list[Row]:
    """Each block in new pages: Jupyter Server sets no TCP_NODELAY, and only some sockets wait for acknowledgements."""
    ways = (BARS, FIGURE, WIDGET, EXPLORER)
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    for block in range(BLOCKS):
        with ExitStack() as stack:
            pages = [stack.enter_context(lab.notebook(way.one)) for way in ways]
            for way, page in zip(ways, pages, strict=True):
                page.bring_to_front()
                run_all(page)
                page.locator(way.sign).first.wait_for()
                page.wait_for_timeout(2 * SETTLE_MS)
            for i in range(len(ways)):
                turn = (block + i) % len(ways)
                seconds[ways[turn].name] += _block(pages[turn], ways[turn])
    theirs, peer = measure(seconds["FigureWidget"]), "FigureWidget"
    return [
        Row(job="key to paint: bars", ours=measure(seconds["bars"]), peer=peer, theirs=theirs, limit=0.75),
        Row(job="key to paint: figure (Plotly.react)", ours=measure(seconds["figure"]), peer=peer, theirs=theirs,
            note="Plotly draws both, 26 to 33 ms of it: not judged; the chart of costs is the bars"),
        Row(job="key to paint: Cost Explorer, bars + table", ours=measure(seconds["Cost Explorer"]), peer=peer,
            theirs=theirs, note="12 bars and a table of 20 rows against the peer's 12 bars: not the same, not judged"),
    ]  # fmt: skip


def _block(page: Page, way: Way) -> list[float]:
    """Seconds of each move after the warm-up."""
    page.bring_to_front()
    page.get_by_role("slider").first.focus()
    found = []
    for _ in range(WARM_UP + MOVES):
        page.evaluate("(sign) => window.armMove(sign)", way.sign)
        page.keyboard.press("ArrowRight")
        found.append(page.evaluate("() => window.moved") / 1_000)
        page.wait_for_timeout(REST_MS)
    if way is not EXPLORER:
        shown = page.locator(way.sign).first.text_content()
        assert shown == str(100 + WARM_UP + MOVES), f"{way.name} shows {shown}: a move was lost"
    return found[WARM_UP:]


def _shows(lab: Lab) -> list[Row]:
    shown: dict[str, list[float]] = {way.name: [] for way in (BARS, FIGURE, WIDGET)}
    sizes: dict[str, int] = {}

    def show(way: Way) -> None:
        with lab.notebook(way.three) as page:
            shown[way.name].append(page.evaluate("([sign]) => window.firstShow(sign, 3)", [way.sign]) / 1_000)
            if way.name not in sizes:
                sizes[way.name] = lab.saved_bytes(page)

    in_turn({way.name: lambda way=way: show(way) for way in (BARS, FIGURE, WIDGET)}, rounds=SHOWS)  # type: ignore[misc]
    with lab.notebook(EXPLORER.one) as page:
        run_all(page)
        page.locator(EXPLORER.sign).wait_for()
        sizes[EXPLORER.name] = lab.saved_bytes(page)
    size = {name: measure([value], unit="B") for name, value in sizes.items()}
    theirs = measure(shown["FigureWidget"])
    peer, most = "3 FigureWidgets", Measure(median=100_000, low=100_000, high=100_000, n=1, unit="B")
    note = "from running the cell, imports included, in a new page with a new kernel"
    return [
        Row(job="first show: 3 panels of bars", ours=measure(shown["bars"]), peer=peer, theirs=theirs, limit=0.25,
            note=note),
        Row(job="first show: 3 panels of a figure", ours=measure(shown["figure"]), peer=peer, theirs=theirs,
            note="reported, not judged, as above"),
        Row(job="saved notebook: Cost Explorer", ours=size["Cost Explorer"], peer="100 kB", theirs=most, limit=1),
        Row(job="saved notebook: Cost Explorer", ours=size["Cost Explorer"], peer=peer, theirs=size["FigureWidget"]),
        Row(job="saved notebook: 3 panels of bars", ours=size["bars"], peer=peer, theirs=size["FigureWidget"]),
        Row(job="saved notebook: 3 panels of a figure", ours=size["figure"], peer=peer, theirs=size["FigureWidget"]),
    ]  # fmt: skip

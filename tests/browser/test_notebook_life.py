"""A panel's life with its notebook: run again, reloaded, shown twice, saved, and read without a kernel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from driving import SETTLE_MS, SHOW, in_kernel, live_panel, rerun
from labserver import LabServer

pytestmark = pytest.mark.browser

LIVE = "len([w for w in __import__('ipywidgets').widgets.widget._instances.values() if type(w).__name__ == 'Demo'])"


def test_running_a_cell_again_closes_the_panel_it_replaces(demo_page: Page) -> None:
    for _ in range(2):
        rerun(demo_page)
    assert in_kernel(demo_page, LIVE) == 1
    expect(demo_page.locator(".llmlab")).to_have_count(1)


def test_reloading_the_page_brings_back_the_panel_as_it_is(demo_page: Page) -> None:
    in_kernel(demo_page, "setattr(panel, 'requests', 195_000)")
    demo_page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    demo_page.reload()
    panel = live_panel(demo_page)
    expect(panel.get_by_role("spinbutton", name="Requests, exact value")).to_have_value("195,000")
    expect(panel.get_by_role("row", name="GPT-5.1").get_by_role("cell").nth(2)).to_have_text("$1,950")


def test_two_views_of_a_panel_stay_in_step(notebook: Callable[..., Page]) -> None:
    page = notebook(SHOW, "panel")
    first, second = page.locator(".llmlab.live").nth(0), page.locator(".llmlab.live").nth(1)
    second.wait_for()
    first.locator("summary", has_text="Models").click()
    second.get_by_role("slider", name="Requests").press("ArrowRight")
    expect(second.get_by_role("row", name="GPT-5.1").get_by_role("cell").nth(2)).to_have_text("$1,050")
    expect(first.get_by_role("spinbutton", name="Requests, exact value")).to_have_value("105,000")


def test_a_saved_notebook_is_small_and_reads_without_its_kernel(
    demo_page: Page, notebook: Callable[..., Page], lab: LabServer
) -> None:
    panel = rerun(demo_page)
    expect(demo_page.locator(".llmlab-snapshot")).to_be_hidden()
    panel.locator("summary", has_text="Price against output price").click()
    expect(panel.locator(".xtitle")).to_be_visible()
    panel.get_by_role("slider", name="Requests").press("ArrowRight")
    demo_page.wait_for_timeout(SETTLE_MS)
    demo_page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    name = demo_page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    copy = lab.root / "somebody-elses.ipynb"  # opened as its own notebook: no kernel knows its widgets
    copy.write_bytes((lab.root / name).read_bytes())

    assert copy.stat().st_size < 100_000
    contents = json.loads(copy.read_text())
    assert "widgets" in contents["metadata"], "the harder case: the widget's state was saved with it"
    snapshot = "".join(contents["cells"][0]["outputs"][1]["data"]["text/html"])
    assert "Demo(requests=105000)" in snapshot
    assert "$1,050" in snapshot, "the snapshot follows the panel"

    reader = notebook(path=copy)
    expect(reader.locator(".llmlab-snapshot")).to_contain_text("Demo(requests=105000)")
    expect(reader.locator(".llmlab-snapshot table").first).to_be_visible()
    expect(reader.get_by_text("Input $1,260, Output $788")).to_be_visible()  # and not typeset as a formula
    expect(reader.get_by_text("run this cell to use the panel")).to_be_visible()
    expect(reader.get_by_role("slider")).to_have_count(0)
    if folder := os.environ.get("LLMLAB_SCREENSHOTS"):
        reader.screenshot(path=Path(folder) / "without-a-kernel.png")

"""A panel's life with its notebook: run again, reloaded, shown twice, saved, and read without a kernel."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import SETTLE_MS, SHOW, SHUT_DOWN, in_kernel, live_panel, rerun, wait_until_idle
from playwright.sync_api import Page, expect

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


def test_a_saved_notebook_is_small_and_reads_without_a_kernel(notebook: Callable[..., Page]) -> None:
    page = notebook(SHOW)
    panel = live_panel(page)
    expect(page.locator(".llmlab-snapshot")).to_be_hidden()
    panel.locator("summary", has_text="Price against output price").click()
    expect(panel.locator(".xtitle")).to_be_visible()
    panel.get_by_role("slider", name="Requests").press("ArrowRight")
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(300)
    saved = Path(str(in_kernel(page, "str(__import__('pathlib').Path.cwd())"))) / page.url.split("/")[-1].split("?")[0]
    assert saved.stat().st_size < 100_000
    contents = json.loads(saved.read_text())
    assert "widgets" in contents["metadata"], "the harder case: the widget's state was saved with it"
    snapshot = "".join(contents["cells"][0]["outputs"][1]["data"]["text/html"])
    assert "Demo(requests=105000)" in snapshot
    assert "$1,050" in snapshot, "the snapshot follows the panel"

    page.evaluate(SHUT_DOWN)
    reader = notebook(path=saved)
    wait_until_idle(reader)
    expect(reader.locator(".llmlab-snapshot")).to_contain_text("Demo(requests=105000)")
    expect(reader.locator(".llmlab-snapshot table").first).to_be_visible()
    expect(reader.get_by_text("No answer from a kernel: run this cell to use the panel.")).to_be_visible()
    expect(reader.locator(".llmlab.live")).to_have_count(0)
    if folder := os.environ.get("LLMLAB_SCREENSHOTS"):
        reader.screenshot(path=Path(folder) / "without-a-kernel.png", full_page=True)

"""The Playground in a real JupyterLab: run, watch, cancel, run again, retry and save, against the simulator."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
import pytest
from playwright.sync_api import Locator, Page, expect

from driving import LOW_CONTRAST, SETTLE_MS, forget_traffic, in_kernel, live_panel, rerun, set_theme, wait_until_idle

pytestmark = pytest.mark.browser

SHOW = """import os
from llmlab import Playground
os.environ["LLMLAB_RUNS"] = os.path.abspath("runs")
playground = Playground(endpoints=("simulated/groq-llama-8b", "simulated/claude-haiku"), runs=2, warm_up=0)
playground"""
FOUR = "('simulated/claude-sonnet', 'simulated/claude-haiku', 'simulated/groq-llama-8b', 'simulated/claude-thinking')"
RUN_MS = 60_000  # the first run loads LiteLLM, and the machine may be busy
CHILDREN = "[child.pid for child in __import__('psutil').Process().children(recursive=True)]"


@pytest.fixture(scope="module")
def page(notebook: Callable[..., Page]) -> Page:
    """A page whose kernel has measured once: its processes are warm."""
    page = notebook(SHOW, width=1300)
    panel = live_panel(page)
    button(panel, "Run").focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("progressbar")).to_be_visible()
    at_rest(panel)
    return page


@pytest.fixture
def panel(page: Page) -> Iterator[Locator]:
    """A fresh playground; nothing that the page throws goes unnoticed."""
    errors: list[str] = []

    def keep(error: Exception) -> None:
        if "/static/lab/" not in (getattr(error, "stack", "") or ""):
            errors.append(str(error))

    page.on("pageerror", keep)
    yield rerun(page)
    in_kernel(page, "playground.on_cancel()")
    page.remove_listener("pageerror", keep)
    assert errors == []
    assert in_kernel(page, "str(playground.last_error)") == "None"


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name, exact=True)


def lane(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("group", name=f"simulated/{name}")


def answer(panel: Locator, name: str) -> Locator:
    return lane(panel, name).get_by_role("group", name="answer")


def press(page: Page, panel: Locator, name: str) -> None:
    button(panel, name).focus()
    page.keyboard.press("Enter")


def under_way(panel: Locator) -> None:
    expect(button(panel, "Cancel")).not_to_have_attribute("aria-disabled", "true")


def at_rest(panel: Locator) -> None:
    expect(button(panel, "Run")).not_to_have_attribute("aria-disabled", "true", timeout=RUN_MS)


def set_controls(page: Page, **values: object) -> None:
    for name, value in values.items():
        in_kernel(page, f"setattr(playground, {name!r}, {value!r})")


def drawing_messages(page: Page) -> list[int]:
    """The sizes of what reached the page from the panel since `forget_traffic`."""
    sizes: list[int] = page.evaluate("""() => window.traffic.filter(({ way, text }) =>
      way === 'received' && /"kind": ?"(draw|patch)"/.test(text)).map(({ size }) => size)""")
    return sizes


def test_a_run_by_keyboard_fills_the_lanes_and_the_table(panel: Locator, page: Page) -> None:
    expect(panel.get_by_text("All of it is SIMULATED and costs nothing")).to_be_visible()
    panel.evaluate("(node) => { node.tabIndex = -1; node.focus(); }")
    page.keyboard.press("Tab")
    expect(button(panel, "Run")).to_be_focused()
    page.keyboard.press("Enter")
    under_way(panel)
    expect(button(panel, "Run")).to_be_focused()
    expect(answer(panel, "groq-llama-8b")).to_contain_text(" ")
    at_rest(panel)
    expect(button(panel, "Run")).to_be_focused()
    expect(lane(panel, "claude-haiku")).to_contain_text("done, call 2 of 2")
    expect(lane(panel, "claude-haiku")).to_contain_text("SIMULATED")
    table = panel.locator(".table-view").first
    expect(table.get_by_role("row", name="simulated/groq-llama-8b")).to_contain_text("2 / 2")
    expect(table).to_contain_text(re.compile(r"own error in a TTFT, measured here at \d at once: .* median"))
    expect(panel.get_by_text("simulated/claude-haiku against simulated/groq-llama-8b, SIMULATED")).to_be_visible()
    expect(panel.get_by_role("status")).to_have_text("4 of 4 calls made.")
    texts = in_kernel(page, "[lane.text for lane in playground.draw_lanes().lanes]")
    assert [answer(panel, name).text_content() for name in ("groq-llama-8b", "claude-haiku")] == texts


def test_a_run_is_cancelled_in_its_middle_and_run_again(panel: Locator, page: Page) -> None:
    set_controls(page, runs=50)
    press(page, panel, "Run")
    expect(answer(panel, "claude-haiku")).to_contain_text(" ")
    press(page, panel, "Cancel")
    expect(panel.get_by_text("cancelled, call").first).to_be_visible()
    at_rest(panel)
    expect(button(panel, "Cancel")).to_have_attribute("aria-disabled", "true")
    expect(button(panel, "Cancel")).to_be_focused()
    set_controls(page, runs=1, max_tokens=8)
    press(page, panel, "Run")
    expect(panel.get_by_text("done")).to_have_count(2, timeout=RUN_MS)
    at_rest(panel)


def test_only_failed_lanes_are_retried(panel: Locator, page: Page) -> None:
    set_controls(page, endpoints=("simulated/flaky", "simulated/groq-llama-8b"), runs=3)
    press(page, panel, "Run")
    under_way(panel)
    at_rest(panel)
    kept = in_kernel(page, "[r.text for r in playground.records if r.endpoint.endswith('8b')]")
    press(page, panel, "Retry failed lanes")
    under_way(panel)
    expect(lane(panel, "groq-llama-8b")).to_contain_text("done, call 3 of 3")
    at_rest(panel)
    assert in_kernel(page, "[r.text for r in playground.records if r.endpoint.endswith('8b')]") == kept
    assert in_kernel(page, "len({r.run for r in playground.records})") == 2
    expect(panel.get_by_text("failed calls were made again, and are left out.")).to_be_visible()


def test_files_are_saved_and_say_simulated(panel: Locator, page: Page) -> None:
    set_controls(page, max_tokens=8)
    press(page, panel, "Run")
    under_way(panel)
    at_rest(panel)
    panel.locator("summary", has_text="Calls").click()
    saved: dict[str, Path] = {}
    for name in ("CSV", "JSON", "Parquet"):
        with page.expect_download() as saving:
            press(page, panel, name)
        assert re.fullmatch(rf"llmlab-SIMULATED-.*\.{name.lower()}", saving.value.suggested_filename)
        saved[name] = saving.value.path()
    rows = list(csv.DictReader(saved["CSV"].read_text().splitlines()))
    labels = [
        [row["label"] for row in rows],
        [row["label"] for row in json.loads(saved["JSON"].read_text())],
        pq.read_table(saved["Parquet"]).column("label").to_pylist(),
    ]
    assert labels == [["SIMULATED"] * 4] * 3


def test_what_a_model_says_is_text_wherever_it_stands(panel: Locator, page: Page) -> None:
    in_kernel(page, "__import__('playground_records').pretend(playground, __import__('demo').HOSTILE)")
    panel.locator("summary", has_text="Calls").click()
    expect(panel.get_by_text("<img src=x onerror")).to_have_count(4)  # text, reasoning, why it failed; that in the list
    assert panel.locator("img, b").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_chosen_call_is_drawn_token_by_token(panel: Locator, page: Page) -> None:
    set_controls(page, runs=1)
    press(page, panel, "Run")
    under_way(panel)
    at_rest(panel)
    for title in ("Calls", "Every token of the chosen call"):
        panel.locator("summary", has_text=title).click()
    row = panel.locator(".table-view").nth(1).get_by_role("row", name="simulated/groq-llama-8b")
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    plot = panel.get_by_role("img", name="simulated/groq-llama-8b, SIMULATED, call")
    expect(plot).to_be_visible()
    expect(plot.locator(".xtitle")).to_have_text("ms since the request was out")


def test_four_lanes_are_few_and_small_messages(panel: Locator, page: Page) -> None:
    in_kernel(page, f"setattr(playground, 'endpoints', {FOUR})")
    page.wait_for_timeout(SETTLE_MS)
    forget_traffic(page)
    seconds = page.evaluate("performance.now()") / -1000
    press(page, panel, "Run")
    under_way(panel)
    at_rest(panel)
    seconds += page.evaluate("performance.now()") / 1000
    sizes = drawing_messages(page)
    assert seconds < len(sizes) < 15 * seconds
    assert sum(sizes) < 60_000 * seconds
    assert in_kernel(page, "len(playground.records)") == 8


def test_the_panel_stays_alive_while_a_cell_computes(panel: Locator, page: Page) -> None:
    set_controls(page, runs=50)
    press(page, panel, "Run")
    expect(answer(panel, "claude-haiku")).to_contain_text(" ")
    page.evaluate("""() => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      window.ended = false;
      kernel.requestExecute({ code: 'import time; time.sleep(4)' }).done.then(() => { window.ended = true; });
    }""")
    page.wait_for_timeout(500)
    forget_traffic(page)
    page.wait_for_timeout(1_000)
    assert len(drawing_messages(page)) >= 3
    press(page, panel, "Cancel")
    at_rest(panel)
    assert not page.evaluate("window.ended"), "the press did not wait for the cell"
    expect(panel.get_by_text("cancelled, call").first).to_be_visible()
    page.wait_for_function("window.ended")
    expect(button(panel, "Cancel")).to_have_accessible_description("no run is under way")


def test_running_the_cell_again_ends_the_run_of_the_panel_it_replaces(panel: Locator, page: Page) -> None:
    set_controls(page, runs=50)
    press(page, panel, "Run")
    expect(answer(panel, "claude-haiku")).to_contain_text(" ")
    in_kernel(page, "globals().update(first=playground)")
    fresh = rerun(page)
    assert in_kernel(page, "'cancelled' in {record.status for record in first.wait(10)}")
    expect(fresh.get_by_text("Choose what to measure, then press Run.")).to_be_visible()
    set_controls(page, runs=1, max_tokens=8)
    press(page, fresh, "Run")
    expect(fresh.get_by_text("done")).to_have_count(2, timeout=RUN_MS)
    at_rest(fresh)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_text_reads_at_four_and_a_half_to_one_and_nothing_runs_over_the_side(
    panel: Locator, page: Page, theme: str
) -> None:
    set_theme(page, theme)
    set_controls(page, endpoints=("simulated/flaky", "simulated/claude-thinking"), runs=1)
    press(page, panel, "Run")
    expect(answer(panel, "claude-thinking")).to_contain_text(" ")
    low = panel.evaluate(LOW_CONTRAST)
    at_rest(panel)
    for title in ("Calls", "What the figures mean"):
        panel.locator("summary", has_text=title).click()
    expect(panel.get_by_text("Time to first token").first).to_be_visible()
    low += panel.evaluate(LOW_CONTRAST)
    was = page.viewport_size or {"width": 1300, "height": 1000}
    for _ in range(2):  # JupyterLab's own margins change on the way
        view, pane = page.evaluate("window.innerWidth"), panel.evaluate("(node) => node.clientWidth")
        page.set_viewport_size({"width": view + 400 - pane, "height": was["height"]})
        page.wait_for_timeout(200)
    inside, needed = panel.evaluate("(node) => [node.clientWidth, node.scrollWidth]")
    page.set_viewport_size(was)
    set_theme(page, "Light")
    assert low == []
    assert abs(inside - 400) <= 10
    assert needed <= inside


def test_a_kernel_that_is_restarted_in_a_run_leaves_no_process_behind(page: Page) -> None:
    """The last one: it takes the kernel of the others."""
    panel = rerun(page)
    set_controls(page, runs=50)
    press(page, panel, "Run")
    expect(answer(panel, "claude-haiku")).to_contain_text(" ")
    processes = [psutil.Process(pid) for pid in in_kernel(page, CHILDREN)]
    assert len(processes) >= 2, "a simulator, and a process that measures"
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    wait_until_idle(page)
    _, left = psutil.wait_procs(processes, timeout=10)
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []

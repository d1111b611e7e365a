"""The product's main job, as a person does it in a real JupyterLab: move sliders, see what it costs, ask why."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import OpenNotebook
from playwright.sync_api import Locator, Page, expect

from driving import draws, forget_traffic, in_kernel, live_panel, rerun
from labserver import LabServer
from llmlab import Scenario, Workload, load_catalog
from llmlab.scenario import pin

pytestmark = pytest.mark.browser

SONNET = "anthropic/claude-sonnet-4-6"
OVERRIDES = "name: our-deals\ndiscounts:\n  - {provider: anthropic, factor: 0.5, note: a test}\n"


@pytest.fixture(scope="module")
def page(notebook: OpenNotebook) -> Page:
    """One notebook with the explorer on the seed's prices, for all tests here."""
    return notebook(
        "from datetime import date\nfrom llmlab import CostExplorer\n"
        "explorer = CostExplorer(catalog_name='seed-2026-early', as_of=date(2026, 11, 23))\nexplorer"
    )


@pytest.fixture
def explorer(page: Page) -> Locator:
    return rerun(page)


def row(explorer: Locator, endpoint: str) -> Locator:
    return explorer.get_by_role("table").first.get_by_role("row", name=endpoint)


def total(explorer: Locator, endpoint: str) -> Locator:
    return row(explorer, endpoint).get_by_role("cell").first


def open_view(explorer: Locator, title: str) -> Locator:
    """Unfold a view by keyboard; its section."""
    summary = explorer.locator("summary", has_text=title)
    summary.focus()
    summary.press("Enter")
    return explorer.locator("details", has=explorer.page.locator("summary", has_text=title))


def test_the_worked_example_is_on_the_screen_and_moves_with_a_slider(explorer: Locator, page: Page) -> None:
    expect(total(explorer, SONNET)).to_have_text("$1,950")
    explorer.get_by_role("slider", name="Requests").focus()
    forget_traffic(page)
    page.keyboard.press("ArrowRight")
    expect(total(explorer, SONNET)).to_have_text("$2,048")  # the next stop is 105,000 requests
    assert draws(page) == 1  # bars and table came in one message, and nothing that is folded away
    assert in_kernel(page, "explorer.requests") == 105_000


def test_the_batch_toggle_halves_the_bill_and_a_share_halves_that(explorer: Locator, page: Page) -> None:
    explorer.get_by_role("checkbox", name="Batch").focus()
    page.keyboard.press("Space")
    expect(total(explorer, SONNET)).to_have_text("$975")
    exact = explorer.get_by_role("spinbutton", name="Share that can wait, exact value")
    exact.fill("50")
    exact.press("Enter")
    expect(total(explorer, SONNET)).to_have_text("$1,463")


def test_the_cache_slider_gives_what_the_seeds_calculator_printed(explorer: Locator) -> None:
    exact = explorer.get_by_role("spinbutton", name="Cache hit rate, exact value")
    exact.fill("80")
    exact.press("Enter")
    expect(total(explorer, SONNET)).to_have_text("$1,086")


def test_a_row_is_chosen_by_keyboard_and_its_bill_says_why(explorer: Locator, page: Page) -> None:
    row(explorer, "gemini/gemini-2-pro").get_by_role("button").focus()
    page.keyboard.press("Enter")
    bill = open_view(explorer, "Why? The bill of the selected row")
    expect(bill.get_by_role("row", name="output, standard")).to_contain_text("$21 per 1M tokens")
    expect(bill.get_by_role("row", name="Total")).to_contain_text("$3,850.00")
    expect(bill.get_by_role("row", name="input, standard")).to_contain_text("starts at")
    assert in_kernel(page, "explorer.selected") == "gemini/gemini-2-pro"


def test_an_unpriced_row_says_so_and_is_never_free(explorer: Locator) -> None:
    expect(total(explorer, "openai/gpt-5-mini")).to_have_text("unpriced")


def test_a_header_sorts_and_the_filters_filter(explorer: Locator) -> None:
    body = explorer.get_by_role("table").first.locator("tbody tr")
    explorer.get_by_role("button", name="Endpoint").press("Enter")
    expect(body.first).to_contain_text("anthropic/claude-haiku-4-5")
    explorer.get_by_role("textbox", name="Find").fill("gpt")
    expect(body).to_have_count(3)
    explorer.get_by_role("textbox", name="Find").fill("no such thing")
    expect(explorer.get_by_text("The filters leave no endpoint: clear one of them.").first).to_be_visible()


@pytest.mark.parametrize("title", ["Cost against latency", "Which input moves the bill most", "Break-even"])
def test_a_chart_is_drawn_when_it_is_opened_and_follows_the_sliders(explorer: Locator, page: Page, title: str) -> None:
    row(explorer, SONNET).get_by_role("button").press("Enter")
    view = open_view(explorer, title)
    chart = view.locator(".js-plotly-plot")
    chart.wait_for()
    before = chart.evaluate("plot => JSON.stringify(plot.data)")
    explorer.get_by_role("slider", name="Output").press("ArrowRight")
    page.wait_for_function(
        "([plot, before]) => JSON.stringify(plot.data) !== before", arg=[chart.element_handle(), before]
    )


def test_what_changed_between_two_catalogs_is_a_table(explorer: Locator) -> None:
    explorer.get_by_role("combobox", name="Price catalog").select_option("2026-11")
    changes = open_view(explorer, "What changed between two catalogs")
    expect(changes.get_by_role("row").nth(1)).to_contain_text("$15 -> $5 per 1M tokens")


def test_a_bulk_catalog_of_thousands_of_rows_follows_the_slider_too(explorer: Locator, page: Page) -> None:
    explorer.get_by_role("combobox", name="Price catalog").select_option("litellm")
    explorer.get_by_role("textbox", name="Find").fill("claude-sonnet-4-6")
    expect(total(explorer, "vertex_ai/claude-sonnet-4-6")).to_have_text("$1,950")
    explorer.get_by_role("slider", name="Requests").press("ArrowRight")
    expect(total(explorer, "vertex_ai/claude-sonnet-4-6")).to_have_text("$2,048")


def test_prices_of_ones_own_are_laid_over_from_a_file_and_a_wrong_one_is_refused(
    explorer: Locator, tmp_path: Path
) -> None:
    good, wrong = tmp_path / "deals.yaml", tmp_path / "wrong.yaml"
    good.write_text(OVERRIDES)
    wrong.write_text(OVERRIDES.replace("anthropic", "antropic"))
    explorer.get_by_label("Your prices", exact=True).set_input_files(good)
    expect(total(explorer, SONNET)).to_have_text("$975")
    explorer.get_by_label("Your prices", exact=True).set_input_files(wrong)
    expect(explorer.get_by_role("alert")).to_contain_text("wrong.yaml:3: unknown provider 'antropic'; did you mean")
    expect(total(explorer, SONNET)).to_have_text("$975")  # the old prices stay


def test_a_saved_scenario_is_downloaded_and_opens_the_same_screen(
    explorer: Locator, page: Page, tmp_path: Path
) -> None:
    explorer.get_by_role("checkbox", name="Batch").press("Space")
    expect(total(explorer, SONNET)).to_have_text("$975")
    with page.expect_download() as download:
        explorer.get_by_role("button", name="Save scenario").press("Enter")
    path = tmp_path / "scenario.yaml"
    download.value.save_as(path)
    assert Scenario.read(path).workload == Workload(batch_share=1.0)

    seed = load_catalog("seed-2026-early")
    other = Scenario(workload=Workload(output_tokens=1_000), catalog=pin("seed-2026-early", seed))
    explorer.get_by_label("Open scenario", exact=True).set_input_files(other.save(tmp_path / "other.yaml"))
    expect(total(explorer, SONNET)).to_have_text("$2,700")
    assert in_kernel(page, "explorer.batch") is False


def test_the_table_is_copied_as_tsv_and_as_markdown(explorer: Locator, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    explorer.get_by_role("button", name="Copy as TSV").press("Enter")
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('model\\tprovider')")
    explorer.get_by_role("button", name="Copy as Markdown").press("Enter")
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('| endpoint')")


def test_every_control_has_a_name_and_every_field_is_reached_by_tab(explorer: Locator, page: Page) -> None:
    fields = explorer.locator("input:visible, select:visible")
    names = [field.evaluate("f => (f.labels?.[0]?.textContent || f.ariaLabel || '').trim()") for field in fields.all()]
    assert all(names), names
    explorer.get_by_role("button", name="Save scenario").focus()
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.ariaLabel"))
    assert {field.get_attribute("id") or field.get_attribute("aria-label") for field in fields.all()} <= reached


def test_a_narrow_pane_does_not_scroll_sideways(explorer: Locator, page: Page) -> None:
    page.set_viewport_size({"width": 480, "height": 1000})
    try:
        page.wait_for_timeout(300)
        assert explorer.evaluate("e => e.clientWidth") < 400
        assert explorer.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    finally:
        page.set_viewport_size({"width": 1400, "height": 1000})


def test_without_a_kernel_the_notebook_still_shows_the_table_and_the_call(
    notebook: OpenNotebook, lab: LabServer
) -> None:
    page = notebook("from llmlab import CostExplorer\nCostExplorer(catalog_name='seed-2026-early')")
    live_panel(page)
    page.wait_for_timeout(1_000)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    name = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    assert (lab.root / name).stat().st_size < 100_000
    reader = notebook(path=lab.root / name)
    reader.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    snapshot = reader.locator(".llmlab-snapshot")
    expect(snapshot).to_contain_text("CostExplorer(catalog_name='seed-2026-early')")
    expect(snapshot.get_by_role("row", name=SONNET).first).to_contain_text("$1,950")

"""A person uses a panel in a real JupyterLab, by keyboard and by the names a screen reader says."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from driving import LOW_CONTRAST, draws, forget_traffic, in_kernel, rerun, set_theme

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(demo_page: Page) -> Locator:
    """A fresh panel in the shared notebook: its cell is run again."""
    return rerun(demo_page)


def total_of(panel: Locator, model: str) -> Locator:
    return panel.get_by_role("row", name=model).get_by_role("cell").nth(2)


def test_an_arrow_key_on_a_slider_redraws_chart_and_table_with_one_message(panel: Locator, demo_page: Page) -> None:
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,000")
    panel.get_by_role("slider", name="Requests").focus()
    forget_traffic(demo_page)
    demo_page.keyboard.press("ArrowRight")
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,050")
    expect(panel.get_by_role("button", name="GPT-5.1").first).to_contain_text("$1,050")
    assert draws(demo_page) == 1
    assert in_kernel(demo_page, "panel.requests") == 105_000


def test_a_burst_of_keys_ends_where_the_slider_is(panel: Locator, demo_page: Page) -> None:
    slider = panel.get_by_role("slider", name="Output")
    slider.focus()
    for _ in range(30):
        demo_page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "800 tokens")
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,300")


@pytest.mark.parametrize(("typed", "value"), [("195123", 195_123), ("1,950", 1_950), ("1.5M", 1_500_000)])
def test_an_exact_value_is_kept_as_typed(panel: Locator, demo_page: Page, typed: str, value: int) -> None:
    exact = panel.get_by_role("spinbutton", name="Requests, exact value")
    exact.fill(typed)
    exact.press("Enter")
    expect(panel.get_by_role("slider", name="Requests")).to_have_attribute("aria-valuetext", f"{value:,} per month")
    assert in_kernel(demo_page, "panel.requests") == value
    exact.blur()
    expect(exact).to_have_value(f"{value:,}")


def test_a_share_is_a_percentage_on_screen_and_a_rate_in_python(panel: Locator, demo_page: Page) -> None:
    exact = panel.get_by_role("spinbutton", name="Cache hit rate, exact value")
    exact.fill("12.5%")
    exact.press("Enter")
    expect(panel.get_by_role("slider", name="Cache hit rate")).to_have_attribute("aria-valuetext", "12.5%")
    assert in_kernel(demo_page, "panel.cache_hit_rate") == 0.125


def test_every_kind_of_control_reaches_python(panel: Locator, demo_page: Page) -> None:
    panel.get_by_role("checkbox", name="Batch").check()
    panel.get_by_role("combobox", name="Cache lifetime").select_option("1 hour")
    panel.locator("summary", has_text="None chosen").click()
    panel.get_by_role("checkbox", name="Google Vertex AI").check()
    panel.get_by_role("textbox", name="Search").fill("Sonnet")
    expect(panel.get_by_role("row", name="GPT-5.1")).to_have_count(0)
    assert in_kernel(demo_page, "(panel.batch, panel.cache_ttl, panel.providers, panel.search)") == (
        *(True, "1h", ("google",), "Sonnet"),
    )


def test_a_change_in_python_moves_the_controls(panel: Locator, demo_page: Page) -> None:
    in_kernel(demo_page, "setattr(panel, 'requests', 7_000_000)")
    expect(panel.get_by_role("spinbutton", name="Requests, exact value")).to_have_value("7,000,000")
    expect(panel.get_by_role("slider", name="Requests")).to_have_attribute("aria-valuetext", "7,000,000 per month")


def test_every_control_has_a_name_and_its_help(panel: Locator) -> None:
    for kind, name, words in [
        ("slider", "Requests", "How often the product calls a model."),
        ("spinbutton", "Requests, exact value", "How often the product calls a model."),
        ("combobox", "Cache lifetime", "Longer costs more."),
        ("checkbox", "Batch", "Half price, within a day."),
        ("textbox", "Search", "Part of a model's name."),
    ]:
        expect(panel.get_by_role(kind, name=name, exact=True)).to_have_accessible_description(words)  # type: ignore[arg-type]  # a role


def test_keys_stay_in_the_panel(panel: Locator, demo_page: Page) -> None:
    cells = demo_page.locator(".jp-Cell")
    before = cells.count()
    for target in (panel.get_by_role("slider").first, panel.get_by_role("button", name="Save scenario")):
        target.focus()
        for key in ("a", "b", "x", "d", "d", "ArrowDown"):
            demo_page.keyboard.press(key)
    expect(cells).to_have_count(before)


def test_escape_and_chords_are_let_through_but_editing_is_not(panel: Locator, demo_page: Page) -> None:
    demo_page.evaluate("""() => {
      window.heard = [];
      document.body.addEventListener('keydown', (event) => window.heard.push(event.key));
    }""")
    search = panel.get_by_role("textbox", name="Search")
    search.focus()
    for keys in ("q", "Control+a", "Alt+ArrowUp", "Escape"):
        demo_page.keyboard.press(keys)
    assert demo_page.evaluate("window.heard.filter((key) => !['Control', 'Alt'].includes(key))") == [
        "ArrowUp",
        "Escape",
    ]


def test_a_closed_view_is_drawn_when_it_is_opened_and_not_before(panel: Locator, demo_page: Page) -> None:
    panel.get_by_role("slider", name="Requests").press("ArrowRight")
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,050")
    assert "broken" not in in_kernel(demo_page, "panel.drawn")
    summary = panel.locator("summary", has_text="Breaks below 10 requests")
    summary.focus()
    demo_page.keyboard.press("Enter")
    expect(panel.get_by_text("Fine with 105,000 requests.")).to_be_visible()
    demo_page.keyboard.press("Enter")
    panel.get_by_role("slider", name="Requests").press("ArrowRight")
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,100")
    assert in_kernel(demo_page, "panel.drawn").count("broken") == 1


def test_a_header_sorts_and_keeps_the_focus(panel: Locator, demo_page: Page) -> None:
    header = panel.get_by_role("columnheader", name="Input")
    header.get_by_role("button").focus()
    demo_page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    demo_page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(panel.get_by_role("rowheader").first).to_have_text("Opus 4.5")
    expect(header.get_by_role("button")).to_be_focused()


def test_show_more_shows_more(panel: Locator) -> None:
    expect(panel.locator("tbody tr")).to_have_count(4)
    panel.get_by_role("button", name="Show more (4 of 7)").press("Enter")
    expect(panel.locator("tbody tr")).to_have_count(7)


def test_a_row_is_chosen_from_the_keyboard_or_by_its_bar(panel: Locator, demo_page: Page) -> None:
    row = panel.get_by_role("rowheader", name="Haiku 4.5").get_by_role("button")
    row.focus()
    demo_page.keyboard.press("Enter")
    expect(row).to_have_attribute("aria-pressed", "true")
    expect(row).to_be_focused()
    expect(panel.locator(".prose .heading")).to_have_text("Haiku 4.5")
    bar = panel.locator("button.bar", has_text="Sonnet 4.5")
    expect(bar).to_have_accessible_name("Sonnet 4.5 $1,950 : Input $1,200, Output $750")
    bar.click()
    expect(bar).to_have_attribute("aria-pressed", "true")


def test_an_error_is_shown_with_the_last_drawing_dimmed_and_goes_away(panel: Locator) -> None:
    panel.locator("summary", has_text="Breaks below 10 requests").click()
    expect(panel.get_by_text("Fine with 100,000 requests.")).to_be_visible()
    exact = panel.get_by_role("spinbutton", name="Requests, exact value")
    exact.fill("5")
    exact.press("Enter")
    alert = panel.get_by_role("alert")
    expect(alert).to_have_text("Breaks below 10 requests: fewer than 10 requests: raise Requests to 10 or more")
    expect(panel.get_by_text("Fine with 100,000 requests.")).to_be_visible()
    expect(panel.locator(".view.failed")).to_have_count(1)
    exact.fill("50")
    exact.press("Enter")
    expect(alert).to_be_empty()
    expect(panel.locator(".view.failed")).to_have_count(0)


def test_a_value_that_is_refused_is_explained_and_put_back(panel: Locator) -> None:
    exact = panel.get_by_role("spinbutton", name="Requests, exact value")
    exact.fill("plenty")
    exact.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("cannot be 'plenty': a whole number from 1 to 100,000,000")
    exact.blur()
    expect(exact).to_have_value("100,000")


def test_what_a_button_raises_is_shown(panel: Locator) -> None:
    panel.get_by_role("button", name="Fail").click()
    expect(panel.get_by_role("alert")).to_have_text("RuntimeError: this button always fails")


def test_buttons_copy_and_save(panel: Locator, demo_page: Page) -> None:
    demo_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Copy as TSV").click()
    expect(panel.get_by_role("status")).to_have_text("Copied.")
    assert demo_page.evaluate("navigator.clipboard.readText()").startswith("Opus 4.5\t3250.00")
    with demo_page.expect_download() as saving:
        panel.get_by_role("button", name="Save scenario").click()
    assert saving.value.suggested_filename == "demo.yaml"
    assert saving.value.path().read_text() == "requests: 100000\n"


def test_a_file_is_read_in_the_browser(panel: Locator, demo_page: Page, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("models: []")
    panel.get_by_label("Own prices", exact=True).set_input_files(tmp_path / "mine.yaml")
    expect(panel.locator(".file-name")).to_have_text("mine.yaml")
    panel.get_by_role("button", name="Remove Own prices").click()
    expect(panel.locator(".file-name")).to_have_text("No file chosen")


def test_the_status_is_read_out_once_things_are_quiet(panel: Locator, demo_page: Page) -> None:
    status = panel.get_by_role("status")
    expect(status).to_have_text("Cheapest: DeepSeek V3.2, $133 per month.")
    slider = panel.get_by_role("slider", name="Requests")
    for _ in range(3):
        slider.press("ArrowRight")
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,150")
    expect(status).to_have_text("Cheapest: DeepSeek V3.2, $133 per month.", timeout=100)
    expect(status).to_have_text("Cheapest: DeepSeek V3.2, $153 per month.")


def test_hostile_text_stays_text(panel: Locator, demo_page: Page) -> None:
    expect(panel.get_by_text("<img src=x onerror").first).to_be_visible()
    assert panel.locator("img").count() == 0
    assert demo_page.evaluate("window.hacked") is None


def test_groups_fold_from_the_keyboard(panel: Locator, demo_page: Page) -> None:
    group = panel.get_by_role("button", name="Workload")
    group.focus()
    demo_page.keyboard.press("Enter")
    expect(group).to_have_attribute("aria-expanded", "false")
    expect(panel.get_by_role("slider", name="Requests")).to_have_count(0)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_text_reads_at_four_and_a_half_to_one(panel: Locator, demo_page: Page, theme: str) -> None:
    set_theme(demo_page, theme)
    panel.get_by_role("button", name="Fail").click()
    panel.locator("button.bar", has_text="Sonnet 4.5").click()
    expect(panel.locator(".prose .heading")).to_have_text("Sonnet 4.5")
    low = panel.evaluate(LOW_CONTRAST)
    set_theme(demo_page, "Light")
    assert low == []


@pytest.mark.parametrize("width", [350, 700, 1600])
def test_nothing_runs_over_the_side_of_a_pane(panel: Locator, demo_page: Page, width: int) -> None:
    was = demo_page.viewport_size or {"width": 1400, "height": 1000}
    for _ in range(2):  # JupyterLab's own margins change on the way
        view, pane = demo_page.evaluate("window.innerWidth"), panel.evaluate("(node) => node.clientWidth")
        demo_page.set_viewport_size({"width": view + width - pane, "height": was["height"]})
        demo_page.wait_for_timeout(200)
    inside, needed = panel.evaluate("(node) => [node.clientWidth, node.scrollWidth]")
    demo_page.set_viewport_size(was)
    assert abs(inside - width) <= 10
    assert needed <= inside


def test_in_a_narrow_pane_only_the_first_group_starts_unfolded(demo_page: Page) -> None:
    was = demo_page.viewport_size or {"width": 1400, "height": 1000}
    demo_page.set_viewport_size({"width": 520, "height": was["height"]})
    panel = rerun(demo_page)
    expect(panel.get_by_role("button", name="Caching")).to_have_attribute("aria-expanded", "false")
    expect(panel.get_by_role("button", name="Workload")).to_have_attribute("aria-expanded", "true")
    demo_page.set_viewport_size(was)


def test_a_panel_answers_while_a_cell_computes(panel: Locator, demo_page: Page) -> None:
    demo_page.evaluate("""() => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      window.ended = false;
      kernel.requestExecute({ code: 'import time; time.sleep(3)' }).done.then(() => { window.ended = true; });
    }""")
    demo_page.wait_for_timeout(300)
    panel.get_by_role("slider", name="Requests").press("ArrowRight")
    expect(total_of(panel, "GPT-5.1")).to_have_text("$1,050")
    assert not demo_page.evaluate("window.ended")
    demo_page.wait_for_function("window.ended")

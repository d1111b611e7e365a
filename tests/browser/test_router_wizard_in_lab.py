"""The router wizard in a real JupyterLab: answer, ask why, conflict, files, prove and cancel."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from driving import LOW_CONTRAST, SETTLE_MS, in_kernel, live_panel, rerun, set_theme
from llmlab import Scenario

SHOW = """from datetime import date
from llmlab.widgets.router_wizard import RouterWizard
wizard = RouterWizard(as_of=date(2026, 11, 23))
wizard"""
HOSTILE = """import dataclasses
from demo import HOSTILE
from llmlab import load_catalog
catalog = load_catalog()
named = {"models": tuple(dataclasses.replace(model, name=HOSTILE) for model in catalog.models),
         "providers": tuple(dataclasses.replace(one, name=HOSTILE) for one in catalog.providers)}
from llmlab.widgets.router_wizard import RouterWizard
RouterWizard(catalog=dataclasses.replace(catalog, **named))"""
LATENCIES = """name: mine
latencies:
  - endpoint: azure/eu/gpt-5.1
    measured_on: 2026-11-23
    simulated: false
    n: 40
    ttft_s: {n: 40, p50: 0.21, p90: 0.35, p95: 0.40}
    e2e_s: {n: 40, p50: 1.9, p90: 2.4, p95: 2.6}
    path: litellm
"""


@pytest.fixture(scope="module")
def page(notebook: Callable[..., Page]) -> Page:
    page = notebook(SHOW, width=1300)
    live_panel(page)
    return page


@pytest.fixture
def panel(page: Page) -> Iterator[Locator]:
    """A fresh wizard with its first answer; nothing that the page throws goes unnoticed."""
    errors: list[str] = []

    def keep(error: Exception) -> None:
        if "/static/lab/" not in (getattr(error, "stack", "") or ""):
            errors.append(str(error))

    page.on("pageerror", keep)
    panel = rerun(page)
    expect(card(panel, "smart")).to_be_visible()
    yield panel
    page.remove_listener("pageerror", keep)
    assert errors == []
    assert in_kernel(page, "str(wizard.last_error)") == "None"


def button(panel: Locator, name: str) -> Locator:
    return panel.get_by_role("button", name=name, exact=True)


def card(panel: Locator, label: str) -> Locator:
    return panel.locator(".card").filter(has_text=re.compile(f"^{label}"))


def question(panel: Locator, ask: str) -> Locator:
    return panel.get_by_role("button", name=ask)


def standings(panel: Locator) -> Locator:
    return panel.get_by_role("region", name="Every endpoint, and why")


def put(page: Page, **values: object) -> None:
    for name, value in values.items():
        in_kernel(page, f"setattr(wizard, {name!r}, {value!r})")


def test_an_answer_counts_the_survivors_down_lights_its_branch_and_changes_the_set(panel: Locator, page: Page) -> None:
    who = question(panel, "Where may the data go?")
    before = who.locator(".counts").inner_text()
    panel.get_by_label("Data stays in").select_option("eu")
    expect(panel.locator(".branch.lit", has_text="the EU")).to_contain_text("(taken)")
    expect(who.locator(".counts")).not_to_have_text(before)
    expect(card(panel, "mid")).to_contain_text("data: stays in the EU")
    left = in_kernel(page, "len(wizard.walk.survivors)")
    expect(panel.get_by_role("status")).to_contain_text(f"{left} of ")
    expect(panel.get_by_role("status")).to_contain_text("The set costs $")


def test_a_question_and_then_an_endpoint_are_asked_why_by_keyboard(panel: Locator, page: Page) -> None:
    panel.get_by_label("Data stays in").select_option("eu")
    who = question(panel, "Where may the data go?")
    who.focus()
    page.keyboard.press("Enter")
    expect(who).to_have_attribute("aria-pressed", "true")
    expect(who).to_be_focused()
    expect(standings(panel).get_by_text("left", exact=True)).to_have_count(0)
    first = standings(panel).get_by_role("button").first
    id = first.inner_text()
    first.focus()
    page.keyboard.press("Enter")
    expect(panel.locator(".text-view").first).to_contain_text(id)
    expect(panel.locator(".text-view").first).to_contain_text("Fell at “Where may the data go?”")
    expect(standings(panel).get_by_role("button", name=id, exact=True)).to_be_focused()
    who.focus()
    page.keyboard.press("Enter")
    expect(standings(panel).get_by_text("left", exact=True).first).to_be_visible()


def test_what_cannot_be_met_says_the_conflict_and_what_to_give_up(panel: Locator, page: Page) -> None:
    panel.get_by_label("Ceiling, exact value").fill("0.00005")
    page.keyboard.press("Enter")
    expect(card(panel, "What is asked")).to_contain_text("No set")
    expect(card(panel, "The least to give up")).to_contain_text("Ceiling $")
    expect(button(panel, "Prove it")).to_have_attribute("aria-disabled", "true")
    expect(button(panel, "Prove it")).to_have_accessible_description("no set of endpoints meets all of it")
    button(panel, "Prove it").click(force=True)
    expect(panel.get_by_role("status")).to_have_text("no set of endpoints meets all of it")
    expect(panel.get_by_role("alert")).to_have_text("")


def test_measurements_are_opened_and_a_scenario_is_saved_and_opened_again(
    panel: Locator, page: Page, tmp_path: Path
) -> None:
    panel.get_by_label("Data stays in").select_option("eu")
    mine = tmp_path / "mine.yaml"
    mine.write_text(LATENCIES)
    panel.get_by_label("Your measurements", exact=True).set_input_files(mine)
    expect(card(panel, "backup")).to_contain_text("first token 210 ms, answer 1.9 s (measured)")
    with page.expect_download() as saving:
        button(panel, "Save scenario").click()
    scenario = Scenario.read(saving.value.path())
    assert scenario.constraints is not None
    assert scenario.constraints.residency == "eu"
    assert scenario.decided is not None
    fresh = rerun(page)
    fresh.get_by_label("Open scenario", exact=True).set_input_files(saving.value.path())
    expect(fresh.get_by_label("Data stays in")).to_have_value("eu")
    expect(card(fresh, "backup")).to_contain_text("(measured)")


def test_the_yaml_is_downloaded_as_it_is_shown(panel: Locator, page: Page) -> None:
    panel.locator("summary", has_text="router.yaml").click()
    shown = panel.locator(".code code")
    expect(shown).to_contain_text("model_list:")
    with page.expect_download() as saving:
        button(panel, "Download").click()
    assert saving.value.suggested_filename == "router.yaml"
    assert saving.value.path().read_text() == shown.text_content()


def test_a_proof_shows_how_far_it_is_and_is_cancelled(panel: Locator, page: Page) -> None:
    put(page, residency="eu")
    button(panel, "Prove it").focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_role("progressbar")).to_be_visible()
    expect(panel.get_by_text("Under way:")).to_be_visible()
    expect(button(panel, "Prove it")).to_have_accessible_description("a proof is under way")
    button(panel, "Cancel").focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_text("Cancelled:").first).to_be_visible(timeout=30_000)
    expect(panel.get_by_role("progressbar")).to_be_hidden()
    expect(button(panel, "Cancel")).to_have_attribute("aria-disabled", "true")
    with page.expect_download() as saving:
        button(panel, "Save report").click()
    assert saving.value.suggested_filename == "router-proof.html"


def test_a_change_repaints_the_survivors_while_the_set_is_still_worked_out(panel: Locator) -> None:
    labels = panel.evaluate("""async (panel) => {
      const select = panel.querySelector('select');
      const seen = new Promise((done) => new MutationObserver((_, one) => {
        one.disconnect();
        done([...panel.querySelectorAll('.card-label')].map((label) => label.textContent));
      }).observe(panel.querySelector('.tree'), { childList: true, subtree: true }));
      select.value = 'eu';
      select.dispatchEvent(new Event('change'));
      return seen;
    }""")
    assert len(labels) == 4
    assert all("being worked out anew" in label for label in labels)
    expect(card(panel, "mid")).to_contain_text("stays in the EU")
    expect(card(panel, "mid")).not_to_contain_text("anew")


def test_hostile_names_are_text_wherever_they_stand(notebook: Callable[..., Page]) -> None:
    page = notebook(HOSTILE, width=1300)
    panel = live_panel(page)
    expect(card(panel, "smart")).to_contain_text("<img src=x onerror")
    standings(panel).get_by_role("button").first.click()
    expect(panel.locator(".text-view").first).to_contain_text("<img src=x onerror")
    assert panel.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_text_reads_at_four_and_a_half_to_one_and_nothing_runs_over_the_side(
    panel: Locator, page: Page, theme: str
) -> None:
    set_theme(page, theme)
    put(page, residency="eu")
    question(panel, "Where may the data go?").click()
    standings(panel).get_by_role("button").first.click()
    expect(panel.locator(".text-view").first).to_contain_text("Fell at")
    for title in ("router.yaml", "Every check of the proof"):
        panel.locator("summary", has_text=title).click()
    page.wait_for_timeout(SETTLE_MS)
    low = panel.evaluate(LOW_CONTRAST)
    put(page, max_usd=0.0001)
    expect(card(panel, "What is asked")).to_be_visible()
    low += panel.evaluate(LOW_CONTRAST)
    was = page.viewport_size or {"width": 1300, "height": 1000}
    inside = needed = 0
    for limit in (0.0001, 0.0):
        put(page, max_usd=limit)
        page.wait_for_timeout(SETTLE_MS)
        for _ in range(2):  # JupyterLab's own margins change on the way
            view, pane = page.evaluate("window.innerWidth"), panel.evaluate("(node) => node.clientWidth")
            page.set_viewport_size({"width": view + 400 - pane, "height": was["height"]})
            page.wait_for_timeout(200)
        inside, needed = panel.evaluate("(node) => [node.clientWidth, node.scrollWidth]")
        assert needed <= inside
    page.set_viewport_size(was)
    set_theme(page, "Light")
    assert low == []
    assert abs(inside - 400) <= 10

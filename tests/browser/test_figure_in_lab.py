"""Plotly in a panel: one node, the theme's colours, plotly.js once per page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from driving import SHOW, forget_traffic, live_panel, rerun, set_theme

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(demo_page: Page) -> Locator:
    panel = rerun(demo_page)
    panel.locator("summary", has_text="Price against output price").click()
    expect(panel.locator(".xtitle")).to_have_text("Input price, 100,000 requests")
    return panel


def test_a_figure_is_redrawn_in_the_same_node(panel: Locator, demo_page: Page) -> None:
    plot = panel.locator(".js-plotly-plot")
    plot.evaluate("(node) => { node.sameNode = true; node.querySelector('.main-svg').sameNode = true; }")
    panel.get_by_role("slider", name="Requests").press("ArrowRight")
    expect(panel.locator(".xtitle")).to_have_text("Input price, 105,000 requests")
    assert plot.evaluate("(node) => node.sameNode && node.querySelector('.main-svg').sameNode")
    expect(plot).to_have_accessible_name("Input against output price of 7 models.")


def test_plotly_is_fetched_once_per_page(panel: Locator, demo_page: Page) -> None:
    forget_traffic(demo_page)
    panel.locator("summary", has_text="Price against output price").click()
    again = rerun(demo_page)
    again.locator("summary", has_text="Price against output price").click()
    expect(again.locator(".xtitle")).to_be_visible()
    received = demo_page.evaluate("window.traffic.reduce((sum, m) => sum + (m.way === 'received' ? m.size : 0), 0)")
    assert received < 200_000


def test_a_chart_that_is_closed_while_plotly_is_on_its_way_leaves_nobody_waiting(notebook: Callable[..., Page]) -> None:
    page = notebook(SHOW)
    live_panel(page).locator("summary", has_text="Price against output price").click()
    again = rerun(page)
    again.locator("summary", has_text="Price against output price").click()
    expect(again.locator(".xtitle")).to_be_visible()


def test_a_figure_follows_the_theme(panel: Locator, demo_page: Page) -> None:
    ink = "(node) => getComputedStyle(node).fill"
    light = panel.locator(".xtitle").evaluate(ink)
    set_theme(demo_page, "Dark")
    expect(panel.locator(".xtitle")).not_to_have_css("fill", light)
    set_theme(demo_page, "Light")
    expect(panel.locator(".xtitle")).to_have_css("fill", light)


def test_clicking_a_point_chooses_it(panel: Locator, demo_page: Page) -> None:
    panel.locator(".js-plotly-plot").scroll_into_view_if_needed()
    box = panel.locator(".js-plotly-plot .point").nth(4).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    demo_page.mouse.move(x - 20, y)
    demo_page.mouse.move(x, y, steps=5)
    expect(panel.locator(".hovertext")).to_be_visible()  # Plotly clicks what it hovers over
    demo_page.mouse.click(x, y)
    expect(panel.locator(".prose .heading")).to_have_text("Haiku 4.5")


def test_hostile_text_in_a_figure_stays_text(panel: Locator, demo_page: Page) -> None:
    assert panel.locator("img, image").count() == 0
    assert demo_page.evaluate("window.hacked") is None


def test_a_figure_without_data_says_so(panel: Locator) -> None:
    panel.get_by_role("textbox", name="Search").fill("no such model")
    expect(panel.locator(".figure-view .empty")).to_have_text("Nothing to show.")
    panel.get_by_role("textbox", name="Search").fill("")
    expect(panel.locator(".xtitle")).to_be_visible()

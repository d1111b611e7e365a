"""Streams side by side in a real JupyterLab: what arrives is read, scrolled and left alone while more arrives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from driving import LOW_CONTRAST, SETTLE_MS, forget_traffic, in_kernel, live_panel, rerun, set_theme

pytestmark = pytest.mark.browser

SHOW = "from demo import HOSTILE, Streams\npanel = Streams()\npanel.start()\npanel"
LONG = "'a line of an answer that goes on\\n' * 60"


@pytest.fixture(scope="module")
def page(notebook: Callable[..., Page]) -> Page:
    return notebook(SHOW)


@pytest.fixture
def panel(page: Page) -> Iterator[Locator]:
    """A fresh panel with four empty lanes; nothing that the page throws goes unnoticed."""
    errors: list[str] = []

    def keep(error: Exception) -> None:
        if "/static/lab/" not in (getattr(error, "stack", "") or ""):
            errors.append(str(error))

    page.on("pageerror", keep)
    yield rerun(page)
    page.remove_listener("pageerror", keep)
    assert errors == []
    assert in_kernel(page, "str(panel.last_error)") == "None"


def lane(panel: Locator, name: str = "GPT-5.1") -> Locator:
    return panel.get_by_role("group", name=name)


def answer(panel: Locator, name: str = "GPT-5.1") -> Locator:
    return lane(panel, name).get_by_role("group", name="answer")


def redraws(page: Page) -> int:
    """How many messages that draw reached the page since `forget_traffic`."""
    return int(
        page.evaluate("""() => window.traffic.filter((message) =>
          message.way === 'received' && /"kind": ?"(draw|patch)"/.test(message.text)).length""")
    )


def from_the_end(box: Locator) -> float:
    return float(box.evaluate("(node) => node.scrollHeight - node.clientHeight - node.scrollTop"))


def test_text_arrives_while_it_is_said(panel: Locator, page: Page) -> None:
    for number, said in enumerate(("The", " sky", " is\n", "\nblue."), 1):
        in_kernel(page, f"panel.say('GPT-5.1', {said!r})")
        whole = "".join(("The", " sky", " is\n", "\nblue.")[:number])
        page.wait_for_function(
            "([node, text]) => node.textContent === text", arg=[answer(panel).element_handle(), whole]
        )
    expect(answer(panel, "Sonnet 4.5")).to_be_empty()


def test_hostile_text_stays_text_wherever_it_stands(panel: Locator, page: Page) -> None:
    in_kernel(page, "panel.say('GPT-5.1', HOSTILE, HOSTILE)")
    in_kernel(page, "panel.set_lane('GPT-5.1', state=HOSTILE, error=HOSTILE, facts=(HOSTILE,))")
    expect(lane(panel).get_by_text("<img src=x onerror")).to_have_count(5)
    in_kernel(page, "panel.redraw()")  # the same by a drawing of the whole
    expect(lane(panel).get_by_text("<img src=x onerror")).to_have_count(5)
    assert panel.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_text_follows_its_end_until_it_is_scrolled_up_and_again_from_there(panel: Locator, page: Page) -> None:
    box = answer(panel)
    in_kernel(page, f"panel.say('GPT-5.1', {LONG})")
    expect(box).to_contain_text("goes on")
    assert from_the_end(box) < 2

    box.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        "(node) => node.scrollHeight - node.clientHeight - node.scrollTop > 200", arg=box.element_handle()
    )
    page.wait_for_timeout(SETTLE_MS)  # the wheel's momentum
    before = box.evaluate("(node) => node.scrollTop")
    in_kernel(page, "panel.say('GPT-5.1', 'said while somebody reads')")
    expect(box).to_contain_text("said while somebody reads")
    in_kernel(page, "panel.redraw()")
    in_kernel(page, "panel.say('GPT-5.1', ' and more')")
    expect(box).to_contain_text("and more")
    assert box.evaluate("(node) => node.scrollTop") == before

    box.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "(node) => node.scrollHeight - node.clientHeight - node.scrollTop < 2", arg=box.element_handle()
    )
    in_kernel(page, f"panel.say('GPT-5.1', {LONG} + 'the last line')")
    expect(box).to_contain_text("the last line")
    assert from_the_end(box) < 2


def test_what_is_selected_stays_selected_while_more_arrives(panel: Locator, page: Page) -> None:
    in_kernel(page, "panel.say('GPT-5.1', 'The sky is blue.')")
    expect(answer(panel)).to_have_text("The sky is blue.")
    answer(panel).evaluate("""(node) => {
      const text = node.firstChild.firstChild;
      getSelection().setBaseAndExtent(text, 4, text, 7);
    }""")
    in_kernel(page, "panel.say('GPT-5.1', ' Mostly.')")
    expect(answer(panel)).to_have_text("The sky is blue. Mostly.")
    assert page.evaluate("getSelection().toString()") == "sky"


def test_reasoning_is_shown_apart_from_the_answer(panel: Locator, page: Page) -> None:
    expect(lane(panel).get_by_role("group", name="reasoning")).to_have_count(0)
    in_kernel(page, "panel.say('GPT-5.1', reasoning='Scattering?')")
    expect(lane(panel).get_by_role("group", name="reasoning")).to_have_text("Scattering?")
    expect(lane(panel).get_by_text("reasoning", exact=True)).to_be_visible()
    expect(answer(panel)).to_be_empty()


def test_a_lane_says_in_words_what_its_colours_say(panel: Locator, page: Page) -> None:
    in_kernel(
        page,
        "panel.set_lane('GPT-5.1', state='done', tone='good', facts=('TTFT 402 ms',), "
        "parts=__import__('demo')._parts(414, 0, 1400))",
    )
    expect(lane(panel)).to_contain_text("SIMULATED")
    expect(lane(panel)).to_contain_text("done")
    expect(lane(panel)).to_contain_text("TTFT 402 ms")
    expect(lane(panel)).to_contain_text("connect 12 ms, wait 402 ms, answer 986 ms")
    expect(panel.locator(".lanes-view .legend")).to_have_text("queueconnectwaitthinkanswertailbars: 0 to 2 s")


def test_bars_of_all_lanes_share_one_scale(panel: Locator, page: Page) -> None:
    def share(name: str) -> float:
        track = lane(panel, name).locator(".track")
        return float(track.evaluate("(node) => node.lastElementChild.clientWidth / node.clientWidth"))

    in_kernel(page, "panel.set_lane('GPT-5.1', parts=__import__('demo')._parts(1012))")
    in_kernel(page, "panel.set_lane('Sonnet 4.5', parts=__import__('demo')._parts(512))")
    expect(lane(panel, "Sonnet 4.5").locator(".part")).to_have_count(2)
    expect(lane(panel).locator(".part")).to_have_count(2)
    assert share("GPT-5.1") == pytest.approx(0.5, abs=0.02)
    assert share("Sonnet 4.5") == pytest.approx(0.25, abs=0.02)
    in_kernel(page, "(setattr(panel, 'scale_ms', 4_000), panel.redraw_soon(('lanes',)))")
    expect(panel.get_by_text("bars: 0 to 4 s")).to_be_visible()
    assert share("GPT-5.1") == pytest.approx(0.25, abs=0.02)


def test_nothing_is_read_out_token_by_token(panel: Locator, page: Page) -> None:
    live = panel.locator("[role=status], [role=alert], [aria-live]")
    expect(live).to_have_count(2)  # the panel's own
    assert panel.locator(".lanes").locator("[role=status], [role=alert], [aria-live]").count() == 0
    page.evaluate("""() => {
      window.said = [];
      const status = document.querySelector('.llmlab.live:not([data-old]) [role=status]');
      window.listener = new MutationObserver(() => window.said.push(status.textContent));
      window.listener.observe(status, { childList: true, characterData: true, subtree: true });
    }""")
    in_kernel(page, "setattr(panel, 'running', True)")
    in_kernel(page, "panel.stream(150)")
    in_kernel(page, "(setattr(panel, 'running', False), panel.redraw_soon())")
    expect(panel.get_by_role("status")).to_have_text("4 lanes.")
    said = page.evaluate("() => { window.listener.disconnect(); return window.said; }")
    assert said == ["Running.", "4 lanes."]


def test_a_closed_view_is_sent_nothing_and_is_whole_when_it_is_opened_again(panel: Locator, page: Page) -> None:
    summary = panel.locator("summary", has_text="Side by side")
    summary.click()
    page.wait_for_timeout(SETTLE_MS)
    forget_traffic(page)
    in_kernel(page, "panel.stream(50)")
    page.wait_for_timeout(SETTLE_MS)
    assert redraws(page) == 0
    summary.click()
    expect(answer(panel)).to_have_text("".join(f"{n} " for n in range(50)))


def test_four_lanes_of_a_hundred_tokens_a_second_lose_nothing_and_are_few_messages(panel: Locator, page: Page) -> None:
    forget_traffic(page)
    seconds = in_kernel(
        page,
        "[(began := __import__('time').monotonic()), panel.stream(500), __import__('time').monotonic() - began][2]",
    )
    whole = "".join(f"{number} " for number in range(500))
    for name in ("Sonnet 4.5", "GPT-5.1", "Llama 3.3 70B", "DeepSeek V3.2"):
        page.wait_for_function(
            "([node, text]) => node.textContent === text", arg=[answer(panel, name).element_handle(), whole]
        )
    assert redraws(page) <= 10 * seconds + 2
    received = page.evaluate("""() => window.traffic
      .filter(({ way, text }) => way === 'received' && text.includes('comm_msg'))
      .reduce((sum, message) => sum + message.size, 0)""")
    assert received < 150_000, "what was added, and not the text so far again and again"


def test_a_message_that_is_lost_leaves_no_hole_in_a_text(panel: Locator, page: Page) -> None:
    in_kernel(page, "panel.say('GPT-5.1', 'one ')")
    expect(answer(panel)).to_have_text("one ")
    in_kernel(
        page,
        "[setattr(panel, 'lanes', panel.lanes | {'GPT-5.1': __import__('dataclasses').replace(panel.lanes['GPT-5.1'], "
        "text='one two ')}), panel._browsers.difference({'lanes': panel.draw_lanes()}, {}, 0)][0]",
    )  # made, and never sent
    in_kernel(page, "panel.say('GPT-5.1', 'three')")
    expect(answer(panel)).to_have_text("one two three")


def test_a_button_that_becomes_unavailable_keeps_the_focus_and_says_why(panel: Locator, page: Page) -> None:
    run = panel.get_by_role("button", name="Run")
    expect(run).to_have_accessible_description("Nothing leaves this machine.")
    run.focus()
    page.keyboard.press("Enter")
    expect(run).to_have_attribute("aria-disabled", "true")
    expect(run).to_be_focused()
    expect(run).to_have_accessible_description("A run is under way: cancel it first.")
    forget_traffic(page)
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status")).to_have_text("A run is under way: cancel it first.")
    assert page.evaluate("window.traffic.filter((m) => m.way === 'sent' && m.text.includes('\"action\"')).length") == 0
    expect(run).not_to_have_attribute("aria-disabled", "true")
    expect(run).to_be_focused()
    expect(panel.get_by_role("button", name="Cancel")).to_have_attribute("aria-disabled", "true")


def test_a_run_shows_how_far_it_is_and_then_no_more(panel: Locator, page: Page) -> None:
    bar = panel.get_by_role("progressbar")
    expect(bar).to_have_count(0)
    in_kernel(page, "setattr(panel, 'progress', (0.25, '1 of 4 calls'))")
    expect(bar).to_have_accessible_name("1 of 4 calls")
    expect(bar).to_have_attribute("aria-valuenow", "25")
    in_kernel(page, "setattr(panel, 'progress', (None, 'loading LiteLLM'))")
    expect(bar).to_have_accessible_name("loading LiteLLM")
    assert bar.get_attribute("aria-valuenow") is None
    page.emulate_media(reduced_motion="reduce")
    expect(bar.locator(".done")).to_have_css("animation-name", "none")
    page.emulate_media(reduced_motion="no-preference")
    in_kernel(page, "setattr(panel, 'progress', None)")
    expect(bar).to_have_count(0)


def test_keys_stay_in_the_prompt(panel: Locator, page: Page) -> None:
    cells = page.locator(".jp-Cell")
    before = cells.count()
    prompt = panel.get_by_role("textbox", name="Prompt", exact=True)
    expect(prompt).to_have_accessible_description("Sent to all.")
    prompt.fill("")
    prompt.press_sequentially("add b below")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Control+Enter")
    prompt.press_sequentially("dd x")
    expect(prompt).to_have_value(re.compile(r"^add b below\n+dd x$"))
    page.keyboard.press("ArrowUp")
    expect(prompt).to_be_focused()
    page.wait_for_timeout(SETTLE_MS)
    assert in_kernel(page, "panel.prompt") == prompt.input_value()
    expect(cells).to_have_count(before)
    expect(panel).to_have_count(1)  # Control+Enter has not run its cell again


def test_a_prompt_is_sent_when_typing_pauses_and_before_the_next_button(panel: Locator, page: Page) -> None:
    prompt = panel.get_by_role("textbox", name="Prompt", exact=True)
    prompt.fill("")
    page.wait_for_timeout(SETTLE_MS)
    forget_traffic(page)
    prompt.press_sequentially("Why is the sea salt?")
    panel.get_by_role("button", name="Run").click()
    expect(panel.get_by_role("button", name="Cancel")).not_to_have_attribute("aria-disabled", "true")
    assert in_kernel(page, "panel.prompt") == "Why is the sea salt?"
    updates = page.evaluate("window.traffic.filter((m) => m.way === 'sent' && m.text.includes('\"prompt\"')).length")
    assert updates < len("Why is the sea salt?")
    expect(panel.get_by_role("button", name="Run")).not_to_have_attribute("aria-disabled", "true")


def test_bytes_are_saved_as_they_are(panel: Locator, page: Page) -> None:
    with page.expect_download() as saving:
        panel.get_by_role("button", name="Save as Parquet").click()
    assert saving.value.suggested_filename == "runs.parquet"
    assert saving.value.path().read_bytes() == b"PAR1\x00\xff"


def test_a_new_run_starts_with_empty_lanes(panel: Locator, page: Page) -> None:
    in_kernel(page, f"panel.say('GPT-5.1', {LONG})")
    expect(answer(panel)).to_contain_text("goes on")
    in_kernel(page, "panel.start()")
    expect(answer(panel)).to_be_empty()
    in_kernel(page, f"panel.say('GPT-5.1', {LONG} + 'at the end')")
    expect(answer(panel)).to_contain_text("at the end")
    assert from_the_end(answer(panel)) < 2, "it follows its end again"


def test_the_snapshot_has_the_text_once_the_run_is_quiet(panel: Locator, page: Page) -> None:
    in_kernel(page, "panel.say('GPT-5.1', 'The sky is blue.')")
    expect(answer(panel)).to_have_text("The sky is blue.")
    expect(page.locator(".llmlab-snapshot")).to_contain_text("The sky is blue.")


def test_a_second_view_of_the_panel_has_all_of_it_and_goes_on_with_it(notebook: Callable[..., Page]) -> None:
    page = notebook(SHOW)
    first = live_panel(page)
    in_kernel(page, "panel.say('GPT-5.1', 'one ')")
    in_kernel(page, "setattr(panel, 'progress', (0.5, 'half'))")
    expect(answer(first)).to_have_text("one ")
    page.evaluate("""async () => {
      const { shell, commands } = window.jupyterapp;
      const notebook = shell.currentWidget;
      window.backToNotebook = () => shell.activateById(notebook.id);
      await commands.execute('notebook:create-output-view');
      window.backToNotebook();
    }""")
    second = page.get_by_role("tabpanel", name="Output View").locator(".llmlab.live")
    expect(answer(second)).to_have_text("one ")
    expect(second.get_by_role("progressbar")).to_have_accessible_name("half")
    in_kernel(page, "panel.say('GPT-5.1', 'two ')")
    for one in (first, second):
        expect(answer(one)).to_have_text("one two ")
    second.locator("summary", has_text="Side by side").click()
    expect(answer(second)).to_have_count(0)
    page.evaluate("window.backToNotebook()")
    page.wait_for_timeout(SETTLE_MS)
    in_kernel(page, "panel.say('GPT-5.1', 'three')")
    expect(answer(first)).to_have_text("one two three")
    second.locator("summary", has_text="Side by side").click()
    expect(answer(second)).to_have_text("one two three")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_text_reads_at_four_and_a_half_to_one(panel: Locator, page: Page, theme: str) -> None:
    set_theme(page, theme)
    in_kernel(page, "panel.say('GPT-5.1', 'An answer', 'A thought')")
    in_kernel(
        page, "panel.set_lane('GPT-5.1', error='cut', tone='bad', parts=__import__('demo')._parts(700, 1000, 1900))"
    )
    in_kernel(page, "setattr(panel, 'progress', (0.5, 'half'))")
    expect(lane(panel).get_by_text("cut")).to_be_visible()
    expect(panel.get_by_role("progressbar")).to_be_visible()
    low = panel.evaluate(LOW_CONTRAST)
    set_theme(page, "Light")
    assert low == []


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_runs_over_the_side_of_a_pane(panel: Locator, page: Page, width: int) -> None:
    in_kernel(page, "panel.say('GPT-5.1', 'x' * 500, 'y' * 500)")
    in_kernel(page, "panel.set_lane('GPT-5.1', state='s' * 90, error='e' * 90, parts=__import__('demo')._parts(9_999))")
    expect(answer(panel)).to_contain_text("xxx")
    was = page.viewport_size or {"width": 1400, "height": 1000}
    for _ in range(2):  # JupyterLab's own margins change on the way
        view, pane = page.evaluate("window.innerWidth"), panel.evaluate("(node) => node.clientWidth")
        page.set_viewport_size({"width": view + width - pane, "height": was["height"]})
        page.wait_for_timeout(200)
    inside, needed = panel.evaluate("(node) => [node.clientWidth, node.scrollWidth]")
    columns = len({box.evaluate("(node) => node.offsetLeft") for box in panel.locator(".lane").all()})
    page.set_viewport_size(was)
    assert abs(inside - width) <= 10
    assert needed <= inside
    assert columns == (1 if width == 400 else 4)

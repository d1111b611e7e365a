"""Lanes as values: what they refuse, what of them is sent, and that patches and drawings lead to the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import HOSTILE
from llmlab.widgets.lanes import Lane, LaneChange, Lanes, LanesPatch
from llmlab.widgets.views import Badge, Cards, Cell, Segment, Series

WAIT, ANSWER = Series("wait", "wait"), Series("answer", "answer")
LANE = Lane(
    "a",
    "Sonnet 4.5",
    (Badge("SIMULATED"),),
    state="answering",
    reasoning="Hm.",
    text="The sky",
    parts=(Segment("wait", 402, "402 ms"),),
    facts=("TTFT 402 ms", Cell("$0.0012", title="12 tokens")),
)
LANES = Lanes((LANE, Lane("b", "GPT-5.1")), (WAIT, ANSWER), 2_000)


def after(lanes: Lanes, patch: LanesPatch) -> Lanes:
    """The lanes as a browser has them that applies the patch, by the words of `LaneChange`."""
    known = {lane.key: lane for lane in lanes.lanes}
    for change in patch.changes:
        old = known[change.key]
        said = {name: getattr(change, name) for name in ("state", "tone", "parts", "facts", "error")}
        kept = {name: value for name, value in said.items() if value is not None}
        known[change.key] = replace(
            old, text=old.text + change.text, reasoning=old.reasoning + change.reasoning, **kept
        )
    return replace(lanes, lanes=tuple(known.values()), scale_ms=patch.scale_ms or lanes.scale_ms)


def test_text_that_grew_is_sent_as_what_was_added() -> None:
    later = replace(LANES, lanes=(replace(LANE, text="The sky is blue", reasoning="Hm. Yes."), LANES.lanes[1]))
    assert later.change_since(LANES) == LanesPatch((LaneChange("a", text=" is blue", reasoning=" Yes."),))


def test_a_patch_holds_nothing_that_stayed_as_it_was() -> None:
    patch = replace(LANES, lanes=(replace(LANE, text="The sky is"), LANES.lanes[1])).change_since(LANES)
    assert patch is not None
    assert patch.to_json() == {"changes": [{"key": "a", "text": " is"}]}


def test_what_is_emptied_is_sent_and_not_left_out() -> None:
    emptied = replace(LANE, state="", parts=(), facts=(), error="")
    patch = replace(LANES, lanes=(emptied, LANES.lanes[1])).change_since(LANES)
    assert patch is not None
    assert patch.to_json() == {"changes": [{"key": "a", "state": "", "parts": [], "facts": []}]}


def test_nothing_is_sent_of_what_did_not_change() -> None:
    patch = replace(LANES).change_since(LANES)
    assert patch is not None
    assert patch.to_json() == {}


@pytest.mark.parametrize(
    "later",
    [
        replace(LANES, lanes=LANES.lanes[:1]),
        replace(LANES, lanes=(*LANES.lanes[::-1],)),
        replace(LANES, lanes=(replace(LANE, text="A sky"), LANES.lanes[1])),
        replace(LANES, lanes=(replace(LANE, reasoning=""), LANES.lanes[1])),
        replace(LANES, lanes=(replace(LANE, badges=()), LANES.lanes[1])),
        replace(LANES, phases=(WAIT, ANSWER, Series("tail", "tail"))),
        replace(LANES, caption="Another run"),
    ],
    ids=["fewer lanes", "another order", "other text", "text taken back", "other badges", "other phases", "caption"],
)
def test_where_a_patch_would_not_do_there_is_none(later: Lanes) -> None:
    assert later.change_since(LANES) is None


def test_another_kind_of_view_is_not_patched() -> None:
    assert Cards(()).change_since(Cards(())) is None
    assert LANES.change_since(Cards(())) is None


@st.composite
def lanes_that_go_on(draw: st.DrawFn) -> tuple[Lanes, Lanes]:
    """Lanes, and the same a little later."""
    words, tones = st.text(max_size=8), st.sampled_from(["", "good", "bad"])
    milliseconds = st.floats(0.1, 1e6)
    parts = st.lists(st.builds(Segment, st.sampled_from(["wait", "answer"]), milliseconds, words), max_size=2).map(
        tuple
    )
    facts = st.lists(words, max_size=2).map(tuple)

    def fields() -> dict[str, Any]:
        return {
            "state": draw(words),
            "tone": draw(tones),
            "parts": draw(parts),
            "facts": draw(facts),
            "error": draw(words),
        }

    before = [Lane(key, key, text=draw(words), reasoning=draw(words), **fields()) for key in "abc"]
    later = [
        replace(one, text=one.text + draw(words), reasoning=one.reasoning + draw(words), **fields()) for one in before
    ]
    return (
        Lanes(tuple(before), (WAIT, ANSWER), draw(milliseconds)),
        Lanes(tuple(later), (WAIT, ANSWER), draw(milliseconds)),
    )


@given(lanes_that_go_on())
def test_an_earlier_drawing_and_the_patch_are_the_later_drawing(both: tuple[Lanes, Lanes]) -> None:
    earlier, later = both
    patch = later.change_since(earlier)
    assert patch is not None
    assert after(earlier, patch) == later


def test_a_lane_key_is_there_once() -> None:
    with pytest.raises(ValueError, match="two lanes have the same key"):
        Lanes((LANE, LANE), (WAIT,), 1_000)


def test_a_part_must_belong_to_a_phase() -> None:
    with pytest.raises(ValueError, match="lane 'a' has a part of phase 'wait'"):
        Lanes((LANE,), (ANSWER,), 1_000)


@pytest.mark.parametrize("scale_ms", [0, -1, float("nan"), float("inf")])
def test_a_time_scale_has_a_length(scale_ms: float) -> None:
    with pytest.raises(ValueError, match="the time scale of lanes must be above 0 ms"):
        Lanes((), (), scale_ms)


def test_lanes_are_plain_json() -> None:
    assert json.loads(json.dumps(LANES.to_json())) == LANES.to_json()


def test_the_snapshot_says_what_the_lanes_say() -> None:
    html = LANES.to_html()
    for words in ("Sonnet 4.5 [SIMULATED]", "answering", "wait 402 ms", "TTFT 402 ms", "$0.0012", "Hm.", "The sky"):
        assert words in html
    assert Lanes((), (), 1, empty="Press Run.").to_html() == "<p>Press Run.</p>"


def test_hostile_text_is_escaped_in_the_snapshot() -> None:
    lane = Lane(
        "a", HOSTILE, (Badge(HOSTILE),), state=HOSTILE, reasoning=HOSTILE, text=HOSTILE, error=HOSTILE,
        parts=(Segment("s", 1, HOSTILE),), facts=(HOSTILE,),
    )  # fmt: skip
    html = Lanes((lane,), (Series("s", HOSTILE),), 1, caption=HOSTILE).to_html()
    assert "<img" not in html
    assert html.count("&lt;img") == 10

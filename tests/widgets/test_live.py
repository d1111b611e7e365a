"""A panel that something in the background keeps changing: what it sends, how often, and to whom. No browser here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from demo import Recording, Streams
from llmlab.errors import UnknownNameError
from llmlab.widgets.lanes import LaneChange, LanesPatch
from llmlab.widgets.panel import Action, Panel, View
from llmlab.widgets.views import Text


class Recorded(Recording, Streams):
    """The streams, keeping what they would have sent to a browser."""

    def lane_texts(self) -> dict[str, str]:
        """The text of each lane in a browser that has heard all messages so far."""
        texts: dict[str, str] = {}
        for message in self.told("draw", "patch"):
            views = message["views"]
            whole = views.get("lanes") if message["kind"] == "draw" else None
            change = (message["patches"] if message["kind"] == "draw" else views).get("lanes", {})
            if whole:
                texts = {lane["key"]: lane.get("text", "") for lane in whole["lanes"]}
            for lane in change.get("changes", ()):
                texts[lane["key"]] += lane.get("text", "")
        return texts


@pytest.fixture
def panel() -> Iterator[Recorded]:
    """A panel with four empty lanes that a browser shows."""
    panel = Recorded()
    panel.start()
    panel.hear(kind="hello", views=["lanes"])
    panel.settle()
    panel.sent.clear()
    yield panel
    panel.close()


def test_four_lanes_of_a_hundred_tokens_a_second_are_ten_messages_a_second(panel: Recorded) -> None:
    panel.hear(kind="hello", views=["lanes"])
    began = time.monotonic()
    panel.stream(100)
    panel.settle()
    seconds = time.monotonic() - began
    assert panel.lane_texts() == {label: "".join(f"{n} " for n in range(100)) for label in panel.labels}
    assert len(panel.told("draw", "patch")) <= 10 * seconds + 2
    assert {message["kind"] for message in panel.sent[1:]} == {"patch"}


def test_what_was_said_last_is_sent(panel: Recorded) -> None:
    panel.hear(kind="hello", views=["lanes"])
    for number in range(1_000):
        panel.say("GPT-5.1", f"{number} ")
    panel.settle()
    assert panel.lane_texts()["GPT-5.1"].endswith(" 999 ")
    assert len(panel.sent) < 100


def test_a_redraw_draws_the_named_views_only(panel: Recorded) -> None:
    panel.hear(kind="open", views=["cards", "words"])
    panel.sent.clear()
    panel.redraw_soon(("cards",))
    panel.settle()
    assert [sorted(message["views"]) for message in panel.sent] == [["cards"]]


def test_a_redraw_of_all_draws_all_that_are_open_in_one_message(panel: Recorded) -> None:
    panel.hear(kind="open", views=["cards"])
    panel.sent.clear()
    panel.say("GPT-5.1", "The")
    panel.redraw_soon()
    panel.settle()
    message = panel.sent[-1]
    assert (message["kind"], list(message["views"])) == ("draw", ["cards"])
    patched = [m for m in panel.sent if "lanes" in (m["patches"] if m["kind"] == "draw" else m["views"])]
    assert len(patched) == 1


def test_a_view_that_is_closed_is_sent_neither_drawing_nor_patch(panel: Recorded) -> None:
    panel.hear(kind="close", view="lanes")
    panel.sent.clear()
    panel.say("GPT-5.1", "The")
    panel.settle()
    panel.patch("lanes", LanesPatch((LaneChange("GPT-5.1", text=" sky"),)))
    assert panel.sent == []


def test_a_view_that_is_opened_again_is_drawn_whole_and_as_it_is_now(panel: Recorded) -> None:
    panel.hear(kind="close", view="lanes")
    panel.say("GPT-5.1", "The sky")
    panel.settle()
    panel.hear(kind="open", views=["lanes"])
    assert panel.lane_texts()["GPT-5.1"] == "The sky"
    panel.say("GPT-5.1", " is")
    panel.settle()
    assert panel.lane_texts()["GPT-5.1"] == "The sky is"


def test_nothing_is_drawn_in_the_background_before_a_browser_asks() -> None:
    panel = Recorded()
    panel.start()
    panel.settle()
    assert panel.sent == []


def test_nothing_new_is_no_message(panel: Recorded) -> None:
    panel.redraw_soon(("lanes",))
    panel.settle()
    assert panel.sent == []


def test_a_patch_by_hand_is_one_small_message_and_the_next_drawing_is_whole(panel: Recorded) -> None:
    lane = replace(panel.lanes["GPT-5.1"], text="The")
    with panel.hold_changes():
        panel.lanes = {**panel.lanes, "GPT-5.1": lane}
        panel.patch("lanes", LanesPatch((LaneChange("GPT-5.1", text="The"),)))
    assert [(m["kind"], m["views"]) for m in panel.sent] == [
        ("patch", {"lanes": {"changes": [{"key": "GPT-5.1", "text": "The"}]}})
    ]
    panel.redraw_soon(("lanes",))
    panel.settle()
    shown = panel.told("draw")[-1]["views"]["lanes"]["lanes"]
    assert [lane.get("text") for lane in shown] == [None, "The", None, None]


def test_a_patch_of_a_view_that_is_not_there_is_answered_with_the_nearest(panel: Recorded) -> None:
    with pytest.raises(UnknownNameError, match="did you mean lanes?"):
        panel.patch("lane", LanesPatch())


def test_a_redraw_of_a_view_that_is_not_there_is_shown_and_not_raised(panel: Recorded) -> None:
    panel.redraw_soon(("lane",))
    panel.settle()
    assert "did you mean lanes?" in str(panel.last_error)
    assert panel.sent[-1]["kind"] == "error"


def test_what_a_drawing_in_the_background_raises_is_shown_and_goes_away(panel: Recorded) -> None:
    panel.scale_ms = 0
    panel.redraw_soon(("lanes",))
    panel.settle()
    assert panel.sent[-1]["failed"] == ["lanes"]
    assert "the time scale" in panel.sent[-1]["error"]
    panel.scale_ms = 2_000
    panel.redraw_soon(("lanes",))
    panel.settle()
    assert (panel.last_error, panel.sent[-1]["error"]) == (None, None)


def test_an_error_that_is_not_of_a_drawing_stays_while_a_run_draws(panel: Recorded) -> None:
    panel.hear(kind="action", name="rum")
    panel.say("GPT-5.1", "The")
    panel.settle()
    assert panel.sent[-1]["kind"] == "patch"
    assert "did you mean run?" in panel.sent[-1]["error"]
    panel.hear(kind="action", name="save")
    assert (panel.last_error, panel.sent[-1]["error"]) == (None, None)


def test_a_drawing_that_fails_ten_times_a_second_is_logged_once(
    panel: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    panel.lanes["GPT-5.1"] = None  # type: ignore[assignment]  # the mistake
    for _ in range(3):
        panel.redraw_soon(("lanes",))
        panel.settle()
    assert len(panel.told("draw")) == 3
    assert len(caplog.records) == 1


def test_a_closed_panel_is_left_alone_and_leaves_no_thread(panel: Recorded) -> None:
    panel.say("GPT-5.1", "The")
    panel.settle()
    panel.say("GPT-5.1", " sky")
    waiting = panel._pacer._thread
    panel.close()
    panel.sent.clear()
    panel.say("GPT-5.1", " is")
    panel.progress = (0.5, "half")
    panel.patch("lanes", LanesPatch((LaneChange("GPT-5.1", text=" is"),)))
    if waiting:
        waiting.join(20)
        assert not waiting.is_alive()
    assert panel._pacer._thread is None
    assert panel.sent == []


def test_a_panel_may_be_closed_while_others_write_to_it() -> None:
    raised: list[BaseException] = []

    def write(panel: Recorded) -> None:
        try:
            panel.stream(20, per_second=2_000)
        except BaseException as error:  # noqa: BLE001  what is looked for
            raised.append(error)

    for _ in range(20):
        panel = Recorded()
        panel.start()
        panel.hear(kind="hello", views=["lanes"])
        writer = threading.Thread(target=write, args=(panel,))
        writer.start()
        panel.close()
        writer.join()
        assert (raised, panel.last_error) == ([], None)


def test_a_panel_that_comes_back_shows_what_happened_meanwhile(panel: Recorded) -> None:
    panel.close()
    panel.say("GPT-5.1", "The sky")
    panel.reopen()
    panel.hear(kind="hello", views=["lanes"])
    assert panel.lane_texts()["GPT-5.1"] == "The sky"


def test_messages_that_draw_are_numbered_without_a_gap(panel: Recorded) -> None:
    panel.hear(kind="hello", views=["lanes", "cards"])
    panel.say("GPT-5.1", "The")
    panel.settle()
    panel.tokens = 5
    panel.progress = (0.1, "a tenth")
    panel.settle()
    numbers = [message["number"] for message in panel.told("draw", "patch")]
    assert len(numbers) >= 4
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_second_browser_is_sent_the_whole_and_all_that_stands_beside_it(panel: Recorded) -> None:
    panel.say("GPT-5.1", "The sky")
    panel.progress = (0.5, "1 of 2 calls")
    panel.settle()
    panel.sent.clear()
    panel.hear(kind="hello", views=["lanes"])
    message = panel.sent[0]
    assert panel.lane_texts()["GPT-5.1"] == "The sky"
    assert message["progress"] == (0.5, "1 of 2 calls")
    assert (message["unavailable"], message["status"]) == ({"cancel": "Nothing is running."}, "4 lanes.")


def test_a_browser_hears_what_another_has_closed_so_that_it_can_ask_for_it(panel: Recorded) -> None:
    panel.hear(kind="hello", views=["cards"])
    assert panel.sent[-1] == {"kind": "hidden", "error": None, "views": ["lanes"]}
    panel.hear(kind="open", views=["lanes"])
    panel.hear(kind="close", view="cards")
    assert panel.sent[-1] == {"kind": "hidden", "error": None, "views": ["cards"]}


def test_progress_is_sent_alone_and_only_when_it_changes(panel: Recorded) -> None:
    panel.progress = (0.5, "1 of 2 calls")
    panel.settle()
    panel.progress = (0.5, "1 of 2 calls")
    panel.settle()
    panel.progress = None
    panel.settle()
    assert [(m["kind"], m["views"], m["progress"]) for m in panel.sent] == [
        ("patch", {}, (0.5, "1 of 2 calls")),
        ("patch", {}, None),
    ]


def test_progress_may_be_of_unknown_length_but_not_beyond_its_end(panel: Recorded) -> None:
    panel.progress = (None, "loading LiteLLM")
    with pytest.raises(ValueError, match=r"from 0 to 1, not 1\.5"):
        panel.progress = (1.5, "more than all")
    assert panel.progress == (None, "loading LiteLLM")


def test_what_cannot_be_done_is_sent_when_it_changes(panel: Recorded) -> None:
    panel.running = True
    panel.say("GPT-5.1", "The")
    panel.settle()
    panel.say("GPT-5.1", " sky")
    panel.settle()
    said = [message.get("unavailable") for message in panel.told("patch")]
    assert said == [{"run": "A run is under way: cancel it first."}, None]


def test_an_action_says_at_once_what_can_be_done_next(panel: Recorded) -> None:
    panel.running = True
    panel.redraw_soon(())
    panel.settle()
    panel.hear(kind="action", name="cancel")
    assert panel.told("patch")[-1]["unavailable"] == {"cancel": "Nothing is running."}
    assert panel.sent[-1]["kind"] == "did"


def test_an_action_that_is_unavailable_is_not_done_but_answered(panel: Recorded) -> None:
    panel.hear(kind="action", name="cancel")
    assert panel.sent == [{"kind": "did", "error": None, "status": "Nothing is running."}]


def test_a_reason_for_an_action_that_is_not_there_is_an_error_on_screen() -> None:
    class Wrong(Recording, Panel):
        views = (View("x", kind="text", title="X"),)
        actions = (Action("run", "Run"),)

        def draw_x(self) -> Text:
            return Text(("x",))

        def on_run(self) -> None: ...

        def unavailable(self) -> dict[str, str]:
            return {"rum": "no"}

    panel = Wrong()
    panel.hear(kind="hello", views=["x"])
    assert "unknown action 'rum'; did you mean run?" in str(panel.last_error)
    assert list(panel.sent[-1]["views"]) == ["x"], "the views are drawn all the same"


def test_bytes_are_downloaded_as_they_are(panel: Recorded) -> None:
    panel.buffers.clear()
    panel.hear(kind="action", name="save")
    assert panel.sent[-1] == {"kind": "did", "error": None, "file": "runs.parquet", "status": "Saved as runs.parquet."}
    assert panel.buffers[-1] == [b"PAR1\x00\xff"]


def test_a_browser_with_every_view_folded_is_answered() -> None:
    panel = Recorded()
    panel.hear(kind="hello", views=[])
    assert [(message["kind"], message["views"]) for message in panel.sent] == [("draw", {})]


def test_messages_and_drawings_from_many_threads_keep_their_order(panel: Recorded) -> None:
    panel.hear(kind="hello", views=["lanes"])

    def look() -> None:
        for _ in range(50):
            panel.hear(kind="open", views=["lanes"])

    def move() -> None:
        for tokens in range(1, 50):
            panel.set_state({"tokens": tokens})

    others: list[Any] = [threading.Thread(target=look), threading.Thread(target=move)]
    for other in others:
        other.start()
    panel.stream(100, per_second=500)
    for other in others:
        other.join()
    panel.settle()
    assert panel.lane_texts() == {label: "".join(f"{n} " for n in range(100)) for label in panel.labels}
    assert panel.last_error is None

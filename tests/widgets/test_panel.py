"""What a panel sends, when, and what it does with what the browser says. No browser here: messages go in by hand."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from traitlets import TraitError

from demo import Demo, Recording
from llmlab.errors import UnknownNameError
from llmlab.widgets.panel import Action, Panel, View
from llmlab.widgets.views import Text


class Recorded(Recording, Demo):
    """The demo, keeping what it would have sent to a browser."""

    def draws(self) -> list[dict[str, Any]]:
        return self.told("draw")


@pytest.fixture
def panel() -> Recorded:
    """A panel that a browser shows with three views open."""
    panel = Recorded()
    panel.hear(kind="hello", views=["bars", "table", "code"])
    panel.sent.clear()
    panel.drawn.clear()
    return panel


def test_nothing_is_drawn_until_a_browser_asks() -> None:
    panel = Recorded()
    panel.requests = 5
    assert (panel.drawn, panel.sent) == ([], [])


def test_one_change_is_one_message_with_the_open_views_only(panel: Recorded) -> None:
    panel.requests = 5
    assert panel.drawn == ["bars", "table", "code"]
    assert [list(message["views"]) for message in panel.draws()] == [["bars", "table", "code"]]


def test_several_changes_at_once_are_one_redraw(panel: Recorded) -> None:
    with panel.hold_changes():
        panel.requests = 5
        panel.batch = True
    with panel.hold_trait_notifications():
        panel.requests = 6
        panel.batch = False
    panel.set_state({"requests": 7, "batch": True})
    assert len(panel.draws()) == 3


def test_a_change_that_an_observer_makes_is_part_of_the_same_redraw(panel: Recorded) -> None:
    panel.observe(lambda change: setattr(panel, "batch", change["new"] > 10), names="requests")
    panel.requests = 20
    assert len(panel.draws()) == 1


def test_an_invalid_value_takes_the_whole_block_back(panel: Recorded) -> None:
    with pytest.raises(TraitError), panel.hold_changes():
        panel.requests = 5
        panel.output_tokens = -1
    assert panel.requests == 100_000
    assert panel.draws() == []


def test_opening_a_view_draws_it_alone_and_closing_it_stops_that(panel: Recorded) -> None:
    panel.hear(kind="open", views=["pareto"])
    assert panel.drawn == ["pareto"]
    panel.hear(kind="close", view="pareto")
    panel.requests = 5
    assert panel.drawn.count("pareto") == 1


def test_a_second_browser_gets_what_is_already_drawn(panel: Recorded) -> None:
    panel.hear(kind="hello", views=["bars", "table", "code"])
    assert panel.drawn == []
    assert list(panel.draws()[-1]["views"]) == ["bars", "table", "code"]


def test_clicking_a_header_sorts_by_it_and_clicking_again_turns_it_round(panel: Recorded) -> None:
    def first_row() -> str:
        return str(panel.draws()[-1]["views"]["table"]["rows"][0]["key"])

    panel.hear(kind="sort", view="table", key="model")
    assert (panel.sort_of("table"), first_row()) == (("model", False), "DeepSeek V3.2")
    panel.hear(kind="sort", view="table", key="model")
    assert (panel.sort_of("table"), first_row()) == (("model", True), "Sonnet 4.5")
    assert panel.drawn == ["table", "table"], "the other views do not depend on it"


def test_show_more_doubles_the_rows(panel: Recorded) -> None:
    panel.hear(kind="more", view="table")
    assert len(panel.draws()[-1]["views"]["table"]["rows"]) == 7
    assert panel.limit_of("table") == 8


def test_a_chosen_row_is_marked_and_may_be_used_by_other_views(panel: Recorded) -> None:
    panel.hear(kind="select", view="table", row="Haiku 4.5")
    assert panel.draws()[-1]["views"]["table"]["selected"] == "Haiku 4.5"
    assert panel.selected_of("table") == "Haiku 4.5"


def test_a_view_that_cannot_be_drawn_leaves_the_others_alone(panel: Recorded) -> None:
    panel.hear(kind="open", views=["broken"])
    panel.requests = 5
    message = panel.draws()[-1]
    assert message["failed"] == ["broken"]
    assert list(message["views"]) == ["bars", "table", "code"]
    assert message["error"] == "Breaks below 10 requests: fewer than 10 requests: raise Requests to 10 or more"
    panel.requests = 50
    assert (panel.last_error, panel.draws()[-1]["error"]) == (None, None)


def test_an_error_of_a_view_is_not_wiped_by_the_success_of_another(panel: Recorded) -> None:
    panel.hear(kind="open", views=["broken"])
    panel.requests = 5
    panel.hear(kind="open", views=["pareto"])
    assert panel.draws()[-1]["error"] is not None


def test_what_a_handler_raises_is_shown_and_kept(panel: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    panel.hear(kind="action", name="fail")
    assert isinstance(panel.last_error, RuntimeError)
    assert panel.sent[-1] == {"kind": "error", "error": "RuntimeError: this button always fails"}
    assert "this button always fails" in caplog.text, "with its traceback, for whoever wrote the handler"
    panel.hear(kind="action", name="save")
    assert panel.last_error is None


def test_a_value_from_the_browser_that_is_not_allowed_is_shown_and_taken_back(panel: Recorded) -> None:
    panel.set_state({"requests": "lots"})
    assert isinstance(panel.last_error, TraitError)
    assert panel.sent[-1]["error"].startswith("Requests (requests) cannot be 'lots'")
    assert panel.requests == 100_000


def test_an_action_hands_over_text_or_a_file(panel: Recorded) -> None:
    panel.hear(kind="action", name="copy_tsv")
    assert panel.sent[-1]["clipboard"].startswith("Opus 4.5\t3250.00")
    panel.hear(kind="action", name="save")
    assert (panel.sent[-1]["file"], panel.sent[-1]["download"]) == ("demo.yaml", "requests: 100000\n")


def test_a_file_is_handed_to_its_handler_and_kept_by_name_if_accepted(panel: Recorded) -> None:
    panel.hear(kind="file", name="overrides", file="a.yaml", text="nonsense")
    assert str(panel.last_error) == "a.yaml: no `models:` in it"
    assert panel.overrides == ""
    panel.hear(kind="file", name="overrides", file="b.yaml", text="models: []")
    assert panel.overrides == "b.yaml"
    assert len(panel.draws()) == 1
    assert panel.to_code() == "Recorded()  # with b.yaml opened by hand"


@pytest.mark.parametrize(
    "message",
    [
        {"kind": "nonsense"},
        {"kind": "sort", "view": "tabel", "key": "model"},
        {"kind": "action", "name": "to_code"},
        {"kind": "file", "name": "requests", "file": "x", "text": ""},
    ],
)
def test_a_message_that_makes_no_sense_is_an_error_on_screen(panel: Recorded, message: dict[str, Any]) -> None:
    panel.hear(**message)
    assert panel.last_error is not None
    assert panel.sent[-1]["kind"] == "error"


def test_the_code_of_a_panel_makes_an_equal_one() -> None:
    panel = Demo(requests=5, batch=True, cache_hit_rate=0.35, providers=("openai",), search="it's")
    again = eval(panel.to_code(), {"Demo": Demo})
    assert {name: getattr(again, name) for name in Demo._controls} == {
        name: getattr(panel, name) for name in Demo._controls
    }
    assert Demo().to_code() == "Demo()"
    long = Demo(
        requests=1, input_tokens=101, output_tokens=20, cache_hit_rate=0.5, cache_ttl="1h", batch=True, search="x"
    )
    assert long.to_code().splitlines()[:2] == ["Demo(", "    requests=1,"]


def test_a_class_that_lacks_a_method_it_declares_is_refused_when_it_is_defined() -> None:
    declared = {"views": (View("bars", kind="text", title="B"),), "actions": (Action("save", "Save"),)}
    with pytest.raises(TypeError, match="draw_bars, on_save"):
        type("Bad", (Panel,), declared)
    with pytest.raises(UnknownNameError, match="unknown kind of view 'bar'; did you mean bars?"):
        type("Bad", (Panel,), {"views": (View("x", kind="bar", title="B"),), "draw_x": lambda self: None})


def test_a_payload_of_the_wrong_kind_is_an_error_on_screen(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong(Panel):
        views = (View("x", kind="bars", title="X"),)

        def draw_x(self) -> Text:
            return Text(("not bars",))

    panel = Wrong()
    panel._handle_custom_msg({"kind": "hello", "views": ["x"]}, [])
    assert "draw_x must return what a bars view shows, not Text" in str(panel.last_error)


def test_saved_widget_state_holds_no_drawings(panel: Recorded) -> None:
    synced = set(panel.keys) - set(Demo._controls)
    assert {name for name in synced if not name.startswith("_")} <= {"layout", "tabbable", "tooltip"}
    assert "Sonnet" not in str(panel.get_state())


def test_a_cell_and_the_browser_may_change_a_panel_at_the_same_time(panel: Recorded) -> None:
    def from_the_browser() -> None:
        for requests in range(1, 60):
            panel.set_state({"requests": requests})

    browser = threading.Thread(target=from_the_browser)
    browser.start()
    for output_tokens in range(10, 600, 10):
        panel.output_tokens = output_tokens
    browser.join()
    assert panel.last_error is None
    assert panel.draws()[-1]["views"]["code"]["code"] == "Recorded(requests=59, output_tokens=590)"
    assert [message["rev"] for message in panel.draws()] == sorted({message["rev"] for message in panel.draws()})


def test_outside_a_kernel_a_panel_prints_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    Demo(requests=5)._ipython_display_()
    assert capsys.readouterr().out == "Demo(requests=5)\n"

"""The board: whatever order events come in, a lane shows one call and every record is kept."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from playground_records import MS, QUICK, SLOW, START, call, failed

from llmlab.catalog import load_catalog
from llmlab.measurement import MeasurementEvent, Plan, Preparing, Progress, Question, Recorded
from llmlab.measurement.plan import plan
from llmlab.measurement.targets import resolve
from llmlab.widgets.playground_board import Board

QUESTION = Question(prompts=("say it",))
UNHURRIED = settings(deadline=None, max_examples=50)


def made_plan(*names: str, runs: int = 3) -> Plan:
    return plan(resolve(names or (QUICK, SLOW), load_catalog()), QUESTION, runs=runs)


def begun(*names: str, runs: int = 3) -> Board:
    board = Board()
    board.begin(made_plan(*names, runs=runs))
    return board


def progress(number: int, text: str = "", endpoint: str = QUICK, attempt: int = 1, reasoning: str = "") -> Progress:
    return Progress(
        number=number, endpoint=endpoint, phase="answer", spans_ms={"wait": 1.0}, text=text, reasoning=reasoning,
        attempt=attempt,
    )  # fmt: skip


@st.composite
def interleaved(draw: st.DrawFn) -> list[MeasurementEvent]:
    """Nine calls of three endpoints, each told in its own order and all of them mixed; some are tried again."""
    streams: list[list[MeasurementEvent]] = []
    for number in range(9):
        endpoint = (QUICK, SLOW, "simulated/gpt-5")[number % 3]
        attempts = draw(st.integers(1, 2))
        told: list[MeasurementEvent] = [
            progress(number, f"<{number}.{attempt}>", endpoint, attempt, f"({number}.{attempt})")
            for attempt in range(1, attempts + 1)
            for _ in range(draw(st.integers(0, 3)))
        ]
        whole = f"<{number}.{attempts}>" * 4
        status = draw(st.sampled_from(["ok", "cancelled", "truncated"]))
        record = call(
            number=number, endpoint=endpoint, status=status, text=whole, reasoning_text=f"({number}.{attempts})"
        )
        streams.append([*told, Recorded(record)])
    mixed: list[MeasurementEvent] = []
    while streams:
        stream = draw(st.sampled_from(streams))
        mixed.append(stream.pop(0))
        streams = [left for left in streams if left]
    return mixed


@UNHURRIED
@given(interleaved())
def test_a_lane_never_shows_text_of_two_calls_or_of_two_attempts(events: list[MeasurementEvent]) -> None:
    board = begun(QUICK, SLOW, "simulated/gpt-5")
    for event in events:
        board.take(event)
        for lane in board.lanes.values():
            assert len({part for part in lane.text.split("<") if part}) <= 1
            assert len({part for part in lane.reasoning.split("(") if part}) <= 1
            assert not lane.text or lane.text.startswith(f"<{lane.number}.")


@UNHURRIED
@given(interleaved())
def test_every_record_is_kept_in_the_order_in_which_it_came(events: list[MeasurementEvent]) -> None:
    board = begun(QUICK, SLOW, "simulated/gpt-5")
    for event in events:
        board.take(event)
    assert board.records == [event.record for event in events if isinstance(event, Recorded)]
    assert (board.made, board.total) == (9, 9)
    assert [lane.done for lane in board.lanes.values()] == [3, 3, 3]
    board.end()
    assert not any(lane.lost for lane in board.lanes.values())


@UNHURRIED
@given(interleaved())
def test_the_call_that_began_last_is_the_one_shown(events: list[MeasurementEvent]) -> None:
    board = begun(QUICK, SLOW, "simulated/gpt-5")
    seen: dict[str, int] = {}
    for event in events:
        board.take(event)
        of = event if isinstance(event, Progress) else event.record if isinstance(event, Recorded) else None
        assert of is not None
        seen[of.endpoint] = max(seen.get(of.endpoint, -1), of.number)
        assert board.lanes[of.endpoint].number == seen[of.endpoint]


def test_what_comes_after_a_record_changes_nothing_of_its_lane() -> None:
    board = begun()
    board.take(Recorded(call(number=0, text="all of it")))
    board.take(progress(0, " and more"))
    assert board.lanes[QUICK].text == "all of it"
    assert board.lanes[QUICK].record is not None


def test_a_new_attempt_starts_with_an_empty_text() -> None:
    board = begun()
    board.take(progress(0, "half an ans"))
    board.take(progress(0, "the", attempt=2))
    assert board.lanes[QUICK].text == "the"


def test_preparing_is_over_with_the_first_call() -> None:
    board = begun()
    board.take(Preparing("Loading."))
    assert board.preparing == "Loading."
    board.take(progress(0))
    assert board.preparing == ""


def test_spans_are_those_of_the_record_once_there_is_one() -> None:
    board = begun()
    assert board.lanes[QUICK].spans_ms == {}
    board.take(progress(0))
    assert board.lanes[QUICK].spans_ms == {"wait": 1.0}
    record = call(number=0)
    board.take(Recorded(record))
    assert board.lanes[QUICK].spans_ms == record.phases


def test_a_new_run_starts_empty() -> None:
    board = begun()
    board.take(Recorded(failed(number=0)))
    board.begin(made_plan(SLOW))
    assert (list(board.lanes), board.records, board.made, board.failed) == ([SLOW], [], 0, ())


def test_a_retry_keeps_the_other_lanes_and_all_that_succeeded() -> None:
    board = begun()
    good, other = call(number=1), call(number=2, endpoint=SLOW)
    for record in (failed(number=0), good, other):
        board.take(Recorded(record))
    assert board.failed == (QUICK,)
    board.begin(made_plan(QUICK), keep=True)
    assert board.records == [good, other]
    assert board.lanes[SLOW].record == other
    assert (board.lanes[QUICK].record, board.made, board.total, board.made_again) == (None, 0, 3, 1)
    board.take(Recorded(failed(number=0, run="second")))
    board.begin(made_plan(QUICK), keep=True)
    assert board.made_again == 2
    board.begin(made_plan(QUICK))
    assert board.made_again == 0


def test_a_failed_warm_up_is_no_reason_to_run_again() -> None:
    board = begun()
    board.take(Recorded(failed(number=0, warm_up=True)))
    assert board.failed == ()


def test_a_call_without_a_record_at_the_end_is_lost_and_can_be_run_again() -> None:
    board = begun()
    board.take(Preparing("Loading."))
    board.take(progress(0, "half an ans"))
    board.end()
    assert [lane.lost for lane in board.lanes.values()] == [True, False]
    assert (board.failed, board.preparing) == ((QUICK,), "")


@UNHURRIED
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=12))
def test_most_at_once_is_what_a_look_at_each_moment_finds(spans: list[tuple[int, int]]) -> None:
    board = Board()
    for number, (began, lasted) in enumerate(spans):
        at = START + began * MS
        board.records.append(call(number=number, called_ns=at, ended_ns=at + lasted * MS))
    seen = [sum(began <= moment < began + lasted for began, lasted in spans) for moment in range(101)]
    assert board.most_at_once == max(seen)


def test_warm_ups_and_calls_that_were_never_made_are_not_at_once_with_others() -> None:
    board = Board(records=[call(warm_up=True), replace(failed("not_sent"), called_ns=None)])
    assert board.most_at_once == 0

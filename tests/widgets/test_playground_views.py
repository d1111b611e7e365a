"""What the Playground's lanes, tables and texts say of records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from playground_records import MS, QUICK, SLOW, START, call, failed, rounds

from demo import HOSTILE
from llmlab.catalog import load_catalog
from llmlab.measurement import Preparing, Progress, Question, Recorded, StreamRecord
from llmlab.measurement.calibration import Calibration
from llmlab.measurement.definitions import definitions
from llmlab.measurement.plan import Options, Plan, plan
from llmlab.measurement.records import Attempt, CallError, Usage
from llmlab.measurement.summary import Slo
from llmlab.measurement.targets import resolve
from llmlab.widgets import playground_views as views
from llmlab.widgets.playground_board import Board
from llmlab.widgets.views import Cell, Payload, Row, Table

CATALOG = load_catalog("2026-11")
CALIBRATION = Calibration(
    streams=4, path="litellm", dialect="openai", n=24, ttft_ms=0.031, ttft_p99_ms=0.21, p99_shown=False, token_ms=0.03,
    library_ms=7.0, late=0, clock="socket", machine="Linux x86_64, 2 cores", measured_on=date(2026, 11, 23),
)  # fmt: skip
REAL = "openai/gpt-5"


def planned(*names: str, api_base: str | None = None, **options: object) -> Plan:
    given = Options(**options)  # type: ignore[typeddict-item]  # by name
    return plan(resolve(names, CATALOG, api_base=api_base), Question(prompts=("say it",), max_tokens=64), **given)


def words(payload: Payload) -> str:
    return payload.to_html().replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">")


def table(records: list[StreamRecord], sort: tuple[str, bool] = ("", False), made_again: int = 0) -> Table:
    return views.percentiles(records, Slo(ttfo_ms=1000), sort, CALIBRATION, made_again)


def cell(row: Row, drawn: Table, key: str) -> Cell:
    found = row.cells[[column.key for column in drawn.columns].index(key)]
    return found if isinstance(found, Cell) else Cell(found)


def said(records: list[StreamRecord], key: str) -> str:
    """What the only row says under a heading."""
    drawn = table(records)
    (row,) = drawn.rows
    return cell(row, drawn, key).text


def board_of(*events: object, names: tuple[str, ...] = (QUICK, SLOW)) -> Board:
    board = Board()
    board.begin(planned(*names, runs=3))
    for event in events:
        board.take(event)  # type: ignore[arg-type]  # events, all of them
    return board


def progress(number: int = 0, **changes: object) -> Progress:
    given: dict[str, object] = {"endpoint": QUICK, "phase": "answer", "spans_ms": {"wait": 80.0}} | changes
    return Progress(number=number, **given)  # type: ignore[arg-type]  # by name


def state(board: Board) -> str:
    return views.lanes(board).lanes[0].state


# --- SIMULATED, in words


def everything_of(records: list[StreamRecord]) -> Iterator[Payload]:
    board = board_of(*map(Recorded, records))
    yield views.lanes(board)
    yield table(records)
    yield views.calls(records, 20)
    yield views.comparison(records)


def test_every_view_of_simulated_calls_says_so() -> None:
    records = [*rounds(100, 110), *rounds(300, 310, endpoint=SLOW)]
    for payload in everything_of(records):
        assert "SIMULATED" in words(payload), payload


def test_every_simulated_lane_and_row_says_so_by_itself() -> None:
    records = [*rounds(100, 110), *rounds(300, endpoint=SLOW), call(endpoint=REAL, simulated=False)]
    simulated = {QUICK: True, SLOW: True, REAL: False}
    for drawn in (table(records), views.calls(records, 20)):
        for row in drawn.rows:
            name = next(one for one in row.cells if isinstance(one, Cell) and one.text in simulated)
            assert ("SIMULATED" in [badge.text for badge in name.badges]) == simulated[name.text]
    lanes = views.lanes(board_of(names=(QUICK, REAL))).lanes
    assert [[badge.text for badge in lane.badges] for lane in lanes] == [["SIMULATED"], []]


def test_what_was_measured_does_not_say_it() -> None:
    records = [
        *(call(100, number=i, round=i, endpoint=REAL, simulated=False) for i in range(2)),
        *(call(200, number=i, round=i, endpoint="anthropic/claude-haiku-4-5", simulated=False) for i in range(2)),
    ]
    for payload in (table(records), views.calls(records, 20), views.comparison(records)):
        assert "SIMULATED" not in words(payload)


# --- Lanes


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), "not started"),
        ((progress(phase="queue"),), "waiting its turn, call 1 of 3"),
        ((progress(phase="think"),), "thinking, call 1 of 3"),
        ((progress(attempt=2),), "answering, attempt 2, call 1 of 3"),
        ((progress(wait_s=1.5, why="rate_limited"),), "rate limited: waits 1.5 s for attempt 2"),
        ((Recorded(call(warm_up=True)),), "done, a warm-up, call 1 of 3"),
        ((Recorded(call()), progress(1)), "answering, call 2 of 3"),
        ((Recorded(failed("truncated")),), "TRUNCATED, call 1 of 3"),
        ((Recorded(failed("cancelled")),), "cancelled, call 1 of 3"),
    ],
)
def test_a_lane_says_in_words_how_far_it_is(events: tuple[object, ...], expected: str) -> None:
    assert state(board_of(*events)) == expected


def test_a_lane_whose_call_was_lost_says_so() -> None:
    board = board_of(progress(text="half"))
    board.end()
    lane = views.lanes(board).lanes[0]
    assert (lane.state, lane.tone, lane.text) == ("broken off, call 1 of 3", "bad", "half")


def test_every_way_to_end_has_words() -> None:
    for status in views.ENDED:
        assert views.ENDED[status][0] in state(board_of(Recorded(failed(status))))


def test_facts_of_a_call_name_what_they_are_and_where_its_tokens_come_from() -> None:
    thought = call(
        tokens=11, kinds=("reasoning",) * 5, usage=Usage(input=20, output=11, reasoning=5, cache_read=7),
        usage_source="tokenizer", clock="chunk", late=True,
    )  # fmt: skip
    facts = [
        one.text if isinstance(one, Cell) else one for one in views.lanes(board_of(Recorded(thought))).lanes[0].facts
    ]
    assert facts[:2] == ["TTFT 100 ms", "first answer 150 ms"]
    assert facts[2:] == ["11 tokens (tokenizer)", "1.8x billed", "7 cached", "$0.001", "chunk-timed", "read late"]


def test_an_unpriced_call_is_never_free() -> None:
    unpriced = call(usd=None, unpriced="nobody sells it")
    fact = views.lanes(board_of(Recorded(unpriced))).lanes[0].facts[-1]
    assert isinstance(fact, Cell) and (fact.text, fact.title) == ("unpriced", "nobody sells it")
    assert said([unpriced], "usd") == "unpriced"
    assert "unpriced" in words(views.calls([unpriced], 5))
    for payload in everything_of([unpriced]):
        assert "$0" not in words(payload)


def test_bars_share_a_scale_that_grows_in_steps_and_holds_the_longest() -> None:
    assert views.lanes(board_of()).scale_ms == 500
    scales = []
    for span in range(100, 20_000, 100):
        scales.append(views.lanes(board_of(progress(spans_ms={"wait": float(span)}))).scale_ms)
        assert scales[-1] >= span
    assert scales == sorted(scales)
    assert len(set(scales)) == 12


def test_without_lanes_the_screen_says_what_to_do_or_what_is_prepared() -> None:
    board = Board()
    assert views.lanes(board).empty == "Choose what to measure, then press Run."
    board.take(Preparing("Loading LiteLLM."))
    assert views.lanes(board).empty == "Loading LiteLLM."


# --- Percentiles


def test_a_percentile_of_too_few_calls_says_how_many_it_needs() -> None:
    records = rounds(100, 110, 120)
    assert said(records, "ttft") == "110 (n 3 < 6)"
    assert said(records, "ttfo_p95") == "n 3 < 72"
    assert said(records, "ttfo_p99") == "n 3 < 368"
    drawn = table(records)
    assert "too small to say how sure" in cell(drawn.rows[0], drawn, "ttfo_p95").title


def test_with_enough_calls_it_has_its_interval_and_its_n() -> None:
    drawn = table(rounds(100, 110, 120, 130, 140, 150))
    ttft = cell(drawn.rows[0], drawn, "ttft")
    assert (ttft.text, ttft.title) == ("125 (100 to 150)", "95 % interval, n = 6")


def test_an_endpoint_that_never_succeeded_has_unknowns_and_its_failures() -> None:
    drawn = table([failed(number=0), failed("stall_timeout", number=1)])
    assert cell(drawn.rows[0], drawn, "ok") == Cell("0 / 2", "1 failed, 1 stalled")
    assert cell(drawn.rows[0], drawn, "ttft").text == "unknown"
    assert said([failed()], "goodput").startswith("0%")


def test_failures_that_were_made_again_are_said() -> None:
    assert "2 failed calls were made again, and are left out." in table(rounds(100), made_again=2).caption
    assert "made again" not in table(rounds(100)).caption


@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_with_the_unknown_last_either_way(descending: bool) -> None:
    records = [failed(endpoint="c"), call(300, endpoint="a"), call(100, endpoint="b")]
    for column in table(records).columns[1:]:
        keys = [row.key for row in table(records, (column.key, descending)).rows]
        assert set(keys) == {"a", "b", "c"}
    keys = [row.key for row in table(records, ("ttfo", descending)).rows]
    assert keys == (["a", "b", "c"] if descending else ["b", "a", "c"])
    assert [row.key for row in table(records, ("endpoint", False)).rows] == ["a", "b", "c"]


def test_a_row_is_badged_with_what_it_is_not() -> None:
    odd = call(path="httpx", clock="chunk", late=True, usage_source="tokenizer")
    badges = [badge.text for badge in cell(table([odd]).rows[0], table([odd]), "endpoint").badges]
    assert badges == ["SIMULATED", "by httpx", "chunk-timed", "1 read late", "tokens tokenizer"]


def test_the_table_says_how_far_off_the_instrument_is() -> None:
    assert table([]).caption == (
        "The instrument's own error in a TTFT, measured here at 4 at once: +0.03 ms median, 0.21 ms at most "
        "(n = 24, 2026-11-23)."
    )
    assert "not measured yet" in views.error_said(None)


# --- Who is faster


def test_a_difference_is_shown_with_its_interval_or_said_not_to_be() -> None:
    quick, slow = rounds(100, 101, 102, 103, 104, 105), rounds(300, 302, 304, 306, 308, 310, endpoint=SLOW)
    same = rounds(101, 100, 103, 102, 105, 104, endpoint="simulated/gpt-5")
    text = words(views.comparison([*quick, *slow, *same]))
    assert f"{SLOW} against {QUICK}, SIMULATED: +202 ms (+200 to +205 ms, n = 6)." in text
    assert "simulated/gpt-5 against" in text and "no difference shown (-1 to +1 ms, n = 6)." in text


def test_a_difference_of_too_few_rounds_says_how_many_it_takes() -> None:
    text = words(views.comparison([*rounds(100, 101), *rounds(300, 301, endpoint=SLOW)]))
    assert "+200 ms in 2 rounds; it takes 6 to say how sure that is." in text


def test_endpoints_without_a_common_round_and_a_single_one_are_not_compared() -> None:
    apart = [call(round=0), call(200, round=1, endpoint=SLOW)]
    assert "no round in which both succeeded" in words(views.comparison(apart))
    assert "Two endpoints" in words(views.comparison([call()]))


# --- Calls


def test_the_newest_calls_come_first_and_the_others_are_counted() -> None:
    drawn = views.calls([call(number=i) for i in range(30)], 20)
    assert [row.cells[0] for row in drawn.rows] == [str(number) for number in range(29, 9, -1)]
    assert drawn.total_rows == 30


def test_keys_of_calls_differ_between_runs() -> None:
    assert views.call_key(call(number=3)) != views.call_key(call(number=3, run="another"))


def test_a_call_says_what_went_wrong_in_each_attempt() -> None:
    refused = Attempt(
        status="error", error=CallError(kind="rate_limited", message="slow down", http_status=429),
        called_ns=START, ended_ns=START + MS, waited_s=1.5,
    )  # fmt: skip
    row = views.calls([failed("truncated", "no end marker", attempts=(refused,))], 5).rows[0]
    assert row.cells[-1] == "attempt 1: failed, then waited 1.5 s; no end marker"


def test_hostile_text_is_data_in_every_view() -> None:
    hostile = failed(message=HOSTILE, endpoint=HOSTILE, model=HOSTILE, unpriced=HOSTILE, text=HOSTILE)
    board = Board()
    board.lanes = board_of(Recorded(call())).lanes
    board.lanes[QUICK].text = board.lanes[QUICK].reasoning = HOSTILE
    board.lanes[QUICK].record = failed(message=HOSTILE)
    for payload in (
        views.lanes(board),
        table([hostile]),
        views.calls([hostile], 5),
        views.comparison([hostile, call()]),
    ):
        assert "<img" not in payload.to_html()
        json.dumps(payload.to_json())


# --- Before a run


def test_a_simulated_run_costs_nothing_and_says_what_it_would() -> None:
    text = words(views.before(planned(QUICK, SLOW, runs=3, warm_up=1), {}))
    assert "6 calls to 2 endpoints, after 2 to warm up, at most 2 at once." in text
    assert "All of it is SIMULATED and costs nothing; as if real, at most $" in text
    assert "stops at" not in text


def test_a_simulated_run_beyond_its_budget_says_where_it_stops() -> None:
    text = words(views.before(planned(SLOW, runs=100, budget_usd=Decimal("0.01")), {}))
    assert "the run stops at $0.01 of it, as a real one would" in text


def test_a_real_run_says_what_it_can_cost_and_which_variables_are_missing() -> None:
    text = words(views.before(planned(QUICK, REAL, runs=2), {}))
    assert f"{REAL}: called for real, at most $" in text and "the run stops at $1." in text
    assert f"{REAL}: OPENAI_API_KEY not set" in text and "then press Run" in text
    assert "not set" not in words(views.before(planned(QUICK, REAL, runs=2), {"OPENAI_API_KEY": "secret"}))


def test_the_value_of_a_key_is_nowhere() -> None:
    assert "secret" not in words(views.before(planned(REAL), {"OPENAI_API_KEY": "secret"}))


def test_a_server_of_ones_own_needs_no_key() -> None:
    text = words(views.before(planned("qwen3", api_base="http://localhost:8000/v1"), {}))
    assert "qwen3 at localhost:8000: called for real" in text and "not set" not in text


def test_a_model_without_a_price_is_unpriced_and_has_no_budget() -> None:
    text = words(views.before(planned("openai/ours", budget_usd=None), {"OPENAI_API_KEY": "k"}))
    assert "openai/ours: called for real, unpriced; no budget." in text


def test_the_meanings_are_all_definitions() -> None:
    text = words(views.meanings())
    for one in definitions().values():
        assert one.term in text


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "unknown"), (0.4, "0.4 ms"), (12.6, "13 ms"), (999.6, "1000 ms"), (1_500, "1.50 s")]
)
def test_milliseconds_read_as_people_read_them(value: float | None, expected: str) -> None:
    assert views.ms(value) == expected

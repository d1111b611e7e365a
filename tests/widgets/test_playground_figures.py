"""The Playground's charts: what is drawn, what is left off, and what they say in words."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from playground_records import QUICK, SLOW, call, failed, rounds

from demo import HOSTILE
from llmlab.measurement.records import Usage
from llmlab.widgets import playground_figures as figures
from llmlab.widgets.views import Figure

REAL = "openai/gpt-5"


def traces(figure: Figure) -> list[dict[str, object]]:
    found: list[dict[str, object]] = figure.to_json()["figure"]["data"]
    json.dumps(found)
    return found


def test_every_figure_of_simulated_calls_says_so_in_its_legend_and_in_words() -> None:
    records = [*rounds(100, 110), call(endpoint=REAL, simulated=False)]
    for figure in (figures.rates(records), figures.cost_against_wait(records)):
        assert f"{QUICK}, SIMULATED" in json.dumps(traces(figure)) and f"{QUICK}, SIMULATED" in figure.alt
        assert f"{REAL}, SIMULATED" not in figure.alt
    assert f"{QUICK}, SIMULATED" in figures.timeline(records[0]).alt
    assert "SIMULATED" not in figures.timeline(records[-1]).alt


def test_rates_hold_all_tokens_of_the_last_good_call() -> None:
    records = [call(100, tokens=5, endpoint=QUICK), call(100, itl=10, tokens=101), failed()]
    (trace,) = traces(figures.rates(records))
    values = trace["y"]
    assert isinstance(values, list)
    # windows of 250 ms, a new one each 125 ms: every token is in two of them
    assert sum(values) * 0.250 / 2 == pytest.approx(101)
    assert max(values) == pytest.approx(100)


def test_tokens_of_a_chunk_are_spread_evenly_where_nobody_says_better() -> None:
    (trace,) = traces(figures.rates([call(tokens=10, usage=Usage(input=1, output=40))]))
    values = trace["y"]
    assert isinstance(values, list)
    assert sum(values) * 0.250 / 2 == pytest.approx(40)


def test_calls_whose_tokens_nobody_counted_have_no_rate() -> None:
    figure = figures.rates([call(usage=None, usage_source=None)])
    assert traces(figure) == [] and figure.empty == "No call has succeeded yet."


def test_lines_differ_by_more_than_colour() -> None:
    found = traces(figures.rates([call(endpoint=f"e{i}") for i in range(12)]))
    looks = {(one["line"]["color"], one["line"]["dash"]) for one in found}  # type: ignore[index]  # plain JSON
    assert len(looks) == 12


def test_an_unpriced_endpoint_is_left_off_and_said_and_never_at_zero() -> None:
    figure = figures.cost_against_wait([call(), call(endpoint=SLOW, usd=None, unpriced="nobody sells it")])
    (point,) = traces(figure)
    assert point["text"] == [f"{QUICK}, SIMULATED"] and point["y"] == [1.0]
    assert "Left off, unpriced or without a call that succeeded: 1." in figure.alt
    assert "Left off" in figures.cost_against_wait([failed()]).empty


def test_a_whisker_is_the_interval_and_there_is_none_of_too_few_calls() -> None:
    (point,) = traces(figures.cost_against_wait(rounds(100, 110, 120, 130, 140, 150)))
    assert (point["x"], point["error_x"]["array"], point["error_x"]["arrayminus"]) == ([125.0], [25.0], [25.0])  # type: ignore[index]
    (point,) = traces(figures.cost_against_wait(rounds(100, 110)))
    assert point["error_x"]["array"] == [0.0]  # type: ignore[index]


def test_a_timeline_has_every_chunk_where_it_came() -> None:
    record = call(100, itl=10, tokens=6, kinds=("reasoning", "reasoning"))
    thoughts, answers = traces(figures.timeline(record))
    assert (thoughts["name"], thoughts["x"], thoughts["y"]) == ("reasoning", [100.0, 110.0], [4, 8])
    assert (answers["name"], answers["x"], answers["y"]) == ("answer", [120.0, 130.0, 140.0, 150.0], [12, 16, 20, 24])
    flags = [one["text"] for one in figures.timeline(record).to_json()["figure"]["layout"]["annotations"]]
    assert flags == ["TTFT 100 ms", "first answer 120 ms"]
    assert "6 chunks (1.0 tokens each), the longest gap 10 ms" in figures.timeline(record).alt


def test_a_timeline_does_not_invent_how_many_tokens_a_chunk_held() -> None:
    assert "how many tokens each nobody says" in figures.timeline(call(usage=None, usage_source=None)).alt


def test_without_a_token_there_is_no_timeline() -> None:
    assert figures.timeline(failed()).empty == "This call brought no token. Choose one in the list of calls."
    assert figures.timeline(None).empty == "No call is chosen. Choose one in the list of calls."


def test_names_are_not_markup_to_plotly() -> None:
    records = [call(endpoint=HOSTILE)]
    for figure in (figures.rates(records), figures.cost_against_wait(records), figures.timeline(records[0])):
        assert "<img" not in json.dumps(traces(figure))


def test_labels_of_neighbours_keep_away_from_each_other_and_from_the_edge() -> None:
    records = [
        call(900, endpoint="dearer", usd=Decimal("0.002")),
        call(100, endpoint="cheap"),
        call(1000, endpoint="dearest", usd=Decimal("0.009")),
    ]
    found = {str(point["text"]): point["textposition"] for point in traces(figures.cost_against_wait(records))}
    assert list(found.values()) == ["top left", "bottom right", "bottom left"]

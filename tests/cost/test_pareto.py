"""The front: nobody on it is beaten on both counts, ties stay, and what is unknown is counted and not guessed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.catalog import load_catalog
from llmlab.cost import Estimate, Pareto, Workload, estimate, pareto
from llmlab.errors import UnknownNameError

ROWS = estimate(Workload(), load_catalog("seed-2026-early"), as_of=date(2026, 2, 15))
Point = tuple[float | None, float | None]


def split(*points: Point) -> Pareto:
    rows = [
        dataclasses.replace(ROWS[0], endpoint=str(i), total_usd=x, p50_total_s=y) for i, (x, y) in enumerate(points)
    ]
    return pareto(rows)


def names(rows: Sequence[Estimate]) -> list[str]:
    return [row.endpoint for row in rows]


def test_the_front_rises_in_one_and_falls_in_the_other() -> None:
    found = split((3, 1), (1, 3), (2, 2), (3, 3), (2, 4))
    assert names(found.front) == ["1", "2", "0"]
    assert set(names(found.dominated)) == {"3", "4"}
    assert (found.x, found.y, found.left_off) == ("total_usd", "p50_total_s", 0)


def test_two_equal_rows_both_stay_on_the_front() -> None:
    found = split((1, 3), (1, 3), (2, 1), (2, 1))
    assert len(found.front) == 4
    assert found.dominated == ()


def test_equal_on_one_count_and_worse_on_the_other_is_beaten() -> None:
    assert names(split((1, 3), (2, 3)).dominated) == ["1"]
    assert names(split((1, 3), (1, 4)).dominated) == ["1"]


def test_a_row_with_an_unknown_value_is_left_off_and_counted() -> None:
    found = split((1, None), (None, 1), (None, None), (5, 5), (0, 0))
    assert found.left_off == 3
    assert names((*found.front, *found.dominated)) == ["4", "3"]


def test_nothing_to_split_is_an_empty_front() -> None:
    assert pareto([]) == Pareto("total_usd", "p50_total_s", (), (), 0)


def test_the_front_of_the_seed_is_the_cheapest_and_fastest_of_its_table() -> None:
    found = pareto(ROWS)
    assert names(found.front) == ["groq/llama-3-3-8b"]  # 45 dollars and the fastest: it beats them all
    assert found.left_off == 4  # GPT-4o, Mistral, Qwen and GPT-5 mini have no latency in the seed
    assert len(found.front) + len(found.dominated) + found.left_off == len(ROWS)


def test_any_two_numeric_columns_will_do_and_others_are_refused() -> None:
    assert names(pareto(ROWS, "output_usd", "input_usd").front) == ["groq/llama-3-3-8b"]
    with pytest.raises(UnknownNameError, match=r"unknown numeric column 'total'; did you mean total_usd"):
        pareto(ROWS, "total")
    with pytest.raises(UnknownNameError, match="unknown numeric column 'flags'"):
        pareto(ROWS, "total_usd", "flags")


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.tuples(*[st.none() | st.sampled_from([0.0, 1.0, 2.0, 3.0])] * 2), max_size=12))
def test_a_row_is_on_the_front_exactly_if_nothing_known_beats_it(points: list[Point]) -> None:
    known = [(x, y) for x, y in points if x is not None and y is not None]

    def beaten(x: float, y: float) -> bool:
        return any(a <= x and b <= y and (a < x or b < y) for a, b in known)

    found = split(*points)
    front = [(row.total_usd, row.p50_total_s) for row in found.front]
    assert sorted(front) == sorted(point for point in known if not beaten(*point))
    assert len(front) + len(found.dominated) + found.left_off == len(points)

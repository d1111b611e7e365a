"""Which calls a run makes, in which order, when, and at what cost: all of it known before the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.catalog import load_catalog
from llmlab.errors import LlmlabError
from llmlab.measurement import Plan, Question
from llmlab.measurement.plan import FRAME_TOKENS, most_tokens, plan, share
from llmlab.measurement.targets import Target, resolve

NAMES = ("simulated/claude-sonnet", "simulated/claude-haiku", "simulated/gpt-5")
QUESTION = Question(prompts=("one two three",), max_tokens=100)
TARGETS = resolve(NAMES, load_catalog())
OWN = resolve(["some-model"], load_catalog(), api_base="http://127.0.0.1:9/v1")


def planned(targets: Sequence[Target] = TARGETS, question: Question = QUESTION, **options: Any) -> Plan:
    return plan(targets, question, **options)


def test_every_round_calls_every_endpoint_once_and_begins_with_another() -> None:
    made = planned(runs=4)
    rounds = [[call.lane for call in made.calls if call.round == number] for number in range(4)]
    assert all(sorted(names) == sorted(NAMES) for names in rounds)
    assert [names[0] for names in rounds] == [NAMES[0], NAMES[1], NAMES[2], NAMES[0]]
    assert [call.number for call in made.calls] == list(range(12))


def test_warm_ups_come_first_and_are_in_no_round_that_counts() -> None:
    made = planned(runs=2, warm_up=2, rate=5.0)
    firsts, others = made.calls[:6], made.calls[6:]
    assert all(call.warm_up and call.round < 0 and call.at_s is None for call in firsts)
    assert Counter(call.lane for call in firsts) == dict.fromkeys(NAMES, 2)
    assert not any(call.warm_up or call.round < 0 or call.at_s is None for call in others)


def test_a_closed_loop_has_a_stream_for_each_endpoint_unless_said_and_none_that_is_idle() -> None:
    assert planned(runs=5).streams == 3
    assert planned(runs=5, concurrency=7).streams == 7
    assert planned(runs=1, concurrency=7).streams == 3
    assert all(call.at_s is None for call in planned(runs=5).calls)


def test_even_arrivals_are_evenly_apart_and_chance_ones_repeat_by_seed() -> None:
    even = [call.at_s or 0.0 for call in planned(runs=4, rate=4.0, arrivals="fixed").calls]
    assert even == [number / 4 for number in range(12)]

    def by_chance(seed: int) -> list[float]:
        return [call.at_s or 0.0 for call in planned(runs=400, rate=4.0, seed=seed).calls]

    times = by_chance(1)
    assert times == by_chance(1) != by_chance(2)
    assert times == sorted(times) and times[0] == 0
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    assert 0.22 < mean < 0.28  # 1,199 gaps of a quarter of a second
    assert 0.3 < sum(gap > mean for gap in gaps) / len(gaps) < 0.43  # 1/e of exponential gaps is above their mean


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runs": 0}, "runs=0"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"concurrency": 1001}, "concurrency at most 1,000"),
        ({"warm_up": -1}, "warm_up=-1"),
        ({"retries": -1}, "retries=-1"),
        ({"deadline_s": 0.0}, "deadline_s=0"),
        ({"rate": 0.0}, "above 0, not 0"),
    ],
)
def test_a_run_that_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(LlmlabError, match=words):
        planned(**options)


def test_a_run_of_nothing_is_refused() -> None:
    with pytest.raises(LlmlabError, match="name an endpoint"):
        planned(())


# --- What it can cost


def test_the_most_it_can_cost_is_known_before_it_starts() -> None:
    one, ten = planned().most_usd, planned(runs=10).most_usd
    assert one is not None and ten == 10 * one > 0
    assert planned(question=Question(prompts=("one two three",), max_tokens=200)).most_usd > one  # type: ignore[operator]
    assert planned(OWN).most_usd == 0  # one's own server


def test_what_has_no_price_is_not_measured_under_a_budget() -> None:
    unpriced = resolve(["openai/a-model-that-nobody-prices"], load_catalog())
    with pytest.raises(LlmlabError, match="no price is known for openai/a-model-that-nobody-prices"):
        planned(unpriced)
    made = planned(unpriced, budget_usd=None)
    assert made.budget_usd is None and made.most_usd is None


def test_a_prompt_is_never_thought_shorter_than_it_can_be() -> None:
    question = Question(prompts=("a", "山山"), system="b")
    assert most_tokens(question) == 6 + 1 + FRAME_TOKENS  # three bytes a character, the longest prompt


# --- In parts


@given(workers=st.integers(1, 9), runs=st.integers(1, 20), concurrency=st.integers(1, 40), cents=st.integers(0, 10_000))
def test_the_parts_are_the_whole(workers: int, runs: int, concurrency: int, cents: int) -> None:
    made = planned(runs=runs, concurrency=concurrency, budget_usd=Decimal(cents) / 100, warm_up=1)
    parts = share(made, workers)
    assert sorted((call for part in parts for call in part.calls), key=lambda call: call.number) == list(made.calls)
    assert sum((part.cap_usd for part in parts if part.cap_usd is not None), Decimal(0)) == made.budget_usd
    assert all(part.calls and part.streams >= 1 for part in parts)
    assert sum(part.streams for part in parts) <= max(made.streams, len(parts))
    for part in parts:
        assert (part.run, part.lanes, part.journal) == (made.run, made.lanes, made.journal)


def test_without_a_budget_no_part_has_one() -> None:
    assert {part.cap_usd for part in share(planned(runs=9, budget_usd=None), 4)} == {None}


def test_no_secret_and_no_address_of_a_simulator_is_in_a_plan_before_it_starts(tmp_path: Path) -> None:
    made = planned(journal=str(tmp_path))
    assert made.journal == str(tmp_path / f"{made.run}.jsonl")
    placed = made.at("http://127.0.0.1:4242")
    assert "4242" not in str(made)
    assert all("4242" in str(lane.parameters) for lane in placed.lanes)
    (own,) = planned(OWN).at("http://127.0.0.1:4242").lanes
    assert own.parameters["api_base"] == "http://127.0.0.1:9/v1" and own.key_variable == "LLMLAB_API_KEY"

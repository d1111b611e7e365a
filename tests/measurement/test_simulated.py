"""The shipped simulated endpoints: as fast as the priors they name, short enough to watch, asked by plain names."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from llmlab.catalog import load_catalog
from llmlab.errors import UnknownNameError
from llmlab.measurement.simulated import Simulated, simulated_endpoint, simulated_endpoints
from llmlab.simulator import Schedule, Status
from llmlab.simulator.process import DIALECTS
from llmlab.simulator.profile import draw_for

EACH = pytest.mark.parametrize("one", simulated_endpoints(), ids=lambda one: one.name)


def drawn(one: Simulated, number: int = 0) -> Schedule:
    shape = one.endpoint.answer
    tokens = shape.output_tokens + shape.reasoning_tokens
    return one.endpoint.times(tokens, 20, draw_for(0, one.endpoint.name, number))


def test_there_is_one_for_every_dialect_and_no_name_stands_twice() -> None:
    assert {one.dialect for one in simulated_endpoints()} == set(DIALECTS)
    for names in ([one.name for one in simulated_endpoints()], [one.endpoint.name for one in simulated_endpoints()]):
        assert len(set(names)) == len(names)


@EACH
def test_the_name_on_the_wire_has_nothing_that_a_library_could_take_apart(one: Simulated) -> None:
    assert re.fullmatch(r"sim-[a-z0-9-]+", one.endpoint.name)
    assert one.name == f"simulated/{one.endpoint.name.removeprefix('sim-')}"


@pytest.mark.parametrize(
    ("name", "ttft_s"), [("claude-sonnet", 0.4), ("claude-haiku", 0.2), ("gpt-5", 0.15 * 5), ("deepseek", 0.15 * 3.5)]
)
def test_the_seeds_figures_are_kept(name: str, ttft_s: float) -> None:
    one = simulated_endpoint(name)
    assert one.endpoint.profile.ttft_s == pytest.approx(ttft_s)
    assert "seed document" in one.basis


def test_groqs_first_token_comes_under_a_tenth_of_a_second_nearly_always() -> None:
    firsts = [drawn(simulated_endpoint("groq-llama-8b"), number).bursts[0].at_s for number in range(500)]
    assert sum(first < 0.1 for first in firsts) > 450


@EACH
def test_a_whole_answer_takes_as_long_as_its_prior_says_for_so_many_tokens(one: Simulated) -> None:
    where = one.basis.partition(": ")[0].split(" in ")
    latency = load_catalog(where[1]).endpoint(where[0]).latency
    assert latency is not None
    profile = one.endpoint.profile
    if latency.output_tokens_per_s is not None:
        assert 1 / profile.itl_s == pytest.approx(float(latency.output_tokens_per_s))
    else:
        assert latency.p50_total_s is not None
        low, high = map(float, latency.p50_total_s)
        assert low <= profile.ttft_s + 499 * profile.itl_s <= high  # the seed's answers have 500 tokens


@EACH
def test_an_answer_is_short_enough_to_watch_and_for_a_usual_limit(one: Simulated) -> None:
    assert max(drawn(one, number).bursts[-1].at_s for number in range(50)) < 6
    assert one.endpoint.answer.output_tokens + one.endpoint.answer.reasoning_tokens <= 200


@EACH
def test_it_borrows_the_price_of_an_endpoint_that_has_one(one: Simulated) -> None:
    catalog, endpoint = one.prices
    assert any(price.priced for price in load_catalog(catalog).endpoint(endpoint).prices)


def test_prices_are_those_of_the_catalog_the_latency_is_from() -> None:
    catalog, endpoint = simulated_endpoint("claude-sonnet").prices
    (price,) = load_catalog(catalog).endpoint(endpoint).prices
    assert price.rates.standard is not None and price.rates.standard.output == Decimal(15)


def test_gpt_5_hides_its_reasoning_and_claude_thinking_shows_it() -> None:
    hidden, shown = simulated_endpoint("gpt-5").endpoint.answer, simulated_endpoint("claude-thinking").endpoint.answer
    assert (hidden.reasoning, shown.reasoning) == ("hidden", "visible")
    assert hidden.reasoning_tokens and shown.reasoning_tokens


def test_flaky_begins_with_a_429_that_says_when_to_come_back_and_is_fine_in_the_end() -> None:
    faults = simulated_endpoint("flaky").endpoint.faults
    assert faults.faults(0) == (Status(code=429, retry_after_s=1),)
    kinds = {fault.kind for number in range(len(faults.first)) for fault in faults.faults(number)}
    assert kinds == {"status", "cut", "stall", "missing_usage"}
    assert faults.faults(1) == faults.faults(len(faults.first)) == ()


def test_a_name_may_be_given_with_or_without_its_prefix() -> None:
    assert simulated_endpoint("gpt-5") == simulated_endpoint("simulated/gpt-5")


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean simulated/claude-sonnet") as caught:
        simulated_endpoint("simulated/claude-sonet")
    assert caught.value.nearest[0] == "simulated/claude-sonnet"

"""One call's bill is that of a workload of one request; and no call costs more than was set aside for it."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmlab.catalog import Endpoint, Evidence, PriceList, Rates, load_catalog
from llmlab.catalog.records import MODES, Mode, ModeRates, Tier
from llmlab.cost import TokenCounts, Workload, ceiling, ledger, price_call
from llmlab.cost.billing import caches, terms
from llmlab.cost.workload import CACHE_TTLS, CacheTtl
from llmlab.errors import WorkloadError

from .test_properties import DAY, a_length, any_price, catalog_of, endpoints, often, sound

NOVEMBER = load_catalog("2026-11")
SONNET = NOVEMBER.endpoint("anthropic/claude-sonnet-4-6")
REGIONS = (None, "eu", "us", "eu-central-1", "nowhere")
SAID = Evidence(source="made up", checked_on=DAY)

a_region = st.sampled_from(REGIONS)
a_mode = st.sampled_from(MODES)
a_ttl = st.sampled_from(CACHE_TTLS)


@st.composite
def counts(draw: st.DrawFn, prompt: int | None = None, answer: int | None = None) -> TokenCounts:
    """Any usage; within a prompt and an answer that are given."""
    whole = draw(a_length) if prompt is None else draw(st.sampled_from([prompt, prompt // 2]) | st.integers(0, prompt))
    generated = draw(st.integers(0, 5_000 if answer is None else answer))
    read = draw(st.integers(0, whole))
    return TokenCounts(
        input=whole,
        output=generated,
        cache_read=read,
        cache_write=draw(st.sampled_from([0, whole - read]) | st.integers(0, whole - read)),
        reasoning=draw(st.sampled_from([0, generated]) | st.integers(0, generated)),
    )


def made(rates: Rates, **more: Any) -> Endpoint:
    fields = {f.name for f in dataclasses.fields(PriceList)} & set(more)
    price = PriceList(rates=ModeRates(standard=rates), evidence=SAID, **{name: more.pop(name) for name in fields})
    return Endpoint(id="made/one", model="model-None", provider="made", prices=(price,), **more)


def billed(endpoint: Endpoint, used: TokenCounts, **how: Any) -> Decimal:
    found = price_call(endpoint, used, DAY, **how)
    assert found.usd is not None, found.unpriced
    return found.usd


# --- By hand ---------------------------------------------------------------------------------------------------------


def test_sonnet_with_a_cached_prefix_and_a_little_thinking_to_the_last_digit() -> None:
    used = TokenCounts(input=10_000, output=1_500, cache_read=6_000, cache_write=3_000, reasoning=500)
    found = price_call(SONNET, used, DAY)
    parts = {line.token_class: (int(line.quantity), line.rate, line.usd) for line in found.lines}
    assert parts == {
        "input": (1_000, Decimal(3), Decimal("0.003")),
        "cache_read": (6_000, Decimal("0.3"), Decimal("0.0018")),
        "cache_write": (3_000, Decimal("3.75"), Decimal("0.01125")),
        "output": (1_000, Decimal(15), Decimal("0.015")),
        "reasoning": (500, Decimal(15), Decimal("0.0075")),
    }
    assert found.usd == Decimal("0.03855")
    assert found.unpriced == ""
    assert billed(SONNET, used, cache_ttl="1h") == Decimal("0.03855") + 3_000 * Decimal("2.25") / 1_000_000


def test_a_tier_is_chosen_by_the_whole_prompt_cached_tokens_included() -> None:
    dear = Tier(above=1_000, rates=ModeRates(standard=Rates(input=Decimal(10), output=Decimal(100))))
    tiered = made(Rates(input=Decimal(1), cache_read=Decimal("0.1"), output=Decimal(2)), tiers=(dear,))
    assert billed(tiered, TokenCounts(input=1_000, output=10, cache_read=1_000)) == Decimal("0.00012")
    # The tier has no cache read of its own: that of the base rates holds, and the answer is the tier's.
    assert billed(tiered, TokenCounts(input=1_001, output=10, cache_read=1_001)) == Decimal("0.0011001")


def test_an_uplift_is_on_tokens_and_not_on_the_fee() -> None:
    there = made(
        Rates(input=Decimal(1), output=Decimal(2)), per_request_usd=Decimal("0.01"), uplifts={"eu": Decimal("1.1")}
    )
    used = TokenCounts(input=1_000, output=1_000)
    assert billed(there, used) == Decimal("0.013")
    assert billed(there, used, region="eu") == Decimal("0.0133")
    rules = [line.rule for line in price_call(there, used, DAY, region="eu").lines]
    assert rules == [
        "standard input; x 1.1 regional uplift", "standard output; x 1.1 regional uplift", "fee per request",
    ]  # fmt: skip


def test_a_reported_cache_read_that_has_no_price_is_billed_as_input_and_says_so() -> None:
    plain = made(Rates(input=Decimal(1), output=Decimal(2)))
    found = price_call(plain, TokenCounts(input=1_000, output=0, cache_read=400), DAY)
    assert found.usd == Decimal("0.001")
    assert found.lines[1].rule == "standard input (no cache read price published)"


def test_what_the_provider_says_it_cached_is_believed_below_the_endpoints_minimum() -> None:
    assert SONNET.min_cache_tokens is not None and SONNET.min_cache_tokens > 100
    used = TokenCounts(input=100, output=0, cache_read=100)
    assert billed(SONNET, used) == Decimal("0.00003")


def test_a_call_that_used_nothing_costs_nothing_and_is_priced() -> None:
    found = price_call(SONNET, TokenCounts(input=0, output=0), DAY)
    assert (found.usd, found.lines, found.unpriced) == (Decimal(0), (), "")


@pytest.mark.parametrize(
    ("endpoint", "how", "told"),
    [
        (dataclasses.replace(SONNET, prices=()), {}, "no price published"),
        (dataclasses.replace(SONNET, task="embedding"), {}, "not a text endpoint: embedding"),
        (SONNET, {"mode": "priority"}, "no priority price published"),
        (
            made(Rates(input=Decimal(1), output=Decimal(1)), reserved_usd_per_hour=Decimal(12)),
            {},
            "paid by the hour: a single call has no price of its own",
        ),
        (
            made(Rates(input=Decimal(1), output=Decimal(1)), effective_to=date(2026, 1, 1)),
            {},
            "no price in force on this day",
        ),
        (made(Rates(input=Decimal(1))), {}, "no price published"),
    ],
)
def test_what_has_no_price_is_never_nothing_and_says_why(endpoint: Endpoint, how: Any, told: str) -> None:
    found = price_call(endpoint, TokenCounts(input=10, output=10), DAY, **how)
    assert (found.usd, found.unpriced, found.lines) == (None, told, ())
    assert ceiling(endpoint, 10, 10, DAY, **how) is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"input": 10, "output": 0, "cache_read": 6, "cache_write": 5}, "cache_read 6 and cache_write 5 .*input 10"),
        ({"input": 10, "output": 5, "reasoning": 6}, "reasoning 6 is more than the output .*5"),
        ({"input": -1, "output": 0}, "input is -1"),
        ({"input": 1, "output": 2.5}, "output is 2.5"),
        ({"input": True, "output": 0}, "input is True"),
    ],
)
def test_counts_that_cannot_be_are_told_their_numbers(wrong: Any, told: str) -> None:
    with pytest.raises(WorkloadError, match=told):
        TokenCounts(**wrong)


@pytest.mark.parametrize("wrong", [-1, 0.5, None])
def test_a_ceiling_of_what_is_no_count_is_refused(wrong: Any) -> None:
    for prompt, most in ((wrong, 10), (10, wrong)):
        with pytest.raises(WorkloadError, match="a whole number from 0 on"):
            ceiling(SONNET, prompt, most, DAY)


def test_the_ceiling_of_sonnet_is_a_prompt_written_to_the_hour_long_cache_and_a_full_answer() -> None:
    assert ceiling(SONNET, 10_000, 2_000, DAY) == 10_000 * Decimal(6) / 1_000_000 + 2_000 * Decimal(15) / 1_000_000


def test_a_cheaper_tier_for_long_prompts_does_not_lower_the_ceiling() -> None:
    # The prompt's length is an estimate before the call, and one token less may be dearer.
    bulk = Tier(above=1_000, rates=ModeRates(standard=Rates(input=Decimal(1), output=Decimal(1))))
    odd = made(Rates(input=Decimal(10), output=Decimal(10)), tiers=(bulk,))
    assert ceiling(odd, 1_001, 0, DAY) == Decimal("0.01")
    assert ceiling(odd, 20_000, 0, DAY) == Decimal("0.02")


# --- For any endpoint ------------------------------------------------------------------------------------------------


@often
@given(endpoints(any_price), a_length, st.integers(0, 5_000), st.integers(0, 5_000), a_region, a_mode)
def test_without_a_cache_it_is_the_bill_of_a_workload_of_one_request(
    endpoint: Endpoint, prompt: int, visible: int, hidden: int, region: str | None, mode: Mode
) -> None:
    workload = Workload(
        requests=1, period="run", input_tokens=prompt, output_tokens=visible, reasoning_tokens=hidden, region=region,
        mode=mode,
    )  # fmt: skip
    used = TokenCounts(input=prompt, output=visible + hidden, reasoning=hidden)
    found = price_call(endpoint, used, DAY, region=region, mode=mode)
    bill = ledger(endpoint, workload, catalog_of(endpoint), as_of=DAY)
    assert found.usd == bill.total_usd
    assert [(n.token_class, n.quantity, n.rate, n.usd, n.rule) for n in found.lines] == [
        (n.token_class, n.quantity, n.rate, n.usd, n.rule) for n in bill.lines
    ]
    assert bool(found.unpriced) == bool(bill.unpriced)


@often
@given(
    endpoints(sound),
    a_length,
    st.data(),
    st.integers(0, 5_000),
    st.sampled_from([0.25, 0.5, 1.0]),
    a_region,
    a_mode,
    a_ttl,
)
def test_calls_that_read_or_write_the_prefix_average_to_the_bill_at_their_hit_rate(
    endpoint: Endpoint, prompt: int, data: st.DataObject, answer: int, hit: float, region: str | None, mode: Mode,
    ttl: CacheTtl,
) -> None:  # fmt: skip
    prefix = data.draw(st.integers(0, prompt))
    workload = Workload(
        requests=1, period="run", input_tokens=prompt, output_tokens=answer, cacheable_tokens=prefix,
        cache_hit_rate=hit, cache_ttl=ttl, region=region, mode=mode,
    )  # fmt: skip
    total = ledger(endpoint, workload, catalog_of(endpoint), as_of=DAY).total_usd
    assume(total is not None)
    found = terms(endpoint.prices[0], mode, prompt, ttl)
    assert found is not None
    # What the forecast takes for uncached, because it is too short or because no read is priced, it bills as input.
    cached = prefix if caches(endpoint, workload) and found.cache_read is not None else 0
    read, written = (
        billed(endpoint, used, region=region, mode=mode, cache_ttl=ttl)
        for used in (
            TokenCounts(input=prompt, output=answer, cache_read=cached),
            TokenCounts(input=prompt, output=answer, cache_write=cached),
        )
    )
    share = Decimal(str(hit))
    assert share * read + (1 - share) * written == total


@often
@given(endpoints(any_price), a_length, st.integers(0, 5_000), st.data(), a_region, a_mode, a_ttl)
def test_no_usage_within_its_counts_costs_more_than_the_ceiling(
    endpoint: Endpoint, prompt: int, most: int, data: st.DataObject, region: str | None, mode: Mode, ttl: CacheTtl
) -> None:
    bound = ceiling(endpoint, prompt, most, DAY, region=region, mode=mode)
    used = data.draw(counts(prompt, most))
    found = price_call(endpoint, used, DAY, region=region, mode=mode, cache_ttl=ttl)
    assert (bound is None) == (found.usd is None)
    if bound is not None and found.usd is not None:
        assert found.usd <= bound


@often
@given(endpoints(sound), a_length, st.integers(0, 5_000), a_region, a_mode)
def test_a_ceiling_is_reached_by_some_usage_within_it(
    endpoint: Endpoint, prompt: int, most: int, region: str | None, mode: Mode
) -> None:
    bound = ceiling(endpoint, prompt, most, DAY, region=region, mode=mode)
    assume(bound is not None)
    edges = {prompt, *(t.above - t.boundary_included for p in endpoint.prices for t in p.tiers)}
    extremes = [
        TokenCounts(input=length, output=most, cache_write=length * written, reasoning=most * hidden)
        for length in edges
        if length <= prompt
        for written in (0, 1)
        for hidden in (0, 1)
    ]
    reached = [
        billed(endpoint, used, region=region, mode=mode, cache_ttl=ttl) for used in extremes for ttl in CACHE_TTLS
    ]
    assert max(reached) == bound


@often
@given(endpoints(sound), counts(), a_region, a_mode, a_ttl)
def test_the_lines_of_a_call_are_all_its_tokens_and_all_its_dollars(
    endpoint: Endpoint, used: TokenCounts, region: str | None, mode: Mode, ttl: CacheTtl
) -> None:
    found = price_call(endpoint, used, DAY, region=region, mode=mode, cache_ttl=ttl)
    assume(found.usd is not None)
    assert sum(line.quantity for line in found.lines if line.unit == "tokens") == used.input + used.output
    assert sum(line.usd for line in found.lines) == found.usd
    for line in found.lines:
        assert line.usd == line.quantity * line.rate * line.uplift / (1_000_000 if line.per == "1M tokens" else 1)


@pytest.mark.parametrize("name", ["2026-11", "litellm"])
def test_every_endpoint_of_a_catalog_costs_one_call_what_its_ledger_says(name: str) -> None:
    catalog = load_catalog(name)
    workload = Workload(requests=1, period="run", input_tokens=250_000, output_tokens=700, reasoning_tokens=300)
    used = TokenCounts(input=250_000, output=1_000, reasoning=300)
    for endpoint in catalog.endpoints[:: 1 if len(catalog) < 500 else 10]:
        found, bill = price_call(endpoint, used, DAY), ledger(endpoint, workload, catalog, as_of=DAY)
        assert found.usd == bill.total_usd, endpoint.id
        bound = ceiling(endpoint, 250_000, 1_000, DAY)
        assert (bound is None) == (found.usd is None), endpoint.id
        assert bound is None or found.usd is None or found.usd <= bound, endpoint.id

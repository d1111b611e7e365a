"""What naive formulas get wrong, to the cent: each case worked out by hand at the prices of November 2026."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import Catalog, Endpoint, load_catalog
from llmlab.cost import Grid, Ledger, Workload, estimate, ledger

CATALOG = load_catalog("2026-11")
DAY = date(2026, 11, 23)
RAG = Workload(requests=100_000, input_tokens=4_000, output_tokens=500)
PREFIX = RAG.change(cacheable_tokens=3_200, cache_hit_rate=0.8)
CACHED = RAG.change(cache_hit_rate=0.8)  # 80 % of all input is read from the cache, the rest of it missed

SONNET = "anthropic/claude-sonnet-4-6"
HAIKU = "anthropic/claude-haiku-4-5"
GPT_4O = "openai/gpt-4o"
GEMINI = "gemini/gemini-2.5-pro"


def bill(id: str, workload: Workload, catalog: Catalog = CATALOG) -> Ledger:
    return ledger(catalog.endpoint(id), workload, catalog, as_of=DAY)


def total(id: str, workload: Workload, catalog: Catalog = CATALOG) -> Decimal:
    found = bill(id, workload, catalog).total_usd
    assert found is not None
    grid = Grid(catalog, as_of=DAY).price(workload).total
    assert grid[[e.id for e in catalog].index(id)] == pytest.approx(float(found), rel=1e-9)
    return found


def naive(id: str, share_of_input_cached: float, *, batch: bool = False) -> float:
    """The seed's formula at today's rates: a tenth for what is cached, half for a batch."""
    price = CATALOG.endpoint(id).price_on(DAY)
    assert price is not None
    rates = price.rates.standard
    assert rates is not None
    assert rates.input is not None and rates.output is not None
    usd = 400 * float(rates.input) * (1 - 0.9 * share_of_input_cached) + 50 * float(rates.output)
    return usd * (0.5 if batch else 1.0)


def without_write_price(id: str) -> Catalog:
    def strip(endpoint: Endpoint) -> Endpoint:
        price = endpoint.price_on(DAY)
        assert price is not None and price.rates.standard is not None
        rates = dataclasses.replace(price.rates.standard, cache_write_5m=None, cache_write_1h=None)
        modes = dataclasses.replace(price.rates, standard=rates)
        return dataclasses.replace(endpoint, prices=(dataclasses.replace(price, rates=modes),))

    return dataclasses.replace(CATALOG, endpoints=tuple(strip(e) if e.id == id else e for e in CATALOG))


def test_a_sonnet_prefix_that_every_request_finds_in_the_cache() -> None:
    assert total(SONNET, PREFIX.change(cache_hit_rate=1.0)) == Decimal(1086)


def test_sonnet_misses_at_the_plain_input_price_where_no_write_price_is_published() -> None:
    assert total(SONNET, PREFIX, without_write_price(SONNET)) == Decimal("1258.80")
    # The seed knows no write price: its own snapshot gives the same figure.
    assert total(SONNET, PREFIX, load_catalog("seed-2026-early")) == Decimal("1258.80")


@pytest.mark.parametrize(("ttl", "usd"), [("5m", "1306.80"), ("1h", "1450.80")])
def test_sonnet_misses_pay_the_write_premium_of_the_chosen_ttl(ttl: str, usd: str) -> None:
    assert total(SONNET, PREFIX.change(cache_ttl=ttl)) == Decimal(usd)


def test_the_sonnet_bill_names_each_part_of_the_write_premium() -> None:
    parts: dict[str, tuple[object, ...]] = {
        line.token_class: (line.quantity, line.rate, line.usd) for line in bill(SONNET, PREFIX).lines
    }
    assert parts == {
        "input": (80_000_000, 3, 240),
        "cache_read": (256_000_000, Decimal("0.3"), Decimal("76.80")),
        "cache_write": (64_000_000, Decimal("3.75"), 240),
        "output": (50_000_000, 15, 750),
    }


def test_a_haiku_prefix_below_the_minimum_caches_nothing_and_the_bill_says_so() -> None:
    assert total(HAIKU, PREFIX) == Decimal(650)
    (line,) = (line for line in bill(HAIKU, PREFIX).lines if line.token_class == "input")
    assert line.rule.endswith("not cached: the prefix is below the minimum of 4,096 tokens")
    (row,) = (row for row in estimate(PREFIX, CATALOG, as_of=DAY) if row.endpoint == HAIKU)
    assert "below the caching minimum of 4,096" in row.flags


def test_haiku_caches_from_its_minimum_on() -> None:
    below, at = (PREFIX.change(input_tokens=5_000, cacheable_tokens=n) for n in (4_095, 4_096))
    assert bill(HAIKU, below).usd("cache_read") == 0
    assert bill(HAIKU, at).usd("cache_read") > 0
    assert total(HAIKU, at) < total(HAIKU, below)


def test_gpt_4o_reads_from_the_cache_at_half_and_not_at_a_tenth() -> None:
    assert total(GPT_4O, CACHED) == Decimal(1100)


def test_gemini_batch_does_not_halve_cache_reads() -> None:
    assert total(GEMINI, CACHED.change(batch_share=1.0)) == Decimal(340)
    reads = [line for line in bill(GEMINI, CACHED.change(batch_share=1.0)).lines if line.token_class == "cache_read"]
    assert [(line.sent, line.rate) for line in reads] == [("batch", Decimal("0.125"))]


def test_the_gemini_tier_is_chosen_by_one_request_and_not_by_the_sum_of_all() -> None:
    assert RAG.requests * RAG.input_tokens > 200_000
    assert total(GEMINI, RAG) == Decimal(1000)


def test_the_gemini_tier_applies_to_the_whole_of_a_longer_request_and_from_the_first_token_over() -> None:
    one = RAG.change(requests=1, input_tokens=200_000)
    assert bill(GEMINI, one).total_usd == Decimal("0.255")  # 0.2 x 1.25 + 0.0005 x 10
    assert bill(GEMINI, one.change(input_tokens=200_001)).total_usd == Decimal("0.5075025")  # x 2.5 and x 15
    cached = one.change(input_tokens=200_001, cache_hit_rate=1.0)  # cached tokens count for the tier
    assert bill(GEMINI, cached).usd("cache_read") == Decimal("0.05000025")


@pytest.mark.parametrize("id", ["bedrock/eu.anthropic.claude-sonnet-4-6", "vertex_ai/claude-sonnet-4-6@eu"])
def test_sonnet_that_stays_in_the_eu_costs_ten_per_cent_more(id: str) -> None:
    assert total(id, RAG) == Decimal(2145)


def test_asking_a_global_vertex_endpoint_for_a_region_costs_the_uplift_too() -> None:
    assert total("vertex_ai/claude-sonnet-4-6", RAG) == Decimal(1950)
    assert total("vertex_ai/claude-sonnet-4-6", RAG.change(region="eu")) == Decimal(2145)


@pytest.mark.parametrize(
    ("id", "workload", "wrong"),
    [
        (SONNET, PREFIX, naive(SONNET, 0.8)),
        (HAIKU, PREFIX, naive(HAIKU, 0.64)),
        (GPT_4O, CACHED, naive(GPT_4O, 0.8)),
        (GEMINI, CACHED.change(batch_share=1.0), naive(GEMINI, 0.8, batch=True)),
        ("bedrock/eu.anthropic.claude-sonnet-4-6", RAG, naive(SONNET, 0.0)),
    ],
    ids=["write premium", "caching minimum", "cache read at half", "batch and cache", "regional uplift"],
)
def test_the_naive_formula_is_too_low(id: str, workload: Workload, wrong: float) -> None:
    assert wrong < float(total(id, workload)) - 10


def test_the_naive_figures_are_those_that_were_published_as_wrong() -> None:
    assert naive(SONNET, 0.8) == pytest.approx(1_086)
    assert naive(GPT_4O, 0.8) == pytest.approx(780)
    assert naive(GEMINI, 0.8, batch=True) == pytest.approx(320)
    # The tier chosen by 400M tokens instead of by 4,000: dearer by three quarters.
    tiers = load_catalog("2026-11").endpoint(GEMINI).price_on(DAY)
    assert tiers is not None and (long := tiers.tiers[0].rates.standard) is not None
    assert long.input is not None and long.output is not None
    assert 400 * long.input + 50 * long.output == Decimal(1750)


@pytest.mark.parametrize(
    ("id", "usd"),
    [
        ("anthropic/claude-opus-4-7", "3250"),
        ("anthropic/claude-sonnet-4-6", "1950"),
        ("anthropic/claude-haiku-4-5", "650"),
        ("openai/gpt-5", "1000"),
        ("openai/gpt-4o", "1500"),
        ("gemini/gemini-2.5-pro", "1000"),
        ("gemini/gemini-2.5-flash", "245"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "468"),
        ("mistral/mistral-large-2407", "1100"),
        ("together_ai/Qwen/Qwen2.5-72B-Instruct-Turbo", "540"),
        ("fireworks_ai/accounts/fireworks/models/qwen2p5-72b-instruct", "405"),
        ("deepseek/deepseek-v3", "163"),
        ("groq/llama-3.1-8b-instant", "24"),
    ],
)
def test_the_worked_example_costs_this_in_november(id: str, usd: str) -> None:
    assert total(id, RAG) == Decimal(usd)


def test_deepseek_v3_costs_half_when_all_of_it_is_sent_off_peak() -> None:
    assert total("deepseek/deepseek-v3", RAG.change(off_peak_share=1.0)) == Decimal("81.5")


def test_a_bill_of_decimals_has_no_float_noise_in_it() -> None:
    found = bill(SONNET, PREFIX.change(cache_hit_rate=0.1, retry_rate=0.02)).total_usd
    assert found is not None
    # (80M x 3 + 32M x 0.3 + 288M x 3.75 + 50M x 15) / 1M x 1.02
    assert found == Decimal("2121.192")

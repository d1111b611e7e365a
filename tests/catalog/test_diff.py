"""What moved between two snapshots, and that nothing else is said to have."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from llmlab.catalog import Catalog, Endpoint, load_catalog, parse_overrides
from llmlab.catalog.diff import Change, diff
from llmlab.catalog.overrides import apply
from llmlab.catalog.records import Evidence, ModeRates, OffPeak, PriceList, Rates, Residency, Tier

SEED = load_catalog("seed-2026-early")
NOVEMBER = load_catalog("2026-11")
MOVED = diff(SEED, NOVEMBER)
SAID = Evidence(source="page", checked_on=date(2026, 11, 1))
GPT_5 = "openai/gpt-5"


def with_endpoint(catalog: Catalog, id: str, /, **changes: Any) -> Catalog:
    return dataclasses.replace(
        catalog,
        endpoints=tuple(dataclasses.replace(e, **changes) if e.id == id else e for e in catalog.endpoints),
    )


def priced(**changes: Any) -> tuple[PriceList]:
    rates = ModeRates(standard=Rates(input=Decimal(1), output=Decimal(2)))
    return (dataclasses.replace(PriceList(rates=rates, evidence=SAID), **changes),)


def one(older: Catalog, newer: Catalog, **kwargs: Any) -> Change:
    (change,) = diff(older, newer, **kwargs)
    return change


def lines(endpoint: str) -> list[str]:
    return [str(change) for change in MOVED if change.endpoint == endpoint]


def test_a_catalog_does_not_differ_from_itself() -> None:
    for name in ("seed-2026-early", "2026-11", "litellm"):
        assert diff(load_catalog(name), load_catalog(name)) == ()


def test_the_seeds_opus_costs_a_third_of_it_today() -> None:
    change = next(c for c in MOVED if c.endpoint == "anthropic/claude-opus-4-7" and c.field == "standard input")
    assert (change.kind, change.old, change.new) == ("price", 15, 5)
    assert change.ratio == Decimal(5) / Decimal(15)
    assert change.text() == "anthropic/claude-opus-4-7: standard input $15 -> $5 per 1M tokens (x0.33)"


def test_the_publishers_hedge_stays_in_the_text() -> None:
    assert "openai/gpt-5: standard input starts at $10 -> $1.25 per 1M tokens (x0.13)" in lines(GPT_5)
    llama = "groq/llama-3.1-8b-instant"
    assert f"{llama}: standard input ~$0.10 -> $0.05 per 1M tokens (x0.5)" in lines(llama)


def test_an_endpoint_that_changed_its_id_is_paired_by_what_it_was_called_formerly() -> None:
    pro = "gemini/gemini-2.5-pro"
    assert f"{pro}: id gemini/gemini-2-pro -> {pro}" in lines(pro)
    assert f"{pro}: max input tokens 2,000,000 -> 1,048,576" in lines(pro)
    assert not any(change.kind == "gone" for change in MOVED)


def test_a_price_that_becomes_known_is_a_change_and_nothing_is_ever_zero() -> None:
    mini = next(c for c in MOVED if c.endpoint == "openai/gpt-5-mini" and c.field == "standard input")
    assert (mini.old, mini.new, mini.ratio) == (None, Decimal("0.25"), None)
    assert str(mini) == "openai/gpt-5-mini: standard input not stated -> $0.25 per 1M tokens"


def test_a_price_that_is_no_longer_stated_is_a_change() -> None:
    assert "deepseek/deepseek-v3: batch input $0.135 per 1M tokens -> not stated" in lines("deepseek/deepseek-v3")


def test_a_tier_is_named_by_its_threshold() -> None:
    pro = "gemini/gemini-2.5-pro"
    assert f"{pro}: over 200,000: standard input not stated -> $2.50 per 1M tokens" in lines(pro)


def test_a_retirement_and_its_successor_are_told() -> None:
    assert "openai/gpt-5: retires on not stated -> 2026-12-11" in lines(GPT_5)
    assert "openai/gpt-5: successor not stated -> openai/gpt-6.1-sol" in lines(GPT_5)


def test_what_is_new_and_what_is_gone_mirror_each_other() -> None:
    back = diff(NOVEMBER, SEED)
    new = {c.endpoint for c in MOVED if c.kind == "new"}
    gone = {c.endpoint for c in back if c.kind == "gone"}
    assert new <= gone  # and those that only `formerly` pairs, which a diff backwards cannot see
    assert gone - new == {e.id for e in NOVEMBER if e.formerly}
    text = next(c.text() for c in back if c.endpoint == "openai/gpt-6-luna")
    assert text == "openai/gpt-6-luna: gone, it was GPT-6 Luna by OpenAI, $0.10 in and $0.50 out per 1M tokens"


def test_what_is_new_says_its_price() -> None:
    assert lines("anthropic/claude-sonnet-5-5") == [
        "anthropic/claude-sonnet-5-5: new, Claude Sonnet 5.5 by Anthropic, $2 in and $10 out per 1M tokens"
    ]
    (box,) = lines("vllm/meta-llama/Llama-3.3-70B-Instruct")
    assert box.endswith("new, Llama 3.3 70B by Self-hosted vLLM, unpriced")


def test_every_endpoint_of_both_snapshots_is_accounted_for_once() -> None:
    new = Counter(c.endpoint for c in MOVED if c.kind == "new")
    assert set(new.values()) == {1}
    assert len(new) + len(SEED) == len(NOVEMBER)


def test_two_endpoints_cannot_both_have_been_the_same_one() -> None:
    old = with_endpoint(SEED, GPT_5, id="openai/gpt-five")
    newer = apply(SEED, parse_overrides("name: a\nendpoints: [{id: x/gpt, model: gpt-5, provider: openai,"
                                        " formerly: [openai/gpt-five]}]", "a.yaml"))  # fmt: skip
    newer = with_endpoint(newer, GPT_5, formerly=("openai/gpt-five",))
    assert [c.kind for c in diff(old, newer)] == ["name", "new"]


def test_an_id_that_is_still_there_is_itself_whoever_claims_it() -> None:
    newer = with_endpoint(SEED, "openai/gpt-4o", formerly=(GPT_5,))
    assert diff(SEED, newer) == ()


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"max_output_tokens": 64_000}, "window", "max output tokens 128,000 -> 64,000"),
        ({"max_input_tokens": None}, "window", "max input tokens 400,000 -> not stated"),
        ({"min_cache_tokens": 1024}, "cache", "min cache tokens not stated -> 1,024"),
        ({"residency": Residency(scope="eu")}, "residency", "scope unknown -> eu"),
        ({"regions": ("us", "eu")}, "residency", "regions none -> eu, us"),
        ({"residency": Residency(processed_in=("b", "a"))}, "residency", "processed in none -> a, b"),
        ({"retires_on": date(2027, 1, 1)}, "retirement", "retires on not stated -> 2027-01-01"),
        ({"litellm_model": "openai/gpt-5"}, "name", "LiteLLM model not stated -> openai/gpt-5"),
        ({"uplifts": {"eu": Decimal("1.10")}}, "price", "uplift in eu not stated -> 1.1"),
    ],
)
def test_each_thing_that_can_move_is_one_line(changes: dict[str, Any], kind: str, text: str) -> None:
    change = one(SEED, with_endpoint(SEED, GPT_5, **changes))
    assert (change.kind, str(change)) == (kind, f"openai/gpt-5: {text}")


@pytest.mark.parametrize(
    ("price", "text"),
    [
        ({"per_request_usd": Decimal("0.01")}, "fee not stated -> $0.01 per request"),
        ({"reserved_usd_per_hour": Decimal(12)}, "reserved not stated -> $12 per hour"),
        (
            {"rates": ModeRates(standard=Rates(input=Decimal(1), output=Decimal(2), cache_storage=Decimal(1)))},
            "standard cache storage not stated -> $1 per 1M tokens and hour",
        ),
        (
            {"tiers": (Tier(above=1000, boundary_included=True, rates=ModeRates(batch=Rates(output=Decimal(9)))),)},
            "from 1,000: batch output not stated -> $9 per 1M tokens",
        ),
        ({"evidence": dataclasses.replace(SAID, confidence="starts_at")}, "price list -> starts_at"),
    ],
)
def test_each_part_of_a_price_is_one_line(price: dict[str, Any], text: str) -> None:
    older, newer = (with_endpoint(SEED, GPT_5, prices=p) for p in (priced(), priced(**price)))
    assert str(one(older, newer)) == f"openai/gpt-5: {text}"


def test_off_peak_hours_and_rates_are_told_apart() -> None:
    hours = OffPeak(hours_utc="16:30-00:30", rates=Rates(input=Decimal("0.5")))
    older, newer = (with_endpoint(SEED, GPT_5, prices=p) for p in (priced(), priced(off_peak=hours)))
    assert [str(c).partition(": ")[2] for c in diff(older, newer)] == [
        "off-peak hours (UTC) not stated -> 16:30-00:30",
        "off-peak input not stated -> $0.50 per 1M tokens",
    ]


def test_prices_are_those_of_the_older_ones_own_day_and_of_the_day_asked_for() -> None:
    def listed(rate: int, **span: Any) -> PriceList:
        rates = ModeRates(standard=Rates(input=Decimal(rate), output=Decimal(rate)))
        return PriceList(rates=rates, evidence=SAID, **span)

    ends = date(2026, 3, 1)
    older = with_endpoint(SEED, GPT_5, prices=(listed(3, effective_to=ends),))  # its own day is 15 February
    newer = with_endpoint(NOVEMBER, GPT_5, prices=(listed(3, effective_to=ends), listed(2, effective_from=ends)))

    def inputs(as_of: date | None) -> list[tuple[object, object]]:
        moved = diff(older, newer, as_of=as_of)
        return [(c.old, c.new) for c in moved if c.endpoint == GPT_5 and c.field == "standard input"]

    assert inputs(None) == [(3, 2)]
    assert inputs(date(2026, 2, 20)) == []


def test_a_price_that_was_zero_has_no_ratio() -> None:
    free = priced(rates=ModeRates(standard=Rates(input=Decimal(0), output=Decimal(2))))
    change = one(with_endpoint(SEED, GPT_5, prices=free), with_endpoint(SEED, GPT_5, prices=priced()))
    assert change.ratio is None
    assert str(change) == "openai/gpt-5: standard input $0 -> $1 per 1M tokens"


def test_a_discount_of_ones_own_shows_on_every_rate() -> None:
    deal = parse_overrides("name: d\ndiscounts: [{endpoint: openai/gpt-5, factor: 0.9, note: n}]", "d.yaml")
    moved = diff(SEED, apply(SEED, deal))
    assert {c.ratio for c in moved} == {Decimal("0.9")}
    assert len(moved) == 6


def test_every_change_is_one_plain_line() -> None:
    for change in MOVED:
        text = str(change)
        assert text == change.text()
        assert text.startswith(f"{change.endpoint}: ")
        assert "\n" not in text and "None" not in text and "Decimal" not in text


def test_the_catalogs_own_method_gives_the_same() -> None:
    assert SEED.diff(NOVEMBER) == MOVED


def test_an_endpoint_is_what_it_is_made_of() -> None:
    copy: Endpoint = dataclasses.replace(SEED.endpoint(GPT_5))
    assert diff(SEED, dataclasses.replace(SEED, endpoints=(copy,)))[-1].kind == "gone"

"""The bill: every line says what it is, and what nobody priced is unpriced, never $0."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import Catalog, Endpoint, Evidence, PriceList, Rates, load_catalog, parse_overrides
from llmlab.catalog.records import ModeRates, OffPeak, Tier
from llmlab.cost import Ledger, Line, Workload, ledger
from llmlab.errors import UnpricedError

CATALOG = load_catalog("2026-11")
DAY = date(2026, 11, 23)
RAG = Workload(requests=100_000, input_tokens=4_000, output_tokens=500)
SONNET = "anthropic/claude-sonnet-4-6"
SAID = Evidence(source="made up", checked_on=date(2026, 11, 1), confidence="approx")
BOX = parse_overrides(
    """
name: our-box
evidence: {source: invoice of October, checked_on: 2026-10-31}
providers: [{id: house, name: House, host: self_host}]
endpoints:
  - id: house/llama-3-3-70b
    model: llama-3-3-70b
    provider: house
    prices: [{reserved_usd_per_hour: 12.29}]
""",
    "our-box.yaml",
)


def bill(endpoint: str | Endpoint, workload: Workload = RAG, catalog: Catalog = CATALOG, day: date = DAY) -> Ledger:
    found = catalog.endpoint(endpoint) if isinstance(endpoint, str) else endpoint
    return ledger(found, workload, catalog, as_of=day)


def line(found: Ledger, token_class: str, sent: str = "standard") -> Line:
    (only,) = (one for one in found.lines if (one.token_class, one.sent) == (token_class, sent))
    return only


def made(price: PriceList, **fields: object) -> Endpoint:
    return dataclasses.replace(CATALOG.endpoint(SONNET), prices=(price,), min_cache_tokens=None, **fields)  # type: ignore[arg-type]


def priced(**parts: object) -> PriceList:
    standard = Rates(input=Decimal(2), output=Decimal(10))
    return PriceList(**{"rates": ModeRates(standard=standard), "evidence": SAID} | parts)  # type: ignore[arg-type]


def test_a_line_carries_quantity_rate_rule_source_and_the_day_it_was_checked() -> None:
    assert line(bill(made(priced())), "input") == Line(
        token_class="input",
        sent="standard",
        quantity=Decimal(400_000_000),
        unit="tokens",
        rate=Decimal(2),
        per="1M tokens",
        uplift=Decimal(1),
        usd=Decimal(800),
        rule="standard input",
        source="made up",
        checked_on=date(2026, 11, 1),
        confidence="approx",
    )


def test_a_class_without_tokens_has_no_line() -> None:
    assert [one.token_class for one in bill(SONNET).lines] == ["input", "output"]


def test_a_request_of_no_tokens_costs_its_fee_and_is_not_called_unpriced() -> None:
    empty = RAG.change(input_tokens=0, output_tokens=0)
    found = bill(made(priced(per_request_usd=Decimal("0.005"))), empty)
    assert found.unpriced is None
    assert found.total_usd == 500
    assert bill(SONNET, empty).total_usd == 0


def test_dollars_per_request_and_of_some_classes_follow_from_the_lines() -> None:
    found = bill(SONNET)
    assert found.usd_per_request == Decimal("0.0195")
    assert found.usd("input", "output") == found.total_usd == 1_950
    assert found.usd("reasoning") == 0


# --- What is missing -------------------------------------------------------------------------------------------------


def test_reasoning_without_a_price_of_its_own_is_billed_as_output_and_says_so() -> None:
    found = line(bill(SONNET, RAG.change(reasoning_tokens=5_000)), "reasoning")
    assert (found.rate, found.usd) == (Decimal(15), Decimal(7_500))
    assert found.rule == "standard output (billed as output)"


def test_a_cache_write_without_a_price_is_billed_as_input_and_says_so() -> None:
    rates = Rates(input=Decimal(2), cache_read=Decimal("0.2"), output=Decimal(10))
    found = bill(made(priced(rates=ModeRates(standard=rates))), RAG.change(cache_hit_rate=0.5))
    assert line(found, "cache_write").rule == "standard input (no write premium published)"
    assert line(found, "cache_write").rate == 2


def test_a_one_hour_write_takes_the_five_minute_price_where_that_is_all_there_is() -> None:
    rates = Rates(input=Decimal(2), cache_read=Decimal("0.2"), cache_write_5m=Decimal("2.5"), output=Decimal(10))
    workload = RAG.change(cache_hit_rate=0.5, cache_ttl="1h")
    found = line(bill(made(priced(rates=ModeRates(standard=rates))), workload), "cache_write")
    assert (found.rate, found.rule) == (Decimal("2.5"), "standard cache write 5m (no 1h price published)")


def test_without_a_cache_read_price_nothing_is_cached_and_the_input_line_says_so() -> None:
    found = bill(made(priced()), RAG.change(cache_hit_rate=0.8))
    assert found.total_usd == 1_300
    assert line(found, "input").rule == "standard input; not cached: no cache read price published"


def test_a_cache_read_dearer_than_input_is_capped_at_the_input_rate() -> None:
    rates = ModeRates(
        standard=Rates(input=Decimal(2), cache_read=Decimal(1), output=Decimal(10)),
        batch=Rates(input=Decimal("0.5"), output=Decimal(5)),
    )
    workload = RAG.change(cache_hit_rate=1.0, batch_share=1.0)
    found = line(bill(made(priced(rates=rates)), workload), "cache_read", "batch")
    assert found.rate == Decimal("0.5")
    assert found.rule == "none published for batch: standard cache read, capped at the input rate"


def test_an_endpoint_that_sells_no_batch_bills_it_at_standard_and_says_so() -> None:
    found = bill(made(priced()), RAG.change(batch_share=1.0))
    assert found.total_usd == 1_300
    assert line(found, "input", "batch").rule == "no batch price published: standard input"


def test_flex_falls_back_to_standard_and_says_so() -> None:
    found = bill(SONNET, RAG.change(mode="flex"))
    assert found.total_usd == 1_950
    assert line(found, "output", "flex").rule == "no flex price published: standard output"
    assert bill("openai/gpt-5", RAG.change(mode="flex")).total_usd == 500


def test_priority_is_bought_so_that_where_it_is_not_sold_it_is_unpriced() -> None:
    found = bill(SONNET, RAG.change(mode="priority"))
    assert (found.total_usd, found.usd_per_request, found.lines) == (None, None, ())
    assert found.unpriced == "no priority price published"
    assert bill("openai/gpt-5", RAG.change(mode="priority")).total_usd == 2_000


def test_what_waits_for_a_batch_is_not_asked_for_a_priority_price() -> None:
    assert bill(SONNET, RAG.change(mode="priority", batch_share=1.0)).total_usd == 975
    assert bill(SONNET, RAG.change(mode="priority", batch_share=0.5)).unpriced == "no priority price published"


def test_dollars_of_an_unpriced_bill_are_refused_and_not_zero() -> None:
    found = bill("vllm/deepseek-ai/DeepSeek-V3")
    assert found.unpriced == "no price published"
    with pytest.raises(UnpricedError, match="vllm/deepseek-ai/DeepSeek-V3: no price published"):
        found.usd("input")


def test_a_price_that_is_not_in_force_yet_is_said_apart_from_none_at_all() -> None:
    later = priced(effective_from=date(2027, 1, 1))
    assert bill(made(later)).unpriced == "no price in force on this day"
    assert bill(made(later), day=date(2027, 1, 1)).total_usd == 1_300


def test_half_a_price_is_no_price() -> None:
    only_input = priced(rates=ModeRates(standard=Rates(input=Decimal(2))))
    assert bill(made(only_input)).unpriced == "no price published"


# --- Tiers, hours, regions, retries ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("included", "usd"), [(False, Decimal("0.4")), (True, Decimal(4))])
def test_whether_the_boundary_belongs_to_the_tier_is_data(included: bool, usd: Decimal) -> None:
    dear = ModeRates(standard=Rates(input=Decimal(20), output=Decimal(100)))
    price = priced(tiers=(Tier(above=200_000, rates=dear, boundary_included=included),))
    at = RAG.change(requests=1, input_tokens=200_000, output_tokens=0)
    assert bill(made(price), at).total_usd == usd
    over = bill(made(price), at.change(input_tokens=200_001))
    assert line(over, "input").rule == f"standard, prompt {'at least' if included else 'over'} 200,000 input"


def test_of_several_tiers_the_highest_that_the_prompt_reaches_applies() -> None:
    tiers = tuple(
        Tier(above=above, rates=ModeRates(standard=Rates(input=Decimal(rate))))
        for above, rate in ((100, 3), (1_000, 5), (10_000, 7))
    )
    rates = [
        line(bill(made(priced(tiers=tiers)), RAG.change(input_tokens=n)), "input").rate
        for n in (100, 101, 1_001, 10_001)
    ]
    assert rates == [2, 3, 5, 7]


def test_a_tier_without_a_batch_price_takes_the_tiers_standard_rate_and_not_the_cheaper_base() -> None:
    base = ModeRates(
        standard=Rates(input=Decimal(2), output=Decimal(10)), batch=Rates(input=Decimal(1), output=Decimal(5))
    )
    long = Tier(above=200_000, rates=ModeRates(standard=Rates(input=Decimal(4))))
    found = bill(made(priced(rates=base, tiers=(long,))), RAG.change(input_tokens=200_001, batch_share=1.0))
    assert line(found, "input", "batch").rate == 4
    assert line(found, "output", "batch").rate == 5  # the tier says nothing of output: the mode does


def test_off_peak_traffic_is_split_off_and_named() -> None:
    found = bill("deepseek/deepseek-v3", RAG.change(off_peak_share=0.5))
    assert found.total_usd == Decimal("122.25")  # half of 163 and half of 81.50
    assert line(found, "input", "off-peak").rule == "off-peak 16:30-00:30 UTC input"
    assert line(found, "input").quantity == line(found, "input", "off-peak").quantity == 200_000_000


def test_off_peak_is_for_standard_traffic_only_and_for_who_sells_it() -> None:
    assert bill(SONNET, RAG.change(off_peak_share=1.0)) == dataclasses.replace(
        bill(SONNET), workload=RAG.change(off_peak_share=1.0)
    )
    waiting = bill("deepseek/deepseek-v3", RAG.change(off_peak_share=1.0, batch_share=1.0))
    assert {one.sent for one in waiting.lines} == {"batch"}


def test_off_peak_hours_give_no_discount_on_a_long_prompt_that_nobody_published() -> None:
    dear = Tier(above=100, rates=ModeRates(standard=Rates(input=Decimal(4), output=Decimal(20))))
    cheap = OffPeak(hours_utc="16:30-00:30", rates=Rates(input=Decimal(1), output=Decimal(5)))
    found = bill(made(priced(tiers=(dear,), off_peak=cheap)), RAG.change(off_peak_share=1.0))
    assert {one.rate for one in found.lines} == {4, 20}


def test_a_regional_uplift_is_on_every_token_line_and_said() -> None:
    found = bill("vertex_ai/claude-sonnet-4-6", RAG.change(region="eu", reasoning_tokens=100))
    assert {one.uplift for one in found.lines} == {Decimal("1.1")}
    assert all(one.rule.endswith("x 1.1 regional uplift") for one in found.lines)


def test_an_uplift_is_not_on_fees_or_on_reserved_hours() -> None:
    price = priced(per_request_usd=Decimal("0.01"), reserved_usd_per_hour=Decimal(10))
    found = bill(made(price, uplifts={"eu": Decimal("1.1")}), RAG.change(region="eu"))
    assert (line(found, "fees").usd, line(found, "reservation").usd) == (Decimal(1_000), Decimal(7_300))
    assert line(found, "input").usd == 880


def test_billed_retries_multiply_every_token_and_fee_and_are_said() -> None:
    price = priced(per_request_usd=Decimal("0.01"))
    once, again = bill(made(price)), bill(made(price), RAG.change(retry_rate=0.02))
    assert once.total_usd is not None and again.total_usd == once.total_usd * Decimal("1.02")
    assert all(one.rule.endswith("with 2 % billed retries") for one in again.lines)
    assert line(again, "fees").quantity == 102_000


# --- The same text ---------------------------------------------------------------------------------------------------


def test_the_same_text_is_more_tokens_to_another_tokenizer_and_the_line_says_the_factor() -> None:
    found = bill("anthropic/claude-opus-4-7", RAG.change(same_text=True))
    assert found.total_usd == Decimal(4875)  # 3,250 x 1.5
    assert all("; x 1.5 tokens for the same text (" in one.rule for one in found.lines)


def test_the_same_text_is_unpriced_where_nobody_measured_the_tokenizer() -> None:
    found = bill("mistral/mistral-large-2407", RAG.change(same_text=True))
    assert (found.total_usd, found.unpriced) == (None, "no tokenizer factor known for this model")


def test_the_scaled_prompt_decides_on_the_caching_minimum() -> None:
    # 3,000 tokens of text are 4,500 of Opus 4.7's tokenizer, past its minimum.
    opus = dataclasses.replace(CATALOG.endpoint("anthropic/claude-opus-4-7"), min_cache_tokens=4_096)
    workload = RAG.change(input_tokens=3_000, cache_hit_rate=1.0)
    assert bill(opus, workload).usd("cache_read") == 0
    assert line(bill(opus, workload.change(same_text=True)), "cache_read").quantity == 450_000_000


# --- Beside the tokens -----------------------------------------------------------------------------------------------


def test_storage_is_billed_for_one_prefix_over_the_hours_it_is_held() -> None:
    held = RAG.change(cacheable_tokens=3_200, cache_hit_rate=1.0, cache_storage_hours=730.0)
    found = line(bill("gemini/gemini-3.8-flash", held), "cache_storage")
    assert (found.quantity, found.rate, found.unit) == (Decimal(3_200 * 730), Decimal("0.5"), "token-hours")
    assert found.usd == Decimal("1.168")
    assert found.rule == "one prefix held for 730 h"


def test_a_reserved_box_costs_its_hours_whatever_is_sent_to_it() -> None:
    catalog = load_catalog("2026-11", BOX)
    for requests in (1, 10**9):
        found = bill("house/llama-3-3-70b", RAG.change(requests=requests), catalog)
        assert found.total_usd == Decimal("12.29") * 730
        assert [one.token_class for one in found.lines] == ["reservation"]
    assert bill("house/llama-3-3-70b", RAG.change(period="day"), catalog).total_usd == Decimal("12.29") * 24
    assert bill("house/llama-3-3-70b", RAG.change(mode="priority"), catalog).total_usd == Decimal("12.29") * 730


def test_a_reserved_box_has_no_price_for_a_single_run() -> None:
    found = bill("house/llama-3-3-70b", RAG.change(period="run"), load_catalog("2026-11", BOX))
    assert found.unpriced == "paid by the hour: choose the period day or month"


def test_reserved_hours_with_token_rates_beside_them_do_not_make_an_unsold_mode_free() -> None:
    both = made(priced(reserved_usd_per_hour=Decimal(10)))
    assert bill(both).total_usd == 1_300 + 7_300
    assert bill(both, RAG.change(mode="priority")).unpriced == "no priority price published"


def test_an_endpoint_that_does_not_make_text_is_not_priced_as_if_it_did() -> None:
    image = dataclasses.replace(CATALOG.endpoint(SONNET), task="image")
    assert bill(image).total_usd is None
    assert (bill(image).unpriced or "").startswith("not a text endpoint")

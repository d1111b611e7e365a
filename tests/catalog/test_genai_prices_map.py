"""The installed genai-prices, as it comes out of the translation."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import genai_prices.data
from genai_prices.types import TieredPrices, Usage

from llmlab.catalog import load_catalog
from llmlab.catalog.genai_prices_map import read_genai_prices
from llmlab.catalog.records import Endpoint, Mode, PriceList, Rates

TODAY = date(2026, 11, 23)
BY_ID = {endpoint.id: endpoint for endpoint in read_genai_prices().endpoints}
SOLD = {
    f"{provider.id}/{model.id}": (provider, model)
    for provider in genai_prices.data.providers
    for model in provider.models
}


def on(id: str, day: date = TODAY) -> PriceList:
    price = BY_ID[id].price_on(day)
    assert price is not None
    return price


def rates(id: str, mode: Mode = "standard", day: date = TODAY) -> Rates:
    found = on(id, day).rates.of(mode)
    assert found is not None
    return found


def in_out(found: Rates | None) -> tuple[str, str]:
    assert found is not None
    return str(found.input), str(found.output)


def test_every_model_is_an_endpoint() -> None:
    assert BY_ID.keys() == SOLD.keys()
    assert len(BY_ID) == len(read_genai_prices().endpoints)


def test_sonnet_had_a_long_tier_until_march_and_is_flat_since() -> None:
    id = "anthropic/claude-sonnet-4-6"
    before, after = on(id, date(2026, 3, 12)), on(id, date(2026, 3, 13))
    assert [tier.above for tier in before.tiers] == [200_000] and after.tiers == ()
    assert before.effective_to == after.effective_from == date(2026, 3, 13)
    assert in_out(before.tiers[0].rates.standard) == ("6", "22.5")
    assert in_out(rates(id)) == ("3", "15") and rates(id).cache_write_1h == 6


def test_price_lists_join_without_a_gap() -> None:
    for endpoint in BY_ID.values():
        for earlier, later in zip(endpoint.prices, endpoint.prices[1:], strict=False):
            assert earlier.effective_to is not None and earlier.effective_to == later.effective_from, endpoint.id


def test_batch_begins_on_the_day_it_was_first_checked() -> None:
    id = "anthropic/claude-sonnet-4-6"
    assert on(id, date(2026, 10, 13)).rates.batch is None
    assert in_out(rates(id, "batch")) == ("1.5", "7.5")


def test_flex_and_priority_are_service_tiers() -> None:
    assert in_out(rates("openai/gpt-5", "flex")) == ("0.625", "5")
    assert in_out(rates("openai/gpt-5", "priority")) == ("2.5", "20")


def test_a_class_that_batch_leaves_out_costs_what_it_costs_at_standard() -> None:
    assert rates("google/gemini-2.5-pro", "batch").cache_read == Decimal("0.125")
    (tier,) = on("google/gemini-2.5-pro").tiers
    assert tier.rates.batch == Rates(input=Decimal("1.25"), cache_read=Decimal("0.25"), output=Decimal("7.5"))


def test_a_flat_price_stays_flat_beside_a_tiered_one() -> None:
    (tier,) = on("openai/gpt-5.5").tiers
    assert tier.rates.priority == on("openai/gpt-5.5").rates.priority
    assert tier.rates.standard is not None and tier.rates.standard.input == 10


def test_cheaper_hours_are_off_peak_and_the_dearer_ones_standard() -> None:
    price = on("deepseek/deepseek-chat")
    assert price.rates.standard == Rates(input=Decimal("0.27"), cache_read=Decimal("0.07"), output=Decimal("1.1"))
    assert price.off_peak is not None and price.off_peak.hours_utc == "16:30-00:30"
    assert in_out(price.off_peak.rates) == ("0.135", "0.55")
    later = on("deepseek/deepseek-v4-pro").off_peak
    assert later is not None and later.hours_utc == "04:00-06:00, 10:00-01:00"


def test_llama_on_together_costs_the_same_both_ways() -> None:
    assert in_out(rates("together/meta-llama/Llama-3.3-70B-Instruct-Turbo")) == ("0.88", "0.88")


def test_a_fee_per_thousand_requests_is_a_fee_per_request() -> None:
    fees = {id: e.prices[-1].per_request_usd for id, e in BY_ID.items() if e.prices and e.prices[-1].per_request_usd}
    for id, fee in fees.items():
        assert fee * 1000 == vars(SOLD[id][1].get_prices(datetime(2026, 11, 23, tzinfo=UTC)))["requests_kcount"], id
    assert fees


def test_without_both_prices_a_model_is_unpriced_and_says_why() -> None:
    for id, endpoint in BY_ID.items():
        price = SOLD[id][1].get_prices(datetime(2026, 11, 23, 12, tzinfo=UTC))
        both = bool(vars(price).get("input_mtok") and vars(price).get("output_mtok"))
        assert both == bool(endpoint.prices), id
        assert both != ("unpriced: no" in (endpoint.note or "")), id


def test_what_it_says_of_other_contexts_is_named_and_not_dropped_in_silence() -> None:
    assert BY_ID["anthropic/claude-opus-5"].note == "other prices for speed=fast are not here"


def test_a_global_bedrock_profile_is_global_and_a_regional_one_unknown() -> None:
    scopes = {id: BY_ID[id].residency.scope for id in BY_ID if id.startswith("aws/")}
    assert scopes["aws/global.anthropic.claude-sonnet-4-6-v1:0"] == "global"
    assert scopes["aws/regional.anthropic.claude-sonnet-4-6-v1:0"] == "unknown"
    assert BY_ID["aws/regional.anthropic.claude-haiku-4-5-20251001-v1:0"].model == "claude-haiku-4-5-20251001"


def test_a_sample_agrees_with_the_package_s_own_calculator_around_every_tier() -> None:
    """Uncached tokens at noon UTC today, by its arithmetic and by ours."""
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    ids = sorted(id for id, endpoint in BY_ID.items() if endpoint.prices)
    tiered = [id for id in ids if on(id).tiers]
    for id in {*random.Random(7).sample(ids, 400), *tiered}:
        endpoint, (provider, model) = BY_ID[id], SOLD[id]
        if on(id).off_peak:
            continue
        for prompt in {1_000, *(tier.above + more for tier in on(id).tiers for more in (0, 1))}:
            usage = Usage(input_tokens=prompt, output_tokens=500)
            theirs = model.calc_price(usage, provider, genai_request_timestamp=noon)
            assert _bill(endpoint, prompt, 500) == theirs.input_price + theirs.output_price, (id, prompt)
    assert len(tiered) > 100


def _bill(endpoint: Endpoint, input_tokens: int, output_tokens: int) -> Decimal:
    price = on(endpoint.id)
    covering = [tier.rates for tier in price.tiers if tier.covers(input_tokens)]
    found = (covering[-1] if covering else price.rates).standard
    assert found is not None and found.input is not None and found.output is not None
    return (found.input * input_tokens + found.output * output_tokens) / 1_000_000


def test_a_tier_starts_over_its_start_as_the_package_has_it() -> None:
    table = vars(SOLD["google/gemini-2.5-pro"][1].prices)["input_mtok"]
    assert isinstance(table, TieredPrices)
    (tier,) = on("google/gemini-2.5-pro").tiers
    assert tier.above == table.tiers[0].start and not tier.covers(tier.above)


def test_as_a_catalog_it_pins_the_version() -> None:
    catalog = load_catalog("genai-prices")
    assert catalog.packages == {"genai-prices": read_genai_prices().version} and len(catalog) == len(SOLD)

"""The installed LiteLLM's rows, as they come out of the translation."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmlab.catalog import load_catalog
from llmlab.catalog.litellm_map import FILE, per_million, read_litellm
from llmlab.catalog.records import Endpoint, Rates
from llmlab.errors import UnknownNameError

TEXT = {"chat", "completion", "responses"}


def read_directly() -> dict[str, dict[str, Any]]:
    """The package's own rows, by the plainest route."""
    spec = importlib.util.find_spec("litellm")
    assert spec is not None and spec.submodule_search_locations is not None
    rows = json.loads((Path(spec.submodule_search_locations[0]) / FILE).read_text(), parse_float=Decimal)
    return {key: row for key, row in rows.items() if key not in ("sample_spec", "fallback_generalizations")}


ROWS = read_directly()
BY_ID = {endpoint.id: endpoint for endpoint in read_litellm().endpoints}


def standard(id: str) -> Rates:
    rates = BY_ID[id].prices[0].rates.standard
    assert rates is not None
    return rates


def rates(id: str, mode: str = "standard", tier: int | None = None) -> tuple[str | None, ...]:
    """Input, output, cache read, cache writes (5m, 1h), as text."""
    price = BY_ID[id].prices[0]
    found = getattr(price.rates if tier is None else price.tiers[tier].rates, mode)
    shown = (found.input, found.output, found.cache_read, found.cache_write_5m, found.cache_write_1h)
    return tuple(None if rate is None else str(rate) for rate in shown)


def priced(endpoint: Endpoint) -> bool:
    return any(price.priced for price in endpoint.prices)


def test_litellm_is_never_imported() -> None:
    code = "import sys, llmlab.catalog.litellm_map as m; m.read_litellm(); print('litellm' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_every_row_is_an_endpoint_or_counted_as_left_out() -> None:
    bulk = read_litellm()
    assert BY_ID.keys() == ROWS.keys()
    assert len(BY_ID) == len(bulk.endpoints) > 4000
    assert sum(bulk.left_out.values()) == 2


def test_every_endpoint_names_a_model_and_a_provider_that_are_there() -> None:
    bulk = read_litellm()
    assert {e.model for e in bulk.endpoints} == {m.id for m in bulk.models}
    assert {e.provider for e in bulk.endpoints} == {p.id for p in bulk.providers}


def test_sonnet_has_cache_writes_and_batch() -> None:
    assert rates("claude-sonnet-4-6") == ("3", "15", "0.3", "3.75", "6")
    assert rates("claude-sonnet-4-6", "batch")[:2] == ("1.5", "7.5")
    assert BY_ID["claude-sonnet-4-6"].prices[0].tiers == ()


def test_gpt_5_has_batch_flex_and_priority() -> None:
    assert rates("gpt-5") == ("1.25", "10", "0.125", None, None)
    assert rates("gpt-5", "batch")[:2] == ("0.625", "5")
    assert rates("gpt-5", "flex")[:2] == ("0.625", "5")
    assert rates("gpt-5", "priority")[:2] == ("2.5", "20")


def test_a_cache_read_of_gpt_4o_is_half_its_input() -> None:
    assert rates("gpt-4o") == ("2.5", "10", "1.25", None, None)
    assert rates("gpt-4o", "batch")[:2] == ("1.25", "5")


def test_gemini_pro_has_a_tier_over_200k_and_batch_does_not_halve_its_cache_reads() -> None:
    id = "gemini/gemini-2.5-pro"
    assert rates(id)[:3] == ("1.25", "10", "0.125")
    assert rates(id, tier=0)[:3] == ("2.5", "15", "0.25")
    assert rates(id, "batch")[:3] == ("0.625", "5", "0.125")
    assert BY_ID[id].min_cache_tokens == 2048
    (tier,) = BY_ID[id].prices[0].tiers
    assert not tier.covers(200_000) and tier.covers(200_001)


def test_haiku_has_a_minimum_prefix() -> None:
    assert rates("claude-haiku-4-5")[:3] == ("1", "5", "0.1")
    assert BY_ID["claude-haiku-4-5"].min_cache_tokens == 4096


def test_a_regional_bedrock_profile_has_its_own_price_and_scope() -> None:
    endpoint = BY_ID["eu.anthropic.claude-sonnet-4-6"]
    assert rates(endpoint.id)[:2] == ("3.3", "16.5")
    assert endpoint.residency.scope == "eu" and endpoint.model == "claude-sonnet-4-6"
    assert endpoint.litellm_model == "bedrock/eu.anthropic.claude-sonnet-4-6"
    assert endpoint.uplift(None) == 1, "the profile's own price has the surcharge in it"


def test_uplifts_are_those_for_regions_and_none_for_speed() -> None:
    assert BY_ID["vertex_ai/claude-sonnet-4-6"].uplifts == {"*": Decimal("1.1")}
    assert BY_ID["claude-opus-5-5"].uplifts == {"us": Decimal("1.1")}
    assert BY_ID["gpt-5.5"].uplifts == {"eu": Decimal("1.1"), "us": Decimal("1.1")}


def test_regions_and_scopes_come_from_prefixes_and_are_otherwise_unknown() -> None:
    frankfurt = BY_ID["bedrock/eu-central-1/anthropic.claude-v2:1"]
    assert (frankfurt.regions, frankfurt.residency.scope) == (("eu-central-1",), "eu")
    assert BY_ID["azure/eu/gpt-5-2025-08-07"].residency.scope == "eu"
    assert BY_ID["azure/gpt-5"].residency.scope == "unknown"
    evidence = frankfurt.residency.evidence
    assert evidence is not None and evidence.source.endswith("(prefix bedrock/eu-central-1/)")


def test_a_tier_of_xai_begins_at_its_boundary() -> None:
    (tier,) = BY_ID["xai/grok-4.20"].prices[0].tiers
    assert tier.covers(200_000)


def test_stepped_price_tables_become_tiers() -> None:
    price = BY_ID["dashscope/qwen3-coder-flash"].prices[0]
    assert [tier.above for tier in price.tiers] == [32_000, 128_000, 256_000]
    assert rates("dashscope/qwen3-coder-flash")[:3] == ("0.3", "1.5", "0.08")
    assert rates("dashscope/qwen3-coder-flash", tier=2)[:3] == ("1.6", "9.6", "0.4")


def test_a_cache_write_listed_at_zero_is_not_published() -> None:
    assert ROWS["deepseek/deepseek-v3"]["cache_creation_input_token_cost"] == 0
    assert rates("deepseek/deepseek-v3") == ("0.27", "1.1", "0.07", None, None)


def test_a_cache_read_listed_at_zero_is_kept_and_noted() -> None:
    endpoint = BY_ID["tensormesh/openai/gpt-oss-20b"]
    assert standard(endpoint.id).cache_read == 0
    assert endpoint.note == "cache reads are listed at 0"


def test_off_peak_hours_keep_their_weekdays() -> None:
    off_peak = BY_ID["deepseek/deepseek-v4-pro"].prices[0].off_peak
    assert off_peak is not None
    assert off_peak.hours_utc == "Mon-Fri 00:00-01:00, 04:00-06:00, 10:00-00:00; Sat-Sun all day"
    assert off_peak.rates == Rates(input=Decimal("0.66"), cache_read=Decimal("0.022"), output=Decimal("1.98"))


@pytest.mark.parametrize(
    ("id", "day"),
    [
        ("gpt-5", date(2026, 12, 11)),
        ("azure/gpt-5", date(2027, 2, 9)),
        ("gpt-4o", date(2027, 1, 14)),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", date(2026, 10, 15)),
        ("claude-sonnet-4-6", None),
    ],
)
def test_retirement_dates_are_their_own_or_those_of_the_newest_snapshot(id: str, day: date | None) -> None:
    assert BY_ID[id].retires_on == day


def test_no_text_endpoint_is_free() -> None:
    for endpoint in BY_ID.values():
        for price in endpoint.prices:
            every = [price.rates, *(tier.rates for tier in price.tiers)]
            sets = [r for rates in every for r in (rates.standard, rates.batch, rates.flex, rates.priority) if r]
            assert all(rate is None or rate > 0 for r in sets for rate in (r.input, r.output, r.reasoning)), endpoint.id


def test_a_text_row_without_an_input_price_is_unpriced_and_says_why() -> None:
    for key, row in ROWS.items():
        if row.get("mode") in TEXT and not row.get("input_cost_per_token") and "tiered_pricing" not in row:
            assert BY_ID[key].prices == () and "unpriced: " in (BY_ID[key].note or ""), key
    assert BY_ID["ollama/llama3"].note == "unpriced: input listed at 0, output listed at 0"


def test_priced_rows_are_exactly_those_with_both_prices() -> None:
    for key, row in ROWS.items():
        stepped = any("range" in step for step in row.get("tiered_pricing", ()))
        both = row.get("input_cost_per_token") and row.get("output_cost_per_token")
        assert priced(BY_ID[key]) == bool(both or stepped), key
        assert priced(BY_ID[key]) != ("unpriced" in (BY_ID[key].note or "")), key


def test_rows_of_other_modes_say_their_mode_and_keep_their_token_prices() -> None:
    embedding = BY_ID["text-embedding-3-small"]
    assert embedding.task == "embedding"
    assert standard(embedding.id) == Rates(input=Decimal("0.02"))
    for key, row in ROWS.items():
        assert (BY_ID[key].task != "text") == (row.get("mode") not in TEXT), key


def test_a_sample_of_rates_is_the_row_times_a_million() -> None:
    fields = {
        "input_cost_per_token": ("standard", "input"),
        "output_cost_per_token": ("standard", "output"),
        "cache_read_input_token_cost": ("standard", "cache_read"),
        "cache_creation_input_token_cost_above_1hr": ("standard", "cache_write_1h"),
        "input_cost_per_token_batches": ("batch", "input"),
        "output_cost_per_token_flex": ("flex", "output"),
        "cache_read_input_token_cost_priority": ("priority", "cache_read"),
    }
    keys = sorted(key for key, e in BY_ID.items() if priced(e) and "tiered_pricing" not in ROWS[key])
    compared = 0
    for key in random.Random(7).sample(keys, 600):
        for field, (mode, token_class) in fields.items():
            listed, of_mode = ROWS[key].get(field), getattr(BY_ID[key].prices[0].rates, mode)
            if listed and of_mode is not None:
                assert getattr(of_mode, token_class) == Decimal(listed) * 1_000_000, (key, field)
                compared += 1
    assert compared > 1500


def test_a_rate_is_written_without_an_exponent_or_trailing_zeros() -> None:
    assert str(per_million(Decimal("3E-6"))) == "3"
    assert str(per_million(Decimal("0.0006"))) == "600"
    assert str(per_million(Decimal("1.250E-7"))) == "0.125"


def test_limits_are_positive_whole_numbers_or_unknown() -> None:
    for endpoint in BY_ID.values():
        for limit in (endpoint.max_input_tokens, endpoint.max_output_tokens, endpoint.min_cache_tokens):
            assert limit is None or (type(limit) is int and limit > 0), endpoint.id


def test_names_to_call_have_their_provider_before_the_slash() -> None:
    assert BY_ID["claude-sonnet-4-6"].litellm_model == "anthropic/claude-sonnet-4-6"
    assert BY_ID["gpt-5"].litellm_model == "openai/gpt-5"
    assert BY_ID["gemini-2.5-pro"].litellm_model == "vertex_ai/gemini-2.5-pro"
    assert BY_ID["amazon-nova/nova-lite-v1"].litellm_model == "amazon_nova/nova-lite-v1"
    assert BY_ID["together-ai-up-to-4b"].litellm_model is None


def test_every_price_says_which_version_and_row_it_is_from() -> None:
    version = read_litellm().version
    for endpoint in BY_ID.values():
        for price in endpoint.prices:
            assert price.evidence.source.startswith(f"litellm {version} ")
            assert price.evidence.source.endswith(f"row {endpoint.id}")
            assert endpoint.rows == {"litellm": endpoint.id}


def test_the_maker_s_own_row_says_what_a_model_is() -> None:
    models = {model.id: model for model in read_litellm().models}
    sonnet = models["claude-sonnet-4-6"]
    assert (sonnet.maker, sonnet.context_tokens) == ("Anthropic", 1_000_000)
    assert "image" in sonnet.modalities


def test_as_a_catalog_it_pins_the_version_and_refuses_other_names() -> None:
    catalog = load_catalog("litellm")
    assert len(catalog) == len(ROWS) and catalog.packages == {"litellm": read_litellm().version}
    with pytest.raises(UnknownNameError, match="did you mean litellm"):
        load_catalog("litelm")

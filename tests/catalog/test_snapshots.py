"""The snapshots that ship: they load, point only at what is there, do not change, and say what was measured."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from llmlab.catalog import Catalog, Endpoint, load_catalog, snapshot_names
from llmlab.catalog.snapshots import BULK
from llmlab.catalog.strict_yaml import read
from llmlab.errors import CatalogError
from llmlab.shipped import folder

PRICING = folder("pricing")
SHIPPED = [name for name in snapshot_names() if name not in BULK]
DAY = date(2026, 11, 23)


def checksum(snapshot: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(snapshot.iterdir()):
        total.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


@pytest.fixture(params=SHIPPED)
def snapshot(request: pytest.FixtureRequest) -> Catalog:
    return load_catalog(request.param)


def test_the_shipped_snapshots_come_oldest_first_and_the_newest_is_the_default() -> None:
    assert snapshot_names() == ("seed-2026-early", "2026-11", "litellm", "genai-prices")
    assert load_catalog() is load_catalog("2026-11")


def test_every_folder_of_pricing_is_a_snapshot_under_its_own_name(snapshot: Catalog) -> None:
    assert {p.name for p in PRICING.iterdir() if p.is_dir()} == set(SHIPPED)
    assert snapshot.name in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_released_snapshot_is_unchanged(name: str) -> None:
    held = read(PRICING / "checksums.yaml", CatalogError).data[name]
    found = checksum(PRICING / name)
    line = f'{name}: {{released: false, sha256: "{found}"}}'
    mend = (
        "it is released: undo the edit, and say the correction in a new snapshot"
        if held["released"]
        else f"it is not released yet: put this line in pricing/checksums.yaml\n{line}"
    )
    assert found == held["sha256"], f"pricing/{name} changed; {mend}"


def test_everything_an_endpoint_names_is_there(snapshot: Catalog) -> None:
    assert snapshot.endpoints
    for endpoint in snapshot:
        snapshot.model(endpoint.model)
        snapshot.provider(endpoint.provider)
        if endpoint.successor is not None:
            snapshot.endpoint(endpoint.successor)
    for row in snapshot.hosting:
        for id in row.models:
            snapshot.model(id)


def test_whatever_is_retired_or_retiring_has_a_successor_that_can_be_called(snapshot: Catalog) -> None:
    for endpoint in snapshot:
        if endpoint.status(snapshot.as_of) != "live":
            assert endpoint.successor is not None, endpoint.id
            successor = snapshot.endpoint(endpoint.successor)
            assert successor.status(snapshot.as_of) != "retired", endpoint.id
            assert (price := successor.price_on(snapshot.as_of)) is not None and price.priced, endpoint.id


def test_every_figure_was_checked_on_or_before_the_day_of_its_snapshot(snapshot: Catalog) -> None:
    for endpoint in snapshot:
        for price in endpoint.prices:
            assert price.evidence.source
            assert price.evidence.checked_on <= snapshot.as_of
    for model in snapshot.models:
        assert model.evidence.checked_on <= snapshot.as_of


def test_every_former_id_is_one_that_the_seed_had() -> None:
    before = {e.id for e in load_catalog("seed-2026-early")}
    assert {id for e in load_catalog("2026-11") for id in e.formerly} <= before


def test_the_rows_that_were_read_are_still_in_the_installed_packages() -> None:
    known = {name: {e.id for e in load_catalog(name)} for name in BULK}
    for endpoint in load_catalog("2026-11"):
        for package, row in endpoint.rows.items():
            assert row in known[package], endpoint.id


def rates(endpoint: Endpoint, mode: str = "standard", day: date = DAY) -> tuple[Decimal | None, ...]:
    price = endpoint.price_on(day)
    assert price is not None
    found = getattr(price.rates, mode)
    return found.input, found.output, found.cache_read, found.cache_write_5m, found.cache_write_1h


def dec(*figures: str | None) -> tuple[Decimal | None, ...]:
    return tuple(None if figure is None else Decimal(figure) for figure in figures)


# The worked example of the seed: 100,000 requests of 4,000 tokens in and 500 out, list price, no cache, no batch.
def total(endpoint: Endpoint) -> Decimal:
    input_rate, output_rate, *_ = rates(endpoint)
    assert input_rate is not None and output_rate is not None
    return 400 * input_rate + 50 * output_rate


@pytest.mark.parametrize(
    ("id", "input", "output", "usd"),
    [
        ("anthropic/claude-opus-4-7", "15", "75", "9750"),
        ("anthropic/claude-sonnet-4-6", "3", "15", "1950"),
        ("anthropic/claude-haiku-4-5", "0.8", "4", "520"),
        ("openai/gpt-5", "10", "40", "6000"),
        ("openai/gpt-4o", "2.5", "10", "1500"),
        ("gemini/gemini-2-pro", "7", "21", "3850"),
        ("gemini/gemini-2-flash", "0.3", "2.5", "245"),
        ("together_ai/llama-3-3-70b", "0.7", "0.8", "320"),
        ("groq/llama-3-3-8b", "0.1", "0.1", "45"),
        ("mistral/mistral-large-2", "2", "6", "1100"),
        ("together_ai/qwen-2-5-72b", "0.9", "0.9", "405"),
        ("deepseek/deepseek-v3", "0.27", "1.1", "163"),
    ],
)
def test_the_seed_snapshot_has_the_seeds_prices(id: str, input: str, output: str, usd: str) -> None:
    endpoint = load_catalog("seed-2026-early").endpoint(id)
    assert rates(endpoint)[:2] == dec(input, output)
    assert total(endpoint) == Decimal(usd)


def test_the_seeds_thirteenth_model_has_no_price_rather_than_a_price_of_nothing() -> None:
    assert load_catalog("seed-2026-early").endpoint("openai/gpt-5-mini").price_on(DAY) is None


@pytest.mark.parametrize(
    ("id", "standard", "batch_in_out", "usd"),
    [
        ("anthropic/claude-opus-4-7", ("5", "25", ".5", "6.25", "10"), ("2.5", "12.5"), "3250"),
        ("anthropic/claude-sonnet-4-6", ("3", "15", ".3", "3.75", "6"), ("1.5", "7.5"), "1950"),
        ("anthropic/claude-haiku-4-5", ("1", "5", ".1", "1.25", "2"), (".5", "2.5"), "650"),
        ("openai/gpt-5", ("1.25", "10", ".125", None, None), (".625", "5"), "1000"),
        ("openai/gpt-4o", ("2.5", "10", "1.25", None, None), ("1.25", "5"), "1500"),
        ("gemini/gemini-2.5-pro", ("1.25", "10", ".125", None, None), (".625", "5"), "1000"),
        ("gemini/gemini-2.5-flash", (".3", "2.5", ".03", None, None), (".15", "1.25"), "245"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", ("1.04", "1.04", None, None, None), None, "468"),
        ("mistral/mistral-large-2407", ("2", "6", None, None, None), None, "1100"),
        ("together_ai/Qwen/Qwen2.5-72B-Instruct-Turbo", ("1.2", "1.2", None, None, None), None, "540"),
        ("deepseek/deepseek-v3", (".27", "1.1", ".07", None, None), None, "163"),
    ],
)
def test_the_november_snapshot_has_what_was_measured(
    id: str, standard: tuple[str | None, ...], batch_in_out: tuple[str, str] | None, usd: str
) -> None:
    endpoint = load_catalog("2026-11").endpoint(id)
    assert rates(endpoint) == dec(*standard)
    assert total(endpoint) == Decimal(usd)
    if batch_in_out:
        assert rates(endpoint, "batch")[:2] == dec(*batch_in_out)


def test_gpt_5_has_flex_and_priority() -> None:
    gpt_5 = load_catalog("2026-11").endpoint("openai/gpt-5")
    assert rates(gpt_5, "flex")[:2] == dec(".625", "5")
    assert rates(gpt_5, "priority")[:2] == dec("2.5", "20")


def test_gemini_pro_costs_more_over_200_000_tokens_and_its_batch_cache_reads_are_not_halved() -> None:
    price = load_catalog("2026-11").endpoint("gemini/gemini-2.5-pro").price_on(DAY)
    assert price is not None and price.rates.batch is not None
    assert price.rates.batch.cache_read == Decimal("0.125")
    (tier,) = price.tiers
    assert (tier.above, tier.covers(200_000), tier.covers(200_001)) == (200_000, False, True)
    assert tier.rates.standard is not None
    assert (tier.rates.standard.input, tier.rates.standard.output, tier.rates.standard.cache_read) == dec(
        "2.5", "15", ".25"
    )


def test_sonnet_had_a_long_prompt_tier_until_13_march() -> None:
    sonnet = load_catalog("2026-11").endpoint("anthropic/claude-sonnet-4-6")
    before, after = sonnet.price_on(date(2026, 3, 12)), sonnet.price_on(date(2026, 3, 13))
    assert before is not None and [t.above for t in before.tiers] == [200_000]
    assert after is not None and after.tiers == ()


@pytest.mark.parametrize(
    ("id", "day"),
    [
        ("openai/gpt-5", "2026-12-11"),
        ("azure/gpt-5", "2027-02-09"),
        ("openai/gpt-4o", "2027-01-14"),
        ("bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "2026-10-15"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "2026-10-22"),
        ("together_ai/Qwen/Qwen2.5-72B-Instruct-Turbo", "2026-02-06"),
        ("deepseek/deepseek-chat", "2026-07-24"),
    ],
)
def test_an_alias_retires_with_its_newest_dated_snapshot(id: str, day: str) -> None:
    assert load_catalog("2026-11").endpoint(id).retires_on == date.fromisoformat(day)


def test_haiku_4_5_caches_nothing_under_4_096_tokens() -> None:
    assert load_catalog("2026-11").endpoint("anthropic/claude-haiku-4-5").min_cache_tokens == 4096


def test_a_surcharge_is_either_in_the_rates_or_an_uplift() -> None:
    november = load_catalog("2026-11")
    regional = november.endpoint("bedrock/eu.anthropic.claude-sonnet-4-6")
    assert total(regional) * regional.uplift(None) == Decimal(2145)
    for endpoint in november:
        if endpoint.provider == "bedrock" and endpoint.residency.scope == "eu":
            assert not endpoint.uplifts, endpoint.id


def test_the_content_hash_is_of_what_is_said_and_not_of_how() -> None:
    one, other = load_catalog("seed-2026-early"), load_catalog(PRICING / "seed-2026-early")
    assert one is not other
    assert one.content_hash == other.content_hash
    assert one.content_hash != load_catalog("2026-11").content_hash

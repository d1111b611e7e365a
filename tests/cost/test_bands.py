"""Low, expected and high: the publisher's hedge in dollars, by factors that are called assumptions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import get_args

import pytest

from llmlab.catalog import load_catalog
from llmlab.catalog.records import Confidence
from llmlab.cost import Band, Workload, band, ledger
from llmlab.cost.bands import hedges

SEED = load_catalog("seed-2026-early")
RAG = Workload(requests=100_000, input_tokens=4_000, output_tokens=500)


def band_of(id: str) -> Band | None:
    return band(ledger(SEED.endpoint(id), RAG, SEED, as_of=date(2026, 2, 15)))


def test_a_list_price_has_no_width() -> None:
    assert band_of("anthropic/claude-sonnet-4-6") == Band(Decimal(1_950), Decimal(1_950), Decimal(1_950))


def test_starts_at_is_never_lower_and_about_goes_both_ways() -> None:
    assert band_of("openai/gpt-5") == Band(Decimal(6_000), Decimal(6_000), Decimal(9_000))
    assert band_of("together_ai/llama-3-3-70b") == Band(Decimal(256), Decimal(320), Decimal(400))


def test_an_unpriced_bill_has_no_band() -> None:
    assert band_of("openai/gpt-5-mini") is None


@pytest.mark.parametrize("confidence", get_args(Confidence))
def test_every_hedge_has_factors_on_either_side_of_one(confidence: Confidence) -> None:
    low, high = hedges()[confidence]
    assert 0 < low <= 1 <= high
    assert set(hedges()) == set(get_args(Confidence))

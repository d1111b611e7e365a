"""Money and counts as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmlab.report import tokens, usd, usd_cents, usd_rate


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1_949.9999, "$1,950"),
        (1_950, "$1,950"),
        (Decimal("1306.80"), "$1,307"),
        (100, "$100"),
        (99.994, "$99.99"),
        (81.5, "$81.50"),
        (24, "$24"),
        (1, "$1"),
        (0.9999, "$1"),
        (0.5, "$0.50"),
        (0.0195, "$0.0195"),
        (0.000123456, "$0.000123"),
        (1e-9, "$0.000000001"),
        (0, "$0"),
        (-12.5, "-$12.50"),
        (None, "unpriced"),
    ],
)
def test_dollars_are_as_exact_as_their_size_asks_for(amount: float | Decimal | None, text: str) -> None:
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1306.8", "$1,306.80"), ("1450.80", "$1,450.80"), ("0", "$0.00"), ("0.0195", "$0.0195"), ("2.345", "$2.35")],
)
def test_a_ledger_is_to_the_cent(amount: str, text: str) -> None:
    assert usd_cents(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("3", "$3"),
        ("3.00", "$3"),
        ("0.3", "$0.30"),
        ("1.25", "$1.25"),
        ("0.075", "$0.075"),
        ("100", "$100"),
        ("0", "$0"),
    ],
)
def test_a_rate_is_written_as_price_lists_write_it(rate: str, text: str) -> None:
    assert usd_rate(Decimal(rate)) == text


def test_an_unknown_rate_is_unpriced_and_not_zero() -> None:
    assert usd_rate(None) == "unpriced"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1_000_000, "1M"),
        (2_000_000, "2M"),
        (1_500_000, "1.5M"),
        (64_000, "64K"),
        (8_200, "8.2K"),
        (131_072, "131,072"),
        (1_048_576, "1,048,576"),
        (999, "999"),
        (0, "0"),
        (None, "unknown"),
    ],
)
def test_a_window_is_short_where_that_is_exact(count: int | None, text: str) -> None:
    assert tokens(count) == text

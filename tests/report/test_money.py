"""Money and counts as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmlab.report import usd, usd_cents


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

"""Low, expected and high: what the publishers' own hedges ("~", "starts at") may mean in dollars.

The factors are assumptions of ours, in `hedges.yaml`, and are called so wherever a band is shown.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ..catalog import strict_yaml
from ..catalog.records import Confidence
from ..errors import CatalogError
from .ledger import Ledger


@dataclass(frozen=True, slots=True)
class Band:
    """US dollars per period. `low` and `high` are `expected` times an assumed factor."""

    low: Decimal
    expected: Decimal
    high: Decimal


@functools.cache
def hedges() -> dict[Confidence, tuple[Decimal, Decimal]]:
    """The assumed (low, high) factors of each confidence."""
    read = strict_yaml.read(Path(__file__).with_name("hedges.yaml"), CatalogError).data
    return {word: (Decimal(low), Decimal(high)) for word, (low, high) in read.items()}  # type: ignore[misc]  # our own file


def band(bill: Ledger) -> Band | None:
    """The band of a bill, each line hedged by its own confidence; `None` when unpriced."""
    if (expected := bill.total_usd) is None:
        return None
    spread = [(line.usd, *hedges()[line.confidence]) for line in bill.lines]
    low = sum((usd * f for usd, f, _ in spread), Decimal(0))
    high = sum((usd * f for usd, _, f in spread), Decimal(0))
    return Band(low, expected, high)

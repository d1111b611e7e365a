"""Numbers as a recommendation says them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal


def dollars(amount: float | Decimal) -> str:
    """$1,950, $19.50, $0.00065: whole from $100, cents from $1, three significant digits below."""
    size = abs(float(amount))
    sign = "-" if amount < 0 else ""
    if size >= 100 or size < 1e-12:
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:,.2f}".removesuffix(".00")
    text = f"{Decimal(f'{size:.3g}'):f}"
    return f"{sign}${text}{'0' if len(text) == 3 else ''}"  # $0.30


def seconds(value: float | Decimal) -> str:
    """`420 ms` below a second, `1.2 s` above."""
    return f"{float(value) * 1000:.0f} ms" if value < 1 else f"{float(value):.3g} s"


def percent(share: float) -> str:
    """`5 %` of 0.05."""
    return f"{share * 100:.3g} %"


def listed(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

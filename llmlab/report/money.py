"""Money and counts as people read them: $1,950 and not $1949.9999, $0.0195 per request."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def usd(amount: float | Decimal | None) -> str:
    """US dollars: whole from $100, cents from $1, three significant digits below, `unpriced` for `None`."""
    if amount is None:
        return "unpriced"
    value = Decimal(str(amount))
    size = abs(value)
    if size >= 100 or value == 0:
        text = f"{_round(size, 0):,}"
    elif size >= 1:
        text = _cents(_round(size, 2))
    else:
        text = _plain(_round(size, 2 - size.adjusted()))
    return f"{'-' if value < 0 else ''}${text}"


def usd_cents(amount: Decimal) -> str:
    """US dollars to the cent, as a ledger adds them up; below a cent, three significant digits."""
    return f"${_round(amount, 2):,.2f}" if abs(amount) >= 1 or amount == 0 else usd(amount)


def _round(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _cents(value: Decimal) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _plain(value: Decimal) -> str:
    text = f"{value:f}".rstrip("0").rstrip(".")
    return text if len(text.partition(".")[2]) != 1 else text + "0"  # $0.50, not $0.5

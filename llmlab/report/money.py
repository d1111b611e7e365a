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


def usd_rate(rate: Decimal | float | None) -> str:
    """A price per million tokens as price lists write it: $3, $0.30, $1.25, $0.075."""
    if rate is None:
        return "unpriced"
    value = Decimal(str(rate)).normalize()
    places = -int(value.as_tuple().exponent)
    return f"${value:,.{0 if places <= 0 else max(places, 2)}f}"


def tokens(count: int | None) -> str:
    """A window as data sheets write it: 1M, 200K, 64K; exact where that would round."""
    if count is None:
        return "unknown"
    for unit, size in (("M", 1_000_000), ("K", 1_000)):
        if count >= size and count % (size // 10) == 0:
            return (
                f"{Decimal(count) / size:f}".rstrip("0").rstrip(".") + unit
                if count % size
                else f"{count // size}{unit}"
            )
    return f"{count:,}"


def _round(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _cents(value: Decimal) -> str:
    return f"{value:,.2f}".removesuffix(".00")


def _plain(value: Decimal) -> str:
    text = f"{value:f}".rstrip("0").rstrip(".")
    return text if len(text.partition(".")[2]) != 1 else text + "0"  # $0.50, not $0.5

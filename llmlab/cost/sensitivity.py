"""Which input moves the bill most, and where one endpoint becomes cheaper than another.

Both ask the ledger again with one input changed; nothing is linearised, so tiers, caching minimums and batch rules
show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..catalog.catalog import Catalog
from ..catalog.records import Endpoint
from ..errors import UnknownNameError, UnpricedError, WorkloadError
from .ledger import ledger
from .workload import Workload

Range = tuple[float, float]
VARIABLES = (
    "requests", "input_tokens", "output_tokens", "reasoning_tokens", "cacheable_tokens", "cache_hit_rate",
    "batch_share", "off_peak_share", "retry_rate",
)  # fmt: skip
_SHARES = ("cache_hit_rate", "batch_share", "off_peak_share")
_STEPS = 64


@dataclass(frozen=True, slots=True)
class Swing:
    """How far the total moves when one input goes from `low` to `high` and the others stay. US dollars per period."""

    variable: str
    low: float
    high: float
    usd_at_low: Decimal
    usd_at_high: Decimal

    @property
    def width(self) -> Decimal:
        return abs(self.usd_at_high - self.usd_at_low)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A value of the input at which the cheaper of two endpoints changes. `jump`: a tier or minimum flips there."""

    at: float
    cheaper_below: str
    cheaper_above: str
    jump: bool


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where `a` and `b` change places as `over` goes from `low` to `high`; no crossing means one is always cheaper."""

    a: str
    b: str
    over: str
    low: float
    high: float
    crossings: tuple[Crossing, ...]
    cheaper_throughout: str | None

    def __str__(self) -> str:
        name = self.over.replace("_", " ")
        if self.cheaper_throughout:
            span = f"from {shown(self.over, self.low)} to {shown(self.over, self.high)} {name}"
            other = self.b if self.cheaper_throughout == self.a else self.a
            return f"{self.cheaper_throughout} is cheaper than {other} {span}"
        if not self.crossings:
            return f"{self.a} and {self.b} cost the same over this {name}"
        return "; ".join(
            f"above {shown(self.over, c.at)} {name} {c.cheaper_above} is cheaper than {c.cheaper_below}"
            for c in self.crossings
        )


def usual_range(workload: Workload, variable: str) -> Range:
    """The range that a tornado uses unless told: half to twice an amount, a share 20 points down and up, retries 0
    to 10 %."""
    if variable not in VARIABLES:
        raise UnknownNameError("workload input", variable, VARIABLES)
    if variable in _SHARES:
        value = getattr(workload, variable)
        return max(0.0, value - 0.2), min(1.0, value + 0.2)
    if variable == "retry_rate":
        return 0.0, max(0.1, 2 * workload.retry_rate)
    if variable == "reasoning_tokens":  # hidden, often 0 in a plan and rarely 0 on the bill
        return 0.0, float(max(2 * workload.reasoning_tokens, 2 * workload.output_tokens))
    if variable == "cacheable_tokens":
        return workload.prefix_tokens / 2, float(min(workload.input_tokens, 2 * workload.prefix_tokens))
    value = getattr(workload, variable)
    return value / 2, 2.0 * value


def sensitivity(
    endpoint: Endpoint,
    workload: Workload,
    catalog: Catalog,
    *,
    ranges: Mapping[str, Range] | None = None,
    as_of: date | None = None,
) -> tuple[Swing, ...]:
    """A tornado: for each input, the total at the low and the high end of its range, widest swing first.

    `ranges` replaces `usual_range` and chooses the inputs. Raises `UnpricedError` where the endpoint has no price.
    """
    spans = ranges or {v: usual_range(workload, v) for v in VARIABLES}
    total = _total_of(endpoint, catalog, as_of)
    swings = [
        Swing(name, low, high, total(with_input(workload, name, low)), total(with_input(workload, name, high)))
        for name, (low, high) in spans.items()
    ]
    return tuple(sorted(swings, key=lambda s: -s.width))


def break_even(
    a: Endpoint,
    b: Endpoint,
    workload: Workload,
    catalog: Catalog,
    *,
    over: str,
    between: Range | None = None,
    as_of: date | None = None,
) -> BreakEven:
    """Where the cheaper of `a` and `b` changes as one input goes through `between` (a share: 0 to 1; else
    `usual_range`).

    The range is walked in 64 steps and each change of sign is narrowed down; two crossings inside one step are not
    seen.
    """
    low, high = between or ((0.0, 1.0) if over in _SHARES else usual_range(workload, over))
    if not low < high:
        raise WorkloadError(f"{over}: the range {low:g} to {high:g} is empty")
    total_a, total_b = _total_of(a, catalog, as_of), _total_of(b, catalog, as_of)

    def difference(value: float) -> Decimal:
        changed = with_input(workload, over, value)
        return total_a(changed) - total_b(changed)

    points = sorted({_rounded(over, low + (high - low) * i / _STEPS) for i in range(_STEPS + 1)})
    gaps = [difference(p) for p in points]
    crossings: list[Crossing] = []
    at, before = points[0], gaps[0]
    for point, gap in zip(points[1:], gaps[1:], strict=True):
        if gap == 0:
            continue
        if before * gap < 0:
            crossings.append(_narrow(a.id, b.id, over, difference, (at, point), before, (points[0], points[-1])))
        at, before = point, gap
    decided = [gap for gap in gaps if gap]
    throughout = None if crossings or not decided else a.id if decided[0] < 0 else b.id
    return BreakEven(a.id, b.id, over, points[0], points[-1], tuple(crossings), throughout)


def _narrow(
    a: str, b: str, over: str, difference: Callable[[float], Decimal], inside: Range, at_low: Decimal, span: Range
) -> Crossing:
    low, high = inside
    whole = over not in _SHARES and over != "retry_rate"
    gap_low, gap_high = at_low, difference(high)
    step = 1 if whole else 1e-9
    for _ in range(60):
        middle = _rounded(over, (low + high) / 2)
        if middle in (low, high) or high - low <= step:
            break
        gap = difference(middle)
        if gap * gap_low > 0:
            low, gap_low = middle, gap
        else:
            high, gap_high = middle, gap
    # A line moves through zero as fast as it moves beside it; a jump is higher than the steps on either side.
    before = difference(_rounded(over, max(low - (high - low), span[0])))
    after = difference(_rounded(over, min(high + (high - low), span[1])))
    jump = abs(gap_high - gap_low) > 2 * max(abs(gap_low - before), abs(after - gap_high))
    below, above = (a, b) if at_low < 0 else (b, a)
    return Crossing(high if whole else (low + high) / 2, below, above, jump)


def _total_of(endpoint: Endpoint, catalog: Catalog, as_of: date | None) -> Callable[[Workload], Decimal]:
    def total(workload: Workload) -> Decimal:
        bill = ledger(endpoint, workload, catalog, as_of=as_of)
        if (usd := bill.total_usd) is None:
            raise UnpricedError(f"{endpoint.id}: {bill.unpriced}")
        return usd

    return total


def with_input(workload: Workload, variable: str, value: float) -> Workload:
    """The workload with one input changed; a prompt that shrinks takes its cacheable prefix along."""
    changed = {variable: _rounded(variable, value)}
    if variable == "input_tokens" and workload.cacheable_tokens is not None:
        changed["cacheable_tokens"] = min(workload.cacheable_tokens, int(changed[variable]))
    return workload.change(**changed)


def _rounded(variable: str, value: float) -> float:
    if variable in _SHARES or variable == "retry_rate":
        return round(value, 12)
    return max(round(value), 1 if variable == "requests" else 0)


def shown(variable: str, value: float) -> str:
    """A value of an input as people read it: shares and retries in per cent, counts with thousands."""
    return f"{value * 100:.3g} %" if variable in _SHARES or variable == "retry_rate" else f"{value:,.0f}"

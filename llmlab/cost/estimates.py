"""The table: a row per endpoint with what a workload costs there, how sure that is, and what to look out for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ..catalog.catalog import Catalog
from ..catalog.records import Confidence, Endpoint, Status
from .billing import caches, price_list
from .grid import Floats, Grid, Prices
from .ledger import tokenizer_scale, unpriced_reason
from .speed import SpeedKind, speed
from .workload import Workload

if TYPE_CHECKING:
    import pandas as pd

STALE_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One endpoint's row. Dollars are per period of the workload, `None` where unpriced (`unpriced` says why).

    `input_usd` is the whole prompt side (uncached, cache reads, writes and storage), `output_usd` the answer with its
    hidden reasoning; with `fees_usd` and `reservation_usd` they sum to `total_usd`. `ratio` is against the cheapest
    row that costs something. Latencies are seconds; `latency_kind` says whether they are published priors, measured
    or simulated, `latency_basis` on what they rest; `ttft_is` keeps a publisher's "under" apart, `p50_total_s` is the
    middle of the range. `flags` are short words for a reader: retired, no batch price.
    """

    model: str
    provider: str
    endpoint: str
    input_usd: float | None
    output_usd: float | None
    total_usd: float | None
    usd_per_request: float | None
    ratio: float | None
    uncached_input_usd: float | None
    cache_read_usd: float | None
    cache_write_usd: float | None
    cache_storage_usd: float | None
    visible_output_usd: float | None
    reasoning_usd: float | None
    fees_usd: float | None
    reservation_usd: float | None
    unpriced: str | None
    ttft_s: float | None
    ttft_is: Literal["about", "under"] | None
    p50_total_s: float | None
    p50_low_s: float | None
    p50_high_s: float | None
    latency_kind: SpeedKind | None
    latency_basis: str
    confidence: Confidence | None
    source: str | None
    checked_on: date | None
    status: Status
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Estimates(Sequence[Estimate]):
    """The rows, cheapest first and unpriced last, with what they were computed from."""

    rows: tuple[Estimate, ...]
    workload: Workload
    catalog: str
    as_of: date

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.rows)

    @overload
    def __getitem__(self, at: int) -> Estimate: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Estimate, ...]: ...
    def __getitem__(self, at: int | slice) -> Estimate | tuple[Estimate, ...]:
        return self.rows[at]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain dictionaries, ready for JSON: dates as text, unpriced dollars as `None`."""
        return [
            {k: str(v) if isinstance(v, date) else list(v) if isinstance(v, tuple) else v for k, v in row.items()}
            for row in map(dataclasses.asdict, self.rows)
        ]

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame, a column per field of `Estimate`, NaN where unpriced."""
        import pandas as pd

        return pd.DataFrame([dataclasses.asdict(row) for row in self.rows])


def estimate(workload: Workload, catalog: Catalog, *, as_of: date | None = None, grid: Grid | None = None) -> Estimates:
    """What `workload` costs on every endpoint of `catalog`, cheapest first, at the prices in force on `as_of`.

    `as_of` is today unless said. A `grid` already compiled for this catalog saves compiling it again.
    """
    compiled = grid or Grid(catalog, as_of=as_of)
    prices = compiled.price(workload)
    order = np.argsort(prices.total, kind="stable")  # NaN, the unpriced, goes last
    rows = rows_at(compiled, prices, workload, order.tolist(), cheapest_of(prices.total))
    return Estimates(rows, workload, catalog.name, compiled.as_of)


def cheapest_of(totals: Floats) -> float | None:
    """The lowest total that is more than nothing: what ratios are taken against. `None` where there is none."""
    paid = totals[totals > 0]  # NaN, the unpriced, is not
    return float(paid.min()) if len(paid) else None


def rows_at(
    grid: Grid, prices: Prices, workload: Workload, places: Sequence[int], cheapest: float | None
) -> tuple[Estimate, ...]:
    """The rows of some endpoints only, by their place in the catalog: a screen asks for those that it shows.

    `cheapest` is the total that `ratio` is taken against.
    """
    return tuple(_row(grid, prices, workload, i, cheapest) for i in places)


def _row(grid: Grid, prices: Prices, workload: Workload, i: int, cheapest: float | None) -> Estimate:
    endpoint = grid.catalog.endpoints[i]
    price = price_list(endpoint, grid.as_of)
    usd = {name: _dollars(getattr(prices, name)[i]) for name in _FIELDS}
    total = usd["total"]
    fast = speed(endpoint, workload)
    known = total is not None
    return Estimate(
        model=endpoint.model,
        provider=endpoint.provider,
        endpoint=endpoint.id,
        input_usd=_sum(usd, "input", "cache_read", "cache_write", "cache_storage") if known else None,
        output_usd=_sum(usd, "output", "reasoning") if known else None,
        total_usd=total,
        usd_per_request=None if total is None else total / workload.requests,
        ratio=total / cheapest if total is not None and cheapest else None,
        uncached_input_usd=usd["input"] if known else None,
        cache_read_usd=usd["cache_read"] if known else None,
        cache_write_usd=usd["cache_write"] if known else None,
        cache_storage_usd=usd["cache_storage"] if known else None,
        visible_output_usd=usd["output"] if known else None,
        reasoning_usd=usd["reasoning"] if known else None,
        fees_usd=usd["fees"] if known else None,
        reservation_usd=usd["reservation"] if known else None,
        unpriced=None if known else _why_unpriced(endpoint, workload, grid),
        ttft_s=_seconds(fast.ttft_s),
        ttft_is=None if fast.ttft_s is None else fast.ttft_is,
        p50_total_s=_seconds(fast.total_s),
        p50_low_s=_seconds(fast.low_s),
        p50_high_s=_seconds(fast.high_s),
        latency_kind=None if fast.ttft_s is None and fast.total_s is None else fast.kind,
        latency_basis=fast.basis,
        confidence=price.evidence.confidence if price else None,
        source=price.evidence.source if price else None,
        checked_on=price.evidence.checked_on if price else None,
        status=endpoint.status(grid.as_of),
        flags=flags(endpoint, workload, grid.catalog, grid.as_of),
    )


def flags(endpoint: Endpoint, workload: Workload, catalog: Catalog, as_of: date) -> tuple[str, ...]:
    """What a reader of this row should know before believing or choosing it, most serious first."""
    price = price_list(endpoint, as_of)
    scale, _ = tokenizer_scale(endpoint, workload, catalog)
    prompt = workload.input_tokens * scale
    found: list[str] = []
    if (status := endpoint.status(as_of)) != "live":
        found.append(f"{status} {endpoint.retires_on}")
    window = endpoint.max_input_tokens or catalog.model(endpoint.model).context_tokens
    if window is not None and prompt > window:
        found.append(f"prompt over the window of {window:,}")
    answer = (workload.output_tokens + workload.reasoning_tokens) * scale  # providers count both against the limit
    if endpoint.max_output_tokens is not None and answer > endpoint.max_output_tokens:
        found.append(f"answer over the limit of {endpoint.max_output_tokens:,}")
    if price is None or not price.priced:
        return tuple(found)
    if (as_of - price.evidence.checked_on).days > STALE_DAYS:
        found.append(f"stale: checked {price.evidence.checked_on}")
    if price.rates.standard is not None:
        if workload.cache_hit_rate and not caches(endpoint, workload, scale):
            found.append(f"below the caching minimum of {endpoint.min_cache_tokens:,}")
        elif workload.cache_hit_rate and price.rates.standard.cache_read is None:
            found.append("no cache price")
        if workload.batch_share and price.rates.batch is None:
            found.append("no batch price")
        if workload.mode == "flex" and price.rates.flex is None:
            found.append("no flex price")
        if workload.cache_storage_hours and price.rates.standard.cache_storage is None:
            found.append("no storage price")
    if workload.region and not endpoint.serves(workload.region):
        found.append(f"not known to serve {workload.region}")
    return tuple(found)


def _why_unpriced(endpoint: Endpoint, workload: Workload, grid: Grid) -> str:
    _, reason = tokenizer_scale(endpoint, workload, grid.catalog)
    reason = reason or unpriced_reason(endpoint, price_list(endpoint, grid.as_of), workload)
    return reason or f"no {workload.mode} price published"


_FIELDS = (
    "input", "cache_read", "cache_write", "cache_storage", "output", "reasoning", "fees", "reservation", "total",
)  # fmt: skip


def _sum(usd: dict[str, float | None], *names: str) -> float:
    return round(sum(usd[name] or 0.0 for name in names), 9)


def _dollars(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 9)  # nine places: below any invoice, above float noise


def _seconds(value: Decimal | None) -> float | None:
    return None if value is None else float(value)

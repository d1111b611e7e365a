"""The same bill for every endpoint at once, in floating point, fast enough to follow a slider.

`Grid` compiles a catalog's rates into arrays, once per mode, cache TTL and price tier, by the rules of `billing`;
pricing a workload is then a handful of multiplications over all endpoints. It agrees with `ledger` to a relative 1e-9
(a property test), and leaves an endpoint without a price as NaN, never 0.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..catalog.catalog import Catalog
from ..catalog.records import Mode, PriceList
from .billing import bills_tokens, price_list, terms
from .ledger import tokenizer_scale
from .workload import HOURS, CacheTtl, Workload

Floats: TypeAlias = NDArray[np.float64]
_MILLIONTH = 1e-6
_NAN_ROW = (np.nan,) * 5


@dataclass(frozen=True)
class Prices:
    """US dollars per period, an array per class with one number per endpoint (in the catalog's order), NaN if
    unpriced."""

    input: Floats
    cache_read: Floats
    cache_write: Floats
    cache_storage: Floats
    output: Floats
    reasoning: Floats
    fees: Floats
    reservation: Floats
    total: Floats


class Grid:
    """A catalog's prices on one day, compiled. Price as many workloads on it as you like."""

    def __init__(self, catalog: Catalog, *, as_of: date | None = None) -> None:
        self.catalog = catalog
        self.as_of = as_of or date.today()
        self._prices = [price_list(e, self.as_of) for e in catalog.endpoints]
        self._boundaries = sorted({t.above for p in self._prices if p for t in p.tiers})
        self._min_cache = np.array([e.min_cache_tokens or 0 for e in catalog.endpoints], dtype=float)
        self._off_peak = np.array([bool(p and p.off_peak) for p in self._prices])
        self._any_off_peak = bool(self._off_peak.any())
        self._storage = self._column(lambda p: p.rates.standard.cache_storage if p.rates.standard else None)
        self._fee = self._column(lambda p: p.per_request_usd)
        self._hourly = self._column(lambda p: p.reserved_usd_per_hour)
        self._reserved = np.array([bool(p and p.reserved_usd_per_hour is not None) for p in self._prices], dtype=bool)
        self._unpriced = np.array([not (p and p.priced) for p in self._prices], dtype=bool)
        self._no_tokens = self._reserved & ~np.array([bool(p and bills_tokens(p)) for p in self._prices], dtype=bool)
        self._compiled: dict[object, Floats] = {}
        self._uplifts: dict[str | None, Floats] = {}

    def price(self, workload: Workload) -> Prices:
        """The workload on every endpoint."""
        w = workload
        uplift = self._uplift(w.region)
        attempts = w.requests * (1 + w.retry_rate)
        prompt, prefix = self._scaled(w.input_tokens, w), self._scaled(w.prefix_tokens, w)
        cached = np.where(self._min_cache <= prefix, prefix, 0.0) if w.cache_hit_rate > 0 else np.zeros(len(uplift))
        one_out, one_reasoning = self._scaled(w.output_tokens, w), self._scaled(w.reasoning_tokens, w)
        dollars = np.zeros((5, len(uplift)))
        for share, mode, off_peak in self._shipments(w):
            rates = self._rates(mode, w, off_peak=off_peak)
            can_cache = ~np.isnan(rates[1])
            held = np.where(can_cache, cached, 0.0)
            tokens = (
                prompt - held,
                held * w.cache_hit_rate,
                held * (1 - w.cache_hit_rate),
                one_out,
                one_reasoning,
            )
            factor = share * uplift * (attempts * _MILLIONTH)
            for i, count in enumerate(tokens):
                # A reserved box has no token rates, and a class that cannot occur (a cache read here) has none either.
                rate = np.where(can_cache, rates[i], 0.0) if i == 1 else rates[i]
                dollars[i] += count * rate * factor
        return self._assemble(w, dollars, prefix * uplift, attempts)

    def _assemble(self, w: Workload, dollars: Floats, held: Floats, attempts: float) -> Prices:
        hours = HOURS[w.period]
        dollars[:, self._no_tokens] = 0.0
        dollars[:, self._unpriced] = np.nan
        storage = np.nan_to_num(self._storage) * held * (w.cache_storage_hours * _MILLIONTH)
        fees = np.nan_to_num(self._fee) * attempts
        hourly = np.full(len(fees), np.nan) if hours is None else self._hourly * float(hours)
        reservation = np.where(self._reserved, hourly, 0.0)
        return Prices(
            input=dollars[0],
            cache_read=dollars[1],
            cache_write=dollars[2],
            cache_storage=storage,
            output=dollars[3],
            reasoning=dollars[4],
            fees=fees,
            reservation=reservation,
            total=dollars.sum(0) + storage + fees + reservation,
        )

    def _shipments(self, w: Workload) -> list[tuple[Floats | float, Mode, bool]]:
        rest = 1 - w.batch_share
        ways: list[tuple[Floats | float, Mode, bool]] = []
        if w.batch_share:
            ways.append((w.batch_share, "batch", False))
        cheap = w.off_peak_share if self._any_off_peak and w.mode == "standard" else 0.0
        if cheap:
            ways.append((np.where(self._off_peak, rest * cheap, 0.0), "standard", True))
            ways.append((np.where(self._off_peak, rest * (1 - cheap), rest), w.mode, False))
        elif rest:
            ways.append((rest, w.mode, False))
        return ways

    def _rates(self, mode: Mode, w: Workload, *, off_peak: bool) -> Floats:
        """Rates per million tokens, (5 classes, endpoints), compiled on first use for this mode, TTL and tier."""
        if w.same_text:
            key: object = (mode, w.cache_ttl, off_peak, "same text", w.input_tokens)
        else:
            between = (
                bisect.bisect_left(self._boundaries, w.input_tokens),
                bisect.bisect(self._boundaries, w.input_tokens),
            )
            key = (mode, w.cache_ttl, off_peak, between)
        if key not in self._compiled:
            if len(self._compiled) > 64:  # a long session over many prompts of "the same text"
                self._compiled.clear()
            prompts = np.broadcast_to(self._scaled(w.input_tokens, w), len(self._prices)).tolist()
            rows = [
                _row(price, mode, prompt, w.cache_ttl, off_peak)
                for price, prompt in zip(self._prices, prompts, strict=True)
            ]
            self._compiled[key] = np.array(rows, dtype=float).reshape(-1, 5).T.copy()
        return self._compiled[key]

    def _scaled(self, tokens: int, w: Workload) -> Floats | float:
        """Tokens as each endpoint counts them, multiplied as decimals: 1.1 x 100,000 is not over a tier of 110,000."""
        if not w.same_text:
            return float(tokens)
        found = (tokenizer_scale(e, w, self.catalog) for e in self.catalog.endpoints)
        return np.array([float(tokens * scale) if reason is None else np.nan for scale, reason in found])

    def _uplift(self, region: str | None) -> Floats:
        if region not in self._uplifts:
            self._uplifts[region] = np.array([float(e.uplift(region)) for e in self.catalog.endpoints])
        return self._uplifts[region]

    def _column(self, of: Callable[[PriceList], Decimal | None]) -> Floats:
        found = (of(p) if p else None for p in self._prices)
        return np.array([np.nan if value is None else float(value) for value in found])


def _row(price: PriceList | None, mode: Mode, prompt_tokens: float, ttl: CacheTtl, off_peak: bool) -> tuple[float, ...]:
    found = terms(price, mode, prompt_tokens, ttl, off_peak=off_peak) if price else None
    if found is None:
        return _NAN_ROW
    read = float(found.cache_read.rate) if found.cache_read else np.nan
    return (
        float(found.input.rate),
        read,
        float(found.cache_write.rate),
        float(found.output.rate),
        float(found.reasoning.rate),
    )

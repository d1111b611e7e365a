"""What moved between two snapshots: the lines a reviewer reads before anyone trusts the newer one.

Endpoints are paired by id, or by the id that the newer one says it had `formerly`. Prices are those in force on a day.
For the older snapshot that is always its own `as_of`: it knows nothing of later days, and an old list read today would
show promotions as ended and windows as closed that it never meant to speak about. For the newer one it is the day
asked for, else its own. So a diff of two snapshots says the same whenever it is run.

Latency priors, notes and where a figure was read are not compared: they decide no bill and no route by themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from .catalog import Catalog
from .records import MODES, Confidence, Endpoint, ModeRates, PriceList, Rates
from .tables import dollars, hedged, times

Kind = Literal["new", "gone", "name", "price", "window", "cache", "residency", "retirement", "confidence"]
Value = str | int | Decimal | date | tuple[str, ...] | None

_PER_MILLION = "per 1M tokens"
_CLASSES = tuple(field.name for field in dataclasses.fields(Rates))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that moved. `old` and `new` are plain values, `None` where nobody said; `ratio` is new over old of a
    price, else `None`. `unit` is what a price is per, empty for what is no price."""

    kind: Kind
    endpoint: str
    field: str
    old: Value = None
    new: Value = None
    ratio: Decimal | None = None
    unit: str = ""
    old_confidence: Confidence = "list"
    new_confidence: Confidence = "list"

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """One plain line: `anthropic/claude-opus-4-7: standard input $15 -> $5 per 1M tokens (x0.33)`."""
        if self.kind == "new":
            return f"{self.endpoint}: new, {self.new}"
        if self.kind == "gone":
            return f"{self.endpoint}: gone, it was {self.old}"
        old, new = self._shown(self.old, self.old_confidence), self._shown(self.new, self.new_confidence)
        if self.unit:  # said once, after the last figure that there is
            old, new = (old, f"{new} {self.unit}") if self.new is not None else (f"{old} {self.unit}", new)
        ratio = f" (x{times(self.ratio)[:-1]})" if self.ratio is not None else ""
        return f"{self.endpoint}: {self.field} {old} -> {new}{ratio}"

    def _shown(self, value: Value, confidence: Confidence) -> str:
        match value:
            case None:
                return "not stated"
            case Decimal():
                return hedged(dollars(value), confidence) if self.unit else format(value.normalize(), "f")
            case int():
                return f"{value:,}"
            case tuple():
                return ", ".join(value) or "none"
            case _:
                return str(value)


@dataclass(frozen=True, slots=True)
class _Pair:
    """An endpoint in both snapshots, and the day on which each is read."""

    old: Endpoint
    new: Endpoint
    old_day: date
    new_day: date


def diff(older: Catalog, newer: Catalog, *, as_of: date | None = None) -> tuple[Change, ...]:
    """What moved from `older` to `newer`, endpoint by endpoint in the newer one's order; those that are gone come last.

    `as_of` is the day on which the newer one's prices are read (its own, if left out); see the head of this module.
    A price that becomes known, or unknown, is a change: `None` is never 0.
    """
    day = as_of or newer.as_of
    before = {endpoint.id: endpoint for endpoint in older.endpoints}
    ids = {endpoint.id for endpoint in newer.endpoints}
    met: set[str] = set()
    changes: list[Change] = []
    for endpoint in newer.endpoints:
        # An id that is still there is itself; a former one is taken once, by whoever claims it first.
        free = (id for id in endpoint.formerly if id in before and id not in ids and id not in met)
        id = endpoint.id if endpoint.id in before else next(free, None)
        if id is None:
            summary = _summary(newer, endpoint, day)
            changes.append(Change(kind="new", endpoint=endpoint.id, field="endpoint", new=summary))
        else:
            met.add(id)
            changes.extend(_moved(_Pair(before[id], endpoint, older.as_of, day)))
    changes.extend(
        Change(kind="gone", endpoint=endpoint.id, field="endpoint", old=_summary(older, endpoint, older.as_of))
        for endpoint in older.endpoints
        if endpoint.id not in met
    )
    return tuple(changes)


def _summary(catalog: Catalog, endpoint: Endpoint, day: date) -> str:
    model, price = catalog.model(endpoint.model), endpoint.price_on(day)
    who = f"{model.name} by {catalog.provider(endpoint.provider).name}"
    if price is None or not price.priced:
        return f"{who}, unpriced"
    hedge, standard = price.evidence.confidence, price.rates.standard
    if standard is None or standard.input is None or standard.output is None:
        return f"{who}, {hedged(dollars(price.reserved_usd_per_hour or Decimal(0)), hedge)} an hour reserved"
    both = (hedged(dollars(rate), hedge) for rate in (standard.input, standard.output))
    return f"{who}, {' in and '.join(both)} out {_PER_MILLION}"


def _moved(pair: _Pair) -> Iterator[Change]:
    yield from _plain(pair, "name", _names(pair.old), _names(pair.new))
    yield from _prices(pair)
    yield from _plain(pair, "window", _windows(pair.old), _windows(pair.new))
    yield from _plain(pair, "cache", _caching(pair.old), _caching(pair.new))
    yield from _plain(pair, "residency", _places(pair.old), _places(pair.new))
    yield from _plain(pair, "retirement", _ends(pair.old), _ends(pair.new))


def _plain(pair: _Pair, kind: Kind, old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[Change]:
    for field, value in new.items():
        if old[field] != value:
            yield Change(kind=kind, endpoint=pair.new.id, field=field, old=old[field], new=value)


def _names(endpoint: Endpoint) -> dict[str, Value]:
    return {
        "id": endpoint.id,
        "model": endpoint.model,
        "provider": endpoint.provider,
        "LiteLLM model": endpoint.litellm_model,
    }


def _windows(endpoint: Endpoint) -> dict[str, Value]:
    return {"max input tokens": endpoint.max_input_tokens, "max output tokens": endpoint.max_output_tokens}


def _caching(endpoint: Endpoint) -> dict[str, Value]:
    return {"min cache tokens": endpoint.min_cache_tokens}


def _places(endpoint: Endpoint) -> dict[str, Value]:
    return {
        "scope": endpoint.residency.scope,
        "regions": tuple(sorted(endpoint.regions)),
        "processed in": tuple(sorted(endpoint.residency.processed_in)),
    }


def _ends(endpoint: Endpoint) -> dict[str, Value]:
    return {"retires on": endpoint.retires_on, "successor": endpoint.successor}


@dataclass(frozen=True, slots=True)
class _Figure:
    value: Decimal | str
    unit: str = _PER_MILLION


def _prices(pair: _Pair) -> Iterator[Change]:
    before, after = pair.old.price_on(pair.old_day), pair.new.price_on(pair.new_day)
    old, new = _figures(pair.old, before), _figures(pair.new, after)
    was: Confidence = before.evidence.confidence if before else "list"
    now: Confidence = after.evidence.confidence if after else "list"
    moved = False
    for field in dict.fromkeys((*new, *old)):
        a, b = old.get(field), new.get(field)
        if a == b:
            continue
        moved = True
        yield Change(
            kind="price",
            endpoint=pair.new.id,
            field=field,
            old=a.value if a else None,
            new=b.value if b else None,
            ratio=_ratio(a, b),
            unit=(b or a or _Figure("")).unit,
            old_confidence=was,
            new_confidence=now,
        )
    if before and after and was != now and not moved:
        yield Change(kind="confidence", endpoint=pair.new.id, field="price", old=was, new=now)


def _ratio(old: _Figure | None, new: _Figure | None) -> Decimal | None:
    if old is None or new is None or not isinstance(old.value, Decimal) or not isinstance(new.value, Decimal):
        return None
    return new.value / old.value if old.value else None


def _figures(endpoint: Endpoint, price: PriceList | None) -> dict[str, _Figure]:
    """Every figure of a price list by what a reader calls it, in the order in which it should be read."""
    if price is None:
        return {}
    found = {field: _Figure(rate, _unit(field)) for field, rate in token_rates(price).items()}
    if price.off_peak is not None:
        found["off-peak hours (UTC)"] = _Figure(price.off_peak.hours_utc, "")
        found |= {f: _Figure(rate, _unit(f)) for f, rate in _by_class(price.off_peak.rates, "off-peak ").items()}
    if price.per_request_usd is not None:
        found["fee"] = _Figure(price.per_request_usd, "per request")
    if price.reserved_usd_per_hour is not None:
        found["reserved"] = _Figure(price.reserved_usd_per_hour, "per hour")
    found |= {f"uplift in {area}": _Figure(factor, "") for area, factor in endpoint.uplifts.items()}
    return found


def token_rates(price: PriceList) -> dict[str, Decimal]:
    """Every rate per million tokens that a price list states at its dear hours, by what a reader calls it:
    `standard input`, `batch output`, `over 200,000: standard cache read`."""
    found = _by_mode(price.rates, "")
    for tier in price.tiers:
        found |= _by_mode(tier.rates, f"{'from' if tier.boundary_included else 'over'} {tier.above:,}: ")
    return found


def _by_mode(modes: ModeRates, before: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for mode in MODES:
        rates = modes.of(mode)
        if rates is not None:
            found |= _by_class(rates, f"{before}{mode} ")
    return found


def _by_class(rates: Rates, before: str) -> dict[str, Decimal]:
    by_class = ((name, getattr(rates, name)) for name in _CLASSES)
    return {f"{before}{name.replace('_', ' ')}": rate for name, rate in by_class if rate is not None}


def _unit(field: str) -> str:
    return f"{_PER_MILLION} and hour" if field.endswith("cache storage") else _PER_MILLION

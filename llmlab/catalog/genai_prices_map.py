"""The prices of the `genai-prices` package, translated into the catalog's records.

Its data are Python objects with a calculator; this module asks that calculator (`ModelInfo.get_prices`) what applies at
each moment at which something changes, so that its own rules of precedence are kept. Nothing is updated over a network.

- Prices that begin on a day become price lists with `effective_from` and `effective_to`. Batch, flex and priority are
  its contexts `processing=batch` and `service_tier=flex` or `priority`; a class that such a variant leaves out costs
  what it costs at standard, as its calculator has it. It has no batch prices from before they were first checked.
- Prices by time of day: the dearer ones are the standard rates here, the cheaper hours are off-peak.
- A tier applies to the whole request once its prompt is *over* its start.
- Fees per thousand requests become a fee per request. Searches, audio, images and pages are not text tokens.
- A model without a price for input or output is unpriced. The package does not say when a price was checked except in
  its comments, which are kept as the note of the price list.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from .bulk import Bulk, Sighting, host, known, merge, model_id, plain, providers, read_on
from .records import Endpoint, Evidence, Mode, ModeRates, OffPeak, PriceList, Rates, Residency, Scope, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, PriceVariant

_CLASSES = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
}
_CONTEXTS: dict[Mode, dict[str, str]] = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
_BEFORE_ALL = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class _Offer:
    """What applies at one moment: rates by mode, tiers, the fee per request."""

    rates: ModeRates
    tiers: tuple[Tier, ...]
    per_request_usd: Decimal | None

    @property
    def input(self) -> Decimal:
        standard = self.rates.standard
        return (standard.input if standard else None) or Decimal(0)


@functools.lru_cache(maxsize=1)
def read_genai_prices() -> Bulk:
    """Every model of the installed `genai-prices`. The first call imports it (its data take about half a second)."""
    import genai_prices.data

    version = importlib.metadata.version("genai-prices")
    checked_on, caveat = read_on("genai-prices", version, Path(genai_prices.data.__file__))
    source = f"genai-prices {version}{caveat} model"
    sold = [(provider, model) for provider in genai_prices.data.providers for model in provider.models]
    return Bulk(
        name="genai-prices",
        version=version,
        as_of=checked_on,
        providers=providers({provider.id: provider.name for provider, _ in sold}),
        models=merge((_sighting(provider.id, model, source) for provider, model in sold), checked_on),
        endpoints=tuple(_endpoint(provider.id, model, source, checked_on) for provider, model in sold),
        left_out={},
    )


def _endpoint(provider: str, model: ModelInfo, source: str, checked_on: date) -> Endpoint:
    id = f"{provider}/{model.id}"
    evidence = Evidence(source=f"{source} {id}", checked_on=checked_on)
    prices = tuple(price for price in _price_lists(model, evidence) if price.priced)
    return Endpoint(
        id=id,
        model=model_id(model.id, provider)[0],
        provider=provider,
        residency=_residency(provider, model.id, evidence),
        max_input_tokens=model.context_window or None,
        prices=prices,
        rows={"genai-prices": id},
        note=_note(model, prices),
    )


def _residency(provider: str, model: str, evidence: Evidence) -> Residency:
    """The scope of a Bedrock profile. The package says nothing about where others process."""
    profile = model.partition(".")[0]
    scope: Scope = known("bedrock_profiles").get(profile, "unknown") if host(provider) == "bedrock" else "unknown"
    if scope == "unknown":
        return Residency()
    said_by = Evidence(source=f"{evidence.source} (prefix {profile}.)", checked_on=evidence.checked_on)
    return Residency(scope=scope, evidence=said_by)


def _price_lists(model: ModelInfo, evidence: Evidence) -> Iterator[PriceList]:
    """A price list for each span of days between two changes."""
    starts = [None, *sorted(_start_dates(model))]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        offer, off_peak, note = _day(model, start or _BEFORE_ALL)
        yield PriceList(
            rates=offer.rates,
            tiers=offer.tiers,
            off_peak=off_peak,
            per_request_usd=offer.per_request_usd,
            effective_from=start,
            effective_to=end,
            evidence=evidence,
            note=" ".join(part for part in (note, model.price_comments) if part) or None,
        )


def _start_dates(model: ModelInfo) -> set[date]:
    from genai_prices.types import StartDateConstraint

    conditions = [price.constraint for price in model.prices] if isinstance(model.prices, list) else []
    conditions += [variant.constraint for mode in _CONTEXTS for variant in _variants(model, mode)]
    return {condition.start_date for condition in conditions if isinstance(condition, StartDateConstraint)}


def _variants(model: ModelInfo, mode: Mode) -> list[PriceVariant]:
    return [variant for variant in model.price_variants or () if variant.when == _CONTEXTS[mode]]


def _day(model: ModelInfo, day: date) -> tuple[_Offer, OffPeak | None, str | None]:
    """What applies on `day`: at the dearest hours, in the cheaper ones, and what could not be said."""
    switches = _switch_times(model)
    by_hour = [(start, _offer(model, datetime.combine(day, start, UTC))) for start in switches]
    offers = {offer.rates: offer for _, offer in by_hour} if len(by_hour) > 1 else {}
    peak = max((offer for _, offer in by_hour), key=lambda offer: offer.input)
    if len(offers) < 2:
        return peak, None, None
    if len(offers) > 2:
        return peak, None, "More than two prices a day; the dearest stands here."
    cheap = next(offer for offer in offers.values() if offer.rates != peak.rates)
    spans = [
        (start, end)
        for (start, offer), end in zip(by_hour, [*switches[1:], switches[0]], strict=True)
        if offer.rates == cheap.rates
    ]
    hours = ", ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in spans)
    return peak, OffPeak(hours_utc=hours, rates=cheap.rates.standard or Rates()), None


def _switch_times(model: ModelInfo) -> list[time]:
    """The hours (UTC) at which the price may change: each starts a span that ends at the next, around midnight."""
    from genai_prices.types import TimeOfDateConstraint

    conditions = [price.constraint for price in model.prices] if isinstance(model.prices, list) else []
    windows = [condition for condition in conditions if isinstance(condition, TimeOfDateConstraint)]
    times = {_utc(at) for window in windows for at in (window.start_time, window.end_time)}
    return sorted(times) or [time()]


def _utc(at: time) -> time:
    """A time of day in UTC; the package reads one without a zone as UTC."""
    return (datetime.combine(_BEFORE_ALL, at) - (at.utcoffset() or timedelta())).time().replace(tzinfo=None)


def _offer(model: ModelInfo, moment: datetime) -> _Offer:
    prices: dict[Mode, ModelPrice] = {"standard": model.get_prices(moment)}
    for mode, context in _CONTEXTS.items():
        if any(variant.constraint is None or variant.constraint.active(moment) for variant in _variants(model, mode)):
            prices[mode] = model.get_prices(moment, context)
    starts = sorted({start for price in prices.values() for start in _tier_starts(price)})
    per_thousand = vars(prices["standard"]).get("requests_kcount")
    return _Offer(
        rates=_mode_rates(prices, None),
        tiers=tuple(Tier(above=start, rates=_mode_rates(prices, start)) for start in starts),
        per_request_usd=plain(per_thousand / 1000) if isinstance(per_thousand, Decimal) and per_thousand else None,
    )


def _tier_starts(price: ModelPrice) -> set[int]:
    from genai_prices.types import TieredPrices

    tables = [table for key in _CLASSES.values() if isinstance(table := vars(price).get(key), TieredPrices)]
    return {tier.start for table in tables for tier in table.tiers}


def _mode_rates(prices: Mapping[Mode, ModelPrice], above: int | None) -> ModeRates:
    # Every class is spelt out in every tier: in this package a flat price beside a tiered one stays flat.
    return ModeRates(
        **{
            mode: Rates(**{name: _rate(vars(price).get(key), above, name) for name, key in _CLASSES.items()})
            for mode, price in prices.items()
        }
    )


def _rate(price: object, above: int | None, token_class: str) -> Decimal | None:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if above is not None and tier.start <= above]
        price = reached[-1] if reached else price.base
    if not isinstance(price, Decimal) or (price == 0 and token_class != "cache_read"):
        return None  # listed at 0 is not a price, except for cache hits, which some providers do not bill
    return plain(price)


def _note(model: ModelInfo, prices: tuple[PriceList, ...]) -> str | None:
    said = []
    if not prices:
        said.append(f"unpriced: {_why_unpriced(model)}")
    if model.deprecated:
        said.append("deprecated by the provider, no date given")
    handled = [*_CONTEXTS.values(), {"service_tier": "default"}]
    others = [v.when for v in model.price_variants or () if v.when not in handled and vars(v.prices)]
    if others:
        contexts = sorted({", ".join(f"{key}={value}" for key, value in when.items()) for when in others})
        said.append(f"other prices for {' and '.join(contexts)} are not here")
    return "; ".join(said) or None


def _why_unpriced(model: ModelInfo) -> str:
    price = model.get_prices(datetime.now(UTC))
    sides = [name for name in ("input", "output") if _rate(vars(price).get(_CLASSES[name]), None, name) is None]
    units = sorted(key for key, value in vars(price).items() if value is not None and key not in _CLASSES.values())
    return ", ".join(f"no {side} price" for side in sides) + (f" (it has {', '.join(units)})" if units else "")


def _sighting(provider: str, model: ModelInfo, source: str) -> Sighting:
    id, vendor = model_id(model.id, provider)
    return Sighting(
        model=id,
        source=f"{source} {provider}/{model.id}",
        maker=known("makers").get(provider),
        vendor=vendor,
        context_tokens=model.context_window or None,
    )

"""The user's own facts, laid over a snapshot: a negotiated discount, a private endpoint, a GPU box, a measured latency.

    name: our-deals
    checked_on: 2026-11-20
    discounts:
      - {provider: anthropic, factor: 0.85, note: contract until 2027-06}
    endpoints:
      - id: house/llama-3-3-70b
        model: llama-3-3-70b
        ...
        prices: [{reserved_usd_per_hour: 12.29, evidence: {source: invoice of October, checked_on: 2026-10-31}}]
    latencies:                      # as `measurement/` saves them: field for field a `MeasuredLatency`
      - endpoint: groq/llama-3-3-70b
        measured_on: 2026-11-23
        simulated: false
        n: 40
        ttft_s: {n: 40, p50: 0.21, p90: 0.35}
        e2e_s: {n: 40, p50: 1.9, p90: 2.4}
        path: litellm

A figure without evidence of its own is the file's, on the day it says it was `checked_on`.
An endpoint with an id that the snapshot has replaces it. A discounted price says so in its source.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from ..errors import CatalogError, LlmlabError, UnknownNameError
from . import schema, sections, strict_yaml
from .catalog import Catalog
from .records import MODES, Endpoint, Factor, MeasuredLatency, ModeRates, PriceList, Rates
from .sections import R

_OWN = ("name", "checked_on", "discounts", "latencies")
_DISCOUNTED = " by overrides "


@dataclass(frozen=True, kw_only=True)
class Discount:
    """A factor on every rate of a provider, a model or one endpoint: 0.85 is 15 % off."""

    factor: Factor
    note: str
    provider: str | None = None
    model: str | None = None
    endpoint: str | None = None

    def __post_init__(self) -> None:
        if [self.provider, self.model, self.endpoint].count(None) != 2:
            raise ValueError("a discount names exactly one of provider, model, endpoint")

    def meets(self, endpoint: Endpoint) -> bool:
        return self.provider == endpoint.provider or self.model == endpoint.model or self.endpoint == endpoint.id


@dataclass(frozen=True, kw_only=True)
class EndpointLatency:
    """What was measured of one endpoint. `place` is where it stands, for the error message."""

    endpoint: str
    measured: MeasuredLatency
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LatencyItem(MeasuredLatency):
    """An `EndpointLatency` as a file has it, in one mapping."""

    endpoint: str

    def placed(self, place: str) -> EndpointLatency:
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(MeasuredLatency)}
        return EndpointLatency(endpoint=self.endpoint, measured=MeasuredLatency(**own), place=place)


@dataclass(frozen=True, kw_only=True)
class _Head:
    name: str
    checked_on: date | None = None
    discounts: tuple[Discount, ...] = ()
    latencies: tuple[_LatencyItem, ...] = ()


@dataclass(frozen=True)
class Overrides:
    """An overrides file, read. `places` says where each discount stands, for the error message."""

    name: str
    discounts: tuple[Discount, ...] = ()
    places: tuple[str, ...] = ()
    parts: sections.Sections = field(default_factory=sections.Sections)
    latencies: tuple[EndpointLatency, ...] = ()


def read_overrides(path: Path) -> Overrides:
    """Read the file at `path`; raises `CatalogError` with file and line."""
    return _decode(strict_yaml.read(path, CatalogError))


def parse_overrides(text: str, name: str) -> Overrides:
    """The same from text, e.g. a file picked in the browser; `name` stands in error messages."""
    return _decode(strict_yaml.parse(text, name, CatalogError))


def _decode(document: strict_yaml.Document) -> Overrides:
    sections.check_keys(document, _OWN)
    own = {k: v for k, v in document.data.items() if k not in sections.KEYS}
    head = schema.decode(_Head, own, document, (), CatalogError)
    if head.checked_on is not None:  # the file itself is the source of what it says
        document.data.setdefault("evidence", {"source": f"overrides {head.name}", "checked_on": head.checked_on})
    parts = sections.read_sections(document, {}, head.checked_on)
    places = tuple(document.at(("discounts", i)) for i in range(len(head.discounts)))
    latencies = tuple(item.placed(document.at(("latencies", i))) for i, item in enumerate(head.latencies))
    return Overrides(head.name, head.discounts, places, parts, latencies)


def apply(catalog: Catalog, overrides: Overrides) -> Catalog:
    """`catalog` with `overrides` laid over it. A discount or a latency that meets no endpoint is an error: it was
    misspelt."""
    endpoints = list(catalog.endpoints)
    for discount, place in zip(overrides.discounts, overrides.places, strict=True):
        if not any(map(discount.meets, endpoints)):
            raise _nothing_met(catalog, discount, place)
        endpoints = [_discounted(e, discount, overrides.name) if discount.meets(e) else e for e in endpoints]
    laid = dataclasses.replace(
        catalog,
        models=_laid(catalog.models, sections.unique(overrides.parts.models)),
        providers=_laid(catalog.providers, sections.unique(overrides.parts.providers)),
        endpoints=_laid(tuple(endpoints), sections.unique(overrides.parts.endpoints)),
        overrides=(*catalog.overrides, overrides.name),
    )
    sections.check_references(laid, overrides.parts.endpoints)
    return _measured(laid, overrides.latencies) if overrides.latencies else laid


def _measured(catalog: Catalog, latencies: tuple[EndpointLatency, ...]) -> Catalog:
    known = {endpoint.id for endpoint in catalog.endpoints}
    found: dict[str, EndpointLatency] = {}
    for latency in latencies:
        if latency.endpoint not in known:
            raise UnknownNameError("endpoint", latency.endpoint, known, where=latency.place)
        if (first := found.setdefault(latency.endpoint, latency)) is not latency:
            raise CatalogError(f"{latency.place}: {latency.endpoint!r} stands twice; the first is at {first.place}")
    return dataclasses.replace(
        catalog,
        endpoints=tuple(
            dataclasses.replace(e, measured=found[e.id].measured) if e.id in found else e for e in catalog.endpoints
        ),
    )


def _laid(below: tuple[R, ...], above: tuple[R, ...]) -> tuple[R, ...]:
    by_id = {record.id: record for record in below}
    by_id.update((record.id, record) for record in above)
    return tuple(by_id.values())


def _nothing_met(catalog: Catalog, discount: Discount, place: str) -> LlmlabError:
    what, name, known = (
        ("provider", discount.provider, [p.id for p in catalog.providers])
        if discount.provider is not None
        else ("model", discount.model, [m.id for m in catalog.models])
        if discount.model is not None
        else ("endpoint", discount.endpoint, [e.id for e in catalog.endpoints])
    )
    if name in known:
        return CatalogError(f"{place}: the discount meets nothing: no endpoint of {what} {name!r} is in {catalog.name}")
    return UnknownNameError(what, name, known, where=place)


def _discounted(endpoint: Endpoint, discount: Discount, name: str) -> Endpoint:
    return dataclasses.replace(endpoint, prices=tuple(_cheaper(p, discount, name) for p in endpoint.prices))


def is_discounted(price: PriceList) -> bool:
    """Whether a discount of the user's own was laid over this price: it is then nobody's list price."""
    return _DISCOUNTED in price.evidence.source


def _cheaper(price: PriceList, discount: Discount, name: str) -> PriceList:
    f = discount.factor
    source = f"{price.evidence.source}, x {f}{_DISCOUNTED}{name} ({discount.note})"
    return dataclasses.replace(
        price,
        rates=_scale_modes(price.rates, f),
        tiers=tuple(dataclasses.replace(t, rates=_scale_modes(t.rates, f)) for t in price.tiers),
        off_peak=price.off_peak and dataclasses.replace(price.off_peak, rates=_scale_rates(price.off_peak.rates, f)),
        per_request_usd=_times(price.per_request_usd, f),
        reserved_usd_per_hour=_times(price.reserved_usd_per_hour, f),
        evidence=dataclasses.replace(price.evidence, source=source),
    )


def _scale_modes(modes: ModeRates, factor: Decimal) -> ModeRates:
    return ModeRates(
        **{mode: None if (rates := modes.of(mode)) is None else _scale_rates(rates, factor) for mode in MODES}
    )


def _scale_rates(rates: Rates, factor: Decimal) -> Rates:
    return Rates(**{f.name: _times(getattr(rates, f.name), factor) for f in dataclasses.fields(rates)})


def _times(rate: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if rate is None else rate * factor

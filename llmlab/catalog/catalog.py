"""The catalog: an immutable set of models, providers and endpoints, looked up by exact name.

A name that is not there is an error that says the nearest ones. It is never priced as something similar, and never $0.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import UnknownNameError
from .records import Endpoint, HostingRow, Model, Provider

if TYPE_CHECKING:
    from .diff import Change
    from .lint import Finding
    from .tables import HostingMatrix, PriceRatio, Spec


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Models and the endpoints that serve them, as one snapshot said on one day.

    `as_of` is the day the figures were checked. `packages` are the versions that were read. `overrides` names the
    user's own files laid over the snapshot. Two catalogs are the same when `content_hash` is.
    """

    name: str
    title: str
    as_of: date
    models: tuple[Model, ...]
    providers: tuple[Provider, ...]
    endpoints: tuple[Endpoint, ...]
    packages: Mapping[str, str] = field(default_factory=dict)
    hosting: tuple[HostingRow, ...] = ()
    overrides: tuple[str, ...] = ()
    note: str | None = None

    def __len__(self) -> int:
        return len(self.endpoints)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.endpoints)

    def __repr__(self) -> str:
        laid = f" + {', '.join(self.overrides)}" if self.overrides else ""
        return f"<Catalog {self.name}{laid}: {len(self.models)} models, {len(self.endpoints)} endpoints, {self.as_of}>"

    @functools.cached_property
    def _models(self) -> dict[str, Model]:
        return {m.id: m for m in self.models}

    @functools.cached_property
    def _endpoints(self) -> dict[str, Endpoint]:
        return {e.id: e for e in self.endpoints}

    @functools.cached_property
    def _providers(self) -> dict[str, Provider]:
        return {p.id: p for p in self.providers}

    @functools.cached_property
    def _by_model(self) -> dict[str, tuple[Endpoint, ...]]:
        served: dict[str, list[Endpoint]] = {}
        for endpoint in self.endpoints:
            served.setdefault(endpoint.model, []).append(endpoint)
        return {model: tuple(endpoints) for model, endpoints in served.items()}

    def model(self, id: str) -> Model:
        """The model with exactly this id, or `UnknownNameError`."""
        return self._models.get(id) or self._unknown("model", id, self._models)

    def endpoint(self, id: str) -> Endpoint:
        """The endpoint with exactly this id, or `UnknownNameError`."""
        return self._endpoints.get(id) or self._unknown("endpoint", id, self._endpoints)

    def provider(self, id: str) -> Provider:
        """The provider with exactly this id, or `UnknownNameError`."""
        return self._providers.get(id) or self._unknown("provider", id, self._providers)

    def served_by(self, model: str) -> tuple[Endpoint, ...]:
        """Every endpoint of the model with this id; none if nobody serves it."""
        return self._by_model.get(model, ())

    def find(self, id: str) -> tuple[Endpoint, ...]:
        """The endpoint with this id, or every endpoint of the model with this id."""
        if id in self._endpoints:
            return (self._endpoints[id],)
        if id not in self._models:
            self._unknown("model or endpoint", id, [*self._models, *self._endpoints])
        return self.served_by(id)

    def where(self, keep: Callable[[Endpoint], bool]) -> Catalog:
        """A catalog of the endpoints for which `keep` is true, with the models and providers that they need."""
        kept = tuple(e for e in self.endpoints if keep(e))
        models, providers = {e.model for e in kept}, {e.provider for e in kept}
        return dataclasses.replace(
            self,
            endpoints=kept,
            models=tuple(m for m in self.models if m.id in models),
            providers=tuple(p for p in self.providers if p.id in providers),
        )

    @functools.cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits of everything this catalog says: the pin that a saved scenario holds."""
        kinds: tuple[tuple[Model | Provider | Endpoint, ...], ...] = (self.models, self.providers, self.endpoints)
        said = [[_said(record) for record in sorted(kind, key=lambda r: r.id)] for kind in kinds]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=_plain).encode()).hexdigest()[:16]

    def diff(self, newer: Catalog, *, as_of: date | None = None) -> tuple[Change, ...]:
        """What moved from this snapshot to `newer`: prices, windows, residency, retirement, endpoints new and gone."""
        from .diff import diff

        return diff(self, newer, as_of=as_of)

    def lint(self, *, as_of: date | None = None, against: Sequence[Catalog] | None = None) -> tuple[Finding, ...]:
        """Which rows are stale, retired, disputed between sources, or carry the price of an older sibling."""
        from .lint import lint

        return lint(self, as_of=as_of, against=against)

    def specs(self, *, as_of: date | None = None) -> tuple[Spec, ...]:
        """A row per model: window, output limit, prices as published, strengths, hosting, cutoff."""
        from .tables import specs

        return specs(self, as_of=as_of)

    def price_ratios(self, *, as_of: date | None = None) -> tuple[PriceRatio, ...]:
        """Output price of each endpoint against the cheapest, rising."""
        from .tables import price_ratios

        return price_ratios(self, as_of=as_of)

    def hosting_matrix(self, *, as_of: date | None = None) -> HostingMatrix:
        """Who serves what: a row per model family, a column per kind of host."""
        from .tables import hosting_matrix

        return hosting_matrix(self, as_of=as_of)

    def _unknown(self, what: str, id: str, known: Collection[str]) -> NoReturn:
        raise UnknownNameError(what, id, known, where=f"catalog {self.name}")


# Fields that records got after scenarios had been pinned: left out where empty, so that those pins still hold.
_LATER = ("measured",)


def _said(record: Model | Provider | Endpoint) -> dict[str, Any]:
    said = dataclasses.asdict(record)
    return {name: value for name, value in said.items() if value is not None or name not in _LATER}


def _plain(value: object) -> str:
    # 1, 1.0 and 1.00 are the same price
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)

"""A catalog compiled for one decision: an array per fact, a place per endpoint, so that asking again is cheap.

What constraints ask is compared with these arrays; relaxing a constraint compares again and compiles nothing.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..catalog.catalog import Catalog
from ..catalog.records import Endpoint, MeasuredLatency, Model, Provider
from ..cost.grid import Floats, Grid
from ..cost.ledger import tokenizer_scale
from ..cost.workload import Workload
from ..errors import UnknownNameError
from . import knowledge
from .constraints import Constraints, Percentile, TierName
from .latency import waits
from .loads import Load, loads
from .residency import places, regions_in, stays
from .tree import EndpointClass

T = TypeVar("T")
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]
States: TypeAlias = NDArray[np.int8]  # 1 meets it, 0 does not, -1 nobody says
YES, NO, UNKNOWN = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Dollars:
    """US dollars of one load, an array each: per request, per period for holding a cached prefix, per period for a
    reserved box, and all of it divided by the requests. NaN where unpriced."""

    each: Floats
    held: Floats
    reserved: Floats
    per_request: Floats


class Facts:
    """What is known of each endpoint of `catalog` on `as_of`, for a workload and the hard requests of `constraints`.

    `latency` lays measurements over the catalog by endpoint id. Raises `UnknownNameError` for one that is not there.
    """

    def __init__(
        self,
        constraints: Constraints,
        workload: Workload,
        catalog: Catalog,
        as_of: date,
        latency: Mapping[str, MeasuredLatency] | None = None,
    ) -> None:
        self.catalog = measured(catalog, latency or {})
        self.workload = workload
        self.as_of = as_of
        self.endpoints: Sequence[Endpoint] = self.catalog.endpoints
        self.models: list[Model] = [self.catalog.model(e.model) for e in self.endpoints]
        self.providers: list[Provider] = [self.catalog.provider(e.provider) for e in self.endpoints]
        self.hosts: list[str] = [host_of(p) for p in self.providers]
        self.grid = Grid(self.catalog, as_of=as_of)
        self._kept: dict[Any, Any] = {}
        self.statuses = [e.status(as_of) for e in self.endpoints]

    def __len__(self) -> int:
        return len(self.endpoints)

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` returns, made once for this key: relaxing a constraint asks the same again."""
        if key not in self._kept:
            self._kept[key] = make()
        found: T = self._kept[key]
        return found

    def at(self, workload: Workload) -> Facts:
        """The same for a workload that differs in its shares and rates only; what is known already is shared."""
        other = copy.copy(self)
        other.workload = workload
        return other

    @functools.cached_property
    def makers(self) -> Ints:
        """A number per vendor, -1 where it is unknown."""
        return _numbered(["" if (name := knowledge.vendor(m)) == "unknown" else name for m in self.models])

    @functools.cached_property
    def host_numbers(self) -> Ints:
        """A number per host: a cloud, a provider of its own, or one's own network."""
        return _numbered(self.hosts)

    @functools.cached_property
    def windows(self) -> list[int | None]:
        """Tokens of prompt that each endpoint takes, or its model where the endpoint does not say."""
        return [e.max_input_tokens or m.context_tokens for e, m in zip(self.endpoints, self.models, strict=True)]

    @functools.cached_property
    def clouds(self) -> Bools:
        """Which endpoints stand behind a cloud's control plane."""
        return np.array([host in ("bedrock", "azure", "vertex") for host in self.hosts], dtype=bool)

    @functools.cached_property
    def open_weights(self) -> States:
        return np.array([_state(m.open_weights) for m in self.models], dtype=np.int8)

    @functools.cached_property
    def openai(self) -> States:
        """Who speaks OpenAI's chat completions."""
        pairs = zip(self.providers, self.models, strict=True)
        return np.array([_state(knowledge.speaks_openai(p, m)) for p, m in pairs], dtype=np.int8)

    def fits(self, load: Load) -> States:
        """Whether one request fits: its prompt the window, its answer the output limit where one is published."""
        w = load.workload
        return self.once(("fits", w.input_tokens, w.output_tokens, w.reasoning_tokens), lambda: self._fits(w))

    def _fits(self, w: Workload) -> States:
        found = np.empty(len(self), dtype=np.int8)
        for i, (endpoint, window) in enumerate(zip(self.endpoints, self.windows, strict=True)):
            limit = endpoint.max_output_tokens or self.models[i].max_output_tokens
            scale = tokenizer_scale(endpoint, w, self.catalog)[0] if w.same_text else 1
            if window is None:
                found[i] = UNKNOWN
            else:
                answer = (w.output_tokens + w.reasoning_tokens) * scale
                found[i] = w.input_tokens * scale <= window and (limit is None or answer <= limit)
        return found

    def kind(self, name: str) -> States:
        """Which models are for a kind of hard request."""

        def make() -> States:
            by_model = {m.id: _state(knowledge.meets_kind(m, name)) for m in self.catalog.models}
            return np.array([by_model[m.id] for m in self.models], dtype=np.int8)

        return self.once(("kind", name), make)

    def drawn(self, kind: EndpointClass) -> States:
        """Which endpoints are in a class that a tier is drawn from; unknown where the model's bucket is."""

        def make() -> States:
            everyone = zip(self.endpoints, self.models, self.providers, strict=True)
            return np.array(
                [UNKNOWN if m.bucket is None else int(kind.matches(e, m, p)) for e, m, p in everyone], dtype=np.int8
            )

        return self.once(("drawn", kind), make)

    def places(self, constraints: Constraints) -> tuple[str, ...]:
        """Where data must stay."""
        return self.once(("places", constraints.residency), lambda: places(constraints, self.workload, self.catalog))

    def stays(self, place: str) -> tuple[States, list[str]]:
        """Whether each endpoint stays in `place`, and why."""

        def make() -> tuple[States, list[str]]:
            pairs = zip(self.endpoints, self.providers, strict=True)
            found = [stays(e, p.host, place) for e, p in pairs]
            return np.array([_state(answer) for answer, _ in found], dtype=np.int8), [why for _, why in found]

        return self.once(("stays", place), make)

    def regions(self, asked: tuple[str, ...]) -> Ints:
        """Where each endpoint can be called within the places asked for: -1 nobody says, -2 in several regions, else a
        number per region."""

        def make() -> Ints:
            numbers: dict[str, int] = {}
            found = []
            for endpoint in self.endpoints:
                regions = set(regions_in(endpoint, asked)) if endpoint.regions else set()
                one = numbers.setdefault(min(regions), len(numbers)) if len(regions) == 1 else -1
                found.append(-2 if len(regions) > 1 else one)
            return np.array(found, dtype=np.int64)

        return self.once(("regions", asked), make)

    def waits(self, load: Load, percentile: Percentile) -> tuple[Floats, Floats]:
        """Seconds to the first token and to the end, for one request of a load; NaN where nobody says."""
        w = load.workload

        def make() -> tuple[Floats, Floats]:
            found = np.array([waits(e, w, percentile) for e in self.endpoints], dtype=float).reshape(-1, 2)
            return found[:, 0].copy(), found[:, 1].copy()

        return self.once(("waits", w.output_tokens, w.reasoning_tokens, percentile), make)

    def needs(self, load: Load, *, whole: bool) -> Floats:
        """Seconds that a timeout must leave: for the first token, or the `whole` answer. A measured p95 where there is
        one, else the median times an assumed headroom; 0 where nobody says."""
        which = 1 if whole else 0
        measured, median = self.waits(load, "p95")[which], self.waits(load, "p50")[which]
        return np.where(np.isnan(measured), np.nan_to_num(median) * knowledge.assumptions().timeout_headroom, measured)

    def dollars(self, constraints: Constraints) -> Mapping[TierName, Dollars]:
        """What each tier's load costs on every endpoint."""
        return {
            tier: self.once(load.workload, functools.partial(self._bill, load.workload))
            for tier, load in loads(constraints, self.workload).items()
        }

    def _bill(self, w: Workload) -> Dollars:
        prices = self.grid.price(w)
        tokens = prices.input + prices.cache_read + prices.cache_write + prices.output + prices.reasoning + prices.fees
        each = np.where(np.isnan(prices.total), np.nan, tokens / w.requests)
        return Dollars(each, prices.cache_storage, prices.reservation, prices.total / w.requests)


def measured(catalog: Catalog, latency: Mapping[str, MeasuredLatency]) -> Catalog:
    """The catalog with measurements of one's own laid over it."""
    if not latency:
        return catalog
    known = {e.id for e in catalog}
    for id in latency:
        if id not in known:
            raise UnknownNameError("endpoint", id, known, where="latency")
    laid = (dataclasses.replace(e, measured=latency[e.id]) if e.id in latency else e for e in catalog)
    return dataclasses.replace(catalog, endpoints=tuple(laid))


def host_of(provider: Provider) -> str:
    """What fails together: a cloud, one's own network, or a provider of its own."""
    return provider.id if provider.host == "native" else provider.host


def _state(answer: bool | None) -> int:
    return UNKNOWN if answer is None else int(answer)


def _numbered(names: Sequence[str]) -> Ints:
    numbers = {name: i for i, name in enumerate(dict.fromkeys(name for name in names if name))}
    return np.array([numbers.get(name, -1) for name in names], dtype=np.int64)

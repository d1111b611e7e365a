"""The catalog as tables a person reads: specs, price ratios, and who hosts what.

Cells are text as a publisher writes it, hedges included; for the seed snapshot they are the seed's own cells. Whoever
needs numbers takes them from the records. Prices and retirements are those of today unless a day is given, as on a
bill.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from .bulk import known
from .catalog import Catalog
from .records import Confidence, Endpoint, HostingRow, Model, PriceList, Rates

SPEC_COLUMNS = ("Model", "Provider", "Context", "Output", "In $/1M", "Out $/1M", "Strengths", "Hosting", "Cutoff")
HOSTING_COLUMNS = ("Model", "Native API", "AWS Bedrock", "Azure", "Vertex AI", "Self-host (vLLM / TGI)")
UNPRICED = "unpriced"
NOT_STATED = "not stated"
_HEDGES: dict[Confidence, str] = {"list": "{}", "starts_at": "starts at {}", "approx": "~{}", "assumed": "{} (assumed)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A row of the table of specs. `endpoint` is whose price is shown, `None` where nobody's is known."""

    id: str
    endpoint: str | None
    model: str
    provider: str
    context: str
    output: str
    input_price: str
    output_price: str
    strengths: str
    hosting: str
    cutoff: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of `SPEC_COLUMNS`."""
        return (
            self.model,
            self.provider,
            self.context,
            self.output,
            self.input_price,
            self.output_price,
            self.strengths,
            self.hosting,
            self.cutoff,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRatio:
    """An endpoint's output rate, in dollars per million tokens, against the cheapest in the same catalog."""

    endpoint: str
    model: str
    output_rate: Decimal
    ratio: Decimal

    def __str__(self) -> str:
        return f"{self.model} ({self.endpoint}): {dollars(self.output_rate)}, {times(self.ratio)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingMatrix:
    """Who serves what. `published` is true where the rows are a source's own words, false where they are derived."""

    rows: tuple[HostingRow, ...]
    published: bool
    columns: tuple[str, ...] = HOSTING_COLUMNS

    @property
    def cells(self) -> tuple[tuple[str, ...], ...]:
        """The rows as text, in the order of `columns`."""
        return tuple((r.family, r.native, r.bedrock, r.azure, r.vertex, r.self_host) for r in self.rows)


def specs(catalog: Catalog, as_of: date | None = None) -> tuple[Spec, ...]:
    """A row per model, in the order of the published hosting matrix if there is one, else of the catalog.

    Where several endpoints serve a model, the price cells are those of its maker's own endpoint when it has a priced
    live one, else of the cheapest priced live one (input plus output rate), else of a retired one: its last price.
    Open weights that somebody other than their maker serves are `hosted`. A model that nobody prices is `unpriced`.
    """
    day = as_of or date.today()
    return tuple(_spec(catalog, model, day) for model in _in_published_order(catalog))


def price_ratios(catalog: Catalog, as_of: date | None = None) -> tuple[PriceRatio, ...]:
    """Each live endpoint's output rate against the cheapest's, rising. Endpoints without an output rate are not in it.

    A rate of 0 (a private endpoint somebody else pays for) has no ratio to anything and is left out too.
    """
    day = as_of or date.today()
    rates = [
        (rate, endpoint)
        for endpoint in catalog.endpoints
        if endpoint.status(day) != "retired" and (rate := _standard(endpoint.price_on(day)).output)
    ]
    rates.sort(key=lambda pair: (pair[0], pair[1].id))
    return tuple(
        PriceRatio(endpoint=e.id, model=catalog.model(e.model).name, output_rate=rate, ratio=rate / rates[0][0])
        for rate, e in rates
    )


def hosting_matrix(catalog: Catalog, as_of: date | None = None) -> HostingMatrix:
    """Who serves what, per model: the snapshot's published matrix in its own words, else what its endpoints say.

    A derived cell is `Yes` with the residency scopes on offer, or `No`; hosts that have all retired the model say when.
    """
    if catalog.hosting:
        return HostingMatrix(rows=catalog.hosting, published=True)
    day = as_of or date.today()
    return HostingMatrix(rows=tuple(_hosting_row(catalog, model, day) for model in catalog.models), published=False)


def dollars(rate: Decimal) -> str:
    """$15, $0.80, $0.0135: whole dollars bare, else cents, else as many places as the rate has."""
    plain = format(rate.normalize(), "f")
    whole, _, places = plain.partition(".")
    return f"${int(whole):,}" + (f".{places:0<2}" if places else "")


def hedged(text: str, confidence: Confidence) -> str:
    """`text` with the publisher's hedge: `starts at $10`, `~$0.70`."""
    return _HEDGES[confidence].format(text)


def times(ratio: Decimal) -> str:
    """25x, 2.5x, 0.33x: two places, more where fewer would say that nothing moved."""
    if ratio >= 1_000_000:
        return f"{ratio:.3g}x"
    for places in (2, 3, 4, 5, 6):
        shown = ratio.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if shown not in (0, 1) or shown == ratio:
            break
    return f"{format(shown.normalize(), 'f')}x"


def tokens(count: int) -> str:
    """1M, 64K, 1.05M: by thousands where that comes out even, else by 1,024s (131,072 is sold as 128K)."""
    for step in (1000, 1024):
        if count % step**2 == 0:
            return f"{count // step**2}M"
        if count % step == 0 and count < step**2:
            return f"{count // step}K"
    return f"{count / 1e6:.3g}M" if count >= 1_000_000 else f"{count / 1e3:.3g}K" if count >= 1000 else str(count)


def made_by_provider(catalog: Catalog, endpoint: Endpoint) -> bool:
    """Whether the endpoint is its model's maker's own: `DeepSeek (open)` on DeepSeek, not on Together."""
    provider, maker = catalog.provider(endpoint.provider), _bare(catalog.model(endpoint.model).maker)
    if provider.host != "native":
        return False
    if _bare(known("makers").get(provider.id, "")) == maker:
        return True
    return re.search(rf"\b{re.escape(maker)}\b", provider.name, re.IGNORECASE) is not None


def _bare(maker: str) -> str:
    # The seed writes "Meta (open)"; the packages write "Mistral AI".
    return re.sub(r" *(\(.*\)|AI)$", "", maker)


def _in_published_order(catalog: Catalog) -> list[Model]:
    named = [id for row in catalog.hosting for id in row.models]
    place = {id: i for i, id in enumerate(named)}
    return sorted(catalog.models, key=lambda model: place.get(model.id, len(place)))


def _spec(catalog: Catalog, model: Model, day: date) -> Spec:
    endpoint = _shown(catalog, model, day)
    price = endpoint.price_on(day) if endpoint else None
    return Spec(
        id=model.id,
        endpoint=endpoint.id if endpoint else None,
        model=model.name,
        provider=model.maker,
        context=tokens(model.context_tokens) if model.context_tokens else NOT_STATED,
        output=tokens(model.max_output_tokens) if model.max_output_tokens else NOT_STATED,
        input_price=_price_cell(catalog, model, endpoint, price, _standard(price).input),
        output_price=_price_cell(catalog, model, endpoint, price, _standard(price).output),
        strengths=", ".join(model.strengths) or NOT_STATED,
        hosting=", ".join(model.hosting) or NOT_STATED,
        cutoff=model.cutoff or NOT_STATED,
    )


def _shown(catalog: Catalog, model: Model, day: date) -> Endpoint | None:
    """The endpoint whose price stands for the model."""
    priced = [(e, p) for e in catalog.served_by(model.id) if (p := e.price_on(day)) is not None and p.priced]

    def rank(pair: tuple[Endpoint, PriceList]) -> tuple[bool, bool, bool, Decimal, str]:
        endpoint, price = pair
        rates = _standard(price)
        by_token = rates.input is not None and rates.output is not None
        per_million = (rates.input or Decimal(0)) + (rates.output or Decimal(0))
        retired, resold = endpoint.status(day) == "retired", not made_by_provider(catalog, endpoint)
        return not by_token, retired, resold, per_million, endpoint.id

    return min(priced, key=rank)[0] if priced else None


def _price_cell(
    catalog: Catalog, model: Model, endpoint: Endpoint | None, price: PriceList | None, rate: Decimal | None
) -> str:
    if endpoint is None or price is None:
        return UNPRICED
    if rate is None:
        per_hour = price.reserved_usd_per_hour
        return UNPRICED if per_hour is None else f"{hedged(dollars(per_hour), price.evidence.confidence)} an hour"
    hosted = bool(model.open_weights) and not made_by_provider(catalog, endpoint)
    return hedged(dollars(rate), price.evidence.confidence) + (" hosted" if hosted else "")


def _standard(price: PriceList | None) -> Rates:
    return (price.rates.standard if price else None) or Rates()


def _hosting_row(catalog: Catalog, model: Model, day: date) -> HostingRow:
    by_host: dict[str, list[Endpoint]] = {}
    for endpoint in catalog.served_by(model.id):
        by_host.setdefault(catalog.provider(endpoint.provider).host, []).append(endpoint)
    self_host = _hosting_cell(by_host.get("self_host", []), day)
    return HostingRow(
        family=model.name,
        models=(model.id,),
        native=_native_cell(catalog, by_host.get("native", []), day),
        bedrock=_hosting_cell(by_host.get("bedrock", []), day),
        azure=_hosting_cell(by_host.get("azure", []), day),
        vertex=_hosting_cell(by_host.get("vertex", []), day),
        self_host="Yes (open weights)" if model.open_weights else self_host,
    )


def _hosting_cell(endpoints: list[Endpoint], day: date) -> str:
    live = [e for e in endpoints if e.status(day) != "retired"]
    if not live:
        ended = max((e.retires_on for e in endpoints if e.retires_on), default=None)
        return f"No (retired {ended})" if ended else "No"
    scopes = {e.residency.scope for e in live}
    stated = [*sorted(scopes - {"unknown"}), *(["others not stated"] if "unknown" in scopes else [])]
    return f"Yes ({', '.join(stated)})" if scopes - {"unknown"} else "Yes"


def _native_cell(catalog: Catalog, endpoints: list[Endpoint], day: date) -> str:
    """The maker's own API, or the names of those who serve it instead, as the seed's matrix has it."""
    own = [e for e in endpoints if made_by_provider(catalog, e)]
    live = [e for e in endpoints if e.status(day) != "retired"]
    if not live or any(e in live for e in own):
        return _hosting_cell(own or endpoints, day)
    return " / ".join(_names(catalog, live))


def _names(catalog: Catalog, endpoints: list[Endpoint]) -> Iterator[str]:
    return iter(dict.fromkeys(catalog.provider(e.provider).name for e in endpoints))

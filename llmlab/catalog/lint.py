"""What a reviewer should doubt in a catalog: stale, retired or disputed rows, and prices that belong to an older model.

`lint` reads the installed price packages as they are today, so it finds what moved since a snapshot was written. It
changes nothing and raises nothing: each finding says what is wrong, where, and how to mend it.

An endpoint is compared with the rows it names in `rows`: whoever names one has looked, so a source that is not named
has none. An endpoint that names none (the seed's) is compared with the row that is called by exactly its LiteLLM name
or id, or has exactly its model's name at the same provider. Nothing is ever matched by likeness.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

from .catalog import Catalog
from .diff import token_rates
from .overrides import is_discounted
from .records import Endpoint, Evidence, PriceList
from .snapshots import BULK, load_catalog
from .tables import dollars

Code = Literal["stale", "retired", "retiring", "row-gone", "sources-disagree", "sibling-price"]

STALE_AFTER = timedelta(days=90)
TOLERANCE = Decimal("0.01")
MOST_FIGURES = 4
_DATED = re.compile(r"[-@]20\d\d-?\d\d-?\d\d.*$|-v\d+:\d+$|[-@](latest|default|preview|exp)\b.*$")
_WORD = re.compile(r"\d+[a-z]+|[a-z]+|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One doubt about one endpoint. `mend` says what to do about it."""

    code: Code
    endpoint: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.code}: {self.message}; {self.mend}"


class _Index:
    """A catalog's endpoints by everything that they can be looked up by, exactly."""

    def __init__(self, catalog: Catalog) -> None:
        self.name = catalog.name
        self.version = catalog.packages.get(catalog.name, "")
        self.by_id = {e.id: e for e in catalog.endpoints}
        self.by_call = {e.litellm_model: e for e in reversed(catalog.endpoints) if e.litellm_model}
        self.by_model = {(e.provider, e.model): e for e in reversed(catalog.endpoints)}
        self._by_provider: dict[str, list[Endpoint]] = {}

    def of_provider(self, provider: str) -> list[Endpoint]:
        if not self._by_provider:
            for endpoint in self.by_id.values():
                self._by_provider.setdefault(endpoint.provider, []).append(endpoint)
        return self._by_provider.get(provider, [])

    def find(self, endpoint: Endpoint, home: str) -> Endpoint | None:
        """The row here that speaks of `endpoint` of the catalog `home`, if any."""
        if self.name in endpoint.rows:
            return self.by_id.get(endpoint.rows[self.name])
        if set(endpoint.rows) - {home}:  # a bulk catalog's own row names itself and nobody else
            return None
        for name in (endpoint.litellm_model, endpoint.id):
            if name is not None and (row := self.by_id.get(name) or self.by_call.get(name)):
                return row
        return self.by_model.get((endpoint.provider, endpoint.model))


@dataclass(frozen=True, slots=True)
class _Row:
    """What one source says of an endpoint on the day."""

    source: _Index
    row: Endpoint
    rates: dict[str, Decimal]


def lint(
    catalog: Catalog, *, as_of: date | None = None, against: Sequence[Catalog] | None = None
) -> tuple[Finding, ...]:
    """The findings of `catalog` as of a day (today unless said), in its endpoints' order.

    - `stale`: a figure in use was checked, or a latency measured, more than 90 days before.
    - `retired`, `retiring` (within 90 days): by the endpoint's own date; the message says who follows.
    - `row-gone`: `rows` names a row that the installed package no longer has.
    - `sources-disagree`: ours and the rows' prices, or the rows' own, are more than 1 % apart in a token class, mode
      and tier that both state. Prices under a discount of the user's own are not compared.
    - `sibling-price`: our input and output rates are not those of our own row, but exactly those of an older version of
      the same family, from the same provider, in one of the sources.

    `against` are the catalogs to compare with: the installed bulk packages if left out, none if empty.
    """
    day = as_of or date.today()
    given = [load_catalog(name) for name in BULK if name != catalog.name] if against is None else against
    sources = [_Index(source) for source in given if source.name != catalog.name]
    own = _Index(catalog)
    return tuple(found for e in catalog.endpoints for found in _findings(catalog, own, e, day, sources))


def _findings(
    catalog: Catalog, own: _Index, endpoint: Endpoint, day: date, sources: Sequence[_Index]
) -> Iterator[Finding]:
    price = endpoint.price_on(day)
    yield from _stale(catalog, endpoint, price, day)
    yield from _retirement(own, endpoint, day)
    yield from _gone_rows(endpoint, sources)
    if price is None or is_discounted(price):
        return
    rows = [
        _Row(source, row, token_rates(there))
        for source in sources
        if (row := source.find(endpoint, catalog.name)) and (there := row.price_on(day))
    ]
    ours = token_rates(price)
    yield from _disputes(endpoint, price, ours, rows)
    yield from _sibling(endpoint, ours, rows, day)


def _stale(catalog: Catalog, endpoint: Endpoint, price: PriceList | None, day: date) -> Iterator[Finding]:
    model = catalog.model(endpoint.model)
    in_use: list[tuple[str, Evidence | None]] = [
        ("price", price.evidence if price else None),
        ("model", model.evidence),
        ("tokenizer", model.tokenizer.evidence if model.tokenizer else None),
        ("latency", endpoint.latency.evidence if endpoint.latency else None),
        ("residency", endpoint.residency.evidence),
    ]
    old: dict[date, list[str]] = {}
    for what, evidence in in_use:
        if evidence is not None and day - evidence.checked_on > STALE_AFTER:
            old.setdefault(evidence.checked_on, []).append(what)
    if old:
        said = ", ".join(f"{', '.join(what)} on {on} ({(day - on).days} days ago)" for on, what in sorted(old.items()))
        yield Finding(
            code="stale",
            endpoint=endpoint.id,
            message=f"last checked: {said}",
            mend="read the source again and say so in the next snapshot",
        )
    if endpoint.measured is not None and day - endpoint.measured.measured_on > STALE_AFTER:
        on = endpoint.measured.measured_on
        yield Finding(
            code="stale",
            endpoint=endpoint.id,
            message=f"its latency was measured on {on} ({(day - on).days} days ago)",
            mend="measure it again",
        )


def _retirement(own: _Index, endpoint: Endpoint, day: date) -> Iterator[Finding]:
    status = endpoint.status(day, notice_days=STALE_AFTER.days)
    if status == "live" or endpoint.retires_on is None:
        return
    left = (endpoint.retires_on - day).days
    when = f"on {endpoint.retires_on}" + ("" if status == "retired" else f", in {left} day{'s' * (left != 1)}")
    message = f"{'retired' if status == 'retired' else 'retires'} {when}; "
    successor = own.by_id.get(endpoint.successor) if endpoint.successor else None
    if endpoint.successor is None:
        message, mend = message + "no successor is named", "choose one and write it as `successor`"
    elif successor is None:  # a bulk row may name one that its package does not have
        message, mend = message + f"its successor {endpoint.successor} is not in this catalog", "choose one that is"
    elif successor.status(day) == "retired":
        message, mend = message + f"its successor {successor.id} is retired too", "choose another"
    else:
        message, mend = message + f"its successor is {successor.id}", f"call {successor.id}"
    yield Finding(code=status, endpoint=endpoint.id, message=message, mend=mend)


def _gone_rows(endpoint: Endpoint, sources: Sequence[_Index]) -> Iterator[Finding]:
    for source in sources:
        row = endpoint.rows.get(source.name)
        if row is not None and row not in source.by_id:
            yield Finding(
                code="row-gone",
                endpoint=endpoint.id,
                message=f"{source.name} {source.version} has no row {row!r}",
                mend="look for its retirement or its new name; the price it had stays evidence of its day",
            )


def _disputes(
    endpoint: Endpoint, price: PriceList, ours: dict[str, Decimal], rows: Sequence[_Row]
) -> Iterator[Finding]:
    said = [("ours", ours), *((row.source.name, row.rates) for row in rows)]
    disputed = []
    for field in dict.fromkeys(field for _, rates in said for field in rates):
        figures = [(who, rates[field]) for who, rates in said if field in rates]
        low, high = min(rate for _, rate in figures), max(rate for _, rate in figures)
        if high - low > TOLERANCE * low:
            disputed.append(f"{field}: {', '.join(f'{who} {dollars(rate)}' for who, rate in figures)}")
    if not disputed:
        return
    more = f"; and {len(disputed) - MOST_FIGURES} more figures" if len(disputed) > MOST_FIGURES else ""
    if price.note:
        mend = f"our note: {price.note}"
    else:
        mend = "choose, say which in `evidence`, and give the other figure in `note`"
    if rows and not endpoint.rows:
        named = ", ".join(f"{row.source.name}: {row.row.id}" for row in rows)
        mend += f" (compared by name; `rows: {{{named}}}` makes it sure)"
    yield Finding(
        code="sources-disagree", endpoint=endpoint.id, message="; ".join(disputed[:MOST_FIGURES]) + more, mend=mend
    )


def _sibling(endpoint: Endpoint, ours: dict[str, Decimal], rows: Sequence[_Row], day: date) -> Iterator[Finding]:
    """The price of an older version: what stays behind when a table is copied and only the name is moved on."""
    paid = _both_ways(ours)
    right = [(row, price) for row in rows if (price := _both_ways(row.rates))]
    if paid is None or not right or any(price == paid for _, price in right):
        return
    older = [
        (version, f"{sibling.id} ({row.source.name})")
        for row, _ in right
        for version, sibling in _older(row)
        if (theirs := sibling.price_on(day)) and _both_ways(token_rates(theirs)) == paid
    ]
    if older:
        _, sibling_id = max(older)
        row, (input_rate, output_rate) = right[0]
        yield Finding(
            code="sibling-price",
            endpoint=endpoint.id,
            message=f"{dollars(paid[0])} in and {dollars(paid[1])} out is the price of the older {sibling_id}",
            mend=f"its own row ({row.source.name} {row.row.id}) has {dollars(input_rate)} and {dollars(output_rate)}",
        )


def _both_ways(rates: dict[str, Decimal]) -> tuple[Decimal, Decimal] | None:
    input_rate, output_rate = rates.get("standard input"), rates.get("standard output")
    return None if input_rate is None or output_rate is None else (input_rate, output_rate)


def _older(row: _Row) -> Iterator[tuple[tuple[int, ...], Endpoint]]:
    """The rows of the same provider and family with a lower version, each with that version."""
    family, version = family_and_version(row.row.model)
    for sibling in row.source.of_provider(row.row.provider):
        their_family, theirs = family_and_version(sibling.model)
        if their_family == family and theirs and theirs < version:
            yield theirs, sibling


def family_and_version(model: str) -> tuple[frozenset[str], tuple[int, ...]]:
    """A model's name taken apart: its words and sizes are the family, its small numbers the version.

    `claude-haiku-4-5` and `claude-3-5-haiku-20241022` are one family (claude, haiku) in versions 4.5 and 3.5;
    `llama-3.3-70b` and `llama-3.1-8b` are two, because a size is a word. Dates, `-latest` and numbers of three digits
    and more are no versions.
    """
    parts = _WORD.findall(_DATED.sub("", model.lower()))
    numbers = (part for part in parts if part.isdigit())
    return (
        frozenset(part for part in parts if not part.isdigit()),
        tuple(int(number) for number in numbers if len(number) < 3),
    )

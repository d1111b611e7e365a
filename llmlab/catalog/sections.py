"""The `providers`, `models` and `endpoints` sections that snapshot files and overrides files share.

A figure without a source is an error. To keep the files short, `evidence` may be said once for a whole file; and where
an endpoint points at the rows of the packages it was read from, that pointer is its evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from ..errors import CatalogError, UnknownNameError
from . import schema
from .catalog import Catalog
from .records import Endpoint, Evidence, Model, Provider
from .strict_yaml import Document

KEYS = ("evidence", "providers", "models", "endpoints")
R = TypeVar("R", Provider, Model, Endpoint)


@dataclass(frozen=True)
class Placed(Generic[R]):
    """A record and where it stands, `file:line`."""

    record: R
    place: str


@dataclass(frozen=True)
class Sections:
    """The records of one file, in its order."""

    providers: tuple[Placed[Provider], ...] = ()
    models: tuple[Placed[Model], ...] = ()
    endpoints: tuple[Placed[Endpoint], ...] = ()


def check_keys(document: Document, others: Collection[str]) -> None:
    """Every top-level key is a section, or one of `others` that the caller reads; any other is an error."""
    for key in document.data:
        if key not in KEYS and key not in others:
            raise UnknownNameError("key", key, (*KEYS, *others), where=document.at((key,)))


def read_sections(document: Document, packages: Mapping[str, str], checked_on: date | None) -> Sections:
    """The records in `document`. `packages` and `checked_on` date the rows that stand as evidence."""
    if document.data.get("evidence") is not None:
        # Once here, so that a slip in it is reported where it is written and not at the first figure that borrows it.
        schema.decode(Evidence, document.data["evidence"], document, ("evidence",), CatalogError)
    return Sections(
        _records(Provider, "providers", document, packages, checked_on),
        _records(Model, "models", document, packages, checked_on),
        _records(Endpoint, "endpoints", document, packages, checked_on),
    )


def unique(parts: Iterable[Placed[R]]) -> tuple[R, ...]:
    """The records, in order; one that stands twice is an error that names both places."""
    first: dict[str, Placed[R]] = {}
    for part in parts:
        id = part.record.id
        if id in first:
            raise CatalogError(f"{part.place}: {id!r} stands twice; the first is at {first[id].place}")
        first[id] = part
    return tuple(part.record for part in first.values())


def check_references(catalog: Catalog, endpoints: Iterable[Placed[Endpoint]]) -> None:
    """Every model, provider and successor that an endpoint names must be in the catalog."""
    models, providers = {m.id for m in catalog.models}, {p.id for p in catalog.providers}
    ids = {e.id for e in catalog.endpoints}
    for part in endpoints:
        e = part.record
        for what, name, known in (("model", e.model, models), ("provider", e.provider, providers)):
            if name not in known:
                raise UnknownNameError(what, name, known, where=part.place)
        if e.successor is not None and e.successor not in ids:
            raise UnknownNameError("successor", e.successor, ids, where=part.place)


def _records(
    kind: type[R], key: str, document: Document, packages: Mapping[str, str], checked_on: date | None
) -> tuple[Placed[R], ...]:
    raw = document.data.get(key) or []
    if not isinstance(raw, list):
        raise CatalogError(f"{document.at((key,))}: {key} must be a list (`- id: ...` lines)")
    default = document.data.get("evidence")
    return tuple(
        Placed(
            schema.decode(kind, _evident(kind, item, default, packages, checked_on), document, (key, i), CatalogError),
            document.at((key, i)),
        )
        for i, item in enumerate(raw)
    )


def _evident(kind: type[R], item: Any, default: Any, packages: Mapping[str, str], checked_on: date | None) -> Any:
    """`item` with `evidence` filled in wherever a figure has none of its own and the file or its rows provide it."""
    if not isinstance(item, dict) or kind is Provider:
        return item
    if kind is Model:
        filled = _fill(item, default)
        return filled | {"tokenizer": _fill(item["tokenizer"], default)} if "tokenizer" in item else filled
    known = default or _rows_as_evidence(item.get("rows"), packages, checked_on)
    filled = dict(item)
    if isinstance(item.get("prices"), list):
        filled["prices"] = [_fill(price, known) for price in item["prices"]]
    if "latency" in item:
        filled["latency"] = _fill(item["latency"], default)
    return filled


def _fill(item: Any, evidence: Any) -> Any:
    return {"evidence": evidence, **item} if isinstance(item, dict) and evidence is not None else item


def _rows_as_evidence(rows: Any, packages: Mapping[str, str], checked_on: date | None) -> dict[str, Any] | None:
    if not isinstance(rows, dict) or not rows or checked_on is None:
        return None
    read = (f"{package} {packages.get(package, '(version not said)')} row {row}" for package, row in rows.items())
    return {"source": "; ".join(read), "checked_on": checked_on}

"""What each figure means: read from `definitions.yaml`, so that screens, tables and prose say one thing."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..catalog import schema, strict_yaml
from ..errors import LlmlabError


@dataclass(frozen=True, slots=True)
class Difference:
    """Who means something else by the term, and what."""

    who: str
    how: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One term. `name` is the figure of a `StreamRecord`, or the word it stands under; `source` says whose it is."""

    name: str
    term: str
    unit: str
    definition: str
    source: str
    differs: tuple[Difference, ...]


@dataclass(frozen=True)
class _Entry:
    term: str
    unit: str
    definition: str
    source: str
    differs: dict[str, str]


@functools.cache
def definitions() -> Mapping[str, Definition]:
    """All terms by name, in the order in which they are best read."""
    document = strict_yaml.read(Path(__file__).with_name("definitions.yaml"), LlmlabError)
    return MappingProxyType({name: _definition(name, document) for name in document.data})


def _definition(name: str, document: strict_yaml.Document) -> Definition:
    entry = schema.decode(_Entry, document.data[name], document, (name,), LlmlabError)
    differs = tuple(Difference(who, how) for who, how in entry.differs.items())
    return Definition(name, entry.term, entry.unit, entry.definition, entry.source, differs)

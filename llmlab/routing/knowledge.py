"""What routing takes for granted, read from the YAML beside this module: strengths, areas, dialects, assumptions."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ..catalog import schema, strict_yaml
from ..catalog.records import Model, Provider
from ..errors import LlmlabError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """What stands for a kind of hard request: a word among a model's strengths, or a modality where those are known."""

    words: tuple[str, ...]
    modality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Figures that nobody measured."""

    timeout_headroom: float
    usual_timeout_s: float
    gateway_s: float
    fastest_ttft_s: float
    very_long_tokens: int
    unused_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AntiPattern:
    """A starting point to avoid; `models` are beginnings of ids."""

    id: str
    title: str
    seed: str
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patterns:
    patterns: tuple[AntiPattern, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Speaker:
    provider: str
    only_makers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialects:
    speaks: tuple[_Speaker, ...]
    does_not: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Areas:
    areas: Mapping[str, tuple[str, ...]]
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@functools.cache
def strengths() -> Mapping[str, Strength]:
    """By kind of hard request."""
    return _read("strengths.yaml", dict[str, Strength])


@functools.cache
def assumptions() -> Assumptions:
    """The assumed figures."""
    return _read("assumptions.yaml", Assumptions)


@functools.cache
def antipatterns() -> tuple[AntiPattern, ...]:
    """The seed's, in its order."""
    return _read("antipatterns.yaml", _Patterns).patterns


def carries(model: Model, words: Iterable[str]) -> bool:
    """Whether one of `words` stands, whole, among the model's strengths."""
    said = " ; ".join(model.strengths).lower()
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) for word in words)


def meets_kind(model: Model, kind: str) -> bool | None:
    """Whether a model is for this kind of hard request; `None` where neither strengths nor modalities are known."""
    wanted = strengths()[kind]
    if wanted.modality is not None and model.modalities:
        return wanted.modality in model.modalities
    return carries(model, wanted.words) if model.strengths else None


def speaks_openai(provider: Provider, model: Model) -> bool | None:
    """Whether `model` at `provider` answers OpenAI's chat completions; `None` where nobody listed the provider."""
    dialects = _dialects()
    for speaker in dialects.speaks:
        if speaker.provider == provider.id:
            return not speaker.only_makers or vendor(model) in speaker.only_makers
    return False if provider.id in dialects.does_not else None


def vendor(model: Model) -> str:
    """Who made a model, as one name: `Mistral (open weights)` is Mistral."""
    return model.maker.partition(" (")[0].strip().lower()


def area_of(region: str) -> str | None:
    """The area that a cloud's region lies in, `None` for one that nobody listed."""
    starts = [
        (len(start), area) for area, names in _areas().areas.items() for start in names if region.startswith(start)
    ]
    return max(starts)[1] if starts else None


def lies_in(place: str, wider: str) -> bool:
    """Whether a region or area is, or is part of, another one."""
    area = area_of(place)
    parts = _areas().within.get(wider, ())
    return wider in (place, area) or place in parts or area in parts


@functools.cache
def _dialects() -> _Dialects:
    return _read("openai_compatible.yaml", _Dialects)


@functools.cache
def _areas() -> _Areas:
    return _read("places.yaml", _Areas)


def _read(name: str, kind: type[T]) -> T:
    document = strict_yaml.read(Path(__file__).with_name(name), LlmlabError)
    data: Any = document.data
    return schema.decode(kind, data, document, (), LlmlabError)

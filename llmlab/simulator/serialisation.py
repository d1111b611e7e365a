"""The simulator's values as JSON and back: what goes over its pipe and its control paths."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from .endpoint import SimulatedEndpoint
from .faults import FaultScript

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a simulator is started with. Port 0: any that is free."""

    endpoints: tuple[SimulatedEndpoint, ...]
    seed: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptOrder:
    """From now on, this happens to the requests of `endpoint`."""

    endpoint: str
    faults: FaultScript


def as_plain(value: Any) -> Any:
    """`value` as dicts, lists, numbers and strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    return value


def read_json(kind: type[T], text: str | bytes) -> T:
    """The value of `kind` that `text` holds. Raises `ValueError` where it holds none."""
    value: T = _adapter(cast(Any, kind)).validate_json(text)
    return value


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # a quarter of a second

    return TypeAdapter(kind)

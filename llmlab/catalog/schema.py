"""From plain data to frozen records, strictly: what a file may say is exactly what the records have fields for.

Pydantic checks the values against the record's own type hints; what is added here is the message: file and line, what is
allowed at that place, and the nearest right name.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any, TypeVar

import pydantic

from ..errors import LlmlabError, nearest
from .strict_yaml import Document, Path_

T = TypeVar("T")
_STRICT = pydantic.ConfigDict(extra="forbid")


def decode(kind: type[T], data: Any, document: Document, path: Path_, error: type[LlmlabError]) -> T:
    """`data`, found at `path` of `document`, as a record of type `kind`; problems are raised as `error`."""
    try:
        return _adapter(kind).validate_python(data)
    except pydantic.ValidationError as e:
        first = e.errors(include_url=False)[0]
        inner = tuple(part for part in first["loc"] if isinstance(part, str | int))
        raise error(f"{document.at((*path, *inner))}: {_explain(kind, inner, first)}") from None


@functools.cache
def _adapter(kind: type[T]) -> pydantic.TypeAdapter[T]:
    _forbid_unknown_keys(kind)
    return pydantic.TypeAdapter(kind)


def _forbid_unknown_keys(kind: Any) -> None:
    # Pydantic reads its configuration off the class. The records stay plain dataclasses that know nothing of it: it is
    # laid on the first time a file is read, on every record reachable from `kind`.
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and "__pydantic_config__" not in kind.__dict__:
        kind.__pydantic_config__ = _STRICT  # type: ignore[attr-defined]  # pydantic's documented hook
        for hint in typing.get_type_hints(kind).values():
            _forbid_unknown_keys(hint)
    for inner in typing.get_args(kind):
        _forbid_unknown_keys(inner)


def _explain(kind: Any, path: Path_, problem: Any) -> str:
    where = ".".join(str(part) for part in path) or "here"
    match problem["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            allowed = sorted(f.name for f in dataclasses.fields(_record_at(kind, path[:-1])))
            near = nearest(str(path[-1]), allowed, most=1)
            return f"unknown key {path[-1]!r}; {f'did you mean {near[0]}? ' if near else ''}allowed: {', '.join(allowed)}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{path[-1]!r} is missing"
        case "literal_error":
            given, expected = problem["input"], problem["ctx"]["expected"]
            near = nearest(str(given), expected.replace("'", "").replace(" or ", ", ").split(", "), most=1)
            return f"{where} is {given!r}; {f'did you mean {near[0]}? ' if near else ''}allowed: {expected}"
        case "greater_than_equal" | "greater_than":
            sign = "not below" if problem["type"] == "greater_than_equal" else "above"
            bound = next(iter(problem["ctx"].values()))
            return f"{where} is {problem['input']}; it must be {sign} {bound}"
        case "value_error":
            return f"{where}: {problem['ctx']['error']}"
        case _:
            return f"{where} is {problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _record_at(kind: Any, path: Path_) -> Any:
    """The record type that stands at `path` inside `kind`."""
    kind = _unwrap(kind)
    for part in path:
        if dataclasses.is_dataclass(kind) and isinstance(part, str):
            kind = _unwrap(typing.get_type_hints(kind)[part])
        else:
            kind = _unwrap(typing.get_args(kind)[-1 if isinstance(part, str) else 0])
    return kind


def _unwrap(kind: Any) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next(a for a in typing.get_args(kind) if a is not type(None))
    return kind

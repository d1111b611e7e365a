"""From plain data to frozen records, strictly: what a file may say is exactly what the records have fields for.

Pydantic checks the values against the record's own type hints; what is added here is the message: file and line, what
is allowed at that place, and the nearest right name.
"""

from __future__ import annotations

import dataclasses
import functools
import reprlib
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

from ..errors import LlmlabError, nearest
from .strict_yaml import Document, Path_, is_sane

T = TypeVar("T")
_STRICT = {"extra": "forbid"}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def decode(kind: type[T], data: Any, document: Document, path: Path_, error: type[LlmlabError]) -> T:
    """`data`, found at `path` of `document`, as a record of type `kind`; problems are raised as `error`."""
    import pydantic  # a fifth of a second that only a file costs

    try:
        record = _adapter(cast(Any, kind)).validate_python(data)
    except pydantic.ValidationError as e:
        first = min(e.errors(include_url=False), key=lambda problem: _place(document, path, problem))
        inner = _inside(first)
        raise error(f"{document.at((*path, *inner))}: {_explain(kind, inner, first)}") from None
    for inner, number in _numbers(record):
        if not is_sane(number):
            raise error(f"{document.at((*path, *inner))}: {_name(inner)} is no number that a person would write")
    return cast(T, record)


def _place(document: Document, path: Path_, problem: Any) -> tuple[bool, int]:
    # The first line that is wrong is what a reader mends first. A key that is not there comes after all that is: often
    # it is the other half of a misspelt one.
    return problem["type"].startswith("missing"), document.line((*path, *_inside(problem)))


def _inside(problem: Any) -> Path_:
    return tuple(part for part in problem["loc"] if isinstance(part, str | int) and part != "[key]")


def _numbers(value: Any) -> Iterator[tuple[Path_, Decimal]]:
    """Every decimal in a record, with its path. Quoted numbers do not pass `strict_yaml`'s own check."""
    if isinstance(value, Decimal):
        yield (), value
        return
    parts: Iterator[tuple[Any, Any]]
    if dataclasses.is_dataclass(value):
        parts = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif isinstance(value, Mapping):
        parts = iter(value.items())
    elif isinstance(value, tuple):
        parts = iter(enumerate(value))
    else:
        return
    for key, part in parts:
        for inner, number in _numbers(part):
            yield (key, *inner), number


@functools.cache
def _adapter(kind: Any) -> Any:
    import pydantic

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
    where, given = _name(path), _SHORT.repr(_plainly(problem["input"]))
    match problem["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            allowed = sorted(f.name for f in dataclasses.fields(_record_at(kind, path[:-1])))
            return f"unknown key {path[-1]!r}; {_advice(path[-1], allowed)}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            how = ": say `{source: ..., checked_on: 2026-11-23}`" if path[-1] == "evidence" else ""
            return f"{path[-1]!r} is missing" + (f" in {_name(path[:-1])}" if path[:-1] else "") + how
        case "literal_error":
            expected = problem["ctx"]["expected"]
            return f"{where} is {given}; {_advice(problem['input'], expected.replace(' or ', ', ').split(', '))}"
        case "greater_than_equal" | "greater_than":
            sign = "not below" if problem["type"] == "greater_than_equal" else "above"
            bound = next(iter(problem["ctx"].values()))
            return f"{where} is {given}; it must be {sign} {bound}"
        case "value_error":
            return f"{where}: {problem['ctx']['error']}"
        case "dataclass_type" | "dataclass_exact_type":
            allowed = sorted(f.name for f in dataclasses.fields(_record_at(kind, path)))
            return f"{where} is {given}; it must be a mapping of {', '.join(allowed)}"
        case type_:
            wanted = next((words for start, words in _WANTED.items() if type_.startswith(start)), None)
            if wanted is None:
                return f"{where} is {given}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
            return f"{where} is {given}; it must be {wanted}"


def _advice(given: object, allowed: list[str]) -> str:
    names = [name.strip("'") for name in allowed]
    near = nearest(str(given), names, most=1)
    return (f"did you mean {near[0]}? " if near else "") + f"allowed: {', '.join(names)}"


# Pydantic's names for what is wrong with a value, by their beginnings, in the words of somebody who writes YAML.
_WANTED = {
    "int": "a whole number",
    "decimal": "a number",
    "finite": "a number",
    "string": "text",
    "date": "a date such as 2026-11-23",
    "bool": "true or false",
    "tuple": "a list (`[a, b]` or `- a` lines)",
    "too_long": "a shorter list",
    "mapping": "a mapping (`key: value` lines)",
    "dict": "a mapping (`key: value` lines)",
}


def _name(path: Path_) -> str:
    return ".".join(str(part) for part in path) or "this"


def _plainly(value: Any) -> Any:
    """A value as the file has it, for a message: dates and decimals as they are written, records by their kind."""
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else str(value)
    return str(value) if hasattr(value, "isoformat") else value


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

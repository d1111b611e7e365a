"""Stream records as JSON and back, exactly: what is kept in a file of a run and sent from one process to another.

A record is a mapping of its fields. Chunks, of which there are hundreds, are short lists: `[at_ns, kind, characters]`.
Dollars are a string of decimal digits. What cannot be read as written is refused, with the field that is wrong.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import reprlib
import types
import typing
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ..catalog.strict_yaml import is_sane
from ..errors import LlmlabError, UnknownNameError
from .records import Chunk, Kind, StreamRecord

Reader = Callable[[Any], Any]
_KINDS = typing.get_args(Kind)
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class _MisfitError(Exception):
    """A value that does not fit its field. The path grows on the way out, so that reading well costs nothing."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.path = ""

    def inside(self, name: str) -> _MisfitError:
        self.path = f"{name}{'.' if self.path and not self.path.startswith('[') else ''}{self.path}"
        return self


def _misfit(given: object, wanted: str) -> _MisfitError:
    return _MisfitError(f"is {_SHORT.repr(given)}; it must be {wanted}")


def to_plain(record: StreamRecord) -> dict[str, Any]:
    """`record` as dicts, lists, strings, numbers and `None`: what `json.dumps` takes."""
    plain = {name: _plain(getattr(record, name)) for name in _FIELDS}
    plain["chunks"] = [[chunk.at_ns, chunk.kind, chunk.characters] for chunk in record.chunks]
    return plain


def from_plain(plain: dict[str, Any]) -> StreamRecord:
    """The record that `to_plain` made `plain` of. Raises `LlmlabError` with the field that cannot be read."""
    return _read(plain, "stream record")


def records_to_json(records: Iterable[StreamRecord]) -> str:
    """A JSON list of whole records, one a line."""
    lines = ",\n".join(json.dumps(to_plain(record), allow_nan=False) for record in records)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def records_from_json(text: str | bytes) -> tuple[StreamRecord, ...]:
    """The records that `records_to_json` wrote. Raises `LlmlabError` with the record and field that cannot be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise LlmlabError(f"stream records: not JSON: {e}") from e
    if not isinstance(found, list):
        raise LlmlabError(f"stream records: the text is {_SHORT.repr(found)}; it must be a list of records")
    return tuple(_read(plain, f"stream record {i} of {len(found)}") for i, plain in enumerate(found, start=1))


def _read(plain: Any, where: str) -> StreamRecord:
    try:
        record: StreamRecord = _reader(StreamRecord)(plain)
    except _MisfitError as e:
        raise LlmlabError(f"{where}: {e.path}{': ' if e.path else ''}{e}") from None
    return record


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


@functools.cache
def _reader(hint: Any) -> Reader:
    """What reads a value of the type `hint` back."""
    if hint is Chunk:
        return _chunk
    if dataclasses.is_dataclass(hint):
        return _dataclass_reader(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return _literal_reader(inner)
    if origin is tuple:
        return _tuple_reader(_reader(inner[0]))
    if origin in (types.UnionType, typing.Union):
        (some,) = (option for option in inner if option is not types.NoneType)
        read = _reader(some)
        return lambda plain: None if plain is None else read(plain)
    return _PLAIN_READERS[hint]


def _dataclass_reader(kind: Any) -> Reader:
    hints = typing.get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}
    needed = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    def read(plain: Any) -> Any:
        if not isinstance(plain, dict):
            raise _misfit(plain, f"a mapping of {', '.join(readers)}")
        if missing := sorted(needed - plain.keys()):
            raise _MisfitError("is missing").inside(missing[0])
        values = {}
        for name, value in plain.items():
            if name not in readers:
                raise _MisfitError(str(UnknownNameError("field", name, readers)))
            try:
                values[name] = readers[name](value)
            except _MisfitError as e:
                raise e.inside(name) from None
        return kind(**values)

    return read


def _chunk(plain: Any) -> Chunk:
    if isinstance(plain, list) and len(plain) == 3:
        at_ns, kind, characters = plain
        if type(at_ns) is int and type(characters) is int and kind in _KINDS:
            return Chunk(at_ns, kind, characters)
    raise _misfit(plain, f"[at_ns, one of {', '.join(_KINDS)}, characters]")


def _tuple_reader(read: Reader) -> Reader:
    def read_all(plain: Any) -> tuple[Any, ...]:
        if not isinstance(plain, list):
            raise _misfit(plain, "a list")
        found = []
        for i, item in enumerate(plain):
            try:
                found.append(read(item))
            except _MisfitError as e:
                raise e.inside(f"[{i}]") from None
        return tuple(found)

    return read_all


def _literal_reader(allowed: tuple[str, ...]) -> Reader:
    def read(plain: Any) -> str:
        if not isinstance(plain, str) or plain not in allowed:
            raise _misfit(plain, f"one of {', '.join(allowed)}")
        return plain

    return read


def _whole(plain: Any) -> int:
    if type(plain) is not int:  # True is an int to isinstance
        raise _misfit(plain, "a whole number")
    return plain


def _number(plain: Any) -> float:
    try:
        value = float(plain) if type(plain) in (int, float) else math.nan
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _misfit(plain, "a number")
    return value


def _flag(plain: Any) -> bool:
    if not isinstance(plain, bool):
        raise _misfit(plain, "true or false")
    return plain


def _text(plain: Any) -> str:
    if not isinstance(plain, str):
        raise _misfit(plain, "text")
    return plain


def _decimal(plain: Any) -> Decimal:
    try:
        value = Decimal(_text(plain))
    except (InvalidOperation, _MisfitError):
        value = Decimal("NaN")
    if not is_sane(value):
        raise _misfit(plain, "a decimal number in quotes")
    return value


_PLAIN_READERS: dict[Any, Reader] = {int: _whole, float: _number, bool: _flag, str: _text, Decimal: _decimal}
_FIELDS = tuple(field.name for field in dataclasses.fields(StreamRecord) if field.name != "chunks")

"""YAML read strictly: text in, plain data out, with the line of every key kept for the error message.

What PyYAML does silently is an error here: a key written twice (the first value would vanish), an anchor, alias or
merge key (a file of ten lines can expand to gigabytes), a tag (`!!python/object`). Numbers with a point become
`Decimal`, so that $0.27 is $0.27 and not $0.27000000000000001776.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from ..errors import LlmlabError

MOST_BYTES = 4_000_000
MOST_DEPTH = 40
MOST_DIGITS = 30  # a number such as 1.0e+999999999 is written in a second and takes gigabytes to print
_PLAIN = "tag:yaml.org,2002:"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and on which line each part of it stands."""

    name: str
    data: dict[str, Any]
    lines: Mapping[Path_, int]

    def at(self, path: Path_ = ()) -> str:
        """`file:line` of `path`, or of the nearest part above it that the file does contain."""
        return f"{self.name}:{self.line(path)}"

    def line(self, path: Path_ = ()) -> int:
        """The line of `path`, or of the nearest part above it that the file does contain."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(path: Path, error: type[LlmlabError]) -> Document:
    """Read the file at `path`; problems are raised as `error`, with file and line."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise error(f"{path}: {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are read")
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise error(f"{path}: cannot be read: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise error(f"{path}: not UTF-8 text (byte {e.start})") from e
    return parse(text, str(path), error)


def parse(text: str, name: str, error: type[LlmlabError]) -> Document:
    """Read `text`; `name` stands in error messages. The top level must be a mapping."""
    if len(text) > MOST_BYTES:
        raise error(f"{name}: {len(text):,} characters; at most {MOST_BYTES:,} are read")
    lines: dict[Path_, int] = {}
    try:
        _refuse_aliases(text, name, error)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.reader.ReaderError as e:
        line = text.count("\n", 0, text.find(chr(e.character))) + 1
        raise error(f"{name}:{line}: not YAML: the character {chr(e.character)!r} may not stand in it") from e
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        problem = " ".join((getattr(e, "problem", None) or str(e) or type(e).__name__).split())
        raise error(f"{name}:{mark.line + 1 if mark else 1}: not YAML: {problem}") from e
    if not isinstance(node, yaml.MappingNode):
        what = "empty" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        raise error(f"{name}:1: the file is {what}; it must be a mapping (`key: value` lines)")
    return Document(name, _build(node, (), name, lines, error), lines)


def _refuse_aliases(text: str, name: str, error: type[LlmlabError]) -> None:
    # On the event stream, before a tree is composed: this is what keeps a "billion laughs" file from being one.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise error(f"{name}:{line}: anchors and aliases (`&`, `*`) are not read here; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise error(f"{name}:{line}: nested more than {MOST_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _build(node: yaml.Node, path: Path_, name: str, lines: dict[Path_, int], error: type[LlmlabError]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _PLAIN + "merge":
                raise error(f"{name}:{line}: a key must be a plain word")
            key = key_node.value
            if key in out:
                raise error(f"{name}:{line}: {key!r} stands twice in one mapping; the first is on line "
                            f"{lines[(*path, key)]}")  # fmt: skip
            lines[(*path, key)] = line
            out[key] = _build(value_node, (*path, key), name, lines, error)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, i), name, lines, error) for i, child in enumerate(node.value)]
    try:
        make = _SCALARS[node.tag]
    except KeyError:
        raise error(f"{name}:{node.start_mark.line + 1}: the tag {node.tag!r} is not read here") from None
    try:
        return make(node.value)
    except (ValueError, InvalidOperation):
        raise error(f"{name}:{node.start_mark.line + 1}: {node.value!r} is not a number or date") from None


def _decimal(text: str) -> Decimal:
    value = Decimal(text.replace("_", ""))
    if not is_sane(value):
        raise ValueError(text)
    return value


def is_sane(value: Decimal) -> bool:
    """Whether a number is one that a person would write out."""
    return value.is_finite() and abs(value.adjusted()) <= MOST_DIGITS and len(value.as_tuple().digits) <= MOST_DIGITS


def _date(text: str) -> date | str:
    return date.fromisoformat(text) if len(text) == 10 else text


_SCALARS: dict[str, Callable[[str], Any]] = {
    _PLAIN + "str": str,
    _PLAIN + "int": lambda text: int(text.replace("_", "")),  # 0x10 and 1:30 (base 60) are refused as not numbers
    _PLAIN + "float": _decimal,
    _PLAIN + "bool": lambda text: text.lower() in ("true", "yes", "on"),
    _PLAIN + "null": lambda text: None,
    _PLAIN + "timestamp": _date,
}

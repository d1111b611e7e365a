"""YAML read strictly: text in, plain data out, with the line of every key kept for the error message.

What PyYAML does silently is an error here: a key written twice (the first value would vanish), an anchor, alias or merge
key (a file of ten lines can expand to gigabytes), a tag (`!!python/object`). Numbers with a point become `Decimal`, so
that $0.27 is $0.27 and not $0.27000000000000001776.
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
_PLAIN = "tag:yaml.org,2002:"

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and on which line each part of it stands."""

    name: str
    data: dict[str, Any]
    lines: Mapping[Path_, int]

    def at(self, path: Path_ = ()) -> str:
        """`file:line` of `path`, or of the nearest part above it that the file does contain."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


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
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        _refuse_aliases(text, name, error)
        node = loader.get_single_node()
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        mark = getattr(e, "problem_mark", None)
        problem = getattr(e, "problem", None) or str(e).splitlines()[0]
        raise error(f"{name}:{mark.line + 1 if mark else 1}: not YAML: {problem}") from e
    finally:
        loader.dispose()
    if not isinstance(node, yaml.MappingNode):
        what = "empty" if node is None else "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        raise error(f"{name}:1: the file is {what}; it must be a mapping (`key: value` lines)")
    return Document(name, _build(node, (), name, lines, error), lines)


def _refuse_aliases(text: str, name: str, error: type[LlmlabError]) -> None:
    # On the event stream, before a tree is composed: this is what keeps a "billion laughs" file from being one.
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            line = event.start_mark.line + 1
            raise error(f"{name}:{line}: anchors and aliases (`&`, `*`) are not read here; write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise error(f"{name}:{event.start_mark.line + 1}: nested more than {MOST_DEPTH} deep")
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
    if not value.is_finite():
        raise ValueError(text)
    return value


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

"""What a panel's views are given to draw: small frozen values, already formatted in Python.

A payload says *what* to show (text, numbers for lengths, a key per row) and never *how*: it holds no markup, so hostile
text stays text. Each has two renderings: `to_json()` for the live front end (`static/view_<kind>.js`) and `to_html()`
for the snapshot that stays readable when the kernel is gone.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, ClassVar, Literal

Json = dict[str, Any]
Tone = Literal["", "good", "warn", "bad", "quiet"]


class Payload(ABC):
    """What every view's draw method returns. `kind` names the front end's file that draws it."""

    kind: ClassVar[str]

    def to_json(self) -> Json:
        """Plain JSON without the fields that are at their default."""
        plain: Json = _plain(self)
        return plain

    def change_since(self, earlier: Payload) -> Patch | None:
        """What to send to a browser that shows `earlier`; `None` where only the whole will do, as for most kinds."""
        return None

    @abstractmethod
    def to_html(self) -> str:
        """The same content as static HTML, escaped."""


class Patch:
    """What turns one drawing of a view into the next, for kinds whose `static/view_<kind>.js` defines `patch`."""

    __slots__ = ()

    def to_json(self) -> Json:
        """As `Payload.to_json`; empty if nothing changed."""
        plain: Json = _plain(self)
        return plain


@dataclass(frozen=True, slots=True)
class Badge:
    """A text chip in a cell or beside a label. The tone only colours it: the text must say it all."""

    text: str
    title: str = ""
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One formatted value. `title` is its tooltip (why this number?), `href` a source (http or https only)."""

    text: str
    title: str = ""
    badges: tuple[Badge, ...] = ()
    href: str = ""
    muted: bool = False

    def __post_init__(self) -> None:
        _check_href(self.href)


@dataclass(frozen=True, slots=True)
class Column:
    """A table column. `numeric` aligns right with tabular figures; `sortable` makes its header a button."""

    key: str
    label: str
    unit: str = ""
    help: str = ""
    numeric: bool = False
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A table row: one cell per column, the first of which is its header. A plain string is a cell."""

    key: str
    cells: tuple[Cell | str, ...]
    title: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Table(Payload):
    """Rows in the order to show. Sorting and cutting happen in Python: see `Panel.sort_of` and `Panel.limit_of`.

    `total_rows` says how many there are when `rows` holds only the first; `sort` and `selected` are filled in by the
    panel when left out.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total_rows: int | None = None
    sort: tuple[str, bool] | None = None
    selected: str | None = None
    caption: str = ""
    empty: str = "Nothing to show."

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"row {row.key!r} has {len(row.cells)} cells for {len(self.columns)} columns")

    def to_html(self) -> str:
        if not self.rows:
            return paragraph(self.empty)
        heads = [c.label + (f" ({c.unit})" if c.unit else "") for c in self.columns]
        rows = [[cell_html(cell) for cell in row.cells] for row in self.rows]
        table = _table(heads, rows, [c.numeric for c in self.columns], self.caption)
        return table + _more(len(self.rows), self.total_rows)


@dataclass(frozen=True, slots=True)
class Series:
    """A class of segment, for instance a token class. Its position picks the colour; the legend shows its label."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: its series' key, its length, and the text printed inside where it fits."""

    series: str
    value: float
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart.

    `total` is printed at the end. `unpriced` replaces the bar by words: unknown is never a bar of length zero.
    `low` and `high` draw a whisker, in the unit of the segments' values.
    """

    key: str
    label: str
    segments: tuple[Segment, ...] = ()
    total: str = ""
    unpriced: str = ""
    low: float | None = None
    high: float | None = None
    badges: tuple[Badge, ...] = ()
    title: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Bars(Payload):
    """Horizontal stacked bars."""

    kind: ClassVar[str] = "bars"
    bars: tuple[Bar, ...]
    series: tuple[Series, ...] = ()
    total_rows: int | None = None
    selected: str | None = None
    caption: str = ""
    empty: str = "Nothing to show."

    def __post_init__(self) -> None:
        known = {series.key for series in self.series}
        for bar in self.bars:
            for segment in bar.segments:
                if segment.series not in known:
                    raise ValueError(f"bar {bar.key!r} has a segment of series {segment.series!r}, not one of {known}")

    def to_html(self) -> str:
        if not self.bars:
            return paragraph(self.empty)
        labels = {series.key: series.label for series in self.series}
        rows = []
        for bar in self.bars:
            parts = ", ".join(f"{labels[s.series]} {s.text}" for s in bar.segments)
            badges = "".join(f" [{badge.text}]" for badge in bar.badges)
            rows.append([escape(bar.label + badges), escape(bar.unpriced or bar.total), escape(parts)])
        table = _table(["", "Total", "Of which"], rows, [False, True, False], self.caption)
        return table + _more(len(self.bars), self.total_rows)


@dataclass(frozen=True, slots=True)
class Card:
    """A headline number: what it is, the number as text, and one line that qualifies it."""

    label: str
    value: str
    note: str = ""
    title: str = ""
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Cards(Payload):
    """A row of headline numbers."""

    kind: ClassVar[str] = "cards"
    cards: tuple[Card, ...]
    empty: str = "Nothing to show."

    def to_html(self) -> str:
        if not self.cards:
            return paragraph(self.empty)
        items = (
            f"<li>{escape(c.label)}: <strong>{escape(c.value)}</strong>{f' ({escape(c.note)})' if c.note else ''}</li>"
            for c in self.cards
        )
        return f"<ul>{''.join(items)}</ul>"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; with `heading`, a heading line above it."""

    text: str
    heading: str = ""
    type: str = field(default="paragraph", init=False)

    def to_html(self) -> str:
        return (f"<p><strong>{escape(self.heading)}</strong></p>" if self.heading else "") + paragraph(self.text)


@dataclass(frozen=True, slots=True)
class Note:
    """A remark that must not be overlooked: an assumption, a warning."""

    text: str
    tone: Tone = "warn"
    type: str = field(default="note", init=False)

    def to_html(self) -> str:
        return f"<blockquote>{escape(self.text)}</blockquote>"


@dataclass(frozen=True, slots=True)
class Definitions:
    """Terms, each with its value or explanation."""

    items: tuple[tuple[str, Cell | str], ...]
    type: str = field(default="definitions", init=False)

    def to_html(self) -> str:
        return f"<dl>{''.join(f'<dt>{escape(t)}</dt><dd>{cell_html(v)}</dd>' for t, v in self.items)}</dl>"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list, numbered when the order matters."""

    items: tuple[Cell | str, ...]
    ordered: bool = False
    type: str = field(default="bullets", init=False)

    def to_html(self) -> str:
        tag = "ol" if self.ordered else "ul"
        return f"<{tag}>{''.join(f'<li>{cell_html(item)}</li>' for item in self.items)}</{tag}>"


@dataclass(frozen=True, slots=True)
class Text(Payload):
    """Prose as data: paragraphs (a plain string is one), notes, definitions and lists. Never markup."""

    kind: ClassVar[str] = "text"
    blocks: tuple[Paragraph | Note | Definitions | Bullets | str, ...]
    empty: str = "Nothing to show."

    def to_html(self) -> str:
        blocks = (paragraph(block) if isinstance(block, str) else block.to_html() for block in self.blocks)
        return "".join(blocks) or paragraph(self.empty)


@dataclass(frozen=True, slots=True)
class Code(Payload):
    """Text to copy and run or ship: Python, YAML, a shell command."""

    kind: ClassVar[str] = "code"
    code: str
    language: str = ""
    caption: str = ""

    def to_html(self) -> str:
        return f"{paragraph(self.caption)}<pre><code>{escape(self.code)}</code></pre>"


@dataclass(frozen=True, slots=True)
class Figure(Payload):
    """A Plotly figure (`graph_objects.Figure` or the plain dict of one) and, in `alt`, what it shows in words.

    Colours, fonts and grid follow JupyterLab's theme unless the figure sets them. `customdata` of a clicked point, or
    the first item of it, is sent to `Panel.on_select`. Without data the words of `empty` are shown.
    """

    kind: ClassVar[str] = "figure"
    figure: Any
    alt: str
    height: int = 320
    empty: str = "Nothing to show."

    def to_json(self) -> Json:
        spec = self.figure if isinstance(self.figure, dict) else _plain_figure(self.figure)
        drawing = {"data": spec.get("data", []), "layout": spec.get("layout", {})}
        return {"figure": drawing, "alt": self.alt, "height": self.height, "empty": self.empty}

    def to_html(self) -> str:
        return paragraph(self.alt or self.empty)


_LEAVES = frozenset({str, int, float, bool, type(None)})


def _plain_figure(figure: Any) -> Json:
    from plotly.io.json import to_json_plotly  # slow to load, and a plain dict needs none of it

    plain: Json = json.loads(to_json_plotly(figure))
    plain.get("layout", {}).pop("template", None)  # Plotly's own look, 7 kB: the front end has the theme's instead
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if not dataclasses.is_dataclass(value):
        return value
    plain: Json = {}
    for name, default in _defaults(value.__class__):
        item = getattr(value, name)
        if item != default:
            plain[name] = item if type(item) in _LEAVES else _plain(item)  # a thousand cells a move: most are leaves
    return plain


@functools.cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """A dataclass's fields, each with the value that is left out: none (`MISSING`) for what every value must say."""
    return tuple((f.name, f.default if f.init else dataclasses.MISSING) for f in dataclasses.fields(kind))


def _check_href(href: str) -> None:
    if href and not href.startswith(("https://", "http://")):
        raise ValueError(f"a link must start with https:// or http://, not {href!r}")


def cell_html(cell: Cell | str) -> str:
    """A cell as static HTML, escaped."""
    if isinstance(cell, str):
        return escape(cell)
    text = escape(cell.text)
    if cell.href:
        text = f'<a href="{escape(cell.href)}">{text or escape(cell.href)}</a>'
    return text + "".join(f" [{escape(badge.text)}]" for badge in cell.badges)


def paragraph(text: str) -> str:
    """A paragraph of static HTML, escaped; nothing for no text."""
    return f"<p>{escape(text)}</p>" if text else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], caption: str) -> str:
    align = ["" if right else ' style="text-align:left"' for right in numeric]  # JupyterLab aligns all cells right
    head = "".join(f'<th scope="col"{a}>{escape(text)}</th>' for text, a in zip(heads, align, strict=True))
    body = "".join(
        f'<tr><th scope="row"{align[0]}>{first}</th>'
        f"{''.join(f'<td{a}>{cell}</td>' for cell, a in zip(rest, align[1:], strict=True))}</tr>"
        for first, *rest in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _more(shown: int, total: int | None) -> str:
    return paragraph(f"{shown:,} of {total:,} shown.") if total is not None and total > shown else ""

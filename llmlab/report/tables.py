"""A table as text, in the three forms people paste: TSV for a spreadsheet, Markdown for a review, HTML for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class TextTable:
    """Column names and rows of text. `numeric` names the columns that align right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = frozenset()

    def to_tsv(self) -> str:
        """Tab-separated lines. A cell that a spreadsheet would run as a formula is quoted with an apostrophe."""
        return "".join("\t".join(map(_tsv_cell, row)) + "\n" for row in (self.columns, *self.rows))

    def to_markdown(self) -> str:
        """A GitHub table, padded so that it also reads as plain text."""
        rows = [[_markdown_cell(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(self.columns))]
        right = [name in self.numeric for name in self.columns]
        rule = "|" + "|".join(f" {'-' * (w - r)}{':' * r} " for w, r in zip(widths, right, strict=True)) + "|\n"
        lines = [_padded(row, widths, right) for row in rows]
        return lines[0] + rule + "".join(lines[1:])

    def to_html(self) -> str:
        """A plain `<table>`, every cell escaped."""
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_text(self) -> str:
        """Aligned columns for a terminal; control characters are shown, not obeyed."""
        rows = [[_visible(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        right = [name in self.numeric for name in self.columns]
        lines = ("  ".join(_pad(*cell) for cell in zip(row, widths, right, strict=True)).rstrip() for row in rows)
        return "\n".join(lines) + "\n"


def _padded(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return "| " + " | ".join(_pad(*cell) for cell in zip(row, widths, right, strict=True)) + " |\n"


def _pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def _visible(cell: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cell)


def _tsv_cell(cell: str) -> str:
    flat = " ".join(cell.split())
    formula = flat[:1] in ("=", "@") or (flat[:1] in ("+", "-") and not _is_number(flat))
    return f"'{flat}" if formula else flat


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _markdown_cell(cell: str) -> str:
    return escape(_visible(" ".join(cell.split())), quote=False).replace("|", "\\|").replace("[", "\\[")

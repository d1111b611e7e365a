"""A table as text does nothing to whoever it is pasted into: no formula runs, no markup, no terminal code."""

from __future__ import annotations

import pytest

from llmlab.report import TextTable


def table(*cells: str) -> TextTable:
    return TextTable(("name", "usd"), tuple((cell, "1.50") for cell in cells), frozenset({"usd"}))


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", '=HYPERLINK("x")', " =1", "\t=1"])
def test_what_a_spreadsheet_would_run_is_quoted(cell: str) -> None:
    assert table(cell).to_tsv().splitlines()[1].startswith("'" + cell.strip()[0])


@pytest.mark.parametrize("cell", ["-1.5", "+3", "-1e-9", "1,950", "$3", "claude-opus", "a=b"])
def test_numbers_and_plain_text_are_left_as_they_are(cell: str) -> None:
    assert table(cell).to_tsv() == f"name\tusd\n{cell}\t1.50\n"


def test_a_tab_or_a_line_break_makes_no_cell_and_no_row() -> None:
    assert table("a\tb\r\nc").to_tsv() == "name\tusd\na b c\t1.50\n"


def test_markdown_is_aligned_and_its_own_signs_are_escaped() -> None:
    assert table("a|b", "x").to_markdown() == (
        "| name | usd  |\n".replace("usd ", " usd")
        + "| ---- | ---: |\n"
        + "| a\\|b | 1.50 |\n"
        + "| x    | 1.50 |\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("[click](http://x)", "\\[click](http://x)"),
        ("two\nlines", "two lines"),
        ("\x1b[2J", "\\x1b\\[2J"),
    ],
)
def test_markdown_cells_stay_text(cell: str, shown: str) -> None:
    assert f"| {shown} " in table(cell).to_markdown()


def test_html_is_escaped_in_heads_and_cells() -> None:
    page = TextTable(("<b>",), (("<script>alert('x')</script>&",),)).to_html()
    assert page == (
        '<table><thead><tr><th scope="col">&lt;b&gt;</th></tr></thead><tbody><tr>'
        "<td>&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;</td></tr></tbody></table>"
    )


def test_control_characters_are_shown_on_a_terminal_and_not_obeyed() -> None:
    text = table("\x1b[31mred\x07", "a\nb", "\u202eevil").to_text()
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert text.splitlines()[1].startswith("\\x1b[31mred\\x07")
    assert len(text.splitlines()) == 4


def test_text_is_aligned_with_numbers_to_the_right_and_no_trailing_space() -> None:
    found = TextTable(("name", "usd", ""), (("a", "1,950", ""), ("long name", "45", "x")), frozenset({"usd"})).to_text()
    assert found == "name         usd\na          1,950\nlong name     45  x\n"


def test_a_table_without_rows_is_its_head() -> None:
    empty = TextTable(("a", "b"), ())
    assert empty.to_tsv() == "a\tb\n"
    assert empty.to_text() == "a  b\n"
    assert empty.to_markdown() == "| a   | b   |\n| --- | --- |\n"

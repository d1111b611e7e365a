"""The scripts and style sheets as they are sent: without what only people read, and otherwise as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llmlab.widgets import frontend

FILES = sorted((Path(frontend.__file__).parent / "static").glob("*.*s"))
LINES = [(file.name, number, line) for file in FILES for number, line in enumerate(file.read_text().splitlines(), 1)]


def test_no_text_runs_over_the_end_of_a_line_so_that_lines_can_be_trimmed() -> None:
    assert [line for line in LINES if line[2].count("`") % 2 or line[2].endswith("\\")] == []


def test_no_comment_runs_over_the_end_of_a_line_so_that_a_line_is_one_or_is_none() -> None:
    assert [line for line in LINES if line[2].count("/*") != line[2].count("*/")] == []


@pytest.mark.parametrize(
    "joined", [frontend.loader(), frontend.module(), frontend.style()], ids=["loader", "module", "style"]
)
def test_what_is_sent_holds_no_indentation_and_no_line_of_comment(joined: str) -> None:
    assert [line for line in joined.splitlines() if line != line.strip() or re.match(r"//|/\*|$", line)] == []


def test_all_that_is_code_is_sent_in_the_order_it_is_written() -> None:
    sent = {line for part in (frontend.loader(), frontend.module(), frontend.style()) for line in part.splitlines()}
    lost = [line for line in LINES if line[2].strip() not in sent and not re.match(r"\s*(//|/\*|$)", line[2])]
    assert lost == []

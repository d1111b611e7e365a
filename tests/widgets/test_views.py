"""What is drawn is data: compact on the wire, escaped in the snapshot."""

from __future__ import annotations

import json

import pytest

from demo import HOSTILE, Demo
from llmlab.widgets.views import (
    Badge,
    Bar,
    Bars,
    Bullets,
    Card,
    Cards,
    Cell,
    Code,
    Column,
    Definitions,
    Figure,
    Note,
    Paragraph,
    Payload,
    Row,
    Segment,
    Series,
    Table,
    Text,
)

HOSTILE_PAYLOADS: list[Payload] = [
    Table(
        (Column("a", HOSTILE, unit=HOSTILE),), (Row("r", (Cell(HOSTILE, badges=(Badge(HOSTILE),)),)),), caption=HOSTILE
    ),
    Table((), (), empty=HOSTILE),
    Bars(
        (Bar("b", HOSTILE, (Segment("s", 1, HOSTILE),), total=HOSTILE, badges=(Badge(HOSTILE),)),),
        (Series("s", HOSTILE),),
    ),
    Bars((Bar("b", HOSTILE, unpriced=HOSTILE),), caption=HOSTILE),
    Cards((Card(HOSTILE, HOSTILE, HOSTILE),)),
    Text(
        (HOSTILE, Paragraph(HOSTILE, HOSTILE), Note(HOSTILE), Definitions(((HOSTILE, HOSTILE),)), Bullets((HOSTILE,)))
    ),
    Code(HOSTILE, caption=HOSTILE),
    Figure({"data": []}, alt=HOSTILE),
]
NAMES = [f"{payload.kind} {number}" for number, payload in enumerate(HOSTILE_PAYLOADS, 1)]


@pytest.mark.parametrize("payload", HOSTILE_PAYLOADS, ids=NAMES)
def test_hostile_text_is_escaped_in_the_snapshot(payload: Payload) -> None:
    assert "<img" not in payload.to_html()
    assert "&lt;img" in payload.to_html()


@pytest.mark.parametrize("payload", HOSTILE_PAYLOADS, ids=NAMES)
def test_a_payload_is_plain_json(payload: Payload) -> None:
    assert json.loads(json.dumps(payload.to_json())) == payload.to_json()


def test_fields_at_their_default_are_not_sent() -> None:
    table = Table((Column("a", "A", numeric=True),), (Row("r", (Cell("1"),)),))
    assert table.to_json() == {
        "columns": [{"key": "a", "label": "A", "numeric": True}],
        "rows": [{"key": "r", "cells": [{"text": "1"}]}],
    }


def test_a_row_must_have_a_cell_for_every_column() -> None:
    with pytest.raises(ValueError, match="row 'r' has 2 cells for 1 columns"):
        Table((Column("a", "A"),), (Row("r", ("1", "2")),))


def test_a_segment_must_belong_to_a_series() -> None:
    with pytest.raises(ValueError, match="series 'outputs'"):
        Bars((Bar("b", "B", (Segment("outputs", 1, "1"),)),), (Series("output", "Output"),))


def test_a_link_leads_to_a_web_page_or_is_refused() -> None:
    assert 'href="https://example.org"' in Text((Bullets((Cell("x", href="https://example.org"),)),)).to_html()
    with pytest.raises(ValueError, match="a link must start with"):
        Cell("x", href="javascript:alert(1)")


def test_what_has_no_price_is_said_in_words() -> None:
    html = Bars((Bar("b", "Preview", unpriced="no published price"),)).to_html()
    assert "no published price" in html
    assert "$0" not in html


def test_a_cut_table_says_so() -> None:
    rows = tuple(Row(str(i), (str(i),)) for i in range(3))
    assert "3 of 1,000 shown." in Table((Column("a", "A"),), rows, total_rows=1000).to_html()


def test_plotly_figures_travel_without_plotlys_own_template() -> None:
    import plotly.graph_objects as go

    payload = Figure(go.Figure(go.Bar(y=[1, 2]), {"title": "T"}), alt="two bars").to_json()
    assert payload["figure"]["layout"] == {"title": {"text": "T"}}
    assert len(json.dumps(payload)) < 300


def test_the_snapshot_holds_what_is_open_and_the_call_that_makes_it_again() -> None:
    html = Demo(requests=200_000).snapshot()
    assert html.startswith('<div class="llmlab-snapshot mathjax_ignore tex2jax_ignore">')
    assert "Cost per month" in html
    assert "Demo(requests=200000)" in html
    assert "Breaks below 10" not in html, "a closed view costs nothing, here too"

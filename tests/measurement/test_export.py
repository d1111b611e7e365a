"""Exports say what a run said: read back by the readers people use, with nothing lost, and SIMULATED in words."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.measurement.export import COLUMNS, columns, to_csv, to_frame, to_json, to_parquet
from llmlab.measurement.records import Attempt, CallError, Chunk, Connection, StreamRecord, Usage

MS = 1_000_000
START = 9_000 * MS


def call(**given: Any) -> StreamRecord:
    made: dict[str, Any] = {
        "run": "r1", "number": 3, "round": 1, "endpoint": "anthropic/claude", "model": "claude", "path": "litellm",
        "simulated": True, "started_at": "2026-11-23T12:00:00Z", "status": "ok", "finish": "stop", "clock": "socket",
        "scheduled_ns": START, "called_ns": START + 2 * MS, "sent_ns": START + 10 * MS, "ended_ns": START + 200 * MS,
        "felt_first_ns": START + 113 * MS,
        "connection": Connection(reused=False, dns_ms=1.0, tcp_ms=2.0, tls_ms=3.0),
        "chunks": tuple(Chunk(START + ms * MS, "answer", 4) for ms in (110, 130, 150)),
        "usage": Usage(input=20, output=6, reasoning=3, cache_read=8, cache_write=4), "usage_source": "provider",
        "usd": Decimal("0.0000123"), "text": "Hello, \"you\"\nand you",
    }  # fmt: skip
    return StreamRecord(**made | given)


REFUSED = call(
    simulated=False,
    status="error",
    finish=None,
    error=CallError(kind="rate_limited", message="slow down", http_status=429, retry_after_s=2.0),
    attempts=(Attempt(status="error", error=None, called_ns=1, ended_ns=2, waited_s=2.5),),
    connection=Connection(),
    chunks=(),
    felt_first_ns=None,
    usage=None,
    usage_source=None,
    usd=None,
    unpriced="no usage",
    text="",
)
RUN = [call(), REFUSED]
# What each figure of the first call is, worked out by hand.
FIRST: dict[str, Any] = {
    "run": "r1", "number": 3, "round": 1, "endpoint": "anthropic/claude", "model": "claude", "path": "litellm",
    "simulated": True, "label": "SIMULATED", "warm_up": False, "started_at": "2026-11-23T12:00:00Z", "status": "ok",
    "error": None, "error_message": None, "http_status": None, "finish": "stop", "request_id": None,
    "attempts": 1, "waited_s": 0.0,
    "clock": "socket", "queue_ms": 2.0, "connect_ms": 6.0, "dns_ms": 1.0, "tcp_ms": 2.0, "tls_ms": 3.0,
    "reused": False, "library_before_ms": 2.0, "ttft_ms": 100.0, "ttfo_ms": 100.0, "think_ms": 0.0, "e2e_ms": 140.0,
    "tail_ms": 50.0, "itl_ms": 20.0, "longest_gap_ms": 20.0, "stalled": False, "decode_tokens_per_s": 50.0,
    "overall_tokens_per_s": 3000 / 140, "felt_ttft_ms": 111.0, "library_after_ms": 3.0, "library_ms": 5.0,
    "from_schedule_ms": 110.0,
    "input_tokens": 20, "cache_read_tokens": 8, "cache_write_tokens": 4, "output_tokens": 6, "reasoning_tokens": 3,
    "usage_source": "provider", "billed_to_visible": 2.0, "chunks": 3, "tokens_per_chunk": 1.0,
    "usd": Decimal("0.0000123"), "unpriced": "", "loop_lag_ms": 0.0, "late": False, "text": "Hello, \"you\"\nand you",
}  # fmt: skip

often = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


# --- Columns ---------------------------------------------------------------------------------------------------------


def test_a_row_per_call_in_the_order_of_the_columns() -> None:
    rows = columns(RUN)
    assert rows[0] == FIRST
    assert [list(row) for row in rows] == [list(COLUMNS)] * 2


def test_a_call_that_failed_says_how_and_leaves_its_figures_empty() -> None:
    row = columns([REFUSED])[0]
    said = {"label": "measured", "error": "rate_limited", "error_message": "slow down", "http_status": 429}
    said |= {"attempts": 2, "waited_s": 2.5, "unpriced": "no usage", "chunks": 0}
    assert {name: row[name] for name in said} == said
    unknown = ["ttft_ms", "itl_ms", "connect_ms", "reused", "input_tokens", "output_tokens", "usage_source", "usd"]
    assert [row[name] for name in unknown] == [None] * len(unknown)


def test_a_call_that_was_not_sent_was_not_attempted() -> None:
    assert columns([call(status="not_sent", called_ns=None, sent_ns=None)])[0]["attempts"] == 0


@pytest.mark.parametrize("lag", [math.nan, math.inf])
def test_a_number_that_is_none_is_unknown(lag: float) -> None:
    assert columns([call(loop_lag_ms=lag)])[0]["loop_lag_ms"] is None
    assert json.loads(to_json([call(loop_lag_ms=lag)]))[0]["loop_lag_ms"] is None


def test_half_a_character_at_a_cut_does_not_break_an_export() -> None:
    cut = call(text="caf\u00e9 \ud83d")
    assert columns([cut])[0]["text"] == "café \ufffd"
    assert "café \ufffd" in to_csv([cut]).encode().decode()
    assert to_parquet([cut])


@pytest.mark.parametrize(
    "export", [to_csv, to_json, lambda records: pd.read_parquet(io.BytesIO(to_parquet(records))).to_csv()]
)
def test_simulated_is_said_in_words_in_every_export(export: Callable[[list[StreamRecord]], str]) -> None:
    assert "SIMULATED" in export([call()])
    assert "SIMULATED" not in export([call(simulated=False)])


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_reads_back_as_the_columns() -> None:
    back = json.loads(to_json(RUN), parse_float=Decimal)
    assert back[0]["usd"] == Decimal("0.0000123")
    assert json.loads(to_json(RUN)) == [row | {"usd": row["usd"] and float(row["usd"])} for row in columns(RUN)]


def test_dollars_are_numbers_with_all_their_digits() -> None:
    for digits in ("0.1234567890123456789", "0.10", "1200", "0"):
        assert f'"usd": {digits},' in to_json([call(usd=Decimal(digits))])
    assert '"usd": 0.0000001,' in to_json([call(usd=Decimal("1E-7"))])
    assert '"usd": null,' in to_json([REFUSED])


def test_json_has_a_line_per_call_and_no_calls_are_an_empty_list() -> None:
    assert len(to_json(RUN).splitlines()) == 4
    assert to_json([]) == "[]\n"


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_csv_reads_back_in_pandas() -> None:
    frame = pd.read_csv(io.StringIO(to_csv(RUN), newline=""))
    assert list(frame.columns) == list(COLUMNS)
    assert frame["ttft_ms"].tolist() == [100.0, pytest.approx(math.nan, nan_ok=True)]
    assert frame["simulated"].tolist() == [True, False]
    assert frame["label"].tolist() == ["SIMULATED", "measured"]
    assert frame["usd"][0] == 0.0000123
    assert frame["text"][0] == 'Hello, "you"\nand you'
    assert frame["http_status"].tolist()[1] == 429


def test_a_cell_of_a_number_is_the_number_and_of_nothing_is_empty() -> None:
    first, second = read_csv(to_csv([call(usd=Decimal("-0.10"), loop_lag_ms=-1.5), REFUSED]))
    assert (first["usd"], first["loop_lag_ms"], first["number"], first["late"]) == ("-0.10", "-1.5", "3", "false")
    assert (second["usd"], second["ttft_ms"], second["reused"], second["finish"]) == ("", "", "", "")


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+44 20", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1+1", "\uff1d1", '=HYPERLINK("http://x","y")'],
)
def test_text_that_a_spreadsheet_would_run_is_made_inert(text: str) -> None:
    error = CallError(kind="server", message=text)
    row = read_csv(to_csv([call(text=text, endpoint=text, finish=text, error=error)]))[0]
    for name in ("text", "endpoint", "finish", "error_message"):
        assert row[name] == f"'{text}"


@pytest.mark.parametrize("text", ["Hello", "1 + 1 = 2", "(-2)", "'quoted'", "a, b; c", "", "a\tb", "2026-11-23"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert read_csv(to_csv([call(text=text)]))[0]["text"] == text


@often
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_stays_in_its_cell_and_begins_no_formula(text: str) -> None:
    rows = read_csv(to_csv([call(text=text, late=True), REFUSED]))
    assert len(rows) == 2
    assert rows[0]["late"] == "true"
    cell, readable = rows[0]["text"], text.replace("\0", "\ufffd")
    assert cell in (readable, f"'{readable}")
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r", "\n"))
    read = pd.read_csv(io.StringIO(to_csv([call(text=text)]), newline=""), keep_default_na=False, dtype=str)
    assert read["text"].tolist() == [cell]


# --- Parquet and pandas ----------------------------------------------------------------------------------------------


def test_parquet_reads_back_with_its_types_and_every_digit() -> None:
    frame = pd.read_parquet(io.BytesIO(to_parquet(RUN)), dtype_backend="numpy_nullable")
    assert list(frame.columns) == list(COLUMNS)
    assert frame["usd"][0] == Decimal("0.0000123")
    assert frame["usd"][1] is None or pd.isna(frame["usd"][1])
    for row, wanted in zip(frame.to_dict("records"), columns(RUN), strict=True):
        assert {n: None if pd.isna(v) else v for n, v in row.items()} == wanted


def test_a_file_of_no_calls_has_the_same_types_as_a_file_of_some() -> None:
    empty, some = (pd.read_parquet(io.BytesIO(to_parquet(run)), dtype_backend="pyarrow") for run in ([], RUN))
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == some.dtypes.to_dict()


def test_dollars_beyond_the_18th_place_are_rounded_and_do_not_fail() -> None:
    frame = pd.read_parquet(io.BytesIO(to_parquet([call(usd=Decimal("0.1234567890123456789012"))])))
    assert frame["usd"][0] == Decimal("0.123456789012345679")


def test_the_callers_own_decimal_precision_does_not_matter() -> None:
    with localcontext(prec=4):
        exports = to_csv([call()]), to_json([call()]), to_parquet([call(usd=Decimal("12.3456789"))])
    assert "0.0000123" in exports[0] and "0.0000123" in exports[1]
    assert pd.read_parquet(io.BytesIO(exports[2]))["usd"][0] == Decimal("12.3456789")


@pytest.mark.parametrize("run", [RUN, [REFUSED], []], ids=["a run", "nothing known", "no calls"])
def test_a_frame_has_the_same_types_whatever_is_in_it(run: list[StreamRecord]) -> None:
    types = {"text": "string", "whole": "Int64", "number": "Float64", "flag": "boolean", "usd": "Float64"}
    frame = to_frame(run)
    assert len(frame) == len(run)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {n: types[kind] for n, kind in COLUMNS.items()}


def test_a_frame_can_be_grouped_and_says_what_is_unknown() -> None:
    frame = to_frame([call(), call(usd=Decimal("0.3")), REFUSED])
    assert frame.groupby("label")["usd"].median().to_dict()["SIMULATED"] == pytest.approx(0.15000615)
    assert frame["ttft_ms"].isna().tolist() == [False, False, True]
    assert frame["ttft_ms"].mean() == 100

"""A record comes back from JSON as it was; one that is not as written is refused, with the field that is wrong."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab.errors import LlmlabError
from llmlab.measurement.records import (
    Attempt,
    CallError,
    Chunk,
    Clock,
    Connection,
    Kind,
    Path,
    Status,
    StreamRecord,
    Usage,
    UsageSource,
)
from llmlab.measurement.serialisation import from_plain, records_from_json, records_to_json, to_plain

often = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def one_of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


a_time = st.integers(0, 2**63 - 1)
a_count = st.integers(0, 10**9)
a_number = st.floats(allow_nan=False, allow_infinity=False)
a_text = st.text(max_size=20)
some_dollars = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=0, max_value=10**6)
errors = st.builds(
    CallError,
    kind=a_text,
    message=a_text,
    http_status=st.none() | a_count,
    retry_after_s=st.none() | a_number,
)
attempts = st.builds(
    Attempt,
    status=one_of(Status),
    error=st.none() | errors,
    called_ns=a_time,
    ended_ns=a_time,
    waited_s=a_number,
)
records = st.builds(
    StreamRecord,
    run=a_text,
    number=a_count,
    round=a_count,
    endpoint=a_text,
    model=a_text,
    path=one_of(Path),
    simulated=st.booleans(),
    warm_up=st.booleans(),
    started_at=a_text,
    status=one_of(Status),
    error=st.none() | errors,
    finish=st.none() | a_text,
    attempts=st.lists(attempts, max_size=2).map(tuple),
    clock=one_of(Clock),
    scheduled_ns=a_time,
    called_ns=st.none() | a_time,
    sent_ns=st.none() | a_time,
    first_byte_ns=st.none() | a_time,
    ended_ns=a_time,
    felt_first_ns=st.none() | a_time,
    connection=st.builds(
        Connection,
        reused=st.none() | st.booleans(),
        dns_ms=st.none() | a_number,
        tcp_ms=st.none() | a_number,
        tls_ms=st.none() | a_number,
    ),
    chunks=st.lists(st.builds(Chunk, a_time, one_of(Kind), a_count), max_size=5).map(tuple),
    loop_lag_ms=a_number,
    late=st.booleans(),
    usage=st.none()
    | st.builds(
        Usage,
        input=a_count,
        output=a_count,
        reasoning=st.none() | a_count,
        cache_read=a_count,
        cache_write=a_count,
    ),
    usage_source=st.none() | one_of(UsageSource),
    text=a_text,
    reasoning_text=a_text,
    usd=st.none() | some_dollars,
    unpriced=a_text,
)

PLAIN: dict[str, Any] = {
    "run": "r", "number": 0, "round": 0, "endpoint": "e", "model": "m", "path": "litellm", "simulated": True,
    "started_at": "2026-11-23T12:00:00Z", "status": "ok", "clock": "socket", "scheduled_ns": 0, "ended_ns": 9,
}  # fmt: skip


@often
@given(records)
def test_a_record_comes_back_as_it_was(record: StreamRecord) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(record)))) == record


@often
@given(st.lists(records, max_size=3))
def test_many_come_back_in_order(made: list[StreamRecord]) -> None:
    assert records_from_json(records_to_json(made)) == tuple(made)


def test_the_digits_of_a_dollar_are_kept_as_they_were_written() -> None:
    for digits in ("0.10", "0.000000123456789012345", "12", "0"):
        back = from_plain(to_plain(from_plain(PLAIN | {"usd": digits})))
        assert back.usd is not None and format(back.usd, "f") == digits


def test_a_chunk_is_a_short_list_and_a_run_a_record_a_line() -> None:
    record = from_plain(PLAIN | {"chunks": [[5, "answer", 3]]})
    assert record.chunks == (Chunk(5, "answer", 3),)
    assert '"chunks": [[5, "answer", 3]]' in records_to_json([record])
    assert len(records_to_json([record, record]).splitlines()) == 4


def test_what_has_a_default_may_be_left_out() -> None:
    assert from_plain(PLAIN) == from_plain(PLAIN | {"usd": None, "chunks": [], "late": False})


def test_a_whole_number_of_milliseconds_is_a_number() -> None:
    found = from_plain(PLAIN | {"loop_lag_ms": 3}).loop_lag_ms
    assert (found, type(found)) == (3.0, float)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"number": "0"}, "number: is '0'; it must be a whole number"),
        ({"number": True}, "number: is True; it must be a whole number"),
        ({"number": 1.0}, "number: is 1.0; it must be a whole number"),
        ({"run": None}, "run: is None; it must be text"),
        ({"simulated": 1}, "simulated: is 1; it must be true or false"),
        ({"status": "fine"}, "status: is 'fine'; it must be one of ok, truncated,"),
        ({"status": ["ok"]}, "status: is ['ok']; it must be one of ok, truncated,"),
        ({"loop_lag_ms": float("nan")}, "loop_lag_ms: is nan; it must be a number"),
        ({"loop_lag_ms": 10**400}, "it must be a number"),
        ({"usd": 0.1}, "usd: is 0.1; it must be a decimal number in quotes"),
        ({"usd": "a lot"}, "usd: is 'a lot'; it must be a decimal number in quotes"),
        ({"usd": "1e999999999"}, "it must be a decimal number in quotes"),
        ({"usd": "NaN"}, "it must be a decimal number in quotes"),
        ({"chunks": {}}, "chunks: is {}; it must be a list"),
        ({"chunks": [[1, "answer", 1], [2, "anwser", 1]]}, "chunks[1]: is [2, 'anwser', 1]; it must be [at_ns, one of"),
        ({"chunks": [[1, "answer"]]}, "chunks[0]: is [1, 'answer']"),
        ({"chunks": [[True, "answer", 1]]}, "chunks[0]: is [True, 'answer', 1]"),
        ({"chunks": [[1, ["answer"], 1]]}, "chunks[0]: is [1, ['answer'], 1]"),
        ({"usage": {"input": 1}}, "usage.output: is missing"),
        ({"usage": {"inptu": 1, "output": 1, "input": 1}}, "usage: unknown field 'inptu'; did you mean input"),
        ({"usage": 7}, "usage: is 7; it must be a mapping of input, output"),
        ({"attempts": [{"status": "error"}]}, "attempts[0].called_ns: is missing"),
        ({"attempts": [{"status": "error", "error": {"kind": 1, "message": ""}, "called_ns": 1, "ended_ns": 2,
                        "waited_s": 0}]}, "attempts[0].error.kind: is 1; it must be text"),
        ({"enpoint": "x"}, "unknown field 'enpoint'; did you mean endpoint"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(LlmlabError) as caught:
        from_plain(PLAIN | wrong)
    assert str(caught.value).startswith("stream record: ")
    assert message in str(caught.value)


def test_a_field_that_is_missing_is_named() -> None:
    with pytest.raises(LlmlabError, match="stream record: endpoint: is missing"):
        from_plain({name: value for name, value in PLAIN.items() if name != "endpoint"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stream records: not JSON"),
        ("[{]", "stream records: not JSON"),
        (b"\xff\xfe", "stream records: not JSON"),
        ("[" * 100_000, "stream records: not JSON"),
        ('{"run": "r"}', "it must be a list of records"),
        ("[7]", "stream record 1 of 1: is 7; it must be a mapping of run, number"),
        (json.dumps([PLAIN, PLAIN | {"round": None}]), "stream record 2 of 2: round: is None"),
    ],
    ids=["empty", "no JSON", "no text", "nested", "no list", "no record", "the second"],
)
def test_a_text_that_holds_no_records_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(LlmlabError) as caught:
        records_from_json(text)
    assert message in str(caught.value)


def test_no_records_are_an_empty_list() -> None:
    assert records_to_json([]) == "[]\n"
    assert records_from_json("[]") == ()

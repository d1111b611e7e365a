"""A response from its raw bytes: the same however they came, and never whole where it was not."""

from __future__ import annotations

import json
from itertools import accumulate, pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.measurement.failures import judge
from llmlab.measurement.records import CallError, Kind
from llmlab.measurement.wire import Reading, read_wire
from tests.measurement.wire.bodies import (
    ANSWERS,
    FRAMES,
    JSON,
    OPENAI,
    SSE,
    Answer,
    chunked,
    counted,
    data,
    delta,
    gzipped,
    head,
    until_closed,
)

KINDS: tuple[Kind, ...] = get_args(Kind)

each_answer = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)

WAYS = {
    "counted": lambda answer: counted(answer.content_type, answer.body),
    "chunked": lambda answer: chunked(answer.content_type, answer.events),
    "with trailers": lambda answer: chunked(answer.content_type, answer.events, trailer="X-Cost: 1\r\n"),
    "gzip": lambda answer: chunked(answer.content_type, gzipped(answer.events), "Content-Encoding: gzip"),
    "until closed": lambda answer: until_closed(answer.content_type, answer.body),
}
each_way = pytest.mark.parametrize("way", WAYS)


def seen(reading: Reading | None) -> object:
    """All of a reading but its times."""
    if reading is None:
        return None
    chunks = [(chunk.kind, chunk.characters) for chunk in reading.chunks]
    found = (reading.status, chunks, reading.texts, reading.usage, reading.finish)
    return *found, reading.marked, reading.complete, reading.malformed, reading.error


def at_once(wire: bytes, *, eof: bool = True) -> Reading:
    reading = read_wire([(1, wire)], eof=eof)
    assert reading is not None
    return reading


def in_bytes(wire: bytes) -> list[tuple[int, bytes]]:
    """A piece for each byte, which arrives at its place."""
    return [(place, wire[place : place + 1]) for place in range(len(wire))]


def is_ok(reading: Reading | None) -> bool:
    return reading is not None and judge(reading, None, None, None, felt=True).status == "ok"


# --- However it came -------------------------------------------------------------------------------------------------


@each_way
@each_answer
def test_an_answer_is_read_however_it_is_sent(way: str, answer: Answer) -> None:
    reading = at_once(WAYS[way](answer))
    assert (reading.status, reading.complete, reading.malformed) == (200, True, 0)
    assert (reading.usage, reading.finish) == (answer.usage, answer.finish)
    assert {kind: reading.text(kind) for kind in KINDS} == {kind: answer.text(kind) for kind in KINDS}
    assert is_ok(reading)


@each_way
@each_answer
def test_an_answer_that_comes_byte_by_byte_is_the_same(way: str, answer: Answer) -> None:
    wire = WAYS[way](answer)
    assert seen(read_wire(in_bytes(wire), eof=True)) == seen(at_once(wire))


@given(
    name=st.sampled_from([*ANSWERS]), way=st.sampled_from([*WAYS]), places=st.lists(st.integers(0, 4_000), max_size=9)
)
@settings(deadline=None)
def test_an_answer_that_comes_in_any_pieces_is_the_same(name: str, way: str, places: list[int]) -> None:
    wire = WAYS[way](ANSWERS[name])
    ends = sorted({0, len(wire), *(place for place in places if place < len(wire))})
    pieces = [(number, wire[start:end]) for number, (start, end) in enumerate(pairwise(ends))]
    assert seen(read_wire(pieces, eof=True)) == seen(at_once(wire))


@each_answer
def test_a_token_has_the_time_at_which_the_last_byte_of_its_event_came(answer: Answer) -> None:
    wire = WAYS["counted"](answer)
    before = len(wire) - len(answer.body)
    ends = [before + end - 1 for end in accumulate(map(len, answer.events))]
    reading = read_wire(in_bytes(wire))
    assert reading is not None
    assert [chunk.at_ns for chunk in reading.chunks] == [ends[place] for place, _, _ in answer.said]


def test_the_first_byte_is_that_of_the_head() -> None:
    reading = read_wire([(7, b"HTTP/1.1 200 "), (9, until_closed(SSE, OPENAI.body).removeprefix(b"HTTP/1.1 200 "))])
    assert reading is not None and reading.first_byte_ns == 7


# --- Cut -------------------------------------------------------------------------------------------------------------


def without_end(wire: bytes) -> int:
    return len(wire.removesuffix(b"0\r\n\r\n"))


UNMARKED = {  # how much of the wire has come when the end marker has not begun
    "counted": lambda answer: len(WAYS["counted"](answer)) - len(b"".join(answer.events[answer.marker :])),
    "chunked": lambda answer: without_end(chunked(answer.content_type, answer.events[: answer.marker])),
    "gzip": lambda answer: without_end(
        chunked(answer.content_type, gzipped(answer.events)[: answer.marker], "Content-Encoding: gzip")
    ),
}


@pytest.mark.parametrize(("way", "eof"), [("counted", True), ("chunked", True), ("chunked", False), ("gzip", True)])
@each_answer
def test_an_answer_that_is_cut_anywhere_is_not_ok_and_keeps_what_came(answer: Answer, way: str, eof: bool) -> None:
    wire = WAYS[way](answer)
    whole, unmarked = at_once(wire), UNMARKED[way](answer)
    was_ok = False
    for size in range(1, len(wire)):
        reading = read_wire([(1, wire[:size])], eof=eof)
        if reading is None:
            continue
        assert reading.malformed == 0, size  # what is missing is not broken
        assert all(whole.text(kind).startswith(reading.text(kind)) for kind in whole.texts), size
        assert size > unmarked or not is_ok(reading), size
        assert is_ok(reading) or not was_ok, size
        was_ok = is_ok(reading)


@each_answer
def test_an_answer_whose_body_ends_before_its_marker_is_truncated(answer: Answer) -> None:
    for count in range(answer.marker):
        reading = at_once(chunked(answer.content_type, answer.events[:count]))
        assert reading.complete
        ending = judge(reading, None, None, None, felt=True)
        assert (ending.status, ending.error and ending.error.kind) == ("truncated", "truncated")


@each_answer
def test_an_answer_of_which_an_event_is_missing_is_ok_only_without_that_one(answer: Answer) -> None:
    for missing in range(len(answer.events)):
        left = answer.events[:missing] + answer.events[missing + 1 :]
        reading = at_once(chunked(answer.content_type, left))
        kept = [(kind, len(text)) for place, kind, text in answer.said if place != missing]
        assert [(chunk.kind, chunk.characters) for chunk in reading.chunks] == kept
        assert reading.malformed == 0
        if missing == answer.marker:
            assert not is_ok(reading)


@pytest.mark.parametrize("name", ["openai", "openai tool", "openai responses", "anthropic", "gemini"])
def test_an_event_that_is_spoilt_is_malformed_whatever_follows(name: str) -> None:
    answer = ANSWERS[name]
    for spoilt, event in enumerate(answer.events):
        if b"{" not in event:
            continue
        parts = list(answer.events)
        parts[spoilt] = event[: event.index(b"{") + 1] + b"\n\n"
        ending = judge(at_once(chunked(SSE, parts)), None, None, None, felt=True)
        assert ending.status == "malformed"


# --- Unreadable ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wire",
    [
        b"\x17\x03\x03\x04\x1a" + bytes(range(256)),  # encrypted above the connection that was watched
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        counted(SSE, OPENAI.body, "Content-Encoding: zstd"),
        counted(SSE, data({"type": "content-delta", "delta": {"message": {}}})),  # a dialect that is not known here
        counted("application/x-ndjson", b'{"message": {"content": "a"}, "done": false}\n{"done": true}\n'),
    ],
    ids=["TLS", "half a head", "another protocol", "another encoding", "another dialect", "Ollama's own"],
)
def test_nothing_is_said_of_what_cannot_be_read(wire: bytes) -> None:
    assert read_wire([(1, wire)]) is None
    assert read_wire([(1, wire)], eof=True) is None


def test_nothing_is_said_where_nothing_came() -> None:
    assert read_wire([]) is None
    assert read_wire([], eof=True) is None


@pytest.mark.parametrize("body", [b"<html>a captive portal</html>", b"\x00" * 5_000, b"[" * 100_000])
@pytest.mark.parametrize("content_type", [SSE, FRAMES, JSON, "text/html"])
def test_a_body_that_is_no_answer_is_no_success(content_type: str, body: bytes) -> None:
    assert not is_ok(read_wire([(1, counted(content_type, body))], eof=True))


@pytest.mark.parametrize("eof", [True, False])
def test_what_came_before_the_framing_broke_is_kept_and_is_malformed(eof: bool) -> None:
    good = chunked(SSE, OPENAI.events[:7]).removesuffix(b"0\r\n\r\n")
    reading = at_once(good + b"no length\r\n" + OPENAI.events[7], eof=eof)
    assert (reading.text("answer"), reading.malformed, reading.complete) == ("Καλη", 1, False)
    assert reading.text("reasoning") == "Hm, so."


def test_what_came_before_the_compression_broke_is_kept_and_is_malformed() -> None:
    parts = gzipped(OPENAI.events[:7])[:-1]
    reading = at_once(chunked(SSE, [*parts, b"\xff" * 40], "Content-Encoding: gzip"))
    assert (reading.text("answer"), reading.malformed) == ("Καλη", 1)


def test_bytes_after_the_end_of_the_response_are_not_part_of_it() -> None:
    reading = at_once(WAYS["chunked"](OPENAI) + counted(SSE, data(delta(content="of the next"))))
    assert seen(reading) == seen(at_once(WAYS["chunked"](OPENAI)))


# --- Refused ---------------------------------------------------------------------------------------------------------


def test_an_error_is_read_from_its_body_and_its_head() -> None:
    body = json.dumps({"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}).encode()
    wire = counted(JSON, body, "Retry-After: 2", "X-Request-Id: r-7", status="429 Too Many Requests")
    reading = at_once(wire, eof=False)
    assert reading.error == CallError(
        kind="rate_limited", message="Rate limit reached", http_status=429, retry_after_s=2.0
    )
    assert reading.headers["x-request-id"] == "r-7"
    for size in range(1, len(wire)):  # half of a body is still an error
        cut = read_wire([(1, wire[:size])], eof=True)
        assert cut is None or (cut.error is not None and cut.error.kind == "rate_limited")


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[" * 100_000, b"9" * 5_000, b"\xff\xfe"])
def test_an_error_whose_body_is_no_json_is_an_error(body: bytes) -> None:
    error = at_once(counted("text/html", body, status="502 Bad Gateway")).error
    assert error is not None and (error.kind, error.http_status) == ("server", 502)


def test_an_error_in_a_streams_own_format_is_an_error() -> None:
    error = at_once(counted(SSE, data({"error": {"message": "no"}}), status="400 Bad Request")).error
    assert error is not None and error.kind == "bad_request"


def test_a_redirect_that_nobody_followed_is_no_success() -> None:
    assert not is_ok(at_once(counted("text/html", b"", "Location: /v2", status="307 Temporary Redirect")))


# --- Anything --------------------------------------------------------------------------------------------------------

BYTES = st.binary(min_size=1, max_size=60) | st.sampled_from(
    [b"data: ", b"\n\n", b"0\r\n\r\n", b"5\r\n", *(event for answer in ANSWERS.values() for event in answer.events)]
)
HEADS = [head(kind, *more) for kind in (SSE, FRAMES, JSON) for more in (
    (), ("Transfer-Encoding: chunked",), ("Content-Length: 300",), ("Content-Encoding: gzip",),
)]  # fmt: skip
HEADS += [b"", head(JSON, status="500 No"), b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"]


@given(first=st.sampled_from(HEADS), rest=st.lists(BYTES, max_size=8), eof=st.booleans())
@settings(deadline=None)
def test_no_bytes_make_it_raise(first: bytes, rest: list[bytes], eof: bool) -> None:
    pieces = [(number, piece) for number, piece in enumerate([first, *rest]) if piece]
    reading = read_wire(pieces, eof=eof)
    if reading is None:
        return
    assert reading.first_byte_ns == pieces[0][0]
    times = [chunk.at_ns for chunk in reading.chunks]
    assert times == sorted(times) and all(0 <= at <= len(rest) for at in times)
    whole = b"".join(piece for _, piece in pieces)
    assert seen(read_wire([(0, whole)], eof=eof)) == seen(reading)

"""A body as events: by the standard's own rules, by Bedrock's framing, as JSON."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.measurement.wire.events import Event, events
from llmlab.simulator.eventstream import corrupt, message
from tests.measurement.wire.bodies import FRAMES, JSON, SSE, frame

NDJSON = "application/x-ndjson"
UNREADABLE = ("", None)


def told(content_type: str, *parts: bytes, complete: bool = True) -> list[tuple[str, Any]]:
    """Names and data of the events, whenever they came."""
    return [(event.name, event.data) for event in events(content_type, enumerate(parts), complete=complete)]


# --- Server-sent events ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"data: 1\n\ndata: 2\n\n", [("", 1), ("", 2)]),
        (b"data:1\r\n\r\ndata:2\r\r", [("", 1), ("", 2)]),
        (b"data: 1\r\n\ndata: 2\n\r\n", [("", 1), ("", 2)]),
        (b'event: delta\ndata: {"a": 1}\n\n', [("delta", {"a": 1})]),
        (b"event: a\n\ndata: 1\n\n", [("", 1)]),  # the name belonged to an event without data
        (b'data: {"a":\ndata:  1,\ndata: "b": 2}\n\n', [("", {"a": 1, "b": 2})]),
        (b": ping\n\n: ping\n\ndata: 1\n: in between\nid: 7\nretry: 10\nunknown: x\n\n", [("", 1)]),
        (b"data\n\ndata: 1\n\n", [UNREADABLE, ("", 1)]),  # a line without a colon is a field without a value
        (b"\n\n\n\ndata: 1\n\n\n\n", [("", 1)]),
        (b"data: [DONE]\n\n", [("", "[DONE]")]),
        (b"data: [DONE]   \n\n", [("", "[DONE]")]),
        (b'data: "caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x99\x82"\n\n', [("", "café \u2028 🙂")]),  # U+2028 ends no line
        (b'data: "\xff"\n\n', [("", "\ufffd")]),
        (b"data: {half\n\ndata: 1\n\n", [UNREADABLE, ("", 1)]),
        (b"", []),
        (b"\n", []),
    ],
)
def test_events_are_read_by_the_standard(stream: bytes, found: list[tuple[str, Any]]) -> None:
    assert told(SSE, stream) == found


LINE_ENDS = [b"\n", b"\r", b"\r\n"]


@given(ends=st.lists(st.sampled_from(LINE_ENDS), min_size=8, max_size=8), data=st.data())
def test_line_ends_may_be_mixed_and_cut_anywhere(ends: list[bytes], data: st.DataObject) -> None:
    lines = [b"event: a", b'data: ["x",', b'data: "y"]', b"", b": ping", b"", b"data: 3", b""]
    # A return that ends one line and a feed that ends an empty one after it would be one line end.
    ends = [b"\r\n" if end == b"\r" and after == b"\n" else end for end, after in pairwise([*ends, b""])]
    stream = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    assert told(SSE, *pieces(data, stream)) == [("a", ["x", "y"]), ("", 3)]


def pieces(data: st.DataObject, stream: bytes) -> list[bytes]:
    places = data.draw(st.lists(st.integers(0, len(stream))))
    return [stream[start:end] for start, end in pairwise(sorted([0, *places, len(stream)]))]


@pytest.mark.parametrize(
    ("parts", "times"),
    [
        ([b"data: 1\n", b"\n", b"data: 2\n\n"], [1, 2]),
        ([b"data: 1\r\n\r", b"\ndata: 2\r\n", b"\r\n"], [0, 2]),  # the empty line has ended; its feed is late
        ([b"data: 1\r", b"\r", b"data: 2", b"\r\r"], [1, 3]),
        ([b"", b"data: 1\n\ndata: 2\n\n", b": nothing\n\n"], [1, 1]),
    ],
)
def test_an_event_has_the_time_of_its_last_byte(parts: list[bytes], times: list[int]) -> None:
    assert [event.at_ns for event in events(SSE, enumerate(parts))] == times


def test_an_unfinished_event_is_read_where_it_can_be() -> None:
    for ending in (b"", b"\n", b"\r"):
        assert told(SSE, b"data: 1\n\nevent: last\ndata: [2]" + ending) == [("", 1), ("last", [2])]
        assert told(SSE, b"data: 1\n\nevent: last\ndata: [2]" + ending, complete=False) == [("", 1), ("last", [2])]


def test_half_an_event_is_unreadable_in_a_whole_body_and_missing_in_one_that_was_cut() -> None:
    stream = b'data: 1\n\ndata: {"choices": [{"del'
    assert told(SSE, stream) == [("", 1), UNREADABLE]
    assert told(SSE, stream, complete=False) == [("", 1)]


@pytest.mark.parametrize("rest", [b": keep-alive", b"event: ping", b"id: 5", b"da", b":"])
def test_what_is_no_data_is_no_event_at_the_end_either(rest: bytes) -> None:
    assert told(SSE, b"data: 1\n\n" + rest) == [("", 1)]


def test_a_stream_without_any_line_end_is_read_to_its_end_in_pieces_of_one_byte() -> None:
    stream = b"data: " + b"7" * 300_000  # hours, if every piece were to read all before it again
    assert told(SSE, *(stream[i : i + 1] for i in range(len(stream)))) == [UNREADABLE]


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_a_body_that_is_one_json_text_is_one_event_with_the_time_of_its_end() -> None:
    assert list(events(JSON, [(5, b'{"a": "\xc3'), (9, b'\xa9"}')])) == [Event(9, "", {"a": "é"})]
    assert told("", b"[1, 2]") == [("", [1, 2])]
    assert told(JSON) == []


def test_half_a_json_text_is_unreadable_in_a_whole_body_and_missing_in_one_that_was_cut() -> None:
    assert told(JSON, b'{"a": 1') == [UNREADABLE]
    assert told(JSON, b'{"a": 1', complete=False) == []


def test_lines_of_json_are_events() -> None:
    assert told(NDJSON, b'{"a": 1}\n\n{"b"', b': 2}\r\n{"c": 3}') == [("", {"a": 1}), ("", {"b": 2}), ("", {"c": 3})]
    assert told(NDJSON, b'{"a": 1}\n{"b"') == [("", {"a": 1}), UNREADABLE]
    assert told(NDJSON, b'{"a": 1}\n{"b"', complete=False) == [("", {"a": 1})]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000, "{'a': 1}", "undefined"])
@pytest.mark.parametrize("content_type", [SSE, JSON, NDJSON])
def test_json_that_python_cannot_read_is_unreadable(content_type: str, text: str) -> None:
    body = f"data: {text}\n\n" if content_type == SSE else text
    assert told(content_type, body.encode()) == [UNREADABLE]


# --- Bedrock's frames ------------------------------------------------------------------------------------------------

STREAM = [frame("messageStart", role="assistant"), frame("metadata", usage={"inputTokens": 3})]
READ = [("messageStart", {"role": "assistant"}), ("metadata", {"usage": {"inputTokens": 3}})]


@given(data=st.data())
def test_frames_may_be_cut_anywhere(data: st.DataObject) -> None:
    assert told(FRAMES, *pieces(data, b"".join(STREAM))) == READ


def test_a_frame_has_the_time_of_its_last_byte() -> None:
    first, second = STREAM
    parts = [first[:-1], first[-1:] + second[:20], second[20:]]
    assert [event.at_ns for event in events(FRAMES, enumerate(parts))] == [1, 2]


def test_an_exception_has_its_type_for_a_name() -> None:
    headers = {":exception-type": "throttlingException", ":message-type": "exception"}
    assert told(FRAMES, message(headers, b'{"message": "slow"}')) == [("throttlingException", {"message": "slow"})]


def test_what_follows_a_frame_with_a_wrong_checksum_is_lost() -> None:
    assert told(FRAMES, STREAM[0], corrupt(STREAM[0]), STREAM[1]) == [READ[0], UNREADABLE]


def test_half_a_frame_is_unreadable_in_a_whole_body_and_missing_in_one_that_was_cut() -> None:
    for size in range(1, len(STREAM[1])):
        assert told(FRAMES, STREAM[0], STREAM[1][:size]) == [READ[0], UNREADABLE]
        assert told(FRAMES, STREAM[0], STREAM[1][:size], complete=False) == [READ[0]]


def framed(headers: bytes, payload: bytes, total: int | None = None) -> bytes:
    """A frame whose checksums are right, whatever is in it; `total` is the length that it claims."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload) if total is None else total, len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(
    "hostile",
    [
        framed(b"\x01a\x63", b"{}"),  # a header of type 99
        framed(b"\x05ab", b"{}"),  # a name that is longer than the headers
        framed(b"\x02\xff\xfe\x07\x00\x00", b"{}"),  # a name that is no UTF-8
        framed(b"\x01a\x00\x01a\x00", b"{}"),  # a header twice
        framed(b"", b"", total=0),
        framed(b"", b"", total=12),  # shorter than a frame can be, and its checksum right all the same
        framed(b"\x01a\x00" * 50_000, b"{}"),
        b"\x00" * 64,
        b"\xff" * 64,
        b"data: {}\n\n" * 4,
    ],
)
def test_a_hostile_frame_is_unreadable(hostile: bytes) -> None:
    found = told(FRAMES, STREAM[0], hostile)
    assert found[0] == READ[0] and UNREADABLE in found[1:]
    assert all(data is None for _, data in found[1:])


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_frame_whose_payload_is_no_json_is_unreadable_and_the_next_is_not(payload: bytes) -> None:
    spoilt = message({":event-type": "contentBlockDelta"}, payload)
    assert told(FRAMES, spoilt, STREAM[1]) == [("contentBlockDelta", None), READ[1]]


# --- Anything --------------------------------------------------------------------------------------------------------

ANYTHING = st.lists(st.binary(min_size=1) | st.sampled_from([b"data: ", b"\n\n", b"\r", b'{"', *STREAM]))


@given(
    content_type=st.sampled_from([SSE, FRAMES, JSON, NDJSON, "text/html", ""]), parts=ANYTHING, complete=st.booleans()
)
def test_no_bytes_make_it_raise(content_type: str, parts: list[bytes], complete: bool) -> None:
    found = list(events(content_type, enumerate(parts), complete=complete))
    assert all(0 <= event.at_ns < len(parts) for event in found)
    assert all(isinstance(event.name, str) for event in found)


@given(values=st.lists(st.dictionaries(st.text(), st.integers() | st.text())), data=st.data())
def test_any_json_comes_back_in_any_format(values: list[dict[str, Any]], data: st.DataObject) -> None:
    texts = [json.dumps(value, ensure_ascii=data.draw(st.booleans())) for value in values]
    found: Iterable[tuple[str, bytes]] = (
        (SSE, "".join(f"data: {text}\n\n" for text in texts).encode()),
        (NDJSON, "".join(f"{text}\n" for text in texts).encode()),
        (FRAMES, b"".join(message({":event-type": ""}, text.encode()) for text in texts)),
    )
    for content_type, stream in found:
        assert [read for _, read in told(content_type, *pieces(data, stream))] == values

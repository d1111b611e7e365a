"""The body of a response out of raw bytes, however they were cut."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.measurement.wire.http1 import ResponseReader, UnreadableError
from tests.measurement.wire.bodies import chunked, counted, gzipped, head, until_closed

TEXT = "text/plain"
PARTS = [b"one ", "zwei žluťoučký ".encode(), b"", b"three"]
BODY = b"".join(PARTS)
WAYS = {
    "counted": counted(TEXT, BODY),
    "chunked": chunked(TEXT, filter(None, PARTS)),
    "with trailers": chunked(TEXT, filter(None, PARTS), trailer="X-Took: 12\r\nX-More: yes\r\n"),
    "gzip": chunked(TEXT, gzipped(PARTS), "Content-Encoding: gzip"),
    "deflate": counted(TEXT, zlib.compress(BODY), "Content-Encoding: deflate"),
    "after early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + counted(TEXT, BODY),
    "with the next response behind it": counted(TEXT, BODY) + counted(TEXT, b"another"),
}


def read(reader: ResponseReader, data: bytes) -> bytes:
    return b"".join(reader.feed(data))


@pytest.mark.parametrize("wire", WAYS.values(), ids=WAYS)
def test_a_body_is_what_was_sent(wire: bytes) -> None:
    reader = ResponseReader()
    assert read(reader, wire) == BODY
    assert (reader.status, reader.complete, reader.headers["content-type"]) == (200, True, TEXT)


@given(way=st.sampled_from([*WAYS]), places=st.lists(st.integers(0, max(map(len, WAYS.values())))))
def test_it_is_the_same_however_it_was_cut(way: str, places: list[int]) -> None:
    wire, reader = WAYS[way], ResponseReader()
    ends = sorted({0, len(wire), *(place for place in places if place < len(wire))})
    assert b"".join(read(reader, wire[start:end]) for start, end in pairwise(ends)) == BODY
    assert reader.complete


def test_a_part_is_given_as_soon_as_it_is_there() -> None:
    reader = ResponseReader()
    whole = chunked(TEXT, gzipped([b"first", b"second"]), "Content-Encoding: gzip")
    only_first = chunked(TEXT, gzipped([b"first", b"second"])[:1], "Content-Encoding: gzip").removesuffix(b"0\r\n\r\n")
    assert read(reader, only_first) == b"first"
    assert read(reader, whole.removeprefix(only_first)) == b"second"


def test_there_is_no_status_before_the_head_is_whole() -> None:
    reader = ResponseReader()
    start = head(TEXT, "Content-Length: 0")
    assert read(reader, start[:-1]) == b""
    assert (reader.status, reader.complete) == (None, False)
    assert read(reader, start[-1:]) == b""
    assert (reader.status, reader.complete) == (200, True)


def test_a_body_without_an_announced_end_ends_with_the_connection() -> None:
    reader = ResponseReader()
    assert read(reader, until_closed(TEXT, BODY)) == BODY
    assert not reader.complete
    assert read(reader, b"") == b""
    assert reader.complete


@pytest.mark.parametrize("way", ["counted", "chunked", "with trailers", "gzip"])
def test_a_body_that_was_cut_is_not_complete_and_its_beginning_holds(way: str) -> None:
    reader = ResponseReader()
    assert BODY.startswith(read(reader, WAYS[way][:-3]))
    with pytest.raises(UnreadableError, match="closed"):
        read(reader, b"")
    assert not reader.complete


def test_what_came_before_it_broke_was_given() -> None:
    reader = ResponseReader()
    given: list[bytes] = []
    with pytest.raises(UnreadableError):
        given.extend(reader.feed(chunked(TEXT, [b"good"]).removesuffix(b"0\r\n\r\n") + b"not a length\r\n"))
    assert given == [b"good"]


@pytest.mark.parametrize(
    "wire",
    [
        b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        counted(TEXT, BODY, "Content-Encoding: br"),
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 6_000 + b"\r\n\r\n",
    ],
    ids=["TLS", "another protocol", "no status", "HTTP/2", "an encoding nobody knows", "an endless head", "no length"],
)
def test_what_cannot_be_read_has_no_status(wire: bytes) -> None:
    reader = ResponseReader()
    with pytest.raises(UnreadableError):
        read(reader, wire)
    assert reader.status is None


def test_a_compressed_body_that_is_broken_is_unreadable() -> None:
    reader = ResponseReader()
    with pytest.raises(UnreadableError):
        read(reader, counted(TEXT, b"\x1f\x8b\x08 and no more of it", "Content-Encoding: gzip"))
    assert (reader.status, reader.complete) == (200, False)

"""A streamed body as events: server-sent ones, Bedrock's frames, lines of JSON, or one JSON text.

Each has the time at which its last byte arrived.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Parts = Iterable[tuple[int, bytes]]
LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """`name` is what the stream calls it (`event:`, `:event-type`), `data` its JSON; `None` where that is unreadable.

    `[DONE]`, which is no JSON, is the text itself.
    """

    at_ns: int
    name: str
    data: Any


def events(content_type: str, parts: Parts, *, complete: bool = True) -> Iterator[Event]:
    """The events of a body; `complete` says that this is all of it.

    An event that is unfinished at the end of a whole body is unreadable; where the body was cut it was cut with it.
    What follows an unreadable frame is lost.
    """
    if "amazon.eventstream" in content_type:
        yield from _frames(parts, complete=complete)
    elif "event-stream" in content_type:
        yield from _server_sent(parts, complete=complete)
    elif "ndjson" in content_type:
        yield from _json_lines(parts, complete=complete)
    else:
        yield from _whole(parts, complete=complete)


def _server_sent(parts: Parts, *, complete: bool) -> Iterator[Event]:
    """By the standard, except that an unfinished event at the end is not dropped."""
    name, at = "", 0
    data: list[str] = []
    for at, line in _lines(parts):
        if not line:
            if data:
                yield Event(at, name, _json("\n".join(data)))
            name, data = "", []
            continue
        field, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
    if data:
        yield from _last(at, name, "\n".join(data), complete=complete)


def _json_lines(parts: Parts, *, complete: bool) -> Iterator[Event]:
    lines = [(at, line.decode("utf-8", "replace")) for at, line in _lines(parts) if line.strip()]
    for at, line in lines[:-1]:
        yield Event(at, "", _json(line))
    for at, line in lines[-1:]:
        yield from _last(at, "", line, complete=complete)


def _lines(parts: Parts) -> Iterator[tuple[int, bytes]]:
    """Each line, and when its end arrived. A line feed after a carriage return is no line of its own, whenever it
    comes; the last line may have no end."""
    pending = bytearray()
    at, returned = 0, False
    for at, part in parts:
        fresh = part.removeprefix(b"\n") if returned else part
        returned = part.endswith(b"\r") if part else returned
        *ended, rest = LINE_END.split(fresh)
        for line in ended:
            yield at, bytes(pending) + line
            pending.clear()
        pending += rest
    if pending:
        yield at, bytes(pending)


def _frames(parts: Parts, *, complete: bool) -> Iterator[Event]:
    from botocore.eventstream import EventStreamBuffer, ParserError

    buffer = EventStreamBuffer()
    fed, at = 0, 0
    try:
        for at, part in parts:
            buffer.add_data(part)
            fed += len(part)
            for message in buffer:
                headers = message.headers
                name = str(headers.get(":event-type") or headers.get(":exception-type") or "")
                fed -= message.prelude.total_length
                yield Event(at, name, _json(message.payload.decode("utf-8", "replace")))
    except (ParserError, LookupError, ValueError, struct.error):  # the parser trusts what a right checksum covers
        yield Event(at, "", None)
        return
    if fed and complete:
        yield Event(at, "", None)


def _whole(parts: Parts, *, complete: bool) -> Iterator[Event]:
    arrived = list(parts)
    if arrived:
        text = b"".join(part for _, part in arrived).decode("utf-8", "replace")
        yield from _last(arrived[-1][0], "", text, complete=complete)


def _last(at: int, name: str, text: str, *, complete: bool) -> Iterator[Event]:
    """An event that nothing but the end of the body ends."""
    data = _json(text)
    if complete or data is not None:
        yield Event(at, name, data)


def _json(text: str) -> Any:
    if text.strip() == "[DONE]":
        return "[DONE]"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

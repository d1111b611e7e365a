"""A streamed body as events: server-sent ones, Bedrock's frames, or one JSON text.

Each has the time at which its last byte arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Parts = Iterable[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Event:
    """`name` is what the stream calls it (`event:`, `:event-type`), `data` its JSON; `None` where that is unreadable.

    `[DONE]`, which is no JSON, is the text itself.
    """

    at_ns: int
    name: str
    data: Any


def events(content_type: str, parts: Parts) -> Iterator[Event]:
    """The events of a body. What follows an unreadable frame is lost; an event cut short at the end is unreadable."""
    if "amazon.eventstream" in content_type:
        yield from _frames(parts)
    elif "event-stream" in content_type:
        yield from _server_sent(parts)
    else:
        yield from _whole(parts)


def _server_sent(parts: Parts) -> Iterator[Event]:
    """By the standard, except that an unfinished event at the end is given as unreadable instead of dropped."""
    pending, name, at = bytearray(), "", 0
    data: list[str] = []
    for at, part in parts:
        pending += part
        *lines, rest = _lines(pending)
        pending = bytearray(rest)
        for line in lines:
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
    if pending.strip() or data:
        whole = "\n".join([*data, pending.decode("utf-8", "replace").partition(":")[2].strip()]).strip()
        yield Event(at, name, _json(whole))


def _lines(buffer: bytearray) -> list[bytes]:
    """Split at any line end. A carriage return at the very end may be half of one: it stays with the rest."""
    held = bytes(buffer[-1:]) == b"\r"
    text = bytes(buffer[:-1] if held else buffer).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = text.split(b"\n")
    if held:
        lines[-1] += b"\r"
    return lines


def _frames(parts: Parts) -> Iterator[Event]:
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
    except ParserError:
        yield Event(at, "", None)
        return
    if fed:
        yield Event(at, "", None)


def _whole(parts: Parts) -> Iterator[Event]:
    arrived = list(parts)
    if arrived:
        yield Event(arrived[-1][0], "", _json(b"".join(part for _, part in arrived).decode("utf-8", "replace")))


def _json(text: str) -> Any:
    if text == "[DONE]":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None

"""What the bytes of one response say: tokens and when each arrived, usage, and how it ended.

The provider's own words are read, not a library's: LiteLLM makes a finished answer of a truncated one, invents usage
where none was sent, and swallows what it cannot parse.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from .dialects import Reading, heed
from .events import events
from .http1 import ResponseReader, UnreadableError
from .problems import error_of


def read_wire(pieces: Sequence[tuple[int, bytes]], *, eof: bool = False) -> Reading | None:
    """Read a response from its raw (arrived, bytes); `eof` says that the other side has closed.

    `None` where nothing can be said: no byte came, or what came is no HTTP/1.1 response in the clear (it was encrypted
    above the connection that was watched), or its encoding or its dialect is not known here.
    """
    http = ResponseReader()
    parts: list[tuple[int, bytes]] = []
    broken = False
    try:
        for at, data in pieces:
            parts.extend((at, part) for part in http.feed(data))  # what came before it broke stays
    except UnreadableError:
        broken = True
    if http.status is None:
        return None
    if eof and not broken:
        with suppress(UnreadableError):  # it was cut: `complete` says so
            list(http.feed(b""))
    reading = Reading(status=http.status, headers=http.headers, first_byte_ns=pieces[0][0], complete=http.complete)
    if http.status >= 400:
        reading.error = error_of(http.status, _json_or_text(parts), http.headers)
        return reading
    heard = False
    for event in events(http.headers.get("content-type", ""), parts, complete=http.complete):
        heard = True
        heed(reading, event)
    if broken:
        reading.malformed += 1
    return None if heard and not reading.understood and not reading.malformed else reading


def _json_or_text(parts: list[tuple[int, bytes]]) -> object:
    text = b"".join(part for _, part in parts).decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

"""What really happened, as the server saw it: the truth that a measurement is compared with.

Times are `time.monotonic_ns()`. Python promises that clock to be system-wide, so that the times of this process can be
subtracted from those of the one that measures; on Linux it is CLOCK_MONOTONIC, and `perf_counter_ns` is the same. It
is also the clock of asyncio's loop, by which chunks are sent.

Values of headers that carry a secret are never kept, and neither are queries (Gemini's key can be in one).
"""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .frames import FrameKind

Ended = Literal["done", "cut", "client left"]

HIDDEN = "(hidden)"
SECRET_HEADERS = ("authorization", "key", "token", "secret", "cookie", "signature", "credential")
KEPT = 10_000  # requests, and
KEPT_BYTES = 128 * 1024**2  # of their bodies and chunks; the oldest are forgotten first
KINDS: tuple[FrameKind, ...] = get_args(FrameKind)

now_ns = time.monotonic_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChunk:
    """What was written of one event, or the whole of it. `sent_ns` is taken directly before the write, `due_ns` is what
    the schedule said; events that were written together have both in common."""

    sent_ns: int
    due_ns: int
    kind: FrameKind
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request and its response. `number` is in the response's `x-simulated-request`; `None`: not yet, or never.

    `received_ns` is when the head was read; `read_ns` when the last of the body had arrived, as the kernel saw it:
    schedules count from there. `fault` is the kind of what was scripted, `split + missing_usage` where it was more than
    one. `ended` is `client left` when the connection was closed on us, as a cancelled call does.
    """

    number: int
    endpoint: str
    dialect: str
    path: str
    headers: Mapping[str, str]
    body: Any
    received_ns: int
    read_ns: int | None = None
    status: int | None = None
    fault: str | None = None
    chunks: tuple[LoggedChunk, ...] = ()
    ended: Ended | None = None
    ended_ns: int | None = None

    def first_ns(self, *kinds: FrameKind) -> int | None:
        """When the first chunk with tokens was sent, of these kinds if any are given."""
        found = (chunk.sent_ns for chunk in self.chunks if chunk.tokens and (not kinds or chunk.kind in kinds))
        return next(found, None)


@dataclass(slots=True, kw_only=True)
class OpenRequest:
    """A request that is being answered: what is known of it so far."""

    number: int
    dialect: str
    path: str
    headers: Mapping[str, str]
    received_ns: int
    endpoint: str = ""
    body: Any = None
    read_ns: int | None = None
    status: int | None = None
    fault: str | None = None
    size: int = 0
    # Five numbers a chunk: a minute of many streams brings half a million of them.
    chunks: array[int] = field(default_factory=lambda: array("q"))
    ended: Ended | None = None
    ended_ns: int | None = None

    def sent(self, sent_ns: int, due_ns: int, kind: FrameKind, tokens: int, size: int) -> None:
        """Note a chunk."""
        self.chunks.extend((sent_ns, due_ns, KINDS.index(kind), tokens, size))

    def end(self, how: Ended) -> None:
        if self.ended is None:
            self.ended, self.ended_ns = how, now_ns()

    def so_far(self) -> LoggedRequest:
        """A frozen copy."""
        return LoggedRequest(
            number=self.number,
            endpoint=self.endpoint,
            dialect=self.dialect,
            path=self.path,
            headers=self.headers,
            body=self.body,
            received_ns=self.received_ns,
            read_ns=self.read_ns,
            status=self.status,
            fault=self.fault,
            chunks=tuple(map(_chunk, *(self.chunks[part::5] for part in range(5)))),
            ended=self.ended,
            ended_ns=self.ended_ns,
        )


class WireLog:
    """The last requests, in the order in which they came."""

    def __init__(self) -> None:
        self._requests: deque[OpenRequest] = deque()
        self._count = 0
        self._bytes = 0

    def open(self, *, dialect: str, path: str, headers: Mapping[str, str]) -> OpenRequest:
        self._count += 1
        request = OpenRequest(
            number=self._count, dialect=dialect, path=path, headers=shown(headers), received_ns=now_ns()
        )
        self._requests.append(request)
        return request

    def note_size(self, request: OpenRequest, size: int) -> None:
        """Say how many more bytes are kept of `request`; others are forgotten where it is too much together."""
        if request.number < self._requests[0].number:  # forgotten while it was answered
            return
        request.size += size
        self._bytes += size
        while len(self._requests) > 1 and (len(self._requests) > KEPT or self._bytes > KEPT_BYTES):
            self._bytes -= self._requests.popleft().size

    def after(self, number: int) -> list[LoggedRequest]:
        """The requests that came after the `number`-th, finished or not."""
        return [request.so_far() for request in self._requests if request.number > number]


def _chunk(sent_ns: int, due_ns: int, kind: int, tokens: int, size: int) -> LoggedChunk:
    return LoggedChunk(sent_ns=sent_ns, due_ns=due_ns, kind=KINDS[kind], tokens=tokens, bytes=size)


def shown(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with lower-case names and no secrets."""
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: HIDDEN if any(part in name for part in SECRET_HEADERS) else value for name, value in lower.items()}

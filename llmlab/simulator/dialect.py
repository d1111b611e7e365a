"""What a dialect has to know: how a request is read, and how an answer or a failure is told.

A dialect holds no state and no clock; what it is given decides what it writes, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from .answer import Answer, Request
from .frames import Delta, Frame

Reason = Literal["status", "rate_limit", "context_overflow", "refusal", "unknown_model", "bad_request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that is told instead of an answer; `code` is the HTTP status."""

    code: int
    reason: Reason = "status"
    message: str = ""
    model: str = ""
    number: int = 0
    retry_after_s: int | None = None
    input_tokens: int = 0
    context_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A failure in a provider's words."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """A path in aiohttp's notation. `streams` is `None` where the body says whether the answer is streamed."""

    path: str
    streams: bool | None = None


class BadRequestError(Exception):
    """A request that the provider would answer with a 400. For a dialect's `read` to raise; never leaves the server."""


class Dialect(Protocol):
    """One provider's way to say things."""

    name: str
    stream_type: str  # the content type of a stream

    def routes(self) -> Iterable[Route]: ...

    def read(self, body: Mapping[str, Any], path: Mapping[str, str], *, streams: bool | None) -> Request: ...

    def body(self, request: Request, answer: Answer) -> Mapping[str, Any]:
        """The answer as one JSON body."""
        ...

    def frames(self, request: Request, answer: Answer, deltas: Iterable[Delta], ends_s: float) -> Iterable[Frame]:
        """The answer as a stream. `ends_s` is when its last token was ready, sent or hidden."""
        ...

    def failure(self, failure: Failure) -> Told: ...

    def in_band(self, failure: Failure) -> bytes:
        """A failure inside a stream that has begun."""
        ...

    def spoil(self, event: bytes) -> bytes:
        """The event with its content broken and its framing kept, so that the next one can still be found."""
        ...

    def headers(self, number: int) -> Mapping[str, str]:
        """What the provider adds to the head of a response."""
        ...


class ServerSentEvents:
    """What the dialects over `text/event-stream` share."""

    stream_type = "text/event-stream; charset=utf-8"

    def spoil(self, event: bytes) -> bytes:
        return event[: len(event) * 2 // 3] + b"\n\n"


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event. Non-ASCII text is sent as UTF-8, not escaped, as the providers do."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {text}\n\n".encode()


def texts(content: Any) -> str:
    """All text in a message's content, as any of the dialects nests it: a string, or blocks that hold a `text`."""
    match content:
        case str():
            return content
        case {"text": str(text)}:
            return text
        case {"content": nested} | {"parts": nested} | {"toolResult": nested}:
            return texts(nested)
        case list() | tuple():
            return " ".join(filter(None, map(texts, content)))
        case _:
            return ""


def last_of(messages: Iterable[Mapping[str, Any]]) -> str:
    """The text of the last message, where that is the user's."""
    said = list(messages)
    return texts(said[-1]) if said and said[-1].get("role", "user") == "user" else ""

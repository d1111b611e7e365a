"""What can be seen of the calls under way, gathered for those who watch: a screen wants ten messages a second, not one
a token. Nothing of this is measured; the record is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .orders import Call
from .paths import Delta
from .records import Attempt, Kind, Phase
from .trying import Try


@dataclass(slots=True)
class _Watched:
    call: Call
    scheduled_ns: int
    tried: Try | None = None
    attempts: int = 0
    waiting: Attempt | None = None
    text: dict[Kind, list[str]] = field(default_factory=dict)
    chunks: int = 0


class Live:
    """Listens to all calls of a worker. `news` gives what has changed since it was last asked."""

    def __init__(self) -> None:
        self._calls: dict[int, _Watched] = {}

    def due(self, call: Call, scheduled_ns: int) -> None:
        """The call is about to be made."""
        self._calls[call.number] = _Watched(call, scheduled_ns)

    def trying(self, call: Call, tried: Try) -> None:
        watched = self._calls[call.number]
        watched.tried, watched.waiting = tried, None
        watched.attempts += 1

    def heard(self, call: Call, delta: Delta) -> None:
        watched = self._calls[call.number]
        watched.text.setdefault(delta.kind, []).append(delta.text)
        watched.chunks += 1

    def waiting(self, call: Call, attempt: Attempt) -> None:
        self._calls[call.number].waiting = attempt

    def over(self, call: Call) -> None:
        """Its record says the rest."""
        self._calls.pop(call.number, None)

    def news(self) -> list[dict[str, Any]]:
        """A plain value per call under way: its phase, how long each has lasted, and what is new of its text."""
        return [_news(watched) for watched in self._calls.values()]


def _news(watched: _Watched) -> dict[str, Any]:
    now = time.monotonic_ns()
    phase, spans = _phases(watched, now)
    new = {kind: "".join(parts) for kind, parts in watched.text.items()}
    watched.text = {}
    attempt = watched.waiting
    return {
        "number": watched.call.number,
        "lane": watched.call.lane,
        "phase": phase,
        "ms": spans,
        "reasoning": new.get("reasoning", ""),
        "text": new.get("answer", "") + new.get("tool", ""),
        "chunks": watched.chunks,
        "attempt": watched.attempts,
        "wait_s": attempt.waited_s if attempt else None,
        "why": (attempt.error.kind if attempt.error else attempt.status) if attempt else "",
    }


def _phases(watched: _Watched, now: int) -> tuple[Phase, dict[Phase, float]]:
    tried = watched.tried
    sent = tried.recorder.sent_ns if tried is not None else None
    if tried is None or sent is None:
        return "queue", {"queue": (now - watched.scheduled_ns) / 1e6}
    connect_ms = tried.recorder.connection.total_ms or 0.0
    before_ms = (sent - watched.scheduled_ns) / 1e6
    spans: dict[Phase, float] = {"queue": max(before_ms - connect_ms, 0.0), "connect": connect_ms}
    first = tried.felt[0][0] if tried.felt else None
    answer = next((at for at, delta in tried.felt if delta.kind != "reasoning"), None)
    spans["wait"] = ((first or now) - sent) / 1e6
    if first is None:
        return "wait", spans
    spans["think"] = ((answer or now) - first) / 1e6
    if answer is None:
        return "think", spans
    spans["answer"] = (now - answer) / 1e6
    return "answer", spans

"""Records of calls that nobody made, for the tests of what the Playground says of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmlab import Playground
from llmlab.measurement import Recorded
from llmlab.measurement.records import CallError, Chunk, Connection, Kind, StreamRecord, Usage

MS = 1_000_000
START = 9_000 * MS
QUICK, SLOW = "simulated/groq-llama-8b", "simulated/claude-haiku"


def call(
    ttft: float = 100, *, itl: float = 10, tokens: int = 11, kinds: tuple[Kind, ...] = (), **given: Any
) -> StreamRecord:
    """A SIMULATED call whose first of `tokens` came after `ttft` ms and each next one `itl` ms later, one a chunk."""
    times = [START + round((ttft + itl * i) * MS) for i in range(tokens)]
    answers: list[Kind] = ["answer"] * (tokens - len(kinds))
    of = (*kinds, *answers)
    made: dict[str, Any] = {
        "run": "r", "number": 0, "round": 0, "endpoint": QUICK, "model": "m", "path": "litellm", "simulated": True,
        "started_at": "2026-11-23T12:00:00Z", "status": "ok", "clock": "socket", "scheduled_ns": START - 7 * MS,
        "called_ns": START - 5 * MS, "sent_ns": START, "ended_ns": START + round((ttft + itl * tokens) * MS),
        "connection": Connection(reused=True),
        "chunks": tuple(Chunk(at, kind, 4) for at, kind in zip(times, of, strict=True)),
        "felt_first_ns": times[0] + 2 * MS if times else None, "usage": Usage(input=20, output=tokens),
        "usage_source": "provider", "usd": Decimal("0.001"), "text": "one two three",
    }  # fmt: skip
    return StreamRecord(**made | given)


def failed(status: str = "error", message: str = "it broke", **given: Any) -> StreamRecord:
    """A call that brought nothing."""
    error = CallError(kind="server", message=message)
    made = {"status": status, "error": error, "usage": None, "usage_source": None, "usd": None} | given
    return call(tokens=0, **made)  # type: ignore[arg-type]  # by name


def rounds(*ttfts: float, **given: Any) -> list[StreamRecord]:
    """One call a round."""
    return [call(ttft, number=i, round=i, **given) for i, ttft in enumerate(ttfts)]


def pretend(playground: Playground, said: str) -> None:
    """As if a call had ended of which everything that somebody else writes is `said`."""
    with playground._session.board() as board:
        board.begin(playground.plan)
        board.take(Recorded(failed(message=said, text=said, reasoning_text=said, model=said)))
    playground.redraw()

"""What one streamed call left behind: every time that matters, what was used, and what went wrong.

All `*_ns` are readings of `time.monotonic_ns()` on this machine, which all its processes share, so that a record can be
laid beside the simulator's own log. What people read are the figures in milliseconds, defined in `definitions.yaml`
and worked out here, once. `None` is unknown or never reached, not zero.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Literal

Kind = Literal["reasoning", "answer", "tool"]
Clock = Literal["socket", "chunk"]
Path = Literal["litellm", "openai", "anthropic", "httpx"]
UsageSource = Literal["provider", "litellm-estimated", "tokenizer"]
Status = Literal[
    "ok",  # whole: a finish reason, the provider's end marker, at least one token
    "truncated",  # it ended, but nothing says that it was finished
    "malformed",  # some of it could not be read
    "refused",
    "error",
    "connect_timeout",
    "first_token_timeout",
    "stall_timeout",
    "total_timeout",
    "cancelled",
    "not_sent",  # the budget or the deadline of the run did not allow it
]
Phase = Literal["queue", "connect", "wait", "think", "answer", "tail"]

STALL_LEAST_S = 1.0
STALL_FACTOR = 5.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """One delta that held model output. `characters` is its length: how many tokens it held nobody says."""

    at_ns: int
    kind: Kind
    characters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as billed. `input` is the whole prompt, with what was read from and written to a cache; `output` is all
    that was generated, with `reasoning` (`None`: the provider does not tell it apart)."""

    input: int
    output: int
    reasoning: int | None = None
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the connection came about; the times are `None` where one was reused, and all of it where nobody saw."""

    reused: bool | None = None
    dns_ms: float | None = None
    tcp_ms: float | None = None
    tls_ms: float | None = None

    @property
    def total_ms(self) -> float | None:
        """All of it; 0 where the connection was reused."""
        known = [part for part in (self.dns_ms, self.tcp_ms, self.tls_ms) if part is not None]
        return 0.0 if self.reused else sum(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallError:
    """What went wrong. `kind` is one word of ours (`rate_limited`, `auth`, `context_overflow`, `server`, ...);
    `message` is the provider's or the library's text: data, never markup."""

    kind: str
    message: str
    http_status: int | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try that failed and was made again, after `waited_s`."""

    status: Status
    error: CallError | None
    called_ns: int
    ended_ns: int
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRecord:
    """One call. Its times are those of its last attempt; earlier ones are in `attempts`."""

    run: str
    number: int  # of the call within the run, from 0
    round: int  # calls of one round were made side by side: they are what is compared
    endpoint: str
    model: str
    path: Path
    simulated: bool
    warm_up: bool = False
    started_at: str  # UTC, ISO 8601
    status: Status
    error: CallError | None = None
    finish: str | None = None
    attempts: tuple[Attempt, ...] = ()

    clock: Clock
    scheduled_ns: int  # when it was meant to start
    called_ns: int | None = None  # when the library was called
    sent_ns: int | None = None  # when the last byte of the request was written: t0
    first_byte_ns: int | None = None  # of the response's head
    ended_ns: int
    request_id: str | None = None  # what the provider calls it, for its support
    felt_first_ns: int | None = None  # when the library handed over the first delta with something in it
    connection: Connection = Connection()
    chunks: tuple[Chunk, ...] = ()
    loop_lag_ms: float = 0.0  # the longest that the measuring event loop was late during the call
    late: bool = False  # it was late enough to matter

    usage: Usage | None = None
    usage_source: UsageSource | None = None
    text: str = ""
    reasoning_text: str = ""
    usd: Decimal | None = None
    unpriced: str = ""

    # --- Marks

    @property
    def first_token_ns(self) -> int | None:
        return self.chunks[0].at_ns if self.chunks else None

    @property
    def first_answer_ns(self) -> int | None:
        return next((chunk.at_ns for chunk in self.chunks if chunk.kind != "reasoning"), None)

    @property
    def last_token_ns(self) -> int | None:
        return self.chunks[-1].at_ns if self.chunks else None

    @property
    def t0_ns(self) -> int | None:
        """From where the model's time is counted: the request is out; where nobody saw that, the call."""
        return self.called_ns if self.sent_ns is None and self.clock == "chunk" else self.sent_ns

    @property
    def due_ns(self) -> int:
        """When the last attempt was meant to start: an earlier one and the wait after it are no queue of ours."""
        last = self.attempts[-1] if self.attempts else None
        return self.scheduled_ns if last is None else last.ended_ns + round(last.waited_s * 1e9)

    @property
    def failed(self) -> bool:
        return self.status != "ok"

    # --- Figures, in milliseconds from t0 unless their name says otherwise

    @property
    def ttft_ms(self) -> float | None:
        """Time to the first token of anything the model generated, reasoning included."""
        return _ms(self.t0_ns, self.first_token_ns)

    @property
    def ttfo_ms(self) -> float | None:
        """Time to the first token of the answer (or of a tool call)."""
        return _ms(self.t0_ns, self.first_answer_ns)

    @property
    def think_ms(self) -> float | None:
        """Time spent on reasoning that was streamed: TTFO less TTFT."""
        return _ms(self.first_token_ns, self.first_answer_ns)

    @property
    def e2e_ms(self) -> float | None:
        """Time to the last token, whatever the library does afterwards."""
        return _ms(self.t0_ns, self.last_token_ns)

    @property
    def tail_ms(self) -> float | None:
        """From the last token to the end of the stream."""
        return _ms(self.last_token_ns, self.ended_ns)

    @property
    def queue_ms(self) -> float | None:
        """From the intended start (of the last attempt) to the call: our own queue."""
        queued = _ms(self.due_ns, self.called_ns)
        return None if queued is None else max(queued, 0.0)  # a wait for another attempt is known to the microsecond

    @property
    def connect_ms(self) -> float | None:
        """DNS, TCP and TLS; 0 on a reused connection."""
        return self.connection.total_ms

    @property
    def library_before_ms(self) -> float | None:
        """What the library spent before the request was out, less the connection."""
        called = _ms(self.called_ns, self.sent_ns) if self.clock == "socket" else None
        return None if called is None else max(called - (self.connect_ms or 0.0), 0.0)

    @property
    def library_after_ms(self) -> float | None:
        """How much later than the wire the application saw the first delta."""
        return _ms(self.first_token_ns, self.felt_first_ns) if self.clock == "socket" else None

    @property
    def library_ms(self) -> float | None:
        """What the library added to the time until the first delta: before the request and after the wire."""
        before, after = self.library_before_ms, self.library_after_ms
        return None if before is None or after is None else before + after

    @property
    def felt_ttft_ms(self) -> float | None:
        """What an application feels: from its call to the first delta in its hands."""
        return _ms(self.called_ns, self.felt_first_ns)

    @property
    def from_schedule_ms(self) -> float | None:
        """TTFT counted from the intended start: what an open loop reports, so that a queue cannot hide."""
        return _ms(self.scheduled_ns, self.first_token_ns)

    # --- Tokens

    @property
    def streamed_tokens(self) -> int | None:
        """How many tokens came over the wire: those billed, less reasoning that was kept back.

        Reasoning that is streamed as a summary is counted as if all of it had come: no provider says how long it is.
        """
        if self.usage is None:
            return None
        shown = any(chunk.kind == "reasoning" for chunk in self.chunks)
        return self.usage.output if shown else max(self.usage.output - (self.usage.reasoning or 0), 0)

    @property
    def first_chunk_tokens(self) -> float | None:
        """How many tokens the first chunk held: an estimate, by its share of the characters."""
        tokens, characters = self.streamed_tokens, sum(chunk.characters for chunk in self.chunks)
        if tokens is None or not characters:
            return None
        return max(1.0, tokens * self.chunks[0].characters / characters)

    @property
    def tokens_per_chunk(self) -> float | None:
        tokens = self.streamed_tokens
        return tokens / len(self.chunks) if tokens is not None and self.chunks else None

    @property
    def itl_ms(self) -> float | None:
        """Time from one token to the next (also called TPOT); only from tokens that the provider counted."""
        tokens, first = self.streamed_tokens, self.first_chunk_tokens
        if self.usage_source != "provider" or tokens is None or first is None or tokens <= first:
            return None
        span = _ms(self.first_token_ns, self.last_token_ns)
        return span / (tokens - first) if span is not None else None

    @property
    def decode_tokens_per_s(self) -> float | None:
        return 1000 / self.itl_ms if self.itl_ms else None

    @property
    def overall_tokens_per_s(self) -> float | None:
        """Streamed tokens over the whole time, waiting included: what the eye feels."""
        tokens, e2e = self.streamed_tokens, self.e2e_ms
        return 1000 * tokens / e2e if tokens and e2e else None

    @property
    def billed_to_visible(self) -> float | None:
        """Tokens billed as output for each token of the answer."""
        if self.usage is None or self.usage.reasoning is None or self.usage.output <= self.usage.reasoning:
            return None
        return self.usage.output / (self.usage.output - self.usage.reasoning)

    # --- Gaps

    @property
    def gaps_ms(self) -> tuple[float, ...]:
        """Between chunks, as they came: jitter and stalls, not ITL."""
        times = [chunk.at_ns for chunk in self.chunks]
        return tuple((b - a) / 1e6 for a, b in pairwise(times))

    @property
    def longest_gap_ms(self) -> float | None:
        return max(self.gaps_ms, default=None)

    @property
    def stalled(self) -> bool:
        """Whether the longest gap is over five times the median one and over a second, or never ended."""
        gaps = self.gaps_ms
        if self.status == "stall_timeout":
            return True
        return bool(gaps) and max(gaps) > max(STALL_FACTOR * statistics.median(gaps), 1000 * STALL_LEAST_S)

    @property
    def phases(self) -> dict[Phase, float]:
        """How long each phase took, in milliseconds, as far as the call came; together, from its due time to its end.

        The library's own work before the request is part of `queue`: it is on our side.
        """
        sent = self.t0_ns
        if sent is None:  # it ended while it was connecting, or before
            called = min(self.called_ns or self.ended_ns, self.ended_ns)
            return {"queue": _span(self.due_ns, called), "connect": _span(called, self.ended_ns)}
        before = _span(self.due_ns, sent)
        connect = min(self.connect_ms or 0.0, before)
        found: dict[Phase, float] = {"queue": before - connect, "connect": connect}
        marks: list[tuple[Phase, int | None]] = [
            ("wait", self.first_token_ns),
            ("think", self.first_answer_ns),
            ("answer", self.last_token_ns),
            ("tail", self.ended_ns),
        ]
        at = sent
        for phase, reached in marks:
            mark = self.ended_ns if reached is None else min(max(reached, at), self.ended_ns)
            found[phase] = _span(at, mark)
            if reached is None:  # it ended in this phase
                break
            at = mark
        return found


def _ms(start: int | None, end: int | None) -> float | None:
    return None if start is None or end is None else (end - start) / 1e6


def _span(start: int, end: int) -> float:
    return max(end - start, 0) / 1e6

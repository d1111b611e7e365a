"""What can go wrong, and to which requests: values that a script lists, one entry a request.

    LatencyProfile's rate limit   429 by itself, with the Retry-After it means
    before an answer              Status, Refusal, ContextOverflow, Hang
    in the middle of one          Stall, Cut, Malformed, InBandError
    in how it is told             Split, Packed, MissingUsage, MissingFinish, Billed

An entry may be several faults at once, `(MissingUsage(), Split())`: one of a kind, at most one of them an ending. What
comes before an answer stands alone. Their order says nothing.

"Token n" counts from 1 over all that the model generates, reasoning included. In an answer that is not streamed there
are no tokens on the wire: a fault in the middle then means the middle of the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import LlmlabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """An HTTP error instead of an answer, in the provider's words; at once, or after `after_s`."""

    code: int
    retry_after_s: int | None = None
    after_s: float = 0.0
    kind: Literal["status"] = "status"

    def __post_init__(self) -> None:
        if not 400 <= self.code <= 599 or self.after_s < 0 or (self.retry_after_s or 0) < 0:
            raise LlmlabError(f"an error has a status from 400 to 599, and no time is below 0: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The model, or a filter before it, declines: a finish reason where the provider has one, an error on Azure.

    Only OpenAI tells the two apart: its models say so in a field, its filter in the finish reason.
    """

    by: Literal["model", "filter"] = "model"
    kind: Literal["refusal"] = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOverflow:
    """The prompt is said to be longer than the window, as each provider says it."""

    kind: Literal["context_overflow"] = "context_overflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """The request is read and nothing is ever sent: no status, no header."""

    kind: Literal["hang"] = "hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Silence after `after_tokens`, for `for_s` seconds or until the client leaves."""

    after_tokens: int
    for_s: float | None = None
    kind: Literal["stall"] = "stall"

    def __post_init__(self) -> None:
        _count_from(0, self.after_tokens, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The stream ends before (in the place of) or directly after token `token`.

    Not `clean`: the connection is closed in the middle of the body, which HTTP can tell. `clean`: the body ends as it
    should and only the provider's own end marker is missing, which HTTP cannot tell, and which some clients take for
    success.
    """

    token: int
    side: Literal["before", "after"] = "after"
    clean: bool = False
    kind: Literal["cut"] = "cut"

    def __post_init__(self) -> None:
        _count_from(1, self.token, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """The event with token `token` cannot be read: half a JSON text, or a frame whose checksum is wrong."""

    token: int = 1
    kind: Literal["malformed"] = "malformed"

    def __post_init__(self) -> None:
        _count_from(1, self.token, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class InBandError:
    """After `after_tokens`, an error inside a stream that began with 200; then the stream ends."""

    after_tokens: int
    code: int = 503
    kind: Literal["in_band_error"] = "in_band_error"

    def __post_init__(self) -> None:
        _count_from(0, self.after_tokens, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Every event arrives in pieces of `size` bytes, `gap_s` apart: cut through lines, JSON and characters."""

    size: int = 7
    gap_s: float = 0.001
    kind: Literal["split"] = "split"

    def __post_init__(self) -> None:
        _count_from(1, self.size, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """`events` events are written at once, when the last of them is due, as busy servers and proxies do.

    Each keeps its own place in the log, all with the time of the one write.
    """

    events: int = 3
    kind: Literal["packed"] = "packed"

    def __post_init__(self) -> None:
        _count_from(2, self.events, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingUsage:
    """The answer is whole and never says what it used."""

    kind: Literal["missing_usage"] = "missing_usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFinish:
    """The stream ends as it should, but no event says why the model stopped."""

    kind: Literal["missing_finish"] = "missing_finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """The answer says that it used this many output tokens, however short it is: a bill as large as one likes."""

    output_tokens: int
    kind: Literal["billed"] = "billed"

    def __post_init__(self) -> None:
        _count_from(1, self.output_tokens, self)


Fault = (
    Status
    | Refusal
    | ContextOverflow
    | Hang
    | Stall
    | Cut
    | Malformed
    | InBandError
    | Split
    | Packed
    | MissingUsage
    | MissingFinish
    | Billed
)
Entry = Fault | tuple[Fault, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultScript:
    """What happens to the requests of an endpoint: `first` one after the other, then `then` for ever (`None`: fine)."""

    first: tuple[Entry, ...] = ()
    then: Entry = None

    def __post_init__(self) -> None:
        for entry in (*self.first, self.then):
            _check_together(entry if isinstance(entry, tuple) else ())

    def faults(self, number: int) -> tuple[Fault, ...]:
        """What happens to the `number`-th request, counted from 0 since the script was given."""
        entry = self.first[number] if number < len(self.first) else self.then
        return entry if isinstance(entry, tuple) else () if entry is None else (entry,)


def ends(fault: Fault) -> bool:
    """Whether nothing more is sent after this."""
    return isinstance(fault, Cut | InBandError) or (isinstance(fault, Stall) and fault.for_s is None)


def _check_together(faults: tuple[Fault, ...]) -> None:
    kinds = [fault.kind for fault in faults]
    if len(set(kinds)) < len(kinds):
        raise LlmlabError(f"one fault of a kind for a request, not {kinds}")
    if len(faults) > 1 and (alone := [f.kind for f in faults if isinstance(f, Status | ContextOverflow | Hang)]):
        raise LlmlabError(f"{alone[0]} comes before an answer and stands alone, not with {kinds}")
    if sum(map(ends, faults)) > 1:
        raise LlmlabError(f"an answer ends once: {kinds} are endings, give one of them")
    if {"split", "packed"} <= set(kinds):
        raise LlmlabError("events are either split or packed, give one of the two")


def _count_from(least: int, count: int, fault: object) -> None:
    if count < least:
        raise LlmlabError(f"counted from {least}: {fault}")

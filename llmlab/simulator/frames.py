"""From an answer and its schedule to what is written when: a plan, and what faults do to it. Pure.

Answer + Schedule -> Deltas (what the model generates, in time) -> Frames (a dialect's bytes) -> Plan (with faults)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from typing import Literal

from .answer import Answer, PieceKind
from .faults import Cut, Fault, InBandError, Malformed, Packed, Split, Stall, ends
from .profile import Schedule

FrameKind = Literal["open", "reasoning", "answer", "tool", "ping", "close", "error", "body"]
Ending = Literal["done", "cut", "hang"]


@dataclass(frozen=True, slots=True)
class Delta:
    """Pieces of one kind that are ready together. `through` counts all tokens generated up to its last."""

    at_s: float
    kind: PieceKind
    text: str
    tokens: int
    through: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a dialect and when it is due, in seconds after the request was read.

    `tokens` is how many the model generated for it, 0 for what merely opens, closes or keeps alive. `through` counts
    the tokens up to here and is what faults are placed by.
    """

    at_s: float
    kind: FrameKind
    data: bytes
    tokens: int = 0
    through: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole response: its head, its frames, how many are written at once, and how it ends.

    Frames may be made as they are asked for, once: two hundred streams that begin together would else wait for each
    other's.
    """

    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    frames: Iterable[Frame] = ()
    at_once: int = 1
    length: int | None = None  # of the whole body where it is announced; a stream is chunked
    ending: Ending = "done"

    def writes(self) -> Iterator[tuple[Frame, ...]]:
        """The frames, those together that are written at once: when the last of them is due."""
        frames = iter(self.frames)
        while together := tuple(islice(frames, self.at_once)):
            yield together


def deltas(answer: Answer, schedule: Schedule) -> Iterator[Delta]:
    """What the model generates, in time. Hidden reasoning takes its time and gives nothing."""
    through = 0
    for burst in schedule.bursts:
        pieces = answer.pieces[through : through + burst.tokens]
        for kind, alike in groupby(pieces, key=lambda piece: piece.kind):
            texts = [piece.text for piece in alike]
            through += len(texts)
            if kind != "reasoning" or answer.reasoning == "visible":
                yield Delta(burst.at_s, kind, "".join(texts), len(texts), through)


def streamed(plan: Plan, faults: tuple[Fault, ...], *, spoil: Callable[[bytes], bytes], error: bytes) -> Plan:
    """`plan` as `faults` leave it. `spoil` makes an event unreadable and `error` tells of one, both in the dialect."""
    for fault in sorted(faults, key=_turn):
        plan = _one(plan, fault, spoil, error)
    return plan


def _turn(fault: Fault) -> int:
    """What is done to an event comes first, then waiting, then the end, then how all that is left is written."""
    if ends(fault):
        return 2
    return 3 if isinstance(fault, Split) else int(isinstance(fault, Stall))


def _one(plan: Plan, fault: Fault, spoil: Callable[[bytes], bytes], error: bytes) -> Plan:
    frames = tuple(plan.frames)
    generated = max((frame.through for frame in frames if frame.tokens), default=0)
    match fault:
        case Cut(token=token, side=side, clean=clean):
            place = _first(frames, min(token, generated))
            return replace(plan, frames=frames[: place + (side == "after")], ending="done" if clean else "cut")
        case Stall(after_tokens=count, for_s=None):
            return replace(plan, frames=frames[: _first(frames, count + 1)], ending="hang")
        case Stall(after_tokens=count, for_s=for_s) if for_s is not None:
            place = _first(frames, count + 1)
            later = tuple(replace(frame, at_s=frame.at_s + for_s) for frame in frames[place:])
            return replace(plan, frames=frames[:place] + later)
        case InBandError(after_tokens=count):
            place = _first(frames, count + 1)
            at_s = frames[place - 1].at_s if place else 0.0
            return replace(plan, frames=(*frames[:place], Frame(at_s, "error", error, 0, count)))
        case Malformed(token=token):
            place = _first(frames, min(token, generated))
            bad = replace(frames[place], data=spoil(frames[place].data))
            return replace(plan, frames=(*frames[:place], bad, *frames[place + 1 :]))
        case Split(size=size, gap_s=gap_s):
            return replace(plan, frames=_split(frames, size, gap_s))
        case Packed(events=events):
            return replace(plan, frames=frames, at_once=events)
        case _:
            return replace(plan, frames=frames)


def whole(plan: Plan, faults: tuple[Fault, ...]) -> Plan:
    """As `streamed`, for an answer in one body: what would happen at a token happens in the middle of the body."""
    for fault in sorted(faults, key=_turn):
        plan = _one_of_body(plan, fault)
    return plan


def _one_of_body(plan: Plan, fault: Fault) -> Plan:
    *before, frame = plan.frames  # before: the first half, where a stall came between
    half = replace(frame, data=frame.data[: len(frame.data) // 2], tokens=0)
    match fault:
        case Cut():
            return replace(plan, frames=(*before, half), ending="cut")
        case Stall(for_s=None):
            return replace(plan, frames=(*before, half), ending="hang")
        case Stall(for_s=for_s) if for_s is not None:
            rest = replace(frame, at_s=frame.at_s + for_s, data=frame.data[len(half.data) :])
            return replace(plan, frames=(half, rest))
        case Malformed():
            return replace(plan, frames=(*before, half), length=sum(len(part.data) for part in (*before, half)))
        case Split(size=size, gap_s=gap_s):
            return replace(plan, frames=_split(plan.frames, size, gap_s))
        case _:
            return plan


def _first(frames: tuple[Frame, ...], through: int) -> int:
    """The place of the first frame that brings token `through`, or of the first that closes, or the end."""
    for place, frame in enumerate(frames):
        if (frame.tokens and frame.through >= through) or frame.kind == "close":
            return place
    return len(frames)


def _split(frames: Iterable[Frame], size: int, gap_s: float) -> Iterator[Frame]:
    """Pieces of `size` bytes, `gap_s` apart and never before their time. The last piece is said to hold the tokens:
    only then can an event be read."""
    at_s = 0.0
    for frame in frames:
        starts = range(0, len(frame.data), size)
        at_s = max(at_s, frame.at_s)
        for start in starts:
            last = start + size >= len(frame.data)
            yield replace(frame, at_s=at_s, data=frame.data[start : start + size], tokens=frame.tokens if last else 0)
            at_s += gap_s

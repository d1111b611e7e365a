"""From an answer and its schedule to what is written when: a plan, and what a fault does to it. Pure.

Answer + Schedule -> Deltas (what the model generates, in time) -> Frames (a dialect's bytes) -> Plan (with a fault)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from .answer import Answer, PieceKind
from .faults import Cut, Fault, InBandError, Malformed, Split, Stall
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
    """A whole response: its head, its frames, and how it ends."""

    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    length: int | None = None  # of the whole body where it is announced; a stream is chunked
    ending: Ending = "done"


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


def streamed(plan: Plan, fault: Fault | None, *, spoil: Callable[[bytes], bytes], error: bytes) -> Plan:
    """`plan` as `fault` leaves it. `spoil` makes an event unreadable and `error` tells of one, both in the dialect."""
    frames = plan.frames
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
            return replace(plan, frames=tuple(_split(frames, size, gap_s)))
        case _:
            return plan


def whole(plan: Plan, fault: Fault | None) -> Plan:
    """As `streamed`, for an answer in one body: what would happen at a token happens in the middle of the body."""
    (frame,) = plan.frames
    half = replace(frame, data=frame.data[: len(frame.data) // 2], tokens=0)
    match fault:
        case Cut():
            return replace(plan, frames=(half,), ending="cut")
        case Stall(for_s=None):
            return replace(plan, frames=(half,), ending="hang")
        case Stall(for_s=for_s) if for_s is not None:
            rest = replace(frame, at_s=frame.at_s + for_s, data=frame.data[len(half.data) :])
            return replace(plan, frames=(half, rest))
        case Malformed():
            return replace(plan, frames=(half,), length=len(half.data))
        case Split(size=size, gap_s=gap_s):
            return replace(plan, frames=tuple(_split(plan.frames, size, gap_s)))
        case _:
            return plan


def _first(frames: tuple[Frame, ...], through: int) -> int:
    """The place of the first frame that brings token `through`, or of the first that closes, or the end."""
    for place, frame in enumerate(frames):
        if (frame.tokens and frame.through >= through) or frame.kind == "close":
            return place
    return len(frames)


def _split(frames: tuple[Frame, ...], size: int, gap_s: float) -> Iterator[Frame]:
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

"""What a measurement tells while it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from .records import Phase, StreamRecord


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something has to be ready first, and takes seconds: in words."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a call that is under way gets on; at most twenty a second for each. `text` and `reasoning` are what is new.

    `spans_ms` is how long each phase has lasted, as the application sees it: the record has what was measured.
    `wait_s` is set while it waits for another attempt, and `why` says what went wrong with the last.
    """

    number: int
    endpoint: str
    phase: Phase
    spans_ms: dict[Phase, float]
    text: str = ""
    reasoning: str = ""
    chunks: int = 0
    attempt: int = 1
    wait_s: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call is over."""

    record: StreamRecord


MeasurementEvent = Preparing | Progress | Recorded

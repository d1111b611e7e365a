"""What a `lanes` view draws: streams side by side while they arrive, and the small changes that keep them moving.

    Lanes((Lane("a", "Sonnet 4.6", state="answering", text="The"),), (Series("wait", "wait"),), scale_ms=2_000)

A panel draws the whole state whenever it is asked. Where a browser shows an earlier state of the same lanes, only the
difference travels (`Lanes.change_since`): text that grew is sent as what was added. Text is data, never markup.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from .views import Badge, Cell, Patch, Payload, Segment, Series, Tone, cell_html, paragraph


@dataclass(frozen=True, slots=True)
class Lane:
    """One stream. `state` says in words how far it is ("thinking", "429, waiting 2 s, attempt 2"); `tone` colours it.

    `reasoning` and `text` are what has arrived, `parts` the milliseconds of each phase so far, `facts` figures.
    """

    key: str
    label: str
    badges: tuple[Badge, ...] = ()
    state: str = ""
    tone: Tone = ""
    reasoning: str = ""
    text: str = ""
    parts: tuple[Segment, ...] = ()
    facts: tuple[Cell | str, ...] = ()
    error: str = ""

    def change_since(self, earlier: Lane) -> LaneChange | None:
        """What turns `earlier` into this; `None` where it is another lane, or text was taken back."""
        same = (self.key, self.label, self.badges) == (earlier.key, earlier.label, earlier.badges)
        if not (same and self.text.startswith(earlier.text) and self.reasoning.startswith(earlier.reasoning)):
            return None
        return LaneChange(
            self.key,
            text=self.text[len(earlier.text) :],
            reasoning=self.reasoning[len(earlier.reasoning) :],
            state=self.state if self.state != earlier.state else None,
            tone=self.tone if self.tone != earlier.tone else None,
            parts=self.parts if self.parts != earlier.parts else None,
            facts=self.facts if self.facts != earlier.facts else None,
            error=self.error if self.error != earlier.error else None,
        )

    def to_html(self, phases: dict[str, str]) -> str:
        """The lane as static HTML; `phases` are the labels of the series."""
        badges = "".join(f" [{badge.text}]" for badge in self.badges)
        spent = ", ".join(f"{phases[part.series]} {part.text}" for part in self.parts)
        facts = ", ".join(map(cell_html, self.facts))
        said = [escape(self.state), escape(spent), facts, escape(self.error)]
        reasoning = f"{paragraph('reasoning')}{_verbatim(self.reasoning)}" if self.reasoning else ""
        head = f"<p><strong>{escape(self.label + badges)}</strong>: {'; '.join(filter(None, said))}</p>"
        return head + reasoning + (_verbatim(self.text) if self.text else "")


@dataclass(frozen=True, slots=True)
class LaneChange:
    """What happened to the lane of this key: `text` and `reasoning` are added to it, `None` is as it was."""

    key: str
    text: str = ""
    reasoning: str = ""
    state: str | None = None
    tone: Tone | None = None
    parts: tuple[Segment, ...] | None = None
    facts: tuple[Cell | str, ...] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LanesPatch(Patch):
    """Changes to lanes that are drawn already; `scale_ms` where the common time scale is another now."""

    changes: tuple[LaneChange, ...] = ()
    scale_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Lanes(Payload):
    """Lanes side by side. `phases` are what a bar is made of, in the order of their colours.

    All bars share one time scale: their full length is `scale_ms` milliseconds.
    """

    kind: ClassVar[str] = "lanes"
    lanes: tuple[Lane, ...]
    phases: tuple[Series, ...]
    scale_ms: float
    caption: str = ""
    empty: str = "Nothing to show."

    def __post_init__(self) -> None:
        if not (math.isfinite(self.scale_ms) and self.scale_ms > 0):
            raise ValueError(f"the time scale of lanes must be above 0 ms, not {self.scale_ms}")
        keys = [lane.key for lane in self.lanes]
        if len(set(keys)) < len(keys):
            raise ValueError(f"two lanes have the same key: {keys}")
        known = {phase.key for phase in self.phases}
        for lane in self.lanes:
            for part in lane.parts:
                if part.series not in known:
                    raise ValueError(f"lane {lane.key!r} has a part of phase {part.series!r}, not one of {known}")

    def change_since(self, earlier: Payload) -> LanesPatch | None:
        """As in `Payload`: a patch where the lanes are the same and their text only grew."""
        if not isinstance(earlier, Lanes) or len(self.lanes) != len(earlier.lanes):
            return None
        if (self.phases, self.caption, self.empty) != (earlier.phases, earlier.caption, earlier.empty):
            return None
        changes = []
        for now, before in zip(self.lanes, earlier.lanes, strict=True):
            change = now.change_since(before)
            if change is None:
                return None
            if change != LaneChange(now.key):
                changes.append(change)
        return LanesPatch(tuple(changes), self.scale_ms if self.scale_ms != earlier.scale_ms else None)

    def to_html(self) -> str:
        if not self.lanes:
            return paragraph(self.empty)
        phases = {phase.key: phase.label for phase in self.phases}
        return paragraph(self.caption) + "".join(lane.to_html(phases) for lane in self.lanes)


def _verbatim(text: str) -> str:
    return f'<pre style="white-space:pre-wrap">{escape(text)}</pre>'

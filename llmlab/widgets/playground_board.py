"""A run as the Playground sees it: what each lane shows now, and every record so far. Events in, values out."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import get_args

from ..measurement import MeasurementEvent, Plan, Preparing, Progress, Recorded, StreamRecord
from ..measurement.records import Phase

PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(slots=True)
class BoardLane:
    """An endpoint: the call of it that began last, live until its record is there."""

    name: str
    simulated: bool
    calls: int
    done: int = 0
    number: int = -1
    live: Progress | None = None
    text: str = ""
    reasoning: str = ""
    record: StreamRecord | None = None
    lost: bool = False  # the run is over, and of the call that was under way there is no record

    @property
    def spans_ms(self) -> dict[Phase, float]:
        """How long each phase has lasted: as measured once the call is over, as seen until then."""
        if self.record is not None:
            return self.record.phases
        return self.live.spans_ms if self.live is not None else {}


@dataclass(slots=True)
class Board:
    """All lanes of a run, in its order. `take` each event; not to be used from two threads at once."""

    lanes: dict[str, BoardLane] = field(default_factory=dict)
    records: list[StreamRecord] = field(default_factory=list)
    preparing: str = ""
    made: int = 0
    total: int = 0
    made_again: int = 0

    def begin(self, plan: Plan, *, keep: bool = False) -> None:
        """Empty the lanes of `plan`. With `keep` the others stay, and so do all records but its lanes' failures.

        `made_again` says how many those were.
        """
        fresh = {
            lane.name: BoardLane(lane.name, lane.simulated, sum(call.lane == lane.name for call in plan.calls))
            for lane in plan.lanes
        }
        kept = [r for r in self.records if not (r.failed and r.endpoint in fresh)] if keep else []
        self.made_again = self.made_again + len(self.records) - len(kept) if keep else 0
        self.lanes = {**self.lanes, **fresh} if keep else fresh
        self.records = kept
        self.preparing, self.made, self.total = "", 0, len(plan.calls)

    def take(self, event: MeasurementEvent) -> None:
        """What the run has told."""
        match event:
            case Preparing(what):
                self.preparing = what
            case Progress():
                self.preparing = ""
                self._progress(self.lanes[event.endpoint], event)
            case Recorded(record):
                self.preparing = ""
                self._record(self.lanes[record.endpoint], record)

    def end(self) -> None:
        """The run is over: what is still live will not be recorded."""
        self.preparing = ""
        for lane in self.lanes.values():
            lane.lost = lane.live is not None and lane.record is None

    @property
    def failed(self) -> tuple[str, ...]:
        """Endpoints of which a call failed or was lost, in the order of the lanes."""
        bad = {record.endpoint for record in self.records if record.failed and not record.warm_up}
        return tuple(name for name, lane in self.lanes.items() if name in bad or lane.lost)

    @property
    def most_at_once(self) -> int:
        """How many calls were under way at the same time, warm-ups apart."""
        calls = [(r.called_ns, r.ended_ns) for r in self.records if r.called_ns is not None and not r.warm_up]
        steps = sorted(step for began, ended in calls for step in ((began, 1), (ended, -1)))
        return max(accumulate(step for _, step in steps), default=0)

    def _progress(self, lane: BoardLane, event: Progress) -> None:
        if event.number < lane.number or (event.number == lane.number and lane.record is not None):
            return  # another call of this endpoint began later, and is the one shown
        if event.number > lane.number:
            lane.number, lane.text, lane.reasoning, lane.record = event.number, "", "", None
        if lane.live is not None and event.attempt > lane.live.attempt and lane.live.number == event.number:
            lane.text, lane.reasoning = "", ""
        lane.live = event
        lane.text += event.text
        lane.reasoning += event.reasoning

    def _record(self, lane: BoardLane, record: StreamRecord) -> None:
        self.made += 1
        lane.done += 1
        self.records.append(record)
        if record.number >= lane.number:
            lane.number, lane.record = record.number, record
            lane.text, lane.reasoning = record.text, record.reasoning_text

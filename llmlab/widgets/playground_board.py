"""A run as the Playground sees it: what each lane shows now, and every record so far. Events in, values out."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    failed: int = 0
    number: int = -1
    live: Progress | None = None
    text: str = ""
    reasoning: str = ""
    record: StreamRecord | None = None

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

    def begin(self, plan: Plan, *, keep: bool = False) -> None:
        """Empty the lanes of `plan`. With `keep` the others stay, and so do all records but its lanes' failures."""
        fresh = {
            lane.name: BoardLane(lane.name, lane.simulated, sum(call.lane == lane.name for call in plan.calls))
            for lane in plan.lanes
        }
        self.lanes = {**self.lanes, **fresh} if keep else fresh
        self.records = [r for r in self.records if not (r.failed and r.endpoint in fresh)] if keep else []
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

    @property
    def failed(self) -> tuple[str, ...]:
        """Endpoints of which a call failed, in the order of the lanes."""
        bad = {record.endpoint for record in self.records if record.failed and not record.warm_up}
        return tuple(name for name in self.lanes if name in bad)

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
        lane.failed += record.failed
        self.records.append(record)
        if record.number >= lane.number:
            lane.number, lane.record = record.number, record
            lane.text, lane.reasoning = record.text, record.reasoning_text

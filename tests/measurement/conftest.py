"""Real parts for the tests of the instrument: simulators, and one worker process that is started once for all of them.

A run is made by hand, so that every call of it is known; its records are then laid beside the simulator's own log.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from llmlab.measurement import MeasurementEvent, Plan, Question, Run, StreamRecord
from llmlab.measurement.background import background
from llmlab.measurement.instrument import instrument
from llmlab.measurement.orders import Call, Lane
from llmlab.measurement.records import Path
from llmlab.simulator import DialectName, LoggedRequest, SimulatedEndpoint, Simulator, litellm_parameters

LONGEST_RUN_S = 120.0
_numbers = itertools.count()


class Rig:
    """A simulator, and the calls that are made to it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def lane(self, endpoint: str, dialect: DialectName = "openai", path: Path = "litellm", **changes: Any) -> Lane:
        """`endpoint` asked in `dialect` through `path`, free of charge unless said."""
        given: dict[str, Any] = {"name": endpoint, "simulated": True, "free": True} | changes
        return Lane(parameters=litellm_parameters(self.simulator.url, endpoint, dialect), path=path, **given)

    def plan(self, lanes: Sequence[Lane], rounds: int = 1, **changes: Any) -> Plan:
        """Every lane once a round, in the order given."""
        calls = [
            Call(number=number, round=number // len(lanes), lane=lane.name)
            for number, lane in enumerate([*lanes] * rounds)
        ]
        given: dict[str, Any] = {
            "calls": tuple(calls),
            "question": Question(prompts=("one two three",)),
            "streams": 1,
        } | changes
        return Plan(run=f"run-{next(_numbers)}", targets=(), lanes=tuple(lanes), **given)

    def run(self, plan: Plan, listen: Callable[[MeasurementEvent], None] = lambda _: None) -> list[StreamRecord]:
        """The records of `plan`, in the order of its calls."""
        return Run(plan, listen).result(LONGEST_RUN_S)

    def logged(self, record: StreamRecord) -> LoggedRequest:
        """What the simulator did about the last attempt of `record`, by the number that the two share."""
        assert record.request_id is not None, record
        (entry,) = [entry for entry in self.simulator.log() if str(entry.number) == record.request_id]
        return entry

    def requests(self, endpoint: str) -> list[LoggedRequest]:
        """All requests for `endpoint`, in the order in which they came."""
        return [entry for entry in self.simulator.log() if entry.endpoint == endpoint]


@contextmanager
def rig_of(*endpoints: SimulatedEndpoint) -> Iterator[Rig]:
    """A simulator of these."""
    with Simulator(endpoints) as simulator:
        yield Rig(simulator)


def warm(calls: Sequence[Call]) -> tuple[Call, ...]:
    """The same calls, told to be warm-ups."""
    return tuple(replace(call, warm_up=True) for call in calls)


@pytest.fixture(scope="session")
def worker() -> Iterator[None]:
    """The processes of the instrument end with the tests that use them."""
    yield
    background().wait(instrument().close())

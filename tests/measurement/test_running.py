"""A worker's part of a run: timeouts that fire, attempts that are seen, budgets and deadlines that hold, and calls that
are made when they are due. What happened is read from the simulator's log; of times only the order is judged."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, get_args

import pytest

from llmlab.catalog import load_catalog
from llmlab.cost import ceiling
from llmlab.measurement import MeasurementEvent, Plan, Progress, Question, Recorded, Run, StreamRecord, Timeouts
from llmlab.measurement.orders import Call, Lane
from llmlab.measurement.plan import most_tokens
from llmlab.measurement.records import Path
from llmlab.simulator import (
    AnswerShape,
    Cut,
    DialectName,
    Entry,
    FaultScript,
    Hang,
    InBandError,
    LatencyProfile,
    LoggedRequest,
    Malformed,
    MissingUsage,
    SimulatedEndpoint,
    Stall,
    Status,
    litellm_parameters,
)
from tests.measurement.conftest import LONGEST_RUN_S, Rig, rig_of, warm

WAYS: list[tuple[Path, DialectName]] = [("litellm", dialect) for dialect in get_args(DialectName)]
WAYS += [("openai", "openai"), ("httpx", "openai"), ("anthropic", "anthropic")]
ANSWER = AnswerShape(output_tokens=8)
LONG = SimulatedEndpoint(
    name="long", profile=LatencyProfile(ttft_s=0.05, itl_s=0.05), answer=AnswerShape(output_tokens=200)
)
STEADY = SimulatedEndpoint(
    name="steady", profile=LatencyProfile(ttft_s=0.1, itl_s=0.1), answer=AnswerShape(output_tokens=12)
)
BRIEF_TOKENS = 20
BRIEF = SimulatedEndpoint(
    name="brief",
    profile=LatencyProfile(ttft_s=0.05, itl_s=0.05),
    answer=AnswerShape(output_tokens=BRIEF_TOKENS),
    faults=FaultScript(then=Malformed(token=3)),
)


@pytest.fixture(scope="module")
def rig(worker: None) -> Iterator[Rig]:
    quick = SimulatedEndpoint(name="quick", profile=LatencyProfile(ttft_s=0.01, itl_s=0.002), answer=ANSWER)
    slow = SimulatedEndpoint(name="slow", profile=LatencyProfile(ttft_s=0.2, itl_s=0.002), answer=ANSWER)
    ways = [replace(LONG, name=f"long-{path}-{dialect}") for path, dialect in WAYS]
    ways += [replace(BRIEF, name=f"brief-{path}-{dialect}") for path, dialect in WAYS]
    with rig_of(quick, slow, STEADY, LONG, *ways) as rig:
        yield rig


def scripted(
    rig: Rig,
    *faults: Entry,
    then: Entry = None,
    path: Path = "litellm",
    listen: Callable[[MeasurementEvent], None] = lambda _: None,
    **changes: Any,
) -> list[StreamRecord]:
    """The record of a call to an endpoint to which this happens."""
    rig.simulator.script("quick", FaultScript(first=faults, then=then))
    try:
        return rig.run(rig.plan([rig.lane("quick", path=path)], **changes), listen)
    finally:
        rig.simulator.script("quick", [])


def last(rig: Rig, count: int, endpoint: str = "quick") -> list[LoggedRequest]:
    """The last requests, once they are over for the server too."""
    deadline = time.monotonic() + 10
    while any(entry.ended is None for entry in rig.requests(endpoint)[-count:]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return rig.requests(endpoint)[-count:]


# --- Timeouts


@contextmanager
def black_hole() -> Iterator[int]:
    """A port of this machine that does not answer: its queue is full, and nobody takes from it."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@contextmanager
def mute() -> Iterator[int]:
    """A port where connections are accepted, by the kernel, and nothing is ever said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


def at(port: int, path: Path, dialect: DialectName, scheme: str = "http") -> Lane:
    parameters = litellm_parameters(f"{scheme}://127.0.0.1:{port}", "nobody", dialect)
    return Lane(name=f"{scheme} {path} {dialect}", parameters=parameters, path=path, free=True)


def test_a_server_that_takes_no_connection_is_a_connect_timeout_on_every_path(rig: Rig) -> None:
    with black_hole() as hole, mute() as silent:
        lanes = [at(hole, *way) for way in WAYS]
        lanes += [at(silent, path, dialect, "https") for path, dialect in WAYS if path == "litellm"]
        records = rig.run(rig.plan(lanes, streams=8, timeouts=Timeouts(connect_s=0.5, first_token_s=30)))
    assert {record.endpoint: record.status for record in records} == {lane.name: "connect_timeout" for lane in lanes}
    for record in records:
        assert record.sent_ns is None and record.ttft_ms is None and record.clock == "socket"
        assert set(record.phases) == {"queue", "connect"}  # no time of the model's
        assert record.error is not None and record.error.message == "the request was not out after 0.5 s"


def test_a_refused_connection_is_an_error_and_no_timeout(rig: Rig) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        records = rig.run(rig.plan([at(taken.getsockname()[1], *way) for way in WAYS]))
    kinds = {(record.endpoint, record.status, record.error.kind if record.error else "") for record in records}
    assert kinds == {(f"http {path} {dialect}", "error", "connection") for path, dialect in WAYS}


@pytest.mark.parametrize(
    ("fault", "limit", "status", "tokens", "words"),
    [
        (Hang(), {"first_token_s": 0.4}, "first_token_timeout", 0, "no token after 0.4 s"),
        (Stall(after_tokens=5), {"stall_s": 0.4}, "stall_timeout", 5, "no further token for 0.4 s"),
        (Stall(after_tokens=5), {"total_s": 0.6}, "total_timeout", 5, "not finished after 0.6 s"),
        (Hang(), {"total_s": 0.6}, "total_timeout", 0, "not finished after 0.6 s"),
    ],
    ids=["first token", "stall", "total after tokens", "total before any"],
)
def test_each_timeout_fires_by_its_own_limit(
    rig: Rig, fault: Entry, limit: dict[str, float], status: str, tokens: int, words: str
) -> None:
    rig.simulator.script("quick", [fault])
    generous = {"connect_s": 20.0, "first_token_s": 20.0, "stall_s": 20.0, "total_s": 20.0}
    (faulty,) = rig.run(rig.plan([rig.lane("quick")], timeouts=Timeouts(**generous | limit)))
    assert (faulty.status, len(faulty.chunks)) == (status, tokens)
    assert faulty.error is not None and faulty.error.message == words
    (entry,) = last(rig, 1)
    assert entry.ended == "client left" and entry.read_ns is not None and entry.ended_ns is not None
    assert entry.ended_ns - entry.read_ns < 10e9  # not by one of the others


def test_a_stream_is_not_ended_while_its_tokens_come(rig: Rig) -> None:
    (record,) = rig.run(rig.plan([rig.lane("steady")], timeouts=Timeouts(first_token_s=1, stall_s=1)))
    assert record.status == "ok" and (record.e2e_ms or 0) > 1_000


# --- Attempts


@pytest.mark.parametrize("path", ["litellm", "openai"])
def test_a_retry_waits_as_long_as_the_provider_asks_and_is_seen(rig: Rig, path: Path) -> None:
    heard: list[MeasurementEvent] = []
    (record,) = scripted(rig, Status(code=429, retry_after_s=1), retries=2, path=path, listen=heard.append)
    assert record.status == "ok"
    waits = {(event.wait_s, event.why) for event in heard if isinstance(event, Progress) and event.wait_s is not None}
    assert waits == {(1.0, "rate_limited")}  # who watches sees it
    (attempt,) = record.attempts
    assert attempt.status == "error" and attempt.waited_s == 1
    assert attempt.error is not None and (attempt.error.kind, attempt.error.retry_after_s) == ("rate_limited", 1)
    refused, answered = last(rig, 2)
    assert refused.ended_ns is not None and answered.received_ns - refused.ended_ns >= 1e9
    assert record.request_id == str(answered.number)
    # The wait is neither the model's time nor our queue; from the schedule it counts.
    assert record.ttft_ms is not None and record.queue_ms is not None and record.from_schedule_ms is not None
    assert record.from_schedule_ms > 1_000 > record.ttft_ms + record.queue_ms


def test_without_a_word_on_when_the_wait_doubles(rig: Rig) -> None:
    (record,) = scripted(rig, then=Status(code=503), retries=2)
    assert record.status == "error" and [attempt.waited_s for attempt in record.attempts] == [0.5, 1.0]
    assert [entry.status for entry in last(rig, 3)] == [503] * 3


@pytest.mark.parametrize(
    "fault",
    [Status(code=401), Status(code=400), InBandError(after_tokens=3), Cut(token=3), Cut(token=3, clean=True)],
    ids=["401", "400", "error inside", "cut", "end"],
)
def test_what_a_retry_cannot_mend_or_has_been_billed_is_not_made_again(rig: Rig, fault: Entry) -> None:
    before = len(rig.requests("quick"))
    (record,) = scripted(rig, then=fault, retries=3)
    assert record.failed and record.attempts == ()
    assert len(rig.requests("quick")) == before + 1


def test_what_failed_before_any_token_is_made_again(rig: Rig) -> None:
    (record,) = scripted(rig, InBandError(after_tokens=0, code=503), Cut(token=1, side="before"), retries=3)
    assert record.status == "ok"
    assert [attempt.error.kind for attempt in record.attempts if attempt.error] == ["overloaded", "connection"]


# --- Cancelling


class CancelledAfter:
    """Cancels a run once `count` of its calls have shown some text, or are waiting for another attempt."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen: set[int] = set()
        self.run: Run | None = None
        self.at_ns = 0

    def __call__(self, event: MeasurementEvent) -> None:
        if isinstance(event, Progress) and (event.chunks or event.wait_s is not None):
            self._seen.add(event.number)
            if len(self._seen) == self._count and self.run is not None and not self.at_ns:
                self.at_ns = time.monotonic_ns()
                self.run.cancel()


def cancelled(plan: Plan, after: int) -> tuple[list[StreamRecord], int]:
    """The records of a run that is cancelled after so many calls have begun, and when it was."""
    listener = CancelledAfter(after)
    listener.run = Run(plan, listener)
    return listener.run.result(LONGEST_RUN_S), listener.at_ns


def test_cancelling_closes_the_connection_on_every_path_and_keeps_what_came(rig: Rig) -> None:
    lanes = [rig.lane(f"long-{path}-{dialect}", dialect, path) for path, dialect in WAYS]
    records, at_ns = cancelled(rig.plan(lanes, rounds=3, streams=len(lanes)), len(lanes))
    assert len(records) == len(lanes)  # those under way; no further call was made
    assert {record.status for record in records} == {"cancelled"}
    for record in records:
        (entry,) = last(rig, 1, record.endpoint)
        assert entry.ended == "client left" and entry.ended_ns is not None
        assert record.started_at and at_ns < record.ended_ns < at_ns + 5e9  # the answer takes ten seconds
        assert at_ns < entry.ended_ns < at_ns + 5e9
        assert 0 < len(record.text.split()) == len(record.chunks) <= sum(chunk.tokens for chunk in entry.chunks)


def test_a_run_after_a_cancelled_one_is_its_own(rig: Rig) -> None:
    cancelled(rig.plan([rig.lane("long")], streams=1), 1)
    heard: list[MeasurementEvent] = []
    plan = rig.plan([rig.lane("quick")], rounds=3)
    records = rig.run(plan, heard.append)
    assert [(record.run, record.status) for record in records] == [(plan.run, "ok")] * 3
    assert {event.endpoint for event in heard if isinstance(event, Progress)} <= {"quick"}
    assert sum(isinstance(event, Recorded) for event in heard) == 3


def test_cancelling_ends_the_wait_for_another_attempt_without_making_it(rig: Rig) -> None:
    rig.simulator.script("quick", FaultScript(then=Status(code=429, retry_after_s=60)))
    before = len(rig.requests("quick"))
    (record,), _ = cancelled(rig.plan([rig.lane("quick")], retries=3), 1)
    rig.simulator.script("quick", [])
    assert record.status == "cancelled" and len(record.attempts) == 1
    assert len(rig.requests("quick")) == before + 1


def test_cancelling_twice_or_when_it_is_over_does_nothing(rig: Rig) -> None:
    run = Run(rig.plan([rig.lane("quick")]), lambda _: None)
    assert [record.status for record in run.result(LONGEST_RUN_S)] == ["ok"]
    run.cancel()
    run.cancel()
    assert [record.status for record in rig.run(rig.plan([rig.lane("quick")]))] == ["ok"]


def test_a_library_that_gives_up_in_the_middle_leaves_no_stream_running(rig: Rig) -> None:
    """What cannot be read makes some libraries raise and others go on: in no case is anything sent to nobody."""
    lanes = [rig.lane(f"brief-{path}-{dialect}", dialect, path) for path, dialect in WAYS]
    records = rig.run(rig.plan(lanes, streams=len(lanes)))
    assert {record.status for record in records} == {"malformed"}
    gave_up = [record for record in records if len(record.chunks) < BRIEF_TOKENS - 1]
    assert {last(rig, 1, record.endpoint)[0].ended for record in gave_up} == {"client left"}
    assert {record.endpoint for record in gave_up} >= {"brief-litellm-openai", "brief-openai-openai"}


# --- Budgets and deadlines

QUESTION = Question(prompts=("one two three",), max_tokens=64)
PRICE = load_catalog().endpoint("anthropic/claude-haiku-4-5")
CEILING = ceiling(PRICE, most_tokens(QUESTION), QUESTION.max_tokens, date.today()) or Decimal(0)


def priced(rig: Rig, calls: int, **changes: Any) -> Plan:
    lane = rig.lane("quick", free=False, price=PRICE, ceiling_usd=CEILING)
    return rig.plan([lane], calls, question=QUESTION, **changes)


def together(entries: Sequence[LoggedRequest]) -> int:
    """The most requests that were under way at once."""
    marks = [(entry.received_ns, 1) for entry in entries] + [(entry.ended_ns or 0, -1) for entry in entries]
    under_way = most = 0
    for _, step in sorted(marks):
        under_way += step
        most = max(most, under_way)
    return most


@pytest.mark.parametrize("streams", [1, 3, 8])
def test_a_run_spends_no_more_than_its_budget(rig: Rig, streams: int) -> None:
    budget = CEILING * Decimal("2.5")
    before = len(rig.requests("quick"))
    records = rig.run(priced(rig, 40, streams=streams, budget_usd=budget))
    sent = [record for record in records if record.status == "ok"]
    stopped = [record for record in records if record.status == "not_sent"]
    assert len(sent) + len(stopped) == len(records) == 40
    assert len(sent) > 2 and stopped  # what a call did not cost is there for others
    requests = rig.requests("quick")[before:]
    assert len(requests) == len(sent)
    assert together(requests) <= 2  # of three, each could have cost its ceiling
    spent = sum((record.usd for record in sent if record.usd is not None), Decimal(0))
    assert budget - CEILING < spent <= budget
    for record in stopped:
        assert record.error is not None and record.error.kind == "budget" and "of the cap of" in record.error.message
        assert record.usd is None and record.sent_ns is None


@pytest.mark.parametrize(
    ("fault", "status"),
    [(MissingUsage(), "ok"), (Hang(), "first_token_timeout"), (Cut(token=4), "truncated")],
    ids=["no usage", "hang", "cut"],
)
def test_a_call_whose_cost_nobody_knows_counts_as_the_most_it_can_be(rig: Rig, fault: Entry, status: str) -> None:
    rig.simulator.script("quick", FaultScript(then=fault))
    timeouts = Timeouts(first_token_s=0.3)
    records = rig.run(priced(rig, 6, streams=4, budget_usd=CEILING * Decimal("2.5"), timeouts=timeouts))
    rig.simulator.script("quick", [])
    assert sorted(record.status for record in records) == sorted([status] * 2 + ["not_sent"] * 4)


def test_a_refused_call_costs_nothing(rig: Rig) -> None:
    rig.simulator.script("quick", FaultScript(then=Status(code=401)))
    records = rig.run(priced(rig, 6, streams=2, budget_usd=CEILING * 2))
    rig.simulator.script("quick", [])
    assert [record.status for record in records] == ["error"] * 6


def test_no_retry_is_made_that_the_budget_does_not_hold(rig: Rig) -> None:
    records = rig.run(priced(rig, 2, retries=2, budget_usd=CEILING * Decimal("2.9")))
    assert [record.status for record in records] == ["not_sent"] * 2


def test_at_the_deadline_calls_under_way_are_cut_off_and_the_others_not_made(rig: Rig) -> None:
    records = rig.run(rig.plan([rig.lane("long")], rounds=5, streams=2, deadline_s=0.8))
    assert [record.status for record in records] == ["cancelled"] * 2 + ["not_sent"] * 3
    assert all(record.chunks for record in records[:2])
    assert {(r.error.kind, r.error.message) for r in records if r.error} == {
        ("deadline", "the run's deadline of 0.8 s had passed")
    }
    assert {entry.ended for entry in last(rig, 2, "long")} == {"client left"}


def test_arrivals_after_the_deadline_are_not_made(rig: Rig) -> None:
    calls = tuple(Call(number=i, round=i, lane="quick", at_s=i * 100.0) for i in range(3))
    records = rig.run(rig.plan([rig.lane("quick")], calls=calls, streams=3, deadline_s=0.6))
    assert [record.status for record in records] == ["ok", "not_sent", "not_sent"]


# --- When calls are made


def open_loop(rig: Rig, endpoint: str, times_s: Sequence[float], streams: int) -> list[StreamRecord]:
    calls = tuple(Call(number=i, round=i, lane=endpoint, at_s=at_s) for i, at_s in enumerate(times_s))
    return rig.run(rig.plan([rig.lane(endpoint)], calls=calls, streams=streams))


def test_in_an_open_loop_calls_arrive_when_they_are_planned_whatever_is_under_way(rig: Rig) -> None:
    times_s = [0.0, 0.1, 0.1, 0.3, 0.45, 0.5]
    records = open_loop(rig, "slow", times_s, streams=6)
    assert {record.status for record in records} == {"ok"}
    start = records[0].scheduled_ns
    assert [record.scheduled_ns - start for record in records] == [round(at_s * 1e9) for at_s in times_s]
    entries = [rig.logged(record) for record in records]
    late = [entry.received_ns - record.scheduled_ns for entry, record in zip(entries, records, strict=True)]
    assert min(late) > 0 and sorted(late)[len(late) // 2] < 0.2e9
    assert together(entries) > 1


def test_in_an_open_loop_a_slow_server_cannot_hide_its_queue(rig: Rig) -> None:
    records = open_loop(rig, "slow", [0.0] * 5, streams=1)
    for before, after in pairwise(records):
        assert after.called_ns is not None and after.called_ns >= before.ended_ns
        assert (after.from_schedule_ms or 0) > (before.from_schedule_ms or 0) + 200  # the server's time to first token
    for record in records:
        parts = record.phases
        whole = parts["queue"] + parts["connect"] + parts["wait"]
        assert record.from_schedule_ms == pytest.approx(whole)
    assert max(record.ttft_ms or 0 for record in records) < (records[-1].queue_ms or 0)  # it is not in the model's


@pytest.mark.parametrize("streams", [1, 3])
def test_in_a_closed_loop_as_many_calls_are_under_way_as_were_asked(rig: Rig, streams: int) -> None:
    records = rig.run(rig.plan([rig.lane("slow")], rounds=3 * streams, streams=streams))
    assert together([rig.logged(record) for record in records]) == streams
    assert {record.status for record in records} == {"ok"}


def test_warm_ups_are_over_before_the_first_call_that_counts(rig: Rig) -> None:
    made = rig.plan([rig.lane("quick"), rig.lane("slow")], rounds=4, streams=4)
    records = rig.run(replace(made, calls=warm(made.calls[:4]) + made.calls[4:]))
    firsts = [rig.logged(record) for record in records if record.warm_up]
    others = [rig.logged(record) for record in records if not record.warm_up]
    assert len(firsts) == len(others) == 4
    assert max(entry.ended_ns or 0 for entry in firsts) < min(entry.received_ns for entry in others)


def test_calls_are_made_in_the_order_of_the_plan(rig: Rig) -> None:
    made = rig.plan([rig.lane("quick"), rig.lane("slow")], rounds=1)
    order = ["slow", "quick", "quick", "slow"]
    calls = tuple(Call(number=i, round=i // 2, lane=name) for i, name in enumerate(order))
    records = rig.run(replace(made, calls=calls))
    assert [rig.logged(record).endpoint for record in records] == order
    assert records == sorted(records, key=lambda record: rig.logged(record).number)

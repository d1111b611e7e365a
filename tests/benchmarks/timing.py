"""How true a measured time to first token is, beside a simulator that says when it sent it.

The error of a call is what was measured less what passed at the server, from the arrival of the request to its first
token. Ours is taken at the socket; beside it is what an application feels through the same libraries, and plain
`litellm.acompletion` in a process of its own. All ways take turns, block by block, in one run.

`LLMLAB_BENCHMARKS=full` keeps 200 streams going for a minute, not for one answer each.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from llmlab.measurement import MeasurementEvent, Plan, Progress, Recorded, Run, StreamRecord, Timeouts
from llmlab.measurement.background import background
from llmlab.measurement.calibration import ttft_error_ms
from llmlab.measurement.instrument import Instrument, instrument
from llmlab.measurement.records import Path as Way
from llmlab.measurement.statistics import quantile
from llmlab.simulator import (
    AnswerShape,
    DialectName,
    FaultScript,
    LatencyProfile,
    LoggedRequest,
    SimulatedEndpoint,
    litellm_parameters,
)
from tests.measurement.conftest import Rig, rig_of
from tests.measurement.test_fault_matrix import HARMLESS, MATRIX, TIMEOUTS, TOKENS, WAYS, endpoint

from .rows import Measure, Row, measure

PROJECT = Path(__file__).parents[2]
STREAMS = (1, 8, 32)
WANTED_MS = {("openai", 1): 1.0, ("openai", 8): 2.5, ("openai", 32): 4.0}
WANTED_MS |= {("anthropic", 1): 1.0, ("anthropic", 8): 2.5, ("anthropic", 32): 10.0}
SHARE_OF_PLAIN = 0.2
ROUNDS, LEAST_CALLS, WAVES = 3, 10, 3
REDRAWING_MOST, FLOOR_MS = 1.5, 0.1
LONGEST_RUN_S = 300.0
FRESH, CANCELLED, LANES, LANE_ROUNDS = 3, 4, 8, 20
ALL_AT_ONCE, ANSWER_S, MINUTE_S = 200, 5.0, 60.0
FULL = os.environ.get("LLMLAB_BENCHMARKS") == "full"

TIMED = SimulatedEndpoint(
    name="timed",
    profile=LatencyProfile(ttft_s=0.12, ttft_jitter=0.2, itl_s=0.01, itl_jitter=0.2),
    answer=AnswerShape(output_tokens=25),
)
EVEN = SimulatedEndpoint(
    name="even", profile=LatencyProfile(ttft_s=0.15, itl_s=0.01), answer=AnswerShape(output_tokens=20)
)
ENDLESS = SimulatedEndpoint(
    name="endless", profile=LatencyProfile(ttft_s=0.05, itl_s=0.05), answer=AnswerShape(output_tokens=250)
)
UNHURRIED = SimulatedEndpoint(
    name="unhurried",
    profile=LatencyProfile(ttft_s=1.0, itl_s=0.2, itl_jitter=0.2),
    answer=AnswerShape(output_tokens=21),
)
_runs = itertools.count()


class Number(Measure):
    """A count, which has no unit."""

    def __str__(self) -> str:
        return f"{self.median:g}"


def number(value: float) -> Number:
    return Number(median=value, low=value, high=value, n=1)


def most(milliseconds: float) -> Measure:
    """A limit, as a row compares with one."""
    return measure([milliseconds / 1_000])


def milliseconds(values: Sequence[float]) -> Measure:
    """The sizes of errors."""
    return measure([abs(value) / 1_000 for value in values])


def tail(values: Sequence[float]) -> str:
    """The 99th percentile in words, with how many it is of."""
    sizes = [abs(value) for value in values]
    p99 = quantile(sizes, 0.99)
    shown = p99.value if p99.enough and p99.value is not None else max(sizes)
    return f"p99 {shown:.2f} ms of n = {len(sizes)}" + ("" if p99.enough else ", which is too few: the largest")


def rows() -> list[Row]:
    every = [SimulatedEndpoint(
        name=endpoint(fault, *way), profile=LatencyProfile(ttft_s=0.01, itl_s=0.002),
        answer=AnswerShape(output_tokens=TOKENS - 3, reasoning_tokens=3), faults=FaultScript(then=MATRIX[fault][0]),
    ) for fault in MATRIX for way in WAYS]  # fmt: skip
    try:
        with rig_of(TIMED, EVEN, ENDLESS, UNHURRIED, *every) as rig:
            found = [*_first_calls(rig), *_errors(rig), *_redrawing(rig), *_lanes(rig), *_cancelling(rig)]
            found += [*_false_successes(rig), *_all_at_once(rig)]
    finally:
        background().wait(instrument().close())
    return found + [_beside(peer) for peer in ("guidellm", "aiperf")]


def _beside(peer: str) -> Row:
    why = "not installed" if importlib.util.find_spec(peer) is None else "installed, but not driven from here"
    return Row(job=f"beside {peer}: skipped, {why}", ours=measure([float("nan")]))


# --- The error, way by way


@dataclass
class Errors:
    """In milliseconds: at the socket, and as felt from the call to the first text in one's hands."""

    socket: list[float] = field(default_factory=list)
    felt: list[float] = field(default_factory=list)


class Plain:
    """The process of `plain_calls.py`."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("plain_calls.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def block(self, dialect: DialectName, calls: int, streams: int) -> Errors:
        block = f"plain-{next(_runs)}"
        parameters = litellm_parameters(self._rig.simulator.url, TIMED.name, dialect)
        order = {"parameters": parameters, "marks": [f"{block}-{i}" for i in range(calls)], "streams": streams}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        times: dict[str, float] = json.loads(self._process.stdout.readline())
        true = {_mark(entry): _true_ms(entry) for entry in self._rig.requests(TIMED.name)}
        return Errors(felt=[measured - true[mark] for mark, measured in times.items()])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def _mark(entry: LoggedRequest) -> str:
    content = entry.body["messages"][0]["content"]
    return str(content[0]["text"] if isinstance(content, list) else content)


def _true_ms(entry: LoggedRequest) -> float:
    first = entry.first_ns()
    assert first is not None and entry.read_ns is not None
    return (first - entry.read_ns) / 1e6


def _block(rig: Rig, way: Way, dialect: DialectName, calls: int, streams: int) -> Errors:
    return _paired(rig, _made(rig.plan([rig.lane(TIMED.name, dialect, way)], calls, streams=streams)))


def _made(plan: Plan, listen: Callable[[MeasurementEvent], None] = lambda _: None) -> list[StreamRecord]:
    return Run(plan, listen).result(LONGEST_RUN_S)


def _paired(rig: Rig, records: Sequence[StreamRecord]) -> Errors:
    log = {str(entry.number): entry for entry in rig.simulator.log()}
    found = Errors()
    for record in records:
        entry = log[record.request_id or ""]
        error = ttft_error_ms(record, entry)
        assert record.status == "ok" and error is not None and record.felt_ttft_ms is not None, record
        found.socket.append(error)
        found.felt.append(record.felt_ttft_ms - _true_ms(entry))
    return found


OURS: tuple[tuple[str, Way, DialectName], ...] = (
    ("openai/", "litellm", "openai"),
    ("anthropic/", "litellm", "anthropic"),
    ("bare httpx", "httpx", "openai"),
    ("OpenAI SDK", "openai", "openai"),
    ("Anthropic SDK", "anthropic", "anthropic"),
)


def _errors(rig: Rig) -> Iterator[Row]:
    plain = Plain(rig)
    try:
        for streams in STREAMS:
            yield from _at(rig, plain, streams)
    finally:
        plain.close()


def _at(rig: Rig, plain: Plain, streams: int) -> Iterator[Row]:
    calls = max(LEAST_CALLS, WAVES * streams)
    found: dict[str, Errors] = {}
    ways: dict[str, Callable[[], Errors]] = {
        name: lambda way=way, dialect=dialect: _block(rig, way, dialect, calls, streams)  # type: ignore[misc]
        for name, way, dialect in OURS
    }
    ways |= {
        f"plain {dialect}": lambda dialect=dialect: plain.block(dialect, calls, streams)  # type: ignore[misc]
        for dialect in ("openai", "anthropic")
    }
    for turn in range(-1, ROUNDS):  # the first is a warm-up
        names = [*ways][turn % len(ways) :] + [*ways][: turn % len(ways)]
        for name in names:
            errors = ways[name]()
            if turn >= 0:
                found.setdefault(name, Errors()).socket.extend(errors.socket)
                found[name].felt.extend(errors.felt)
    at = f"{streams} stream{'s' if streams > 1 else ''}"
    for name, way, dialect in OURS:
        errors = found[name]
        ours, felt = milliseconds(errors.socket), milliseconds(errors.felt)
        if way != "litellm":
            yield Row(job=f"TTFT error, {name}, {at}", ours=ours, peer="the same calls, felt", theirs=felt,
                      note=f"at the socket {tail(errors.socket)}; felt {tail(errors.felt)}")  # fmt: skip
            continue
        slow = found[f"plain {dialect}"].felt
        yield Row(job=f"TTFT error, {name}, {at}", ours=ours, peer="plain acompletion", theirs=milliseconds(slow),
                  limit=SHARE_OF_PLAIN, note=f"tapped {tail(errors.socket)}; plain {tail(slow)}; felt in the worker "
                  f"{statistics.median(errors.felt):.1f} ms")  # fmt: skip
        wanted = WANTED_MS[dialect, streams]
        yield Row(
            job=f"TTFT error, {name}, {at}", ours=ours, peer=f"at most {wanted:g} ms", theirs=most(wanted), limit=1
        )


# --- What disturbs it


@contextmanager
def _busy() -> Iterator[None]:
    """A thread of this process that never rests, as a screen that redraws without end."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            sum(range(1_000))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _redrawing(rig: Rig) -> Iterator[Row]:
    quiet, busy = Errors(), Errors()
    for _ in range(2 * ROUNDS):
        quiet.socket += _block(rig, "litellm", "openai", 24, 8).socket
        with _busy():
            busy.socket += _block(rig, "litellm", "openai", 24, 8).socket
    ours, theirs = milliseconds(busy.socket), milliseconds(quiet.socket)
    floor = max(theirs.median, FLOOR_MS / 1_000)
    yield Row(
        job="TTFT error, openai/, 8 streams, while this process is busy", ours=ours,
        peer=f"the same, quiet, or {FLOOR_MS:g} ms", theirs=measure([floor]), limit=REDRAWING_MOST,
        note=f"quiet {theirs}, {tail(quiet.socket)}; busy {tail(busy.socket)}. Errors of hundredths of a millisecond "
        f"have no ratio worth the name: a quiet one below {FLOOR_MS:g} ms counts as that",
    )  # fmt: skip


def _lanes(rig: Rig) -> Iterator[Row]:
    lanes = [rig.lane(EVEN.name, name=f"lane {i + 1}") for i in range(LANES)]
    found: dict[str, dict[int, float]] = {}
    for turn in range(LANE_ROUNDS):  # a run each: in a closed loop later rounds no longer begin together
        for record in _made(rig.plan(lanes, streams=LANES)):
            found.setdefault(record.endpoint, {})[turn] = record.ttft_ms or 0.0
    first, last = found["lane 1"], found[f"lane {LANES}"]
    apart = [last[turn] - first[turn] for turn in first]
    yield Row(job=f"lane {LANES} less lane 1, equal servers, median", ours=milliseconds([statistics.median(apart)]),
              peer="at most 1 ms", theirs=most(1), limit=1,
              note=f"{LANES} lanes begun together, {len(apart)} times; {tail(apart)}")  # fmt: skip


def _first_calls(rig: Rig) -> Iterator[Row]:
    """In new processes: the first call that counts, and those after it, by what the library adds to a felt TTFT."""
    apart: list[float] = []
    for _ in range(FRESH):
        fresh = Instrument()
        for dialect in ("openai", "anthropic"):
            plan = rig.plan([rig.lane(TIMED.name, dialect)], 12)
            records = background().wait(_all_of(fresh, plan))
            first, *others = _paired(rig, records).felt
            apart.append(first - statistics.median(others))
        background().wait(fresh.close())
    told = ", ".join(f"{each:.1f}" for each in apart)
    yield Row(job="first call after the warm-up, less a warm one, felt", ours=milliseconds(apart),
              peer="at most 10 ms", theirs=most(10), limit=1,
              note=f"openai/ and anthropic/ in {FRESH} new processes: {told} ms")  # fmt: skip


async def _all_of(fresh: Instrument, plan: Plan) -> list[StreamRecord]:
    events = [event async for event in fresh.run(plan, dict(os.environ))]
    return sorted((e.record for e in events if isinstance(e, Recorded)), key=lambda record: record.number)


# --- What must not happen


def _cancelling(rig: Rig) -> Iterator[Row]:
    """From `Run.cancel()` until the server has noticed, on every path and in every dialect."""
    delays: dict[str, list[float]] = {}
    for (way, dialect), _ in itertools.product(WAYS, range(CANCELLED)):
        at_ns = _cancel_one(rig, rig.plan([rig.lane(ENDLESS.name, dialect, way)]))
        while (entry := rig.requests(ENDLESS.name)[-1]).ended_ns is None:
            time.sleep(0.02)
        assert entry.ended == "client left", entry.ended
        delays.setdefault(f"{way} {dialect}", []).append((entry.ended_ns - at_ns) / 1e6)
    slowest = {name: max(values) for name, values in delays.items()}
    values = [value for each in delays.values() for value in each]
    yield Row(job="cancel seen by the server, the slowest of all", ours=milliseconds([max(values)]),
              peer="at most 50 ms", theirs=most(50), limit=1, note=f"median {statistics.median(values):.1f} ms of "
              f"{len(values)}; slowest {', '.join(f'{n} {v:.1f}' for n, v in slowest.items())} ms")  # fmt: skip


def _cancel_one(rig: Rig, plan: Plan) -> int:
    begun = threading.Event()

    def listen(event: MeasurementEvent) -> None:
        if isinstance(event, Progress) and event.chunks:
            begun.set()

    run = Run(plan, listen)
    assert begun.wait(LONGEST_RUN_S)
    at_ns = time.monotonic_ns()
    run.cancel()
    assert [record.status for record in run.result(LONGEST_RUN_S)] == ["cancelled"]
    return at_ns


def _false_successes(rig: Rig) -> Iterator[Row]:
    lanes = [rig.lane(endpoint(fault, *way), way[1], way[0]) for fault in MATRIX for way in WAYS]
    records = _made(rig.plan(lanes, streams=8, timeouts=TIMEOUTS))
    log = {entry.endpoint: entry for entry in rig.simulator.log()}

    def whole(entry: LoggedRequest) -> bool:
        faults = set(entry.fault.split(" + ")) if entry.fault else set()
        sent = sum(chunk.tokens for chunk in entry.chunks)
        return entry.status == 200 and entry.ended == "done" and sent == TOKENS and faults <= HARMLESS

    claimed = {record.endpoint for record in records if not record.failed}
    true = {name for name, entry in log.items() if whole(entry)}
    yield Row(job=f"calls claimed ok, {len(MATRIX) - 1} faults in {len(WAYS)} ways", ours=number(len(claimed | true)),
              peer="truly whole", theirs=number(len(true)), limit=1,
              note=f"false successes: {len(claimed - true)} of {len(records)} calls {sorted(claimed - true) or ''}; "
              f"whole but not claimed: {len(true - claimed)}")  # fmt: skip


def _resident_bytes() -> int:
    """Of all measuring processes."""
    pages = [
        int(Path(f"/proc/{worker.pid}/statm").read_text(encoding="ascii").split()[1])
        for worker in instrument()._workers
    ]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def _all_at_once(rig: Rig) -> Iterator[Row]:
    calls = ALL_AT_ONCE * (round(MINUTE_S / ANSWER_S) if FULL else 1)
    plan = rig.plan([rig.lane(UNHURRIED.name)], calls, streams=ALL_AT_ONCE, timeouts=Timeouts(first_token_s=120))
    sizes: list[int] = []
    kept_now = 0

    def listen(event: MeasurementEvent) -> None:
        nonlocal kept_now
        kept_now += isinstance(event, Recorded)
        begins = isinstance(event, Progress) and not sizes
        if begins or (isinstance(event, Recorded) and kept_now % (calls // 20) == 0):
            sizes.append(_resident_bytes())

    began = time.monotonic()
    records = _made(plan, listen)
    took_s = time.monotonic() - began
    errors = _paired(rig, [record for record in records if not record.failed])
    asked = {str(entry.number) for entry in rig.requests(UNHURRIED.name)}
    kept = {record.request_id for record in records} & asked
    statuses = Counter(record.status for record in records)
    start, middle, end = sizes[0], sizes[len(sizes) // 2], sizes[-1]
    late = sum(record.late for record in records)
    job = f"{ALL_AT_ONCE} streams at once, {took_s:.0f} s"
    yield Row(job=f"{job}: calls made", ours=number(len(asked)), peer="records kept", theirs=number(len(kept)), limit=1,
              note=f"{len(records):,} records of {calls:,} calls planned: {dict(statuses)}; TTFT error "
              f"{statistics.median(errors.socket):.2f} ms, {tail(errors.socket)}; {late} read late")  # fmt: skip
    yield Row(job=f"{job}: memory at the end", ours=measure([end], unit="B"), peer="half-way",
              theirs=measure([middle], unit="B"), limit=1.1 if FULL else None, note=f"{len(instrument()._workers)} "
              f"processes together; at the start {start / 1e6:.0f} MB")  # fmt: skip

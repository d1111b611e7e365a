"""The instrument's own error, measured now and on this machine: against a simulator that says when it sent each token.

Of each call the simulator's log holds when the request had arrived and when each token left. Both clocks are the
kernel's, on one machine, so their difference is the error of the instrument alone: the network's part is real.
"""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ..errors import LlmlabError
from ..simulator import DialectName, LoggedRequest, litellm_parameters
from .events import Recorded
from .instrument import CALIBRATION, instrument
from .orders import Call, Lane, Question
from .plan import Plan
from .records import Clock, Path, StreamRecord
from .statistics import quantile

LEAST_CALLS = 24
ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far off a TTFT is, in milliseconds, with `streams` at once through `path`.

    `ttft_ms` is the median error, `ttft_p99_ms` the 99th percentile of its size (from `n` calls: where they are too few
    that is the largest, and `p99_shown` is false). `token_ms` is how late the median token is dated. `library_ms` is
    what the library adds to what an application feels. `late` of the calls were read too late to be sure.
    """

    streams: int
    path: Path
    dialect: DialectName
    n: int
    ttft_ms: float
    ttft_p99_ms: float
    p99_shown: bool
    token_ms: float
    library_ms: float | None
    late: int
    clock: Clock
    machine: str
    measured_on: date

    def __str__(self) -> str:
        """In a sentence: every table shows it."""
        size = "p99" if self.p99_shown else "at most"
        return (
            f"The instrument's own error in a TTFT, measured here at {self.streams} at once: {self.ttft_ms:+.2f} ms "
            f"median, {self.ttft_p99_ms:.2f} ms {size} (n = {self.n}, {self.measured_on})."
        )


async def calibrate(
    streams: int = 1,
    *,
    path: Path = "litellm",
    dialect: DialectName = "openai",
    environment: Mapping[str, str] | None = None,
) -> Calibration:
    """Measure the instrument, on the background loop: some dozen calls of a tenth of a second, `streams` at once."""
    simulator = await instrument().simulator()
    before = len(await asyncio.to_thread(simulator.log))
    made = _plan(streams, path, litellm_parameters(simulator.url, CALIBRATION.name, dialect))
    events = instrument().run(made, os.environ if environment is None else environment)
    records = [event.record async for event in events if isinstance(event, Recorded)]
    log = {str(entry.number): entry for entry in await asyncio.to_thread(simulator.log, after=before)}
    return _calibration([record for record in records if not record.warm_up], log, streams, path, dialect)


def _plan(streams: int, path: Path, parameters: Mapping[str, object]) -> Plan:
    count = max(LEAST_CALLS, ROUNDS * streams)
    calls = [
        Call(number=i, round=i - streams, lane=CALIBRATION.name, warm_up=i < streams) for i in range(streams + count)
    ]
    lane = Lane(name=CALIBRATION.name, parameters=parameters, path=path, simulated=True, free=True)
    question = Question(prompts=("calibrate",), max_tokens=32)
    run = f"calibration-{secrets.token_hex(4)}"
    return Plan(run=run, targets=(), lanes=(lane,), calls=tuple(calls), question=question, streams=streams)


def _calibration(
    records: Sequence[StreamRecord],
    log: Mapping[str, LoggedRequest],
    streams: int,
    path: Path,
    dialect: DialectName,
) -> Calibration:
    answered = [(record, log.get(record.request_id or "")) for record in records if not record.failed]
    pairs = [(record, entry) for record, entry in answered if entry is not None]
    errors = [error for record, entry in pairs if (error := ttft_error_ms(record, entry)) is not None]
    if not errors:
        failed = next((record.error.message for record in records if record.error), "no call was matched")
        raise LlmlabError(f"the instrument could not be calibrated: {failed}")
    tokens = [late for record, entry in pairs for late in token_errors_ms(record, entry)]
    library = [record.library_ms for record, _ in pairs if record.library_ms is not None]
    p99 = quantile([abs(error) for error in errors], 0.99)
    return Calibration(
        streams=streams,
        path=path,
        dialect=dialect,
        n=len(errors),
        ttft_ms=statistics.median(errors),
        ttft_p99_ms=p99.value if p99.enough and p99.value is not None else max(map(abs, errors)),
        p99_shown=p99.enough,
        token_ms=statistics.median(tokens) if tokens else 0.0,
        library_ms=statistics.median(library) if library else None,
        late=sum(record.late for record, _ in pairs),
        clock=pairs[0][0].clock,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        measured_on=date.today(),
    )


def ttft_error_ms(record: StreamRecord, entry: LoggedRequest) -> float | None:
    """By how much a measured TTFT is longer than what the server saw: arrival of the request to its first token."""
    first = entry.first_ns()
    if record.ttft_ms is None or first is None or entry.read_ns is None:
        return None
    return record.ttft_ms - (first - entry.read_ns) / 1e6


def token_errors_ms(record: StreamRecord, entry: LoggedRequest) -> list[float]:
    """How much later than it was sent each token-bearing chunk is dated."""
    sent = [chunk.sent_ns for chunk in entry.chunks if chunk.tokens]
    if len(sent) != len(record.chunks):
        return []
    return [(chunk.at_ns - at_ns) / 1e6 for chunk, at_ns in zip(record.chunks, sent, strict=True)]

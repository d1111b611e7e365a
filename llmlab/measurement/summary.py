"""What a run says of each endpoint, and by how much the fastest of them is ahead.

Times are those of the calls that succeeded, and how many of all that were issued did stands beside them: an endpoint
that fails when it is busy has a fine p99. Warm-ups are counted apart. A simulated call is never put together with a
measured one, nor a call through LiteLLM with one through a bare SDK.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from ..errors import LlmlabError, UnknownNameError
from .records import Clock, Path, Status, StreamRecord, UsageSource
from .statistics import Paired, Quantiles, Share, paired, quantiles, wilson

T = TypeVar("T")
# Figures that endpoints are compared by. Less is better, unless it is a rate.
METRICS = (
    "ttft_ms", "ttfo_ms", "itl_ms", "e2e_ms", "felt_ttft_ms", "from_schedule_ms",
    "decode_tokens_per_s", "overall_tokens_per_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """A service level: the most that each figure of a call may be, in milliseconds. `None`: no bound."""

    ttft_ms: float | None = None
    ttfo_ms: float | None = None
    e2e_ms: float | None = None
    itl_ms: float | None = None

    def __post_init__(self) -> None:
        for name, bound in self.bounds:
            if not (math.isfinite(bound) and bound > 0):
                raise LlmlabError(f"the service level's {name} is {bound:g}; it must be above 0, or None for no bound")

    @property
    def bounds(self) -> tuple[tuple[str, float], ...]:
        found = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return tuple((name, bound) for name, bound in found if bound is not None)

    def met_by(self, record: StreamRecord) -> bool | None:
        """Whether a call met every bound. A failed call met none; `None`: a figure is unknown and no other is over."""
        if record.failed:
            return False
        figures = [(getattr(record, name), bound) for name, bound in self.bounds]
        if any(figure is not None and figure > bound for figure, bound in figures):
            return False
        return None if any(figure is None for figure, _ in figures) else True


@dataclass(frozen=True, slots=True)
class Lane:
    """What is measured as one thing: an endpoint, by one path, simulated or not."""

    endpoint: str
    path: Path
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One lane of a run. Quantiles and medians are over the calls that succeeded, `None` where nobody knows."""

    lane: Lane
    model: str
    issued: int  # calls that count: sent, or meant to be and failed before; no warm-ups
    ok: int
    failures: tuple[tuple[Status, int], ...]  # most frequent first
    not_sent: int  # kept back by the budget or the deadline: issued by nobody
    warm_ups: int

    ttft_ms: Quantiles
    ttfo_ms: Quantiles
    itl_ms: Quantiles
    e2e_ms: Quantiles
    felt_ttft_ms: Quantiles
    from_schedule_ms: Quantiles
    decode_tokens_per_s: Quantiles
    overall_tokens_per_s: Quantiles
    library_overhead_ms: float | None  # median of what the library spent before and after, together

    median_usd: Decimal | None
    total_usd: Decimal | None  # of the issued calls whose price is known; `None`, never 0, where none is
    warm_up_usd: Decimal | None
    unpriced_calls: int  # issued calls that `total_usd` knows nothing of
    unpriced: tuple[str, ...]  # why

    billed_to_visible: float | None  # median
    usage_sources: tuple[UsageSource, ...]  # in the order seen
    clocks: tuple[Clock, ...]
    late: int  # issued calls during which the measuring loop was late
    goodput: Share | None  # of the issued calls; `None` where no service level was asked for
    unjudged: int  # calls that succeeded and were counted as misses, because a figure of the service level is unknown

    @property
    def endpoint(self) -> str:
        return self.lane.endpoint

    @property
    def simulated(self) -> bool:
        return self.lane.simulated


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """By how much `lane` is behind `fastest` in `metric`: the difference of the two, paired by round."""

    lane: Lane
    fastest: Lane
    metric: str
    paired: Paired


def summarise(records: Iterable[StreamRecord], *, slo: Slo | None = None) -> tuple[Summary, ...]:
    """A summary per endpoint (and per path, where there are several), in the order in which they first appear."""
    return tuple(_summary(lane, found, slo) for lane, found in _by_lane(records).items())


def goodput(records: Iterable[StreamRecord], slo: Slo) -> Share:
    """The share of all issued calls that met `slo`.

    Failed calls are misses, cancelled ones too: a cancel finds the slow ones. So is a call of which a figure is
    unknown (no ITL without the provider's token count). Warm-ups, and calls that were not sent, are no calls.
    """
    issued = _issued(records)
    return wilson(sum(slo.met_by(record) is True for record in issued), len(issued))


def compare(records: Iterable[StreamRecord], metric: str = "ttfo_ms") -> tuple[Comparison, ...]:
    """Each endpoint against the fastest (by median), over the rounds in which both succeeded.

    Several calls of one endpoint in a round count as their mean. Simulated endpoints are compared with simulated ones
    only. `metric` is one of `METRICS`; raises `UnknownNameError` for any other. Each interval stands alone, and the
    fastest of many was partly lucky: a difference that is barely shown is worth another run.
    """
    if metric not in METRICS:
        raise UnknownNameError("metric", metric, METRICS)
    rounds = {lane: _rounds(found, metric) for lane, found in _by_lane(records).items()}
    medians = {lane: statistics.median(found.values()) for lane, found in rounds.items() if found}
    sign = -1 if metric.endswith("_per_s") else 1
    best: dict[bool, Lane] = {}
    for lane in sorted(medians, key=lambda lane: sign * medians[lane]):
        best.setdefault(lane.simulated, lane)
    return tuple(
        _comparison(lane, fastest, metric, rounds)
        for lane in rounds
        if (fastest := best.get(lane.simulated)) is not None and lane != fastest
    )


def _comparison(lane: Lane, fastest: Lane, metric: str, rounds: dict[Lane, dict[tuple[str, int], float]]) -> Comparison:
    a, b = rounds[lane], rounds[fastest]
    both = [round_ for round_ in a if round_ in b]
    found = paired([a[round_] for round_ in both], [b[round_] for round_ in both])
    return Comparison(lane=lane, fastest=fastest, metric=metric, paired=found)


def _rounds(records: Sequence[StreamRecord], metric: str) -> dict[tuple[str, int], float]:
    """The mean of `metric` in each round of each run."""
    found: dict[tuple[str, int], list[float]] = {}
    for record in _issued(records):
        value = getattr(record, metric)
        if not record.failed and value is not None:
            found.setdefault((record.run, record.round), []).append(value)
    return {round_: statistics.fmean(values) for round_, values in found.items()}


def _by_lane(records: Iterable[StreamRecord]) -> dict[Lane, list[StreamRecord]]:
    found: dict[Lane, list[StreamRecord]] = {}
    for record in records:
        found.setdefault(Lane(record.endpoint, record.path, record.simulated), []).append(record)
    return found


def _issued(records: Iterable[StreamRecord]) -> list[StreamRecord]:
    return [record for record in records if not record.warm_up and record.status != "not_sent"]


def _summary(lane: Lane, records: Sequence[StreamRecord], slo: Slo | None) -> Summary:
    issued = _issued(records)
    ok = [record for record in issued if not record.failed]
    warm_ups = [record for record in records if record.warm_up]
    failures = Counter(record.status for record in issued if record.failed)
    return Summary(
        lane=lane,
        model=records[0].model,
        issued=len(issued),
        ok=len(ok),
        failures=tuple(failures.most_common()),
        not_sent=sum(record.status == "not_sent" for record in records if not record.warm_up),
        warm_ups=len(warm_ups),
        ttft_ms=_spread(ok, "ttft_ms"),
        ttfo_ms=_spread(ok, "ttfo_ms"),
        itl_ms=_spread(ok, "itl_ms"),
        e2e_ms=_spread(ok, "e2e_ms"),
        felt_ttft_ms=_spread(ok, "felt_ttft_ms"),
        from_schedule_ms=_spread(ok, "from_schedule_ms"),
        decode_tokens_per_s=_spread(ok, "decode_tokens_per_s"),
        overall_tokens_per_s=_spread(ok, "overall_tokens_per_s"),
        library_overhead_ms=_median(_overhead_ms(record) for record in ok),
        median_usd=_median(record.usd for record in ok),
        total_usd=_total(issued),
        warm_up_usd=_total(warm_ups),
        unpriced_calls=sum(record.usd is None for record in issued),
        unpriced=_seen(record.unpriced or None for record in issued if record.usd is None),
        billed_to_visible=_median(record.billed_to_visible for record in ok),
        usage_sources=_seen(record.usage_source for record in issued),
        clocks=_seen(record.clock for record in issued),
        late=sum(record.late for record in issued),
        goodput=None if slo is None else goodput(records, slo),
        unjudged=0 if slo is None else sum(slo.met_by(record) is None for record in ok),
    )


def _spread(records: Iterable[StreamRecord], figure: str) -> Quantiles:
    found = (getattr(record, figure) for record in records)
    return quantiles([value for value in found if value is not None])


def _total(records: Iterable[StreamRecord]) -> Decimal | None:
    known = [record.usd for record in records if record.usd is not None]
    return sum(known, Decimal(0)) if known else None


def _overhead_ms(record: StreamRecord) -> float | None:
    before, after = record.library_before_ms, record.library_after_ms
    return None if before is None or after is None else before + after


def _median(values: Iterable[T | None]) -> T | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None  # type: ignore[type-var]  # floats or decimals


def _seen(values: Iterable[T | None]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))

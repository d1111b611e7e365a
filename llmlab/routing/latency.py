"""How long an endpoint takes as a bound needs it: seconds at a percentile, NaN where nobody says.

`cost.speed` gives medians. What a simulator answered says nothing about anybody's servers and meets no bound.
"""

from __future__ import annotations

import math
from decimal import Decimal

from ..catalog.records import Endpoint
from ..cost.speed import Speed, speed
from ..cost.workload import Workload
from .constraints import Percentile

Waits = tuple[float, float]  # seconds to the first token, and to the end of the answer
UNKNOWN: Waits = (math.nan, math.nan)


def waits(endpoint: Endpoint, workload: Workload, percentile: Percentile) -> Waits:
    """Time to first token and to the end of the answer. A published range counts with its upper end; only what was
    measured has a p95."""
    if percentile == "p95":
        return _p95(endpoint, workload)
    if endpoint.measured is None and endpoint.latency is None:
        return UNKNOWN
    found: Speed = speed(endpoint, workload)
    if found.kind == "simulated":
        return UNKNOWN
    return _seconds(found.ttft_s), _seconds(found.high_s)


def _p95(endpoint: Endpoint, workload: Workload) -> Waits:
    found = endpoint.measured
    if found is None or found.simulated:
        return UNKNOWN
    total = _seconds(found.e2e_s.p95)
    if found.output_tokens is not None:
        # A longer answer takes longer by the slow end of the time per token; a shorter one is not assumed to be faster.
        longer = workload.output_tokens + workload.reasoning_tokens - found.output_tokens
        if longer > 0:
            total += longer * _seconds(found.itl_s.p95 if found.itl_s else None)
    return _seconds(found.ttft_s.p95), total


def _seconds(value: Decimal | None) -> float:
    return math.nan if value is None else float(value)

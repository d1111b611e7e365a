"""What is known of an endpoint's speed on this workload: seconds, and on what that rests.

A latency measured from one's own machine goes before a prior, which is what somebody published and not what you would
measure; a simulated one stands in only where there is neither. A measured p50 is moved to the length of the workload's
answer by the measured time per token. A prior that gives a p50 for a whole answer is quoted as it stands; where it
gives a first token and a rate, the answer's own tokens are put in. Otherwise the answer is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..catalog.records import Endpoint, Latency, MeasuredLatency
from .workload import Workload

SpeedKind = Literal["prior", "measured", "simulated"]


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds, `None` where nobody says. `low_s` and `high_s` bound the p50 of a whole answer; `basis` says on what.

    `ttft_is` keeps a publisher's "under" apart, `kind` what was published, measured and simulated.
    """

    ttft_s: Decimal | None = None
    low_s: Decimal | None = None
    high_s: Decimal | None = None
    basis: str = "unknown"
    ttft_is: Literal["about", "under"] = "about"
    kind: SpeedKind = "prior"

    @property
    def total_s(self) -> Decimal | None:
        """The middle of the range, for charts that need one number."""
        return None if self.low_s is None or self.high_s is None else (self.low_s + self.high_s) / 2


def speed(endpoint: Endpoint, workload: Workload) -> Speed:
    """How fast `endpoint` answers one request of `workload`, as far as was measured or published."""
    measured, prior = endpoint.measured, endpoint.latency
    tokens = workload.output_tokens + workload.reasoning_tokens
    if measured is not None and (prior is None or not measured.simulated):
        return _measured(measured, tokens)
    return Speed() if prior is None else _published(prior, tokens)


def _measured(found: MeasuredLatency, tokens: int) -> Speed:
    total, basis = found.e2e_s.p50, _who(found)
    if found.itl_s is not None and found.output_tokens is not None and tokens != found.output_tokens:
        # An answer cannot be over before it has begun, however short the workload says it is.
        total = max(found.ttft_s.p50, total + (tokens - found.output_tokens) * found.itl_s.p50)
        basis += f", moved from {found.output_tokens:,} to {tokens:,} output tokens by the measured ITL"
    return Speed(found.ttft_s.p50, total, total, basis, kind="simulated" if found.simulated else "measured")


def _who(found: MeasuredLatency) -> str:
    how = "SIMULATED, measured" if found.simulated else "measured"
    place = f", {found.region}" if found.region else ""
    timed = ", chunk-timed" if found.chunk_timed else ""
    return f"{how} here on {found.measured_on}, n={found.e2e_s.n}, p50{place}{timed}"


def _published(prior: Latency, tokens: int) -> Speed:
    source = f"{prior.evidence.source}, {prior.evidence.checked_on}"
    if prior.p50_total_s is not None:
        low, high = prior.p50_total_s
        basis = f"p50 of {prior.measured_on or 'an unstated request'} ({source})"
        return Speed(prior.ttft_s, low, high, basis, prior.ttft_is)
    if prior.ttft_s is not None and prior.output_tokens_per_s is not None:
        total = prior.ttft_s + tokens / prior.output_tokens_per_s
        basis = f"first token + {tokens:,} tokens at the published rate ({source})"
        return Speed(prior.ttft_s, total, total, basis, prior.ttft_is)
    return Speed(prior.ttft_s, basis=source, ttft_is=prior.ttft_is)

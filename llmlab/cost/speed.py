"""What a latency prior says about this workload: seconds, and on what that rests.

A prior is what somebody published, not what you would measure. Where one gives a p50 for a whole answer it is quoted
as it stands; where it gives a first token and a rate, the answer's own tokens are put in. Otherwise the answer is
unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ..catalog.records import Endpoint
from .workload import Workload


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds, `None` where nobody says. `low_s` and `high_s` bound the p50 of a whole answer; `basis` says on what."""

    ttft_s: Decimal | None = None
    low_s: Decimal | None = None
    high_s: Decimal | None = None
    basis: str = "unknown"

    @property
    def total_s(self) -> Decimal | None:
        """The middle of the range, for charts that need one number."""
        return None if self.low_s is None or self.high_s is None else (self.low_s + self.high_s) / 2


def speed(endpoint: Endpoint, workload: Workload) -> Speed:
    """How fast `endpoint` answers one request of `workload`, as far as its prior says."""
    prior = endpoint.latency
    if prior is None:
        return Speed()
    source = f"{prior.evidence.source}, {prior.evidence.checked_on}"
    if prior.p50_total_s is not None:
        low, high = prior.p50_total_s
        return Speed(prior.ttft_s, low, high, f"p50 of {prior.measured_on or 'an unstated request'} ({source})")
    if prior.ttft_s is not None and prior.output_tokens_per_s is not None:
        tokens = workload.output_tokens + workload.reasoning_tokens
        total = prior.ttft_s + tokens / prior.output_tokens_per_s
        return Speed(prior.ttft_s, total, total, f"first token + {tokens:,} tokens at the published rate ({source})")
    return Speed(prior.ttft_s, basis=source)

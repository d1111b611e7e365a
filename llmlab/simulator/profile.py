"""When each token is sent: a latency profile, and the schedule that a seed draws from it.

Terms as in `measurement/`: **TTFT** is the time from the request to the first generated token, whatever it is
(reasoning, answer or tool arguments); **ITL** is the time from one token to the next. A schedule counts seconds from
the moment the server has read the request. The same profile, seed, endpoint and request number give the same schedule.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from ..catalog.records import Latency
from ..errors import LlmlabError

ASSUMED_TOKENS_PER_S = 50.0  # where a prior gives a first token and no rate
ASSUMED_TTFT_SHARE = 0.15  # of the whole answer's time, where a prior gives no first token
SHORTEST_CHUNK_GAP_S = 0.005  # hosts faster than a token per 5 ms put several into a chunk


@dataclass(frozen=True, slots=True)
class Burst:
    """Tokens that become ready together: `at_s` seconds after the request was read."""

    at_s: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """All bursts of one answer, in order."""

    bursts: tuple[Burst, ...]

    def __post_init__(self) -> None:
        times = [burst.at_s for burst in self.bursts]
        if times != sorted(times) or any(burst.tokens < 1 for burst in self.bursts) or min(times, default=0) < 0:
            raise LlmlabError(
                f"a schedule has rising times from 0 on and at least one token a burst, not {self.bursts}"
            )

    @property
    def tokens(self) -> int:
        return sum(burst.tokens for burst in self.bursts)

    def fitted(self, tokens: int) -> Schedule:
        """The same times for an answer of `tokens` tokens: cut short, or its last gap repeated."""
        bursts: list[Burst] = []
        left = tokens
        for burst in self.bursts:
            if left <= 0:
                break
            bursts.append(Burst(burst.at_s, min(burst.tokens, left)))
            left -= burst.tokens
        if left > 0 and not bursts:
            return Schedule((Burst(0.0, tokens),)) if tokens else self
        while left > 0:
            gap = bursts[-1].at_s - bursts[-2].at_s if len(bursts) > 1 else 0.0
            bursts.append(Burst(bursts[-1].at_s + gap, min(bursts[-1].tokens, left)))
            left -= bursts[-1].tokens
        return Schedule(tuple(bursts))


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most `requests` in any window of `per_s` seconds; the next is a 429 that says when to come back."""

    requests: int
    per_s: float = 60.0

    def __post_init__(self) -> None:
        if self.requests < 1 or self.per_s <= 0:
            raise LlmlabError(f"a rate limit allows at least one request in a time above 0, not {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyProfile:
    """How an endpoint's tokens are spaced. Medians; `*_jitter` is the sigma of a lognormal around them (0: none).

    `ttft_s_per_1k_input` is how much the median TTFT grows with a thousand input tokens. `chunk_tokens` is the least
    and the most that one chunk holds, drawn evenly; a chunk is sent when its last token is ready. The first chunk is
    sent at the TTFT, however many tokens it holds. `basis` says where the figures are from and what was assumed.
    """

    ttft_s: float = 0.05
    ttft_jitter: float = 0.0
    ttft_s_per_1k_input: float = 0.0
    itl_s: float = 0.005
    itl_jitter: float = 0.0
    chunk_tokens: tuple[int, int] = (1, 1)
    rate_limit: RateLimit | None = None
    basis: str = "made up"

    def __post_init__(self) -> None:
        low, high = self.chunk_tokens
        if not 1 <= low <= high:
            raise LlmlabError(f"chunk_tokens are (least, most) from 1 on, not {self.chunk_tokens}")
        figures = (self.ttft_s, self.ttft_jitter, self.ttft_s_per_1k_input, self.itl_s, self.itl_jitter)
        if not all(math.isfinite(figure) and figure >= 0 for figure in figures):
            raise LlmlabError(f"times and jitters are 0 or more, not {self}")

    def schedule(self, output_tokens: int, input_tokens: int, draw: random.Random) -> Schedule:
        """When the tokens of one answer are sent; `draw` decides the jitter and the size of each chunk."""
        at_s = (self.ttft_s + self.ttft_s_per_1k_input * input_tokens / 1000) * _spread(draw, self.ttft_jitter)
        bursts: list[Burst] = []
        left = output_tokens
        while left > 0:
            tokens = min(left, draw.randint(*self.chunk_tokens))
            if bursts:
                at_s += sum(self.itl_s * _spread(draw, self.itl_jitter) for _ in range(tokens))
            bursts.append(Burst(at_s, tokens))
            left -= tokens
        return Schedule(tuple(bursts))


def draw_for(seed: int, endpoint: str, number: int) -> random.Random:
    """The source of chance for the `number`-th request to `endpoint`: no other request can move it."""
    return random.Random(f"{seed}/{endpoint}/{number}")  # noqa: S311  chance that has to repeat, not a secret


def profile_from_latency(latency: Latency, *, output_tokens: int = 500, jitter: float = 0.2) -> LatencyProfile:
    """A profile that a published prior would be true of.

    A p50 of a whole answer is taken at the middle of its range, for `output_tokens` tokens (the seed's table: 500);
    what it leaves after the first token is spread over the others. What the prior does not say is assumed, and
    `basis` says so. Raises `LlmlabError` where it says nothing at all.
    """
    whole_s = None if latency.p50_total_s is None else float(sum(latency.p50_total_s)) / 2
    rate = None if latency.output_tokens_per_s is None else float(latency.output_tokens_per_s)
    if latency.ttft_s is None and whole_s is None and rate is None:
        raise LlmlabError(f"no latency is published in {latency.evidence.source}; give a LatencyProfile instead")
    assumed: list[str] = []
    if latency.ttft_s is not None:
        ttft_s = float(latency.ttft_s)
    elif whole_s is not None and rate is not None:
        ttft_s = max(whole_s - output_tokens / rate, 0.0)
    else:
        known_s = whole_s if whole_s is not None else output_tokens / (rate or ASSUMED_TOKENS_PER_S)
        ttft_s = known_s * ASSUMED_TTFT_SHARE
        assumed.append(f"TTFT is {ASSUMED_TTFT_SHARE:.0%} of the answer's time")
    if rate is not None:
        itl_s = 1 / rate
    elif whole_s is not None and whole_s > ttft_s:
        itl_s = (whole_s - ttft_s) / max(output_tokens - 1, 1)
    else:
        itl_s = 1 / ASSUMED_TOKENS_PER_S
        assumed.append(f"{ASSUMED_TOKENS_PER_S:.0f} tokens/s")
    most = max(1, math.ceil(SHORTEST_CHUNK_GAP_S / itl_s))
    assumed.append(f"a jitter of {jitter:g}")
    return LatencyProfile(
        ttft_s=ttft_s,
        ttft_jitter=jitter,
        itl_s=itl_s,
        itl_jitter=jitter,
        chunk_tokens=(most, most),
        basis=f"{latency.evidence.source}, {latency.evidence.checked_on}; assumed: {', '.join(assumed)}",
    )


def _spread(draw: random.Random, sigma: float) -> float:
    """A factor with median 1. Nothing is drawn without jitter, so that adding it elsewhere moves nothing here."""
    return draw.lognormvariate(0.0, sigma) if sigma else 1.0

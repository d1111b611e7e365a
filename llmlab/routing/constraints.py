"""What a design review may not give up: the constraints of a decision, in the order in which they are asked.

Residency > latency > cost per request > quality on hard requests > ecosystem. Each is hard: an endpoint of which the
fact is unknown does not meet a constraint on it. What is left at its default asks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

from ..errors import LlmlabError

TierName = Literal["cheap", "mid", "smart", "backup"]
Percentile = Literal["p50", "p95"]
HardKind = Literal["long_documents", "agent_loops", "code", "math", "vision", "video", "multilingual"]
Cloud = Literal["aws", "azure", "gcp"]
TIERS: tuple[TierName, ...] = get_args(TierName)
HARD_KINDS: tuple[HardKind, ...] = get_args(HardKind)
OWN_NETWORK = "own-network"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySla:
    """Seconds. `ttft_s` bounds the first token of a streamed answer, `total_s` the whole answer, at `percentile`.

    A prior is a median: it does not meet a bound at p95, only a measured p95 does.
    """

    ttft_s: float | None = None
    total_s: float | None = None
    percentile: Percentile = "p50"

    def __post_init__(self) -> None:
        bounds = [bound for bound in (self.ttft_s, self.total_s) if bound is not None]
        if any(bound <= 0 for bound in bounds):
            raise LlmlabError(f"a latency bound is above 0 seconds: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The hard requests: what they are, their share of all and their size; `scores` are the user's own evals.

    `hard_share` of the requests go to smart, `easy_share` to cheap, the rest, the bulk, to mid. `hard_input_tokens` and
    `hard_output_tokens` are the prompt and the answer of a hard request where they are not the workload's.
    `scores[model or endpoint id]` is 0..1; with scores, `least` says what each tier must reach and replaces buckets and
    strengths; a tier that is not in it needs nothing.
    """

    hard_kinds: tuple[HardKind, ...] = ()
    hard_share: float = 0.05
    easy_share: float = 0.0
    hard_input_tokens: int | None = None
    hard_output_tokens: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[TierName, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = [self.hard_share, self.easy_share, *self.scores.values(), *self.least.values()]
        if any(not 0 <= number <= 1 for number in numbers):
            raise LlmlabError(f"shares and scores are from 0 to 1: {self}")
        if self.hard_share + self.easy_share > 1:
            raise LlmlabError(f"hard and easy requests are more than all: {self.hard_share:g} + {self.easy_share:g}")
        if self.least and not self.scores:
            raise LlmlabError(
                "`least` says what a tier must reach in `scores`, and there are none: give your eval scores"
            )
        sizes = (self.hard_input_tokens, self.hard_output_tokens)
        if any(size is not None and size < 0 for size in sizes):
            raise LlmlabError(f"a hard request has 0 tokens or more: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecosystem:
    """What is there already. `clouds` and `vendors` restrict where a model may be called; `one_audit_surface` wants all
    tiers behind one cloud's control plane."""

    clouds: tuple[Cloud, ...] = ()
    vendors: tuple[str, ...] = ()
    one_audit_surface: bool = False
    must_fine_tune: bool = False
    open_weights_only: bool = False
    openai_compatible_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """All of them. `residency` is a scope or region (`eu`, `us`, `eu-central-1`), `own-network` for data that cannot
    leave, `None` for anywhere. `worst_case_s` bounds what a caller waits when everything that can fail has failed.
    `offline`: nobody waits for an answer. `demand_measured`: whether the load is known or hoped for."""

    residency: str | None = None
    latency: LatencySla = field(default_factory=LatencySla)
    worst_case_s: float | None = None
    max_usd_per_request: Decimal | None = None
    quality: Quality = field(default_factory=Quality)
    ecosystem: Ecosystem = field(default_factory=Ecosystem)
    offline: bool = False
    demand_measured: bool = False

    def __post_init__(self) -> None:
        if self.max_usd_per_request is not None and self.max_usd_per_request <= 0:
            raise LlmlabError(f"the ceiling per request is above $0, not {self.max_usd_per_request}")
        if self.worst_case_s is not None and self.worst_case_s <= 0:
            raise LlmlabError(f"the worst case is above 0 seconds, not {self.worst_case_s:g}")
        if self.offline and (self.latency.ttft_s or self.latency.total_s):
            raise LlmlabError("offline work has no latency bound: take away one of the two")

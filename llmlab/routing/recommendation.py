"""A recommendation: four endpoints that work together, what they cost, why these, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ..catalog.catalog import Catalog
from ..catalog.records import Endpoint
from ..cost.speed import Speed
from ..cost.workload import Workload
from .constraints import Constraints, TierName
from .loads import Load
from .walk import Walk


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChoice:
    """What a tier calls. `usd_per_request` is of one request of the tier's size, a reserved box spread over the whole
    workload; `usd_per_period` of the tier's share. `None` is unpriced. `region` is where to call it, `None` where the
    provider decides or nobody says. `window` is the longest prompt in tokens, the model's where the endpoint has none.
    """

    tier: TierName
    endpoint: Endpoint
    host: str
    vendor: str
    region: str | None
    share: float
    usd_per_request: Decimal | None
    usd_per_period: Decimal | None
    latency: Speed
    window: int | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another set: endpoint ids by tier, US dollars per period (`None`: unpriced), and the difference in words."""

    tiers: Mapping[TierName, str]
    usd_per_period: Decimal | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would alter the recommendation. `name` is the ask that is relaxed (`ttft`, `hard:code`) or the input that
    moves (`hard_share`, `cache_hit_rate`); `constraints` and `workload` are those it takes. `saves_usd` per period is
    negative where it costs more, `None` where either set is unpriced or there was none before."""

    name: str
    words: str
    constraints: Constraints
    workload: Workload
    tiers: Mapping[TierName, str]
    usd_per_period: Decimal | None
    saves_usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something to know before signing: `code` for programs, `usd` is the figure that `words` turns on."""

    code: str
    words: str
    usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Why there is no set. `asks` are the fewest that cannot be met together, each with its words; without any, the
    catalog itself has no set. `nearest` is the least that must be given up to get one, `None` where nothing helps."""

    asks: Mapping[str, str]
    words: str
    nearest: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer for `constraints` and `workload` on `catalog` as it was on `as_of`.

    `tiers` is empty and `conflict` set where the constraints cannot be met together. `fallbacks` follow on an outage,
    `context_window_fallbacks` on a prompt that is too long. `timeouts` are seconds per attempt; `worst_case_s` is what
    a caller waits when all of the longest chain has failed. `shared_host`: smart and backup fail together. `loads` is
    what each tier is sent. Dollars are expected ones, `None` where a tier is unpriced.
    """

    constraints: Constraints
    workload: Workload
    as_of: date
    catalog: Catalog = field(repr=False)
    walk: Walk = field(repr=False)
    loads: Mapping[TierName, Load]
    tiers: Mapping[TierName, TierChoice] = field(default_factory=dict)
    fallbacks: Mapping[TierName, tuple[TierName, ...]] = field(default_factory=dict)
    context_window_fallbacks: Mapping[TierName, tuple[TierName, ...]] = field(default_factory=dict)
    timeouts: Mapping[TierName, float] = field(default_factory=dict)
    num_retries: int = 0
    worst_case_s: float | None = None
    shared_host: bool = False
    usd_per_request: Decimal | None = None
    usd_per_period: Decimal | None = None
    runner_up: Alternative | None = None
    changes: tuple[Change, ...] = ()
    warnings: tuple[Caution, ...] = ()
    conflict: Conflict | None = None

    @property
    def endpoints(self) -> Mapping[TierName, str]:
        """The ids of what is recommended, by tier."""
        return {tier: choice.endpoint.id for tier, choice in self.tiers.items()}

"""What the catalog is made of: frozen records, equal by content, that hold facts and where each came from.

A **Model** is something somebody trained. An **Endpoint** is that model served by a **Provider**, in named regions,
under a residency scope, at dated prices: it is what a router can call and what a bill is written for. Units are in
the names; rates are US dollars per million tokens, kept as `Decimal` because people check them against an invoice.

What these records are not: they hold no arithmetic (that is `cost/`) and no judgement (that is `routing/`). `None`
always means that nobody said, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args

from annotated_types import Ge, Gt

Confidence = Literal["list", "starts_at", "approx", "assumed"]
Mode = Literal["standard", "batch", "flex", "priority"]
Bucket = Literal["frontier_closed", "frontier_open", "small_fast"]
Scope = Literal[
    "global",
    "us",
    "eu",
    "uk",
    "ca",
    "au",
    "jp",
    "in",
    "kr",
    "sg",
    "br",
    "cn",
    "apac",
    "us-gov",
    "own-network",
    "unknown",
]
Host = Literal["native", "bedrock", "azure", "vertex", "self_host"]
Status = Literal["live", "retiring", "retired"]
CallPath = Literal["litellm", "openai", "anthropic", "httpx"]

MODES: tuple[Mode, ...] = get_args(Mode)
SCOPES: tuple[Scope, ...] = get_args(Scope)

Rate = Annotated[Decimal, Ge(0)]
Factor = Annotated[Decimal, Gt(0)]
Count = Annotated[int, Gt(0)]
Seconds = Annotated[Decimal, Ge(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where a figure came from and how far it can be trusted.

    `source` names what was actually read (a package, its version and its row; the seed document). `see` is a page a
    reader may go to, not what was read. `starts_at` and `approx` are the publisher's own hedges ("starts at", "~").
    """

    source: str
    checked_on: date
    confidence: Confidence = "list"
    see: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens, by token class, in one processing mode and one tier.

    `cache_storage` is per million tokens *and hour*. A class left `None` is not published; `cost.billing` says what is
    billed instead (reasoning as output, a cache write as input) and every ledger line repeats it.
    """

    input: Rate | None = None
    cache_read: Rate | None = None
    cache_write_5m: Rate | None = None
    cache_write_1h: Rate | None = None
    cache_storage: Rate | None = None
    output: Rate | None = None
    reasoning: Rate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRates:
    """Rates for each processing mode that the provider sells; `None` where it does not, or nobody says."""

    standard: Rates | None = None
    batch: Rates | None = None
    flex: Rates | None = None
    priority: Rates | None = None

    def of(self, mode: Mode) -> Rates | None:
        rates: Rates | None = getattr(self, mode)
        return rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """Dearer rates for long prompts. They apply to the *whole* request, once its prompt (cached tokens included) is
    over `above` tokens, or reaches it where `boundary_included`."""

    above: Count
    rates: ModeRates
    boundary_included: bool = False

    def covers(self, prompt_tokens: float | Decimal) -> bool:
        return prompt_tokens >= self.above if self.boundary_included else prompt_tokens > self.above


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPeak:
    """Cheaper hours, as the provider states them in UTC, e.g. `16:30-00:30`. They replace the standard rates."""

    hours_utc: str
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """What an endpoint costs over a span of days: `[effective_from, effective_to)`, open where `None`."""

    rates: ModeRates = field(default_factory=ModeRates)
    tiers: tuple[Tier, ...] = ()
    off_peak: OffPeak | None = None
    per_request_usd: Rate | None = None
    reserved_usd_per_hour: Rate | None = None  # a GPU box or committed units: paid whether used or not
    effective_from: date | None = None
    effective_to: date | None = None
    evidence: Evidence
    note: str | None = None

    def __post_init__(self) -> None:
        order = [(tier.above, not tier.boundary_included) for tier in self.tiers]
        if order != sorted(set(order)):
            raise ValueError(f"tiers out of order: {[tier.above for tier in self.tiers]}; write them by rising `above`")
        if self.effective_from and self.effective_to and self.effective_from >= self.effective_to:
            raise ValueError(f"effective_to {self.effective_to} must be after effective_from {self.effective_from}")

    def in_force(self, day: date) -> bool:
        return (self.effective_from is None or self.effective_from <= day) and (
            self.effective_to is None or day < self.effective_to
        )

    @property
    def priced(self) -> bool:
        """Whether a request can be billed at all: both directions of tokens, or a reserved box."""
        standard = self.rates.standard
        by_token = standard is not None and standard.input is not None and standard.output is not None
        return by_token or self.reserved_usd_per_hour is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Residency:
    """Where the provider says data is processed. `unknown` where nobody says: under a hard constraint that excludes."""

    scope: Scope = "unknown"
    processed_in: tuple[str, ...] = ()  # every region a request may be sent to, where published
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A prior for how fast an endpoint answers, as somebody published it; a `MeasuredLatency` of your own goes first.

    `p50_total_s` is a (low, high) range for a non-streaming answer to the request described in `measured_on`.
    `ttft_s` is seconds to the first token; `ttft_is` keeps "around" and "under" apart.
    """

    ttft_s: Factor | None = None
    ttft_is: Literal["about", "under"] = "about"
    p50_total_s: tuple[Factor, Factor] | None = None
    output_tokens_per_s: Factor | None = None
    measured_on: str | None = None
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Seconds that half, or 90, 95 or 99 in a hundred, of `n` calls stayed within. A tail that so few calls say nothing
    about is `None`, not a guess."""

    n: Count
    p50: Seconds
    p90: Seconds | None = None
    p95: Seconds | None = None
    p99: Seconds | None = None

    def __post_init__(self) -> None:
        known = [s for s in (self.p50, self.p90, self.p95, self.p99) if s is not None]
        if known != sorted(known):
            raise ValueError(f"percentiles cannot fall: {', '.join(f'{s:f}' for s in known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentError:
    """How far off the instrument's TTFT was against a known schedule, in milliseconds, over `n` calls: `median_ms` is
    the median (negative is early), `p99_ms` the 99th percentile of its size, or the largest where n is too small."""

    median_ms: Decimal
    p99_ms: Annotated[Decimal, Ge(0)]
    n: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLatency:
    """How fast an endpoint answered when it was measured from one's own machine: preferred to a `Latency` prior.

    Seconds from the last byte of the request: to the first generated token (`ttft_s`), to the first one of the answer
    (`ttfo_s`), to the last one (`e2e_s`); `itl_s` is from one token to the next. `n` calls succeeded; a figure that not
    all of them gave has an `n` of its own. `input_tokens` and `output_tokens` (with reasoning) are medians. `region`
    and `machine` say from where, in words. `chunk_timed`: some calls were timed when the library handed a chunk over,
    not when its bytes arrived. `simulated`: a simulator answered, nobody's servers were measured.
    """

    measured_on: date
    simulated: bool
    n: Count
    ttft_s: Percentiles
    ttfo_s: Percentiles | None = None
    itl_s: Percentiles | None = None
    e2e_s: Percentiles
    input_tokens: Annotated[int, Ge(0)] | None = None
    output_tokens: Annotated[int, Ge(0)] | None = None
    path: CallPath
    chunk_timed: bool = False
    region: str | None = None
    machine: str | None = None
    instrument_error: InstrumentError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """How many tokens this model's tokenizer makes of a text that is one token to OpenAI's `o200k_base`."""

    factor: Factor
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Something somebody trained. `cutoff` and `strengths` are the publisher's or the seed's words."""

    id: str
    name: str
    maker: str
    bucket: Bucket | None = None
    context_tokens: Count | None = None
    max_output_tokens: Count | None = None
    cutoff: str | None = None
    strengths: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    hosting: tuple[str, ...] = ()
    open_weights: bool | None = None
    tokenizer: Tokenizer | None = None
    evidence: Evidence
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who answers the call. `host` is the column of the hosting matrix that the provider stands in."""

    id: str
    name: str
    host: Host = "native"
    see: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A model served by a provider: what a router calls and a bill is written for.

    `task` is what it makes; bulk sources also list `embedding`, `image_generation` and others, whose token prices say
    nothing about a text workload. `rows` points at the rows of the bulk sources that describe this very endpoint
    (`{"litellm": "gpt-5"}`), so that `lint` can say when they move. `uplifts` are factors on every token rate when
    the request must stay in a region (`{"eu": 1.1}`; `*` stands for any named region); the endpoint's own residency
    scope counts as asked for. `retires_on` of an alias is that of its newest dated snapshot. `formerly` lists ids it
    had in older snapshots.
    """

    id: str
    model: str
    provider: str
    task: str = "text"
    litellm_model: str | None = None
    regions: tuple[str, ...] = ()
    residency: Residency = field(default_factory=Residency)
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    min_cache_tokens: Annotated[int, Ge(0)] | None = None
    prices: tuple[PriceList, ...] = ()
    uplifts: Mapping[str, Factor] = field(default_factory=dict)
    latency: Latency | None = None
    measured: MeasuredLatency | None = None
    retires_on: date | None = None
    successor: str | None = None
    formerly: tuple[str, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None

    def price_on(self, day: date) -> PriceList | None:
        """The price list in force on `day`, the one that began last where several are; `None` if there is none."""
        now = [p for p in self.prices if p.in_force(day)]
        return max(now, key=lambda p: p.effective_from or date.min) if now else None

    def status(self, as_of: date, notice_days: int = 90) -> Status:
        """`retired` on or after its date, `retiring` within `notice_days` of it."""
        if self.retires_on is None:
            return "live"
        left = (self.retires_on - as_of).days
        return "retired" if left <= 0 else "retiring" if left <= notice_days else "live"

    def serves(self, region: str) -> bool:
        """Whether it is known to process requests in `region`: by its scope, its regions, or a price for staying
        there."""
        return region in (self.residency.scope, *self.regions) or region in self.uplifts

    def uplift(self, region: str | None) -> Decimal:
        """The factor on token rates for a request that must be processed in `region` (`None`: the endpoint's own)."""
        asked = region or self.residency.scope
        if asked in self.uplifts:
            return self.uplifts[asked]
        area = asked.split("-")[0]  # eu-central-1 is in eu
        if area in self.uplifts:
            return self.uplifts[area]
        named = asked not in ("global", "unknown")
        return self.uplifts["*"] if named and "*" in self.uplifts else Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingRow:
    """A row of a published hosting matrix, in its own words: family, then one cell per host."""

    family: str
    models: tuple[str, ...] = ()
    native: str
    bedrock: str
    azure: str
    vertex: str
    self_host: str

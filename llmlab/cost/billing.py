"""The rules of a bill: which rate applies to which tokens, and what applies where the provider publishes none.

Both arithmetics stand on this module: `ledger` quotes its rules line by line, `grid` compiles them into arrays. The
rules:

1. **Tier.** The tier is chosen by one request's whole prompt, cached tokens included, and applies to all its classes.
2. **Mode.** Batch and flex are for work that can wait: an endpoint that sells neither bills it at standard. Priority is
   something one buys: an endpoint that does not sell it is unpriced in that mode.
3. **Missing classes.** In a tier or mode, a class without a rate takes the tier's standard rate, then that of the mode,
   then the standard one: never a discount that nobody published. Reasoning is billed as output, a cache write as input.
   A cached token is never dearer than an uncached one of the same mode.
4. **Caching.** A prefix below the endpoint's minimum never caches, and where no cache read is priced nothing does:
   all of it is input. Requests that miss write the prefix and pay the write rate of the TTL.
5. **Off-peak** rates apply to the share of standard traffic that is sent in those hours, and only below the first tier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..catalog.records import Endpoint, Mode, PriceList, Rates, Tier
from .workload import CacheTtl, Workload


def price_list(endpoint: Endpoint, day: date) -> PriceList | None:
    """The prices that bill a text workload on `day`; `None` too for an endpoint that makes something else."""
    return endpoint.price_on(day) if endpoint.task == "text" else None


@dataclass(frozen=True, slots=True)
class Term:
    """A rate in US dollars per million tokens, before any uplift, and the rule that chose it."""

    rate: Decimal
    rule: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What each token class costs in one mode and tier. `cache_read` is `None` where nothing can be cached."""

    input: Term
    cache_read: Term | None
    cache_write: Term
    output: Term
    reasoning: Term


@dataclass(frozen=True, slots=True)
class Shipment:
    """A share of the traffic that is sent one way: a mode, at peak hours or off them."""

    share: Decimal
    mode: Mode
    off_peak: bool = False

    @property
    def name(self) -> str:
        return "off-peak" if self.off_peak else self.mode


def shipments(workload: Workload, price: PriceList) -> Iterator[Shipment]:
    """How the workload's traffic splits over the modes that this price list sells. The shares sum to 1."""
    batch = exactly(workload.batch_share)
    if batch:
        yield Shipment(batch, "batch")
    rest = 1 - batch
    cheap = rest * exactly(workload.off_peak_share) if price.off_peak and workload.mode == "standard" else Decimal(0)
    if cheap:
        yield Shipment(cheap, "standard", off_peak=True)
    if rest - cheap:
        yield Shipment(rest - cheap, workload.mode)


def terms(
    price: PriceList, mode: Mode, prompt_tokens: Decimal | float, ttl: CacheTtl, *, off_peak: bool = False
) -> Terms | None:
    """The rates of one request with a prompt of `prompt_tokens`; `None` where the endpoint has no price for it."""
    tier = tier_for(price, prompt_tokens)
    base = price.rates
    if not bills_tokens(price) or (mode == "priority" and base.priority is None):
        return None
    chain: list[tuple[str, Rates | None]] = []
    if off_peak and price.off_peak and tier is None:
        chain.append((f"off-peak {price.off_peak.hours_utc} UTC", price.off_peak.rates))
    if tier is not None:
        over = f"prompt {'at least' if tier.boundary_included else 'over'} {tier.above:,}"
        chain += [(f"{mode}, {over}", tier.rates.of(mode)), (f"standard, {over}", tier.rates.standard)]
    chain += [(mode, base.of(mode)), ("standard", base.standard)]
    sold = mode if base.of(mode) is not None else "standard"
    finder = _Finder(chain, f"no {mode} price published: " if sold != mode else "")

    into, out = finder.find("input"), finder.find("output")
    if into is None or out is None:
        return None
    read = finder.find("cache_read")
    if read is not None and read.rate > into.rate:
        read = Term(into.rate, f"{read.rule}, capped at the input rate")
    write = finder.find("cache_write_1h" if ttl == "1h" else "cache_write_5m")
    if write is None and ttl == "1h" and (short := finder.find("cache_write_5m")):
        write = Term(short.rate, f"{short.rule} (no 1h price published)")
    return Terms(
        input=into,
        cache_read=read,
        cache_write=write or Term(into.rate, f"{into.rule} (no write premium published)"),
        output=out,
        reasoning=finder.find("reasoning") or Term(out.rate, f"{out.rule} (billed as output)"),
    )


def bills_tokens(price: PriceList) -> bool:
    """Whether this price list bills tokens at all: a reserved box usually does not."""
    standard = price.rates.standard
    return standard is not None and (standard.input is not None or standard.output is not None)


@dataclass(frozen=True, slots=True)
class _Finder:
    chain: list[tuple[str, Rates | None]]
    caveat: str

    def find(self, token_class: str) -> Term | None:
        wanted = ""
        for name, rates in self.chain:
            rate: Decimal | None = getattr(rates, token_class) if rates is not None else None
            if rate is not None:
                return Term(rate, f"{self.caveat or wanted}{name} {token_class.replace('_', ' ')}")
            if rates is not None and not wanted:
                wanted = f"none published for {name}: "
        return None


def tier_for(price: PriceList, prompt_tokens: Decimal | float) -> Tier | None:
    """The highest tier that covers the prompt, `None` for the base rates."""
    covering = [tier for tier in price.tiers if tier.covers(prompt_tokens)]
    return covering[-1] if covering else None


@dataclass(frozen=True, slots=True)
class Request:
    """The tokens of one request by class, averaged over hits and misses. They sum to the prompt and the answer."""

    input: Decimal
    cache_read: Decimal
    cache_write: Decimal
    output: Decimal
    reasoning: Decimal


def request(endpoint: Endpoint, workload: Workload, scale: Decimal, *, cacheable: bool) -> Request:
    """One request as this endpoint counts it. `scale` is its tokenizer factor (1 unless `same_text`), `cacheable`
    whether a cache read has a price at all."""
    prompt, prefix = workload.input_tokens * scale, workload.prefix_tokens * scale
    hit = exactly(workload.cache_hit_rate)
    cached = prefix if cacheable and caches(endpoint, workload, scale) else Decimal(0)
    return Request(
        input=prompt - cached,
        cache_read=cached * hit,
        cache_write=cached * (1 - hit),
        output=workload.output_tokens * scale,
        reasoning=workload.reasoning_tokens * scale,
    )


def caches(endpoint: Endpoint, workload: Workload, scale: Decimal = Decimal(1)) -> bool:
    """Whether the prefix is long enough to be cached here, if caching is used at all."""
    return workload.cache_hit_rate > 0 and workload.prefix_tokens * scale >= (endpoint.min_cache_tokens or 0)


def exactly(value: float) -> Decimal:
    """0.1 as people write it, not as binary holds it."""
    return Decimal(str(value))

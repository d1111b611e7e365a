"""What one call costs, from the tokens that the provider reported; and the most that it can cost, before it is made.

The rules are those of every bill (`billing`), with what a report knows better than a forecast: what was cached is what
the provider says was cached, whatever the endpoint's minimum; where no cache read is priced it is billed as input.
Rates are those at a provider's dear hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..catalog.records import Endpoint, Mode, PriceList
from ..errors import WorkloadError
from .billing import Term, Terms, price_list, terms
from .ledger import MILLION, Line, unpriced_reason
from .workload import CACHE_TTLS, CacheTtl, Workload

_BY_THE_MONTH = Workload(period="month")  # a period in which everything that has a price can be billed


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCounts:
    """Tokens of one call as reported. `input` is the whole prompt, with what was read from (`cache_read`) and written
    to (`cache_write`) a cache; `output` is all that was generated, with the `reasoning`. Raises `WorkloadError` for
    counts that cannot be."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
            _check_count(name, getattr(self, name))
        if self.cache_read + self.cache_write > self.input:
            raise WorkloadError(
                f"cache_read {self.cache_read:,} and cache_write {self.cache_write:,} are more than the prompt that "
                f"they are part of (input {self.input:,}); input counts cached tokens too"
            )
        if self.reasoning > self.output:
            raise WorkloadError(
                f"reasoning {self.reasoning:,} is more than the output that it is part of ({self.output:,}); "
                "output counts reasoning tokens too"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPrice:
    """What one call costs, line by line. `usd` is `None` where it has no price, and `unpriced` then says why."""

    usd: Decimal | None
    unpriced: str = ""
    lines: tuple[Line, ...] = ()


def price_call(
    endpoint: Endpoint,
    counts: TokenCounts,
    as_of: date,
    *,
    region: str | None = None,
    mode: Mode = "standard",
    cache_ttl: CacheTtl = "5m",
) -> CallPrice:
    """The bill of one call to `endpoint` that used `counts`, at the prices in force on `as_of`.

    `region` is where it had to be processed, `cache_ttl` how long what it wrote to a cache is kept.
    """
    price = price_list(endpoint, as_of)
    reason = _why_unpriced(endpoint, price)
    if price is None or reason:
        return CallPrice(usd=None, unpriced=reason)
    found = terms(price, mode, counts.input, cache_ttl)
    if found is None:
        return CallPrice(usd=None, unpriced=f"no {mode} price published")
    lines = tuple(_lines(price, found, counts, endpoint.uplift(region), mode))
    return CallPrice(usd=sum((line.usd for line in lines), Decimal(0)), lines=lines)


def ceiling(
    endpoint: Endpoint,
    input_tokens: int,
    max_tokens: int,
    as_of: date,
    *,
    region: str | None = None,
    mode: Mode = "standard",
) -> Decimal | None:
    """The most US dollars that one call can cost with at most `input_tokens` of prompt and `max_tokens` generated, be
    they cached, visible or hidden; `None` where it has no price."""
    _check_count("input_tokens", input_tokens)
    _check_count("max_tokens", max_tokens)
    price = price_list(endpoint, as_of)
    if price is None or _why_unpriced(endpoint, price):
        return None
    uplift, fee = endpoint.uplift(region), price.per_request_usd or Decimal(0)
    most = Decimal(0)
    for prompt in _longest_prompts(price, input_tokens):
        for ttl in CACHE_TTLS:
            found = terms(price, mode, prompt, ttl)
            if found is None:
                return None
            dear_in = max(found.input.rate, found.cache_write.rate)  # a cache read never is over the input rate
            dear_out = max(found.output.rate, found.reasoning.rate)
            most = max(most, (prompt * dear_in + max_tokens * dear_out) * uplift / MILLION + fee)
    return most


def _longest_prompts(price: PriceList, input_tokens: int) -> Iterator[int]:
    """The longest prompt in each tier up to that of `input_tokens`: nothing makes the highest tier the dearest."""
    yield input_tokens
    for tier in price.tiers:
        if tier.covers(input_tokens):
            yield tier.above - 1 if tier.boundary_included else tier.above


def _why_unpriced(endpoint: Endpoint, price: PriceList | None) -> str:
    if reason := unpriced_reason(endpoint, price, _BY_THE_MONTH):
        return reason
    if price is not None and price.reserved_usd_per_hour is not None:
        return "paid by the hour: a single call has no price of its own"
    return ""


def _lines(price: PriceList, found: Terms, counts: TokenCounts, uplift: Decimal, mode: Mode) -> Iterator[Line]:
    read = found.cache_read or Term(found.input.rate, f"{found.input.rule} (no cache read price published)")
    billed = (
        ("input", counts.input - counts.cache_read - counts.cache_write, found.input),
        ("cache_read", counts.cache_read, read),
        ("cache_write", counts.cache_write, found.cache_write),
        ("output", counts.output - counts.reasoning, found.output),
        ("reasoning", counts.reasoning, found.reasoning),
    )
    raised = "" if uplift == 1 else f"; x {uplift.normalize():f} regional uplift"
    for token_class, tokens, term in billed:
        if tokens:
            usd = tokens * term.rate * uplift / MILLION
            rule = term.rule + raised
            yield _line(price, token_class, mode, tokens, "tokens", term.rate, "1M tokens", uplift, usd, rule)
    if (fee := price.per_request_usd) is not None:
        yield _line(price, "fees", "standard", 1, "requests", fee, "request", Decimal(1), fee, "fee per request")


def _line(
    price: PriceList, token_class: str, sent: str, quantity: int, unit: str, rate: Decimal, per: str, uplift: Decimal,
    usd: Decimal, rule: str,
) -> Line:  # fmt: skip
    return Line(
        token_class=token_class,
        sent=sent,
        quantity=Decimal(quantity),
        unit=unit,
        rate=rate,
        per=per,
        uplift=uplift,
        usd=usd,
        rule=rule,
        source=price.evidence.source,
        checked_on=price.evidence.checked_on,
        confidence=price.evidence.confidence,
    )


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WorkloadError(f"{name} is {value!r}; a count of tokens is a whole number from 0 on")

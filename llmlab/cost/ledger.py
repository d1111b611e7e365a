"""An itemised bill for one endpoint, in exact decimals, that explains every line of itself.

Each line says tokens x rate x rule = dollars, with the source of the rate and the day it was checked. An endpoint
without a price gives a ledger without a total and with the reason: "unpriced" is a state, never $0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from ..catalog.catalog import Catalog
from ..catalog.records import Confidence, Endpoint, PriceList
from ..errors import UnpricedError
from .billing import Shipment, Terms, bills_tokens, exactly, price_list, request, shipments, terms
from .workload import HOURS, Workload

MILLION = Decimal(1_000_000)
INPUT_SIDE = ("input", "cache_read", "cache_write", "cache_storage")
OUTPUT_SIDE = ("output", "reasoning")
CLASSES = (*INPUT_SIDE, *OUTPUT_SIDE, "fees", "reservation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a bill: `quantity` (in `unit`) x `rate` (US dollars per `per`) x `uplift` = `usd`.

    `token_class` is one of `CLASSES`. `sent` is how: standard, batch, flex, priority or off-peak.
    """

    token_class: str
    sent: str
    quantity: Decimal
    unit: str
    rate: Decimal
    per: str
    uplift: Decimal
    usd: Decimal
    rule: str
    source: str
    checked_on: date
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A bill for one workload on one endpoint over one period. `unpriced` says why there is no total."""

    endpoint: str
    workload: Workload
    as_of: date
    lines: tuple[Line, ...] = ()
    unpriced: str | None = None

    @property
    def total_usd(self) -> Decimal | None:
        """US dollars per period; `None` when unpriced."""
        return None if self.unpriced else sum((line.usd for line in self.lines), Decimal(0))

    @property
    def usd_per_request(self) -> Decimal | None:
        total = self.total_usd
        return None if total is None else total / self.workload.requests

    def usd(self, *token_classes: str) -> Decimal:
        """The dollars of some classes together; raises `UnpricedError` where there are none to add."""
        if self.unpriced:
            raise UnpricedError(f"{self.endpoint}: {self.unpriced}")
        return sum((line.usd for line in self.lines if line.token_class in token_classes), Decimal(0))


def ledger(endpoint: Endpoint, workload: Workload, catalog: Catalog, *, as_of: date | None = None) -> Ledger:
    """The bill of `workload` on `endpoint` at the prices in force on `as_of` (today unless said).

    `catalog` is where the endpoint's model, and so its tokenizer, is looked up.
    """
    day = as_of or date.today()
    price = price_list(endpoint, day)
    scale, reason = tokenizer_scale(endpoint, workload, catalog)
    reason = reason or unpriced_reason(endpoint, price, workload)
    lines: list[Line] = []
    if price is not None and not reason:
        for shipment in shipments(workload, price):
            prompt, ttl = workload.input_tokens * scale, workload.cache_ttl
            found = terms(price, shipment.mode, prompt, ttl, off_peak=shipment.off_peak)
            if found is not None:
                told = _scale_text(endpoint, workload, catalog)
                lines += _token_lines(endpoint, price, workload, shipment, scale, found, told)
            elif bills_tokens(price):
                reason = f"no {shipment.mode} price published"
        lines += _other_lines(endpoint, price, workload, scale)
    if reason:
        return Ledger(endpoint=endpoint.id, workload=workload, as_of=day, unpriced=reason)
    return Ledger(endpoint=endpoint.id, workload=workload, as_of=day, lines=tuple(lines))


def unpriced_reason(endpoint: Endpoint, price: PriceList | None, workload: Workload) -> str | None:
    """Why this price list cannot bill this workload; `None` where it can, or where only the mode is missing."""
    if endpoint.task != "text":
        return f"not a text endpoint: {endpoint.task.replace('_', ' ')}"
    if price is None:
        return "no price in force on this day" if endpoint.prices else "no price published"
    if not price.priced:
        return "no price published"
    if price.reserved_usd_per_hour is not None and HOURS[workload.period] is None:
        return "paid by the hour: choose the period day or month"
    return None


def tokenizer_scale(endpoint: Endpoint, workload: Workload, catalog: Catalog) -> tuple[Decimal, str | None]:
    """The factor on token counts and, where `same_text` asks for one that nobody measured, why there is none."""
    if not workload.same_text:
        return Decimal(1), None
    tokenizer = catalog.model(endpoint.model).tokenizer
    return (tokenizer.factor, None) if tokenizer else (Decimal(1), "no tokenizer factor known for this model")


def _scale_text(endpoint: Endpoint, workload: Workload, catalog: Catalog) -> str:
    tokenizer = catalog.model(endpoint.model).tokenizer
    if not workload.same_text or tokenizer is None or tokenizer.factor == 1:
        return ""
    said = tokenizer.evidence
    return f"x {tokenizer.factor.normalize():f} tokens for the same text ({said.source}, {said.checked_on})"


def _token_lines(
    endpoint: Endpoint,
    price: PriceList,
    workload: Workload,
    shipment: Shipment,
    scale: Decimal,
    found: Terms,
    scaled: str,
) -> Iterator[Line]:
    attempts = workload.requests * (1 + exactly(workload.retry_rate)) * shipment.share
    one = request(endpoint, workload, scale, cacheable=found.cache_read is not None)
    uplift = endpoint.uplift(workload.region)
    told = [text for text in (_uplift_text(uplift), _retry_text(workload), scaled) if text]
    for token_class in ("input", "cache_read", "cache_write", *OUTPUT_SIDE):
        tokens = getattr(one, token_class) * attempts
        term = getattr(found, token_class)
        if not tokens:
            continue
        rule = [term.rule, *told]
        if token_class == "input" and workload.cache_hit_rate and not one.cache_read:
            rule.append(_why_not_cached(endpoint, found.cache_read is not None))
        yield _line(
            price,
            token_class,
            shipment.name,
            tokens,
            "tokens",
            term.rate,
            "1M tokens",
            "; ".join(rule),
            uplift,
            MILLION,
        )


def _other_lines(endpoint: Endpoint, price: PriceList, workload: Workload, scale: Decimal) -> Iterator[Line]:
    standard = price.rates.standard
    storage = standard.cache_storage if standard else None
    hours = exactly(workload.cache_storage_hours)
    held = workload.prefix_tokens * scale * hours
    if storage is not None and held:
        yield _line(
            price, "cache_storage", "standard", held, "token-hours", storage, "1M tokens and hour",
            f"one prefix held for {hours.normalize():,f} h", endpoint.uplift(workload.region), MILLION,
        )  # fmt: skip
    attempts = workload.requests * (1 + exactly(workload.retry_rate))
    if price.per_request_usd is not None:
        rule = "; ".join(["fee per request", *filter(None, [_retry_text(workload)])])
        yield _line(price, "fees", "standard", attempts, "requests", price.per_request_usd, "request", rule)
    period_hours = HOURS[workload.period]
    if price.reserved_usd_per_hour is not None and period_hours is not None:
        yield _line(
            price, "reservation", "standard", period_hours, "hours", price.reserved_usd_per_hour, "hour",
            "reserved, paid whether used or not; whether it can carry the load is not checked here",
        )  # fmt: skip


def _line(
    price: PriceList, token_class: str, sent: str, quantity: Decimal, unit: str, rate: Decimal, per: str, rule: str,
    uplift: Decimal = Decimal(1), divisor: Decimal = Decimal(1),
) -> Line:  # fmt: skip
    return Line(
        token_class=token_class,
        sent=sent,
        quantity=quantity,
        unit=unit,
        rate=rate,
        per=per,
        uplift=uplift,
        usd=quantity * rate * uplift / divisor,
        rule=rule,
        source=price.evidence.source,
        checked_on=price.evidence.checked_on,
        confidence=price.evidence.confidence,
    )


def _uplift_text(uplift: Decimal) -> str:
    return "" if uplift == 1 else f"x {uplift.normalize():f} regional uplift"


def _retry_text(workload: Workload) -> str:
    return f"with {workload.retry_rate * 100:.4g} % billed retries" if workload.retry_rate else ""


def _why_not_cached(endpoint: Endpoint, priced: bool) -> str:
    if not priced:
        return "not cached: no cache read price published"
    if not endpoint.min_cache_tokens:
        return "not cached: there is no cacheable prefix"
    return f"not cached: the prefix is below the minimum of {endpoint.min_cache_tokens or 0:,} tokens"

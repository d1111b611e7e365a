"""The rules again, one endpoint and one set at a time, in plain Python: what the arrays are checked against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from llmlab.catalog import Catalog, Endpoint
from llmlab.cost import Workload, ledger, speed
from llmlab.routing import Constraints
from llmlab.routing.constraints import TIERS, TierName
from llmlab.routing.knowledge import meets_kind, vendor

from .made import DAY

Set_ = Mapping[TierName, Endpoint]
Bills = Mapping[tuple[TierName, str], tuple[float, float] | None]
FRONTIER = ("frontier_closed", "frontier_open")
CLOUDS = {"bedrock": "aws", "azure": "azure", "vertex": "gcp"}


def sent(tier: TierName, c: Constraints, w: Workload, *, hard: bool) -> Workload:
    """One request of a tier, as it is billed."""
    region = w.region or (None if c.residency == "own-network" else c.residency)
    one = w.change(region=region, batch_share=1.0 if c.offline else w.batch_share)
    size = c.quality.hard_input_tokens if hard and tier in ("smart", "backup") else None
    return one if size is None else one.change(input_tokens=size)


def sizes(tier: TierName, c: Constraints, w: Workload) -> list[Workload]:
    return [sent(tier, c, w, hard=hard) for hard in (False, True)]


def host(endpoint: Endpoint, catalog: Catalog) -> str:
    provider = catalog.provider(endpoint.provider)
    return provider.id if provider.host == "native" else provider.host


def meets(endpoint: Endpoint, tier: TierName, c: Constraints, w: Workload, catalog: Catalog) -> bool:
    """Whether an endpoint meets every constraint as this tier, at every size it gets."""
    model, provider = catalog.model(endpoint.model), catalog.provider(endpoint.provider)
    return (
        endpoint.task == "text"
        and (endpoint.retires_on is None or (endpoint.retires_on - DAY).days > 90)
        and all(_size(endpoint, one, c, catalog) for one in sizes(tier, c, w))
        and (c.residency is None or stays(endpoint, c.residency, host(endpoint, catalog)))
        and _good(endpoint, tier, c, catalog)
        and (not (c.ecosystem.clouds or c.ecosystem.vendors)
             or CLOUDS.get(provider.host) in c.ecosystem.clouds or provider.id in c.ecosystem.vendors)
        and (not c.ecosystem.one_audit_surface or provider.host in CLOUDS)
        and (not c.ecosystem.open_weights_only or model.open_weights is True)
    )  # fmt: skip


def _size(endpoint: Endpoint, one: Workload, c: Constraints, catalog: Catalog) -> bool:
    window = endpoint.max_input_tokens or catalog.model(endpoint.model).context_tokens
    if window is None or one.input_tokens > window:
        return False
    first, last = latency(endpoint, one, c.latency.percentile)
    if c.latency.ttft_s is not None and not first <= c.latency.ttft_s + 1e-9:
        return False
    if c.latency.total_s is not None and not last <= c.latency.total_s + 1e-9:
        return False
    usd = ledger(endpoint, one, catalog, as_of=DAY).usd_per_request
    return c.max_usd_per_request is None or (usd is not None and usd <= c.max_usd_per_request)


def latency(endpoint: Endpoint, one: Workload, percentile: str) -> tuple[float, float]:
    """Seconds to the first token and to the end; NaN, which meets no bound, where nobody says."""
    if percentile == "p50":
        found = speed(endpoint, one)
        known = found.kind != "simulated"
        return tuple(math.nan if s is None or not known else float(s) for s in (found.ttft_s, found.high_s))  # type: ignore[return-value]
    m = endpoint.measured
    if m is None or m.simulated or m.ttft_s.p95 is None or m.e2e_s.p95 is None or m.itl_s is None:
        return math.nan, math.nan
    longer = max(0, one.output_tokens + one.reasoning_tokens - (m.output_tokens or 0))
    return float(m.ttft_s.p95), float(m.e2e_s.p95 + longer * (m.itl_s.p95 or Decimal("nan")))


def need(endpoint: Endpoint, tier: TierName, c: Constraints, w: Workload) -> float:
    """The least timeout."""
    which = int(c.latency.total_s is not None)
    found = []
    for one in sizes(tier, c, w):
        tail, median = latency(endpoint, one, "p95")[which], latency(endpoint, one, "p50")[which]
        found.append(tail if not math.isnan(tail) else 0.0 if math.isnan(median) else 2 * median)
    return max(found)


def stays(endpoint: Endpoint, place: str, where: str) -> bool:
    scope, processed = endpoint.residency.scope, endpoint.residency.processed_in
    if where == "self_host" or place == "own-network":
        return where == "self_host"
    if processed:
        return all(region == place or region.startswith(f"{place}-") for region in processed)
    return scope == place or endpoint.regions == (place,)


def _good(endpoint: Endpoint, tier: TierName, c: Constraints, catalog: Catalog) -> bool:
    q, model = c.quality, catalog.model(endpoint.model)
    if q.scores:
        score = q.scores.get(endpoint.id, q.scores.get(model.id))
        return tier not in q.least or (score is not None and score >= q.least[tier])
    if tier == "cheap":
        return model.bucket == "small_fast"
    if tier == "mid":
        cheap_long = model.bucket == "small_fast" and any("long-context" in s for s in model.strengths)
        return (model.bucket == "frontier_open" or cheap_long) if c.offline else model.bucket in FRONTIER
    return model.bucket in FRONTIER and all(meets_kind(model, kind) is True for kind in q.hard_kinds)


def together(chosen: Set_, c: Constraints, w: Workload, catalog: Catalog) -> bool:
    """The rules between the four."""
    makers = [vendor(catalog.model(chosen[tier].model)) for tier in ("smart", "backup")]
    if makers[0] == makers[1] or "unknown" in makers:
        return False
    if c.ecosystem.one_audit_surface and len({host(e, catalog) for e in chosen.values()}) > 1:
        return False
    if c.worst_case_s is None:
        return True
    needs = {tier: need(chosen[tier], tier, c, w) for tier in TIERS}
    if needs["smart"] + needs["backup"] > c.worst_case_s:
        return False
    left = c.worst_case_s - min(needs["smart"], needs["backup"])
    return max(needs["cheap"], needs["mid"]) <= left


def shared(chosen: Set_, c: Constraints, catalog: Catalog) -> int:
    """0 for two hosts, 1 for one host in two regions, 2 for one."""
    smart, backup = chosen["smart"], chosen["backup"]
    if host(smart, catalog) != host(backup, catalog):
        return 0
    allowed = [
        {r for r in e.regions if c.residency is None or r == c.residency or r.startswith(f"{c.residency}-")}
        for e in (smart, backup)
    ]
    return 1 if any(a != b for a in allowed[0] for b in allowed[1]) else 2


def bills(c: Constraints, w: Workload, catalog: Catalog) -> Bills:
    """What each endpoint costs as each tier, per period: its share of the requests, and a box; `None` is unpriced."""
    shares = {
        "cheap": c.quality.easy_share,
        "mid": max(0.0, 1 - c.quality.hard_share - c.quality.easy_share),
        "smart": c.quality.hard_share,
        "backup": 0.0,
    }
    found: dict[tuple[TierName, str], tuple[float, float] | None] = {}
    for tier in TIERS:
        for endpoint in catalog:
            bill = ledger(endpoint, sent(tier, c, w, hard=True), catalog, as_of=DAY)
            total, box = bill.total_usd, None if bill.unpriced else bill.usd("reservation")
            known = total is not None and box is not None
            found[tier, endpoint.id] = (float(total - box) * shares[tier], float(box)) if known else None  # type: ignore[operator, arg-type]
    return found


def value(chosen: Set_, c: Constraints, catalog: Catalog, billed: Bills) -> tuple[bool, int, int, float]:
    """What sets are compared by: any unpriced, hosts shared, how many unpriced, dollars per period."""
    usd, unpriced, boxes = 0.0, 0, dict[str, float]()
    for tier, endpoint in chosen.items():
        bill = billed[tier, endpoint.id]
        if bill is None:
            unpriced += 1
            continue
        usd += bill[0]
        boxes[endpoint.id] = bill[1]
    return unpriced > 0, shared(chosen, c, catalog), unpriced, usd + sum(boxes.values())

"""What to know before signing: the seed's patterns to avoid with their dollars, and what this very set risks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from ..cost.billing import price_list
from ..cost.ledger import ledger
from ..errors import nearest
from . import words
from .chains import Chains
from .constraints import Constraints, TierName
from .facts import Facts
from .knowledge import AntiPattern, antipatterns, assumptions
from .loads import loads
from .recommendation import Caution, TierChoice
from .search import Found


def cautions(
    constraints: Constraints,
    facts: Facts,
    found: Found,
    tiers: Mapping[TierName, TierChoice],
    usd: Decimal | None,
    chains: Chains,
) -> Iterator[Caution]:
    """All of them, those about this set first. `usd` is what the set costs per period."""
    yield from _shared_risk(found, tiers)
    yield from _unknown(constraints, facts, tiers, chains)
    yield from _dearer_fallbacks(tiers, chains)
    yield from _looser_fallbacks(constraints, tiers, chains)
    yield from _scores_of_nothing(constraints, facts)
    for pattern in antipatterns():
        if pattern.id == "self-hosting-first":
            yield from _self_hosting(pattern, constraints, facts, tiers, usd)
        elif pattern.id == "provisioned-throughput":
            yield from _provisioned(pattern, constraints, facts, usd)
        else:
            yield from _habit(pattern, constraints, facts, tiers, usd)


def _shared_risk(found: Found, tiers: Mapping[TierName, TierChoice]) -> Iterator[Caution]:
    if not found.shared:
        return
    smart, backup = tiers["smart"], tiers["backup"]
    where = "in another region" if found.shared == 1 else "with no second region known"
    yield Caution(
        code="shared-host",
        words=f"backup is on {backup.host} as smart is ({smart.endpoint.id}, {backup.endpoint.id}), {where}: the "
        "constraints leave no second host, and an outage or a lost account there takes both",
    )


def _unknown(
    constraints: Constraints, facts: Facts, tiers: Mapping[TierName, TierChoice], chains: Chains
) -> Iterator[Caution]:
    silent = [tier for tier, choice in tiers.items() if choice.latency.ttft_s is None and choice.latency.high_s is None]
    if silent and not constraints.offline:
        yield Caution(
            code="latency-unknown",
            words=f"nobody measured or published a latency of {words.listed(silent)}: measure before you promise one",
        )
    for tier, choice in tiers.items():
        total = choice.latency.high_s
        if total is not None and constraints.latency.total_s is None and float(total) > chains.timeouts[tier]:
            yield Caution(
                code="timeout-under-answer",
                words=f"{tier} takes about {words.seconds(total)} for a whole answer and has a timeout of "
                f"{words.seconds(chains.timeouts[tier])}: stream it, or it is cut off",
            )
        price = price_list(choice.endpoint, facts.as_of)
        if choice.usd_per_request is None:
            yield Caution(
                code="unpriced",
                words=f"{tier} ({choice.endpoint.id}) has no price in this catalog: say yours in an overrides file "
                "(for a GPU box `reserved_usd_per_hour`)",
            )
        elif price is not None and price.evidence.confidence != "list":
            hedge = price.evidence.confidence.replace("_", " ")
            yield Caution(
                code="hedged-price", words=f"the price of {tier} is {hedge!r} by its publisher, no list price"
            )


def _dearer_fallbacks(tiers: Mapping[TierName, TierChoice], chains: Chains) -> Iterator[Caution]:
    """The fallback that multiplies a bill most, where one more than doubles it."""
    dearer = []
    for tier, (target,) in chains.fallbacks.items():
        here, there = tiers[tier].usd_per_request, tiers[target].usd_per_request
        if here and there and there > 2 * here:
            dearer.append((there / here, there - here, tier, target))
    if dearer:
        times, more, tier, target = max(dearer)
        many = f"{times:,.0f}" if times > 10 else f"{times:.1f}"
        yield Caution(
            code="dearer-fallback",
            words=f"while {tier} is out its requests cost {many} times as much on {target}, "
            f"{words.dollars(more)} more each: cap it with a budget",
            usd=more,
        )


def _looser_fallbacks(
    constraints: Constraints, tiers: Mapping[TierName, TierChoice], chains: Chains
) -> Iterator[Caution]:
    if constraints.residency is not None:
        return
    for tier, (target,) in chains.fallbacks.items():
        here, there = (tiers[t].endpoint.residency.scope for t in (tier, target))
        if here not in ("unknown", "global") and there != here:
            yield Caution(
                code="looser-fallback",
                words=f"{tier} stays in {here} and its fallback {target} does not: no residency was asked for",
            )


def _scores_of_nothing(constraints: Constraints, facts: Facts) -> Iterator[Caution]:
    known = {e.id for e in facts.endpoints} | {m.id for m in facts.models}
    for name in constraints.quality.scores:
        if name not in known:
            near = nearest(name, known, most=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield Caution(code="unknown-score", words=f"your score of {name!r} is for nothing in this catalog{hint}")


def _habit(
    pattern: AntiPattern,
    constraints: Constraints,
    facts: Facts,
    tiers: Mapping[TierName, TierChoice],
    usd: Decimal | None,
) -> Iterator[Caution]:
    """What it would cost to send everything, the hard requests too, to a model that people start with."""
    sent = loads(constraints, facts.workload)
    hard = Decimal(str(sent["smart"].share))
    bills = []
    for endpoint, status in zip(facts.endpoints, facts.statuses, strict=True):
        if endpoint.model.startswith(pattern.models) and status != "retired":
            both = (ledger(endpoint, sent[t].workload, facts.catalog, as_of=facts.as_of) for t in ("mid", "smart"))
            ordinary, larger = (bill.total_usd for bill in both)
            if ordinary is not None and larger is not None:
                bills.append((ordinary * (1 - hard) + larger * hard, endpoint.id))
    if not bills or usd is None:
        return
    total, id = min(bills)
    taken = [
        tier for tier, choice in tiers.items() if choice.endpoint.model.startswith(pattern.models) and choice.share
    ]
    here = f"; here it is only {words.listed(taken)}" if taken else ""
    yield Caution(
        code=pattern.id,
        words=f"{pattern.title}: everything on {id} costs {words.dollars(total)} a {facts.workload.period}, this set "
        f"{words.dollars(usd)}{here} (the seed: {pattern.seed})",
        usd=total - usd,
    )


def _self_hosting(
    pattern: AntiPattern,
    constraints: Constraints,
    facts: Facts,
    tiers: Mapping[TierName, TierChoice],
    usd: Decimal | None,
) -> Iterator[Caution]:
    """A box is paid whether it is used or not: the one taken, or the cheapest that there is beside this set."""
    if constraints.demand_measured:
        return
    bulk = loads(constraints, facts.workload)["mid"].workload
    own = [tier for tier, choice in tiers.items() if choice.host == "self_host"]
    boxes = [
        (bill.usd("reservation"), e.id)
        for e, host in zip(facts.endpoints, facts.hosts, strict=True)
        if host == "self_host" and not (bill := ledger(e, bulk, facts.catalog, as_of=facts.as_of)).unpriced
        and bill.usd("reservation")
    ]  # fmt: skip
    taken = {tiers[tier].endpoint.id for tier in own}
    paid = [box for box in boxes if box[1] in taken] or ([min(boxes)] if boxes and not own else [])
    if paid:
        sunk = sum((dollars for dollars, _ in paid), Decimal(0))
        beside = "" if usd is None or own else f", this set {words.dollars(usd)}"
        figure = f"{words.dollars(sunk)} a {bulk.period} is paid whether anybody comes or not{beside}"
    elif own:
        sunk, figure = None, "what the GPUs cost is not in this catalog"
    else:
        return
    yield Caution(code=pattern.id, words=f"{pattern.title}: {figure} (the seed: {pattern.seed})", usd=sunk)


def _provisioned(
    pattern: AntiPattern, constraints: Constraints, facts: Facts, usd: Decimal | None
) -> Iterator[Caution]:
    """What a commitment to the hoped-for load loses if only part of it comes."""
    if constraints.demand_measured or not usd:
        return
    unused = assumptions().unused_share
    lost = usd * Decimal(str(unused))
    yield Caution(
        code=pattern.id,
        words=f"{pattern.title}: of capacity bought for this load, {words.dollars(lost)} a {facts.workload.period} is "
        f"not refunded if {words.percent(unused)} of it (assumed) never comes (the seed: {pattern.seed})",
        usd=lost,
    )

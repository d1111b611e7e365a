"""`recommend`: constraints, workload and catalog in, four endpoints out, with why these and what would change them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import numpy as np

from ..catalog.catalog import Catalog
from ..catalog.records import MeasuredLatency
from ..cost.ledger import Ledger, ledger
from ..cost.speed import speed
from ..cost.workload import Workload
from . import words
from .asks import Ask, asks
from .cautions import cautions
from .chains import chain
from .conflicts import fewest_that_conflict, nearest
from .constraints import TIERS, Constraints, TierName
from .facts import Facts
from .loads import Load, loads
from .recommendation import Alternative, Change, Conflict, Recommendation, TierChoice
from .relaxing import Flip, Relaxed, flips, least_that_alters
from .residency import regions_in
from .search import Found, Problem, pose, solve
from .walk import walk_asks


def recommend(
    constraints: Constraints,
    workload: Workload,
    catalog: Catalog,
    *,
    as_of: date | None = None,
    latency: Mapping[str, MeasuredLatency] | None = None,
) -> Recommendation:
    """The cheapest cheap, mid, smart and backup that meet every constraint, at the prices in force on `as_of` (today
    unless said).

    The search is exact. `latency` lays measurements over the catalog, by endpoint id. Constraints that cannot be met
    together give a recommendation without tiers whose `conflict` says which, and the least to give up. Raises
    `UnknownNameError` for a place, vendor or endpoint that there is not.
    """
    facts = Facts(constraints, workload, catalog, as_of or date.today(), latency)
    asked = asks(constraints, facts)
    problem = pose(constraints, facts, asked)
    found = solve(problem)
    return _recommendation(constraints, facts, asked, problem, found)


def _recommendation(
    constraints: Constraints, facts: Facts, asked: list[Ask], problem: Problem, found: Found | None
) -> Recommendation:
    walked = walk_asks(constraints, facts, asked)
    sent = loads(constraints, facts.workload)
    if found is None:
        return Recommendation(
            constraints=constraints, workload=facts.workload, as_of=facts.as_of, catalog=facts.catalog, walk=walked,
            loads=sent, conflict=_conflict(constraints, facts),
            changes=tuple(_change(r, constraints, facts, None) for r in least_that_alters(constraints, facts, None)),
        )  # fmt: skip
    chains = chain(found.tiers, problem, facts)
    tiers = _choices(constraints, facts, problem, found)
    usd = usd_per_period(constraints, facts, found)
    return Recommendation(
        constraints=constraints,
        workload=facts.workload,
        as_of=facts.as_of,
        catalog=facts.catalog,
        walk=walked,
        loads=sent,
        tiers=tiers,
        fallbacks=chains.fallbacks,
        context_window_fallbacks=chains.context_window_fallbacks,
        timeouts=chains.timeouts,
        worst_case_s=chains.worst_case_s,
        shared_host=found.shared > 0,
        usd_per_request=None if usd is None else usd / facts.workload.requests,
        usd_per_period=usd,
        runner_up=_runner_up(constraints, facts, problem, found, usd),
        changes=(
            *(_change(r, constraints, facts, found) for r in least_that_alters(constraints, facts, found)),
            *(_flip(flip, found) for flip in flips(constraints, facts, found)),
        ),
        warnings=tuple(cautions(constraints, facts, found, tiers, usd, chains)),
    )


# --- The tiers


def _choices(constraints: Constraints, facts: Facts, problem: Problem, found: Found) -> Mapping[TierName, TierChoice]:
    sent, regions = loads(constraints, facts.workload), _regions(constraints, facts, found)
    choices: dict[TierName, TierChoice] = {}
    for tier in TIERS:
        place = found.tiers[tier]
        endpoint, bill = facts.endpoints[place], _bill(facts, place, sent[tier])
        first = next(t for t in TIERS if found.tiers[t] == place) == tier
        choices[tier] = TierChoice(
            tier=tier,
            endpoint=endpoint,
            host=facts.hosts[place],
            vendor=facts.models[place].maker,
            region=regions[tier],
            share=sent[tier].share,
            usd_per_request=bill.usd_per_request,
            usd_per_period=_share_of(bill, sent[tier], box=first),
            latency=speed(endpoint, sent[tier].workload),
            window=facts.windows[place],
            why=_why(tier, problem, facts, found),
        )
    return choices


def _bill(facts: Facts, place: int, load: Load) -> Ledger:
    return ledger(facts.endpoints[place], load.workload, facts.catalog, as_of=facts.as_of)


def _share_of(bill: Ledger, load: Load, *, box: bool) -> Decimal | None:
    """What a tier's share of the requests costs per period. A `box` is paid whole, and once."""
    if bill.unpriced:
        return None
    held, reserved = bill.usd("cache_storage"), bill.usd("reservation")
    tokens = sum((line.usd for line in bill.lines), Decimal(0)) - held - reserved
    share = Decimal(str(load.share))
    return tokens * share + (held if load.share else 0) + (reserved if box else 0)


def usd_per_period(constraints: Constraints, facts: Facts, found: Found) -> Decimal | None:
    """What a set costs per period, in exact decimals; `None` where a tier that gets requests is unpriced."""
    sent = loads(constraints, facts.workload)
    total, paid = Decimal(0), set[int]()
    for tier in TIERS:
        place = found.tiers[tier]
        usd = _share_of(_bill(facts, place, sent[tier]), sent[tier], box=place not in paid)
        paid.add(place)
        if usd is None:
            if sent[tier].share:
                return None
            continue
        total += usd
    return total


def _regions(constraints: Constraints, facts: Facts, found: Found) -> Mapping[TierName, str | None]:
    """Where to call each: the first region that is allowed, for a backup on smart's own host another one."""
    asked = facts.places(constraints)
    allowed = {tier: regions_in(facts.endpoints[place], asked) for tier, place in found.tiers.items()}
    chosen: dict[TierName, str | None] = {tier: next(iter(allowed[tier]), None) for tier in TIERS}
    if found.shared == 1 and chosen["smart"] == chosen["backup"]:
        others = [region for region in allowed["backup"] if region != chosen["smart"]]
        if others:
            chosen["backup"] = others[0]
        else:
            chosen["smart"] = next(region for region in allowed["smart"] if region != chosen["backup"])
    return chosen


def _why(tier: TierName, problem: Problem, facts: Facts, found: Found) -> str:
    """In words, why this one among those that may be the tier."""
    place = found.tiers[tier]
    may = np.flatnonzero(problem.may[tier])
    unit = problem.unit[tier]
    cheaper = [i for i in may.tolist() if unit[i] < unit[place] * (1 - 1e-9)]
    count = f"{len(may)} endpoint{'s' if len(may) != 1 else ''} may be {tier}"
    if np.isnan(unit[place]):
        return f"{count}; what this one costs nobody says"
    if not cheaper:
        return f"the cheapest per request: {count}"
    first = facts.endpoints[min(cheaper, key=lambda i: float(unit[i]))].id
    if tier == "backup":
        return f"the cheapest that goes with smart, of another vendor: {count} ({first} is cheaper and does not)"
    return f"{count}; {len(cheaper)} cheaper per request, {first} first, do not go with the rest of the set"


# --- What else there is


def _ids(facts: Facts, found: Found) -> Mapping[TierName, str]:
    return {tier: facts.endpoints[place].id for tier, place in found.tiers.items()}


def _runner_up(
    constraints: Constraints, facts: Facts, problem: Problem, found: Found, usd: Decimal | None
) -> Alternative | None:
    """The best set in which a tier that gets requests is another endpoint."""
    sent = loads(constraints, facts.workload)
    others = [solve(problem, without=(tier, found.tiers[tier])) for tier in TIERS if sent[tier].share]
    best = min((other for other in others if other is not None), key=lambda other: other.key, default=None)
    if best is None:
        return None
    dollars = usd_per_period(constraints, facts, best)
    more = _saving(usd, dollars, facts.workload.period)
    return Alternative(
        tiers=_ids(facts, best), usd_per_period=dollars, words=f"{_moved(facts, found, best)}{more or ', unpriced'}"
    )


def _change(relaxed: Relaxed, constraints: Constraints, facts: Facts, now: Found | None) -> Change:
    before = None if now is None else usd_per_period(constraints, facts, now)
    return _changed(relaxed.name, relaxed.words, relaxed.constraints, facts, relaxed.found, now, before)


def _flip(flip: Flip, now: Found) -> Change:
    name = flip.name.replace("_", " ").replace("cache hit rate", "cache rate")
    said = f"{name} {'over' if flip.up else 'under'} {words.percent(flip.at)}"
    before = usd_per_period(flip.constraints, flip.facts, now)  # of today's set, where it stops being the best
    return _changed(flip.name, said, flip.constraints, flip.facts, flip.found, now, before)


def _changed(
    name: str,
    said: str,
    constraints: Constraints,
    facts: Facts,
    found: Found,
    now: Found | None,
    before: Decimal | None,
) -> Change:
    after, period = usd_per_period(constraints, facts, found), facts.workload.period
    if now is None:
        rest = f"gives a set: {_set(facts, found)}, for {_total(after, period)}"
    else:
        rest = f"{_moved(facts, now, found)}{_saving(before, after, period)}"
    return Change(
        name=name,
        words=f"{said} {rest}",
        constraints=constraints,
        workload=facts.workload,
        tiers=_ids(facts, found),
        usd_per_period=after,
        saves_usd=None if before is None or after is None else before - after,
    )


def _moved(facts: Facts, now: Found, then: Found) -> str:
    """What another set has in place of this one's."""
    moved: dict[str, list[str]] = {}
    for tier in TIERS:
        if now.tiers[tier] != then.tiers[tier]:
            moved.setdefault(facts.endpoints[then.tiers[tier]].id, []).append(tier)
    return "admits " + words.listed(f"{id} as {words.listed(tiers)}" for id, tiers in moved.items())


def _set(facts: Facts, found: Found) -> str:
    return ", ".join(f"{tier} {id}" for tier, id in _ids(facts, found).items())


def _total(usd: Decimal | None, period: str) -> str:
    return "a price that nobody says" if usd is None else f"{words.dollars(usd)} a {period}"


def _saving(before: Decimal | None, after: Decimal | None, period: str) -> str:
    if before is None or after is None:
        return ""
    if abs(before - after) <= abs(before) * Decimal("1e-9"):
        return f", for the same {words.dollars(after)} a {period}"
    verb = "saves" if after < before else "costs"
    more = "" if after < before else " more"
    return f", {verb} {words.dollars(abs(before - after))}{more} a {period}"


def _conflict(constraints: Constraints, facts: Facts) -> Conflict:
    few = fewest_that_conflict(constraints, facts) or {}
    relaxed = nearest(constraints, facts) if few else None
    if few:
        said = f"no set of endpoints meets {words.listed(few.values())}" + (" together" if len(few) > 1 else "")
    else:
        said = "this catalog has no four endpoints that work together, whatever the constraints: " + _missing(facts)
    return Conflict(
        asks=few, words=said, nearest=None if relaxed is None else _change(relaxed, constraints, facts, None)
    )


def _missing(facts: Facts) -> str:
    free = Constraints()
    problem = pose(free, facts, asks(free, facts))
    empty = [tier for tier in TIERS if not problem.may[tier].any()]
    return f"none for {words.listed(empty)}" if empty else "none of two vendors for smart and backup"

"""What would change a recommendation: each constraint relaxed as little as alters it, and where shares flip it.

A constraint is relaxed along steps, least first; what one step admits every later one does too, so the first that
alters the answer is found by halving. Hard share and cache rate go either way: their range is walked outwards in steps
and a flip narrowed down; two flips inside one step are not seen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

import numpy as np

from ..cost.grid import Floats
from . import words
from .asks import CLOUD_NAMES, asks, scores
from .constraints import Constraints
from .facts import Facts
from .knowledge import area_of
from .loads import loads
from .search import Found, pose, solve, value_of

Step = tuple[str, Constraints]
_STEPS = 8  # of a range, on either side of where it is now
_HALVINGS = 12


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One way to relax the ask `name`: `count` steps, least first, each with its words. `last`: only where no other
    way to relax the same ask does."""

    name: str
    count: int
    step: Callable[[int], Step]
    last: bool = False


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The least step of a relaxation that does what was wanted, and the set that it gives."""

    name: str
    words: str
    constraints: Constraints
    found: Found


@dataclass(frozen=True, slots=True)
class Flip:
    """A value of a share beyond which another set is best. `up`: above it, else below."""

    name: str
    at: float
    up: bool
    constraints: Constraints
    facts: Facts
    found: Found


def best(constraints: Constraints, facts: Facts) -> Found | None:
    """The best set under constraints, on facts that are compiled already."""
    return solve(pose(constraints, facts, asks(constraints, facts)))


def least_that_alters(constraints: Constraints, facts: Facts, now: Found | None) -> Iterator[Relaxed]:
    """For each constraint the least relaxation whose best set is another one (from `None`: is one at all). Where there
    are several ways to relax a constraint, the one that costs least."""
    ways: dict[str, list[Relaxed]] = {}
    for relaxation in relaxations(constraints, facts):
        if relaxation.last and relaxation.name in ways:
            continue
        found = _least(relaxation, facts, now)
        if found is not None:
            ways.setdefault(relaxation.name, []).append(found)
    for several in ways.values():
        yield min(several, key=lambda way: way.found.key)


def _least(relaxation: Relaxation, facts: Facts, now: Found | None) -> Relaxed | None:
    def alters(i: int) -> Found | None:
        found = best(relaxation.step(i)[1], facts)
        return found if found is not None and (now is None or found.tiers != now.tiers) else None

    low, high = 0, relaxation.count - 1
    if high < 0 or (found := alters(high)) is None:
        return None
    while low < high:
        middle = (low + high) // 2
        if (at_middle := alters(middle)) is not None:
            high, found = middle, at_middle
        else:
            low = middle + 1
    said, relaxed = relaxation.step(high)
    return Relaxed(relaxation.name, said, relaxed, found)


# --- The ways to relax each constraint


def relaxations(constraints: Constraints, facts: Facts) -> Iterator[Relaxation]:
    """Every way to relax what the constraints ask."""
    yield from _wider(constraints)
    yield from _slower(constraints, facts)
    yield from _dearer(constraints, facts)
    yield from _easier(constraints, facts)
    yield from _freer(constraints, facts)


def _one(name: str, step: Step) -> Relaxation:
    return Relaxation(name, 1, lambda _: step)


def _along(name: str, steps: list[Step]) -> Relaxation:
    return Relaxation(name, len(steps), steps.__getitem__)


def _wider(constraints: Constraints) -> Iterator[Relaxation]:
    place = constraints.residency
    if place is None:
        return
    steps = []
    area = area_of(place)
    if area is not None and area != place:
        steps.append((f"residency {place} -> {area}", dataclasses.replace(constraints, residency=area)))
    steps.append((f"residency {place} -> anywhere", dataclasses.replace(constraints, residency=None)))
    yield _along("residency", steps)


def _slower(constraints: Constraints, facts: Facts) -> Iterator[Relaxation]:
    sla, sent = constraints.latency, loads(constraints, facts.workload)
    for which, (name, field) in enumerate((("ttft", "ttft_s"), ("total", "total_s"))):
        bound: float | None = getattr(sla, field)
        if bound is None:
            continue
        known = [facts.waits(sent[tier], sla.percentile)[which] for tier in ("mid", "smart")]
        values = _above(np.maximum(known[0], known[1]), bound, places=3) | _above(known[0], bound, places=3)
        label = "TTFT" if which == 0 else "answer"

        def to(value: float | None, field: str = field) -> Constraints:
            bounds = dataclasses.replace(sla, **{field: value})  # type: ignore[arg-type]  # one of the two bounds
            return dataclasses.replace(constraints, latency=bounds)

        steps: list[Step] = [(f"{label} {words.seconds(bound)} -> {words.seconds(v)}", to(v)) for v in sorted(values)]
        yield _along(name, [*steps, (f"no bound on the {label}", to(None))])
    if sla.percentile == "p95" and (sla.ttft_s or sla.total_s):
        median = dataclasses.replace(sla, percentile="p50")
        yield _one("percentile", ("latency at p50, not p95", dataclasses.replace(constraints, latency=median)))
    if (most := constraints.worst_case_s) is not None:
        whole = sla.total_s is not None
        longest = 2 * max((float(facts.needs(sent[tier], whole=whole).max()) for tier in ("mid", "smart")), default=0.0)
        tenths = max(0, math.ceil((longest - most) * 10)) + 1

        def wait(i: int) -> Step:
            longer = round(most + (i + 1) / 10, 3)
            said = f"worst case {words.seconds(most)} -> {words.seconds(longer)}"
            return said, dataclasses.replace(constraints, worst_case_s=longer)

        yield Relaxation("worst_case", tenths, wait)


def _dearer(constraints: Constraints, facts: Facts) -> Iterator[Relaxation]:
    ceiling = constraints.max_usd_per_request
    if ceiling is None:
        return
    billed = facts.dollars(constraints)
    values = {v for tier in ("mid", "smart") for v in _above(billed[tier].per_request, float(ceiling), places=None)}

    def to(value: float | None) -> Constraints:
        dollars = None if value is None else Decimal(f"{value:.6g}")
        if dollars is not None and value is not None and float(dollars) < value:  # a ceiling is not rounded down
            dollars = Decimal(str(value)).quantize(dollars, rounding=ROUND_UP)
        return dataclasses.replace(constraints, max_usd_per_request=dollars)

    ordered = sorted(values)

    def step(i: int) -> Step:
        if i == len(ordered):
            return "no ceiling per request", to(None)
        return f"ceiling {words.dollars(ceiling)} -> {words.dollars(ordered[i])} per request", to(ordered[i])

    yield Relaxation("ceiling", len(ordered) + 1, step)


def _above(values: Floats, bound: float, *, places: int | None) -> set[float]:
    found = {float(v) for v in values[values > bound].tolist()}  # NaN, the unknown, is not
    return found if places is None else {math.ceil(v * 10**places - 1e-9) / 10**places for v in found}


def _easier(constraints: Constraints, facts: Facts) -> Iterator[Relaxation]:
    quality = constraints.quality

    def to(**fields: object) -> Constraints:
        return dataclasses.replace(constraints, quality=dataclasses.replace(quality, **fields))  # type: ignore[arg-type]

    if quality.scores:
        known = scores(constraints, facts)
        for tier, least in quality.least.items():
            lower = sorted({float(v) for v in known[known < least].tolist()}, reverse=True)
            steps = [(f"{tier} scores {least:g} -> {v:g}", to(least=dict(quality.least) | {tier: v})) for v in lower]
            others = {name: value for name, value in quality.least.items() if name != tier}
            yield _along(f"least:{tier}", [*steps, (f"no score asked of {tier}", to(least=others))])
        return
    for kind in quality.hard_kinds:
        rest = tuple(k for k in quality.hard_kinds if k != kind)
        yield _one(f"hard:{kind}", (f"{kind.replace('_', ' ')} not asked of smart", to(hard_kinds=rest)))


def _freer(constraints: Constraints, facts: Facts) -> Iterator[Relaxation]:
    eco = constraints.ecosystem

    def to(**fields: object) -> Constraints:
        return dataclasses.replace(constraints, ecosystem=dataclasses.replace(eco, **fields))  # type: ignore[arg-type]

    if eco.clouds or eco.vendors:
        for cloud in (cloud for cloud in CLOUD_NAMES if cloud not in eco.clouds):
            yield _one("providers", (f"{CLOUD_NAMES[cloud]} too", to(clouds=(*eco.clouds, cloud))))
        anywhere = to(clouds=(), vendors=())
        freest = best(anywhere, facts)
        native = {facts.providers[place].id for place in (freest.tiers.values() if freest else ())}
        for vendor in sorted(v for v in native if facts.catalog.provider(v).host in ("native", "self_host")):
            if vendor not in eco.vendors:
                yield _one("providers", (f"{vendor} too", to(vendors=(*eco.vendors, vendor))))
        yield Relaxation("providers", 1, lambda _: ("any provider", anywhere), last=True)
    flags = {
        "one_audit_surface": "more than one audit surface",
        "must_fine_tune": "no fine-tuning",
        "open_weights_only": "closed weights too",
        "openai_compatible_only": "other dialects than OpenAI's",
    }
    for flag, said in flags.items():
        if getattr(eco, flag):
            yield _one(flag, (said, to(**{flag: False})))


# --- Where a share flips it


def flips(constraints: Constraints, facts: Facts, now: Found) -> Iterator[Flip]:
    """Where the hard share, and the cache rate, give another set: the nearest flip on either side of each."""
    quality, w = constraints.quality, facts.workload

    def hard(share: float) -> tuple[Constraints, Facts]:
        return dataclasses.replace(constraints, quality=dataclasses.replace(quality, hard_share=share)), facts

    def cached(rate: float) -> tuple[Constraints, Facts]:
        return constraints, facts.at(w.change(cache_hit_rate=rate))

    # The ends are left out: a tier that gets nothing costs nothing, and a rate of 0 is no caching at all.
    yield from _both_ways("hard_share", quality.hard_share, 0.001, 1 - quality.easy_share - 0.001, hard, now)
    yield from _both_ways("cache_hit_rate", w.cache_hit_rate, 0.001, 1.0, cached, now)


def _both_ways(
    name: str, at: float, low: float, high: float, ask: Callable[[float], tuple[Constraints, Facts]], now: Found
) -> Iterator[Flip]:
    for end in [end for end, way in ((low, -1), (high, 1)) if (end - at) * way > 0]:
        before = at
        for i in range(1, _STEPS + 1):
            value = round(at + (end - at) * i / _STEPS, 6)
            if (found := _another(ask, value, now)) is not None:
                yield _narrow(name, before, value, found, ask, now)
                break
            before = value


def _narrow(
    name: str, before: float, after: float, found: Found, ask: Callable[[float], tuple[Constraints, Facts]], now: Found
) -> Flip:
    up = after > before
    for _ in range(_HALVINGS):
        if abs(after - before) < 1e-3:
            break
        middle = round((before + after) / 2, 6)
        if (other := _another(ask, middle, now)) is not None:
            after, found = middle, other
        else:
            before = middle
    constraints, facts = ask(after)
    return Flip(name, after, up, constraints, facts, found)


def _another(ask: Callable[[float], tuple[Constraints, Facts]], value: float, now: Found) -> Found | None:
    """The best set at a value, where today's is dearer there or no longer allowed."""
    constraints, facts = ask(value)
    problem = pose(constraints, facts, asks(constraints, facts))
    found, today = solve(problem), value_of(now.tiers, problem)
    if found is None or found.tiers == now.tiers:
        return None
    return found if today is None or found.usd < today.usd * (1 - 1e-9) else None

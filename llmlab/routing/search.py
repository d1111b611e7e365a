"""The best set of four endpoints, exactly: no better one exists under the rules of a set.

The rules of a set, beyond what each tier asks of its own endpoint: backup has another maker than smart; both can be
waited for within the worst case, and cheap and mid with one of the two to fall back on; one audit surface is one host.

Sets are compared in this order: all of it priced; a second host (or, where that cannot be, a second region of the
same); the expected dollars. A second host is worth more than dollars: two providers serve from launch where they may.
What costs the same is decided by the price per request of smart and backup.

How: smart endpoints are taken by rising cost, all backups compared at once for each. The search ends where smart and
the least that the other tiers can cost are dearer than the best set found. A reserved box is paid once, whatever tiers
share it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..cost.grid import Floats
from .asks import Ask, eligible
from .constraints import TIERS, Constraints, TierName
from .facts import Bools, Facts, Ints
from .loads import loads

_SAME = 1e-12  # relative: floating-point noise is no difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Arrays over the endpoints of a catalog. `cost` is what a tier's share of the requests costs per period there,
    `unit` one request, `fixed` a reserved box per period; NaN in `cost` is unpriced. `need` is seconds. `regions` is a
    number per endpoint: -1 none known, -2 several, else the only one."""

    may: Mapping[TierName, Bools]
    cost: Mapping[TierName, Floats]
    unit: Mapping[TierName, Floats]
    fixed: Floats
    need: Mapping[TierName, Floats]
    maker: Ints
    host: Ints
    regions: Ints
    worst_case_s: float
    one_surface: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The best set: places in the catalog by tier. `shared` is 0 for two hosts, 1 for one host in two regions, 2 for
    one host. `unpriced` tiers are not in `usd`, which is per period."""

    tiers: Mapping[TierName, int]
    shared: int
    unpriced: int
    usd: float

    @property
    def key(self) -> tuple[bool, int, int, float]:
        """What sets are compared by, less being better."""
        return (self.unpriced > 0, self.shared, self.unpriced, self.usd)


def pose(constraints: Constraints, facts: Facts, asked: list[Ask]) -> Problem:
    """The search that constraints ask for."""
    return price(
        Problem(
            may=eligible(asked, len(facts)),
            cost={},
            unit={},
            fixed=np.zeros(0),
            need=_needs(constraints, facts),
            maker=facts.makers,
            host=facts.host_numbers,
            regions=facts.regions(facts.places(constraints)),
            worst_case_s=np.inf if constraints.worst_case_s is None else constraints.worst_case_s,
            one_surface=constraints.ecosystem.one_audit_surface,
        ),
        constraints,
        facts,
    )


def price(problem: Problem, constraints: Constraints, facts: Facts) -> Problem:
    """The same search at the shares and prices of other constraints."""
    sent, billed = loads(constraints, facts.workload), facts.dollars(constraints)
    requests = facts.workload.requests
    cost = {t: billed[t].each * (requests * sent[t].share) + billed[t].held * (sent[t].share > 0) for t in TIERS}
    return replace(
        problem, cost=cost, unit={t: billed[t].per_request for t in TIERS}, fixed=np.nan_to_num(billed["mid"].reserved)
    )


def _needs(constraints: Constraints, facts: Facts) -> Mapping[TierName, Floats]:
    sent, whole = loads(constraints, facts.workload), constraints.latency.total_s is not None
    ordinary, hard = facts.needs(sent["mid"], whole=whole), facts.needs(sent["smart"], whole=whole)
    larger = np.maximum(ordinary, hard)
    return {"cheap": ordinary, "mid": ordinary, "smart": larger, "backup": larger}


def solve(problem: Problem, *, without: tuple[TierName, int] | None = None) -> Found | None:
    """The best set, or `None` where there is none. `without` forbids one endpoint in one tier."""
    may = dict(problem.may)
    if without is not None:
        tier, place = without
        may[tier] = may[tier].copy()
        may[tier][place] = False
    if not all(may[tier].any() for tier in TIERS):
        return None
    priced = {tier: may[tier] & ~np.isnan(problem.cost[tier]) for tier in TIERS}
    for allowed in (priced, may) if any((priced[tier] != may[tier]).any() for tier in TIERS) else (priced,):
        for shared in (0, 1, 2):
            found = [
                best
                for surface in _surfaces(problem, allowed)
                if (best := _Search(replace(problem, may=surface), shared).run()) is not None
            ]
            if found:
                return min(found, key=lambda best: best.key)
    return None


def value_of(tiers: Mapping[TierName, int], problem: Problem) -> Found | None:
    """What a given set is worth under the same rules, `None` where it breaks one."""
    p = problem
    if not all(p.may[tier][place] for tier, place in tiers.items()):
        return None
    only = {tier: np.zeros(len(p.maker), dtype=bool) for tier in TIERS}
    for tier, place in tiers.items():
        only[tier][place] = True
    return solve(replace(p, may=only))


def _surfaces(problem: Problem, may: Mapping[TierName, Bools]) -> Iterator[Mapping[TierName, Bools]]:
    """What each tier may be drawn from: all of it, or one host at a time."""
    if not problem.one_surface:
        yield may
        return
    for host in np.unique(problem.host[may["smart"]]).tolist():
        yield {tier: may[tier] & (problem.host == host) for tier in TIERS}


@dataclass(slots=True)
class _Options:
    """The best that one tier can do by itself, by the seconds that are left for it: `cost` falls as `need` rises."""

    need: Floats
    cost: Floats
    place: Ints

    def within(self, seconds: Floats) -> tuple[Floats, Ints]:
        """Cost and place for each of some times; infinite where nothing is that quick."""
        at = np.searchsorted(self.need, seconds, side="right") - 1
        return np.where(at >= 0, self.cost[at], np.inf), self.place[at]


@dataclass(slots=True)
class _Best:
    rank: tuple[float, float, float] = (np.inf, np.inf, np.inf)
    tiers: dict[TierName, int] = field(default_factory=dict)


class _Search:
    """One search at one degree of sharing a host."""

    def __init__(self, problem: Problem, shared: int) -> None:
        self.p = problem
        self.shared = shared
        finite = [problem.cost[tier][problem.may[tier] & ~np.isnan(problem.cost[tier])] for tier in TIERS]
        most = max((float(part.max()) for part in finite if len(part)), default=0.0)
        # An unpriced tier weighs more than all that can be paid, so that as few as can be are taken.
        self.unpriced = 1e3 * (4 * most + float(problem.fixed.sum()) + 1)
        self.cost = {t: np.where(np.isnan(problem.cost[t]), self.unpriced, problem.cost[t]) for t in TIERS}
        self.unit = {t: np.where(np.isnan(problem.unit[t]), np.inf, problem.unit[t]) for t in TIERS}
        self.boxes = problem.fixed > 0

    def run(self) -> Found | None:
        p = self.p
        if not all(p.may[tier].any() for tier in TIERS):
            return None
        smart, backup = np.flatnonzero(p.may["smart"]), np.flatnonzero(p.may["backup"])
        if not self._any_pair(smart, backup):
            return None
        backup = self._undominated(backup)
        cheap, mid = self._options("cheap", "cheap"), self._options("mid", "mid")
        both = self._options("cheap", "mid", only=p.may["cheap"] & p.may["mid"] & self.boxes)
        bounds = self._bounds(smart, backup, cheap, mid, both)
        best, tried = _Best(), dict[tuple[int, ...], list[tuple[float, float]]]()
        for at in np.lexsort((self.unit["smart"][smart], bounds)).tolist():
            s, bound = int(smart[at]), float(bounds[at])
            slack = _SAME * abs(best.rank[0]) if best.tiers else 0.0
            if bound > best.rank[0] + slack or np.isinf(bound):
                break
            if bound >= best.rank[0] - slack and self.unit["smart"][s] > best.rank[1]:
                continue
            if not self.boxes[s]:
                # One of its kind that is no dearer and no slower does whatever this one can.
                price, need = float(self.cost["smart"][s]), float(p.need["smart"][s])
                before = tried.setdefault(self._kind(s), [])
                if any(other <= price and wait <= need for other, wait in before):
                    continue
                before.append((price, need))
            self._try(s, backup, cheap, mid, both, best)
        return self._found(best.tiers) if best.tiers else None

    def _kind(self, place: int) -> tuple[int, ...]:
        """What the rules between smart and backup ask of an endpoint: two of one kind differ in dollars and need."""
        p = self.p
        return int(p.maker[place]), int(p.host[place]), int(p.regions[place]) if self.shared == 1 else 0

    def _undominated(self, backup: Ints) -> Ints:
        """Backups without those that another one of their kind beats on price and need. A box is kept: it may be
        shared."""
        quickest = dict[tuple[int, ...], float]()
        waited = np.isfinite(self.p.worst_case_s)
        kept = []
        for place in backup[np.lexsort((self.unit["backup"][backup], self.cost["backup"][backup]))].tolist():
            need = float(self.p.need["backup"][place]) if waited else 0.0
            if self.boxes[place]:
                kept.append(place)
            elif need < quickest.get(kind := self._kind(place), np.inf):
                quickest[kind] = need
                kept.append(place)
        return np.array(kept, dtype=np.int64)

    def _bounds(self, smart: Ints, backup: Ints, cheap: _Options, mid: _Options, both: _Options) -> Floats:
        """For each smart endpoint the least that a set with it can cost."""
        p = self.p
        left = p.worst_case_s - np.minimum(p.need["smart"][smart], p.need["backup"][backup].min())
        usd_cheap, usd_mid = cheap.within(left)[0], mid.within(left)[0]
        rest = usd_cheap + usd_mid
        if len(both.need):
            rest = np.minimum(rest, both.within(left)[0])
        # A box that is paid as backup and shared costs no less than one that a tier pays itself, which is in `rest`;
        # one that is paid as smart is in what smart costs.
        rest = np.where(self.boxes[smart], np.minimum(rest, self._least("cheap") + self._least("mid")), rest)
        return self.cost["smart"][smart] + p.fixed[smart] + rest

    def _try(self, s: int, backup: Ints, cheap: _Options, mid: _Options, both: _Options, best: _Best) -> None:
        """Compare every set with `s` as smart."""
        p = self.p
        b = backup[self._pairs(s, backup)]
        b = b[p.need["smart"][s] + p.need["backup"][b] <= p.worst_case_s]
        if not len(b):
            return
        left = p.worst_case_s - np.minimum(p.need["smart"][s], p.need["backup"][b])
        usd_cheap, at_cheap = self._shared_box("cheap", s, b, left, *cheap.within(left))
        usd_mid, at_mid = self._shared_box("mid", s, b, left, *mid.within(left))
        apart = usd_cheap + usd_mid
        if len(both.need):
            usd_both, at_both = both.within(left)
            together = usd_both < apart
            apart = np.where(together, usd_both, apart)
            at_cheap, at_mid = np.where(together, at_both, at_cheap), np.where(together, at_both, at_mid)
        usd = self.cost["smart"][s] + p.fixed[s] + self.cost["backup"][b] + p.fixed[b] + apart
        least = float(usd.min())
        if not np.isfinite(least):
            return
        close = np.flatnonzero(usd <= least * (1 + _SAME))
        chosen = int(close[np.argmin(self.unit["backup"][b[close]])])
        rank = (least, float(self.unit["smart"][s]), float(self.unit["backup"][b[chosen]]))
        same = abs(rank[0] - best.rank[0]) <= _SAME * abs(rank[0]) if best.tiers else False
        if (rank[1:] < best.rank[1:]) if same else rank[0] < best.rank[0]:
            best.rank = rank
            best.tiers = {
                "cheap": int(at_cheap[chosen]),
                "mid": int(at_mid[chosen]),
                "smart": s,
                "backup": int(b[chosen]),
            }

    def _shared_box(
        self, tier: TierName, s: int, b: Ints, left: Floats, usd: Floats, place: Ints
    ) -> tuple[Floats, Ints]:
        """The better of a tier's own best and a box that smart or backup pays for already."""
        for paid in (np.full(len(b), s), b) if self.boxes[s] or self.boxes[b].any() else ():
            usable = self.boxes[paid] & self.p.may[tier][paid] & (self.p.need[tier][paid] <= left)
            better = usable & (self.cost[tier][paid] < usd)
            usd, place = np.where(better, self.cost[tier][paid], usd), np.where(better, paid, place)
        return usd, place

    def _pairs(self, s: int, backup: Ints) -> Bools:
        """Which backups go with `s`: another maker, and the degree of sharing that is searched for."""
        p = self.p
        other: Bools = (p.maker[backup] != p.maker[s]) & (p.maker[backup] >= 0) & (p.maker[s] >= 0)
        if self.shared == 0:
            other &= p.host[backup] != p.host[s]
        if self.shared == 1:
            here, there = p.regions[s], p.regions[backup]
            other &= (here != -1) & (there != -1) & ((here == -2) | (there == -2) | (here != there))
        return other

    def _any_pair(self, smart: Ints, backup: Ints) -> bool:
        """Whether a pair exists at all: asked of each kind of endpoint once."""
        p = self.p
        kinds = np.stack([p.maker, p.host, p.regions if self.shared == 1 else np.zeros_like(p.host)])
        firsts = [group[np.unique(kinds[:, group], axis=1, return_index=True)[1]] for group in (smart, backup)]
        return any(bool(self._pairs(s, firsts[1]).any()) for s in firsts[0].tolist())

    def _options(self, *tiers: TierName, only: Bools | None = None) -> _Options:
        """The front of cost over need of what may serve all of `tiers`."""
        p = self.p
        tier, among = tiers[0], p.may[tiers[0]] if only is None else only
        place = np.flatnonzero(among)
        cost = sum((self.cost[t][place] for t in dict.fromkeys(tiers)), np.zeros(len(place))) + p.fixed[place]
        need = p.need[tier][place]
        if np.isinf(p.worst_case_s):
            need = np.zeros(len(place))
        order = np.lexsort((self.unit[tier][place], cost, need))
        place, cost, need = place[order], cost[order], need[order]
        before = np.concatenate(([np.inf], np.minimum.accumulate(cost)[:-1])) if len(cost) else cost
        front = cost < before
        return _Options(need[front], cost[front], place[front])

    def _least(self, tier: TierName) -> float:
        """No set pays less for this tier: not even one that shares a box."""
        return float(self.cost[tier][self.p.may[tier]].min())

    def _found(self, tiers: dict[TierName, int]) -> Found:
        p = self.p
        unpriced = sum(1 for tier, place in tiers.items() if np.isnan(p.cost[tier][place]))
        usd = sum(float(np.nan_to_num(p.cost[tier][place])) for tier, place in tiers.items())
        return Found(tiers, self.shared, unpriced, usd + sum(float(p.fixed[place]) for place in set(tiers.values())))

"""Does a saved decision still hold? Asked of a new snapshot each quarter, with what moved it if it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol

from ..catalog.catalog import Catalog
from ..cost.workload import Workload
from ..errors import LlmlabError, ScenarioError
from . import words
from .asks import asks
from .constraints import TIERS, Constraints, TierName
from .facts import Facts
from .recommend import recommend, usd_per_period
from .recommendation import Recommendation
from .search import Found, Problem, pose, value_of

Verdict = Literal["holds", "dearer", "broken"]


class Saved(Protocol):
    """What is read of a saved scenario: the question, and the catalog that it was decided on."""

    @property
    def name(self) -> str: ...
    @property
    def workload(self) -> Workload: ...
    @property
    def constraints(self) -> Constraints | None: ...
    @property
    def decided(self) -> Decided | None: ...
    def load_catalog(self) -> Catalog: ...


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What was decided: endpoint ids by tier, on which day, and what they cost per period (`None`: unpriced)."""

    tiers: Mapping[TierName, str]
    as_of: date
    usd_per_period: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One reason: `what` is `gone`, `fell`, `price`, `rules` or `better`, of the tier's `endpoint`."""

    what: Literal["gone", "fell", "price", "rules", "better"]
    tier: TierName | None
    endpoint: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redecision:
    """`holds`: the decided set is allowed and nothing beats it. `dearer`: allowed, and another set is better now.
    `broken`: it can no longer be what it was. `before` and `still` are what it cost per period then, and costs now."""

    name: str
    verdict: Verdict
    decided: Mapping[TierName, str]
    before: Decimal | None
    still: Decimal | None
    after: Recommendation = field(repr=False)
    moved: tuple[Moved, ...] = ()

    @property
    def holds(self) -> bool:
        return self.verdict == "holds"

    @property
    def words(self) -> str:
        """One line for a log."""
        now = {"holds": "still holds", "dearer": "is allowed and no longer the best", "broken": "no longer holds"}
        reasons = "; ".join(dict.fromkeys(m.words for m in self.moved))
        return f"{self.name or 'unnamed'}: {now[self.verdict]}{f': {reasons}' if reasons else ''}"


def decide(recommendation: Recommendation) -> Decided:
    """A recommendation as it is saved. Raises `LlmlabError` where nothing is recommended."""
    if not recommendation.tiers:
        raise LlmlabError("nothing is recommended, so there is nothing to save; relax a constraint first")
    usd = recommendation.usd_per_period
    return Decided(
        tiers=recommendation.endpoints,
        as_of=recommendation.as_of,
        usd_per_period=None if usd is None else Decimal(f"{usd:.12g}"),  # below any invoice
    )


def redecide(scenario: Saved, catalog: Catalog, *, as_of: date | None = None) -> Redecision:
    """Whether what `scenario` decided still holds on `catalog`, as it is on `as_of` (the catalog's day unless said).

    A scenario that saved no decision is decided on its pinned catalog first, on that catalog's day. Raises
    `ScenarioError` for one without constraints, and where the pin no longer says what it said.
    """
    if scenario.constraints is None:
        raise ScenarioError(f"scenario {scenario.name!r} has no constraints, so that no set was decided; add some")
    if scenario.decided is not None and set(scenario.decided.tiers) != set(TIERS):
        raise ScenarioError(f"scenario {scenario.name!r}: `decided` must name {', '.join(TIERS)}")
    day = as_of or catalog.as_of
    then = scenario.decided or _on_the_pin(scenario, scenario.constraints)
    now = recommend(scenario.constraints, scenario.workload, catalog, as_of=day)
    facts = Facts(scenario.constraints, scenario.workload, catalog, day)
    found, gone = _places(then, facts)
    problem = pose(scenario.constraints, facts, asks(scenario.constraints, facts))
    worth = value_of(found, problem) if not gone else None
    still = None if worth is None else usd_per_period(scenario.constraints, facts, worth)
    moved = [*gone, *_fallen(found, facts, now)]
    if worth is None and not moved:
        moved.append(
            Moved(
                what="rules", tier=None, endpoint="", words="the four no longer go together: vendor, host or worst case"
            )
        )
    moved += _dearer(then, still, scenario.workload.period)
    verdict: Verdict = "broken" if worth is None else "dearer" if _beaten(worth, now, facts, problem) else "holds"
    if verdict == "dearer":
        moved += _better(then, now, still)
    return Redecision(
        name=scenario.name,
        verdict=verdict,
        decided=then.tiers,
        before=then.usd_per_period,
        still=still,
        after=now,
        moved=tuple(moved),
    )


def _on_the_pin(scenario: Saved, constraints: Constraints) -> Decided:
    pinned = scenario.load_catalog()
    found = recommend(constraints, scenario.workload, pinned, as_of=pinned.as_of)
    if found.conflict is not None:
        raise ScenarioError(f"scenario {scenario.name!r} has no set on its own catalog: {found.conflict.words}")
    return decide(found)


def _places(then: Decided, facts: Facts) -> tuple[dict[TierName, int], list[Moved]]:
    """Where the decided endpoints stand in the new catalog, by today's or an earlier id; and those that are gone."""
    index = {old: i for i, e in enumerate(facts.endpoints) for old in e.formerly}
    index |= {e.id: i for i, e in enumerate(facts.endpoints)}
    found = {tier: index[then.tiers[tier]] for tier in TIERS if then.tiers.get(tier) in index}
    gone = [
        Moved(what="gone", tier=tier, endpoint=id, words=f"{id} ({tier}) is no longer in the catalog")
        for tier in TIERS
        if tier not in found and (id := then.tiers.get(tier, ""))
    ]
    return found, gone


def _fallen(found: Mapping[TierName, int], facts: Facts, now: Recommendation) -> list[Moved]:
    fallen = []
    for tier, place in found.items():
        standing = now.walk.of(facts.endpoints[place].id)
        if standing.fell_at is not None or tier not in standing.tiers:
            why = standing.why or standing.not_for[tier]
            fallen.append(
                Moved(what="fell", tier=tier, endpoint=standing.endpoint, words=f"{standing.endpoint} ({tier}): {why}")
            )
    return fallen


def _dearer(then: Decided, still: Decimal | None, period: str) -> list[Moved]:
    before = then.usd_per_period
    if before is None or still is None or abs(still - before) <= abs(before) * Decimal("1e-9"):
        return []
    verb = "rose" if still > before else "fell"
    said = f"its cost {verb} from {words.dollars(before)} to {words.dollars(still)} a {period}"
    return [Moved(what="price", tier=None, endpoint="", words=said)]


def _beaten(worth: Found, now: Recommendation, facts: Facts, problem: Problem) -> bool:
    """Whether the new best set is better by more than a name."""
    index = {e.id: i for i, e in enumerate(facts.endpoints)}
    best = value_of({tier: index[id] for tier, id in now.endpoints.items()}, problem)
    assert best is not None
    return best.key[:3] < worth.key[:3] or (best.key[:3] == worth.key[:3] and best.usd < worth.usd * (1 - 1e-9))


def _better(then: Decided, now: Recommendation, still: Decimal | None) -> list[Moved]:
    usd, period = now.usd_per_period, now.workload.period
    saved = (
        f", saves {words.dollars(still - usd)} a {period}"
        if still is not None and usd is not None and usd < still
        else ""
    )
    return [
        Moved(what="better", tier=tier, endpoint=id, words=f"{id} as {tier} instead of {then.tiers[tier]}{saved}")
        for tier, id in now.endpoints.items()
        if id != then.tiers[tier]
    ]

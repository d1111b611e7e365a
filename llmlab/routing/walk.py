"""Walking the tree: the path that is lit, and for every endpoint where it fell and why, or that it survived."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from ..catalog.catalog import Catalog
from ..catalog.records import MeasuredLatency
from ..cost.workload import Workload
from ..errors import UnknownNameError
from .asks import Ask, asks
from .constraints import TIERS, Constraints, TierName
from .facts import UNKNOWN, YES, Facts
from .tree import tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A class that a lit branch names, and the endpoints that the catalog has for it at that point of the walk."""

    id: str
    title: str
    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question as it was answered. `fell` endpoints ended here, `unknown` of them because nobody says; `left` go
    on, `left_for` each tier."""

    node: str
    ask: str
    answers: tuple[str, ...]
    asked: tuple[str, ...]
    fell: int
    unknown: int
    left: int
    left_for: Mapping[TierName, int]
    leaves: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One endpoint. `fell_at` is a node, `None` for a survivor; then `tiers` says for what, and `not_for` why not for
    the others."""

    endpoint: str
    fell_at: str | None = None
    why: str = ""
    unknown: bool = False
    tiers: tuple[TierName, ...] = ()
    not_for: Mapping[TierName, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Walk:
    """The path through the tree and where everybody stands, in the catalog's order."""

    steps: tuple[Step, ...]
    standings: tuple[Standing, ...]

    @property
    def path(self) -> tuple[tuple[str, str], ...]:
        """What is lit: a node and the label of its branch."""
        return tuple((step.node, answer) for step in self.steps for answer in step.answers)

    @property
    def survivors(self) -> tuple[str, ...]:
        """Endpoints that are left for one tier or more."""
        return tuple(s.endpoint for s in self.standings if s.fell_at is None)

    @functools.cached_property
    def _by_id(self) -> dict[str, Standing]:
        return {s.endpoint: s for s in self.standings}

    def of(self, endpoint: str) -> Standing:
        """Where one endpoint stands, or `UnknownNameError`."""
        if endpoint not in self._by_id:
            raise UnknownNameError("endpoint", endpoint, self._by_id, where="walk")
        return self._by_id[endpoint]


def walk(
    constraints: Constraints,
    workload: Workload,
    catalog: Catalog,
    as_of: date | None = None,
    *,
    latency: Mapping[str, MeasuredLatency] | None = None,
) -> Walk:
    """Walk the tree with every endpoint of `catalog`, as it is on `as_of` (today unless said).

    `latency` lays measurements over the catalog, by endpoint id.
    """
    facts = Facts(constraints, workload, catalog, as_of or date.today(), latency)
    return walk_asks(constraints, facts, asks(constraints, facts))


def walk_asks(constraints: Constraints, facts: Facts, asked: list[Ask]) -> Walk:
    """The same of what is compiled already."""
    standing = {tier: np.ones(len(facts), dtype=bool) for tier in TIERS}
    failed_at = {tier: np.full(len(facts), -1) for tier in TIERS}
    alive = np.ones(len(facts), dtype=bool)
    fell: list[tuple[str, str, bool] | None] = [None] * len(facts)
    steps = []
    for node in tree().nodes:
        here = [(number, ask) for number, ask in enumerate(asked) if ask.node == node.id]
        lost: list[int] = []
        for number, ask in here:
            before = alive.copy()
            last = {tier: standing[tier].copy() for tier in TIERS}
            for tier in TIERS:
                failing = standing[tier] & (ask.states[tier] != YES)
                failed_at[tier][failing] = number
                standing[tier] &= ~failing
            alive = np.logical_or.reduce([standing[tier] for tier in TIERS])
            for i in np.flatnonzero(before & ~alive).tolist():
                tier = next(tier for tier in TIERS if last[tier][i])
                fell[i] = (node.id, ask.why(i, tier), bool(ask.states[tier][i] == UNKNOWN))
                lost.append(i)
        lit = node.lit(constraints, facts.workload)
        steps.append(
            Step(
                node=node.id,
                ask=node.ask,
                answers=tuple(branch.label for branch in lit),
                asked=tuple(ask.words for _, ask in here),
                fell=len(lost),
                unknown=sum(1 for i in lost if (end := fell[i]) and end[2]),
                left=int(alive.sum()),
                left_for={tier: int(standing[tier].sum()) for tier in TIERS},
                leaves=tuple(_leaf(branch.leaf, facts, alive.tolist()) for branch in lit if branch.leaf),
            )
        )
    standings = []
    for i, endpoint in enumerate(facts.endpoints):
        if (end := fell[i]) is not None:
            standings.append(Standing(endpoint=endpoint.id, fell_at=end[0], why=end[1], unknown=end[2]))
            continue
        tiers = tuple(tier for tier in TIERS if standing[tier][i])
        others = {tier: asked[failed_at[tier][i]].why(i, tier) for tier in TIERS if tier not in tiers}
        standings.append(Standing(endpoint=endpoint.id, tiers=tiers, not_for=others))
    return Walk(tuple(steps), tuple(standings))


def _leaf(id: str, facts: Facts, left: list[bool]) -> Leaf:
    found = tree().classes[id]
    everyone = zip(facts.endpoints, facts.models, facts.providers, left, strict=True)
    inside = tuple(e.id for e, m, p, still in everyone if still and found.matches(e, m, p))
    return Leaf(id=id, title=found.title, endpoints=inside)

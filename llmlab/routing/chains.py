"""What follows on what when a tier fails, and how long each may take, so that the worst case is kept.

No tier is retried: the fallback is the second attempt. A chain is a tier and one fallback, so that what a caller waits
at most is two timeouts. Smart falls back on backup; cheap and mid on backup, or on smart where backup is on their own
host and smart is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .constraints import TIERS, TierName
from .facts import Facts
from .knowledge import assumptions
from .search import Problem

Follows = Mapping[TierName, tuple[TierName, ...]]
_RANK: Mapping[TierName, int] = {"cheap": 0, "mid": 1, "smart": 2, "backup": 2}
_MS = 1000


@dataclass(frozen=True, slots=True)
class Chains:
    """Fallbacks on an outage and on a prompt that is too long, seconds per attempt, and the longest wait of a chain."""

    fallbacks: Follows
    context_window_fallbacks: Follows
    timeouts: Mapping[TierName, float]
    worst_case_s: float


def chain(tiers: Mapping[TierName, int], problem: Problem, facts: Facts) -> Chains:
    """The chains of a set, given as places in the catalog by tier."""
    need = {tier: float(problem.need[tier][place]) for tier, place in tiers.items()}
    targets: dict[TierName, TierName] = {tier: _target(tier, tiers, need, problem) for tier in TIERS[:2]}
    targets["smart"] = "backup"
    timeouts = _timeouts(targets, need, problem.worst_case_s)
    worst = max(timeouts[tier] + timeouts[target] for tier, target in targets.items())
    return Chains(
        {tier: (target,) for tier, target in targets.items()}, _larger(tiers, targets, facts), timeouts, round(worst, 3)
    )


def _target(tier: TierName, tiers: Mapping[TierName, int], need: Mapping[TierName, float], p: Problem) -> TierName:
    others: tuple[TierName, ...] = ("backup", "smart")
    in_time = [other for other in others if need[tier] <= p.worst_case_s - need[other]]
    elsewhere = [other for other in in_time if p.host[tiers[other]] != p.host[tiers[tier]]]
    return (elsewhere or in_time)[0]  # the search left one that is in time


def _timeouts(
    targets: Mapping[TierName, TierName], need: Mapping[TierName, float], most: float
) -> Mapping[TierName, float]:
    usual = assumptions().usual_timeout_s
    if math.isinf(most):
        return {tier: max(usual, math.ceil(need[tier])) for tier in TIERS}
    # The gateway takes a moment of its own: left out of the timeouts as far as the needs allow.
    needed = max(need[tier] + need[target] for tier, target in targets.items())
    most -= min(assumptions().gateway_s, max(most - needed, 0.0))
    # What is left after both needs is halved; a fallback leaves every tier before it what that one needs.
    spare = (most - need["smart"] - need["backup"]) / 2
    found: dict[TierName, float] = {}
    for fallback in ("smart", "backup"):
        before = [need[tier] for tier, target in targets.items() if target == fallback]
        found[fallback] = min(need[fallback] + spare, most - max(before, default=0.0))
    for tier in TIERS[:2]:
        found[tier] = most - found[targets[tier]]
    whole = {tier: math.floor(found[tier] * _MS + 1e-6) for tier in TIERS}
    for tier, target in targets.items():
        if whole[tier] / _MS + whole[target] / _MS > most:  # by a rounding
            whole[tier] -= 1
    return {tier: ms / _MS for tier, ms in whole.items()}


def _larger(tiers: Mapping[TierName, int], targets: Mapping[TierName, TierName], facts: Facts) -> Follows:
    """Where a prompt goes that is too long for a tier: to the largest window of no lesser tier, or, where only a lesser
    one covers what may fall onto it, to that."""
    windows = {tier: facts.windows[place] or 0 for tier, place in tiers.items()}
    found: dict[TierName, tuple[TierName, ...]] = {}
    for tier in TIERS:
        must = max([windows[before] for before, target in targets.items() if target == tier], default=0)
        no_lesser = [other for other in TIERS if _RANK[other] >= _RANK[tier]]
        widest = max(no_lesser, key=lambda other: windows[other])
        if windows[widest] < must:
            widest = max(TIERS, key=lambda other: windows[other])
        if windows[widest] > windows[tier]:
            found[tier] = (widest,)
    return found

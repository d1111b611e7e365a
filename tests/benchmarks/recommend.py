"""The best tier set of 4,000 endpoints; and beside trying every set, on a catalog that is small enough for that.

Trying every set of four among 4,000 endpoints would be 10^14 sums. What is compared is 90 endpoints, where both find
the same: that is checked, so that what is timed is the same work.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from llmlab.cost import Workload
from llmlab.routing import Constraints, LatencySla, Quality, recommend, walk
from llmlab.routing.asks import asks
from llmlab.routing.constraints import TIERS, TierName
from llmlab.routing.facts import Facts
from llmlab.routing.search import Problem, pose, solve
from tests.routing.made import DAY, many

from .rows import Row, in_turn, measure

ASKED = Constraints(
    residency="eu",
    latency=LatencySla(ttft_s=0.9, total_s=12.0),
    worst_case_s=30.0,
    quality=Quality(hard_kinds=("code",)),
)
FREE = Constraints(quality=Quality(hard_kinds=("code",)))
WORKLOAD = Workload()


def rows() -> list[Row]:
    large = many(4_000)
    job = f"recommend over {len(large):,} endpoints"
    found = [
        _alone(f"{job}, four constraints", lambda: recommend(ASKED, WORKLOAD, large, as_of=DAY), 0.5),
        _alone(f"{job}, one", lambda: recommend(FREE, WORKLOAD, large, as_of=DAY), 0.5),
    ]
    november = many(121)
    found.append(_alone("walk over 121 endpoints", lambda: walk(ASKED, WORKLOAD, november, DAY), 0.05))
    return [*found, _beside_brute_force()]


def _alone(job: str, run: Callable[[], object], wanted: float) -> Row:
    return Row(job=job, ours=measure(in_turn({"": run}, rounds=5)[""]), wanted=wanted)


def _beside_brute_force() -> Row:
    """The search alone, on what is compiled already."""
    facts = Facts(FREE, WORKLOAD, many(90), DAY)
    problem = pose(FREE, facts, asks(FREE, facts))
    found, least = solve(problem), every_set(problem)
    assert found is not None
    np.testing.assert_allclose((found.shared, found.usd), least, rtol=1e-9)
    seconds = in_turn({"ours": lambda: solve(problem), "theirs": lambda: every_set(problem)}, rounds=5)
    return Row(
        job="search over 90 endpoints", ours=measure(seconds["ours"]), peer="every set tried in Python",
        theirs=measure(seconds["theirs"]), limit=1 / 50,
    )  # fmt: skip


def every_set(p: Problem) -> tuple[int, float]:
    """The least of all sets without regions and waits: whether smart and backup share a host, and dollars."""
    cost = {tier: p.cost[tier].tolist() for tier in TIERS}
    fixed, maker, host = p.fixed.tolist(), p.maker.tolist(), p.host.tolist()
    may: dict[TierName, list[int]] = {
        tier: np.flatnonzero(p.may[tier] & ~np.isnan(p.cost[tier])).tolist() for tier in TIERS
    }
    least = (9, float("inf"))
    for c, m, s, b in product(*(may[tier] for tier in TIERS)):
        if maker[s] != maker[b]:
            usd = cost["cheap"][c] + cost["mid"][m] + cost["smart"][s] + sum(fixed[i] for i in {c, m, s, b})
            least = min(least, (2 * (host[s] == host[b]), usd))
    return least

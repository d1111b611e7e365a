"""The search finds the best set that there is: every set is tried beside it, by rules written again in plain Python."""

from __future__ import annotations

import math
import random
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from llmlab.catalog import Catalog, Endpoint
from llmlab.cost import Workload
from llmlab.routing import Constraints
from llmlab.routing.asks import asks
from llmlab.routing.constraints import TIERS, TierName
from llmlab.routing.facts import Facts, Ints
from llmlab.routing.search import Found, Problem, pose, solve, value_of

from . import rules
from .made import DAY, catalogs, constraints, relaxed, workloads

often = settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def found_on(c: Constraints, w: Workload, catalog: Catalog) -> Found | None:
    facts = Facts(c, w, catalog, DAY)
    return solve(pose(c, facts, asks(c, facts)))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Bare searches in small whole numbers, with boxes that tiers may share and waits that nearly fill the worst case:
    what catalogs rarely have together."""
    rng = random.Random(draw(st.integers(0, 10**9)))
    count = rng.randint(3, 7)

    def column(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([rng.choice(values) for _ in range(count)], dtype=float)

    def numbers(*values: int) -> Ints:
        return np.array([rng.choice(values) for _ in range(count)], dtype=np.int64)

    cost = {tier: column(0, 1, 2, 3, 5, 8) for tier in TIERS}
    if rng.random() < 0.3:
        nobody_says = column(0, 0, 0, 1) > 0
        cost = {tier: np.where(nobody_says, np.nan, usd) for tier, usd in cost.items()}
    smart, need = column(0, 1, 2, 3), column(0, 1, 2, 3)
    return Problem(
        may={tier: column(0, 1, 1, 1) > 0 for tier in TIERS},
        cost=cost | {"backup": cost["backup"] * 0},
        unit={tier: column(1, 2, 3) for tier in TIERS},
        fixed=column(0, 0, 2, 4) if rng.random() < 0.7 else column(0),
        need={"cheap": need, "mid": need, "smart": np.maximum(need, smart), "backup": np.maximum(need, smart)},
        maker=numbers(-1, 0, 0, 1, 1, 2),
        host=numbers(*range(rng.randint(1, 3))),
        regions=numbers(-2, -1, 0, 1),
        worst_case_s=rng.choice((math.inf, 3.0, 4.0, 5.0)),
        one_surface=rng.random() < 0.2,
    )


def worth(p: Problem, c: int, m: int, s: int, b: int) -> tuple[bool, int, int, float] | None:
    """What one set is compared by, `None` where it breaks a rule."""
    tiers = dict(zip(TIERS, (c, m, s, b), strict=True))
    need = {tier: p.need[tier][i] for tier, i in tiers.items()}
    left = p.worst_case_s - min(need["smart"], need["backup"])
    apart = len({int(p.host[i]) for i in tiers.values()}) > 1
    if (
        not all(p.may[tier][i] for tier, i in tiers.items())
        or p.maker[s] == p.maker[b] or -1 in (p.maker[s], p.maker[b])
        or need["smart"] + need["backup"] > p.worst_case_s or max(need["cheap"], need["mid"]) > left
        or (p.one_surface and apart)
    ):  # fmt: skip
        return None
    here, there = p.regions[s], p.regions[b]
    regions = -1 not in (here, there) and (-2 in (here, there) or here != there)
    shared = 0 if p.host[s] != p.host[b] else 1 if regions else 2
    usd = [float(p.cost[tier][i]) for tier, i in tiers.items()]
    unpriced = sum(math.isnan(amount) for amount in usd)
    paid = sum(amount for amount in usd if not math.isnan(amount))
    return unpriced > 0, shared, unpriced, paid + sum(float(p.fixed[i]) for i in set(tiers.values()))


@settings(often, max_examples=600)
@given(problems())
def test_the_search_agrees_with_trying_every_set(p: Problem) -> None:
    four = product(range(len(p.maker)), repeat=4)
    least = min((value for places in four if (value := worth(p, *places)) is not None), default=None)
    found = solve(p)
    event("a set" if least else "none")
    assert (found.key if found else None) == least
    if found is not None:
        assert worth(p, *(found.tiers[tier] for tier in TIERS)) == least


def every_set(c: Constraints, w: Workload, catalog: Catalog) -> list[dict[TierName, Endpoint]]:
    """All sets that the rules allow."""
    may = {tier: [e for e in catalog if rules.meets(e, tier, c, w, catalog)] for tier in TIERS}
    sets = (dict(zip(TIERS, four, strict=True)) for four in product(*(may[tier] for tier in TIERS)))
    return [chosen for chosen in sets if rules.together(chosen, c, w, catalog)]


@often
@given(constraints(), workloads, catalogs(most=14))
def test_no_set_is_better_than_the_one_that_is_found(c: Constraints, w: Workload, catalog: Catalog) -> None:
    allowed = every_set(c, w, catalog)
    found = found_on(c, w, catalog)
    event("a set" if allowed else "none")
    if not allowed:
        assert found is None
        return
    assert found is not None
    billed = rules.bills(c, w, catalog)
    least = min(rules.value(chosen, c, catalog, billed) for chosen in allowed)
    assert found.key[:3] == least[:3]
    assert found.usd == pytest.approx(least[3], rel=1e-9, abs=1e-9)
    chosen = {tier: catalog.endpoints[place] for tier, place in found.tiers.items()}
    assert chosen in allowed
    assert rules.value(chosen, c, catalog, billed) == pytest.approx(found.key, rel=1e-9, abs=1e-9)


@often
@given(constraints(), workloads, catalogs(most=40))
def test_relaxing_a_constraint_never_makes_the_best_set_worse(c: Constraints, w: Workload, catalog: Catalog) -> None:
    # Better is: priced, then a second host, then dollars. A second host that only a relaxed constraint allows may cost.
    found = found_on(c, w, catalog)
    if found is None:
        return
    for name, looser in relaxed(c):
        after = found_on(looser, w, catalog)
        assert after is not None, name
        assert after.key[:3] <= found.key[:3], name
        if after.key[:3] == found.key[:3]:
            assert after.usd <= found.usd * (1 + 1e-9), name


@often
@given(constraints(), workloads, catalogs(most=14), st.data())
def test_a_given_set_is_worth_what_the_rules_say(
    c: Constraints, w: Workload, catalog: Catalog, data: st.DataObject
) -> None:
    # Mostly of endpoints that the tier may be drawn from, so that the rules between the four decide.
    all_places = range(len(catalog))
    fit = {t: [i for i in all_places if rules.meets(catalog.endpoints[i], t, c, w, catalog)] for t in TIERS}
    places = {tier: data.draw(st.sampled_from(fit[tier] * 9 + [*all_places])) for tier in TIERS}
    chosen = {tier: catalog.endpoints[place] for tier, place in places.items()}
    facts = Facts(c, w, catalog, DAY)
    worth = value_of(places, pose(c, facts, asks(c, facts)))
    allowed = all(rules.meets(e, tier, c, w, catalog) for tier, e in chosen.items())
    if not allowed or not rules.together(chosen, c, w, catalog):
        assert worth is None
    else:
        assert worth is not None
        assert worth.key == pytest.approx(
            rules.value(chosen, c, catalog, rules.bills(c, w, catalog)), rel=1e-9, abs=1e-9
        )

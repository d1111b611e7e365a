"""The search finds the best set that there is: every set is tried beside it, by rules written again in plain Python."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from llmlab.catalog import Catalog, Endpoint
from llmlab.cost import Workload
from llmlab.routing import Constraints
from llmlab.routing.asks import asks
from llmlab.routing.constraints import TIERS, TierName
from llmlab.routing.facts import Facts
from llmlab.routing.search import Found, pose, solve, value_of

from . import rules
from .made import DAY, catalogs, constraints, relaxed, workloads

often = settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def found_on(c: Constraints, w: Workload, catalog: Catalog) -> Found | None:
    facts = Facts(c, w, catalog, DAY)
    return solve(pose(c, facts, asks(c, facts)))


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

"""No recommendation ever breaks a rule, and what it says of itself adds up."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from llmlab.catalog import Catalog, Evidence, PriceList, load_catalog
from llmlab.cost import Workload, ledger
from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.routing import Constraints, Ecosystem, LatencySla, Quality, Recommendation, recommend
from llmlab.routing.asks import asks
from llmlab.routing.conflicts import keeping
from llmlab.routing.constraints import OWN_NETWORK, TIERS
from llmlab.routing.facts import Facts

from . import rules
from .made import DAY, catalogs, constraints, workloads

often = settings(
    max_examples=150, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
sometimes = settings(often, max_examples=40)  # where each example asks for many recommendations
NOVEMBER = load_catalog("2026-11")


def on_november(c: Constraints, w: Workload | None = None, catalog: Catalog = NOVEMBER) -> Recommendation:
    return recommend(c, w or Workload(), catalog, as_of=NOVEMBER.as_of)


# --- Rules of any result


@often
@given(constraints(), workloads, catalogs(most=30))
def test_no_recommendation_breaks_a_rule(c: Constraints, w: Workload, catalog: Catalog) -> None:
    found = recommend(c, w, catalog, as_of=DAY)
    if not found.tiers:
        assert found.conflict is not None
        return
    chosen = {tier: choice.endpoint for tier, choice in found.tiers.items()}
    assert set(chosen) == set(TIERS)
    for tier, endpoint in chosen.items():
        assert rules.meets(endpoint, tier, c, w, catalog), tier
        assert tier in found.walk.of(endpoint.id).tiers
    assert rules.together(chosen, c, w, catalog)
    assert found.shared_host == (rules.shared(chosen, c, catalog) > 0)
    assert_chains_hold(found)
    assert_dollars_add_up(found)


def assert_chains_hold(found: Recommendation) -> None:
    """Fallbacks within the residency and the worst case, and never to a smaller window that nothing covers."""
    windows = {tier: choice.window or 0 for tier, choice in found.tiers.items()}
    assert set(found.fallbacks) == {"cheap", "mid", "smart"}
    assert found.fallbacks["smart"] == ("backup",)
    for tier, (target,) in found.fallbacks.items():
        if windows[target] < windows[tier]:
            (wider,) = found.context_window_fallbacks[target]
            assert windows[wider] >= windows[tier]
    for tier, (wider,) in found.context_window_fallbacks.items():
        assert windows[wider] > windows[tier]
    waits = [
        (1 + found.num_retries) * (found.timeouts[tier] + found.timeouts[target])
        for tier, (target,) in found.fallbacks.items()
    ]
    assert found.worst_case_s == pytest.approx(max(waits), abs=1e-3)
    assert all(seconds > 0 for seconds in found.timeouts.values())
    most = found.constraints.worst_case_s
    assert most is None or max(waits) <= most
    if most is not None:
        for tier, choice in found.tiers.items():
            need = rules.need(choice.endpoint, tier, found.constraints, found.workload)
            assert found.timeouts[tier] >= need - 2e-3, tier


def assert_dollars_add_up(found: Recommendation) -> None:
    by_tier = [choice.usd_per_period for choice in found.tiers.values() if choice.share]
    if found.usd_per_period is None:
        assert None in by_tier
        return
    everything = [choice.usd_per_period or Decimal(0) for choice in found.tiers.values()]
    assert sum(everything) == found.usd_per_period
    assert found.usd_per_request == found.usd_per_period / found.workload.requests


@sometimes
@given(constraints(), workloads, catalogs(most=20))
def test_every_change_is_what_it_says(c: Constraints, w: Workload, catalog: Catalog) -> None:
    found = recommend(c, w, catalog, as_of=DAY)
    for change in found.changes[:3]:
        again = recommend(change.constraints, change.workload, catalog, as_of=DAY)
        assert again.endpoints == change.tiers, change.words
        assert again.usd_per_period == change.usd_per_period
        assert change.tiers != found.endpoints


@sometimes
@given(constraints(), workloads, catalogs(most=16))
def test_a_conflict_is_the_fewest_asks_that_cannot_be_met_and_comes_with_a_way_out(
    c: Constraints, w: Workload, catalog: Catalog
) -> None:
    found = recommend(c, w, catalog, as_of=DAY)
    if found.conflict is None:
        return
    assert found.conflict.words
    facts = Facts(c, w, catalog, DAY)
    asked = [ask.name for ask in asks(c, facts) if ask.given_up is not None]

    def conflict(names: tuple[str, ...]) -> bool:
        return recommend(keeping(c, facts, names), w, catalog, as_of=DAY).conflict is not None

    assert conflict(tuple(found.conflict.asks))
    for size in range(len(found.conflict.asks)):
        assert not any(conflict(few) for few in itertools.combinations(asked, size))
    nearest = found.conflict.nearest
    if found.conflict.asks:
        assert nearest is not None
        assert recommend(nearest.constraints, w, catalog, as_of=DAY).endpoints == nearest.tiers
    else:
        assert nearest is None


@often
@given(constraints(), workloads, catalogs(most=14))
def test_the_runner_up_is_the_next_best_of_all_sets(c: Constraints, w: Workload, catalog: Catalog) -> None:
    found = recommend(c, w, catalog, as_of=DAY)
    if not found.tiers:
        return
    busy = [tier for tier, choice in found.tiers.items() if choice.share]
    may = {tier: [e for e in catalog if rules.meets(e, tier, c, w, catalog)] for tier in TIERS}
    billed = rules.bills(c, w, catalog)
    others = [
        rules.value(chosen, c, catalog, billed)
        for four in itertools.product(*(may[tier] for tier in TIERS))
        if rules.together(chosen := dict(zip(TIERS, four, strict=True)), c, w, catalog)
        and any(chosen[tier].id != found.tiers[tier].endpoint.id for tier in busy)
    ]
    if not others:
        assert found.runner_up is None
        return
    assert found.runner_up is not None
    best = {tier: catalog.endpoint(id) for tier, id in found.runner_up.tiers.items()}
    assert rules.value(best, c, catalog, billed) == pytest.approx(min(others), rel=1e-9, abs=1e-9)


# --- On the snapshot of November


def test_a_tier_is_chosen_at_the_size_of_the_request_that_it_gets() -> None:
    small = on_november(Constraints(quality=Quality(hard_kinds=("math",))))
    large = on_november(Constraints(quality=Quality(hard_kinds=("math",), hard_input_tokens=300_000)))
    assert all((small.tiers[tier].window or 0) >= 4_000 for tier in TIERS)
    for tier in ("smart", "backup"):
        assert (large.tiers[tier].window or 0) >= 300_000
        bill = ledger(large.tiers[tier].endpoint, large.loads[tier].workload, NOVEMBER, as_of=NOVEMBER.as_of)
        assert large.tiers[tier].usd_per_request == bill.usd_per_request
    assert large.tiers["mid"].endpoint == small.tiers["mid"].endpoint


def test_backup_is_of_another_vendor_though_its_name_is_written_differently() -> None:
    # "OpenAI" and "OpenAI (open)", "Mistral" and "Mistral (open weights)" are one vendor each.
    vendors = ("openai", "groq")
    found = on_november(Constraints(ecosystem=Ecosystem(vendors=vendors)))
    assert found.conflict is not None
    assert "two vendors" in found.conflict.words or "openai and groq" in found.conflict.words


def test_one_audit_surface_is_one_host_and_its_shared_risk_is_said() -> None:
    found = on_november(Constraints(ecosystem=Ecosystem(clouds=("aws",), one_audit_surface=True)))
    assert {choice.host for choice in found.tiers.values()} == {"bedrock"}
    assert found.shared_host
    assert any(caution.code == "shared-host" for caution in found.warnings)


def test_on_a_shared_host_backup_is_called_in_another_region_where_two_are_known() -> None:
    kept = ("bedrock/eu.anthropic.claude-opus-4-7", "bedrock/eu.anthropic.claude-haiku-5-5", "bedrock/eu.deepseek.v3.2")
    regions = NOVEMBER.endpoint(kept[0]).regions
    two = NOVEMBER.where(lambda e: e.id in kept)
    placed = dataclasses.replace(
        two, endpoints=tuple(dataclasses.replace(e, regions=regions) if "deepseek" in e.id else e for e in two)
    )
    found = on_november(Constraints(residency="eu"), catalog=placed)
    assert found.shared_host
    assert found.tiers["smart"].region != found.tiers["backup"].region
    assert found.tiers["backup"].region in regions


def test_data_that_cannot_leave_stays_on_self_hosted_open_weights_though_nobody_prices_them() -> None:
    found = on_november(Constraints(residency=OWN_NETWORK))
    assert {choice.host for choice in found.tiers.values()} == {"self_host"}
    assert found.usd_per_period is None
    assert {"unpriced", "self-hosting-first"} <= {caution.code for caution in found.warnings}


def with_boxes(usd_per_hour: str) -> Catalog:
    said = Evidence(source="our rack", checked_on=NOVEMBER.as_of)
    box = PriceList(reserved_usd_per_hour=Decimal(usd_per_hour), evidence=said)
    boxed = (dataclasses.replace(e, prices=(box,)) if e.provider == "vllm" else e for e in NOVEMBER)
    return dataclasses.replace(NOVEMBER, endpoints=tuple(boxed))


def test_one_gpu_box_serves_mid_and_smart_and_is_paid_once() -> None:
    found = on_november(Constraints(residency=OWN_NETWORK), catalog=with_boxes("2"))
    assert found.tiers["mid"].endpoint == found.tiers["smart"].endpoint
    assert found.usd_per_period == 3 * 2 * 730  # cheap's, backup's, and the one that mid and smart share


def test_a_box_beats_tokens_only_where_enough_of_them_are_sent() -> None:
    open_only = Constraints(ecosystem=Ecosystem(open_weights_only=True), quality=Quality(hard_kinds=("code",)))
    few = on_november(open_only, Workload(requests=100_000), with_boxes("0.5"))
    many = on_november(open_only, Workload(requests=100_000_000), with_boxes("0.5"))
    assert few.tiers["mid"].host != "self_host"
    assert many.tiers["mid"].host == "self_host"


def test_the_seeds_patterns_to_avoid_come_with_their_dollars() -> None:
    found = on_november(Constraints())
    said = {caution.code: caution for caution in found.warnings}
    assert {"gpt-4o-by-habit", "opus-first", "provisioned-throughput"} <= set(said)
    assert "$1,500 a month" in said["gpt-4o-by-habit"].words  # the bill of 100,000 requests, as the seed has it
    assert said["gpt-4o-by-habit"].usd == 1500 - (found.usd_per_period or 0)
    assert "$2,600 a month" in said["opus-first"].words
    measured = on_november(Constraints(demand_measured=True))
    assert "provisioned-throughput" not in {caution.code for caution in measured.warnings}


def test_a_bound_on_p95_is_met_by_a_measurement_only() -> None:
    asked = Constraints(latency=LatencySla(ttft_s=2, percentile="p95"))
    step = next(s for s in on_november(asked).walk.steps if s.node == "latency")
    assert step.fell == step.unknown > 0
    assert step.left == 0


def test_relaxing_the_ttft_is_said_with_what_it_admits_and_saves() -> None:
    found = on_november(Constraints(latency=LatencySla(ttft_s=0.97)))
    (change,) = [change for change in found.changes if change.name == "ttft"]
    assert change.words.startswith("TTFT 970 ms -> ")
    assert "admits" in change.words
    again = on_november(change.constraints)
    assert again.endpoints == change.tiers
    ttft = change.constraints.latency.ttft_s
    assert ttft is not None
    just_under = dataclasses.replace(change.constraints, latency=LatencySla(ttft_s=ttft - 0.001))
    assert on_november(just_under).endpoints == found.endpoints


def test_own_scores_replace_buckets_and_strengths() -> None:
    scores = {"claude-sonnet-5-5": 0.9, "gpt-6-1-sol": 0.88, "claude-haiku-5-5": 0.7}
    quality = Quality(scores=scores, least={"cheap": 0.6, "mid": 0.6, "smart": 0.85, "backup": 0.85})
    found = on_november(Constraints(quality=quality))
    assert found.tiers["cheap"].endpoint.model == "claude-haiku-5-5"
    assert found.tiers["mid"].endpoint.model == "claude-haiku-5-5"  # small and fast, and good enough
    assert {found.tiers[t].endpoint.model for t in ("smart", "backup")} == {"claude-sonnet-5-5", "gpt-6-1-sol"}


def test_a_score_for_nothing_in_the_catalog_is_said() -> None:
    found = on_november(Constraints(quality=Quality(scores={"claude-sonet-5-5": 0.9})))
    assert any("did you mean claude-sonnet-5-5" in caution.words for caution in found.warnings)


def test_a_place_or_vendor_that_there_is_not_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="europe"):
        on_november(Constraints(residency="europe"))
    with pytest.raises(UnknownNameError, match="did you mean anthropic"):
        on_november(Constraints(ecosystem=Ecosystem(vendors=("antropic",))))
    with pytest.raises(LlmlabError, match="scores"):
        Quality(least={"mid": 0.5})


def test_retirement_is_judged_on_the_day_that_is_asked_for() -> None:
    early = recommend(Constraints(), Workload(), NOVEMBER, as_of=date(2026, 8, 1))
    assert early.walk.of("openai/gpt-5").fell_at is None
    assert on_november(Constraints()).walk.of("openai/gpt-5").fell_at == "alive"

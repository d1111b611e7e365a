"""From a recommendation to a plan: each deployment is dialled where it should be, and every failure ends in time."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from llmlab.catalog import load_catalog
from llmlab.cost import Workload
from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.gateway.deploying import deploy
from llmlab.gateway.litellm_yaml import to_config
from llmlab.gateway.plan import Deployment, PlannedTier, RouterPlan
from llmlab.gateway.planning import check, plan_router
from llmlab.routing.constraints import Constraints, Ecosystem
from llmlab.routing.recommend import recommend
from tests.gateway.plans import AS_OF, EU, deployment, eu_plan, overlaid, plan_of, recommendation

CATALOG = load_catalog("2026-11")
BULK = load_catalog("litellm")


def deployed(endpoint: str, **more: object) -> Deployment:
    return deploy(CATALOG.endpoint(endpoint), tier="mid", as_of=AS_OF, timeout_s=5.0, **more)  # type: ignore[arg-type]


def test_each_tier_is_one_deployment_with_an_id_that_says_who_and_where() -> None:
    plan = eu_plan()
    ids = {tier.name: [deployment.id for deployment in tier.deployments] for tier in plan.tiers}
    assert ids == {
        "cheap": ["cheap-bedrock-eu"],
        "mid": ["mid-bedrock-eu"],
        "smart": ["smart-vertex-eu"],
        "backup": ["backup-azure-eu"],
    }


def test_bedrock_is_told_its_region_and_vertex_its_location() -> None:
    mid, smart = (eu_plan().tier(name).deployments[0] for name in ("mid", "smart"))
    assert (mid.parameters["aws_region_name"], mid.region) == ("eu-central-1", "eu-central-1")
    assert (smart.parameters["vertex_location"], smart.region) == ("europe-west1", "europe-west1")


def test_every_shipped_bedrock_and_vertex_endpoint_is_dialled_inside_its_area() -> None:
    for endpoint in CATALOG:
        host = CATALOG.provider(endpoint.provider).host
        if host not in ("bedrock", "vertex"):
            continue
        found = deployed(endpoint.id)
        assert found.region is not None
        if endpoint.regions:
            assert found.region in endpoint.regions
        if endpoint.residency.scope == "eu":
            assert found.region.startswith(("eu-", "europe-"))


def test_a_region_that_was_chosen_is_dialled() -> None:
    assert deployed(EU["mid"], region="eu-west-3").parameters["aws_region_name"] == "eu-west-3"


def test_a_region_where_the_model_is_not_served_is_refused() -> None:
    with pytest.raises(LlmlabError, match="is not served in us-west-2; it is in eu-central-1"):
        deployed(EU["mid"], region="us-west-2")


def test_an_azure_deployment_has_a_name_of_ones_own_and_the_model_it_is_priced_as() -> None:
    backup = eu_plan().tier("backup").deployments[0]
    assert backup.litellm_model == "azure/gpt-5-1-datazone-eu"
    assert backup.parameters == {
        "api_base": "os.environ/AZURE_EU_API_BASE",
        "api_key": "os.environ/AZURE_EU_API_KEY",
        "api_version": "2024-10-21",
    }
    assert backup.model_info == {"base_model": "azure/eu/gpt-5.1"}


def test_openai_in_the_eu_is_another_host_with_a_key_of_its_own() -> None:
    found = deployed("openai/gpt-6-luna@eu")
    assert found.parameters == {
        "api_base": "https://eu.api.openai.com/v1",
        "api_key": "os.environ/OPENAI_EU_API_KEY",
    }


def test_two_servers_of_ones_own_have_an_address_each() -> None:
    ids = {"cheap": "vllm/meta-llama/Llama-3.1-8B-Instruct", "backup": "vllm/meta-llama/Llama-3.1-8B-Instruct"}
    plan = plan_router(recommendation(ids, residency="own-network"), name="inside")
    bases = [tier.deployments[0].parameters["api_base"] for tier in plan.tiers]
    assert bases == ["os.environ/CHEAP_VLLM_API_BASE", "os.environ/BACKUP_VLLM_API_BASE"]


def test_no_parameter_of_any_endpoint_holds_a_key() -> None:
    for endpoint in (*CATALOG, *BULK):
        if endpoint.litellm_model is None or endpoint.task != "text":
            continue
        found = deploy(endpoint, tier="mid", as_of=AS_OF, timeout_s=5.0)
        for name, value in found.parameters.items():
            if "key" in name or "credentials" in name:
                assert value.startswith("os.environ/"), endpoint.id


def test_an_endpoint_that_nobody_can_call_is_refused() -> None:
    nameless = dataclasses.replace(CATALOG.endpoint(EU["mid"]), litellm_model=None)
    with pytest.raises(LlmlabError, match="has no litellm_model"):
        deploy(nameless, tier="mid", as_of=AS_OF, timeout_s=5.0)


# --- Prices and windows


def test_what_litellm_lists_right_is_not_written_again() -> None:
    assert deployed("bedrock/eu.anthropic.claude-sonnet-4-6").model_info == {}
    assert deployed("anthropic/claude-sonnet-4-6").model_info == {}


def test_a_regional_surcharge_is_in_the_price() -> None:
    regional, worldwide = deployed("vertex_ai/claude-sonnet-4-6@eu"), deployed("vertex_ai/claude-sonnet-4-6")
    assert regional.model_info["input_cost_per_token"] == pytest.approx(3.3e-6)
    assert regional.model_info["output_cost_per_token"] == pytest.approx(16.5e-6)
    assert regional.model_info["cache_creation_input_token_cost_above_1hr"] == pytest.approx(6.6e-6)
    assert worldwide.model_info == {}


def test_a_discount_of_ones_own_is_in_the_price() -> None:
    catalog = overlaid("name: deal\ndiscounts: [{provider: anthropic, factor: 0.8, note: negotiated}]")
    found = deploy(catalog.endpoint("anthropic/claude-sonnet-4-6"), tier="mid", as_of=AS_OF, timeout_s=5.0)
    assert found.model_info["input_cost_per_token"] == pytest.approx(2.4e-6)


def test_a_price_for_long_prompts_is_in_the_price() -> None:
    catalog = overlaid("name: deal\ndiscounts: [{provider: gemini, factor: 0.5, note: negotiated}]")
    found = deploy(catalog.endpoint("gemini/gemini-2.5-pro"), tier="mid", as_of=AS_OF, timeout_s=5.0)
    assert found.model_info["input_cost_per_token_above_200k_tokens"] == pytest.approx(1.25e-6)
    assert found.model_info["output_cost_per_token_above_200k_tokens"] == pytest.approx(7.5e-6)


def test_a_window_that_litellm_does_not_know_is_written() -> None:
    own = dataclasses.replace(CATALOG.endpoint("vllm/meta-llama/Llama-3.3-70B-Instruct"), max_input_tokens=32_768)
    assert deploy(own, tier="mid", as_of=AS_OF, timeout_s=5.0).model_info["max_input_tokens"] == 32_768


# --- What follows on a failure


def test_a_plan_keeps_the_sla_in_the_worst_case() -> None:
    plan = eu_plan()
    assert (plan.wait_s("cheap"), plan.wait_s("mid"), plan.wait_s("backup")) == (8.0, 9.0, 4.0)
    assert plan.worst_case_s == 9.0 and plan.sla_s == 10.0


def test_a_worst_case_over_the_sla_is_refused_with_the_chain_that_takes_so_long() -> None:
    with pytest.raises(LlmlabError, match=r"may wait 9 s \(mid -> backup\), more than the 8 s allowed"):
        plan_router(recommendation(worst_case_s=8.0), name="too slow")


def test_a_tier_with_a_fallback_is_not_retried_and_the_last_one_is() -> None:
    plan = plan_router(recommendation(num_retries=1, worst_case_s=16.0), name="retries")
    assert {tier.name: plan.attempts(tier.name) for tier in plan.tiers} == {
        "cheap": 1, "mid": 1, "smart": 1, "backup": 2,
    }  # fmt: skip
    assert plan.worst_case_s == 5.0 + 2 * 4.0 + 3.0  # and LiteLLM's pauses


def test_lists_of_fallbacks_are_not_strung_together() -> None:
    ring = {"cheap": ("mid",), "mid": ("smart",), "smart": ("mid",)}
    plan = plan_router(recommendation(fallbacks=ring), name="ring")
    assert plan.max_fallbacks == 1
    assert plan.chain("cheap") == ("cheap", "mid")


def test_a_chain_is_walked_as_the_gateway_does() -> None:
    tiers = tuple(PlannedTier(name=name, deployments=(deployment(name, timeout_s=1.0),)) for name in "abcd")
    plan = RouterPlan(name="chain", tiers=tiers, fallbacks={"a": ("b", "c"), "b": ("d",), "c": ("a",)})
    assert plan.max_fallbacks == 2
    assert plan.chain("a") == ("a", "b", "d", "c")
    assert plan.worst_case_s == 4.0


def test_deployments_of_one_tier_that_stand_in_for_each_other_wait_in_turn() -> None:
    first, second = deployment("one", timeout_s=3.0), deployment("two", timeout_s=2.0, order=2)
    assert plan_of({"mid": (first, second)}).worst_case_s == 5.0
    assert plan_of({"mid": (first, dataclasses.replace(second, order=1))}).worst_case_s == 3.0


def test_a_prompt_that_is_too_long_goes_to_the_next_tier_that_takes_more() -> None:
    assert eu_plan().context_window_fallbacks == {"backup": ("smart",)}


def test_a_recommended_window_is_kept_and_a_smaller_one_refused() -> None:
    plan = plan_router(recommendation(context_window_fallbacks={"backup": ("mid",)}), name="mine")
    assert plan.context_window_fallbacks == {"backup": ("mid",)}
    with pytest.raises(LlmlabError, match=r"too long for mid \(1,000,000 tokens\) would go to backup \(272,000"):
        plan_router(recommendation(context_window_fallbacks={"mid": ("backup",)}), name="wrong")


def test_a_prompt_that_moved_to_a_larger_window_still_has_a_fallback_there() -> None:
    assert eu_plan().max_fallbacks == 2


def test_an_endpoint_that_may_leave_the_region_is_refused() -> None:
    anywhere = {**EU, "mid": "bedrock/global.anthropic.claude-sonnet-4-6"}
    with pytest.raises(LlmlabError, match=r"claude-sonnet-4-6 is called in us-east-1 \(scope global\)"):
        plan_router(recommendation(anywhere), name="leaks")
    assert plan_router(recommendation(anywhere, residency=None), name="anywhere").residency is None


def test_a_location_outside_the_region_is_refused() -> None:
    with pytest.raises(LlmlabError, match="claude-opus-5-5@eu is called in us-east5"):
        plan_router(recommendation(regions={"smart": "us-east5"}), name="leaks")


def test_a_fallback_to_a_tier_that_is_not_there_is_refused() -> None:
    plan = plan_of({"mid": (deployment("mid"),)}, fallbacks={"mid": ("bakup",)})
    with pytest.raises(UnknownNameError, match="unknown tier 'bakup'"):
        check(plan)


def test_nothing_recommended_is_nothing_to_build() -> None:
    with pytest.raises(LlmlabError, match="nothing is recommended"):
        plan_router(recommendation({}, timeouts={}), name="empty")


DESIGN_REVIEWS = {
    "an EU bank": Constraints(residency="eu", worst_case_s=40.0),
    "US": Constraints(residency="us"),
    "inside": Constraints(residency="own-network"),
    "anywhere": Constraints(),
    "overnight": Constraints(offline=True),
    "one audit surface": Constraints(ecosystem=Ecosystem(clouds=("aws",), one_audit_surface=True)),
    "GCP": Constraints(ecosystem=Ecosystem(clouds=("gcp",))),
    "Azure": Constraints(ecosystem=Ecosystem(clouds=("azure",))),
}


@pytest.mark.parametrize("review", DESIGN_REVIEWS)
def test_what_is_really_recommended_can_be_built_and_holds(review: str) -> None:
    constraints = DESIGN_REVIEWS[review]
    found = recommend(constraints, Workload(), CATALOG, as_of=AS_OF)
    plan = plan_router(found, name=review)
    assert {tier.name: tier.deployments[0].endpoint for tier in plan.tiers} == dict(found.endpoints)
    assert plan.worst_case_s == pytest.approx(found.worst_case_s)
    assert len({d.id for tier in plan.tiers for d in tier.deployments}) == len(plan.tiers)
    assert yaml.safe_load(plan.to_litellm()) == to_config(plan)
    if constraints.residency == "eu":
        assert {tier.deployments[0].scope for tier in plan.tiers} == {"eu"}


# --- Budgets and provenance


def test_budgets_go_to_the_tier_or_the_provider_that_they_name() -> None:
    plan = eu_plan(budgets={"smart": (Decimal(50), "1d"), "bedrock": (Decimal(200), "30d")})
    smart = plan.tier("smart").deployments[0]
    assert (smart.max_budget_usd, smart.budget_duration) == (Decimal(50), "1d")
    assert plan.provider_budgets == {"bedrock": (Decimal(200), "30d")}
    assert plan.tier("mid").deployments[0].max_budget_usd is None


def test_a_budget_for_nobody_or_for_no_period_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean bedrock"):
        eu_plan(budgets={"bedrok": (Decimal(50), "1d")})
    for dollars, period in ((Decimal(0), "1d"), (Decimal(5), "daily"), (Decimal(5), "0d")):
        with pytest.raises(LlmlabError, match="a budget is above"):
            eu_plan(budgets={"smart": (dollars, period)})


def test_a_plan_says_where_it_comes_from() -> None:
    said = eu_plan().provenance
    assert (said["scenario"], said["catalog"], said["catalog_hash"]) == ("EU bank", "2026-11", CATALOG.content_hash)
    assert said["as_of"] == "2026-11-23" and said["llmlab"]


def test_the_content_hash_is_of_what_a_plan_does_and_not_of_where_it_comes_from() -> None:
    plan = eu_plan()
    assert dataclasses.replace(plan, provenance={}).content_hash == plan.content_hash
    assert dataclasses.replace(plan, cooldown_s=31.0).content_hash != plan.content_hash


@given(
    lists=st.dictionaries(
        st.sampled_from("abcd"), st.lists(st.sampled_from("abcd"), unique=True, max_size=3).map(tuple)
    ),
    seconds=st.lists(st.integers(1, 20), min_size=4, max_size=4),
)
def test_a_chain_begins_with_itself_and_never_tries_twice(
    lists: dict[str, tuple[str, ...]], seconds: list[int]
) -> None:
    tiers = {name: (deployment(name, timeout_s=float(s)),) for name, s in zip("abcd", seconds, strict=True)}
    plan = plan_of(tiers, fallbacks=lists)
    for name in "abcd":
        chain = plan.chain(name)
        assert chain[0] == name and len(set(chain)) == len(chain)
        assert plan.worst_case_s >= plan.wait_s(name) >= plan.tier(name).deployments[0].timeout_s

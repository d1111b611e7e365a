"""Other gateways' formats: what they can say of a plan, and a list of what they cannot."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.gateway.other_formats import to_openrouter, to_portkey
from llmlab.gateway.planning import plan_router
from tests.gateway.plans import deployment, eu_plan, plan_of, recommendation


def lost(words: tuple[str, ...], about: str) -> str:
    """The one thing that was lost about something."""
    (found,) = [line for line in words if line.startswith(about)]
    return found


def test_an_openrouter_request_is_held_to_the_tiers_own_provider() -> None:
    told = to_openrouter(eu_plan(), "mid")
    assert told.config == {
        "provider": {
            "order": ["amazon-bedrock"],
            "only": ["amazon-bedrock"],
            "allow_fallbacks": False,
            "require_parameters": True,
        }
    }


def test_openrouter_is_told_the_order_of_several_deployments() -> None:
    plan = plan_of({"mid": (deployment("second", "azure/x", order=2), deployment("first", "openai/x"))})
    assert to_openrouter(plan, "mid").config["provider"]["order"] == ["openai", "azure"]


def test_openrouter_cannot_say_where_nor_when_to_give_up() -> None:
    words = to_openrouter(eu_plan(budgets={"smart": (Decimal(50), "1d")}), "smart").lost
    assert "in eu" in lost(words, "residency")
    assert "backup" in lost(words, "fallbacks")
    for about in ("model", "timeouts", "cool-down", "budgets", "prices", "context_window_fallbacks"):
        assert lost(words, about)


def test_a_server_of_ones_own_is_out_of_openrouters_reach() -> None:
    inside = plan_router(
        recommendation({"mid": "vllm/Qwen/Qwen2.5-72B-Instruct"}, residency="own-network", fallbacks={}), name="inside"
    )
    with pytest.raises(LlmlabError, match="mid is served by hosted_vllm, which OpenRouter cannot choose"):
        to_openrouter(inside, "mid")
    both = plan_of({"mid": (deployment("own", "hosted_vllm/x"), deployment("theirs", "openai/x", order=2))})
    told = to_openrouter(both, "mid")
    assert told.config["provider"]["only"] == ["openai"]
    assert lost(told.lost, "own") == "own: hosted_vllm is no provider there"


def test_a_tier_that_is_not_in_the_plan_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="did you mean smart"):
        to_openrouter(eu_plan(), "smrt")


def test_a_portkey_config_takes_the_tier_by_the_model_of_the_request() -> None:
    plan = eu_plan()
    config = to_portkey(plan).config
    strategy = config["strategy"]
    named = {target["name"]: target for target in config["targets"]}
    assert strategy["mode"] == "conditional"
    for condition in strategy["conditions"]:
        assert condition["query"] == {"params.model": {"$eq": condition["then"]}}
        assert condition["then"] in named
    assert list(named) == [tier.name for tier in plan.tiers]
    assert json.loads(json.dumps(config)) == config


def test_portkey_falls_back_along_the_chain_and_not_on_a_refusal() -> None:
    (mid,) = [target for target in to_portkey(eu_plan()).config["targets"] if target["name"] == "mid"]
    assert [target["provider"] for target in mid["targets"]] == ["@mid-bedrock-eu", "@backup-azure-eu"]
    assert mid["targets"][0]["override_params"] == {"model": "eu.anthropic.claude-sonnet-4-6"}
    assert mid["targets"][0]["request_timeout"] == 5000
    assert {429, 503, 408} <= set(mid["strategy"]["on_status_codes"])
    assert 400 not in mid["strategy"]["on_status_codes"]


def test_portkey_retries_only_where_nobody_else_is_left() -> None:
    plan = plan_router(recommendation(num_retries=1, worst_case_s=16.0), name="retries")
    (mid,) = [target for target in to_portkey(plan).config["targets"] if target["name"] == "mid"]
    first, last = mid["targets"]
    assert "retry" not in first and last["retry"] == {"attempts": 1}


def test_portkey_holds_no_key_and_says_what_to_make_there() -> None:
    plan = eu_plan()
    told = to_portkey(plan)
    assert "os.environ" not in json.dumps(told.config) and "api_key" not in json.dumps(told.config)
    assert "in eu-central-1" in lost(told.lost, "mid-bedrock-eu")
    assert "backup" in lost(told.lost, "context_window_fallbacks")


def test_what_a_plan_does_not_ask_for_is_not_lost() -> None:
    plan = plan_of({"mid": (deployment("one"),)})
    words = " ".join((*to_openrouter(plan, "mid").lost, *to_portkey(plan).lost))
    for nothing in ("residency", "budgets", "prices", "context_window", "content_policy", "fallbacks to"):
        assert nothing not in words

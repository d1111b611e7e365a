"""The seed's router: its own words, what is wrong with each, and the plan that does what it meant."""

from __future__ import annotations

import yaml

from llmlab.catalog import load_catalog
from llmlab.gateway.litellm_yaml import to_config
from llmlab.gateway.planning import check
from llmlab.gateway.seed_config import seed_config

SEED = seed_config()
PLAN = SEED.plan


def test_the_original_is_the_seeds_own_four_tiers() -> None:
    original = yaml.safe_load(SEED.original)
    assert [(entry["model_name"], entry["litellm_params"]["model"]) for entry in original["model_list"]] == [
        ("cheap", "groq/llama-3.3-8b"),
        ("mid", "anthropic/claude-sonnet-4-6"),
        ("smart", "anthropic/claude-opus-4-7"),
        ("smart-backup", "openai/gpt-5"),
    ]
    assert original["router_settings"] == {
        "fallbacks": [{"smart": ["smart-backup"]}, {"mid": ["smart"]}],
        "num_retries": 2,
        "timeout": 30,
        "routing_strategy": "simple-shuffle",
        "redis_host": "localhost",
        "cache_responses": True,
    }


def test_every_fault_that_quotes_a_line_quotes_one_that_is_there() -> None:
    lines = [line.strip() for line in SEED.original.splitlines()]
    elsewhere = {fault.text for fault in SEED.faults if fault.line is None}
    assert elsewhere == {
        "(no general_settings.master_key)",
        "(no content_policy_fallbacks)",
        "(no budget)",
        'api_key="anything"',
    }
    for fault in SEED.faults:
        if fault.line is not None:
            assert lines[fault.line - 1].startswith(fault.text)


def test_the_faults_come_in_the_order_of_the_lines_and_say_everything() -> None:
    numbers = [fault.line for fault in SEED.faults if fault.line is not None]
    assert numbers == sorted(numbers)
    assert all(fault.kind and fault.does and fault.mend for fault in SEED.faults)


def test_the_corrected_plan_would_pass_as_one_of_ours() -> None:
    check(PLAN)
    assert [tier.name for tier in PLAN.tiers] == ["cheap", "mid", "smart", "smart-backup"]


def test_thirty_seconds_are_now_what_a_caller_waits() -> None:
    assert PLAN.worst_case_s == PLAN.sla_s == 30.0


def test_an_outage_goes_to_another_vendor_and_never_to_the_dearest_tier() -> None:
    vendors = {tier.name: tier.deployments[0].litellm_model.partition("/")[0] for tier in PLAN.tiers}
    for tier, targets in PLAN.fallbacks.items():
        assert all(vendors[target] != vendors[tier] for target in targets)
        assert "smart" not in targets


def test_every_model_of_the_corrected_plan_is_alive_and_has_a_price() -> None:
    catalog = load_catalog("2026-11")
    for tier in PLAN.tiers:
        endpoint = catalog.endpoint(tier.deployments[0].endpoint)
        assert endpoint.status(catalog.as_of) == "live"
        price = endpoint.price_on(catalog.as_of)
        assert price is not None and price.priced


def test_what_was_missing_is_there() -> None:
    config = to_config(PLAN)
    settings = config["router_settings"]
    assert config["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert (settings["allowed_fails"], settings["cooldown_time"], settings["num_retries"]) == (2, 30, 0)
    assert settings["redis_url"] == "os.environ/REDIS_URL" and "cache_responses" not in settings
    assert {"cheap": ["mid"]} in settings["context_window_fallbacks"]
    assert {"smart": []} in settings["content_policy_fallbacks"]

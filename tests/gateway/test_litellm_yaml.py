"""The written router: what stands in it is what the plan says, for a YAML reader and for LiteLLM's own Router."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.errors import LlmlabError
from llmlab.gateway.lint import lint
from llmlab.gateway.litellm_yaml import to_config, to_yaml, variables
from llmlab.gateway.plan import Deployment, PlannedTier, RouterPlan
from llmlab.gateway.planning import plan_router
from llmlab.gateway.seed_config import seed_config
from llmlab.simulator import Refusal, SimulatedEndpoint, Simulator, Status
from tests.gateway.plans import deployment, eu_plan, plan_of, recommendation

SCRIPT = Path(__file__).with_name("router_calls.py")
PROJECT = Path(__file__).parents[2]
SECRET = r"^ *(\w*(?:key|credentials|password|redis_url)\w*): (\S+)"
MEANT = ["on", "1e3", "2024-10-21", "~", "a: b", "a # b", "- x", "[x]", "{x}", "&x", "!x", "%x"]  # in YAML
BUDGETS = {"smart": (Decimal(50), "1d"), "bedrock": (Decimal("199.50"), "30d")}
NATIVE = {
    "cheap": "gemini/gemini-3.8-flash",
    "mid": "vertex_ai/gemini-4-argon@eu",
    "smart": "openai/gpt-6-luna@eu",
    "backup": "vllm/Qwen/Qwen2.5-72B-Instruct",
}


@functools.cache
def plans() -> dict[str, RouterPlan]:
    return {
        "eu": eu_plan(budgets=BUDGETS),
        "seed": seed_config().plan,
        "native": plan_router(recommendation(NATIVE, residency=None), name="native"),
        "retries": plan_router(recommendation(num_retries=1, worst_case_s=16.0), name="retries"),
    }


def ask_litellm(*arguments: str, **environment: str) -> Any:
    run = subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "HTTPS_PROXY": "http://127.0.0.1:9"} | environment,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@functools.cache
def landed() -> dict[str, Any]:
    """What LiteLLM's Router made of every plan, asked once. Each variable is set to its own name."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, f"{name}.yaml") for name in plans()}
        for name, plan in plans().items():
            paths[name].write_text(to_yaml(plan), encoding="utf-8")
        names = {name: f"value-of-{name}" for plan in plans().values() for name in variables(plan)}
        found = ask_litellm("landed", *map(str, paths.values()), **names)
    return {name: found[str(path)] for name, path in paths.items()}


# --- As text


@pytest.mark.parametrize("name", ["eu", "seed", "native", "retries"])
def test_reading_it_back_gives_the_plan(name: str) -> None:
    assert yaml.safe_load(to_yaml(plans()[name])) == to_config(plans()[name])


def test_the_same_plan_gives_the_same_text() -> None:
    assert to_yaml(eu_plan()) == to_yaml(eu_plan()) == eu_plan().to_litellm()


def test_its_head_says_where_it_comes_from_and_how_long_a_caller_waits() -> None:
    plan = eu_plan()
    head = to_yaml(plan).split("\n\n")[0]
    for said in ("EU bank", "2026-11", plan.provenance["catalog_hash"], plan.provenance["llmlab"], plan.content_hash):
        assert said in head
    assert "in eu" in head and "9 s at most, 10 s allowed" in head


def test_the_lines_that_matter_in_a_failure_say_what_they_prevent() -> None:
    text = to_yaml(eu_plan(budgets=BUDGETS, redis=True))
    matter = (
        "aws_region_name", "vertex_location", "api_version", "timeout", "max_budget", "id", "base_model",
        "input_cost_per_token", "num_retries", "retry_policy", "max_fallbacks", "allowed_fails", "cooldown_time",
        "enable_pre_call_checks", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
        "provider_budget_config", "redis_url", "drop_params", "master_key",
    )  # fmt: skip
    for key in matter:
        first = re.search(rf"^[ -]*{key}:.*$", text, re.MULTILINE)
        assert first is not None and "  # " in first[0], key


def test_no_secret_stands_in_it() -> None:
    for plan in plans().values():
        for key, value in re.findall(SECRET, to_yaml(plan), re.MULTILINE):
            if "per_token" not in key:
                assert value.startswith("os.environ/"), key


def test_the_variables_are_those_that_it_names() -> None:
    plan = eu_plan(redis=True)
    assert set(variables(plan)) == set(re.findall(r"os\.environ/(\w+)", to_yaml(plan)))
    assert len(variables(plan)) == len(set(variables(plan)))


def test_a_tier_of_several_deployments_says_who_is_asked_first() -> None:
    plan = plan_of({"mid": (deployment("one"), deployment("two", order=2))})
    entries = to_config(plan)["model_list"]
    assert [entry["litellm_params"]["order"] for entry in entries] == [1, 2]
    assert "optional_pre_call_checks" not in to_config(plan)["router_settings"]


def test_deployments_that_take_turns_stick_to_a_warm_cache() -> None:
    plan = plan_of({"mid": (deployment("one"), deployment("two"))})
    assert to_config(plan)["router_settings"]["optional_pre_call_checks"] == ["prompt_caching"]


@pytest.mark.parametrize("name", ["os.environ/HOME", "all-*", " ", ""])
def test_a_name_that_litellm_reads_more_into_is_refused(name: str) -> None:
    with pytest.raises(LlmlabError, match="cannot name a tier or a deployment"):
        to_yaml(plan_of({name: (deployment("one"),)}))


def test_a_variable_that_no_shell_could_set_is_refused() -> None:
    plan = plan_of({"mid": (deployment("one", parameters={"api_key": "os.environ/A}; rm -rf ~"}),)})
    with pytest.raises(LlmlabError, match="cannot name an environment variable"):
        variables(plan)


HOSTILE = st.text(min_size=1, max_size=30).filter(lambda text: bool(text.strip()) and "*" not in text)


@settings(deadline=None)
@given(tier=HOSTILE, id=HOSTILE, model=HOSTILE, title=st.text(max_size=60), said=st.text(max_size=60))
def test_whatever_a_name_holds_it_stays_a_name(tier: str, id: str, model: str, title: str, said: str) -> None:
    one = Deployment(id=id, endpoint=model, litellm_model=f"openai/{model}", parameters={"api_base": said})
    plan = RouterPlan(
        name=title,
        tiers=(PlannedTier(name=tier, deployments=(one,)),),
        fallbacks={tier: (tier,)},
        provenance={"scenario": said},
    )
    text = to_yaml(plan)
    assert yaml.safe_load(text) == to_config(plan)
    assert text.splitlines() == text.split("\n")[:-1]  # no other character of Unicode breaks a line


@pytest.mark.parametrize("name", MEANT)
def test_a_name_that_yaml_has_a_meaning_for_is_still_that_name(name: str) -> None:
    plan = plan_of({name: (deployment(name),)}, fallbacks={name: (name,)})
    loaded = yaml.safe_load(to_yaml(plan))
    assert loaded["model_list"][0]["model_name"] == name
    assert loaded["router_settings"]["fallbacks"] == [{name: [name]}]


@pytest.mark.parametrize("name", ["eu", "seed", "native", "retries"])
def test_our_own_lint_has_nothing_against_it(name: str) -> None:
    plan = plans()[name]
    found = lint(to_yaml(plan), residency=plan.residency, sla_s=plan.sla_s)
    assert [str(finding) for finding in found if finding.severity == "error"] == []


# --- In LiteLLM's own Router


@pytest.mark.parametrize("name", ["eu", "seed", "native", "retries"])
def test_every_setting_lands_in_the_router(name: str) -> None:
    written, found = to_config(plans()[name])["router_settings"], landed()[name]["settings"]
    for setting, value in written.items():
        if setting in found and setting not in ("provider_budget_config", "model_group_retry_policy"):
            assert found[setting] == value, setting


@pytest.mark.parametrize("name", ["eu", "seed", "native", "retries"])
def test_every_parameter_lands_in_its_deployment_and_variables_are_read(name: str) -> None:
    found = landed()[name]["deployments"]
    assert set(found) == {d.id for tier in plans()[name].tiers for d in tier.deployments}
    for entry in to_config(plans()[name])["model_list"]:
        params = found[entry["model_info"]["id"]]["params"]
        for key, value in entry["litellm_params"].items():
            variable = str(value).removeprefix("os.environ/")
            assert params[key] == (f"value-of-{variable}" if variable != str(value) else value), key


def test_no_error_is_retried_where_there_is_a_fallback() -> None:
    assert set(landed()["retries"]["retry_policy"].values()) == {0}
    again = landed()["retries"]["settings"]["model_group_retry_policy"]
    assert set(again) == {"backup"}
    assert {error for error, tries in again["backup"].items() if tries} == {
        "TimeoutErrorRetries",
        "InternalServerErrorRetries",
    }


def test_budgets_are_in_the_spelling_that_is_enforced() -> None:
    assert landed()["eu"]["deployment_budgets"] == {"smart-vertex-eu": [50, "1d"]}
    assert landed()["eu"]["provider_budgets"] == {"bedrock": [199.5, "30d"]}
    assert landed()["seed"]["deployment_budgets"] == {"smart-anthropic": [50, "1d"]}


def test_the_router_knows_every_window() -> None:
    for name in ("eu", "seed"):
        for tier in plans()[name].tiers:
            for one in tier.deployments:
                assert landed()[name]["deployments"][one.id]["window"] == one.max_input_tokens


# Dollars per million tokens, in and out: as a regional endpoint, a Data Zone or a global one costs.
@pytest.mark.parametrize(
    ("name", "id", "rates"),
    [
        ("eu", "mid-bedrock-eu", (3.3, 16.5)),
        ("eu", "smart-vertex-eu", (4.4, 22.0)),
        ("eu", "backup-azure-eu", (1.375, 11.0)),
        ("seed", "mid-anthropic", (3.0, 15.0)),
        ("seed", "smart-backup-openai", (1.25, 10.0)),
        ("native", "smart-openai-eu", (0.11, 0.55)),
    ],
)
def test_a_call_is_charged_what_it_costs_and_a_surcharge_only_once(
    name: str, id: str, rates: tuple[float, float]
) -> None:
    expected = (1_000 * rates[0] + 100 * rates[1]) / 1e6
    assert landed()[name]["deployments"][id]["usd"] == pytest.approx(expected)


def test_refusals_outages_and_long_prompts_go_where_the_plan_says(tmp_path: Path) -> None:
    tiers = {"cheap": "azure/eu/gpt-5-mini", "mid": "azure/eu/gpt-5.1", "backup": "azure/eu/gpt-6.1-sol"}
    plan = plan_router(recommendation(tiers), name="three windows")
    assert plan.context_window_fallbacks == {"cheap": ("backup",), "mid": ("backup",)}
    names = {tier.name: tier.deployments[0].litellm_model.removeprefix("azure/") for tier in plan.tiers}
    path = tmp_path / "router.yaml"
    path.write_text(to_yaml(plan), encoding="utf-8")
    with Simulator([SimulatedEndpoint(name=name) for name in names.values()]) as simulator:
        simulator.script(names["mid"], [None, Refusal(), Status(code=503)])
        own = {"AZURE_EU_API_BASE": simulator.url, "AZURE_EU_API_KEY": "any", "HTTPS_PROXY": ""}
        came = ask_litellm("drilled", str(path), **own)[str(path)]
        asked = [request.endpoint for request in simulator.log()]
    assert came == {
        "fine": names["mid"],
        "refused": "ContentPolicyViolationError",
        "outage": names["backup"],
        "too long": names["backup"],
        "far too long": names["backup"],
    }
    mid, backup = names["mid"], names["backup"]
    assert asked == [mid, mid, mid, backup, backup, backup]


def test_without_a_larger_window_a_long_prompt_is_its_callers_and_nobody_is_asked(tmp_path: Path) -> None:
    tiers = {"cheap": "azure/eu/gpt-5-mini", "mid": "azure/eu/gpt-5.1", "backup": "azure/eu/gpt-5"}
    plan = plan_router(recommendation(tiers), name="one window")
    names = {tier.name: tier.deployments[0].litellm_model.removeprefix("azure/") for tier in plan.tiers}
    path = tmp_path / "router.yaml"
    path.write_text(to_yaml(dataclasses.replace(plan, cooldown_s=1.0)), encoding="utf-8")
    with Simulator([SimulatedEndpoint(name=name) for name in names.values()]) as simulator:
        own = {"AZURE_EU_API_BASE": simulator.url, "AZURE_EU_API_KEY": "any", "HTTPS_PROXY": ""}
        came = ask_litellm("drilled", str(path), **own)[str(path)]
        asked = [request.endpoint for request in simulator.log()]
    assert came["far too long"] == came["too long"] == "ContextWindowExceededError"
    assert asked == [names["mid"]] * 3

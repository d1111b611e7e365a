"""What is known of LiteLLM is read out of whichever release is installed, once."""

from __future__ import annotations

import ast
import json
from datetime import date
from pathlib import Path

import pytest

from llmlab.errors import LlmlabError
from llmlab.gateway.lint import installed as module
from llmlab.gateway.lint.installed import installed
from llmlab.gateway.lint.source import fields_of, kinds_of, read_keys

WELL_KNOWN = {
    "top": [
        "model_list",
        "router_settings",
        "litellm_settings",
        "general_settings",
        "environment_variables",
        "include",
    ],
    "general_settings": ["master_key", "database_url", "alerting", "store_model_in_db", "pass_through_endpoints"],
    "litellm_settings": [
        "drop_params",
        "num_retries",
        "request_timeout",
        "callbacks",
        "cache",
        "cache_params",
        "fallbacks",
    ],
    "router_settings": [
        "num_retries",
        "fallbacks",
        "redis_port",
        "allowed_fails",
        "provider_budget_config",
        "retry_policy",
    ],
    "deployment": ["model_name", "litellm_params", "model_info", "rpm"],
    "litellm_params": [
        "model",
        "api_key",
        "aws_region_name",
        "vertex_location",
        "order",
        "temperature",
        "tools",
        "top_k",
    ],
    "model_info": ["id", "base_model", "input_cost_per_token", "max_input_tokens", "mode", "supports_vision"],
    "retry_policy": ["TimeoutErrorRetries", "RateLimitErrorRetries"],
    "allowed_fails_policy": ["TimeoutErrorAllowedFails"],
    "coordination_redis": ["host", "port"],
    "cache_params": ["type", "ttl"],
}


@pytest.mark.parametrize("section", WELL_KNOWN)
def test_well_known_keys_are_found_in_the_installed_source(section: str) -> None:
    assert set(WELL_KNOWN[section]) <= installed().sections[section].keys()


def test_a_providers_budget_has_two_keys() -> None:
    assert set(installed().sections["provider_budget"]) == {"budget_limit", "time_period"}


def test_keys_that_a_config_may_not_set_are_not_known() -> None:
    assert "model_list" not in installed().sections["router_settings"]
    assert not {"budget_limit", "time_period"} & installed().sections["litellm_params"].keys()


def test_the_kinds_of_a_key_are_those_of_its_annotation() -> None:
    router = installed().sections["router_settings"]
    assert router["num_retries"] == "int|null"
    assert router["enable_pre_call_checks"] == "bool"
    assert router["fallbacks"] == "list"


def test_defaults_and_names_are_litellms() -> None:
    assert installed().defaults["allowed_fails"] == 3
    assert installed().defaults["max_fallbacks"] == 5
    assert "enforce_model_rate_limits" in installed().names["optional_pre_call_checks"]
    assert "simple-shuffle" in installed().names["routing_strategy"]
    assert {"anthropic", "bedrock", "hosted_vllm", "publicai"} <= set(installed().names["providers"])


def test_a_model_is_known_by_its_call_with_the_snapshots_facts() -> None:
    gpt_5 = installed().models["openai/gpt-5"]
    assert gpt_5 is installed().models["gpt-5"] or gpt_5 == installed().models["gpt-5"]
    assert (gpt_5.window, gpt_5.input, gpt_5.output) == (272_000, 1.25, 10.0)
    assert gpt_5.retires_on == date(2026, 12, 11)
    assert gpt_5.usd_per_request == pytest.approx(0.01)
    assert installed().models["bedrock/eu.anthropic.claude-sonnet-4-6"].scope == "eu"


def test_a_new_release_brings_its_own_keys(tmp_path: Path) -> None:
    """A stand-in for a release: the same files, with a parameter more, an attribute more and a look-up more."""
    real = module._folder()
    kept = (
        *("types/router.py", "types/utils.py", "types/litellm_params.py", "proxy/_types.py", "proxy/proxy_server.py"),
        *("constants.py", "main.py", "caching/caching.py", "router_strategy/budget_limiter.py"),
        *("model_prices_and_context_window_backup.json", "llms/openai_like/providers.json"),
    )
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(real / name)
    router = (real / "router.py").read_text(encoding="utf-8")
    added = router.replace("        polling_interval: float | None = None,", "        warp_factor: int = 9,")
    (tmp_path / "router.py").write_text(added, encoding="utf-8")
    init = (real / "__init__.py").read_text(encoding="utf-8")
    (tmp_path / "__init__.py").write_text(init + "\nwarp_drive: bool = False\n", encoding="utf-8")
    (tmp_path / "warp.py").write_text('x = general_settings.get("warp_core")\n', encoding="utf-8")
    sections = read_keys(tmp_path)["sections"]
    assert sections["router_settings"]["warp_factor"] == "int"
    assert "polling_interval" not in sections["router_settings"]
    assert sections["litellm_settings"]["warp_drive"] == "bool"
    assert "warp_core" in sections["general_settings"]


def test_a_release_that_moved_its_router_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(LlmlabError, match="has no types/router.py that can be read"):
        read_keys(tmp_path)


def test_annotations_become_kinds_and_what_is_no_kind_becomes_anything() -> None:
    tree = ast.parse(
        "from typing import *\n"
        "class Base:\n    a: Optional[int] = None\n    LIMIT: ClassVar[int] = 3\n"
        "class Own(Base):\n    b: Union[str, None]\n    c: list[str] | None\n    d: Literal['x', 'y']\n    e: Other\n"
    )
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    assert fields_of("Own", classes) == {"a": "int|null", "b": "null|str", "c": "list|null", "d": "str", "e": ""}
    assert kinds_of(None) == ""


def test_what_was_derived_is_kept_and_a_damaged_cache_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, folder = installed().version, tmp_path / "llmlab"
    fingerprint = module._fingerprint(module._folder(), version)
    whole = module._derived(module._folder(), fingerprint)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder.mkdir()
    kept = folder / f"litellm-{version}-{fingerprint}.json"
    kept.write_text(json.dumps(whole | {"defaults": whole["defaults"] | {"allowed_fails": 77.0}}), encoding="utf-8")
    assert installed().defaults["allowed_fails"] == 77.0
    kept.write_text("{ not JSON", encoding="utf-8")
    module._installed.cache_clear()
    assert installed().defaults["allowed_fails"] == 3.0
    assert json.loads(kept.read_bytes())["defaults"]["allowed_fails"] == 3.0


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "num_retries" in installed().sections["router_settings"]

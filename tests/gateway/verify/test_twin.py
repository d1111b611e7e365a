"""The twin and the other copies: the user's file with nothing changed but what is said, and no secret in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from llmlab.gateway.verify import copies
from llmlab.gateway.verify.drilling import staged
from llmlab.gateway.verify.environment import DUMMY
from llmlab.gateway.verify.program import drills, not_drilled, twin_of
from llmlab.gateway.verify.providers import with_dummies
from llmlab.gateway.verify.router_file import RouterFile, read
from llmlab.gateway.verify.twin import Stage, Twin, always
from llmlab.simulator import Hang
from tests.gateway.verify.files import CLAUDE, GPT, deployment, router_file

EU = Path(__file__).with_name("router_eu.yaml")
URL = "http://127.0.0.1:1"


def twin(file: RouterFile) -> Twin:
    base = twin_of(file)
    stages = {one.stage.number: one.stage for one in staged(file, drills(base, 10, redis=False))}
    return Twin(file, tuple(stages.values()), base.time_scale, base.window_scale)


def own(config: dict[str, Any], file: RouterFile) -> list[dict[str, Any]]:
    """The entries under the file's own names."""
    return [entry for entry in config["model_list"] if entry["model_name"] in file.members]


def test_the_files_own_groups_are_as_they_were_but_for_where_and_with_what_they_are_called() -> None:
    file = read(EU, {})
    config = twin(file).config(URL, "{}", 1)
    entries = own(config, file)
    assert len(entries) == len(file.ids)
    changed = set()
    for before, after in zip(file.data["model_list"], entries, strict=True):
        assert before["model_name"] == after["model_name"]
        old, new = before["litellm_params"], after["litellm_params"]
        changed |= {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        assert {**before["model_info"], "id": after["model_info"]["id"]} == after["model_info"]
    assert changed == {
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_bedrock_runtime_endpoint",
        "api_base",
        "api_key",
    }
    before, after = file.data["router_settings"], config["router_settings"]
    rules = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
    assert {name: value for name, value in after.items() if name not in rules} == {
        name: value for name, value in before.items() if name not in rules
    }
    for rule in rules:
        assert after[rule][: len(before[rule])] == before[rule]


def test_every_drill_has_groups_of_its_own_with_the_files_rules() -> None:
    file = read(EU, {})
    stages = (Stage(number=0, group="", faults={}), Stage(number=7, group="cheap", faults={0: always(Hang())}))
    config = Twin(file, stages, 1.0, 1.0).config(URL, "{}", 1)
    copied = [entry for entry in config["model_list"] if ".drill-7" in entry["model_name"]]
    assert {entry["model_name"] for entry in copied} == {
        f"{name}.drill-7" for name in ("cheap", "mid", "smart", "backup")
    }
    assert {entry["model_info"]["id"] for entry in copied} == {"7-0", "7-1", "7-2", "7-3"}
    assert copied[0]["litellm_params"]["aws_bedrock_runtime_endpoint"] == f"{URL}/at/7-0"
    rules = config["router_settings"]
    assert {"cheap.drill-7": ["backup.drill-7"]} in rules["fallbacks"]
    assert {"smart.drill-7": []} in rules["content_policy_fallbacks"]


def test_a_rule_that_is_wrong_stays_wrong(tmp_path: Path) -> None:
    file = router_file(tmp_path, deployment("a"), deployment("b"), fallbacks=[{"a": "b"}, {"b": ["bb"]}])
    stages = (Stage(number=0, group="", faults={}), Stage(number=1, group="a", faults={}))
    rules = Twin(file, stages, 1.0, 1.0).config(URL, "{}", 1)["router_settings"]["fallbacks"]
    assert rules == [{"a": "b"}, {"b": ["bb"]}, {"a.drill-1": "b.drill-1"}, {"b.drill-1": ["bb.drill-1"]}]


def test_a_rule_for_all_groups_holds_for_the_copies(tmp_path: Path) -> None:
    file = router_file(tmp_path, deployment("a"), deployment("b"), default_fallbacks=["b"])
    stages = (Stage(number=0, group="", faults={}), Stage(number=1, group="a", faults={}))
    settings = Twin(file, stages, 1.0, 1.0).config(URL, "{}", 1)["router_settings"]
    assert settings["default_fallbacks"] == ["b"]
    assert {"a.drill-1": ["b.drill-1"]} in settings["fallbacks"]


def test_times_are_scaled_where_a_caller_would_wait_long_and_only_then(tmp_path: Path) -> None:
    assert twin_of(router_file(tmp_path, deployment("a", timeout=5), num_retries=0)).time_scale == 1
    slow = router_file(tmp_path, deployment("a", timeout=40), num_retries=0, timeout=60)
    scaled = twin_of(slow)
    assert scaled.time_scale == 0.25
    stages = (Stage(number=0, group="", faults={}),)
    config = Twin(slow, stages, scaled.time_scale, 1.0).config(URL, "{}", 1)
    assert config["model_list"][0]["litellm_params"]["timeout"] == 10
    assert config["router_settings"]["timeout"] == 15


def test_a_short_timeout_is_never_made_so_short_that_the_proxy_itself_would_count(tmp_path: Path) -> None:
    file = router_file(tmp_path, deployment("a", timeout=100), deployment("b", timeout=2), num_retries=0)
    assert twin_of(file).time_scale == 0.5


def test_a_group_without_any_timeout_is_not_left_hanging(tmp_path: Path) -> None:
    file = router_file(tmp_path, {"model_name": "a", "litellm_params": {"model": GPT}})
    base = twin_of(file)
    assert "primary hangs" not in {drill.name for drill in drills(base, None, redis=False)}
    (told,) = not_drilled(base, None, redis=False)
    assert (told.status, told.tier) == ("not_checked", "a") and "a timeout is missing" in told.seen
    (failed,) = not_drilled(base, 10, redis=False)
    assert failed.status == "failed"


# --- Secrets and third parties

MORE: dict[str, Any] = {
    "environment_variables": {"ANYTHING": "hidden-value"},
    "litellm_settings": {
        "success_callback": ["langfuse"],
        "cache_params": {"type": "redis", "host": "h", "password": "hidden"},
    },
    "general_settings": {
        "master_key": "sk-hidden",
        "database_url": "postgres://u:hidden@db/x",
        "custom_auth": "mine.auth",
    },
    "guardrails": [{"api_key": "hidden"}],
}


def test_no_copy_holds_a_secret_or_calls_a_third_party(tmp_path: Path) -> None:
    first = deployment("a", api_key="sk-hidden", extra_headers={"authorization": "hidden"})
    file = router_file(tmp_path, first, deployment("b", GPT), more=MORE, redis_url="redis://:hidden@db:6379")
    made = [copies.rehearsal_copy(file, "{}", 7), twin(file).config(URL, "{}", 7)]
    for copy in made:
        text = yaml.safe_dump(copy)
        assert "hidden" not in text and "langfuse" not in text and "postgres" not in text and "mine.auth" not in text
        assert copy["general_settings"]["master_key"] == DUMMY
        assert copy["router_settings"]["redis_url"] == "redis://127.0.0.1:7"
        assert copy["litellm_settings"]["cache_params"]["host"] == "127.0.0.1"
    left = "\n".join(copies.left_out(file))
    for name in ("success_callback", "general_settings.database_url", "custom_auth", "guardrails"):
        assert name in left


def test_redis_is_moved_and_what_is_missing_stays_missing(tmp_path: Path) -> None:
    file = router_file(tmp_path, deployment("a"), redis_host="localhost")
    settings = copies.rehearsal_copy(file, "{}", 7)["router_settings"]
    assert settings == {"redis_host": "127.0.0.1"}
    assert copies.names_redis(file)
    assert not copies.names_redis(router_file(tmp_path, deployment("a")))


def test_whoever_would_be_asked_for_credentials_first_is_left_out(tmp_path: Path) -> None:
    role = deployment(
        "a", "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", aws_role_name="arn:x", aws_session_name="s"
    )
    told = with_dummies(router_file(tmp_path, role).deployment(0), "{}")
    assert "aws_role_name" not in told and "aws_session_name" not in told
    assert told["aws_access_key_id"] == DUMMY


def test_a_deployment_without_a_key_of_its_own_gets_one(tmp_path: Path) -> None:
    assert with_dummies(router_file(tmp_path, deployment("a", CLAUDE)).deployment(0), "{}")["api_key"] == DUMMY

"""Where a request goes by the file: what drills expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmlab.errors import LlmlabError
from llmlab.gateway.verify.program import drilled_groups
from llmlab.gateway.verify.providers import why_not
from llmlab.gateway.verify.route import reachable, route
from llmlab.gateway.verify.router_file import read
from llmlab.gateway.verify.waits import timeout_s, worst_wait_s
from tests.gateway.verify.files import CLAUDE, GPT, deployment, router_file


def test_an_outage_follows_the_fallbacks_and_theirs(tmp_path: Path) -> None:
    tiers = [deployment(name) for name in ("a", "b", "c")]
    file = router_file(tmp_path, *tiers, fallbacks=[{"a": ["b"]}, {"b": ["c"]}])
    assert route(file, "a", set()).answers == (0,)
    assert route(file, "a", {0}).answers == (1,)
    assert route(file, "a", {0, 1}).groups == ("a", "b", "c")
    assert route(file, "a", {0, 1, 2}).answers == ()
    assert reachable(file, "a") == ("a", "b", "c")


def test_no_more_fallbacks_are_made_than_the_file_allows(tmp_path: Path) -> None:
    tiers = [deployment(name) for name in ("a", "b", "c")]
    file = router_file(tmp_path, *tiers, fallbacks=[{"a": ["b"]}, {"b": ["c"]}], max_fallbacks=1)
    assert route(file, "a", {0, 1}).groups == ("a", "b")


def test_the_next_order_is_asked_before_a_fallback(tmp_path: Path) -> None:
    tiers = [deployment("a", order=1), deployment("a", GPT, order=2), deployment("b")]
    file = router_file(tmp_path, *tiers, fallbacks=[{"a": ["b"]}])
    assert file.first("a") == (0,)
    assert route(file, "a", {0}).answers == (1,)
    assert route(file, "a", {0, 1}).answers == (2,)


def test_any_of_those_that_share_the_load_may_answer(tmp_path: Path) -> None:
    file = router_file(tmp_path, deployment("a"), deployment("a", GPT))
    assert route(file, "a", set()).answers == (0, 1)


def test_a_rule_of_its_own_comes_before_the_general_one(tmp_path: Path) -> None:
    tiers = [deployment(name) for name in ("a", "b", "c")]
    rules: dict[str, Any] = {"fallbacks": [{"a": ["b"]}], "context_window_fallbacks": [{"a": ["c"]}]}
    file = router_file(tmp_path, *tiers, **rules)
    assert route(file, "a", {0}, "context_window_fallbacks").answers == (2,)
    assert route(file, "a", {0}, "content_policy_fallbacks").answers == (1,)  # not set: LiteLLM takes `fallbacks`


def test_a_rule_for_others_gives_the_error_back(tmp_path: Path) -> None:
    tiers = [deployment(name) for name in ("a", "b")]
    rules: dict[str, Any] = {"fallbacks": [{"a": ["b"]}], "context_window_fallbacks": [{"b": ["a"]}]}
    file = router_file(tmp_path, *tiers, **rules)
    assert route(file, "a", {0}, "context_window_fallbacks").answers == ()


def test_what_was_meant_is_expected_also_where_it_cannot_be(tmp_path: Path) -> None:
    tiers = [deployment(name) for name in ("a", "b")]
    assert route(router_file(tmp_path, *tiers, fallbacks=[{"a": "b"}]), "a", {0}).answers == (1,)
    missing = route(router_file(tmp_path, *tiers, fallbacks=[{"a": ["bb"]}]), "a", {0})
    assert (missing.answers, missing.missing) == ((), ("bb",))


@pytest.mark.parametrize("rule", [{"default_fallbacks": ["b"]}, {"fallbacks": [{"*": ["b"]}]}])
def test_a_rule_for_all_is_one_for_each(tmp_path: Path, rule: dict[str, Any]) -> None:
    file = router_file(tmp_path, deployment("a"), deployment("b"), **rule)
    assert route(file, "a", {0}).answers == (1,)


def test_waits_add_up_over_attempts_and_the_chain(tmp_path: Path) -> None:
    tiers = [deployment("a", timeout=5), deployment("b", timeout=3)]
    file = router_file(tmp_path, *tiers, num_retries=0, fallbacks=[{"a": ["b"]}])
    assert worst_wait_s(file, "a") == 8
    retried = router_file(tmp_path, *tiers, num_retries=1, fallbacks=[{"a": ["b"]}])
    assert worst_wait_s(retried, "a") == 2 * 8 + 2 * (0.5 + 0.75)
    policy = router_file(tmp_path, *tiers, num_retries=1, retry_policy={"TimeoutErrorRetries": 0})
    assert worst_wait_s(policy, "a") == 5


def test_a_stream_is_bounded_by_the_request_timeout_before_its_own_timeout(tmp_path: Path) -> None:
    more = {"litellm_settings": {"request_timeout": 10}}
    assert timeout_s(router_file(tmp_path, deployment("a", timeout=4), more=more), 0) == 10
    assert timeout_s(router_file(tmp_path, deployment("a", timeout=4, stream_timeout=3), more=more), 0) == 4


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("bedrock/eu.anthropic.claude-sonnet-4-6", None),
        (CLAUDE, None),
        ("bedrock/invoke/anthropic.claude-3-sonnet-20240229-v1:0", "the simulator does not speak invoke"),
        ("sagemaker/mine", "no simulator speaks for 'sagemaker'"),
        ("openai/text-embedding-3-small", "only chat is drilled"),
        ("openai/*", "stands for any model"),
    ],
)
def test_what_cannot_be_drilled_says_why(tmp_path: Path, model: str, why: str | None) -> None:
    file = router_file(tmp_path, deployment("a", model), deployment("b"))
    told = why_not(file.deployment(0))
    assert (told is None and why is None) or (why or "?") in (told or "")
    assert drilled_groups(file) == (["a", "b"] if why is None else ["b"])


def test_includes_are_read_as_litellm_does(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("model_list: [{model_name: b, litellm_params: {model: openai/gpt-5.1}}]")
    (tmp_path / "r.yaml").write_text(
        "include: [more.yaml]\nmodel_list: [{model_name: a, litellm_params: {model: openai/gpt-5.1}}]"
    )
    assert list(read(tmp_path / "r.yaml", {}).members) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("a: [", "not YAML"),
        ("- a", "is a mapping"),
        ("include: [gone.yaml]", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_an_error_that_names_it(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "r.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LlmlabError, match=said) as error:
        read(path, {})
    assert str(path) in str(error.value)

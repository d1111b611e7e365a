"""The lint as a whole: a published config and what it would have done, and what the lint itself must not do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmlab.catalog import strict_yaml
from llmlab.errors import LlmlabError
from llmlab.gateway.lint import Finding, is_clean, lint
from llmlab.gateway.lint.installed import installed
from tests.gateway.lint.planted import BANK, CONFIGS, findings_of, text_of

# By the line on which it stands: what the published example would have done.
SEED = [
    ("no-master-key", "error", 2),
    ("unknown-model", "error", 5),
    ("retiring", "warning", 17),
    ("fallbacks-take-all", "warning", 20),
    ("smaller-window", "warning", 21),
    ("dearer-fallback", "warning", 22),
    ("same-vendor", "warning", 22),
    ("no-cooldown", "warning", 23),
    ("worst-case", "warning", 24),
    ("redis-incomplete", "error", 26),
    ("cache-responses", "warning", 27),
]
KEYS_OF_ONES_OWN = {"cheap", "smart", "backup"}  # names of groups: misspelt, they are other names


def seed() -> tuple[Finding, ...]:
    keys = dict.fromkeys(("ANTHROPIC_API_KEY", "GROQ_API_KEY", "OPENAI_API_KEY"), "is-set")
    return findings_of(text_of("seed"), environ=keys)


def test_the_seeds_config_has_exactly_these_findings() -> None:
    assert [(f.code, f.severity, f.line) for f in seed()] == SEED


def test_the_seeds_findings_say_what_would_have_happened() -> None:
    said = {finding.code: finding for finding in seed()}
    assert said["no-master-key"].litellm_does.startswith("refuses to start (exit 3)")
    assert "$0" in said["unknown-model"].litellm_does
    assert "groq/llama-3.1-8b-instant" in said["unknown-model"].near
    assert said["smaller-window"].message == "'smart-backup' takes 272,000 tokens and 'smart' takes 1,000,000"
    assert "mid 3 x 30 s, then smart 3 x 30 s, then smart-backup 3 x 30 s" in said["worst-case"].message
    assert said["dearer-fallback"].message == "'smart' costs 1.7 times what 'mid' does"
    assert "gpt-5 retires on 2026-12-11" in said["retiring"].message


def test_a_file_and_its_text_have_the_same_findings() -> None:
    assert lint(CONFIGS / "seed.yaml", environ={}) == lint(text_of("seed"), environ={})
    assert lint(str(CONFIGS / "seed.yaml"), environ={}) == lint(text_of("seed"), environ={})


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LlmlabError, match="nothing.yaml: cannot be read"):
        lint(tmp_path / "nothing.yaml")


def test_a_key_that_stands_twice_says_where_it_stood_first() -> None:
    (said,) = lint("model_list: []\nmodel_list: []\n")
    assert (said.code, said.line) == ("not-strict-yaml", 2)
    assert said.message == "'model_list' stands twice in one mapping; the first is on line 1"


def test_variables_that_are_not_set_are_named_once_and_a_secret_manager_may_hold_them() -> None:
    unset = [
        finding.message for finding in findings_of(text_of("eu_bank"), environ={}) if finding.code == "unset-variable"
    ]
    assert "BANK_AWS_ID is not set here" in unset
    assert len(unset) == len(set(unset)) == 6
    kept = text_of("eu_bank") + "  key_management_system: hashicorp_vault\n"
    assert not [finding for finding in findings_of(kept, environ={}) if finding.code == "unset-variable"]


def test_a_config_that_a_database_completes_may_name_groups_that_it_does_not_have() -> None:
    text = text_of("eu_bank").replace("- smart: [backup]\n  context", "- smart: [elsewhere]\n  context")
    assert "unknown-group" in {finding.code for finding in findings_of(text)}
    stored = text + "  store_model_in_db: true\n"
    assert "unknown-group" not in {finding.code for finding in findings_of(stored)}


@pytest.mark.parametrize("other", ["us", "uk", "eu-central-1", "own-network"])
def test_what_stays_in_the_eu_is_no_answer_to_another_residency(other: str) -> None:
    found = findings_of(text_of("eu_bank"), residency=other)
    places = {finding.where.split(".")[0] for finding in found if finding.code in ("outside-region", "region-unproven")}
    assert places == {"model_list[0]", "model_list[1]", "model_list[2]"}


def test_a_prompt_that_is_too_long_for_the_backup_makes_the_longest_wait() -> None:
    text = text_of("eu_bank").replace("request_timeout: 6", "request_timeout: 5")
    over = [finding.message for finding in findings_of(text, sla_s=10.5) if finding.code == "over-sla"]
    assert over == [
        "'cheap' may take 10.5 s, and takes up to 11 s: cheap 1 x 5 s, then backup rejects at once, then smart 1 x 6 s",
        "'smart' may take 10.5 s, and takes up to 11 s: smart 1 x 6 s, then backup 1 x 5 s",
    ]


def test_a_streamed_call_is_bounded_by_the_request_timeout_before_the_deployments_own() -> None:
    over = [finding.message for finding in findings_of(text_of("eu_bank"), sla_s=10.5) if finding.code == "over-sla"]
    assert over[0] == "'cheap' may take 10.5 s, and takes up to 11 s: cheap 1 x 5 s, then backup 1 x 6 s"


def known_keys() -> list[tuple[str, str, int]]:
    """Every key of the good configs that LiteLLM defines: the config, the key and its line."""
    found = []
    for name in ("eu_bank", "startup"):
        document = strict_yaml.parse(text_of(name), name, LlmlabError)
        for path, line in document.lines.items():
            key = path[-1] if path else None
            if isinstance(key, str) and len(key) > 3 and is_known(path):
                found.append((name, key, line))
    return found


def is_known(path: tuple[str | int, ...]) -> bool:
    free = ("extra_headers", "extra_body", "model_group_alias", *("fallbacks", "context_window_fallbacks"))
    inside = {"fallbacks", "content_policy_fallbacks", "provider_budget_config", *free} & set(path[:-1])
    budget = path[-1] in ("budget_limit", "time_period")
    return path[-1] not in KEYS_OF_ONES_OWN and (not inside or budget)


KNOWN_KEYS = known_keys()


@given(st.sampled_from(KNOWN_KEYS), st.data())
def test_a_slip_of_the_pen_in_any_key_is_found_with_the_key_that_was_meant(
    place: tuple[str, str, int], data: st.DataObject
) -> None:
    name, key, line = place
    at = data.draw(st.integers(1, len(key) - 2), label="at")
    slip = data.draw(
        st.sampled_from([key[:at] + key[at + 1 :], key[:at] + key[at] + key[at:], key[:at] + "x" + key[at + 1 :]])
    )
    assume(slip != key and not any(slip in keys for keys in installed().sections.values()))
    lines = text_of(name).splitlines(keepends=True)
    assert lines[line - 1].count(f"{key}:") == 1
    lines[line - 1] = lines[line - 1].replace(f"{key}:", f"{slip}:")
    found = findings_of("".join(lines))
    assert [f for f in found if f.line == line and f.code == "unknown-key" and key in f.near], list(map(str, found))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("  master_key: os.environ/LITELLM_MASTER_KEY", "no-master-key"),
        ("      aws_region_name: eu-west-1", "no-region"),
        ("      vertex_location: europe-west4", "no-region"),
        ("      base_model: azure/eu/gpt-5.1", "region-unproven"),
        ("      budget_duration: 1d", "budget-not-enforced"),
        ("      time_period: 1d", "budget-not-enforced"),
        ("  allowed_fails: 2", "no-cooldown"),
        ("    - backup: [smart]", "smaller-window"),
        ("      model: vertex_ai/claude-opus-5-5", "missing-key"),
    ],
)
def test_a_line_that_holds_the_config_together_is_missed(line: str, code: str) -> None:
    text = text_of("eu_bank")
    assert text.count(line + "\n") == 1
    assert code in {finding.code for finding in findings_of(text.replace(line + "\n", ""), environ={}, **BANK)}


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**7),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.text("abc/*.:-_ $", max_size=12),
    st.sampled_from(
        ["os.environ/X", "anthropic/claude-sonnet-4-6", "bedrock/eu.x", "azure/a", "1d", "vertex_ai/x", "*"]
    ),
)
OTHER_NAMES = """
    model_list model_name model include fallbacks cheap smart * order rpm retry_policy allowed_fails_policy num_retries
    model_group_retry_policy routing_groups cache_params default_fallbacks custom_llm_provider vertex_location api_base
"""
NAMES = st.sampled_from([*sorted({key for _, key, _ in KNOWN_KEYS}), *OTHER_NAMES.split()])
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=25,
)


def written(value: object) -> str:
    """A value as YAML in one line, so that what it holds is read as it was drawn."""
    return json.dumps(value)


@given(
    st.lists(TREES, max_size=3),
    st.dictionaries(NAMES, TREES, max_size=5),
    st.dictionaries(NAMES, TREES, max_size=3),
    st.sampled_from([None, "eu", "own-network", "us-east-1"]),
)
def test_whatever_stands_in_a_config_there_are_findings_or_an_error_of_ours(
    models: list[object], router: dict[str, object], rest: dict[str, object], residency: str | None
) -> None:
    sections = {"model_list": models, "router_settings": router, **rest}
    text = "".join(f"{written(key)}: {written(value)}\n" for key, value in sections.items())
    try:
        found = lint(text, residency=residency, sla_s=10, environ={})
    except LlmlabError:
        return
    lines = text.count("\n")
    assert all(1 <= finding.line <= lines + 1 and finding.message and finding.litellm_does for finding in found)


@given(st.text(max_size=200))
def test_any_text_at_all_has_findings_or_an_error_of_ours(text: str) -> None:
    try:
        found = lint(text + "\n", environ={})
    except LlmlabError:
        return
    assert all(isinstance(finding, Finding) for finding in found)


def test_linting_does_not_import_litellm() -> None:
    code = (
        "import sys; from llmlab.gateway.lint import lint;"
        f"print(len(lint({str(CONFIGS / 'seed.yaml')!r}, residency='eu', sla_s=10)) > 0, 'litellm' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True", "False"]


def test_only_errors_make_a_config_unclean() -> None:
    warning = next(finding for finding in seed() if finding.severity == "warning")
    error = next(finding for finding in seed() if finding.severity == "error")
    assert is_clean(())
    assert is_clean([warning])
    assert not is_clean([warning, error])

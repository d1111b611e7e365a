"""Each mistake that LiteLLM accepts in silence, planted alone into a good config, is found where it stands."""

from __future__ import annotations

import pytest

from llmlab.gateway.lint import is_clean
from tests.gateway.lint.planted import BANK, Mistake, findings_of, text_of

GOOD = {
    "eu_bank": BANK,
    "startup": {},
    "own_network": {"residency": "own-network", "sla_s": 45},
    "smallest": {},
}
FALLBACKS = "    - smart: [backup]\n  context"

KEYS = [
    Mistake("section", "eu_bank", "router_settings:", "rooter_settings:", "unknown-key", near="router_settings"),
    Mistake("general", "eu_bank", "  master_key:", "  mater_key:", "unknown-key", near="master_key"),
    Mistake("router", "eu_bank", "  num_retries:", "  num_retry:", "unknown-key", near="num_retries"),
    Mistake("module", "eu_bank", "  request_timeout:", "  reqest_timeout:", "unknown-key", near="request_timeout"),
    Mistake("call", "eu_bank", "      stream_timeout:", "      stream_timout:", "unknown-key", near="stream_timeout"),
    Mistake("body", "startup", "      temperature: 0.2", "      topk: 5", "unknown-key", near="top_k"),
    Mistake("label", "eu_bank", "      base_model:", "      base_modle:", "unknown-key", near="base_model"),
    Mistake(
        "deployment", "smallest", "    litellm_params:", "    litelm_params:", "unknown-key", near="litellm_params"
    ),
    Mistake(
        "policy", "eu_bank", "RateLimitErrorRetries", "RateLimitErrorRetry", "unknown-key", near="RateLimitErrorRetries"
    ),
    Mistake(
        "allowed fails",
        "startup",
        "RateLimitErrorAllowedFails",
        "RateLimitAllowedFails",
        "unknown-key",
        near="RateLimitErrorAllowedFails",
    ),
    Mistake("cache", "startup", "type: redis", "tpye: redis", "unknown-key", near="type"),
    Mistake(
        "wrong section",
        "eu_bank",
        "  json_logs: true",
        "  cooldown_time: 9",
        "unknown-key",
        near="router_settings.cooldown_time",
    ),
    Mistake(
        "health checks",
        "eu_bank",
        "  cooldown_time: 30",
        "  health_check_interval: 30",
        "unknown-key",
        near="general_settings.health_check_interval",
    ),
    Mistake(
        "no model", "smallest", "      model: gpt-5.1", "      api_version: v1", "missing-key", at="litellm_params:"
    ),
    Mistake("no name", "smallest", "- model_name: smart\n    lit", "- lit", "missing-key", at="- litellm_params"),
]
KINDS = [
    Mistake("text for retries", "eu_bank", "num_retries: 0", 'num_retries: "2"', "wrong-type"),
    Mistake("variable for retries", "eu_bank", "num_retries: 0", "num_retries: os.environ/DATABASE_URL", "wrong-type"),
    Mistake(
        "list for a mapping",
        "eu_bank",
        "general_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY",
        "general_settings: [a]",
        "wrong-type",
    ),
    Mistake(
        "seconds with a unit",
        "own_network",
        "http://10.0.0.12:8000/v1\n      api_key: os.environ/VLLM_KEY\n      timeout: 20",
        "http://10.0.0.12:8000/v1\n      api_key: os.environ/VLLM_KEY\n      timeout: 20s",
        "wrong-type",
        at="timeout: 20s",
    ),
    Mistake("unquoted date", "eu_bank", '"2024-10-21"', "2024-10-21", "wrong-type", at="api_version"),
    Mistake("text for a switch", "eu_bank", "pre_call_checks: true", 'pre_call_checks: "false"', "wrong-type"),
    Mistake("text for a weight", "startup", "weight: 3", 'weight: "3"', "wrong-type"),
    Mistake(
        "empty model_info",
        "eu_bank",
        "    model_info:\n      id: smart-eemshaven\n",
        "    model_info:\n",
        "wrong-type",
        at="    model_info:\n  - model_name: backup",
    ),
    Mistake("policy in words", "eu_bank", "RateLimitErrorRetries: 1", "RateLimitErrorRetries: one", "wrong-type"),
]
MODELS = [
    Mistake(
        "model",
        "startup",
        "anthropic/claude-sonnet-4-6",
        "anthropic/claude-sonet-4-6",
        "unknown-model",
        near="anthropic/claude-sonnet-4-6",
    ),
    Mistake("bare model", "smallest", "gpt-5.1", "claude-sonet-4-6", "unknown-model", near="claude-sonnet-4-6"),
    Mistake(
        "provider",
        "startup",
        "anthropic/claude-sonnet-4-6",
        "antropic/claude-sonnet-4-6",
        "unknown-provider",
        near="anthropic/claude-sonnet-4-6",
    ),
    Mistake("base model", "eu_bank", "azure/eu/gpt-5.1", "azure/eu/gpt-5.11", "unknown-model", near="azure/eu/gpt-5.1"),
    Mistake("another's model", "startup", "openai/gpt-5.1", "groq/gpt-5.1", "unknown-model"),
    Mistake(
        "retired",
        "startup",
        "openai/gpt-5.1",
        "vertex_ai/claude-haiku-4-5",
        "retired",
        severity="warning",
        near="vertex_ai/claude-haiku-5-5",
    ),
    Mistake("retiring", "startup", "openai/gpt-5.1", "openai/gpt-5", "retiring", severity="warning"),
    Mistake(
        "no base model",
        "eu_bank",
        "      base_model: azure/eu/gpt-5.1\n",
        "",
        "no-base-model",
        severity="warning",
        at="model: azure/bank-gpt-datazone",
    ),
    Mistake("one id twice", "eu_bank", "id: smart-eemshaven", "id: cheap-dublin #", "duplicate-id"),
]
LIMITS = [
    Mistake("rpm", "startup", "enforce_model_rate_limits, ", "", "limit-not-enforced", at="rpm: 600"),
    Mistake("tpm", "startup", "enforce_model_rate_limits, ", "", "limit-not-enforced", at="tpm: 200000"),
    Mistake("no duration", "eu_bank", "      budget_duration: 1d\n", "", "budget-not-enforced", at="max_budget: 40"),
    Mistake("odd duration", "eu_bank", "budget_duration: 1d", "budget_duration: 1 day", "budget-not-enforced"),
    Mistake("deployment's spelling", "eu_bank", "max_budget: 40", "budget_limit: 40", "unknown-key", near="max_budget"),
    Mistake(
        "provider's spelling", "eu_bank", "budget_limit: 200", "max_budget: 200", "unknown-key", near="budget_limit"
    ),
    Mistake("provider's period", "eu_bank", "time_period: 1d", "time_period: daily", "budget-not-enforced"),
    Mistake("provider's amount", "eu_bank", "budget_limit: 200", "budget_limit: much", "budget-not-enforced"),
    Mistake("provider's name", "eu_bank", "    bedrock:", "    bedrok:", "budget-not-enforced", near="bedrock"),
    Mistake("uncalled provider", "eu_bank", "    bedrock:", "    groq:", "budget-not-enforced"),
    Mistake(
        "in the labels",
        "eu_bank",
        "id: backup-azure",
        "max_budget: 9",
        "budget-not-enforced",
        near="litellm_params.max_budget",
    ),
]
RULES = [
    Mistake("text", "eu_bank", FALLBACKS, "    - smart: backup\n  context", "rule-never-fires"),
    Mistake("unknown target", "eu_bank", FALLBACKS, "    - smart: [bakup]\n  context", "unknown-group", near="backup"),
    Mistake("unknown source", "eu_bank", FALLBACKS, "    - smrt: [backup]\n  context", "unknown-group", near="smart"),
    Mistake("itself", "eu_bank", FALLBACKS, "    - smart: [smart]\n  context", "rule-never-fires"),
    Mistake("two in one", "eu_bank", FALLBACKS, "    - {smart: [backup], x: []}\n  context", "malformed-rule"),
    Mistake("twice", "eu_bank", FALLBACKS, "    - cheap: [smart]\n  context", "shadowed-rule"),
    Mistake(
        "no list",
        "startup",
        'fallbacks: [{house: [chat]}, {"*": [house]}]',
        "fallbacks: {house: [chat]}",
        "malformed-rule",
    ),
    Mistake("nothing at all", "eu_bank", "max_fallbacks: 2", "max_fallbacks: 0", "rule-never-fires"),
    Mistake("default as text", "eu_bank", "  max_fallbacks: 2", "  default_fallbacks: backup", "rule-never-fires"),
    Mistake(
        "default unknown",
        "eu_bank",
        "  max_fallbacks: 2",
        "  default_fallbacks: [bakup]",
        "unknown-group",
        near="backup",
    ),
    Mistake("in both sections", "eu_bank", "  json_logs: true", "  fallbacks: [{cheap: [smart]}]", "shadowed-rule"),
    Mistake(
        "length errors switched off",
        "eu_bank",
        "bedrock/eu.anthropic.claude-haiku-5-5",
        "bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        "rule-switched-off",
        at="  context_window_fallbacks:",
        near="cheap: [backup]",
    ),
    Mistake(
        "no larger window",
        "eu_bank",
        "    - backup: [smart]",
        "    - smart: [backup]\n    - backup: [smart]",
        "not-a-larger-window",
        at="    - smart: [backup]\n    - backup",
    ),
    Mistake(
        "empty is unset",
        "eu_bank",
        "content_policy_fallbacks:\n    - cheap: []\n    - smart: []",
        "content_policy_fallbacks: []",
        "empty-is-unset",
    ),
    Mistake(
        "refusals of others",
        "eu_bank",
        "    - cheap: []\n    - smart: []",
        "    - cheap: []",
        "refusal-returned",
        at="  content_policy_fallbacks:",
        severity="warning",
    ),
    Mistake(
        "smaller window",
        "eu_bank",
        "    - backup: [smart]",
        "    - cheap: [smart]",
        "smaller-window",
        at="    - smart: [backup]",
        severity="warning",
    ),
    Mistake(
        "dearer",
        "startup",
        "{house: [chat]}",
        "{house: [chat]} ",
        "dearer-fallback",
        at="fallbacks:",
        severity="warning",
    ),
    Mistake(
        "alias", "startup", "{gpt-4o: chat}", "{gpt-4o: chta}", "unknown-group", at="model_group_alias", near="chat"
    ),
]
SERVER = [
    Mistake(
        "no key",
        "eu_bank",
        "  master_key: os.environ/LITELLM_MASTER_KEY",
        "  alerting: [slack]",
        "no-master-key",
        at="general_settings:",
        near="master_key",
        asked={"environ": {}},
    ),
    Mistake("public key", "eu_bank", "os.environ/LITELLM_MASTER_KEY", "sk-1234", "public-master-key", at="master_key"),
    Mistake(
        "half a Redis", "startup", "  redis_port: 6379\n", "", "redis-incomplete", at="redis_host", near="redis_port"
    ),
    Mistake(
        "strategy",
        "eu_bank",
        "simple-shuffle",
        "simple-shufle",
        "unknown-value",
        near="simple-shuffle",
        at="routing_strategy",
    ),
    Mistake(
        "check", "startup", "prompt_caching]", "prompt_cachng]", "unknown-value", near="prompt_caching", at="optional_"
    ),
    Mistake(
        "checks as text",
        "startup",
        "[enforce_model_rate_limits, prompt_caching]",
        "prompt_caching",
        "wrong-type",
        at="optional_",
    ),
    Mistake(
        "whole answers", "startup", "  timeout: 20", "  cache_responses: true", "cache-responses", severity="warning"
    ),
    Mistake("vanishing", "eu_bank", "json_logs: true", "drop_params: true", "drop-params", severity="warning"),
    Mistake("vanishing here", "startup", "temperature: 0.2", "drop_params: true", "drop-params", severity="warning"),
    Mistake(
        "another file",
        "startup",
        "litellm_settings:",
        "include: [more.yaml]\nlitellm_settings:",
        "not-checked",
        severity="warning",
    ),
]
SECRETS = [
    Mistake(
        "api key",
        "startup",
        "os.environ/OPENAI_API_KEY",
        "sk-proj-0123456789abcdefghij",
        "literal-secret",
        at="sk-proj",
    ),
    Mistake("password", "startup", "os.environ/REDIS_PASSWORD", "correct horse", "literal-secret", at="correct horse"),
    Mistake(
        "in an address", "startup", "os.environ/DATABASE_URL", "postgres://me:pw@db/x", "literal-secret", at="postgres"
    ),
    Mistake(
        "in a header",
        "startup",
        "anthropic-beta: context-1m-2025-08-07",
        "Authorization: Bearer abc",
        "literal-secret",
        at="Bearer",
    ),
    Mistake(
        "anywhere",
        "startup",
        "success_callback: [langfuse]",
        "success_callback: [AKIAABCDEFGHIJKLMNOP]",
        "literal-secret",
    ),
    Mistake(
        "shell's way",
        "startup",
        "os.environ/OPENAI_API_KEY",
        "${OPENAI_API_KEY}",
        "not-a-reference",
        at="${OPEN",
        near="os.environ/NAME",
    ),
    Mistake(
        "Python's way",
        "startup",
        "os.environ/OPENAI_API_KEY",
        "os.environ.OPENAI_API_KEY",
        "not-a-reference",
        at="os.environ.OPEN",
    ),
    Mistake(
        "misspelt",
        "startup",
        "os.environ/OPENAI_API_KEY",
        "os.enviorn/OPENAI_API_KEY",
        "not-a-reference",
        at="os.enviorn",
    ),
    Mistake(
        "unset",
        "startup",
        "os.environ/OPENAI_API_KEY",
        "os.environ/OPENAI_KEY",
        "unset-variable",
        at="os.environ/OPENAI_KEY",
        severity="warning",
    ),
    Mistake(
        "in a list",
        "startup",
        "[langfuse]",
        "[os.environ/DATABASE_URL]",
        "reference-in-list",
        at="success_callback",
        severity="warning",
    ),
]
PLACES = [
    Mistake(
        "no AWS region",
        "eu_bank",
        "      aws_region_name: eu-west-1\n",
        "",
        "no-region",
        at="    litellm_params:\n      model: bedrock",
        near="aws_region_name",
    ),
    Mistake(
        "label",
        "eu_bank",
        "aws_region_name: eu-west-1",
        "region_name: eu-west-1",
        "no-region",
        at="    litellm_params:\n      model: bedrock",
    ),
    Mistake("other region", "eu_bank", "eu-west-1", "us-east-1", "outside-region", at="us-east-1"),
    Mistake("London", "eu_bank", "eu-west-1", "eu-west-2", "outside-region", at="eu-west-2"),
    Mistake("American profile", "eu_bank", "bedrock/eu.", "bedrock/us.", "outside-region", at="bedrock/us."),
    Mistake("global profile", "eu_bank", "bedrock/eu.", "bedrock/global.", "outside-region", at="bedrock/global."),
    Mistake(
        "no location",
        "eu_bank",
        "      vertex_location: europe-west4\n",
        "",
        "no-region",
        at="    litellm_params:\n      model: vertex",
        near="vertex_location",
    ),
    Mistake("Zurich", "eu_bank", "europe-west4", "europe-west6", "outside-region", at="europe-west6"),
    Mistake("global location", "eu_bank", "europe-west4", "global", "outside-region", at="vertex_location"),
    Mistake(
        "American deployment", "eu_bank", "azure/eu/gpt-5.1", "azure/us/gpt-6.1-sol", "outside-region", at="azure/us"
    ),
    Mistake("global deployment", "eu_bank", "azure/eu/gpt-5.1", "azure/gpt-5.1", "region-unproven", at="azure/gpt-5.1"),
    Mistake(
        "native endpoint",
        "eu_bank",
        "vertex_ai/claude-opus-5-5",
        "anthropic/claude-opus-5-5",
        "region-unproven",
        at="anthropic/claude",
    ),
    Mistake("unknown region", "eu_bank", "eu-west-1", "os.environ/NOWHERE", "region-unproven", at="os.environ/NOWHERE"),
    Mistake(
        "a public host",
        "own_network",
        "http://gpu-1.internal:8000/v1",
        "https://gpu.example.com/v1",
        "outside-region",
        at="gpu.example.com",
    ),
    Mistake(
        "a vendor",
        "own_network",
        "hosted_vllm/llama-3.3-70b\n      api_base: http://10.0.0.12:8000/v1",
        "anthropic/claude-opus-4-7",
        "outside-region",
        at="anthropic/",
    ),
]
TIMES = [
    Mistake(
        "one more attempt",
        "eu_bank",
        "TimeoutErrorRetries: 0",
        "TimeoutErrorRetries: 1",
        "over-sla",
        at="model_name: cheap",
    ),
    Mistake(
        "longer timeout",
        "eu_bank",
        "timeout: 6\n      max_budget",
        "timeout: 60\n      max_budget",
        "over-sla",
        at="model_name: smart",
    ),
    Mistake(
        "no cool-down", "eu_bank", "  allowed_fails: 2\n", "", "no-cooldown", at="  num_retries", severity="warning"
    ),
    Mistake(
        "the default is unset", "eu_bank", "allowed_fails: 2", "allowed_fails: 3", "no-cooldown", severity="warning"
    ),
    Mistake(
        "switched off", "eu_bank", "allowed_fails: 2", "disable_cooldowns: true", "no-cooldown", severity="warning"
    ),
]
YAML = [
    Mistake("key twice", "eu_bank", "  cooldown_time: 30", "  num_retries: 1 # again", "not-strict-yaml"),
    Mistake("anchor", "eu_bank", "time_period: 1d", "time_period: &day 1d", "not-strict-yaml"),
    Mistake("tag", "eu_bank", "time_period: 1d", "time_period: !!python/name:os.system x", "not-strict-yaml"),
    Mistake("indentation", "smallest", "    litellm_params:", "   litellm_params:", "not-strict-yaml"),
]
MISTAKES = [*KEYS, *KINDS, *MODELS, *LIMITS, *RULES, *SERVER, *SECRETS, *PLACES, *TIMES, *YAML]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_config_has_no_error(name: str) -> None:
    found = findings_of(text_of(name), **GOOD[name])
    assert is_clean(found), "\n".join(map(str, found))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.code}: {m.name}")
def test_a_planted_mistake_is_found_on_its_line(mistake: Mistake) -> None:
    found = findings_of(mistake.text, **GOOD[mistake.config] | mistake.asked)
    said = [f for f in found if f.code == mistake.code and f.line == mistake.line]
    assert said, f"line {mistake.line} of:\n" + "\n".join(map(str, found))
    assert said[0].severity == mistake.severity
    assert said[0].litellm_does
    if mistake.near:
        assert any(mistake.near in finding.near for finding in said), said


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.severity == "error"], ids=lambda m: f"{m.code}: {m.name}")
def test_a_config_with_an_error_is_not_clean(mistake: Mistake) -> None:
    assert not is_clean(findings_of(mistake.text, **GOOD[mistake.config] | mistake.asked))


def test_a_fallback_at_the_same_provider_is_said() -> None:
    text = text_of("eu_bank").replace("    - cheap: [backup]", "    - cheap: [smart]")
    text = text.replace("vertex_ai/claude-opus-5-5", "bedrock/eu.anthropic.claude-opus-5-5")
    (said,) = [finding for finding in findings_of(text) if finding.code == "same-vendor"]
    assert said.message == "'cheap' and 'smart' are both called at bedrock"
    assert said.where == "router_settings.fallbacks[0].cheap[0]"


def test_no_finding_repeats_a_secret() -> None:
    for mistake in SECRETS[:5]:
        value = mistake.new.split(": ")[-1].strip("[]").removeprefix("Bearer ")
        found = findings_of(mistake.text)
        assert not [finding for finding in found if value in repr(finding)], mistake.name

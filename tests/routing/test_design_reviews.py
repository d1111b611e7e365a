"""Five design reviews on the snapshot of November 2026: what is recommended, by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmlab.catalog import load_catalog
from llmlab.cost import Workload, estimate
from llmlab.routing import Constraints, Ecosystem, LatencySla, Quality, Recommendation, recommend

NOVEMBER = load_catalog("2026-11")


def review(constraints: Constraints, workload: Workload) -> Recommendation:
    return recommend(constraints, workload, NOVEMBER, as_of=NOVEMBER.as_of)


def codes(found: Recommendation) -> set[str]:
    return {caution.code for caution in found.warnings}


def test_an_eu_bank_gets_two_clouds_of_the_eu_within_ten_seconds() -> None:
    quality = Quality(hard_kinds=("long_documents",), hard_share=0.1, hard_input_tokens=60_000)
    asked = Constraints(
        residency="eu", worst_case_s=10, max_usd_per_request=Decimal("0.30"), quality=quality, demand_measured=True
    )
    found = review(asked, Workload(requests=200_000))
    assert found.endpoints == {
        "cheap": "bedrock/eu.anthropic.claude-haiku-5-5",
        "mid": "bedrock/eu.deepseek.v3.2",
        "smart": "vertex_ai/gemini-4-argon@eu",
        "backup": "bedrock/eu.anthropic.claude-opus-5-5",
    }
    assert found.usd_per_period == pytest.approx(Decimal("3482.60"))
    assert found.worst_case_s == 9.5  # half a second is the gateway's own
    assert found.fallbacks == {"cheap": ("smart",), "mid": ("smart",), "smart": ("backup",)}  # to the other cloud
    assert found.context_window_fallbacks["mid"] == ("smart",)
    assert {choice.endpoint.residency.scope for choice in found.tiers.values()} == {"eu"}
    assert "latency-unknown" in codes(found)  # nobody publishes how fast EU profiles are
    saved = {change.name: change.words for change in found.changes}
    assert "saves $1,721 a month" in saved["residency"]


def test_a_latency_bound_chat_gets_what_answers_within_1200_ms_and_is_told_what_the_bound_costs() -> None:
    chat = Workload(
        requests=1_000_000, input_tokens=2_000, output_tokens=300, cache_hit_rate=0.6, cacheable_tokens=1_500
    )
    found = review(Constraints(latency=LatencySla(ttft_s=1.2), worst_case_s=8, demand_measured=True), chat)
    assert found.endpoints == {
        "cheap": "mistral/mistral-small-2603",
        "mid": "mistral/mistral-large-3",
        "smart": "mistral/mistral-large-3",
        "backup": "openai/gpt-5.1",
    }
    assert found.usd_per_period == 1_045
    assert all(choice.latency.ttft_s is not None and choice.latency.ttft_s <= 1.2 for choice in found.tiers.values())
    step = next(step for step in found.walk.steps if step.node == "latency")
    assert (step.fell, step.unknown, step.left) == (89, 79, 8)
    (change,) = [change for change in found.changes if change.name == "ttft"]
    assert change.saves_usd == Decimal("632.5")
    assert "timeout-under-answer" in codes(found)  # it must stream


def test_a_night_of_pdfs_costs_under_fifty_dollars_as_the_seed_says() -> None:
    pages = Workload(requests=100_000, period="run", input_tokens=1_500, output_tokens=200)
    found = review(Constraints(offline=True, demand_measured=True, quality=Quality(hard_kinds=("vision",))), pages)
    assert found.endpoints == {
        "cheap": "groq/openai/gpt-oss-20b",
        "mid": "bedrock/openai.gpt-oss-120b-1:0",
        "smart": "vertex_ai/meta/llama-4-maverick-17b-128e-instruct-maas",
        "backup": "bedrock/mistral.mistral-large-3-675b-instruct",
    }
    assert found.usd_per_period == Decimal("18.275")
    # The seed's own two: Flash is under $50 in a batch; DeepSeek sells none today.
    bills = {
        row.endpoint: row.total_usd for row in estimate(pages.change(batch_share=1.0), NOVEMBER, as_of=NOVEMBER.as_of)
    }
    assert bills["gemini/gemini-2.5-flash"] == 47.5
    assert bills["deepseek/deepseek-flash"] == 69


def test_an_aws_shop_gets_all_four_on_bedrock_and_its_shared_risk() -> None:
    aws = Ecosystem(clouds=("aws",), one_audit_surface=True)
    found = review(Constraints(ecosystem=aws, quality=Quality(hard_kinds=("code",)), demand_measured=True), Workload())
    assert found.endpoints == {
        "cheap": "bedrock/global.anthropic.claude-haiku-5-5",
        "mid": "bedrock/openai.gpt-oss-120b-1:0",
        "smart": "bedrock/openai.gpt-oss-120b-1:0",
        "backup": "bedrock/us.meta.llama3-3-70b-instruct-v1:0",
    }
    assert found.usd_per_period == 90
    assert found.shared_host
    assert "shared-host" in codes(found)


def test_a_startup_gets_elastic_endpoints_and_the_warnings_about_commitments() -> None:
    found = review(Constraints(quality=Quality(hard_kinds=("agent_loops",))), Workload())
    assert found.endpoints == {
        "cheap": "groq/openai/gpt-oss-20b",
        "mid": "bedrock/openai.gpt-oss-120b-1:0",
        "smart": "azure/gpt-5.1",
        "backup": "anthropic/claude-opus-5-5",
    }
    assert found.usd_per_period == Decimal("135.5")
    assert not found.shared_host
    (trap,) = [caution for caution in found.warnings if caution.code == "provisioned-throughput"]
    assert trap.usd == Decimal("67.75")

"""The tables: cell for cell the seed's on the seed's snapshot, and sensible where several hosts serve a model."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import load_catalog, parse_overrides
from llmlab.catalog.overrides import apply
from llmlab.catalog.tables import (
    HOSTING_COLUMNS,
    SPEC_COLUMNS,
    Spec,
    dollars,
    hosting_matrix,
    price_ratios,
    specs,
    times,
    tokens,
)

DAY = date(2026, 11, 23)
SEED = load_catalog("seed-2026-early")
NOVEMBER = load_catalog("2026-11")

# The seed's own table, copied. Only its two Gemini rows are mended: they lack "Google" and end in an empty cell.
SEED_TABLE = """\
| Model | Provider | Context | Output | In $/1M | Out $/1M | Strengths | Hosting | Cutoff |
| Claude Opus 4.7 | Anthropic | 1M | 64K | $15 | $75 | Long-doc reasoning, agentic tool use, code | API, Bedrock, Vertex | Jan 2026 |
| Claude Sonnet 4.6 | Anthropic | 1M | 64K | $3 | $15 | Best price/perf for production RAG and chat | API, Bedrock, Vertex | Late 2025 |
| Claude Haiku 4.5 | Anthropic | 200K | 16K | $0.80 | $4 | Low-latency classification, query rewrite | API, Bedrock, Vertex | Mid 2025 |
| GPT-5 | OpenAI | 400K | 128K | starts at $10 | starts at $40 | Code, math, structured output, vision | API, Azure | Late 2025 |
| GPT-4o (legacy) | OpenAI | 128K | 16K | $2.50 | $10 | Mature ecosystem, strong general purpose | API, Azure | Oct 2023 |
| Gemini 2.x Pro | Google | 2M | 64K | starts at $7 | starts at $21 | Largest context, native video, grounded search | Vertex, AI Studio | Late 2025 |
| Gemini 2.x Flash | Google | 1M | 64K | $0.30 | $2.50 | Cheap long-context, batch summarization | Vertex, AI Studio | Late 2025 |
| Llama 3.3 70B | Meta (open) | 128K | 8K | ~$0.70 hosted | ~$0.80 hosted | Open weights, fine-tunable, strong code | Self-host, Bedrock, Together, Fireworks, Groq | Dec 2023 |
| Llama 3.3 8B | Meta (open) | 128K | 8K | ~$0.10 hosted | ~$0.10 hosted | Edge, on-device, embedded routing | Self-host, Bedrock, Together, Groq | Dec 2023 |
| Mistral Large 2 | Mistral (open weights) | 128K | 16K | $2 | $6 | European data residency, strong multilingual | La Plateforme, Bedrock, Azure, self-host | Mid 2024 |
| Qwen 2.5 72B | Alibaba (open) | 128K | 8K | ~$0.90 hosted | ~$0.90 hosted | Strongest open Chinese, solid code, math | Self-host, DashScope, Together | Mid 2024 |
| DeepSeek V3 | DeepSeek (open) | 128K | 8K | $0.27 | $1.10 | MoE, very cheap, strong code, reasoning variant | API, self-host (heavy) | Mid 2024 |
"""  # noqa: E501

SEED_RATIOS = """\
| Llama 3.3 8B | 1x (baseline) |
| Gemini 2.x Flash | ~25x |
| DeepSeek V3 | ~11x |
| Llama 3.3 70B (hosted) | ~8x |
| Claude Haiku 4.5 | ~40x |
| Mistral Large 2 | ~60x |
| GPT-4o (legacy) | ~100x |
| Claude Sonnet 4.6 | ~150x |
| Gemini 2.x Pro | ~210x |
| GPT-5 | ~400x |
| Claude Opus 4.7 | ~750x |
"""

SEED_HOSTING = """\
| Model | Native API | AWS Bedrock | Azure | Vertex AI | Self-host (vLLM / TGI) |
| Claude (all) | Yes | Yes | No | Yes | No |
| GPT-5 / GPT-4o | Yes | No | Yes (Azure OpenAI) | No | No |
| Gemini 2.x | AI Studio | No | No | Yes | No |
| Llama 3.3 | Together / Fireworks / Groq | Yes | Yes (MaaS) | Yes (MaaS) | Yes |
| Mistral Large 2 | La Plateforme | Yes | Yes (MaaS) | Yes (MaaS) | Yes (open weights) |
| Qwen 2.5 | DashScope | No | No | No | Yes |
| DeepSeek V3 | Yes | No | No | No | Yes (heavy: 671B params) |
"""


def cells(table: str) -> list[tuple[str, ...]]:
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()]


def spec(id: str, day: date = DAY) -> Spec:
    return next(row for row in specs(NOVEMBER, day) if row.id == id)


def test_the_specs_of_the_seed_snapshot_are_the_seeds_table() -> None:
    rows = specs(SEED)
    assert [SPEC_COLUMNS, *(row.cells for row in rows[:12])] == cells(SEED_TABLE)


def test_the_model_that_the_seed_only_names_is_unpriced_and_comes_last() -> None:
    mini = specs(SEED)[12]
    assert (mini.model, mini.input_price, mini.output_price) == ("GPT-5 mini", "unpriced", "unpriced")
    assert (mini.endpoint, mini.context) == (None, "not stated")


def test_the_price_ratios_of_the_seed_snapshot_are_the_seeds() -> None:
    found = {row.model: times(row.ratio) for row in price_ratios(SEED)}
    for model, ratio in cells(SEED_RATIOS):
        assert found[model.removesuffix(" (hosted)")] == ratio.removesuffix(" (baseline)").lstrip("~")


def test_price_ratios_rise_from_the_cheapest() -> None:
    rows = price_ratios(SEED)
    assert rows[0].ratio == 1
    assert [row.ratio for row in rows] == sorted(row.ratio for row in rows)
    assert str(rows[-1]) == "Claude Opus 4.7 (anthropic/claude-opus-4-7): $75, 750x"


def test_what_is_retired_or_free_of_charge_has_no_price_ratio() -> None:
    ours = apply(
        NOVEMBER,
        parse_overrides(
            "name: a\nchecked_on: 2026-11-20\nendpoints: [{id: house/gpt-oss, model: gpt-oss-20b, provider: vllm,"
            " prices: [{rates: {standard: {input: 0, output: 0}}}]}]",
            "a.yaml",
        ),
    )
    ids = {row.endpoint for row in price_ratios(ours, DAY)}
    assert "house/gpt-oss" not in ids
    assert "deepseek/deepseek-v3" not in ids
    assert "deepseek/deepseek-v3" in {row.endpoint for row in price_ratios(ours, date(2026, 1, 1))}


def test_the_hosting_matrix_of_the_seed_snapshot_is_the_seeds_word_for_word() -> None:
    matrix = hosting_matrix(SEED)
    assert matrix.published
    assert [matrix.columns, *matrix.cells] == cells(SEED_HOSTING)


def test_a_snapshot_without_a_published_matrix_derives_one_from_its_endpoints() -> None:
    matrix = hosting_matrix(NOVEMBER, DAY)
    rows = {row[0]: row[1:] for row in matrix.cells}
    assert not matrix.published and matrix.columns == HOSTING_COLUMNS
    assert len(rows) == len(NOVEMBER.models)
    assert rows["Claude Opus 4.7"] == ("Yes", "Yes (eu, global, us)", "Yes", "Yes (eu, global)", "No")
    assert rows["Claude Haiku 4.5"][1] == "No (retired 2026-10-15)"
    assert rows["GPT-5"][2] == "Yes (eu, others not stated)"
    assert rows["Qwen 2.5 72B"] == ("Fireworks", "No", "No", "No", "Yes (open weights)")


def test_before_its_retirement_a_host_still_says_yes() -> None:
    rows = {row.family: row for row in hosting_matrix(NOVEMBER, date(2026, 10, 1)).rows}
    assert rows["Claude Haiku 4.5"].bedrock.startswith("Yes")


def test_the_makers_own_price_stands_for_a_model_that_many_serve() -> None:
    assert spec("claude-opus-4-7").endpoint == "anthropic/claude-opus-4-7"
    assert spec("gpt-5").endpoint == "openai/gpt-5"
    assert spec("deepseek-v4-1-flash").endpoint == "deepseek/deepseek-flash"


def test_open_weights_served_by_others_are_hosted_at_the_cheapest_live_price() -> None:
    row = spec("llama-3-3-70b")
    assert row.endpoint == "azure/llama-3.3-70b-instruct"
    assert row.input_price == "$0.71 hosted"


def test_a_maker_who_has_retired_a_model_no_longer_stands_for_it() -> None:
    assert spec("deepseek-v3", date(2026, 1, 1)).endpoint == "deepseek/deepseek-v3"
    row = spec("deepseek-v3")
    assert row.endpoint is not None and not row.endpoint.startswith("deepseek/")
    assert row.output_price.endswith(" hosted")


def test_azure_openai_is_not_openai() -> None:
    from llmlab.catalog.tables import made_by_provider

    assert made_by_provider(NOVEMBER, NOVEMBER.endpoint("openai/gpt-5"))
    assert not made_by_provider(NOVEMBER, NOVEMBER.endpoint("azure/gpt-5"))
    assert made_by_provider(NOVEMBER, NOVEMBER.endpoint("mistral/mistral-large-3"))
    assert not made_by_provider(NOVEMBER, NOVEMBER.endpoint("groq/openai/gpt-oss-20b"))


def test_a_box_by_the_hour_says_so_where_nobody_sells_by_the_token() -> None:
    ours = apply(
        NOVEMBER,
        parse_overrides(
            "name: a\nchecked_on: 2026-11-20\nmodels: [{id: own-7b, name: Own 7B, maker: us, open_weights: true}]\n"
            "endpoints: [{id: house/own-7b, model: own-7b, provider: vllm, prices: [{reserved_usd_per_hour: 12.29}]}]",
            "a.yaml",
        ),
    )
    row = next(row for row in specs(ours, DAY) if row.id == "own-7b")
    assert (row.input_price, row.output_price) == ("$12.29 an hour", "$12.29 an hour")


def test_a_model_whose_prices_have_all_ended_is_unpriced() -> None:
    text = (
        "name: a\nchecked_on: 2026-11-20\nmodels: [{id: promo-1, name: Promo, maker: us}]\n"
        "endpoints: [{id: house/promo-1, model: promo-1, provider: vllm,"
        " prices: [{effective_to: 2026-01-01, rates: {standard: {input: 1, output: 1}}}]}]"
    )
    ours = apply(NOVEMBER, parse_overrides(text, "a.yaml"))
    assert next(row for row in specs(ours, DAY) if row.id == "promo-1").input_price == "unpriced"
    assert next(row for row in specs(ours, date(2025, 12, 31)) if row.id == "promo-1").input_price == "$1"


def test_the_tables_of_a_whole_price_package_can_be_made() -> None:
    bulk = load_catalog("litellm")
    assert len(specs(bulk, DAY)) == len(bulk.models)
    assert price_ratios(bulk, DAY)[0].ratio == 1
    assert len(hosting_matrix(bulk, DAY).rows) == len(bulk.models)


def test_the_catalogs_own_methods_give_the_same_tables() -> None:
    assert SEED.specs(as_of=DAY) == specs(SEED, DAY)
    assert SEED.price_ratios(as_of=DAY) == price_ratios(SEED, DAY)
    assert SEED.hosting_matrix(as_of=DAY) == hosting_matrix(SEED, DAY)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1_000_000, "1M"), (1_048_576, "1M"), (2_000_000, "2M"), (1_050_000, "1.05M"), (272_000, "272K"), (8192, "8K"),
        (131_072, "128K"), (128_000, "128K"), (65_536, "64K"), (8191, "8.19K"), (512, "512"),
    ],
)  # fmt: skip
def test_tokens_are_written_as_they_are_sold(count: int, text: str) -> None:
    assert tokens(count) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("15", "$15"),
        ("0.8", "$0.80"),
        ("0.80", "$0.80"),
        ("0.0135", "$0.0135"),
        ("1E+3", "$1,000"),
        ("0", "$0"),
        ("1200.5", "$1,200.50"),
    ],
)
def test_dollars_are_whole_or_have_their_cents(rate: str, text: str) -> None:
    assert dollars(Decimal(rate)) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        ("25", "25x"),
        ("0.125", "0.13x"),
        ("0.3333333", "0.33x"),
        ("1", "1x"),
        ("1.0004", "1.0004x"),
        ("0.0001", "0.0001x"),
        ("1e60", "1e+60x"),
    ],
)
def test_ratios_show_that_something_moved(ratio: str, text: str) -> None:
    assert times(Decimal(ratio)) == text

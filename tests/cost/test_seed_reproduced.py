"""The seed's own figures come out of its snapshot: worked example, calculator, and where it contradicts itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmlab.catalog import load_catalog
from llmlab.cost import Workload, estimate, ledger, speed

SEED = load_catalog("seed-2026-early")
RAG = Workload(requests=100_000, period="run", input_tokens=4_000, output_tokens=500)

# Row for row as the document prints it: model, input, output, total, p50 of a whole answer.
WORKED_EXAMPLE = {
    "anthropic/claude-opus-4-7": ("$6,000", "$3,750", "$9,750", "4–8s"),
    "anthropic/claude-sonnet-4-6": ("$1,200", "$750", "$1,950", "2–4s"),
    "anthropic/claude-haiku-4-5": ("$320", "$200", "$520", "0.5–1.5s"),
    "openai/gpt-5": ("$4,000", "$2,000", "$6,000", "3–7s"),
    "gemini/gemini-2-pro": ("$2,800", "$1,050", "$3,850", "3–6s"),
    "gemini/gemini-2-flash": ("$120", "$125", "$245", "0.5–1.5s"),
    "together_ai/llama-3-3-70b": ("$280", "$40", "$320", "1–3s"),
    "groq/llama-3-3-8b": ("$40", "$5", "$45", "0.1–0.4s"),
    "deepseek/deepseek-v3": ("$108", "$55", "$163", "2–5s"),
}

# The seed's cost.py: dollars per million tokens in and out, and the formula below, unchanged.
PRICING = {
    "claude-opus-4-7": (15.00, 75.00),
    "claude-sonnet-4-6": (3.00, 15.00),
    "claude-haiku-4-5": (0.80, 4.00),
    "gpt-5": (10.00, 40.00),
    "gemini-2-pro": (7.00, 21.00),
    "gemini-2-flash": (0.30, 2.50),
    "llama-3-3-70b": (0.70, 0.80),
    "llama-3-3-8b": (0.10, 0.10),
    "deepseek-v3": (0.27, 1.10),
}


def seed_estimate(
    model: str, n_requests: int, in_tok: int, out_tok: int, cache_hit_rate: float = 0.0, batch: bool = False
) -> float:
    p_in, p_out = PRICING[model]
    eff_in_price = p_in * (1 - 0.9 * cache_hit_rate)
    cost = (n_requests * in_tok / 1e6) * eff_in_price + (n_requests * out_tok / 1e6) * p_out
    return cost * (0.5 if batch else 1.0)


def total(id: str, workload: Workload) -> Decimal:
    found = ledger(SEED.endpoint(id), workload, SEED, as_of=SEED.as_of).total_usd
    assert found is not None
    return found


@pytest.mark.parametrize("id", WORKED_EXAMPLE)
def test_each_row_of_the_worked_example_is_reproduced_cell_by_cell(id: str) -> None:
    endpoint = SEED.endpoint(id)
    bill = ledger(endpoint, RAG, SEED, as_of=SEED.as_of)
    prior = speed(endpoint, RAG)
    cells = (f"${bill.usd('input'):,f}", f"${bill.usd('output'):,f}", f"${bill.total_usd:,f}")
    assert tuple(cell.rstrip("0").rstrip(".") if "." in cell else cell for cell in cells) == WORKED_EXAMPLE[id][:3]
    assert f"{prior.low_s}–{prior.high_s}s" == WORKED_EXAMPLE[id][3]


def test_the_worked_example_is_reproduced_in_the_table_too() -> None:
    rows = {row.endpoint: row for row in estimate(RAG, SEED, as_of=SEED.as_of)}
    shown = {
        id: tuple(f"${usd:,.0f}" for usd in (rows[id].input_usd, rows[id].output_usd, rows[id].total_usd) if usd)
        for id in WORKED_EXAMPLE
    }
    assert shown == {id: cells[:3] for id, cells in WORKED_EXAMPLE.items()}


@pytest.mark.parametrize("rate", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("batch", [False, True])
def test_the_calculator_agrees_where_its_formula_holds(rate: float, batch: bool) -> None:
    # The seed knows no write price: a miss costs the input rate, so its formula is ours for an all-prefix prompt.
    whole = RAG.change(cache_hit_rate=rate, batch_share=float(batch))
    for model in PRICING:
        (endpoint,) = SEED.find(model)
        seed = seed_estimate(model, 100_000, 4_000, 500, cache_hit_rate=rate, batch=batch)
        assert float(total(endpoint.id, whole)) == pytest.approx(seed, rel=1e-12)


def test_each_line_that_the_calculator_prints_is_ours_to_the_character() -> None:
    workload = RAG.change(cache_hit_rate=0.8)
    seed = [f"{m:24s} ${seed_estimate(m, 100_000, 4_000, 500, cache_hit_rate=0.8):8,.0f}" for m in PRICING]
    ours = [f"{m:24s} ${total(SEED.find(m)[0].id, workload):8,.0f}" for m in PRICING]
    assert ours == seed
    assert ours[1] == "claude-sonnet-4-6        $   1,086"


def test_gpt_4o_is_cheaper_than_sonnet_although_the_prose_says_three_times_the_price() -> None:
    gpt_4o, sonnet = total("openai/gpt-4o", RAG), total("anthropic/claude-sonnet-4-6", RAG)
    assert (gpt_4o, sonnet) == (Decimal(1_500), Decimal(1_950))
    assert gpt_4o < sonnet


def test_batch_and_cache_together_save_at_most_four_and_a_half_times_and_not_five_to_ten() -> None:
    sonnet = "anthropic/claude-sonnet-4-6"
    cached = RAG.change(cache_hit_rate=1.0)
    steps = [total(sonnet, w) for w in (RAG, cached, cached.change(batch_share=1.0))]
    assert steps == [1_950, 870, 435]
    assert Decimal("4.4") < steps[0] / steps[2] < Decimal("4.5")


def test_the_two_models_that_the_seed_prices_but_does_not_total_follow_from_its_prices() -> None:
    assert total("mistral/mistral-large-2", RAG) == 1_100
    assert total("together_ai/qwen-2-5-72b", RAG) == 405


def test_gpt_5_mini_which_the_seed_names_but_never_prices_is_unpriced_and_not_free() -> None:
    bill = ledger(SEED.endpoint("openai/gpt-5-mini"), RAG, SEED, as_of=SEED.as_of)
    assert bill.total_usd is None
    assert bill.unpriced == "no price published"


def test_the_gap_between_the_dearest_and_the_cheapest_is_the_two_hundred_times_that_the_seed_says() -> None:
    rows = estimate(RAG, SEED, as_of=SEED.as_of)
    ratios = {row.endpoint: row.ratio for row in rows}
    assert ratios["groq/llama-3-3-8b"] == 1.0
    assert ratios["anthropic/claude-opus-4-7"] == pytest.approx(9_750 / 45)  # 217

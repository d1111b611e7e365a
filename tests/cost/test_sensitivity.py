"""What moves the bill most, and where one endpoint becomes cheaper than another: checked against closed forms."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import PriceList, Rates, load_catalog
from llmlab.catalog.records import ModeRates
from llmlab.cost import BreakEven, Workload, break_even, ledger, sensitivity
from llmlab.cost.sensitivity import VARIABLES, Range, usual_range
from llmlab.errors import UnknownNameError, UnpricedError, WorkloadError

CATALOG = load_catalog("2026-11")
DAY = date(2026, 11, 23)
RAG = Workload(requests=100_000, input_tokens=4_000, output_tokens=500)
SONNET = "anthropic/claude-sonnet-4-6"
HAIKU = "anthropic/claude-haiku-4-5"
GPT_4O = "openai/gpt-4o"
MISTRAL = "mistral/mistral-large-2407"
GEMINI = "gemini/gemini-2.5-pro"


def meet(a: str, b: str, over: str, workload: Workload = RAG, between: Range | None = None) -> BreakEven:
    return break_even(
        CATALOG.endpoint(a), CATALOG.endpoint(b), workload, CATALOG, over=over, between=between, as_of=DAY
    )


def test_a_tornado_has_a_swing_for_each_input_with_the_widest_first() -> None:
    swings = sensitivity(CATALOG.endpoint(SONNET), RAG, CATALOG, as_of=DAY)
    assert {s.variable for s in swings} == set(VARIABLES)
    assert [s.width for s in swings] == sorted((s.width for s in swings), reverse=True)
    by_name = {s.variable: s for s in swings}
    assert swings[0].variable == "requests"
    assert (by_name["requests"].usd_at_low, by_name["requests"].usd_at_high) == (Decimal(975), Decimal(3_900))
    assert (by_name["input_tokens"].low, by_name["input_tokens"].high) == (2_000, 8_000)
    assert by_name["input_tokens"].width == 1_800  # 6,000 tokens x 100,000 x $3
    assert by_name["reasoning_tokens"].width == 1_500  # up to twice the answer, at the output rate
    assert by_name["retry_rate"].width == 195
    assert by_name["off_peak_share"].width == 0  # Anthropic sells no cheaper hours


def test_ranges_of_ones_own_choose_the_inputs_and_their_ends() -> None:
    (swing,) = sensitivity(CATALOG.endpoint(SONNET), RAG, CATALOG, ranges={"batch_share": (0.0, 1.0)}, as_of=DAY)
    assert (swing.variable, swing.low, swing.high) == ("batch_share", 0.0, 1.0)
    assert (swing.usd_at_low, swing.usd_at_high, swing.width) == (Decimal(1_950), Decimal(975), Decimal(975))


def test_a_tornado_of_an_unpriced_endpoint_is_refused() -> None:
    with pytest.raises(UnpricedError, match="vllm/deepseek-ai/DeepSeek-V3: no price published"):
        sensitivity(CATALOG.endpoint("vllm/deepseek-ai/DeepSeek-V3"), RAG, CATALOG, as_of=DAY)


@pytest.mark.parametrize(
    ("variable", "workload", "range"),
    [
        ("requests", RAG, (50_000, 200_000)),
        ("output_tokens", RAG, (250, 1_000)),
        ("reasoning_tokens", RAG, (0, 1_000)),
        ("cacheable_tokens", RAG.change(cacheable_tokens=3_200), (1_600, 4_000)),
        ("cache_hit_rate", RAG, (0.0, 0.2)),
        ("cache_hit_rate", RAG.change(cache_hit_rate=0.9), (0.7, 1.0)),
        ("retry_rate", RAG, (0.0, 0.1)),
    ],
)
def test_the_usual_range_stays_within_what_a_workload_can_be(variable: str, workload: Workload, range: Range) -> None:
    assert usual_range(workload, variable) == pytest.approx(range)


def test_an_input_that_is_none_is_an_error_that_says_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown workload input 'output_token'; did you mean output_tokens"):
        usual_range(RAG, "output_token")


# --- Break-even ------------------------------------------------------------------------------------------------------


def test_a_crossing_over_answer_length_is_where_the_closed_form_has_it() -> None:
    # With 3,200 of 4,000 read from the cache at half, GPT-4o's prompt costs 800 x 2.5 + 3,200 x 1.25 = 6,000 $/M
    # and Mistral's, which caches nothing, 4,000 x 2 = 8,000. With n tokens out: 6,000 + 10 n = 8,000 + 6 n, n = 500.
    cached = RAG.change(cacheable_tokens=3_200, cache_hit_rate=1.0)
    found = meet(GPT_4O, MISTRAL, "output_tokens", cached, (0, 1_000))
    (crossing,) = found.crossings
    assert crossing.at == pytest.approx(500, abs=1)
    assert (crossing.cheaper_below, crossing.cheaper_above, crossing.jump) == (GPT_4O, MISTRAL, False)
    assert found.cheaper_throughout is None
    assert str(found) == f"above {crossing.at:,.0f} output tokens {MISTRAL} is cheaper than {GPT_4O}"


def test_a_crossing_over_a_share_is_where_the_closed_form_has_it() -> None:
    # GPT-4o halves for a batch, Mistral Large of November does not: 1,500 - 750 x = 1,100 at x = 0.5333.
    (crossing,) = meet(GPT_4O, MISTRAL, "batch_share").crossings
    assert crossing.at == pytest.approx(400 / 750, abs=1e-8)
    assert (crossing.cheaper_below, crossing.cheaper_above, crossing.jump) == (MISTRAL, GPT_4O, False)


def test_both_sides_of_a_crossing_are_as_it_says() -> None:
    found = meet(GPT_4O, MISTRAL, "batch_share")
    (crossing,) = found.crossings
    for share, cheaper in ((crossing.at - 0.001, MISTRAL), (crossing.at + 0.001, GPT_4O)):
        totals = {
            id: ledger(CATALOG.endpoint(id), RAG.change(batch_share=share), CATALOG, as_of=DAY).total_usd or Decimal(0)
            for id in (GPT_4O, MISTRAL)
        }
        assert min(totals, key=lambda name: totals[name]) == cheaper


def test_the_order_of_the_two_does_not_change_the_crossing() -> None:
    assert meet(GPT_4O, MISTRAL, "batch_share").crossings == meet(MISTRAL, GPT_4O, "batch_share").crossings


@pytest.mark.parametrize("between", [(1, 20), (400, 600), (250, 1_000), (0, 100_000)])
def test_a_smooth_crossing_is_no_jump_however_narrow_the_range(between: Range) -> None:
    at = 10 if between == (1, 20) else 500
    workload = RAG.change(input_tokens=8 * at, cacheable_tokens=64 * at // 10, cache_hit_rate=1.0)  # as above, to scale
    (crossing,) = meet(GPT_4O, MISTRAL, "output_tokens", workload, between).crossings
    assert crossing.at == pytest.approx(at, abs=1)
    assert not crossing.jump


def test_a_crossing_at_a_caching_minimum_is_marked_as_a_jump() -> None:
    # Haiku caches from 4,096 on: there 4,096 of its 12,000 tokens fall from $1 to $0.10 a million, all at once.
    workload = RAG.change(input_tokens=12_000, output_tokens=0, cache_hit_rate=1.0)
    mistral = CATALOG.endpoint(MISTRAL)
    rates = ModeRates(standard=Rates(input=Decimal("0.8"), output=Decimal(5)))
    price = PriceList(rates=rates, evidence=mistral.prices[0].evidence)
    flat = dataclasses.replace(mistral, id="made/flat", prices=(price,))
    found = break_even(
        CATALOG.endpoint(HAIKU), flat, workload, CATALOG, over="cacheable_tokens", between=(0, 12_000), as_of=DAY
    )
    (crossing,) = found.crossings
    assert (crossing.at, crossing.jump) == (4_096, True)
    assert (crossing.cheaper_below, crossing.cheaper_above) == ("made/flat", HAIKU)


def test_a_crossing_at_a_price_tier_is_marked_as_a_jump() -> None:
    # Gemini 2.5 Pro is 1.25 a million up to 200,000 tokens and 2.50 over it, Mistral Large is 2.00 throughout.
    workload = RAG.change(output_tokens=0)
    (crossing,) = meet(GEMINI, MISTRAL, "input_tokens", workload, (100_000, 300_000)).crossings
    assert (crossing.at, crossing.jump) == (200_001, True)
    assert (crossing.cheaper_below, crossing.cheaper_above) == (GEMINI, MISTRAL)


def test_a_crossing_at_the_very_end_of_the_range_asks_for_nothing_beyond_it() -> None:
    # One cacheable token more than the prompt has would be refused.
    both = RAG.change(cache_hit_rate=1.0)
    found = meet(SONNET, GPT_4O, "cacheable_tokens", both, (0, 4_000))
    for crossing in found.crossings:
        assert crossing.at <= 4_000


def test_where_the_lines_never_cross_one_is_cheaper_throughout_and_it_is_said() -> None:
    found = meet(SONNET, HAIKU, "input_tokens")
    assert (found.crossings, found.cheaper_throughout) == ((), HAIKU)
    assert str(found) == f"{HAIKU} is cheaper than {SONNET} from 2,000 to 8,000 input tokens"
    assert str(meet(SONNET, HAIKU, "batch_share")).endswith("from 0 % to 100 % batch share")


def test_two_of_the_same_price_cost_the_same() -> None:
    found = meet(SONNET, "azure/claude-sonnet-4-6", "requests")
    assert (found.crossings, found.cheaper_throughout) == ((), None)
    assert str(found) == f"{SONNET} and azure/claude-sonnet-4-6 cost the same over this requests"


def test_a_lead_that_begins_inside_the_range_is_no_crossing() -> None:
    # Equal without a batch; from the first batched request on, only one of them is cheaper.
    found = meet("deepseek/deepseek-v3", "fireworks_ai/accounts/fireworks/models/deepseek-v4p1-flash", "off_peak_share")
    assert found.crossings == ()
    assert found.cheaper_throughout == "deepseek/deepseek-v3"


def test_an_empty_range_and_an_unpriced_side_are_refused() -> None:
    with pytest.raises(WorkloadError, match="output_tokens: the range 500 to 500 is empty"):
        meet(SONNET, HAIKU, "output_tokens", between=(500, 500))
    with pytest.raises(UnpricedError, match="no price published"):
        meet(SONNET, "vllm/deepseek-ai/DeepSeek-V3", "output_tokens")


def test_a_prompt_that_shrinks_takes_its_prefix_along() -> None:
    workload = RAG.change(cacheable_tokens=3_200, cache_hit_rate=1.0)
    (swing,) = sensitivity(CATALOG.endpoint(SONNET), workload, CATALOG, ranges={"input_tokens": (0, 4_000)}, as_of=DAY)
    assert (swing.usd_at_low, swing.usd_at_high) == (Decimal(750), Decimal(1_086))

"""What a run says of each endpoint: who is counted, what is unknown, and by how much the fastest is ahead."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal
from typing import Any

import pytest

from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.measurement.records import Chunk, Connection, StreamRecord, Usage
from llmlab.measurement.statistics import Paired, Share, quantiles
from llmlab.measurement.summary import METRICS, Comparison, Lane, Slo, Summary, compare, goodput, summarise

MS = 1_000_000
START = 9_000 * MS
FAST, SLOW = "groq/llama", "openai/gpt"


def call(ttft: float = 100, *, itl: float = 10, tokens: int = 11, **given: Any) -> StreamRecord:
    """A call whose first of `tokens` came after `ttft` ms and each next one `itl` ms later, a token a chunk."""
    times = [START + round((ttft + itl * i) * MS) for i in range(tokens)]
    made: dict[str, Any] = {
        "run": "r", "number": 0, "round": 0, "endpoint": SLOW, "model": "m", "path": "litellm", "simulated": False,
        "started_at": "2026-11-23T12:00:00Z", "status": "ok", "clock": "socket", "scheduled_ns": START - 7 * MS,
        "called_ns": START - 5 * MS, "sent_ns": START, "ended_ns": START + 9_000 * MS,
        "connection": Connection(reused=True), "chunks": tuple(Chunk(at, "answer", 4) for at in times),
        "felt_first_ns": times[0] + 2 * MS if times else None, "usage": Usage(input=20, output=tokens),
        "usage_source": "provider", "usd": Decimal("0.001"),
    }  # fmt: skip
    return StreamRecord(**made | given)


def failed(status: str = "error", **given: Any) -> StreamRecord:
    return call(tokens=0, **{"status": status, "usage": None, "usage_source": None, "usd": None} | given)


def only(records: list[StreamRecord], slo: Slo | None = None) -> Summary:
    (found,) = summarise(records, slo=slo)
    return found


# --- Who is counted --------------------------------------------------------------------------------------------------


def test_a_summary_per_endpoint_in_the_order_of_first_appearance() -> None:
    found = summarise([call(endpoint="b"), call(endpoint="a"), call(endpoint="b"), call(endpoint="c")])
    assert [(s.endpoint, s.issued) for s in found] == [("b", 2), ("a", 1), ("c", 1)]


def test_no_records_have_no_summary() -> None:
    assert summarise([]) == ()


def test_warm_ups_are_counted_apart_with_their_dollars() -> None:
    found = only([call(9_000, warm_up=True), call(100), call(102), failed(warm_up=True)])
    assert (found.issued, found.ok, found.warm_ups, found.failures) == (2, 2, 2, ())
    assert found.ttft_ms.p50.value == 101
    assert (found.total_usd, found.warm_up_usd) == (Decimal("0.002"), Decimal("0.001"))


def test_failures_are_counted_by_what_they_were_and_lend_no_times() -> None:
    late_death = call(9_000, status="stall_timeout")
    found = only([call(100), late_death, failed(), failed(), failed("truncated")])
    assert (found.issued, found.ok) == (5, 1)
    assert found.failures == (("error", 2), ("stall_timeout", 1), ("truncated", 1))
    assert found.ttft_ms == quantiles([100.0])


def test_a_call_that_the_budget_kept_back_was_not_issued() -> None:
    found = only([call(), failed("not_sent"), failed("not_sent")], Slo(ttft_ms=500))
    assert (found.issued, found.not_sent, found.failures) == (1, 2, ())
    assert found.goodput is not None and found.goodput.value == 1


def test_an_endpoint_that_never_succeeded_has_a_summary_without_figures() -> None:
    found = only([failed(), failed()])
    assert (found.issued, found.ok, found.ttft_ms.n, found.ttft_ms.p50.value) == (2, 0, 0, None)
    assert (found.library_overhead_ms, found.median_usd, found.total_usd, found.billed_to_visible) == (None,) * 4


def test_simulated_and_measured_calls_of_one_name_are_two_summaries() -> None:
    found = summarise([call(100), call(900, simulated=True)])
    assert [(s.simulated, s.ttft_ms.p50.value) for s in found] == [(False, 100), (True, 900)]


def test_so_are_calls_by_two_paths() -> None:
    found = summarise([call(100, path="litellm"), call(90, path="httpx")])
    assert [s.lane for s in found] == [Lane(SLOW, "litellm", False), Lane(SLOW, "httpx", False)]


# --- Figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("ttft_ms", 100), ("ttfo_ms", 100), ("itl_ms", 10), ("e2e_ms", 200), ("felt_ttft_ms", 107),
        ("from_schedule_ms", 107), ("decode_tokens_per_s", 100), ("overall_tokens_per_s", 55),
    ],
)  # fmt: skip
def test_each_figure_is_that_of_the_calls(figure: str, value: float) -> None:
    found = getattr(only([call()] * 3), figure)
    assert (found.n, found.p50.value) == (3, pytest.approx(value))


def test_every_metric_of_a_comparison_is_summarised() -> None:
    assert set(METRICS) <= {field.name for field in dataclasses.fields(Summary)}


def test_quantiles_come_with_n_and_with_an_interval_only_from_where_there_is_one() -> None:
    found = only([call(100 + i) for i in range(72)]).ttft_ms
    assert (found.n, found.p95.enough, found.p99.enough, found.p99.needed) == (72, True, False, 368)
    assert found == quantiles([100.0 + i for i in range(72)])


def test_a_call_without_the_providers_count_lends_a_ttft_and_no_itl() -> None:
    found = only([call(), call(usage_source="tokenizer"), call(usage=None, usage_source=None)])
    assert (found.ttft_ms.n, found.itl_ms.n, found.overall_tokens_per_s.n) == (3, 1, 2)
    assert found.usage_sources == ("provider", "tokenizer")


def test_the_librarys_overhead_is_before_and_after_together() -> None:
    assert only([call()]).library_overhead_ms == pytest.approx(5 + 2)


def test_it_is_unknown_where_the_socket_was_not_seen() -> None:
    found = only([call(clock="chunk"), call(clock="chunk")])
    assert found.library_overhead_ms is None
    assert found.clocks == ("chunk",)


def test_late_calls_are_counted_and_clocks_named() -> None:
    found = only([call(late=True), call(), call(clock="chunk", late=True)])
    assert (found.late, found.clocks) == (2, ("socket", "chunk"))


def test_the_ratio_of_billed_to_visible_is_the_median_of_those_that_are_known() -> None:
    ratios = [Usage(input=1, output=100, reasoning=hidden) for hidden in (None, 0, 50, 90)]
    assert only([call(usage=usage) for usage in ratios]).billed_to_visible == 2


# --- Dollars ---------------------------------------------------------------------------------------------------------


def test_dollars_are_added_as_decimals() -> None:
    found = only([call(usd=Decimal("0.1")), call(usd=Decimal("0.2"))])
    assert (found.median_usd, found.total_usd, found.unpriced_calls) == (Decimal("0.15"), Decimal("0.3"), 0)


def test_what_failed_and_was_billed_is_in_the_total_and_not_in_the_median() -> None:
    found = only([call(usd=Decimal("0.1")), call(status="truncated", usd=Decimal("0.5"))])
    assert (found.median_usd, found.total_usd) == (Decimal("0.1"), Decimal("0.6"))


def test_unpriced_is_never_nothing() -> None:
    found = only([call(usd=None, unpriced="no price for m"), call(usd=None, unpriced="no price for m")])
    assert (found.median_usd, found.total_usd, found.warm_up_usd) == (None, None, None)
    assert (found.unpriced_calls, found.unpriced) == (2, ("no price for m",))


def test_a_total_says_how_many_calls_it_knows_nothing_of() -> None:
    found = only([call(usd=Decimal("0.1")), call(usd=None, unpriced="no usage"), failed("cancelled")])
    assert (found.total_usd, found.unpriced_calls, found.unpriced) == (Decimal("0.1"), 2, ("no usage",))


def test_a_call_that_cost_nothing_did_cost_nothing() -> None:
    assert only([call(usd=Decimal(0))]).total_usd == 0


# --- Goodput ---------------------------------------------------------------------------------------------------------


def test_goodput_is_a_share_of_all_that_was_issued_failures_included() -> None:
    records = [call(100), call(300), failed(), failed("cancelled"), call(100, warm_up=True), failed("not_sent")]
    found = goodput(records, Slo(ttft_ms=200))
    assert (found.successes, found.n, found.value) == (1, 4, 0.25)
    assert only(records, Slo(ttft_ms=200)).goodput == found
    assert only(records).goodput is None


def test_every_bound_has_to_be_met() -> None:
    record = call(100)  # itl 10, end to end 200
    assert Slo(ttft_ms=100, ttfo_ms=100, e2e_ms=200, itl_ms=10).met_by(record) is True
    assert [Slo(ttft_ms=99).met_by(record), Slo(e2e_ms=199).met_by(record), Slo(itl_ms=9.9).met_by(record)] == [
        False
    ] * 3
    assert Slo(ttft_ms=100, itl_ms=9).met_by(record) is False


def test_what_is_unknown_is_a_miss_and_said() -> None:
    uncounted = call(100, usage=None, usage_source=None)
    slo = Slo(ttft_ms=200, itl_ms=50)
    found = only([call(100), uncounted, call(300, usage=None)], slo)
    assert (slo.met_by(uncounted), slo.met_by(call(300, usage=None))) == (None, False)
    assert found.goodput is not None and found.goodput.successes == 1
    assert found.unjudged == 1


def test_a_service_level_without_bounds_is_to_succeed() -> None:
    assert goodput([call(9_000), failed()], Slo()).value == 0.5


def test_goodput_of_no_calls_is_unknown() -> None:
    assert goodput([], Slo(ttft_ms=1)) == Share(0, 0, None, None)


@pytest.mark.parametrize("bound", [0.0, -1.0, math.nan, math.inf])
def test_a_bound_that_cannot_be_met_or_bounds_nothing_is_refused(bound: float) -> None:
    with pytest.raises(LlmlabError, match="the service level's e2e_ms is"):
        Slo(e2e_ms=bound)


# --- Comparison ------------------------------------------------------------------------------------------------------


def rounds(endpoint: str, ttfts: list[float | None], **given: Any) -> list[StreamRecord]:
    """A call a round; `None` is a failed one."""
    return [
        failed(endpoint=endpoint, round=i, **given) if ttft is None else call(ttft, endpoint=endpoint, round=i, **given)
        for i, ttft in enumerate(ttfts)
    ]


def one_comparison(records: list[StreamRecord], metric: str = "ttfo_ms") -> Comparison:
    (found,) = compare(records, metric)
    return found


def test_each_is_compared_with_the_fastest_by_pairs_of_a_round() -> None:
    weather: list[float | None] = [100, 900, 300, 2_000, 150, 400]
    slow: list[float | None] = [ttft + 20 for ttft in weather if ttft is not None]
    found = one_comparison(rounds(SLOW, slow) + rounds(FAST, weather))
    assert (found.lane.endpoint, found.fastest.endpoint, found.metric) == (SLOW, FAST, "ttfo_ms")
    assert found.paired == Paired(20, 20, 20, 6)
    assert found.paired.shown


def test_only_rounds_count_in_which_both_succeeded() -> None:
    found = one_comparison(rounds(FAST, [100, None, 100, 100]) + rounds(SLOW, [150, 150, None, 170]))
    assert (found.paired.n, found.paired.difference, found.paired.shown) == (2, 60, False)


def test_several_calls_of_a_round_count_as_their_mean() -> None:
    found = one_comparison(rounds(FAST, [100]) + rounds(SLOW, [200]) + rounds(SLOW, [260]) + rounds(SLOW, [None]))
    assert (found.paired.n, found.paired.difference) == (1, 130)


def test_rounds_of_two_runs_are_different_rounds() -> None:
    records = rounds(FAST, [100], run="monday") + rounds(SLOW, [110], run="monday")
    records += rounds(FAST, [500], run="friday") + rounds(SLOW, [530], run="friday")
    found = one_comparison(records)
    assert (found.paired.n, found.paired.difference) == (2, 20)


def test_warm_ups_are_not_compared() -> None:
    records = rounds(FAST, [100]) + rounds(SLOW, [150])
    assert compare(records + rounds(SLOW, [1], warm_up=True)) == compare(records)


def test_of_a_rate_more_is_faster() -> None:
    records = [call(endpoint=FAST, itl=5), call(endpoint=SLOW, itl=10)]
    found = one_comparison(records, "decode_tokens_per_s")
    assert found.fastest.endpoint == FAST
    assert found.paired.difference == pytest.approx(-100)


def test_an_endpoint_that_never_succeeded_is_listed_with_no_pairs() -> None:
    found = one_comparison(rounds(FAST, [100, 100]) + rounds(SLOW, [None, None]))
    assert found.paired == Paired(None, None, None, 0)


def test_simulated_endpoints_are_compared_among_themselves() -> None:
    simulated = rounds("a", [1], simulated=True) + rounds("b", [2], simulated=True)
    found = compare(rounds(FAST, [100]) + simulated + rounds(SLOW, [150]))
    assert [(c.lane.endpoint, c.fastest.endpoint) for c in found] == [("b", "a"), (SLOW, FAST)]


@pytest.mark.parametrize("records", [[], rounds(FAST, [100]), rounds(FAST, [None]) + rounds(SLOW, [None])])
def test_there_is_nothing_to_compare_with_fewer_than_one_that_succeeded_and_another(
    records: list[StreamRecord],
) -> None:
    assert compare(records) == ()


def test_a_metric_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown metric 'ttf_ms'; did you mean tt"):
        compare([], "ttf_ms")

"""A measured latency goes before a prior, which is quoted or put together as it was published; else it is unknown."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import Endpoint, Evidence, Latency, MeasuredLatency, load_catalog
from llmlab.catalog.records import Percentiles
from llmlab.cost import Speed, Workload, estimate, speed

SEED = load_catalog("seed-2026-early")
SONNET = SEED.endpoint("anthropic/claude-sonnet-4-6")
SAID = Evidence(source="made up", checked_on=date(2026, 11, 1))
MEASURED = MeasuredLatency(
    measured_on=date(2026, 11, 23),
    simulated=False,
    n=40,
    ttft_s=Percentiles(n=40, p50=Decimal("0.5"), p90=Decimal("0.9")),
    itl_s=Percentiles(n=38, p50=Decimal("0.01")),
    e2e_s=Percentiles(n=40, p50=Decimal("2.5")),
    input_tokens=1_200,
    output_tokens=200,
    path="litellm",
)
SIMULATED = dataclasses.replace(MEASURED, simulated=True)
AS_MEASURED = Workload(output_tokens=200)


def measured(found: MeasuredLatency, prior: Latency | None = SONNET.latency) -> Endpoint:
    return dataclasses.replace(SONNET, measured=found, latency=prior)


def with_prior(latency: Latency | None) -> Endpoint:
    return dataclasses.replace(SONNET, latency=latency)


def test_a_published_p50_is_quoted_whatever_the_answer_is_long() -> None:
    found = [speed(SONNET, Workload(output_tokens=n)) for n in (1, 500, 50_000)]
    assert found[0] == found[1] == found[2]
    assert (found[0].low_s, found[0].high_s, found[0].ttft_s) == (Decimal(2), Decimal(4), Decimal("0.4"))
    assert found[0].basis.startswith("p50 of 4,000 in x 500 out, non-streaming (seed document")
    assert found[0].total_s == 3


def test_a_first_token_and_a_rate_are_put_together_with_the_hidden_tokens_counted() -> None:
    prior = Latency(ttft_s=Decimal("1.5"), output_tokens_per_s=Decimal(50), evidence=SAID)
    found = speed(with_prior(prior), Workload(output_tokens=500, reasoning_tokens=1_000))
    assert (found.ttft_s, found.low_s, found.high_s, found.total_s) == (Decimal("1.5"), *[Decimal("31.5")] * 3)
    assert found.basis == "first token + 1,500 tokens at the published rate (made up, 2026-11-01)"


def test_a_first_token_alone_says_nothing_of_the_whole_answer() -> None:
    found = speed(with_prior(Latency(ttft_s=Decimal("0.2"), evidence=SAID)), Workload())
    assert found == Speed(ttft_s=Decimal("0.2"), basis="made up, 2026-11-01")
    assert found.total_s is None


def test_without_a_prior_it_is_unknown() -> None:
    assert speed(with_prior(None), Workload()) == Speed()
    assert Speed().basis == "unknown"
    assert Speed().total_s is None


def test_a_publishers_under_is_kept_apart() -> None:
    prior = Latency(ttft_s=Decimal("0.1"), ttft_is="under", evidence=SAID)
    assert speed(with_prior(prior), Workload()).ttft_is == "under"
    assert speed(measured(MEASURED, prior), Workload()).ttft_is == "about"


# --- Measured --------------------------------------------------------------------------------------------------------


def test_what_was_measured_here_goes_before_a_prior_and_says_so() -> None:
    found = speed(measured(MEASURED), AS_MEASURED)
    assert (found.ttft_s, found.low_s, found.high_s) == (Decimal("0.5"), Decimal("2.5"), Decimal("2.5"))
    assert found.basis == "measured here on 2026-11-23, n=40, p50"
    assert found.kind == "measured"


def test_the_basis_says_from_where_and_that_a_time_is_chunk_timed() -> None:
    found = dataclasses.replace(MEASURED, region="Frankfurt", chunk_timed=True)
    assert speed(measured(found), AS_MEASURED).basis.endswith("p50, Frankfurt, chunk-timed")


@pytest.mark.parametrize(
    ("workload", "seconds"),
    [
        (Workload(output_tokens=500), "5.5"),  # 300 more tokens at 10 ms
        (Workload(output_tokens=100, reasoning_tokens=400), "5.5"),  # hidden ones take their time too
        (Workload(output_tokens=150), "2"),
        (Workload(output_tokens=1), "0.51"),
        (Workload(output_tokens=0), "0.5"),  # an answer is not over before it has begun
    ],
)
def test_a_measured_answer_is_moved_to_the_workloads_length(workload: Workload, seconds: str) -> None:
    found = speed(measured(MEASURED), workload)
    assert found.total_s == Decimal(seconds)
    tokens = workload.output_tokens + workload.reasoning_tokens
    assert found.basis.endswith(f"p50, moved from 200 to {tokens} output tokens by the measured ITL")


@pytest.mark.parametrize("unknown", ["itl_s", "output_tokens"])
def test_without_a_rate_or_a_count_a_measured_answer_is_quoted_as_it_stands(unknown: str) -> None:
    found = dataclasses.replace(MEASURED, **{unknown: None})  # type: ignore[arg-type]
    for tokens in (1, 200, 50_000):
        got = speed(measured(found), Workload(output_tokens=tokens))
        assert (got.total_s, got.basis) == (Decimal("2.5"), "measured here on 2026-11-23, n=40, p50")


def test_a_simulated_latency_never_stands_in_for_a_prior() -> None:
    assert speed(measured(SIMULATED), Workload()) == speed(SONNET, Workload())


def test_a_simulated_latency_stands_in_where_there_is_none_and_says_so() -> None:
    found = speed(measured(SIMULATED, None), AS_MEASURED)
    assert found.total_s == Decimal("2.5")
    assert found.basis == "SIMULATED, measured here on 2026-11-23, n=40, p50"
    assert found.kind == "simulated"


def test_a_table_says_of_each_row_whether_its_latency_was_measured() -> None:
    made = {
        "measured": measured(MEASURED),
        "simulated": measured(SIMULATED, None),
        "prior": SONNET,
        "nobody": with_prior(None),
    }
    endpoints = tuple(dataclasses.replace(endpoint, id=f"made/{name}") for name, endpoint in made.items())
    rows = estimate(AS_MEASURED, dataclasses.replace(SEED, endpoints=endpoints), as_of=date(2026, 3, 1))
    told = {row.endpoint: (row.latency_kind, row.ttft_s, row.ttft_is, row.p50_total_s) for row in rows}
    assert told == {
        "made/measured": ("measured", 0.5, "about", 2.5),
        "made/simulated": ("simulated", 0.5, "about", 2.5),
        "made/prior": ("prior", 0.4, "about", 3.0),
        "made/nobody": (None, None, None, None),
    }

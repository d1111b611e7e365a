"""A latency prior is quoted or put together as it was published; where nobody says, it is unknown."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

from llmlab.catalog import Endpoint, Evidence, Latency, load_catalog
from llmlab.cost import Speed, Workload, speed

SEED = load_catalog("seed-2026-early")
SONNET = SEED.endpoint("anthropic/claude-sonnet-4-6")
SAID = Evidence(source="made up", checked_on=date(2026, 11, 1))


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

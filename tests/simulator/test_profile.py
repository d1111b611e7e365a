"""Schedules: the same seed gives the same times, without jitter they can be worked out by hand."""

from __future__ import annotations

import statistics
from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import load_catalog
from llmlab.catalog.records import Evidence, Latency
from llmlab.errors import LlmlabError
from llmlab.simulator import Burst, LatencyProfile, RateLimit, Schedule, profile_from_latency
from llmlab.simulator.lines import Window
from llmlab.simulator.profile import draw_for

STEADY = LatencyProfile(ttft_s=0.5, itl_s=0.125)
UNSTEADY = LatencyProfile(ttft_s=0.4, ttft_jitter=0.3, itl_s=0.02, itl_jitter=0.5, chunk_tokens=(1, 4))
SEED = load_catalog("seed-2026-early")
SAID = Evidence(source="made up", checked_on=date(2026, 11, 1))


def times(profile: LatencyProfile, *, tokens: int = 4, prompt: int = 0, seed: int = 0, number: int = 0) -> Schedule:
    return profile.schedule(tokens, prompt, draw_for(seed, "here", number))


def test_without_jitter_the_times_are_what_the_profile_says() -> None:
    assert times(STEADY) == Schedule((Burst(0.5, 1), Burst(0.625, 1), Burst(0.75, 1), Burst(0.875, 1)))


def test_a_chunk_of_several_tokens_is_sent_when_its_last_is_ready_and_the_first_at_the_ttft() -> None:
    profile = LatencyProfile(ttft_s=0.5, itl_s=0.125, chunk_tokens=(3, 3))
    assert times(profile, tokens=7) == Schedule((Burst(0.5, 3), Burst(0.875, 3), Burst(1.0, 1)))


def test_a_longer_prompt_takes_longer_to_its_first_token_only() -> None:
    profile = LatencyProfile(ttft_s=0.5, itl_s=0.125, ttft_s_per_1k_input=0.25)
    assert times(profile, tokens=2, prompt=4_000) == Schedule((Burst(1.5, 1), Burst(1.625, 1)))


def test_the_same_seed_endpoint_and_number_give_the_same_times() -> None:
    assert times(UNSTEADY, tokens=50, seed=7, number=3) == times(UNSTEADY, tokens=50, seed=7, number=3)


def test_another_seed_or_another_request_gives_others() -> None:
    schedules = [times(UNSTEADY, tokens=50, seed=s, number=n) for s in range(3) for n in range(3)]
    assert len({schedule.bursts for schedule in schedules}) == 9


def test_jitter_moves_the_times_and_leaves_their_median() -> None:
    firsts = [times(UNSTEADY, tokens=1, number=n).bursts[0].at_s for n in range(2_000)]
    assert statistics.median(firsts) == pytest.approx(0.4, rel=0.03)
    assert statistics.quantiles(firsts, n=10)[-1] > 1.3 * 0.4


def test_all_tokens_are_sent_in_order_in_chunks_of_the_stated_sizes() -> None:
    schedule = times(UNSTEADY, tokens=101)
    assert schedule.tokens == 101
    assert {burst.tokens for burst in schedule.bursts[:-1]} == {1, 2, 3, 4}
    assert list(schedule.bursts) == sorted(schedule.bursts, key=lambda burst: burst.at_s)


def test_a_scripted_schedule_is_cut_to_a_shorter_answer_and_goes_on_for_a_longer() -> None:
    schedule = Schedule((Burst(0.1, 2), Burst(0.3, 2)))
    assert schedule.fitted(3) == Schedule((Burst(0.1, 2), Burst(0.3, 1)))
    assert [burst.at_s for burst in schedule.fitted(7).bursts] == pytest.approx([0.1, 0.3, 0.5, 0.7])
    assert schedule.fitted(7).tokens == 7


@pytest.mark.parametrize("bursts", [(Burst(0.2, 1), Burst(0.1, 1)), (Burst(0.1, 0),), (Burst(-0.1, 1),)])
def test_a_schedule_that_cannot_be_is_refused(bursts: tuple[Burst, ...]) -> None:
    with pytest.raises(LlmlabError, match="rising times"):
        Schedule(bursts)


@pytest.mark.parametrize("wrong", [{"chunk_tokens": (2, 1)}, {"itl_s": -1.0}, {"ttft_jitter": float("nan")}])
def test_a_profile_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(LlmlabError):
        LatencyProfile(**wrong)  # type: ignore[arg-type]


def test_a_rate_limit_says_how_long_to_wait_for_the_next_place() -> None:
    window = Window(RateLimit(requests=2, per_s=10))
    assert [window.wait_s(100.0), window.wait_s(101.0)] == [0.0, 0.0]
    assert window.wait_s(103.0) == 7.0
    assert window.wait_s(110.0) == 0.0


# --- From the catalog


@pytest.mark.parametrize(
    ("id", "ttft_s"),
    [("anthropic/claude-sonnet-4-6", 0.4), ("anthropic/claude-haiku-4-5", 0.2), ("groq/llama-3-3-8b", 0.1)],
)
def test_the_seeds_priors_become_profiles_that_they_are_true_of(id: str, ttft_s: float) -> None:
    latency = SEED.endpoint(id).latency
    assert latency is not None and latency.p50_total_s is not None
    profile = profile_from_latency(latency, jitter=0.0)
    schedule = times(profile, tokens=500)
    assert schedule.bursts[0].at_s == pytest.approx(ttft_s)
    low, high = map(float, latency.p50_total_s)
    assert low < schedule.bursts[-1].at_s <= high
    assert latency.evidence.source in profile.basis


def test_a_first_token_and_a_rate_are_taken_as_they_stand() -> None:
    profile = profile_from_latency(Latency(ttft_s=Decimal("1.38"), output_tokens_per_s=Decimal(50), evidence=SAID))
    assert (profile.ttft_s, profile.itl_s, profile.chunk_tokens) == (1.38, 0.02, (1, 1))
    assert "TTFT" not in profile.basis


def test_what_is_not_published_is_assumed_and_said() -> None:
    profile = profile_from_latency(Latency(p50_total_s=(Decimal(4), Decimal(8)), evidence=SAID))
    assert profile.ttft_s == pytest.approx(0.9)
    assert "assumed: TTFT is 15% of the answer's time" in profile.basis


def test_a_host_faster_than_chunks_can_be_sent_puts_several_tokens_into_one() -> None:
    profile = profile_from_latency(Latency(output_tokens_per_s=Decimal(1_000), evidence=SAID))
    assert profile.chunk_tokens == (5, 5)


def test_no_prior_is_no_profile() -> None:
    with pytest.raises(LlmlabError, match="no latency is published"):
        profile_from_latency(Latency(evidence=SAID))

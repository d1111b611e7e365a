"""Intervals hold the truth as often as they say, whatever the shape; a sample too small for one gets none."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmlab.errors import LlmlabError
from llmlab.measurement.statistics import (
    Paired,
    Quantile,
    Share,
    least_n,
    paired,
    quantile,
    quantiles,
    wilson,
)

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

TRIALS = 2_000
# Coverage is counted over 2,000 samples: three standard deviations of such a count, where 95 % is the truth.
NOISE = 3 * math.sqrt(0.95 * 0.05 / TRIALS)

often = settings(max_examples=100, deadline=None, derandomize=True, database=None)
a_time = st.floats(0, 1e6, allow_nan=False)


# --- Simulated latencies, with their true quantiles ------------------------------------------------------------------


def lognormal(generator: np.random.Generator, n: int) -> Floats:
    return generator.lognormal(6, 0.5, n)


def two_humps(generator: np.random.Generator, n: int) -> Floats:
    """A cache that hits seven times in ten."""
    return np.where(generator.random(n) < 0.7, generator.normal(100, 5, n), generator.normal(400, 20, n))


def heavy_tail(generator: np.random.Generator, n: int) -> Floats:
    """Pareto with a finite mean and no variance."""
    return 1 + generator.pareto(1.1, n)


def ties(generator: np.random.Generator, n: int) -> Floats:
    """A clock that only knows whole steps: geometric, two fifths of all values are the same."""
    return generator.geometric(0.4, n).astype(np.float64)


def true_quantile(draw: Draw, q: float) -> float:
    if draw is lognormal:
        return math.exp(6 + 0.5 * NormalDist().inv_cdf(q))
    if draw is heavy_tail:
        return float((1 - q) ** (-1 / 1.1))
    if draw is ties:
        return float(next(k for k in range(1, 1_000) if 1 - 0.6**k >= q))
    low, high = 0.0, 1_000.0  # two humps: by halves
    for _ in range(100):
        middle = (low + high) / 2
        below = 0.7 * NormalDist(100, 5).cdf(middle) + 0.3 * NormalDist(400, 20).cdf(middle)
        low, high = (middle, high) if below < q else (low, middle)
    return low


SHAPES: tuple[Draw, ...] = (lognormal, two_humps, heavy_tail, ties)
shapes = pytest.mark.parametrize("draw", SHAPES, ids=lambda draw: draw.__name__)


def holds(low: float | None, high: float | None, truth: float) -> bool:
    assert low is not None and high is not None
    return low <= truth <= high


def assert_covers(held: int, what: str) -> None:
    coverage = held / TRIALS
    said = f"{what}: held the truth in {coverage:.2%} of {TRIALS:,} samples, {coverage - 0.95:+.2%} over the 95 % said"
    assert coverage >= 0.95 - NOISE, said


@shapes
@pytest.mark.parametrize(
    ("q", "n"),
    [(0.5, 6), (0.5, 25), (0.9, 36), (0.9, 120), (0.95, 72), (0.95, 200), (0.99, 368), (0.99, 600)],
    ids=str,
)
def test_an_interval_of_a_quantile_holds_the_truth_at_least_95_times_in_100(draw: Draw, q: float, n: int) -> None:
    generator, truth = np.random.default_rng([n, round(100 * q)]), true_quantile(draw, q)
    found = (quantile(draw(generator, n), q) for _ in range(TRIALS))
    held = sum(holds(interval.low, interval.high, truth) for interval in found)
    assert_covers(held, f"{draw.__name__}, p{100 * q:g}, n={n}")


@shapes
@pytest.mark.parametrize("n", [6, 10, 40])
def test_an_interval_of_a_paired_median_holds_the_truth_at_least_95_times_in_100(draw: Draw, n: int) -> None:
    generator, truth, held = np.random.default_rng(n), true_quantile(draw, 0.5), 0
    for _ in range(TRIALS):
        shared = np.round(generator.lognormal(7, 1, n))  # the hour, the prompt, the network: of both
        found = paired(shared + draw(generator, n), shared)
        assert found.low is not None and found.high is not None
        held += holds(round(found.low, 9), round(found.high, 9), round(truth, 9))
    assert_covers(held, f"{draw.__name__}, paired median, n={n}")


@pytest.mark.parametrize("n", [6, 12, 50])
def test_equals_are_called_different_at_most_5_times_in_100(n: int) -> None:
    generator = np.random.default_rng(n)
    shown = sum(paired(lognormal(generator, n), lognormal(generator, n)).shown for _ in range(TRIALS))
    assert shown / TRIALS <= 0.05 + NOISE


def test_an_interval_by_the_normal_curve_would_not_have_held() -> None:
    # What the assertion above has to be able to find: the mean plus 1.645 deviations, two standard errors each way.
    generator, truth, held = np.random.default_rng(1), true_quantile(heavy_tail, 0.95), 0
    for _ in range(TRIALS):
        sample = heavy_tail(generator, 200)
        middle, spread = sample.mean() + 1.645 * sample.std(), sample.std() * math.sqrt((1 + 1.645**2 / 2) / 200)
        held += bool(middle - 1.96 * spread <= truth <= middle + 1.96 * spread)
    assert held / TRIALS < 0.9


# --- Quantiles -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.1, 36), (0.05, 72)])
def test_an_interval_begins_at_the_smallest_n_whose_extremes_hold_the_quantile(q: float, needed: int) -> None:
    values = np.arange(needed, dtype=float)
    few, enough = quantile(values[:-1], q), quantile(values, q)
    assert least_n(q) == few.needed == needed
    assert (few.low, few.high, few.enough) == (None, None, False)
    assert few.value is not None
    assert enough.low is not None and enough.high is not None and enough.enough


@pytest.mark.parametrize(("n", "q"), [(6, 0.5), (7, 0.5), (40, 0.5), (36, 0.9), (100, 0.9), (72, 0.95), (368, 0.99)])
def test_the_two_values_are_the_nearest_that_miss_at_most_2_5_times_in_100_each(n: int, q: float) -> None:
    exact = Fraction(str(q))

    def chance_of_below(k: int) -> Fraction:
        """That fewer than `k` of n values are below the quantile."""
        return sum((math.comb(n, i) * exact**i * (1 - exact) ** (n - i) for i in range(k)), Fraction(0))

    found = quantile(np.arange(1, n + 1), q)  # each value is its own place
    assert found.low is not None and found.high is not None
    low, high, tail = int(found.low), int(found.high), Fraction("0.025")
    assert chance_of_below(low) <= tail < chance_of_below(low + 1)
    assert 1 - chance_of_below(high) <= tail < 1 - chance_of_below(high - 1)


@pytest.mark.parametrize(
    ("q", "n", "at_most"), [(0.5, 6, 0.97), (0.5, 100, 0.965), (0.95, 1_000, 0.96), (0.99, 4_000, 0.965)]
)
def test_an_interval_is_hardly_wider_than_it_has_to_be(q: float, n: int, at_most: float) -> None:
    found = quantile(np.arange(1, n + 1), q)
    assert found.low is not None and found.high is not None
    exact = Fraction(str(q))
    places = range(int(found.low), int(found.high))  # how many of n values may be below the quantile
    held = float(sum((math.comb(n, i) * exact**i * (1 - exact) ** (n - i) for i in places), Fraction(0)))
    assert 0.95 <= held <= at_most, f"p{100 * q:g}, n={n}: {held:.2%} of all samples, {held - 0.95:+.2%} over"


def test_a_median_of_100_lies_between_the_40th_and_the_61st_as_the_tables_have_it() -> None:
    assert quantile(np.arange(1, 101), 0.5) == Quantile(0.5, 50.5, 40, 61, 100)


def test_no_values_have_no_quantile() -> None:
    assert quantile([], 0.9) == Quantile(0.9, None, None, None, 0)
    assert quantiles([]).n == 0


def test_one_value_is_every_quantile_and_has_no_interval() -> None:
    assert quantile([7.0], 0.99) == Quantile(0.99, 7.0, None, None, 1)


def test_the_four_quantiles_are_those_of_the_same_values() -> None:
    values = np.random.default_rng(5).lognormal(size=100).tolist()
    found = quantiles(values)
    assert found.n == 100
    assert found.p50 == quantile(values, 0.5)
    assert found.p99 == quantile(values, 0.99)
    assert (found.p90.enough, found.p95.enough, found.p99.enough) == (True, True, False)


@often
@given(st.lists(a_time, min_size=6, max_size=120), st.sampled_from([0.05, 0.5, 0.9, 0.95]))
def test_a_quantile_lies_within_its_interval_and_both_ends_were_measured(values: list[float], q: float) -> None:
    found = quantile(values, q)
    if not found.enough:
        assert found.low is None and found.high is None
        return
    assert found.low is not None and found.value is not None and found.high is not None
    assert found.low <= found.value <= found.high
    assert found.low in values and found.high in values


@often
@given(st.lists(a_time, min_size=1, max_size=80), st.randoms(use_true_random=False))
def test_the_order_of_the_calls_does_not_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert quantiles(values) == quantiles(shuffled)


def test_a_large_sample_keeps_its_interval() -> None:
    found = quantile(np.arange(200_000), 0.99)
    assert found.low is not None and found.high is not None
    # 1.96 standard deviations of a binomial of this n, near enough to normal
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * math.sqrt(200_000 * 0.99 * 0.01), rel=0.02)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_value_that_is_no_number_is_refused_and_not_sorted_to_the_end(wrong: float) -> None:
    with pytest.raises(LlmlabError, match="value 1 of 3 is (nan|inf): leave out what is unknown"):
        quantile([1.0, wrong, 2.0], 0.5)


@pytest.mark.parametrize("q", [0.0, 1.0, 50.0, -0.1])
def test_a_quantile_outside_of_0_to_1_is_refused(q: float) -> None:
    with pytest.raises(LlmlabError, match="is not between 0 and 1"):
        quantile([1.0], q)


# --- Shares ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "low", "high"), [(0, 0.0, 0.2775), (1, 0.0179, 0.4042), (8, 0.4902, 0.9433), (10, 0.7225, 1.0)]
)
def test_wilsons_interval_is_that_of_the_textbook(successes: int, low: float, high: float) -> None:
    found = wilson(successes, 10)
    assert found.value == successes / 10
    assert found.low == pytest.approx(low, abs=1e-4)
    assert found.high == pytest.approx(high, abs=1e-4)


def test_none_of_ten_is_exactly_0_at_the_low_end_and_all_of_ten_exactly_1_at_the_high() -> None:
    assert (wilson(0, 10).low, wilson(10, 10).high) == (0.0, 1.0)


def test_a_share_of_no_calls_is_unknown() -> None:
    assert wilson(0, 0) == Share(0, 0, None, None)
    assert wilson(0, 0).value is None


@pytest.mark.parametrize(("successes", "n"), [(-1, 4), (5, 4), (1, 0)])
def test_a_share_that_cannot_be_is_refused(successes: int, n: int) -> None:
    with pytest.raises(LlmlabError, match=f"{successes} successes of {n} calls"):
        wilson(successes, n)


@often
@given(st.integers(1, 5_000), st.data())
def test_a_share_lies_within_its_interval_and_within_0_to_1(n: int, data: st.DataObject) -> None:
    found = wilson(data.draw(st.integers(0, n)), n)
    assert found.low is not None and found.value is not None and found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


# --- Pairs -----------------------------------------------------------------------------------------------------------


def test_a_small_difference_shows_through_a_large_spread_that_both_share() -> None:
    shared = [100.0, 900.0, 250.0, 4_000.0, 30.0, 700.0, 1_500.0, 60.0]
    extra = [9.0, 10.0, 11.0, 12.0, 10.0, 9.0, 11.0, 10.0]
    found = paired([s + e for s, e in zip(shared, extra, strict=True)], shared)
    assert found == Paired(10.0, 9.0, 12.0, 8)
    assert found.shown


def test_no_difference_is_shown_where_the_interval_holds_zero() -> None:
    found = paired([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2.0, 1.0, 4.0, 3.0, 6.0, 5.0])
    assert (found.low, found.high) == (-1.0, 1.0)
    assert not found.shown


def test_nor_where_it_only_touches_zero() -> None:
    assert not paired([1.0] * 6, [1.0] + [0.0] * 5).shown


def test_nor_in_five_pairs_however_far_apart() -> None:
    found = paired([1_000.0] * 5, [1.0] * 5)
    assert found == Paired(999.0, None, None, 5)
    assert (found.enough, found.needed, found.shown) == (False, 6, False)
    assert paired([1_000.0] * 6, [1.0] * 6).shown


def test_a_difference_the_other_way_is_shown_as_negative() -> None:
    found = paired([1.0] * 6, [1_000.0] * 6)
    assert (found.difference, found.shown) == (-999.0, True)


def test_no_pairs_show_nothing() -> None:
    assert paired([], []) == Paired(None, None, None, 0)
    assert not paired([], []).shown


def test_samples_of_different_lengths_are_no_pairs() -> None:
    with pytest.raises(LlmlabError, match="2 values cannot be paired with 1"):
        paired([1.0, 2.0], [1.0])

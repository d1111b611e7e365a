"""A cap is never passed, whatever the order in which calls are let through, come back and stay away."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from llmlab.cost import Cap, Reservation
from llmlab.errors import LlmlabError

often = settings(max_examples=80, deadline=None, derandomize=True, database=None)
dollars = st.decimals(0, 2, places=6)
limits = st.none() | st.decimals(0, 5, places=6)


NOTHING = Decimal(0)


def usd(text: str) -> Decimal:
    return Decimal(text)


def granted(cap: Cap, ceiling: str | None) -> Reservation:
    reservation = cap.reserve(None if ceiling is None else usd(ceiling))
    assert reservation is not None
    return reservation


# --- One call after another ------------------------------------------------------------------------------------------


def test_what_a_call_can_cost_is_set_aside_and_what_it_did_cost_is_counted() -> None:
    cap = Cap(usd("1"))
    call = granted(cap, "0.3")
    assert (cap.spent_usd, cap.reserved_usd, cap.left_usd, cap.calls_made) == (NOTHING, usd("0.3"), usd("0.7"), 1)
    cap.settle(call, usd("0.012"))
    assert (cap.spent_usd, cap.reserved_usd, cap.left_usd, cap.calls_made) == (usd("0.012"), NOTHING, usd("0.988"), 1)


def test_a_call_that_could_pass_the_cap_waits_until_another_was_cheaper_than_feared() -> None:
    cap = Cap(usd("1"))
    first = granted(cap, "0.7")
    assert cap.reserve(usd("0.4")) is None
    assert cap.why_not(usd("0.4")) == (
        "it can cost $0.4 and $0.3 of the cap of $1 is left ($0 spent, $0.7 set aside for 1 calls under way)"
    )
    cap.settle(first, usd("0.01"))
    assert cap.why_not(usd("0.4")) == ""
    assert cap.reserve(usd("0.4")) is not None


def test_the_last_nano_dollar_can_be_spent_and_no_more() -> None:
    cap = Cap(usd("0.000000002"))
    assert cap.reserve(usd("0.0000000011")) is not None  # rounded up to two
    assert cap.left_usd == 0
    assert cap.reserve(usd("0.0000000000001")) is None
    assert cap.reserve(usd("0")) is not None


def test_a_cap_is_rounded_down_and_a_cost_up() -> None:
    cap = Cap(usd("0.0000000029"))
    assert cap.usd == usd("0.000000002")
    cap.settle(granted(cap, "0.000000002"), usd("0.0000000001"))
    assert cap.spent_usd == usd("0.000000001")


def test_a_call_that_nobody_can_price_is_not_allowed_under_a_cap_in_dollars() -> None:
    cap = Cap(usd("1000"))
    assert cap.reserve(None) is None
    assert cap.why_not(None) == (
        "nobody knows what it can cost, and the cap is $1000: price the endpoint, or cap calls only"
    )


def test_under_a_cap_in_calls_a_call_that_nobody_can_price_is_let_through_and_said() -> None:
    cap = Cap(calls=2)
    cap.settle(granted(cap, None), None)
    cap.settle(granted(cap, None), usd("0.5"))
    assert (cap.spent_usd, cap.unpriced_calls, cap.calls_made) == (usd("0.5"), 1, 2)
    assert cap.reserve(None) is None
    assert cap.why_not(None) == "all 2 calls of the cap are made"


def test_a_call_whose_cost_stays_unknown_counts_as_its_ceiling() -> None:
    cap = Cap(usd("1"))
    cap.settle(granted(cap, "0.3"), None)
    assert (cap.spent_usd, cap.unpriced_calls) == (usd("0.3"), 0)


def test_a_call_dearer_than_its_ceiling_is_counted_in_full_and_is_the_last() -> None:
    cap = Cap(usd("1"))
    cap.settle(granted(cap, "0.9"), usd("1.5"))
    assert (cap.spent_usd, cap.left_usd) == (usd("1.5"), NOTHING)
    assert cap.reserve(usd("0.000000001")) is None


def test_a_call_that_failed_for_nothing_frees_its_dollars_but_not_its_turn() -> None:
    cap = Cap(usd("1"), calls=1)
    cap.settle(granted(cap, "1"), usd("0"))
    assert cap.left_usd == 1
    assert cap.reserve(usd("0.1")) is None


def test_without_limits_everything_is_allowed_and_counted() -> None:
    cap = Cap()
    cap.settle(granted(cap, "12.5"), usd("11"))
    assert (cap.usd, cap.calls, cap.left_usd, cap.spent_usd) == (None, None, None, usd("11"))


def test_a_reservation_is_settled_once_and_by_the_cap_that_gave_it() -> None:
    cap, other = Cap(usd("1")), Cap(usd("1"))
    call = granted(cap, "0.5")
    with pytest.raises(LlmlabError, match="another cap gave it"):
        other.settle(call, usd("0.1"))
    cap.settle(call, usd("0.1"))
    with pytest.raises(LlmlabError, match="settled already"):
        cap.settle(call, usd("0.1"))
    assert (cap.spent_usd, other.spent_usd) == (usd("0.1"), NOTHING)


@pytest.mark.parametrize("wrong", [Decimal("-0.01"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e99"), 0.5])
def test_dollars_that_cannot_be_are_refused_wherever_they_are_given(wrong: Any) -> None:
    cap = Cap(usd("1"))
    call = granted(cap, "0.5")
    for give in (Cap, cap.reserve, cap.why_not, lambda usd: cap.settle(call, usd)):
        with pytest.raises(LlmlabError, match="must be a Decimal from 0 on"):
            give(wrong)
    assert (cap.reserved_usd, cap.calls_made) == (usd("0.5"), 1)


@pytest.mark.parametrize("wrong", [-1, 1.5, True])
def test_a_cap_in_calls_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(LlmlabError, match="a whole number from 0 on"):
        Cap(calls=wrong)


# --- At any interleaving ---------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Calls are let through and settled in any order, beside a model that adds up in plain decimals."""

    under_way = Bundle("under_way")

    @initialize(limit=limits, calls=st.none() | st.integers(0, 12))
    def start(self, limit: Decimal | None, calls: int | None) -> None:
        self.limit, self.calls = limit, calls
        self.cap = Cap(limit, calls)
        self.open: dict[Reservation, Decimal | None] = {}
        self.spent, self.made = Decimal(0), 0

    @rule(target=under_way, ceiling=st.none() | dollars)
    def reserve(self, ceiling: Decimal | None) -> Any:
        why = self.cap.why_not(ceiling)
        reservation = self.cap.reserve(ceiling)
        assert (reservation is None) == bool(why)
        if reservation is None:  # never without need
            no_turn = self.calls is not None and self.made >= self.calls
            no_money = self.limit is not None and (ceiling is None or self.held() + ceiling > self.limit)
            assert no_turn or no_money
            return multiple()
        self.made += 1
        self.open[reservation] = ceiling
        return reservation

    @rule(reservation=consumes(under_way), tenths=st.none() | st.integers(0, 10))
    def settle(self, reservation: Reservation, tenths: int | None) -> None:
        ceiling = self.open.pop(reservation)
        at_most = Decimal(1) if ceiling is None else ceiling
        actual = None if tenths is None else at_most * tenths / 10
        self.cap.settle(reservation, actual)
        self.spent += (ceiling or Decimal(0)) if actual is None else actual

    def held(self) -> Decimal:
        return self.spent + sum((ceiling or Decimal(0) for ceiling in self.open.values()), Decimal(0))

    @invariant()
    def never_over_the_cap(self) -> None:
        assert self.limit is None or self.cap.spent_usd + self.cap.reserved_usd <= self.limit
        assert self.calls is None or self.cap.calls_made <= self.calls

    @invariant()
    def the_figures_are_those_of_plain_addition(self) -> None:
        assert self.cap.spent_usd == self.spent
        assert self.cap.spent_usd + self.cap.reserved_usd == self.held()
        assert self.cap.calls_made == self.made
        assert self.cap.left_usd == (None if self.limit is None else self.limit - self.held())


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(often, stateful_step_count=40)


@pytest.fixture
def _impatient_threads() -> Iterator[None]:
    """Threads that are interrupted thousands of times as often as usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_impatient_threads")
def test_threads_that_all_want_the_last_dollar_never_spend_it_twice() -> None:
    cap = Cap(usd("10"))
    let_through: list[int] = []
    seen_over: list[Decimal] = []

    def spend(ceiling: Decimal) -> None:
        made = 0
        for _ in range(8_000):
            if (call := cap.reserve(ceiling)) is None:
                continue
            made += 1
            if cap.spent_usd > 10:
                seen_over.append(cap.spent_usd)
            cap.settle(call, ceiling / 2 if made % 2 else None)
        let_through.append(made)

    threads = [threading.Thread(target=spend, args=(usd(f"0.00{i}"),)) for i in (1, 2, 3, 4, 5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_through) == len(threads)
    assert seen_over == []
    assert cap.reserved_usd == 0
    assert cap.calls_made == sum(let_through)
    assert usd("9.9") < cap.spent_usd <= 10  # all of it was wanted, and nothing was lost


# --- Split over processes --------------------------------------------------------------------------------------------


@often
@given(limits, st.none() | st.integers(0, 1_000), st.lists(st.integers(0, 9), min_size=1, max_size=7).filter(any))
def test_the_parts_of_a_cap_are_the_cap(limit: Decimal | None, calls: int | None, weights: list[int]) -> None:
    parts = Cap(limit, calls).split(weights)
    assert len(parts) == len(weights)
    for whole, shares, step in (
        (limit, [part.usd for part in parts], Decimal("1e-9")),
        (calls, [part.calls for part in parts], Decimal(1)),
    ):
        if whole is None:
            assert set(shares) == {None}
            continue
        known = [Decimal(share) for share in shares if share is not None]
        assert len(known) == len(parts)
        assert sum(known) == whole
        for weight, share in zip(weights, known, strict=True):
            assert abs(share * sum(weights) - whole * weight) < step * sum(weights)  # its proportion, to the last one


def test_a_part_without_weight_lets_nothing_through() -> None:
    none, all_ = Cap(usd("1"), calls=3).split([0, 2])
    assert (none.usd, none.calls, all_.usd, all_.calls) == (NOTHING, 0, usd("1"), 3)
    assert none.reserve(usd("0")) is None


def test_a_cap_that_was_split_is_its_parts_and_lets_nothing_more_through() -> None:
    cap = Cap(usd("1"))
    cap.split([1, 1])
    assert cap.reserve(usd("0.1")) is None
    assert cap.why_not(usd("0.1")) == "this cap was split in 2: the parts are what can be spent"
    with pytest.raises(LlmlabError, match="split once and before it is used"):
        cap.split([1])


def test_a_cap_in_use_is_not_split() -> None:
    cap = Cap(usd("1"))
    granted(cap, "0.5")
    with pytest.raises(LlmlabError, match="split once and before it is used"):
        cap.split([1, 1])


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [0.5, 0.5]])
def test_weights_that_split_nothing_are_refused(weights: list[Any]) -> None:
    with pytest.raises(LlmlabError, match="whole weights from 0 on"):
        Cap(usd("1")).split(weights)

"""A spending cap for one run in one process: what a call may cost is set aside before it is made, what it did cost is
counted after.

Held in whole nano-dollars: ceilings and costs are rounded up to one, the cap down, so that rounding never spends
more. Nothing is let through on a guess: under a cap in dollars a call without a known ceiling is not allowed, and a
call whose cost stays unknown counts as its ceiling.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import accumulate, pairwise

from ..errors import LlmlabError

_NANO = Decimal("1e-9")
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Reservation:
    """Leave to make one call, and the dollars set aside for it (`None`: nobody knows what it can cost). It is given
    back by `Cap.settle`, once; it is equal only to itself."""

    ceiling_usd: Decimal | None


class Cap:
    """At most `usd` dollars and `calls` calls; `None` sets no limit. Safe to use from any thread.

    What is spent and set aside together never is over the cap, whatever the order of calls, as long as no call costs
    more than the ceiling that it was let through with. One that does is counted in full, and lets no more through.
    """

    def __init__(self, usd: Decimal | None = None, calls: int | None = None) -> None:
        if calls is not None and (type(calls) is not int or calls < 0):
            raise LlmlabError(f"a cap in calls is {calls!r}; it must be a whole number from 0 on, or None for no limit")
        self._most = None if usd is None else _nanos("a cap in dollars", usd, ROUND_FLOOR)
        self._most_calls = calls
        self._lock = threading.Lock()
        self._open: dict[Reservation, int] = {}
        self._spent = self._reserved = self._calls = self._unpriced = self._parts = 0

    @property
    def usd(self) -> Decimal | None:
        """The cap in US dollars."""
        return None if self._most is None else _dollars(self._most)

    @property
    def calls(self) -> int | None:
        """The cap in calls."""
        return self._most_calls

    @property
    def spent_usd(self) -> Decimal:
        """US dollars of the calls that are settled, as far as anyone knows what they cost (see `unpriced_calls`)."""
        return _dollars(self._spent)

    @property
    def reserved_usd(self) -> Decimal:
        """US dollars set aside for calls under way."""
        return _dollars(self._reserved)

    @property
    def left_usd(self) -> Decimal | None:
        """US dollars that can still be set aside; `None` without a cap in dollars."""
        with self._lock:
            return None if self._most is None else _dollars(max(self._most - self._spent - self._reserved, 0))

    @property
    def calls_made(self) -> int:
        """Calls let through, those under way included."""
        return self._calls

    @property
    def unpriced_calls(self) -> int:
        """Calls that are settled and that `spent_usd` knows nothing of: neither a cost nor a ceiling was known."""
        return self._unpriced

    def reserve(self, ceiling_usd: Decimal | None) -> Reservation | None:
        """Leave to make one call that costs at most `ceiling_usd`; `None` if it is not allowed (`why_not` says why).

        It may be allowed later, when calls under way turn out cheaper than what is set aside for them.
        """
        nanos = _ceiling(ceiling_usd)
        with self._lock:
            if self._refusal(nanos):
                return None
            reservation = Reservation(ceiling_usd)
            self._open[reservation] = nanos or 0
            self._reserved += nanos or 0
            self._calls += 1
            return reservation

    def why_not(self, ceiling_usd: Decimal | None) -> str:
        """Why a call that costs at most `ceiling_usd` would not be allowed now; empty if it would be."""
        nanos = _ceiling(ceiling_usd)
        with self._lock:
            return self._refusal(nanos)

    def settle(self, reservation: Reservation, actual_usd: Decimal | None) -> None:
        """The call is over and did cost `actual_usd`; `None` is unknown, and counts as its ceiling.

        Raises `LlmlabError` for a reservation that is settled already, or that another cap gave.
        """
        nanos = None if actual_usd is None else _nanos("the cost of a call", actual_usd, ROUND_CEILING)
        with self._lock:
            if reservation not in self._open:
                raise LlmlabError("this reservation is settled already, or another cap gave it; settle each one once")
            ceiling = self._open.pop(reservation)
            self._reserved -= ceiling
            self._spent += ceiling if nanos is None else nanos
            self._unpriced += nanos is None and reservation.ceiling_usd is None

    def split(self, weights: Sequence[int]) -> tuple[Cap, ...]:
        """A cap for each weight, in its proportion, for processes that cannot share this one. Together they are this
        cap exactly, in dollars and in calls; this one lets nothing more through.

        Raises `LlmlabError` if a call was let through already, or if no weight is above 0.
        """
        if not all(type(weight) is int and weight >= 0 for weight in weights) or not sum(weights):
            raise LlmlabError(f"a cap is split by whole weights from 0 on, one at least above it, not {list(weights)}")
        with self._lock:
            if self._calls or self._parts:
                raise LlmlabError("a cap is split once and before it is used: nobody would know whose money was spent")
            self._parts = len(weights)
        dollars = [None if nanos is None else _dollars(nanos) for nanos in _shares(self._most, weights)]
        return tuple(Cap(usd, calls) for usd, calls in zip(dollars, _shares(self._most_calls, weights), strict=True))

    def _refusal(self, nanos: int | None) -> str:
        if self._parts:
            return f"this cap was split in {self._parts}: the parts are what can be spent"
        if self._most_calls is not None and self._calls >= self._most_calls:
            return f"all {self._most_calls:,} calls of the cap are made"
        if self._most is None:
            return ""
        cap = _shown(self._most)
        if nanos is None:
            return f"nobody knows what it can cost, and the cap is {cap}: price the endpoint, or cap calls only"
        left = self._most - self._spent - self._reserved
        if nanos <= left:
            return ""
        return (
            f"it can cost {_shown(nanos)} and {_shown(max(left, 0))} of the cap of {cap} is left "
            f"({_shown(self._spent)} spent, {_shown(self._reserved)} set aside for {len(self._open):,} calls under way)"
        )


def _ceiling(usd: Decimal | None) -> int | None:
    return None if usd is None else _nanos("the ceiling of a call", usd, ROUND_CEILING)


def _nanos(what: str, usd: object, rounding: str) -> int:
    if not isinstance(usd, Decimal) or not usd.is_finite() or usd < 0 or usd.adjusted() > _MOST_DIGITS:
        raise LlmlabError(f"{what} is {usd!r}; it must be a Decimal from 0 on, below $10^{_MOST_DIGITS + 1}")
    return int(usd.quantize(_NANO, rounding).scaleb(9))


def _dollars(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(-9)


def _shown(nanos: int) -> str:
    return f"${_dollars(nanos).normalize():f}"


def _shares(total: int | None, weights: Sequence[int]) -> list[int | None]:
    """Whole shares of `total` that add up to it, each less than one away from its exact proportion."""
    if total is None:
        return [None] * len(weights)
    ends = [total * up_to // sum(weights) for up_to in accumulate(weights)]
    return [end - start for start, end in pairwise([0, *ends])]

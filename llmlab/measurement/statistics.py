"""What a sample can and cannot say: quantiles, shares and paired differences, each with its 95 % interval and its n.

Latencies are skewed, have two humps and long tails, so nothing here assumes a shape. The interval of a quantile is a
pair of measured values: how many values of a sample fall below the true quantile is binomial, whatever they are
distributed like, and that tells which two of the sorted values hold it between them. A sample too small for
that gets no interval at all, rather than a narrow one.

Each interval stands alone: of twenty, one may miss.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import LlmlabError

Floats: TypeAlias = NDArray[np.float64]
Sample: TypeAlias = Sequence[float] | NDArray[Any]  # one axis of finite numbers, in any order
CONFIDENCE = 0.95
_TAIL = (1 - CONFIDENCE) / 2
_Z = statistics.NormalDist().inv_cdf(1 - _TAIL)


@dataclass(frozen=True, slots=True)
class Quantile:
    """The `q` quantile of `n` values, and the two of them that hold the true one between them 95 times in 100.

    `low` and `high` are `None` where n is too small to say; `value` is `None` where there are no values.
    """

    q: float
    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def needed(self) -> int:
        """The smallest n with an interval: 6 for a median, 72 for p95, 368 for p99."""
        return least_n(self.q)

    @property
    def enough(self) -> bool:
        return self.n >= self.needed


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The four that are read, of the same values. A high one of a rate is a fast call, of a time a slow one."""

    p50: Quantile
    p90: Quantile
    p95: Quantile
    p99: Quantile

    @property
    def n(self) -> int:
        return self.p50.n


@dataclass(frozen=True, slots=True)
class Share:
    """`successes` of `n`, with Wilson's interval; `low` and `high` are `None` for n = 0."""

    successes: int
    n: int
    low: float | None
    high: float | None

    @property
    def value(self) -> float | None:
        return self.successes / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Paired:
    """The median of `n` differences, and the interval of the true one; `None` as in `Quantile`."""

    difference: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def needed(self) -> int:
        return least_n(0.5)

    @property
    def enough(self) -> bool:
        return self.n >= self.needed

    @property
    def shown(self) -> bool:
        """Whether there is a difference. `False` is "no difference shown", and no proof that there is none."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def quantile(values: Sample, q: float) -> Quantile:
    """The `q` quantile (0 < q < 1) of `values`, linear between neighbours, with its distribution-free interval.

    Raises `LlmlabError` for a value that is no finite number: what is unknown is left out, not counted.
    """
    return _quantile(_sorted(values), q)


def quantiles(values: Sample) -> Quantiles:
    """p50, p90, p95 and p99 of `values`, each as `quantile` gives it."""
    ordered = _sorted(values)
    return Quantiles(*(_quantile(ordered, q) for q in (0.5, 0.9, 0.95, 0.99)))


def least_n(q: float) -> int:
    """The smallest sample whose extremes hold the true `q` quantile between them 95 times in 100."""
    _check_q(q)
    # All n values fall on one side of the quantile with a chance of q ** n, or (1 - q) ** n.
    return math.ceil(math.log(_TAIL) / math.log(max(q, 1 - q)))


def wilson(successes: int, n: int) -> Share:
    """The share `successes / n` with Wilson's 95 % interval, which keeps its sense at 0 and at 1."""
    if not 0 <= successes <= n:
        raise LlmlabError(f"{successes} successes of {n} calls: there cannot be fewer than 0 or more than all")
    if n == 0:
        return Share(0, 0, None, None)
    share, z2 = successes / n, _Z**2 / n
    centre = (share + z2 / 2) / (1 + z2)
    half = math.sqrt(share * (1 - share) * z2 + z2**2 / 4) / (1 + z2)
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Share(successes, n, low, high)


def paired(a: Sample, b: Sample) -> Paired:
    """How much more `a` is than `b`, where `a[i]` and `b[i]` were measured side by side.

    What both of a pair had in common (the hour, the prompt, the network) cancels out, which it would not between two
    medians. The interval is the sign test's: order statistics of the differences. Raises `LlmlabError` for samples of
    different lengths.
    """
    if len(a) != len(b):
        raise LlmlabError(f"{len(a)} values cannot be paired with {len(b)}: give the same calls of both, in order")
    middle = _quantile(np.sort(_finite(a) - _finite(b)), 0.5)
    return Paired(middle.value, middle.low, middle.high, middle.n)


def _sorted(values: Sample) -> Floats:
    return np.sort(_finite(values))


def _finite(values: Sample) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if not np.isfinite(found).all():
        at = int(np.flatnonzero(~np.isfinite(found))[0])
        raise LlmlabError(f"value {at} of {found.size} is {found[at]}: leave out what is unknown")
    return found


def _check_q(q: float) -> None:
    if not 0 < q < 1:
        raise LlmlabError(f"the quantile {q:g} is not between 0 and 1 (the median is 0.5)")


def _quantile(ordered: Floats, q: float) -> Quantile:
    _check_q(q)
    n = ordered.size
    if n == 0:
        return Quantile(q, None, None, None, 0)
    value = float(np.quantile(ordered, q))
    places = _places(n, q)
    if places is None:
        return Quantile(q, value, None, None, n)
    return Quantile(q, value, float(ordered[places[0]]), float(ordered[places[1]]), n)


@functools.lru_cache(maxsize=4096)
def _places(n: int, q: float) -> tuple[int, int] | None:
    """Which two of `n` sorted values (from 0) bound the `q` quantile, each missing it at most 2.5 times in 100."""
    if n < least_n(q):
        return None
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))  # of the factorials
    counts = np.arange(n + 1)
    chances = np.exp(logs[n] - logs - logs[::-1] + counts * math.log(q) + (n - counts) * math.log1p(-q))
    at_most = np.cumsum(chances)  # that k values or fewer are below the quantile
    at_least = np.cumsum(chances[::-1])[::-1]
    low = int(np.searchsorted(at_most, _TAIL, side="right")) - 1
    high = n - int(np.searchsorted(at_least[::-1], _TAIL, side="right"))
    return low, high

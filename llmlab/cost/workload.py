"""A workload: how many requests, in which named period, and the shape of ONE request.

Everything that depends on size - price tiers, caching minimums, windows - is decided per request, so the shape is
that of a single request and never a sum.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

from ..catalog.records import MODES, Mode
from ..errors import UnknownNameError, WorkloadError

Period = Literal["run", "day", "month"]
CacheTtl = Literal["5m", "1h"]
PERIODS: tuple[Period, ...] = get_args(Period)
CACHE_TTLS: tuple[CacheTtl, ...] = get_args(CacheTtl)
HOURS: dict[Period, Decimal | None] = {"run": None, "day": Decimal(24), "month": Decimal(730)}  # 8,760 h / 12

_SHARES = ("cache_hit_rate", "batch_share", "off_peak_share")
_TOKENS = ("input_tokens", "output_tokens", "reasoning_tokens")


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Requests per period and the shape of one request. Shares and rates are 0..1, tokens are as billed.

    - `requests`: answers wanted per `period` (`run` is once).
    - `input_tokens`: the whole prompt, cacheable part included. `output_tokens`: the answer that is seen.
    - `reasoning_tokens`: hidden tokens, billed on top of the output and counted once.
    - `cacheable_tokens`: the stable prefix of the prompt; `None` is all of it.
    - `cache_hit_rate`: the share of requests that find the prefix in the cache; the others write it. 0 is no caching.
    - `cache_ttl`: which write price the misses pay. `cache_storage_hours`: hours per period that one prefix is held
      in an explicit cache that charges for storage.
    - `batch_share`: the share of requests that can wait for a batch. `mode`: how the others are sent.
    - `off_peak_share`: the share of unbatched requests sent in a provider's cheaper hours. 0 is the peak price.
    - `retry_rate`: billed extra attempts per request (0.02: one request in fifty is paid twice).
    - `region`: where it must be processed, which may cost an uplift; `None` leaves it to the endpoint.
    - `same_text`: read the token counts as `o200k_base` tokens of a text, and scale them by each model's own tokenizer.
    """

    requests: int = 100_000
    period: Period = "month"
    input_tokens: int = 4_000
    output_tokens: int = 500
    reasoning_tokens: int = 0
    cacheable_tokens: int | None = None
    cache_hit_rate: float = 0.0
    cache_ttl: CacheTtl = "5m"
    cache_storage_hours: float = 0.0
    batch_share: float = 0.0
    mode: Mode = "standard"
    off_peak_share: float = 0.0
    retry_rate: float = 0.0
    region: str | None = None
    same_text: bool = False

    def __post_init__(self) -> None:
        _whole("requests", self.requests, least=1)
        for name in _TOKENS:
            _whole(name, getattr(self, name), least=0)
        if self.cacheable_tokens is not None:
            _whole("cacheable_tokens", self.cacheable_tokens, least=0)
            if self.cacheable_tokens > self.input_tokens:
                raise WorkloadError(
                    f"cacheable_tokens is {self.cacheable_tokens:,}, more than the prompt it is a prefix of "
                    f"(input_tokens {self.input_tokens:,})"
                )
        for name in _SHARES:
            _between(name, getattr(self, name), 1.0)
        _between("retry_rate", self.retry_rate, 10.0)
        _between("cache_storage_hours", self.cache_storage_hours, 8_784.0)
        for name, allowed in (("period", PERIODS), ("cache_ttl", CACHE_TTLS), ("mode", MODES)):
            if getattr(self, name) not in allowed:
                raise WorkloadError(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}")

    @property
    def prefix_tokens(self) -> int:
        """The cacheable prefix, in tokens: all of the prompt unless said otherwise."""
        return self.input_tokens if self.cacheable_tokens is None else self.cacheable_tokens

    def change(self, **fields: Any) -> Workload:
        """A copy with some fields changed; an unknown field is an error that says the nearest."""
        for name in fields:
            if name not in FIELDS:
                raise UnknownNameError("workload field", name, FIELDS)
        return dataclasses.replace(self, **fields)


FIELDS: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(Workload))


def _whole(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WorkloadError(f"{name} is {value!r}; it must be a whole number")
    if not least <= value <= 10**15:
        raise WorkloadError(f"{name} is {value:,}; it must be between {least} and 10^15")


def _between(name: str, value: object, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WorkloadError(f"{name} is {value!r}; it must be a number")
    if not 0 <= value <= most:
        percent = f" ({value:g} % is {value / 100:g})" if most == 1 and 1 < value <= 100 else ""
        raise WorkloadError(f"{name} is {value:g}; it must be between 0 and {most:g}{percent}")

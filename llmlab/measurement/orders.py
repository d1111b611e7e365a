"""What a worker is told to do: plain values that cross a pipe as JSON. No secret is among them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from ..catalog.records import Endpoint
from ..errors import LlmlabError
from .records import Path

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Arrivals = Literal["poisson", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. Each ends the call with a status of its own; what had come by then is kept.

    `connect_s` runs from the call until the request is out, `first_token_s` from there to the first token, `stall_s`
    from each token to the next; `total_s` bounds one attempt.
    """

    connect_s: float = 15.0
    first_token_s: float = 60.0
    stall_s: float = 30.0
    total_s: float = 300.0

    def __post_init__(self) -> None:
        if min(self.connect_s, self.first_token_s, self.stall_s, self.total_s) <= 0:
            raise LlmlabError(f"a timeout is longer than 0 seconds: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every endpoint is asked. `effort` is `reasoning_effort`; what is `None` is not sent.

    With `nonce`, each request begins with a line of its own, so that no provider's cache flatters the next one.
    """

    prompts: tuple[str, ...]
    system: str = ""
    max_tokens: int = 256
    temperature: float | None = None
    effort: str | None = None
    nonce: bool = True

    def __post_init__(self) -> None:
        if not self.prompts or not all(prompt.strip() for prompt in self.prompts):
            raise LlmlabError("there is nothing to ask: give a prompt")
        if self.max_tokens < 1:
            raise LlmlabError(f"max_tokens is at least 1, not {self.max_tokens}")

    def messages(self, round: int, nonce: str) -> list[dict[str, str]]:
        """The messages of one call; the prompts take turns by round."""
        mark = f"(request {nonce})\n" if self.nonce else ""
        prompt = self.prompts[round % len(self.prompts)]
        if not self.system:
            return [{"role": "user", "content": mark + prompt}]
        return [{"role": "system", "content": mark + self.system}, {"role": "user", "content": prompt}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """An endpoint as a worker calls it: `parameters` are LiteLLM's. `key_variable` names the variable of the
    environment that holds the key, where it is not the provider's own. `price` is what its tokens are priced by, and
    `ceiling_usd` the most that one call can cost; both `None` where nobody knows."""

    name: str
    parameters: Mapping[str, Any]
    path: Path = "litellm"
    simulated: bool = False
    key_variable: str | None = None
    price: Endpoint | None = None
    region: str | None = None  # where it is processed, if that matters to the price
    ceiling_usd: Decimal | None = None
    free: bool = False  # the user's own server: no dollars are spent there


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to make. `at_s` is its intended start in an open loop; in a closed one, `None`: as soon as one may."""

    number: int
    round: int
    lane: str
    at_s: float | None = None
    warm_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """One worker's part of a run. At most `streams` calls are under way at once, in the order given."""

    run: str
    question: Question
    lanes: tuple[Lane, ...]
    calls: tuple[Call, ...]
    streams: int
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: int = 0
    deadline_s: float = 600.0
    cap_usd: Decimal | None = None
    journal: str | None = None


def write_orders(orders: Orders) -> dict[str, Any]:
    """As plain JSON values."""
    plain: dict[str, Any] = _adapter().dump_python(orders, mode="json")
    return plain


def read_orders(plain: dict[str, Any]) -> Orders:
    """The orders that `write_orders` made plain."""
    return _adapter().validate_python(plain)


@functools.cache
def _adapter() -> TypeAdapter[Orders]:
    from pydantic import TypeAdapter

    return TypeAdapter(Orders)

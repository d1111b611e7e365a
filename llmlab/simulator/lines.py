"""One endpoint at work: what its rate limit lets through, and what its script says of the next request."""

from __future__ import annotations

import time
from collections import deque

from .endpoint import SimulatedEndpoint
from .faults import Fault, FaultScript
from .profile import RateLimit


class Window:
    """Which requests a rate limit lets through: a sliding window, as strict as any provider's."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._let_through: deque[float] = deque()

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request would be let through; 0 lets this one through and counts it."""
        while self._let_through and self._let_through[0] <= now_s - self._limit.per_s:
            self._let_through.popleft()
        if len(self._let_through) >= self._limit.requests:
            return self._let_through[0] + self._limit.per_s - now_s
        self._let_through.append(now_s)
        return 0.0


class Line:
    """An endpoint, its window, and its place in its script. A request over the limit takes no place in either."""

    def __init__(self, endpoint: SimulatedEndpoint) -> None:
        self.endpoint = endpoint
        self._asked = 0
        self._scripted = 0
        self._script = endpoint.faults
        self._window = Window(endpoint.profile.rate_limit) if endpoint.profile.rate_limit else None

    def script(self, faults: FaultScript) -> None:
        """Begin a new script with the next request."""
        self._script, self._scripted = faults, 0

    def wait_s(self) -> float:
        """Seconds that the rate limit asks a client to wait; 0 where the request may pass."""
        return self._window.wait_s(time.monotonic()) if self._window else 0.0

    def take(self) -> tuple[int, tuple[Fault, ...]]:
        """The number of this request, from 0, and what happens to it."""
        number, place = self._asked, self._scripted
        self._asked, self._scripted = number + 1, place + 1
        return number, self._script.faults(place)

"""How late the event loop is: what it could not do in time, it could not see in time either."""

from __future__ import annotations

import asyncio
import time
from collections import deque

LOOK_EVERY_S = 0.005
KEPT = 10_000


class LoopLag:
    """Looks at the clock two hundred times a second, and keeps how late it was each time that it was late."""

    def __init__(self) -> None:
        self._late: deque[tuple[int, int]] = deque(maxlen=KEPT)  # (when, by how many ns)

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            due = time.monotonic_ns() + round(LOOK_EVERY_S * 1e9)
            await asyncio.sleep(LOOK_EVERY_S)
            late = time.monotonic_ns() - due
            if late > LOOK_EVERY_S * 1e9:
                self._late.append((due, late))

    def worst_ms(self, since_ns: int) -> float:
        """The longest that it was late since then, in milliseconds; 0 where it never was by more than 5."""
        return max((late for when, late in self._late if when + late >= since_ns), default=0) / 1e6

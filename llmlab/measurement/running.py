"""A worker's part of a run: its calls, when they are due, under its cap and its deadline."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from ..cost import Cap, Reservation
from .call import make_call, unmade
from .journal import Journal
from .lag import LoopLag
from .live import Live
from .orders import Call, Lane, Orders
from .paths import load
from .records import Attempt, CallError, StreamRecord

Tell = Callable[[StreamRecord], None]


class Running:
    """Makes the calls of `orders`. `stop` ends it at once; records of what was under way are told too."""

    def __init__(self, orders: Orders, live: Live, lag: LoopLag, tell: Tell) -> None:
        self._orders = orders
        self._lanes = {lane.name: lane for lane in orders.lanes}
        self._cap = Cap(orders.cap_usd)
        self._live, self._lag, self._tell = live, lag, tell
        self._journal = Journal(orders.journal)
        self._stop = asyncio.Event()
        self._settled = asyncio.Event()
        self._too_late = ""

    def stop(self) -> None:
        """End it: every connection is closed at once, and no further call is made."""
        self._stop.set()

    async def run(self) -> None:
        """Make all calls; warm-up calls are over before the others begin."""
        load(lane.path for lane in self._orders.lanes)
        deadline = asyncio.get_running_loop().call_later(self._orders.deadline_s, self._end_in_time)
        try:
            await self._closed(call for call in self._orders.calls if call.warm_up)
            timed = [call for call in self._orders.calls if not call.warm_up]
            if timed and timed[0].at_s is not None:
                await self._open(timed)
            else:
                await self._closed(timed)
        finally:
            deadline.cancel()
            self._journal.close()

    def _end_in_time(self) -> None:
        self._too_late = f"the run's deadline of {self._orders.deadline_s:g} s had passed"
        self.stop()

    async def _closed(self, calls: Iterable[Call]) -> None:
        """As many at once as there are streams; each is due when one of them is free."""
        waiting = deque(calls)

        async def stream() -> None:
            while waiting:
                await self._make(waiting.popleft(), time.monotonic_ns())

        await asyncio.gather(*(stream() for _ in range(self._orders.streams)))

    async def _open(self, calls: Iterable[Call]) -> None:
        """Each at its time, however many are under way; past `streams` they queue, and the wait is theirs."""
        began = time.monotonic_ns()
        room = asyncio.Semaphore(self._orders.streams)

        async def arrive(call: Call) -> None:
            due = began + round((call.at_s or 0.0) * 1e9)
            await self._sleep_until(due)
            async with room:
                await self._make(call, due)

        await asyncio.gather(*map(arrive, calls))

    async def _sleep_until(self, due_ns: int) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), max((due_ns - time.monotonic_ns()) / 1e9, 0))
        except TimeoutError:
            return

    async def _make(self, call: Call, due_ns: int) -> None:
        lane = self._lanes[call.lane]
        ceiling = None if lane.ceiling_usd is None else lane.ceiling_usd * (1 + self._orders.retries)
        ceiling = Decimal(0) if lane.free else ceiling
        reservation = None if self._stop.is_set() else await self._reserve(ceiling)
        if self._stop.is_set():  # before it began
            if self._too_late:
                why = CallError(kind="deadline", message=self._too_late)
                self._keep(unmade(self._orders, lane, call, due_ns, why))
            return
        if reservation is None:
            why = CallError(kind="budget", message=self._cap.why_not(ceiling))
            self._keep(unmade(self._orders, lane, call, due_ns, why))
            return
        self._live.due(call, due_ns)
        try:
            record = await make_call(self._orders, lane, call, due_ns, self._stop, self._live, self._lag)
        finally:
            self._live.over(call)
        self._cap.settle(reservation, _spent(record, lane))
        self._settled.set()
        if record.status == "cancelled" and self._too_late:
            record = replace(record, error=CallError(kind="deadline", message=self._too_late))
        self._keep(record)

    async def _reserve(self, ceiling: Decimal | None) -> Reservation | None:
        """Leave to make a call. Those under way may turn out cheaper than what is set aside for them: wait for that."""
        while True:
            reservation = self._cap.reserve(ceiling)
            if reservation is not None or not self._cap.reserved_usd or self._stop.is_set():
                return reservation
            self._settled.clear()
            await self._settled.wait()

    def _keep(self, record: StreamRecord) -> None:
        self._journal.write(record)  # before anything else can go wrong
        self._tell(record)


def _spent(record: StreamRecord, lane: Lane) -> Decimal | None:
    """What a call certainly cost; `None` where nobody knows, which counts as the most it can have."""
    if lane.free:
        return Decimal(0)
    if not all(map(_was_refused, record.attempts)):
        return None  # an earlier try was broken off, and may be billed
    if record.sent_ns is None or (not record.chunks and _was_refused(record)):
        return Decimal(0)
    told = record.usage_source == "provider" and record.finish is not None  # else it is what was used so far
    return record.usd if told else None


def _was_refused(tried: Attempt | StreamRecord) -> bool:
    """Whether the provider gave an error instead of an answer."""
    return tried.error is not None and tried.error.http_status is not None

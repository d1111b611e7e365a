"""What is kept warm between runs: a simulator, and the processes that measure.

    async for event in instrument().run(plan, environment):
        ...

Everything here lives on the background loop. `close` ends all processes; so does the end of the program, however it
comes: they notice that their pipes are closed.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

from ..errors import LlmlabError
from ..simulator import (
    AnswerShape,
    DialectName,
    SimulatedEndpoint,
    Simulator,
    litellm_parameters,
)
from ..simulator import LatencyProfile as Profile
from .events import MeasurementEvent, Preparing, Progress, Recorded
from .orders import Call, Lane, Orders, Question
from .plan import Plan, share
from .serialisation import from_plain
from .simulated import simulated_endpoints
from .workers import Worker

LANES_PER_WORKER = 8  # more in one process wait for each other
WARM = SimulatedEndpoint(
    name="anthropic.claude-3-5-sonnet-20240620-v1:0",  # LiteLLM wants to know a model on Bedrock
    profile=Profile(ttft_s=0.001, itl_s=0.001),
    answer=AnswerShape(output_tokens=4, reasoning_tokens=2),
)
CALIBRATION = SimulatedEndpoint(
    name="calibration", profile=Profile(ttft_s=0.06, itl_s=0.005), answer=AnswerShape(output_tokens=10)
)


class Instrument:
    """One run at a time: two would measure each other."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []
        self._simulator: Simulator | None = None
        self._run: str | None = None
        self._stopped: set[str] = set()
        self._waiting: dict[str, asyncio.Task[Literal[True]]] = {}  # for its turn; kept until the run is over
        self._turn = asyncio.Lock()
        self._starting = asyncio.Lock()

    async def simulator(self) -> Simulator:
        """All shipped simulated endpoints, started when first asked for."""
        async with self._starting:
            if self._simulator is None:
                shipped = [one.endpoint for one in simulated_endpoints()]
                self._simulator = await asyncio.to_thread(Simulator, [WARM, CALIBRATION, *shipped])
            return self._simulator

    async def run(self, plan: Plan, environment: Mapping[str, str]) -> AsyncIterator[MeasurementEvent]:
        """Make the calls of `plan`. Leaving the iteration early ends the run at once."""
        if self._waiting:
            yield Preparing("another run is under way: this one waits for it")
        async with self._turn_of(plan.run):
            if plan.run in self._stopped:
                return
            count = min(-(-plan.streams // LANES_PER_WORKER), os.cpu_count() or 1)
            async for preparing in self._warm(count, environment):
                yield preparing
            if plan.run in self._stopped:
                return
            self._run = plan.run
            if any(target.simulated is not None for target in plan.targets):
                plan = plan.at((await self.simulator()).url)
            parts = share(plan, count)
            queue: asyncio.Queue[MeasurementEvent | None] = asyncio.Queue()
            tasks = [
                asyncio.create_task(_relay(worker, orders, environment, queue))
                for worker, orders in zip(self._workers, parts, strict=False)
            ]
            try:
                open_ones = len(tasks)
                while open_ones:
                    event = await queue.get()
                    if event is None:
                        open_ones -= 1
                    else:
                        yield event
                for task in tasks:
                    task.result()
            finally:
                self._run = None
                await _end(tasks)

    @asynccontextmanager
    async def _turn_of(self, run: str) -> AsyncIterator[None]:
        """Wait until no other run is under way, or until this one is stopped."""
        waiting = asyncio.create_task(self._turn.acquire())
        self._waiting[run] = waiting
        try:
            await asyncio.wait({waiting})
            yield
        finally:
            del self._waiting[run]
            if not waiting.cancel() and not waiting.cancelled():
                self._turn.release()

    async def stop(self, run: str) -> None:
        """End the run at once; its records still come. One that has not begun makes no calls."""
        self._stopped.add(run)
        if (waiting := self._waiting.get(run)) is not None:
            waiting.cancel()
        if self._run == run:
            for worker in self._workers:
                worker.stop()

    async def _warm(self, count: int, environment: Mapping[str, str]) -> AsyncIterator[Preparing]:
        """Have `count` workers that reach the network as `environment` says."""
        kept = [worker for worker in self._workers if worker.fits(environment)]
        for worker in self._workers:
            if worker not in kept:
                await worker.close()
        self._workers = kept
        missing = count - len(kept)
        if missing <= 0:
            return
        yield Preparing("Loading LiteLLM in a process of its own: some seconds, once.")
        simulator = await self.simulator()
        new = [Worker(environment) for _ in range(missing)]
        try:
            await asyncio.gather(*(worker.start() for worker in new))
        except BaseException:
            await asyncio.gather(*(worker.close() for worker in new))
            raise
        self._workers += new
        yield Preparing("Warming up: one call in each provider's dialect, to the simulator.")
        orders = _warm_orders(simulator.url)
        for worker in new:
            async for _ in worker.run(orders, environment):
                pass

    async def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            await worker.close()
        self._workers = []
        if self._simulator is not None:
            await asyncio.to_thread(self._simulator.close)
            self._simulator = None


@functools.cache
def instrument() -> Instrument:
    """The one instrument of this process."""
    return Instrument()


async def _relay(
    worker: Worker, orders: Orders, environment: Mapping[str, str], queue: asyncio.Queue[MeasurementEvent | None]
) -> None:
    try:
        async for message in worker.run(orders, environment):
            for event in _events(message):
                queue.put_nowait(event)
    finally:
        queue.put_nowait(None)


def _events(message: dict[str, Any]) -> list[MeasurementEvent]:
    match message:
        case {"did": "call", "record": record}:
            return [Recorded(from_plain(record))]
        case {"did": "news", "news": news}:
            return [_progress(one) for one in news]
        case _:
            raise LlmlabError(f"a message of a measuring process that nobody knows: {message!r:.200}")


def _progress(news: dict[str, Any]) -> Progress:
    return Progress(
        number=news["number"],
        endpoint=news["lane"],
        phase=news["phase"],
        spans_ms=news["ms"],
        text=news["text"],
        reasoning=news["reasoning"],
        chunks=news["chunks"],
        attempt=news["attempt"],
        wait_s=news["wait_s"],
        why=news["why"],
    )


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _warm_orders(url: str) -> Orders:
    """A call in each dialect: the first through each of LiteLLM's adapters is up to a second slower."""
    lanes = [
        Lane(name=dialect, parameters=litellm_parameters(url, WARM.name, dialect), simulated=True, free=True)
        for dialect in get_args(DialectName)
    ]
    calls = [Call(number=i, round=i // len(lanes), lane=lanes[i % len(lanes)].name) for i in range(2 * len(lanes))]
    return Orders(
        run="warm-up",
        question=Question(prompts=("warm up",), max_tokens=16),
        lanes=tuple(lanes),
        calls=tuple(calls),
        streams=1,
    )

"""The processes that measure, seen from the one that asks.

A worker is a fresh interpreter (`-m llmlab.measurement`), never a fork of a kernel with its threads, and never the
kernel itself: a busy screen would be charged to the model. It is told things over its standard input and answers over
its standard output; when either closes, it ends. It reads the environment as it is at each run, so that a key that was
set meanwhile is found; variables that decide about the network only count when a process starts, so a change of those
starts a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import LlmlabError
from .orders import Orders, write_orders
from .pipes import next_message, packed

OWN = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # importing LiteLLM asks the network otherwise
    "LITELLM_MODE": "PRODUCTION",  # and reads a .env that nobody named
    "PYTHONUTF8": "1",
}
NETWORK = ("PROXY", "SSL_", "CA_BUNDLE", "LITELLM_", "AIOHTTP_")
LOOPBACK = "127.0.0.1"  # where the simulator listens
ENDS_WITHIN_S = 5.0
LAST_LINES = 20


class Worker:
    """One process. `start` it, `run` orders one after the other, `close` it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = worker_environment(environment)
        self._network = network_of(environment)
        self._process: asyncio.subprocess.Process | None = None
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._tasks: list[asyncio.Task[None]] = []
        self.import_s: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether it lives, and would reach the network as `environment` says."""
        alive = self._process is not None and self._process.returncode is None
        return alive and self._network == network_of(environment)

    async def start(self) -> None:
        """Start the process and wait until it has imported LiteLLM, which takes seconds."""
        # -P: the working directory of a notebook is no place to import from, it may hold a `random.py`.
        here = str(Path(__file__).parents[2])
        paths = os.pathsep.join(filter(None, [here, self._environment.get("PYTHONPATH", "")]))
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "llmlab.measurement",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**self._environment, "PYTHONPATH": paths},
            start_new_session=True,  # Ctrl-C goes to a whole group of processes, also to one that cannot ignore it yet
        )  # fmt: skip
        self._tasks = [asyncio.create_task(self._read_messages()), asyncio.create_task(self._read_errors())]
        self.import_s = (await self._next())["seconds"]

    async def run(self, orders: Orders, environment: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """What the worker says of the run, until it is over. Leaving early stops it."""
        current = worker_environment(environment)
        self._say({"do": "run", "orders": write_orders(orders), "environment": current})
        over = False
        try:
            while not over:
                message = await self._next()
                if message.get("run") != orders.run:
                    continue  # of one that was left early
                over = message["did"] == "run"
                if over and message["failure"]:
                    raise LlmlabError(f"a measuring process failed: {message['failure']}")
                if not over:
                    yield message
        finally:
            if not over:
                self.stop()

    def stop(self) -> None:
        """End the run that is under way: at once, over there. One that has died has ended it already."""
        with contextlib.suppress(LlmlabError):
            self._say({"do": "stop"})

    async def close(self) -> None:
        """End the process, and wait for it."""
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        for task in self._tasks:
            task.cancel()

    def _say(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None or self._process.returncode is not None:
            raise self._gone()
        self._process.stdin.write(packed(message))

    async def _next(self) -> dict[str, Any]:
        message = await self._messages.get()
        if message is None:
            raise self._gone()
        return message

    def _gone(self) -> LlmlabError:
        status = self._process.returncode if self._process is not None else None
        last = self._last_lines[-1] if self._last_lines else "it said nothing"
        return LlmlabError(f"a measuring process has ended (exit status {status}): {last}; the next run starts another")

    async def _read_messages(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while (message := await next_message(self._process.stdout)) is not None:
            self._messages.put_nowait(message)
        with contextlib.suppress(TimeoutError):  # so that it is known how it ended, and no run is given to it
            await asyncio.wait_for(self._process.wait(), ENDS_WITHIN_S)
        self._messages.put_nowait(None)

    async def _read_errors(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            if text := line.decode("utf-8", "replace").strip():
                self._last_lines.append(text)


def network_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide how the network is reached."""
    return {name: value for name, value in environment.items() if any(part in name.upper() for part in NETWORK)}


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a worker gets: with what it needs, and with the simulator in reach, whatever proxy there is."""
    excepted = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    direct = excepted if excepted.strip() == "*" else ",".join(filter(None, [excepted, LOOPBACK]))
    return {**environment, **OWN, "NO_PROXY": direct, "no_proxy": direct}

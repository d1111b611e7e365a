"""`python -m llmlab.measurement`: a worker's own process. `workers.py` starts it and says how they talk.

It imports LiteLLM and warms it, then makes the calls it is told to. It ends when its pipe closes: with the program, or
when that is killed, and takes its connections along.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
import traceback
from typing import Any

from ..stamps import StampingLoop
from .lag import LoopLag
from .live import Live
from .orders import Orders, read_orders
from .pipes import next_message, packed
from .records import StreamRecord
from .running import Running
from .serialisation import to_plain

NEWS_EVERY_S = 0.05
LAST_WORDS_S = 0.5


class Worker:
    """One run at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._live = Live()
        self._lag = LoopLag()
        self._running: Running | None = None

    async def serve(self) -> None:
        """Do as told until there is nobody left to tell."""
        watching = asyncio.create_task(self._lag.watch())
        self._import()
        work: asyncio.Task[None] | None = None
        while (message := await next_message(self._reader)) is not None:
            match message:
                case {"do": "run", "orders": orders, "environment": environment}:
                    if self._running is not None and work is not None:
                        self._running.stop()
                        await work
                    os.environ.update(environment)
                    for name in os.environ.keys() - environment.keys():
                        del os.environ[name]
                    work = asyncio.create_task(self._run(read_orders(orders)))
                case {"do": "stop"} if self._running is not None:
                    self._running.stop()
                case _:
                    continue
        if self._running is not None and work is not None:
            self._running.stop()
            await asyncio.wait({work}, timeout=LAST_WORDS_S)
        watching.cancel()

    def _import(self) -> None:
        began = time.monotonic()
        import litellm

        litellm.suppress_debug_info = True
        litellm.telemetry = False
        self._say({"did": "import", "seconds": time.monotonic() - began})

    async def _run(self, orders: Orders) -> None:
        self._running = Running(orders, self._live, self._lag, self._tell)
        news = asyncio.create_task(self._tell_news(orders.run))
        failure = ""
        try:
            await self._running.run()
        except Exception:  # noqa: BLE001  a fault of ours: the other side must not wait for ever
            failure = traceback.format_exc(limit=-3)
        news.cancel()
        self._running = None
        self._say({"did": "run", "run": orders.run, "failure": failure})

    def _tell(self, record: StreamRecord) -> None:
        self._say({"did": "call", "run": record.run, "record": to_plain(record)})

    async def _tell_news(self, run: str) -> None:
        while True:
            await asyncio.sleep(NEWS_EVERY_S)
            if news := self._live.news():
                self._say({"did": "news", "run": run, "news": news})

    def _say(self, message: dict[str, Any]) -> None:
        self._writer.write(packed(message))


async def main(inward: int, outward: int) -> None:
    """Serve over the two pipes."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(inward, "rb", 0))
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), os.fdopen(outward, "wb", 0)
    )
    with contextlib.suppress(ConnectionError):
        await Worker(reader, asyncio.StreamWriter(transport, protocol, reader, loop)).serve()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # interrupting a notebook's cell is not meant for its workers
    pipes = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no message
    with asyncio.Runner(loop_factory=StampingLoop) as runner:
        runner.run(main(*pipes))
        sys.stderr.flush()
        os._exit(0)  # LiteLLM's clients complain when they are taken down with the interpreter

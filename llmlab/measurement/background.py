"""One background event loop for everything that waits on a network.

It works wherever it is called from: ipykernel runs a widget's callbacks in the main thread or in another one, by its
version, and a plain script has no loop at all.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """A daemon thread that runs a loop of its own until the program ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="llmlab", daemon=True).start()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run `coroutine`; cancelling the future cancels the task itself."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run `coroutine` and wait for it. Ctrl-C, or interrupting a cell, cancels it."""
        future = self.start(coroutine)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


@functools.cache
def background() -> BackgroundLoop:
    """The one loop of this process."""
    return BackgroundLoop()

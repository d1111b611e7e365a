"""One background event loop for everything that waits on a network.

It works wherever it is called from: ipykernel runs a widget's callbacks in the main thread or in another one, by its
version, and a plain script has no loop at all.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")
SLICE_S = 0.25


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
            return result_of(future)
        except BaseException:
            future.cancel()
            raise


def result_of(future: Future[T], timeout_s: float | None = None) -> T:
    """Wait for `future`. Without a timeout in slices: an interruption that comes when a wait is about to begin is only
    noticed when that wait is over."""
    while timeout_s is None and not future.done():
        wait([future], SLICE_S)
    return future.result(timeout_s)


@functools.cache
def background() -> BackgroundLoop:
    """The one loop of this process."""
    return BackgroundLoop()

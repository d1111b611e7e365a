"""Work that is asked for many times a second, done a few times a second, in a thread of its own.

    pacer = Pacer(draw, rest_s=0.1)
    pacer.ask({"lanes"})  # from any thread, as often as you like: returns at once

What was asked for is done with the next turn, and the last asking is never lost. Between two turns there is a rest, so
that work which takes long slows itself down and not those who ask. The thread lives for one turn: none is left idle.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable


class Pacer:
    """Calls `work` with all the names asked for since its last turn, `rest_s` after that turn ended, or at once."""

    def __init__(self, work: Callable[[frozenset[str]], None], rest_s: float) -> None:
        self._work, self._rest_s = work, rest_s
        self._lock = threading.Lock()
        self._asked: frozenset[str] | None = None  # None: nobody asked since the last turn
        self._thread: threading.Timer | None = None  # of the turn that waits or is at work
        self._not_before = 0.0

    def ask(self, names: Iterable[str]) -> None:
        """Have `work` called with these names, soon."""
        with self._lock:
            self._asked = (self._asked or frozenset()) | frozenset(names)
            if self._thread is None:
                self._plan()

    def stop(self) -> None:
        """Forget what was asked for. A turn that is at work ends; another begins only if somebody asks again."""
        with self._lock:
            thread, self._thread, self._asked = self._thread, None, None
        if thread is not None:
            thread.cancel()

    def _plan(self) -> None:
        thread = threading.Timer(max(self._not_before - time.monotonic(), 0), self._work_off)
        thread.daemon = True
        try:
            thread.start()
        except RuntimeError:  # Python is shutting down: nobody will look any more
            return
        self._thread = thread

    def _work_off(self) -> None:
        this = threading.current_thread()
        with self._lock:
            if self._thread is not this or self._asked is None:  # it was stopped as it began
                return
            asked, self._asked = self._asked, None
        try:
            self._work(asked)
        finally:
            with self._lock:
                self._not_before = time.monotonic() + self._rest_s
                if self._thread is this:
                    self._thread = None
                    if self._asked is not None:
                        self._plan()

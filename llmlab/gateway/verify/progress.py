"""How far a verification is, said in words and as a share; and how it is stopped."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Protocol

Progress = Callable[[str, float], None]


class Cancel(Protocol):
    """Anything that says whether to stop: a `threading.Event`."""

    def is_set(self) -> bool: ...


class CancelledError(Exception):
    """Somebody asked to stop. Never leaves `verify`."""


class Pace:
    """Takes words from any thread, and says them in the one that asked for the verification.

    `share` is of the work, from 0 to 1, and never falls.
    """

    def __init__(self, progress: Progress | None, cancel: Cancel | None) -> None:
        self._progress = progress
        self._cancel = cancel
        self._said: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
        self._share = 0.0

    @property
    def cancelled(self) -> bool:
        return self._cancel is not None and self._cancel.is_set()

    def say(self, words: str, share: float) -> None:
        self._said.put((words, share))

    def tell(self) -> None:
        """Hand on what was said since. Raises `CancelledError` once it is to stop."""
        while not self._said.empty():
            words, share = self._said.get()
            self._share = max(self._share, min(share, 1.0))
            if self._progress is not None:
                self._progress(words, self._share)
        self.check()

    def check(self) -> None:
        """Raise `CancelledError` once it is to stop; from any thread."""
        if self.cancelled:
            raise CancelledError

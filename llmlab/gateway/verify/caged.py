"""The processes in a cage, seen from outside: started with an environment made from nothing, ended by their own id."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ENDS_WITHIN_S = 3.0
LAST_LINES = 40


class Caged:
    """One process, from its making until `close()`. `ports` of 127.0.0.1 are all it may connect to."""

    def __init__(
        self, task: Mapping[str, Any], *, environment: Mapping[str, str], ports: Iterable[int], folder: Path, name: str
    ) -> None:
        self._noted = folder / f"{name}.refused"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "llmlab.gateway.verify.cage"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
        )
        self._end = weakref.finalize(self, _stop, self._process)
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reading = [threading.Thread(target=read, daemon=True) for read in (self._read_words, self._read_errors)]
        for thread in self._reading:
            thread.start()
        assert self._process.stdin is not None
        order = {**task, "ports": sorted(ports), "noted": str(self._noted)}
        with contextlib.suppress(OSError):  # it has ended; what it said last says why
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status; `None` while it runs."""
        return self._process.poll()

    @property
    def refused(self) -> tuple[str, ...]:
        """What it tried to reach and was not let through to."""
        if not self._noted.exists():
            return ()
        return tuple(dict.fromkeys(self._noted.read_text(encoding="utf-8").splitlines()))

    def messages(self) -> Iterator[dict[str, Any]]:
        """What it says, until it ends. For one listener."""
        while (message := self._messages.get()) is not None:
            yield message

    def last_words(self) -> str:
        """The last line that says what went wrong, as far as one can tell."""
        if self.status is not None:
            for thread in self._reading:
                thread.join(1.0)
        lines = [line.strip() for line in self._last if line.strip()]
        told = [line for line in lines if "rror" in line or "xception" in line or "refus" in line.lower()]
        return (told or lines or ["it said nothing"])[-1][:400]

    def close(self) -> None:
        """End it, and wait until it has ended."""
        self._end()
        for thread in self._reading:
            thread.join()

    def _read_words(self) -> None:
        """Lines of JSON are messages; what else is printed goes to the last lines."""
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                try:
                    message = json.loads(line)
                except ValueError:
                    message = None
                if isinstance(message, dict):
                    self._messages.put(message)
                else:
                    self._last.append(line.decode("utf-8", "replace").rstrip())
        self._messages.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._last.append(line.decode("utf-8", "replace").rstrip())


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, which ends it, and wait."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

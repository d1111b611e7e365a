"""The real proxy, from its boot until it is closed."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from .caged import Caged

BOOT_S = 180.0  # ten on a quiet machine
LOOK_EVERY_S = 0.1


class RefusedToStartError(Exception):
    """The proxy ended, or never answered. Its text says how. Never leaves `verify`."""


class Proxy:
    """LiteLLM's proxy on a free port of 127.0.0.1, with the config at `config`.

    Made at once; `wait` until it answers.
    """

    def __init__(self, config: Path, *, environment: Mapping[str, str], ports: Iterable[int], folder: Path) -> None:
        self.port = free_port()
        task = {"do": "serve", "config": str(config), "port": self.port}
        everything = {*ports, self.port}
        self.process = Caged(task, environment=environment, ports=everything, folder=folder, name="proxy")
        self._began = time.monotonic()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self, check: Callable[[], None]) -> float:
        """Seconds until it answered. `check` is called while waiting, and may raise. Raises `RefusedToStartError`."""
        while time.monotonic() - self._began < BOOT_S:
            check()
            if self.process.status is not None:
                words = self.process.last_words()
                raise RefusedToStartError(f"it ended with exit status {self.process.status}: {words}")
            if self._answers():
                return time.monotonic() - self._began
            time.sleep(LOOK_EVERY_S)
        raise RefusedToStartError(f"it did not answer within {BOOT_S:g} s: {self.process.last_words()}")

    def close(self) -> None:
        self.process.close()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health/liveliness")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port

"""What one call's connection did: when the request was out, what came back and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from ...stamps import StampedSocket, witness
from ..records import Connection

HANDSHAKES = (b"\x14", b"\x16")  # types of TLS records


class Recorder:
    """Watches one call, on a `StampingLoop`. Times are `time.monotonic_ns()`.

    `sent_ns` is t0: when the last piece of the request was sent. `pieces` are (arrived, bytes) of the response, its
    head included; `read_lag_ns` is how long the one that waited longest waited to be read.
    """

    def __init__(self) -> None:
        self.sent_ns: int | None = None
        self.pieces: list[tuple[int, bytes]] = []
        self.read_lag_ns = 0
        self.exact = False  # the kernel dated what arrived
        self.eof = False
        self._parts: dict[str, int] = {}
        self._unfinished = 0  # parts of the connection that have begun
        self._socket: StampedSocket | None = None

    @property
    def connection(self) -> Connection:
        """How the connection came about, as far as it was seen."""
        if not self._parts:
            return Connection(reused=None if self.sent_ns is None else True)
        return Connection(reused=False, **{f"{part}_ms": ns / 1e6 for part, ns in self._parts.items()})

    def abort(self) -> None:
        """Close the connection at once: libraries that are merely left alone go on reading, and the provider goes on
        billing."""
        if self._socket is not None and self._socket.transport is not None:
            self._socket.transport.abort()

    def begins(self, part: Literal["dns", "tcp", "tls"]) -> None:
        self._unfinished += 1

    def took(self, part: Literal["dns", "tcp", "tls"], ns: int) -> None:
        self._unfinished -= 1
        self._parts[part] = self._parts.get(part, 0) + ns
        self.sent_ns = None  # what was sent and heard until now were handshakes, or a proxy's
        self.pieces.clear()

    def sending(self, sock: StampedSocket, data: Any, ns: int) -> None:
        self._socket = sock
        if _shakes_hands(data) or (self.pieces and _shakes_hands(self.pieces[0][1])):
            self.pieces.clear()  # a library that encrypts by itself (httpx) is not at its request yet
        if not self.pieces and not self._unfinished:
            self.sent_ns = ns

    def arrived(self, sock: StampedSocket, data: bytes) -> None:
        self.pieces.append((sock.arrived_ns, data))
        self.exact = sock.exact
        self.read_lag_ns = max(self.read_lag_ns, sock.lag_ns)

    def closed(self) -> None:
        self.eof = True


def _shakes_hands(data: Any) -> bool:
    """Whether TLS is being set up by what was sent or heard: its first byte says so, and no HTTP begins with it."""
    return bytes(data[:1]) in HANDSHAKES


@contextmanager
def recording() -> Iterator[Recorder]:
    """Watch what the calls in this context send and receive; one call at a time."""
    recorder = Recorder()
    token = witness.set(recorder)
    try:
        yield recorder
    finally:
        witness.reset(token)

"""An event loop whose sockets say when bytes left and arrived, as the kernel saw it.

A program's own clock starts and stops when its code gets to run, so whatever shares an event loop is charged for its
neighbours: tens of milliseconds under load. Here the clock is as near to the network as Python comes:

- **sent**: just before a piece is handed to the kernel;
- **arrived**: when the *kernel* received the bytes (`SO_TIMESTAMPNS`, Linux), however late Python reads them; elsewhere
  when they were read. Of bytes that are read together the last counts, so the loop also reads more often.

Everything that opens or accepts a TCP connection on this loop is seen, with or without TLS or a proxy, and no library
is patched. Bytes are shown to a `Witness` *above* TLS where asyncio itself decrypts (aiohttp, and so LiteLLM); a
library that decrypts by itself (httpx) shows encrypted ones. `measurement/` and `simulator/` both run on it: what one
measures, the other knows. All times are `time.monotonic_ns()`, which the processes of a machine share.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import struct
import time
from collections import deque
from contextvars import ContextVar
from typing import Any, Literal, Protocol

SO_TIMESTAMPNS = 35  # Linux, all common architectures; Python's socket module does not name it
CONTROL_BYTES = 64  # room for one time stamp
LOOK_EVERY_NS = 500_000
ONE_MOMENT_NS = 20_000
TRIES = 5
OLDEST_STAMP_NS = 10 * 10**9  # an older one is no delay: the wall clock was set in between
_TIMESPEC = struct.Struct("@ll")


class Witness(Protocol):
    """Is told what one call's connection does. `witness` says who watches: tasks inherit it from who starts them."""

    def begins(self, part: Literal["dns", "tcp", "tls"]) -> None:
        """A part of setting up a connection begins: what is sent meanwhile is no request."""

    def took(self, part: Literal["dns", "tcp", "tls"], ns: int) -> None:
        """It is done, or has failed."""

    def sending(self, sock: StampedSocket, data: Any, ns: int) -> None:
        """A piece is about to be sent: bytes, as they go over the wire."""

    def arrived(self, sock: StampedSocket, data: bytes) -> None:
        """Bytes are handed on; `sock` knows when they arrived."""

    def closed(self) -> None:
        """The other side has closed."""


witness: ContextVar[Witness | None] = ContextVar("witness", default=None)


class StampedSocket(socket.socket):
    """A socket that notes when it receives, and tells the witness of what it last sent.

    `lag_ns` is how long the bytes that were read last had waited; `exact` says that the kernel dated them.
    """

    witness: Witness | None = None
    transport: asyncio.Transport | None = None
    arrived_ns = 0
    lag_ns = 0
    exact = False

    @classmethod
    def of(cls, sock: socket.socket) -> StampedSocket:
        """The same connection, noted from now on."""
        stamped = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        stamped.setblocking(False)
        with contextlib.suppress(OSError):  # not Linux: the time of reading has to do
            stamped.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return stamped

    def send(self, data: Any, flags: int = 0, /) -> int:
        self._note_send(data)
        return super().send(data, flags)

    def sendmsg(self, buffers: Any, *more: Any) -> int:
        pieces = list(buffers)
        self._note_send(pieces[0])
        return super().sendmsg(pieces, *more)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data, control, _, _ = super().recvmsg(size, CONTROL_BYTES, flags)
        self._note_arrival(control)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        into = memoryview(buffer)[:nbytes] if nbytes else buffer
        count, control, _, _ = super().recvmsg_into([into], CONTROL_BYTES, flags)
        self._note_arrival(control)
        return count

    def _note_send(self, data: Any) -> None:
        self.witness = witness.get() or self.witness
        if self.witness is not None:
            self.witness.sending(self, data, time.monotonic_ns())

    def _note_arrival(self, control: list[tuple[int, int, bytes]]) -> None:
        now, wall = _both_clocks()
        lag = 0
        exact = False
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack_from(value)
                lag = wall - (seconds * 10**9 + nanoseconds)
                exact = 0 <= lag < OLDEST_STAMP_NS
        self.lag_ns = lag if exact else 0
        self.arrived_ns, self.exact = now - self.lag_ns, exact


def _both_clocks() -> tuple[int, int]:
    """Our clock and the kernel's stamps' clock, read at one moment: again, where we were interrupted in between."""
    for _ in range(TRIES):
        now, wall = time.monotonic_ns(), time.time_ns()
        if time.monotonic_ns() - now < ONE_MOMENT_NS:
            break
    return now, wall


def arrival_ns(transport: asyncio.BaseTransport | None) -> int:
    """When the bytes that were read last from a connection had arrived; now, where its sockets do not say."""
    found = getattr(transport.get_extra_info("socket"), "_sock", None) if transport is not None else None
    return found.arrived_ns if isinstance(found, StampedSocket) else time.monotonic_ns()


class _ReadsFirst(deque[Any]):
    """The loop's queue of what is ready to run; between any two of them it looks whether bytes have arrived.

    A library's step may take tens of milliseconds, and asyncio runs all that are ready before it reads again. Bytes
    that arrive meanwhile would be read together, and of those only the last has a time.
    """

    def __init__(self, loop: StampingLoop) -> None:
        super().__init__()
        self._loop = loop

    def popleft(self) -> Any:
        self._loop.read_now()
        return super().popleft()


class StampingLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop; every TCP connection that it opens has a `StampedSocket`."""

    def __init__(self) -> None:
        super().__init__()
        self._read_ns = 0
        self._ready = _ReadsFirst(self)

    def read_now(self) -> None:
        """Read what has arrived, if the last look is long enough ago."""
        now = time.monotonic_ns()
        if now - self._read_ns < LOOK_EVERY_NS:
            return
        waker = self._ssock.fileno()  # type: ignore[attr-defined]
        for key, mask in self._selector.select(0):  # type: ignore[attr-defined]
            reader, _ = key.data
            if mask & selectors.EVENT_READ and reader is not None and not reader.cancelled() and key.fd != waker:
                reader._run()  # noqa: SLF001  as the loop itself does, only sooner
        self._read_ns = time.monotonic_ns()

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        return await _timed("dns", super().getaddrinfo(*args, **kwargs))

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await _timed("tcp", super().sock_connect(sock, address))

    async def start_tls(self, transport: Any, protocol: Any, *args: Any, **kwargs: Any) -> Any:
        found = transport.get_extra_info("socket")
        sock = getattr(found, "_sock", None)
        if isinstance(sock, StampedSocket):
            protocol = _tee(protocol, sock)
        return await _timed("tls", super().start_tls(transport, protocol, *args, **kwargs))

    async def _create_connection_transport(
        self, sock: socket.socket, factory: Any, ssl: Any, *args: Any, **kw: Any
    ) -> Any:
        opening = super()._create_connection_transport(sock, factory, ssl, *args, **kw)  # type: ignore[misc]
        return await (_timed("tls", opening) if ssl else opening)

    def _make_socket_transport(self, sock: socket.socket, protocol: Any, *args: Any, **kwargs: Any) -> Any:
        stamped = StampedSocket.of(sock)
        stamped.transport = super()._make_socket_transport(stamped, _tee(protocol, stamped), *args, **kwargs)  # type: ignore[misc]
        return stamped.transport

    def _make_ssl_transport(self, rawsock: socket.socket, protocol: Any, *args: Any, **kwargs: Any) -> Any:
        stamped = StampedSocket.of(rawsock)
        stamped.transport = super()._make_ssl_transport(stamped, _tee(protocol, stamped), *args, **kwargs)  # type: ignore[misc]
        return stamped.transport


async def _timed(part: Literal["dns", "tcp", "tls"], waiting: Any) -> Any:
    watching = witness.get()
    if watching is not None:
        watching.begins(part)
    start = time.monotonic_ns()
    try:
        return await waiting
    finally:
        if watching is not None:
            watching.took(part, time.monotonic_ns() - start)


class _Tee(asyncio.Protocol):
    """Stands between a transport and its protocol, and notes what passes: `sock` knows when it arrived."""

    def __init__(self, protocol: asyncio.Protocol, sock: StampedSocket) -> None:
        self._protocol = protocol
        self._socket = sock
        self.connection_made = protocol.connection_made  # type: ignore[method-assign]
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        if self._socket.witness is not None:
            self._socket.witness.arrived(self._socket, data)
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        if self._socket.witness is not None:
            self._socket.witness.closed()
        return self._protocol.eof_received()


def _tee(protocol: Any, sock: StampedSocket) -> Any:
    """A protocol that reads into its own buffer stays as it is; then its call is timed by chunks."""
    return protocol if isinstance(protocol, asyncio.BufferedProtocol) else _Tee(protocol, sock)

"""Servers of plain sockets on loopback, a thread for each connection, that know when they read and when they wrote."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
LONGEST_S = 20.0  # that anything here waits

Serve = Callable[[socket.socket], None]


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """The port on which `serve` is given each connection, until all of them have ended."""
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(LONGEST_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threads.append(threading.Thread(target=handle, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server((HOST, 0)) as listening:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(LONGEST_S)
            for thread in threads:
                thread.join(LONGEST_S)


@dataclass
class Exchange:
    """A request and the answer to it. `sent` are the pieces, with the time before each was handed to the kernel;
    `read_ns` is from after the whole request was read."""

    body: bytes
    read_ns: int
    sent: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass
class Http:
    """Answers each request with an event for each of `pauses_s`, which is how long it waits before it; the last one
    repeats the request.

    With `tls`, hands are shaken after `handshake_s`, and `shaken_ns` is when that began. `ends` has how each connection
    ended: `closed`, or `broken` by the other side.
    """

    pauses_s: Sequence[float] = (0.0,)
    tls: ssl.SSLContext | None = None
    handshake_s: float = 0.0
    shaken_ns: list[int] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def __call__(self, connection: socket.socket) -> None:
        if self.tls is None:
            self._serve(connection)
            return
        time.sleep(self.handshake_s)
        self.shaken_ns.append(time.monotonic_ns())
        with self.tls.wrap_socket(connection, server_side=True) as secret:
            self._serve(secret)

    def _serve(self, connection: socket.socket) -> None:
        try:
            while (body := request_body(connection)) is not None:
                exchange = Exchange(body, time.monotonic_ns())
                self.exchanges.append(exchange)
                self.answer(connection, exchange)
        except OSError:
            self.ends.append("broken")
        else:
            self.ends.append("closed")

    def answer(self, connection: socket.socket, exchange: Exchange) -> None:
        kind = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked"
        self.send(connection, exchange, b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % kind)
        for number, pause_s in enumerate(self.pauses_s, 1):
            time.sleep(pause_s)
            last = number == len(self.pauses_s)
            event = b"data: %s\n\n" % (exchange.body if last else b"%d" % number)
            self.send(connection, exchange, b"%x\r\n%s\r\n" % (len(event), event) + (b"0\r\n\r\n" if last else b""))

    @staticmethod
    def send(connection: socket.socket, exchange: Exchange, data: bytes) -> None:
        exchange.sent.append((time.monotonic_ns(), data))
        connection.sendall(data)


class Proxy:
    """A proxy for CONNECT. `asked` is where it was asked to connect to, `opened_ns` when it said that it had."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.opened_ns: list[int] = []

    def __call__(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := connection.recv(65536)):
                return
            head += more
        method, where, _ = head.split(b" ", 2)
        self.asked.append(f"{method.decode()} {where.decode()}")
        if method != b"CONNECT":
            connection.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection((HOST, int(where.rpartition(b":")[2])), LONGEST_S) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.opened_ns.append(time.monotonic_ns())
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(upstream, connection), daemon=True)
            back.start()
            pass_on(connection, upstream)
            back.join(LONGEST_S)


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """All bytes, and then the end."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def request_body(connection: socket.socket) -> bytes | None:
    """The body of the next request, all of it; `None` where there is no next."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields.get(b"content-length", b"0")):
        if not (more := connection.recv(65536)):
            return None
        body += more
    return body

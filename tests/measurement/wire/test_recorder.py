"""What is recorded of a call, through the libraries that calls are made with, beside what the server knows."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import aiohttp
import httpx
import pytest
import trustme

from llmlab.measurement.records import Connection
from llmlab.measurement.wire import Recorder, read_wire, recording
from llmlab.stamps import StampedSocket, StampingLoop
from tests.measurement.wire.loopback import HOST, LONGEST_S, Exchange, Http, Proxy, serving

kernel_dates = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when bytes arrived")

Post = Callable[[str, bytes], Coroutine[Any, Any, bytes]]  # to a URL, a body: the answer
Client = Callable[..., AbstractAsyncContextManager[Post]]


@asynccontextmanager
async def by_aiohttp(trusting: ssl.SSLContext | None = None, proxy: str | None = None) -> AsyncIterator[Post]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting or True)) as session:

        async def post(url: str, body: bytes) -> bytes:
            async with session.post(url, data=io.BytesIO(body), proxy=proxy) as response:
                return await response.read()

        yield post


@asynccontextmanager
async def by_httpx(trusting: ssl.SSLContext | None = None, proxy: str | None = None) -> AsyncIterator[Post]:
    verify = trusting or ssl.create_default_context()
    async with httpx.AsyncClient(verify=verify, proxy=proxy, trust_env=False, timeout=LONGEST_S) as client:

        async def post(url: str, body: bytes) -> bytes:
            return (await client.post(url, content=body)).content

        yield post


each_client = pytest.mark.parametrize("client", [by_aiohttp, by_httpx], ids=["aiohttp", "httpx"])


def on_stamping_loop(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with asyncio.Runner(loop_factory=StampingLoop) as runner:
        return runner.run(main())


async def recorded(post: Post, url: str, body: bytes = b"please") -> Recorder:
    """One call, watched from a task of its own."""

    async def call() -> Recorder:
        with recording() as recorder:
            answer = await post(url, body)
        assert answer.endswith(b"data: %s\n\n" % body)
        return recorder

    return await asyncio.create_task(call())


def bytes_of(recorder: Recorder) -> bytes:
    return b"".join(data for _, data in recorder.pieces)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="module", params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def certified(authority: trustme.CA, request: pytest.FixtureRequest) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = request.param
    authority.issue_cert("localhost", HOST).configure_cert(context)
    return context


# --- In the clear ----------------------------------------------------------------------------------------------------


@kernel_dates
@each_client
def test_times_are_those_of_the_server(client: Client) -> None:
    server = Http(pauses_s=(0.02, 0.02, 0.02))
    with serving(server) as port:

        async def main() -> tuple[int, Recorder, int]:
            async with client() as post:
                called_ns = time.monotonic_ns()
                return called_ns, await recorded(post, f"http://{HOST}:{port}/"), time.monotonic_ns()

        called_ns, recorder, over_ns = on_stamping_loop(main)
    (exchange,) = server.exchanges
    assert recorder.exact
    assert recorder.sent_ns is not None
    assert called_ns < recorder.sent_ns <= exchange.read_ns
    assert bytes_of(recorder) == b"".join(data for _, data in exchange.sent)
    assert [data for _, data in recorder.pieces] == [data for _, data in exchange.sent]
    later = [*(sent_ns for sent_ns, _ in exchange.sent[1:]), over_ns]
    for (sent_ns, _), (arrived_ns, _), next_ns in zip(exchange.sent, recorder.pieces, later, strict=True):
        assert sent_ns - 1_000_000 < arrived_ns < next_ns  # two clocks are read for a stamp


@kernel_dates
@each_client
def test_a_blocked_loop_moves_no_piece_and_is_told_of(client: Client) -> None:
    block_s = 0.2
    asked, answered = threading.Event(), threading.Event()

    class Waiting(Http):
        def answer(self, connection: socket.socket, exchange: Exchange) -> None:
            assert asked.wait(LONGEST_S)  # the loop is blocked
            super().answer(connection, exchange)
            answered.set()

    server = Waiting()

    def block() -> None:
        asked.set()
        assert answered.wait(LONGEST_S)
        time.sleep(block_s)

    with serving(server) as port:

        async def main() -> Recorder:
            async with client() as post:
                calling = asyncio.create_task(recorded(post, f"http://{HOST}:{port}/"))
                while not server.exchanges:
                    await asyncio.sleep(0.001)
                block()
                return await calling

        recorder = on_stamping_loop(main)
    (exchange,) = server.exchanges
    assert recorder.read_lag_ns >= block_s * 1e9
    assert abs(recorder.pieces[-1][0] - exchange.sent[-1][0]) < block_s * 1e9 / 10


@each_client
def test_calls_at_once_are_recorded_apart(client: Client) -> None:
    server = Http(pauses_s=(0.005,) * 5)
    bodies = [b"body %d." % number for number in range(12)]
    with serving(server) as port:

        async def main() -> list[Recorder]:
            async with client() as post:
                return await asyncio.gather(*(recorded(post, f"http://{HOST}:{port}/", body) for body in bodies))

        recorders = on_stamping_loop(main)
    by_body = {exchange.body: exchange for exchange in server.exchanges}
    for body, recorder in zip(bodies, recorders, strict=True):
        assert bytes_of(recorder) == b"".join(data for _, data in by_body[body].sent)
        assert recorder.sent_ns <= by_body[body].read_ns
        assert [at for at, _ in recorder.pieces] == sorted(at for at, _ in recorder.pieces)


@each_client
def test_a_connection_is_new_and_then_reused(client: Client) -> None:
    server = Http()
    with serving(server) as port:

        async def main() -> list[Recorder]:
            async with client() as post:
                return [await recorded(post, f"http://localhost:{port}/", b"%d" % number) for number in range(3)]

        first, *others = on_stamping_loop(main)
    assert first.connection.reused is False
    assert first.connection.dns_ms is not None and first.connection.dns_ms >= 0
    assert first.connection.tcp_ms is not None and first.connection.tcp_ms > 0
    assert first.connection.tls_ms is None
    assert [other.connection for other in others] == [Connection(reused=True)] * 2
    for recorder, exchange in zip([first, *others], server.exchanges, strict=True):
        assert bytes_of(recorder) == b"".join(data for _, data in exchange.sent)  # and nothing of the one before
    assert server.ends == ["closed"]


@each_client
def test_a_long_request_is_sent_when_its_last_piece_is(client: Client) -> None:
    server = Http()
    body = b"long " * 2_000_000  # more than the kernel takes at once
    with serving(server) as port:

        async def main() -> Recorder:
            async with client() as post:
                return await recorded(post, f"http://{HOST}:{port}/", body)

        recorder = on_stamping_loop(main)
    (exchange,) = server.exchanges
    assert exchange.body == body
    assert recorder.sent_ns <= exchange.read_ns
    assert recorder.sent_ns < recorder.pieces[0][0]


@each_client
def test_an_abort_is_seen_by_the_server(client: Client) -> None:
    server = Http(pauses_s=(0.01,) * 1_000)
    with serving(server) as port:

        async def main() -> Recorder:
            async with client() as post:
                with recording() as recorder:
                    calling = asyncio.create_task(post(f"http://{HOST}:{port}/", b"please"))
                while not recorder.pieces:
                    await asyncio.sleep(0.001)
                recorder.abort()
                with pytest.raises((aiohttp.ClientError, httpx.HTTPError)):
                    await calling
                return recorder

        recorder = on_stamping_loop(main)
    assert server.ends == ["broken"]
    assert len(server.exchanges[0].sent) < 1_000
    assert bytes_of(recorder).startswith(b"HTTP/1.1 200 OK")


def test_there_is_nothing_to_abort_before_anything_was_sent() -> None:
    recorder = Recorder()
    recorder.abort()
    assert (recorder.sent_ns, recorder.pieces, recorder.connection) == (None, [], Connection())


@each_client
def test_the_end_of_the_connection_is_recorded(client: Client) -> None:
    class Leaving(Http):
        def answer(self, connection: socket.socket, exchange: Exchange) -> None:
            self.send(connection, exchange, b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: please\n\n")
            connection.shutdown(socket.SHUT_WR)

    server = Leaving()
    with serving(server) as port:

        async def main() -> Recorder:
            async with client() as post:
                return await recorded(post, f"http://{HOST}:{port}/")

        assert on_stamping_loop(main).eof


def test_a_connection_that_fails_has_its_parts_and_no_time_of_sending() -> None:
    with socket.create_server((HOST, 0)) as listening:
        port = listening.getsockname()[1]

    async def main() -> Recorder:
        async with by_httpx() as post:
            with recording() as recorder, suppress(httpx.ConnectError):
                await post(f"http://{HOST}:{port}/", b"please")
            return recorder

    recorder = on_stamping_loop(main)
    assert (recorder.sent_ns, recorder.pieces) == (None, [])
    assert recorder.connection.reused is False
    assert recorder.connection.tcp_ms is not None


# --- Encrypted, and through a proxy ----------------------------------------------------------------------------------


def test_where_asyncio_decrypts_the_answer_is_read_and_the_handshake_is_apart(
    certified: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server = Http(tls=certified, handshake_s=0.03, pauses_s=(0.01, 0.01))
    with serving(server) as port:

        async def main() -> list[Recorder]:
            async with by_aiohttp(trusting) as post:
                return [await recorded(post, f"https://localhost:{port}/") for _ in range(2)]

        first, second = on_stamping_loop(main)
    assert first.connection.reused is False
    assert first.connection.tls_ms is not None and first.connection.tls_ms > 30
    assert second.connection == Connection(reused=True)
    for recorder, exchange in zip((first, second), server.exchanges, strict=True):
        assert bytes_of(recorder) == b"".join(data for _, data in exchange.sent)
        assert recorder.sent_ns <= exchange.read_ns
        for (arrived_ns, _), (sent_ns, _) in zip(recorder.pieces, exchange.sent, strict=True):
            assert sent_ns - 1_000_000 < arrived_ns
    assert server.shaken_ns[0] < first.sent_ns


def test_where_a_library_decrypts_by_itself_the_answer_is_not_read_and_the_request_is_after_the_handshake(
    certified: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server = Http(tls=certified, handshake_s=0.03)
    with serving(server) as port:

        async def main() -> list[Recorder]:
            async with by_httpx(trusting) as post:
                return [await recorded(post, f"https://localhost:{port}/") for _ in range(2)]

        first, second = on_stamping_loop(main)
    assert [read_wire(recorder.pieces, eof=recorder.eof) for recorder in (first, second)] == [None, None]
    assert (first.connection.reused, first.connection.tls_ms) == (False, None)
    assert second.connection == Connection(reused=True)
    assert server.shaken_ns[0] < first.sent_ns <= server.exchanges[0].read_ns
    assert server.exchanges[0].sent[-1][0] < second.sent_ns <= server.exchanges[1].read_ns


@each_client
def test_through_a_proxy_the_request_is_after_the_tunnel(
    client: Client, certified: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    server, proxy = Http(tls=certified, handshake_s=0.03), Proxy()
    with serving(server) as port, serving(proxy) as proxy_port:

        async def main() -> Recorder:
            async with client(trusting, f"http://{HOST}:{proxy_port}") as post:
                return await recorded(post, f"https://localhost:{port}/")

        recorder = on_stamping_loop(main)
    assert proxy.asked == [f"CONNECT localhost:{port}"]
    (exchange,) = server.exchanges
    assert proxy.opened_ns[0] < server.shaken_ns[0] < recorder.sent_ns <= exchange.read_ns
    assert b"Connection established" not in bytes_of(recorder)
    reading = read_wire(recorder.pieces)
    assert (reading is not None) == (client is by_aiohttp)


# --- Told by hand ----------------------------------------------------------------------------------------------------


@pytest.fixture
def sock() -> Iterator[StampedSocket]:
    one, other = socket.socketpair()
    with other, StampedSocket.of(one) as made:
        yield made


HELLO, REQUEST, SECRET = b"\x16\x03\x01...", b"POST / HTTP/1.1\r\n", b"\x17\x03\x03..."
STEPS: dict[str, tuple[list[tuple[str, Any]], int | None, list[bytes]]] = {
    "the last piece of the request": ([("send", REQUEST), ("send", b"{}"), ("hear", b"HTTP/1.1")], 2, [b"HTTP/1.1"]),
    "not what follows an early answer": ([("send", REQUEST), ("hear", b"HTTP/1.1"), ("send", b"{}")], 1, [b"HTTP/1.1"]),
    "not what is sent while it connects": ([("begin", "tls"), ("send", HELLO)], None, []),
    "not what was sent before it had": (
        [("begin", "tls"), ("send", HELLO), ("hear", HELLO), ("end", "tls"), ("send", REQUEST)], 5, [],
    ),
    "not what a proxy was asked": (
        [("begin", "tcp"), ("end", "tcp"), ("send", b"CONNECT a:443"), ("hear", b"HTTP/1.1 200"), ("begin", "tls"),
         ("end", "tls"), ("send", REQUEST), ("hear", b"HTTP/1.1 201")], 7, [b"HTTP/1.1 201"],
    ),
    "not a handshake that is nobody's business": (
        [("send", HELLO), ("hear", HELLO), ("send", b"\x14\x03\x03"), ("send", SECRET), ("hear", SECRET)], 4, [SECRET],
    ),
    "not an older handshake": (
        [("send", HELLO), ("hear", HELLO), ("send", HELLO), ("hear", b"\x14\x03\x03"), ("send", SECRET)], 5, [],
    ),
    "not a handshake in a proxy's tunnel": (
        [("send", b"CONNECT a:443"), ("hear", b"HTTP/1.1 200"), ("send", HELLO), ("hear", HELLO), ("send", SECRET)],
        5, [],
    ),
    "not the goodbye": ([("send", SECRET), ("hear", SECRET), ("send", SECRET)], 1, [SECRET]),
}  # fmt: skip


@pytest.mark.parametrize("what", STEPS)
def test_when_the_request_was_sent_is_the_time_of(what: str, sock: StampedSocket) -> None:
    steps, sent, heard = STEPS[what]
    recorder = Recorder()
    for number, (step, told) in enumerate(steps, 1):
        match step:
            case "send":
                recorder.sending(sock, memoryview(told), number)
            case "hear":
                recorder.arrived(sock, told)
            case "begin":
                recorder.begins(told)
            case _:
                recorder.took(told, 1)
    assert recorder.sent_ns == sent
    assert [data for _, data in recorder.pieces] == heard


def test_the_parts_of_several_attempts_to_connect_add_up() -> None:
    recorder = Recorder()
    for part, ns in (("dns", 2_000_000), ("tcp", 3_000_000), ("tcp", 4_000_000), ("tls", 5_000_000)):
        recorder.begins(part)  # type: ignore[arg-type]
        recorder.took(part, ns)  # type: ignore[arg-type]
    assert recorder.connection == Connection(reused=False, dns_ms=2, tcp_ms=7, tls_ms=5)


def test_recordings_end_with_their_context() -> None:
    with recording() as first, recording() as second:
        assert first is not second
    server = Http()
    with serving(server) as port:

        async def main() -> None:
            async with by_httpx() as post:
                await post(f"http://{HOST}:{port}/", b"please")

        on_stamping_loop(main)
    assert (first.sent_ns, second.sent_ns) == (None, None)


def test_arrivals_do_not_run_backwards(sock: StampedSocket) -> None:
    recorder = Recorder()
    for at_ns in (10, 20, 20, 30):
        sock.arrived_ns = at_ns
        recorder.arrived(sock, b"x")
    assert all(one <= other for (one, _), (other, _) in pairwise(recorder.pieces))

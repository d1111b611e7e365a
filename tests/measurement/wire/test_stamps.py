"""The loop's times beside those of a server that knows its own, both on the machine's monotonic clock."""

from __future__ import annotations

import asyncio
import queue
import socket
import struct
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from llmlab.stamps import OLDEST_STAMP_NS, SO_TIMESTAMPNS, StampedSocket, StampingLoop, arrival_ns, witness
from tests.measurement.wire.loopback import HOST, LONGEST_S, serving

kernel_dates = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when bytes arrived")
BLOCK_S = 0.2
TENTH_NS = round(BLOCK_S * 1e9) // 10


class Sender:
    """A server that sends a piece when it is told to, and knows when it did. A piece is its number."""

    def __init__(self) -> None:
        self.sent_ns: list[int] = []
        self.port = 0
        self._orders: queue.Queue[bool] = queue.Queue()
        self._sent = threading.Semaphore(0)

    def __call__(self, connection: socket.socket) -> None:
        while self._orders.get(timeout=LONGEST_S):
            self.sent_ns.append(time.monotonic_ns())
            connection.sendall(b"%d" % len(self.sent_ns))
            self._sent.release()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # what is left unread would make a reset of the end
            pass

    def send(self) -> None:
        """Have it send a piece, and block until it has."""
        self._orders.put(True)
        assert self._sent.acquire(timeout=LONGEST_S)

    def end(self) -> None:
        """Have it close the connection."""
        self._orders.put(False)


@contextmanager
def sender() -> Iterator[Sender]:
    sending = Sender()
    with serving(sending) as port:
        sending.port = port
        yield sending
        sending.end()


class Kept(asyncio.Protocol):
    """Keeps the pieces: when the socket says that each arrived, when it was handed on, and what it was."""

    def __init__(self) -> None:
        self.pieces: list[tuple[int, int, bytes]] = []
        self.transport: asyncio.BaseTransport | None = None
        self.lost = asyncio.Event()

    @property
    def texts(self) -> list[bytes]:
        return [data for _, _, data in self.pieces]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pieces.append((arrival_ns(self.transport), time.monotonic_ns(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


def on(loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main())


@asynccontextmanager
async def connected(sending: Sender, protocol: Callable[[], Any] = Kept) -> AsyncIterator[Any]:
    transport, made = await asyncio.get_running_loop().create_connection(protocol, HOST, sending.port)
    yield made
    transport.abort()
    await asyncio.sleep(0)  # it closes its socket in the next step


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONGEST_S):
        while not condition():
            await asyncio.sleep(0.001)


# --- Arrival ---------------------------------------------------------------------------------------------------------


@kernel_dates
def test_a_loop_that_is_blocked_does_not_move_the_stamp() -> None:
    with sender() as sending:

        def block() -> None:
            sending.send()
            time.sleep(BLOCK_S)

        async def main() -> Any:
            async with connected(sending) as kept:
                asyncio.get_running_loop().call_soon(block)
                await until(lambda: bool(kept.pieces))
                return kept

        ((arrived_ns, read_ns, _),) = on(StampingLoop, main).pieces
    assert read_ns - sending.sent_ns[0] > 10 * TENTH_NS  # that is how late it was
    assert abs(arrived_ns - sending.sent_ns[0]) < TENTH_NS


@kernel_dates
def test_what_arrives_while_many_steps_are_waiting_is_read_between_them() -> None:
    def pieces_on(loop: Callable[[], asyncio.AbstractEventLoop]) -> tuple[Sender, Kept]:
        with sender() as sending:

            def step() -> None:
                sending.send()
                time.sleep(0.005)

            async def main() -> Any:
                async with connected(sending) as kept:
                    for _ in range(5):
                        asyncio.get_running_loop().call_soon(step)
                    await until(lambda: b"5" in b"".join(kept.texts))
                    return kept

            return sending, on(loop, main)

    _, together = pieces_on(asyncio.SelectorEventLoop)
    assert together.texts == [b"12345"]  # what asyncio does: only the last has a time
    sending, apart = pieces_on(StampingLoop)
    assert apart.texts == [b"1", b"2", b"3", b"4", b"5"]
    for number, (arrived_ns, _, _) in enumerate(apart.pieces[:-1]):
        assert arrived_ns < sending.sent_ns[number + 1]  # each before the next was sent


def test_an_accepted_connection_is_stamped_too() -> None:
    async def main() -> tuple[int, int, int]:
        kept = Kept()
        server = await asyncio.get_running_loop().create_server(lambda: kept, HOST, 0)
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            before_ns = time.monotonic_ns()
            client.sendall(b"a")
            await until(lambda: bool(kept.pieces))
        server.close()
        arrived_ns, read_ns, _ = kept.pieces[0]
        await until(kept.lost.is_set)
        return before_ns - TENTH_NS, arrived_ns, read_ns

    times = on(StampingLoop, main)
    assert list(times) == sorted(times)


def test_without_a_stamped_socket_bytes_arrive_when_one_asks() -> None:
    before_ns = time.monotonic_ns()
    assert before_ns <= arrival_ns(None) <= time.monotonic_ns()


@pytest.fixture
def stamped() -> Iterator[StampedSocket]:
    one, other = socket.socketpair()
    with other, StampedSocket.of(one) as made:
        yield made


def control(ago_ns: int) -> list[tuple[int, int, bytes]]:
    """What the kernel says of bytes that it received so long ago."""
    seconds, nanoseconds = divmod(time.time_ns() - ago_ns, 10**9)
    return [(socket.SOL_SOCKET, SO_TIMESTAMPNS, struct.pack("@ll", seconds, nanoseconds))]


def test_a_stamp_is_taken_off_the_time_of_reading(stamped: StampedSocket) -> None:
    stamped._note_arrival(control(3 * 10**9))
    assert stamped.exact
    assert 3 * 10**9 <= stamped.lag_ns < 4 * 10**9
    assert stamped.arrived_ns == pytest.approx(time.monotonic_ns() - 3 * 10**9, abs=10**9)


@pytest.mark.parametrize("ago_ns", [-60 * 10**9, 2 * OLDEST_STAMP_NS], ids=["to come", "long ago"])
def test_a_stamp_from_before_the_clock_was_set_is_none(stamped: StampedSocket, ago_ns: int) -> None:
    before_ns = time.monotonic_ns()
    stamped._note_arrival(control(ago_ns))
    assert (stamped.exact, stamped.lag_ns) == (False, 0)
    assert before_ns <= stamped.arrived_ns <= time.monotonic_ns()


def test_bytes_without_a_stamp_arrive_when_they_are_read(stamped: StampedSocket) -> None:
    before_ns = time.monotonic_ns()
    stamped._note_arrival([])
    assert (stamped.exact, stamped.lag_ns) == (False, 0)
    assert before_ns <= stamped.arrived_ns <= time.monotonic_ns()


# --- Reading between steps -------------------------------------------------------------------------------------------


def test_a_connection_that_another_ones_bytes_close_is_not_read_any_more() -> None:
    """Both have bytes when the loop looks; whichever is read first closes the other."""
    complaints: list[dict[str, Any]] = []
    with sender() as first, sender() as second:

        class Jealous(Kept):
            other: Kept

            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                assert isinstance(self.other.transport, asyncio.Transport)
                self.other.transport.abort()

        def step() -> None:
            first.send()
            second.send()
            time.sleep(0.002)

        async def main() -> list[list[bytes]]:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            async with connected(first, Jealous) as one, connected(second, Jealous) as two:
                one.other, two.other = two, one
                loop.call_soon(step)
                loop.call_soon(lambda: None)  # before this one the loop looks
                await until(lambda: one.lost.is_set() or two.lost.is_set())
                return sorted([one.texts, two.texts])

        assert on(StampingLoop, main) == [[], [b"1"]]
    assert complaints == []


def test_a_call_from_another_thread_wakes_it() -> None:
    async def main() -> bool:
        called = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Timer(0.01, loop.call_soon_threadsafe, [called.set]).start()
        return await asyncio.wait_for(called.wait(), LONGEST_S)

    assert on(StampingLoop, main)


def test_other_kinds_of_reading_go_on_as_they_do_elsewhere() -> None:
    """Pipes, raw sockets and listening ones are read between steps too."""

    async def main() -> list[bytes]:
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            reading = asyncio.create_task(loop.sock_recv(one, 10))
            await asyncio.sleep(0)
            for step in (lambda: other.send(b"raw"), lambda: time.sleep(0.002), lambda: None):
                loop.call_soon(step)
            raw = await reading
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('piped')", stdout=asyncio.subprocess.PIPE
        )
        piped, _ = await process.communicate()
        return [raw, piped.strip()]

    assert on(StampingLoop, main) == [b"raw", b"piped"]


# --- Witnesses -------------------------------------------------------------------------------------------------------


class Told:
    """A witness that keeps what it is told."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.sent: list[tuple[int, bytes]] = []
        self.heard: list[bytes] = []
        self.has_closed = False

    def begins(self, part: str) -> None:
        self.parts.append(f"{part} begins")

    def took(self, part: str, ns: int) -> None:
        assert ns >= 0
        self.parts.append(part)

    def sending(self, sock: StampedSocket, data: Any, ns: int) -> None:
        self.sent.append((ns, bytes(data)))

    def arrived(self, sock: StampedSocket, data: bytes) -> None:
        self.heard.append(data)

    def closed(self) -> None:
        self.has_closed = True


def test_a_witness_is_told_of_everything_its_own_tasks_do() -> None:
    told = Told()
    times: list[int] = []
    with sender() as sending:

        async def call() -> None:
            transport, kept = await asyncio.get_running_loop().create_connection(Kept, HOST, sending.port)
            times.append(time.monotonic_ns())
            transport.write(b"please")
            transport.writelines([b"do", b"it"])
            times.append(time.monotonic_ns())
            sending.send()
            await until(lambda: bool(kept.pieces))
            sending.end()
            await kept.lost.wait()

        async def main() -> None:
            token = witness.set(told)
            calling = asyncio.create_task(call())
            witness.reset(token)
            await calling

        on(StampingLoop, main)
    assert told.parts == ["tcp begins", "tcp"]
    assert b"".join(data for _, data in told.sent) in (b"pleasedoit", b"pleasedo")  # of several at once, the first
    assert (told.heard, told.has_closed) == ([b"1"], True)
    assert times[0] <= told.sent[0][0] <= told.sent[-1][0] <= times[1]


def test_nobody_is_told_where_nobody_watches() -> None:
    with sender() as sending:

        async def main() -> Any:
            async with connected(sending) as kept:
                sending.send()
                await until(lambda: bool(kept.pieces))
                return kept

        assert on(StampingLoop, main).texts == [b"1"]


def test_a_connection_that_fails_is_told_of_too() -> None:
    with socket.create_server((HOST, 0)) as listening:
        port = listening.getsockname()[1]
    told = Told()

    async def main() -> None:
        witness.set(told)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().create_connection(Kept, HOST, port)

    on(StampingLoop, main)
    assert (told.parts, told.sent) == (["tcp begins", "tcp"], [])


class Buffered(asyncio.BufferedProtocol):
    """Reads into a buffer of its own."""

    def __init__(self) -> None:
        self.buffer = bytearray(100)
        self.read = 0
        self.arrived_ns = 0
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.buffer)[self.read :]

    def buffer_updated(self, nbytes: int) -> None:
        self.read += nbytes
        self.arrived_ns = arrival_ns(self.transport)


def test_a_protocol_that_reads_into_its_own_buffer_is_left_alone() -> None:
    told = Told()
    with sender() as sending:

        async def main() -> Any:
            witness.set(told)
            async with connected(sending, Buffered) as buffered:
                assert buffered.transport.get_protocol() is buffered
                sending.send()
                await until(lambda: buffered.read > 0)
                return buffered

        buffered = on(StampingLoop, main)
    assert bytes(buffered.buffer[: buffered.read]) == b"1"
    assert told.heard == []
    assert sending.sent_ns[0] - TENTH_NS < buffered.arrived_ns <= time.monotonic_ns()

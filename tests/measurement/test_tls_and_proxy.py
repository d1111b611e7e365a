"""A company's own certificates and proxy: a real worker, a real TLS front before the simulator, a real CONNECT proxy.

The front has a certificate of an authority that nobody knows but whoever is told. `localhost` is excepted from the
proxy; `model.test` exists only there.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import get_args

import pytest
import trustme

from llmlab.measurement import Run, StreamRecord, prepare
from llmlab.measurement.records import Connection, Path, Status
from llmlab.measurement.workers import network_of, worker_environment
from llmlab.simulator import (
    AnswerShape,
    Cut,
    Fault,
    InBandError,
    LatencyProfile,
    LoggedRequest,
    Malformed,
    MissingFinish,
    Refusal,
    SimulatedEndpoint,
    Simulator,
)
from tests.measurement.conftest import LONGEST_RUN_S
from tests.measurement.wire.loopback import HOST, LONGEST_S, Proxy, pass_on, serving

DIRECT, PROXIED = "localhost", "model.test"
PATHS: list[Path] = [path for path in get_args(Path) if path != "anthropic"]  # it asks Anthropic's endpoints only
TOKENS = 5
ENDPOINT = SimulatedEndpoint(
    name="m", profile=LatencyProfile(ttft_s=0.03, itl_s=0.005), answer=AnswerShape(output_tokens=TOKENS)
)


@dataclass
class Net:
    """A network with a simulator behind TLS, and its proxy. `certificates` is the file with its authority."""

    simulator: Simulator
    port: int
    proxy: Proxy
    proxy_port: int
    certificates: FilePath
    calls: dict[tuple[str, Path], list[tuple[StreamRecord, LoggedRequest]]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a company sets on its machines."""
        proxy = f"http://{HOST}:{self.proxy_port}"
        return {
            **bare_environment(),
            "SSL_CERT_FILE": str(self.certificates),
            "HTTPS_PROXY": proxy,
            "HTTP_PROXY": proxy,
            "NO_PROXY": DIRECT,
        }

    def ask(self, host: str, path: Path, environment: dict[str, str]) -> list[StreamRecord]:
        """Two calls, one after the other."""
        url = f"https://{host}:{self.port}/v1"
        plan = prepare(["m"], "one two three", api_base=url, path=path, runs=2, journal=None)
        return Run(plan, lambda _: None, environment).result(LONGEST_RUN_S)


def bare_environment() -> dict[str, str]:
    """The process's, without what says how the network is reached."""
    said = network_of(os.environ)
    return {name: value for name, value in os.environ.items() if name not in said}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, worker: None) -> Iterator[Net]:
    authority = trustme.CA()
    file = tmp_path_factory.mktemp("certificates") / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(DIRECT, PROXIED).configure_cert(tls)
    proxy = Proxy()
    with Simulator([ENDPOINT]) as simulator:

        def front(connection: socket.socket) -> None:
            with (
                tls.wrap_socket(connection, server_side=True) as secret,
                socket.create_connection((HOST, simulator.port)) as inside,
            ):
                inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=pass_on, args=(inside, secret), daemon=True)
                back.start()
                pass_on(secret, inside)
                back.join(LONGEST_S)

        with serving(front) as port, serving(proxy) as proxy_port:
            yield Net(simulator, port, proxy, proxy_port, file)


@pytest.fixture(scope="module")
def asked(net: Net) -> Net:
    """All paths have called both hosts, and the simulator's log is beside each record."""
    for path in PATHS:
        for host in (DIRECT, PROXIED):
            before = len(net.simulator.log())
            records = net.ask(host, path, net.environment)
            net.calls[host, path] = list(zip(records, net.simulator.log(after=before), strict=True))
    return net


each_host = pytest.mark.parametrize("host", [DIRECT, PROXIED])
each_path = pytest.mark.parametrize("path", PATHS)


@each_path
@each_host
def test_with_the_companys_authority_a_call_is_ok(asked: Net, host: str, path: Path) -> None:
    for record, logged in asked.calls[host, path]:
        assert (record.status, record.finish, record.usage_source) == ("ok", "stop", "provider"), record.error
        assert record.usage is not None and record.usage.output == TOKENS == len(record.chunks)
        assert record.sent_ns is not None and record.called_ns is not None and logged.read_ns is not None
        assert record.called_ns < record.sent_ns <= logged.read_ns


@each_host
def test_through_litellm_bytes_are_seen_under_the_encryption(asked: Net, host: str) -> None:
    first, second = (record for record, _ in asked.calls[host, "litellm"])
    assert (first.connection.reused, second.connection) == (False, Connection(reused=True))
    assert first.connection.tls_ms is not None and first.connection.tls_ms > 0
    assert (first.connection.dns_ms is None) == (host == PROXIED)  # the proxy asks for the name
    for record, logged in asked.calls[host, "litellm"]:
        assert record.clock == "socket"
        assert record.request_id == str(logged.number)
        sent = [chunk.sent_ns for chunk in logged.chunks if chunk.tokens]
        for chunk, sent_ns in zip(record.chunks, sent, strict=True):
            assert sent_ns - 1_000_000 < chunk.at_ns  # two clocks are read for a stamp


@pytest.mark.parametrize("path", ["openai", "httpx"])
@each_host
def test_what_httpx_encrypts_by_itself_is_timed_by_chunks(asked: Net, host: str, path: Path) -> None:
    for record, logged in asked.calls[host, path]:
        assert record.clock == "chunk"
        assert (record.library_before_ms, record.library_after_ms, record.connection.tls_ms) == (None, None, None)
        assert record.chunks[0].at_ns == record.felt_first_ns
        assert min(chunk.sent_ns for chunk in logged.chunks if chunk.tokens) < record.chunks[0].at_ns


def test_the_openai_sdk_connects_anew_for_each_call_and_httpx_does_not(asked: Net) -> None:
    reused = {path: [record.connection.reused for record, _ in asked.calls[DIRECT, path]] for path in PATHS}
    assert reused == {"litellm": [False, True], "openai": [False, False], "httpx": [False, True]}


def test_the_proxy_is_asked_for_tunnels_to_one_host_and_for_nothing_else(asked: Net) -> None:
    assert set(asked.proxy.asked) == {f"CONNECT {PROXIED}:{asked.port}"}
    assert len(asked.proxy.asked) == 1 + 2 + 1  # a connection for LiteLLM, one for each call of the SDK, one for httpx


def test_the_clock_starts_when_the_tunnel_is_open(asked: Net) -> None:
    first_calls = [asked.calls[PROXIED, path] for path in PATHS]
    sent = [record.sent_ns for calls in first_calls for record, _ in calls if not record.connection.reused]
    assert len(sent) == len(asked.proxy.opened_ns)
    for opened_ns, sent_ns in zip(asked.proxy.opened_ns, sent, strict=True):
        assert sent_ns is not None and opened_ns < sent_ns


def test_simulated_endpoints_are_never_asked_through_a_proxy(asked: Net) -> None:
    before = list(asked.proxy.asked)
    plan = prepare(["simulated/claude-haiku"], "one two three", journal=None)
    (record,) = Run(plan, lambda _: None, asked.environment).result(LONGEST_RUN_S)
    assert (record.status, record.clock) == ("ok", "socket")
    assert asked.proxy.asked == before


FAULTS: list[tuple[Fault, Status]] = [
    (InBandError(after_tokens=2), "error"),
    (Malformed(token=3), "error"),
    (Cut(token=3), "error"),
    (Cut(token=3, clean=True), "truncated"),
    (MissingFinish(), "truncated"),
    (Refusal(), "refused"),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=lambda value: getattr(value, "kind", None))
@pytest.mark.parametrize("path", ["openai", "httpx"])
def test_where_only_the_librarys_word_is_known_a_failure_is_no_success_either(
    asked: Net, path: Path, fault: Fault, status: Status
) -> None:
    asked.simulator.script("m", [fault, fault])
    for record in asked.ask(DIRECT, path, asked.environment):
        assert (record.clock, record.status) == ("chunk", status), record.error


@each_path
def test_without_the_authority_the_record_names_the_certificate(net: Net, path: Path) -> None:
    for record in net.ask(DIRECT, path, bare_environment()):
        assert record.status == "error" and record.error is not None
        assert record.error.kind == "connection"
        assert "certificate" in record.error.message.lower()
        assert (record.chunks, record.felt_first_ns, record.usage, record.connection.reused) == ((), None, None, False)


@pytest.mark.parametrize(
    ("said", "direct"),
    [
        ({}, "127.0.0.1"),
        ({"NO_PROXY": "a.test"}, "a.test,127.0.0.1"),
        ({"no_proxy": "b.test", "NO_PROXY": "a.test"}, "b.test,127.0.0.1"),  # as Python's own library reads them
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_a_worker_reaches_the_simulator_directly(said: dict[str, str], direct: str) -> None:
    given = worker_environment(said)
    assert (given["NO_PROXY"], given["no_proxy"]) == (direct, direct)

"""The process: alone on loopback, gone with its parent, quiet about secrets, the same for the same seed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from llmlab.errors import LlmlabError
from llmlab.simulator import AnswerShape, LatencyProfile, LoggedRequest, SimulatedEndpoint, Simulator
from llmlab.simulator.process import DIALECTS

PROJECT = Path(__file__).parents[2]
UNSTEADY = LatencyProfile(ttft_s=0.02, ttft_jitter=0.4, itl_s=0.002, itl_jitter=0.5, chunk_tokens=(1, 3))
ENDPOINT = SimulatedEndpoint(name="m", answer=AnswerShape(output_tokens=12, reasoning_tokens=4), profile=UNSTEADY)
ASK: dict[str, Any] = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a b"}]}
SECRET = "sk-nobody-may-see-this"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator([ENDPOINT]) as simulator:
        yield simulator


def ask(simulator: Simulator, **how: Any) -> httpx.Response:
    with httpx.Client(base_url=simulator.url, trust_env=False) as client:
        return client.post("/v1/chat/completions", json=ASK, **how)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    return False


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


# --- Where it listens, when it ends


def test_it_is_a_process_of_its_own(simulator: Simulator) -> None:
    assert simulator.pid != os.getpid()
    assert simulator.url == f"http://127.0.0.1:{simulator.port}"


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127/8 is this machine on Linux only")
def test_it_listens_on_no_other_address(simulator: Simulator) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", simulator.port), timeout=2)


def test_closing_ends_the_process_and_a_stream_under_way() -> None:
    slow = SimulatedEndpoint(name="m", profile=LatencyProfile(ttft_s=0.01, itl_s=30))
    simulator = Simulator([slow])
    with (
        httpx.Client(base_url=simulator.url, trust_env=False) as client,
        pytest.raises(httpx.HTTPError),
        client.stream("POST", "/v1/chat/completions", json=ASK) as response,
    ):
        for _ in response.iter_raw():
            simulator.close()
    assert not alive(simulator.pid)
    simulator.close()  # a second time does nothing
    with pytest.raises(LlmlabError, match="does not answer"):
        simulator.log()


PARENT = """
import os, subprocess, sys
from llmlab.simulator import SimulatedEndpoint, Simulator
simulator = Simulator([SimulatedEndpoint(name="m")])
if sys.argv[1] == "with a sibling":  # that holds the pipe open, as a forked worker would
    pipe = simulator._process.stdin.fileno()
    sibling = subprocess.Popen(["sleep", "20"], pass_fds=(pipe,), stdout=subprocess.DEVNULL).pid
else:
    sibling = 0
print(simulator.pid, sibling, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("how", ["alone", "with a sibling"])
def test_it_ends_when_its_parent_is_killed(how: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    ) as parent:
        assert parent.stdout is not None
        pid, sibling = map(int, parent.stdout.readline().split())
        try:
            assert alive(pid)
            parent.kill()
            assert gone_within(pid, 10)
        finally:
            if sibling:
                os.kill(sibling, signal.SIGTERM)


def test_interrupting_a_cell_is_not_meant_for_it(simulator: Simulator) -> None:
    os.kill(simulator.pid, signal.SIGINT)
    assert ask(simulator).status_code == 200


def test_a_port_can_be_chosen_and_one_that_is_taken_is_an_error(simulator: Simulator) -> None:
    with pytest.raises(LlmlabError, match=f"did not start: port {simulator.port} of 127.0.0.1"):
        Simulator([ENDPOINT], port=simulator.port)


def test_two_endpoints_of_one_name_are_refused() -> None:
    with pytest.raises(LlmlabError, match="two simulated endpoints have one name"):
        Simulator([ENDPOINT, ENDPOINT])


def test_who_starts_one_loads_no_server() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import llmlab.simulator, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert {"aiohttp", "pydantic"}.intersection(run.stdout.split()) == set()


# --- What it keeps


def test_times_of_sending_rise_and_are_never_before_their_schedule(simulator: Simulator) -> None:
    before = time.monotonic_ns()
    ask(simulator)
    after = time.monotonic_ns()
    request = simulator.log()[-1]
    assert request.read_ns is not None and request.ended_ns is not None
    for asked_ns in (request.received_ns, request.read_ns):  # a body may arrive before its head is looked at, or after
        times = [before, asked_ns, *(chunk.sent_ns for chunk in request.chunks), request.ended_ns]
        assert times == sorted(times)  # the parent's clock and the child's are one
    assert request.chunks[-1].sent_ns < after
    assert [chunk for chunk in request.chunks if chunk.sent_ns < chunk.due_ns] == []
    assert sum(chunk.tokens for chunk in request.chunks) == 16
    assert request.first_ns() == request.first_ns("reasoning")
    first_answer = request.first_ns("answer")
    assert first_answer is not None and first_answer > (request.first_ns() or 0)


def test_the_log_says_who_was_asked_what_and_how_it_ended(simulator: Simulator) -> None:
    response = ask(simulator)
    request = simulator.log()[-1]
    assert (request.endpoint, request.dialect, request.status, request.ended) == ("m", "openai", 200, "done")
    assert request.body == ASK
    assert response.headers["x-simulated-request"] == str(request.number)
    assert simulator.log(after=request.number) == ()


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "api-key", "x-goog-api-key", "X-Amz-Security-Token"])
def test_no_secret_is_kept(simulator: Simulator, name: str) -> None:
    ask(simulator, headers={name: SECRET}, params={"key": SECRET})
    request = simulator.log()[-1]
    assert request.headers[name.lower()] == "(hidden)"
    assert SECRET not in str(request)


def test_no_key_of_the_environment_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with Simulator([ENDPOINT]) as simulator:
        environment = Path(f"/proc/{simulator.pid}/environ")
        if not environment.exists():
            pytest.skip("no /proc")
        assert SECRET.encode() not in environment.read_bytes()


def test_a_client_that_leaves_is_noticed_at_once() -> None:
    slow = SimulatedEndpoint(name="m", profile=LatencyProfile(ttft_s=0.01, itl_s=30))
    with Simulator([slow]) as simulator, httpx.Client(base_url=simulator.url, trust_env=False) as client:
        with client.stream("POST", "/v1/chat/completions", json=ASK) as response:
            next(response.iter_raw())
        deadline = time.monotonic() + 5
        while simulator.log()[-1].ended is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert simulator.log()[-1].ended == "client left"


def test_a_page_that_resolved_its_name_to_this_machine_reads_nothing(simulator: Simulator) -> None:
    with httpx.Client(base_url=simulator.url, trust_env=False) as client:
        assert client.get("/_log", headers={"Host": "evil.example"}).status_code == 403
        assert client.get("/_log", params={"after": 10**6}).json() == []


# --- By seed


def planned(request: LoggedRequest) -> list[tuple[int, int]]:
    assert request.read_ns is not None
    return [(chunk.due_ns - request.read_ns, chunk.tokens) for chunk in request.chunks]


def run(seed: int) -> tuple[list[list[tuple[int, int]]], list[str]]:
    """The schedules and the words of three answers."""
    with Simulator([ENDPOINT], seed=seed) as simulator:
        texts = [said(ask(simulator).text) for _ in range(3)]
        return [planned(request) for request in simulator.log()], texts


def said(stream: str) -> str:
    events = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: {")]
    return "".join(str(json.loads(event)["choices"][0]["delta"].get("content") or "") for event in events)


def test_the_same_seed_gives_the_same_times_and_words() -> None:
    first, second, other = run(1), run(1), run(2)
    assert first == second
    assert first[0] != other[0] and first[1] != other[1]


def test_a_request_that_cannot_be_read_is_a_400_in_every_dialect(simulator: Simulator) -> None:
    paths = [
        "/v1/chat/completions",
        "/openai/deployments/m/chat/completions",
        "/v1/messages",
        "/v1beta/models/m:generateContent",
        "/model/m/converse",
    ]
    assert len(paths) == len(DIALECTS)
    with httpx.Client(base_url=simulator.url, trust_env=False) as client:
        for path in paths:
            for content in [b"{", b"[]", b"{}", b'{"messages": 5, "contents": 5}', b'{"messages": [5], "tools": 7}']:
                assert client.post(path, content=content).status_code == 400, (path, content)

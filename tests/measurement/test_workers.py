"""The life of the processes that measure: they end with their parent, are replaced when they die, find keys that were
set meanwhile, and never let one out."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmlab.errors import LlmlabError
from llmlab.measurement import MeasurementEvent, Preparing, Progress, Recorded, Run
from llmlab.measurement.instrument import instrument
from llmlab.measurement.journal import read_journal
from llmlab.measurement.orders import Lane
from llmlab.measurement.workers import Worker, network_of
from llmlab.simulator import AnswerShape, LatencyProfile, SimulatedEndpoint
from tests.measurement.conftest import LONGEST_RUN_S, Rig, rig_of

PROJECT = Path(__file__).parents[2]
KEYS = ("LLMLAB_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
RIGHT, WRONG = "sk-the-one-that-is-accepted", "sk-another-that-is-not"


PARENT = """
import asyncio, json, sys
from llmlab.measurement import Recorded, measure_live
from llmlab.measurement.background import background
from llmlab.measurement.instrument import instrument

async def main():
    said = False
    async for event in measure_live(["simulated/groq-llama-8b", "simulated/claude-haiku"], runs=500):
        if isinstance(event, Recorded) and not said:
            said = True
            simulator = background().wait(instrument().simulator())
            print(json.dumps([simulator.pid, *(worker.pid for worker in instrument()._workers)]), flush=True)

asyncio.run(main())
"""


@pytest.fixture(scope="module", autouse=True)
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another program that measures, and where it keeps its runs. It gets ready while other tests run."""
    folder = tmp_path_factory.mktemp("parent") / "kept"
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "LLMLAB_RUNS": str(folder)},
    ) as parent:
        yield parent, folder
        parent.kill()


@pytest.fixture(scope="module")
def rig(worker: None) -> Iterator[Rig]:
    quick = SimulatedEndpoint(name="quick", profile=LatencyProfile(ttft_s=0.01), answer=AnswerShape(output_tokens=4))
    long = SimulatedEndpoint(
        name="long", profile=LatencyProfile(ttft_s=0.05, itl_s=0.05), answer=AnswerShape(output_tokens=200)
    )
    with rig_of(quick, long) as rig:
        yield rig


def pids() -> list[int]:
    return [worker.pid for worker in instrument()._workers if worker.pid is not None]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    return False


# --- Replaced when they die


def test_a_worker_that_dies_fails_its_run_and_the_next_one_starts_another(rig: Rig) -> None:
    rig.run(rig.plan([rig.lane("quick")]))
    (first,) = pids()

    def kill(event: MeasurementEvent) -> None:
        if isinstance(event, Progress) and event.chunks:
            with contextlib.suppress(ProcessLookupError):  # once is enough
                os.kill(first, signal.SIGKILL)

    before = len(rig.requests("long"))
    with pytest.raises(LlmlabError, match=r"a measuring process has ended \(exit status -9\)"):
        rig.run(rig.plan([rig.lane("long")]), kill)

    # What is cancelled while a new one is made ready makes no call.
    heard: list[MeasurementEvent] = []
    waiting = threading.Event()

    def prepared(event: MeasurementEvent) -> None:
        heard.append(event)
        waiting.set()

    run = Run(rig.plan([rig.lane("long")]), prepared)
    assert waiting.wait(LONGEST_RUN_S)
    run.cancel()
    assert run.result(LONGEST_RUN_S) == []
    assert {type(event) for event in heard} == {Preparing}
    assert len(rig.requests("long")) == before + 1

    # And the next run finds it ready.
    heard.clear()
    (record,) = rig.run(rig.plan([rig.lane("quick")]), heard.append)
    assert record.status == "ok"
    assert not any(isinstance(event, Preparing) for event in heard)
    (second,) = pids()
    assert second != first and not alive(first)


def test_interrupting_a_cell_is_not_meant_for_a_worker(rig: Rig) -> None:
    rig.run(rig.plan([rig.lane("quick")]))
    for pid in pids():
        os.kill(pid, signal.SIGINT)
    assert [record.status for record in rig.run(rig.plan([rig.lane("quick")]))] == ["ok"]


def test_a_run_waits_for_the_one_before(rig: Rig) -> None:
    order: list[str] = []
    begun, waits = threading.Event(), threading.Event()

    def listen(event: MeasurementEvent) -> None:
        if isinstance(event, Recorded):
            order.append(event.record.endpoint)
        if isinstance(event, Progress):
            begun.set()
        if event == Preparing("another run is under way: this one waits for it"):
            waits.set()

    first = Run(rig.plan([rig.lane("long")]), listen)
    assert begun.wait(LONGEST_RUN_S)
    second = Run(rig.plan([rig.lane("quick")]), listen)
    assert waits.wait(LONGEST_RUN_S)
    first.cancel()
    assert [record.status for run in (first, second) for record in run.result(LONGEST_RUN_S)] == ["cancelled", "ok"]
    assert order == ["long", "quick"]


def test_a_worker_fits_a_run_that_reaches_the_network_as_it_does() -> None:
    assert network_of({"HTTPS_PROXY": "p", "SSL_CERT_FILE": "c", "OPENAI_API_KEY": "k", "no_proxy": "n"}) == {
        "HTTPS_PROXY": "p",
        "SSL_CERT_FILE": "c",
        "no_proxy": "n",
    }
    assert not Worker({}).fits({})  # it was never started


# --- Keys


class OneKey(http.server.BaseHTTPRequestHandler):
    """Answers in OpenAI's or Anthropic's dialect who brings the right key, and repeats any other."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        key = self.headers.get("x-api-key") or str(self.headers.get("authorization", "")).removeprefix("Bearer ")
        if key == RIGHT:
            self._answer(
                200, "text/event-stream", "".join(map(sse, anthropic() if "messages" in self.path else openai()))
            )
        else:
            error = {"error": {"message": f"Incorrect API key provided: {key}", "type": "authentication_error"}}
            self._answer(401, "application/json", json.dumps(error))

    def _answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None: ...


def sse(event: Mapping[str, Any] | str) -> str:
    name = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
    return f"{name}data: {event if isinstance(event, str) else json.dumps(event)}\n\n"


def openai() -> list[Mapping[str, Any] | str]:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said = {"index": 0, "delta": {"role": "assistant", "content": "yes"}, "finish_reason": None}
    return [
        {**head, "choices": [said]},
        {**head, "choices": [{**said, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    ]


def anthropic() -> list[Mapping[str, Any] | str]:
    message = {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": []}
    return [
        {"type": "message_start", "message": message | {"usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "yes"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]


@pytest.fixture
def lanes() -> Iterator[list[Lane]]:
    """Every way to ask a server that wants a key."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneKey)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    own = {"model": "hosted_vllm/m", "api_base": f"{url}/v1"}
    bare = {"model": "openai/m", "api_base": f"{url}/v1"}
    claude = {"model": "anthropic/m", "api_base": url}
    yield [
        Lane(name="own server", parameters=own, key_variable="LLMLAB_API_KEY"),
        Lane(name="own server, httpx", parameters=own, key_variable="LLMLAB_API_KEY", path="httpx"),
        Lane(name="openai", parameters=bare),
        Lane(name="openai, SDK", parameters=bare, path="openai"),
        Lane(name="anthropic", parameters=claude),
        Lane(name="anthropic, SDK", parameters=claude, path="anthropic"),
    ]
    server.shutdown()
    server.server_close()


def test_a_key_that_is_set_or_changed_is_found_by_the_next_run_and_is_told_to_nobody(
    rig: Rig, lanes: list[Lane], tmp_path: Path
) -> None:
    others = {name: value for name, value in os.environ.items() if name not in KEYS}
    journal = tmp_path / "journal.jsonl"
    heard: list[MeasurementEvent] = []
    found: list[set[tuple[str, str]]] = []
    for keys in ({}, dict.fromkeys(KEYS, WRONG), dict.fromkeys(KEYS, RIGHT), {}):
        run = Run(rig.plan(lanes, journal=str(journal)), heard.append, others | keys)
        records = run.result(LONGEST_RUN_S)
        found.append({(record.status, record.error.kind if record.error else "") for record in records})
    refused, ok = {("error", "auth")}, {("ok", "")}
    assert found == [refused, refused, ok, refused]
    assert len(read_journal(journal)) == 4 * len(lanes)
    last_lines = [line for worker in instrument()._workers for line in worker._last_lines]
    for secret in (RIGHT, WRONG):
        assert secret not in journal.read_text(encoding="utf-8")
        assert secret not in f"{heard} {last_lines}"
    assert "Incorrect API key provided: (hidden)" in journal.read_text(encoding="utf-8")


# --- With their parent


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_when_the_parent_is_killed_nothing_is_left_but_the_journal(parent: tuple[subprocess.Popen[str], Path]) -> None:
    program, folder = parent
    assert program.stdout is not None
    children: list[int] = json.loads(program.stdout.readline())
    assert len(children) == 2 and all(map(alive, children))
    program.kill()
    deadline = time.monotonic() + 15
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in children if alive(pid)] == []
    (journal,) = folder.glob("*.jsonl")  # where LLMLAB_RUNS says
    records = read_journal(journal)
    assert records and records[0].status == "ok" and {record.run for record in records} == {journal.stem}
    assert {record.status for record in records} <= {"ok", "cancelled"}

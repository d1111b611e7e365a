"""The simulator seen from the program that uses it: a process of its own, so that the two share no event loop and no
GIL, and what measures is not slowed by what it measures.

The child is a fresh interpreter (`-m llmlab.simulator`), never a fork of a kernel with its threads. It reads its
settings as a line of JSON from its standard input and answers with a line that says its port; after that the pipe
carries nothing, and the child ends when it closes: with `close()`, with the program, or when that is killed.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, get_args

from ..errors import LlmlabError, UnknownNameError
from .endpoint import SimulatedEndpoint
from .faults import Entry, FaultScript
from .serialisation import ScriptOrder, Settings, as_plain, read_json
from .wirelog import LoggedRequest

DialectName = Literal["openai", "azure", "anthropic", "gemini", "bedrock"]
DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
AZURE_VERSION = "2024-10-21"

ENDS_WITHIN_S = 5.0
# What an interpreter needs to start. Keys and tokens stay where they are.
ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMPDIR", "VIRTUAL_ENV")


class Simulator:
    """Simulated endpoints on 127.0.0.1, from its making until `close()` or the end of a `with`.

    Raises `LlmlabError` when it cannot start (two endpoints of one name, a port that is taken).
    """

    def __init__(self, endpoints: Sequence[SimulatedEndpoint], *, seed: int = 0, port: int = 0) -> None:
        self.endpoints = tuple(endpoints)
        names = [endpoint.name for endpoint in self.endpoints]
        if len(set(names)) < len(names):
            raise LlmlabError(f"two simulated endpoints have one name: {sorted(names)}")
        self._process = _start()
        self._end = weakref.finalize(self, _stop, self._process)
        settings = Settings(endpoints=self.endpoints, seed=seed, port=port)
        try:
            self.port = _hand_over(self._process, settings)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where it listens, without a path; an OpenAI client wants `/v1` behind it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def log(self, *, after: int = 0) -> tuple[LoggedRequest, ...]:
        """The requests so far, or those after the `after`-th: each with all chunks that were sent.

        Ask between runs, or for little: the server tells it on the loop that sends the tokens.
        """
        return read_json(tuple[LoggedRequest, ...], self._ask("GET", f"/_log?after={after}"))

    def script(self, endpoint: str, faults: FaultScript | Sequence[Entry]) -> None:
        """What happens to the next requests of `endpoint`, one after the other; after a sequence all is fine."""
        names = [known.name for known in self.endpoints]
        if endpoint not in names:
            raise UnknownNameError("simulated endpoint", endpoint, names)
        script = faults if isinstance(faults, FaultScript) else FaultScript(first=tuple(faults))
        self._ask("POST", "/_script", as_plain(ScriptOrder(endpoint=endpoint, faults=script)))

    def close(self) -> None:
        """End the process. Streams that are under way are cut."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: Any = None) -> bytes:
        """`http.client`, because it heeds no proxy of the environment."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as e:
            raise LlmlabError(f"the simulator (process {self.pid}) does not answer: {e}") from e
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise LlmlabError(f"the simulator refused {path}: {answer.decode()}")
        return answer


def litellm_parameters(url: str, name: str, dialect: DialectName) -> dict[str, Any]:
    """What to give `litellm.completion` so that it asks the simulator at `url` for endpoint `name` in `dialect`."""
    key = {"api_key": "simulated"}
    match dialect:
        case "openai":
            return {"model": f"openai/{name}", "api_base": f"{url}/v1", **key}
        case "azure":
            return {"model": f"azure/{name}", "api_base": url, "api_version": AZURE_VERSION, **key}
        case "anthropic":
            return {"model": f"anthropic/{name}", "api_base": url, **key}
        case "gemini":
            return {"model": f"gemini/{name}", "api_base": f"{url}/v1beta", **key}
        case "bedrock":
            return {
                "model": f"bedrock/converse/{name}",
                "aws_bedrock_runtime_endpoint": url,
                "aws_access_key_id": "simulated",
                "aws_secret_access_key": "simulated",
                "aws_region_name": "us-east-1",
            }
        case _:
            raise UnknownNameError("dialect", dialect, DIALECTS)


def _start() -> subprocess.Popen[bytes]:
    # -P: the working directory of a notebook is no place to import from, it may hold a `random.py`.
    here = str(Path(__file__).parents[2])
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "llmlab.simulator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=kept | {"PYTHONPATH": here, "PYTHONUTF8": "1"},
        start_new_session=True,  # Ctrl-C goes to a whole group of processes, also to one that cannot ignore it yet
    )


def _hand_over(process: subprocess.Popen[bytes], settings: Settings) -> int:
    """Give the child its settings and hear its port."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(as_plain(settings)).encode() + b"\n")
    process.stdin.flush()
    heard = process.stdout.readline()
    if not heard:
        raise LlmlabError(f"the simulator did not start (exit status {process.wait(ENDS_WITHIN_S)})")
    answer = json.loads(heard)
    if "error" in answer:
        raise LlmlabError(f"the simulator did not start: {answer['error']}")
    return int(answer["port"])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close the pipe, which ends the child, and wait for it."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

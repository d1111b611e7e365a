"""What keeps a verification on this machine: a proxy that refuses and notes, and bars around every process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from llmlab.gateway.verify.caged import Caged
from llmlab.gateway.verify.environment import DUMMY, child_environment, is_secret, says_where, without_user
from llmlab.gateway.verify.recorder import Recorder

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


# --- The recorder


@pytest.mark.parametrize(
    ("address", "port"), [("https://api.example.com/v1", 443), ("http://api.example.com:8080/v1?key=sk-secret", 8080)]
)
def test_who_asks_through_the_recorder_is_refused_and_noted(recorder: Recorder, address: str, port: int) -> None:
    before = time.monotonic_ns()
    # A refused CONNECT is told as an error of the proxy; a plain request just gets its 403.
    with contextlib.suppress(httpx.ProxyError), httpx.Client(proxy=recorder.url, trust_env=False) as client:
        assert client.post(address, headers={"authorization": "Bearer sk-secret"}).status_code == 403
    (wanted,) = recorder.wanted
    assert (wanted.host, wanted.port) == ("api.example.com", port)
    assert before < wanted.at_ns < time.monotonic_ns()
    assert "sk-secret" not in str(wanted)


def test_it_hands_out_a_token_for_nobody_and_does_not_count_that(recorder: Recorder) -> None:
    with httpx.Client(trust_env=False) as client:
        token = client.post(f"{recorder.url}/token", data={"assertion": "x"}).json()
    assert token["access_token"] == "llmlab-dummy"
    assert recorder.wanted == ()


def test_nonsense_does_not_stop_it(recorder: Recorder) -> None:
    for nonsense in (b"\r\n\r\n", b"GET\r\n\r\n", b"CONNECT [::bad:443 HTTP/1.1\r\n\r\n", b"\xff\xfe"):
        with socket.create_connection(("127.0.0.1", recorder.port), timeout=2) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(100)
    with httpx.Client(proxy=recorder.url, trust_env=False) as client:
        assert client.get("http://after.example.com/").status_code == 403
    assert recorder.wanted[-1].host == "after.example.com"


# --- The cage

TRIES = """
import socket, sys
from pathlib import Path
from llmlab.gateway.verify.cage import Bars
allowed, other, noted = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
sys.addaudithook(Bars(frozenset([allowed]), noted))
def attempt(what):
    try:
        what()
        print("reached")
    except OSError as e:
        print(type(e).__name__)
def sends():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.2", 53))
attempt(lambda: socket.create_connection(("127.0.0.1", allowed), timeout=2))
attempt(lambda: socket.create_connection(("localhost", allowed), timeout=2))
attempt(lambda: socket.create_connection(("127.0.0.1", other), timeout=2))
attempt(lambda: socket.create_connection(("127.0.0.2", allowed), timeout=2))
attempt(lambda: socket.getaddrinfo("api.example.com", 443))
attempt(lambda: socket.gethostbyname("api.example.com"))
attempt(sends)
attempt(lambda: socket.socket().bind(("0.0.0.0", 0)))
attempt(lambda: socket.socket().bind(("127.0.0.1", 0)))
"""


def test_the_bars_let_through_what_was_named_and_nothing_else(tmp_path: Path) -> None:
    noted = tmp_path / "noted"
    with socket.socket() as allowed, socket.socket() as other:
        for listener in (allowed, other):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        ports = [str(listener.getsockname()[1]) for listener in (allowed, other)]
        run = subprocess.run(
            [sys.executable, "-c", TRIES, *ports, str(noted)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )
    refused = "ConnectionRefusedError"
    assert run.stdout.split() == [
        "reached", "reached", refused, refused, "gaierror", "gaierror", refused, "PermissionError", "reached",
    ]  # fmt: skip
    assert noted.read_text(encoding="utf-8").splitlines() == [
        f"127.0.0.1:{ports[1]}",
        f"127.0.0.2:{ports[0]}",
        "api.example.com",
        "api.example.com",
        "127.0.0.2:53",
        "listening on 0.0.0.0",
    ]


PARENT = """
import sys
from pathlib import Path
from llmlab.gateway.verify.caged import Caged
folder = Path(sys.argv[1])
environment = {"PYTHONPATH": sys.argv[2], "PATH": "/usr/bin:/bin", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
task = {"do": "rehearse", "config": str(folder / "none.yaml"), "calls": []}
caged = Caged(task, environment=environment, ports=[], folder=folder, name="it")
print(caged.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_caged_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), str(PROJECT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_what_a_caged_process_said_last_is_told(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(PROJECT), "PATH": os.environ["PATH"]}
    caged = Caged({"do": "nothing"}, environment=environment, ports=[], folder=tmp_path, name="it")
    assert list(caged.messages()) == []
    assert "KeyError" in caged.last_words()
    assert caged.refused == ()
    caged.close()
    assert caged.status is not None


# --- What it is told of the outside

CONFIG = {
    "model_list": [
        {
            "litellm_params": {
                "api_base": "os.environ/BASE",
                "api_key": "os.environ/KEY",
                "aws_region_name": "os.environ/R",
            }
        },
        {"litellm_params": {"api_base": "os.environ/UNSET", "vertex_location": "os.environ/NO_PLACE"}},
    ],
    "general_settings": {"master_key": "os.environ/MASTER"},
}


def test_places_are_kept_and_secrets_are_not(tmp_path: Path) -> None:
    outside = {
        "BASE": "https://me:hidden@acme.openai.azure.com/x?key=hidden",
        "KEY": "hidden",
        "R": "eu-central-1",
        "MASTER": "hidden",
        "OTHER_KEY": "hidden",
        "PATH": "/bin",
    }
    made = child_environment(CONFIG, outside, home=tmp_path, proxy="http://127.0.0.1:9", spared=False)
    assert made["BASE"] == "https://acme.openai.azure.com/x"
    assert made["R"] == "eu-central-1"
    assert made["KEY"] == made["MASTER"] == DUMMY
    assert made["UNSET"] == "https://not-set.invalid"
    assert "NO_PLACE" not in made and "OTHER_KEY" not in made
    assert "hidden" not in json.dumps(made)
    assert {made[name] for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")} == {"http://127.0.0.1:9"}
    assert (made["LITELLM_MODE"], made["LITELLM_LOCAL_MODEL_COST_MAP"]) == ("PRODUCTION", "True")
    assert "NO_PROXY" not in made


@pytest.mark.parametrize(
    ("name", "secret", "place"),
    [
        ("api_key", True, False),
        ("aws_secret_access_key", True, False),
        ("vertex_credentials", True, False),
        ("DATABASE_URL", True, False),
        ("redis_password", True, False),
        ("max_tokens", False, False),
        ("input_cost_per_token", False, False),
        ("api_base", False, True),
        ("aws_bedrock_runtime_endpoint", False, True),
        ("aws_region_name", False, True),
        ("timeout", False, False),
    ],
)
def test_what_holds_a_secret_and_what_says_where(name: str, secret: bool, place: bool) -> None:
    assert (is_secret(name), says_where(name)) == (secret, place)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://u:p@h:8443/v1?x=1#y", "https://h:8443/v1"),
        ("eu-central-1", "eu-central-1"),
        ("user:pw@host", DUMMY),
        ("http://h:notaport/", DUMMY),
    ],
)
def test_no_user_is_left_in_an_address(address: str, kept: str) -> None:
    assert without_user(address) == kept

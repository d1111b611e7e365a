"""The whole ladder with the real proxy: a good file passes, each fault is caught on its rung, nothing gets out."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from llmlab.gateway.verify import Check, Verification, verify
from llmlab.gateway.verify.verification import RUNGS

HERE = Path(__file__).parent
Told = tuple[Verification, list[tuple[str, float]], str]
CANARY = "sk-canary-that-nobody-may-see"
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AZURE_EU_API_KEY", "LITELLM_MASTER_KEY", "OPENAI_API_KEY",
           "ANTHROPIC_API_KEY", "AWS_SESSION_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "REDIS_PASSWORD")  # fmt: skip
pytestmark = [
    pytest.mark.proxy,
    pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="needs llmlab[proxy]"),
]


def environment(**places: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **dict.fromkeys(SECRETS, CANARY), **places}


def descendants() -> set[int]:
    """The processes that this one has started, and theirs, that still run."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir() if sys.platform == "linux" else ():
        with contextlib.suppress(OSError, ValueError):
            told = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            if told[0] != "Z":
                parents[int(entry.name)] = int(told[1])
    found: set[int] = set()
    while new := {pid for pid, parent in parents.items() if parent in found | {os.getpid()}} - found:
        found |= new
    return found


def environments() -> str:
    """What the processes that this one has started were given."""
    told = b""
    for pid in descendants():
        with contextlib.suppress(OSError):
            told += Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
    return told.decode("utf-8", "replace")


def checks(found: Verification, rung: str, status: str = "failed") -> list[Check]:
    return [check for check in found.checks if (check.rung, check.status) == (rung, status)]


# --- A file that does what it says


@pytest.fixture(scope="module")
def good() -> Told:
    """The good file, with what was said meanwhile and what the processes knew."""
    said: list[tuple[str, float]] = []
    known: list[str] = []

    def progress(words: str, share: float) -> None:
        said.append((words, share))
        known.append(environments())

    with pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.setenv(name, CANARY)
        address = environment(AZURE_EU_API_BASE=f"https://user:{CANARY}@acme-eu.openai.azure.com")
        found = verify(HERE / "router_eu.yaml", residency="eu", sla_s=10, progress=progress, environ=address)
    return found, said, "\n".join(known)


def test_a_good_file_is_proven_on_every_rung(good: Told) -> None:
    found, _, _ = good
    assert found.failed == ()
    assert found.ok and found.exit_code == 0, found.to_text()
    assert {check.rung for check in found.checks if check.status == "passed"} == set(RUNGS)
    assert {"import litellm", "egress", "proxy boot", "drills", "total"} <= found.seconds.keys()
    drilled = {(check.tier, check.name) for check in checks(found, "drills", "passed")}
    for tier in ("cheap", "mid", "smart", "backup"):
        for name in (
            "primary answers",
            "primary answers 429, with Retry-After",
            "primary answers 503",
            "primary answers 401: a bad key",
            "primary hangs",
            "stream is cut after its first token",
            "primary refuses for content policy",
            "prompt larger than the primary's window",
            "all of azure is down",
            "all of bedrock is down",
            "cool-down is reached in an outage",
        ):
            assert (tier, name) in drilled or _was_too_busy(found, tier, name)
    assert {("smart", "max_budget of $50 stops it"), ("cheap", "provider budget of $200 stops bedrock")} <= drilled


def _was_too_busy(found: Verification, tier: str, name: str) -> bool:
    """Whether a drill came to nothing because this machine had no time for it, and says so."""
    skipped = checks(found, "drills", "not_checked")
    return any((check.tier, check.name) == (tier, name) and "too busy to tell" in check.seen for check in skipped)


def test_what_was_seen_is_who_was_called_in_which_order(
    good: Told,
) -> None:
    found, _, _ = good
    seen = {(check.tier, check.name): check.seen for check in found.checks}
    assert seen["mid", "primary answers 503"].startswith("mid-bedrock-eu 503, backup-azure-eu 200; an answer in")
    assert "streamed: mid-bedrock-eu hangs, backup-azure-eu 200" in seen["mid", "primary hangs"]
    assert "smart-bedrock-eu 200" in seen["backup", "prompt larger than the primary's window"]
    assert "backup-azure-eu" not in seen["backup", "prompt larger than the primary's window"]
    hosts = {check.name.split()[0]: check.seen for check in found.checks if check.rung == "egress"}
    assert hosts["mid-bedrock-eu"] == "dials bedrock-runtime.eu-central-1.amazonaws.com: eu-central-1 is in eu"
    assert "an Azure host does not tell its region" in hosts["backup-azure-eu"]


def test_no_secret_is_known_to_any_process_or_told_in_the_report(
    good: Told,
) -> None:
    found, _, known = good
    if sys.platform == "linux":
        assert "llmlab.gateway.verify.cage" in known and "acme-eu.openai.azure.com" in known
    assert CANARY not in known
    assert CANARY not in found.to_json() + found.to_html() + found.to_text()


def test_progress_is_told_in_words_and_never_falls(good: Told) -> None:
    _, said, _ = good
    shares = [share for _, share in said]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert any("mid: primary answers 503" in words for words, _ in said)


# --- Files that do not


@pytest.fixture(scope="module")
def wrong() -> tuple[Verification, int]:
    """The wrong file, and how many connections an address outside of the verification got."""
    met: list[object] = []
    with socket.socket() as outside:
        outside.bind(("127.0.0.2", 0))  # this machine, but not one of the verification's own
        outside.listen()
        outside.settimeout(0.1)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    met.append(outside.accept())

        thread = threading.Thread(target=accept)
        thread.start()
        address = f"http://127.0.0.2:{outside.getsockname()[1]}/v1"
        found = verify(HERE / "router_wrong.yaml", residency="eu", environ=environment(MID_API_BASE=address))
        over.set()
        thread.join()
    return found, len(met)


def test_a_leak_out_of_the_region_is_caught_by_whom_it_dials(wrong: tuple[Verification, int]) -> None:
    (leak,) = checks(wrong[0], "egress")
    assert leak.name.startswith("cheap-bedrock")
    assert leak.seen == "dials bedrock-runtime.us-west-2.amazonaws.com: us-west-2 is in us"


def test_a_fallback_that_never_fires_is_caught_by_a_drill(wrong: tuple[Verification, int]) -> None:
    failed = {(check.tier, check.name): check.seen for check in checks(wrong[0], "drills")}
    assert "the fallback never fired: cheap -> mid is written" in failed["cheap", "primary answers 503"]
    assert "there is no such group: it never fires" in failed["mid", "primary answers 503"]


def test_a_tier_that_never_cools_down_is_caught_by_a_drill(wrong: tuple[Verification, int]) -> None:
    failed = {(check.tier, check.name): check.seen for check in checks(wrong[0], "drills")}
    assert "it never cools down: called by 2 of the last 2" in failed["mid", "cool-down is reached in an outage"]


def test_what_the_file_wants_to_dial_is_never_reached(wrong: tuple[Verification, int]) -> None:
    found, met = wrong
    (dialled,) = (check for check in found.checks if check.name.startswith("mid-elsewhere"))
    assert "127.0.0.2" in dialled.seen
    assert met == 0
    assert "sk-literally-here" not in found.to_json()


def test_a_file_without_a_master_key_is_caught_when_the_proxy_refuses_to_start(tmp_path: Path) -> None:
    file = tmp_path / "router.yaml"
    text = (HERE / "router_wrong.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}", ""), encoding="utf-8")
    found = verify(file, environ=environment())
    (refused,) = checks(found, "proxy")
    assert "it ended with exit status 3" in refused.seen
    (validated,) = checks(found, "validate_config", "passed")
    assert "weak claim" in validated.expected and "config OK" in validated.seen
    assert checks(found, "drills", "not_checked") and not checks(found, "drills", "passed")
    assert found.exit_code == 1


# --- Stopping


def test_cancelling_ends_it_and_every_process(tmp_path: Path) -> None:
    cancel = threading.Event()
    before = descendants()
    told: list[str] = []

    def progress(words: str, share: float) -> None:
        told.append(words)
        if len(told) > 1:
            cancel.set()

    found = verify(HERE / "router_eu.yaml", progress=progress, cancel=cancel, environ=environment())
    assert found.cancelled and not found.ok and found.exit_code == 2
    deadline = time.monotonic() + 10
    while descendants() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert descendants() - before == set()
    assert json.loads(found.to_json())["cancelled"] is True
    assert any("cancelled before it" in text for text in found.not_checked)

"""`llmlab measure`, as a shell runs it: only the answer on stdout, only words on stderr, and a status."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from llmlab.catalog import load_catalog
from llmlab.cli.measure import _check_keys
from llmlab.errors import LlmlabError
from llmlab.measurement.export import COLUMNS
from llmlab.measurement.targets import resolve
from llmlab.simulator import (
    AnswerShape,
    FaultScript,
    LatencyProfile,
    LoggedRequest,
    SimulatedEndpoint,
    Simulator,
    Status,
)

LLMLAB = Path(sys.executable).with_name("llmlab")
KEPT = ("LANG", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
STEADY = LatencyProfile(ttft_s=0.15, itl_s=0.002)
SERVED = [
    SimulatedEndpoint(name="steady", profile=STEADY, answer=AnswerShape(output_tokens=12)),
    SimulatedEndpoint(name="closed", faults=FaultScript(then=Status(code=401))),
]

pytestmark = pytest.mark.skipif(not LLMLAB.exists(), reason="llmlab is not installed beside this Python")


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has no key anywhere, and whose runs are kept in the test's own folder."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {"HOME": str(tmp_path), "LLMLAB_RUNS": str(tmp_path / "runs")}


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with Simulator(SERVED) as simulator:
        yield simulator


def measure(environment: Mapping[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LLMLAB, "measure", *arguments], capture_output=True, text=True, check=False, timeout=120, env=environment
    )


def most_at_once(requests: Sequence[LoggedRequest]) -> int:
    """How many requests were under way at one time, by the server's own clock."""
    begun = [(request.received_ns, 1) for request in requests]
    ended = [(request.ended_ns, -1) for request in requests if request.ended_ns is not None]
    return max(itertools.accumulate(step for _, step in sorted(begun + ended)))


# --- What it answers


def test_json_is_a_list_with_an_object_per_call_that_counts(bare: dict[str, str]) -> None:
    found = measure(bare, "groq-llama-8b", "simulated/gpt-5", "--runs", "2", "--warm-up", "1", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    calls: list[dict[str, Any]] = json.loads(found.stdout)
    assert [call["endpoint"] for call in calls] == [
        "simulated/groq-llama-8b", "simulated/gpt-5", "simulated/gpt-5", "simulated/groq-llama-8b",
    ]  # fmt: skip
    for call in calls:
        assert list(call) == list(COLUMNS)
        assert (call["label"], call["status"], call["error"], call["warm_up"]) == ("SIMULATED", "ok", None, False)
        assert (call["usage_source"], call["output_tokens"]) == ("provider", 200)
        assert 0 < call["ttft_ms"] <= call["ttfo_ms"] < call["e2e_ms"] and call["itl_ms"] > 0
    assert [call["billed_to_visible"] for call in calls if call["endpoint"] == "simulated/gpt-5"] == [5, 5]


def test_tables_say_how_sure_each_figure_is_what_failed_and_how_far_off_the_instrument_is(
    bare: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "measured.yaml"
    found = measure(
        bare, "groq-llama-8b", "flaky", "--runs", "16", "--concurrency", "4", "--slo-ttfo", "60000",
        "--save-latencies", file,
    )  # fmt: skip
    assert found.returncode == 0
    assert found.stderr.startswith(f"{file}: ") and found.stderr.endswith(" to lay over seed-2026-early\n")
    percentiles, calls, failures, error = found.stdout.split("\n\n")[1:]
    assert "SIMULATED: a simulator on this machine answered" in found.stdout.partition("\n\n")[0]
    ttft = next(line for line in percentiles.splitlines() if line.startswith("simulated/groq-llama-8b, SIMULATED"))
    assert " TTFT " in ttft and "n < 36" in ttft and " to " in ttft
    assert [line.split()[0] for line in percentiles.splitlines()[2:4]] == ["TTFO", "ITL"]
    groq, flaky = calls.splitlines()[1:]
    assert "16 of 16" in groq and "100% (81% to 100%)" in groq
    assert "12 of 16" in flaky
    assert {tuple(line.split()[1:3]) for line in failures.splitlines()[1:]} == {
        ("rate_limited", "1"), ("TRUNCATED", "2"), ("overloaded", "1"),
    }  # fmt: skip
    assert error.startswith("The instrument's own error in a TTFT, measured here at 4 at once: ")
    saved = load_catalog("seed-2026-early", overrides=file).endpoint("groq/llama-3-3-8b").measured
    assert saved is not None and (saved.simulated, saved.ttft_s.p90) == (True, None)
    assert 6 <= saved.n <= 16  # a busy machine reads some too late, and those are left out


def test_a_server_of_ones_own_is_asked_as_often_and_as_many_at_once_as_said(
    bare: dict[str, str], server: Simulator
) -> None:
    before = len(server.log())
    key = {"LLMLAB_API_KEY": "for-my-server", "OPENAI_API_KEY": "not-for-my-server"}
    found = measure(
        bare | key, "steady", "--api-base", server.url, "--runs", "6", "--concurrency", "3", "--prompt", "What is it?",
        "--system", "Be brief.", "--max-tokens", "9", "--json",
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")
    calls = json.loads(found.stdout)
    name = f"steady at {server.url.removeprefix('http://')}"
    assert [(call["endpoint"], call["label"], call["output_tokens"]) for call in calls] == [(name, "measured", 9)] * 6
    asked = server.log(after=before)
    assert (len(asked), most_at_once(asked)) == (6, 3)
    system, user = asked[0].body["messages"]
    assert system["content"].endswith("\nBe brief.") and user["content"] == "What is it?"


def test_where_no_call_succeeds_each_is_told_and_the_status_is_1(bare: dict[str, str], server: Simulator) -> None:
    found = measure(bare, "closed", "--api-base", server.url, "--runs", "2", "--json")
    assert found.returncode == 1
    assert [(call["status"], call["error"], call["http_status"]) for call in json.loads(found.stdout)] == [
        ("error", "auth", 401)
    ] * 2
    assert found.stderr.startswith("llmlab: no call succeeded (2 auth): ") and found.stderr.count("\n") == 1


def test_what_real_calls_can_cost_is_said_before_and_a_budget_below_that_sends_none(bare: dict[str, str]) -> None:
    found = measure(bare | {"OPENAI_API_KEY": "none"}, "openai/gpt-5", "--budget", "0.0001", "--json")
    assert found.returncode == 1
    (call,) = json.loads(found.stdout)
    assert (call["status"], call["label"], call["usd"]) == ("not_sent", "measured", None)
    cost, kept_back, stopped = found.stderr.splitlines()
    assert cost.startswith("1 call of openai/gpt-5: at most $0.00") and cost.endswith(
        "the budget is $0.0001 (--budget)"
    )
    assert kept_back.startswith("1 call not sent: ")
    assert stopped.startswith("llmlab: no call succeeded (1 NOT_SENT): ")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
@pytest.mark.parametrize(("seen", "done"), [(b"Loading LiteLLM", 0), (b"2 of 500 calls", 2)])
def test_on_a_terminal_it_says_how_far_it_is_and_an_interruption_leaves_what_there_is(
    bare: dict[str, str], seen: bytes, done: int
) -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [str(LLMLAB), "measure", "groq-llama-8b", "--runs", "500", "--budget", "none", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=bare, start_new_session=True) as process:
        os.close(theirs)
        said = b""
        while seen not in said:
            said += os.read(ours, 4096)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        said += _rest(ours)  # a terminal that nobody reads would hold it up
        answer, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    calls = json.loads(answer)
    assert [call["status"] for call in calls[:done]] == ["ok"] * done and done <= len(calls) < 500
    assert b"llmlab: stopped" in said and b"Traceback" not in said


def _rest(terminal: int) -> bytes:
    """What is still said, to the end: a terminal that nobody writes to any more is an error on Linux."""
    rest = b""
    with contextlib.suppress(OSError):
        while more := os.read(terminal, 4096):
            rest += more
    os.close(terminal)
    return rest


# --- What it says before any call


def test_what_can_be_measured_is_listed_by_name_and_no_key_is_shown(bare: dict[str, str]) -> None:
    found = measure(bare | {"GROQ_API_KEY": "gsk-secret"}, "--list")
    assert (found.returncode, found.stderr) == (0, "")
    simulated, _, providers = found.stdout.partition("Providers whose keys are set:\n")
    assert "  simulated/claude-sonnet\n" in simulated and simulated.startswith("SIMULATED, ")
    assert [line.split()[0] for line in providers.splitlines()[:-1]] == ["groq/..."]
    assert "gsk-secret" not in found.stdout
    assert "  none; " in measure(bare, "--list").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "Name a MODEL; llmlab measure --list says which there are."),
        (("claude-sonet",), 1, "unknown model 'claude-sonet'; did you mean simulated/claude-sonnet"),
        (
            ("openai/gpt-5", "gpt-5", "anthropic/claude-sonnet-4-6"),
            1,
            "openai/gpt-5 needs OPENAI_API_KEY; anthropic/claude-sonnet-4-6 needs ANTHROPIC_API_KEY: set it in the env",
        ),
        (("gpt-5", "--runs", "0"), 2, "0 is not in the range x>=1"),
        (("gpt-5", "--timeout", "inf"), 2, "'inf' is not a finite number."),
        (("gpt-5", "--budget", "-1"), 2, "'-1' is no amount of dollars"),
        (("gpt-5", "--budget", "much"), 2, "'much' is no amount of dollars"),
        (("gpt-5", "--path", "curl"), 2, "'curl' is not one of"),
        (("gpt-5", "--prompt", " "), 1, "there is nothing to ask: give a prompt"),
        (("m", "--api-base", "localhost"), 1, "the server's URL cannot be read"),
        (("--list", "--json"), 2, "--list is read by people"),
        (("gpt-5", "--save-latencies", "f.yaml"), 2, "--save-latencies needs --runs 6 or more"),
        (("gpt-5", "--runs", "6", "--save-latencies", "none/f.yaml"), 2, "there is no folder none"),
        (("gpt-5", "claude-thinking", "--runs", "6", "--save-latencies", "f.yaml"), 2, "(2026-11, seed-2026-early)"),
        (("m", "--api-base", "http://h", "--runs", "6", "--save-latencies", "f.yaml"), 2, "these are of none"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_run_that_cannot_be_is_refused_in_a_line_before_any_call(
    bare: dict[str, str], arguments: tuple[str, ...], status: int, message: str
) -> None:
    found = measure(bare, *arguments)
    assert (found.returncode, found.stdout) == (status, "")
    assert message in found.stderr and found.stderr.startswith("llmlab: ") and found.stderr.count("\n") == 1
    assert not list(Path(bare["HOME"]).rglob("*.jsonl"))


def test_credentials_that_can_lie_elsewhere_than_in_the_environment_are_no_reason_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    names = ["bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0", "openai/gpt-5"]
    haiku, gpt_5 = resolve(names, load_catalog("2026-11"))
    assert haiku.missing(os.environ)
    _check_keys([haiku])
    with pytest.raises(LlmlabError, match="openai/gpt-5 needs OPENAI_API_KEY"):
        _check_keys([haiku, gpt_5])

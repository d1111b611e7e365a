"""`llmlab recommend`, `lint`, `verify` and `redecide`, as a shell runs them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmlab.gateway.seed_config import seed_config
from llmlab.routing import LatencySla
from llmlab.scenario import Scenario
from llmlab.shipped import folder

PROJECT = Path(__file__).parents[2]
LLMLAB = Path(sys.executable).with_name("llmlab")
REVIEWS = folder("notebooks") / "scenarios"
NOVEMBER = ("--as-of", "2026-11-23")
KEYS = {"GROQ_API_KEY": "set", "ANTHROPIC_API_KEY": "set", "OPENAI_API_KEY": "set"}

pytestmark = pytest.mark.skipif(not LLMLAB.exists(), reason="llmlab is not installed beside this Python")


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [LLMLAB, *arguments], capture_output=True, text=True, check=False, timeout=120, env=environment
    )


@pytest.fixture
def hasty(tmp_path: Path) -> Path:
    """The chat product, with a first token sooner than enough endpoints are known to answer."""
    chat = Scenario.read(REVIEWS / "chat_product.yaml")
    assert chat.constraints is not None
    sooner = dataclasses.replace(chat.constraints, latency=LatencySla(ttft_s=0.8))
    return dataclasses.replace(chat, constraints=sooner, decided=None).save(tmp_path / "hasty.yaml")


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    file = tmp_path / "seed.yaml"
    file.write_text(seed_config().original, encoding="utf-8")
    return file


# --- recommend


def test_a_review_is_answered_in_lines_with_the_walk_the_set_and_what_would_change_it() -> None:
    found = run("recommend", REVIEWS / "eu_bank.yaml", *NOVEMBER)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith("eu-bank: 400,000 requests per month, 6,000 in x 600 out; catalog 2026-11 ")
    assert "  -74  Where may the data go? the EU (nobody says of 53)\n" in found.stdout
    assert "   23  left: 6 for cheap, 17 for mid, 5 for smart and 5 for backup\n" in found.stdout
    assert "$4,571 per month, $0.0114 per request.\n" in found.stdout
    assert "\nWhat would change it:\n- residency eu -> anywhere" in found.stdout
    assert "\nTo know before signing:\n- " in found.stdout


def test_the_same_in_json_is_whole() -> None:
    found = run("recommend", REVIEWS / "eu_bank.yaml", *NOVEMBER, "--json")
    assert (found.returncode, found.stderr) == (0, "")
    said: dict[str, Any] = json.loads(found.stdout)
    assert {tier: choice["endpoint"] for tier, choice in said["tiers"].items()} == {
        "cheap": "bedrock/eu.anthropic.claude-haiku-5-5",
        "mid": "bedrock/eu.deepseek.v3.2",
        "smart": "vertex_ai/gemini-4-argon@eu",
        "backup": "bedrock/eu.anthropic.claude-opus-5-5",
    }
    assert {choice["scope"] for choice in said["tiers"].values()} == {"eu"}
    assert (said["usd_per_period"], said["period"], said["worst_case_s"]) == (pytest.approx(4571.205), "month", 29.5)
    assert said["conflict"] is None
    fell = [one for one in said["endpoints"] if one["fell_at"] == "residency"]
    (step,) = (step for step in said["walk"] if step["node"] == "residency")
    assert len(fell) == step["fell"] == 74
    assert sum(one["unknown"] for one in fell) == step["unknown"] == 53
    assert all(one["why"] for one in fell)


def test_constraints_that_cannot_be_met_together_are_named_with_the_least_to_give_up(hasty: Path) -> None:
    found = run("recommend", hasty, *NOVEMBER)
    assert (found.returncode, found.stderr) == (1, "")
    assert "There is no set: no set of endpoints meets TTFT within 800 ms at p50.\n" in found.stdout
    assert "The least to give up: TTFT 800 ms -> 970 ms gives a set: " in found.stdout
    said = json.loads(run("recommend", hasty, *NOVEMBER, "--json").stdout)
    assert said["tiers"] == {}
    assert said["conflict"]["asks"] == {"ttft": "TTFT within 800 ms at p50"}
    assert set(said["conflict"]["nearest"]["tiers"]) == {"cheap", "mid", "smart", "backup"}


def test_an_export_is_a_folder_that_lints_clean_and_says_how_to_prove_it(tmp_path: Path) -> None:
    router = tmp_path / "bank" / "router.yaml"
    found = run("recommend", REVIEWS / "eu_bank.yaml", *NOVEMBER, "--export", router.parent)
    assert found.returncode == 0
    assert found.stderr.rstrip().endswith(f"llmlab verify {router} --residency eu --sla 30")
    assert {"router.yaml", ".env.example", "run.sh", "app.py", "report.md"} <= {p.name for p in router.parent.iterdir()}
    linted = run("lint", router, "--residency", "eu", "--sla", "30")
    assert linted.returncode == 0
    assert linted.stderr.startswith("0 errors, ")


def test_an_edited_export_is_not_written_over(tmp_path: Path) -> None:
    again = ("recommend", REVIEWS / "startup.yaml", *NOVEMBER, "--export", tmp_path / "out")
    assert [run(*again).returncode for _ in range(2)] == [0, 0]
    router = tmp_path / "out" / "router.yaml"
    router.write_text(edited := router.read_text() + "# ours\n")
    refused = run(*again)
    assert refused.returncode == 1
    assert "router.yaml would be lost" in refused.stderr
    assert router.read_text() == edited


def test_where_there_is_no_set_nothing_is_exported(hasty: Path, tmp_path: Path) -> None:
    assert run("recommend", hasty, *NOVEMBER, "--export", tmp_path / "out").returncode == 1
    assert not (tmp_path / "out").exists()


# --- lint


def test_findings_are_lines_that_an_editor_can_jump_to(seed: Path) -> None:
    found = run("lint", seed, **KEYS)
    lines = found.stdout.splitlines()
    read = [re.fullmatch(rf"{re.escape(str(seed))}:(\d+): (error|warning): ([a-z-]+): .+", line) for line in lines]
    assert all(read)
    told = [(int(match[1]), match[2], match[3]) for match in read if match]
    assert {(2, "error", "no-master-key"), (5, "error", "unknown-model"), (26, "error", "redis-incomplete")} <= set(
        told
    )
    errors = [severity for _, severity, _ in told].count("error")
    assert found.stderr == f"{errors} errors, {len(told) - errors} warnings\n"
    assert found.returncode == 1


def test_findings_in_json_say_the_same_and_what_litellm_does(seed: Path) -> None:
    found = run("lint", seed, "--json", **KEYS)
    assert (found.returncode, found.stderr) == (1, "")
    said: list[dict[str, Any]] = json.loads(found.stdout)
    assert all({"severity", "code", "line", "where", "message", "litellm_does"} <= set(one) for one in said)
    assert all(one["message"] and one["litellm_does"] for one in said)
    assert len(said) == len(run("lint", seed, **KEYS).stdout.splitlines())


def test_what_a_router_must_keep_is_asked_of_it(seed: Path) -> None:
    plain, asked = (
        json.loads(run("lint", seed, "--json", *more, **KEYS).stdout)
        for more in ((), ("--residency", "eu", "--sla", "10"))
    )
    assert sum(one["severity"] == "error" for one in asked) > sum(one["severity"] == "error" for one in plain)


def test_lint_loads_neither_litellm_nor_anything_that_takes_long(seed: Path) -> None:
    ask = """
import sys
from llmlab.cli import main
try:
    main(["lint", sys.argv[1], "--json"])
except SystemExit:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", ask, seed],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    loaded = set(done.stderr.split())
    assert "yaml" in loaded
    assert {"litellm", "numpy", "openai", "pandas", "pydantic", "ipywidgets"}.intersection(loaded) == set()


# --- verify: what the ladder finds is tested beside it


def children(pid: int) -> set[int]:
    """The processes that one has started and that run."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            state, parent = (entry / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid and state != "Z":
                found.add(int(entry.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_verification_that_is_interrupted_ends_its_processes_and_says_what_it_saw(
    by: signal.Signals, seed: Path
) -> None:
    with subprocess.Popen(
        [LLMLAB, "verify", seed, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        started: set[int] = set()
        deadline = time.monotonic() + 60
        while not started and time.monotonic() < deadline:
            started = children(process.pid)
            time.sleep(0.02)
        assert started
        process.send_signal(by)
        answer, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "llmlab: stopped\n")
    assert json.loads(answer)["cancelled"] is True
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


# --- redecide


def test_the_shipped_decisions_hold_on_the_snapshot_they_were_made_on() -> None:
    found = run("redecide", REVIEWS, "--catalog", "2026-11")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.splitlines() == [
        f"{name}: still holds" for name in ("aws-shop", "chat-product", "eu-bank", "overnight-pdfs", "startup")
    ]


def test_a_decision_that_no_longer_holds_says_what_moved_it_and_fails_the_check(tmp_path: Path) -> None:
    startup = Scenario.read(REVIEWS / "startup.yaml")
    assert startup.decided is not None
    startup.save(tmp_path / "kept.yaml")
    gone = dataclasses.replace(startup.decided, tiers={**startup.decided.tiers, "backup": "anthropic/claude-2"})
    dataclasses.replace(startup, name="old", decided=gone).save(tmp_path / "old.yaml")
    found = run("redecide", tmp_path, "--catalog", "2026-11")
    assert (found.returncode, found.stderr) == (1, "")
    kept, old = found.stdout.splitlines()
    assert kept == "startup: still holds"
    assert old.startswith("old: no longer holds: anthropic/claude-2 (backup) is no longer in the catalog")
    said = json.loads(run("redecide", tmp_path, "--catalog", "2026-11", "--json").stdout)
    assert [(one["name"], one["holds"], one["verdict"]) for one in said] == [
        ("startup", True, "holds"),
        ("old", False, "broken"),
    ]
    assert said[1]["moved"][0]["what"] == "gone"


# --- Mistakes


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("recommend", "none.yaml"), 1, "none.yaml: cannot be read: No such file or directory"),
        (("recommend",), 2, "SCENARIO"),
        (("lint", "none.yaml"), 1, "none.yaml: cannot be read: No such file or directory"),
        (("lint", "none.yaml", "--sla", "0"), 2, "0"),
        (("lint", "none.yaml", "--sla", "nan"), 2, "nan"),
        (("verify", "none.yaml"), 1, "none.yaml: cannot be read: No such file or directory"),
        (("verify", "none.yaml", "--report", "nowhere/report.html"), 2, "there is no folder nowhere"),
        (("redecide", str(PROJECT / "binder")), 1, "no scenario with constraints here"),
        (("redecide", str(REVIEWS), "--catalog", "2027"), 1, "unknown catalog '2027'"),
    ],
    ids=lambda value: " ".join(Path(part).name for part in value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_on_stderr_and_a_status(arguments: tuple[str, ...], status: int, said: str) -> None:
    found = run(*arguments)
    assert (found.returncode, found.stdout) == (status, "")
    assert len(found.stderr.splitlines()) == 1
    assert found.stderr.startswith("llmlab: ") and said in found.stderr

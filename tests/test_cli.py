"""The command line, as a shell runs it: answers on stdout; a mistake is one line on stderr and a status."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from llmlab.catalog import load_catalog, parse_overrides
from llmlab.catalog.tables import SPEC_COLUMNS
from llmlab.cost import Workload
from llmlab.scenario import Choices, OverridesFile, Scenario, pin
from llmlab.shipped import folder

LLMLAB = Path(sys.executable).with_name("llmlab")
SEED = ("--catalog", "seed-2026-early", "--as-of", "2026-02-15")
NOVEMBER = ("--catalog", "2026-11", "--as-of", "2026-11-23")

pytestmark = pytest.mark.skipif(not LLMLAB.exists(), reason="llmlab is not installed beside this Python")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LLMLAB, *arguments], capture_output=True, text=True, check=False, timeout=60)


def rows(*arguments: str | Path) -> list[dict[str, Any]]:
    found = run("estimate", "--json", *arguments)
    assert (found.returncode, found.stderr) == (0, "")
    read: list[dict[str, Any]] = json.loads(found.stdout)
    return read


def test_help_names_the_commands_and_where_one_is_missing_so_does_prices() -> None:
    found = run("--help")
    assert found.returncode == 0
    for command in ("estimate", "lab", "lint", "measure", "prices", "recommend", "redecide", "simulate", "verify"):
        assert f"\n  {command} " in found.stdout
    for command in ("diff", "lint", "list"):
        assert f"\n  {command} " in run("prices", "--help").stdout


def test_the_seeds_worked_example_comes_out_as_json() -> None:
    found = {row["endpoint"]: row for row in rows(*SEED, "--period", "run")}
    sonnet = found["anthropic/claude-sonnet-4-6"]
    wanted = {
        "model": "claude-sonnet-4-6",
        "provider": "anthropic",
        "endpoint": "anthropic/claude-sonnet-4-6",
        "input_usd": 1200.0,
        "output_usd": 750.0,
        "total_usd": 1950.0,
        "usd_per_request": 0.0195,
    }
    assert {name: sonnet[name] for name in wanted} == wanted
    assert found["openai/gpt-5-mini"]["total_usd"] is None
    assert [row["total_usd"] for row in rows(*SEED)][:3] == [45, 163, 245]


def test_a_model_is_named_by_its_id_or_by_that_of_one_endpoint() -> None:
    found = rows(*NOVEMBER, "--model", "gpt-4o", "--model", "anthropic/claude-haiku-4-5")
    assert {row["endpoint"] for row in found} == {
        "openai/gpt-4o", "azure/gpt-4o", "azure/eu/gpt-4o", "anthropic/claude-haiku-4-5",
    }  # fmt: skip


def test_a_hit_rate_without_a_prefix_is_of_the_whole_prompt() -> None:
    sonnet = ("--model", "anthropic/claude-sonnet-4-6", "--cache-hit-rate", "0.8")
    (whole,) = rows(*SEED, *sonnet)
    (part,) = rows(*SEED, *sonnet, "--cacheable-tokens", "3200")
    assert (whole["total_usd"], part["total_usd"]) == (1086.0, 1258.8)


def test_the_options_of_a_workload_reach_the_bill() -> None:
    (found,) = rows(
        *NOVEMBER, "--model", "vertex_ai/claude-sonnet-4-6", "--region", "eu", "--batch-share", "1",
        "--retry-rate", "0.02", "--requests", "1000", "--reasoning-tokens", "500",
    )  # fmt: skip
    assert found["total_usd"] == pytest.approx((4 * 1.5 + 2 * 0.5 * 7.5) * 1.1 * 1.02)


def test_a_table_says_what_it_was_computed_from() -> None:
    found = run("estimate", *NOVEMBER, "--model", "claude-sonnet-4-6", "--model", "vllm/deepseek-ai/DeepSeek-V3")
    assert (found.returncode, found.stderr) == (0, "")
    head, _, columns, *body = found.stdout.splitlines()
    assert head == (
        "100,000 requests per month, 4,000 in x 500 out; catalog 2026-11, prices in force on 2026-11-23; 1 unpriced"
    )
    assert columns.split()[:4] == ["endpoint", "input", "output", "per"]
    assert any(line.startswith("anthropic/claude-sonnet-4-6") and "$1,950" in line for line in body)
    assert body[-1].startswith("vllm/deepseek-ai/DeepSeek-V3") and "no price published" in body[-1]


def test_a_saved_scenario_gives_its_workload_its_catalog_and_its_models(tmp_path: Path) -> None:
    catalog = load_catalog("seed-2026-early")
    scenario = Scenario(
        workload=Workload(cache_hit_rate=1.0),
        catalog=pin("seed-2026-early", catalog),
        name="bot",
        choices=Choices(models=("claude-sonnet-4-6",)),
    )
    path = scenario.save(tmp_path / "bot.yaml")
    (found,) = rows("--scenario", path)
    assert found["total_usd"] == 870
    (changed,) = rows("--scenario", path, "--batch-share", "1")
    assert changed["total_usd"] == 435
    path.write_text(path.read_text().replace(catalog.content_hash, "0123456789abcdef"))
    refused = run("estimate", "--scenario", path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "0123456789abcdef" in refused.stderr and catalog.content_hash in refused.stderr


def test_a_catalog_of_ones_own_is_a_folder_like_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "own prices"
    shutil.copytree(folder("pricing") / "seed-2026-early", own)
    file = own / "groq.yaml"
    text = file.read_text()
    assert "input: 0.1, " in text or "input: 0.10, " in text
    file.write_text(text.replace("input: 0.10, ", "input: 0.1, ").replace("input: 0.1, ", "input: 1, "))
    (found,) = rows("--catalog", own, "--model", "groq/llama-3-3-8b")
    assert found["total_usd"] == 405
    assert run("prices", "diff", "seed-2026-early", own).stdout.count("groq/llama-3-3-8b") >= 1


def test_overrides_are_laid_over_the_catalog(tmp_path: Path) -> None:
    deal = tmp_path / "deal.yaml"
    deal.write_text(
        "name: deal\nchecked_on: 2026-11-01\ndiscounts:\n  - {provider: anthropic, factor: 0.5, note: contract}\n"
    )
    (found,) = rows(*NOVEMBER, "--overrides", deal, "--model", "anthropic/claude-sonnet-4-6")
    assert found["total_usd"] == 975
    assert "deal (contract)" in found["source"]


def test_overrides_and_another_catalog_go_on_top_of_what_a_scenario_carries(tmp_path: Path) -> None:
    half = "name: half\ndiscounts:\n  - {provider: anthropic, factor: 0.5, note: contract}\n"
    fifth = tmp_path / "fifth.yaml"
    fifth.write_text(half.replace("half", "fifth").replace("0.5", "0.2"))
    carried = OverridesFile(file="half.yaml", text=half)
    own = load_catalog("seed-2026-early", parse_overrides(half, "half.yaml"))
    scenario = Scenario(workload=Workload(), catalog=pin("seed-2026-early", own), overrides=(carried,))
    path = scenario.save(tmp_path / "s.yaml")
    sonnet = ("--scenario", path, "--model", "anthropic/claude-sonnet-4-6")
    assert [rows(*sonnet, *more)[0]["total_usd"] for more in ((), ("--overrides", fifth))] == [975, 195]
    opus = ("--scenario", path, "--model", "anthropic/claude-opus-4-7")
    assert rows(*opus, "--catalog", "2026-11")[0]["total_usd"] == 1625  # half of today's 3,250


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("estimate", "--model", "claude-sonet-4-6"), "did you mean claude-sonnet-4-6"),
        (("estimate", "--catalog", "2026-12"), "unknown catalog '2026-12'; did you mean 2026-11"),
        (("estimate", "--catalog", "./none/prices"), "no such file or folder"),
        (("estimate", "--inputtokens", "5"), "No such option"),
        (("estimate", "--cache-hit-rate", "80"), "80"),
        (("estimate", "--requests", "0"), "0"),
        (("estimate", "--requests", "many"), "'many' is not a valid integer"),
        (("estimate", "--as-of", "yesterday"), "yesterday"),
        (("estimate", "--cacheable-tokens", "5000"), "more than the prompt it is a prefix of"),
        (("estimate", "--scenario", "none.yaml"), "none.yaml: cannot be read: No such file or directory"),
        (("estimate", "--overrides", "none.yaml"), "none.yaml: cannot be read: No such file or directory"),
        (("prices", "diff", "2026-11", "2027"), "unknown catalog '2027'"),
        (
            ("simulate", "claude-sonet"),
            "unknown simulated endpoint 'claude-sonet'; did you mean simulated/claude-sonnet",
        ),
        (("simulate", "--port", "70000"), "70000"),
        (("estmate",), "No such command 'estmate'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_on_stderr_and_a_status(arguments: tuple[str, ...], said: str) -> None:
    found = run(*arguments)
    assert found.returncode in (1, 2)
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1
    assert found.stderr.startswith("llmlab: ")
    assert said in found.stderr


def test_the_catalogs_are_listed_by_name() -> None:
    found = run("prices", "list")
    assert (found.returncode, found.stderr) == (0, "")
    assert [line.split()[0] for line in found.stdout.splitlines()] == [
        "catalog", "seed-2026-early", "2026-11", "litellm", "genai-prices",
    ]  # fmt: skip


def test_one_catalog_is_listed_by_its_table_of_specs() -> None:
    found = run("prices", "list", "seed-2026-early")
    assert (found.returncode, found.stderr) == (0, "")
    head, *body = found.stdout.splitlines()
    for column in SPEC_COLUMNS:
        assert column.lower() in head.lower()
    (gpt_5,) = (line for line in body if line.startswith("GPT-5 ") and "mini" not in line)
    assert "starts at $10" in gpt_5 and "starts at $40" in gpt_5
    assert len(body) == len(load_catalog("seed-2026-early").models)


def test_what_moved_between_two_catalogs_is_a_line_each() -> None:
    found = run("prices", "diff", "seed-2026-early", "2026-11", "--as-of", "2026-11-23")
    assert found.returncode == 0
    assert found.stderr == f"{len(found.stdout.splitlines())} changes\n"
    assert any("claude-opus-4-7" in line for line in found.stdout.splitlines())


def test_strict_lint_fails_where_there_is_a_finding_and_plain_lint_does_not() -> None:
    plain, strict = (run("prices", "lint", "2026-11", "--as-of", "2026-11-23", *more) for more in ((), ("--strict",)))
    assert (plain.returncode, strict.returncode) == (0, 1)
    assert plain.stdout == strict.stdout != ""
    assert strict.stderr == plain.stderr == f"{len(plain.stdout.splitlines())} findings\n"


def test_a_reader_that_stops_early_gets_no_traceback() -> None:
    with subprocess.Popen(
        [LLMLAB, "estimate", "--json", "--catalog", "litellm"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "[\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


# --- simulate


@contextlib.contextmanager
def simulating(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A running `llmlab simulate`, where it listens, and what it said."""
    with subprocess.Popen(
        [LLMLAB, "simulate", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            while said[-1] and "curl" not in said[-1]:  # of the last endpoint: these tests name one
                said.append(process.stdout.readline())
            yield process, said[0].split()[2].rstrip(":"), said
        finally:
            process.kill()


def test_the_simulator_answers_the_stock_sdk_until_it_is_interrupted() -> None:
    with simulating("groq-llama-8b", "--seed", "7") as (process, url, said):
        assert f"  openai     {url}/v1\n" in said and "sim-groq-llama-8b  (simulated/groq-llama-8b)\n" in said
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
            answer = client.chat.completions.create(
                model="sim-groq-llama-8b", messages=[{"role": "user", "content": "a b c"}]
            )
        assert answer.usage and (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 200)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "stopped\n")
    with pytest.raises(openai.APIConnectionError), openai.OpenAI(base_url=f"{url}/v1", api_key="any") as client:
        client.with_options(max_retries=0).models.list()


def test_the_simulator_ends_with_the_pipe_it_reads() -> None:
    with simulating("gpt-5") as (process, _, _):
        assert process.poll() is None
        assert process.communicate(timeout=20)[1] == ""  # closes standard input
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_the_simulator_ends_with_the_program_that_started_it() -> None:
    start = """
import subprocess, sys
print(subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL).pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", start, LLMLAB, "simulate", "gpt-5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline().startswith("Simulator at http://127.0.0.1:")
        assert runs(pid)
        parent.kill()
        deadline = time.monotonic() + 20
        while runs(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not runs(pid)


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_a_simulator_at_a_taken_port_says_so() -> None:
    with simulating("gpt-5") as (_, url, _):
        port = url.rpartition(":")[2]
        found = run("simulate", "gpt-5", "--port", port)
    assert (found.returncode, found.stdout) == (1, "")
    assert f"port {port} of 127.0.0.1" in found.stderr


def test_the_simulated_endpoints_are_listed_with_what_their_latency_rests_on() -> None:
    found = run("simulate", "--list")
    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert lines[0].startswith("Simulated: ")
    (sonnet,) = (line for line in lines if line.startswith("simulated/claude-sonnet "))
    assert sonnet.split()[1:4] == ["anthropic", "400", "ms"]
    (gpt_5,) = (line for line in lines if line.startswith("simulated/gpt-5 "))
    assert gpt_5.endswith("160 + 40 tokens")
    (basis,) = (line for line in lines if line.startswith("simulated/gpt-5: "))
    assert "billed and not sent" in basis and "seed document" in basis and "assumed: TTFT is 15%" in basis
    assert run("simulate", "--list", "simulated/deepseek").stdout.count("simulated/deepseek") == 2

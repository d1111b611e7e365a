"""What we say of LiteLLM against what it does: prefixes, variables, and how targets are called."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmlab.measurement.providers import litellm_prefixes, providers
from llmlab.measurement.simulated import Simulated, simulated_endpoints

SCRIPT = Path(__file__).with_name("litellm_targets.py")
PROJECT = Path(__file__).parents[2]
KEPT = ("HOME", "LANG", "PATH", "TMPDIR", "VIRTUAL_ENV")  # no key of whoever runs the tests
NO_KEY_NEEDED = {"hosted_vllm", "ollama"}


@functools.cache
def found() -> dict[str, Any]:
    """What LiteLLM made of everything, asked once."""
    run = subprocess.run(
        [sys.executable, SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env={name: os.environ[name] for name in KEPT if name in os.environ} | {"PYTHONPATH": str(PROJECT)},
    )
    assert run.returncode == 0, run.stderr
    results: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return results


def test_the_prefixes_read_from_its_files_are_those_it_knows() -> None:
    assert sorted(litellm_prefixes()) == found()["prefixes"]


@pytest.mark.parametrize("provider", providers(), ids=lambda provider: provider.prefix)
def test_each_way_that_is_listed_lets_a_call_out_with_its_key(provider: Any) -> None:
    tried = {way: seen for way, seen in found()["ways"].items() if way.startswith(f"{provider.prefix} by ")}
    wanted = [True, provider.prefix not in NO_KEY_NEEDED]
    assert {way: seen for way, seen in tried.items() if seen != wanted} == {}
    assert tried or provider.elsewhere  # Vertex AI asks Google first


def test_a_server_of_ones_own_hears_its_own_key_and_nothing_else_of_the_environment() -> None:
    (heard,) = found()["own server"]
    assert heard.startswith("/v1/chat/completions ")
    assert "authorization: Bearer a-key-of-its-own" in heard
    assert "nobodys-secret" not in heard


@pytest.mark.parametrize("one", simulated_endpoints(), ids=lambda one: one.name)
def test_a_simulated_endpoint_says_through_litellm_what_it_is_listed_with(one: Simulated) -> None:
    shape = one.endpoint.answer
    assert found()["simulated"][one.name] == {
        "answer": shape.output_tokens,
        "reasoning": 0 if shape.reasoning == "hidden" else shape.reasoning_tokens,
        "billed": shape.output_tokens + shape.reasoning_tokens,
        "finish": "stop",
    }

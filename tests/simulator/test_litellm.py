"""Every dialect as LiteLLM's own adapters read it, streamed and not. Bedrock's frames pass botocore's checksums."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from llmlab.errors import UnknownNameError
from llmlab.simulator import DialectName, litellm_parameters
from llmlab.simulator.process import DIALECTS

SCRIPT = Path(__file__).with_name("litellm_calls.py")
PROJECT = Path(__file__).parents[2]
EVERY_DIALECT = pytest.mark.parametrize("dialect", get_args(DialectName))
EITHER_WAY = pytest.mark.parametrize("way", ["whole", "streamed"])

RAISED = {
    "401": "AuthenticationError",
    "429": "RateLimitError",
    "500": "InternalServerError",
    "503": "ServiceUnavailableError",
    "overflow": "ContextWindowExceededError",
}
# Where LiteLLM 1.106 makes something else of a status than it does elsewhere.
LITELLMS_OWN = {
    ("azure", "500"): "APIError",
    ("bedrock", "500"): "ServiceUnavailableError",
    ("gemini", "503"): "InternalServerError",
}


@functools.cache
def found() -> dict[str, dict[str, Any]]:
    """What LiteLLM made of everything, asked once."""
    run = subprocess.run(
        [sys.executable, SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert run.returncode == 0, run.stderr
    results: dict[str, dict[str, Any]] = json.loads(run.stdout.splitlines()[-1])
    return results


@EVERY_DIALECT
@EITHER_WAY
def test_an_answer_arrives_with_its_reasoning_and_usage(dialect: DialectName, way: str) -> None:
    answer = found()[dialect][f"answer {way}"]
    assert "error" not in answer
    assert len(answer["text"].split()) == 5 and not answer["text"].isascii()
    assert len(answer["reasoning"].split()) == 3
    assert answer["finish"] == "stop"
    assert (answer["tokens"], answer["cached"]) == ([3, 8], 2)
    assert (answer["chunks"] > 8) == (way == "streamed")


@EVERY_DIALECT
@EITHER_WAY
def test_a_tool_is_called(dialect: DialectName, way: str) -> None:
    answer = found()[dialect][f"tool {way}"]
    assert answer.get("finish") == "tool_calls"
    ((name, arguments),) = answer["tools"]
    assert name == "get_weather" and list(arguments) == ["city"]


@EVERY_DIALECT
@EITHER_WAY
@pytest.mark.parametrize("fault", RAISED)
def test_an_error_is_of_the_right_class(dialect: DialectName, way: str, fault: str) -> None:
    got = found()[dialect][f"{fault} {way}"]
    raised = got["error"] if got["error"] != "MidStreamFallbackError" else got["inner"]  # Gemini's, before any token
    assert raised == LITELLMS_OWN.get((dialect, fault), RAISED[fault])


@EVERY_DIALECT
def test_retry_after_reaches_who_asked(dialect: DialectName) -> None:
    assert found()[dialect]["429 whole"]["retry_after"] == "7"


@EVERY_DIALECT
@EITHER_WAY
def test_a_refusal_is_seen_as_far_as_litellm_shows_it(dialect: DialectName, way: str) -> None:
    got = found()[dialect][f"refusal {way}"]
    if dialect == "azure":
        assert got["error"] == "ContentPolicyViolationError"
    elif dialect == "openai":
        assert (got["finish"], got["text"] or "") == ("stop", "")  # it drops the `refusal` field: an empty success
    else:
        assert got["finish"] == "content_filter"


@EVERY_DIALECT
def test_an_error_inside_a_stream_ends_it_with_what_came(dialect: DialectName) -> None:
    got = found()[dialect]["in band streamed"]
    assert got["error"] == "MidStreamFallbackError"
    assert got["chunks"] >= 4


def test_there_is_no_other_dialect() -> None:
    assert get_args(DialectName) == DIALECTS
    with pytest.raises(UnknownNameError, match="did you mean openai"):
        litellm_parameters("http://127.0.0.1:1", "m", "opnai")  # type: ignore[arg-type]

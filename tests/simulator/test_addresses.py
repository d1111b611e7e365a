"""Endpoints by address, so that several can stand for one model; and what a gateway's budgets and rules look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from llmlab.errors import LlmlabError
from llmlab.simulator import AnswerShape, Billed, LatencyProfile, MissingUsage, Refusal, SimulatedEndpoint, Simulator

QUICK = LatencyProfile(ttft_s=0.001, itl_s=0.0)
SAY: dict[str, Any] = {"messages": [{"role": "user", "content": "a b"}]}
CONVERSE = {"messages": [{"role": "user", "content": [{"text": "a b"}]}]}
GENERATE = {"contents": [{"role": "user", "parts": [{"text": "a b"}]}]}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    names = ("first", "second")
    with Simulator(
        [SimulatedEndpoint(name=name, profile=QUICK, answer=AnswerShape(output_tokens=3)) for name in names]
    ) as simulator:
        yield simulator


def post(simulator: Simulator, path: str, body: dict[str, Any]) -> httpx.Response:
    with httpx.Client(base_url=simulator.url, trust_env=False) as client:
        return client.post(path, json=body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "any/model", **SAY}),
        ("/chat/completions", {"model": "any/model", **SAY}),
        ("/openai/deployments/mine/chat/completions", SAY),
        ("/v1/messages", {"model": "any", "max_tokens": 9, **SAY}),
        ("/anthropic/v1/messages", {"model": "any", "max_tokens": 9, **SAY}),
        ("/v1/models/claude-x:rawPredict", {"max_tokens": 9, **SAY}),
        ("/v1beta/models/gemini-x:generateContent", GENERATE),
        ("/v1/models/gemini-x:generateContent", GENERATE),
        ("/model/eu.maker.model-1:0/converse", CONVERSE),
    ],
)
def test_an_address_says_which_endpoint_answers_in_every_dialect(
    simulator: Simulator, path: str, body: dict[str, Any]
) -> None:
    for name in ("first", "second"):
        assert post(simulator, f"/at/{name}{path}", body).status_code == 200
        assert simulator.log()[-1].endpoint == name


def test_claude_on_google_streams_by_its_own_method(simulator: Simulator) -> None:
    body = {"max_tokens": 9, "stream": True, **SAY}
    response = post(simulator, "/at/first/v1/models/claude-x:streamRawPredict", body)
    assert response.text.startswith("event: message_start") and '"model":"claude-x"' in response.text


def test_an_address_of_nobody_is_not_found(simulator: Simulator) -> None:
    assert post(simulator, "/at/third/v1/chat/completions", {"model": "first", **SAY}).status_code == 404


def test_a_path_of_no_dialect_is_in_the_log(simulator: Simulator) -> None:
    assert post(simulator, "/at/first/v1/embeddings", {"input": "x"}).status_code == 404
    logged = simulator.log()[-1]
    assert (logged.endpoint, logged.status, logged.dialect) == ("first", 404, "")
    assert logged.body == {"input": "x"}


def test_a_bill_is_as_large_as_the_script_says(simulator: Simulator) -> None:
    simulator.script(
        "first", [Billed(output_tokens=10**9), Billed(output_tokens=7), (Billed(output_tokens=7), MissingUsage())]
    )
    told = post(simulator, "/v1/chat/completions", {"model": "first", **SAY}).json()
    assert told["usage"]["completion_tokens"] == 10**9
    assert len(told["choices"][0]["message"]["content"].split()) == 3
    asked = {"model": "first", "stream": True, "stream_options": {"include_usage": True}, **SAY}
    assert '"completion_tokens":7' in post(simulator, "/v1/chat/completions", asked).text
    assert "usage" not in post(simulator, "/v1/chat/completions", {"model": "first", **SAY}).json()


def test_a_bill_is_for_at_least_one_token() -> None:
    with pytest.raises(LlmlabError, match="counted from 1"):
        Billed(output_tokens=0)


@pytest.mark.parametrize(
    ("path", "body", "finish"),
    [
        ("/v1/chat/completions", {"model": "x", **SAY}, '"content_filter"'),
        ("/v1/messages", {"model": "x", "max_tokens": 9, **SAY}, '"refusal"'),
        ("/v1beta/models/x:generateContent", GENERATE, '"SAFETY"'),
        ("/model/x/converse", CONVERSE, '"content_filtered"'),
    ],
)
def test_a_filter_is_told_by_the_reason_to_stop(
    simulator: Simulator, path: str, body: dict[str, Any], finish: str
) -> None:
    simulator.script("second", [Refusal(by="filter")])
    response = post(simulator, f"/at/second{path}", body)
    assert response.status_code == 200 and finish in response.text


def test_an_answer_says_its_service_tier(simulator: Simulator) -> None:
    assert post(simulator, "/v1/chat/completions", {"model": "first", **SAY}).json()["service_tier"] == "default"

"""The body of a refused request, in each provider's own shape, as one word of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.measurement.records import CallError
from llmlab.measurement.wire.problems import LONGEST_MESSAGE, error_of, is_breakdown, is_refusal


def openai(message: str, kind: str = "invalid_request_error", code: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def google(code: int, message: str, status: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, **more}}


QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, openai("Unknown parameter"), "bad_request"),
        (400, openai("This model's maximum context length is 8192 tokens", code="context_length_exceeded"),
         "context_overflow"),
        (400, openai("The response was filtered due to ... content management policy", code="content_filter"),
         "refused"),  # Azure
        (401, openai("Incorrect API key provided: sk-...", code="invalid_api_key"), "auth"),
        (403, openai("Country not supported", code="unsupported_country_region_territory"), "auth"),
        (404, openai("The model `gpt-9` does not exist", code="model_not_found"), "not_found"),
        (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist"}}, "not_found"),
        (429, openai("Rate limit reached for requests", "requests", "rate_limit_exceeded"), "rate_limited"),
        (429, openai(QUOTA, "insufficient_quota", "insufficient_quota"), "quota"),
        (500, openai("The server had an error", "server_error"), "server"),
        (503, openai("The engine is currently overloaded", "server_error"), "overloaded"),
        (400, anthropic("invalid_request_error", "max_tokens: Field required"), "bad_request"),
        (400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
         "context_overflow"),
        (400, anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 199000 + 4096"),
         "context_overflow"),
        (401, anthropic("authentication_error", "invalid x-api-key"), "auth"),
        (402, anthropic("billing_error", "Your credit balance is too low"), "quota"),
        (413, anthropic("request_too_large", "Request exceeds the maximum size"), "context_overflow"),
        (429, anthropic("rate_limit_error", "would exceed your organization's rate limit"), "rate_limited"),
        (529, anthropic("overloaded_error", "Overloaded"), "overloaded"),
        (400, google(400, "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                     "INVALID_ARGUMENT"), "context_overflow"),
        (429, google(429, QUOTA, "RESOURCE_EXHAUSTED"), "rate_limited"),
        (429, [google(429, QUOTA, "RESOURCE_EXHAUSTED")], "rate_limited"),  # without `alt=sse`
        (503, google(503, "The model is overloaded.", "UNAVAILABLE"), "overloaded"),
        (400, {"message": "Input is too long for requested model."}, "context_overflow"),  # Bedrock
        (403, {"Message": "User is not authorized to perform: bedrock:InvokeModel"}, "auth"),
        (424, {"message": "The model failed"}, "bad_request"),
        (429, {"message": "Too many tokens, please wait"}, "rate_limited"),
        (400, {"object": "error", "message": "This model's maximum context length is 4096", "code": 400},
         "context_overflow"),  # vLLM
        (400, openai("the request exceeds the available context size", "exceed_context_size_error", 400),
         "context_overflow"),  # llama.cpp
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}, "bad_request"),  # FastAPI
        (404, {"error": "model 'llama9' not found"}, "not_found"),  # Ollama
        (408, "", "timeout"),
        (502, "<html><body>Bad Gateway</body></html>", "server"),
        (500, None, "server"),
        (418, 5, "bad_request"),
        (500, [], "server"),
    ],
)  # fmt: skip
def test_each_providers_errors_have_one_word(status: int, body: Any, kind: str) -> None:
    error = error_of(status, body, {})
    assert (error.kind, error.http_status, error.retry_after_s) == (kind, status, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (openai("Unknown parameter"), "Unknown parameter"),
        ({"Message": "not authorized"}, "not authorized"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"detail": [{"msg": "Field required"}]}, "[{'msg': 'Field required'}]"),
        ({"error": "no such model"}, "no such model"),
        ("<html>", "<html>"),
        ("", "HTTP 500"),
        ({}, "HTTP 500"),
        ({"error": None}, "HTTP 500"),
        ({"error": {"message": "a" * 10_000}}, "a" * LONGEST_MESSAGE),
    ],
)
def test_the_message_is_the_providers_own(body: Any, message: str) -> None:
    assert error_of(500, body, {}).message == message


def retry(delay: Any) -> dict[str, Any]:
    return google(429, "slow", "RESOURCE_EXHAUSTED", details=[
        {"@type": "type.googleapis.com/google.rpc.Help"}, {"retryDelay": delay}, "more",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, "", 7),
        ({"retry-after": " 0.5 "}, "", 0.5),
        ({"retry-after": "-3"}, "", 0),
        ({"retry-after-ms": "250", "retry-after": "1"}, "", 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, "", 1),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", None),
        ({"retry-after": "inf"}, "", None),
        ({"retry-after": "nan"}, retry("2s"), 2),
        ({"retry-after": "1e999"}, "", None),
        ({}, retry("34.074824224s"), 34.074824224),
        ({"retry-after": "9"}, retry("2s"), 9),
        ({}, retry({"seconds": 3}), None),
        ({}, google(429, "slow", "", details={"retryDelay": "3s"}), None),
        ({}, google(429, "slow", "", details=5), None),
        ({}, "", None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], body: Any, seconds: float | None) -> None:
    assert error_of(429, body, headers).retry_after_s == seconds


@pytest.mark.parametrize("code", ["9" * 5_000, "²", [[]], {"a": 1}, 10**300])
def test_a_code_that_is_none_leaves_the_status_to_say(code: Any) -> None:
    assert error_of(429, {"error": {"code": code}}, {}).kind == "rate_limited"


def test_a_body_that_is_nested_too_deep_leaves_the_status_to_say() -> None:
    deep: Any = "a"
    for _ in range(5_000):
        deep = [deep]
    headers = {"retry-after": "3"}
    expected = CallError(kind="overloaded", message="HTTP 503", http_status=503, retry_after_s=3)
    assert error_of(503, {"error": {"message": deep}}, headers) == expected


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "Message", "detail", "details", "type", "code", "status", "retryDelay"]
            ),
            inner,
        )
    ),
)


@given(status=st.integers(400, 599), body=JSON, header=st.text())
def test_no_body_makes_it_raise(status: int, body: Any, header: str) -> None:
    error = error_of(status, body, {"retry-after": header, "retry-after-ms": header})
    assert error.http_status == status
    assert error.message and len(error.message) <= LONGEST_MESSAGE
    assert error.message.encode().decode() == error.message
    assert error.retry_after_s is None or 0 <= error.retry_after_s < float("inf")
    assert json.dumps(error.retry_after_s)


@pytest.mark.parametrize(
    "finish", ["content_filter", "SAFETY", "refusal", "guardrail_intervened", "PROHIBITED_CONTENT"]
)
def test_reasons_that_are_refusals(finish: str) -> None:
    assert is_refusal(finish) and not is_breakdown(finish)


@pytest.mark.parametrize("finish", ["error", "abort", "MALFORMED_FUNCTION_CALL", "malformed_model_output"])
def test_reasons_that_are_breakdowns(finish: str) -> None:
    assert is_breakdown(finish) and not is_refusal(finish)


@pytest.mark.parametrize(
    "finish",
    ["stop", "length", "tool_calls", "end_turn", "max_tokens", "STOP", "MAX_TOKENS", "stop_sequence", "", None],
)
def test_reasons_that_are_neither(finish: str | None) -> None:
    assert not is_refusal(finish) and not is_breakdown(finish)

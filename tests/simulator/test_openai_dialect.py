"""OpenAI's dialect and Azure's, asked by the stock OpenAI SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from llmlab.simulator import AnswerShape, ContextOverflow, LatencyProfile, Refusal, SimulatedEndpoint, Simulator, Status

ASK: list[Any] = [{"role": "user", "content": "one two three"}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}
THINKS = AnswerShape(output_tokens=5, reasoning_tokens=3, cached_tokens=2)
QUICK = LatencyProfile(ttft_s=0.002, itl_s=0.0005)
HIDES = AnswerShape(output_tokens=5, reasoning_tokens=3, reasoning="hidden")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(
        [
            SimulatedEndpoint(name="thinks", answer=THINKS, profile=QUICK),
            SimulatedEndpoint(name="hides", answer=HIDES, profile=QUICK),
            SimulatedEndpoint(name="small", context_tokens=4),
        ]
    ) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def azure(simulator: Simulator) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=simulator.url, api_key="any", api_version="2024-10-21", max_retries=0
    ) as client:
        yield client


def test_an_answer_is_text_reasoning_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="thinks", messages=ASK)
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "stop"
    assert len(str(message.content).split()) == 5
    assert message.model_extra and len(message.model_extra["reasoning_content"].split()) == 3
    usage = answer.usage
    assert usage and usage.prompt_tokens_details and usage.completion_tokens_details
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 8, 11)
    assert (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens) == (2, 3)


def test_a_stream_begins_with_a_role_and_no_text(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="thinks", messages=ASK, stream=True) as stream:
        chunks = list(stream)
    first = chunks[0].choices[0].delta
    assert (first.role, first.content) == ("assistant", "")
    said = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert len("".join(said).split()) == 5
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [chunk.usage for chunk in chunks if chunk.usage] == []


def test_usage_ends_a_stream_that_asks_for_it(client: openai.OpenAI) -> None:
    with client.chat.completions.create(
        model="thinks", messages=ASK, stream=True, stream_options={"include_usage": True}
    ) as stream:
        last = list(stream)[-1]
    assert last.choices == []
    assert last.usage and last.usage.completion_tokens == 8


def test_hidden_reasoning_is_billed_and_not_seen(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="hides", messages=ASK)
    assert "reasoning_content" not in (answer.choices[0].message.model_extra or {})
    assert answer.usage and answer.usage.completion_tokens == 8


def test_a_cap_cuts_the_answer_and_says_so(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="thinks", messages=ASK, max_completion_tokens=4)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage and answer.usage.completion_tokens == 4


@pytest.mark.parametrize(
    "asking",
    [
        {"messages": [{"role": "user", "content": "please call get_weather now"}]},
        {"messages": ASK, "tool_choice": "required"},
        {"messages": ASK, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
    ],
    ids=["in words", "any", "by name"],
)
def test_a_tool_is_called_where_one_is_asked_for(client: openai.OpenAI, asking: dict[str, Any]) -> None:
    choice = client.chat.completions.create(model="thinks", tools=[WEATHER], **asking).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or []
    assert call.type == "function" and call.function.name == "get_weather"
    arguments = json.loads(call.function.arguments)
    assert isinstance(arguments["city"], str) and isinstance(arguments["days"], int)


def test_a_tool_that_is_only_offered_is_not_called(client: openai.OpenAI) -> None:
    choice = client.chat.completions.create(model="thinks", tools=[WEATHER], messages=ASK).choices[0]
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)


def test_a_streamed_call_is_put_together_by_the_sdk(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="thinks", tools=[WEATHER], messages=[{"role": "user", "content": "call get_weather"}]
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    (call,) = message.tool_calls or []
    assert set(json.loads(call.function.arguments)) == {"city", "days"}


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_a_status_is_the_sdks_own_error_and_says_when_to_come_back(
    simulator: Simulator, client: openai.OpenAI, code: int, raised: type[openai.APIStatusError], streams: bool
) -> None:
    simulator.script("thinks", [Status(code=code, retry_after_s=7)])
    with pytest.raises(raised) as caught:
        client.chat.completions.create(model="thinks", messages=ASK, stream=streams)
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.status_code == code
    assert isinstance(caught.value.body, dict) and caught.value.body["message"]
    assert client.chat.completions.create(model="thinks", messages=ASK).choices  # then fine


def test_the_sdk_waits_and_tries_again_by_itself(simulator: Simulator, client: openai.OpenAI) -> None:
    before = simulator.log()[-1].number
    simulator.script("thinks", [Status(code=503, retry_after_s=0)])
    client.with_options(max_retries=1).chat.completions.create(model="thinks", messages=ASK)
    assert [request.status for request in simulator.log(after=before)] == [503, 200]


def test_a_prompt_over_the_window_is_said_to_be_too_long(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length is 4 tokens") as caught:
        client.chat.completions.create(model="small", messages=[{"role": "user", "content": "one two three four five"}])
    assert caught.value.code == "context_length_exceeded"


def test_a_model_that_is_not_there_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="`nothing` does not exist"):
        client.chat.completions.create(model="nothing", messages=ASK)


def test_the_endpoints_are_listed_as_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["thinks", "hides", "small"]


def test_a_refusal_is_said_in_its_own_field(simulator: Simulator, client: openai.OpenAI) -> None:
    simulator.script("thinks", [Refusal(), Refusal()])
    message = client.chat.completions.create(model="thinks", messages=ASK).choices[0].message
    assert (message.content, message.refusal) == (None, "I cannot help with that.")
    with client.chat.completions.stream(model="thinks", messages=ASK) as stream:
        assert stream.get_final_completion().choices[0].message.refusal == "I cannot help with that."


def test_azure_takes_the_deployment_from_the_path(simulator: Simulator, azure: openai.AzureOpenAI) -> None:
    assert azure.chat.completions.create(model="thinks", messages=ASK).usage
    asked = simulator.log()[-1]
    assert (asked.dialect, asked.endpoint) == ("azure", "thinks")
    assert asked.path == "/openai/deployments/thinks/chat/completions"


def test_azure_streams_report_on_the_prompt_first(azure: openai.AzureOpenAI) -> None:
    with azure.chat.completions.create(model="thinks", messages=ASK, stream=True) as stream:
        chunks = list(stream)
    assert chunks[0].choices == [] and "prompt_filter_results" in (chunks[0].model_extra or {})
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_azure_refuses_with_an_error_and_overflows_as_openai_does(
    simulator: Simulator, azure: openai.AzureOpenAI
) -> None:
    simulator.script("thinks", [Refusal(), ContextOverflow(), Status(code=429, retry_after_s=3)])
    with pytest.raises(openai.BadRequestError, match="content management policy") as refused:
        azure.chat.completions.create(model="thinks", messages=ASK)
    assert refused.value.code == "content_filter"
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        azure.chat.completions.create(model="thinks", messages=ASK)
    with pytest.raises(openai.RateLimitError) as limited:
        azure.chat.completions.create(model="thinks", messages=ASK)
    assert limited.value.response.headers["retry-after"] == "3"

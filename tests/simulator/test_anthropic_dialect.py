"""Anthropic's dialect, asked by the stock Anthropic SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from llmlab.simulator import (
    AnswerShape,
    ContextOverflow,
    InBandError,
    LatencyProfile,
    MissingFinish,
    MissingUsage,
    Refusal,
    SimulatedEndpoint,
    Simulator,
    Status,
)

ASK: Any = {"model": "thinks", "max_tokens": 100, "messages": [{"role": "user", "content": "one two three"}]}
QUICK = LatencyProfile(ttft_s=0.002, itl_s=0.0005)
WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    thinks = AnswerShape(output_tokens=5, reasoning_tokens=3, cached_tokens=2)
    hides = AnswerShape(output_tokens=5, reasoning_tokens=3, reasoning="hidden")
    writes = AnswerShape(output_tokens=5, cached_tokens=1, cache_write_tokens=50)
    with Simulator(
        [
            SimulatedEndpoint(name="thinks", answer=thinks, profile=QUICK),
            SimulatedEndpoint(name="hides", answer=hides, profile=QUICK),
            SimulatedEndpoint(name="writes", answer=writes, profile=QUICK),
        ]
    ) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=simulator.url, api_key="any", max_retries=0) as client:
        yield client


def check(message: anthropic.types.Message) -> None:
    thinking, text = message.content
    assert thinking.type == "thinking" and len(thinking.thinking.split()) == 3 and thinking.signature
    assert text.type == "text" and len(text.text.split()) == 5
    assert message.stop_reason == "end_turn"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (1, 2, 8)


def test_an_answer_thinks_then_speaks(client: anthropic.Anthropic) -> None:
    check(client.messages.create(**ASK))


def test_a_stream_is_put_together_to_the_same(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASK) as stream:
        check(stream.get_final_message())


def test_a_stream_has_the_providers_events_in_their_order(client: anthropic.Anthropic) -> None:
    with client.messages.create(**ASK, stream=True) as stream:
        names = [event.type for event in stream]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert list(dict.fromkeys(names)) == ["message_start", *block, "message_delta", "message_stop"]
    assert [names.count(name) for name in block] == [2, 3 + 1 + 5, 2]  # thinking, its signature, text


def test_hidden_thinking_is_an_empty_block_and_billed(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**{**ASK, "model": "hides"}) as stream:
        message = stream.get_final_message()
    assert message.content[0].type == "thinking" and message.content[0].thinking == ""
    assert message.usage.output_tokens == 8
    assert client.messages.create(**{**ASK, "model": "hides"}).content[0].type == "thinking"


def test_what_is_written_to_a_cache_is_told_and_is_never_more_than_the_prompt(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**{**ASK, "model": "writes"}) as stream:
        streamed = stream.get_final_message().usage
    for usage in (streamed, client.messages.create(**{**ASK, "model": "writes"}).usage):
        told = (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens)
        assert told == (0, 1, 2)  # of a prompt of three


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "get_weather"}], ids=["any", "by name"])
def test_a_forced_tool_is_called(client: anthropic.Anthropic, choice: Any, streams: bool) -> None:
    asked = {**ASK, "tools": [WEATHER], "tool_choice": choice}
    if streams:
        with client.messages.stream(**asked) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**asked)
    assert message.stop_reason == "tool_use"
    call = message.content[-1]
    assert call.type == "tool_use" and call.name == "get_weather"
    assert set(call.input) == {"city", "days"}


def test_a_cap_cuts_the_answer_and_says_so(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**{**ASK, "max_tokens": 4})
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 4)


@pytest.mark.parametrize(
    ("code", "raised", "named"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_a_status_is_the_sdks_own_error_and_says_when_to_come_back(
    simulator: Simulator,
    client: anthropic.Anthropic,
    code: int,
    raised: type[anthropic.APIStatusError],
    named: str,
    streams: bool,
) -> None:
    simulator.script("thinks", [Status(code=code, retry_after_s=7)])
    with pytest.raises(raised) as caught:
        client.messages.create(**ASK, stream=streams)
    assert caught.value.response.headers["retry-after"] == "7"
    assert isinstance(caught.value.body, dict) and caught.value.body["error"]["type"] == named
    assert str(caught.value.request_id).startswith("req_simulated_")


def test_an_error_in_the_stream_is_raised_from_it(simulator: Simulator, client: anthropic.Anthropic) -> None:
    simulator.script("thinks", [InBandError(after_tokens=2, code=529)])
    seen: list[str] = []
    with (
        pytest.raises(anthropic.APIStatusError, match="overloaded_error"),
        client.messages.create(**ASK, stream=True) as stream,
    ):
        seen.extend(event.type for event in stream)
    assert seen.count("content_block_delta") == 2


def test_too_long_a_prompt_and_a_missing_model_are_said_as_anthropic_does(
    simulator: Simulator, client: anthropic.Anthropic
) -> None:
    simulator.script("thinks", [ContextOverflow()])
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long: 3 tokens > 2 maximum"):
        client.messages.create(**ASK)
    with pytest.raises(anthropic.NotFoundError, match="model: nothing"):
        client.messages.create(**{**ASK, "model": "nothing"})


def test_a_refusal_is_a_stop_reason(simulator: Simulator, client: anthropic.Anthropic) -> None:
    simulator.script("thinks", [Refusal(), Refusal()])
    assert client.messages.create(**ASK).stop_reason == "refusal"
    with client.messages.stream(**ASK) as stream:
        assert stream.get_final_message().stop_reason == "refusal"


def test_usage_or_the_stop_reason_can_be_missing(simulator: Simulator, client: anthropic.Anthropic) -> None:
    simulator.script("thinks", [MissingUsage(), MissingFinish()])
    for fault in ("usage", "stop_reason"):
        with client.messages.create(**ASK, stream=True) as stream:
            events = [event.model_dump() for event in stream]
        assert events[-1]["type"] == "message_stop"
        last = events[-2]
        missing = {"usage": last["usage"] is None, "stop_reason": last["delta"]["stop_reason"] is None}
        assert [name for name, gone in missing.items() if gone] == [fault]


def test_a_request_that_says_nothing_is_refused(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="at least one message is required"):
        client.messages.create(**{**ASK, "messages": []})

"""Gemini's and Bedrock's dialects on the wire. LiteLLM reads both in `test_litellm.py`; this is what it does not show:
what stands in which event, and Bedrock's frames decoded by their specification."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from llmlab.simulator import (
    AnswerShape,
    ContextOverflow,
    Cut,
    InBandError,
    LatencyProfile,
    Malformed,
    MissingFinish,
    MissingUsage,
    SimulatedEndpoint,
    Simulator,
    Status,
)

GEMINI_ASK = {"contents": [{"role": "user", "parts": [{"text": "one two three"}]}]}
BEDROCK_ASK = {"messages": [{"role": "user", "content": [{"text": "one two three"}]}]}
SCHEMA = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "days": {"type": "ARRAY", "items": {"type": "INTEGER"}}}}  # noqa: E501  # fmt: skip
QUICK = LatencyProfile(ttft_s=0.002, itl_s=0.0005)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo"]}}}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    thinks = AnswerShape(output_tokens=5, reasoning_tokens=3, cached_tokens=2)
    writes = AnswerShape(output_tokens=2, cached_tokens=1, cache_write_tokens=2)
    with Simulator(
        [
            SimulatedEndpoint(name="eu.maker/m-1:0", answer=thinks, profile=QUICK),
            SimulatedEndpoint(name="writes", answer=writes, profile=QUICK),
        ]
    ) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, timeout=5, trust_env=False) as client:
        yield client


# --- Gemini


def gemini(client: httpx.Client, asked: dict[str, Any] | None = None, *, streams: bool = True) -> httpx.Response:
    how = "streamGenerateContent?alt=sse" if streams else "generateContent"
    return client.post(f"/v1beta/models/eu.maker/m-1:0:{how}", json=asked or GEMINI_ASK)


def events(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(event.removeprefix("data: ")) for event in response.text.split("\n\n") if event]


def parts(event: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = event["candidates"][0]["content"]["parts"]
    return found


def test_gemini_tells_thoughts_apart_from_text_and_counts_them_apart(client: httpx.Client) -> None:
    answer = gemini(client, streams=False).json()
    thought, text = parts(answer)
    assert thought["thought"] and len(thought["text"].split()) == 3
    assert len(text["text"].split()) == 5
    assert answer["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 2,
        "totalTokenCount": 11,
    }


def test_gemini_streams_usage_so_far_in_every_event_and_finishes_in_the_last(client: httpx.Client) -> None:
    told = events(gemini(client))
    assert [event["usageMetadata"]["totalTokenCount"] for event in told] == [4, 5, 6, 7, 8, 9, 10, 11, 11]
    assert [event["candidates"][0].get("finishReason") for event in told] == [None] * 8 + ["STOP"]


def test_gemini_calls_a_function_in_one_piece(client: httpx.Client) -> None:
    asked = GEMINI_ASK | {
        "tools": [{"functionDeclarations": [{"name": "get_weather", "parameters": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    calls = [part["functionCall"] for event in events(gemini(client, asked)) for part in parts(event) if "functionCall" in part]  # noqa: E501  # fmt: skip
    assert [call["name"] for call in calls] == ["get_weather"]
    assert isinstance(calls[0]["args"]["days"][0], int)


def test_gemini_says_when_to_come_back_in_the_body_too(simulator: Simulator, client: httpx.Client) -> None:
    simulator.script("eu.maker/m-1:0", [Status(code=429, retry_after_s=7)])
    response = gemini(client)
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    error = response.json()["error"]
    assert (error["code"], error["status"], error["details"][0]["retryDelay"]) == (429, "RESOURCE_EXHAUSTED", "7s")


def test_gemini_without_usage_or_finish(simulator: Simulator, client: httpx.Client) -> None:
    simulator.script("eu.maker/m-1:0", [MissingUsage(), MissingFinish(), ContextOverflow()])
    assert [event for event in events(gemini(client)) if "usageMetadata" in event] == []
    assert [event for event in events(gemini(client)) if "finishReason" in event["candidates"][0]] == []
    assert "exceeds the maximum number of tokens" in gemini(client).json()["error"]["message"]


def test_gemini_streams_as_events_only(client: httpx.Client) -> None:
    response = client.post("/v1beta/models/m:streamGenerateContent", json=GEMINI_ASK)
    assert response.status_code == 400 and "alt=sse" in response.json()["error"]["message"]


# --- Bedrock


class Frame:
    """One message of an event stream, decoded here from the specification, without the simulator's own code."""

    def __init__(self, data: bytes) -> None:
        total, headers_length, prelude_crc = struct.unpack(">III", data[:12])
        self.rest = data[total:]
        data = data[:total]
        self.intact = prelude_crc == zlib.crc32(data[:8]) and data[-4:] == struct.pack(">I", zlib.crc32(data[:-4]))
        self.headers: dict[str, str] = {}
        head = data[12 : 12 + headers_length]
        while head:
            name, head = head[1 : 1 + head[0]].decode(), head[1 + head[0] :]
            kind, size = struct.unpack(">BH", head[:3])
            assert kind == 7
            self.headers[name], head = head[3 : 3 + size].decode(), head[3 + size :]
        self.payload: dict[str, Any] = json.loads(data[12 + headers_length : -4])


def bedrock(client: httpx.Client, asked: dict[str, Any] | None = None, *, streams: bool = True) -> httpx.Response:
    how = "converse-stream" if streams else "converse"
    return client.post(f"/model/eu.maker%2Fm-1%3A0/{how}", json=asked or BEDROCK_ASK)


def frames(data: bytes) -> list[Frame]:
    found = []
    while data:
        found.append(Frame(data))
        data = found[-1].rest
    return found


def test_bedrock_frames_have_right_checksums_and_names_in_order(client: httpx.Client) -> None:
    response = bedrock(client)
    assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
    told = frames(response.content)
    assert all(frame.intact and frame.headers[":message-type"] == "event" for frame in told)
    names = [frame.headers[":event-type"] for frame in told]
    thinking, speaking = ["contentBlockDelta"] * 4, ["contentBlockDelta"] * 5  # three thoughts and their signature
    assert names == [
        "messageStart",
        *thinking,
        "contentBlockStop",
        *speaking,
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    usage = told[-1].payload["usage"]
    assert (usage["inputTokens"], usage["cacheReadInputTokens"], usage["outputTokens"]) == (1, 2, 8)


def test_bedrock_tells_what_was_written_to_a_cache(client: httpx.Client) -> None:
    usage = client.post("/model/writes/converse", json=BEDROCK_ASK).json()["usage"]
    told = (usage["inputTokens"], usage["cacheReadInputTokens"], usage["cacheWriteInputTokens"])
    assert told == (0, 1, 2)
    assert frames(client.post("/model/writes/converse-stream", json=BEDROCK_ASK).content)[-1].payload["usage"] == usage


def test_bedrock_answers_in_one_body_and_calls_a_tool(client: httpx.Client) -> None:
    tool = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": PARAMETERS}}}
    asked = BEDROCK_ASK | {"toolConfig": {"tools": [tool], "toolChoice": {"any": {}}}}
    answer = bedrock(client, asked, streams=False).json()
    assert answer["stopReason"] == "tool_use"
    assert answer["output"]["message"]["content"][-1]["toolUse"]["input"] == {"city": "Oslo"}
    started = [frame.payload["start"] for frame in frames(bedrock(client, asked).content) if "start" in frame.payload]
    assert [start["toolUse"]["name"] for start in started] == ["get_weather"]


def test_bedrock_names_its_errors_in_a_header(simulator: Simulator, client: httpx.Client) -> None:
    simulator.script("eu.maker/m-1:0", [Status(code=429, retry_after_s=7), ContextOverflow()])
    limited, too_long = bedrock(client), bedrock(client)
    assert limited.headers["x-amzn-errortype"] == "ThrottlingException" and limited.headers["retry-after"] == "7"
    assert too_long.headers["x-amzn-errortype"] == "ValidationException"
    assert too_long.json()["message"] == "Input is too long for requested model."


def test_bedrock_breaks_off_with_an_exception_in_the_stream(simulator: Simulator, client: httpx.Client) -> None:
    simulator.script("eu.maker/m-1:0", [InBandError(after_tokens=2, code=429)])
    last = frames(bedrock(client).content)[-1]
    assert (last.headers[":message-type"], last.headers[":exception-type"]) == ("exception", "throttlingException")


def test_a_malformed_frame_has_a_wrong_checksum_and_the_next_is_found(
    simulator: Simulator, client: httpx.Client
) -> None:
    simulator.script("eu.maker/m-1:0", [Malformed(token=2)])
    assert [frame.intact for frame in frames(bedrock(client).content)].count(False) == 1


def test_a_clean_cut_leaves_whole_frames_and_no_end(simulator: Simulator, client: httpx.Client) -> None:
    simulator.script("eu.maker/m-1:0", [Cut(token=5, clean=True)])
    told = frames(bedrock(client).content)
    assert told[-1].headers[":event-type"] == "contentBlockDelta"

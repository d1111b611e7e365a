"""Whole answers as each provider streams them, byte by byte, with what they say worked out by hand."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from llmlab.measurement.records import Kind, Usage
from llmlab.simulator.eventstream import message

SSE = "text/event-stream; charset=utf-8"
FRAMES = "application/vnd.amazon.eventstream"
JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`events` are the body's parts, `said` which of them (by their place) held output, and what. The event at place
    `marker` is the one after which the answer is whole."""

    content_type: str
    events: tuple[bytes, ...]
    said: tuple[tuple[int, Kind, str], ...]
    usage: Usage
    finish: str
    marker: int

    @property
    def body(self) -> bytes:
        return b"".join(self.events)

    def text(self, *kinds: Kind) -> str:
        return "".join(text for _, kind, text in self.said if kind in kinds)


def data(told: Any) -> bytes:
    text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
    return f"data: {text}\n\n".encode()


def named(kind: str, **fields: Any) -> bytes:
    """An event with a name, and its type in it once more: Anthropic's and OpenAI's newer ones."""
    return f"event: {kind}\n".encode() + data({"type": kind, **fields})


def frame(kind: str, **fields: Any) -> bytes:
    """An event of Bedrock's."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps(fields).encode())


def invoked(told: Any) -> bytes:
    """An event of a model's own within Bedrock's `InvokeModelWithResponseStream`."""
    return frame("chunk", bytes=base64.b64encode(json.dumps(told).encode()).decode())


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c-1", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}], "usage": None}


def tool(arguments: str) -> dict[str, Any]:
    return delta(tool_calls=[{"index": 0, "function": {"arguments": arguments}}])


OPENAI = Answer(
    content_type=SSE,
    events=(
        b": OPENROUTER PROCESSING\n\n",
        data({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),  # Azure's first
        data(delta(role="assistant", content="")),
        data(delta(reasoning_content="Hm, ")),
        data(delta(reasoning="so.")),
        b": keep-alive\n\n",
        data(delta(content="Καλη")),
        data(delta(content="μέρα 🙂")),
        data(delta("stop")),
        data({"choices": [], "usage": {
            "prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29,
            "prompt_tokens_details": {"cached_tokens": 16}, "completion_tokens_details": {"reasoning_tokens": 4},
        }}),
        data("[DONE]"),
    ),
    said=((3, "reasoning", "Hm, "), (4, "reasoning", "so."), (6, "answer", "Καλη"), (7, "answer", "μέρα 🙂")),
    usage=Usage(input=20, output=9, reasoning=4, cache_read=16),
    finish="stop",
    marker=10,
)  # fmt: skip

OPENAI_TOOL = Answer(
    content_type=SSE,
    events=(
        data(delta(role="assistant", content=None, tool_calls=[
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
        ])),
        data(tool('{"city": ')),
        data(tool('"Oslo"}')),
        data(delta("tool_calls")),
        data({"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 6}}),
        data("[DONE]"),
    ),
    said=((1, "tool", '{"city": '), (2, "tool", '"Oslo"}')),
    usage=Usage(input=30, output=6),
    finish="tool_calls",
    marker=5,
)  # fmt: skip

MISTRAL = Answer(
    content_type=SSE,
    events=(
        data(delta(role="assistant", content="")),
        data(delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]}])),
        data(delta(content=[{"type": "text", "text": "Well"}])),
        data({**delta("stop", content="."), "usage": {"prompt_tokens": 5, "completion_tokens": 7}}),
        data("[DONE]"),
    ),
    said=((1, "reasoning", "Let me see."), (2, "answer", "Well"), (3, "answer", ".")),
    usage=Usage(input=5, output=7),
    finish="stop",
    marker=4,
)

RESPONSES = Answer(
    content_type=SSE,
    events=(
        named("response.created", response={"status": "in_progress"}),
        named("response.output_item.added", item={"type": "reasoning", "summary": []}),
        named("response.reasoning_summary_text.delta", delta="First"),
        named("response.reasoning_text.delta", delta=", then"),
        named("response.output_text.delta", delta="Yes"),
        named("response.output_text.delta", delta=""),
        named("response.function_call_arguments.delta", delta='{"a": 1}'),
        named("response.output_text.done", text="Yes"),
        named("response.completed", response={"status": "completed", "incomplete_details": None, "usage": {
            "input_tokens": 40, "input_tokens_details": {"cached_tokens": 32},
            "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 44},
        }}),
    ),
    said=(
        (2, "reasoning", "First"), (3, "reasoning", ", then"), (4, "answer", "Yes"), (6, "tool", '{"a": 1}'),
    ),
    usage=Usage(input=40, output=50, reasoning=44, cache_read=32),
    finish="stop",
    marker=8,
)  # fmt: skip

ANTHROPIC_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": {"id": "m", "content": [], "usage": {
        "input_tokens": 10, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 30, "output_tokens": 1,
    }}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "x9+="}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Grüß"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": " dich"}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {
        "output_tokens": 15, "input_tokens": None,
    }},
    {"type": "message_stop"},
)  # fmt: skip
ANTHROPIC_SAID: tuple[tuple[int, Kind, str], ...] = (
    (3, "reasoning", "Hm."), (6, "answer", "Grüß"), (7, "answer", " dich"), (9, "tool", "{}"),
)  # fmt: skip
ANTHROPIC_USAGE = Usage(input=240, output=15, cache_read=200, cache_write=30)

ANTHROPIC = Answer(
    content_type=SSE,
    events=tuple(named(**{"kind": event["type"], **_rest}) for event in ANTHROPIC_EVENTS
                 for _rest in [{key: value for key, value in event.items() if key != "type"}]),
    said=ANTHROPIC_SAID,
    usage=ANTHROPIC_USAGE,
    finish="end_turn",
    marker=11,
)  # fmt: skip


def candidate(*parts: dict[str, Any], finish: str | None = None, **usage: int) -> dict[str, Any]:
    reason = {} if finish is None else {"finishReason": finish}
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, **reason}], "usageMetadata": usage}


GEMINI_EVENTS = (
    candidate({"text": "Weighing.", "thought": True}, promptTokenCount=12, thoughtsTokenCount=3),
    candidate({"text": "It is"}, {"text": " so"}, promptTokenCount=12, thoughtsTokenCount=3, candidatesTokenCount=2),
    candidate({"functionCall": {"name": "f", "args": {"n": 1}}}, promptTokenCount=12, thoughtsTokenCount=3),
    candidate(
        {"text": ""}, finish="STOP",
        promptTokenCount=12, thoughtsTokenCount=3, candidatesTokenCount=6, cachedContentTokenCount=8,
    ),
)  # fmt: skip
GEMINI_SAID: tuple[tuple[int, Kind, str], ...] = (
    (0, "reasoning", "Weighing."), (1, "answer", "It is"), (1, "answer", " so"), (2, "tool", '{"n": 1}'),
)  # fmt: skip
GEMINI_USAGE = Usage(input=12, output=9, reasoning=3, cache_read=8)

GEMINI = Answer(
    content_type=SSE,
    events=tuple(map(data, GEMINI_EVENTS)),
    said=GEMINI_SAID,
    usage=GEMINI_USAGE,
    finish="STOP",
    marker=3,
)
GEMINI_ARRAY = Answer(  # without `alt=sse`: it can only be read when it is whole
    content_type=JSON,
    events=(json.dumps(GEMINI_EVENTS, indent=1).encode(),),
    said=tuple((0, kind, text) for _, kind, text in GEMINI_SAID),
    usage=GEMINI_USAGE,
    finish="STOP",
    marker=0,
)

BEDROCK = Answer(
    content_type=FRAMES,
    events=(
        frame("messageStart", role="assistant"),
        frame("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"text": "Hm."}}, p="abcdef"),
        frame("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"signature": "x"}}),
        frame("contentBlockStop", contentBlockIndex=0),
        frame("contentBlockDelta", contentBlockIndex=1, delta={"text": "Voilà"}),
        frame("contentBlockStart", contentBlockIndex=2, start={"toolUse": {"toolUseId": "t", "name": "f"}}),
        frame("contentBlockDelta", contentBlockIndex=2, delta={"toolUse": {"input": '{"n": 1}'}}),
        frame("messageStop", stopReason="tool_use"),
        frame("metadata", metrics={"latencyMs": 9}, usage={
            "inputTokens": 5, "outputTokens": 6, "totalTokens": 111, "cacheReadInputTokens": 60,
            "cacheWriteInputTokens": 40,
        }),
    ),
    said=((1, "reasoning", "Hm."), (4, "answer", "Voilà"), (6, "tool", '{"n": 1}')),
    usage=Usage(input=105, output=6, cache_read=60, cache_write=40),
    finish="tool_use",
    marker=7,
)  # fmt: skip
BEDROCK_INVOKED = Answer(
    content_type=FRAMES,
    events=tuple(map(invoked, ANTHROPIC_EVENTS)),
    said=ANTHROPIC_SAID,
    usage=ANTHROPIC_USAGE,
    finish="end_turn",
    marker=11,
)

NOT_STREAMED = Answer(  # what LiteLLM asks for where a model cannot stream
    content_type=JSON,
    events=(
        json.dumps({
            "choices": [{"message": {"role": "assistant", "content": "All at once."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4},
        }).encode(),
    ),
    said=((0, "answer", "All at once."),),
    usage=Usage(input=3, output=4),
    finish="stop",
    marker=0,
)  # fmt: skip

ANSWERS = {
    "openai": OPENAI,
    "openai tool": OPENAI_TOOL,
    "mistral": MISTRAL,
    "openai responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "gemini array": GEMINI_ARRAY,
    "bedrock": BEDROCK,
    "bedrock invoke": BEDROCK_INVOKED,
    "not streamed": NOT_STREAMED,
}


# --- On the wire -----------------------------------------------------------------------------------------------------


def head(content_type: str, *more: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *more, "", ""]).encode()


def counted(content_type: str, body: bytes, *more: str, status: str = "200 OK") -> bytes:
    """A response whose length is announced."""
    return head(content_type, f"Content-Length: {len(body)}", *more, status=status) + body


def chunked(content_type: str, parts: Iterable[bytes], *more: str, trailer: str = "") -> bytes:
    """A response that is sent a part at a time."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head(content_type, "Transfer-Encoding: chunked", *more) + body + b"0\r\n" + trailer.encode() + b"\r\n"


def until_closed(content_type: str, body: bytes) -> bytes:
    """A response that ends when the connection does."""
    return head(content_type, "Connection: close") + body


def gzipped(parts: Iterable[bytes]) -> list[bytes]:
    """The parts compressed, each so that it can be read as soon as it arrives."""
    zipper = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    made = [zipper.compress(part) + zipper.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return [*made, zipper.flush()]

"""What one event means, in each provider's words. `heed` tells the dialects apart by the shape of what they send.

A delta that holds no text - a role, an empty content, a ping - is no token.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import CallError, Chunk, Kind, Usage
from .events import Event

LONGEST_MESSAGE = 500

# What gives a kind of error away, where the status does not: in the words of its type, code and message.
SIGNS = {
    "context_overflow": ("context_length", "maximum context length", "prompt is too long", "input is too long",
                         "input token count", "exceeds the maximum number of tokens", "exceed_context_size"),
    "refused": ("content_filter", "content management policy", "responsibleaipolicy"),
    "overloaded": ("overloaded",),
    "rate_limited": ("rate_limit", "resource_exhausted", "throttl", "too many requests"),
    "quota": ("insufficient_quota", "billing"),
}  # fmt: skip
KINDS = {401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 413: "context_overflow", 429: "rate_limited",
         503: "overloaded", 529: "overloaded"}  # fmt: skip
REFUSALS = frozenset(
    {"content_filter", "content_filtered", "guardrail_intervened", "refusal", "safety", "prohibited_content",
     "blocklist", "spii", "recitation", "image_safety"}
)  # fmt: skip


@dataclass(slots=True)
class Reading:
    """What a response said. `marked`: the provider's own end marker came. `complete`: so did the end of the body."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    first_byte_ns: int | None = None
    chunks: list[Chunk] = field(default_factory=list)
    texts: dict[Kind, list[str]] = field(default_factory=dict)
    usage: Usage | None = None
    finish: str | None = None
    marked: bool = False
    complete: bool = False
    malformed: int = 0
    begun: Mapping[str, Any] = field(default_factory=dict)  # Anthropic tells usage in two parts
    error: CallError | None = None

    @property
    def refused(self) -> bool:
        return (self.finish or "").lower() in REFUSALS

    def text(self, kind: Kind) -> str:
        return "".join(self.texts.get(kind, ()))

    def say(self, at_ns: int, kind: Kind, text: Any) -> None:
        """Some of the model's output; anything but a text with something in it is none."""
        if isinstance(text, str) and text:
            self.chunks.append(Chunk(at_ns, kind, len(text)))
            self.texts.setdefault(kind, []).append(text)


def heed(reading: Reading, event: Event) -> None:
    """Take in one event. An event of an unknown shape is passed over: providers add new ones."""
    match event.data:
        case None:
            reading.malformed += 1
        case "[DONE]":
            reading.marked = True
        case {"error": problem} if problem:
            _fail(reading, problem)
        case {"type": "error", **more}:
            _fail(reading, more)
        case {"choices": [*_]} as said:
            _openai(reading, event.at_ns, said)
        case {"candidates": _} | {"promptFeedback": _} | {"usageMetadata": _}:
            _gemini(reading, event.at_ns, event.data)
        case {"type": str(kind)} if kind.startswith("response."):
            _openai_responses(reading, event.at_ns, kind, event.data)
        case {"type": str(kind)}:
            _anthropic(reading, event.at_ns, kind, event.data)
        case [*several]:  # Gemini without `alt=sse`
            for one in several:
                heed(reading, Event(event.at_ns, event.name, one))
        case dict() as said if event.name:
            _bedrock(reading, event.at_ns, event.name, said)
        case _:
            pass


def _openai(reading: Reading, at: int, said: Mapping[str, Any]) -> None:
    for choice in said["choices"]:
        delta = choice.get("delta") or choice.get("message") or {}
        reading.say(at, "reasoning", delta.get("reasoning_content") or delta.get("reasoning"))
        reading.say(at, "answer", delta.get("content"))
        if delta.get("refusal"):
            reading.say(at, "answer", delta["refusal"])
            reading.finish = "refusal"
        for call in delta.get("tool_calls") or ():
            reading.say(at, "tool", (call.get("function") or {}).get("arguments"))
        if choice.get("finish_reason") and reading.finish != "refusal":
            reading.finish = choice["finish_reason"]
    if used := said.get("usage"):
        told = used.get("completion_tokens_details") or {}
        asked = used.get("prompt_tokens_details") or {}
        reading.usage = Usage(
            input=used.get("prompt_tokens") or 0,
            output=used.get("completion_tokens") or 0,
            reasoning=told.get("reasoning_tokens"),
            cache_read=asked.get("cached_tokens") or 0,
        )


def _openai_responses(reading: Reading, at: int, kind: str, said: Mapping[str, Any]) -> None:
    match kind:
        case "response.output_text.delta":
            reading.say(at, "answer", said.get("delta"))
        case "response.refusal.delta":
            reading.say(at, "answer", said.get("delta"))
            reading.finish = "refusal"
        case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
            reading.say(at, "reasoning", said.get("delta"))
        case "response.function_call_arguments.delta":
            reading.say(at, "tool", said.get("delta"))
        case "response.completed" | "response.incomplete":
            whole = said.get("response") or {}
            reading.marked = True
            reading.finish = reading.finish or (whole.get("incomplete_details") or {}).get("reason") or "stop"
            if used := whole.get("usage"):
                reading.usage = Usage(
                    input=used.get("input_tokens") or 0,
                    output=used.get("output_tokens") or 0,
                    reasoning=(used.get("output_tokens_details") or {}).get("reasoning_tokens"),
                    cache_read=(used.get("input_tokens_details") or {}).get("cached_tokens") or 0,
                )
        case "response.failed":
            _fail(reading, (said.get("response") or {}).get("error") or {})
        case _:
            pass


def _anthropic(reading: Reading, at: int, kind: str, said: Mapping[str, Any]) -> None:
    match kind:
        case "message_start":
            reading.begun = (said.get("message") or {}).get("usage") or {}
        case "content_block_delta":
            delta = said.get("delta") or {}
            reading.say(at, "reasoning", delta.get("thinking"))
            reading.say(at, "answer", delta.get("text"))
            reading.say(at, "tool", delta.get("partial_json"))
        case "message_delta":
            reading.finish = (said.get("delta") or {}).get("stop_reason") or reading.finish
            if used := said.get("usage"):
                _anthropic_usage(reading, {**reading.begun, **{k: v for k, v in used.items() if v is not None}})
        case "message_stop":
            reading.marked = True
        case _:
            pass


def _anthropic_usage(reading: Reading, used: Mapping[str, Any]) -> None:
    """`input_tokens` are those that no cache had a part in: the prompt is all three. Thinking is not told apart."""
    read, written = used.get("cache_read_input_tokens") or 0, used.get("cache_creation_input_tokens") or 0
    reading.usage = Usage(
        input=(used.get("input_tokens") or 0) + read + written,
        output=used.get("output_tokens") or 0,
        cache_read=read,
        cache_write=written,
    )


def _gemini(reading: Reading, at: int, said: Mapping[str, Any]) -> None:
    """Thoughts are not among the candidates' tokens. There is no end marker: the finish reason is the end."""
    for candidate in said.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            reading.say(at, "reasoning" if part.get("thought") else "answer", part.get("text"))
            if call := part.get("functionCall"):
                reading.say(at, "tool", json.dumps(call.get("args") or {}))
        if candidate.get("finishReason"):
            reading.finish, reading.marked = candidate["finishReason"], True
    if reason := (said.get("promptFeedback") or {}).get("blockReason"):
        reading.finish, reading.marked = "prohibited_content", True
        reading.error = CallError(kind="refused", message=f"the prompt was blocked: {reason}")
    if used := said.get("usageMetadata"):
        thought = used.get("thoughtsTokenCount") or 0
        reading.usage = Usage(
            input=used.get("promptTokenCount") or 0,
            output=(used.get("candidatesTokenCount") or 0) + thought,
            reasoning=thought,
            cache_read=used.get("cachedContentTokenCount") or 0,
        )


def _bedrock(reading: Reading, at: int, name: str, said: Mapping[str, Any]) -> None:
    match name:
        case "contentBlockDelta":
            delta = said.get("delta") or {}
            reading.say(at, "reasoning", (delta.get("reasoningContent") or {}).get("text"))
            reading.say(at, "answer", delta.get("text"))
            reading.say(at, "tool", (delta.get("toolUse") or {}).get("input"))
        case "messageStop":
            reading.finish, reading.marked = said.get("stopReason"), True
        case "metadata":
            used = said.get("usage") or {}
            read, written = used.get("cacheReadInputTokens") or 0, used.get("cacheWriteInputTokens") or 0
            reading.usage = Usage(
                input=(used.get("inputTokens") or 0) + read + written,
                output=used.get("outputTokens") or 0,
                cache_read=read,
                cache_write=written,
            )
        case "chunk":  # InvokeModel: the model's own events, wrapped
            inner = json.loads(base64.b64decode(said.get("bytes") or "bnVsbA=="))
            heed(reading, Event(at, "", inner))
        case _ if name.lower().endswith(("exception", "error")):
            _fail(reading, {"type": name, **said})
        case _:
            pass


def error_of(status: int, body: Any, headers: Mapping[str, str]) -> CallError:
    """What a refused request said, in the shape each provider gives it."""
    problem = body[0] if isinstance(body, list) and body else body
    problem = problem.get("error", problem) if isinstance(problem, dict) else problem
    return _error(problem, status, _retry_after(headers, problem))


def _fail(reading: Reading, problem: Any) -> None:
    """An error inside a stream. The first is the cause."""
    problem = problem.get("error", problem) if isinstance(problem, dict) else problem
    reading.error = reading.error or _error(problem, None, None)


def _error(problem: Any, status: int | None, retry_after_s: float | None) -> CallError:
    told = problem if isinstance(problem, dict) else {"message": problem}
    message = str(told.get("message") or told.get("Message") or told.get("detail") or told or f"HTTP {status}")
    words = f"{told.get('type', '')} {told.get('code', '')} {told.get('status', '')} {message}".lower()
    code = status or next((int(str(v)) for v in (told.get("code"), told.get("status")) if str(v).isdecimal()), None)
    return CallError(
        kind=_kind(code, words), message=message[:LONGEST_MESSAGE], http_status=status, retry_after_s=retry_after_s
    )


def _kind(code: int | None, words: str) -> str:
    for kind, signs in SIGNS.items():
        if any(sign in words for sign in signs):
            return kind
    if code in KINDS:
        return KINDS[code]
    return "server" if code is None or code >= 500 else "bad_request"


def _retry_after(headers: Mapping[str, str], problem: Any) -> float | None:
    """Seconds, from the header or, as Gemini does, the body. A date is not read."""
    texts = [str(headers.get("retry-after-ms", "")) + "ms", str(headers.get("retry-after", "")) + "s"]
    details = (problem.get("details") or ()) if isinstance(problem, dict) else ()
    texts += [str(detail.get("retryDelay", "")) for detail in details if isinstance(detail, dict)]
    for text in texts:
        number, unit = (text[:-2], 1000) if text.endswith("ms") else (text.removesuffix("s"), 1)
        try:
            return max(float(number) / unit, 0.0)
        except ValueError:
            continue
    return None

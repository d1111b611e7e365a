"""What one event means, in each provider's words. `heed` tells the dialects apart by the shape of what they send.

A delta that holds no text - a role, an empty content, a ping - is no token. Nothing here trusts a shape: what is not
as its provider documents it raises, and `heed`, the one way in, counts it as malformed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import CallError, Chunk, Kind, Usage
from .events import Event
from .problems import WRONG_SHAPE, error_in, mended

MOST_TOKENS = 10**12  # a count above is none

# Of Anthropic's events, those that mean something here; another provider's have a `type` too.
ANTHROPIC = frozenset(
    {"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
     "message_stop", "ping"}
)  # fmt: skip


@dataclass(slots=True)
class Reading:
    """What a response said. `marked`: the provider's own end marker came. `complete`: so did the end of the body.

    `understood` says that some event was of a dialect that is known here.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    first_byte_ns: int | None = None
    chunks: list[Chunk] = field(default_factory=list)
    texts: dict[Kind, list[str]] = field(default_factory=dict)
    usage: Usage | None = None
    finish: str | None = None
    marked: bool = False
    complete: bool = False
    understood: bool = False
    malformed: int = 0
    begun: Mapping[str, Any] = field(default_factory=dict)  # Anthropic tells usage in two parts
    error: CallError | None = None

    def text(self, kind: Kind) -> str:
        return mended("".join(self.texts.get(kind, ())))

    def say(self, at_ns: int, kind: Kind, text: str | None) -> None:
        """Some of the model's output; a text with nothing in it is none."""
        if text and _text(text):
            self.chunks.append(Chunk(at_ns, kind, len(text)))
            self.texts.setdefault(kind, []).append(text)


def heed(reading: Reading, event: Event) -> None:
    """Take in one event. One that is unreadable or of a wrong shape counts as malformed, and what could be read of it
    holds; one that nobody knows is passed over: providers add new ones."""
    try:
        if _heed(reading, event):
            reading.understood = True
    except WRONG_SHAPE:
        reading.malformed += 1


def _heed(reading: Reading, event: Event) -> bool:
    """Whether the event is of a known kind."""
    at = event.at_ns
    match event.data:
        case None:
            reading.malformed += 1
            return False
        case "[DONE]":
            reading.marked = True
        case {"error": problem} if problem:
            _fail(reading, problem)
        case {"type": "error", **more} | {"object": "error", **more}:
            _fail(reading, more)
        case {"choices": _} as said:
            _openai(reading, at, said)
        case {"candidates": _} | {"promptFeedback": _} | {"usageMetadata": _} as said:
            _gemini(reading, at, said)
        case {"type": str(kind)} as said if kind.startswith("response."):
            _openai_responses(reading, at, kind, said)
        case {"type": str(kind)} as said if kind in ANTHROPIC:
            _anthropic(reading, at, kind, said)
        case [*several]:  # Gemini without `alt=sse`
            for one in several:
                heed(reading, Event(at, event.name, one))
            return False
        case dict() as said if event.name:
            return _bedrock(reading, at, event.name, said)
        case _:
            return False
    return True


def _openai(reading: Reading, at: int, said: Mapping[str, Any]) -> None:
    for choice in said["choices"] or ():
        delta = choice.get("delta") or choice.get("message") or {}
        reading.say(at, "reasoning", delta.get("reasoning_content") or delta.get("reasoning"))
        _openai_content(reading, at, delta.get("content"))
        if refusal := delta.get("refusal"):
            reading.say(at, "answer", refusal)
            reading.finish = "refusal"
        for call in delta.get("tool_calls") or ():
            reading.say(at, "tool", _arguments((call.get("function") or {}).get("arguments")))
        if (reason := choice.get("finish_reason")) and reading.finish != "refusal":
            reading.finish = _text(reason)
        if "message" in choice and "delta" not in choice:  # not streamed, so that it is whole
            reading.marked = True
    if used := said.get("usage"):
        reading.usage = _openai_usage(used)


def _openai_content(reading: Reading, at: int, content: Any) -> None:
    """A text; of Mistral's reasoning models a list of parts, in which thoughts are lists again."""
    if not isinstance(content, list):
        reading.say(at, "answer", content)
        return
    for part in content:
        for thought in part.get("thinking") or ():
            reading.say(at, "reasoning", thought.get("text"))
        reading.say(at, "answer", part.get("text"))


def _openai_usage(used: Mapping[str, Any]) -> Usage:
    """Reasoning is among the output; with xAI it is not, which the total tells."""
    asked, answered = _count(used, "prompt_tokens"), _count(used, "completion_tokens")
    told = used.get("completion_tokens_details") or {}
    reasoning = _count(told, "reasoning_tokens")
    apart = reasoning > 0 and _count(used, "total_tokens") == asked + answered + reasoning
    return Usage(
        input=asked,
        output=answered + reasoning if apart else answered,
        reasoning=None if told.get("reasoning_tokens") is None else reasoning,
        cache_read=_count(used.get("prompt_tokens_details") or {}, "cached_tokens"),
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
            reason = (whole.get("incomplete_details") or {}).get("reason") or "stop"
            reading.finish = reading.finish or _text(reason)
            if used := whole.get("usage"):
                told = used.get("output_tokens_details") or {}
                reading.usage = Usage(
                    input=_count(used, "input_tokens"),
                    output=_count(used, "output_tokens"),
                    reasoning=_count(told, "reasoning_tokens") if "reasoning_tokens" in told else None,
                    cache_read=_count(used.get("input_tokens_details") or {}, "cached_tokens"),
                )
        case "response.failed":
            _fail(reading, (said.get("response") or {}).get("error") or {})
        case _:
            pass


def _anthropic(reading: Reading, at: int, kind: str, said: Mapping[str, Any]) -> None:
    match kind:
        case "message_start":
            reading.begun = dict((said.get("message") or {}).get("usage") or {})
        case "content_block_delta":
            delta = said.get("delta") or {}
            reading.say(at, "reasoning", delta.get("thinking"))
            reading.say(at, "answer", delta.get("text"))
            reading.say(at, "tool", delta.get("partial_json"))
        case "message_delta":
            if reason := (said.get("delta") or {}).get("stop_reason"):
                reading.finish = _text(reason)
            if used := said.get("usage"):
                _anthropic_usage(reading, {**reading.begun, **{k: v for k, v in used.items() if v is not None}})
        case "message_stop":
            reading.marked = True
        case _:
            pass


def _anthropic_usage(reading: Reading, used: Mapping[str, Any]) -> None:
    """`input_tokens` are those that no cache had a part in: the prompt is all three. Thinking is not told apart."""
    read, written = _count(used, "cache_read_input_tokens"), _count(used, "cache_creation_input_tokens")
    reading.usage = Usage(
        input=_count(used, "input_tokens") + read + written,
        output=_count(used, "output_tokens"),
        cache_read=read,
        cache_write=written,
    )


def _gemini(reading: Reading, at: int, said: Mapping[str, Any]) -> None:
    """Thoughts are not among the candidates' tokens. There is no end marker: the finish reason is the end."""
    for candidate in said.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            reading.say(at, "reasoning" if part.get("thought") else "answer", part.get("text"))
            if call := part.get("functionCall"):
                reading.say(at, "tool", _arguments(call.get("args") or {}))
        if reason := candidate.get("finishReason"):
            reading.finish, reading.marked = _text(reason), True
    if reason := (said.get("promptFeedback") or {}).get("blockReason"):
        reading.finish, reading.marked = "prohibited_content", True
        reading.error = CallError(kind="refused", message=f"the prompt was blocked: {_text(reason)}")
    if used := said.get("usageMetadata"):
        thought = _count(used, "thoughtsTokenCount")
        reading.usage = Usage(
            input=_count(used, "promptTokenCount"),
            output=_count(used, "candidatesTokenCount") + thought,
            reasoning=thought,
            cache_read=_count(used, "cachedContentTokenCount"),
        )


def _bedrock(reading: Reading, at: int, name: str, said: Mapping[str, Any]) -> bool:
    """Whether the event is of a known kind: anybody's may have a name."""
    match name:
        case "contentBlockDelta":
            delta = said.get("delta") or {}
            reading.say(at, "reasoning", (delta.get("reasoningContent") or {}).get("text"))
            reading.say(at, "answer", delta.get("text"))
            reading.say(at, "tool", (delta.get("toolUse") or {}).get("input"))
        case "messageStop":
            reason = said.get("stopReason")
            reading.finish, reading.marked = None if reason is None else _text(reason), True
        case "metadata":
            used = said.get("usage") or {}
            read, written = _count(used, "cacheReadInputTokens"), _count(used, "cacheWriteInputTokens")
            reading.usage = Usage(
                input=_count(used, "inputTokens") + read + written,
                output=_count(used, "outputTokens"),
                cache_read=read,
                cache_write=written,
            )
        case "chunk":  # InvokeModel: the model's own events, wrapped
            inner = json.loads(base64.b64decode(said.get("bytes") or "bnVsbA=="))
            heed(reading, Event(at, "", inner))
        case _ if name.lower().endswith(("exception", "error")):
            _fail(reading, {"type": name, **said})
        case "messageStart" | "contentBlockStart" | "contentBlockStop":
            pass
        case _:
            return False
    return True


def _fail(reading: Reading, problem: Any) -> None:
    """An error inside a stream. The first is the cause."""
    reading.error = reading.error or error_in(problem)


def _text(value: str) -> str:
    """The value, which has to be a text."""
    if not isinstance(value, str):
        raise TypeError(f"not a text: {type(value).__name__}")
    return mended(value)


def _arguments(value: Any) -> str | None:
    """A tool's arguments; some send an object where OpenAI sends its text."""
    return json.dumps(value) if isinstance(value, dict) else value


def _count(used: Mapping[str, Any], name: str) -> int:
    """How many tokens; 0 where it is not said."""
    count = used.get(name)
    if count is None:
        return 0
    if type(count) is not int or not 0 <= count <= MOST_TOKENS:
        raise ValueError(f"{name} is no count of tokens")
    return count

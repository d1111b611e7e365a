"""The ways to ask: through LiteLLM, and for comparison the stock SDKs and bare httpx. All give the same deltas.

Each is called as an application would call it, with its own retries off: attempts are made, and seen, elsewhere.
The libraries are heavy: they are imported in the worker, before a run that asks through them.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import LlmlabError, UnknownNameError
from .orders import Lane, Question
from .records import Kind, Path, Usage
from .wire.dialects import Reading, heed
from .wire.events import Event

OPENAI = "https://api.openai.com/v1"
OWN_HEADERS = ("OpenAI-Organization", "OpenAI-Project")
OPENAI_PREFIXES = ("openai", "hosted_vllm", "")


@dataclass(frozen=True, slots=True)
class Delta:
    """Some text, as the library handed it over."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the library says at the end: as it has it, which need not be what the provider said."""

    finish: str | None = None
    usage: Usage | None = None


Deltas = AsyncIterator[Delta | Told]
Asking = Callable[[Lane, Question, list[dict[str, str]], float], Deltas]


async def litellm_deltas(lane: Lane, question: Question, messages: list[dict[str, str]], timeout_s: float) -> Deltas:
    """Through `litellm.acompletion`."""
    import litellm

    asked: dict[str, Any] = {
        "messages": messages,
        "max_tokens": question.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_retries": 0,
        "num_retries": 0,
        "timeout": timeout_s,
        **lane.parameters,
        **_optional(question, effort="reasoning_effort"),
    }
    if lane.key_variable is not None:
        asked["api_key"] = os.environ.get(lane.key_variable) or "none"
    stream: Any = await litellm.acompletion(**asked)
    finish: str | None = None
    usage: Usage | None = None
    async for chunk in stream:
        for choice in chunk.choices:
            delta = choice.delta
            if thought := getattr(delta, "reasoning_content", None):
                yield Delta("reasoning", thought)
            if delta.content:
                yield Delta("answer", delta.content)
            for call in delta.tool_calls or ():
                if call.function.arguments:
                    yield Delta("tool", call.function.arguments)
            finish = choice.finish_reason or finish
        if used := getattr(chunk, "usage", None):
            usage = Usage(input=used.prompt_tokens or 0, output=used.completion_tokens or 0)
    # LiteLLM says "stop" for a stream that was cut; this is what the provider said
    yield Told(finish if getattr(stream, "received_finish_reason", finish) else None, usage)


async def openai_deltas(lane: Lane, question: Question, messages: list[dict[str, str]], timeout_s: float) -> Deltas:
    """Through the OpenAI SDK, a client per worker and server as applications have."""
    import openai

    base, model, key = _openai_target(lane)
    # The SDK would tell any server the organisation and project that the environment names.
    kept_back: dict[str, Any] = {} if base == OPENAI else dict.fromkeys(OWN_HEADERS, openai.Omit())
    client = _client(
        ("openai", base, key),
        lambda: openai.AsyncOpenAI(base_url=base, api_key=key, max_retries=0, default_headers=kept_back),
    )
    stream: Any = await client.with_options(timeout=timeout_s).chat.completions.create(
        model=model,
        messages=messages,
        max_completion_tokens=question.max_tokens,
        stream=True,
        stream_options={"include_usage": True},
        **_optional(question, effort="reasoning_effort"),
    )
    reading = Reading()
    async for chunk in stream:
        for delta in _heard(reading, chunk.model_dump()):
            yield delta
    yield Told(reading.finish, reading.usage)


async def anthropic_deltas(lane: Lane, question: Question, messages: list[dict[str, str]], timeout_s: float) -> Deltas:
    """Through the Anthropic SDK."""
    import anthropic

    prefix, model = _split(lane)
    if prefix != "anthropic":
        raise LlmlabError(f"{lane.name}: the Anthropic SDK asks Anthropic's own endpoints, not {prefix or model}")
    base, key = lane.parameters.get("api_base"), lane.parameters.get("api_key")
    client = _client(
        ("anthropic", base, key), lambda: anthropic.AsyncAnthropic(base_url=base, api_key=key, max_retries=0)
    )
    system = {"system": messages[0]["content"]} if messages[0]["role"] == "system" else {}
    stream: Any = await client.with_options(timeout=timeout_s).messages.create(
        model=model,
        messages=[message for message in messages if message["role"] != "system"],
        max_tokens=question.max_tokens,
        stream=True,
        extra_body=_optional(question),  # newer SDKs know no temperature; the API does
        **system,
    )
    reading = Reading()
    async for event in stream:
        for delta in _heard(reading, event.model_dump()):
            yield delta
    yield Told(reading.finish, reading.usage)


async def httpx_deltas(lane: Lane, question: Question, messages: list[dict[str, str]], timeout_s: float) -> Deltas:
    """Bare httpx, at an endpoint that speaks OpenAI's dialect."""
    import httpx

    base, model, key = _openai_target(lane)
    client = _client(("httpx", base), lambda: httpx.AsyncClient(base_url=base))
    body = {
        "model": model,
        "messages": messages,
        "max_tokens": question.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_optional(question, effort="reasoning_effort"),
    }
    headers = {"authorization": f"Bearer {key}"}
    reading = Reading()
    async with client.stream("POST", "/chat/completions", json=body, headers=headers, timeout=timeout_s) as response:
        if response.is_error:
            await response.aread()
            response.raise_for_status()
        async for line in response.aiter_lines():
            text = line.removeprefix("data:").strip()
            if line.startswith("data:"):
                for delta in _heard(reading, text if text == "[DONE]" else json.loads(text)):
                    yield delta
    if reading.error is not None:
        raise LlmlabError(reading.error.message)
    yield Told(reading.finish if reading.marked and not reading.malformed else None, reading.usage)


WAYS: dict[Path, Asking] = {
    "litellm": litellm_deltas,
    "openai": openai_deltas,
    "anthropic": anthropic_deltas,
    "httpx": httpx_deltas,
}


def load(paths: Iterable[Path]) -> None:
    """Import the libraries of these paths now: in the middle of a run it would hold up all calls for seconds."""
    for path in set(paths):
        importlib.import_module(path)  # each is called as its library is


_clients: dict[tuple[str | None, ...], Any] = {}


def _client(key: tuple[str | None, ...], make: Callable[[], Any]) -> Any:
    """One client for all calls: a new one each time costs 35-140 ms and never reuses a connection."""
    if key not in _clients:
        _clients[key] = make()
    return _clients[key]


def _heard(reading: Reading, event: Any) -> list[Delta]:
    """What one event of a provider's own adds."""
    before = {kind: len(texts) for kind, texts in reading.texts.items()}
    heed(reading, Event(0, "", event))
    return [Delta(kind, text) for kind, texts in reading.texts.items() for text in texts[before.get(kind, 0) :]]


def _openai_target(lane: Lane) -> tuple[str, str, str]:
    prefix, model = _split(lane)
    if prefix not in OPENAI_PREFIXES:
        raise UnknownNameError("endpoint for this path", prefix, OPENAI_PREFIXES, where=lane.name)
    key = os.environ.get(lane.key_variable or "OPENAI_API_KEY") if not lane.parameters.get("api_key") else None
    return str(lane.parameters.get("api_base") or OPENAI), model, str(lane.parameters.get("api_key") or key or "none")


def _split(lane: Lane) -> tuple[str, str]:
    """LiteLLM's prefix and the model; a model without one is OpenAI's."""
    prefix, slash, model = str(lane.parameters["model"]).partition("/")
    return (prefix, model) if slash else ("", prefix)


def _optional(question: Question, *, effort: str | None = None) -> dict[str, Any]:
    given = {} if question.temperature is None else {"temperature": question.temperature}
    return given if effort is None or question.effort is None else {**given, effort: question.effort}

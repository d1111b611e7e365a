"""Bedrock's `Converse` and `ConverseStream`, whose stream is binary.

A text block is not announced, only tool calls are; `metadata` with the usage comes after `messageStop`. Usage has no
count of reasoning tokens: they are among the output's. `inputTokens` leaves out what was read from a cache or written
to one. Errors are named in a header; in a stream they are messages of the type `exception`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .answer import SIGNATURE, Answer, Finish, PieceKind, Request, Tool, Usage
from .dialect import BadRequestError, Failure, Route, Told, last_of, texts
from .eventstream import corrupt, message
from .frames import Delta, Frame

FINISH: dict[Finish | None, str | None] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool": "tool_use",
    "refusal": "content_filtered",
    "filtered": "content_filtered",
    None: None,
}
ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
IN_BAND = {400: "validationException", 424: "modelStreamErrorException", 429: "throttlingException"}
IN_BAND |= {500: "internalServerException", 503: "serviceUnavailableException"}
MESSAGES = {
    401: "The security token included in the request is invalid.",
    403: "You don't have access to the model with the specified model ID.",
    429: "Too many requests, please wait before trying again.",
    500: "The system encountered an unexpected error during processing. Try your request again.",
    503: "Bedrock is unable to process your request.",
}


class Bedrock:
    """`POST /model/{id}/converse` and `/converse-stream`."""

    name = "bedrock"
    stream_type = "application/vnd.amazon.eventstream"

    def routes(self) -> Iterable[Route]:
        return (
            Route("/model/{model:.+}/converse", streams=False),
            Route("/model/{model:.+}/converse-stream", streams=True),
        )

    def read(self, body: Mapping[str, Any], path: Mapping[str, str], *, streams: bool | None) -> Request:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise BadRequestError("A conversation must start with a user message.")
        config = body.get("toolConfig") or {}
        specs = [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]
        schemas = [(spec["name"], (spec.get("inputSchema") or {}).get("json") or {}) for spec in specs]
        return Request(
            model=path["model"],
            prompt=f"{texts(body.get('system'))} {texts(messages)}",
            last_user_text=last_of(messages),
            stream=bool(streams),
            max_tokens=(body.get("inferenceConfig") or {}).get("maxTokens"),
            tools=tuple(Tool(name=name, schema=schema) for name, schema in schemas),
            forced=_forced(config.get("toolChoice")),
        )

    def body(self, request: Request, answer: Answer) -> Mapping[str, Any]:
        content: list[dict[str, Any]] = []
        if answer.text("reasoning"):
            thought = {"text": answer.text("reasoning"), "signature": SIGNATURE}
            content.append({"reasoningContent": {"reasoningText": thought}})
        if answer.text("answer"):
            content.append({"text": answer.text("answer")})
        if answer.tool:
            call = {"toolUseId": _call_id(answer), "name": answer.tool, "input": answer.arguments()}
            content.append({"toolUse": call})
        told: dict[str, Any] = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": FINISH[answer.finish],
            "metrics": {"latencyMs": 0},
        }
        return told | ({"usage": _usage(answer.usage)} if answer.usage else {})

    def frames(self, request: Request, answer: Answer, deltas: Iterable[Delta], ends_s: float) -> Iterator[Frame]:
        yield Frame(0.0, "open", _event("messageStart", role="assistant"))
        through = 0
        index = -1
        current: PieceKind | None = None
        for delta in deltas:
            if delta.kind != current:
                before = delta.through - delta.tokens
                if current:
                    yield Frame(delta.at_s, "open", _stop(index, current), 0, before)
                index, current = index + 1, delta.kind
                if current == "tool":
                    call = {"toolUse": {"toolUseId": _call_id(answer), "name": answer.tool}}
                    started = _event("contentBlockStart", contentBlockIndex=index, start=call)
                    yield Frame(delta.at_s, "open", started, 0, before)
            through = delta.through
            data = _event("contentBlockDelta", contentBlockIndex=index, delta=_delta(delta))
            yield Frame(delta.at_s, delta.kind, data, delta.tokens, through)
        if current:
            yield Frame(ends_s, "close", _stop(index, current), 0, through)
        if answer.finish:
            yield Frame(ends_s, "close", _event("messageStop", stopReason=FINISH[answer.finish]), 0, through)
        if answer.usage:
            metrics = {"latencyMs": round(ends_s * 1000)}
            yield Frame(ends_s, "close", _event("metadata", usage=_usage(answer.usage), metrics=metrics), 0, through)

    def failure(self, failure: Failure) -> Told:
        headers = {"x-amzn-ErrorType": ERRORS.get(failure.code, "InternalServerException")}
        if failure.retry_after_s is not None:
            headers["Retry-After"] = str(failure.retry_after_s)
        return Told(status=failure.code, body={"message": _message(failure)}, headers=headers)

    def in_band(self, failure: Failure) -> bytes:
        headers = {
            ":exception-type": IN_BAND.get(failure.code, "internalServerException"),
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return message(headers, json.dumps({"message": _message(failure)}).encode())

    def spoil(self, event: bytes) -> bytes:
        return corrupt(event)

    def headers(self, number: int) -> Mapping[str, str]:
        return {"x-amzn-RequestId": f"simulated-{number}"}


def _event(name: str, **fields: Any) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def _stop(index: int, kind: PieceKind) -> bytes:
    """The end of a block; reasoning is signed first."""
    signature = {"reasoningContent": {"signature": SIGNATURE}}
    signed = _event("contentBlockDelta", contentBlockIndex=index, delta=signature) if kind == "reasoning" else b""
    return signed + _event("contentBlockStop", contentBlockIndex=index)


def _delta(delta: Delta) -> dict[str, Any]:
    if delta.kind == "reasoning":
        return {"reasoningContent": {"text": delta.text}}
    if delta.kind == "tool":
        return {"toolUse": {"input": delta.text}}
    return {"text": delta.text}


def _call_id(answer: Answer) -> str:
    return f"tooluse_{answer.id}"


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "inputTokens": usage.input - usage.cached - usage.written,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.written,
    }


def _forced(choice: Any) -> str | None:
    match choice:
        case {"any": _}:
            return "*"
        case {"tool": {"name": str(name)}}:
            return name
        case _:
            return None


def _message(failure: Failure) -> str:
    if failure.reason == "context_overflow":
        return "Input is too long for requested model."
    if failure.reason == "unknown_model":
        return "Could not resolve the foundation model from the provided model identifier."
    return failure.message or MESSAGES.get(failure.code, "The request failed.")

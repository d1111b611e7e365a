"""Anthropic Messages: named events, thinking blocks, and usage in two parts.

`message_start` says what the prompt used and comes before any token; `message_delta` says the output tokens, thinking
included, when all is over. `input_tokens` leaves out what was read from a cache or written to one. Hidden reasoning is
a thinking block that is empty but for its signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .answer import SIGNATURE, Answer, Finish, PieceKind, Request, Tool, Usage
from .dialect import BadRequestError, Failure, Route, ServerSentEvents, Told, last_of, sse, texts
from .frames import Delta, Frame

FINISH: dict[Finish | None, str | None] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool": "tool_use",
    "refusal": "refusal",
    "filtered": "refusal",
    None: None,
}
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES = {
    401: "invalid x-api-key",
    429: "This request would exceed your organization's rate limit.",
    500: "Internal server error",
    529: "Overloaded",
}


class Anthropic(ServerSentEvents):
    """`POST /v1/messages`; on Azure's servers behind `/anthropic`, and on Google's as a method of the model."""

    name = "anthropic"

    def routes(self) -> Iterable[Route]:
        google = "/v1/models/{model:[^/:]+}:{method:rawPredict|streamRawPredict}"
        return Route("/v1/messages"), Route("/anthropic/v1/messages"), Route(google)

    def read(self, body: Mapping[str, Any], path: Mapping[str, str], *, streams: bool | None) -> Request:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise BadRequestError("messages: at least one message is required")
        if not isinstance(body.get("max_tokens"), int):
            raise BadRequestError("max_tokens: Field required")
        tools = [tool for tool in body.get("tools") or () if "name" in tool]
        return Request(
            model=path.get("model") or str(body.get("model", "")),
            prompt=f"{texts(body.get('system'))} {texts(messages)}",
            last_user_text=last_of(messages),
            stream=bool(body.get("stream")),
            max_tokens=body["max_tokens"],
            tools=tuple(Tool(name=tool["name"], schema=tool.get("input_schema") or {}) for tool in tools),
            forced=_forced(body.get("tool_choice")),
        )

    def body(self, request: Request, answer: Answer) -> Mapping[str, Any]:
        blocks: list[dict[str, Any]] = []
        if any(piece.kind == "reasoning" for piece in answer.pieces):
            blocks.append({"type": "thinking", "thinking": answer.text("reasoning"), "signature": SIGNATURE})
        if answer.text("answer"):
            blocks.append({"type": "text", "text": answer.text("answer")})
        if answer.tool:
            blocks.append({**_block("tool", answer), "input": answer.arguments()})
        usage = {"usage": _usage(answer.usage, answer.usage.output)} if answer.usage else {}
        return {**_message(answer), "content": blocks, "stop_reason": FINISH[answer.finish], **usage}

    def frames(self, request: Request, answer: Answer, deltas: Iterable[Delta], ends_s: float) -> Iterator[Frame]:
        started = {**_message(answer), **({"usage": _usage(answer.usage, 1)} if answer.usage else {})}
        yield Frame(0.0, "open", _event("message_start", message=started))
        yield Frame(0.0, "ping", _event("ping"))
        through = 0
        index = -1
        current: PieceKind | None = None
        hidden = answer.reasoning == "hidden" and any(piece.kind == "reasoning" for piece in answer.pieces)
        for delta in deltas:
            before = delta.through - delta.tokens
            if hidden:
                index, hidden = index + 1, False
                yield Frame(delta.at_s, "open", _start(index, "reasoning", answer), 0, before)
                yield Frame(delta.at_s, "open", _stop(index, "reasoning"), 0, before)
            if delta.kind != current:
                if current:
                    yield Frame(delta.at_s, "open", _stop(index, current), 0, before)
                index, current = index + 1, delta.kind
                yield Frame(delta.at_s, "open", _start(index, current, answer), 0, before)
            through = delta.through
            data = _event("content_block_delta", index=index, delta=_delta(delta))
            yield Frame(delta.at_s, delta.kind, data, delta.tokens, through)
        if current:
            yield Frame(ends_s, "close", _stop(index, current), 0, through)
        usage = {"usage": _usage(answer.usage, answer.usage.output)} if answer.usage else {}
        ending = {"stop_reason": FINISH[answer.finish], "stop_sequence": None}
        if answer.finish or usage:
            yield Frame(ends_s, "close", _event("message_delta", delta=ending, **usage), 0, through)
        yield Frame(ends_s, "close", _event("message_stop"), 0, through)

    def failure(self, failure: Failure) -> Told:
        headers = {} if failure.retry_after_s is None else {"Retry-After": str(failure.retry_after_s)}
        body = {"type": "error", "error": _error(failure), "request_id": f"req_simulated_{failure.number}"}
        return Told(status=failure.code, body=body, headers=headers)

    def in_band(self, failure: Failure) -> bytes:
        return _event("error", error=_error(failure))

    def headers(self, number: int) -> Mapping[str, str]:
        return {"request-id": f"req_simulated_{number}"}


def _event(name: str, **fields: Any) -> bytes:
    return sse({"type": name, **fields}, event=name)


def _message(answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(usage: Usage, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": usage.input - usage.cached - usage.written,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": output_tokens,
    }


def _block(kind: PieceKind, answer: Answer) -> dict[str, Any]:
    """A content block before anything is in it."""
    if kind == "reasoning":
        return {"type": "thinking", "thinking": "", "signature": ""}
    if kind == "tool":
        return {"type": "tool_use", "id": f"toolu_{answer.id}", "name": answer.tool, "input": {}}
    return {"type": "text", "text": ""}


def _start(index: int, kind: PieceKind, answer: Answer) -> bytes:
    return _event("content_block_start", index=index, content_block=_block(kind, answer))


def _stop(index: int, kind: PieceKind) -> bytes:
    """The end of a block; a thinking block is signed first."""
    signature = {"type": "signature_delta", "signature": SIGNATURE}
    signed = _event("content_block_delta", index=index, delta=signature) if kind == "reasoning" else b""
    return signed + _event("content_block_stop", index=index)


def _delta(delta: Delta) -> dict[str, str]:
    if delta.kind == "reasoning":
        return {"type": "thinking_delta", "thinking": delta.text}
    if delta.kind == "tool":
        return {"type": "input_json_delta", "partial_json": delta.text}
    return {"type": "text_delta", "text": delta.text}


def _forced(choice: Any) -> str | None:
    match choice:
        case {"type": "any"}:
            return "*"
        case {"type": "tool", "name": str(name)}:
            return name
        case _:
            return None


def _error(failure: Failure) -> dict[str, str]:
    message = failure.message or MESSAGES.get(failure.code, "The request failed.")
    if failure.reason == "context_overflow":
        message = f"prompt is too long: {failure.input_tokens} tokens > {failure.context_tokens} maximum"
    if failure.reason == "unknown_model":
        message = f"model: {failure.model}"
    return {"type": TYPES.get(failure.code, "api_error"), "message": message}

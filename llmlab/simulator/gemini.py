"""Gemini's `generateContent` and `streamGenerateContent?alt=sse`.

A stream has no opening and no end marker: its last event is the one with a `finishReason`. Usage is in every event,
thoughts apart from candidates; a function call is never split. Retry-After is told in the body (`RetryInfo`) as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .answer import Answer, Finish, Request, Tool, Usage
from .dialect import BadRequestError, Failure, Route, ServerSentEvents, Told, last_of, sse, texts
from .frames import Delta, Frame

FINISH: dict[Finish | None, str | None] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool": "STOP",
    "refusal": "SAFETY",
    "filtered": "SAFETY",
    None: None,
}
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MESSAGES = {
    401: "Request had invalid authentication credentials.",
    429: "You exceeded your current quota, please check your plan and billing details.",
    500: "An internal error has occurred.",
    503: "The model is overloaded. Please try again later.",
}


class Gemini(ServerSentEvents):
    """`POST /v1beta/models/{model}:generateContent` and its stream."""

    name = "gemini"
    stream_type = "text/event-stream"

    def routes(self) -> Iterable[Route]:
        base = "/{version:v1|v1beta}/models/{model:.+}"
        return Route(f"{base}:generateContent", streams=False), Route(f"{base}:streamGenerateContent", streams=True)

    def read(self, body: Mapping[str, Any], path: Mapping[str, str], *, streams: bool | None) -> Request:
        contents = body.get("contents")
        if not isinstance(contents, list) or not contents:
            raise BadRequestError("contents is not specified")
        if streams and path.get("?alt") != "sse":
            raise BadRequestError("the simulator streams with alt=sse only")
        settings = _either(body, "generationConfig", "generation_config") or {}
        declared = [
            function
            for tool in body.get("tools") or ()
            for function in _either(tool, "functionDeclarations", "function_declarations") or ()
        ]
        schemas = [(f["name"], _either(f, "parameters", "parametersJsonSchema") or {}) for f in declared]
        return Request(
            model=path["model"],
            prompt=f"{texts(_either(body, 'systemInstruction', 'system_instruction'))} {texts(contents)}",
            last_user_text=last_of(contents),
            stream=bool(streams),
            max_tokens=_either(settings, "maxOutputTokens", "max_output_tokens"),
            tools=tuple(Tool(name=name, schema=schema) for name, schema in schemas),
            forced=_forced(_either(body, "toolConfig", "tool_config") or {}),
        )

    def body(self, request: Request, answer: Answer) -> Mapping[str, Any]:
        parts: list[dict[str, Any]] = []
        if answer.text("reasoning"):
            parts.append({"text": answer.text("reasoning"), "thought": True})
        if answer.finish not in ("refusal", "filtered") and answer.text("answer"):
            parts.append({"text": answer.text("answer")})
        if answer.tool:
            parts.append(_call(answer))
        return _event(answer, parts, finish=answer.finish, usage=answer.usage)

    def frames(self, request: Request, answer: Answer, deltas: Iterable[Delta], ends_s: float) -> Iterator[Frame]:
        through = 0
        call_tokens = 0
        for delta in deltas:
            through = delta.through
            if delta.kind == "tool":
                call_tokens += delta.tokens
            elif answer.finish not in ("refusal", "filtered"):
                part = {"text": delta.text, **({"thought": True} if delta.kind == "reasoning" else {})}
                data = sse(_event(answer, [part], usage=_so_far(answer, through)))
                yield Frame(delta.at_s, delta.kind, data, delta.tokens, through)
        if call_tokens:
            data = sse(_event(answer, [_call(answer)], usage=_so_far(answer, through)))
            yield Frame(ends_s, "tool", data, call_tokens, through)
        if answer.finish or answer.usage:
            last = _event(answer, [{"text": ""}], finish=answer.finish, usage=answer.usage)
            yield Frame(ends_s, "close", sse(last), 0, through)

    def failure(self, failure: Failure) -> Told:
        headers = {} if failure.retry_after_s is None else {"Retry-After": str(failure.retry_after_s)}
        return Told(status=failure.code, body={"error": _error(failure)}, headers=headers)

    def in_band(self, failure: Failure) -> bytes:
        return sse({"error": _error(failure)})

    def headers(self, number: int) -> Mapping[str, str]:
        return {}


def _either(body: Mapping[str, Any], *names: str) -> Any:
    """A field by any of its names: protobuf's JSON may be written in camel case or with underscores."""
    return next((body[name] for name in names if name in body), None)


def _event(
    answer: Answer, parts: list[dict[str, Any]], *, finish: Finish | None = None, usage: Usage | None
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = FINISH[finish]
    event: dict[str, Any] = {"candidates": [candidate], "modelVersion": answer.model, "responseId": answer.id}
    if usage:
        event["usageMetadata"] = _usage(usage)
    return event


def _usage(usage: Usage) -> dict[str, int]:
    """Cached tokens are among the prompt's; thoughts are not among the candidates'."""
    told = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.cached:
        told["cachedContentTokenCount"] = usage.cached
    if usage.reasoning:
        told["thoughtsTokenCount"] = usage.reasoning
    return told


def _so_far(answer: Answer, through: int) -> Usage | None:
    """Usage after `through` tokens."""
    if answer.usage is None:
        return None
    reasoning = min(answer.usage.reasoning, through)
    return Usage(input=answer.usage.input, output=through, cached=answer.usage.cached, reasoning=reasoning)


def _call(answer: Answer) -> dict[str, Any]:
    return {"functionCall": {"name": answer.tool, "args": answer.arguments()}}


def _forced(config: Mapping[str, Any]) -> str | None:
    calling = _either(config, "functionCallingConfig", "function_calling_config") or {}
    if calling.get("mode") != "ANY":
        return None
    names = _either(calling, "allowedFunctionNames", "allowed_function_names") or ["*"]
    return str(names[0])


def _error(failure: Failure) -> dict[str, Any]:
    message = failure.message or MESSAGES.get(failure.code, "The request failed.")
    if failure.reason == "context_overflow":
        message = (
            f"The input token count ({failure.input_tokens}) exceeds the maximum number of tokens allowed "
            f"({failure.context_tokens})."
        )
    if failure.reason == "unknown_model":
        message = f"models/{failure.model} is not found for API version v1beta."
    error: dict[str, Any] = {"code": failure.code, "message": message, "status": STATUS.get(failure.code, "UNKNOWN")}
    if failure.retry_after_s is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{failure.retry_after_s}s"}
        error["details"] = [retry]
    return error

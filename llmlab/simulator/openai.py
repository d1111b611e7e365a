"""OpenAI chat completions, and Azure's variant of them.

Streams begin with a chunk that has a role and no text, as the real ones do: who takes it for the first token measures
nothing. Usage comes in a chunk without choices, only if `stream_options.include_usage` asks for it. Visible reasoning
is `reasoning_content`, as DeepSeek, vLLM and others send it; OpenAI itself hides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .answer import Answer, Finish, Request, Tool, Usage
from .dialect import BadRequestError, Failure, Route, ServerSentEvents, Told, last_of, sse, texts
from .frames import Delta, Frame

FINISH: dict[Finish | None, str | None] = {
    "stop": "stop",
    "length": "length",
    "tool": "tool_calls",
    "refusal": "stop",  # said in `refusal`, not in the finish reason
    "filtered": "content_filter",
    None: None,
}
TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error", 429: "requests"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
MESSAGES = {
    401: "Incorrect API key provided.",
    403: "Your account is not allowed to use this model.",
    429: "Rate limit reached for requests.",
    500: "The server had an error while processing your request.",
    503: "The engine is currently overloaded, please try again later.",
}


class OpenAI(ServerSentEvents):
    """`POST /v1/chat/completions`."""

    name = "openai"

    def routes(self) -> Iterable[Route]:
        return Route("/v1/chat/completions"), Route("/chat/completions")

    def read(self, body: Mapping[str, Any], path: Mapping[str, str], *, streams: bool | None) -> Request:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise BadRequestError("'messages' must be a list with at least one message")
        functions = [tool.get("function") or {} for tool in body.get("tools") or ()]
        return Request(
            model=path.get("model") or str(body.get("model", "")),
            prompt=texts(messages),
            last_user_text=last_of(messages),
            stream=bool(body.get("stream")),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            tools=tuple(Tool(name=str(f.get("name")), schema=f.get("parameters") or {}) for f in functions),
            forced=_forced(body.get("tool_choice")),
            wants_usage=not body.get("stream") or bool((body.get("stream_options") or {}).get("include_usage")),
        )

    def body(self, request: Request, answer: Answer) -> Mapping[str, Any]:
        refused = answer.finish == "refusal"
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if refused or answer.tool else answer.text("answer"),
            "refusal": answer.text("answer") if refused else None,
        }
        if answer.text("reasoning"):
            message["reasoning_content"] = answer.text("reasoning")
        if answer.tool:
            function = {"name": answer.tool, "arguments": answer.text("tool")}
            message["tool_calls"] = [{"id": f"call_{answer.id}", "type": "function", "function": function}]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[answer.finish]}
        usage = {"usage": usage_body(answer.usage)} if answer.usage else {}
        return {**_head(answer, "chat.completion"), "choices": [choice], **usage, "service_tier": "default"}

    def frames(self, request: Request, answer: Answer, deltas: Iterable[Delta], ends_s: float) -> Iterator[Frame]:
        head = _head(answer, "chat.completion.chunk")
        if answer.usage and request.wants_usage:
            head["usage"] = None

        def chunk(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
            return sse({**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

        yield Frame(0.0, "open", chunk({"role": "assistant", "content": "", "refusal": None}))
        named = False
        through = 0
        for delta in deltas:
            through = delta.through
            if delta.kind == "tool" and not named:
                function = {"name": answer.tool, "arguments": ""}
                call = {"index": 0, "id": f"call_{answer.id}", "type": "function", "function": function}
                yield Frame(delta.at_s, "open", chunk({"tool_calls": [call]}), 0, through - delta.tokens)
                named = True
            yield Frame(delta.at_s, delta.kind, chunk(_delta(delta, answer)), delta.tokens, through)
        if answer.finish:
            yield Frame(ends_s, "close", chunk({}, FINISH[answer.finish]), 0, through)
        if answer.usage and request.wants_usage:
            usage = {**head, "choices": [], "usage": usage_body(answer.usage)}
            yield Frame(ends_s, "close", sse(usage), 0, through)
        yield Frame(ends_s, "close", sse("[DONE]"), 0, through)

    def failure(self, failure: Failure) -> Told:
        headers = {} if failure.retry_after_s is None else {"Retry-After": str(failure.retry_after_s)}
        return Told(status=failure.code, body={"error": _error(failure)}, headers=headers)

    def in_band(self, failure: Failure) -> bytes:
        return sse({"error": _error(failure)})

    def headers(self, number: int) -> Mapping[str, str]:
        return {"x-request-id": f"req_simulated_{number}"}


class AzureOpenAI(OpenAI):
    """`POST /openai/deployments/{deployment}/chat/completions`: the deployment is in the path, filters report first,
    and a filtered prompt is a 400."""

    name = "azure"

    def routes(self) -> Iterable[Route]:
        return Route("/openai/deployments/{model}/chat/completions"), Route("/openai/v1/chat/completions")

    def frames(self, request: Request, answer: Answer, deltas: Iterable[Delta], ends_s: float) -> Iterator[Frame]:
        clean = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}
        results = [{"prompt_index": 0, "content_filter_results": clean}]
        head = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": results}
        yield Frame(0.0, "open", sse(head))
        yield from super().frames(request, answer, deltas, ends_s)

    def failure(self, failure: Failure) -> Told:
        told = super().failure(failure)
        error: dict[str, Any] = {"code": str(failure.code), "message": told.body["error"]["message"]}
        match failure.reason:
            case "refusal":
                filtered = {"hate": {"filtered": True, "severity": "high"}}
                inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": filtered}
                error = {**told.body["error"], "status": 400, "innererror": inner}
            case "context_overflow" | "bad_request":
                error = told.body["error"]
            case "unknown_model":
                error = {
                    "code": "DeploymentNotFound",
                    "message": "The API deployment for this resource does not exist.",
                }
            case _:
                pass
        return Told(status=told.status, body={"error": error}, headers=told.headers)

    def headers(self, number: int) -> Mapping[str, str]:
        return {"apim-request-id": f"simulated-{number}", "x-ms-region": "Simulated"}


def usage_body(usage: Usage) -> dict[str, Any]:
    """Usage as OpenAI tells it: cached tokens are among the prompt's, reasoning tokens among the completion's."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def _head(answer: Answer, what: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{answer.id}", "object": what, "created": answer.created, "model": answer.model}


def _delta(delta: Delta, answer: Answer) -> dict[str, Any]:
    if delta.kind == "reasoning":
        return {"reasoning_content": delta.text}
    if delta.kind == "tool":
        return {"tool_calls": [{"index": 0, "function": {"arguments": delta.text}}]}
    return {"refusal" if answer.finish == "refusal" else "content": delta.text}


def _forced(choice: Any) -> str | None:
    match choice:
        case "required":
            return "*"
        case {"function": {"name": str(name)}}:
            return name
        case _:
            return None


def _error(failure: Failure) -> dict[str, Any]:
    error: dict[str, Any] = {
        "message": failure.message or MESSAGES.get(failure.code, "The request failed."),
        "type": TYPES.get(failure.code, "server_error" if failure.code >= 500 else "invalid_request_error"),
        "param": None,
        "code": CODES.get(failure.code),
    }
    match failure.reason:
        case "context_overflow":
            error |= {
                "message": f"This model's maximum context length is {failure.context_tokens} tokens. However, your "
                f"messages resulted in {failure.input_tokens} tokens. Please reduce the length of the messages.",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        case "refusal":
            error |= {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management "
                "policy. Please modify your prompt and retry.",
                "param": "prompt",
                "code": "content_filter",
            }
        case "unknown_model":
            error["message"] = f"The model `{failure.model}` does not exist or you do not have access to it."
        case _:
            pass
    return error

"""What providers say when they refuse or fail, as one word of ours: by status, by type, or by their very words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..records import CallError

LONGEST_MESSAGE = 500
WRONG_SHAPE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)  # what a shape we trusted may raise

# What gives a kind of error away, where the status does not: in the words of its type, code and message.
SIGNS = {
    "context_overflow": ("context_length", "maximum context length", "prompt is too long", "input is too long",
                         "input token count", "exceeds the maximum number of tokens", "exceed_context_size",
                         "exceed context limit"),
    "refused": ("content_filter", "content management policy", "responsibleaipolicy"),
    "overloaded": ("overloaded", "serviceunavailable"),
    "rate_limited": ("rate_limit", "resource_exhausted", "throttl", "too many requests"),
    "quota": ("insufficient_quota", "billing"),
}  # fmt: skip
KINDS = {401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 413: "context_overflow", 429: "rate_limited",
         503: "overloaded", 529: "overloaded"}  # fmt: skip
REFUSALS = frozenset(
    {"content_filter", "content_filtered", "guardrail_intervened", "refusal", "safety", "prohibited_content",
     "blocklist", "spii", "recitation", "image_safety"}
)  # fmt: skip
BREAKDOWNS = frozenset(
    {"abort", "error", "malformed_function_call", "malformed_model_output", "malformed_tool_use",
     "unexpected_tool_call"}
)  # fmt: skip


def is_refusal(finish: str | None) -> bool:
    """Whether a reason to stop means that the model, or a filter beside it, declined."""
    return (finish or "").lower() in REFUSALS


def is_breakdown(finish: str | None) -> bool:
    """Whether a reason to stop means that something failed over there."""
    return (finish or "").lower() in BREAKDOWNS


def error_of(status: int, body: Any, headers: Mapping[str, str]) -> CallError:
    """What a refused request said, in the shape each provider gives it."""
    problem = _inner(body[0] if isinstance(body, list) and body else body)
    try:
        return _error(problem, status, _retry_after(headers, problem))
    except WRONG_SHAPE:
        return _error(None, status, _retry_after(headers, None))


def error_in(problem: Any) -> CallError:
    """What was said in the middle of a stream. Raises one of `WRONG_SHAPE` where nothing can be made of it."""
    return _error(_inner(problem), None, None)


def _inner(problem: Any) -> Any:
    return problem.get("error", problem) if isinstance(problem, dict) else problem


def _error(problem: Any, status: int | None, retry_after_s: float | None) -> CallError:
    told = problem if isinstance(problem, dict) else {"message": problem}
    said = told.get("message") or told.get("Message") or told.get("detail") or problem
    message = str(said or ("an error without words" if status is None else f"HTTP {status}"))
    words = f"{told.get('type', '')} {told.get('code', '')} {told.get('status', '')} {message}".lower()
    code = status or next((int(str(v)) for v in (told.get("code"), told.get("status")) if str(v).isdecimal()), None)
    return CallError(
        kind=_kind(code, words),
        message=mended(message[:LONGEST_MESSAGE]),
        http_status=status,
        retry_after_s=retry_after_s,
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
            seconds = float(number) / unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    return None


def mended(text: str) -> str:
    """The halves of a character that were sent apart, together; a half alone is no text that could be written."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

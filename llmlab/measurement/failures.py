"""How a call ended, judged by what the provider sent: never a success that was none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .paths import Told
from .records import CallError, Status
from .wire import Reading
from .wire.problems import error_of, is_breakdown, is_refusal

NO_MARKER = "the stream ended without the provider's end marker"
NO_FINISH = "nothing said why the model stopped"
NO_KEY = ("missing credentials", "unable to locate credentials", "could not resolve authentication", "missing api key")
BROKEN = ("Connect", "NetworkError", "ProtocolError")  # in the names of what libraries raise when a connection fails


@dataclass(frozen=True, slots=True)
class Ending:
    """The verdict on one attempt."""

    status: Status
    error: CallError | None = None
    finish: str | None = None


def judge(
    reading: Reading | None,
    told: Told | None,
    problem: BaseException | None,
    ended_by: tuple[Status, str] | None,
    *,
    felt: bool,
) -> Ending:
    """`ended_by` is what we ended it by, and in which words; `felt` whether the library handed over any text.

    Without a reading of the wire there is only the library's word.
    """
    finish = reading.finish if reading is not None else told.finish if told is not None else None
    if ended_by is not None:
        status, words = ended_by
        kind = "cancelled" if status == "cancelled" else "timeout"
        return Ending(status, CallError(kind=kind, message=words), finish)
    if reading is None:
        return _by_word(told, problem, finish, felt=felt)
    if reading.error is not None:
        return Ending("refused" if reading.error.kind == "refused" else "error", reading.error, finish)
    if reading.malformed:
        return Ending("malformed", CallError(kind="malformed", message="an event could not be read"), finish)
    if (stopped := _stopped(finish)) is not None:
        return stopped
    if not reading.marked or finish is None:
        if problem is not None and not reading.chunks:
            return Ending("error", error_from(problem), finish)
        missing = NO_FINISH if reading.marked else NO_MARKER
        return Ending("truncated", CallError(kind="truncated", message=missing), finish)
    if problem is not None:  # the provider did its part
        return Ending("error", CallError(kind="library", message=error_from(problem).message), finish)
    if not reading.chunks:
        return Ending("error", CallError(kind="empty", message="the answer holds no token"), finish)
    return Ending("ok", None, finish)


def _by_word(told: Told | None, problem: BaseException | None, finish: str | None, *, felt: bool) -> Ending:
    if problem is not None:
        error = error_from(problem)
        return Ending("refused" if error.kind == "refused" else "error", error, finish)
    if told is None or finish is None:
        return Ending("truncated", CallError(kind="truncated", message=NO_FINISH))
    if (stopped := _stopped(finish)) is not None:
        return stopped
    if not felt:
        return Ending("error", CallError(kind="empty", message="the answer holds no token"), finish)
    return Ending("ok", None, finish)


def _stopped(finish: str | None) -> Ending | None:
    """Of a reason to stop that is no success; `None` of any other."""
    if is_refusal(finish):
        return Ending("refused", CallError(kind="refused", message=f"the model declined ({finish})"), finish)
    if is_breakdown(finish):
        return Ending("error", CallError(kind="server", message=f"the model broke down ({finish})"), finish)
    return None


def error_from(problem: BaseException) -> CallError:
    """What a library raised, as far as it can be told. LiteLLM wraps what happens within a stream twice, and gives a
    connection that failed a status that no server sent."""
    inner: Any = getattr(problem, "original_exception", None) or problem
    response = getattr(inner, "response", None)
    status = getattr(inner, "status_code", None) or getattr(response, "status_code", None)
    headers = getattr(inner, "litellm_response_headers", None) or getattr(response, "headers", None)
    words = str(inner) or type(inner).__name__
    name = type(inner).__name__
    *_, first = causes = list(_causes(inner))
    kinds = [kind.__name__ for cause in causes for kind in type(cause).__mro__]
    if isinstance(inner, OSError) or any(sign in kind for sign in BROKEN for kind in kinds):
        why = "" if str(first) in words else f" ({first})"  # the OpenAI SDK says no more than "Connection error."
        return CallError(kind="connection", message=f"{words}{why}"[:500])
    if any(sign in words.lower() for sign in NO_KEY):
        return CallError(kind="auth", message=words[:500])
    if isinstance(status, int) and status >= 400:
        lower = {str(key).lower(): str(value) for key, value in dict(headers or {}).items()}
        return error_of(status, {"message": words, "type": name}, lower)
    return CallError(kind="library", message=f"{name}: {words}"[:500])


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """It, and what it was raised because of."""
    cause: BaseException | None = problem
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__

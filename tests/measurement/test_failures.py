"""The verdict on an attempt, from what the wire said, what the library said, and what we ended it by."""

from __future__ import annotations

import ssl
from itertools import product
from typing import Any, get_args

import httpx
import openai
import pytest

from llmlab.measurement.failures import NO_FINISH, NO_MARKER, Ending, error_from, judge
from llmlab.measurement.paths import Told
from llmlab.measurement.records import CallError, Chunk, Status
from llmlab.measurement.wire import Reading

CHUNK = Chunk(5, "answer", 3)
SERVER = CallError(kind="server", message="it broke", http_status=500)
FILTERED = CallError(kind="refused", message="filtered", http_status=400)
RESET = ConnectionResetError("reset by peer")
WRONG = ValueError("not what I expected")
STOP = Told("stop")


def whole(**changes: Any) -> Reading:
    """What the wire says of an answer that is all right, but for `changes`."""
    given: dict[str, Any] = {
        "status": 200,
        "chunks": [CHUNK],
        "finish": "stop",
        "marked": True,
        "complete": True,
    } | changes
    return Reading(**given)


def judged(
    reading: Reading | None,
    told: Told | None = STOP,
    problem: BaseException | None = None,
    ended_by: tuple[Status, str] | None = None,
    *,
    felt: bool = True,
) -> Ending:
    return judge(reading, told, problem, ended_by, felt=felt)


def summary(ending: Ending) -> tuple[str, str]:
    return ending.status, ending.error.kind if ending.error else ""


# --- With the wire to read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reading", "problem", "status", "kind"),
    [
        (whole(), None, "ok", ""),
        (whole(complete=False), None, "ok", ""),  # the marker is the end; the library need not wait for more
        (whole(finish="length"), None, "ok", ""),
        # the provider says that it went wrong
        (whole(error=SERVER), None, "error", "server"),
        (whole(error=SERVER), WRONG, "error", "server"),
        (whole(error=SERVER, malformed=1), None, "error", "server"),
        (whole(error=FILTERED), WRONG, "refused", "refused"),
        (Reading(status=500, error=SERVER), WRONG, "error", "server"),
        # some of it could not be read
        (whole(malformed=1), None, "malformed", "malformed"),
        (whole(malformed=1), WRONG, "malformed", "malformed"),
        (whole(malformed=1, marked=False, finish=None), None, "malformed", "malformed"),
        # it stopped, and not because it was finished
        (whole(finish="content_filter"), None, "refused", "refused"),
        (whole(finish="SAFETY", chunks=[]), None, "refused", "refused"),
        (whole(finish="refusal", marked=False), None, "refused", "refused"),
        (whole(finish="error"), None, "error", "server"),
        (whole(finish="MALFORMED_FUNCTION_CALL"), None, "error", "server"),
        # it ended early
        (whole(marked=False), None, "truncated", "truncated"),
        (whole(finish=None), None, "truncated", "truncated"),
        (whole(finish=None, marked=False), None, "truncated", "truncated"),
        (whole(finish=None, marked=False, chunks=[]), None, "truncated", "truncated"),
        (whole(finish=None, marked=False), RESET, "truncated", "truncated"),
        (whole(finish=None, marked=False, chunks=[]), RESET, "error", "connection"),
        (Reading(status=307), None, "truncated", "truncated"),
        # all of it came
        (whole(), WRONG, "error", "library"),
        (whole(), RESET, "error", "library"),
        (whole(chunks=[]), None, "error", "empty"),
        (whole(chunks=[]), WRONG, "error", "library"),
    ],
)
def test_what_the_provider_said_decides(
    reading: Reading, problem: BaseException | None, status: str, kind: str
) -> None:
    for told in (None, STOP, Told(None), Told("content_filter")):  # whatever the library says
        for felt in (True, False):
            assert summary(judged(reading, told, problem, felt=felt)) == (status, kind)
    assert judged(reading, problem=problem).finish == reading.finish


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (whole(marked=False), NO_MARKER),
        (whole(marked=False, finish=None), NO_MARKER),
        (whole(finish=None), NO_FINISH),
        (whole(finish="content_filter"), "the model declined (content_filter)"),
        (whole(finish="error"), "the model broke down (error)"),
        (whole(chunks=[]), "the answer holds no token"),
        (whole(error=SERVER), "it broke"),
    ],
)
def test_it_says_what_is_missing(reading: Reading, words: str) -> None:
    error = judged(reading).error
    assert error is not None and error.message == words


# --- Without ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "problem", "felt", "status", "kind"),
    [
        (STOP, None, True, "ok", ""),
        (STOP, None, False, "error", "empty"),
        (Told("content_filter"), None, True, "refused", "refused"),
        (Told("SAFETY"), None, False, "refused", "refused"),
        (Told("error"), None, True, "error", "server"),
        (Told(None), None, True, "truncated", "truncated"),
        (None, None, True, "truncated", "truncated"),
        (None, RESET, True, "error", "connection"),
        (STOP, WRONG, True, "error", "library"),
    ],
)
def test_where_the_wire_was_not_seen_the_librarys_word_decides(
    told: Told | None, problem: BaseException | None, felt: bool, status: str, kind: str
) -> None:
    assert summary(judged(None, told, problem, felt=felt)) == (status, kind)


# --- Always ----------------------------------------------------------------------------------------------------------

READINGS = [
    Reading(status=200, chunks=chunks, finish=finish, marked=marked, malformed=malformed, error=error)
    for chunks, finish, marked, malformed, error in product(
        ([], [CHUNK]), (None, "stop", "SAFETY", "error"), (False, True), (0, 2), (None, SERVER, FILTERED)
    )
]
LIBRARY = list(product((None, STOP, Told(None), Told("refusal")), (None, RESET, WRONG), (False, True)))


def test_nothing_is_ok_without_finish_marker_and_token_or_with_anything_wrong() -> None:
    for reading, (told, problem, felt) in product(READINGS, LIBRARY):
        whole = reading.finish == "stop" and reading.marked and reading.chunks
        right = whole and not reading.malformed and reading.error is None and problem is None
        ending = judged(reading, told, problem, felt=felt)
        assert (ending.status == "ok") == bool(right), (reading, told, problem, felt)


def test_unseen_nothing_is_ok_without_finish_and_text_or_with_a_problem() -> None:
    for told, problem, felt in LIBRARY:
        right = told is STOP and problem is None and felt
        assert (judged(None, told, problem, felt=felt).status == "ok") == right


def test_what_is_ok_has_no_error_and_all_else_says_what_went_wrong() -> None:
    for reading, (told, problem, felt) in product([None, *READINGS], LIBRARY):
        ending = judged(reading, told, problem, felt=felt)
        assert (ending.error is None) == (ending.status == "ok")
        assert ending.error is None or (ending.error.kind and ending.error.message)
        assert (ending.status == "refused") == (ending.error is not None and ending.error.kind == "refused")


ENDED: list[Status] = [
    status for status in get_args(Status) if status.endswith("_timeout") or status == "cancelled"
]  # fmt: skip


@pytest.mark.parametrize("status", ENDED)
def test_what_we_ended_was_ended_by_us_whatever_else_was_said(status: Status) -> None:
    kind = "cancelled" if status == "cancelled" else "timeout"
    for reading, (told, problem, felt) in product([None, *READINGS], LIBRARY):
        ending = judged(reading, told, problem, (status, "in our words"), felt=felt)
        assert (ending.status, ending.error) == (status, CallError(kind=kind, message="in our words"))
        said = reading.finish if reading is not None else told.finish if told is not None else None
        assert ending.finish == said


# --- What libraries raise --------------------------------------------------------------------------------------------

REQUEST = httpx.Request("POST", "http://127.0.0.1/v1")


def status_error(kind: type[openai.APIStatusError], status: int, message: str, **headers: str) -> openai.APIStatusError:
    return kind(message, response=httpx.Response(status, headers=headers, request=REQUEST), body=None)


class Wrapped(Exception):  # noqa: N818  as LiteLLM's own
    """As LiteLLM's exceptions within a stream: with a status of its own, around what happened."""

    status_code = 500

    def __init__(self, message: str, inside: BaseException) -> None:
        super().__init__(message)
        self.original_exception = inside


@pytest.mark.parametrize(
    ("problem", "kind", "http_status", "message"),
    [
        (RESET, "connection", None, "reset by peer"),
        (httpx.ConnectError("refused"), "connection", None, "refused"),
        (httpx.ReadError("gone"), "connection", None, "gone"),
        (httpx.RemoteProtocolError("closed early"), "connection", None, "closed early"),
        (openai.APIConnectionError(request=REQUEST), "connection", None, "Connection error."),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "connection", None, "certificate verify failed"),
        (status_error(openai.RateLimitError, 429, "slow"), "rate_limited", 429, "slow"),
        (status_error(openai.NotFoundError, 404, "no"), "not_found", 404, "no"),
        (
            status_error(openai.BadRequestError, 400, "prompt is too long"),
            "context_overflow",
            400,
            "prompt is too long",
        ),
        (status_error(openai.InternalServerError, 503, "busy"), "overloaded", 503, "busy"),
        (Wrapped("mid-stream", RESET), "connection", None, "reset by peer"),
        (Wrapped("mid-stream", status_error(openai.RateLimitError, 429, "slow")), "rate_limited", 429, "slow"),
        (WRONG, "library", None, "ValueError: not what I expected"),
        (KeyError(), "library", None, "KeyError: KeyError"),
        (ValueError("a" * 9_999), "library", None, "ValueError: " + "a" * 488),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_a_library_raised_in_our_words(
    problem: BaseException, kind: str, http_status: int | None, message: str
) -> None:
    error = error_from(problem)
    assert (error.kind, error.http_status, error.message) == (kind, http_status, message)


def test_a_connection_that_failed_says_why() -> None:
    raised = openai.APIConnectionError(request=REQUEST)
    raised.__cause__ = httpx.ConnectError("certificate verify failed")
    error = error_from(raised)
    assert error == CallError(kind="connection", message="Connection error. (certificate verify failed)")


def test_how_long_to_wait_is_read_from_what_was_raised() -> None:
    raised = status_error(openai.RateLimitError, 429, "slow", **{"Retry-After": "3"})
    assert error_from(raised).retry_after_s == 3
    assert error_from(Wrapped("slow", raised)).retry_after_s == 3

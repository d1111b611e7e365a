"""Everything that can go wrong, in every dialect and through every library: each ends as what it was, with what came.

One run makes all calls, at endpoints of which each has one fault for ever. What a record says is then judged by what
the simulator knows: a call is only `ok` where everything was sent, the finish reason and the end included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import pytest

from llmlab.measurement import StreamRecord, Timeouts
from llmlab.measurement.orders import Call
from llmlab.measurement.records import Path, Status
from llmlab.simulator import (
    AnswerShape,
    ContextOverflow,
    Cut,
    DialectName,
    Entry,
    FaultScript,
    Hang,
    InBandError,
    LatencyProfile,
    LoggedRequest,
    Malformed,
    MissingFinish,
    MissingUsage,
    Packed,
    Refusal,
    SimulatedEndpoint,
    Split,
    Stall,
)
from llmlab.simulator import Status as HttpStatus
from tests.measurement.conftest import Rig, rig_of

TIMEOUTS = Timeouts(connect_s=20, first_token_s=2, stall_s=1.5, total_s=60)
TOKENS, THOUGHTS = 8, 3
REFUSED_IN_TOKENS = 5  # "I cannot help with that."

WAYS: list[tuple[Path, DialectName]] = [("litellm", dialect) for dialect in get_args(DialectName)]
WAYS += [("openai", "openai"), ("httpx", "openai"), ("anthropic", "anthropic")]


@dataclass(frozen=True)
class Expected:
    """How a call with a fault ends. `tokens` is how many of them are kept; `usage` who counted: `guessed` is a library
    or a tokenizer, `any` depends on how much was read before the library gave up."""

    status: Status
    kind: str = ""
    tokens: int = 0
    usage: str = ""
    http: int | None = None
    wait_s: float | None = None


def http(code: int, kind: str, wait_s: float | None = None) -> Expected:
    return Expected("error", kind, http=code, wait_s=wait_s)


def cut(tokens: int) -> Expected:
    return Expected("truncated", "truncated", tokens, "guessed" if tokens else "any")


OK = Expected("ok", tokens=TOKENS, usage="provider")
GUESSED = replace(OK, usage="guessed")
UNFINISHED = Expected("truncated", "truncated", TOKENS, "provider")
SILENT = Expected("first_token_timeout", "timeout")
SPLIT = Split(gap_s=0.0003)  # of seven bytes each

MATRIX: dict[str, tuple[Entry, Expected]] = {
    "fine": (None, OK),
    "400": (HttpStatus(code=400), http(400, "bad_request")),
    "401": (HttpStatus(code=401), http(401, "auth")),
    "404": (HttpStatus(code=404), http(404, "not_found")),
    "429": (HttpStatus(code=429), http(429, "rate_limited")),
    "429-says-when": (HttpStatus(code=429, retry_after_s=7), http(429, "rate_limited", 7)),
    "500": (HttpStatus(code=500), http(500, "server")),
    "503": (HttpStatus(code=503), http(503, "overloaded")),
    "refusal": (Refusal(), Expected("refused", "refused", REFUSED_IN_TOKENS, "provider")),
    "overflow": (ContextOverflow(), http(400, "context_overflow")),
    "hang": (Hang(), SILENT),
    "stall-at-once": (Stall(after_tokens=0), SILENT),
    "stall": (Stall(after_tokens=4), Expected("stall_timeout", "timeout", 4, "guessed")),
    "stall-that-ends": (Stall(after_tokens=4, for_s=0.1), OK),
    "cut-before-the-first": (Cut(token=1, side="before"), Expected("error", "connection")),
    "end-before-the-first": (Cut(token=1, side="before", clean=True), cut(0)),
    "cut-before-the-4th": (Cut(token=4, side="before"), cut(3)),
    "end-before-the-4th": (Cut(token=4, side="before", clean=True), cut(3)),
    "cut-after-the-4th": (Cut(token=4), cut(4)),
    "end-after-the-4th": (Cut(token=4, clean=True), cut(4)),
    "cut-after-the-last": (Cut(token=TOKENS), cut(TOKENS)),
    "end-after-the-last": (Cut(token=TOKENS, clean=True), cut(TOKENS)),
    "malformed-1st": (Malformed(token=1), Expected("malformed", "malformed", 0, "any")),
    "malformed-4th": (Malformed(token=4), Expected("malformed", "malformed", 3, "any")),
    "malformed-last": (Malformed(token=TOKENS), Expected("malformed", "malformed", TOKENS - 1, "any")),
    "error-at-once": (InBandError(after_tokens=0, code=500), Expected("error", "server")),
    "error-inside": (InBandError(after_tokens=4, code=500), Expected("error", "server", 4, "guessed")),
    "overloaded-inside": (InBandError(after_tokens=4, code=503), Expected("error", "overloaded", 4, "guessed")),
    "limit-inside": (InBandError(after_tokens=4, code=429), Expected("error", "rate_limited", 4, "guessed")),
    "split": (SPLIT, OK),
    "packed": (Packed(), OK),
    "no-usage": (MissingUsage(), GUESSED),
    "no-finish": (MissingFinish(), UNFINISHED),
    "split-and-no-usage": ((SPLIT, MissingUsage()), GUESSED),
    "no-usage-and-no-finish": ((MissingUsage(), MissingFinish()), replace(UNFINISHED, usage="guessed")),
    "no-usage-and-an-end": ((MissingUsage(), Cut(token=5, clean=True)), cut(5)),
    "packed-and-cut": ((Packed(), Cut(token=5)), cut(5)),
    "split-stall-no-finish": ((SPLIT, Stall(after_tokens=2, for_s=0.1), MissingFinish()), UNFINISHED),
}
HARMLESS = {"split", "packed", "missing_usage", "stall"}  # a stall that never ended has no end in the log either


def expected(fault: str, dialect: DialectName) -> Expected:
    """Where a provider says something else than the others."""
    usual = MATRIX[fault][1]
    match dialect, fault:
        case "azure", "refusal":  # a filter before the model
            return Expected("refused", "refused", http=400)
        case "gemini", "refusal":  # nothing but a finish reason
            return Expected("refused", "refused", usage="provider")
        case "anthropic", "overloaded-inside":  # Anthropic's own is a 529
            return replace(usual, kind="server")
        case "gemini", _ if usual.tokens and usual.usage == "guessed" and "no-usage" not in fault:
            return replace(usual, usage="provider")  # each of its events says what was used so far
        case _:
            return usual


def endpoint(fault: str, path: Path, dialect: DialectName) -> str:
    return f"{path}-{dialect}-{fault}"


@pytest.fixture(scope="module")
def rig(worker: None) -> Iterator[Rig]:
    profile = LatencyProfile(ttft_s=0.01, itl_s=0.002)
    answer = AnswerShape(output_tokens=TOKENS - THOUGHTS, reasoning_tokens=THOUGHTS, text="unicode")
    endpoints = [
        SimulatedEndpoint(
            name=endpoint(fault, *way), profile=profile, answer=answer, faults=FaultScript(then=MATRIX[fault][0])
        )
        for fault in MATRIX
        for way in WAYS
    ]
    with rig_of(*endpoints) as rig:
        yield rig


@pytest.fixture(scope="module")
def records(rig: Rig) -> dict[str, StreamRecord]:
    """By endpoint."""
    lanes = [rig.lane(endpoint(fault, path, dialect), dialect, path) for fault in MATRIX for path, dialect in WAYS]
    made = rig.plan(lanes, streams=8, timeouts=TIMEOUTS)
    first = [Call(number=-1 - i, round=-1, lane=lane.name, warm_up=True) for i, lane in enumerate(lanes[: len(WAYS)])]
    found = rig.run(replace(made, calls=(*first, *made.calls)))
    assert len(found) == len(lanes) + len(first), "a record was lost"
    return {record.endpoint: record for record in found if not record.warm_up}


@pytest.fixture(scope="module")
def log(rig: Rig, records: Mapping[str, StreamRecord]) -> dict[str, LoggedRequest]:
    """The last request of each endpoint, once all are over."""
    return {entry.endpoint: entry for entry in rig.simulator.log()}


EVERY_FAULT = pytest.mark.parametrize("fault", MATRIX)


@EVERY_FAULT
def test_a_fault_ends_a_call_as_what_it_was(records: Mapping[str, StreamRecord], fault: str) -> None:
    for path, dialect in WAYS:
        record, wanted = records[endpoint(fault, path, dialect)], expected(fault, dialect)
        error = record.error
        assert (record.status, error.kind if error else "") == (wanted.status, wanted.kind), record
        assert (error.http_status, error.retry_after_s) == (wanted.http, wanted.wait_s) if error else not wanted.kind
        assert record.attempts == ()
        if wanted.status == "ok":
            assert record.finish is not None, record
        if wanted.status in ("truncated", "first_token_timeout", "stall_timeout"):
            assert record.finish is None, record


@EVERY_FAULT
def test_what_came_is_kept(records: Mapping[str, StreamRecord], log: Mapping[str, LoggedRequest], fault: str) -> None:
    for path, dialect in WAYS:
        name = endpoint(fault, path, dialect)
        record, entry, wanted = records[name], log[name], expected(fault, dialect)
        said = f"{record.reasoning_text} {record.text}".split()  # one word is one token
        sent = sum(chunk.tokens for chunk in entry.chunks)
        if wanted.status == "malformed":
            assert wanted.tokens <= len(said) < sent, record  # some libraries go on, most give up: the rest is not read
        else:
            assert len(said) == sent == wanted.tokens, record
        assert len(record.chunks) == len(said), record
        assert sum(chunk.characters for chunk in record.chunks) == len(record.reasoning_text) + len(record.text)
        assert "\ufffd" not in record.text + record.reasoning_text  # characters are cut in two, and made whole again


@EVERY_FAULT
def test_who_counted_the_tokens_is_said(records: Mapping[str, StreamRecord], fault: str) -> None:
    for path, dialect in WAYS:
        record, wanted = records[endpoint(fault, path, dialect)], expected(fault, dialect)
        guesses = {"litellm-estimated", "tokenizer"} if path == "litellm" else {"tokenizer"}
        match wanted.usage:
            case "provider":
                assert record.usage_source == "provider", record
            case "guessed":
                assert record.usage_source in guesses and record.usage is not None and record.itl_ms is None, record
            case "":
                assert record.usage_source is None and record.usage is None, record
            case _:
                assert record.usage_source in {*guesses, "provider", None}, record


def test_a_whole_answer_is_counted_as_the_provider_does(records: Mapping[str, StreamRecord]) -> None:
    for path, dialect in WAYS:
        usage = records[endpoint("split", path, dialect)].usage
        assert usage is not None
        assert usage.output == TOKENS
        assert usage.reasoning == (None if dialect in ("anthropic", "bedrock") else THOUGHTS)  # which these do not tell


def test_no_library_asks_again_by_itself(rig: Rig, log: Mapping[str, LoggedRequest]) -> None:
    asked = Counter(entry.endpoint for entry in rig.simulator.log())
    warmed = {name for name, count in asked.items() if count == 2}
    assert set(asked.values()) == {1, 2} and len(warmed) == len(WAYS)


def test_no_call_is_a_success_that_was_none(
    records: Mapping[str, StreamRecord], log: Mapping[str, LoggedRequest]
) -> None:
    def whole(entry: LoggedRequest) -> bool:
        faults = set(entry.fault.split(" + ")) if entry.fault else set()
        tokens = sum(chunk.tokens for chunk in entry.chunks)
        closed = any(chunk.kind == "close" for chunk in entry.chunks)
        return entry.status == 200 and entry.ended == "done" and closed and tokens == TOKENS and faults <= HARMLESS

    claimed = {name for name, record in records.items() if not record.failed}
    true = {name for name, entry in log.items() if whole(entry)}
    assert claimed == true
    assert len(true) == len(WAYS) * sum(wanted.status == "ok" for _, wanted in MATRIX.values())


def test_every_path_was_timed_at_its_socket(records: Mapping[str, StreamRecord]) -> None:
    assert {record.clock for record in records.values()} == {"socket"}


def test_a_time_never_runs_backwards_whatever_went_wrong(records: Mapping[str, StreamRecord]) -> None:
    for record in records.values():
        marks = [record.scheduled_ns, record.called_ns, record.sent_ns, record.first_byte_ns, record.first_token_ns]
        times = [at for at in [*marks, record.last_token_ns, record.ended_ns] if at is not None]
        assert times == sorted(times), record
        assert sum(record.phases.values()) == pytest.approx((record.ended_ns - record.scheduled_ns) / 1e6)

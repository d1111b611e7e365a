"""The instrument's own error: worked out by hand from a record and a log, and measured on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llmlab.errors import LlmlabError
from llmlab.measurement import Chunk, StreamRecord
from llmlab.measurement.background import background
from llmlab.measurement.calibration import (
    LEAST_CALLS,
    _calibration,
    calibrate,
    token_errors_ms,
    ttft_error_ms,
)
from llmlab.simulator import LoggedChunk, LoggedRequest

MS = 1_000_000


def sent(at_ms: float, tokens: int = 1) -> LoggedChunk:
    at_ns = round(at_ms * MS)
    return LoggedChunk(sent_ns=at_ns, due_ns=at_ns, kind="answer" if tokens else "open", tokens=tokens, bytes=9)


# The request is out at 100 ms and there at 101; tokens leave at 150 and 160 and arrive 2 and 3 ms later.
ENTRY = LoggedRequest(
    number=7,
    endpoint="calibration",
    dialect="openai",
    path="/",
    headers={},
    body={},
    received_ns=100 * MS,
    read_ns=101 * MS,
    status=200,
    chunks=(sent(140, tokens=0), sent(150), sent(160), sent(161, tokens=0)),
    ended="done",
)
RECORD = StreamRecord(
    run="r",
    number=0,
    round=0,
    endpoint="calibration",
    model="openai/calibration",
    path="litellm",
    simulated=True,
    started_at="",
    status="ok",
    clock="socket",
    scheduled_ns=90 * MS,
    called_ns=95 * MS,
    sent_ns=100 * MS,
    ended_ns=170 * MS,
    request_id="7",
    chunks=(Chunk(152 * MS, "answer", 3), Chunk(163 * MS, "answer", 3)),
)


def test_the_error_is_what_the_measured_time_has_over_the_servers() -> None:
    assert RECORD.ttft_ms == 52
    assert ttft_error_ms(RECORD, ENTRY) == 3  # 49 ms passed over there
    assert token_errors_ms(RECORD, ENTRY) == [2, 3]


def test_what_cannot_be_paired_has_no_error() -> None:
    cut_short = replace(RECORD, chunks=RECORD.chunks[:1])
    assert token_errors_ms(cut_short, ENTRY) == []
    assert ttft_error_ms(replace(RECORD, chunks=()), ENTRY) is None
    assert ttft_error_ms(RECORD, replace(ENTRY, read_ns=None)) is None


def test_failed_calls_and_those_the_log_has_lost_are_left_out() -> None:
    found = _calibration([RECORD] * 3, {"7": ENTRY}, 1, "litellm", "openai")
    assert (found.n, found.ttft_ms, found.ttft_p99_ms, found.token_ms) == (3, 3, 3, 2.5)
    assert not found.p99_shown and found.clock == "socket" and found.late == 0
    with pytest.raises(LlmlabError, match="could not be calibrated: no call was matched"):
        _calibration([RECORD], {}, 1, "litellm", "openai")


@pytest.mark.parametrize(("streams", "dialect"), [(4, "openai"), (8, "anthropic")])
def test_on_this_machine_every_call_is_matched_and_timed_at_its_socket(
    worker: None, streams: int, dialect: str
) -> None:
    found = background().wait(calibrate(streams, dialect=dialect))  # type: ignore[arg-type]
    assert (found.streams, found.dialect, found.path, found.clock) == (streams, dialect, "litellm", "socket")
    assert found.n >= LEAST_CALLS
    assert abs(found.ttft_ms) <= found.ttft_p99_ms
    assert found.ttft_p99_ms > 0 and found.token_ms > 0  # nothing is read before it was sent
    assert found.library_ms is not None and found.library_ms > found.ttft_ms

"""Each definition on a call made by hand, with the answer worked out by hand."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.measurement.records import Attempt, CallError, Chunk, Connection, Kind, Phase, Status, StreamRecord, Usage

MS = 1_000_000  # nanoseconds
START = 5_000 * MS  # of the monotonic clock; nothing may depend on where it stands
PHASES = get_args(Phase)
A_CALL: dict[str, Any] = {
    "run": "r", "number": 0, "round": 0, "endpoint": "e", "model": "m", "path": "litellm", "simulated": True,
    "started_at": "2026-11-23T12:00:00Z", "status": "ok", "clock": "socket",
}  # fmt: skip


def at(ms: float) -> int:
    return START + round(ms * MS)


def chunks(*made: tuple[float, Kind, int]) -> tuple[Chunk, ...]:
    return tuple(Chunk(at(ms), kind, characters) for ms, kind, characters in made)


def call(**given: Any) -> StreamRecord:
    """A call that was scheduled at 0 and sent at once on a connection that was there, unless `given` says otherwise."""
    times = {"scheduled_ns": at(0), "called_ns": at(0), "sent_ns": at(0), "ended_ns": at(1_000)}
    return StreamRecord(**A_CALL | times | {"connection": Connection(reused=True)} | given)


PLAIN = call(
    called_ns=at(10),
    sent_ns=at(30),
    first_byte_ns=at(31),  # the head of the response, and a delta with nothing but a role, came at once
    felt_first_ns=at(153),
    ended_ns=at(215),
    connection=Connection(reused=False, dns_ms=1.0, tcp_ms=4.0, tls_ms=5.0),
    chunks=chunks((150, "answer", 5), (170, "answer", 5), (190, "answer", 5), (210, "answer", 5)),
    usage=Usage(input=7, output=4),
    usage_source="provider",
)


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("queue_ms", 10), ("connect_ms", 10), ("library_before_ms", 10), ("ttft_ms", 120), ("ttfo_ms", 120),
        ("think_ms", 0), ("e2e_ms", 180), ("tail_ms", 5), ("library_after_ms", 3), ("felt_ttft_ms", 143),
        ("from_schedule_ms", 150), ("itl_ms", 20), ("decode_tokens_per_s", 50), ("overall_tokens_per_s", 4 / 0.180),
        ("longest_gap_ms", 20), ("first_chunk_tokens", 1), ("tokens_per_chunk", 1),
    ],
)  # fmt: skip
def test_a_plain_answer(figure: str, value: float) -> None:
    assert getattr(PLAIN, figure) == pytest.approx(value)


def test_its_phases() -> None:
    assert PLAIN.phases == pytest.approx({"queue": 20, "connect": 10, "wait": 120, "think": 0, "answer": 60, "tail": 5})
    assert sum(PLAIN.phases.values()) == pytest.approx(215)


def test_the_head_of_the_response_and_a_role_are_no_token() -> None:
    # A chunk is a delta that held output; the delta with the role, 1 ms after the request, is none.
    assert PLAIN.ttft_ms == pytest.approx(120)
    assert PLAIN.first_byte_ns is not None and PLAIN.sent_ns is not None
    assert PLAIN.first_byte_ns - PLAIN.sent_ns == MS


# --- Tokens ----------------------------------------------------------------------------------------------------------


def test_several_tokens_in_the_first_chunk_are_taken_off_by_their_share_of_the_characters() -> None:
    found = call(
        chunks=chunks((100, "answer", 12), (110, "answer", 4), (120, "answer", 4)),
        usage=Usage(input=7, output=5),
        usage_source="provider",
    )
    assert found.first_chunk_tokens == pytest.approx(3)  # 12 of 20 characters of 5 tokens
    assert found.itl_ms == pytest.approx(10)  # 20 ms for the other two; (N - 1) would say 5
    assert found.decode_tokens_per_s == pytest.approx(100)
    assert found.tokens_per_chunk == pytest.approx(5 / 3)


def test_a_first_chunk_held_one_token_at_the_least() -> None:
    found = call(
        chunks=chunks((100, "answer", 1), (200, "answer", 99)), usage=Usage(input=7, output=11), usage_source="provider"
    )
    assert found.first_chunk_tokens == 1
    assert found.itl_ms == pytest.approx(10)


def test_a_whole_answer_in_one_chunk_has_no_itl() -> None:
    found = call(chunks=chunks((100, "answer", 40)), usage=Usage(input=7, output=10), usage_source="provider")
    assert (found.itl_ms, found.decode_tokens_per_s, found.longest_gap_ms) == (None, None, None)
    assert found.overall_tokens_per_s == pytest.approx(100)
    assert not found.stalled


@pytest.mark.parametrize("source", ["litellm-estimated", "tokenizer"])
def test_tokens_that_were_guessed_give_no_itl(source: str) -> None:
    found = call(
        chunks=chunks((100, "answer", 5), (200, "answer", 5)), usage=Usage(input=7, output=2), usage_source=source
    )
    assert (found.itl_ms, found.decode_tokens_per_s) == (None, None)
    assert found.overall_tokens_per_s == pytest.approx(10)


def test_without_usage_there_are_times_and_no_rates() -> None:
    found = call(chunks=chunks((100, "answer", 5), (200, "answer", 5)))
    assert (found.ttft_ms, found.e2e_ms, found.longest_gap_ms) == (100, 200, 100)
    assert (found.itl_ms, found.overall_tokens_per_s, found.tokens_per_chunk, found.billed_to_visible) == (None,) * 4


# --- Reasoning -------------------------------------------------------------------------------------------------------


def test_reasoning_that_is_shown_is_tokens_and_is_no_answer() -> None:
    found = call(
        chunks=chunks((100, "reasoning", 5), (200, "reasoning", 5), (300, "answer", 5), (400, "answer", 5)),
        usage=Usage(input=7, output=4, reasoning=2),
        usage_source="provider",
        ended_ns=at(450),
    )
    assert (found.ttft_ms, found.ttfo_ms, found.think_ms, found.e2e_ms) == (100, 300, 200, 400)
    assert (found.streamed_tokens, found.itl_ms, found.billed_to_visible) == (4, 100, 2)
    assert found.phases == {"queue": 0, "connect": 0, "wait": 100, "think": 200, "answer": 100, "tail": 50}


def test_reasoning_that_is_kept_back_is_billed_and_came_over_no_wire() -> None:
    found = call(
        chunks=chunks((300, "answer", 5), (310, "answer", 5), (320, "answer", 5)),
        usage=Usage(input=7, output=33, reasoning=30),
        usage_source="provider",
    )
    assert (found.ttft_ms, found.ttfo_ms, found.think_ms) == (300, 300, 0)
    assert (found.streamed_tokens, found.billed_to_visible) == (3, 11)
    assert found.itl_ms == pytest.approx(10)  # 33 tokens in 20 ms would be 0.6
    assert found.overall_tokens_per_s == pytest.approx(3 / 0.320)


def test_an_answer_of_500_with_5000_behind_it_is_billed_eleven_times() -> None:
    assert call(usage=Usage(input=7, output=5_500, reasoning=5_000)).billed_to_visible == 11


@pytest.mark.parametrize("reasoning", [None, 40])
def test_the_ratio_is_unknown_where_reasoning_is_not_counted_apart_or_is_all_there_was(reasoning: int | None) -> None:
    assert call(usage=Usage(input=7, output=40, reasoning=reasoning)).billed_to_visible is None


def test_a_call_that_ends_while_it_reasons_has_a_first_token_and_no_first_output() -> None:
    found = call(chunks=chunks((100, "reasoning", 5), (200, "reasoning", 5)), status="truncated", ended_ns=at(250))
    assert (found.ttft_ms, found.ttfo_ms, found.think_ms) == (100, None, None)
    assert found.phases == {"queue": 0, "connect": 0, "wait": 100, "think": 150}


def test_reasoning_between_two_pieces_of_an_answer_does_not_put_its_beginning_off() -> None:
    found = call(chunks=chunks((100, "answer", 5), (200, "reasoning", 5), (300, "answer", 5)))
    assert (found.ttft_ms, found.ttfo_ms, found.think_ms, found.e2e_ms) == (100, 100, 0, 300)


def test_a_tool_call_is_an_answer() -> None:
    found = call(chunks=chunks((100, "reasoning", 5), (150, "tool", 9), (190, "tool", 9)))
    assert (found.ttft_ms, found.ttfo_ms, found.think_ms, found.e2e_ms) == (100, 150, 50, 190)
    assert call(chunks=chunks((120, "tool", 9))).ttft_ms == 120


# --- Gaps ------------------------------------------------------------------------------------------------------------


def gapped(*gaps: float) -> StreamRecord:
    """A call whose chunks came `gaps` milliseconds one after another, the first after a long wait."""
    times = [30_000 + sum(gaps[:i]) for i in range(len(gaps) + 1)]
    return call(chunks=chunks(*((ms, "answer", 4) for ms in times)), ended_ns=at(times[-1]))


def test_gaps_are_between_chunks_and_the_wait_for_the_first_is_none() -> None:
    assert gapped(10, 40, 10).gaps_ms == (10, 40, 10)
    assert gapped(10, 40, 10).longest_gap_ms == 40


@pytest.mark.parametrize(
    ("gaps", "stalled"),
    [
        pytest.param((20, 20, 20, 1_001), True, id="over a second and over five times the median"),
        pytest.param((20, 20, 20, 1_000), False, id="a second and no more"),
        pytest.param((20, 20, 20, 200), False, id="ten times the median, in no time"),
        pytest.param((300, 300, 300, 1_501), True, id="just over five times a slow median"),
        pytest.param((300, 300, 300, 1_500), False, id="five times a slow median and no more"),
        pytest.param((), False, id="no gap"),
    ],
)
def test_a_stall_is_long_in_itself_and_beside_the_others(gaps: tuple[float, ...], stalled: bool) -> None:
    assert gapped(*gaps).stalled is stalled


# --- Our side and the line -------------------------------------------------------------------------------------------


def test_a_connection_that_was_reused_took_no_time() -> None:
    found = call(called_ns=at(0), sent_ns=at(8), connection=Connection(reused=True))
    assert (found.connect_ms, found.library_before_ms) == (0, 8)


def test_a_connection_nobody_saw_is_unknown_and_counts_as_the_librarys_time() -> None:
    found = call(called_ns=at(0), sent_ns=at(8), connection=Connection())
    assert (found.connect_ms, found.library_before_ms) == (None, 8)


def test_a_connection_without_tls_is_its_other_parts() -> None:
    found = call(called_ns=at(0), sent_ns=at(8), connection=Connection(reused=False, dns_ms=1.0, tcp_ms=2.0))
    assert (found.connect_ms, found.library_before_ms) == (3, 5)


def test_a_wait_on_our_side_is_in_the_time_from_schedule_and_in_no_ttft() -> None:
    found = call(called_ns=at(700), sent_ns=at(700), chunks=chunks((900, "answer", 4)))
    assert (found.queue_ms, found.ttft_ms, found.from_schedule_ms) == (700, 200, 900)


def test_where_nobody_saw_the_socket_times_are_counted_from_the_call() -> None:
    found = call(
        clock="chunk", called_ns=at(5), sent_ns=None, chunks=chunks((105, "answer", 4)), connection=Connection(),
        ended_ns=at(110),
    )  # fmt: skip
    assert (found.ttft_ms, found.ttfo_ms, found.e2e_ms) == (100, 100, 100)
    assert (found.library_before_ms, found.library_after_ms) == (None, None)  # in there, nobody knows where
    assert found.phases == {"queue": 5, "connect": 0, "wait": 100, "think": 0, "answer": 0, "tail": 5}


def test_what_the_library_did_afterwards_is_unknown_without_the_sockets_clock() -> None:
    heard = {"chunks": chunks((100, "answer", 4)), "felt_first_ns": at(104)}
    assert call(**heard).library_after_ms == pytest.approx(4)
    assert call(clock="chunk", **heard).library_after_ms is None
    assert call(clock="chunk", **heard).felt_ttft_ms == pytest.approx(104)


# --- Calls that came to nothing --------------------------------------------------------------------------------------

FIGURES = [
    name
    for name, member in vars(StreamRecord).items()
    if isinstance(member, property) and name.endswith(("_ms", "_per_s")) and name not in ("gaps_ms", "connect_ms")
]


def test_a_call_that_was_not_sent_has_no_figures() -> None:
    found = call(status="not_sent", called_ns=None, sent_ns=None, ended_ns=at(0), connection=Connection())
    assert [name for name in FIGURES if getattr(found, name) is not None] == []
    assert found.failed
    assert found.gaps_ms == ()
    assert sum(found.phases.values()) == 0


def test_a_call_that_was_refused_at_once_has_a_wait_and_no_ttft() -> None:
    error = CallError(kind="rate_limited", message="slow down", http_status=429, retry_after_s=2.0)
    found = call(status="error", error=error, first_byte_ns=at(40), ended_ns=at(41))
    assert (found.ttft_ms, found.e2e_ms, found.failed) == (None, None, True)
    assert found.phases == {"queue": 0, "connect": 0, "wait": 41}


def test_a_call_that_hangs_while_it_connects_spent_its_time_there() -> None:
    found = call(status="connect_timeout", called_ns=at(5), sent_ns=None, ended_ns=at(10_005), connection=Connection())
    assert found.phases == {"queue": 5, "connect": 10_000}


def test_a_call_that_hangs_before_its_first_token_spent_its_time_waiting() -> None:
    found = call(status="first_token_timeout", first_byte_ns=at(1), ended_ns=at(30_000))
    assert found.phases == {"queue": 0, "connect": 0, "wait": 30_000}


def test_a_silence_that_ended_the_call_is_a_stall_and_is_not_in_its_last_token() -> None:
    silent = chunks((100, "answer", 4), (120, "answer", 4))
    found = call(status="stall_timeout", chunks=silent, ended_ns=at(20_120))
    assert (found.stalled, found.longest_gap_ms, found.e2e_ms) == (True, 20, 120)
    assert sum(found.phases.values()) == 20_120


def test_an_earlier_attempt_is_kept_and_changes_no_time_of_the_last() -> None:
    tried = Attempt(status="error", error=None, called_ns=at(0), ended_ns=at(50), waited_s=0.1)
    found = call(attempts=(tried,), called_ns=at(157), sent_ns=at(157), chunks=chunks((257, "answer", 4)))
    assert (found.ttft_ms, found.failed) == (100, False)
    assert found.queue_ms == 7  # of the last attempt, which was due at 150
    assert found.from_schedule_ms == 257  # of the call: a retry is felt
    assert sum(found.phases.values()) == pytest.approx(1_000 - 150)


@pytest.mark.parametrize("status", get_args(Status))
def test_only_a_whole_answer_is_no_failure(status: Status) -> None:
    assert call(status=status).failed is (status != "ok")


@st.composite
def endings(draw: st.DrawFn) -> StreamRecord:
    """Calls that got any part of the way and ended there, each mark after the one before."""
    steps = draw(st.lists(st.integers(0, 3_000 * MS), min_size=4, max_size=4))
    scheduled = START
    called = scheduled + steps[0]
    sent = called + steps[1]
    reached = draw(st.sampled_from(["nothing", "called", "sent", "tokens"]))
    gaps = draw(st.lists(st.integers(0, 400 * MS), min_size=1, max_size=8)) if reached == "tokens" else []
    kinds = draw(st.lists(st.sampled_from(get_args(Kind)), min_size=len(gaps), max_size=len(gaps)))
    times = [sent + steps[2] + sum(gaps[:i]) for i in range(len(gaps))]
    last = {"nothing": scheduled, "called": called, "sent": sent, "tokens": times[-1] if times else sent}[reached]
    # Whole eighths of the time there was, so that the three parts are exact.
    connect = [share * (steps[1] / 1e6) / 8 for share in draw(st.sampled_from([(0, 0, 0), (1, 2, 3), (2, 3, 3)]))]
    seen = reached in ("sent", "tokens") and draw(st.booleans())
    dns, tcp, tls = connect
    return call(
        status="error",
        called_ns=None if reached == "nothing" else called,
        sent_ns=sent if reached in ("sent", "tokens") else None,
        ended_ns=last + steps[3],
        connection=Connection(reused=False, dns_ms=dns, tcp_ms=tcp, tls_ms=tls) if seen else Connection(),
        chunks=tuple(Chunk(when, kind, 4) for when, kind in zip(times, kinds, strict=True)),
    )


often = settings(max_examples=300, deadline=None, derandomize=True, database=None)


@often
@given(endings())
def test_the_phases_come_in_order_and_add_up_to_the_whole_time_however_a_call_ends(record: StreamRecord) -> None:
    found = record.phases
    assert list(found) == [phase for phase in PHASES if phase in found]
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx((record.ended_ns - record.scheduled_ns) / 1e6, abs=1e-6)
    assert ("wait" in found) is (record.sent_ns is not None)
    assert ("answer" in found) is (record.first_answer_ns is not None)
    assert ("tail" in found) is (record.first_answer_ns is not None)
    if record.sent_ns is None and record.called_ns is not None:
        assert found == pytest.approx({"queue": record.queue_ms, "connect": (record.ended_ns - record.called_ns) / 1e6})


@often
@given(endings(), st.integers(-2_000 * MS, 2_000 * MS), st.integers(-2_000 * MS, 2_000 * MS), st.floats(0, 9_000))
def test_they_still_do_where_marks_were_taken_out_of_order(
    record: StreamRecord, earlier: int, longer: int, connecting: float
) -> None:
    # An answer may arrive before its request is stamped as sent, and a clock of the library need not fit ours.
    moved = dataclasses.replace(
        record,
        chunks=tuple(Chunk(chunk.at_ns - earlier, chunk.kind, 4) for chunk in record.chunks),
        ended_ns=max(record.ended_ns + longer, record.sent_ns or record.called_ns or record.scheduled_ns),
        connection=Connection(reused=False, tcp_ms=connecting),
    )
    assert min(moved.phases.values()) >= 0
    assert sum(moved.phases.values()) == pytest.approx((moved.ended_ns - moved.scheduled_ns) / 1e6, abs=1e-6)

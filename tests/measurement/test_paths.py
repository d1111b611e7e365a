"""Every way to ask gives the same figures: the definitions, by schedules whose answers are worked out by hand, and laid
beside the simulator's own log.

A schedule is a promise of the simulator's; its log says when it really wrote. So a figure is compared with the schedule
generously, and with the log closely.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest

from llmlab.measurement import Question, StreamRecord
from llmlab.measurement.calibration import token_errors_ms, ttft_error_ms
from llmlab.measurement.records import Path
from llmlab.simulator import (
    AnswerShape,
    Burst,
    DialectName,
    FaultScript,
    LoggedRequest,
    Schedule,
    SimulatedEndpoint,
    Stall,
)
from tests.measurement.conftest import Rig, rig_of

WAYS: list[tuple[Path, DialectName]] = [("litellm", dialect) for dialect in get_args(DialectName)]
WAYS += [("openai", "openai"), ("httpx", "openai"), ("anthropic", "anthropic")]
EVERY_WAY = pytest.mark.parametrize(("path", "dialect"), WAYS)
UNTOLD: tuple[DialectName, ...] = ("anthropic", "bedrock")  # do not tell reasoning tokens apart
CLOCK_NOISE_MS = 1.0

SAID = (
    # Four chunks of four tokens, 40 ms apart from 100 ms on: 10 ms a token.
    SimulatedEndpoint(
        name="bursts",
        schedule=Schedule(tuple(Burst(0.1 + 0.04 * n, 4) for n in range(4))),
        answer=AnswerShape(output_tokens=16),
    ),
    # Reasoning from 50 ms, the answer from 200 to 290 ms.
    SimulatedEndpoint(
        name="thinks",
        schedule=Schedule((Burst(0.05, 2), Burst(0.08, 2), *(Burst(0.2 + 0.03 * n, 1) for n in range(4)))),
        answer=AnswerShape(output_tokens=4, reasoning_tokens=4),
    ),
    # The same, but nothing of the reasoning is sent.
    SimulatedEndpoint(
        name="hides",
        schedule=Schedule((Burst(0.05, 3), Burst(0.1, 3), *(Burst(0.2 + 0.03 * n, 1) for n in range(4)))),
        answer=AnswerShape(output_tokens=4, reasoning_tokens=6, reasoning="hidden"),
    ),
    # A token each 20 ms, and silence for 1.3 s after the fifth.
    SimulatedEndpoint(
        name="stalls",
        schedule=Schedule(tuple(Burst(0.05 + 0.02 * n, 1) for n in range(10))),
        answer=AnswerShape(output_tokens=10),
        faults=FaultScript(then=Stall(after_tokens=5, for_s=1.3)),
    ),
)


@pytest.fixture(scope="module")
def rig(worker: None) -> Iterator[Rig]:
    with rig_of(*SAID) as rig:
        yield rig


def called(endpoint: str, path: Path, dialect: DialectName) -> str:
    return f"{endpoint} {path} {dialect}"


@pytest.fixture(scope="module")
def records(rig: Rig) -> dict[str, StreamRecord]:
    """Each endpoint asked in each way; by the lane's name."""
    lanes = [rig.lane(one.name, way[1], way[0], name=called(one.name, *way)) for one in SAID for way in WAYS]
    found = {record.endpoint: record for record in rig.run(rig.plan(lanes, streams=4))}
    assert {record.status for record in found.values()} == {"ok"}
    return found


@pytest.fixture(scope="module")
def log(rig: Rig, records: Mapping[str, StreamRecord]) -> dict[str, LoggedRequest]:
    """By the number that a request and its record share."""
    return {str(entry.number): entry for entry in rig.simulator.log()}


def about(milliseconds: float) -> Any:
    """Of a schedule: never early, and not so late that it would be another one."""
    return pytest.approx(milliseconds * 1.25, rel=0.25)


# --- By schedule


@EVERY_WAY
def test_several_tokens_in_a_chunk_are_counted_by_the_provider(
    records: Mapping[str, StreamRecord], path: Path, dialect: DialectName
) -> None:
    record = records[called("bursts", path, dialect)]
    assert (len(record.chunks), record.streamed_tokens, record.tokens_per_chunk) == (4, 16, 4)
    assert record.usage_source == "provider"
    assert record.ttft_ms == record.ttfo_ms == about(100)
    assert record.e2e_ms == about(220)
    first = record.first_chunk_tokens
    assert first == pytest.approx(4, abs=2)  # by its share of the characters
    # Twelve tokens or so in 120 ms; the gaps between chunks say four times as much.
    assert record.itl_ms is not None and record.itl_ms == pytest.approx(10, rel=0.5)
    assert statistics.median(record.gaps_ms) > 2.5 * record.itl_ms
    assert record.itl_ms * (16 - (first or 0)) == pytest.approx((record.e2e_ms or 0) - (record.ttft_ms or 0))
    assert record.overall_tokens_per_s == pytest.approx(16_000 / (record.e2e_ms or 0))


@EVERY_WAY
def test_the_first_token_is_the_first_thought_and_the_first_answer_comes_after(
    records: Mapping[str, StreamRecord], path: Path, dialect: DialectName
) -> None:
    record = records[called("thinks", path, dialect)]
    assert [chunk.kind for chunk in record.chunks] == ["reasoning"] * 2 + ["answer"] * 4
    assert (len(record.reasoning_text.split()), len(record.text.split())) == (4, 4)
    assert record.ttft_ms == about(50) and record.ttfo_ms == about(200) and record.e2e_ms == about(290)
    assert record.think_ms == pytest.approx((record.ttfo_ms or 0) - (record.ttft_ms or 0))
    assert record.streamed_tokens == 8
    assert record.billed_to_visible == (None if dialect in UNTOLD else 2)


@EVERY_WAY
def test_reasoning_that_is_kept_back_is_waited_for_and_billed_but_never_a_token_that_came(
    records: Mapping[str, StreamRecord], path: Path, dialect: DialectName
) -> None:
    record = records[called("hides", path, dialect)]
    assert {chunk.kind for chunk in record.chunks} == {"answer"} and record.reasoning_text == ""
    assert record.ttft_ms == record.ttfo_ms == about(200) and record.think_ms == 0
    assert record.usage is not None and record.usage.output == 10
    if dialect in UNTOLD:
        assert (record.usage.reasoning, record.billed_to_visible) == (None, None)
    else:
        assert (record.usage.reasoning, record.billed_to_visible) == (6, 2.5)
        assert record.streamed_tokens == 4
        assert record.itl_ms == pytest.approx(30, rel=0.5)


@EVERY_WAY
def test_a_stall_is_the_longest_gap_and_no_part_of_the_first_token(
    records: Mapping[str, StreamRecord], path: Path, dialect: DialectName
) -> None:
    record = records[called("stalls", path, dialect)]
    assert record.stalled and len(record.gaps_ms) == 9
    assert record.gaps_ms.index(record.longest_gap_ms or 0) == 4
    assert (record.longest_gap_ms or 0) > 1_300 and record.ttft_ms == about(50)
    assert not any(records[called(name, path, dialect)].stalled for name in ("bursts", "thinks", "hides"))


# --- By the log


@EVERY_WAY
def test_each_token_is_dated_when_it_came_and_never_before_it_was_sent(
    records: Mapping[str, StreamRecord], log: Mapping[str, LoggedRequest], path: Path, dialect: DialectName
) -> None:
    late: list[float] = []
    for endpoint in SAID:
        record = records[called(endpoint.name, path, dialect)]
        entry = log[record.request_id or ""]
        found = token_errors_ms(record, entry)
        assert len(found) == len(record.chunks) > 0  # chunk by chunk the same
        late += found
    assert min(late) > -CLOCK_NOISE_MS
    assert statistics.median(late) < 5  # most are a few hundredths: the schedule's steps are twenty and more


@EVERY_WAY
def test_a_time_to_first_token_is_the_servers_and_what_the_network_took(
    records: Mapping[str, StreamRecord], log: Mapping[str, LoggedRequest], path: Path, dialect: DialectName
) -> None:
    errors = [
        ttft_error_ms(record, log[record.request_id or ""])
        for endpoint in SAID
        for record in [records[called(endpoint.name, path, dialect)]]
    ]
    known = [error for error in errors if error is not None]
    assert len(known) == len(SAID)
    assert min(known) > -CLOCK_NOISE_MS and statistics.median(known) < 10


def test_what_the_library_adds_is_reported_beside_and_not_in_the_models_time(
    records: Mapping[str, StreamRecord],
) -> None:
    for record in records.values():
        before, after = record.library_before_ms, record.library_after_ms
        assert before is not None and after is not None and before > 0 and after > 0
        felt = before + (record.connect_ms or 0) + (record.ttft_ms or 0) + after
        assert record.felt_ttft_ms == pytest.approx(felt)


# --- What is asked

ASKED = Question(prompts=("one two",), system="be brief", max_tokens=9, temperature=0.5, effort="low")


@EVERY_WAY
def test_a_question_reaches_the_provider_as_it_was_put(rig: Rig, path: Path, dialect: DialectName) -> None:
    question = ASKED if dialect == "openai" else replace(ASKED, effort=None)
    (record,) = rig.run(rig.plan([rig.lane("bursts", dialect, path)], question=question))
    assert record.status == "ok" and record.finish is not None
    assert len(record.text.split()) == 9  # cut at max_tokens
    body = rig.logged(record).body
    said = str(body)
    assert "be brief" in said and "one two" in said and "0.5" in said
    assert f"(request {record.run}-0)" in said  # no provider's cache has seen it
    if dialect == "openai":
        assert body["reasoning_effort"] == "low"
        assert body["stream_options"] == {"include_usage": True}


def test_what_is_not_said_is_not_sent(rig: Rig) -> None:
    (record,) = rig.run(rig.plan([rig.lane("bursts")], question=Question(prompts=("one",), nonce=False)))
    body = rig.logged(record).body
    assert body["messages"] == [{"role": "user", "content": "one"}]
    assert {"temperature", "reasoning_effort"}.isdisjoint(body)


@pytest.mark.parametrize(("path", "dialect"), [("httpx", "openai"), ("anthropic", "anthropic")])
def test_calls_of_one_path_share_their_connections(rig: Rig, path: Path, dialect: DialectName) -> None:
    records = rig.run(rig.plan([rig.lane("bursts", dialect, path)], rounds=3))
    assert [record.connection.reused for record in records[1:]] == [True, True]
    assert {record.connect_ms for record in records[1:]} == {0.0}


@pytest.mark.parametrize(
    ("path", "dialect", "words"),
    [
        ("openai", "anthropic", "unknown endpoint for this path 'anthropic'"),
        ("httpx", "gemini", "unknown endpoint for this path 'gemini'"),
        ("anthropic", "openai", "the Anthropic SDK asks Anthropic's own endpoints, not openai"),
    ],
)
def test_an_endpoint_that_a_path_does_not_reach_is_a_record_that_says_so(
    rig: Rig, path: Path, dialect: DialectName, words: str
) -> None:
    (record,) = rig.run(rig.plan([rig.lane("bursts", dialect, path)], retries=2))
    assert record.status == "error" and record.sent_ns is None and record.attempts == ()
    assert record.error is not None and words in record.error.message

"""Measuring as people do it: a call that waits, one that tells, a run that is stopped, and where it is kept."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.measurement import (
    DEFAULT_PROMPT,
    MeasurementEvent,
    Progress,
    Question,
    Recorded,
    Run,
    StreamRecord,
    finish,
    measure,
    measure_live,
    prepare,
)
from llmlab.measurement.background import background
from llmlab.measurement.instrument import instrument
from llmlab.measurement.journal import read_journal
from llmlab.measurement.measure import runs_folder
from llmlab.simulator import LoggedRequest

QUICK, SLOW = "simulated/groq-llama-8b", "simulated/claude-haiku"
SHORT = Question(prompts=("one two", "three four"), max_tokens=8)


@pytest.fixture(autouse=True)
def kept(worker: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs of one test."""
    monkeypatch.setenv("LLMLAB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def journals(folder: Path) -> list[StreamRecord]:
    (path,) = folder.glob("*.jsonl")
    return sorted(read_journal(path), key=lambda record: record.number)


def requests() -> list[LoggedRequest]:
    """What the instrument's own simulator was asked."""
    return list(background().wait(instrument().simulator()).log())


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


# --- Waiting for it


def test_every_call_is_recorded_in_order_and_kept(kept: Path) -> None:
    records = measure([QUICK, SLOW], SHORT, runs=2, warm_up=1)
    assert [(record.number, record.warm_up, record.round, record.endpoint) for record in records] == [
        (0, True, -1, QUICK),
        (1, True, -1, SLOW),
        (2, False, 0, QUICK),
        (3, False, 0, SLOW),
        (4, False, 1, SLOW),
        (5, False, 1, QUICK),
    ]
    assert {(record.status, record.simulated, record.usage_source) for record in records} == {("ok", True, "provider")}
    assert all(record.usd is not None and 0 < record.usd < Decimal("0.001") for record in records)
    assert journals(kept) == records
    asked = [str(entry.body["messages"]) for entry in requests() if entry.body and entry.endpoint.endswith("haiku")]
    assert ["three four" in prompt for prompt in asked[-2:]] == [False, True]  # the prompts take turns by round
    assert len({prompt for prompt in asked if "(request " in prompt}) == len(asked)  # and no two are the same


def test_the_prompt_is_the_seeds_unless_another_is_given() -> None:
    assert prepare([QUICK]).question.prompts == (DEFAULT_PROMPT,)
    assert prepare([QUICK], "say yes").question.prompts == ("say yes",)
    assert prepare([QUICK], ["a", "b"]).question.prompts == ("a", "b")


def test_preparing_starts_nothing_and_says_what_cannot_be() -> None:
    with pytest.raises(UnknownNameError, match="did you mean simulated/claude-haiku"):
        prepare(["simulated/claude-haiko"])
    with pytest.raises(LlmlabError, match="runs=0"):
        measure([QUICK], runs=0)


def test_more_streams_than_one_process_can_hold_are_shared_by_two_within_one_budget(kept: Path) -> None:
    made = prepare([QUICK], SHORT, runs=40, concurrency=9, budget_usd=None)
    assert made.most_usd is not None
    most = made.most_usd / 40
    budget = most * Decimal("4.5")
    records = measure([QUICK], SHORT, runs=40, concurrency=9, budget_usd=budget)
    sent = [record for record in records if record.status == "ok"]
    assert len(instrument()._workers) == min(2, os.cpu_count() or 1)
    assert len(records) == 40 and {record.status for record in records} == {"ok", "not_sent"}
    assert 0 < sum((record.usd or Decimal(0) for record in sent), Decimal(0)) <= budget
    assert journals(kept) == records


# --- Watching it


async def watched(until: Callable[[MeasurementEvent], bool]) -> list[MeasurementEvent]:
    """The events of a long run, up to one after which the loop is left."""
    heard: list[MeasurementEvent] = []
    async for event in measure_live([SLOW], runs=50):
        heard.append(event)
        if until(event):
            break
    return heard


def shows_text(event: MeasurementEvent) -> bool:
    return isinstance(event, Progress) and bool(event.text)


def test_what_is_told_live_is_what_the_records_say() -> None:
    async def all_of_it() -> list[MeasurementEvent]:
        return [event async for event in measure_live([SLOW], SHORT, runs=3)]

    heard = asyncio.run(all_of_it())
    records = [event.record for event in heard if isinstance(event, Recorded)]
    assert [record.number for record in records] == [0, 1, 2]
    for record in records:
        told = [event for event in heard if isinstance(event, Progress) and event.number == record.number]
        said = "".join(event.text for event in told)
        assert told and record.text.startswith(said)  # what came after the last look is only in the record
        assert [event.phase for event in told] == sorted(
            (event.phase for event in told), key=["queue", "connect", "wait", "think", "answer"].index
        )
        assert heard.index(told[-1]) < heard.index(
            next(e for e in heard if isinstance(e, Recorded) and e.record is record)
        )


def test_leaving_early_stops_the_run_and_closes_its_connection() -> None:
    before = len(requests())
    asyncio.run(watched(shows_text))
    assert soon(lambda: [entry.ended for entry in requests()[before:]] == ["client left"])
    assert [record.status for record in measure([QUICK], SHORT)] == ["ok"]  # and the next is its own


def test_cancelling_who_watches_stops_the_run() -> None:
    before = len(requests())

    async def cancelled() -> None:
        begun = asyncio.Event()

        def seen(event: MeasurementEvent) -> bool:
            if shows_text(event):
                begun.set()
            return False

        watching = asyncio.create_task(watched(seen))
        await begun.wait()
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    asyncio.run(cancelled())
    assert soon(lambda: [entry.ended for entry in requests()[before:]] == ["client left"])


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_interrupting_a_measurement_ends_it_and_keeps_what_came(kept: Path) -> None:
    interrupted = False

    def interrupt(event: MeasurementEvent) -> None:
        nonlocal interrupted
        if shows_text(event) and not interrupted:
            interrupted = True
            os.kill(os.getpid(), signal.SIGINT)

    run = Run(prepare([SLOW], runs=50), interrupt)
    with pytest.raises(KeyboardInterrupt):
        finish(run)
    (record,) = journals(kept)
    assert record.status == "cancelled" and record.text
    assert run.over


def test_a_run_says_when_it_is_over() -> None:
    heard: list[str] = []
    run = Run(prepare([QUICK], SHORT), lambda _: None)
    run.when_over(lambda: heard.append("over"))
    assert [record.status for record in run.result()] == ["ok"]
    assert run.over and soon(lambda: heard == ["over"])


# --- Where it is kept


def test_the_environment_decides_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMLAB_RUNS", str(tmp_path / "here"))
    assert runs_folder() == str(tmp_path / "here") and (tmp_path / "here").is_dir()
    monkeypatch.delenv("LLMLAB_RUNS")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert runs_folder() == str(tmp_path / "state" / "llmlab" / "runs")


def test_where_nothing_can_be_written_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LLMLAB_RUNS", str(tmp_path / "file" / "runs"))
    assert runs_folder() is None
    assert prepare([QUICK]).journal is None


def test_a_journal_is_named_by_its_run_and_can_be_declined(tmp_path: Path) -> None:
    made = prepare([QUICK], journal=str(tmp_path))
    assert made.journal == str(tmp_path / f"{made.run}.jsonl")
    assert prepare([QUICK], journal=None).journal is None

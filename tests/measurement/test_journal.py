"""Records that survive: one line each, appended whole, readable by their owner only."""

from __future__ import annotations

import multiprocessing
import stat
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from llmlab.errors import LlmlabError
from llmlab.measurement import Chunk, StreamRecord, Usage
from llmlab.measurement.journal import Journal, read_journal

RECORD = StreamRecord(
    run="r",
    number=0,
    round=0,
    endpoint="simulated/gpt-5",
    model="openai/sim-gpt-5",
    path="litellm",
    simulated=True,
    started_at="2026-11-23T10:00:00.000+00:00",
    status="ok",
    finish="stop",
    clock="socket",
    scheduled_ns=1,
    called_ns=2,
    sent_ns=3,
    ended_ns=9,
    chunks=(Chunk(5, "answer", 4),),
    usage=Usage(input=3, output=1),
    usage_source="provider",
    text="ja\n山",
    usd=Decimal("0.0000125"),
)


def written(path: Path, *records: StreamRecord) -> Path:
    journal = Journal(str(path))
    for record in records:
        journal.write(record)
    journal.close()
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    records = [replace(RECORD, number=number) for number in range(3)]
    path = written(tmp_path / "j.jsonl", *records)
    assert read_journal(path) == records
    assert len(path.read_bytes().splitlines()) == 3
    written(path, records[0])  # appended
    assert read_journal(path) == [*records, records[0]]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    assert stat.S_IMODE(written(tmp_path / "j.jsonl").stat().st_mode) == 0o600


def test_without_a_path_nothing_is_kept() -> None:
    journal = Journal(None)
    journal.write(RECORD)
    journal.close()


@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_last_line_that_a_kill_cut_short_is_left_out(tmp_path: Path, left: int) -> None:
    path = written(tmp_path / "j.jsonl", RECORD, RECORD)
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(first + b"\n" + second[:left])
    assert read_journal(path) == [RECORD]


def test_any_other_line_that_cannot_be_read_is_an_error_that_says_where(tmp_path: Path) -> None:
    path = written(tmp_path / "j.jsonl", RECORD, RECORD, RECORD)
    first, second, third, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, second[:-9], third, b""]))
    with pytest.raises(LlmlabError, match=r"j\.jsonl:2: "):
        read_journal(path)


def write_many(path: Path, who: int) -> None:
    written(path, *(replace(RECORD, number=number, round=who, text="x" * 2_000) for number in range(200)))


def test_lines_of_several_processes_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, who)) for who in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = sorted((record.round, record.number) for record in read_journal(path))
    assert found == [(who, number) for who in range(2) for number in range(200)]

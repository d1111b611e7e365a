"""The log of what was sent: every chunk as it was noted, and bounded, whatever is asked of the simulator."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmlab.simulator import LoggedChunk
from llmlab.simulator.wirelog import KEPT, KEPT_BYTES, KINDS, OpenRequest, WireLog

CHUNKS = st.builds(
    LoggedChunk,
    sent_ns=st.integers(0, 2**62),
    due_ns=st.integers(-(2**62), 2**62),
    kind=st.sampled_from(KINDS),
    tokens=st.integers(0, 10**6),
    bytes=st.integers(0, 10**9),
)


def open_in(log: WireLog) -> OpenRequest:
    return log.open(dialect="openai", path="/", headers={})


@given(st.lists(CHUNKS))
def test_every_chunk_is_told_as_it_was_noted(chunks: list[LoggedChunk]) -> None:
    request = open_in(WireLog())
    for chunk in chunks:
        request.sent(chunk.sent_ns, chunk.due_ns, chunk.kind, chunk.tokens, chunk.bytes)
    assert request.so_far().chunks == tuple(chunks)


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    log = WireLog()
    for _ in range(KEPT + 5):
        log.note_size(open_in(log), 1)
    assert [log.after(0)[0].number, len(log.after(0))] == [6, KEPT]


def test_bodies_and_chunks_count_together_and_the_newest_is_always_kept() -> None:
    log = WireLog()
    first, second, third = (open_in(log) for _ in range(3))
    log.note_size(first, KEPT_BYTES // 2)
    log.note_size(second, KEPT_BYTES // 2)
    assert len(log.after(0)) == 3
    log.note_size(second, 1)  # its chunks, when it has been answered
    assert [request.number for request in log.after(0)] == [2, 3]
    log.note_size(first, KEPT_BYTES)  # answered after it was forgotten: nothing is kept of it
    assert [request.number for request in log.after(0)] == [2, 3]
    log.note_size(third, 2 * KEPT_BYTES)
    assert [request.number for request in log.after(0)] == [3]

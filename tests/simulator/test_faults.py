"""Each fault by what a plain HTTP client sees, with nobody's retries or repairs between."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.simulator import (
    AnswerShape,
    Burst,
    ContextOverflow,
    Cut,
    Entry,
    Fault,
    FaultScript,
    Hang,
    InBandError,
    LatencyProfile,
    LoggedRequest,
    Malformed,
    MissingFinish,
    MissingUsage,
    Packed,
    RateLimit,
    Refusal,
    Schedule,
    SimulatedEndpoint,
    Simulator,
    Split,
    Stall,
    Status,
)

ASK = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "messages": [{"role": "user", "content": "a b"}]}  # noqa: E501  # fmt: skip
TOKENS = 6
QUICK = LatencyProfile(ttft_s=0.01, itl_s=0.002)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    answer = AnswerShape(output_tokens=TOKENS)
    limited = LatencyProfile(ttft_s=0.0, itl_s=0.0, rate_limit=RateLimit(requests=2, per_s=30))
    with Simulator(
        [
            SimulatedEndpoint(name="m", answer=answer, profile=QUICK),
            SimulatedEndpoint(name="limited", answer=answer, profile=limited),
            SimulatedEndpoint(name="greek", answer=AnswerShape(output_tokens=200, text="unicode"), profile=QUICK),
            SimulatedEndpoint(
                name="born broken", answer=answer, faults=FaultScript(first=(None,), then=Status(code=500))
            ),
        ]
    ) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.url, timeout=5, trust_env=False) as client:
        yield client


class Seen:
    """What came of one streamed call."""

    def __init__(self, client: httpx.Client, asked: dict[str, Any] | None = None, read_timeout: float = 5) -> None:
        self.error: Exception | None = None
        self.reads: list[bytes] = []
        self.status = 0
        timeout = httpx.Timeout(5, read=read_timeout)
        try:
            with client.stream("POST", "/v1/chat/completions", json=asked or ASK, timeout=timeout) as response:
                self.status = response.status_code
                self.reads.extend(response.iter_raw())
        except httpx.HTTPError as e:
            self.error = e

    @property
    def events(self) -> list[str]:
        text = b"".join(self.reads).decode()
        return [event.removeprefix("data: ") for event in text.split("\n\n") if event]

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def words(self) -> int:
        deltas = [chunk["choices"][0]["delta"] for chunk in self.chunks if chunk.get("choices")]
        return len("".join(delta.get("content") or "" for delta in deltas).split())

    @property
    def finish(self) -> list[str]:
        said = [chunk["choices"][0]["finish_reason"] for chunk in self.chunks if chunk.get("choices")]
        return [reason for reason in said if reason]


@pytest.fixture
def see(simulator: Simulator, client: httpx.Client) -> Callable[..., Seen]:
    def look(fault: Entry, **how: Any) -> Seen:
        simulator.script("m", [fault])
        return Seen(client, **how)

    return look


def last_log(simulator: Simulator) -> LoggedRequest:
    """The last request, once it has ended: a client that leaves is noticed a moment later."""
    deadline = time.monotonic() + 5
    while (last := simulator.log()[-1]).ended is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return last


def test_without_a_fault_all_tokens_come_with_finish_usage_and_end(see: Callable[..., Seen]) -> None:
    seen = see(None)
    assert (seen.error, seen.status, seen.words, seen.finish) == (None, 200, TOKENS, ["stop"])
    assert seen.chunks[-1]["usage"]["completion_tokens"] == TOKENS
    assert seen.events[-1] == "[DONE]"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529])
def test_any_status_can_be_asked_for(see: Callable[..., Seen], code: int) -> None:
    seen = see(Status(code=code))
    assert seen.status == code
    assert seen.chunks[0]["error"]["message"]


def test_a_status_can_come_late(see: Callable[..., Seen]) -> None:
    start = time.monotonic()
    assert see(Status(code=503, after_s=0.1)).status == 503
    assert time.monotonic() - start >= 0.1


def test_a_script_is_followed_request_by_request_and_then_all_is_fine(
    simulator: Simulator, client: httpx.Client
) -> None:
    simulator.script("m", [Status(code=503), Status(code=503), None, Status(code=429)])
    assert [Seen(client).status for _ in range(6)] == [503, 503, 200, 429, 200, 200]


def test_a_script_can_go_on_for_ever_or_be_given_with_the_endpoint(client: httpx.Client) -> None:
    asked = {**ASK, "model": "born broken"}
    assert [Seen(client, asked).status for _ in range(4)] == [200, 500, 500, 500]


def test_a_hang_sends_not_even_a_status(simulator: Simulator, see: Callable[..., Seen]) -> None:
    seen = see(Hang(), read_timeout=0.2)
    assert isinstance(seen.error, httpx.ReadTimeout) and seen.status == 0
    last = last_log(simulator)
    assert (last.status, last.chunks, last.ended, last.fault) == (None, (), "client left", "hang")


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_stall_is_silence_after_so_many_tokens(see: Callable[..., Seen], count: int) -> None:
    seen = see(Stall(after_tokens=count), read_timeout=0.2)
    assert isinstance(seen.error, httpx.ReadTimeout)
    assert (seen.words, seen.finish) == (count, [])


def test_a_stall_after_the_last_token_keeps_back_the_end(see: Callable[..., Seen]) -> None:
    seen = see(Stall(after_tokens=TOKENS), read_timeout=0.2)
    assert (seen.words, seen.finish) == (TOKENS, [])


def test_a_stall_can_end(simulator: Simulator, see: Callable[..., Seen]) -> None:
    seen = see(Stall(after_tokens=2, for_s=0.2))
    assert (seen.error, seen.words, seen.events[-1]) == (None, TOKENS, "[DONE]")
    sent = [chunk.sent_ns for chunk in last_log(simulator).chunks if chunk.tokens]
    assert sent[2] - sent[1] >= 0.2e9


@pytest.mark.parametrize(("side", "words"), [("before", 2), ("after", 3)])
def test_a_cut_breaks_the_connection_before_or_after_a_token(
    simulator: Simulator, see: Callable[..., Seen], side: Any, words: int
) -> None:
    seen = see(Cut(token=3, side=side))
    assert isinstance(seen.error, httpx.RemoteProtocolError)
    assert (seen.words, seen.finish) == (words, [])
    assert last_log(simulator).ended == "cut"


def test_a_clean_cut_is_an_end_that_http_cannot_tell_from_a_whole_answer(see: Callable[..., Seen]) -> None:
    seen = see(Cut(token=3, clean=True))
    assert (seen.error, seen.words, seen.finish) == (None, 3, [])
    assert "[DONE]" not in seen.events


def test_a_malformed_event_leaves_the_others_readable(see: Callable[..., Seen]) -> None:
    seen = see(Malformed(token=2))
    broken = [event for event in seen.events if event != "[DONE]" and not is_json(event)]
    assert len(broken) == 1
    assert seen.events.index(broken[0]) == 2  # the role, the first token, this
    assert seen.events[-1] == "[DONE]"


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_an_error_can_come_inside_a_stream_that_began_well(see: Callable[..., Seen]) -> None:
    seen = see(InBandError(after_tokens=2, code=503))
    assert (seen.status, seen.error, seen.words) == (200, None, 2)
    assert seen.chunks[-1]["error"]["type"] == "server_error"


def test_split_events_are_whole_once_they_are_joined(simulator: Simulator, client: httpx.Client) -> None:
    asked = {**ASK, "model": "greek"}
    simulator.script("greek", [Split(size=5, gap_s=0.0)])
    seen = Seen(client, asked)
    assert (seen.error, seen.words, seen.events[-1]) == (None, 200, "[DONE]")
    sent = last_log(simulator).chunks
    assert max(chunk.bytes for chunk in sent) == 5
    assert sum(chunk.tokens for chunk in sent) == 200


def test_a_split_goes_through_the_middle_of_characters(simulator: Simulator, client: httpx.Client) -> None:
    simulator.script("greek", [Split(size=1, gap_s=0.001)])
    asked = {**ASK, "model": "greek", "max_tokens": 1}
    seen = Seen(client, asked)
    assert seen.words == 1
    assert any(not is_utf8(read) for read in seen.reads)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_usage_can_be_missing_from_a_stream_and_from_a_body(see: Callable[..., Seen]) -> None:
    seen = see(MissingUsage())
    assert (seen.words, seen.finish, seen.events[-1]) == (TOKENS, ["stop"], "[DONE]")
    assert [chunk for chunk in seen.chunks if chunk.get("usage")] == []
    assert "usage" not in see(MissingUsage(), asked={**ASK, "stream": False}).chunks[0]


def test_the_finish_reason_can_be_missing_and_the_end_marker_there(see: Callable[..., Seen]) -> None:
    seen = see(MissingFinish())
    assert (seen.words, seen.finish, seen.events[-1]) == (TOKENS, [], "[DONE]")


def test_a_refusal_and_an_overflow_are_told_in_the_dialect(see: Callable[..., Seen]) -> None:
    assert see(Refusal(), asked={**ASK, "stream": False}).chunks[0]["choices"][0]["message"]["refusal"]
    assert see(ContextOverflow()).chunks[0]["error"]["code"] == "context_length_exceeded"


def test_the_limit_lets_through_what_it_allows_and_says_when_to_come_back(client: httpx.Client) -> None:
    asked = {**ASK, "model": "limited", "stream": False}
    answers = [client.post("/v1/chat/completions", json=asked) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 28 <= int(answers[2].headers["retry-after"]) <= 30


# --- Several at once


def test_usage_and_finish_can_be_missing_together(simulator: Simulator, see: Callable[..., Seen]) -> None:
    seen = see((MissingUsage(), MissingFinish()))
    assert (seen.words, seen.finish, seen.events[-1]) == (TOKENS, [], "[DONE]")
    assert [chunk for chunk in seen.chunks if chunk.get("usage")] == []
    assert last_log(simulator).fault == "missing_usage + missing_finish"


@pytest.mark.parametrize("order", [1, -1], ids=["as written", "the other way"])
def test_a_stream_can_come_in_pieces_and_stall_and_be_cut(
    simulator: Simulator, see: Callable[..., Seen], order: int
) -> None:
    entry = (Split(size=9, gap_s=0.0), Stall(after_tokens=1, for_s=0.1), Cut(token=3, clean=True))
    seen = see(entry[::order])
    assert (seen.error, seen.words, seen.finish) == (None, 3, [])
    chunks = last_log(simulator).chunks
    assert max(chunk.bytes for chunk in chunks) == 9
    sent = [chunk.sent_ns for chunk in chunks if chunk.tokens]
    assert sent[1] - sent[0] >= 0.1e9


def test_several_faults_can_last_and_the_script_goes_on_after_them(simulator: Simulator, client: httpx.Client) -> None:
    always = (MissingUsage(), Malformed(token=2))
    simulator.script("m", FaultScript(first=((MissingFinish(), MissingUsage()), None), then=always))
    seen = [Seen(client) for _ in range(4)]
    assert [len([event for event in s.events if event != "[DONE]" and not is_json(event)]) for s in seen] == [
        0,
        0,
        1,
        1,
    ]
    assert ["usage" in s.events[-2] for s in seen] == [False, True, False, False]


def test_a_body_can_stall_and_be_cut_in_what_is_left(see: Callable[..., Seen]) -> None:
    entry = (Stall(after_tokens=1, for_s=0.05), Cut(token=2))
    seen = see(entry, asked={**ASK, "stream": False})
    assert isinstance(seen.error, httpx.RemoteProtocolError) and seen.reads


# --- Events that are written together


def test_packed_events_are_one_write_at_the_time_of_the_last(simulator: Simulator, see: Callable[..., Seen]) -> None:
    seen = see(Packed(events=3))
    assert (seen.error, seen.words, seen.finish, seen.events[-1]) == (None, TOKENS, ["stop"], "[DONE]")
    chunks = last_log(simulator).chunks
    together = [chunks[start : start + 3] for start in range(0, len(chunks), 3)]
    assert [len({chunk.sent_ns for chunk in pack}) for pack in together] == [1] * len(together)
    assert len({pack[0].sent_ns for pack in together}) == len(together)
    tokens = [sum(chunk.tokens for chunk in pack) for pack in together]
    assert tokens == [2, 3, 1, 0]  # the role and two; three; one, the finish and the usage; the end


def test_packed_events_reach_a_client_together(see: Callable[..., Seen]) -> None:
    assert len(see(Packed(events=100)).reads) == 1


def test_packing_leaves_the_truth_of_each_event_apart() -> None:
    thinks = SimulatedEndpoint(name="m", answer=AnswerShape(output_tokens=2, reasoning_tokens=2), profile=QUICK)
    with Simulator([thinks]) as own, httpx.Client(base_url=own.url, trust_env=False) as asker:
        own.script("m", [(Packed(events=4), MissingUsage())])
        assert Seen(asker).words == 2
        (request,) = own.log()
    assert [chunk.kind for chunk in request.chunks] == ["open", *["reasoning"] * 2, *["answer"] * 2, "close", "close"]
    assert request.first_ns("reasoning") == request.first_ns("answer") == request.chunks[0].sent_ns


# --- Not streamed: the middle of the body


def test_a_body_can_be_cut(see: Callable[..., Seen]) -> None:
    seen = see(Cut(token=3), asked={**ASK, "stream": False})
    assert isinstance(seen.error, httpx.RemoteProtocolError) and seen.reads


def test_a_body_can_stall(see: Callable[..., Seen]) -> None:
    seen = see(Stall(after_tokens=3), asked={**ASK, "stream": False}, read_timeout=0.2)
    assert isinstance(seen.error, httpx.ReadTimeout) and seen.status == 200 and seen.reads


def test_a_body_can_be_half_a_json_text_and_look_whole(see: Callable[..., Seen]) -> None:
    seen = see(Malformed(), asked={**ASK, "stream": False})
    assert seen.error is None and not is_json(seen.events[0])


@pytest.mark.parametrize("fault", [Split(), Stall(after_tokens=1, for_s=0.05)])
def test_a_body_can_come_in_pieces(see: Callable[..., Seen], fault: Fault) -> None:
    assert see(fault, asked={**ASK, "stream": False}).chunks[0]["usage"]["completion_tokens"] == TOKENS


# --- What cannot be


def test_a_script_for_an_endpoint_that_is_not_there_is_refused(simulator: Simulator) -> None:
    with pytest.raises(UnknownNameError, match="did you mean greek"):
        simulator.script("grek", [Hang()])


def test_a_scripted_schedule_is_kept_to_the_token() -> None:
    schedule = Schedule((Burst(0.02, 1), Burst(0.04, 2), Burst(0.1, 1)))
    endpoint = SimulatedEndpoint(name="m", answer=AnswerShape(output_tokens=4), schedule=schedule)
    with Simulator([endpoint]) as simulator, httpx.Client(base_url=simulator.url, trust_env=False) as client:
        assert Seen(client).words == 4
        (request,) = simulator.log()
    assert request.read_ns is not None
    due = [((chunk.due_ns - request.read_ns) / 1e9, chunk.tokens) for chunk in request.chunks if chunk.tokens]
    assert due == [(0.02, 1), (0.04, 2), (0.1, 1)]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Status, {"code": 200}),
        (Cut, {"token": 0}),
        (Stall, {"after_tokens": -1}),
        (Malformed, {"token": 0}),
        (InBandError, {"after_tokens": -1}),
        (Split, {"size": 0}),
        (Packed, {"events": 1}),
    ],
)
def test_a_fault_that_cannot_be_is_refused_where_it_is_written(kind: Any, wrong: dict[str, int]) -> None:
    with pytest.raises(LlmlabError):
        kind(**wrong)


@pytest.mark.parametrize(
    ("together", "said"),
    [
        ((Cut(token=1), Cut(token=2)), "one fault of a kind"),
        ((Status(code=503), MissingUsage()), "status comes before an answer and stands alone"),
        ((Split(), Hang()), "hang comes before an answer"),
        ((ContextOverflow(), MissingFinish()), "context_overflow comes before an answer"),
        ((Cut(token=1), InBandError(after_tokens=2)), "an answer ends once"),
        ((Stall(after_tokens=1), Cut(token=2)), "an answer ends once"),
        ((Split(), Packed()), "either split or packed"),
    ],
)
def test_faults_that_cannot_be_together_are_refused(together: tuple[Fault, ...], said: str) -> None:
    with pytest.raises(LlmlabError, match=said):
        FaultScript(first=(None, together))
    with pytest.raises(LlmlabError, match=said):
        FaultScript(then=together)


def test_an_answer_of_nothing_is_refused() -> None:
    with pytest.raises(LlmlabError, match="at least one token"):
        AnswerShape(output_tokens=0)

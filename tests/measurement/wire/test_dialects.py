"""What each event means, and what nobody can make mean anything."""

from __future__ import annotations

import copy
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.measurement.records import CallError, Chunk, Kind, Usage
from llmlab.measurement.wire import Reading
from llmlab.measurement.wire.dialects import MOST_TOKENS, heed
from llmlab.measurement.wire.events import Event, events
from tests.measurement.wire.bodies import (
    ANSWERS,
    ANTHROPIC_EVENTS,
    GEMINI_EVENTS,
    Answer,
    candidate,
    delta,
    tool,
)

KINDS: tuple[Kind, ...] = get_args(Kind)


def reading_of(*told: Any, name: str = "") -> Reading:
    """What these events say, which come 1, 2, 3 ... ns after the start."""
    reading = Reading()
    for at_ns, one in enumerate(told, 1):
        heed(reading, Event(at_ns, name, one))
    return reading


def said(reading: Reading) -> list[tuple[int, Kind, int]]:
    return [(chunk.at_ns, chunk.kind, chunk.characters) for chunk in reading.chunks]


# --- Whole answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read_as_its_provider_means_it(answer: Answer) -> None:
    reading = Reading()
    for event in events(answer.content_type, enumerate(answer.events)):
        heed(reading, event)
    assert reading.chunks == [Chunk(place, kind, len(text)) for place, kind, text in answer.said]
    assert [reading.text(kind) for kind in KINDS] == [answer.text(kind) for kind in KINDS]
    assert (reading.usage, reading.finish, reading.marked) == (answer.usage, answer.finish, True)
    assert (reading.malformed, reading.error, reading.understood) == (0, None, True)


# --- What is no token ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        delta(role="assistant"),
        delta(role="assistant", content="", refusal=None, reasoning_content=None),
        delta(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]),
        delta(content=[]),
        delta("stop"),
        {"choices": []},
        {"choices": None},
        {"choices": [{"index": 0, "delta": None}]},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "EqQB"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": ""}},
        {"type": "response.output_text.delta", "delta": ""},
        {"type": "response.output_text.done", "text": "said before"},
        candidate({"text": ""}),
        candidate({"text": "", "thoughtSignature": "x"}),
        {"candidates": [{"finishReason": "STOP"}]},
        {"usageMetadata": {"promptTokenCount": 3}},
    ],
)
def test_a_delta_without_text_is_no_token(event: dict[str, Any]) -> None:
    reading = reading_of(event)
    assert (reading.chunks, reading.malformed, reading.understood) == ([], 0, True)


@pytest.mark.parametrize("event", [5, "text", True, [], {}, {"type": "content-delta"}, {"object": "list"}])
def test_an_event_of_an_unknown_shape_is_passed_over(event: Any) -> None:
    assert reading_of(event) == Reading()


def test_bedrock_names_events_outside_of_them_and_others_may_have_names_too() -> None:
    assert said(reading_of({"delta": {"text": "abc"}}, name="contentBlockDelta")) == [(1, "answer", 3)]
    assert not reading_of({"delta": {"text": "abc"}}, name="contentBlockDelta2").understood
    assert reading_of({"role": "assistant"}, name="messageStart").understood


# --- Usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "usage"),
    [
        ({"prompt_tokens": 4, "completion_tokens": 9}, Usage(input=4, output=9)),
        ({"completion_tokens_details": {"reasoning_tokens": 0}}, Usage(input=0, output=0, reasoning=0)),
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, Usage(input=0, output=0)),
        (  # xAI leaves reasoning out of the completion
            {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 113,
             "completion_tokens_details": {"reasoning_tokens": 100}},
            Usage(input=4, output=109, reasoning=100),
        ),
        (
            {"prompt_tokens": 4, "completion_tokens": 109, "total_tokens": 113,
             "completion_tokens_details": {"reasoning_tokens": 100}},
            Usage(input=4, output=109, reasoning=100),
        ),
    ],
)  # fmt: skip
def test_usage_as_openai_counts(used: dict[str, Any], usage: Usage) -> None:
    assert reading_of({"choices": [], "usage": used}).usage == usage


def test_usage_that_is_told_more_than_once_is_what_was_told_last() -> None:
    assert reading_of(*GEMINI_EVENTS[:2]).usage == Usage(input=12, output=5, reasoning=3)


def test_anthropic_tells_usage_in_two_parts_and_only_both_are_it() -> None:
    start, *_, last, _ = ANTHROPIC_EVENTS
    assert reading_of(start).usage is None
    assert reading_of(start, last).usage == Usage(input=240, output=15, cache_read=200, cache_write=30)
    assert reading_of(last).usage == Usage(input=0, output=15)
    assert reading_of(start, {"type": "message_delta", "delta": {}}).usage is None
    late = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 11, "output_tokens": 2}}
    assert reading_of(start, late).usage == Usage(input=241, output=2, cache_read=200, cache_write=30)


# --- Endings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "finish", "marked"),
    [
        ([delta("stop")], "stop", False),
        ([delta("length"), "[DONE]"], "length", True),
        (["[DONE]"], None, True),
        ([delta(refusal="I cannot"), delta("stop")], "refusal", False),
        ([delta("content_filter")], "content_filter", False),
        ([{"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}], "max_tokens", False),
        ([{"type": "message_delta", "delta": {"stop_reason": None}}, {"type": "message_stop"}], None, True),
        ([candidate(finish="SAFETY")], "SAFETY", True),
        ([{"type": "response.completed", "response": {}}], "stop", True),
        ([{"type": "response.completed"}], "stop", True),
        ([{"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}],
         "max_output_tokens", True),
        ([{"type": "response.refusal.delta", "delta": "No."}, {"type": "response.completed"}], "refusal", True),
    ],
)  # fmt: skip
def test_how_an_answer_ends(told: list[Any], finish: str | None, marked: bool) -> None:
    reading = reading_of(*told)
    assert (reading.finish, reading.marked, reading.malformed) == (finish, marked, 0)


def test_what_a_refusal_says_is_kept() -> None:
    assert reading_of(delta(refusal="I can"), delta(refusal="not.")).text("answer") == "I cannot."


def test_a_prompt_that_gemini_blocks_is_a_refusal() -> None:
    reading = reading_of({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}})
    assert reading.error == CallError(kind="refused", message="the prompt was blocked: PROHIBITED_CONTENT")
    assert reading.marked


# --- Errors within a stream ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "name", "kind", "message"),
    [
        ({"error": {"message": "The server had an error", "type": "server_error", "code": None}}, "", "server",
         "The server had an error"),
        ({"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}, "", "rate_limited", "Slow down"),
        ({"error": {"message": "Provider disconnected", "code": 502}, "choices": []}, "", "server",
         "Provider disconnected"),
        ({"error": {"message": "bad", "code": "400"}}, "", "bad_request", "bad"),
        ({"error": "out of memory"}, "", "server", "out of memory"),
        ({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}, "", "bad_request",
         "too long"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error", "overloaded",
         "Overloaded"),
        ({"type": "error", "code": "server_error", "message": "Oops"}, "", "server", "Oops"),
        ({"type": "response.failed", "response": {"error": {"code": "rate_limit_exceeded", "message": "slow"}}}, "",
         "rate_limited", "slow"),
        ({"type": "response.failed", "response": {}}, "", "server", "an error without words"),
        ({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}, "", "overloaded",
         "The model is overloaded."),
        ({"message": "Too many tokens"}, "throttlingException", "rate_limited", "Too many tokens"),
        ({"message": "Bedrock is unable"}, "serviceUnavailableException", "overloaded", "Bedrock is unable"),
        ({"message": "Input is too long for requested model."}, "validationException", "context_overflow",
         "Input is too long for requested model."),
        ({"message": "no"}, "error", "server", "no"),
    ],
)  # fmt: skip
def test_an_error_within_a_stream(event: dict[str, Any], name: str, kind: str, message: str) -> None:
    reading = reading_of(event, name=name)
    assert reading.error == CallError(kind=kind, message=message)
    assert (reading.malformed, reading.understood) == (0, True)


def test_the_first_error_is_the_cause() -> None:
    error = reading_of({"error": {"message": "first"}}, {"error": {"message": "then"}}).error
    assert error is not None and error.message == "first"


# --- Text ------------------------------------------------------------------------------------------------------------


def test_halves_of_a_character_are_one_when_they_are_put_together() -> None:
    reading = reading_of(delta(content="a \ud83d"), delta(content="\ude42 b"))
    assert reading.text("answer") == "a 🙂 b"
    assert len(reading.chunks) == 2


def test_half_a_character_that_stays_alone_can_be_written() -> None:
    reading = reading_of(delta(content="a \ud83d b"), delta("sto\ud83d"), {"error": {"message": "\udc00"}})
    assert reading.text("answer") == "a \ufffd b"
    assert reading.finish == "sto\ufffd"
    assert reading.error is not None and reading.error.message == "\ufffd"


def test_arguments_may_be_an_object_where_openai_sends_its_text() -> None:
    call = delta(tool_calls=[{"function": {"arguments": {"city": "Oslo"}}}])
    assert reading_of(call).text("tool") == '{"city": "Oslo"}'


# --- Wrong shapes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        None,
        {"choices": 5},
        {"choices": "text"},
        {"choices": [5]},
        {"choices": [[]]},
        {"choices": {"0": {}}},
        delta(content=5),
        delta(content={"text": "a"}),
        delta(content=["a"]),
        delta(content=[{"thinking": 5}]),
        delta(reasoning=["a"]),
        delta(tool_calls=5),
        delta(tool_calls=[{"function": "f"}]),
        tool(arguments=5),  # type: ignore[arg-type]
        delta(["stop"]),  # type: ignore[arg-type]
        {"choices": [{"delta": "a"}]},
        {"choices": [], "usage": 5},
        {"choices": [], "usage": {"prompt_tokens": "5"}},
        {"choices": [], "usage": {"prompt_tokens": -5}},
        {"choices": [], "usage": {"prompt_tokens": 5.5}},
        {"choices": [], "usage": {"prompt_tokens": True}},
        {"choices": [], "usage": {"completion_tokens": MOST_TOKENS + 1}},
        {"choices": [], "usage": {"completion_tokens": 10**4_000}},
        {"choices": [], "usage": {"completion_tokens": float("inf")}},
        {"choices": [], "usage": {"prompt_tokens_details": [1]}},
        {"type": "response.output_text.delta", "delta": {"text": "a"}},
        {"type": "response.completed", "response": [1]},
        {"type": "response.completed", "response": {"usage": {"input_tokens": "5"}}},
        {"type": "response.incomplete", "response": {"incomplete_details": {"reason": 5}}},
        {"type": "message_start", "message": [1]},
        {"type": "message_start", "message": {"usage": 5}},
        {"type": "content_block_delta", "delta": [1]},
        {"type": "content_block_delta", "delta": {"text": 5}},
        {"type": "message_delta", "delta": {"stop_reason": 5}},
        {"type": "message_delta", "usage": [1]},
        {"type": "message_delta", "usage": {"output_tokens": "5"}},
        {"candidates": 5},
        {"candidates": [{"content": {"parts": 5}}]},
        {"candidates": [{"content": {"parts": [{"text": 5}]}}]},
        {"candidates": [{"finishReason": 5}]},
        {"promptFeedback": {"blockReason": [1]}},
        {"promptFeedback": 5},
        {"usageMetadata": 5},
        {"usageMetadata": {"thoughtsTokenCount": "5"}},
        {"error": {"code": "9" * 5_000}},
    ],
)  # fmt: skip
def test_an_event_of_a_wrong_shape_is_malformed(event: Any) -> None:
    assert reading_of(event).malformed == 1


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("contentBlockDelta", {"delta": 5}),
        ("contentBlockDelta", {"delta": {"text": 5}}),
        ("contentBlockDelta", {"delta": {"reasoningContent": 5}}),
        ("messageStop", {"stopReason": 5}),
        ("metadata", {"usage": 5}),
        ("metadata", {"usage": {"inputTokens": "5"}}),
        ("chunk", {"bytes": 5}),
        ("chunk", {"bytes": "not base64"}),
        ("chunk", {"bytes": "e30x"}),  # `{}1`
        ("chunk", {}),
    ],
)
def test_a_frame_of_a_wrong_shape_is_malformed(name: str, event: Any) -> None:
    assert reading_of(event, name=name).malformed == 1


def test_what_could_be_read_of_a_wrong_shape_holds() -> None:
    reading = reading_of({"choices": [{"delta": {"content": "Yes"}, "finish_reason": 5}]})
    assert (reading.text("answer"), reading.finish, reading.malformed) == ("Yes", None, 1)


def test_one_bad_element_of_an_array_leaves_the_others() -> None:
    reading = reading_of([GEMINI_EVENTS[0], {"candidates": 5}, *GEMINI_EVENTS[1:]])
    assert (reading.text("answer"), reading.malformed, reading.marked) == ("It is so", 1, True)


@pytest.mark.parametrize(
    "make", [lambda deep: [deep], lambda deep: {"error": {"message": deep}}], ids=["lists", "error"]
)
def test_what_is_nested_too_deep_is_malformed_or_nothing_and_never_raises(make: Any) -> None:
    deep: Any = {"candidates": 5}
    for _ in range(5_000):
        deep = make(deep)
    reading = reading_of(deep)
    assert (reading.chunks, reading.usage, reading.finish, reading.marked) == ([], None, None, False)
    assert reading.malformed == 1


NAMES = sorted(
    {"", "chunk", "contentBlockDelta", "messageStop", "metadata", "throttlingException", "error", "message_delta"}
)
LEAVES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.just(10**30) | st.floats() | st.text() | st.just("\ud800")
)


def fields(value: Any) -> set[str]:
    """Every field and text in an event: what is made of them is taken for one of its dialect."""
    if isinstance(value, dict):
        return set(value).union(*map(fields, value.values()))
    if isinstance(value, list):
        return set().union(*map(fields, value))
    return {value} if isinstance(value, str) else set()


REAL: list[tuple[str, Any]] = [
    (event.name, event.data)
    for answer in ANSWERS.values()
    for event in events(answer.content_type, enumerate(answer.events))
]
WORDS = st.sampled_from(sorted(set().union(*(fields(told) for _, told in REAL))))
JSON_OF_THEIRS: st.SearchStrategy[Any] = st.recursive(
    LEAVES | WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, Any]:
    """A real event in which one value, anywhere, is another."""
    name, event = draw(st.sampled_from(REAL))
    root = [copy.deepcopy(event)]
    inside: Any = root
    place: Any = 0
    while isinstance(inside[place], dict | list) and inside[place] and draw(st.integers(0, 3)):
        inside = inside[place]
        place = draw(st.sampled_from(sorted(inside) if isinstance(inside, dict) else range(len(inside))))
    inside[place] = draw(JSON_OF_THEIRS)
    return name, root[0]


@given(told=st.lists(spoilt() | st.tuples(st.sampled_from(NAMES), JSON_OF_THEIRS) | st.sampled_from(REAL), max_size=6))
def test_whatever_is_told_never_raises_and_what_is_read_can_be_kept(told: list[tuple[str, Any]]) -> None:
    reading = Reading()
    for at_ns, (name, event) in enumerate(told):
        heed(reading, Event(at_ns, name, event))
    assert sum(len(reading.texts[kind]) for kind in reading.texts) == len(reading.chunks)
    assert all(chunk.characters > 0 for chunk in reading.chunks)
    kept = [reading.text(kind) for kind in KINDS] + [
        reading.finish or "",
        reading.error.message if reading.error else "",
    ]
    assert [text.encode().decode() for text in kept] == kept
    if reading.usage is not None:
        counts = [reading.usage.input, reading.usage.output, reading.usage.cache_read, reading.usage.cache_write]
        assert all(type(count) is int and 0 <= count <= 4 * MOST_TOKENS for count in counts)
        assert json.loads(json.dumps(reading.usage.reasoning)) == reading.usage.reasoning

"""What a worker is told: checked where it is made, and the same on the other side of the pipe."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.catalog import load_catalog
from llmlab.errors import LlmlabError
from llmlab.measurement import Question, Timeouts
from llmlab.measurement.orders import Call, Lane, Orders, read_orders, write_orders

LANE = Lane(
    name="anthropic/claude-haiku-4-5",
    parameters={"model": "anthropic/claude-haiku-4-5", "api_base": "http://127.0.0.1:1"},
    path="anthropic",
    key_variable="LLMLAB_API_KEY",
    price=load_catalog().endpoint("anthropic/claude-haiku-4-5"),
    region="eu",
    ceiling_usd=Decimal("0.001287"),
)
texts = st.text(min_size=1).filter(lambda text: text.strip() != "")
questions = st.builds(
    Question,
    prompts=st.lists(texts, min_size=1, max_size=3).map(tuple),
    system=st.text(),
    max_tokens=st.integers(1, 10**6),
    temperature=st.none() | st.floats(0, 2),
    effort=st.sampled_from([None, "low", "high"]),
    nonce=st.booleans(),
)
calls = st.builds(
    Call,
    number=st.integers(0),
    round=st.integers(-3),
    lane=st.just(LANE.name),
    at_s=st.none() | st.floats(0, 1e6),
    warm_up=st.booleans(),
)
orders = st.builds(
    Orders,
    run=st.text(),
    question=questions,
    lanes=st.just((LANE,)),
    calls=st.lists(calls, max_size=4).map(tuple),
    streams=st.integers(1, 1000),
    timeouts=st.just(Timeouts(connect_s=1.5)),
    retries=st.integers(0, 9),
    deadline_s=st.floats(0.001, 1e6),
    cap_usd=st.none() | st.decimals(0, 1000, places=9),
    journal=st.none() | st.text(),
)


@given(orders)
def test_orders_cross_a_pipe_unchanged(orders: Orders) -> None:
    assert read_orders(json.loads(json.dumps(write_orders(orders)))) == orders


@given(questions, st.integers(-3, 10))
def test_prompts_take_turns_and_a_nonce_stands_before_all_else(question: Question, round: int) -> None:
    messages = question.messages(round, "n-1")
    assert [message["role"] for message in messages] == (["system", "user"] if question.system else ["user"])
    assert messages[-1]["content"].endswith(question.prompts[round % len(question.prompts)])
    assert messages[0]["content"].startswith("(request n-1)\n") or not question.nonce
    assert "n-1" not in "".join(message["content"] for message in messages[1:]) or "n-1" in str(question.prompts)


@pytest.mark.parametrize("prompts", [(), ("",), ("fine", " \n")])
def test_a_question_asks_something(prompts: tuple[str, ...]) -> None:
    with pytest.raises(LlmlabError, match="nothing to ask"):
        Question(prompts=prompts)


def test_an_answer_has_room_for_a_token() -> None:
    with pytest.raises(LlmlabError, match="max_tokens is at least 1, not 0"):
        Question(prompts=("a",), max_tokens=0)


@pytest.mark.parametrize("name", ["connect_s", "first_token_s", "stall_s", "total_s"])
def test_a_timeout_is_longer_than_nothing(name: str) -> None:
    with pytest.raises(LlmlabError, match="a timeout is longer than 0 seconds"):
        Timeouts(**{name: 0.0})

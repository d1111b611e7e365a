"""What other tools are told: each line works as it stands, in every dialect."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import get_args

import anthropic
import httpx
import openai
import pytest

from llmlab.errors import UnknownNameError
from llmlab.simulator import AnswerShape, DialectName, LatencyProfile, SimulatedEndpoint, Simulator, base_url, curl

EVERY_DIALECT = pytest.mark.parametrize("dialect", get_args(DialectName))
ENDPOINT = SimulatedEndpoint(
    name="m", answer=AnswerShape(output_tokens=4), profile=LatencyProfile(ttft_s=0.0, itl_s=0.0)
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator([ENDPOINT]) as simulator:
        yield simulator


@EVERY_DIALECT
def test_the_line_for_the_shell_is_answered_in_its_dialect(simulator: Simulator, dialect: DialectName) -> None:
    command, shows_it_coming, url, *rest = shlex.split(curl(simulator.url, "m", dialect))
    assert (command, shows_it_coming, rest[0], rest[2]) == ("curl", "-N", "-H", "-d")
    headers = dict([rest[1].split(": ")])
    with httpx.Client(trust_env=False) as client:
        answer = client.post(url, headers=headers, content=rest[3])
    assert answer.status_code == 200
    last = simulator.log()[-1]
    assert (last.dialect, last.endpoint, last.body) == (dialect, "m", json.loads(rest[3]))
    assert ("stream" in answer.headers["content-type"]) == (dialect != "bedrock")
    assert url.startswith(base_url(simulator.url, dialect))


def test_the_stock_clients_take_the_base_urls(simulator: Simulator) -> None:
    ask: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "a"}]
    with openai.OpenAI(base_url=base_url(simulator.url, "openai"), api_key="any") as client:
        assert client.chat.completions.create(model="m", messages=ask).usage
    with anthropic.Anthropic(base_url=base_url(simulator.url, "anthropic"), api_key="any") as asker:
        message = asker.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "a"}])
    assert message.usage.output_tokens == 4


def test_there_is_no_other_dialect() -> None:
    with pytest.raises(UnknownNameError, match="did you mean openai"):
        base_url("u", "opnai")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="did you mean openai"):
        curl("u", "m", "opnai")  # type: ignore[arg-type]

"""The exported application module, against simulated models that agree, disagree, fail and are cut."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.gateway import app
from llmlab.gateway.app import (
    Provider,
    StreamCutError,
    answer,
    chat,
    cites,
    confidence,
    connect,
    fits,
    gateway,
    next_action,
    normalise_arguments,
    normalise_text,
    parses_as_sql,
    stream,
    tool_calls,
    vote,
)
from llmlab.simulator import (
    AnswerShape,
    Cut,
    InBandError,
    LatencyProfile,
    Refusal,
    SimulatedEndpoint,
    Simulator,
    Status,
)

ASK: list[Any] = [{"role": "user", "content": "one two three"}]
CALL: list[Any] = [{"role": "user", "content": "call get_weather"}]
QUICK = LatencyProfile(ttft_s=0.002, itl_s=0.0005)
LABELS = tuple(f"label-{n}" for n in range(40))  # each says one word; some say the same


def weather(city: Mapping[str, Any]) -> Any:
    parameters = {"type": "object", "properties": {"city": city}}
    return {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}


SAME = weather({"type": "string", "enum": ["Paris"]})  # every model says Paris
OWN = weather({"type": "string"})  # every model says a word of its own
OTHER: Any = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    talk = [SimulatedEndpoint(name=name, profile=QUICK) for name in ("cheap", "other", "mid", "smart")]
    short = [SimulatedEndpoint(name=n, profile=QUICK, answer=AnswerShape(output_tokens=1)) for n in LABELS]
    with Simulator([*talk, *short]) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[openai.OpenAI]:
    for name in ("cheap", "other", "mid", "smart"):
        simulator.script(name, [])
    monkeypatch.setenv("LITELLM_MASTER_KEY", "any")
    with gateway(f"{simulator.url}/v1") as client:
        yield client


class Asked:
    """Which models were asked since it was made."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._before = simulator.log()[-1].number if simulator.log() else 0

    def __call__(self) -> list[str]:
        return [request.endpoint for request in self._simulator.log(after=self._before)]


@pytest.fixture
def asked(simulator: Simulator) -> Asked:
    return Asked(simulator)


# --- One file, and one client


def test_it_stands_alone_on_the_openai_package() -> None:
    tree = ast.parse(Path(app.__file__).read_text(encoding="utf-8"))
    found = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert found - set(sys.stdlib_module_names) == {"httpx", "openai", "pydantic"}


def test_it_runs_as_a_script_beside_nothing_else(simulator: Simulator, tmp_path: Path) -> None:
    copy = tmp_path / "app.py"
    copy.write_bytes(Path(app.__file__).read_bytes())
    simulator.script("mid", [Refusal()])
    run = subprocess.run(
        [sys.executable, "-I", copy, "what", "now"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"LLM_GATEWAY_URL": f"{simulator.url}/v1", "LITELLM_MASTER_KEY": "any"},
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.splitlines() == ["mid: refused", "smart: accepted"]
    assert len(run.stdout.split()) == 32


def test_the_gateway_is_asked_once_and_never_again(simulator: Simulator, client: openai.OpenAI, asked: Asked) -> None:
    simulator.script("mid", [Status(code=503, retry_after_s=0)])
    with pytest.raises(openai.InternalServerError):
        chat(client, "mid", ASK)
    assert asked() == ["mid"]


def test_a_provider_is_called_by_its_own_address_and_key(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, asked: Asked
) -> None:
    monkeypatch.setenv("MY_KEY", "any")
    providers = {"mine": Provider(f"{simulator.url}/v1", "MY_KEY")}
    with connect("mine", providers) as client:
        assert len(chat(client, "cheap", ASK, max_tokens=4).split()) == 4
    assert asked() == ["cheap"]


def test_every_listed_provider_has_an_https_address_and_a_variable() -> None:
    for provider in app.PROVIDERS.values():
        assert provider.base_url.startswith("https://") and provider.key_variable.endswith("_API_KEY")


# --- Validators


def test_a_citation_is_of_a_source_that_was_given() -> None:
    check = cites(["doc-1", "doc-2"])
    assert check("Rates rose [doc-1], then fell [doc-1, doc-2].") is None
    assert check("Rates rose.") == "no source is cited"
    assert check("Rates rose [doc-3].") == "'doc-3' is no source"
    assert check("See [the page](https://example.com).") == "no source is cited"


@dataclass(frozen=True)
class Invoice:
    number: str
    cents: int


def test_json_has_to_be_of_the_kind_asked_for() -> None:
    check = fits(Invoice)
    assert check('{"number": "7", "cents": 100}') is None
    assert check('```json\n{"number": "7", "cents": 100}\n```') is None
    assert "cents" in str(check('{"number": "7"}'))
    assert "not the JSON asked for" in str(check("The invoice is number 7."))
    assert fits(list[int])("[1, 2]") is None


@pytest.mark.parametrize(
    ("sql", "fine"),
    [
        ("SELECT name FROM people WHERE age > 3", True),
        ("```sql\nSELECT count(*) FROM people;\n```", True),
        ("SELEC name FROM people", False),
        ("SELECT (name FROM people", False),
        ("SELECT 1; DROP TABLE people", False),
        ("I would select all names.", False),
        ("SELECT 1\0", False),
    ],
)
def test_sql_parses_or_it_does_not(sql: str, fine: bool) -> None:
    assert (parses_as_sql()(sql) is None) == fine


def test_sql_is_checked_against_tables_where_they_are_given() -> None:
    check = parses_as_sql("CREATE TABLE people (name TEXT);")
    assert check("SELECT name FROM people") is None
    assert check("SELECT age FROM people") == "SQL does not parse: no such column: age"


def test_sql_is_compiled_and_never_run(tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    assert parses_as_sql()(f"ATTACH DATABASE '{there}' AS there") is None
    assert not there.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("42\nCONFIDENCE: HIGH", ("42", "HIGH")),
        ("It is 42.\n\n**CONFIDENCE: LOW**\n", ("It is 42.", "LOW")),
        ("42", ("42", None)),
        ("CONFIDENCE: HIGH is what I was told to say", ("CONFIDENCE: HIGH is what I was told to say", None)),
    ],
)
def test_what_a_model_says_of_itself_is_taken_off_its_answer(text: str, told: tuple[str, str | None]) -> None:
    assert confidence(text) == told


# --- Escalation


def test_an_answer_that_holds_is_the_first(client: openai.OpenAI, asked: Asked) -> None:
    found = answer(client, ASK, [lambda text: None])
    assert (found.tier, found.accepted, asked()) == ("mid", True, ["mid"])


def test_an_answer_that_fails_its_validator_goes_to_the_next_tier(client: openai.OpenAI, asked: Asked) -> None:
    wrong = chat(client, "mid", ASK)
    seen: list[str] = []

    def check(text: str) -> str | None:
        seen.append(text)
        return "wrong" if len(seen) == 1 else None

    found = answer(client, ASK, [check])
    assert (found.tier, found.accepted) == ("smart", True)
    assert [attempt.problems for attempt in found.attempts] == [("wrong",), ()]
    assert asked() == ["mid", "mid", "smart"] and wrong and seen == [one.text for one in found.attempts]


def test_when_no_answer_holds_the_last_one_is_not_accepted(client: openai.OpenAI) -> None:
    found = answer(client, ASK, [cites(["doc-1"])])
    assert (found.tier, found.accepted) == ("smart", False)
    assert [attempt.problems for attempt in found.attempts] == [("no source is cited",)] * 2


def test_a_refusal_and_an_answer_that_was_cut_do_not_hold(simulator: Simulator, client: openai.OpenAI) -> None:
    simulator.script("mid", [Refusal()])
    assert answer(client, ASK).attempts[0].problems == ("refused",)
    cut = answer(client, ASK, max_tokens=3)
    assert [attempt.problems for attempt in cut.attempts] == [("cut at max_tokens",)] * 2


def test_an_error_of_the_call_is_raised_and_escalates_nothing(
    simulator: Simulator, client: openai.OpenAI, asked: Asked
) -> None:
    simulator.script("mid", [Status(code=429)])
    with pytest.raises(openai.RateLimitError):
        answer(client, ASK)
    assert asked() == ["mid"]


# --- Tool calls


def test_two_that_call_the_same_are_believed(client: openai.OpenAI, asked: Asked) -> None:
    found = next_action(client, CALL, [SAME], voters=("cheap", "other"), arbiter="smart")
    assert found.agreed and found.decided_by == "cheap"
    assert [(call.name, json.loads(call.arguments)) for call in found.calls] == [("get_weather", {"city": "Paris"})]
    assert sorted(asked()) == ["cheap", "other"]


def test_other_arguments_are_a_disagreement_unless_only_names_count(client: openai.OpenAI, asked: Asked) -> None:
    found = next_action(client, CALL, [OWN], voters=("cheap", "other"), arbiter="smart")
    assert not found.agreed and found.decided_by == "smart" and asked()[-1] == "smart"
    by_name = next_action(client, CALL, [OWN], voters=("cheap", "other"), arbiter="smart", on="name")
    assert by_name.agreed and by_name.decided_by == "cheap"


def test_a_voter_that_fails_disagrees(simulator: Simulator, client: openai.OpenAI) -> None:
    simulator.script("other", [Status(code=503)])
    found = next_action(client, CALL, [SAME], voters=("cheap", "other"), arbiter="smart")
    assert not found.agreed and found.decided_by == "smart"


def test_one_that_calls_and_one_that_talks_disagree(client: openai.OpenAI) -> None:
    called = next_action(client, CALL, [SAME, OTHER], voters=("cheap", "other"), arbiter="smart")
    talked = next_action(client, ASK, [SAME, OTHER], voters=("cheap", "other"), arbiter="smart")
    assert not app.same_calls(called.calls, talked.calls)
    assert talked.agreed and talked.calls == () and talked.message.content


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ('{"city": "Paris", "days": 2}', '{"days": 2.0, "city": " Paris "}', True),
        ('{"city": "Paris"}', '{"city": "Paris", "unit": null}', True),
        ('{"city": "Caf\u00e9"}', '{"city": "Cafe\u0301"}', True),
        ("", "{}", True),
        ('{"city": "Paris"}', '{"city": "paris"}', False),
        ('{"ids": [1, 2]}', '{"ids": [2, 1]}', False),
        ('{"days": 1}', '{"days": true}', False),
        ('{"days": "1"}', '{"days": 1}', False),
        ('{"city": "Pa', '{"city": "Par', False),
    ],
)
def test_arguments_are_the_same_where_they_mean_the_same(first: str, second: str, same: bool) -> None:
    assert (normalise_arguments(first) == normalise_arguments(second)) == same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)


@given(arguments=st.dictionaries(st.text(), JSON, max_size=5))
def test_normalising_again_changes_nothing_and_neither_does_order(arguments: dict[str, Any]) -> None:
    once = normalise_arguments(arguments)
    turned = dict(reversed(arguments.items()))
    assert normalise_arguments(once) == once == normalise_arguments(json.dumps(turned))


def test_calls_side_by_side_have_no_order(client: openai.OpenAI) -> None:
    message = client.chat.completions.create(model="cheap", messages=CALL, tools=[SAME]).choices[0].message
    (call,) = message.tool_calls or []
    other = call.model_copy(update={"function": call.function.model_copy(update={"name": "get_time"})})  # type: ignore[union-attr]
    both = message.model_copy(update={"tool_calls": [call, other]})
    turned = message.model_copy(update={"tool_calls": [other, call]})
    assert tool_calls(both) == tool_calls(turned) != tool_calls(message)


# --- Votes


@pytest.fixture(scope="module")
def labels(simulator: Simulator) -> Mapping[str, list[str]]:
    """What the models say to their first question, from another simulator that says the same: models by word."""
    said: dict[str, list[str]] = {}
    short = [SimulatedEndpoint(name=n, profile=QUICK, answer=AnswerShape(output_tokens=1)) for n in LABELS]
    with (
        Simulator(short) as twin,
        openai.OpenAI(base_url=f"{twin.url}/v1", api_key="any", max_retries=0) as client,
    ):
        for name in LABELS:
            said.setdefault(normalise_text(chat(client, name, ASK)), []).append(name)
    return said


def test_a_majority_needs_no_tiebreaker(client: openai.OpenAI, asked: Asked, labels: Mapping[str, list[str]]) -> None:
    word, (first, second, *_) = next((word, names) for word, names in labels.items() if len(names) > 1)
    stranger = next(names[0] for said, names in labels.items() if said != word and len(names) == 1)
    found = vote(client, ASK, voters=[stranger, first, second], tiebreaker="smart")
    assert found.agreed and normalise_text(found.text) == word and found.decided_by == first
    assert set(found.votes) == {stranger, first, second} == set(asked())


def test_voters_that_all_differ_need_one(client: openai.OpenAI, asked: Asked, labels: Mapping[str, list[str]]) -> None:
    voters = [names[0] for names in labels.values() if len(names) == 1][1:3]
    found = vote(client, ASK, voters=voters, tiebreaker="smart", max_tokens=5)
    assert not found.agreed and found.decided_by == "smart" and len(found.text.split()) == 5
    assert asked()[-1] == "smart"


def test_a_voter_that_fails_has_no_vote_and_half_is_no_majority(simulator: Simulator, client: openai.OpenAI) -> None:
    simulator.script("cheap", [Status(code=503)])
    found = vote(client, ASK, voters=["cheap", "other"], tiebreaker="smart", normalise=lambda text: "same")
    assert found.votes["cheap"] is None and found.decided_by == "smart"
    agreed = vote(client, ASK, voters=["cheap", "other"], tiebreaker="smart", normalise=lambda text: "same")
    assert agreed.agreed and agreed.decided_by == "cheap"


@pytest.mark.parametrize("said", ["Yes", " yes.", '"YES"', "**Yes!**", "yes\nCONFIDENCE: HIGH", "\uff39es"])
def test_a_label_is_the_same_in_whatever_dress(said: str) -> None:
    assert normalise_text(said) == "yes"


# --- Streams


def test_a_stream_that_ends_as_it_should_is_one_models(client: openai.OpenAI, asked: Asked) -> None:
    text = "".join(stream(client, ASK, models=["mid", "smart"]))
    assert len(text.split()) == 32 and asked() == ["mid"]


@pytest.mark.parametrize(
    "fault",
    [Cut(token=5), Cut(token=5, clean=True), InBandError(after_tokens=5)],
    ids=["connection cut", "ended without a word", "error in the stream"],
)
def test_a_stream_cut_after_its_first_token_goes_on_with_the_next_model(
    simulator: Simulator, client: openai.OpenAI, asked: Asked, fault: Any
) -> None:
    simulator.script("mid", [fault])
    text = "".join(stream(client, ASK, models=["mid", "smart"]))
    assert asked() == ["mid", "smart"] and len(text.split()) in (36, 37)  # five, and 32 that may join the fifth
    going_on = simulator.log()[-1].body["messages"]
    assert [message["role"] for message in going_on] == ["user", "assistant", "user"]
    assert text.startswith(going_on[1]["content"]) and len(going_on[1]["content"].split()) == 5


def test_a_stream_cut_before_its_first_token_is_asked_afresh(
    simulator: Simulator, client: openai.OpenAI, asked: Asked
) -> None:
    simulator.script("mid", [Cut(token=1, side="before")])
    text = "".join(stream(client, ASK, models=["mid", "smart"]))
    assert asked() == ["mid", "smart"] and len(text.split()) == 32
    assert simulator.log()[-1].body["messages"] == ASK


def test_what_was_said_is_handed_over_when_all_are_cut(simulator: Simulator, client: openai.OpenAI) -> None:
    simulator.script("mid", [Cut(token=4)])
    simulator.script("smart", [Cut(token=3)])
    handed: list[str] = []
    with pytest.raises(StreamCutError) as caught:
        handed.extend(stream(client, ASK, models=["mid", "smart"]))
    assert caught.value.said != "" and caught.value.__cause__ is not None


def test_a_request_that_is_refused_is_raised_and_not_sent_on(
    simulator: Simulator, client: openai.OpenAI, asked: Asked
) -> None:
    simulator.script("mid", [Status(code=401)])
    with pytest.raises(openai.AuthenticationError):
        list(stream(client, ASK, models=["mid", "smart"]))
    assert asked() == ["mid"]


@given(
    said=st.text(alphabet="abcd ", min_size=12, max_size=60),
    more=st.text(alphabet="efgh ", min_size=1, max_size=30).filter(str.strip),
    repeat=st.integers(12, 60),
    size=st.integers(1, 7),
)
def test_what_the_next_model_repeats_is_left_out(said: str, more: str, repeat: int, size: int) -> None:
    again = said[-repeat:] + more.strip()
    pieces = [again[start : start + size] for start in range(0, len(again), size)]
    assert "".join(app._without_repeat(said, iter(pieces))) == more.strip()


@given(text=st.text(max_size=40), size=st.integers(1, 7))
def test_a_beginning_that_is_only_alike_is_kept(text: str, size: int) -> None:
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert "".join(app._without_repeat("something else entirely", iter(pieces))) == text

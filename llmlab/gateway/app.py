"""The application's side of a router: what a gateway cannot decide, because it does not read what models answer.

    from app import answer, cites, gateway

    client = gateway()
    found = answer(client, [{"role": "user", "content": "..."}], [cites(["doc-1", "doc-2"])], tiers=("mid", "smart"))

- `answer` asks a dearer tier when a validator fails: citation, JSON, SQL, and only then what the model says of itself.
- `next_action` asks two cheap models for the next tool call, and a smart one when they disagree.
- `vote` takes the majority of several cheap answers, and asks a smart model where there is none.
- `stream` goes on with the next model when a stream is cut after its first token, which no gateway can.
- `connect` is one client for many providers, to run without a gateway.

Availability is the gateway's: retries, fallbacks, cool-downs and budgets are in router.yaml and not repeated here. This
file needs nothing but the `openai` package (and `httpx` and `pydantic`, which come with it). It is yours: change it.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import httpx
import openai
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessage, ChatCompletionMessageParam
from pydantic import TypeAdapter, ValidationError

Messages = Iterable[ChatCompletionMessageParam]
Validator = Callable[[str], str | None]  # of an answer: what is wrong with it, `None` if nothing is

# --- One client shape, many providers


@dataclass(frozen=True)
class Provider:
    """An OpenAI-compatible API: its address, and the environment variable that holds its key."""

    base_url: str
    key_variable: str


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider("https://api.anthropic.com/v1/", "ANTHROPIC_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "fireworks": Provider("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "gemini": Provider("https://generativelanguage.googleapis.com/v1beta/openai/", "GEMINI_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": Provider("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
}


def gateway(base_url: str | None = None, *, timeout_s: float = 120.0) -> OpenAI:
    """The router's client: at `base_url`, else LLM_GATEWAY_URL, else this machine; its key is LITELLM_MASTER_KEY.

    It never retries: the gateway has done so, and each of the SDK's own would run its whole chain again.
    """
    url = base_url or os.environ.get("LLM_GATEWAY_URL", "http://localhost:4000")
    return OpenAI(base_url=url, api_key=os.environ["LITELLM_MASTER_KEY"], timeout=timeout_s, max_retries=0)


def connect(provider: str, providers: Mapping[str, Provider] = PROVIDERS) -> OpenAI:
    """A provider's own client, to run without a gateway; `KeyError` for one that is not listed or has no key set."""
    listed = providers[provider]
    return OpenAI(base_url=listed.base_url, api_key=os.environ[listed.key_variable])


def chat(client: OpenAI, model: str, messages: Messages, **options: Any) -> str:
    """The text of one answer: the same call for every provider."""
    return _text(_ask(client, model, messages, options))


def _ask(client: OpenAI, model: str, messages: Messages, options: Mapping[str, Any]) -> ChatCompletion:
    answered: ChatCompletion = client.chat.completions.create(model=model, messages=messages, **options)
    return answered


def _text(answered: ChatCompletion) -> str:
    return (answered.choices[0].message.content or "") if answered.choices else ""


# --- Validators: the structure first, the model's opinion of itself last

_FENCE = re.compile(r"\A\s*```\w*\n(?P<inside>.*?)\n?```\s*\Z", re.DOTALL)
_CITED = re.compile(r"\[([^\[\]]+)\](?!\()")  # [doc-1], and no [link](https://...)
_CONFIDENCE = re.compile(r"[\s*_`]*\bCONFIDENCE:\s*(?P<said>HIGH|LOW)[\s*_`.]*\Z")
ASK_CONFIDENCE = "End with a line CONFIDENCE: HIGH or CONFIDENCE: LOW."


def cites(sources: Collection[str]) -> Validator:
    """At least one source is cited as `[name]`, and none that was not given."""

    def check(text: str) -> str | None:
        cited = [name.strip() for found in _CITED.findall(text) for name in found.split(",")]
        invented = [name for name in cited if name not in sources]
        return "no source is cited" if not cited else f"{invented[0]!r} is no source" if invented else None

    return check


def fits(kind: Any) -> Validator:
    """It is JSON (also in a code fence) and validates as `kind`: a pydantic model, a dataclass, `list[int]`."""
    adapter = TypeAdapter(kind)

    def check(text: str) -> str | None:
        try:
            adapter.validate_json(unfenced(text))
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            return f"not the JSON asked for: {'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
        return None

    return check


def parses_as_sql(tables: str = "") -> Validator:
    """It is one statement that SQLite can compile; nothing is run.

    With `tables`, as CREATE TABLE statements, names are checked too. Another dialect wants its own parser here.
    """

    def check(text: str) -> str | None:
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript(tables)
            try:
                database.execute(f"EXPLAIN {unfenced(text)}")
            except (sqlite3.Error, sqlite3.Warning, ValueError) as e:
                unknown_name = str(e).startswith("no such") and not tables
                return None if unknown_name else f"SQL does not parse: {e}"
        return None

    return check


def unfenced(text: str) -> str:
    """What stands inside a code fence, where the whole answer is one."""
    fenced = _FENCE.match(text)
    return fenced["inside"] if fenced else text.strip()


def confidence(text: str) -> tuple[str, Literal["HIGH", "LOW"] | None]:
    """An answer without its last line `CONFIDENCE: ...`, and what that said; see `ASK_CONFIDENCE`."""
    found = _CONFIDENCE.search(text)
    if found is None:
        return text.strip(), None
    return text[: found.start()].strip(), "HIGH" if found["said"] == "HIGH" else "LOW"


# --- Escalation: a dearer tier when the answer does not hold


@dataclass(frozen=True)
class Attempt:
    """One tier's answer and what was wrong with it."""

    tier: str
    text: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The last attempt's text. Not `accepted`: every tier was asked and none held; do not show it unseen."""

    text: str
    tier: str
    accepted: bool
    attempts: tuple[Attempt, ...]


def answer(
    client: OpenAI,
    messages: Messages,
    validators: Sequence[Validator] = (),
    *,
    tiers: Sequence[str] = ("mid", "smart"),
    **options: Any,
) -> Answer:
    """Ask the tiers in turn until an answer holds.

    It holds when it is whole, is no refusal, and no validator objects. A model that says CONFIDENCE: LOW is not
    believed to be right; one that says HIGH still has to pass. Errors of the call are raised: the gateway has tried its
    fallbacks by then.
    """
    asked = list(messages)
    attempts: list[Attempt] = []
    for tier in tiers:
        answered = _ask(client, tier, asked, options)
        text, sure = confidence(_text(answered))
        problems = [*_unfinished(answered), *filter(None, (validate(text) for validate in validators))]
        if sure == "LOW":
            problems.append("the model itself is not sure")
        attempts.append(Attempt(tier, text, tuple(problems)))
        if not problems:
            break
    if not attempts:
        raise ValueError("name at least one tier to ask")
    last = attempts[-1]
    return Answer(last.text, last.tier, not last.problems, tuple(attempts))


def _unfinished(answered: ChatCompletion) -> Iterator[str]:
    if not answered.choices:
        yield "nothing was answered"
        return
    choice = answered.choices[0]
    if choice.finish_reason == "length":
        yield "cut at max_tokens"
    if choice.message.refusal or choice.finish_reason == "content_filter":
        yield "refused"
    elif not (choice.message.content or "").strip():
        yield "empty"


# --- Agreement: cheap models that say the same are believed


@dataclass(frozen=True, order=True)
class ToolCall:
    """A call as it is compared: `arguments` is normalised."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Action:
    """What to do next. `decided_by` is the model whose message this is; `agreed`: the smart one was not asked."""

    message: ChatCompletionMessage
    calls: tuple[ToolCall, ...]
    decided_by: str
    agreed: bool


@dataclass(frozen=True)
class Vote:
    """`text` as `decided_by` said it; `votes` is what each voter said, in its own words, `None` where it failed."""

    text: str
    decided_by: str
    agreed: bool
    votes: Mapping[str, str | None]


def next_action(
    client: OpenAI,
    messages: Messages,
    tools: Sequence[Any],
    *,
    voters: tuple[str, str],
    arbiter: str,
    on: Literal["arguments", "name"] = "arguments",
    **options: Any,
) -> Action:
    """The next tool call: of two cheap models where they agree, else of `arbiter`.

    `on="name"` compares the tools only: fewer arbitrations, and wrong arguments pass. A voter that fails disagrees.
    """
    asked = list(messages)
    first, second = _together(client, voters, asked, {"tools": tools, **options})
    if first and second and first.choices and second.choices:
        message = first.choices[0].message
        found = tool_calls(message)
        if same_calls(found, tool_calls(second.choices[0].message), on=on):
            return Action(message, found, voters[0], agreed=True)
    message = _ask(client, arbiter, asked, {"tools": tools, **options}).choices[0].message
    return Action(message, tool_calls(message), arbiter, agreed=False)


def vote(
    client: OpenAI,
    messages: Messages,
    *,
    voters: Sequence[str],
    tiebreaker: str,
    normalise: Callable[[str], str] | None = None,
    **options: Any,
) -> Vote:
    """What more than half of the voters say; else what `tiebreaker` says.

    Answers are the same where `normalise` makes them so (`normalise_text` unless given). For a small set of labels:
    free text hardly ever agrees. A voter that fails has no vote.
    """
    asked = list(messages)
    same = normalise or normalise_text
    answered = _together(client, voters, asked, options)
    votes = {voter: None if one is None else _text(one) for voter, one in zip(voters, answered, strict=True)}
    counted = Counter(same(text) for text in votes.values() if text is not None)
    leader, count = counted.most_common(1)[0] if counted else ("", 0)
    if leader and count * 2 > len(voters):
        voter, text = next((name, said) for name, said in votes.items() if said is not None and same(said) == leader)
        return Vote(text, voter, True, votes)
    return Vote(chat(client, tiebreaker, asked, **options), tiebreaker, False, votes)


def _together(
    client: OpenAI, models: Sequence[str], messages: Messages, options: Mapping[str, Any]
) -> list[ChatCompletion | None]:
    """The models' answers, asked at the same time; `None` for one whose call failed."""

    def ask(model: str) -> ChatCompletion | None:
        try:
            return _ask(client, model, messages, options)
        except openai.APIError:
            return None

    with ThreadPoolExecutor(max_workers=max(len(models), 1)) as pool:
        return list(pool.map(ask, models))


# --- What counts as the same


def tool_calls(message: ChatCompletionMessage) -> tuple[ToolCall, ...]:
    """The calls of a message, normalised and sorted: calls side by side have no order."""
    found = [call.function for call in message.tool_calls or () if call.type == "function"]
    return tuple(sorted(ToolCall(one.name, normalise_arguments(one.arguments)) for one in found))


def same_calls(
    first: Sequence[ToolCall], second: Sequence[ToolCall], *, on: Literal["arguments", "name"] = "arguments"
) -> bool:
    """Whether two models call the same tools, with the same arguments or (`on="name"`) with any."""
    if on == "name":
        return sorted(call.name for call in first) == sorted(call.name for call in second)
    return sorted(first) == sorted(second)


def normalise_arguments(arguments: str | Mapping[str, Any]) -> str:
    """Arguments as text that is equal where they mean the same.

    The order of keys, space around words, 1 and 1.0, and keys that are null say nothing; letter case and the order of a
    list do. What is no JSON object stays as it is, so that it equals only itself.
    """
    try:
        given = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments
    except ValueError:
        return str(arguments)
    return json.dumps(_plain(given), sort_keys=True, ensure_ascii=False)


def normalise_text(text: str) -> str:
    """A short answer without what does not count: letter case, spaces, quotes and full stops around it."""
    plain, _ = confidence(unicodedata.normalize("NFKC", text))
    return re.sub(r"\s+", " ", plain).strip(" .!\"'`*").casefold()


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(part) for key, part in value.items() if part is not None}
        case list():
            return [_plain(part) for part in value]
        case str():
            return unicodedata.normalize("NFC", value).strip()
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


# --- Streams: go on where one was cut

GO_ON = "Your answer was cut off. Go on exactly where it stopped, without repeating anything and without a comment."
SHORTEST_REPEAT, LONGEST_REPEAT = 12, 400  # characters


class StreamCutError(Exception):
    """Every model's stream was cut. `said` is what had been handed out by then."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(f"the answer was cut after {len(said)} characters, and no model was left to go on")


def stream(client: OpenAI, messages: Messages, *, models: Sequence[str], **options: Any) -> Iterator[str]:
    """The answer's text as it comes. A stream that breaks off is continued by the next of `models`.

    The text so far is given along, and what the next model repeats of it is left out. The style may change in the
    middle; for JSON or code ask `answer` instead. A request that is refused before the first token is raised: that was
    the gateway's to mend, or is the caller's. Raises `StreamCutError` when the last one breaks off too.

    A cut is an error in the stream, a broken connection, or an end without `finish_reason`. LiteLLM itself hides a
    stream that its provider ended early without an error: only a validator sees that.
    """
    asked = list(messages)
    said = ""
    why: Exception | None = None
    for model in models:
        going_on: list[ChatCompletionMessageParam] = [
            {"role": "assistant", "content": said},
            {"role": "user", "content": GO_ON},
        ]
        pieces = _pieces(client, model, [*asked, *(going_on if said else [])], options)
        try:
            for text in _without_repeat(said, pieces):
                said += text
                yield text
        except (openai.APIError, httpx.HTTPError, _EndedEarlyError) as e:
            if not said and isinstance(e, openai.APIStatusError):
                raise
            why = e
            continue
        return
    raise StreamCutError(said) from why


class _EndedEarlyError(Exception):
    """A stream's body ended and nothing said that the answer had."""


def _pieces(client: OpenAI, model: str, messages: Messages, options: Mapping[str, Any]) -> Iterator[str]:
    with client.chat.completions.create(model=model, messages=messages, stream=True, **options) as chunks:
        finished = False
        for chunk in chunks:
            for choice in chunk.choices:
                finished = finished or choice.finish_reason is not None
                if text := choice.delta.content or choice.delta.refusal:
                    yield text
    if not finished:
        raise _EndedEarlyError


def _without_repeat(said: str, pieces: Iterator[str]) -> Iterator[str]:
    """`pieces` without a beginning that repeats the end of `said`; held back only while it may turn out to be one."""
    tail = said[-LONGEST_REPEAT:]
    held = ""
    for piece in pieces:
        held += piece
        if held in tail:
            continue
        yield held[_repeated(tail, held) :]
        yield from pieces
        return
    if rest := held[_repeated(tail, held) :]:
        yield rest


def _repeated(tail: str, text: str) -> int:
    """How many characters at the start of `text` are the end of `tail`; a few may be chance."""
    lengths = range(min(len(tail), len(text)), SHORTEST_REPEAT - 1, -1)
    return next((length for length in lengths if tail.endswith(text[:length])), 0)


if __name__ == "__main__":
    question = " ".join(sys.argv[1:]) or "Explain CRDTs in 50 words."
    told = answer(gateway(), [{"role": "user", "content": f"{question}\n{ASK_CONFIDENCE}"}])
    for attempt in told.attempts:
        print(f"{attempt.tier}: {', '.join(attempt.problems) or 'accepted'}", file=sys.stderr)  # noqa: T201
    print(told.text)  # noqa: T201

"""What a simulated model says to a request: pieces of one token each, how it ends, and what it used.

One word is one token here, on the way in (split at white space) and on the way out, so that a test can count with its
eyes. No real tokenizer does that; nothing outside the simulator may rely on it.
"""

from __future__ import annotations

import functools
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from ..errors import LlmlabError

PieceKind = Literal["reasoning", "answer", "tool"]
Finish = Literal["stop", "length", "tool", "refusal", "filtered"]

REFUSAL = "I cannot help with that."
SIGNATURE = "c2ltdWxhdGVk"  # of reasoning, for the providers that sign it


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShape:
    """How much a model says. Reasoning comes first; `hidden` reasoning takes its time and is billed, but is not sent.

    `cached_tokens` of the prompt are said to have been read from a cache, and `cache_write_tokens` of what is left of
    it to have been written to one; Anthropic and Bedrock tell of both, the others of reads only. `text` is `english`,
    or `unicode` for words of two to four bytes a character and of several scripts.
    """

    output_tokens: int = 32
    reasoning_tokens: int = 0
    reasoning: Literal["visible", "hidden"] = "visible"
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    text: Literal["english", "unicode"] = "english"

    def __post_init__(self) -> None:
        if self.output_tokens < 1 or min(self.reasoning_tokens, self.cached_tokens, self.cache_write_tokens) < 0:
            raise LlmlabError(f"an answer has at least one token, and no count is below 0: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the request offers; `schema` describes its arguments."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, whatever the dialect. `forced` is the tool that must be called, `*` for any."""

    model: str
    prompt: str
    last_user_text: str = ""
    stream: bool = False
    max_tokens: int | None = None
    tools: tuple[Tool, ...] = ()
    forced: str | None = None
    wants_usage: bool = True

    @property
    def input_tokens(self) -> int:
        return len(self.prompt.split())

    def called(self) -> Tool | None:
        """The tool that the answer calls: one that is forced, or that the last user message says to `call`."""
        for tool in self.tools:
            asked = re.search(rf"\bcall {re.escape(tool.name)}\b", self.last_user_text)
            if asked or self.forced in ("*", tool.name):
                return tool
        return None


@dataclass(frozen=True, slots=True)
class Piece:
    """One token of what the model generates."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as they are counted before a dialect tells them: `input` with what of it was `cached` and what was
    `written` to a cache, `output` with `reasoning`."""

    input: int
    output: int
    cached: int = 0
    written: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model says. `finish` or `usage` is `None` where a fault keeps them back."""

    id: str
    model: str
    created: int  # seconds since 1970, for the providers that say when
    pieces: tuple[Piece, ...]
    finish: Finish | None
    usage: Usage | None
    tool: str | None = None
    reasoning: Literal["visible", "hidden"] = "visible"

    def text(self, kind: PieceKind) -> str:
        """All that is said of one kind, hidden reasoning left out."""
        if kind == "reasoning" and self.reasoning == "hidden":
            return ""
        return "".join(piece.text for piece in self.pieces if piece.kind == kind)

    def arguments(self) -> Any:
        """A call's arguments as an object; empty where `max_tokens` cut them short."""
        try:
            return json.loads(self.text("tool"))
        except ValueError:
            return {}


def compose(request: Request, shape: AnswerShape, draw: random.Random, *, id: str, created: int) -> Answer:
    """The answer to `request`, cut at its `max_tokens`; the same `draw` says the same words."""
    tool = request.called()
    reasoning = tuple(Piece("reasoning", text) for text in _prose(shape.reasoning_tokens, shape.text, draw))
    if tool is not None:
        said = tuple(Piece("tool", text) for text in _fragments(json.dumps(_arguments(tool.schema, draw))))
    else:
        said = tuple(Piece("answer", text) for text in _prose(shape.output_tokens, shape.text, draw))
    pieces = reasoning + said
    cut = request.max_tokens is not None and len(pieces) > request.max_tokens
    pieces = pieces[: request.max_tokens] if cut else pieces
    return Answer(
        id=id,
        model=request.model,
        created=created,
        pieces=pieces,
        finish="length" if cut else "tool" if tool else "stop",
        usage=usage_of(request, shape, pieces),
        tool=tool.name if tool and any(piece.kind == "tool" for piece in pieces) else None,
        reasoning=shape.reasoning,
    )


def decline(request: Request, shape: AnswerShape, *, by: Literal["model", "filter"], id: str, created: int) -> Answer:
    """The answer of a model that refuses, or of a filter that steps in."""
    finish: Finish = "refusal" if by == "model" else "filtered"
    pieces = tuple(Piece("answer", text) for text in _fragments(REFUSAL))
    usage = usage_of(request, shape, pieces)
    return Answer(id=id, model=request.model, created=created, pieces=pieces, finish=finish, usage=usage)


def usage_of(request: Request, shape: AnswerShape, pieces: tuple[Piece, ...]) -> Usage:
    """What an answer of `pieces` uses."""
    cached = min(shape.cached_tokens, request.input_tokens)
    return Usage(
        input=request.input_tokens,
        output=len(pieces),
        cached=cached,
        written=min(shape.cache_write_tokens, request.input_tokens - cached),
        reasoning=sum(piece.kind == "reasoning" for piece in pieces),
    )


def _prose(tokens: int, script: str, draw: random.Random) -> list[str]:
    chosen = draw.choices(words()[script], k=tokens)
    return [word if index == 0 else f" {word}" for index, word in enumerate(chosen)]


def _fragments(text: str) -> list[str]:
    """`text` in pieces that start at its spaces, so that joining them gives it back."""
    return re.findall(r"\s*\S+", text)


def _arguments(schema: Mapping[str, Any], draw: random.Random) -> dict[str, Any]:
    """Arguments that fit the plain parts of a JSON schema: every property, required or not."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties") or {}
    return {name: _value(kind, draw) for name, kind in properties.items()}


def _value(schema: Mapping[str, Any], draw: random.Random) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    match str(schema.get("type", "string")).lower():  # Gemini's SDKs write OBJECT and STRING
        case "integer" | "number":
            return draw.randint(1, 9)
        case "boolean":
            return True
        case "array":
            return [_value(schema.get("items") or {}, draw)]
        case "object":
            return _arguments(schema, draw)
        case _:
            return draw.choice(words()["english"])


@functools.cache
def words() -> dict[str, list[str]]:
    """What models say, by script."""
    import yaml

    text = resources.files(__package__).joinpath("words.yaml").read_text(encoding="utf-8")
    return {script: str(words).split() for script, words in yaml.safe_load(text).items()}

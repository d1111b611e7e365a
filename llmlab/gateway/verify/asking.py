"""Asking the proxy as an application does, and reading an answer without trusting it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiohttp

GIVES_UP_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request to a group. `mark` is a word in its prompt by which it is found on the wire."""

    group: str
    mark: str
    stream: bool = False
    words: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        content = " ".join([self.mark, *["a"] * (self.words - 1)])
        return {
            "model": self.group,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": 256,
            **({"stream": True} if self.stream else {}),
            **self.extra,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. `status` is 0 where nothing did. `finish` is the reason that was told for the end; `told_end`
    whether a stream said that it was over; `error` what went wrong, in the answer or in the stream."""

    ask: Ask
    status: int
    seconds: float
    text: str = ""
    finish: str | None = None
    told_end: bool = False
    error: str = ""
    cost_usd: float | None = None

    @property
    def answered(self) -> bool:
        """Whether it is an answer, and a whole one."""
        return self.status == 200 and not self.error and (self.told_end or not self.ask.stream)

    @property
    def words(self) -> str:
        """In a few words, for a report."""
        if self.answered:
            return f"an answer in {self.seconds:.2f} s"
        what = f"HTTP {self.status}" if self.status != 200 else "a broken stream"
        return f"{what} after {self.seconds:.2f} s ({' '.join(self.error.split())[:160] or 'nothing said'})"


async def ask_proxy(session: aiohttp.ClientSession, url: str, key: str, ask: Ask) -> Reply:
    """The reply of the proxy at `url`; an error of any kind is one."""
    import aiohttp

    began = time.monotonic()
    status, raw, broken = 0, bytearray(), ""
    cost = None
    try:
        headers = {"Authorization": f"Bearer {key}"}
        async with session.post(f"{url}/v1/chat/completions", json=ask.body(), headers=headers) as response:
            status = response.status
            cost = _number(response.headers.get("x-litellm-response-cost"))
            async for chunk in response.content.iter_any():
                raw += chunk
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as e:  # noqa: UP041  aiohttp raises this one
        broken = f"{type(e).__name__}: {e}"
    seconds = time.monotonic() - began
    said = bytes(raw).decode("utf-8", "replace")
    read = _stream(said) if ask.stream and status == 200 else _whole(said)
    told = read.pop("error", "")
    error = broken or told or (said[:400] if status != 200 else "")
    return Reply(ask=ask, status=status, seconds=seconds, cost_usd=cost, error=error, **read)


def _whole(said: str) -> dict[str, Any]:
    try:
        body = json.loads(said)
        if "error" in body:
            return {"error": str(body["error"].get("message", body["error"]))}
        choice = body["choices"][0]
        return {"text": choice["message"].get("content") or "", "finish": choice.get("finish_reason")}
    except (ValueError, LookupError, AttributeError, TypeError):
        return {"error": said[:400] or "an empty body"}


def _stream(said: str) -> dict[str, Any]:
    """The events of a stream. One that ends without a reason and without `[DONE]` did not tell its end."""
    text, finish, error, ended = "", None, "", False
    for line in said.splitlines():
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            ended = True
            continue
        try:
            event = json.loads(data)
            if "error" in event:
                error = str(event["error"].get("message", event["error"]))
            for choice in event.get("choices") or ():
                text += choice.get("delta", {}).get("content") or ""
                finish = choice.get("finish_reason") or finish
        except (ValueError, LookupError, AttributeError, TypeError):
            error = f"an event that cannot be read: {data[:100]}"
    return {"text": text, "finish": finish, "error": error, "told_end": ended and finish is not None}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

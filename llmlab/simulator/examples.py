"""How other tools ask a simulator: the base URL that each dialect's clients want, and a line for the shell."""

from __future__ import annotations

import json
from typing import Any

from ..errors import UnknownNameError
from .process import AZURE_VERSION, DIALECTS, DialectName

SAY = "Say something."


def base_url(url: str, dialect: DialectName) -> str:
    """What a client of `dialect` is given as its server's address, for a simulator at `url`."""
    match dialect:
        case "openai":
            return f"{url}/v1"
        case "gemini":
            return f"{url}/v1beta"
        case "azure" | "anthropic" | "bedrock":
            return url
        case _:
            raise UnknownNameError("dialect", dialect, DIALECTS)


def curl(url: str, name: str, dialect: DialectName) -> str:
    """A command that asks endpoint `name` in `dialect` and shows the answer as it comes; Bedrock's, whose stream is
    binary, comes whole."""
    messages = [{"role": "user", "content": SAY}]
    streamed = {"messages": messages, "stream": True}
    body: dict[str, Any]
    match dialect:
        case "openai":
            path, body = "/v1/chat/completions", {"model": name, **streamed}
        case "azure":
            path = f"/openai/deployments/{name}/chat/completions?api-version={AZURE_VERSION}"
            body = streamed
        case "anthropic":
            path, body = "/v1/messages", {"model": name, "max_tokens": 300, **streamed}
        case "gemini":
            path = f"/v1beta/models/{name}:streamGenerateContent?alt=sse"
            body = {"contents": [{"role": "user", "parts": [{"text": SAY}]}]}
        case "bedrock":
            path = f"/model/{name}/converse"
            body = {"messages": [{"role": "user", "content": [{"text": SAY}]}]}
        case _:
            raise UnknownNameError("dialect", dialect, DIALECTS)
    return f"curl -N '{url}{path}' -H 'content-type: application/json' -d '{json.dumps(body)}'"

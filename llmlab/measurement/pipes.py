"""How the kernel and its workers talk: JSON texts over a pipe, each with its length before it."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

_LENGTH = struct.Struct(">I")


def packed(message: dict[str, Any]) -> bytes:
    """One message, ready to be written whole."""
    text = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(text)) + text


async def next_message(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message; `None` when the other side has closed, even in the middle of one."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        message: dict[str, Any] = json.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return message

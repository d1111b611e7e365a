"""AWS's binary stream framing, `application/vnd.amazon.eventstream`.

    total length (4) | headers' length (4) | CRC-32 of those 8 bytes (4) | headers | payload | CRC-32 of all before (4)

A header is its name's length (1), name, type (1; 7 is a string), value's length (2), value. All numbers big-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

STRING = 7


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def corrupt(message: bytes) -> bytes:
    """The message with a checksum that is wrong."""
    return message[:-4] + bytes(byte ^ 0xFF for byte in message[-4:])


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", STRING, len(text)) + text

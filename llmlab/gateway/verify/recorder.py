"""A web proxy on loopback that refuses everything and notes where each request wanted to go.

Whoever is told to use it (`HTTPS_PROXY`) gives away the host that it would dial, and reaches nobody: there is no code
here that opens a connection. One path it does answer itself: `/token`, with a token for no one, because Google's
library asks for one before it dials. What a request carries is neither kept nor looked at.
"""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOKEN = json.dumps({"access_token": "llmlab-dummy", "expires_in": 3600, "token_type": "Bearer"}).encode()
LONGEST_LINE = 16_384


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a request wanted to go, and when it asked (`time.monotonic_ns`, which all processes share)."""

    host: str
    port: int
    at_ns: int


class Recorder:
    """Listens on 127.0.0.1 from its making until `close()`. `wanted` has the requests in their order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: list[Wanted] = []
        recorder = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    self.wfile.write(recorder._answer(self.rfile))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler, bind_and_activate=True)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        with self._lock:
            return tuple(self._wanted)

    def close(self) -> None:
        """Stop to listen."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, lines: Any) -> bytes:
        method, target, _ = lines.readline(LONGEST_LINE).decode("latin-1").split(" ", 2)
        length = 0
        while (line := lines.readline(LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            length = int(value) if name.lower() == "content-length" else length
        address = urlsplit(f"//{target}" if method == "CONNECT" else target)
        if address.path == "/token" and address.hostname in (None, "127.0.0.1") and address.port in (None, self.port):
            lines.read(min(length, LONGEST_LINE))
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(TOKEN)}\r\n"
            return head.encode() + b"Connection: close\r\n\r\n" + TOKEN
        port = address.port or (443 if method == "CONNECT" else 80)
        with self._lock:
            self._wanted.append(Wanted(address.hostname or target, port, time.monotonic_ns()))
        return REFUSAL

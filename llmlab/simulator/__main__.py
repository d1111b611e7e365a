"""`python -m llmlab.simulator`: the server's own process. `process.py` starts it and says how they talk."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading

from ..errors import LlmlabError
from ..stamps import StampingLoop
from .serialisation import Settings, read_json
from .server import listen

PARENT_CHECK_S = 1.0


async def serve(settings: Settings) -> None:
    """Listen, say where, and stay until the parent is gone."""
    parent = os.getppid()  # before anything is said: it may be gone a moment later
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_wait_for_end, args=(loop, gone), daemon=True).start()
    try:
        runner, port = await listen(settings)
    except OSError as e:
        _say({"error": f"port {settings.port} of 127.0.0.1: {e.strerror or e}"})
        return
    _say({"port": port})
    while not gone.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(gone.wait(), PARENT_CHECK_S)
        except TimeoutError:
            continue  # a forked sibling may hold the pipe open: look whether the parent itself is still there
    await runner.cleanup()


def _wait_for_end(loop: asyncio.AbstractEventLoop, gone: asyncio.Event) -> None:
    """Read standard input until it closes. `os.read`, because a daemon thread in `sys.stdin` blocks the exit."""
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(gone.set)


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the settings from the first line of standard input, and serve them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # interrupting a notebook's cell is not meant for its servers
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: what follows belongs to the thread that waits for the end
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    try:
        settings = read_json(Settings, bytes(line))
    except (ValueError, LlmlabError) as e:
        _say({"error": str(e)})
        return
    with asyncio.Runner(loop_factory=StampingLoop) as runner:
        runner.run(serve(settings))


if __name__ == "__main__":
    main()

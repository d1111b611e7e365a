"""Streams through `litellm.acompletion`, timed as an application times them: its own clock, around its own call.

A script of its own, which `timing.py` starts: an ordinary event loop, and nothing of llmlab's in the process. Each line
of its standard input is a block of calls, each line of its output the milliseconds to the first text of each.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import deque
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}  # no network, no .env

import litellm


async def call(parameters: dict[str, Any], mark: str) -> float:
    """One call, whose prompt says `mark`."""
    start = time.perf_counter()
    stream: Any = await litellm.acompletion(
        **parameters, messages=[{"role": "user", "content": mark}], max_tokens=64, max_retries=0, num_retries=0,
        stream=True, stream_options={"include_usage": True},
    )  # fmt: skip
    first = None
    async for chunk in stream:
        if first is None and any(choice.delta.content for choice in chunk.choices):
            first = time.perf_counter()
    assert first is not None, "an answer without a token"
    return (first - start) * 1_000


async def block(parameters: dict[str, Any], marks: list[str], streams: int) -> dict[str, float]:
    """All calls of a block, so many at once."""
    waiting, found = deque(marks), {}

    async def one_stream() -> None:
        while waiting:
            mark = waiting.popleft()
            found[mark] = await call(parameters, mark)

    await asyncio.gather(*(one_stream() for _ in range(streams)))
    return found


async def main() -> None:
    """Serve blocks until there are no more."""
    litellm.suppress_debug_info = True
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(json.dumps(await block(**json.loads(line))) + "\n")
        sys.stdout.flush()
    os._exit(0)  # LiteLLM's clients complain when they are taken down with the interpreter


if __name__ == "__main__":
    asyncio.run(main())

"""Ask a simulator through LiteLLM in every dialect, and print what came of it as JSON.

A script of its own, run by `test_litellm.py`: importing LiteLLM takes seconds, warns, and belongs in no test's process.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}  # no network, no .env

import litellm

from llmlab.simulator import (
    AnswerShape,
    ContextOverflow,
    DialectName,
    Fault,
    InBandError,
    LatencyProfile,
    Refusal,
    SimulatedEndpoint,
    Simulator,
    Status,
    litellm_parameters,
)
from llmlab.simulator.process import DIALECTS

# LiteLLM refuses tools on Bedrock for models that it does not know.
NAME = "anthropic.claude-3-5-sonnet-20240620-v1:0"
THINKS = SimulatedEndpoint(
    name=NAME,
    profile=LatencyProfile(ttft_s=0.002, itl_s=0.001),
    answer=AnswerShape(output_tokens=5, reasoning_tokens=3, cached_tokens=2, text="unicode"),
)
PLAIN = [{"role": "user", "content": "one two three"}]
TOOL = {
    "messages": [{"role": "user", "content": "please call get_weather now"}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "The weather.",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            },
        }
    ],
    "_skip_mcp_handler": True,  # acompletion imports `mcp`, which only the proxy needs, as soon as there are tools
}
FAULTS: dict[str, Fault] = {
    "401": Status(code=401),
    "429": Status(code=429, retry_after_s=7),
    "500": Status(code=500),
    "503": Status(code=503),
    "overflow": ContextOverflow(),
    "refusal": Refusal(),
    "in band": InBandError(after_tokens=4),
}


async def call(parameters: dict[str, Any], streams: bool, **asked: Any) -> dict[str, Any]:
    """One call, as plain values."""
    asked = {"messages": PLAIN, "max_tokens": 100, "max_retries": 0, **parameters, **asked}
    chunks: list[Any] = []
    response: Any
    try:
        if streams:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
            async for chunk in await litellm.acompletion(**asked):
                chunks.append(chunk)  # noqa: PERF401  what came before an error is wanted too
            response = litellm.stream_chunk_builder(chunks)
        else:
            response = await litellm.acompletion(**asked)
    except Exception as e:  # noqa: BLE001  which one it is, is the question
        headers = dict(getattr(e, "litellm_response_headers", None) or {})
        inner = getattr(e, "original_exception", None)
        return {
            "error": type(e).__name__,
            "inner": type(inner).__name__ if inner else None,
            "retry_after": headers.get("retry-after"),
            "chunks": len(chunks),
        }
    (choice,) = response.choices
    usage = response.usage
    return {
        "text": choice.message.content,
        "reasoning": getattr(choice.message, "reasoning_content", None),
        "tools": [(c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls or []],
        "finish": choice.finish_reason,
        "tokens": [usage.prompt_tokens, usage.completion_tokens],
        "cached": usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None,
        "chunks": len(chunks),
    }


async def all_calls(simulator: Simulator, dialect: DialectName) -> dict[str, Any]:
    """Everything that is asked in one dialect."""
    parameters = litellm_parameters(simulator.url, NAME, dialect)
    found: dict[str, Any] = {}
    for way, streams in [("whole", False), ("streamed", True)]:
        found[f"answer {way}"] = await call(parameters, streams)
        found[f"tool {way}"] = await call(parameters, streams, **TOOL)
        for name, fault in FAULTS.items():
            simulator.script(NAME, [fault])
            found[f"{name} {way}"] = await call(parameters, streams)
    return found


async def main() -> None:
    """Ask, and print."""
    litellm.suppress_debug_info = True
    with Simulator([THINKS]) as simulator:
        sys.stdout.write(json.dumps({dialect: await all_calls(simulator, dialect) for dialect in DIALECTS}))
    sys.stdout.flush()
    os._exit(0)  # LiteLLM's clients complain when they are taken down with the interpreter


if __name__ == "__main__":
    asyncio.run(main())

"""What LiteLLM itself makes of our providers and targets, printed as JSON.

A script of its own, run by `test_litellm.py`: importing LiteLLM takes seconds, warns, and belongs in no test's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import sys
import threading
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}  # no network, no .env

import litellm
from litellm.llms.openai_like.json_loader import JSONProviderRegistry
from litellm.types.utils import LlmProviders

from llmlab.catalog import load_catalog
from llmlab.measurement.providers import providers
from llmlab.measurement.simulated import simulated_endpoints
from llmlab.measurement.targets import Target, resolve
from llmlab.simulator import FaultScript, Simulator

MARK = "nobodys-secret"
WHERE = "_API_BASE"  # variables that say where, not who
MODELS = {"bedrock": "converse/some-model"}
ASKED_FIRST = {
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AZURE_TENANT_ID",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "VERTEXAI_CREDENTIALS",
}
ASKED_FIRST |= {f"AWS_CONTAINER_CREDENTIALS_{kind}_URI" for kind in ("RELATIVE", "FULL")}  # files and other services
MESSAGES = [{"role": "user", "content": "say something"}]
SECRETS = ["HOSTED_VLLM_API_KEY", "OPENAI_API_KEY", "OPENAI_ORGANIZATION", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"]


class Refusing(http.server.BaseHTTPRequestHandler):
    """Notes what it is sent, and refuses."""

    heard: list[str] = []  # noqa: RUF012  of the class: the server makes one of these a request

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.heard.append(f"{self.path} {self.headers}")
        self.send_response(400)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None: ...


async def heard_of(variables: dict[str, str], asked: dict[str, Any]) -> list[str]:
    """What the server hears of one call made with `variables` in the environment."""
    os.environ |= variables
    Refusing.heard.clear()
    with contextlib.suppress(Exception):  # every one is refused
        await litellm.acompletion(**asked, messages=MESSAGES, max_tokens=5, max_retries=0, num_retries=0, timeout=10)
    for name in variables:
        del os.environ[name]
    return list(Refusing.heard)


async def each_way(url: str) -> dict[str, list[bool]]:
    """Of each way into each provider: whether a call got out, and whether it brought what the variables hold."""
    found: dict[str, list[bool]] = {}
    ways = [(p.prefix, way) for p in providers() for way in p.ways if not ASKED_FIRST.intersection(way)]
    for number, (prefix, way) in enumerate(ways):
        base, mark = (
            f"{url}/{number}",
            f"{MARK}-{number}.",
        )  # LiteLLM keeps its clients, with the keys they were made with
        asked: dict[str, Any] = {"model": f"{prefix}/{MODELS.get(prefix, 'some-model')}"}
        if prefix == "bedrock":
            asked |= {"aws_bedrock_runtime_endpoint": base, "aws_region_name": "us-east-1"}
        elif not any(name.endswith(WHERE) for name in way):
            asked["api_base"] = base
        heard = await heard_of({name: base if name.endswith(WHERE) else mark for name in way}, asked)
        found[f"{prefix} by {' '.join(way)}"] = [bool(heard), any(mark in one for one in heard)]
    return found


async def own_server(url: str, key: str) -> list[str]:
    """What a server of one's own hears, called as a target says."""
    (target,) = resolve(["org/some-model"], load_catalog(), api_base=url)
    return await heard_of(dict.fromkeys(SECRETS, MARK), {**target.call(), "api_key": key})


async def simulated(target: Target, url: str) -> dict[str, Any]:
    """One streamed answer of a simulated endpoint."""
    stream: Any = await litellm.acompletion(
        **target.call(url), messages=MESSAGES, max_tokens=256, max_retries=0, stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = [chunk async for chunk in stream]
    response: Any = litellm.stream_chunk_builder(chunks)
    message = response.choices[0].message
    return {
        "answer": len((message.content or "").split()),
        "reasoning": len((getattr(message, "reasoning_content", None) or "").split()),
        "billed": response.usage.completion_tokens,
        "finish": response.choices[0].finish_reason,
    }


async def main() -> None:
    """Ask everything, and print."""
    litellm.suppress_debug_info = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    targets = resolve([one.name for one in simulated_endpoints()], load_catalog())
    with Simulator([one.endpoint for one in simulated_endpoints()]) as simulator:
        for endpoint in simulator.endpoints:
            simulator.script(endpoint.name, FaultScript())
        answers = await asyncio.gather(*(simulated(target, simulator.url) for target in targets))
    found = {
        "prefixes": sorted({p.value for p in LlmProviders} | set(JSONProviderRegistry.list_providers())),
        "ways": await each_way(url),
        "own server": await own_server(url, "a-key-of-its-own"),
        "simulated": dict(zip([target.name for target in targets], answers, strict=True)),
    }
    sys.stdout.write(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # LiteLLM's clients complain when they are taken down with the interpreter


if __name__ == "__main__":
    asyncio.run(main())

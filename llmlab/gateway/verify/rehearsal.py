"""Inside the cage: what LiteLLM makes of a config before it is asked anything, and whom each deployment would dial.

Messages go to standard output, a line of JSON each; whatever LiteLLM prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

CALL_S = 8.0  # how long one deployment may try
# What would answer a call by other means than dialling the deployment itself.
DETOURS = (
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "default_fallbacks",
    "cache_responses",
    "redis_host",
    "redis_port",
    "redis_url",
    "redis_password",
    "provider_budget_config",
    "optional_pre_call_checks",
    "num_retries",
    "retry_policy",
    "model_group_retry_policy",
    "disable_cooldowns",
)


def rehearse(path: str, calls: list[str]) -> None:
    """Load LiteLLM, build its Router from the config at `path`, let its command line validate it, then call each
    deployment of `calls` by its id, once."""
    say = _mouth()
    started = time.monotonic()
    import yaml
    from litellm.router import Router

    say({"did": "import", "seconds": time.monotonic() - started})
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  one line, and `Path` is not needed else
        config = yaml.safe_load(file)

    async def build() -> int:  # some of its parts want a running loop, as they have in the proxy
        router = Router(model_list=config.get("model_list"), **(config.get("router_settings") or {}))
        return len(router.get_model_list() or [])

    _report(say, "router", lambda: asyncio.run(build()))
    _report(say, "validate_config", lambda: _validate(path))
    asyncio.run(_dial(say, config, calls))
    sys.stdout.flush()
    os._exit(0)  # LiteLLM's clients complain when they are taken down with the interpreter


def _mouth() -> Callable[[Mapping[str, Any]], None]:
    """Standard output for messages; what prints, prints to standard error from now on."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message: Mapping[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    return say


def _report(say: Callable[[Mapping[str, Any]], None], what: str, do: Callable[[], Any]) -> None:
    started = time.monotonic()
    try:
        result, error = do(), None
    except (Exception, SystemExit) as e:  # noqa: BLE001  whatever it raises is the finding
        result, error = None, f"{type(e).__name__}: {e}"
    say({"did": what, "result": result, "error": error, "seconds": time.monotonic() - started})


def _validate(path: str) -> str:
    import io

    from litellm.proxy import proxy_cli

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = proxy_cli.run_server.main(["--config", path, "--validate_config"], standalone_mode=False)
    if status:
        raise RuntimeError(said.getvalue().strip() or f"exit status {status}")
    return said.getvalue().strip().splitlines()[-1]


async def _dial(say: Callable[[Mapping[str, Any]], None], config: dict[str, Any], calls: list[str]) -> None:
    from litellm.router import Router

    settings = {name: value for name, value in (config.get("router_settings") or {}).items() if name not in DETOURS}
    try:
        router = Router(model_list=config.get("model_list"), **settings, num_retries=0, disable_cooldowns=True)
    except Exception as e:  # noqa: BLE001  said above, by the Router's own rung
        say({"did": "no dialling", "error": f"{type(e).__name__}: {e}"})
        return
    for id in calls:  # one after the other: who dialled is told by when it was
        began_ns = time.monotonic_ns()
        error = None
        messages: Any = [{"role": "user", "content": "hi"}]
        try:
            call = router.acompletion(model=id, messages=messages, max_tokens=16, timeout=CALL_S, max_retries=0)
            await asyncio.wait_for(call, 2 * CALL_S)
        except Exception as e:  # noqa: BLE001  a refused call is what is expected
            error = f"{type(e).__name__}: {str(e)[:300]}"
        say({"did": "dial", "id": id, "error": error, "began_ns": began_ns, "ended_ns": time.monotonic_ns()})

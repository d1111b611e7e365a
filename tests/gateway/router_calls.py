"""Load router files in LiteLLM's own Router, and print what it made of them as JSON.

    router_calls.py landed FILE...            where each value went, and what a call costs
    router_calls.py drilled FILE              calls to its tiers, which a simulator answers as it was told to

A script of its own: importing LiteLLM takes seconds, warns, and belongs in no test's process.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}  # no network, no .env

import litellm
import yaml
from litellm.router import Router

SETTINGS = (
    "num_retries", "timeout", "stream_timeout", "max_fallbacks", "allowed_fails", "cooldown_time",
    "enable_pre_call_checks", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks",
    "model_group_retry_policy", "provider_budget_config",
)  # fmt: skip
USAGE = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
ASK: list[Any] = [{"role": "user", "content": "one two three"}]


def router_of(path: str) -> Router:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        config = yaml.safe_load(file)
    settings = {key: value for key, value in config["router_settings"].items() if key != "redis_url"}
    return Router(model_list=config["model_list"], **settings)


async def landed(path: str) -> dict[str, Any]:
    router = router_of(path)
    deployments = {}
    for entry in router.get_model_list() or []:
        id = str(entry["model_info"]["id"])
        answer = litellm.ModelResponse(
            choices=[{"message": {"role": "assistant", "content": "hi"}}], usage=litellm.Usage(**USAGE)
        )
        told = await router.acompletion(model=id, messages=ASK, mock_response=answer)
        deployments[id] = {
            "model_name": entry["model_name"],
            "params": {key: value for key, value in entry["litellm_params"].items() if value is not None},
            "usd": told._hidden_params["response_cost"],
            "window": (router.get_router_model_info(deployment=dict(entry), received_model_name="") or {}).get(
                "max_input_tokens"
            ),
        }
    policy = router.retry_policy.model_dump() if router.retry_policy else None
    budgets = router.router_budget_logger
    return {
        "deployments": deployments,
        "settings": {name: getattr(router, name) for name in SETTINGS},
        "retry_policy": policy,
        "deployment_budgets": {
            id: [config.max_budget, config.budget_duration]
            for id, config in ((budgets and budgets.deployment_budget_config) or {}).items()
        },
        "provider_budgets": {
            provider: [config.max_budget, config.budget_duration]
            for provider, config in ((budgets and budgets.provider_budget_config) or {}).items()
        },
    }


async def drilled(path: str) -> dict[str, Any]:
    router = router_of(path)

    async def ask(model: str, text: str = "one two three") -> str:
        try:
            answer = await router.acompletion(model=model, messages=[{"role": "user", "content": text}])
        except Exception as e:  # noqa: BLE001  what came of it is what is asked
            return type(e).__name__
        return str(answer.model)

    return {
        "fine": await ask("mid"),
        "refused": await ask("mid"),
        "outage": await ask("mid"),
        "too long": await ask("cheap", "word " * 300_000),
        "far too long": await ask("mid", "word " * 300_000),
    }


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    asked = {path: asyncio.run(landed(path) if what == "landed" else drilled(path)) for path in paths}
    sys.stdout.write(json.dumps(asked, default=dict) + "\n")

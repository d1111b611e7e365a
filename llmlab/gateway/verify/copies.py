"""The file as it is given to LiteLLM: the same, with dummies where secrets stand and without what would call third
parties (a database, loggers, code of the user's own)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from .environment import DUMMY, is_secret
from .providers import with_dummies
from .router_file import RouterFile

# What would be loaded, logged to or asked beside the providers; by section. Each is told as not checked.
ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "litellm_settings": ("callbacks", "success_callback", "failure_callback", "service_callback", "audit_log_callbacks",
                         "custom_provider_map", "callback_settings"),
    "general_settings": ("database_url", "database_connection_pool_limit", "store_model_in_db", "custom_auth",
                         "custom_key_generate", "custom_sso", "key_management_system", "key_management_settings",
                         "alerting", "alerting_args", "pass_through_endpoints", "enable_jwt_auth", "otel",
                         "background_health_checks", "store_prompts_in_spend_logs", "use_redis_transaction_buffer"),
    "": ("guardrails", "mcp_servers", "vector_store_registry", "search_tools", "callback_settings", "policies",
         "prompts", "assistant_settings", "files_settings", "finetune_settings", "agent_list"),
}  # fmt: skip
REDIS = ("redis_host", "redis_port", "redis_url", "redis_password", "redis_ssl", "redis_username")


def rehearsal_copy(file: RouterFile, google: str, redis_port: int) -> dict[str, Any]:
    """What LiteLLM is given to load, and to say whom it would dial."""
    data = _harmless(file)
    data["model_list"] = [
        {
            **copy.deepcopy(dict(deployment.entry)),
            "litellm_params": with_dummies(deployment, google),
            "model_info": {**copy.deepcopy(dict(deployment.info)), "id": file.ids[index]},
        }
        for index, deployment in enumerate(file.config.deployments)
    ]
    _move_redis(data, redis_port)
    return without_secrets(data)


def twin_base(file: RouterFile, redis_port: int) -> dict[str, Any]:
    """All of the file but its deployments."""
    data = _harmless(file)
    data.pop("model_list", None)
    _move_redis(data, redis_port)
    return without_secrets(data)


def left_out(file: RouterFile) -> Iterator[str]:
    """What the copies lack, and why, in words."""
    for section, names in ELSEWHERE.items():
        within = file.data.get(section) if section else file.data
        found = [name for name in names if isinstance(within, Mapping) and within.get(name)]
        where = f"{section}." if section else ""
        for name in found:
            yield f"{where}{name}: calls a third party or code of your own, and was taken out of every copy"


def names_redis(file: RouterFile) -> bool:
    """Whether the file says to share state over Redis, in a way that LiteLLM heeds or not."""
    settings = file.config.section("router_settings")
    cache = file.config.section("litellm_settings", "cache_params")
    return any(name in settings for name in REDIS) or str(cache.get("type", "")).startswith("redis")


def _harmless(file: RouterFile) -> dict[str, Any]:
    data = copy.deepcopy(dict(file.data))
    for section, names in ELSEWHERE.items():
        within = data.get(section) if section else data
        if isinstance(within, dict):
            for name in names:
                within.pop(name, None)
    return data


def _move_redis(data: dict[str, Any], port: int) -> None:
    """Every Redis is the one of this verification; what the file does not say stays unsaid."""
    places = {"redis_host": "127.0.0.1", "host": "127.0.0.1", "redis_port": port, "port": port}
    places |= dict.fromkeys(("redis_url", "url"), f"redis://127.0.0.1:{port}")
    settings = data.get("router_settings")
    cache = (data.get("litellm_settings") or {}).get("cache_params")
    for within in (settings, cache):
        if isinstance(within, dict):
            # A port that is written as text, as every variable is, stays text: whether LiteLLM takes it is its affair.
            within |= {
                name: str(value) if isinstance(within[name], str) else value
                for name, value in places.items()
                if name in within
            }
            for name in ("redis_ssl", "ssl", "redis_username", "username", "redis_password", "password"):
                within.pop(name, None)


def without_secrets(data: dict[str, Any]) -> dict[str, Any]:
    """The same with a dummy for every secret that stands in it; what is taken from a variable is left to that."""
    return {key: _without_secrets(part, key) for key, part in data.items()}


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        # Values of `environment_variables` are put into the process's environment: none is known to be harmless.
        return {key: _without_secrets(part, "secret" if name == "environment_variables" else str(key))
                for key, part in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [_without_secrets(part, name) for part in value]
    is_literal = isinstance(value, str) and not value.startswith("os.environ/") and "127.0.0.1" not in value
    return DUMMY if is_literal and is_secret(name) else value

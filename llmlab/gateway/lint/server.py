"""What holds for the proxy as a whole: its key, its Redis, its cache, its strategy, and parameters that vanish."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ...errors import nearest
from .config import REFERENCE, Config, target_of
from .finding import Finding

MASTER_KEY = "LITELLM_MASTER_KEY"
_PERMIT = "dangerously_permit_weak_or_unset_master_key"
# `PUBLICLY_KNOWN_MASTER_KEY_SHA256_DIGESTS` in LiteLLM: the key of its own examples.
_PUBLIC = frozenset({"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"})
_REFUSES = "refuses to start (exit 3), although `--validate_config` says that the config is OK."


def check(config: Config) -> Iterator[Finding]:
    """What keeps the proxy from starting, or makes it do something else than the words suggest."""
    yield from _master_key(config)
    yield from _redis(config)
    yield from _names(config)
    if config.at("include"):
        yield config.finding(
            "warning",
            "not-checked",
            ("include",),
            "the included files are not read here; lint each of them",
            "puts their contents in place of this line.",
        )
    if config.at("router_settings", "cache_responses") is True:
        yield config.finding(
            "warning",
            "cache-responses",
            ("router_settings", "cache_responses"),
            "cache_responses keeps whole answers; limits and budgets are shared by `redis_host` and `redis_port` alone",
            "answers the same request, when it comes again, out of its cache, and calls no model.",
        )
    for path in [
        ("litellm_settings", "drop_params"),
        *((*d.path, "litellm_params", "drop_params") for d in config.deployments),
    ]:
        if config.at(*path) is True:
            yield config.finding(
                "warning",
                "drop-params",
                path,
                "a parameter that a model does not take, such as tools or a JSON schema, vanishes on its fallback",
                "drops it without a word; the answer then has another form than was asked for.",
            )


def _master_key(config: Config) -> Iterator[Finding]:
    path = ("general_settings", "master_key")
    said, permitted = config.at(*path), config.at("general_settings", _PERMIT) is True
    key = config.resolved(said)
    if said is None and permitted:
        yield config.finding(
            "warning",
            "no-master-key",
            path,
            "anyone who reaches the proxy may call it",
            "starts without a key, as asked.",
        )
    elif said is None and not config.environ.get(MASTER_KEY):
        message = f"no master_key; write `master_key: {REFERENCE}{MASTER_KEY}`"
        yield config.finding("error", "no-master-key", path, message, _REFUSES, ("master_key",))
    elif isinstance(key, str) and hashlib.sha256(key.encode()).hexdigest() in _PUBLIC and not permitted:
        yield config.finding("error", "public-master-key", path, "this key stands in LiteLLM's examples", _REFUSES)


def _redis(config: Config) -> Iterator[Finding]:
    section = config.section("router_settings")
    if "redis_url" in section:
        return
    for there, missing in (("redis_host", "redis_port"), ("redis_port", "redis_host")):
        if section.get(there) is not None and section.get(missing) is None:
            yield config.finding(
                "error",
                "redis-incomplete",
                ("router_settings", there),
                f"{there} without {missing}; the Router needs both, or `redis_url`",
                "uses no Redis: cool-downs, limits and budgets hold in each process alone.",
                (missing,),
            )


def _names(config: Config) -> Iterator[Finding]:
    """Values that must be one of a few names."""
    strategies = config.known.names["routing_strategy"]
    strategy = config.at("router_settings", "routing_strategy")
    if strategy is not None and strategy not in strategies:
        yield config.finding(
            "error",
            "unknown-value",
            ("router_settings", "routing_strategy"),
            f"{strategy!r} is no routing strategy",
            "stops while it starts.",
            nearest(str(strategy), strategies),
        )
    checks = config.at("router_settings", "optional_pre_call_checks")
    path = ("router_settings", "optional_pre_call_checks")
    if isinstance(checks, str):
        yield config.finding(
            "error", "wrong-type", path, "optional_pre_call_checks is a list", "runs none of them.", (f"[{checks}]",)
        )
    for i, check in enumerate(checks if isinstance(checks, list) else ()):
        if check not in config.known.names["optional_pre_call_checks"]:
            near = nearest(str(check), config.known.names["optional_pre_call_checks"])
            yield config.finding(
                "error", "unknown-value", (*path, i), f"{check!r} is no check that LiteLLM knows", "ignores it.", near
            )
    for name, target in config.section("router_settings", "model_group_alias").items():
        group = target_of(target)
        if group and not config.has_group(group):
            yield config.finding(
                "error",
                "unknown-group",
                ("router_settings", "model_group_alias", name),
                f"no deployment is called {group!r}",
                "answers every call of the alias with an error.",
                nearest(group, config.groups),
            )
    for group in config.section("router_settings", "model_group_retry_policy"):
        if not config.has_group(group):
            yield config.finding(
                "error",
                "unknown-group",
                ("router_settings", "model_group_retry_policy", group),
                f"no deployment is called {group!r}",
                "never looks the policy up.",
                nearest(group, config.groups),
            )

"""Keys that LiteLLM does not know, and values of a kind that it cannot use.

Which keys there are, and what they take, is read from the installed LiteLLM. Where it keeps whatever it is given
(`model_info`, `cache_params`) only a key that looks like one it knows is doubted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ...catalog.strict_yaml import Path_
from ...errors import nearest
from .config import FALLBACKS, REFERENCE, Config, number
from .finding import Finding

SETTINGS = ("general_settings", "litellm_settings", "router_settings")
_MEANT = {
    "budget_limit": "max_budget",
    "time_period": "budget_duration",
    "max_budget": "budget_limit",
    "budget_duration": "time_period",
}
_TIMEOUTS = ("timeout", "stream_timeout")
_OWN_RULES = (*FALLBACKS, "default_fallbacks", "routing_strategy")  # what `fallbacks` and `server` look at more closely


@dataclass(frozen=True, slots=True)
class _Part:
    """A kind of mapping in a config. `keeps`: whether LiteLLM means to keep keys that it does not know; `converts`:
    whether it turns text into the number that it stands for."""

    keys: str
    does: str
    keeps: bool = False
    converts: bool = False
    refuses: str = "does not convert it, and fails where it first uses it."


_DROPPED = "refuses the deployment when it starts, and starts without it."
_ENDS = "stops while it starts."
_PARTS = {
    "top": _Part("top", "reads the sections that it knows and ignores this one."),
    "general_settings": _Part("general_settings", "ignores it."),
    "litellm_settings": _Part("litellm_settings", "sets it as a variable of its module, which nothing reads."),
    "router_settings": _Part("router_settings", "prints one warning when it starts and ignores the key."),
    "deployment": _Part(
        "deployment", "keeps it with the deployment and never reads it.", converts=True, refuses=_DROPPED
    ),
    "litellm_params": _Part(
        "litellm_params",
        "sends it to the provider in the body of every request.",
        converts=True,
        refuses=_DROPPED,
    ),
    "model_info": _Part(
        "model_info", "keeps it as a label and never reads it.", keeps=True, converts=True, refuses=_DROPPED
    ),
    "retry_policy": _Part("retry_policy", "ignores it: this error keeps the default.", converts=True, refuses=_ENDS),
    "allowed_fails_policy": _Part(
        "allowed_fails_policy", "ignores it: this error keeps the default.", converts=True, refuses=_ENDS
    ),
    "routing_group": _Part("routing_group", "ignores it.", converts=True, refuses=_ENDS),
    "coordination_redis": _Part("coordination_redis", "ignores it.", converts=True, refuses=_ENDS),
    "cache_params": _Part("cache_params", "hands it to the Redis client.", keeps=True),
    "provider_budget": _Part("provider_budget", "ignores it: this budget is never enforced."),
}


def check(config: Config) -> Iterator[Finding]:
    """Unknown keys, parts of the wrong kind, and entries of `model_list` that lack what they cannot do without."""
    yield from _sections(config)
    yield from _model_list(config)
    for path, part in _mappings(config):
        known = config.known.sections[part.keys]
        for key, value in config.section(*path).items():
            where = (*path, key)
            if key not in known:
                yield from _unknown(config, where, key, part)
            elif key not in _OWN_RULES and (problem := _misfit(config, where, value, part)):
                yield config.finding("error", "wrong-type", where, problem[0], problem[1])


def _sections(config: Config) -> Iterator[Finding]:
    for name in SETTINGS:
        value = config.at(name)
        if value is not None and not isinstance(value, Mapping):
            does = "starts and ignores it." if name == "router_settings" else _ENDS
            yield config.finding("error", "wrong-type", (name,), f"{name} must be a mapping, `key: value` lines", does)


def _model_list(config: Config) -> Iterator[Finding]:
    listed = config.at("model_list")
    if listed is None or listed == []:
        if config.is_whole:
            yield config.finding(
                "warning", "no-models", ("model_list",), "no model can be called", "starts and answers nothing."
            )
        return
    if not isinstance(listed, list):
        yield config.finding("error", "wrong-type", ("model_list",), "model_list must be a list, `- ` lines", _ENDS)
        return
    for i, entry in enumerate(listed):
        path: Path_ = ("model_list", i)
        if not isinstance(entry, Mapping):
            yield config.finding("error", "wrong-type", path, "a deployment must be a mapping", _ENDS)
            continue
        if not isinstance(entry.get("model_name"), str):
            yield _missing(config, path, "model_name", entry)
        params = entry.get("litellm_params")
        if not isinstance(params, Mapping):
            yield _missing(config, path, "litellm_params", entry)
        elif not isinstance(params.get("model"), str):
            yield _missing(config, (*path, "litellm_params"), "model", params)
        if "model_info" in entry and not isinstance(entry["model_info"], Mapping):
            yield config.finding("error", "wrong-type", (*path, "model_info"), "model_info must be a mapping", _ENDS)


def _missing(config: Config, path: Path_, key: str, there: Mapping[str, Any]) -> Finding:
    known = config.known.sections["litellm_params" if key == "model" else "deployment"]
    said = nearest(key, [name for name in there if name not in known])
    what = f"{key} is missing" if key not in there else f"{key} is not what it must be"
    return config.finding("error", "missing-key", (*path, key), what, _ENDS, [key] if said else [])


def _mappings(config: Config) -> Iterator[tuple[Path_, _Part]]:
    """Every mapping whose keys LiteLLM defines, and which they are."""
    yield (), _PARTS["top"]
    for name in SETTINGS:
        yield (name,), _PARTS[name]
    for deployment in config.deployments:
        yield deployment.path, _PARTS["deployment"]
        yield (*deployment.path, "litellm_params"), _PARTS["litellm_params"]
        yield (*deployment.path, "model_info"), _PARTS["model_info"]
        yield (*deployment.path, "model_info", "allowed_fails_policy"), _PARTS["allowed_fails_policy"]
    for section in ("router_settings", "litellm_settings"):
        yield (section, "retry_policy"), _PARTS["retry_policy"]
        yield (section, "allowed_fails_policy"), _PARTS["allowed_fails_policy"]
        for name, keys in (("model_group_retry_policy", "retry_policy"), ("provider_budget_config", "provider_budget")):
            yield from (((section, name, group), _PARTS[keys]) for group in config.section(section, name))
    yield ("litellm_settings", "cache_params"), _PARTS["cache_params"]
    yield ("general_settings", "coordination_redis"), _PARTS["coordination_redis"]
    groups = config.at("router_settings", "routing_groups")
    if isinstance(groups, list):
        yield from ((("router_settings", "routing_groups", i), _PARTS["routing_group"]) for i in range(len(groups)))


def _unknown(config: Config, path: Path_, key: str, part: _Part) -> Iterator[Finding]:
    near = nearest(key, config.known.sections[part.keys])
    if part.keeps:
        # A label of one's own may be anything; a slip of the pen is one or two letters off.
        near = difflib.get_close_matches(key, [name for name in near if abs(len(name) - len(key)) <= 2], cutoff=0.75)
        if near:
            yield config.finding("error", "unknown-key", path, f"{key!r} is no key of {part.keys}", part.does, near)
        return
    if key in _MEANT and part.keys in ("litellm_params", "provider_budget"):
        near = [_MEANT[key]]
    homes = [name for name in SETTINGS if name != part.keys and key in config.known.sections[name]]
    does, mend = part.does, ""
    if part.keys in ("top", *SETTINGS) and homes:
        near, mend = [f"{home}.{key}" for home in homes], "; it stands in the wrong section"
    if part.keys == "router_settings" and key in ("health_check_interval", "health_check_concurrency"):
        does = _ENDS
    if part.keys == "litellm_params" and not near:
        mend = "; what is meant for the provider's body belongs under `extra_body`"
    yield config.finding("error", "unknown-key", path, f"{key!r} is no key of {_named(part.keys)}{mend}", does, near)


def _named(keys: str) -> str:
    return "a config" if keys == "top" else keys


def _misfit(config: Config, path: Path_, value: object, part: _Part) -> tuple[str, str] | None:
    """What is wrong with the kind of a value, and what LiteLLM does with it; `None` if nothing is."""
    key = str(path[-1])
    kinds = set(config.known.sections[part.keys][key].split("|"))
    if key in _TIMEOUTS and part.keys == "litellm_params":  # its annotation admits any text
        if isinstance(value, str) and not value.startswith(REFERENCE) and number(value) is None:
            return f"{key} is not a number of seconds", "starts, and fails every call of this deployment."
        return None
    if "" in kinds or value is None or (part.keys == "model_info" and key == "id"):
        return None
    if key == "redis_port" and isinstance(value, str) and value.startswith(REFERENCE):
        return None  # the client takes a port that is text
    converts = part.converts and (part.keys != "litellm_params" or key in config.known.names["pydantic"])
    said = _kind(value)
    if said in kinds or (said == "int" and kinds & {"float", "bool"}) or (said == "bool" and kinds & {"int", "float"}):
        return None
    if isinstance(value, str) and _stands_for(value, kinds, converts):
        return None
    wanted = " or ".join(sorted(_WORDS[kind] for kind in kinds if kind in _WORDS))
    message = f"{key} is {_WORDS[said]}, and must be {wanted}"
    if isinstance(value, str) and value.startswith(REFERENCE):
        message += " (a variable is always text)"
    return message, _DOES.get(key, part.refuses) if not converts else part.refuses


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
    "dict": "a mapping",
    "date": "a date (write it in quotes)",
}
_DOES = {
    "num_retries": "raises a TypeError at the first failure instead of trying again.",
    "max_fallbacks": "raises a TypeError where it should fall back, so no fallback fires.",
    "weight": "fails every call of this group with a TypeError.",
}


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    kinds = ((int, "int"), (Decimal, "float"), (str, "str"), (list, "list"), (dict, "dict"), (date, "date"))
    return next(name for kind, name in kinds if isinstance(value, kind))


def _stands_for(text: str, kinds: set[str], converts: bool) -> bool:
    """Whether LiteLLM takes this text for what is asked."""
    if text.startswith(REFERENCE):
        return converts or "bool" in kinds  # it reads `true` and `false` out of a variable, and no number
    if not converts:
        return False
    return (bool(kinds & {"int", "float"}) and number(text) is not None) or (
        "bool" in kinds and text.lower() in ("true", "false", "yes", "no", "on", "off", "1", "0")
    )

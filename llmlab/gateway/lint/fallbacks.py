"""Fallbacks that never fire, and those that fire where they hurt.

LiteLLM has three lists: `fallbacks` for an outage, `context_window_fallbacks` for a prompt that is too long,
`content_policy_fallbacks` for a refusal. While one of the last two is empty, `fallbacks` stands in for it; once it
holds any rule, it alone decides, also for the groups that it does not name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...catalog.strict_yaml import Path_
from ...errors import nearest
from .config import FALLBACKS, Config, target_of
from .finding import Finding

DEARER = 1.2  # times the price, from which on it is said
_NEVER = "finds no such group, and returns the first error to the caller."
_ENDS = "stops while it starts."


def check(config: Config) -> Iterator[Finding]:
    """Malformed and dead rules, rules that switch others off, and targets that are dearer, smaller or of one vendor."""
    for kind in FALLBACKS:
        for section in ("router_settings", "litellm_settings"):
            yield from _list(config, (section, kind), config.at(section, kind))
        if config.at("router_settings", kind) and config.at("litellm_settings", kind):
            yield config.finding(
                "error",
                "shadowed-rule",
                ("litellm_settings", kind),
                f"router_settings has {kind} too",
                "reads those of router_settings and ignores these.",
            )
    yield from _default(config)
    yield from _switched_off(config)
    yield from _targets(config)
    yield from _windows(config)
    if config.setting("max_fallbacks")[0] == 0:
        yield config.finding(
            "error",
            "rule-never-fires",
            config.setting("max_fallbacks")[1],
            "max_fallbacks is 0",
            "tries no fallback at all.",
        )


def _list(config: Config, path: Path_, listed: Any) -> Iterator[Finding]:
    if listed is None:
        return
    kind = str(path[-1])
    if not isinstance(listed, list):
        does = "starts, and these rules never fire." if kind == "context_window_fallbacks" else _ENDS
        yield config.finding("error", "malformed-rule", path, f"{kind} is a list: `- group: [fallback, ...]`", does)
        return
    seen: set[str] = set()
    for i, item in enumerate(listed):
        if not isinstance(item, Mapping) or len(item) != 1:
            does = "reads the first name at most." if kind == "context_window_fallbacks" else _ENDS
            yield config.finding(
                "error", "malformed-rule", (*path, i), "a rule is one group and its list: `- group: [fallback]`", does
            )
            continue
        ((source, targets),) = item.items()
        where = (*path, i, source)
        if source in seen:
            yield config.finding(
                "error", "shadowed-rule", where, f"{source!r} has a rule above", "reads the first one and ignores this."
            )
        seen.add(source)
        # LiteLLM also tries a group's name without its provider: `gpt-5` for the group `openai/gpt-5`.
        is_group = config.has_group(source) or any(group.endswith(f"/{source}") for group in config.groups)
        if source != "*" and not is_group:
            yield config.finding(
                "error",
                "unknown-group",
                where,
                f"no deployment is called {source!r}",
                "never looks the rule up.",
                nearest(source, config.groups),
            )
        yield from _rule(config, where, source, targets)


def _rule(config: Config, path: Path_, source: str, targets: Any) -> Iterator[Finding]:
    if isinstance(targets, str):
        yield config.finding(
            "error",
            "rule-never-fires",
            path,
            f"the fallback of {source!r} is text; write a list",
            "takes each letter of it for the name of a group, finds none, and returns the first error to the caller.",
            (f"[{targets}]",),
        )
    elif not isinstance(targets, list):  # an empty list says that nothing is to follow, and nothing does
        yield config.finding("error", "rule-never-fires", path, f"the fallback of {source!r} is no list", _NEVER)
    else:
        for i, target in enumerate(targets):
            name = target_of(target)
            if name == source:
                message, near = "a group cannot stand in for itself", []
            elif not name or not config.has_group(name):
                message, near = f"no deployment is called {name!r}", nearest(name, config.groups)
            else:
                continue
            code = "rule-never-fires" if name == source else "unknown-group"
            yield config.finding("error", code, (*path, i), message, _NEVER, near)


def _default(config: Config) -> Iterator[Finding]:
    value, path = config.setting("default_fallbacks")
    if isinstance(value, str):
        message = "default_fallbacks is text; write a list"
        yield config.finding("error", "rule-never-fires", path, message, _NEVER, (f"[{value}]",))
        return
    for i, target in enumerate(value if isinstance(value, list) else ()):
        if not config.has_group(target_of(target)):
            name = target_of(target)
            near = nearest(name, config.groups)
            yield config.finding(
                "error", "unknown-group", (*path, i), f"no deployment is called {name!r}", _NEVER, near
            )


def _switched_off(config: Config) -> Iterator[Finding]:
    """Where a list decides for groups that it does not name, and where an empty one is read as none."""
    sources = [group for group in config.groups if config.fallbacks_of(group)]
    for kind, on_what in (
        ("context_window_fallbacks", "a prompt that is too long"),
        ("content_policy_fallbacks", "a refusal"),
    ):
        value, path = config.setting(kind)
        ruled = {source for source, _, _ in config.rules(kind)}
        if value == [] and sources:
            yield config.finding(
                "error",
                "empty-is-unset",
                path,
                f"an empty {kind} does not switch fallbacks off",
                f"reads it as not set, so on {on_what} it goes to `fallbacks`.",
            )
        if "*" in ruled or not ruled:
            continue
        for group in sources:
            if group not in ruled and kind == "content_policy_fallbacks":
                yield config.finding(
                    "warning",
                    "refusal-returned",
                    path,
                    f"{group!r} has no rule here, and has one in `fallbacks`",
                    "returns its refusals to the caller, because the list holds other groups.",
                )
            elif group not in ruled and (
                larger := [t for t in config.fallbacks_of(group) if _larger(config, t, group)]
            ):
                yield config.finding(
                    "error",
                    "rule-switched-off",
                    path,
                    f"{group!r} has no rule here, and its fallback {larger[0]!r} has the larger window",
                    "returns its length errors to the caller: once this list holds any group, `fallbacks` no longer "
                    "answers them for the others.",
                    (f"{group}: [{larger[0]}]",),
                )
    if sources and not any(config.setting(kind)[0] is not None for kind in FALLBACKS[1:]):
        yield config.finding(
            "warning",
            "fallbacks-take-all",
            config.setting("fallbacks")[1],
            "there are neither context_window_fallbacks nor content_policy_fallbacks",
            "sends every error to `fallbacks`, also a refusal, a bad key or a prompt that is too long.",
        )


def _targets(config: Config) -> Iterator[Finding]:
    """What an outage costs: dearer, or of the provider that just failed."""
    for source, targets, path in config.rules("fallbacks"):
        for i, target in enumerate(targets):
            if source not in config.groups or target not in config.groups or target == source:
                continue
            ours, theirs = _usd(config, source), _usd(config, target)
            if ours and theirs and theirs >= DEARER * ours:
                yield config.finding(
                    "warning",
                    "dearer-fallback",
                    (*path, i),
                    f"{target!r} costs {theirs / ours:.1f} times what {source!r} does",
                    f"moves all traffic of {source!r} there while it fails, without saying so.",
                )
            here, there = ({d.provider for d in config.groups[name]} for name in (source, target))
            if here == there and len(here) == 1 and None not in here:
                yield config.finding(
                    "warning",
                    "same-vendor",
                    (*path, i),
                    f"{source!r} and {target!r} are both called at {next(iter(here))}",
                    "tries it, and fails again when the whole provider is down.",
                )


def _windows(config: Config) -> Iterator[Finding]:
    """Targets whose window is smaller than that of the group they stand in for."""
    covered = {source for source, _, _ in config.rules("context_window_fallbacks")}
    for kind in ("fallbacks", "context_window_fallbacks"):
        for source, targets, path in config.rules(kind):
            for i, target in enumerate(targets):
                ours, theirs = window_of(config, source), window_of(config, target)
                if ours is None or theirs is None or target == source:
                    continue
                if kind == "context_window_fallbacks" and theirs <= ours:
                    yield config.finding(
                        "error" if theirs < ours else "warning",
                        "not-a-larger-window",
                        (*path, i),
                        f"{target!r} takes {theirs:,} tokens and {source!r} takes {ours:,}",
                        "sends the prompt that was too long to a window that is no larger.",
                    )
                elif kind == "fallbacks" and theirs < ours and target not in covered:
                    yield config.finding(
                        "warning",
                        "smaller-window",
                        (*path, i),
                        f"{target!r} takes {theirs:,} tokens and {source!r} takes {ours:,}",
                        "sends it prompts that it must refuse, and nothing follows on that.",
                    )


def window_of(config: Config, group: str) -> int | None:
    """The largest prompt that every deployment of a group takes; `None` where one is not known."""
    windows = [deployment.window for deployment in config.groups.get(group, ())]
    known = [window for window in windows if window is not None]
    return min(known) if known and len(known) == len(windows) else None


def _larger(config: Config, target: str, group: str) -> bool:
    theirs, ours = window_of(config, target), window_of(config, group)
    return theirs is not None and ours is not None and theirs > ours


def _usd(config: Config, group: str) -> float | None:
    prices = [deployment.usd_per_request for deployment in config.groups.get(group, ())]
    known = [price for price in prices if price is not None]
    return max(known) if known and len(known) == len(prices) else None

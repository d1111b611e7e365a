"""How long a caller may wait when everything that can fail does: timeout x attempts x chain; and what never cools.

A timeout bounds one attempt. An attempt may be repeated (`num_retries`, or what `retry_policy` says of that error),
then the next order of the group's deployments is tried, then each fallback with attempts and fallbacks of its own. No
group is tried twice for one request, and no chain is deeper than `max_fallbacks`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .config import Config, Deployment, number
from .finding import Finding

_SLOW_ERRORS = ("TimeoutErrorRetries", "InternalServerErrorRetries", "ServiceUnavailableErrorRetries")
_MOST_REJECTING = 5  # groups with a rule for long prompts that one request may meet: every combination is tried


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds until the last answer, or the last error: in attempts, and in pauses between them. `chain` says which."""

    attempts_s: float
    pauses_s: float
    chain: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return self.attempts_s + self.pauses_s

    def __str__(self) -> str:
        pauses = f", and {_seconds(self.pauses_s)} of pauses" if self.pauses_s else ""
        return f"up to {_seconds(self.seconds)}: {', then '.join(self.chain)}{pauses}"


def check(config: Config, sla_s: float | None) -> Iterator[Finding]:
    """A worst case over `sla_s`, or, where none is asked for, the longest wait; and groups that never cool down."""
    alone = {group: _group_wait(config, group) for group in config.groups}
    waits = {group: _worst_wait(config, group, alone) for group in config.groups if group}
    yield from _no_cooldown(config)
    does = "counts a timeout for each attempt, not for the request."
    if sla_s is not None:
        for group, wait in waits.items():
            if wait.seconds > sla_s + 1e-9:
                path = (*config.groups[group][0].path, "model_name")
                message = f"{group!r} may take {_seconds(sla_s)}, and takes {wait}"
                yield config.finding("error", "over-sla", path, message, does)
    elif waits:
        worst = max(waits, key=lambda group: waits[group].seconds)
        if waits[worst].seconds > attempt_s(config, config.groups[worst]):
            said, path = config.setting("timeout")
            path = path if said is not None else config.groups[worst][0].path
            yield config.finding("warning", "worst-case", path, f"{worst!r} takes {waits[worst]}", does)


def _worst_wait(config: Config, group: str, alone: Mapping[str, Wait]) -> Wait:
    """The longest that a request to `group` can take.

    Each group on the way hangs until its timeout, or, where it has a rule for prompts that are too long, rejects at
    once and hands on by that rule; the combination that takes longest counts.
    """
    long_prompt: dict[str, list[str]] = {}
    for source, targets, _ in config.rules("context_window_fallbacks"):
        long_prompt.setdefault(source, [target for target in targets if target in config.groups])
    met = _reachable(config, group, long_prompt)
    may_reject = [source for source, targets in long_prompt.items() if source in met and targets][:_MOST_REJECTING]
    walks = (
        _walk(
            config, group, alone, {g: long_prompt[g] for g, rejects in zip(may_reject, choice, strict=True) if rejects}
        )
        for choice in itertools.product((False, True), repeat=len(may_reject))
    )
    return max(walks, key=lambda wait: wait.seconds)


def _reachable(config: Config, group: str, long_prompt: Mapping[str, list[str]]) -> set[str]:
    met, ahead = set[str](), [group]
    while ahead:
        name = ahead.pop()
        if name not in met:
            met.add(name)
            ahead += [*config.fallbacks_of(name), *long_prompt.get(name, [])]
    return met


def _walk(config: Config, group: str, alone: Mapping[str, Wait], rejecting: Mapping[str, list[str]]) -> Wait:
    said = number(config.setting("max_fallbacks")[0])
    most = config.known.defaults["max_fallbacks"] if said is None else said
    walked: dict[str, Wait] = {}

    def visit(name: str, depth: int) -> None:
        rejects = name in rejecting
        walked[name] = Wait(0.0, 0.0, (f"{name} rejects at once",)) if rejects else alone[name]
        for target in rejecting.get(name, config.fallbacks_of(name)) if depth < most else ():
            if target not in walked:
                visit(target, depth + 1)

    visit(group, 0)
    return Wait(
        sum(wait.attempts_s for wait in walked.values()),
        sum(wait.pauses_s for wait in walked.values()),
        tuple(part for wait in walked.values() for part in wait.chain),
    )


def _group_wait(config: Config, group: str) -> Wait:
    """Until every attempt in one group has timed out."""
    spread = config.at("router_settings", "enable_weighted_failover") is True
    levels: dict[object, list[Deployment]] = {}
    for i, deployment in enumerate(config.groups[group]):
        levels.setdefault(i if spread else str(deployment.params.get("order")), []).append(deployment)
    tries = attempts(config, group)
    longest = [attempt_s(config, tuple(level)) for level in levels.values()]
    said = tuple(f"{group} {tries} x {_seconds(one)}" for one in longest)
    return Wait(tries * sum(longest), len(levels) * _pauses_s(config, group), said)


def attempts(config: Config, group: str) -> int:
    """How often a group is tried when it hangs or fails slowly."""
    policy = config.section("router_settings", "model_group_retry_policy", group) or config.section(
        "router_settings", "retry_policy"
    )
    said, _ = config.setting("num_retries")
    default = number(said) if isinstance(said, int) else config.known.defaults["num_retries"]
    own = [d.params["num_retries"] for d in config.groups[group] if isinstance(d.params.get("num_retries"), int)]
    retries = max(own) if own else default or 0
    by_error = [policy.get(error, policy.get("DefaultRetries")) for error in _SLOW_ERRORS]
    ruled = [found for value in by_error if (found := number(value)) is not None]
    if ruled:
        retries = max(ruled) if len(ruled) == len(_SLOW_ERRORS) else max(*ruled, retries)
    return 1 + max(0, int(min(retries, 1_000)))


def attempt_s(config: Config, members: tuple[Deployment, ...]) -> float:
    """The longest timeout of one attempt at any of these deployments, streamed or not."""
    request = config.at("litellm_settings", "request_timeout")
    router, stream = config.at("router_settings", "timeout"), config.at("router_settings", "stream_timeout")
    longest = 0.0
    for deployment in members:
        own = deployment.params
        plain = _first(config, own.get("timeout"), own.get("request_timeout"), request, router)
        streamed = _first(config, own.get("stream_timeout"), stream, request, plain)  # not its own `timeout` first
        longest = max(longest, plain, streamed)
    return longest


def _first(config: Config, *values: object) -> float:
    numbers = (number(config.resolved(value)) for value in values)
    return next((found for found in numbers if found), config.known.defaults["timeout_s"])  # 0 is read as not set


def _pauses_s(config: Config, group: str) -> float:
    """The pauses after each failed attempt, at their longest; a group with another deployment ready makes none."""
    tries, defaults = attempts(config, group), config.known.defaults
    if tries == 1 or len(config.groups[group]) > 1:
        return 0.0
    least = number(config.setting("retry_after")[0]) or 0.0
    return sum(
        min(max(defaults["first_delay_s"] * 2.0**i, least), defaults["most_delay_s"]) + defaults["jitter_s"]
        for i in range(min(tries, 60))
    )


def _no_cooldown(config: Config) -> Iterator[Finding]:
    single = [group for group, members in config.groups.items() if len(members) == 1 and group and "*" not in group]
    off = config.at("router_settings", "disable_cooldowns") is True
    allowed, default = config.at("router_settings", "allowed_fails"), config.known.defaults["allowed_fails"]
    at_module = config.at("litellm_settings", "allowed_fails")
    unset = at_module if isinstance(at_module, int) else default
    policy = config.section("router_settings", "allowed_fails_policy")
    if off or (single and not policy and (allowed is None or allowed == unset)):
        why = "disable_cooldowns is set" if off else f"one deployment each and no allowed_fails: {', '.join(single)}"
        if not off and allowed is not None:
            why = f"allowed_fails: {allowed} is the default, which counts as not set"
        path = (
            "router_settings",
            "disable_cooldowns" if off else "allowed_fails" if allowed is not None else "num_retries",
        )
        yield config.finding(
            "warning",
            "no-cooldown",
            path,
            f"nothing cools down: {why}; set `allowed_fails: 2` and `cooldown_time: 30`",
            "leaves a group with one deployment in service however often it fails: in an outage every request pays all "
            "attempts before it falls back.",
        )


def _seconds(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0") + " s"

"""Which drills a file gets, and what of it cannot be drilled."""

from __future__ import annotations

from collections.abc import Iterator

from . import copies, failing, repeating, shapes
from .drill import Drill
from .providers import why_not
from .router_file import RouterFile
from .twin import LEAST_TIMEOUT_S, Twin, time_scale, window_scale
from .verification import Check
from .waits import worst_wait_s

LONGEST_DRILL_S = 60.0  # a caller who would be kept longer is not kept at all: no timeout was written


def drilled_groups(file: RouterFile) -> list[str]:
    """The groups that can be asked: every deployment of theirs can be sent to a simulator."""
    return [
        group
        for group, members in file.members.items()
        if group and all(why_not(file.deployment(index)) is None for index in members)
    ]


def twin_of(file: RouterFile) -> Twin:
    """The twin, without its stages: how far times and windows are scaled."""
    return Twin(file, (), time_scale(file, drilled_groups(file)), window_scale(file))


def drills(twin: Twin, sla_s: float | None, *, redis: bool) -> Iterator[Drill]:
    """Every drill, in the order of the report."""
    file = twin.file
    groups = drilled_groups(file)
    for group in groups:
        yield shapes.healthy(file, group)
    for group in groups:
        yield from failing.outages(file, group, sla_s)
        if _is_short(twin, group):
            yield from failing.hangs(file, group, sla_s)
        yield failing.cut(file, group)
        yield failing.refusal(file, group)
        long = shapes.long_prompt(twin, group)
        yield failing.overflow(file, group) if long is None else long
        yield from shapes.shapes(file, group)
        yield from failing.providers_down(file, group, sla_s)
        if _cools_down(file, group) is None:
            yield repeating.cooldown(file, group)
    if redis:
        for group in groups:
            yield repeating.redis_dead(file, group)
    for group in groups:
        yield from repeating.deployment_budgets(file, group)
    yield from repeating.provider_budgets(file, groups)


def not_drilled(twin: Twin, sla_s: float | None, *, redis: bool) -> Iterator[Check]:
    """What was meant to be drilled and is not, or cannot pass without a drill."""
    file = twin.file
    groups = drilled_groups(file)
    for group, members in file.members.items():
        reasons = list(filter(None, (why_not(file.deployment(index)) for index in members)))
        if reasons:
            yield _skipped("all drills", group, "; ".join(dict.fromkeys(reasons)))
    for group in groups:
        wait_s = worst_wait_s(file, group)
        if not _is_short(twin, group):
            seen = f"by the file a caller waits up to {wait_s:,.0f} s: a timeout is missing or very long"
            over = sla_s is not None and wait_s > sla_s
            yield Check(
                rung="drills",
                name="primary hangs",
                tier=group,
                status="failed" if over else "not_checked",
                expected=f"given up within {sla_s:g} s" if sla_s is not None else "given up soon enough to be drilled",
                seen=seen,
            )
        why = _cools_down(file, group)
        if why:
            yield _skipped("cool-down is reached in an outage", group, why)
        if any(d.params.get("max_budget") for d in file.config.groups[group]) and len(file.first(group)) > 1:
            yield _skipped("max_budget", group, "several deployments share the load, so nobody knows which is asked")
    for provider in file.config.section("router_settings", "provider_budget_config"):
        if repeating.asked_for(file, groups, provider) is None:
            yield _skipped(f"provider budget of {provider}", None, "no group asks this provider alone, and first")
    if copies.names_redis(file) and not redis:
        yield _skipped("Redis alive, then dead", None, "no redis-server is installed here: the drills ran without one")


def _skipped(name: str, group: str | None, why: str) -> Check:
    return Check(rung="drills", name=name, tier=group, status="not_checked", expected="to be drilled", seen=why)


def _is_short(twin: Twin, group: str) -> bool:
    return worst_wait_s(twin.file, group) * twin.time_scale <= max(LONGEST_DRILL_S, LEAST_TIMEOUT_S)


def _cools_down(file: RouterFile, group: str) -> str | None:
    """Why its cool-down is not drilled; `None` where it is."""
    if file.config.at("router_settings", "disable_cooldowns") is True:
        return "disable_cooldowns is set: nothing is ever left alone, as written"
    allowed = repeating.failures_allowed(file, group)
    if allowed > repeating.MOST_FAILURES:
        return f"it would take {allowed} failures"
    return None

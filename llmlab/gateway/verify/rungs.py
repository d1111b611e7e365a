"""What each rung but the egress proof and the drills has to say, as checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...errors import LlmlabError
from .recorder import Wanted
from .redis_server import Redis
from .router_file import RouterFile
from .verification import RUNG_NAMES, RUNGS, Check, Rung

NO_REDIS = "it was never connected to: LiteLLM wants redis_host with redis_port, or redis_url"
MADE = "LiteLLM's Router takes the file, with every deployment"


def linted(file: RouterFile, residency: str | None, sla_s: float | None) -> list[Check]:
    """The lint's errors, a check each; one that passed where there is none."""
    from ..lint import lint  # late: it reads LiteLLM's source when it is new

    expected = "no error"
    try:
        found = lint(file.path, residency=residency, sla_s=sla_s, environ=file.environ)
    except LlmlabError as e:
        return [Check(rung="lint", name="strict lint", status="not_checked", expected=expected, seen=str(e))]
    checks = [
        Check(
            rung="lint",
            name=f"line {finding.line}: {finding.code}",
            status="failed",
            expected=expected,
            seen=f"{finding.where}: {finding.message} (LiteLLM {finding.litellm_does})",
        )
        for finding in found
        if finding.severity == "error"
    ]
    warnings = ", ".join(f"line {f.line} {f.code}" for f in found if f.severity == "warning")
    seen = f"no error; warnings: {warnings or 'none'}"
    return checks or [Check(rung="lint", name="strict lint", status="passed", expected=expected, seen=seen)]


def router_init(file: RouterFile, message: Mapping[str, Any]) -> Check:
    """What came of making the Router."""
    count, total = message["result"], len(file.ids)
    seen = message["error"] or f"{count} of {total} deployments"
    return Check(
        rung="router",
        name="Router init",
        status="passed" if count == total else "failed",
        expected=MADE,
        seen=seen,
        seconds=message["seconds"],
    )


def validated(message: Mapping[str, Any]) -> Check:
    """What LiteLLM's own validation said, for what that is worth."""
    missing = "Missing dependency" in str(message["error"])
    return Check(
        rung="validate_config",
        name="litellm --validate_config",
        status="not_checked" if missing else "failed" if message["error"] else "passed",
        expected="LiteLLM says that the config is OK: a weak claim, it says so of files with which it does not start",
        seen=message["error"] or message["result"],
        seconds=message["seconds"],
    )


def redis_used(redis: Redis) -> Check:
    """Whether anybody connected to the Redis that was given to the proxy."""
    count = redis.connections
    return Check(
        rung="drills",
        name="Redis is used",
        status="passed" if count else "failed",
        expected="the proxy connects to the Redis that the file names",
        seen=f"{count} connections" if count else NO_REDIS,
    )


def nobody_else(
    dials: Mapping[str, Mapping[str, Any]], wanted: Iterable[Wanted], refused: Iterable[str], residency: str | None
) -> Check:
    """Whom LiteLLM tried to reach beside the deployments' own hosts; all of it was refused."""
    windows = [(message["began_ns"], message["ended_ns"]) for message in dials.values()]
    others = [one.host for one in wanted if not any(began <= one.at_ns <= ended for began, ended in windows)]
    tried = list(dict.fromkeys([*others, *refused]))
    return Check(
        rung="egress",
        name="nobody else is dialled",
        status="failed" if tried and residency else "passed",
        expected="no request but those to the deployments, through the whole verification",
        seen=f"tried, and refused: {', '.join(tried)}" if tried else "nothing else was tried",
    )


def whole(checks: list[Check], *, cancelled: bool) -> Iterator[Check]:
    """The checks by rung; a rung without one says that it was not reached."""
    for rung in RUNGS:
        found = [check for check in checks if check.rung == rung]
        yield from found
        if not found:
            why = "cancelled before it" if cancelled else "an earlier rung ended it"
            yield _unreached(rung, why)


def _unreached(rung: Rung, why: str) -> Check:
    return Check(rung=rung, name=RUNG_NAMES[rung], status="not_checked", expected="checked", seen=why)

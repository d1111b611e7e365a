"""How long a caller waits by the file: timeout x attempts x chain, with the pauses between attempts."""

from __future__ import annotations

from ..lint.config import number
from .route import reachable, route
from .router_file import RouterFile

FIRST_PAUSE_S, LONGEST_PAUSE_S, JITTER_S = 0.5, 8.0, 0.75  # LiteLLM's, before a deployment is tried again


def timeout_s(file: RouterFile, index: int) -> float:
    """The longest that one attempt at a deployment may take, streamed or not."""
    own = file.deployment(index).params
    router = file.config.section("router_settings")
    request = file.config.at("litellm_settings", "request_timeout")
    default = file.config.known.defaults["timeout_s"]
    plain = _first(own.get("timeout"), own.get("request_timeout"), request, router.get("timeout"), default)
    streamed = _first(own.get("stream_timeout"), router.get("stream_timeout"), request, plain)  # not its own `timeout`
    return max(plain, streamed)


def worst_wait_s(file: RouterFile, group: str) -> float:
    """Seconds until the last deployment that a request to `group` can reach has hung, as often as it is tried."""
    everybody = {index for name in reachable(file, group) for index in file.members.get(name, ())}
    return sum(_group_s(file, name) for name in route(file, group, everybody).groups)


def _group_s(file: RouterFile, group: str) -> float:
    attempts = file.attempts(group, "TimeoutError")
    orders: dict[float, float] = {}
    for index in file.members.get(group, ()):
        orders[file.order(index)] = max(orders.get(file.order(index), 0.0), timeout_s(file, index))
    pauses = (min(FIRST_PAUSE_S * 2.0**n, LONGEST_PAUSE_S) + JITTER_S for n in range(min(attempts, 60) - 1))
    return attempts * sum(orders.values()) + sum(pauses)


def _first(*values: object) -> float:
    return next((seconds for value in values if (seconds := number(value))), 0.0)  # 0 is read as not set

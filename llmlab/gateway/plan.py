"""A router before it is written down in anybody's format: tiers, deployments, what follows on what, and how long."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..catalog.records import Scope
from ..errors import UnknownNameError

_PAUSE_S, _LONGEST_PAUSE_S, _JITTER_S = 0.5, 8.0, 0.75  # LiteLLM 1.106's, before a retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model at a provider, as a gateway calls it.

    `parameters` are LiteLLM's beside `model`; a secret or an address of the user's own is `os.environ/NAME`.
    `model_info` is what the gateway should know and cannot: a base model, prices of its own. `timeout_s` bounds one
    attempt, `stream_timeout_s` its first chunk.
    """

    id: str
    endpoint: str
    litellm_model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model_info: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope = "unknown"
    region: str | None = None
    order: int = 1
    timeout_s: float = 30.0
    stream_timeout_s: float = 30.0
    max_input_tokens: int | None = None
    max_budget_usd: Decimal | None = None
    budget_duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTier:
    """What the application calls by one name."""

    name: str
    deployments: tuple[Deployment, ...]

    @property
    def max_input_tokens(self) -> int | None:
        """The longest prompt that one of its deployments takes; `None` where nobody says for all of them."""
        windows = [deployment.max_input_tokens for deployment in self.deployments]
        return None if None in windows else max((window for window in windows if window is not None), default=None)

    def waits_s(self, attempts: int) -> float:
        """What a caller waits at most before this tier has failed: one deployment of each `order`, `attempts` times,
        and LiteLLM's pauses after each of several attempts at the only deployment there is."""
        levels = {deployment.order for deployment in self.deployments}
        slowest = (max(d.timeout_s for d in self.deployments if d.order == level) for level in levels)
        pauses = range(attempts if attempts > 1 and len(self.deployments) == 1 else 0)
        return attempts * sum(slowest) + sum(min(_PAUSE_S * 2.0**i, _LONGEST_PAUSE_S) + _JITTER_S for i in pauses)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPlan:
    """The whole router. `fallbacks` follow on an outage, `context_window_fallbacks` on a prompt that is too long (and
    only to larger windows), `content_policy_fallbacks` on a refusal.

    `worst_case_s` is what a caller waits at most: timeout x attempts x chain, over all tiers. A tier that is not in
    `context_window_fallbacks`, or not in `content_policy_fallbacks`, gives that error back to its caller.
    """

    name: str
    tiers: tuple[PlannedTier, ...]
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    context_window_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    content_policy_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    num_retries: int = 0
    allowed_fails: int = 2
    cooldown_s: float = 30.0
    provider_budgets: Mapping[str, tuple[Decimal, str]] = field(default_factory=dict)  # provider -> (dollars, period)
    redis: bool = False
    residency: str | None = None
    sla_s: float | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    def tier(self, name: str) -> PlannedTier:
        """The tier of exactly this name, or `UnknownNameError`."""
        found = next((tier for tier in self.tiers if tier.name == name), None)
        if found is None:
            raise UnknownNameError("tier", name, [tier.name for tier in self.tiers], where=self.name)
        return found

    @property
    def max_fallbacks(self) -> int:
        """How many fallbacks one request may make: the longest list, so that lists are not strung together; and one
        more for a prompt that moved to a larger window first, where that lengthens no chain."""
        longest = max(map(len, self.fallbacks.values()), default=0)
        moved = longest + bool(any(self.context_window_fallbacks.values()))
        names = [tier.name for tier in self.tiers]
        return moved if all(self._reach(name, moved) == self._reach(name, longest) for name in names) else longest

    def attempts(self, tier: str) -> int:
        """How often one deployment is called before its tier has failed. A tier with a fallback is never retried: the
        second provider answers sooner than a third try at the first."""
        return 1 if self.fallbacks.get(tier) else 1 + self.num_retries

    def chain(self, tier: str) -> tuple[str, ...]:
        """The tiers that a request to `tier` reaches in turn when all of them fail, itself first."""
        return self._reach(tier, self.max_fallbacks)

    def _reach(self, tier: str, most: int) -> tuple[str, ...]:
        reached = [tier]

        def walk(failed: str, depth: int) -> None:
            # As LiteLLM does: a fallback that fails follows its own list, until `most`; nothing is tried twice.
            for target in self.fallbacks.get(failed, ()) if depth < most else ():
                if target not in reached:
                    reached.append(target)
                    depth += 1
                    walk(target, depth)

        walk(tier, 0)
        return tuple(reached)

    @property
    def worst_case_s(self) -> float:
        """Seconds until the last of the longest chain has failed; an error that is no timeout comes sooner."""
        return max((self.wait_s(tier.name) for tier in self.tiers), default=0.0)

    def wait_s(self, tier: str) -> float:
        """What a caller of `tier` waits at most, in seconds."""
        return sum(self.tier(name).waits_s(self.attempts(name)) for name in self.chain(tier))

    @property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits of all that the plan does: everything but where it came from."""
        said = dataclasses.asdict(dataclasses.replace(self, provenance={}))
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=_plain).encode()).hexdigest()[:16]

    def to_litellm(self) -> str:
        """The plan as LiteLLM's `router.yaml`."""
        from .litellm_yaml import to_yaml

        return to_yaml(self)


def _plain(value: object) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)

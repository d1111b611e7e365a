"""A plan in other gateways' formats, each with the list of what it could not say.

    OpenRouter   the `provider` object of a request, for one tier
    Portkey      a config, for all of them

Neither holds a secret: OpenRouter has accounts of its own, and a Portkey config names integrations that hold the keys.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalog import schema, strict_yaml
from ..errors import LlmlabError
from .plan import Deployment, PlannedTier, RouterPlan

# An outage, a rate limit, a timeout, a bad key: what goes to the fallbacks. A 400 (refused, too long) is the caller's.
_FALL_BACK_ON = (401, 403, 404, 408, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """`config` as JSON would hold it; `lost`: what the plan asks for and the format cannot say, in words."""

    config: Mapping[str, Any]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    openrouter: Mapping[str, str]


@functools.cache
def _names() -> _File:
    document = strict_yaml.read(Path(__file__).with_name("other_formats.yaml"), LlmlabError)
    return schema.decode(_File, document.data, document, (), LlmlabError)


def to_openrouter(plan: RouterPlan, tier: str) -> Translation:
    """What a request to OpenRouter says, so that it is served by the providers of `tier` and by no other.

    The model beside it is the caller's to name: OpenRouter has ids of its own. Raises `LlmlabError` for a tier that
    none of its providers can serve, and `UnknownNameError` for one that is not in the plan.
    """
    planned = plan.tier(tier)
    ordered = sorted(planned.deployments, key=lambda deployment: deployment.order)
    names = [_names().openrouter.get(_prefix(deployment)) for deployment in ordered]
    known = list(dict.fromkeys(name for name in names if name))
    if not known:
        raise LlmlabError(f"{plan.name}: {tier} is served by {_prefix(ordered[0])}, which OpenRouter cannot choose")
    provider = {"order": known, "only": known, "allow_fallbacks": False, "require_parameters": True}
    return Translation(config={"provider": provider}, lost=tuple(_openrouter_lost(plan, planned, names)))


def to_portkey(plan: RouterPlan) -> Translation:
    """A Portkey config in which the `model` of a request is the name of a tier.

    Each deployment is an integration of its id (`@mid-bedrock-eu`), which is made in Portkey and holds key and region.
    """
    conditions = [{"query": {"params.model": {"$eq": tier.name}}, "then": tier.name} for tier in plan.tiers]
    config = {
        "strategy": {"mode": "conditional", "conditions": conditions, "default": plan.tiers[0].name},
        "targets": [_portkey_tier(plan, tier.name) for tier in plan.tiers],
    }
    return Translation(config=config, lost=tuple(_portkey_lost(plan)))


def _portkey_tier(plan: RouterPlan, name: str) -> dict[str, Any]:
    chain = [(plan.tier(reached), plan.attempts(reached)) for reached in plan.chain(name)]
    return {
        "name": name,
        "strategy": {"mode": "fallback", "on_status_codes": list(_FALL_BACK_ON)},
        "targets": [
            _portkey_target(deployment, attempts - 1)
            for tier, attempts in chain
            for deployment in sorted(tier.deployments, key=lambda deployment: deployment.order)
        ],
    }


def _portkey_target(deployment: Deployment, retries: int) -> dict[str, Any]:
    return {
        "provider": f"@{deployment.id}",
        "override_params": {"model": deployment.litellm_model.partition("/")[2]},
        "request_timeout": round(deployment.timeout_s * 1000),  # milliseconds
        **({"retry": {"attempts": retries}} if retries else {}),
    }


def _openrouter_lost(plan: RouterPlan, tier: PlannedTier, names: list[str | None]) -> Iterator[str]:
    yield f"model: name what {', '.join(one.litellm_model for one in tier.deployments)} is called there"
    for deployment, name in zip(tier.deployments, names, strict=True):
        if name is None:
            yield f"{deployment.id}: {_prefix(deployment)} is no provider there"
    if plan.residency is not None:
        yield f"residency: requests are not held in {plan.residency} by this object; that is a contract and a host"
    yield "timeouts: the client's own has to do"
    if plan.fallbacks.get(tier.name):
        yield f"fallbacks to {', '.join(plan.fallbacks[tier.name])}: `models` would also follow on a refusal"
    yield from _never_said(plan)


def _portkey_lost(plan: RouterPlan) -> Iterator[str]:
    for deployment in [one for tier in plan.tiers for one in tier.deployments]:
        where = f" in {deployment.region}" if deployment.region else ""
        yield f"{deployment.id}: key and address{where} belong to its integration; make it before the first call"
    yield from _never_said(plan)


def _never_said(plan: RouterPlan) -> Iterator[str]:
    """What neither format has a word for."""
    larger = {source: targets for source, targets in plan.context_window_fallbacks.items() if targets}
    if larger:
        yield f"context_window_fallbacks: a prompt too long for {', '.join(larger)} is the caller's to send elsewhere"
    refused = {source: targets for source, targets in plan.content_policy_fallbacks.items() if targets}
    if refused:
        yield f"content_policy_fallbacks: a refusal by {', '.join(refused)} is the caller's"
    yield f"cool-down: after {plan.allowed_fails} failures a dead provider is still asked first"
    if plan.provider_budgets or any(one.max_budget_usd for tier in plan.tiers for one in tier.deployments):
        yield "budgets: set them in its own console"
    if any("input_cost_per_token" in one.model_info for tier in plan.tiers for one in tier.deployments):
        yield "prices of your own: its cost figures are its own"


def _prefix(deployment: Deployment) -> str:
    return deployment.litellm_model.partition("/")[0]

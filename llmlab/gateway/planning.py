"""From a recommendation to a router: every tier a deployment, every failure a next step, and the SLA kept at the end.

What a gateway leaves open is decided here:

- **An outage** goes to the recommended fallbacks, without a retry before them, and no further than their list.
- **A prompt that is too long** goes to a larger window or back to its caller, never to a smaller one.
- **A refusal** is an answer: it goes back to its caller, not to a second vendor.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from ..errors import LlmlabError, UnknownNameError
from ..routing.constraints import OWN_NETWORK
from ..routing.knowledge import lies_in
from ..routing.recommendation import Recommendation
from .deploying import deploy
from .plan import Deployment, PlannedTier, RouterPlan

Budget = tuple[Decimal, str]  # dollars and the period they are for, as in (Decimal(50), "1d")
_RANK: Mapping[str, int] = {"cheap": 0, "mid": 1, "smart": 2, "backup": 2}  # backup stands in for smart
_PERIOD = re.compile(r"[1-9]\d*(s|m|h|d|w|mo)")


def plan_router(
    recommendation: Recommendation,
    *,
    name: str,
    redis: bool = False,
    budgets: Mapping[str, Budget] | None = None,
) -> RouterPlan:
    """The router that a recommendation asks for.

    `budgets` caps what a tier (`smart`) or a provider (`bedrock`, the prefix of LiteLLM's model ids) may spend in a
    period; it stops the next request, not the one that goes over. `redis`: several proxies share budgets and
    cool-downs. Raises `LlmlabError` where there is nothing to build, or where the SLA would not hold.
    """
    if recommendation.conflict or not recommendation.tiers:
        raise LlmlabError(f"{name}: nothing is recommended, so there is nothing to build; relax a constraint first")
    caps = _caps(budgets or {}, recommendation, name)
    constraints = recommendation.constraints
    tiers = []
    for tier, choice in recommendation.tiers.items():
        dollars, period = caps.get(tier, (None, None))
        deployment = deploy(
            choice.endpoint,
            tier=tier,
            region=choice.region,
            as_of=recommendation.as_of,
            timeout_s=recommendation.timeouts[tier],
            window=choice.window,
            max_budget_usd=dollars,
            budget_duration=period,
        )
        tiers.append(PlannedTier(name=tier, deployments=(deployment,)))
    plan = RouterPlan(
        name=name,
        tiers=tuple(tiers),
        fallbacks={tier: tuple(targets) for tier, targets in recommendation.fallbacks.items() if targets},
        context_window_fallbacks=_larger(recommendation, tiers),
        num_retries=recommendation.num_retries,
        provider_budgets={name: cap for name, cap in caps.items() if name not in recommendation.tiers},
        redis=redis,
        residency=constraints.residency,
        sla_s=constraints.worst_case_s,
        provenance=origin(name, recommendation.catalog.name, recommendation.catalog.content_hash, recommendation.as_of),
    )
    check(plan)
    return plan


def check(plan: RouterPlan) -> None:
    """Raise `LlmlabError` for a plan that would not do what it says: a fallback to a tier that is not there, a window
    that is not larger, a deployment that may leave the region, a worst case over the SLA."""
    follows = (plan.fallbacks, plan.context_window_fallbacks, plan.content_policy_fallbacks)
    for tier in [name for rule in follows for source, targets in rule.items() for name in (source, *targets)]:
        plan.tier(tier)
    for source, targets in plan.context_window_fallbacks.items():
        for target in targets:
            here, there = plan.tier(source), plan.tier(target)
            if not _takes_more(there, here):
                raise LlmlabError(
                    f"{plan.name}: a prompt too long for {source} ({_tokens(here)}) would go to {target} "
                    f"({_tokens(there)}); name a tier with a larger window"
                )
    for deployment in [deployment for tier in plan.tiers for deployment in tier.deployments]:
        if plan.residency is not None and not _stays(deployment, plan.residency):
            where = deployment.region or "a region of its own choice"
            raise LlmlabError(
                f"{plan.name}: {deployment.endpoint} is called in {where} (scope {deployment.scope}), and has to stay "
                f"in {plan.residency}; choose an endpoint or a region that does"
            )
    if plan.sla_s is not None and plan.worst_case_s > plan.sla_s:
        worst = max(plan.tiers, key=lambda tier: plan.wait_s(tier.name)).name
        raise LlmlabError(
            f"{plan.name}: a caller may wait {plan.worst_case_s:g} s ({' -> '.join(plan.chain(worst))}), more than the "
            f"{plan.sla_s:g} s allowed; shorten the timeouts or the chain"
        )


def _larger(recommendation: Recommendation, tiers: list[PlannedTier]) -> dict[str, tuple[str, ...]]:
    """Where prompts that are too long go: as recommended; else the least tier that is no lesser one and takes more."""
    said: dict[str, tuple[str, ...]] = {
        tier: targets for tier, targets in recommendation.context_window_fallbacks.items() if targets
    }
    for tier in tiers:
        wider = (other.name for other in tiers if _RANK[other.name] >= _RANK[tier.name] and _takes_more(other, tier))
        least = min(wider, key=_RANK.__getitem__, default=None)
        if least is not None:
            said.setdefault(tier.name, (least,))
    return {tier.name: said[tier.name] for tier in tiers if tier.name in said}


def _takes_more(one: PlannedTier, other: PlannedTier) -> bool:
    here, there = one.max_input_tokens, other.max_input_tokens
    return here is not None and there is not None and here > there


def _stays(deployment: Deployment, place: str) -> bool:
    if deployment.scope == OWN_NETWORK:
        return True
    return deployment.scope not in ("global", "unknown") and lies_in(deployment.region or deployment.scope, place)


def _caps(budgets: Mapping[str, Budget], recommendation: Recommendation, name: str) -> dict[str, Budget]:
    models = [str(choice.endpoint.litellm_model) for choice in recommendation.tiers.values()]
    known = [*recommendation.tiers, *sorted({model.partition("/")[0] for model in models})]
    for what, (dollars, period) in budgets.items():
        if what not in known:
            raise UnknownNameError("tier or provider with a budget", what, known, where=name)
        if dollars <= 0 or not _PERIOD.fullmatch(period):
            raise LlmlabError(
                f"{name}: a budget is above $0, for a period such as 1d or 1mo: not {dollars}, {period!r}"
            )
    return dict(budgets)


def _tokens(tier: PlannedTier) -> str:
    return "window unknown" if tier.max_input_tokens is None else f"{tier.max_input_tokens:,} tokens"


def origin(scenario: str, catalog: str, content_hash: str, as_of: date) -> dict[str, str]:
    """Where a plan comes from, as it stands at the top of what is exported."""
    try:
        version = importlib.metadata.version("llmlab")
    except importlib.metadata.PackageNotFoundError:  # a checkout on the path that nobody installed
        version = "0+unknown"
    return {
        "scenario": scenario,
        "catalog": catalog,
        "catalog_hash": content_hash,
        "as_of": as_of.isoformat(),
        "llmlab": version,
    }

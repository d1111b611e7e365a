"""Recommendations and plans for the tests of what is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from llmlab.catalog import Catalog, Endpoint, load_catalog, parse_overrides
from llmlab.cost import Workload
from llmlab.cost.speed import Speed
from llmlab.gateway.plan import Deployment, PlannedTier, RouterPlan
from llmlab.gateway.planning import plan_router
from llmlab.routing.constraints import Constraints, TierName
from llmlab.routing.recommendation import Recommendation, TierChoice
from llmlab.routing.walk import Walk

AS_OF = date(2026, 11, 23)
EU = {
    "cheap": "bedrock/eu.anthropic.claude-haiku-5-5",
    "mid": "bedrock/eu.anthropic.claude-sonnet-4-6",
    "smart": "vertex_ai/claude-opus-5-5@eu",
    "backup": "azure/eu/gpt-5.1",
}
TIMEOUTS = {"cheap": 4.0, "mid": 5.0, "smart": 5.0, "backup": 4.0}
TO_BACKUP = {"cheap": ("backup",), "mid": ("backup",), "smart": ("backup",)}


def recommendation(
    endpoints: Mapping[str, str] = EU,
    *,
    regions: Mapping[str, str] | None = None,
    residency: str | None = "eu",
    worst_case_s: float = 10.0,
    **changes: Any,
) -> Recommendation:
    """A recommendation of these endpoints of the snapshot 2026-11, as if they had been found."""
    catalog = load_catalog("2026-11")
    tiers = {tier: _choice(tier, catalog.endpoint(id), (regions or {}).get(tier)) for tier, id in endpoints.items()}
    given: dict[str, Any] = {
        "constraints": Constraints(residency=residency, worst_case_s=worst_case_s),
        "workload": Workload(),
        "as_of": AS_OF,
        "catalog": catalog,
        "walk": Walk(steps=(), standings=()),
        "loads": {},
        "tiers": tiers,
        "fallbacks": {tier: targets for tier, targets in TO_BACKUP.items() if tier in tiers},
        "timeouts": {tier: TIMEOUTS[tier] for tier in tiers},
        "usd_per_request": Decimal("0.0021"),
        "usd_per_period": Decimal(210),
    }
    return Recommendation(**(given | changes))


def _choice(tier: str, endpoint: Endpoint, region: str | None) -> TierChoice:
    return TierChoice(
        tier=cast(TierName, tier),
        endpoint=endpoint,
        host=endpoint.provider,
        vendor=endpoint.provider,
        region=region,
        share=0.25,
        usd_per_request=Decimal("0.0195"),
        usd_per_period=Decimal(1950),
        latency=Speed(ttft_s=Decimal("0.4"), low_s=Decimal(2), high_s=Decimal(4), basis="a test"),
        window=endpoint.max_input_tokens,
        why="the cheapest that meets all constraints",
    )


def eu_plan(**changes: Any) -> RouterPlan:
    """Four tiers in the EU, on three clouds, within ten seconds."""
    return plan_router(recommendation(), name="EU bank", **changes)


def overlaid(text: str) -> Catalog:
    """The snapshot 2026-11 with a user's own file laid over it."""
    return load_catalog("2026-11", parse_overrides(text, "mine.yaml"))


def plan_of(deployments: Mapping[str, tuple[Deployment, ...]], **more: Any) -> RouterPlan:
    """A plan by hand: its tiers' deployments by name."""
    tiers = tuple(PlannedTier(name=name, deployments=found) for name, found in deployments.items())
    return RouterPlan(name="by hand", tiers=tiers, **more)


def deployment(id: str, model: str = "openai/gpt-5.1", **more: Any) -> Deployment:
    """A deployment by hand."""
    return Deployment(id=id, endpoint=model, litellm_model=model, **more)

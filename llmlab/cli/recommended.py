"""What `llmlab recommend` and `llmlab redecide` say to a program: a decision in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..routing.recommendation import Alternative, Change, Recommendation, TierChoice
from ..routing.redecide import Redecision
from ..routing.walk import Standing


def as_json(name: str, found: Recommendation) -> str:
    """All of a recommendation. Dollars are numbers, `null` is unpriced or unknown."""
    said: dict[str, Any] = {
        "name": name,
        "catalog": found.catalog.name,
        "catalog_hash": found.catalog.content_hash,
        "as_of": found.as_of.isoformat(),
        "period": found.workload.period,
        "usd_per_request": _number(found.usd_per_request),
        "usd_per_period": _number(found.usd_per_period),
        "tiers": {tier: _tier(choice) for tier, choice in found.tiers.items()},
        "fallbacks": _lists(found.fallbacks),
        "context_window_fallbacks": _lists(found.context_window_fallbacks),
        "timeouts_s": dict(found.timeouts),
        "num_retries": found.num_retries,
        "worst_case_s": found.worst_case_s,
        "shared_host": found.shared_host,
        "walk": [
            {
                "node": step.node,
                "ask": step.ask,
                "answers": list(step.answers),
                "asked": list(step.asked),
                "fell": step.fell,
                "unknown": step.unknown,
                "left": step.left,
                "left_for": dict(step.left_for),
            }
            for step in found.walk.steps
        ],
        "endpoints": [_standing(one) for one in found.walk.standings],
        "runner_up": None if found.runner_up is None else _alternative(found.runner_up),
        "changes": [_change(change) for change in found.changes],
        "warnings": [{"code": c.code, "words": c.words, "usd": _number(c.usd)} for c in found.warnings],
        "conflict": None,
    }
    if found.conflict is not None:
        nearest = found.conflict.nearest
        said["conflict"] = {
            "asks": dict(found.conflict.asks),
            "words": found.conflict.words,
            "nearest": None if nearest is None else _change(nearest),
        }
    return json.dumps(said, indent=1, ensure_ascii=False)


def redecided_as_json(found: Sequence[Redecision]) -> str:
    """A list with an object per decision."""
    return json.dumps([_redecision(one) for one in found], indent=1, ensure_ascii=False)


def _redecision(one: Redecision) -> dict[str, Any]:
    return {
        "name": one.name,
        "verdict": one.verdict,
        "holds": one.holds,
        "decided": dict(one.decided),
        "usd_before": _number(one.before),
        "usd_still": _number(one.still),
        "moved": [{"what": m.what, "tier": m.tier, "endpoint": m.endpoint, "words": m.words} for m in one.moved],
        "now": dict(one.after.endpoints),
        "usd_now": _number(one.after.usd_per_period),
        "conflict": None if one.after.conflict is None else one.after.conflict.words,
    }


def _tier(choice: TierChoice) -> dict[str, Any]:
    return {
        "endpoint": choice.endpoint.id,
        "litellm_model": choice.endpoint.litellm_model,
        "host": choice.host,
        "vendor": choice.vendor,
        "scope": choice.endpoint.residency.scope,
        "region": choice.region,
        "share": choice.share,
        "usd_per_request": _number(choice.usd_per_request),
        "usd_per_period": _number(choice.usd_per_period),
        "ttft_s": _number(choice.latency.ttft_s),
        "total_s": _number(choice.latency.high_s),
        "latency": choice.latency.kind,
        "window_tokens": choice.window,
        "why": choice.why,
    }


def _standing(one: Standing) -> dict[str, Any]:
    return {
        "endpoint": one.endpoint,
        "fell_at": one.fell_at,
        "why": one.why,
        "unknown": one.unknown,
        "tiers": list(one.tiers),
        "not_for": dict(one.not_for),
    }


def _alternative(other: Alternative) -> dict[str, Any]:
    return {"tiers": dict(other.tiers), "usd_per_period": _number(other.usd_per_period), "words": other.words}


def _change(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "words": change.words,
        "tiers": dict(change.tiers),
        "usd_per_period": _number(change.usd_per_period),
        "saves_usd": _number(change.saves_usd),
    }


def _lists(rules: Mapping[Any, tuple[Any, ...]]) -> dict[str, list[str]]:
    return {tier: list(targets) for tier, targets in rules.items()}


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)

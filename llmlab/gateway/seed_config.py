"""The seed's four-tier router: as it was written, what LiteLLM makes of it, and the plan that does what it meant.

All of it is data, in `seed_router.yaml`. The corrected plan is built like any other, from endpoints of the snapshot
`2026-11`, so its windows, prices and region are as true as theirs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ..catalog import load_catalog, schema, strict_yaml
from ..errors import LlmlabError
from .deploying import deploy
from .plan import PlannedTier, RouterPlan
from .planning import check, origin


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedFault:
    """One thing wrong in the original: the text (in brackets: what is not there), what LiteLLM does, how it is mended.

    `kind` is what would have come of it, in a few words; `line` counts from 1 in the original, `None` where something
    is missing or stands elsewhere.
    """

    text: str
    kind: str
    does: str
    mend: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedConfig:
    """`original` is the seed's YAML with its indentation restored; `plan` is it corrected."""

    original: str
    plan: RouterPlan
    faults: tuple[SeedFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tier:
    endpoint: str
    timeout_s: Decimal
    fallbacks: tuple[str, ...] = ()
    context_window_fallbacks: tuple[str, ...] = ()
    max_budget_usd: Decimal | None = None
    budget_duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    original: str
    catalog: str
    sla_s: Decimal
    redis: bool
    tiers: Mapping[str, _Tier]
    faults: tuple[SeedFault, ...]


@functools.cache
def seed_config() -> SeedConfig:
    """The seed's example, with the table of its faults in the order of its lines; missing lines come last."""
    document = strict_yaml.read(Path(__file__).with_name("seed_router.yaml"), LlmlabError)
    file = schema.decode(_File, document.data, document, (), LlmlabError)
    lines = [line.strip() for line in file.original.splitlines()]
    faults = [
        SeedFault(
            text=fault.text,
            kind=fault.kind,
            does=fault.does,
            mend=fault.mend,
            line=next((n for n, line in enumerate(lines, start=1) if line.startswith(fault.text)), None),
        )
        for fault in file.faults
    ]
    return SeedConfig(
        original=file.original,
        plan=_corrected(file),
        faults=tuple(sorted(faults, key=lambda fault: fault.line or len(lines) + 1)),
    )


def _corrected(file: _File) -> RouterPlan:
    catalog = load_catalog(file.catalog)
    tiers = [
        PlannedTier(
            name=name,
            deployments=(
                deploy(
                    catalog.endpoint(tier.endpoint),
                    tier=name,
                    as_of=catalog.as_of,
                    timeout_s=float(tier.timeout_s),
                    max_budget_usd=tier.max_budget_usd,
                    budget_duration=tier.budget_duration,
                ),
            ),
        )
        for name, tier in file.tiers.items()
    ]
    plan = RouterPlan(
        name="the seed's example, corrected",
        tiers=tuple(tiers),
        fallbacks={name: tier.fallbacks for name, tier in file.tiers.items() if tier.fallbacks},
        context_window_fallbacks={
            name: tier.context_window_fallbacks for name, tier in file.tiers.items() if tier.context_window_fallbacks
        },
        redis=file.redis,
        sla_s=float(file.sla_s),
        provenance=origin("seed", catalog.name, catalog.content_hash, catalog.as_of),
    )
    check(plan)
    return plan

"""The part of a screen that asks for constraints: five groups of questions, and the `Constraints` they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from ..catalog import Catalog
from ..routing.constraints import (
    HARD_KINDS,
    Cloud,
    Constraints,
    Ecosystem,
    HardKind,
    LatencySla,
    Percentile,
    Quality,
)
from . import controls as c
from .router_evals import Evals, parse_evals
from .router_views import residencies
from .workload_panel import WorkloadPanel


class ConstraintsPanel(WorkloadPanel):
    """A panel that asks for constraints: `constraints` reads the controls, `take_constraints` sets them.

    `own_scores` are the user's eval scores, which no control holds. `offer` is to be called before `__init__`.
    """

    groups = ("1 Data", "2 Latency", "3 Cost", "4 Quality", "5 Ecosystem")

    residency = c.choice(
        "", options=(("", "anywhere"),), label="Data stays in", group=groups[0],
        help="Where nobody says, the answer is no.",
    )  # fmt: skip
    offline = c.toggle(
        False, label="Nobody waits", help="Overnight work: no latency bound, batches are welcome.", group=groups[1]
    )
    ttft_ms = c.number(
        0.0, min=0.0, max=60_000.0, step=10.0, scale="log", label="First token", unit="ms", group=groups[1],
        help="At most; 0 is no bound.",
    )  # fmt: skip
    total_s = c.number(
        0.0, min=0.0, max=3_600.0, step=0.1, scale="log", label="Answer", unit="s", group=groups[1],
        help="The whole of it, at most; 0 is no bound.",
    )  # fmt: skip
    percentile = c.choice(
        "p50", options=(("p50", "p50: half of all calls"), ("p95", "p95: 19 calls of 20")), label="Held by",
        group=groups[1], help="Priors are medians: p95 needs measurements.",
    )  # fmt: skip
    worst_case_s = c.number(
        0.0, min=0.0, max=3_600.0, step=0.1, scale="log", label="Worst case", unit="s", group=groups[1],
        help="All attempts and fallbacks together; 0 is no bound.",
    )  # fmt: skip
    max_usd = c.number(
        0.0, min=0.0, max=100.0, step=0.0001, scale="log", label="Ceiling", unit="$ a request", group=groups[2],
        help="0 is no ceiling.",
    )  # fmt: skip
    hard_kinds = c.several(
        (), options=tuple((kind, kind.replace("_", " ")) for kind in HARD_KINDS), label="Hard requests are",
        help="Smart and backup must be good at all of these.", group=groups[3],
    )  # fmt: skip
    hard_share = c.share(0.05, label="Hard share", help="Of the requests, sent to smart.", group=groups[3])
    easy_share = c.share(0.0, label="Easy share", help="Sent to cheap; the rest is mid's.", group=groups[3])
    hard_input_tokens = c.number(
        0, min=0, max=2_000_000, scale="log", label="Hard input", unit="tokens", group=groups[3],
        help="0: as any other request.",
    )  # fmt: skip
    hard_output_tokens = c.number(
        0, min=0, max=128_000, scale="log", label="Hard output", unit="tokens", group=groups[3],
        help="0: as any other request.",
    )  # fmt: skip
    evals = c.file(
        label="Your eval scores", accept=".yaml,.yml", group=groups[3],
        help="YAML: scores by model, least by tier. They take the place of model classes.",
    )  # fmt: skip
    clouds = c.several(
        (), options=(("aws", "AWS"), ("azure", "Azure"), ("gcp", "Google Cloud")), label="Clouds", group=groups[4],
        help="None chosen is any.",
    )  # fmt: skip
    vendors = c.several((), options=(), label="Vendors", help="Beside the clouds; none chosen is any.", group=groups[4])
    one_audit_surface = c.toggle(False, label="One audit surface", help="All tiers behind one cloud.", group=groups[4])
    must_fine_tune = c.toggle(False, label="Must fine-tune", group=groups[4])
    open_weights_only = c.toggle(False, label="Open weights only", group=groups[4])
    openai_compatible_only = c.toggle(False, label="OpenAI-compatible only", group=groups[4])
    demand_measured = c.toggle(
        False, label="Demand is measured", help="Off: the load is hoped for, and you are warned.", group=groups[4]
    )

    own_scores = Evals()
    _vendor_ids: Mapping[str, str] = {}
    _said_region = ("", "")

    @property
    def region(self) -> str:
        """Where a scenario has the workload processed, beside where its data must stay: until another place is chosen.

        No control of its own: without it the bill is written for the place that data stays in.
        """
        residency, region = self._said_region
        return region if residency == self.residency else ""

    @region.setter
    def region(self, place: str) -> None:
        self._said_region = (self.residency, place)

    @property
    def constraints(self) -> Constraints:
        """What the five groups of questions were answered with. Raises `LlmlabError` where two answers contradict."""
        return Constraints(
            residency=self.residency or None,
            latency=LatencySla(
                ttft_s=round(self.ttft_ms / 1000, 9) or None,
                total_s=self.total_s or None,
                percentile=cast(Percentile, self.percentile),
            ),
            worst_case_s=self.worst_case_s or None,
            max_usd_per_request=Decimal(str(self.max_usd)) if self.max_usd else None,
            quality=Quality(
                hard_kinds=cast(tuple[HardKind, ...], self.hard_kinds),
                hard_share=self.hard_share,
                easy_share=self.easy_share,
                hard_input_tokens=self.hard_input_tokens or None,
                hard_output_tokens=self.hard_output_tokens or None,
                scores=self.own_scores.scores,
                least=self.own_scores.least,
            ),
            ecosystem=Ecosystem(
                clouds=cast(tuple[Cloud, ...], self.clouds),
                vendors=self.vendors,
                one_audit_surface=self.one_audit_surface,
                must_fine_tune=self.must_fine_tune,
                open_weights_only=self.open_weights_only,
                openai_compatible_only=self.openai_compatible_only,
            ),
            offline=self.offline,
            demand_measured=self.demand_measured,
        )

    def take_constraints(self, asked: Constraints) -> None:
        """Set every control from `asked`, whose place must be on offer."""
        latency, quality, ecosystem = asked.latency, asked.quality, asked.ecosystem
        with self.hold_changes():
            self.residency = asked.residency or ""
            self.ttft_ms = round(1000 * (latency.ttft_s or 0), 9)
            self.total_s, self.percentile = latency.total_s or 0.0, latency.percentile
            self.worst_case_s = asked.worst_case_s or 0.0
            self.max_usd = float(asked.max_usd_per_request or 0)
            self.hard_kinds = quality.hard_kinds
            self.hard_share, self.easy_share = quality.hard_share, quality.easy_share
            self.hard_input_tokens = quality.hard_input_tokens or 0
            self.hard_output_tokens = quality.hard_output_tokens or 0
            self.clouds = ecosystem.clouds
            self.vendors = tuple(self._vendor_ids.get(name.lower(), name) for name in ecosystem.vendors)
            self.one_audit_surface = ecosystem.one_audit_surface
            self.must_fine_tune = ecosystem.must_fine_tune
            self.open_weights_only = ecosystem.open_weights_only
            self.openai_compatible_only = ecosystem.openai_compatible_only
            self.offline, self.demand_measured = asked.offline, asked.demand_measured
            self.own_scores = Evals(scores=quality.scores, least=quality.least)

    def on_evals(self, name: str, text: str) -> None:
        """Eval scores were opened, or taken away."""
        self.own_scores = parse_evals(text, name) if name else Evals()

    def offer(self, catalog: Catalog, place: str) -> None:
        """Offer the places and vendors of `catalog`; `place` also where the catalog does not name it."""
        places = residencies(catalog)
        named = place in [value for value, _ in places]
        # a scenario may call a vendor by name
        self._vendor_ids = {provider.name.lower(): provider.id for provider in catalog.providers}
        self.set_options("residency", places if named else [*places, (place, place)])
        self.set_options("vendors", [(provider.id, provider.name) for provider in catalog.providers])

"""The router wizard: from constraints to a router.yaml that is proven to work."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from ..catalog import Catalog, load_catalog, parse_overrides
from ..catalog.records import SCOPES, MeasuredLatency
from ..cost import Workload
from ..errors import LlmlabError
from ..gateway.exporting import export
from ..gateway.litellm_yaml import to_yaml
from ..gateway.plan import RouterPlan
from ..gateway.planning import plan_router
from ..gateway.verify import Verification, verify
from ..routing.constraints import (
    HARD_KINDS,
    Cloud,
    Constraints,
    Ecosystem,
    HardKind,
    LatencySla,
    Percentile,
    Quality,
    TierName,
)
from ..routing.recommend import recommend
from ..routing.recommendation import Recommendation
from ..routing.walk import Walk, walk
from ..scenario import Scenario, pin
from . import controls as c
from . import router_views as views
from .panel import Action, Clipboard, Download, View
from .tree import Tree
from .views import Cards, Code, Table, Text
from .workload_panel import WorkloadPanel

Asked = tuple[Constraints, Workload, str, date, tuple[tuple[str, MeasuredLatency], ...]]
NOT_YET = "Working out the cheapest set that meets all of it."
BUSY = "a proof is under way"


class RouterWizard(WorkloadPanel):
    """Five groups of questions, and who survives them; then the tiers, what would change them, the YAML and its proof.

    `constraints`, `recommendation`, `plan` and `verification` are what the screen shows, as values. `latency` lays
    measurements over the catalog's priors, by endpoint id; a file of them can be opened on the screen too.
    """

    title = "Router wizard"
    groups = ("1 Data", "2 Latency", "3 Cost", "4 Quality", "5 Ecosystem")

    residency = c.choice(
        "", options=(("", "anywhere"), *((s, s) for s in SCOPES if s not in ("global", "unknown"))), label="Residency",
        help="Unknown is left out once a place is named.", group=groups[0],
    )  # fmt: skip
    offline = c.toggle(
        False, label="Nobody waits", help="Overnight work: no latency, batches are welcome.", group=groups[1]
    )
    ttft_ms = c.number(
        0, min=0, max=60_000, scale="log", label="First token within", unit="ms", help="0: no bound.", group=groups[1]
    )
    total_s = c.number(
        0.0, min=0.0, max=600.0, step=0.5, label="Whole answer within", unit="s", help="0: no bound.", group=groups[1]
    )
    percentile = c.choice(
        "p50", options=("p50", "p95"), label="Of calls", group=groups[1],
        help="A published prior is a median: p95 wants measurements.",
    )  # fmt: skip
    worst_case_s = c.number(
        0.0, min=0.0, max=600.0, step=1.0, label="Worst case", unit="s", group=groups[1],
        help="All attempts and fallbacks together. 0: no bound.",
    )  # fmt: skip
    latencies = c.file(
        label="Your measurements", accept=".yaml,.yml", help="Latencies saved in the playground, instead of priors.",
        group=groups[1],
    )  # fmt: skip
    max_usd = c.number(
        0.0, min=0.0, max=10.0, step=0.001, label="Ceiling per request", unit="US dollars", help="0: no ceiling.",
        group=groups[2],
    )  # fmt: skip
    hard_kinds = c.several(
        (), options=tuple((kind, kind.replace("_", " ")) for kind in HARD_KINDS), label="The hard requests are",
        help="None ticked: nothing in particular.", group=groups[3],
    )  # fmt: skip
    hard_share = c.share(0.05, label="Share of hard requests", help="What goes to the smart tier.", group=groups[3])
    clouds = c.several(
        (), options=(("aws", "AWS"), ("azure", "Azure"), ("gcp", "Google Cloud")), label="Clouds", group=groups[4],
        help="None ticked is any.",
    )  # fmt: skip
    vendors = c.several((), options=(), label="Model makers", help="None ticked is any.", group=groups[4])
    one_audit_surface = c.toggle(False, label="One audit surface", help="All tiers behind one cloud.", group=groups[4])
    must_fine_tune = c.toggle(False, label="Must fine-tune", group=groups[4])
    open_weights_only = c.toggle(False, label="Open weights only", group=groups[4])
    openai_compatible_only = c.toggle(False, label="OpenAI-compatible only", group=groups[4])
    demand_measured = c.toggle(
        False, label="Demand is measured", help="Off: the load is hoped for, which is a warning.", group=groups[4]
    )
    name = c.text("router", label="Name", help="Of the router and its files.", group="Saving")
    scenario_file = c.file(
        label="Open scenario", accept=".yaml,.yml", help="A saved scenario sets every control.", group="Saving"
    )

    views = (
        View("tree", kind="tree", title="The decision, question by question"),
        View("tiers", kind="cards", title="The tier set", selectable=False),
        View("reasons", kind="text", title="Why these, and what to know", selectable=False),
        View("changes", kind="table", title="What would change it", selectable=False),
        View("standings", kind="table", title="Every endpoint: where it fell, and why", open=False, limit=20),
        View("yaml", kind="code", title="router.yaml", open=False),
        View("proof", kind="table", title="Proof", selectable=False),
    )
    actions = (
        Action(
            "prove", "Prove it", primary=True, help="Lint, LiteLLM's loader, egress, and the real proxy under faults."
        ),
        Action("cancel", "Cancel", help="Ends the proof and its processes."),
        Action("save_scenario", "Save scenario", help="Constraints, workload and catalog pin as YAML."),
        Action("copy_yaml", "Copy", view="yaml"),
        Action("save_yaml", "Download", view="yaml"),
        Action("save_proof", "Save report", view="proof", help="The proof as a page that opens anywhere."),
    )

    def __init__(
        self,
        *,
        catalog: Catalog | None = None,
        scenario: Scenario | None = None,
        as_of: date | None = None,
        latency: Mapping[str, MeasuredLatency] | None = None,
        **values: Any,
    ) -> None:
        self._catalog = catalog if catalog is not None else scenario.current_catalog() if scenario else load_catalog()
        self._as_of = as_of
        self._latency = dict(latency or {})
        self._opened: dict[str, MeasuredLatency] = {}
        self._scores: Mapping[str, float] = {}
        self._least: Mapping[TierName, float] = {}
        self._wanted: Asked | None = None
        self._found_for: Asked | None = None
        self._found: Recommendation | None = None
        self._unanswered: Exception | None = None
        self._problem: Exception | None = None
        self._working = threading.Lock()
        self._verification: Verification | None = None
        self._proving = threading.Event()
        self._stop = threading.Event()
        makers = sorted({model.maker for model in self._catalog.models})
        self.set_options("vendors", makers)
        super().__init__(**values)
        if scenario is not None:
            self.open_scenario(scenario)

    # What the screen says, as values

    @property
    def region(self) -> str:
        """The workload is processed where the data may go."""
        return self.residency

    @region.setter
    def region(self, place: str) -> None:
        self.residency = place

    @property
    def as_of(self) -> date:
        """The day whose prices are in force: today, unless the constructor was told."""
        return self._as_of or date.today()

    @property
    def constraints(self) -> Constraints:
        """What the five groups of questions were answered with. Raises `LlmlabError` where two answers contradict."""
        return Constraints(
            residency=self.residency or None,
            latency=LatencySla(
                ttft_s=self.ttft_ms / 1000 or None,
                total_s=self.total_s or None,
                percentile=cast(Percentile, self.percentile),
            ),
            worst_case_s=self.worst_case_s or None,
            max_usd_per_request=Decimal(str(self.max_usd)) if self.max_usd else None,
            quality=Quality(
                hard_kinds=cast(tuple[HardKind, ...], self.hard_kinds),
                hard_share=self.hard_share,
                scores=self._scores,
                least=self._least,
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

    @property
    def latency(self) -> Mapping[str, MeasuredLatency]:
        """The measurements that are laid over priors, by endpoint id."""
        return {**self._latency, **self._opened}

    @property
    def walk(self) -> Walk:
        """Where every endpoint stands, now."""
        return walk(self.constraints, self.workload, self._catalog, self.as_of, latency=self.latency)

    @property
    def recommendation(self) -> Recommendation:
        """The answer to what is asked now: worked out here and at once."""
        return recommend(self.constraints, self.workload, self._catalog, as_of=self.as_of, latency=self.latency)

    @property
    def plan(self) -> RouterPlan:
        """The router of the recommendation. Raises `LlmlabError` where nothing is recommended."""
        return plan_router(self.recommendation, name=self.name or "router")

    @property
    def verification(self) -> Verification | None:
        """The last proof; `None` until there is one."""
        return self._verification

    @property
    def scenario(self) -> Scenario:
        """What is decided here, as a value to save."""
        return Scenario(
            name=self.name or "router",
            workload=self.workload,
            constraints=self.constraints,
            catalog=pin(self._catalog.name, self._catalog),
        )

    def open_scenario(self, scenario: Scenario) -> None:
        """Set every control from a saved scenario."""
        asked = scenario.constraints or Constraints()
        with self.hold_changes():
            self.take_workload(scenario.workload)
            self.name, self.residency = scenario.name, asked.residency or scenario.workload.region or ""
            self.ttft_ms = round(1000 * (asked.latency.ttft_s or 0))
            self.total_s, self.percentile = asked.latency.total_s or 0.0, asked.latency.percentile
            self.worst_case_s = asked.worst_case_s or 0.0
            self.max_usd = float(asked.max_usd_per_request or 0)
            self.hard_kinds, self.hard_share = asked.quality.hard_kinds, asked.quality.hard_share
            self._scores, self._least = asked.quality.scores, asked.quality.least
            self.clouds, self.vendors = asked.ecosystem.clouds, asked.ecosystem.vendors
            self.one_audit_surface = asked.ecosystem.one_audit_surface
            self.must_fine_tune = asked.ecosystem.must_fine_tune
            self.open_weights_only = asked.ecosystem.open_weights_only
            self.openai_compatible_only = asked.ecosystem.openai_compatible_only
            self.offline, self.demand_measured = asked.offline, asked.demand_measured

    def export(self, folder: str | Path) -> Path:
        """Write the router to `folder`: the YAML, what it needs, `app.py`, the report and its proof."""
        proof = self._verification.to_text() if self._verification is not None else None
        return export(self.plan, folder, recommendation=self.recommendation, proof=proof)

    # Drawing

    def status(self) -> str:
        found = self._recommended()
        if found is None:
            return NOT_YET
        left = len(found.walk.survivors)
        return f"{left:,} of {len(self._catalog):,} endpoints are left. {views.headline(found)}"

    def unavailable(self) -> Mapping[str, str]:
        if self._proving.is_set():
            return {"prove": BUSY}
        found = None if self._unanswered else self._recommended()
        without = {} if self._verification else {"save_proof": "nothing is proven yet"}
        if found is None or not found.tiers:
            without |= dict.fromkeys(("prove", "copy_yaml", "save_yaml"), "there is no tier set")
        return {"cancel": "no proof is under way", **without}

    def draw_tree(self) -> Tree:
        return views.tree(self.walk, len(self._catalog))

    def draw_tiers(self) -> Cards:
        found = self._recommended()
        return Cards((), empty=NOT_YET) if found is None else views.tiers(found)

    def draw_reasons(self) -> Text:
        found = self._recommended()
        return Text((), empty=NOT_YET) if found is None else views.reasons(found)

    def draw_changes(self) -> Table:
        found = self._recommended()
        return Table((), (), empty=NOT_YET) if found is None else views.changes(found)

    def draw_standings(self) -> Table:
        return views.standings(self.walk, self.selected_of("tree"), self.limit_of("standings"))

    def draw_yaml(self) -> Code:
        found = self._recommended()
        if found is None or not found.tiers:
            return Code("", "yaml", NOT_YET if found is None else "Nothing is recommended: there is nothing to write.")
        plan = plan_router(found, name=self.name or "router")
        return Code(to_yaml(plan), "yaml", f"A caller waits at most {plan.worst_case_s:g} s.")

    def draw_proof(self) -> Table:
        if self._problem is not None:
            raise self._problem
        return views.proof(self._verification)

    def on_select(self, view: str, row: str) -> None:
        """A question of the tree was chosen: the list of endpoints shows who fell there."""

    # Actions

    def on_scenario_file(self, name: str, text: str) -> None:
        """A scenario was opened in the browser."""
        if text:
            self.open_scenario(Scenario.parse(text, name))

    def on_latencies(self, name: str, text: str) -> None:
        """Latencies that the playground saved were opened, or taken away."""
        overlay = parse_overrides(text, name) if text else None
        self._opened = {one.endpoint: one.measured for one in overlay.latencies} if overlay else {}

    def on_save_scenario(self) -> Download:
        return Download(f"{self.name or 'router'}.scenario.yaml", self.scenario.to_yaml())

    def on_copy_yaml(self) -> Clipboard:
        return Clipboard(to_yaml(self.plan))

    def on_save_yaml(self) -> Download:
        return Download(f"{self.name or 'router'}.yaml", to_yaml(self.plan))

    def on_save_proof(self) -> Download:
        """The proof as an HTML page."""
        if self._verification is None:
            raise LlmlabError("nothing is proven yet: press Prove it first")
        return Download(f"{self.name or 'router'}-proof.html", self._verification.to_html())

    def on_prove(self) -> str:
        """Run the whole ladder on the router of the recommendation, in the background."""
        plan = self.plan
        self._problem, self._verification = None, None
        self._stop.clear()
        self._proving.set()
        threading.Thread(target=self._prove, args=(plan,), name="llmlab-proof", daemon=True).start()
        return "Proving."

    def on_cancel(self) -> str:
        """End the proof."""
        self._stop.set()
        return "Cancelling."

    def close(self) -> None:
        """As in every panel; a proof under way ends."""
        self._stop.set()
        super().close()

    # In the background

    def _prove(self, plan: RouterPlan) -> None:
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "router.yaml"
                path.write_text(to_yaml(plan), "utf-8")
                self._verification = verify(
                    path,
                    residency=plan.residency,
                    sla_s=plan.sla_s,
                    progress=self._is_at,
                    cancel=self._stop,
                )
        except Exception as e:  # noqa: BLE001  shown in the panel, as every error is
            self._problem = e
        self._proving.clear()
        self.progress = None
        self.redraw_soon()

    def _is_at(self, words: str, share: float) -> None:
        self.progress = (share, words)

    def _recommended(self) -> Recommendation | None:
        """The recommendation for what the screen asks, or `None` while it is worked out: then it is drawn when it is
        there. The survivors need not wait for it."""
        wanted = (self.constraints, self.workload, self._catalog.content_hash, self.as_of, tuple(self.latency.items()))
        if self._found_for == wanted:
            if self._unanswered is not None:
                raise self._unanswered
            return self._found
        self._wanted = wanted
        if self._working.acquire(blocking=False):
            threading.Thread(target=self._work, name="llmlab-recommend", daemon=True).start()
        return None

    def _work(self) -> None:
        """Answer the latest question, until there is no later one."""
        while True:
            while (wanted := self._wanted) is not None and self._found_for != wanted:
                constraints, workload, _, as_of, latency = wanted
                try:
                    self._found = recommend(constraints, workload, self._catalog, as_of=as_of, latency=dict(latency))
                    self._unanswered = None
                except Exception as e:  # noqa: BLE001  shown in the panel, as every error is
                    self._found, self._unanswered = None, e
                self._found_for = wanted
            self._working.release()
            if self._found_for == self._wanted or not self._working.acquire(blocking=False):
                break  # asked again in between: by now somebody else is at it
        self.redraw_soon(("tiers", "reasons", "changes", "yaml"))

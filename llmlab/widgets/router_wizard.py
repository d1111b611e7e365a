"""The router wizard: from constraints to a router.yaml that is proven to work."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from ..catalog import Catalog, Endpoint, load_catalog, parse_overrides
from ..catalog.overrides import EndpointLatency, Overrides, apply
from ..catalog.records import MeasuredLatency
from ..errors import LlmlabError
from ..gateway.exporting import export
from ..gateway.litellm_yaml import to_yaml
from ..gateway.plan import RouterPlan
from ..gateway.planning import plan_router
from ..gateway.verify import Verification
from ..measurement.profiles import profiles_yaml
from ..routing.constraints import (
    Constraints,
    TierName,
)
from ..routing.recommendation import Recommendation
from ..routing.redecide import decide
from ..routing.walk import Walk, walk
from ..scenario import OverridesFile, Scenario, pin
from . import controls as c
from . import router_proof_views as proof_views
from . import router_views as views
from .constraints_panel import ConstraintsPanel
from .panel import Action, Download, View
from .router_evals import Evals
from .router_session import BUSY, Answer, Answers, Asked, Proof
from .tree import Tree
from .views import Cards, Code, Table, Text

MEASURED = "measured-latencies.yaml"
NO_SET = "no set of endpoints meets all of it"
FROM_THE_ANSWER = ("tiers", "details", "reasons", "changes", "why", "yaml", "proof")


class RouterWizard(ConstraintsPanel):
    """Five groups of questions, and who survives them; then the tiers, what would change them, the YAML and its proof.

    `constraints`, `recommendation`, `plan`, `verification` and `scenario` are what the screen shows, as values.
    `latency` lays measurements over the catalog's priors, by endpoint id; `scores` are evals of the user's own, by
    model or endpoint id, and `least` what a tier must reach in them. Each can be opened as a file on the screen too.
    """

    title = "Router wizard"
    overrides = c.file(
        label="Your measurements", accept=".yaml,.yml", group="2 Latency",
        help="Latencies saved in the playground, in place of priors; prices of your own.",
    )  # fmt: skip
    name = c.text("router", label="Name", help="Of the router and its files.", group="Saving")
    scenario_file = c.file(
        label="Open scenario", accept=".yaml,.yml", help="A saved scenario sets every control.", group="Saving"
    )

    views = (
        View("tiers", kind="cards", title="The set", selectable=False),
        View("tree", kind="tree", title="The decision, question by question", half=True),
        View("standings", kind="table", title="Every endpoint, and why", half=True, limit=20),
        View("why", kind="text", title="The chosen endpoint", selectable=False),
        View("details", kind="table", title="Cost, latency and residency of each tier", selectable=False),
        View("reasons", kind="text", title="What to know before signing", half=True, selectable=False),
        View("changes", kind="table", title="What would change it", half=True, selectable=False),
        View("yaml", kind="code", title="router.yaml", open=False),
        View("proof", kind="text", title="Proof", selectable=False),
        View("checks", kind="table", title="Every check of the proof", open=False, selectable=False),
    )
    actions = (
        Action(
            "prove", "Prove it", primary=True,
            help="Lint, LiteLLM's own loader, egress, then the real proxy in front of providers that fail.",
        ),
        Action("cancel", "Cancel", help="Ends the proof and its processes."),
        Action("save_scenario", "Save scenario", help="Constraints, workload, decision and catalog pin as YAML."),
        Action("save_yaml", "Download", view="yaml", help="As a file."),
        Action("save_proof", "Save report", view="proof", help="The proof as a page that opens anywhere."),
    )  # fmt: skip

    def __init__(
        self,
        *,
        catalog: Catalog | None = None,
        scenario: Scenario | None = None,
        as_of: date | None = None,
        latency: Mapping[str, MeasuredLatency] | None = None,
        scores: Mapping[str, float] | None = None,
        least: Mapping[TierName, float] | None = None,
        **values: Any,
    ) -> None:
        self._as_of = as_of
        self._answers = Answers(self._once_drawn, lambda: self.redraw_soon(FROM_THE_ANSWER))
        self._proof = Proof(self._proof_moved)
        self.own_scores = Evals(scores=dict(scores or {}), least=dict(least or {}))
        self._question = self._endpoint = self._remark = ""
        self._walked: tuple[Asked, Walk] | None = None
        self._base = catalog if catalog is not None else load_catalog()
        self._given = _measured(latency or {})
        self._opened: tuple[OverridesFile, ...] = ()
        self._lay(self._base, self._given, ())
        super().__init__(**values)
        if scenario is not None:
            self.open_scenario(scenario)

    # What the screen says, as values

    @property
    def as_of(self) -> date:
        """The day whose prices are in force: today, unless the constructor was told."""
        return self._as_of or date.today()

    @property
    def catalog(self) -> Catalog:
        """What is chosen from: the catalog with measurements and prices of the user's own laid over it."""
        return self._catalog

    @property
    def latency(self) -> Mapping[str, MeasuredLatency]:
        """The measurements that go before priors, by endpoint id."""
        return {endpoint.id: endpoint.measured for endpoint in self._catalog if endpoint.measured is not None}

    @property
    def walk(self) -> Walk:
        """Where every endpoint stands, now."""
        asked = self._asked()
        if self._walked is None or self._walked[0] != asked:
            self._walked = asked, walk(asked.constraints, asked.workload, asked.catalog, asked.as_of)
        return self._walked[1]

    @property
    def recommendation(self) -> Recommendation:
        """The answer to what is asked now; worked out at once where it is not there yet."""
        asked, latest = self._asked(), self._answers.latest
        known = latest.found if latest is not None and latest.asked == asked else None
        return asked.answer() if known is None else known

    @property
    def plan(self) -> RouterPlan:
        """The router of the recommendation. Raises `LlmlabError` where nothing is recommended."""
        return plan_router(self.recommendation, name=self._file_name)

    @property
    def verification(self) -> Verification | None:
        """The last proof; `None` until there is one."""
        return self._proof.verification

    @property
    def scenario(self) -> Scenario:
        """What is asked and decided here, as a value to save."""
        found = self.recommendation
        return dataclasses.replace(self._undecided(), decided=decide(found) if found.tiers else None)

    def _undecided(self) -> Scenario:
        return Scenario(
            name=self._file_name,
            workload=self.workload,
            constraints=self.constraints,
            catalog=pin(self._base.name, self._catalog),
            overrides=(*self._given, *self._opened),
        )

    @property
    def _file_name(self) -> str:
        return self.name.strip() or "router"

    def save(self, path: str | Path) -> Path:
        """Save the scenario as YAML, whole or not at all."""
        return self.scenario.save(path)

    def open_scenario(self, scenario: Scenario) -> None:
        """Set every control from a saved scenario; the screen warns where its catalog says something else now."""
        asked = scenario.constraints or Constraints()
        base = self._base if self._base.name == scenario.catalog.name else load_catalog(scenario.catalog.name)
        with self._laid(base, scenario.overrides, ()):
            self.offer(self._catalog, asked.residency or "")
            self.name, self.overrides, self.evals = scenario.name, "", ""
            self.take_constraints(asked)
            self.take_workload(scenario.workload)
            self._remark = views.moved(scenario, self._catalog)

    def export(self, folder: str | Path) -> Path:
        """Write the router to `folder`: the YAML, what it needs, `app.py`, and the report with its proof, if any."""
        plan, found = self.plan, self.verification
        proof = f"```\n{found.to_text()}\n```" if found is not None and not self._outdated(plan) else None
        return export(plan, folder, recommendation=self.recommendation, proof=proof)

    def to_code(self) -> str:
        """The call that makes this screen again: its controls, or the scenario where something is laid over them."""
        if self._given or self._opened or self.own_scores.scores or self.region:
            return f"RouterWizard(scenario={self._undecided()!r})"
        return super().to_code()

    # Drawing

    def status(self) -> str:
        left = f"{len(self.walk.survivors):,} of {len(self._catalog):,} endpoints are left."
        answer = self._answered()
        if answer is None or answer.found is None:
            return f"{left} {'Working out the cheapest set.' if answer is None else ''}".strip()
        return f"{left} {views.headline(answer.found)}"

    def unavailable(self) -> Mapping[str, str]:
        refused = {} if self.verification else {"save_proof": "nothing is proven yet"}
        if not self._proof.under_way:
            refused["cancel"] = "no proof is under way"
        try:
            why = self._no_router()
        except LlmlabError as e:
            why = str(e)
            refused["save_scenario"] = why
        if why:
            refused |= dict.fromkeys(("prove", "save_yaml"), why)
        if self._proof.under_way:
            refused["prove"] = BUSY
        return refused

    def _no_router(self) -> str:
        """Why there is none to write; empty where there is, or where that is not known yet."""
        answer = self._answered()
        if answer is None:
            return ""
        if answer.found is None:
            return str(answer.problem)
        if answer.found.tiers:
            plan_router(answer.found, name=self._file_name)
        return "" if answer.found.tiers else NO_SET

    def draw_tiers(self) -> Cards:
        found, stale = self._found()
        return Cards((), empty=views.WORKING) if found is None else views.tiers(found, stale=stale)

    def draw_tree(self) -> Tree:
        return views.tree(self.walk, len(self._catalog), self._question)

    def draw_standings(self) -> Table:
        return views.standings(self.walk, self._question, self._endpoint, self.limit_of("standings"))

    def draw_why(self) -> Text:
        answer = self._answered()
        found = answer.found if answer is not None else None
        return views.why(self.walk, found, self._chosen(), self.workload, self._catalog, self.as_of)

    def draw_details(self) -> Table:
        found, stale = self._found()
        return Table((), (), empty=views.WORKING) if found is None else views.details(found, stale=stale)

    def draw_reasons(self) -> Text:
        found, stale = self._found()
        return Text((), empty=views.WORKING) if found is None else views.reasons(found, self._remark, stale=stale)

    def draw_changes(self) -> Table:
        found, stale = self._found()
        return Table((), (), empty=views.WORKING) if found is None else views.changes(found, stale=stale)

    def draw_yaml(self) -> Code:
        found, stale = self._found()
        if found is None or stale:  # what is here may be copied
            return Code("# " + views.WORKING, "yaml")
        if not found.tiers:
            return Code(f"# No router: {NO_SET}.", "yaml")
        plan = plan_router(found, name=self._file_name)
        return Code(to_yaml(plan), "yaml", f"A caller waits at most {plan.worst_case_s:g} s.")

    def draw_proof(self) -> Text:
        found, stale = self._found()
        known = found is not None and found.tiers and not stale
        changed = bool(found and known and self._outdated(plan_router(found, name=self._file_name)))
        return proof_views.proof(self._proof, stale=changed)

    def draw_checks(self) -> Table:
        return proof_views.checks(self.verification, self.limit_of("checks"))

    def on_select(self, view: str, row: str) -> None:
        """A question was chosen: who fell there is listed, or all again. An endpoint: what is known of it is shown."""
        if view == "tree":
            self._question = "" if row == self._question else row
        else:
            self._endpoint = row

    # Actions

    def on_scenario_file(self, name: str, text: str) -> None:
        """A scenario was opened in the browser."""
        if name:
            self.open_scenario(Scenario.parse(text, name))

    def on_overrides(self, name: str, text: str) -> None:
        """Latencies that the playground saved, or prices of the user's own, were opened or taken away."""
        with self._laid(self._base, self._given, (OverridesFile(file=name, text=text),) if name else ()):
            pass

    def on_save_scenario(self) -> Download:
        return Download(f"{self._file_name}.scenario.yaml", self.scenario.to_yaml())

    def on_save_yaml(self) -> Download:
        return Download(f"{self._file_name}.yaml", to_yaml(self.plan))

    def on_save_proof(self) -> Download:
        """The proof as an HTML page."""
        found = self.verification
        if found is None:
            raise LlmlabError("nothing is proven yet: press Prove it first")
        return Download(f"{found.path.removesuffix('.yaml')}-proof.html", found.to_html())

    def on_prove(self) -> str:
        """Run the whole ladder on the router of the recommendation, in the background."""
        self._proof.start(self.plan)
        self._proof_moved()
        return "Proving."

    def on_cancel(self) -> str:
        """End the proof."""
        self._proof.cancel()
        return "Cancelling."

    def close(self) -> None:
        """As in every panel; a proof under way ends."""
        self._proof.cancel()
        super().close()

    def _proof_moved(self) -> None:
        self.progress = self._proof.progress
        self.redraw_soon(("proof", "checks"))

    def _outdated(self, plan: RouterPlan) -> bool:
        """Whether what was proven is another router than this."""
        return self._proof.plan is not None and self._proof.plan.content_hash != plan.content_hash

    # What is asked, and what is laid over the catalog

    def _asked(self) -> Asked:
        return Asked(self.constraints, self.workload, self.as_of, self._catalog, self._catalog.content_hash)

    def _answered(self) -> Answer | None:
        """The answer to what is asked now, `None` while it is worked out: what needs it is drawn when it is there."""
        return self._answers.to(self._asked())

    def _once_drawn(self) -> None:
        """Wait until what is drawn now is sent: the survivors come first."""
        with self.hold_changes():
            pass

    def _found(self) -> tuple[Recommendation | None, bool]:
        """The recommendation to draw, and whether it is an earlier question's. Raises what the question raised."""
        answer = self._answered()
        if answer is not None and answer.problem is not None:
            raise answer.problem
        if answer is not None:
            return answer.found, False
        latest = self._answers.latest
        return (latest.found if latest is not None else None), True

    def _chosen(self) -> Endpoint | None:
        return next((endpoint for endpoint in self._catalog if endpoint.id == self._endpoint), None)

    @contextmanager
    def _laid(
        self, base: Catalog, given: tuple[OverridesFile, ...], opened: tuple[OverridesFile, ...]
    ) -> Iterator[None]:
        """Another catalog, with the changes of the block: all of it in one redraw, or none of it."""
        was, scores = (self._base, self._given, self._opened), self.own_scores
        with self.hold_changes():
            try:
                self._lay(base, given, opened)
                yield
            except Exception:
                self.own_scores = scores
                self._lay(*was)
                raise

    def _lay(self, base: Catalog, given: tuple[OverridesFile, ...], opened: tuple[OverridesFile, ...]) -> None:
        catalog = base
        for file in (*given, *opened):
            catalog = apply(catalog, parse_overrides(file.text, file.file))
        self._base, self._given, self._opened, self._catalog = base, given, opened, catalog
        self.offer(catalog, self.residency)


def _measured(latency: Mapping[str, MeasuredLatency]) -> tuple[OverridesFile, ...]:
    """Measurements as the file that a scenario keeps them in."""
    if not latency:
        return ()
    found = tuple(EndpointLatency(endpoint=id, measured=measured) for id, measured in latency.items())
    return (OverridesFile(file=MEASURED, text=profiles_yaml(Overrides(name="measured", latencies=found))),)

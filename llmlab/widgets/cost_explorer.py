"""The Cost Explorer: move a workload over a price catalog and see what it costs on every endpoint, and why."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from ..catalog import Catalog, Endpoint, load_catalog, parse_overrides
from ..catalog.filters import Filter, Kept
from ..catalog.snapshots import BULK, shipped_snapshots
from ..cost import Estimates, Grid, estimate
from ..cost.estimates import Estimate, cheapest_of, rows_at
from ..cost.grid import Prices
from ..cost.sensitivity import VARIABLES
from ..errors import LlmlabError
from ..report import usd
from ..scenario import Choices, OverridesFile, Pin, Scenario, pin
from . import controls as c
from . import cost_figures, cost_views
from .panel import Action, Clipboard, Download, View
from .views import Bars, Code, Figure, Table, Text
from .workload_panel import ANYWHERE, WorkloadPanel

if TYPE_CHECKING:
    import pandas as pd

_MOST_OPTIONS = 200


@dataclass(frozen=True)
class Shown:
    """What the filters leave of a priced catalog: places in it, cheapest first, and how many fell to what rule."""

    places: tuple[int, ...]
    prices: Prices
    left_out: Mapping[str, int]

    @property
    def cheapest_usd(self) -> float | None:
        """What ratios on screen are taken against, `None` where nothing is priced."""
        return cheapest_of(self.prices.total[list(self.places)])


class CostExplorer(WorkloadPanel):
    """What a workload costs on every endpoint of a catalog: bars, a table, and the bill behind each number.

    Every control is an ordinary trait: `explorer.requests = 5`, `explorer.observe(...)`. `explorer.workload`,
    `explorer.scenario`, `explorer.to_frame()` and `explorer.to_code()` hand over what is on the screen.
    `as_of` (today unless said) is the day whose prices are in force.
    """

    title = "Cost Explorer"

    catalog_name = c.choice(
        "", options=(), label="Price catalog", help="A dated snapshot, or every row of a package.",
        group="Prices",
    )  # fmt: skip
    overrides = c.file(
        label="Your prices", accept=".yaml,.yml", help="A YAML of discounts and private endpoints.", group="Prices"
    )
    scenario_file = c.file(
        label="Open scenario", accept=".yaml,.yml", help="A saved scenario sets every control.", group="Prices"
    )
    older = c.choice(
        "", options=(("", "the oldest"),), label="Compare with catalog", help="For the view of what changed.",
        group="Compare",
    )  # fmt: skip
    compare_with = c.choice(
        "", options=(("", "the cheapest other model"),), label="Break-even against",
        help="The selected row against this one.", group="Compare",
    )  # fmt: skip
    break_even_over = c.choice(
        "cache_hit_rate", options=tuple((v, v.replace("_", " ")) for v in VARIABLES), label="Break-even over",
        help="The input that moves.", group="Compare",
    )  # fmt: skip

    search = c.text("", label="Find", help="Words in the name of an endpoint or model.", group="Filter")
    models = c.several((), options=(), label="Models", help="None ticked is all.", group="Filter")
    providers = c.several((), options=(), label="Providers", help="None ticked is all.", group="Filter")
    strengths = c.several((), options=(), label="Strengths", help="Any of those ticked.", group="Filter")
    min_window_tokens = c.number(
        0, min=0, max=2_000_000, scale="log", label="Window at least", unit="tokens",
        help="Unknown windows are left out once set.", group="Filter",
    )  # fmt: skip
    hide_retired = c.toggle(True, label="Hide retired", help="Retired on the day the prices are for.", group="Filter")

    selected = traitlets.Unicode("")
    """The endpoint whose bill is shown; the cheapest while it is empty or filtered away."""

    views = (
        View("bars", kind="bars", title="Cost per endpoint", limit=12),
        View("table", kind="table", title="All endpoints", sort=("total", False), limit=20),
        View("ledger", kind="table", title="Why? The bill of the selected row", open=False, selectable=False),
        View("pareto", kind="figure", title="Cost against latency", open=False),
        View("tornado", kind="figure", title="Which input moves the bill most", open=False, selectable=False),
        View("break_even", kind="figure", title="Break-even", open=False, selectable=False),
        View("changes", kind="table", title="What changed between two catalogs", open=False, selectable=False),
        View("about", kind="text", title="What these numbers rest on", open=False, selectable=False),
        View("code", kind="code", title="As code", open=False),
    )
    actions = (
        Action("copy_tsv", "Copy as TSV", view="table", help="All rows that the filters leave, unrounded."),
        Action("copy_markdown", "Copy as Markdown", view="table", help="The rows shown, for a review."),
        Action("save_scenario", "Save scenario", help="Workload, choices and catalog pin as YAML."),
    )

    def __init__(
        self, *, selected: str = "", scenario: Scenario | None = None, as_of: date | None = None, **values: Any
    ) -> None:
        self._as_of = as_of
        self._name = ""
        self._laid: tuple[OverridesFile, ...] = scenario.overrides if scenario else ()
        self._warning = ""
        self._shown_for: object = None
        self._kept_for: object = None
        named = scenario.catalog.name if scenario else values.get("catalog_name", "")
        self._offer_catalogs(named)
        self._offer(self._load(named or self.catalog_name))
        super().__init__(**values)
        if scenario is not None:
            self.open_scenario(scenario)
        if selected:
            self.selected = selected
        self.observe(self._catalog_changed, names="catalog_name")
        self.observe(lambda change: self.redraw(), names="selected")

    # What the screen says, as values

    @property
    def as_of(self) -> date:
        """The day whose prices are in force: today, unless the constructor was told."""
        return self._as_of or date.today()

    @property
    def catalog(self) -> Catalog:
        """The catalog on screen, with the user's overrides laid over it, before the filters."""
        return self._load(self.catalog_name)

    @property
    def scenario(self) -> Scenario:
        """What is on screen as a value to save, diff and open again."""
        return Scenario(
            name=self._name,
            workload=self.workload,
            catalog=pin(self.catalog_name, self.catalog),
            overrides=self._laid,
            choices=Choices(
                search=self.search,
                models=self.models,
                providers=self.providers,
                strengths=self.strengths,
                min_window_tokens=self.min_window_tokens,
                hide_retired=self.hide_retired,
                selected=self.selected,
                compare_with=self.compare_with,
            ),
        )

    def estimates(self) -> Estimates:
        """The rows that the filters leave, cheapest first, unpriced last."""
        kept = {self.catalog.endpoints[i].id for i in self._shown().places}
        return estimate(self.workload, self.catalog.where(lambda e: e.id in kept), as_of=self.as_of)

    def to_frame(self) -> pd.DataFrame:
        """The same rows as a pandas DataFrame, a column per field of `llmlab.cost.Estimate`."""
        return self.estimates().to_frame()

    def save(self, path: str | Path) -> Path:
        """Save the scenario as YAML, whole or not at all."""
        return self.scenario.save(path)

    @classmethod
    def from_scenario(cls, scenario: Scenario | str | Path, *, as_of: date | None = None) -> CostExplorer:
        """The screen of a saved scenario (or of its path). If its catalog says something else now, the screen warns."""
        return cls(scenario=scenario if isinstance(scenario, Scenario) else Scenario.read(scenario), as_of=as_of)

    def open_scenario(self, scenario: Scenario) -> None:
        """Set every control from a scenario."""
        choices = scenario.choices
        catalog = scenario.current_catalog()
        with self._laying(scenario.overrides), self.hold_changes():
            self._offer_catalogs(scenario.catalog.name)
            self.catalog_name = scenario.catalog.name
            self._offer(catalog)
            self.take_workload(scenario.workload)
            self.search, self.models, self.providers = choices.search, choices.models, choices.providers
            self.strengths, self.hide_retired = choices.strengths, choices.hide_retired
            self.min_window_tokens = choices.min_window_tokens
            self.selected, self.compare_with = choices.selected, choices.compare_with
        self._name = scenario.name
        self._warning = _moved(scenario, catalog)

    def to_code(self) -> str:
        """The call that makes this screen again: its controls, or the scenario where prices of your own are laid
        over."""
        if self._laid:
            return f"CostExplorer(scenario={self.scenario!r})"
        code = super().to_code()
        if not self.selected:
            return code
        empty = code.endswith("()")
        return f"{code[:-1]}{'' if empty else ', '}selected={self.selected!r})".replace(",\n, sel", ",\n    sel")

    # What happens on screen

    def on_select(self, view: str, row: str) -> None:
        self.selected = row

    def on_overrides(self, name: str, text: str) -> None:
        """A file of the user's own prices was opened (or taken away, with an empty name)."""
        laid = (OverridesFile(file=name, text=text),) if name else ()
        with self._laying(laid):
            self._offer(self.catalog)

    def on_scenario_file(self, name: str, text: str) -> None:
        """A scenario was opened."""
        if name:
            self.open_scenario(Scenario.parse(text, name))

    def on_save_scenario(self) -> Download:
        return Download("scenario.yaml", self.scenario.to_yaml())

    def on_copy_tsv(self) -> Clipboard:
        return Clipboard(cost_views.frame_text(self.estimates()).to_tsv())

    def on_copy_markdown(self) -> Clipboard:
        rows = self._rows(self._first("table", self._ordered("table")))
        return Clipboard(cost_views.review_text(rows, self.workload).to_markdown())

    def status(self) -> str:
        shown = self._shown()
        if shown.cheapest_usd is None:
            return "No endpoint is left that has a price."
        cheapest = self.catalog.endpoints[shown.places[0]].id
        return f"{len(shown.places):,} endpoints; cheapest {cheapest}, {usd(shown.cheapest_usd)} per {self.period}."

    # Drawing

    def draw_bars(self) -> Bars:
        shown = self._shown()
        rows = self._rows(self._first("bars", shown.places))
        return cost_views.bars(rows, total_rows=len(shown.places), selected=self._focus_id(), caption=self._said(shown))

    def draw_table(self) -> Table:
        places = self._ordered("table")
        rows = self._rows(self._first("table", places))
        return cost_views.table(
            rows, self.catalog, total_rows=len(places), selected=self._focus_id(), caption=self._said(self._shown())
        )

    def draw_ledger(self) -> Table:
        if not self._shown().places:
            return Table((), (), empty=cost_views.NOTHING_LEFT)
        return cost_views.bill(self._focus(), self.workload, self.catalog, self.as_of)

    def draw_pareto(self) -> Figure:
        endpoints = self.catalog.endpoints
        known = [i for i in self._shown().places if endpoints[i].latency or endpoints[i].measured]
        unknown = len(self._shown().places) - len(known)
        return cost_figures.pareto_figure(self._rows(known), self.workload, unknown)

    def draw_tornado(self) -> Figure:
        if not self._shown().places:
            return Figure({}, alt="", empty=cost_views.NOTHING_LEFT)
        return cost_figures.tornado(self._focus(), self.workload, self.catalog, self.as_of)

    def draw_break_even(self) -> Figure:
        if not self._shown().places:
            return Figure({}, alt="", empty=cost_views.NOTHING_LEFT)
        return cost_figures.break_even_figure(
            self._focus(), self._other(), self.workload, self.catalog, self.break_even_over, self.as_of
        )

    def draw_changes(self) -> Table:
        older = load_catalog(self.older or shipped_snapshots()[0])
        return cost_views.changes(older, self.catalog, self.as_of, self.limit_of("changes"))

    def draw_about(self) -> Text:
        return cost_views.about(self.catalog, self.as_of, self._warning)

    def draw_code(self) -> Code:
        return cost_views.code(self.to_code(), self.scenario)

    # What is priced and what is shown

    def _load(self, name: str) -> Catalog:
        return _catalog(name, self._laid)

    def _grid(self) -> Grid:
        return _grid(self.catalog_name, self._laid, self.as_of)

    def _shown(self) -> Shown:
        kept = self._kept()
        key = (self.workload, self._kept_for)
        if self._shown_for != key:
            places, prices = np.array(kept.places, dtype=int), self._grid().price(self.workload)
            order = places[np.argsort(prices.total[places], kind="stable")]  # NaN, the unpriced, goes last
            self._shown_now, self._shown_for = Shown(tuple(order.tolist()), prices, kept.left_out), key
        return self._shown_now

    def _kept(self) -> Kept:
        """What the filters leave: asked again only when a filter, the catalog or the day changes, not per move."""
        wanted = Filter(
            search=self.search,
            models=self.models,
            providers=self.providers,
            strengths=self.strengths,
            region=self.region,
            min_window_tokens=self.min_window_tokens,
            hide_retired=self.hide_retired,
        )
        key = (self._grid(), wanted)
        if self._kept_for != key:
            self._kept_now, self._kept_for = wanted.keep(self.catalog, self.as_of), key
        return self._kept_now

    def _ordered(self, view: str) -> list[int]:
        """The places that are shown, in the order that a table's header asks for; unknowns stay last."""
        key, descending = self.sort_of(view)
        if key in cost_views.BY_TOTAL and not descending:
            return list(self._shown().places)
        rows = self._rows(self._shown().places)
        values = {
            place: cost_views.sort_value(row, key, self.catalog)
            for place, row in zip(self._shown().places, rows, strict=True)
        }
        known = [place for place, value in values.items() if value is not None]
        unknown = [place for place, value in values.items() if value is None]
        return [*sorted(known, key=lambda place: values[place], reverse=descending), *unknown]

    def _first(self, view: str, places: Sequence[int]) -> list[int]:
        """As many as the view shows, and the selected one even if it would come later."""
        first, rest = places[: self.limit_of(view)], places[self.limit_of(view) :]
        return [*first, *(place for place in rest if self.catalog.endpoints[place].id == self.selected)]

    def _rows(self, places: Sequence[int]) -> tuple[Estimate, ...]:
        shown = self._shown()
        return rows_at(self._grid(), shown.prices, self.workload, places, shown.cheapest_usd)

    def _focus(self) -> Endpoint:
        """The selected endpoint, or the cheapest while none is, or while the filters leave it out."""
        shown = [self.catalog.endpoints[i] for i in self._shown().places]
        if not shown:
            raise LlmlabError(cost_views.NOTHING_LEFT)
        return next((e for e in shown if e.id == self.selected), shown[0])

    def _focus_id(self) -> str:
        return self._focus().id if self._shown().places else ""

    def _other(self) -> Endpoint:
        """What the selected endpoint is held against: the one chosen, else the cheapest of another model."""
        if self.compare_with:
            return self.catalog.endpoint(self.compare_with)
        focus = self._focus()
        shown = (self.catalog.endpoints[i] for i in self._shown().places)
        return next((e for e in shown if e.model != focus.model), focus)

    def _said(self, shown: Shown) -> str:
        """What is on screen and what is not, in a line."""
        parts = [f"{count:,} {reason}" for reason, count in shown.left_out.items()]
        unpriced = sum(bool(np.isnan(shown.prices.total[i])) for i in shown.places)
        left = f"; left out: {', '.join(parts)}" if parts else ""
        own = f"; your prices: {', '.join(o.file for o in self._laid)}" if self._laid else ""
        warning = f" {self._warning}" if self._warning else ""
        return (
            f"List prices in US dollars per {self.period} in force on {self.as_of}, catalog {self.catalog_name}; "
            f"{len(shown.places):,} endpoints, {unpriced:,} of them unpriced{left}{own}.{warning}"
        )

    # Options that depend on the catalog

    def _catalog_changed(self, change: Any) -> None:
        self._warning = ""
        self._offer(self.catalog)
        if self.selected not in [e.id for e in self.catalog]:
            self.selected = ""

    @traitlets.validate("selected")
    def _known(self, proposal: Any) -> str:
        return self.catalog.endpoint(proposal["value"]).id if proposal["value"] else ""

    def _offer_catalogs(self, named: str) -> None:
        """The newest first, as the default; a path that was named (and holds a catalog) last."""
        *older, newest = shipped_snapshots()
        names = [newest, *reversed(older), *BULK]
        if named and named not in names:
            load_catalog(named)  # or an error that says what there is
            names.append(named)
        self.set_options("catalog_name", names)
        self.set_options("older", [("", "the oldest"), *((name, name) for name in (*older, newest, *BULK))])

    def _offer(self, catalog: Catalog) -> None:
        models = [(m.id, m.name) for m in catalog.models] if len(catalog.models) <= _MOST_OPTIONS else []
        scopes = sorted({e.residency.scope for e in catalog} | {r for e in catalog for r in e.uplifts})
        areas = [s for s in scopes if s not in ("global", "unknown", "*")]
        priced = [e.id for e in catalog if e.prices][:_MOST_OPTIONS]
        with self.hold_changes():
            self.set_options("models", models)
            self.set_options("providers", [(p.id, p.name) for p in catalog.providers])
            self.set_options("strengths", sorted({s for m in catalog.models for s in m.strengths}))
            self.set_options("region", [(ANYWHERE, "anywhere"), *((a, a) for a in areas)])
            self.set_options("compare_with", [("", "the cheapest other model"), *((id, id) for id in priced)])

    @contextmanager
    def _laying(self, laid: tuple[OverridesFile, ...]) -> Iterator[None]:
        """Lay other overrides over the catalog; if that cannot be, the old ones stay."""
        before, self._laid = self._laid, laid
        try:
            yield
        except Exception:
            self._laid = before
            raise


@functools.lru_cache(maxsize=8)
def _catalog(name: str, laid: tuple[OverridesFile, ...]) -> Catalog:
    return load_catalog(name, [parse_overrides(o.text, o.file) for o in laid])


@functools.lru_cache(maxsize=8)
def _grid(name: str, laid: tuple[OverridesFile, ...], as_of: date) -> Grid:
    return Grid(_catalog(name, laid), as_of=as_of)


def _moved(scenario: Scenario, catalog: Catalog) -> str:
    pinned: Pin = scenario.catalog
    if catalog.content_hash == pinned.content_hash:
        return ""
    return (
        f"This scenario was decided on {pinned.name} {pinned.content_hash}, which now reads {catalog.content_hash}: "
        "prices may have moved since."
    )

"""The Playground: several endpoints side by side, live, measured where their bytes arrive."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from ..catalog import Catalog, Endpoint, load_catalog
from ..errors import LlmlabError
from ..measurement import (
    DEFAULT_PROMPT,
    MeasurementEvent,
    Plan,
    Question,
    Recorded,
    Run,
    StreamRecord,
    Timeouts,
)
from ..measurement.background import background
from ..measurement.calibration import Calibration, calibrate
from ..measurement.export import to_csv, to_json, to_parquet
from ..measurement.measure import runs_folder
from ..measurement.plan import Options, plan
from ..measurement.profiles import profiles, profiles_yaml
from ..measurement.providers import available
from ..measurement.records import Path
from ..measurement.simulated import simulated_endpoints
from ..measurement.summary import Slo
from ..measurement.targets import Target, resolve
from ..simulator import DialectName
from . import controls as c
from . import playground_figures as figures
from . import playground_views as views
from .lanes import Lanes
from .panel import Action, Download, Panel, View
from .playground_board import Board
from .views import Figure, Table, Text

FIRST_SHOWN = ("simulated/claude-sonnet", "simulated/claude-haiku", "simulated/groq-llama-8b", "simulated/gpt-5")
PATHS: dict[str, str] = {
    "litellm": "LiteLLM",
    "openai": "OpenAI SDK",
    "anthropic": "Anthropic SDK",
    "httpx": "bare httpx",
}
SAVING = ("save_csv", "save_json", "save_parquet", "save_profiles")
BUSY = "a run is under way"
IDLE = "no run is under way"
NOTHING = "nothing is measured yet"


class Playground(Panel):
    """Ask several endpoints the same, watch the answers arrive, and see how fast each is and how sure that is.

    It works without a key, against simulated endpoints; a provider is on offer once the environment holds its key.
    Every control is an ordinary trait. `records` are the calls so far, `calibration` the instrument's own error.
    """

    title = "Streaming playground"

    prompt = c.text(DEFAULT_PROMPT, label="Prompt", lines=3, group="Question")
    system = c.text("", label="System prompt", lines=2, group="Question")
    max_tokens = c.number(256, min=1, max=32_000, scale="log", label="Longest answer", unit="tokens", group="Question")
    temperature = c.choice(
        "", options=(("", "not sent"), "0", "0.3", "0.7", "1"), label="Temperature", group="Question"
    )
    effort = c.choice(
        "", options=(("", "not sent"), "minimal", "low", "medium", "high"), label="Reasoning effort", group="Question"
    )
    nonce = c.toggle(
        True, label="Keep caches out", group="Question",
        help="A line of its own begins each request, so that no cached prompt flatters the next.",
    )  # fmt: skip

    endpoints = c.several(
        FIRST_SHOWN, options=FIRST_SHOWN, label="Endpoints", help="Simulated ones, and providers whose key is set.",
        group="What",
    )  # fmt: skip
    models = c.text(
        "", label="Further models", help="LiteLLM's ids, by commas: groq/llama-3.1-8b-instant", group="What"
    )
    server = c.text(
        "", label="Your server", help="An OpenAI-compatible URL: http://localhost:8000/v1 (vLLM, Ollama, ...).",
        group="What",
    )  # fmt: skip
    server_models = c.text("", label="Models at your server", help="Names, by commas.", group="What")

    runs = c.number(3, min=1, max=500, scale="log", label="Runs", unit="per endpoint", group="Load")
    concurrency = c.number(
        0, min=0, max=200, scale="log", label="At once", unit="calls", group="Load",
        help="0: one per endpoint, side by side. 1: one after the other.",
    )  # fmt: skip
    rate = c.number(
        0.0, min=0.0, max=50.0, step=0.5, label="Arrivals", unit="per s", group="Load",
        help="0: the next call starts when one ends. Above 0 they arrive by chance, this often.",
    )  # fmt: skip
    warm_up = c.number(1, min=0, max=10, label="Warm-up calls", unit="per endpoint", group="Load")
    retries = c.number(
        0, min=0, max=5, label="Retries", group="How", help="Of refused calls; Retry-After is obeyed and shown."
    )
    path = c.choice(
        "litellm", options=tuple(PATHS.items()), label="Ask through", group="How",
        help="The others for comparison, where an endpoint speaks their dialect.",
    )  # fmt: skip
    budget_usd = c.number(
        1.0, min=0.0, max=100.0, step=0.01, label="Budget", unit="US dollars", group="How",
        help="A run cannot exceed it: what a call may cost is set aside before it is made.",
    )  # fmt: skip

    slo_ttfo_ms = c.number(
        1000, min=0, max=60_000, scale="log", label="First answer within", unit="ms", group="Limits",
        help="The service level that goodput counts. 0: none.",
    )  # fmt: skip
    first_token_s = c.number(60, min=1, max=600, label="First token timeout", unit="s", group="Limits")
    stall_s = c.number(30, min=1, max=600, label="Stall timeout", unit="s", group="Limits")
    deadline_s = c.number(600, min=5, max=7200, scale="log", label="Deadline of a run", unit="s", group="Limits")

    views = (
        View("before", kind="text", title="Before you run", selectable=False),
        View("lanes", kind="lanes", title="Live", selectable=False),
        View("table", kind="table", title="Percentiles", selectable=False),
        View("comparison", kind="text", title="Who is faster, and is that sure?", selectable=False),
        View("cost", kind="figure", title="Cost against the wait for an answer", half=True, selectable=False),
        View("rates", kind="figure", title="Tokens per second, over time", half=True, selectable=False),
        View("calls", kind="table", title="Calls", open=False, limit=20),
        View("timeline", kind="figure", title="Every token of the chosen call", open=False, selectable=False),
        View("meanings", kind="text", title="What the figures mean", open=False, selectable=False),
    )
    actions = (
        Action("run", "Run", primary=True),
        Action(
            "cancel", "Cancel",
            help="Closes every connection at once. While another cell computes, JupyterLab may hand a press over only "
            "when that is done: budget and deadline hold by themselves.",
        ),
        Action("retry", "Retry failed lanes", help="The endpoints of which a call failed, again."),
        Action("look", "Look for keys", help="Offer providers whose keys were set since."),
        Action("save_csv", "CSV", view="calls", help="A row per call, all figures."),
        Action("save_json", "JSON", view="calls", help="A list of calls, all figures."),
        Action("save_parquet", "Parquet", view="calls", help="A row per call, all figures, with their types."),
        Action("save_profiles", "Save latencies", view="table", help="Percentiles as YAML to lay over a catalog."),
    )  # fmt: skip

    def __init__(self, *, catalog: Catalog | None = None, **values: Any) -> None:
        self._catalog = catalog if catalog is not None else load_catalog()
        self._board = Board()
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._plan: Plan | None = None
        self._phase = ""  # what goes on in the background, in words; empty: nothing
        self._problem: Exception | None = None
        self._calibrations: dict[tuple[Path, int], Calibration] = {}
        self._offer(values.get("endpoints", ()))
        super().__init__(**values)

    # What the screen holds, as values

    @property
    def records(self) -> list[StreamRecord]:
        """Every call so far, in the order in which they ended."""
        with self._lock:
            return list(self._board.records)

    @property
    def calibration(self) -> Calibration | None:
        """The instrument's error at what is used now, once it was measured."""
        plan = self._plan
        return None if plan is None else self._calibrations.get((plan.lanes[0].path, plan.streams))

    @property
    def plan(self) -> Plan:
        """The run that the controls describe. Raises `LlmlabError` for one that cannot be."""
        return self._planned(self._targets())

    def wait(self, timeout_s: float | None = None) -> list[StreamRecord]:
        """Wait for the run under way, if there is one; all records."""
        run = self._run
        if run is not None:
            run.result(timeout_s)
        return self.records

    # Drawing

    def status(self) -> str:
        with self._lock:
            board = self._board
            if self._phase:
                return self._phase
            return f"{board.made:,} of {board.total:,} calls made." if board.total else ""

    def unavailable(self) -> Mapping[str, str]:
        if self._phase:
            return {"run": BUSY, "retry": BUSY, "look": BUSY}
        nothing = (
            {}
            if self._board.records
            else dict.fromkeys(("save_csv", "save_json", "save_parquet", "save_profiles"), NOTHING)
        )
        failed = {} if self._board.failed else {"retry": "no call has failed" if self._board.records else NOTHING}
        return {"cancel": IDLE, **nothing, **failed}

    def draw_before(self) -> Text:
        if not self._targets():
            return Text((), empty="Choose at least one endpoint.")
        plan = self.plan
        return views.before(plan, os.environ)

    def draw_lanes(self) -> Lanes:
        if self._problem is not None:
            raise self._problem
        with self._lock:
            return views.lanes(self._board)

    def draw_table(self) -> Table:
        slo = Slo(ttfo_ms=float(self.slo_ttfo_ms) or None)
        return views.percentiles(self.records, slo, self.sort_of("table"), self.calibration)

    def draw_comparison(self) -> Text:
        return views.comparison(self.records)

    def draw_cost(self) -> Figure:
        return figures.cost_against_wait(self.records)

    def draw_rates(self) -> Figure:
        return figures.rates(self.records)

    def draw_calls(self) -> Table:
        return views.calls(self.records, self.limit_of("calls"))

    def draw_timeline(self) -> Figure:
        chosen, records = self.selected_of("calls"), self.records
        found = [record for record in records if views.call_key(record) == chosen] or records[-1:]
        return figures.timeline(found[0] if found else None)

    def draw_meanings(self) -> Text:
        return views.meanings()

    def on_select(self, view: str, row: str) -> None:
        """The panel draws the timeline of the call that was chosen."""

    # Actions

    def on_run(self) -> str:
        """Start the run that the controls describe; keys are looked for anew."""
        self._offer(self.endpoints)
        self._start(self.plan, keep=False)
        return "Running."

    def on_cancel(self) -> str:
        """Stop the run under way."""
        if self._run is not None:
            self._run.cancel()
        return "Cancelling."

    def on_retry(self) -> str:
        """Run the endpoints of which a call failed again; what succeeded is kept."""
        failed = self._board.failed
        self._start(self._planned([target for target in self._targets() if target.name in failed]), keep=True)
        return f"Running {len(failed)} again."

    def on_look(self) -> str:
        """Offer the providers whose keys are set now."""
        self._offer(self.endpoints)
        found = [provider.name for provider in available(os.environ)]
        return f"Found: {', '.join(found)}." if found else "No provider's key is set."

    def on_save_csv(self) -> Download:
        return Download(f"{self._file_name()}.csv", to_csv(self.records))

    def on_save_json(self) -> Download:
        return Download(f"{self._file_name()}.json", to_json(self.records))

    def on_save_parquet(self) -> Download:
        return Download(f"{self._file_name()}.parquet", to_parquet(self.records))

    def on_save_profiles(self) -> Download:
        """What was measured of the catalog's endpoints, as a YAML to lay over a catalog."""
        assert self._plan is not None
        known = {target.name: target.endpoint for target in self._plan.targets if target.endpoint is not None}
        overlay = profiles(self.records, endpoints=known, calibration=self.calibration)
        return Download(f"{self._file_name()}-latencies.yaml", profiles_yaml(overlay))

    # The run, in the background

    def _start(self, plan: Plan, *, keep: bool) -> None:
        if self._phase:
            raise LlmlabError("a run is under way: cancel it, or wait for it")
        self._problem, self._plan, self._phase = None, plan, "Starting."
        with self._lock:
            self._board.begin(plan, keep=keep)
        self._run = Run(plan, self._hear)
        self._run.when_over(self._over)
        self.redraw()

    def _hear(self, event: MeasurementEvent) -> None:
        """On the background loop: take it in, and say what is to be drawn again."""
        with self._lock:
            self._board.take(event)
            board = self._board
            self._phase = board.preparing or f"{board.made:,} of {board.total:,} calls"
            share = None if board.preparing else board.made / max(board.total, 1)
        self.progress = (share, self._phase)
        over = ("table", "comparison", "cost", "rates", "calls", "timeline") if isinstance(event, Recorded) else ()
        self.redraw_soon(("lanes", *over))

    def _over(self) -> None:
        assert self._run is not None
        try:
            self._run.result(0)
        except Exception as e:  # noqa: BLE001  shown in the panel, as every error is
            self._problem = e
            self._idle()
            return
        self._phase = "Measuring the instrument's own error."
        self.progress = (None, self._phase)
        plan = self._run.plan
        background().start(self._calibrate(plan))

    async def _calibrate(self, plan: Plan) -> None:
        """At the concurrency that was used: the error of the table is the error of its run."""
        key = (plan.lanes[0].path, plan.streams)
        try:
            if key not in self._calibrations:
                dialect: DialectName = "anthropic" if key[0] == "anthropic" else "openai"
                self._calibrations[key] = await calibrate(plan.streams, path=key[0], dialect=dialect)
        except LlmlabError as e:
            self._problem = e
        self._idle()

    def _idle(self) -> None:
        self._phase = ""
        self.progress = None
        self.redraw_soon()

    # What is asked

    def _targets(self) -> list[Target]:
        """The endpoints and models that the controls name, and those of the user's own server."""
        named = [*self.endpoints, *_split(self.models)]
        at_server = _split(self.server_models) if self.server else []
        targets = [*resolve(named, self._catalog)] if named else []
        return targets + ([*resolve(at_server, self._catalog, api_base=self.server)] if at_server else [])

    def _planned(self, targets: Sequence[Target]) -> Plan:
        question = Question(
            prompts=(self.prompt,),
            system=self.system,
            max_tokens=self.max_tokens,
            temperature=float(self.temperature) if self.temperature else None,
            effort=self.effort or None,
            nonce=self.nonce,
        )
        options = Options(
            runs=self.runs,
            concurrency=self.concurrency or None,
            rate=self.rate or None,
            warm_up=self.warm_up,
            retries=self.retries,
            path=cast(Path, self.path),
            budget_usd=self.budget_usd,
            deadline_s=float(self.deadline_s),
            timeouts=Timeouts(first_token_s=float(self.first_token_s), stall_s=float(self.stall_s)),
            journal=runs_folder(),
        )
        return plan(targets, question, **options)

    def _offer(self, chosen: Sequence[str]) -> None:
        """Simulated endpoints, and the text endpoints of every provider whose key is set."""
        pairs = [(one.name, f"{one.name} (SIMULATED)") for one in simulated_endpoints()]
        for provider in available(os.environ):
            pairs += [(endpoint.id, f"{endpoint.id} (key found)") for endpoint in self._callable(provider.prefix)]
        known = {name for name, _ in pairs}
        self.set_options("endpoints", pairs + [(name, name) for name in chosen if name not in known])

    def _callable(self, prefix: str) -> Iterator[Endpoint]:
        """The endpoints that LiteLLM calls by this prefix, and that a name alone reaches."""
        for endpoint in self._catalog:
            if str(endpoint.litellm_model).startswith(f"{prefix}/"):
                with contextlib.suppress(LlmlabError):  # a kind of deployment, or no text: nothing to offer
                    resolve([endpoint.id], self._catalog)
                    yield endpoint

    def _file_name(self) -> str:
        simulated = all(record.simulated for record in self.records)
        run = self.records[-1].run if self.records else "run"
        return f"llmlab-{'SIMULATED-' if simulated else ''}{run}"


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]

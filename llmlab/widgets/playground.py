"""The Playground: several endpoints side by side, live, measured where their bytes arrive."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import traitlets

from ..catalog import Catalog, Endpoint, load_catalog
from ..errors import LlmlabError
from ..measurement import DEFAULT_PROMPT, Plan, Question, StreamRecord, Timeouts
from ..measurement.calibration import Calibration
from ..measurement.export import to_csv, to_json, to_parquet
from ..measurement.measure import runs_folder
from ..measurement.plan import Options, plan
from ..measurement.providers import available
from ..measurement.records import Path
from ..measurement.simulated import simulated_endpoints
from ..measurement.summary import Slo
from ..measurement.targets import KEY_VARIABLE, Target, resolve
from . import controls as c
from . import playground_figures as figures
from . import playground_saving as saving
from . import playground_views as views
from .lanes import Lanes
from .panel import Action, Download, Panel, View
from .playground_session import Session
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
NO_ENDPOINT = "Choose at least one endpoint."
TABLES, FIGURES = ("table", "comparison", "calls"), ("cost", "rates", "timeline")
FIGURES_REST_S = 1.0  # Plotly takes a tenth of a second for one, in which no text moves


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
    keep_budget = c.toggle(
        True, label="Keep to a budget", help="A model that has no price can only be called without one.", group="How"
    )
    budget_usd = c.number(
        1.0, min=0.0, max=100.0, step=0.01, label="Budget", unit="US dollars", group="How",
        help="A run cannot exceed it: what a call may cost is set aside before it is made.",
    )  # fmt: skip

    slo_ttfo_ms = c.number(
        1000, min=0, max=60_000, scale="log", label="Answer within", unit="ms", group="Limits",
        help="Of a call's first answer: the service level that goodput counts. 0: none.",
    )  # fmt: skip
    first_token_s = c.number(
        60, min=1, max=600, label="Token timeout", unit="s", help="Until a call's first token.", group="Limits"
    )
    stall_s = c.number(
        30, min=1, max=600, label="Stall timeout", unit="s", help="From one token to the next.", group="Limits"
    )
    deadline_s = c.number(600, min=5, max=7200, scale="log", label="Run deadline", unit="s", group="Limits")

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
        self._session = Session(self._changed_behind)
        self._figures_drawn = 0.0
        self._catalog = catalog if catalog is not None else load_catalog()
        self._offer(values.get("endpoints", ()))
        super().__init__(**values)

    # What the screen holds, as values

    @property
    def records(self) -> list[StreamRecord]:
        """Every call so far, in the order in which they ended."""
        return self._session.records

    @property
    def calibration(self) -> Calibration | None:
        """The instrument's error with as many streams at once as the records had, once it was measured."""
        return self._session.calibration

    @property
    def plan(self) -> Plan:
        """The run that the controls describe. Raises `LlmlabError` for one that cannot be."""
        return self._planned(self._targets())

    def wait(self, timeout_s: float | None = None) -> list[StreamRecord]:
        """All records, once nothing is under way: no run, and no measurement of the instrument after it.

        Raises what made the run fail, and `TimeoutError`, which ends only the wait.
        """
        return self._session.wait(timeout_s)

    # Drawing

    def status(self) -> str:
        if self._session.phase:
            return self._session.phase
        with self._session.board() as board:
            return f"{board.made:,} of {board.total:,} calls made." if board.total else ""

    def unavailable(self) -> Mapping[str, str]:
        records = self._session.records
        nothing = {} if records else dict.fromkeys(SAVING, NOTHING)
        few = {} if not records or not (why := saving.too_few(records)) else {"save_profiles": why}
        if self._session.phase:
            return {"run": BUSY, "retry": BUSY, "look": BUSY, **nothing, **few}
        with self._session.board() as board:
            whole = {} if board.failed else {"retry": "no call has failed" if records else NOTHING}
        return {"cancel": IDLE, **nothing, **few, **whole}

    def draw_before(self) -> Text:
        return views.before(self.plan, os.environ) if self._targets() else Text((), empty=NO_ENDPOINT)

    def draw_lanes(self) -> Lanes:
        with self._session.board() as board:
            return views.lanes(board)

    def draw_table(self) -> Table:
        with self._session.board() as board:
            records, made_again = list(board.records), board.made_again
        slo = Slo(ttfo_ms=float(self.slo_ttfo_ms) or None)
        return views.percentiles(records, slo, self.sort_of("table"), self.calibration, made_again)

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
        self._session.start(self.plan)
        self.redraw()
        return "Running."

    def on_cancel(self) -> str:
        """Stop what is under way."""
        self._session.cancel()
        return "Cancelling."

    def on_retry(self) -> str:
        """Ask the endpoints of which a call failed the same again; what succeeded is kept."""
        with self._session.board() as board:
            failed = board.failed
        if not failed:
            raise LlmlabError("no call has failed: there is nothing to retry")
        again = [self._session.asked[name] for name in failed]
        self._session.start(self._planned(again, self._session.plan), keep=True)
        self.redraw()
        return f"Running {len(failed)} again."

    def on_look(self) -> str:
        """Offer the providers whose keys are set now."""
        self._offer(self.endpoints)
        self.redraw()
        found = [provider.name for provider in available(os.environ)]
        return f"Found: {', '.join(found)}." if found else "No provider's key is set."

    def on_save_csv(self) -> Download:
        return self._download(".csv", to_csv)

    def on_save_json(self) -> Download:
        return self._download(".json", to_json)

    def on_save_parquet(self) -> Download:
        return self._download(".parquet", to_parquet)

    def on_save_profiles(self) -> Download:
        """What was measured of a catalog's endpoints, as a YAML to lay over it."""
        asked = self._session.asked.values()
        return self._download(
            "-latencies.yaml",
            lambda records: saving.latencies_yaml(records, asked, self._catalog.name, self.calibration),
        )

    def _download(self, ending: str, write: Callable[[list[StreamRecord]], str | bytes]) -> Download:
        records = self.records
        if not records:
            raise LlmlabError(f"{NOTHING}: press Run first")
        return Download(saving.file_name(records, ending), write(records))

    # The run, in the background

    def close(self) -> None:
        """As in `Panel`; nobody waits any more for what is under way."""
        self._session.cancel()
        super().close()

    def _changed_behind(self, ended: bool) -> None:
        """In the background something has happened; `ended` a call, or all of it."""
        self.progress = self._session.progress
        if self._session.problem is not None:
            self._fail(self._session.problem)
        if not self._session.phase:
            self.redraw_soon()
            return
        due = ended and time.monotonic() - self._figures_drawn > FIGURES_REST_S
        if due:
            self._figures_drawn = time.monotonic()
        self.redraw_soon(("lanes", *(TABLES if ended else ()), *(FIGURES if due else ())))

    # What is asked

    @traitlets.validate("server")
    def _without_secrets(self, proposal: Any) -> str:
        """A control is seen, saved and copied: no place for a password, not even until Run says so."""
        url = str(proposal["value"])
        if any(sign in url for sign in "@?#"):
            raise traitlets.TraitError(
                "Your server (server) takes an address and a path, without a name, a password or a query: a key goes "
                f"into the variable {KEY_VARIABLE}"
            )
        return url

    def _targets(self) -> list[Target]:
        """The endpoints and models that the controls name, and those of the user's own server."""
        named, at_server = [*self.endpoints, *_split(self.models)], _split(self.server_models)
        if at_server and not self.server:
            raise LlmlabError("models at your server are named, and no server: fill in Your server")
        if self.server and not at_server:
            raise LlmlabError("your server is given, and no model: fill in Models at your server")
        targets = [*resolve(named, self._catalog)] if named else []
        return targets + ([*resolve(at_server, self._catalog, api_base=self.server)] if at_server else [])

    def _planned(self, targets: Sequence[Target], earlier: Plan | None = None) -> Plan:
        """The run of `targets`. One that completes an `earlier` one asks the same, through the same library."""
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
            path=earlier.lanes[0].path if earlier else cast(Path, self.path),
            budget_usd=self.budget_usd if self.keep_budget else None,
            deadline_s=float(self.deadline_s),
            timeouts=Timeouts(first_token_s=float(self.first_token_s), stall_s=float(self.stall_s)),
            journal=runs_folder(),
        )
        return plan(targets, earlier.question if earlier else question, **options)

    def _offer(self, chosen: Sequence[str]) -> None:
        """Simulated endpoints, the text endpoints of every provider whose key is set, and what is chosen already."""
        pairs = [(one.name, f"{one.name} (SIMULATED)") for one in simulated_endpoints()]
        for provider in available(os.environ):
            pairs += [(endpoint.id, f"{endpoint.id} (key found)") for endpoint in self._callable(provider.prefix)]
        known = {name for name, _ in pairs}
        more = [] if isinstance(chosen, str) else [name for name in chosen if name not in known]
        if more:
            resolve(more, self._catalog)
        self.set_options("endpoints", pairs + [(name, name) for name in more])

    def _callable(self, prefix: str) -> Iterator[Endpoint]:
        """The endpoints that LiteLLM calls by this prefix, and that a name alone reaches."""
        for endpoint in self._catalog:
            if str(endpoint.litellm_model).startswith(f"{prefix}/"):
                with contextlib.suppress(LlmlabError):  # a kind of deployment, or no text: nothing to offer
                    resolve([endpoint.id], self._catalog)
                    yield endpoint


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]

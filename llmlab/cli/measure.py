"""`llmlab measure`: streams timed where their bytes arrive, as percentiles or as JSON."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import LlmlabError

if TYPE_CHECKING:
    from ..measurement import MeasurementEvent, Plan, StreamRecord
    from ..measurement.calibration import Calibration
    from ..measurement.targets import Target
    from ..simulator import DialectName

CLEAR = "\r\x1b[K"


class _Above0(click.FloatRange):
    """A finite number above 0."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


def _dollars(_ctx: click.Context, _option: click.Parameter, given: str) -> Decimal | None:
    """US dollars, 0 or more; `none` is no limit."""
    try:
        amount = None if given == "none" else Decimal(given)
    except InvalidOperation:
        amount = Decimal("NaN")
    if amount is not None and not (amount.is_finite() and amount >= 0):
        raise click.BadParameter(f"{given!r} is no amount of dollars: write 0.50, or none for no limit.")
    return amount


_COUNT = click.IntRange(min=0)
_AT_LEAST_1 = click.IntRange(min=1)
_ABOVE_0 = _Above0()
_PATHS = click.Choice(["litellm", "openai", "anthropic", "httpx"])
_FILE = click.Path(path_type=Path, dir_okay=False)
_BUDGET = "What the run cannot exceed; none: no limit.  [default: 1]"
_TIMEOUT = "The longest that one attempt may take.  [default: 300]"


@click.command()
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option("--api-base", metavar="URL", help="An OpenAI-compatible server that has the models; LLMLAB_API_KEY.")
@click.option("--prompt", help="What all are asked.  [default: an explanation in 200 words]")
@click.option("--system", default="", help="A system prompt.  [default: none]")
@click.option("--runs", type=_AT_LEAST_1, default=1, show_default=True, help="Calls of each MODEL that count.")
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Calls at once.  [default: one per MODEL]")
@click.option("--rate", type=_ABOVE_0, metavar="R", help="Calls that arrive per second, whatever is under way.")
@click.option("--max-tokens", type=_AT_LEAST_1, default=256, show_default=True, help="Of the longest answer.")
@click.option("--warm-up", type=_COUNT, default=0, show_default=True, help="Calls of each MODEL before those.")
@click.option("--retries", type=_COUNT, default=0, show_default=True, help="Of refused calls; Retry-After is obeyed.")
@click.option("--path", type=_PATHS, default="litellm", show_default=True, help="The library to ask through.")
@click.option("--budget", "budget_usd", default="1", callback=_dollars, metavar="USD", help=_BUDGET)
@click.option("--timeout", "timeout_s", default=300, type=_ABOVE_0, metavar="S", help=_TIMEOUT)
@click.option(
    "--deadline", "deadline_s", default=600, type=_ABOVE_0, metavar="S", help="When the run ends.  [default: 600]"
)
@click.option(
    "--slo-ttfo", "slo_ttfo_ms", type=_ABOVE_0, metavar="MS", help="Count the answers that began within this."
)
@click.option("--save-latencies", "file", type=_FILE, metavar="FILE", help="Percentiles as YAML to lay over a catalog.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list, an object per call, instead of tables.")
@click.option("--list", "only_list", is_flag=True, help="Say what can be measured from here, and measure nothing.")
def measure(
    models: tuple[str, ...],
    api_base: str | None,
    prompt: str | None,
    system: str,
    max_tokens: int,
    timeout_s: float,
    slo_ttfo_ms: float | None,
    file: Path | None,
    as_json: bool,
    only_list: bool,
    **options: Any,
) -> None:
    """How fast each MODEL streams: percentiles, or with --json every call.

    A MODEL is a simulated endpoint (simulated/claude-sonnet, which needs no key), an endpoint of the newest catalog
    (anthropic/claude-sonnet-4-6), a model id of LiteLLM, or with --api-base a model's name at that server. Keys are
    taken from the environment. A call that fails is told like any other: the status is 1 only if none succeeded.
    """
    from . import measured

    if only_list and as_json:
        raise click.UsageError("--json is for what was measured; --list is read by people.")
    if only_list:
        click.echo(measured.offered(), nl=False)
        return
    if not models:
        raise click.UsageError("Name a MODEL; llmlab measure --list says which there are.")

    from ..measurement import DEFAULT_PROMPT, Question, Timeouts, prepare
    from ..measurement.background import background
    from ..measurement.instrument import instrument
    from ..measurement.summary import Slo

    question = Question(prompts=(DEFAULT_PROMPT if prompt is None else prompt,), system=system, max_tokens=max_tokens)
    plan = prepare(models, question, api_base=api_base, timeouts=Timeouts(total_s=timeout_s), **options)
    _check_keys(plan.targets)
    if file is not None:
        _check_saving(file, plan, options["runs"])
    if said := measured.cost(plan):
        click.echo(said, err=True)
    try:
        records, calibration, stopped = _measured(plan, calibrated=file is not None or not as_json)
    finally:
        background().wait(instrument().close())
    counted = [record for record in records if not record.warm_up]
    if as_json:
        from ..measurement.export import to_json

        click.echo(to_json(counted), nl=False)
    else:
        click.echo(measured.tables(plan, records, Slo(ttfo_ms=slo_ttfo_ms), calibration), nl=False)
    if stopped:
        raise KeyboardInterrupt
    if said := measured.kept_back(plan, counted):
        click.echo(said, err=True)
    if all(record.failed for record in counted):
        raise LlmlabError(measured.no_success(counted))
    if file is not None:
        _save(plan, counted, file, calibration)


def _measured(plan: Plan, *, calibrated: bool) -> tuple[list[StreamRecord], Calibration | None, bool]:
    """The records, the instrument's error at what was used, and whether somebody interrupted it: then what there is."""
    from ..measurement import Run, finish
    from ..measurement.background import background
    from ..measurement.calibration import calibrate

    watch = _Watch(len(plan.calls))
    calibration = None
    try:
        finish(Run(plan, watch.hear))
        if calibrated:
            watch.say("Measuring the instrument's own error.")
            path = plan.lanes[0].path
            dialect: DialectName = "anthropic" if path == "anthropic" else "openai"
            calibration = background().wait(calibrate(plan.streams, path=path, dialect=dialect))
        stopped = False
    except KeyboardInterrupt:
        stopped = True
    finally:
        watch.say("")
    return sorted(watch.records, key=lambda record: record.number), calibration, stopped


class _Watch:
    """Keeps the records as they come, and says how the run gets on where somebody looks: on a terminal."""

    def __init__(self, calls: int) -> None:
        self.records: list[StreamRecord] = []
        self._calls = calls
        self._said = ""

    def hear(self, event: MeasurementEvent) -> None:
        """On the background loop."""
        from ..measurement import Preparing, Recorded

        if isinstance(event, Recorded):
            self.records.append(event.record)
        made = f"{len(self.records):,} of {self._calls:,} calls"
        self.say(event.what if isinstance(event, Preparing) else made)

    def say(self, words: str) -> None:
        """In place of what was said before."""
        if words != self._said and sys.stderr.isatty():
            click.echo(f"{CLEAR}{words}", nl=False, err=True)
        self._said = words


def _check_keys(targets: Sequence[Target]) -> None:
    """No call is made where a key is known to be missing."""
    from ..measurement.providers import provider_of

    lacking = []
    for target in targets:
        provider = provider_of(target.model)
        if (missing := target.missing(os.environ)) and not (provider and provider.elsewhere):
            lacking.append(f"{target.name} needs {' and '.join(missing)}")
    if lacking:
        raise LlmlabError(f"{'; '.join(lacking)}: set it in the environment")


def _check_saving(file: Path, plan: Plan, runs: int) -> None:
    """What would be measured can be saved, as far as that is known before."""
    from ..measurement.statistics import least_n

    if not file.parent.is_dir():
        raise click.UsageError(f"--save-latencies: there is no folder {file.parent}.")
    catalogs = {target.catalog for target in plan.targets if target.endpoint is not None}
    if runs < least_n(0.5):
        raise click.UsageError(f"--save-latencies needs --runs {least_n(0.5)} or more: fewer say nothing of a median.")
    if len(catalogs) != 1:
        found = f"are of several catalogs ({', '.join(sorted(map(str, catalogs)))})" if catalogs else "are of none"
        raise click.UsageError(f"--save-latencies is for endpoints of one catalog; these {found}.")


def _save(plan: Plan, records: Sequence[StreamRecord], file: Path, calibration: Calibration | None) -> None:
    from ..measurement.profiles import save_profiles

    known = {target.name: target.endpoint for target in plan.targets if target.endpoint is not None}
    saved = save_profiles(records, file, endpoints=known, calibration=calibration)
    (catalog,) = {target.catalog for target in plan.targets if target.endpoint is not None}
    said = ", ".join(latency.endpoint for latency in saved.latencies)
    click.echo(f"{file}: the latency of {said}, to lay over {catalog}", err=True)

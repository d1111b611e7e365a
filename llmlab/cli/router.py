"""From a saved scenario to a router that is proven: `recommend`, `lint`, `verify`, and `redecide` each quarter."""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .options import as_of_option

if TYPE_CHECKING:
    from ..gateway.plan import RouterPlan

F = TypeVar("F", bound=Callable[..., Any])

CLEAR = "\r\x1b[K"
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


class _Seconds(click.FloatRange):
    """A finite time above 0."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return seconds


def _promise_options(command: F) -> F:
    """What a router has to keep, which its file cannot say."""
    residency = click.option("--residency", metavar="PLACE", help="A scope (eu), a region, or own-network.")
    sla = click.option("--sla", "sla_s", type=_Seconds(), metavar="S", help="What a caller may wait in the worst case.")
    return residency(sla(command))


@click.command()
@click.argument("path", type=_FILE, metavar="SCENARIO")
@click.option("--export", "folder", type=_FOLDER, metavar="DIR", help="Write the router there, ready to run.")
@as_of_option("Prices in force on this day.  [default: today]")
@click.option("--json", "as_json", is_flag=True, help="A JSON object instead of tables.")
def recommend(path: Path, folder: Path | None, as_of: date | None, as_json: bool) -> None:
    """The cheapest four models that keep every constraint of a saved SCENARIO.

    The status is 1 where the constraints cannot be met together; what is said is then which, and the least to give up.
    """
    from ..routing.constraints import Constraints
    from ..routing.recommend import recommend as answer
    from ..scenario import Scenario

    scenario = Scenario.read(path)
    name = scenario.name or path.stem
    found = answer(scenario.constraints or Constraints(), scenario.workload, scenario.load_catalog(), as_of=as_of)
    if as_json:
        from . import recommended

        click.echo(recommended.as_json(name, found))
    else:
        from ..report.decisions import to_text

        click.echo(to_text(name, found), nl=False)
    if found.conflict is not None:
        raise SystemExit(1)
    if folder is not None:
        from ..gateway.exporting import export
        from ..gateway.planning import plan_router

        plan = plan_router(found, name=name)
        written = export(plan, folder, recommendation=found)
        click.echo(f"{written}: written, and not proven yet: {_how_to_prove(written / 'router.yaml', plan)}", err=True)


def _how_to_prove(file: Path, plan: RouterPlan) -> str:
    residency = "" if plan.residency is None else f" --residency {plan.residency}"
    sla = "" if plan.sla_s is None else f" --sla {plan.sla_s:g}"
    return f"llmlab verify {file}{residency}{sla}"


@click.command()
@click.argument("path", type=_FILE, metavar="ROUTER")
@_promise_options
@click.option("--json", "as_json", is_flag=True, help="A JSON list of findings instead of lines.")
def lint(path: Path, residency: str | None, sla_s: float | None, as_json: bool) -> None:
    """What is wrong with a LiteLLM config, read strictly and offline.

    An error is what will not start, or will not do as written: the status is then 1. A warning works and may hurt.
    """
    from ..gateway.lint import is_clean
    from ..gateway.lint import lint as read

    findings = read(path, residency=residency, sla_s=sla_s)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{path}:{finding}")
        errors = sum(finding.severity == "error" for finding in findings)
        click.echo(f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}", err=True)
    if not is_clean(findings):
        raise SystemExit(1)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@click.command()
@click.argument("path", type=_FILE, metavar="ROUTER")
@_promise_options
@click.option("--report", type=_FILE, metavar="FILE", help="Write the report there too, as one HTML page.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object instead of a table.")
def verify(path: Path, residency: str | None, sla_s: float | None, report: Path | None, as_json: bool) -> None:
    """Prove a LiteLLM config: lint, LiteLLM's own loader, egress, and the real proxy under faults.

    Simulated providers answer, and nothing leaves this machine, whatever keys are set. The status is 0 where it is
    proven, 1 where something failed, 2 where nothing failed and the proof is not whole. Ctrl-C ends it and its
    processes, and says what was seen until then.
    """
    if report is not None and not report.absolute().parent.is_dir():
        raise click.UsageError(f"--report: there is no folder {report.parent}.")
    from ..gateway.verify import verify as prove

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        found = prove(path, residency=residency, sla_s=sla_s, progress=_say, cancel=stop)
    finally:
        _say("")
    click.echo(found.to_json() if as_json else found.to_text().rstrip("\n"))
    if report is not None:
        from ..saving import write_whole

        write_whole(report, found.to_html())
        click.echo(f"{report}: written", err=True)
    if found.cancelled:
        raise click.Abort
    raise SystemExit(found.exit_code)


def _say(words: str, share: float = 1.0) -> None:
    """How far it is, in place of what was said before; only where somebody looks."""
    if sys.stderr.isatty():
        click.echo(f"{CLEAR}{f'{share:4.0%} {words}' if words else ''}", nl=False, err=True)


@click.command()
@click.argument("folder", type=_FOLDER, metavar="DIR")
@click.option("--catalog", "catalog_name", metavar="NAME|PATH", help="[default: the newest snapshot]")
@click.option("--json", "as_json", is_flag=True, help="A JSON list with an object per decision.")
def redecide(folder: Path, catalog_name: str | None, as_json: bool) -> None:
    """Whether the decisions saved in DIR still hold on a newer catalog, and what moved them.

    For a check each quarter: the status is 1 where one no longer holds, or is no longer the best.
    """
    from ..catalog import load_catalog
    from ..scenario import redecide_folder

    found = redecide_folder(folder, load_catalog(catalog_name))
    if as_json:
        from . import recommended

        click.echo(recommended.redecided_as_json(found))
    else:
        for one in found:
            click.echo(one.words)
    if not all(one.holds for one in found):
        raise SystemExit(1)

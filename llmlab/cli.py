"""The same answers without a screen, for scripts and CI. `llmlab` alone opens the lab.

A mistake exits with status 1 (2 for a command line that cannot be read) and one clear line, never a traceback.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from .errors import LlmlabError
from .shipped import folder

if TYPE_CHECKING:
    from .catalog import Catalog
    from .cost import Estimate, Workload

F = TypeVar("F", bound=Callable[..., Any])


class _Group(click.Group):
    """Says what went wrong in one line on standard error, where click would add its usage text."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            super().main(*args, **kwargs | {"standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as e:
            e.show()
        except click.ClickException as e:
            _stop(e.format_message(), e.exit_code)
        except LlmlabError as e:
            _stop(str(e), 1)
        except (click.Abort, KeyboardInterrupt):
            _stop("stopped", 130)
        except BrokenPipeError:  # `llmlab estimate | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _stop(message: str, status: int) -> NoReturn:
    click.echo(f"llmlab: {' '.join(message.split())}", err=True)
    sys.exit(status)


@click.group(cls=_Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="llmlab")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Which LLMs, from whom, wired together how, at what cost and latency.

    Without a command, opens JupyterLab on the notebooks.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(lab)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("jupyter_arguments", nargs=-1, type=click.UNPROCESSED)
def lab(jupyter_arguments: tuple[str, ...] = ()) -> None:
    """Open JupyterLab on the notebooks. Further arguments go to JupyterLab (--no-browser, --port 8899)."""
    notebooks = _writable_notebooks()
    first = min(notebooks.glob("*.ipynb"), default=None)
    start = [f"--LabApp.default_url=/lab/tree/{first.name}"] if first else []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        start.append("--allow-root")  # a container: whoever typed this is root already, and Jupyter would only refuse
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks}", *start, *jupyter_arguments]
    os.execv(sys.executable, command)


def _writable_notebooks() -> Path:
    """The notebooks to open: those of a checkout as they stand, those of an installed wheel as a copy to work in."""
    shipped = folder("notebooks")
    if shipped.parent.name != "_shipped":
        return shipped
    import shutil

    copy = Path("llmlab-notebooks").resolve()
    if not copy.exists():
        shutil.copytree(shipped, copy)
        click.echo(f"Notebooks copied to {copy}", err=True)
    return copy


_SHARE = click.FloatRange(0, 1)
_COUNT = click.IntRange(min=0)


def _workload_options(command: F) -> F:
    """The options that describe a workload; left out, a scenario's value or the default stands."""
    for option in reversed(
        [
            click.option("--requests", type=click.IntRange(min=1), help="Requests per period.  [default: 100000]"),
            click.option("--period", type=click.Choice(["run", "day", "month"]), help="[default: month]"),
            click.option("--input-tokens", type=_COUNT, help="Whole prompt of one request.  [default: 4000]"),
            click.option("--output-tokens", type=_COUNT, help="Visible answer.  [default: 500]"),
            click.option("--reasoning-tokens", type=_COUNT, help="Hidden tokens, billed as output.  [default: 0]"),
            click.option("--cacheable-tokens", type=_COUNT, help="Stable prefix.  [default: the whole prompt]"),
            click.option("--cache-hit-rate", type=_SHARE, help="Share of requests that hit, 0..1.  [default: 0]"),
            click.option("--cache-ttl", type=click.Choice(["5m", "1h"]), help="[default: 5m]"),
            click.option("--batch-share", type=_SHARE, help="Share that can wait for a batch.  [default: 0]"),
            click.option("--mode", type=click.Choice(["standard", "flex", "priority"]), help="How the rest is sent."),
            click.option("--off-peak-share", type=_SHARE, help="Share sent in cheaper hours.  [default: 0]"),
            click.option("--retry-rate", type=click.FloatRange(0, 10), help="Billed extra attempts.  [default: 0]"),
            click.option("--region", help="Where it must be processed, e.g. eu: adds the uplift."),
            click.option("--same-text", is_flag=True, default=None, help="Scale tokens by each model's tokenizer."),
        ]
    ):
        command = option(command)
    return command


@main.command()
@_workload_options
@click.option("--catalog", "catalog_name", metavar="NAME|PATH", help="A snapshot, litellm, genai-prices or a path.")
@click.option("--overrides", type=click.Path(path_type=Path), multiple=True, help="Your own prices (YAML).")
@click.option("--model", "models", multiple=True, metavar="ID", help="A model or endpoint; may be repeated.")
@click.option("--scenario", "scenario_path", type=click.Path(path_type=Path), help="Start from a saved scenario.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Prices in force on this day.  [default: today]")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of rows instead of a table.")
def estimate(
    catalog_name: str | None,
    overrides: tuple[Path, ...],
    models: tuple[str, ...],
    scenario_path: Path | None,
    as_of: Any,
    as_json: bool,
    **given: Any,
) -> None:
    """What a workload costs on every endpoint, cheapest first."""
    from . import cost
    from .catalog import load_catalog, read_overrides
    from .catalog.overrides import apply
    from .scenario import Scenario

    changes = {name: value for name, value in given.items() if value is not None}
    workload = cost.Workload()
    if scenario_path is not None:
        scenario = Scenario.read(scenario_path)
        catalog = scenario.load_catalog() if catalog_name is None else scenario.current_catalog(catalog_name)
        for path in overrides:  # on top of the scenario's own
            catalog = apply(catalog, read_overrides(path))
        workload = scenario.workload
        models = models or scenario.choices.models
    else:
        catalog = load_catalog(catalog_name, overrides)
    workload = workload.change(**changes)
    if models:
        wanted = {e.id for name in models for e in catalog.find(name)}
        catalog = catalog.where(lambda e: e.id in wanted)
    rows = cost.estimate(workload, catalog, as_of=_day(as_of))
    if as_json:
        click.echo(json.dumps(rows.to_dicts(), indent=1, ensure_ascii=False))
    else:
        click.echo(_estimate_text(rows.rows, workload, catalog, rows.as_of), nl=False)


def _estimate_text(rows: tuple[Estimate, ...], workload: Workload, catalog: Catalog, as_of: date) -> str:
    from .report import TextTable, usd

    columns = ("endpoint", "input", "output", f"per {workload.period}", "per request", "ratio", "price", "")
    table = TextTable(
        columns,
        tuple(
            (
                r.endpoint,
                "" if r.input_usd is None else usd(r.input_usd),
                "" if r.output_usd is None else usd(r.output_usd),
                usd(r.total_usd),
                "" if r.usd_per_request is None else usd(r.usd_per_request),
                "" if r.ratio is None else f"{r.ratio:.3g}x" if r.ratio < 1000 else f"{r.ratio:,.0f}x",
                r.confidence or "",
                "; ".join([*r.flags, *([r.unpriced] if r.unpriced else [])]),
            )
            for r in rows
        ),
        frozenset(columns[1:6]),
    )
    unpriced = sum(r.total_usd is None for r in rows)
    head = (
        f"{workload.requests:,} requests per {workload.period}, {workload.input_tokens:,} in x "
        f"{workload.output_tokens:,} out; catalog {catalog.name}, prices in force on {as_of}"
        + (f"; {unpriced} unpriced" if unpriced else "")
    )
    return f"{head}\n\n{table.to_text()}"


@main.group()
def prices() -> None:
    """The catalogs: which there are, what moved between two, what is wrong with one."""


@prices.command("list")
@click.argument("catalog_name", required=False, metavar="[NAME|PATH]")
def list_(catalog_name: str | None) -> None:
    """The catalogs by name; or, of one catalog, its models and their prices."""
    from .catalog import load_catalog, snapshot_names
    from .catalog.tables import SPEC_COLUMNS
    from .report import TextTable

    if catalog_name is None:
        found = [load_catalog(name) for name in snapshot_names()]
        rows = tuple((c.name, str(c.as_of), str(len(c.models)), str(len(c)), c.title) for c in found)
        columns = ("catalog", "as of", "models", "endpoints", "")
        click.echo(TextTable(columns, rows, frozenset(columns[2:4])).to_text(), nl=False)
        return
    catalog = load_catalog(catalog_name)
    cells = tuple(spec.cells for spec in catalog.specs())
    click.echo(TextTable(SPEC_COLUMNS, cells, frozenset(SPEC_COLUMNS[2:6])).to_text(), nl=False)


@prices.command()
@click.argument("older")
@click.argument("newer", required=False)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day for the newer catalog.  [default: its own]")
def diff(older: str, newer: str | None, as_of: Any) -> None:
    """What moved from OLDER to NEWER (the newest snapshot unless said)."""
    from .catalog import load_catalog

    changes = load_catalog(older).diff(load_catalog(newer), as_of=_day(as_of))
    for change in changes:
        click.echo(str(change))
    click.echo(f"{len(changes)} changes", err=True)


@prices.command()
@click.argument("catalog_name", required=False, metavar="[NAME|PATH]")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="[default: today]")
@click.option("--strict", is_flag=True, help="Exit 1 if there is any finding, for CI.")
def lint(catalog_name: str | None, as_of: Any, strict: bool) -> None:
    """Which rows are stale, retired, disputed between sources, or carry an older sibling's price."""
    from .catalog import load_catalog

    findings = load_catalog(catalog_name).lint(as_of=_day(as_of))
    for finding in findings:
        click.echo(str(finding))
    click.echo(f"{len(findings)} findings", err=True)
    if strict and findings:
        raise SystemExit(1)


def _day(given: Any) -> date | None:
    return given.date() if given is not None else None

"""`llmlab estimate`: what a workload costs on every endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .options import as_of_option

if TYPE_CHECKING:
    from ..catalog import Catalog
    from ..cost import Estimate, Workload

F = TypeVar("F", bound=Callable[..., Any])

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


@click.command()
@_workload_options
@click.option("--catalog", "catalog_name", metavar="NAME|PATH", help="A snapshot, litellm, genai-prices or a path.")
@click.option("--overrides", type=click.Path(path_type=Path), multiple=True, help="Your own prices (YAML).")
@click.option("--model", "models", multiple=True, metavar="ID", help="A model or endpoint; may be repeated.")
@click.option("--scenario", "scenario_path", type=click.Path(path_type=Path), help="Start from a saved scenario.")
@as_of_option("Prices in force on this day.  [default: today]")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of rows instead of a table.")
def estimate(
    catalog_name: str | None,
    overrides: tuple[Path, ...],
    models: tuple[str, ...],
    scenario_path: Path | None,
    as_of: date | None,
    as_json: bool,
    **given: Any,
) -> None:
    """What a workload costs on every endpoint, cheapest first."""
    from .. import cost
    from ..catalog import load_catalog, read_overrides
    from ..catalog.overrides import apply
    from ..scenario import Scenario

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
    rows = cost.estimate(workload, catalog, as_of=as_of)
    if as_json:
        click.echo(json.dumps(rows.to_dicts(), indent=1, ensure_ascii=False))
    else:
        click.echo(_estimate_text(rows.rows, workload, catalog, rows.as_of), nl=False)


def _estimate_text(rows: tuple[Estimate, ...], workload: Workload, catalog: Catalog, as_of: date) -> str:
    from ..report import TextTable, usd

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

"""How fast llmlab is beside what people use today.

`python tests/benchmarks [--json FILE] [NAME...]` prints a table for each name; without one, for all of them
(`--help` lists them).

Every ratio is of two medians from one run, the two measured in turn: a machine that is busy slows both. Only ratios
(and sizes, which no machine changes) are judged, and one beyond its limit ends this with status 1; absolute times are
printed beside what is wanted of them. A peer that is not installed is skipped by name.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import click

PROJECT = Path(__file__).parents[2]
BENCHMARKS = ("reprice", "recommend", "cold_start", "screen", "lanes", "first_lane", "timing")

sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "browser")]
__package__ = "tests.benchmarks"  # also where it is run as a folder: `python tests/benchmarks`


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the table to this file.")
def main(names: tuple[str, ...], json_file: Path | None) -> None:
    from .rows import Row, Skipped, table, versions

    rows: list[Row] = []
    for name in names or BENCHMARKS:
        try:
            found: list[Row] = importlib.import_module(f"tests.benchmarks.{name}").rows()
        except Skipped as why:
            click.echo(f"{name}: skipped, {why}")
            continue
        rows += found
        click.echo(f"\n{name}\n{table(found)}")
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    known = versions()
    click.echo(f"\n{machine}; {', '.join(f'{package} {version}' for package, version in known.items())}")
    if json_file:
        found_rows = [asdict(row) | {"ratio": row.ratio, "verdict": row.verdict} for row in rows]
        json_file.write_text(json.dumps({"machine": machine, "versions": known, "rows": found_rows}, indent=1) + "\n")
    missed = [row.job for row in rows if row.verdict == "MISSED"]
    if missed:
        click.echo(f"Beyond its limit: {'; '.join(missed)}", err=True)
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()

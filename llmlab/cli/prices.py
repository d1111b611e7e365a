"""`llmlab prices`: which catalogs there are, what moved between two, what is wrong with one."""

from __future__ import annotations

from datetime import date

import click

from .options import as_of_option


@click.group()
def prices() -> None:
    """The catalogs: which there are, what moved between two, what is wrong with one."""


@prices.command("list")
@click.argument("catalog_name", required=False, metavar="[NAME|PATH]")
def list_(catalog_name: str | None) -> None:
    """The catalogs by name; or, of one catalog, its models and their prices."""
    from ..catalog import load_catalog, snapshot_names
    from ..catalog.tables import SPEC_COLUMNS
    from ..report import TextTable

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
@as_of_option("The day for the newer catalog.  [default: its own]")
def diff(older: str, newer: str | None, as_of: date | None) -> None:
    """What moved from OLDER to NEWER (the newest snapshot unless said)."""
    from ..catalog import load_catalog

    changes = load_catalog(older).diff(load_catalog(newer), as_of=as_of)
    for change in changes:
        click.echo(str(change))
    click.echo(f"{len(changes)} changes", err=True)


@prices.command()
@click.argument("catalog_name", required=False, metavar="[NAME|PATH]")
@as_of_option("[default: today]")
@click.option("--strict", is_flag=True, help="Exit 1 if there is any finding, for CI.")
def lint(catalog_name: str | None, as_of: date | None, strict: bool) -> None:
    """Which rows are stale, retired, disputed between sources, or carry an older sibling's price."""
    from ..catalog import load_catalog

    findings = load_catalog(catalog_name).lint(as_of=as_of)
    for finding in findings:
        click.echo(str(finding))
    click.echo(f"{len(findings)} findings", err=True)
    if strict and findings:
        raise SystemExit(1)

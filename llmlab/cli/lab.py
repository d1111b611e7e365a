"""`llmlab lab`: JupyterLab on the notebooks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ..shipped import folder


@click.command(context_settings={"ignore_unknown_options": True})
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

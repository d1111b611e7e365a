"""The same answers without a screen, for scripts and CI. `llmlab` alone opens the lab.

A mistake exits with status 1 (2 for a command line that cannot be read) and one clear line, never a traceback.
Each command is a module; what a command needs is imported when it runs, so that `--help` is there at once.
"""

from __future__ import annotations

import click

from .estimate import estimate
from .lab import lab
from .measure import measure
from .prices import prices
from .program import Program
from .router import lint, recommend, redecide, verify
from .simulate import simulate

__all__ = ["main"]


@click.group(cls=Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="llmlab")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Which LLMs, from whom, wired together how, at what cost and latency.

    Without a command, opens JupyterLab on the notebooks.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(lab)


for command in (estimate, lab, lint, measure, prices, recommend, redecide, simulate, verify):
    main.add_command(command)

"""`llmlab simulate`: simulated providers on this machine, for other tools."""

from __future__ import annotations

import os
import signal
import stat
import threading
from typing import TYPE_CHECKING

import click

from ..errors import LlmlabError

if TYPE_CHECKING:
    from ..measurement.simulated import Simulated
    from ..simulator import Simulator


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="On 127.0.0.1.  [default: any that is free]")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides every jitter and every word.")
@click.option("--list", "only_list", is_flag=True, help="Say what there is, and start nothing.")
def simulate(names: tuple[str, ...], port: int, seed: int, only_list: bool) -> None:
    """Simulated providers on this machine for other tools, all or those named, until Ctrl-C.

    Also ends when the program that started it does, or closes the pipe that it reads.
    """
    from ..measurement.simulated import simulated_endpoint, simulated_endpoints
    from ..simulator import Simulator

    chosen = tuple({simulated_endpoint(name): None for name in names}) or simulated_endpoints()
    if only_list:
        click.echo(_simulated_text(chosen), nl=False)
        return
    parent = os.getppid()  # now: it may be gone by the time that all is up
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with Simulator([one.endpoint for one in chosen], seed=seed, port=port) as simulator:
            click.echo(_started_text(chosen, simulator.url))
            _stay(simulator, parent)
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


def _simulated_text(chosen: tuple[Simulated, ...]) -> str:
    from ..report import TextTable

    columns = ("endpoint", "dialect", "first token", "tokens/s", "answer")
    table = TextTable(
        columns,
        tuple(
            (
                one.name,
                one.dialect,
                f"{one.endpoint.profile.ttft_s * 1000:.0f} ms",
                f"{1 / one.endpoint.profile.itl_s:.0f}",
                f"{one.endpoint.answer.reasoning_tokens} + {one.endpoint.answer.output_tokens} tokens",
            )
            for one in chosen
        ),
        frozenset(columns[2:5]),
    )
    head = "Simulated: medians, drawn with jitter. An answer is so many tokens of reasoning + of text."
    notes = "".join(f"{one.name}: {f'{one.about}. ' if one.about else ''}{one.basis}\n" for one in chosen)
    return f"{head}\n\n{table.to_text()}\n{notes}"


def _started_text(chosen: tuple[Simulated, ...], url: str) -> str:
    from ..simulator import base_url, curl
    from ..simulator.process import DIALECTS

    lines = [f"Simulator at {url}: simulated latencies and made-up answers. Any key will do. Ctrl-C ends it.", ""]
    lines += [f"  {dialect:<10} {base_url(url, dialect)}" for dialect in DIALECTS]
    for one in chosen:
        lines += ["", f"{one.endpoint.name}  ({one.name})", f"  {curl(url, one.endpoint.name, one.dialect)}"]
    return "\n".join(lines)


def _stay(simulator: Simulator, parent: int) -> None:
    """Wait until `parent` is gone, or the pipe that is standard input is closed. A terminal or /dev/null says nothing
    by its end."""
    closed = threading.Event()

    def read_on() -> None:
        while os.read(0, 4096):
            pass
        closed.set()

    try:
        is_pipe = stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode)
    except OSError:  # there is no standard input
        is_pipe = False
    if is_pipe:
        threading.Thread(target=read_on, daemon=True).start()
    while not closed.wait(0.5) and os.getppid() == parent:
        if not simulator.alive:
            raise LlmlabError("the simulator's process has ended by itself; start it again")

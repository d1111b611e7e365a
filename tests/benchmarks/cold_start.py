"""From nothing to something: every measurement is a fresh interpreter, with bytecode written before."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from .rows import Row, in_turn, measure

PROJECT = Path(__file__).parents[2]
ROUNDS = 7
EXPLORER = """
from llmlab import CostExplorer
explorer = CostExplorer()
explorer.draw_bars().to_json(), explorer.draw_table().to_json()
"""


def rows() -> list[Row]:
    jobs: dict[str, Callable[[], object]] = {
        "nothing": _python("pass"),
        "llmlab": _python("import llmlab"),
        "estimate": _python("from llmlab.cli import main; main(['estimate'])"),
        "explorer": _python(EXPLORER),
    }
    peers = [name for name in ("litellm", "genai_prices") if importlib.util.find_spec(name)]
    jobs |= {name: _python(f"import {name}") for name in peers}
    for job in jobs.values():
        job()  # writes bytecode, reads files into the cache
    seconds = in_turn(jobs, rounds=ROUNDS)
    floor = measure(seconds["nothing"])
    beyond = {name: [max(value - floor.median, 1e-4) for value in values] for name, values in seconds.items()}
    ours = measure(beyond["llmlab"])
    found = [
        Row(job="start of Python itself, taken off below", ours=floor),
        Row(job="import llmlab", ours=ours, wanted=0.15),
    ]
    if "litellm" in peers:
        theirs = measure(beyond["litellm"])
        found.append(Row(job="import", ours=ours, peer="import litellm", theirs=theirs, limit=0.1))
    if "genai_prices" in peers:
        found.append(Row(job="import", ours=ours, peer="import genai_prices", theirs=measure(beyond["genai_prices"])))
    return [*found, *_tables(seconds)]


def _tables(seconds: Mapping[str, list[float]]) -> list[Row]:
    """From the start of Python, not taken off: what a person waits for."""
    return [
        Row(job="first table, cold: `llmlab estimate`", ours=measure(seconds["estimate"]), wanted=1.5),
        Row(job="Cost Explorer, cold: bars and table ready to send", ours=measure(seconds["explorer"]), wanted=1.5),
    ]


def _python(code: str) -> Callable[[], object]:
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def run() -> None:
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.DEVNULL)

    return run

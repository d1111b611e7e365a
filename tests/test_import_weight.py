"""What an import loads, and how long it takes: tried in a fresh interpreter, because this one has loaded everything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
SCREENS = {"IPython", "anywidget", "ipywidgets", "plotly", "traitlets"}
CALLS = {"anthropic", "litellm", "openai"}
HEAVY = SCREENS | CALLS | {"numpy", "pandas", "pydantic", "yaml"}

IMPORT = """
import json, sys, time
start = time.perf_counter()
import {module}
seconds = time.perf_counter() - start
print(json.dumps({{"seconds": seconds, "loaded": sorted({{name.split(".")[0] for name in sys.modules}})}}))
"""


def fresh_import(module: str) -> dict[str, Any]:
    """How long `import module` took, and which packages it loaded."""
    run = subprocess.run(
        [sys.executable, "-c", IMPORT.format(module=module)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_importing_llmlab_loads_nothing_heavy() -> None:
    assert HEAVY.intersection(fresh_import("llmlab")["loaded"]) == set()


def test_importing_llmlab_is_over_before_anyone_notices() -> None:
    # The best of three: what the machine does beside is not what is asked.
    assert min(fresh_import("llmlab")["seconds"] for _ in range(3)) < 0.15


@pytest.mark.parametrize("module", ["catalog", "cli", "cost", "report", "scenario"])
def test_what_answers_without_a_screen_loads_no_screen_no_sdk_and_no_pandas(module: str) -> None:
    heavy = SCREENS | CALLS | {"pandas"}
    assert heavy.intersection(fresh_import(f"llmlab.{module}")["loaded"]) == set()


@pytest.mark.parametrize(
    "module",
    ["", ".calibration", ".definitions", ".export", ".profiles", ".providers", ".statistics", ".summary", ".targets"],
)
def test_what_is_asked_of_a_measurement_loads_no_library_that_makes_the_calls(module: str) -> None:
    # LiteLLM, the SDKs, httpx and h11 are for the worker, which has a process of its own; pandas and pyarrow are for
    # `to_frame` and `to_parquet`.
    late = SCREENS | CALLS | {"aiohttp", "botocore", "h11", "httpx", "pandas", "pyarrow"}
    assert late.intersection(fresh_import(f"llmlab.measurement{module}")["loaded"]) == set()


def test_a_worker_says_that_it_lives_before_it_loads_what_takes_seconds() -> None:
    assert (CALLS | {"botocore", "httpx"}).intersection(fresh_import("llmlab.measurement.__main__")["loaded"]) == set()


def test_the_command_line_can_say_its_help_without_numpy_or_a_catalog() -> None:
    assert {"numpy", "pydantic", "yaml"}.intersection(fresh_import("llmlab.cli")["loaded"]) == set()


@pytest.mark.parametrize("module", ["cost_explorer", "panel", "playground"])
def test_the_screens_load_without_plotly_pandas_or_an_sdk(module: str) -> None:
    late = CALLS | {"httpx", "pandas", "plotly", "pyarrow"}
    assert late.intersection(fresh_import(f"llmlab.widgets.{module}")["loaded"]) == set()

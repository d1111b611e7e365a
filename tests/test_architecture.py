"""The house: imports run one way, and heavy packages stay in their rooms. Read from the source, nothing is run.

`tests/test_import_weight.py` proves the same from the other side, by importing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "llmlab"

GROUND = {"errors", "saving", "shipped"}  # stands on nothing but errors, may be used by all but the simulator
CLOCK = {"stamps"}  # of those who measure, and of those who are measured
PURE = {"catalog", "cost", "routing"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "saving": {"errors"},
    "shipped": {"errors"},
    "catalog": GROUND,
    "cost": GROUND | {"catalog"},
    "routing": GROUND | {"catalog", "cost"},
    "gateway": GROUND | CLOCK | {"catalog", "cost", "report", "routing", "simulator"},
    "measurement": GROUND | CLOCK | {"catalog", "cost", "simulator"},
    "stamps": set(),
    "simulator": CLOCK | {"errors", "catalog.records"},  # of the catalog, only the latency values
    "scenario": GROUND | PURE,
    "report": GROUND | PURE,
    "widgets": GROUND | PURE | {"gateway", "measurement", "simulator", "scenario", "report"},
    "cli": GROUND | PURE | {"gateway", "measurement", "simulator", "scenario", "report", "widgets"},
    "__init__": GROUND | PURE | {"gateway", "measurement", "scenario", "widgets"},  # for a type checker only
}
SCREENS = {"IPython", "anywidget", "comm", "ipykernel", "ipywidgets", "plotly", "traitlets"}
CALLS = {"anthropic", "litellm", "openai"}
EXPORTED = PACKAGE / "gateway" / "app.py"  # copied as it is into an exported router: llmlab itself never imports it


@dataclass(frozen=True)
class Import:
    """One import statement: `target` is absolute, `runs` says when."""

    file: Path
    line: int
    target: str
    runs: str  # "at import", "when called", or "never": for a type checker

    @property
    def part(self) -> str:
        """The folder or module of llmlab that imports."""
        return self.file.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @property
    def package(self) -> str:
        """The top-level package that is imported."""
        return self.target.split(".")[0]

    @property
    def inside(self) -> str | None:
        """What is imported of llmlab, from its root on (`catalog.records`); `None` where it is another package."""
        return self.target.partition(".")[2] if self.package == "llmlab" else None

    def __str__(self) -> str:
        return f"{self.file.relative_to(PACKAGE.parent)}:{self.line}: {self.target} ({self.runs})"


def imports_of(file: Path) -> Iterator[Import]:
    """Every import in a file, wherever it stands."""
    module = ("llmlab", *file.relative_to(PACKAGE).with_suffix("").parts)
    package = module[:-1]  # of `__init__.py` too: its own folder

    def walk(node: ast.AST, runs: str) -> Iterator[Import]:
        match node:
            case ast.Import(names=names):
                yield from (Import(file, node.lineno, alias.name, runs) for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = ".".join([*package[: len(package) - level + 1], *([name] if name else [])]) if level else name
                # `from . import cost` and `from llmlab.catalog import schema` may name modules.
                yield from (Import(file, node.lineno, _target(str(base), alias.name), runs) for alias in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
                for statement in body:
                    yield from walk(statement, "never")
                for statement in orelse:
                    yield from walk(statement, runs)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                for child in ast.iter_child_nodes(node):
                    yield from walk(child, "when called" if runs == "at import" else runs)
            case _:
                for child in ast.iter_child_nodes(node):
                    yield from walk(child, runs)

    yield from walk(ast.parse(file.read_text(encoding="utf-8")), "at import")


def _target(base: str, name: str) -> str:
    """`base.name` where that is a module of llmlab, else `base`."""
    path = PACKAGE.parent.joinpath(*base.split("."), name)
    is_module = f"{base}.".startswith("llmlab.") and (path.with_suffix(".py").is_file() or path.is_dir())
    return f"{base}.{name}" if is_module else base


ALL = [found for file in sorted(PACKAGE.rglob("*.py")) for found in imports_of(file)]


def wrong(allowed: Callable[[Import], bool]) -> list[str]:
    """The imports that break a rule, as a reader wants to see them."""
    return [str(found) for found in ALL if not allowed(found)]


def test_every_part_of_the_house_says_what_it_may_import() -> None:
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert parts <= set(MAY_IMPORT)


def test_imports_run_one_way() -> None:
    def allowed(found: Import) -> bool:
        if found.inside is None or found.inside.split(".")[0] == found.part:
            return True
        return any(f"{found.inside}.".startswith(f"{name}.") for name in MAY_IMPORT[found.part])

    assert wrong(allowed) == []


def test_the_rule_itself_has_no_way_back() -> None:
    def reached(part: str) -> set[str]:
        below = {name.split(".")[0] for name in MAY_IMPORT[part]}
        return below.union(*(reached(name) for name in below))

    assert [part for part in MAY_IMPORT if part in reached(part)] == []


def test_only_the_screens_know_the_screen() -> None:
    assert wrong(lambda found: found.package not in SCREENS or found.part == "widgets") == []


def test_the_screens_are_reached_late_and_only_from_the_top() -> None:
    def allowed(found: Import) -> bool:
        outside = found.part != "widgets" and str(found.inside).split(".")[0] == "widgets"
        return not outside or (found.part in ("cli", "__init__") and found.runs != "at import")

    assert wrong(allowed) == []


def test_only_measurement_and_gateway_call_a_model_and_load_what_they_need_late() -> None:
    def allowed(found: Import) -> bool:
        if found.file == EXPORTED:
            return found.package in sys.stdlib_module_names or found.package in ("httpx", "openai", "pydantic")
        return found.package not in CALLS or (found.part in ("measurement", "gateway") and found.runs != "at import")

    assert wrong(allowed) == []


def test_nothing_imports_what_is_exported() -> None:
    assert wrong(lambda found: found.inside != "gateway.app") == []


@pytest.mark.parametrize("package", ["genai_prices", "pandas", "plotly"])
def test_what_takes_long_to_load_is_loaded_where_it_is_used(package: str) -> None:
    assert wrong(lambda found: found.package != package or found.runs != "at import") == []


def test_the_names_at_the_top_load_nothing() -> None:
    top = [found for found in ALL if found.part == "__init__" and found.runs == "at import"]
    assert {found.package for found in top} <= {"__future__", "typing"}

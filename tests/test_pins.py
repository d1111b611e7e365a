"""The pinned versions: two files that agree with each other and with pyproject.toml.

README.md has the command that writes them.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]
RUNTIME = PROJECT / "binder" / "requirements.txt"
TESTING = PROJECT / "tests" / "requirements.txt"
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME_NEEDS = [Requirement(text) for text in DECLARED["project"]["dependencies"]]
EXTRAS = DECLARED["project"]["optional-dependencies"]
EXTRA_NEEDS = [Requirement(text) for extra, needs in EXTRAS.items() if extra != "test" for text in needs]
TEST_NEEDS = [Requirement(text) for text in DECLARED["project"]["optional-dependencies"]["test"]]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def pins(path: Path) -> dict[str, list[Requirement]]:
    """The pins by name; a package may have several, for different Pythons."""
    by_name: dict[str, list[Requirement]] = {}
    for line in lines(path):
        requirement = Requirement(line)
        by_name.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return by_name


@pytest.mark.parametrize("path", [RUNTIME, TESTING], ids=["runtime", "testing"])
def test_every_line_is_one_exact_version(path: Path) -> None:
    loose = [r for many in pins(path).values() for r in many if [s.operator for s in r.specifier] != ["=="]]
    assert loose == []


@pytest.mark.parametrize("path", [RUNTIME, TESTING], ids=["runtime", "testing"])
def test_no_index_and_no_option_is_named_in_a_file_of_pins(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [mark for mark in ("://", "--", "#") if mark in text] == []


def test_no_index_is_configured_in_the_project() -> None:
    # Which index is used is the affair of the machine that installs.
    assert set(DECLARED["tool"]) == {"hatch", "mypy", "pytest", "ruff"}


def test_no_lock_file_that_names_an_index_is_kept() -> None:
    assert "uv.lock" in lines(PROJECT / ".gitignore")


def test_what_runs_is_what_is_tested() -> None:
    def versions(path: Path) -> set[str]:
        return {line.partition(" ; ")[0] for line in lines(path)}  # tests may want one on more platforms

    assert versions(RUNTIME) - versions(TESTING) == set()


@pytest.mark.parametrize(
    ("needs", "path"),
    [(RUNTIME_NEEDS, RUNTIME), (RUNTIME_NEEDS + TEST_NEEDS, TESTING)],
    ids=["runtime", "testing"],
)
def test_every_need_is_pinned_within_its_range(needs: list[Requirement], path: Path) -> None:
    pinned = pins(path)
    wrong = [
        str(need)
        for need in needs
        if not (found := pinned.get(canonicalize_name(need.name)))
        or not all(need.specifier.contains(next(iter(pin.specifier)).version) for pin in found)
    ]
    assert wrong == []


def test_wheels_are_built_by_the_same_version_here_and_for_a_user() -> None:
    assert [str(need) for need in TEST_NEEDS if need.name == "hatchling"] == DECLARED["build-system"]["requires"]


def test_what_the_code_imports_is_declared() -> None:
    assert undeclared(PROJECT / "llmlab", RUNTIME_NEEDS + EXTRA_NEEDS) == set()


def test_what_the_tests_import_is_declared() -> None:
    assert undeclared(PROJECT / "tests", RUNTIME_NEEDS + TEST_NEEDS) == set()


def undeclared(folder: Path, needs: Iterable[Requirement]) -> set[str]:
    """The packages that files under `folder` import and nobody asked for by name."""
    ours = {"llmlab", "tests", *(path.stem for path in folder.rglob("*.py"))}
    asked = {canonicalize_name(need.name) for need in needs}
    by_module = metadata.packages_distributions()
    return {
        module
        for module in imported(folder) - ours - sys.stdlib_module_names
        if not asked.intersection(canonicalize_name(name) for name in by_module.get(module, []))
    }


def imported(folder: Path) -> set[str]:
    """The top-level names of all absolute imports under `folder`."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found

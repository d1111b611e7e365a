"""What a user installs: a wheel, built from an sdist, tried in a fresh environment outside the checkout.

Nothing is downloaded. The build runs without isolation on the pinned hatchling, and the fresh environment finds the
dependencies in this one: only llmlab itself is new to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pytest

PROJECT = Path(__file__).parents[1]
NOT_SHIPPED = (".ipynb_checkpoints", ".pyc", ".venv", "/tests/")

TRY = """
from pathlib import Path
import llmlab
from llmlab.shipped import folder
from llmlab.widgets import frontend

here = Path(llmlab.__file__).parent
assert here.parent.name == "site-packages", here
assert llmlab.__version__ == "{version}", llmlab.__version__

for name in ("2026-11", "seed-2026-early"):
    rows = llmlab.estimate(llmlab.Workload(requests=1_000), llmlab.load_catalog(name))
    assert rows[0].total_usd > 0, rows[0]
assert folder("pricing").is_relative_to(here)

explorer = llmlab.CostExplorer()
data, _ = explorer._repr_mimebundle_()
assert "application/vnd.jupyter.widget-view+json" in data
assert "<table" in explorer.snapshot()
assert "SIMULATED" in llmlab.Playground().snapshot()
assert "Router wizard" in llmlab.RouterWizard().snapshot()
assert len(frontend.module()) > 10_000 and len(frontend.style()) > 1_000

notebooks = folder("notebooks")
assert notebooks.is_relative_to(here)
bank = llmlab.Scenario.read(notebooks / "scenarios" / "eu_bank.yaml")
found = llmlab.recommend(bank.constraints, bank.workload, bank.load_catalog(), as_of=bank.decided.as_of)
assert found.endpoints == bank.decided.tiers, found.endpoints
assert (notebooks / "proofs" / "startup.json").is_file()
print(*sorted(path.name for path in notebooks.glob("*.ipynb")), sep="\\n")
"""


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints. Nothing of this checkout is on its path, and pip is told nothing but its arguments."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder, cwd=PROJECT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist and not from the checkout, so that the sdist is known to hold all of it."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-build-isolation", "--no-deps", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", folder, sdist, cwd=folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    executable = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ("install", "--no-deps", "--no-index", "--quiet", wheel)
    run(sys.executable, "-m", "pip", "--python", executable, *install, cwd=folder)
    # A plain path in a .pth is added to the end of the search path and its own .pth files are not read: the
    # dependencies of this environment are found, an editable llmlab in it is not.
    fresh = run(executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(fresh, "dependencies.pth").write_text("\n".join(sorted(ours)), encoding="utf-8")
    return executable


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_a_wheel_installed_elsewhere_prices_a_workload_shows_a_panel_and_finds_its_notebooks(
    python: Path, wheel: Path, tmp_path: Path
) -> None:
    version = wheel.name.split("-")[1]
    printed = run(python, "-I", "-c", TRY.format(version=version), cwd=tmp_path)
    assert printed.split() == sorted(path.name for path in (PROJECT / "notebooks").glob("*.ipynb"))


def test_the_command_is_installed(python: Path, tmp_path: Path) -> None:
    assert "estimate" in run(python.with_name("llmlab"), "--help", cwd=tmp_path)
    assert "simulated/gpt-5" in run(python.with_name("llmlab"), "measure", "--list", cwd=tmp_path)


@pytest.mark.parametrize(
    ("folder", "inside"),
    [("llmlab", "llmlab"), ("notebooks", "llmlab/_shipped/notebooks"), ("pricing", "llmlab/_shipped/pricing")],
)
def test_every_file_of_the_checkout_is_in_the_wheel(folder: str, inside: str, wheel: Path) -> None:
    root = PROJECT / folder
    ours = {f"{inside}/{path.relative_to(root).as_posix()}" for path in root.rglob("*") if path.is_file()}
    left_out = {name for name in ours - names(wheel) if "__pycache__" not in name and "_checkpoints" not in name}
    assert left_out == set()


def test_no_leftovers_are_in_the_wheel(wheel: Path) -> None:
    assert [name for name in names(wheel) if any(mark in name for mark in NOT_SHIPPED)] == []


def test_the_sdist_holds_the_tests_and_no_leftovers(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        inside = {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}
    assert {"LICENSE", "README.md", "binder/requirements.txt", "tests/test_wheel.py"} <= inside
    assert [name for name in inside if ".ipynb_checkpoints" in name or name.endswith(".pyc")] == []

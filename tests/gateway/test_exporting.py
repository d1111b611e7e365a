"""The exported folder: it appears whole, starts with its variables only, and loses nothing that somebody wrote."""

from __future__ import annotations

import json
import os
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from llmlab.errors import LlmlabError
from llmlab.gateway import app
from llmlab.gateway.exporting import MANIFEST, NOT_PROVEN, add_proof, export
from llmlab.gateway.litellm_yaml import to_config, variables
from llmlab.gateway.plan import RouterPlan
from llmlab.gateway.planning import plan_router
from llmlab.routing.recommendation import Caution
from tests.gateway.plans import eu_plan, recommendation

FILES = {"router.yaml", ".env.example", "run.sh", "app.py", "report.md", MANIFEST}
TOO = (Caution(code="a", words="one | two <b>three</b>"),)


def inside(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def changed() -> RouterPlan:
    return eu_plan(budgets={"smart": (Decimal(50), "1d")})


def test_an_export_is_everything_that_is_needed_to_run_it(tmp_path: Path) -> None:
    folder = export(eu_plan(), tmp_path / "out" / "router")
    assert set(inside(folder)) == FILES
    assert yaml.safe_load((folder / "router.yaml").read_text()) == to_config(eu_plan())
    assert (folder / "app.py").read_bytes() == Path(app.__file__).read_bytes()
    assert [path.name for path in folder.parent.iterdir()] == ["router"]  # nothing is left beside it


def test_the_example_names_every_variable_and_no_value(tmp_path: Path) -> None:
    text = (export(eu_plan(redis=True), tmp_path / "r") / ".env.example").read_text()
    assert re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE) == [(name, "") for name in variables(eu_plan(redis=True))]
    assert "backup-azure-eu (azure, gpt-5-1-datazone-eu) needs a deployment of this name" in text


def run(folder: Path, environment: dict[str, str], stand_in: str) -> subprocess.CompletedProcess[str]:
    """Start the export with a stand-in for `litellm` that says how it was called."""
    bin = folder.parent / "bin"
    bin.mkdir(exist_ok=True)
    (bin / "litellm").write_text(f"#!/bin/sh\n{stand_in}\n")
    (bin / "litellm").chmod(0o755)
    path = f"{bin}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [folder / "run.sh"], capture_output=True, text=True, check=False, env={"PATH": path, **environment}
    )


def test_it_starts_with_its_variables_and_no_others(tmp_path: Path) -> None:
    folder = export(eu_plan(), tmp_path / "r")
    names = dict.fromkeys(variables(eu_plan()), "any")
    started = run(folder, names, 'echo "$@" "$LITELLM_LOCAL_MODEL_COST_MAP" "$LITELLM_MODE"; pwd')
    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines() == [
        "--config router.yaml --host 127.0.0.1 --port 4000 True PRODUCTION",
        str(folder),
    ]


def test_a_variable_that_is_missing_is_named_before_anything_starts(tmp_path: Path) -> None:
    folder = export(eu_plan(), tmp_path / "r")
    names = dict.fromkeys(variables(eu_plan()), "any")
    del names["AZURE_EU_API_KEY"]
    failed = run(folder, names, "echo started")
    assert failed.returncode != 0 and failed.stdout == ""
    assert "AZURE_EU_API_KEY" in failed.stderr and "see .env.example" in failed.stderr


def test_the_report_says_what_was_decided_and_that_nothing_is_proven_yet(tmp_path: Path) -> None:
    found = recommendation(warnings=TOO)
    text = (export(plan_router(found, name="EU bank"), tmp_path / "r", recommendation=found) / "report.md").read_text()
    for said in (
        "# EU bank",
        "$0.0021 per request, $210 for 100,000 requests per month",
        "vertex\\_ai/claude-opus-5-5@eu",
        "first token about 400 ms, whole answer 2 s to 4 s (prior: a test)",
        "the cheapest that meets all constraints",
        "at most 9 s (10 s allowed)",
        "one \\| two \\<b\\>three\\</b\\>",
        NOT_PROVEN,
    ):
        assert said in text, said


def test_a_proof_takes_its_place_in_the_report(tmp_path: Path) -> None:
    folder = export(eu_plan(), tmp_path / "r")
    add_proof(folder, "Nine drills passed.")
    text = add_proof(folder, "Ten drills passed.").read_text()
    assert "Ten drills passed." in text and "Nine" not in text and NOT_PROVEN not in text
    export(changed(), folder)  # what the tool itself wrote is in nobody's way


def test_a_proof_leaves_what_was_written_into_the_report(tmp_path: Path) -> None:
    report = export(eu_plan(), tmp_path / "r") / "report.md"
    report.write_text("Signed by Ada.\n\n" + report.read_text())
    add_proof(report.parent, "Nine drills passed.")
    assert report.read_text().startswith("Signed by Ada.") and "Nine drills" in report.read_text()
    with pytest.raises(LlmlabError, match=r"report\.md would be lost"):
        export(eu_plan(), report.parent)


def test_a_proof_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LlmlabError, match="export a router to"):
        add_proof(tmp_path, "Nine drills passed.")


def test_exporting_again_replaces_what_nobody_has_edited(tmp_path: Path) -> None:
    folder = export(eu_plan(), tmp_path / "r")
    (folder / "notes.txt").write_text("mine")
    export(changed(), folder)
    assert yaml.safe_load((folder / "router.yaml").read_text()) == to_config(changed())
    assert (folder / "notes.txt").read_text() == "mine"


def test_an_edited_file_is_never_lost_in_silence_and_nothing_else_is_written(tmp_path: Path) -> None:
    folder = export(eu_plan(), tmp_path / "r")
    edited = folder / "router.yaml"
    edited.write_text(edited.read_text().replace("cooldown_time: 30", "cooldown_time: 60"))
    before = inside(folder)
    with pytest.raises(LlmlabError, match=r"router\.yaml would be lost"):
        export(changed(), folder)
    assert inside(folder) == before
    export(changed(), folder, replace_edited=True)
    assert yaml.safe_load(edited.read_text()) == to_config(changed())


def test_a_file_of_somebody_else_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('mine')")
    with pytest.raises(LlmlabError, match=r"app\.py would be lost"):
        export(eu_plan(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]


@pytest.mark.parametrize("manifest", ["", "[]", '{"files": 3}', "\udcff"])
def test_without_a_readable_list_only_equal_files_are_ours(tmp_path: Path, manifest: str) -> None:
    folder = export(eu_plan(), tmp_path / "r")
    (folder / MANIFEST).write_bytes(manifest.encode("utf-8", "surrogateescape"))
    export(eu_plan(), folder)  # the same again
    assert json.loads((folder / MANIFEST).read_text())["files"].keys() == FILES - {MANIFEST}
    (folder / MANIFEST).write_text(manifest if manifest.isascii() else "")
    with pytest.raises(LlmlabError, match=r"router\.yaml"):
        export(changed(), folder)


def test_a_folder_that_cannot_be_made_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LlmlabError, match="cannot be made"):
        export(eu_plan(), tmp_path / "file" / "r")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]

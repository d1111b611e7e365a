"""The design reviews that are shipped: each scenario is what was decided, the proof is of what is exported."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from llmlab.gateway.lint import is_clean, lint
from llmlab.gateway.planning import plan_router
from llmlab.gateway.verify import Check, ladder, verify
from llmlab.gateway.verify.progress import Pace
from llmlab.gateway.verify.providers import service_account
from llmlab.gateway.verify.recorder import Recorder
from llmlab.gateway.verify.redis_server import Redis
from llmlab.gateway.verify.router_file import read as read_router
from llmlab.routing import Recommendation, recommend
from llmlab.scenario import Scenario
from llmlab.shipped import folder

SCENARIOS = sorted((folder("notebooks") / "scenarios").glob("*.yaml"))
PROOFS = sorted((folder("notebooks") / "proofs").glob("*.json"))

every_review = pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
every_proof = pytest.mark.parametrize("path", PROOFS, ids=lambda path: path.stem)


def decided(scenario: Scenario) -> Recommendation:
    """What is recommended on the prices and the day that the scenario was decided on."""
    assert scenario.constraints is not None and scenario.decided is not None
    return recommend(scenario.constraints, scenario.workload, scenario.load_catalog(), as_of=scenario.decided.as_of)


def exported(scenario: Scenario) -> str:
    return plan_router(decided(scenario), name=scenario.name).to_litellm()


def read(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return said


def test_there_are_the_five_reviews_and_a_proof_of_one() -> None:
    assert [path.stem for path in SCENARIOS] == ["aws_shop", "chat_product", "eu_bank", "overnight_pdfs", "startup"]
    assert {path.stem for path in PROOFS} <= {path.stem for path in SCENARIOS} and PROOFS


@every_review
def test_a_scenario_is_read_and_written_back_to_the_byte(path: Path) -> None:
    assert Scenario.read(path).to_yaml() == path.read_text(encoding="utf-8")


@every_review
def test_a_scenario_says_what_is_recommended_and_for_how_much(path: Path) -> None:
    scenario = Scenario.read(path)
    found = decided(scenario)
    assert scenario.decided is not None
    assert found.endpoints == scenario.decided.tiers
    assert found.usd_per_period == pytest.approx(scenario.decided.usd_per_period)


@every_review
def test_what_is_exported_of_a_review_lints_without_an_error(path: Path) -> None:
    scenario = Scenario.read(path)
    assert scenario.constraints is not None and scenario.decided is not None
    asked = scenario.constraints
    found = lint(exported(scenario), residency=asked.residency, sla_s=asked.worst_case_s, as_of=scenario.decided.as_of)
    assert is_clean(found), [str(one) for one in found]


def file_of(path: Path, folder: Path) -> tuple[Path, str | None, float | None]:
    """The export of a review, where its data may go, and how long a caller may wait."""
    scenario = Scenario.read(path)
    assert scenario.constraints is not None
    file = folder / "router.yaml"
    file.write_text(exported(scenario), encoding="utf-8")
    return file, scenario.constraints.residency, scenario.constraints.worst_case_s


def rehearsed(path: Path, folder: Path) -> list[Check]:
    """What LiteLLM's own Router makes of the export, and which host each of its deployments dials."""
    file, residency, sla_s = file_of(path, folder)
    run = ladder._Run(read_router(file, {}), residency, sla_s, Pace(None, None))
    with closing(Recorder()) as recorder, closing(Redis(folder)) as redis:
        google = service_account(f"{recorder.url}/token")
        with closing(run._rehearsal(folder, google, recorder, redis)) as process:
            return run._rehearse(process, recorder)


@every_review
def test_what_is_exported_of_a_review_loads_and_dials_only_where_its_data_may_go(path: Path, tmp_path: Path) -> None:
    checks = rehearsed(path, tmp_path)
    assert [check for check in checks if check.status == "failed"] == []
    assert {check.rung for check in checks if check.status == "passed"} >= {"router", "egress"}


@every_review
@pytest.mark.proxy
@pytest.mark.skipif(os.environ.get("LLMLAB_TESTS") != "full", reason="two minutes: LLMLAB_TESTS=full")
def test_what_is_exported_of_a_review_is_proven_to_the_end(path: Path, tmp_path: Path) -> None:
    file, residency, sla_s = file_of(path, tmp_path)
    found = verify(file, residency=residency, sla_s=sla_s)
    assert found.ok, found.to_text()


@every_proof
def test_a_proof_is_whole_and_of_the_file_beside_it(path: Path) -> None:
    proof = read(path)
    assert (proof["ok"], proof["exit_code"]) == (True, 0)
    assert {check["rung"] for check in proof["checks"] if check["status"] == "passed"} >= {"router", "proxy", "drills"}
    proven = path.with_suffix(".router.yaml").read_bytes()
    assert proof["content_hash"] == hashlib.sha256(proven).hexdigest()[:16]


@every_proof
def test_a_proof_asked_for_what_the_review_asks(path: Path) -> None:
    proof, asked = read(path), Scenario.read(SCENARIOS[0].with_name(f"{path.stem}.yaml")).constraints
    assert asked is not None
    assert (proof["residency"], proof["sla_s"]) == (asked.residency, asked.worst_case_s)


@every_proof
def test_the_proven_router_is_the_one_that_is_exported_today(path: Path) -> None:
    proven = path.with_suffix(".router.yaml").read_text(encoding="utf-8")
    scenario = Scenario.read(SCENARIOS[0].with_name(f"{path.stem}.yaml"))
    assert yaml.safe_load(proven) == yaml.safe_load(exported(scenario))

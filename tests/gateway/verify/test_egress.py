"""Whom a deployment dials, and what a host tells of where that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmlab.gateway.verify.egress import dialled, region_of
from llmlab.gateway.verify.recorder import Wanted
from llmlab.gateway.verify.rungs import nobody_else
from tests.gateway.verify.files import GPT, deployment, router_file

SONNET = "anthropic.claude-sonnet-4-6"


@pytest.mark.parametrize(
    ("host", "region", "scope"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1", "eu"),
        ("bedrock-runtime.us-west-2.amazonaws.com", "us-west-2", "us"),
        ("bedrock-runtime.eu-west-2.amazonaws.com", "eu-west-2", "uk"),
        ("europe-west1-aiplatform.googleapis.com", "europe-west1", "eu"),
        ("us-central1-aiplatform.googleapis.com", "us-central1", "us"),
        ("aiplatform.googleapis.com", "global", "global"),
        ("aiplatform.eu.rep.googleapis.com", "eu", "eu"),
        ("eu.api.openai.com", None, "eu"),
        ("api.openai.com", None, "unknown"),
        ("10.1.2.3", None, "own-network"),
        ("vllm.internal", None, "own-network"),
        ("bedrock-runtime.eu-central-1.amazonaws.com.evil.example", None, "unknown"),
    ],
)
def test_a_host_tells_its_region_or_does_not(host: str, region: str | None, scope: str) -> None:
    assert region_of(host) == (region, scope)


def judged(folder: Path, entry: dict[str, Any], host: str | None, residency: str | None) -> tuple[str, str]:
    file = router_file(folder, entry)
    message = {"began_ns": 10, "ended_ns": 20, "error": "refused"}
    wanted = [Wanted("elsewhere.example", 443, 5), *([Wanted(host, 443, 15)] if host else [])]
    (check,) = dialled(file, {file.ids[0]: message}, wanted, residency)
    return check.status, check.seen


@pytest.mark.parametrize(
    ("model", "host", "residency", "status", "why"),
    [
        (f"bedrock/eu.{SONNET}", "bedrock-runtime.eu-central-1.amazonaws.com", "eu", "passed", "is in eu"),
        (f"bedrock/eu.{SONNET}", "bedrock-runtime.us-west-2.amazonaws.com", "eu", "failed", "us-west-2 is in us"),
        (f"bedrock/us.{SONNET}", "bedrock-runtime.eu-central-1.amazonaws.com", "eu", "failed", "may process in us"),
        (
            f"bedrock/global.{SONNET}",
            "bedrock-runtime.eu-central-1.amazonaws.com",
            "eu",
            "failed",
            "may process in global",
        ),
        (
            f"bedrock/eu.{SONNET}",
            "bedrock-runtime.eu-central-1.amazonaws.com",
            "eu-central-1",
            "failed",
            "may process in eu",
        ),
        (f"bedrock/{SONNET}", "bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1", "passed", "is in eu"),
        (GPT, "api.openai.com", "eu", "failed", "nothing says that this host answers from eu"),
        (GPT, "api.openai.com", None, "passed", "dials api.openai.com"),
        (GPT, "api.openai.com", "own-network", "failed", "outside your own network"),
        ("hosted_vllm/mine", "10.0.0.7", "own-network", "passed", "in your own network"),
        ("hosted_vllm/mine", "10.0.0.7", "eu", "not_checked", "does not tell its region"),
        ("azure/mine", "acme.openai.azure.com", "eu", "not_checked", "does not tell its region"),
        (GPT, "not-set.invalid", "eu", "not_checked", "not set here"),
        (GPT, None, "eu", "not_checked", "it dialled nobody: refused"),
    ],
)
def test_a_deployment_is_judged_by_the_host_that_it_dials_and_how_far_that_reaches(
    tmp_path: Path, model: str, host: str | None, residency: str | None, status: str, why: str
) -> None:
    got, seen = judged(tmp_path, deployment("a", model), host, residency)
    assert got == status and why in seen
    assert "elsewhere.example" not in seen  # what was asked before it began is somebody else's


def test_an_azure_deployment_for_another_area_is_a_leak_whatever_its_host(tmp_path: Path) -> None:
    entry = deployment("a", "azure/mine", info={"base_model": "azure/us/gpt-5.1"})
    status, seen = judged(tmp_path, entry, "acme.openai.azure.com", "eu")
    assert status == "failed" and "deployed for us" in seen


@pytest.mark.parametrize(
    ("at_ns", "refused", "residency", "status"),
    [
        (15, [], "eu", "passed"),
        (25, [], "eu", "failed"),
        (25, [], None, "passed"),
        (15, ["10.0.0.1:53"], "eu", "failed"),
    ],
)
def test_whoever_else_is_dialled_is_told(at_ns: int, refused: list[str], residency: str | None, status: str) -> None:
    dials = {"a": {"began_ns": 10, "ended_ns": 20}}
    check = nobody_else(dials, [Wanted("somebody.example", 443, at_ns)], refused, residency)
    assert check.status == status
    assert ("somebody.example" in check.seen) == (at_ns == 25)


def test_a_deployment_that_was_not_called_is_not_checked(tmp_path: Path) -> None:
    (check,) = dialled(router_file(tmp_path, deployment("a")), {}, [], "eu")
    assert check.status == "not_checked"

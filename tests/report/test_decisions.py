"""The minutes of a design review: who fell, the set, what would change it; or why there is none."""

from __future__ import annotations

import dataclasses

import pytest

from llmlab.catalog import load_catalog
from llmlab.cost import Workload
from llmlab.report.decisions import to_text
from llmlab.routing import Constraints, LatencySla, Recommendation, recommend

NOVEMBER = load_catalog("2026-11")


def answer(constraints: Constraints) -> Recommendation:
    return recommend(constraints, Workload(), NOVEMBER, as_of=NOVEMBER.as_of)


@pytest.fixture(scope="module")
def found() -> Recommendation:
    return answer(Constraints(residency="eu", worst_case_s=30.0))


def test_the_walk_counts_down_from_all_endpoints_to_those_that_are_left(found: Recommendation) -> None:
    lines = to_text("bank", found).splitlines()
    counted = [int(line.split()[0]) for line in lines[2 : lines.index("", 2)]]
    first, *fell, left = counted
    assert (first, left) == (len(NOVEMBER), len(found.walk.survivors))
    assert first + sum(fell) == left


def test_each_tier_stands_in_a_line_with_its_endpoint(found: Recommendation) -> None:
    lines = to_text("bank", found).splitlines()
    for tier, endpoint in found.endpoints.items():
        assert any(line.split()[:2] == [tier, endpoint] for line in lines)


def test_all_that_would_change_it_and_all_warnings_are_said(found: Recommendation) -> None:
    said = to_text("bank", found)
    assert found.changes and found.warnings
    for words in [*(change.words for change in found.changes), *(caution.words for caution in found.warnings)]:
        assert f"- {words}\n" in said


def test_what_nobody_asked_is_not_listed(found: Recommendation) -> None:
    assert "OpenAI-compatible" not in to_text("bank", found)


def test_without_a_set_the_conflict_and_the_least_to_give_up_are_said_and_no_tier() -> None:
    none = answer(Constraints(latency=LatencySla(ttft_s=0.01)))
    assert none.conflict is not None and none.conflict.nearest is not None
    said = to_text("hasty", none)
    assert f"There is no set: {none.conflict.words}.\n" in said
    assert f"The least to give up: {none.conflict.nearest.words}.\n" in said
    assert "per request" not in said


def test_a_set_without_a_price_is_unpriced_and_not_free(found: Recommendation) -> None:
    unpriced = dataclasses.replace(found, usd_per_period=None, usd_per_request=None)
    assert "unpriced per month, unpriced per request.\n" in to_text("bank", unpriced)

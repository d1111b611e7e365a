"""The tree is data, its path is lit, and everybody who fell can be asked why."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings

from llmlab.catalog import Catalog, load_catalog
from llmlab.cost import Workload
from llmlab.errors import UnknownNameError
from llmlab.routing import Constraints, Ecosystem, LatencySla, Quality, walk
from llmlab.routing.constraints import HARD_KINDS, TIERS
from llmlab.routing.knowledge import area_of, carries, lies_in, strengths
from llmlab.routing.tree import Branch, Node, Tree, tree

from . import rules
from .made import DAY, catalogs, constraints, workloads

NOVEMBER = load_catalog("2026-11")
often = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


def lit(c: Constraints, w: Workload | None = None) -> dict[str, str]:
    """The leaf that is lit at each node."""
    steps = walk(c, w or Workload(), NOVEMBER, NOVEMBER.as_of).steps
    return {step.node: leaf.id for step in steps for leaf in step.leaves}


@often
@given(constraints(), workloads, catalogs(most=25))
def test_everybody_falls_once_or_survives_for_exactly_the_tiers_that_the_rules_allow(
    c: Constraints, w: Workload, catalog: Catalog
) -> None:
    found = walk(c, w, catalog, DAY)
    assert [standing.endpoint for standing in found.standings] == [e.id for e in catalog]
    for endpoint in catalog:
        standing = found.of(endpoint.id)
        # A need over the whole worst case is the walk's to see; two needs together are the search's.
        may = tuple(
            tier
            for tier in TIERS
            if rules.meets(endpoint, tier, c, w, catalog)
            and (c.worst_case_s is None or rules.need(endpoint, tier, c, w) <= c.worst_case_s)
        )
        assert standing.tiers == may
        assert (standing.fell_at is None) == bool(may)
        assert bool(standing.why) == (not may)
        assert set(standing.not_for) == (set(TIERS) - set(may) if may else set())


@often
@given(constraints(), workloads, catalogs(most=25))
def test_the_counts_of_the_steps_add_up(c: Constraints, w: Workload, catalog: Catalog) -> None:
    found = walk(c, w, catalog, DAY)
    left = len(catalog)
    for step in found.steps:
        here = [s for s in found.standings if s.fell_at == step.node]
        assert (step.fell, step.unknown) == (len(here), sum(s.unknown for s in here))
        left -= step.fell
        assert step.left == left
    assert left == len(found.survivors)


@pytest.mark.parametrize(
    ("asked", "node", "leaf"),
    [
        (Constraints(residency="own-network"), "residency", "self_hosted"),
        (Constraints(residency="eu"), "residency", "eu"),
        (Constraints(residency="eu-central-1"), "residency", "in_place"),
        (Constraints(latency=LatencySla(ttft_s=0.1)), "latency", "fastest"),
        (Constraints(latency=LatencySla(ttft_s=0.5)), "latency", "small_fast"),
        (Constraints(), "bulk", "sonnet"),
        (Constraints(offline=True), "bulk", "offline"),
        (Constraints(), "hard", "frontier"),
        (Constraints(quality=Quality(hard_kinds=("video",))), "hard", "gemini_pro"),
        (Constraints(ecosystem=Ecosystem(clouds=("azure",))), "providers", "azure"),
        (Constraints(ecosystem=Ecosystem(one_audit_surface=True)), "audit", "audit"),
        (Constraints(ecosystem=Ecosystem(must_fine_tune=True)), "weights", "open"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_answer_lights_the_leaf_that_the_decision_guide_names(asked: Constraints, node: str, leaf: str) -> None:
    assert lit(asked)[node] == leaf


def test_a_very_long_prompt_is_for_the_gemini_pro_class() -> None:
    assert lit(Constraints(quality=Quality(hard_input_tokens=900_000)))["hard"] == "gemini_pro"


def test_a_leaf_is_resolved_to_what_lives_of_its_class() -> None:
    found = walk(Constraints(residency="eu"), Workload(), NOVEMBER, NOVEMBER.as_of)
    (step,) = [step for step in found.steps if step.node == "residency"]
    (leaf,) = step.leaves
    assert "azure/eu/gpt-5.1" in leaf.endpoints
    assert "bedrock/eu.anthropic.claude-opus-5-5" in leaf.endpoints
    assert "bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0" not in leaf.endpoints  # retired in October
    assert step.unknown == 53


def test_an_unknown_residency_is_excluded_and_said() -> None:
    found = walk(Constraints(residency="eu"), Workload(), NOVEMBER, NOVEMBER.as_of)
    mistral = found.of("mistral/mistral-large-3")
    assert (mistral.fell_at, mistral.unknown) == ("residency", True)
    assert "nobody says where it is processed" in mistral.why


def test_a_profile_that_may_cross_the_border_does_not_stay() -> None:
    # The list of its regions has two Canadian ones.
    found = walk(Constraints(residency="us"), Workload(), NOVEMBER, NOVEMBER.as_of)
    crossing = found.of("bedrock/us.anthropic.claude-opus-4-7")
    assert crossing.fell_at == "residency"
    assert "ca-central-1" in crossing.why
    assert found.of("bedrock/us.anthropic.claude-haiku-5-5").fell_at is None


def test_a_region_is_stricter_than_its_area() -> None:
    found = walk(Constraints(residency="eu-central-1"), Workload(), NOVEMBER, NOVEMBER.as_of)
    assert "eu-north-1" in found.of("bedrock/eu.anthropic.claude-opus-4-7").why
    assert found.of("azure/eu/gpt-5.1").unknown


def test_who_is_not_there_cannot_be_asked() -> None:
    with pytest.raises(UnknownNameError, match="openai/gpt-5.1"):
        walk(Constraints(), Workload(), NOVEMBER, NOVEMBER.as_of).of("openai/gpt-51")


def test_london_and_zurich_are_not_in_the_eu() -> None:
    areas = {
        "eu-west-1": "eu",
        "eu-west-2": "uk",
        "eu-central-2": "ch",
        "europe-west2": "uk",
        "us-gov-west-1": "us-gov",
    }
    assert {name: area_of(name) for name in areas} == areas
    assert lies_in("ap-northeast-1", "apac")
    assert not lies_in("us-east-1", "eu")


def test_every_kind_of_hard_request_is_carried_by_somebody() -> None:
    assert set(strengths()) == set(HARD_KINDS)
    for kind, strength in strengths().items():
        assert any(carries(m, strength.words) for m in NOVEMBER.models), kind


def test_a_word_is_not_found_inside_another() -> None:
    (model,) = [m for m in NOVEMBER.models if m.id == "gemini-2-5-pro"]
    named = dataclasses.replace(model, strengths=("encoder", "mathematics"))
    assert not carries(named, ("code", "math"))
    assert carries(dataclasses.replace(model, strengths=("Strong code, math",)), ("math",))


def test_a_tree_with_a_condition_or_class_that_there_is_not_is_refused() -> None:
    wrong = Node(id="x", ask="?", branches=(Branch(label="yes", when="in_eurpoe"),))
    with pytest.raises(UnknownNameError, match="in_eurpoe"):
        Tree(classes={}, nodes=(wrong,))
    with pytest.raises(UnknownNameError, match="class 'opus'"):
        Tree(classes={}, nodes=(Node(id="x", ask="?", branches=(Branch(label="yes", leaf="opus"),)),))


def test_the_tree_fits_on_one_screen() -> None:
    assert len(tree().nodes) <= 14
    assert max(len(node.branches) for node in tree().nodes) <= 5

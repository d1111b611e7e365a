"""What the router wizard says of a walk, a recommendation and a proof."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from demo import HOSTILE
from llmlab import Catalog, Workload, load_catalog
from llmlab.catalog import Evidence, Latency, MeasuredLatency
from llmlab.catalog.records import Percentiles
from llmlab.errors import LlmlabError
from llmlab.gateway.planning import plan_router
from llmlab.gateway.verify import Check, Verification
from llmlab.routing import Constraints, Ecosystem, LatencySla, Quality, Recommendation, recommend
from llmlab.widgets import router_proof_views as proof_views
from llmlab.widgets import router_views as views
from llmlab.widgets.router_session import Proof
from llmlab.widgets.views import Cell, Table

DAY = date(2026, 11, 23)
WORK = Workload(requests=100_000, input_tokens=4_000, output_tokens=500)
EU = Constraints(residency="eu")
NOTHING = Constraints(residency="eu", max_usd_per_request=Decimal("0.00001"))


@cache
def catalog() -> Catalog:
    return load_catalog()


def found(constraints: Constraints = EU, on: Catalog | None = None) -> Recommendation:
    return recommend(constraints, WORK, on or catalog(), as_of=DAY)


def said(cell: Cell | str) -> str:
    return cell if isinstance(cell, str) else " ".join([cell.text, *(badge.text for badge in cell.badges)])


def column(table: Table, key: str) -> list[str]:
    place = [one.key for one in table.columns].index(key)
    return [said(row.cells[place]) for row in table.rows]


def with_endpoint(id: str, **changed: Any) -> Catalog:
    endpoints = tuple(dataclasses.replace(e, **changed) if e.id == id else e for e in catalog())
    return dataclasses.replace(catalog(), endpoints=endpoints)


# --- The tree and the standings


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(),
        EU,
        Constraints(offline=True, quality=Quality(hard_kinds=("video",))),
        Constraints(latency=LatencySla(ttft_s=0.1), ecosystem=Ecosystem(clouds=("aws", "gcp"))),
    ],
)
def test_the_lit_branches_are_the_path_and_who_is_left_is_counted_down(constraints: Constraints) -> None:
    walk = found(constraints).walk
    drawn = views.tree(walk, len(catalog()), "")
    assert [(q.key, b.label) for q in drawn.questions for b in q.branches if b.lit] == list(walk.path)
    left = [drawn.total, *(question.left for question in drawn.questions)]
    assert all(q.left == before - q.fell for before, q in zip(left, drawn.questions, strict=False))
    assert left[-1] == len(walk.survivors)


def test_every_step_of_the_five_is_named_at_its_questions() -> None:
    steps = [question.step for question in views.tree(found().walk, 1, "").questions]
    assert list(dict.fromkeys(steps)) == ["", "1 Data", "2 Latency", "3 Cost", "4 Quality", "5 Ecosystem"]


def test_what_nobody_says_is_counted_and_marked() -> None:
    walk = found().walk
    question = next(q for q in views.tree(walk, 1, "").questions if q.key == "residency")
    unknown = [one for one in walk.standings if one.fell_at == "residency" and one.unknown]
    assert len(unknown) > 10
    assert f"{len(unknown)} fell because nobody says" in question.note
    listed = views.standings(walk, "residency", "", 1_000)
    assert sum("unknown" in stands for stands in column(listed, "stands")) == len(unknown)


def test_a_question_lists_only_those_who_fell_there_and_nobody_twice() -> None:
    walk = found().walk
    all_of_them = views.standings(walk, "", "", 1_000)
    assert sorted(column(all_of_them, "endpoint")) == sorted(endpoint.id for endpoint in catalog())
    listed = views.standings(walk, "residency", "", 1_000)
    assert column(listed, "endpoint") == [one.endpoint for one in walk.standings if one.fell_at == "residency"]
    assert all(column(listed, "why"))
    assert "Where may the data go?" in listed.caption


def test_survivors_come_first_and_the_list_is_cut_with_its_length_said() -> None:
    walk = found().walk
    listed = views.standings(walk, "", "", len(walk.survivors) + 1)
    assert [stands.endswith("left") for stands in column(listed, "stands")] == [True] * len(walk.survivors) + [False]
    assert listed.total_rows == len(catalog())


def why(recommendation: Recommendation, id: str) -> str:
    endpoint = next(one for one in recommendation.catalog if one.id == id)
    return views.why(recommendation.walk, recommendation, endpoint, WORK, recommendation.catalog, DAY).to_html()


def test_everybody_can_be_asked_why() -> None:
    recommendation = found()
    for endpoint in catalog():
        text, standing = why(recommendation, endpoint.id), recommendation.walk.of(endpoint.id)
        assert ("Fell at" in text) == (standing.fell_at is not None)
        assert ("Left for" in text) == (standing.fell_at is None)
    (tier, taken) = next(iter(recommendation.endpoints.items()))
    assert f"{tier} of the set" in why(recommendation, taken)


def test_what_would_let_an_endpoint_in_is_said_with_it() -> None:
    recommendation = found()
    change = recommendation.changes[0]
    let_in = next(id for id in change.tiers.values() if recommendation.walk.of(id).fell_at)
    assert change.words.split(" ")[0] in why(recommendation, let_in)


# --- The set


def test_there_is_a_card_a_tier_with_cost_latency_place_and_residency() -> None:
    recommendation = found()
    cards = views.tiers(recommendation).cards
    assert [card.label.split(",")[0] for card in cards] == ["cheap", "mid", "smart", "backup"]
    for card, choice in zip(cards, recommendation.tiers.values(), strict=True):
        assert card.value == catalog().model(choice.endpoint.model).name
        assert choice.endpoint.id in card.note
        assert "a request" in card.note
        assert "stays in the EU" in card.note
        assert len(card.note) < 200, "it stands on a card"


@pytest.mark.parametrize(
    ("kind", "words"), [("prior", "published prior"), ("measured", "measured"), ("simulated", "SIMULATED")]
)
def test_latency_says_in_words_on_what_it_rests(kind: str, words: str) -> None:
    id = found().endpoints["mid"]
    evidence = Evidence(source="a vendor", checked_on=DAY)
    spread = Percentiles(n=40, p50=Decimal("0.25"), p90=Decimal("0.3"), p95=Decimal("0.4"))
    measured = MeasuredLatency(
        measured_on=DAY, simulated=kind == "simulated", n=40, ttft_s=spread, e2e_s=spread, path="litellm"
    )
    prior = Latency(ttft_s=Decimal("0.25"), ttft_is="under", evidence=evidence)
    laid = {"latency": prior, "measured": None} if kind == "prior" else {"latency": None, "measured": measured}
    recommendation = found(on=with_endpoint(id, **laid))
    assert recommendation.endpoints["mid"] == id
    card = views.tiers(recommendation).cards[1]
    assert f"first token {'under ' if kind == 'prior' else ''}250 ms" in card.note
    assert f"({words})" in card.note
    assert words in column(views.details(recommendation), "rests")[1]


def test_what_is_unknown_or_unpriced_is_said_and_not_left_blank() -> None:
    recommendation = found()
    id = recommendation.endpoints["mid"]
    bare = dataclasses.replace(recommendation.tiers["mid"], usd_per_request=None, usd_per_period=None)
    unpriced = dataclasses.replace(
        recommendation, tiers={**recommendation.tiers, "mid": bare}, usd_per_period=None, usd_per_request=None
    )
    assert "unpriced a request" in views.tiers(unpriced).cards[1].note
    assert "latency unknown" in views.tiers(unpriced).cards[1].note
    assert "unpriced" in views.headline(unpriced)
    row = views.details(unpriced).rows[1]
    assert [said(cell) for cell in row.cells[1:6]] == [id, "unpriced", "unpriced", "unknown", "unknown"]


def test_evidence_of_residency_is_linked_where_there_is_a_page() -> None:
    cells = [row.cells[8] for row in views.details(found()).rows]
    assert all(isinstance(cell, Cell) and cell.href.startswith("https://") for cell in cells)


def test_an_infeasible_question_gives_the_conflict_and_the_least_to_give_up() -> None:
    recommendation = found(NOTHING)
    assert recommendation.conflict is not None
    assert recommendation.conflict.nearest is not None
    no_set, least = views.tiers(recommendation).cards
    assert no_set.value == "No set"
    assert "at most $0.00001 per request" in no_set.note
    assert least.note[1:].startswith(recommendation.conflict.nearest.words[1:])
    assert "The least to give up" in views.reasons(recommendation).to_html()
    assert views.details(recommendation).to_html() == "<p>There is no set.</p>"
    changes = views.changes(recommendation)
    assert changes.columns[1].label == "Costs"
    assert all(cost.startswith("$") for cost in column(changes, "usd"))


def test_what_would_change_it_says_what_it_saves() -> None:
    recommendation = found()
    changes = views.changes(recommendation)
    assert changes.columns[1].label == "Saves"
    assert len(changes.rows) == len(recommendation.changes) > 0


def test_reasons_name_every_warning_and_what_follows_on_what() -> None:
    recommendation = found()
    text = views.reasons(recommendation, "a remark").to_html()
    assert text.count("<blockquote>") == len(recommendation.warnings) + 1
    assert all(f"{tier} goes to" in text for tier, targets in recommendation.fallbacks.items() if targets)
    assert f"at most {recommendation.worst_case_s:g} s" in text


def test_an_answer_to_an_earlier_question_says_so_everywhere() -> None:
    for recommendation in (found(), found(NOTHING)):
        for view in (views.tiers, views.reasons, views.changes):
            assert "worked out anew" in view(recommendation, stale=True).to_html()
            assert "worked out anew" not in view(recommendation).to_html()


def test_hostile_names_stay_text() -> None:
    hostile = dataclasses.replace(
        catalog(),
        models=tuple(dataclasses.replace(model, name=HOSTILE) for model in catalog().models),
        providers=tuple(dataclasses.replace(provider, name=HOSTILE) for provider in catalog().providers),
    )
    recommendation = found(Constraints(), hostile)
    walk = recommendation.walk
    texts = [
        views.tiers(recommendation), views.details(recommendation), views.reasons(recommendation),
        views.changes(recommendation), views.standings(walk, "", "", 500), views.tree(walk, 1, ""),
    ]  # fmt: skip
    pages = [text.to_html() for text in texts] + [why(recommendation, recommendation.endpoints["mid"])]
    assert not any("<img" in page for page in pages)
    assert any("&lt;img" in page for page in pages)


# --- The proof


def check(status: str, rung: str = "drills", **given: Any) -> Check:
    made = {"name": "primary hangs", "expected": "backup answers", "seen": "<b>nobody</b> answered", "tier": "mid"}
    return Check(rung=rung, status=status, **made | given)  # type: ignore[arg-type]  # by name


def verified(*checks: Check, **given: Any) -> Verification:
    made = {
        "path": "router.yaml", "content_hash": "0" * 16, "began_at": "2026-11-23T12:00:00Z", "litellm": "1.106.2",
        "residency": "eu", "sla_s": None, "seconds": {"total": 61.4}, "left_out": ("real providers",),
    }  # fmt: skip
    return Verification(**made | given, checks=checks)


WHOLE = tuple(check("passed", rung) for rung in ("lint", "router", "validate_config", "egress", "proxy", "drills"))


def proof_of(verification: Verification | None = None, problem: Exception | None = None) -> Proof:
    proof = Proof(lambda: None)
    proof.plan = plan_router(found(), name="router")
    proof.verification, proof.problem = verification, problem
    return proof


def test_before_a_proof_it_says_what_one_does() -> None:
    assert "nothing leaves this machine" in proof_views.proof(proof_of(), stale=False).to_html()
    assert proof_views.checks(None, 20).to_html() == "<p>Nothing is proven yet.</p>"


def test_a_whole_proof_says_so_with_each_rung_and_what_it_did_not_look_at() -> None:
    text = proof_views.proof(proof_of(verified(*WHOLE)), stale=False)
    html = text.to_html()
    assert html.startswith("<blockquote>Proven: 6 checks passed")
    assert html.count("[1 passed]") == 6
    assert "61 s, with LiteLLM 1.106.2" in html
    assert "<li>real providers</li>" in html
    assert "changed since" not in html


def test_a_failed_one_says_what_failed_and_lists_it_first() -> None:
    verification = verified(*WHOLE, check("failed", name="mid hangs"))
    text = proof_views.proof(proof_of(verification), stale=False).to_html()
    assert "What failed" in text
    assert "mid: mid hangs. Expected: backup answers." in text
    table = proof_views.checks(verification, 3)
    assert column(table, "status") == [" failed", " passed", " passed"]
    assert table.total_rows == 7
    assert "<b>" not in table.to_html()


def test_a_cancelled_one_is_no_proof() -> None:
    text = proof_views.proof(proof_of(verified(*WHOLE[:2], cancelled=True)), stale=False).to_html()
    assert text.startswith("<blockquote>Cancelled: 2 checks passed")
    assert text.count("not reached") == 4


def test_a_proof_of_an_earlier_router_says_so() -> None:
    text = proof_views.proof(proof_of(verified(*WHOLE)), stale=True).to_html()
    assert text.startswith("<blockquote>The router has changed since")


@pytest.mark.parametrize(
    ("problem", "words"),
    [(LlmlabError("no litellm here"), "made: no litellm here"), (OSError("full"), "OSError: full")],
)
def test_a_proof_that_could_not_be_made_says_why(problem: Exception, words: str) -> None:
    assert words in proof_views.proof(proof_of(problem=problem), stale=False).to_html()

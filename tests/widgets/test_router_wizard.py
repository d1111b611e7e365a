"""The router wizard without a browser: what its controls ask, when it answers, what it takes in and hands over."""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import traitlets
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo import HOSTILE, Recording
from llmlab import Scenario, Workload, load_catalog
from llmlab.catalog import MeasuredLatency
from llmlab.catalog.overrides import EndpointLatency, Overrides
from llmlab.catalog.records import Percentiles
from llmlab.errors import LlmlabError, ScenarioError, UnknownNameError
from llmlab.gateway.verify import Check, Verification
from llmlab.measurement.profiles import profiles_yaml
from llmlab.routing import Constraints, Ecosystem, LatencySla, Quality, Recommendation, recommend, redecide
from llmlab.routing.constraints import HARD_KINDS, TierName
from llmlab.scenario import OverridesFile, pin
from llmlab.widgets.panel import Download
from llmlab.widgets.router_evals import parse_evals
from llmlab.widgets.router_session import Answers, Asked
from llmlab.widgets.router_wizard import RouterWizard

DAY = date(2026, 11, 23)
GPT = "azure/eu/gpt-5.1"
SHOWN = ["tiers", "tree", "standings", "why", "details", "reasons", "changes", "yaml", "proof", "checks"]


class Watched(Recording, RouterWizard):
    """A wizard, keeping what it would have sent to a browser."""


@pytest.fixture
def wizard() -> Iterator[Watched]:
    """One that a browser shows, with its first answer there."""
    made = Watched(residency="eu", as_of=DAY)
    made.hear(kind="hello", views=SHOWN)
    answered(made)
    yield made
    made.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


def answered(wizard: Watched) -> None:
    """Wait until the latest question is answered, and that is drawn."""
    until(lambda: wizard._answered() is not None)
    until(lambda: "llmlab-recommend" not in {thread.name for thread in threading.enumerate()})
    wizard.settle()


def drawn(wizard: Watched, view: str) -> Any:
    """What a browser shows of a view."""
    return next(message["views"][view] for message in reversed(wizard.told("draw")) if view in message["views"])


def says(wizard: RouterWizard, view: str) -> str:
    return str(getattr(wizard, f"draw_{view}")().to_html())


@cache
def measured(p50: str = "0.2", *, simulated: bool = False) -> MeasuredLatency:
    spread = Percentiles(n=40, p50=Decimal(p50), p90=Decimal("0.3"), p95=Decimal("0.4"))
    return MeasuredLatency(measured_on=DAY, simulated=simulated, n=40, ttft_s=spread, e2e_s=spread, path="litellm")


def as_file(**latencies: MeasuredLatency) -> str:
    found = tuple(EndpointLatency(endpoint=id, measured=one) for id, one in latencies.items())
    return profiles_yaml(Overrides(name="mine", latencies=found))


# --- What the controls ask


def test_the_five_groups_of_questions_come_first_and_in_order() -> None:
    groups = [control["group"] for control in RouterWizard()._spec["controls"]]
    assert list(dict.fromkeys(groups))[:5] == ["1 Data", "2 Latency", "3 Cost", "4 Quality", "5 Ecosystem"]


def test_constraints_are_what_the_controls_say() -> None:
    made = RouterWizard(
        residency="eu", ttft_ms=300, total_s=4, percentile="p95", worst_case_s=30, max_usd=0.02, hard_kinds=("code",),
        hard_share=0.1, easy_share=0.3, hard_input_tokens=50_000, clouds=("aws",), vendors=("mistral",),
        one_audit_surface=True, open_weights_only=True, demand_measured=True, scores={"gpt-5.1": 0.9},
        least={"mid": 0.5},
    )  # fmt: skip
    assert made.constraints == Constraints(
        residency="eu",
        latency=LatencySla(ttft_s=0.3, total_s=4.0, percentile="p95"),
        worst_case_s=30.0,
        max_usd_per_request=Decimal("0.02"),
        quality=Quality(
            hard_kinds=("code",), hard_share=0.1, easy_share=0.3, hard_input_tokens=50_000, scores={"gpt-5.1": 0.9},
            least={"mid": 0.5},
        ),
        ecosystem=Ecosystem(clouds=("aws",), vendors=("mistral",), one_audit_surface=True, open_weights_only=True),
        demand_measured=True,
    )  # fmt: skip


def test_what_is_left_alone_asks_nothing() -> None:
    assert RouterWizard().constraints == Constraints()


def test_vendors_and_places_on_offer_are_those_that_the_question_takes() -> None:
    made = RouterWizard(as_of=DAY)
    places = [value for value, _ in next(c for c in made._spec["controls"] if c["name"] == "residency")["options"]]
    vendors = [value for value, _ in next(c for c in made._spec["controls"] if c["name"] == "vendors")["options"]]
    assert {"", "eu", "own-network", "eu-central-1"} <= set(places)
    for place in places:
        made.residency = place
        assert made.walk.standings
    made.vendors = tuple(vendors)
    assert made.walk.standings


def test_the_recommendation_is_that_of_the_library() -> None:
    made = RouterWizard(residency="eu", as_of=DAY, requests=5_000)
    expected = recommend(made.constraints, made.workload, made.catalog, as_of=DAY)
    assert made.recommendation.endpoints == expected.endpoints
    assert [tier.name for tier in made.plan.tiers] == list(expected.endpoints)
    assert made.plan.residency == "eu"


def test_answers_that_contradict_each_other_are_said_and_nothing_can_be_pressed_meanwhile(wizard: Watched) -> None:
    with wizard.hold_changes():
        wizard.offline, wizard.ttft_ms = True, 100
    assert "take away one of the two" in str(wizard.last_error)
    assert wizard.unavailable().keys() >= {"prove", "save_yaml", "save_scenario"}
    wizard.offline = False
    answered(wizard)
    assert wizard.last_error is None
    assert "save_scenario" not in wizard.unavailable()


# --- When it answers


@dataclasses.dataclass(frozen=True)
class Held(Asked):
    """A question whose answer waits until its gate is open."""

    gate: threading.Event = dataclasses.field(default_factory=threading.Event, compare=False)

    def answer(self) -> Recommendation:
        assert self.gate.wait(30)
        return Asked.answer(self)


class Gated(Watched):
    """A wizard that gets no answer until the gate is open."""

    gate = threading.Event()

    def _asked(self) -> Asked:
        asked = super()._asked()
        return Held(**{f.name: getattr(asked, f.name) for f in dataclasses.fields(Asked)}, gate=self.gate)


def test_survivors_are_drawn_with_the_change_and_the_set_follows() -> None:
    wizard = Gated(as_of=DAY)
    wizard.hear(kind="hello", views=SHOWN)
    wizard.residency = "eu"
    left = drawn(wizard, "tree")["questions"][-1]["left"]
    assert left == len(wizard.walk.survivors) > 0
    assert drawn(wizard, "tiers") == {"cards": [], "empty": "Working it out."}
    assert wizard.status() == f"{left} of {len(wizard.catalog)} endpoints are left. Working out the cheapest set."
    wizard.gate.set()
    answered(wizard)
    assert len(drawn(wizard, "tiers")["cards"]) == 4
    assert wizard.recommendation.constraints.residency == "eu"
    wizard.close()


def test_meanwhile_the_last_answer_stays_and_says_that_it_is_the_last_one(wizard: Watched) -> None:
    before = [card["value"] for card in drawn(wizard, "tiers")["cards"]]
    wizard.residency = "us"
    at_once = drawn(wizard, "tiers")["cards"]
    assert [card["value"] for card in at_once] == before
    assert all("being worked out anew" in card["label"] for card in at_once)
    assert drawn(wizard, "yaml")["code"] == "# Working it out."
    answered(wizard)
    assert not any("anew" in card["label"] for card in drawn(wizard, "tiers")["cards"])
    assert "Processed in us" in drawn(wizard, "yaml")["code"]


def test_after_many_changes_what_is_drawn_is_the_answer_to_the_last(wizard: Watched) -> None:
    for requests in range(1_000, 60_000, 1_500):
        wizard.requests = requests
    answered(wizard)
    expected = RouterWizard(residency="eu", as_of=DAY, requests=requests).recommendation
    assert f"costs ${expected.usd_per_period:,.0f} per month" in drawn(wizard, "details")["caption"]
    assert "anew" not in str(drawn(wizard, "tiers"))


@dataclasses.dataclass(frozen=True)
class Numbered(Asked):
    """A question that is answered when its gate is open."""

    gate: threading.Event = dataclasses.field(default_factory=threading.Event, compare=False)
    heard: list[int] = dataclasses.field(default_factory=list, compare=False)

    begun: threading.Event = dataclasses.field(default_factory=threading.Event, compare=False)

    def answer(self) -> Recommendation:
        self.begun.set()
        assert self.gate.wait(30)
        self.heard.append(self.workload.requests)
        raise LlmlabError(f"answer {self.workload.requests}")


def question(number: int, heard: list[int], *, open_: bool = True) -> Numbered:
    gate = threading.Event()
    if open_:
        gate.set()
    catalog = load_catalog()
    return Numbered(Constraints(), Workload(requests=number), DAY, catalog, "hash", gate=gate, heard=heard)


def test_only_the_latest_question_is_answered() -> None:
    heard: list[int] = []
    done = threading.Event()
    answers = Answers(lambda: None, done.set)
    first = question(1, heard, open_=False)
    assert answers.to(first) is None
    assert first.begun.wait(30)
    for number in range(2, 50):
        assert answers.to(question(number, heard)) is None
    first.gate.set()
    assert done.wait(30)
    last = answers.to(question(49, heard))
    assert last is not None
    assert str(last.problem) == "answer 49"
    assert heard == [1, 49]


def test_no_question_is_lost_however_they_fall() -> None:
    heard: list[int] = []
    told = threading.Event()
    answers = Answers(lambda: None, told.set)
    rng = random.Random(4)
    for number in range(1, 300):
        told.clear()
        answers.to(question(number, heard))
        if rng.random() < 0.7:
            time.sleep(rng.random() * 0.0004)
        if rng.random() < 0.1:
            assert told.wait(30)
    until(lambda: heard[-1] == 299 and not answers._working)
    assert answers.to(question(299, heard)) is not None


# --- Asking why


def test_a_chosen_question_lists_who_fell_there_and_chosen_again_everybody(wizard: Watched) -> None:
    wizard.hear(kind="select", view="tree", row="residency")
    fell = [one.endpoint for one in wizard.walk.standings if one.fell_at == "residency"]
    assert [row["key"] for row in drawn(wizard, "standings")["rows"]] == fell[:20]
    assert drawn(wizard, "tree")["selected"] == "residency"
    wizard.hear(kind="select", view="tree", row="residency")
    assert drawn(wizard, "standings")["total_rows"] == len(wizard.catalog)
    assert drawn(wizard, "tree")["selected"] == ""


def test_a_chosen_endpoint_says_why(wizard: Watched) -> None:
    assert "Choose an endpoint" in says(wizard, "why")
    fell = next(one for one in wizard.walk.standings if one.fell_at)
    wizard.hear(kind="select", view="standings", row=fell.endpoint)
    assert fell.endpoint in str(drawn(wizard, "why"))
    assert fell.why[1:] in str(drawn(wizard, "why"))
    wizard.residency = ""  # the answer to why is another one then
    answered(wizard)
    assert fell.endpoint in str(drawn(wizard, "why"))


# --- What cannot be met


def test_what_cannot_be_met_is_never_an_empty_screen(wizard: Watched) -> None:
    wizard.max_usd = 0.0001
    answered(wizard)
    assert "No set" in says(wizard, "tiers")
    assert "The least to give up" in says(wizard, "reasons")
    assert wizard.draw_changes().rows
    assert wizard.draw_tree().questions
    assert drawn(wizard, "yaml")["code"].startswith("# No router")
    assert wizard.last_error is None
    reasons = wizard.unavailable()
    assert reasons["prove"] == reasons["save_yaml"] == "no set of endpoints meets all of it"
    wizard.hear(kind="action", name="prove")
    assert wizard.told("did")[-1]["status"] == reasons["prove"]
    with pytest.raises(LlmlabError, match="relax a constraint first"):
        wizard.plan  # noqa: B018  worked out when it is read


def test_every_action_that_cannot_be_used_says_why(wizard: Watched) -> None:
    reasons = wizard.unavailable()
    assert reasons == {"save_proof": "nothing is proven yet", "cancel": "no proof is under way"}


# --- Measurements, prices and scores of the user's own


def test_a_measurement_goes_before_a_prior_and_meets_a_bound_that_no_prior_does() -> None:
    made = RouterWizard(residency="eu", ttft_ms=500, percentile="p95", as_of=DAY)
    assert made.recommendation.conflict is not None
    wanted = RouterWizard(residency="eu", as_of=DAY).recommendation.endpoints
    fast = RouterWizard(
        residency="eu", ttft_ms=500, percentile="p95", as_of=DAY, latency=dict.fromkeys(wanted.values(), measured())
    )
    assert fast.recommendation.endpoints == wanted
    assert set(fast.latency) == set(wanted.values())
    until(lambda: fast._answered() is not None)
    assert "first token 200 ms, answer 200 ms (measured)" in says(fast, "tiers")


def test_a_simulated_measurement_meets_no_bound() -> None:
    wanted = RouterWizard(residency="eu", as_of=DAY).recommendation.endpoints
    simulated = dict.fromkeys(wanted.values(), measured(simulated=True))
    assert RouterWizard(residency="eu", ttft_ms=500, as_of=DAY, latency=simulated).recommendation.conflict is not None


def test_a_file_of_measurements_is_laid_over_the_catalog_and_taken_away_again(wizard: Watched) -> None:
    wizard.hear(kind="file", name="overrides", file="mine.yaml", text=as_file(**{GPT: measured()}))
    assert wizard.latency == {GPT: measured()}
    assert wizard.overrides == "mine.yaml"
    assert wizard.scenario.overrides[0].file == "mine.yaml"
    wizard.hear(kind="file", name="overrides", file="", text="")
    assert wizard.latency == {}
    assert wizard.scenario.overrides == ()


@pytest.mark.parametrize("name", ["overrides", "evals", "scenario_file"])
@pytest.mark.parametrize("text", ["", "- a list", f"hostile: {HOSTILE!r}", "latencies: [{endpoint: nobody}]"])
def test_a_file_that_cannot_be_read_is_an_error_and_changes_nothing(wizard: Watched, name: str, text: str) -> None:
    before = wizard.scenario
    wizard.hear(kind="file", name=name, file="odd.yaml", text=text)
    assert "odd.yaml" in str(wizard.last_error)
    assert wizard.scenario == before
    assert getattr(wizard, name) == ""


def test_a_measurement_of_nothing_in_the_catalog_is_an_error_that_changes_nothing(wizard: Watched) -> None:
    wizard.hear(kind="file", name="overrides", file="odd.yaml", text=as_file(**{f"{GPT}x": measured()}))
    assert f"did you mean {GPT}" in str(wizard.last_error)
    assert wizard.latency == {}
    with pytest.raises(UnknownNameError):
        RouterWizard(latency={"nobody/nothing": measured()})


def test_eval_scores_in_a_file_decide_instead_of_classes(wizard: Watched) -> None:
    wizard.hear(
        kind="file", name="evals", file="evals.yaml", text=f"scores: {{{GPT}: 0.9}}\nleast: {{cheap: 0.5, mid: 0.5}}"
    )
    assert wizard.constraints.quality.scores == {GPT: 0.9}
    answered(wizard)
    assert wizard.recommendation.endpoints["cheap"] == wizard.recommendation.endpoints["mid"] == GPT
    assert ("easy", "as your own scores say") in wizard.walk.path
    wizard.hear(kind="file", name="evals", file="", text="")
    assert wizard.constraints.quality == Quality()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scores: {a: 1.5}", "from 0 to 1"),
        ("least: {smart: 0.4}", "give your eval scores"),
        ("scores: {a: x}", "evals.yaml:1: scores.a is 'x'"),
        ("scores: {a: 1}\nleast: {smrt: 0.4}", "evals.yaml:2: .*did you mean smart"),
        ("scors: {}", "did you mean scores"),
    ],
)
def test_scores_that_cannot_be_say_file_and_mend(text: str, words: str) -> None:
    with pytest.raises(LlmlabError, match=words) as raised:
        parse_evals(text, "evals.yaml")
    assert str(raised.value).startswith("evals.yaml:")


# --- Scenarios

bounds = st.one_of(st.none(), st.integers(1, 20_000).map(lambda ms: ms / 1000))
Scored = tuple[dict[str, float], dict[TierName, float]]
SCORED: list[Scored] = [({}, {}), ({GPT: 0.5}, {}), ({GPT: 0.75, "x": 0.0}, {"smart": 0.25, "cheap": 1.0})]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any question that the screen can ask."""
    offline = draw(st.booleans())
    sla = {} if offline else {"ttft_s": draw(bounds), "total_s": draw(bounds)}
    hard, easy = draw(st.integers(0, 50)), draw(st.integers(0, 50))
    scores, least = draw(st.sampled_from(SCORED))
    sizes = st.one_of(st.none(), st.integers(1, 100_000))
    constraints = Constraints(
        residency=draw(st.sampled_from([None, "eu", "us", "own-network", "eu-central-1", "europe-west4"])),
        latency=LatencySla(**sla, percentile=draw(st.sampled_from(["p50", "p95"]))),
        worst_case_s=draw(bounds),
        max_usd_per_request=draw(st.one_of(st.none(), st.integers(1, 100_000).map(lambda n: Decimal(n) / 10_000))),
        quality=Quality(
            hard_kinds=tuple(draw(st.lists(st.sampled_from(HARD_KINDS), unique=True))),
            hard_share=hard / 100,
            easy_share=easy / 100,
            hard_input_tokens=draw(sizes),
            hard_output_tokens=draw(sizes),
            scores=scores,
            least=least,
        ),
        ecosystem=Ecosystem(
            clouds=tuple(draw(st.lists(st.sampled_from(["aws", "azure", "gcp"]), unique=True))),
            vendors=tuple(draw(st.lists(st.sampled_from(["mistral", "groq"]), unique=True))),
            one_audit_surface=draw(st.booleans()),
            must_fine_tune=draw(st.booleans()),
            open_weights_only=draw(st.booleans()),
            openai_compatible_only=draw(st.booleans()),
        ),
        offline=offline,
        demand_measured=draw(st.booleans()),
    )
    region = draw(st.sampled_from([None, constraints.residency, "us-east-1"]))
    workload = Workload(
        requests=draw(st.integers(1, 10**6)), batch_share=draw(st.sampled_from([0.0, 0.5])), region=region
    )
    return Scenario(
        name="any", workload=workload, constraints=constraints, catalog=pin(load_catalog().name, load_catalog())
    )


@cache
def opener() -> RouterWizard:
    return RouterWizard(as_of=DAY)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenarios())
def test_whatever_a_scenario_asks_the_screen_asks_and_saves_again(scenario: Scenario) -> None:
    opener().open_scenario(scenario)
    assert opener().constraints == scenario.constraints
    assert opener()._undecided() == scenario


def test_a_saved_scenario_says_what_was_decided_and_opens_as_the_same_screen(tmp_path: Path) -> None:
    made = RouterWizard(residency="eu", name="bank", as_of=DAY, hard_share=0.2, latency={GPT: measured()})
    scenario = Scenario.read(made.save(tmp_path / "bank.yaml"))
    assert scenario.decided is not None
    assert scenario.decided.tiers == made.recommendation.endpoints
    assert redecide(scenario, scenario.load_catalog(), as_of=DAY).verdict == "holds"
    again = RouterWizard(scenario=scenario, as_of=DAY)
    assert again.scenario == scenario
    assert again.latency == {GPT: measured()}


def test_choosing_another_place_lets_go_of_the_region_that_a_scenario_had() -> None:
    made = RouterWizard(as_of=DAY)
    workload = Workload(requests=1, region="eu-central-1")
    base = load_catalog()
    made.open_scenario(
        Scenario(workload=workload, constraints=Constraints(residency="eu"), catalog=pin(base.name, base))
    )
    assert made.workload.region == "eu-central-1"
    made.residency = "us"
    assert made.workload.region is None


def test_a_scenario_that_the_screen_cannot_hold_changes_nothing(wizard: Watched) -> None:
    before = wizard.scenario
    base = load_catalog()
    far = Scenario(
        workload=Workload(requests=5), catalog=pin(base.name, base),
        constraints=Constraints(worst_case_s=1e6, quality=Quality(scores={GPT: 0.5})),
        overrides=(OverridesFile(file="mine.yaml", text=as_file(**{GPT: measured()})),),
    )  # fmt: skip
    with pytest.raises(traitlets.TraitError, match="Worst case"):
        wizard.open_scenario(far)
    assert wizard.scenario == before


def test_a_scenario_whose_catalog_moved_is_opened_with_a_warning(wizard: Watched) -> None:
    base = load_catalog()
    moved = Scenario(
        workload=Workload(requests=5),
        constraints=Constraints(),
        catalog=dataclasses.replace(pin(base.name, base), content_hash="0" * 16),
    )
    wizard.open_scenario(moved)
    answered(wizard)
    assert "which now reads" in says(wizard, "reasons")
    with pytest.raises(ScenarioError):
        moved.load_catalog()


def test_the_screen_can_be_made_again_from_its_code() -> None:
    made = RouterWizard(residency="eu", max_usd=0.02)
    assert made.to_code() == "RouterWizard(residency='eu', max_usd=0.02)"
    scored = RouterWizard(residency="eu", scores={GPT: 0.9}, latency={GPT: measured()})
    names: dict[str, Any] = {"RouterWizard": RouterWizard}
    for kind in (Scenario, Workload, Constraints, LatencySla, Quality, Ecosystem, OverridesFile, Decimal):
        names[kind.__name__] = kind
    names |= {name: getattr(__import__("llmlab.scenario", fromlist=[name]), name) for name in ("Pin", "Choices")}
    again = eval(scored.to_code(), names)
    assert again.scenario == scored.scenario


# --- What it hands over


def test_the_yaml_is_downloaded_under_the_router_s_name(wizard: Watched) -> None:
    wizard.name = "bank"
    file = wizard.on_save_yaml()
    assert (file.name, file.data) == ("bank.yaml", wizard.plan.to_litellm())
    assert {model["model_name"] for model in yaml.safe_load(file.data)["model_list"]} == {
        "cheap",
        "mid",
        "smart",
        "backup",
    }
    saved = wizard.on_save_scenario()
    assert isinstance(saved, Download)
    assert saved.name == "bank.scenario.yaml"
    assert Scenario.parse(str(saved.data)) == wizard.scenario


def proven(wizard: RouterWizard) -> None:
    """As if a proof had ended."""
    rungs = ("lint", "router", "validate_config", "egress", "proxy", "drills")
    checks = tuple(Check(rung=rung, name="n", status="passed", expected="e", seen="s") for rung in rungs)  # type: ignore[arg-type]
    wizard._proof.plan = wizard.plan
    wizard._proof.verification = Verification(
        path="bank.yaml", content_hash="0" * 16, began_at="2026-11-23T12:00:00Z", litellm="1.106.2", residency="eu",
        sla_s=None, checks=checks,
    )  # fmt: skip


def test_a_proof_is_shown_saved_and_exported_until_the_router_is_another_one(wizard: Watched, tmp_path: Path) -> None:
    proven(wizard)
    assert "save_proof" not in wizard.unavailable()
    assert wizard.on_save_proof().name == "bank-proof.html"
    assert "Proven: 6 checks passed" in says(wizard, "proof")
    assert "Proven: 6 checks" in (wizard.export(tmp_path / "proven") / "report.md").read_text()
    wizard.residency = "us"
    answered(wizard)
    assert "The router has changed since" in says(wizard, "proof")
    assert "Not proven yet" in (wizard.export(tmp_path / "changed") / "report.md").read_text()


def test_a_proof_is_started_once_and_cancelled(wizard: Watched) -> None:
    wizard.hear(kind="action", name="prove")
    assert wizard._proof.under_way
    assert wizard.unavailable()["prove"] == "a proof is under way"
    assert "cancel" not in wizard.unavailable()
    with pytest.raises(LlmlabError, match="a proof is under way"):
        wizard.on_prove()
    wizard.hear(kind="action", name="cancel")
    until(lambda: not wizard._proof.under_way)
    wizard.settle()
    assert wizard.verification is not None
    assert wizard.verification.cancelled
    assert "Cancelled" in str(drawn(wizard, "proof"))
    assert wizard.progress is None
    assert wizard.unavailable() == {"cancel": "no proof is under way"}


def test_a_closed_wizard_leaves_no_proof_under_way() -> None:
    made = Watched(residency="eu", as_of=DAY)
    made.on_prove()
    made.close()
    until(lambda: not made._proof.under_way)

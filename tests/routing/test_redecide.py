"""A saved decision is asked again of a new catalog: whether it holds, and what moved it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from llmlab.catalog import Catalog, Endpoint, load_catalog
from llmlab.cost import Workload
from llmlab.errors import LlmlabError, ScenarioError
from llmlab.routing import Constraints, Quality, decide, recommend, redecide
from llmlab.scenario import OverridesFile, Scenario, pin, redecide_folder

NOVEMBER = load_catalog("2026-11")
ASKED = Constraints(residency="eu", worst_case_s=10, quality=Quality(hard_kinds=("code",)), demand_measured=True)


def saved(asked: Constraints = ASKED, catalog: Catalog = NOVEMBER, name: str = "bank") -> Scenario:
    found = recommend(asked, Workload(), catalog, as_of=catalog.as_of)
    return Scenario(
        workload=Workload(), catalog=pin(catalog.name, catalog), name=name, constraints=asked, decided=decide(found)
    )


def moved(id: str, change: Callable[[Endpoint], Endpoint]) -> Catalog:
    """November with one endpoint changed."""
    return dataclasses.replace(NOVEMBER, endpoints=tuple(change(e) if e.id == id else e for e in NOVEMBER))


def priced(factor: str) -> Callable[[Endpoint], Endpoint]:
    def change(endpoint: Endpoint) -> Endpoint:
        (price,) = endpoint.prices
        standard = price.rates.standard
        assert standard is not None and standard.input is not None
        dearer = dataclasses.replace(standard, input=standard.input * Decimal(factor))
        rates = dataclasses.replace(price.rates, standard=dearer)
        return dataclasses.replace(endpoint, prices=(dataclasses.replace(price, rates=rates),))

    return change


def test_on_the_same_catalog_it_holds() -> None:
    found = redecide(saved(), NOVEMBER)
    assert (found.verdict, found.moved) == ("holds", ())
    assert found.before == found.still == found.after.usd_per_period
    assert found.words == "bank: still holds"


def test_a_retirement_breaks_it_and_is_said() -> None:
    scenario = saved()
    smart = scenario.decided.tiers["smart"]  # type: ignore[union-attr]
    soon = NOVEMBER.as_of + timedelta(days=30)
    found = redecide(scenario, moved(smart, lambda e: dataclasses.replace(e, retires_on=soon)))
    assert found.verdict == "broken"
    assert f"it retires on {soon}" in found.words
    assert found.still is None
    assert smart not in found.after.endpoints.values()


def test_an_endpoint_that_is_gone_breaks_it() -> None:
    scenario = saved()
    backup = scenario.decided.tiers["backup"]  # type: ignore[union-attr]
    found = redecide(scenario, NOVEMBER.where(lambda e: e.id != backup))
    assert (found.verdict, [m.what for m in found.moved if m.endpoint == backup]) == ("broken", ["gone"])


def test_a_price_that_rose_makes_another_set_better() -> None:
    scenario = saved()
    mid = scenario.decided.tiers["mid"]  # type: ignore[union-attr]
    found = redecide(scenario, moved(mid, priced("5")))
    assert found.verdict == "dearer"
    assert found.still is not None and found.before is not None and found.still > found.before
    assert {m.what for m in found.moved} == {"price", "better"}
    assert "saves $" in found.words


def test_a_price_that_fell_leaves_it_standing_and_is_said() -> None:
    scenario = saved()
    mid = scenario.decided.tiers["mid"]  # type: ignore[union-attr]
    found = redecide(scenario, moved(mid, priced("0.9")))
    assert (found.verdict, [m.what for m in found.moved]) == ("holds", ["price"])
    assert "its cost fell from" in found.words


def test_what_was_decided_on_the_seeds_snapshot_is_followed_through_new_names() -> None:
    seed = load_catalog("seed-2026-early")
    found = redecide(saved(Constraints(), seed), NOVEMBER)
    assert found.verdict == "broken"
    assert "groq/llama-3.1-8b-instant (cheap): it was retired on 2026-08-16" in found.words


def test_a_scenario_without_a_decision_is_decided_on_its_pin_first() -> None:
    undecided = dataclasses.replace(saved(), decided=None)
    assert redecide(undecided, NOVEMBER).decided == redecide(saved(), NOVEMBER).decided


def test_a_folder_of_scenarios_is_checked_with_their_own_prices(tmp_path: Path) -> None:
    deal = (
        "name: deal\nchecked_on: 2026-11-01\n"
        "discounts:\n  - {provider: anthropic, factor: 0.01, note: contract}\n"
    )  # fmt: skip
    saved(Constraints(), name="plain").save(tmp_path / "a.yaml")
    cheap = dataclasses.replace(
        saved(Constraints(), name="deal"), overrides=(OverridesFile(file="deal.yaml", text=deal),)
    )
    cheap.save(tmp_path / "b.yaml")
    Scenario(workload=Workload(), catalog=pin("2026-11", NOVEMBER)).save(tmp_path / "c.yaml")  # of another screen
    assert [(d.name, d.verdict) for d in redecide_folder(tmp_path, NOVEMBER)] == [
        ("plain", "holds"),
        ("deal", "dearer"),
    ]


def test_a_folder_without_a_decision_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="nothing to check"):
        redecide_folder(tmp_path, NOVEMBER)


def test_what_cannot_be_decided_cannot_be_saved_or_asked_again() -> None:
    with pytest.raises(LlmlabError, match="nothing is recommended"):
        decide(
            recommend(Constraints(), Workload(), NOVEMBER.where(lambda e: e.provider == "openai"), as_of=NOVEMBER.as_of)
        )
    with pytest.raises(ScenarioError, match="no constraints"):
        redecide(dataclasses.replace(saved(), constraints=None), NOVEMBER)

"""Where a share flips the recommendation, and how its numbers are said."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from llmlab.catalog import Evidence, PriceList, load_catalog
from llmlab.cost import Workload
from llmlab.routing import Constraints, Quality, Recommendation, recommend
from llmlab.routing.words import dollars, listed, percent, seconds

NOVEMBER = load_catalog("2026-11")


def on_november(c: Constraints, w: Workload) -> Recommendation:
    return recommend(c, w, NOVEMBER, as_of=NOVEMBER.as_of)


def test_the_hard_share_flips_the_bulk_off_a_box_that_it_no_longer_fills() -> None:
    # A box of $73 a month for the bulk, or $90 of tokens for all requests: even where the bulk is 73/90 of them.
    said = Evidence(source="our rack", checked_on=NOVEMBER.as_of)
    box = PriceList(reserved_usd_per_hour=Decimal("0.1"), evidence=said)
    boxed = dataclasses.replace(
        NOVEMBER,
        endpoints=tuple(dataclasses.replace(e, prices=(box,)) if e.provider == "vllm" else e for e in NOVEMBER),
    )
    asked = Constraints(quality=Quality(hard_kinds=("agent_loops",)))
    now = recommend(asked, Workload(), boxed, as_of=NOVEMBER.as_of)
    assert now.tiers["mid"].host == "self_host"
    (flip,) = [change for change in now.changes if change.name == "hard_share"]
    assert flip.constraints.quality.hard_share == pytest.approx(1 - 73 / 90, abs=2e-3)
    assert flip.tiers["mid"] == "bedrock/openai.gpt-oss-120b-1:0"
    assert flip.words.startswith("hard share over 18.9 % admits bedrock/openai.gpt-oss-120b-1:0 as mid, saves $")


def test_the_cache_rate_flips_the_set_to_who_discounts_what_is_cached() -> None:
    w = Workload(input_tokens=8_000, output_tokens=100)
    now = on_november(Constraints(quality=Quality(hard_kinds=("agent_loops",))), w)
    (flip,) = [change for change in now.changes if change.name == "cache_hit_rate"]
    assert flip.words.startswith("cache rate over ")
    assert on_november(flip.constraints, flip.workload).endpoints == flip.tiers != now.endpoints
    assert flip.saves_usd is not None and flip.saves_usd > 0


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (Decimal(1950), "$1,950"),
        (19.5, "$19.50"),
        (3, "$3"),
        (0.3, "$0.30"),
        (0.00065, "$0.00065"),
        (-640, "-$640"),
        (0, "$0"),
    ],
)
def test_dollars_are_said_as_people_read_them(amount: float | Decimal, said: str) -> None:
    assert dollars(amount) == said


def test_times_shares_and_lists_are_said_as_people_read_them() -> None:
    assert (seconds(0.42), seconds(1.75), seconds(Decimal(12))) == ("420 ms", "1.75 s", "12 s")
    assert percent(0.125) == "12.5 %"
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"

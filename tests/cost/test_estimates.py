"""The table: its columns add up, its order is by dollars, and a row says what to look out for."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from llmlab.catalog import Catalog, load_catalog, parse_overrides
from llmlab.cost import Estimate, Estimates, Grid, Workload, estimate, ledger

CATALOG = load_catalog("2026-11")
DAY = date(2026, 11, 23)
RAG = Workload(requests=100_000, input_tokens=4_000, output_tokens=500)
EVERYTHING = RAG.change(
    reasoning_tokens=700, cacheable_tokens=3_200, cache_hit_rate=0.8, cache_storage_hours=24.0, batch_share=0.3,
    off_peak_share=0.5, retry_rate=0.02, region="eu",
)  # fmt: skip
HOUSE = parse_overrides(
    """
name: house
evidence: {source: invoice of October, checked_on: 2026-10-31}
providers: [{id: house, name: House, host: self_host}]
endpoints:
  - id: house/box
    model: llama-3-3-70b
    provider: house
    prices: [{reserved_usd_per_hour: 12.29}]
  - id: house/free
    model: llama-3-1-8b
    provider: house
    prices: [{rates: {standard: {input: 0, output: 0}}, per_request_usd: 0.0001}]
""",
    "house.yaml",
)


def rows(workload: Workload = RAG, catalog: Catalog = CATALOG, day: date = DAY) -> dict[str, Estimate]:
    return {row.endpoint: row for row in estimate(workload, catalog, as_of=day)}


@pytest.mark.parametrize("workload", [RAG, EVERYTHING, RAG.change(mode="priority"), RAG.change(period="run")])
def test_the_columns_of_a_row_sum_to_its_total(workload: Workload) -> None:
    for row in estimate(workload, load_catalog("2026-11", HOUSE), as_of=DAY):
        sides = (row.input_usd, row.output_usd, row.fees_usd, row.reservation_usd)
        prompt = (row.uncached_input_usd, row.cache_read_usd, row.cache_write_usd, row.cache_storage_usd)
        answer = (row.visible_output_usd, row.reasoning_usd)
        if row.total_usd is None:
            assert row.unpriced
            assert {*sides, *prompt, *answer, row.usd_per_request, row.ratio} == {None}
        else:
            assert row.unpriced is None
            assert sum(usd or 0 for usd in sides) == pytest.approx(row.total_usd, abs=1e-8)
            assert sum(usd or 0 for usd in prompt) == pytest.approx(row.input_usd, abs=1e-8)
            assert sum(usd or 0 for usd in answer) == pytest.approx(row.output_usd, abs=1e-8)
            assert row.usd_per_request == pytest.approx(row.total_usd / workload.requests)


def test_rows_come_cheapest_first_and_unpriced_last_with_the_reason_of_their_bill() -> None:
    for workload in (RAG, EVERYTHING, RAG.change(mode="priority"), RAG.change(same_text=True)):
        found = estimate(workload, CATALOG, as_of=DAY)
        totals = [row.total_usd for row in found]
        priced = [usd for usd in totals if usd is not None]
        assert priced == sorted(priced)
        assert totals[len(priced) :] == [None] * (len(totals) - len(priced))
        for row in found[len(priced) :]:
            bill = ledger(CATALOG.endpoint(row.endpoint), workload, CATALOG, as_of=DAY)
            assert row.unpriced == bill.unpriced


def test_the_ratio_is_against_the_cheapest_priced_row() -> None:
    found = estimate(RAG, CATALOG, as_of=DAY)
    assert found[0].ratio == 1
    assert rows()["anthropic/claude-sonnet-4-6"].ratio == pytest.approx(1_950 / 24)


def test_ratios_are_against_the_cheapest_row_that_costs_something() -> None:
    catalog = load_catalog("2026-11", parse_overrides(
        "name: gift\nevidence: {source: a gift, checked_on: 2026-11-01}\n"
        "endpoints:\n  - {id: mistral/gift, model: mistral-large-2, provider: mistral, "
        "prices: [{rates: {standard: {input: 0, output: 0}}}]}\n",
        "gift.yaml",
    ))  # fmt: skip
    found = estimate(RAG, catalog, as_of=DAY)
    assert (found[0].endpoint, found[0].total_usd) == ("mistral/gift", 0)
    assert (found[0].ratio, found[1].ratio) == (0, 1)


def test_boxes_and_fees_have_columns_of_their_own() -> None:
    found = rows(catalog=load_catalog("2026-11", HOUSE))
    box, free = found["house/box"], found["house/free"]
    assert (box.input_usd, box.output_usd) == (0.0, 0.0)
    assert box.reservation_usd == pytest.approx(12.29 * 730)
    assert free.total_usd == free.fees_usd == pytest.approx(10)
    assert box.source == "invoice of October"


# --- Flags -----------------------------------------------------------------------------------------------------------


def test_a_row_that_needs_no_warning_has_none() -> None:
    assert rows()["anthropic/claude-sonnet-4-6"].flags == ()


@pytest.mark.parametrize(
    ("id", "change", "flag"),
    [
        ("groq/llama-3.1-8b-instant", {}, "retired 2026-08-16"),
        ("openai/gpt-5", {}, "retiring 2026-12-11"),
        ("deepseek/deepseek-v3", {"input_tokens": 70_000}, "prompt over the window of 65,536"),
        ("deepseek/deepseek-v3", {"output_tokens": 9_000}, "answer over the limit of 8,192"),
        ("deepseek/deepseek-v3", {"output_tokens": 500, "reasoning_tokens": 8_000}, "answer over the limit of 8,192"),
        ("anthropic/claude-haiku-4-5", {"cache_hit_rate": 0.5}, "below the caching minimum of 4,096"),
        ("mistral/mistral-large-2407", {"cache_hit_rate": 0.5}, "no cache price"),
        ("mistral/mistral-large-2407", {"batch_share": 0.5}, "no batch price"),
        ("anthropic/claude-sonnet-4-6", {"mode": "flex"}, "no flex price"),
        ("anthropic/claude-sonnet-4-6", {"cache_storage_hours": 24.0}, "no storage price"),
        ("anthropic/claude-sonnet-4-6", {"region": "kr"}, "not known to serve kr"),
    ],
)
def test_a_row_says_what_to_look_out_for(id: str, change: dict[str, object], flag: str) -> None:
    assert flag not in rows(RAG)[id].flags or not change
    assert flag in rows(RAG.change(**change))[id].flags


def test_an_endpoint_that_sells_storage_is_not_said_to_lack_it() -> None:
    stored = rows(RAG.change(cache_hit_rate=1.0, cache_storage_hours=24.0))["gemini/gemini-3.8-flash"]
    assert "no storage price" not in stored.flags
    assert stored.cache_storage_usd == pytest.approx(4_000 * 24 * 0.5 / 1e6)


def test_a_figure_nobody_looked_at_for_a_quarter_is_stale() -> None:
    id = "anthropic/claude-sonnet-4-6"
    checked = rows()[id].checked_on
    assert checked is not None
    assert rows(day=date.fromordinal(checked.toordinal() + 90))[id].flags == ()
    assert f"stale: checked {checked}" in rows(day=date.fromordinal(checked.toordinal() + 91))[id].flags


# --- As data ---------------------------------------------------------------------------------------------------------


def test_the_rows_are_a_sequence_that_knows_what_it_was_computed_from() -> None:
    found = estimate(RAG, CATALOG, as_of=DAY)
    assert isinstance(found, Estimates)
    assert (len(found), found.workload, found.catalog, found.as_of) == (len(CATALOG), RAG, "2026-11", DAY)
    assert found[:2] == (found[0], found[1]) == tuple(found)[:2]


def test_plain_dictionaries_survive_json_with_a_null_where_there_is_no_price() -> None:
    found = estimate(RAG, CATALOG, as_of=DAY)
    read = json.loads(json.dumps(found.to_dicts(), allow_nan=False))
    assert [set(one) for one in read] == [{f.name for f in dataclasses.fields(Estimate)}] * len(found)
    assert read == found.to_dicts()
    assert (read[-1]["total_usd"], read[-1]["unpriced"]) == (None, "no price published")
    assert read[0]["checked_on"] == str(found[0].checked_on)
    assert read[0]["flags"] == list(found[0].flags)


def test_a_frame_has_a_column_per_field_and_nan_where_there_is_no_price() -> None:
    found = estimate(RAG, CATALOG, as_of=DAY)
    frame = found.to_frame()
    assert list(frame.columns) == [f.name for f in dataclasses.fields(Estimate)]
    assert list(frame["endpoint"]) == [row.endpoint for row in found]
    assert frame["total_usd"].dtype == np.float64
    assert int(frame["total_usd"].isna().sum()) == sum(row.total_usd is None for row in found) == 5


def test_a_grid_already_compiled_gives_the_same_rows() -> None:
    grid = Grid(CATALOG, as_of=DAY)
    assert estimate(EVERYTHING, CATALOG, grid=grid) == estimate(EVERYTHING, CATALOG, as_of=DAY)


def test_the_table_and_the_bill_say_the_same() -> None:
    for row in estimate(EVERYTHING, CATALOG, as_of=DAY):
        bill = ledger(CATALOG.endpoint(row.endpoint), EVERYTHING, CATALOG, as_of=DAY)
        exact = bill.total_usd
        assert (exact is None) == (row.total_usd is None)
        if exact is not None:
            assert row.total_usd == pytest.approx(float(exact), rel=1e-9)
            assert Decimal(str(row.total_usd)).quantize(Decimal("0.01")) == exact.quantize(Decimal("0.01"))

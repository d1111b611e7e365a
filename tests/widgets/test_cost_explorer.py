"""The Cost Explorer without a browser: what its traits, values and payloads say."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab import CostExplorer, LlmlabError, Scenario, Workload, load_catalog
from llmlab.catalog.records import MODES
from llmlab.errors import UnknownNameError
from llmlab.scenario import Choices, OverridesFile, Pin, pin

DAY = date(2026, 11, 23)
SONNET = "anthropic/claude-sonnet-4-6"
DEALS = "name: our-deals\ndiscounts:\n  - {provider: anthropic, factor: 0.5, note: a test}\n"


def explorer(**values: Any) -> CostExplorer:
    return CostExplorer(catalog_name="seed-2026-early", as_of=DAY, **values)


def said(found: CostExplorer, endpoint: str) -> str:
    """The total that the table shows for an endpoint."""
    row = next(row for row in found.draw_table().rows if row.key == endpoint)
    cell = row.cells[1]
    return cell if isinstance(cell, str) else cell.text


workloads = st.builds(
    Workload,
    requests=st.integers(1, 1_000_000_000),
    period=st.sampled_from(["run", "day", "month"]),
    input_tokens=st.integers(1_000, 2_000_000),
    output_tokens=st.integers(0, 128_000),
    reasoning_tokens=st.integers(0, 128_000),
    cacheable_tokens=st.none() | st.integers(0, 1_000),
    cache_hit_rate=st.floats(0, 1),
    cache_ttl=st.sampled_from(["5m", "1h"]),
    cache_storage_hours=st.floats(0, 8_784),
    batch_share=st.floats(0, 1),
    mode=st.sampled_from([m for m in MODES if m != "batch"]),
    off_peak_share=st.floats(0, 1),
    retry_rate=st.floats(0, 10),
    region=st.none() | st.sampled_from(["eu", "us"]),
    same_text=st.booleans(),
)


@given(workloads)
@settings(max_examples=25, deadline=None)
def test_a_scenario_survives_the_traits(workload: Workload) -> None:
    catalog = load_catalog("2026-11")
    choices = Choices(search="claude", providers=("anthropic",), min_window_tokens=1_000, selected=SONNET)
    scenario = Scenario(name="RAG", workload=workload, catalog=pin("2026-11", catalog), choices=choices)
    screen = CostExplorer.from_scenario(scenario, as_of=DAY)
    assert screen.scenario == scenario
    again = eval(screen.to_code(), {"CostExplorer": CostExplorer})
    assert again.workload == workload


def test_every_control_is_an_ordinary_trait() -> None:
    found = explorer()
    seen: list[int] = []
    found.observe(lambda change: seen.append(change["new"]), names="requests")
    found.requests = 5
    assert seen == [5] and found.workload.requests == 5
    with pytest.raises(traitlets.TraitError, match="Cache hit rate"):
        found.cache_hit_rate = 1.2
    with pytest.raises(UnknownNameError, match="did you mean requests"):
        explorer(reqests=5)


def test_the_table_says_what_the_seed_said() -> None:
    found = explorer()
    assert said(found, SONNET) == "$1,950"
    assert said(found, "openai/gpt-5-mini") == "unpriced"
    found.batch = True
    assert said(found, SONNET) == "$975"


def test_latencies_keep_the_seeds_range_and_its_under() -> None:
    cells = {row.key: [getattr(cell, "text", cell) for cell in row.cells] for row in explorer().draw_table().rows}
    assert cells["groq/llama-3-3-8b"][6:8] == ["<0.1", "0.1–0.4"]
    assert cells[SONNET][6:8] == ["0.4", "2–4"]


def test_the_frame_holds_what_the_filters_leave() -> None:
    frame = explorer(providers=("anthropic",)).to_frame()
    assert list(frame.endpoint) == ["anthropic/claude-haiku-4-5", SONNET, "anthropic/claude-opus-4-7"]
    assert list(frame.total_usd) == [520, 1950, 9750]


def test_ratios_are_against_the_cheapest_on_screen() -> None:
    row = explorer(providers=("anthropic",)).draw_table().rows[0]
    assert row.key == "anthropic/claude-haiku-4-5"
    assert [getattr(cell, "text", cell) for cell in row.cells][3] == "1x"


def test_a_region_leaves_out_what_is_not_known_to_stay_there_and_adds_the_uplift() -> None:
    found = CostExplorer(catalog_name="2026-11", region="eu", as_of=DAY, search="sonnet-4-6")
    rows = {row.key for row in found.draw_table().rows}
    assert "bedrock/eu.anthropic.claude-sonnet-4-6" in rows and SONNET not in rows
    assert said(found, "vertex_ai/claude-sonnet-4-6@eu") == "$2,145"
    assert "not known to be processed in eu" in found.draw_table().caption


def test_overrides_are_named_in_the_bill_and_travel_in_the_scenario(tmp_path: Path) -> None:
    found = explorer(selected=SONNET)
    found.on_overrides("deals.yaml", DEALS)
    assert said(found, SONNET) == "$975"
    bill = found.draw_ledger().rows[0].cells[-1]
    assert "x 0.5 by overrides our-deals (a test)" in str(getattr(bill, "text", bill))
    reopened = CostExplorer.from_scenario(found.save(tmp_path / "s.yaml"), as_of=DAY)
    assert reopened.scenario == found.scenario and said(reopened, SONNET) == "$975"
    names = {"CostExplorer": CostExplorer, "Scenario": Scenario, "Workload": Workload, "Pin": Pin}
    more = {"OverridesFile": OverridesFile, "Choices": Choices}
    assert eval(found.to_code(), names | more).scenario == found.scenario
    found.on_overrides("", "")
    assert said(found, SONNET) == "$1,950"


def test_a_scenario_may_discount_what_only_its_own_catalog_has() -> None:
    found = explorer()
    found.on_overrides("deals.yaml", DEALS.replace("provider: anthropic", "endpoint: gemini/gemini-2-pro"))
    reopened = CostExplorer.from_scenario(found.scenario, as_of=DAY)
    assert said(reopened, "gemini/gemini-2-pro") == "$1,925"


def test_wrong_overrides_leave_the_old_ones_in_place() -> None:
    found = explorer()
    found.on_overrides("deals.yaml", DEALS)
    with pytest.raises(LlmlabError, match="wrong.yaml:3: unknown provider 'antropic'"):
        found.on_overrides("wrong.yaml", DEALS.replace("anthropic", "antropic"))
    assert said(found, SONNET) == "$975"


def test_a_scenario_whose_catalog_moved_opens_with_a_warning() -> None:
    moved = Scenario(workload=Workload(), catalog=Pin(name="seed-2026-early", content_hash="0" * 16))
    found = CostExplorer.from_scenario(moved)
    assert "decided on seed-2026-early 0000000000000000" in found.draw_bars().caption
    found.catalog_name = "2026-11"
    assert "0000000000000000" not in found.draw_bars().caption


def test_what_is_selected_must_be_there_and_is_forgotten_with_its_catalog() -> None:
    found = explorer(selected="gemini/gemini-2-pro")
    assert "gemini-2-pro" in found.draw_ledger().columns[0].label
    with pytest.raises(UnknownNameError, match="did you mean"):
        found.selected = "gemini/gemini-2-por"
    found.catalog_name = "2026-11"
    assert found.selected == ""


def test_a_catalog_may_be_a_path_and_a_wrong_name_says_what_there_is(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: own\ntitle: Ours\nas_of: 2026-11-01\nevidence: {source: invoice, checked_on: 2026-11-01}\n"
        "providers: [{id: us, name: Us}]\nmodels: [{id: m, name: M, maker: us}]\n"
        "endpoints: [{id: us/m, model: m, provider: us, prices: [{rates: {standard: {input: 1, output: 2}}}]}]\n"
    )
    assert said(CostExplorer(catalog_name=str(own), as_of=DAY), "us/m") == "$500"
    with pytest.raises(UnknownNameError, match="allowed: 2026-11, genai-prices, litellm, seed-2026-early"):
        CostExplorer(catalog_name="nope")


def test_an_unknown_name_in_a_text_is_only_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    found = explorer(search=hostile)
    assert found.draw_table().rows == ()
    assert "<img" not in found.snapshot()


def test_filters_that_leave_nothing_leave_every_view_empty_and_none_in_error() -> None:
    found = explorer(search="no such thing")
    for view in found.views:
        assert getattr(found, f"draw_{view.id}")().to_html()
    assert found.last_error is None and found.status() == "No endpoint is left that has a price."


def test_an_unpriced_selection_is_said_by_every_view_and_is_no_error() -> None:
    found = explorer(selected="openai/gpt-5-mini")
    for view in (found.draw_ledger(), found.draw_tornado(), found.draw_break_even()):
        assert view.empty == "openai/gpt-5-mini is unpriced: no price published."


def test_the_break_even_is_against_the_cheapest_other_model_unless_one_is_chosen() -> None:
    found = CostExplorer(catalog_name="2026-11", selected=SONNET, compare_with="openai/gpt-4o", as_of=DAY)
    assert found.draw_break_even().alt == (
        "above 85.2 % cache hit rate anthropic/claude-sonnet-4-6 is cheaper than openai/gpt-4o."
    )


@pytest.mark.parametrize("name", ["seed-2026-early", "2026-11", "litellm", "genai-prices"])
def test_every_view_draws_on_every_catalog(name: str) -> None:
    found = CostExplorer(catalog_name=name, as_of=DAY, cache_hit_rate=0.5, batch=True, reasoning_tokens=100)
    for view in found.views:
        payload = getattr(found, f"draw_{view.id}")()
        assert payload.to_json() and payload.to_html()

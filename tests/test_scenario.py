"""A scenario is read back exactly as it was saved, and never opens on other prices in silence."""

from __future__ import annotations

import dataclasses
import datetime
import os
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmlab.catalog import Catalog, load_catalog, parse_overrides
from llmlab.catalog.records import MODES
from llmlab.cost import Workload
from llmlab.errors import LlmlabError, ScenarioError
from llmlab.routing import Constraints, Decided, Ecosystem, LatencySla, Quality
from llmlab.routing.constraints import HARD_KINDS, TIERS
from llmlab.saving import write_whole
from llmlab.scenario import Choices, OverridesFile, Pin, Scenario, pin

DEAL = """name: our-deals
checked_on: 2026-11-01
discounts:
  - {provider: anthropic, factor: 0.5, note: contract}
"""


def decided(**fields: Any) -> Scenario:
    catalog = fields.pop("on", load_catalog("2026-11"))
    default: dict[str, Any] = {"workload": Workload(), "catalog": pin("2026-11", catalog), "name": "support bot"}
    return Scenario(**default | fields)


def with_deal() -> Scenario:
    catalog = load_catalog("2026-11", parse_overrides(DEAL, "deals.yaml"))
    return decided(on=catalog, overrides=(OverridesFile(file="deals.yaml", text=DEAL),))


# --- There and back --------------------------------------------------------------------------------------------------

HOSTILE = [
    'yes', 'null', '~', '1e3', '2026-11-23', '- a', '{a: b}', '*x', '&x', '!!python/object:os.system', '# no',
    "'", '"', 'a: b', 'a\nb', 'a\n  b\n', ' x ', '\ttab', '%', '@', '`', 'é😀', '\x00', '\x85', '\u2028',
    '\ufeff', '\r\n', '---', '...', '|', '>', '1_000', '0x10', '1:30', '.nan', '<<', '=', '${HOME}', '\\n',
    '\x7f',
]  # fmt: skip
text = st.sampled_from(HOSTILE) | st.text(max_size=30).filter(lambda s: not any("\ud800" <= c <= "\udfff" for c in s))
texts = st.lists(text, max_size=3).map(tuple)
# A number with more than 30 places is refused when a file is read, and nobody chooses one.
share = st.floats(0, 1).map(lambda x: round(x, 12)) | st.sampled_from([0, 1, 0.1, 1e-7, 0.30000000000000004])
count = st.integers(0, 10**9)


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    length = draw(count)
    return Workload(
        requests=draw(st.integers(1, 10**15)),
        period=draw(st.sampled_from(["run", "day", "month"])),
        input_tokens=length,
        output_tokens=draw(count),
        reasoning_tokens=draw(count),
        cacheable_tokens=draw(st.none() | st.integers(0, length)),
        cache_hit_rate=draw(share),
        cache_ttl=draw(st.sampled_from(["5m", "1h"])),
        cache_storage_hours=draw(share.map(lambda x: x * 8_784)),
        batch_share=draw(share),
        mode=draw(st.sampled_from(MODES)),
        off_peak_share=draw(share),
        retry_rate=draw(share.map(lambda x: x * 10)),
        region=draw(st.none() | text),
        same_text=draw(st.booleans()),
    )


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


seconds = st.integers(1, 10**5).map(lambda ms: ms / 1000)
dollars = st.decimals(min_value="0.000001", max_value=10**6, places=6)
scores = st.dictionaries(text, share, min_size=1, max_size=2)
constraints = st.builds(
    Constraints,
    residency=maybe(text),
    latency=st.builds(
        LatencySla, ttft_s=maybe(seconds), total_s=maybe(seconds), percentile=st.sampled_from(["p50", "p95"])
    ),
    worst_case_s=maybe(seconds),
    max_usd_per_request=maybe(dollars),
    quality=st.builds(
        Quality, hard_kinds=st.lists(st.sampled_from(HARD_KINDS), max_size=3, unique=True).map(tuple),
        hard_share=share.map(lambda x: x / 2), easy_share=share.map(lambda x: x / 2), hard_input_tokens=maybe(count),
        scores=scores, least=st.dictionaries(st.sampled_from(TIERS), share, max_size=2),
    ),
    ecosystem=st.builds(
        Ecosystem, clouds=st.lists(st.sampled_from(["aws", "azure", "gcp"]), max_size=2).map(tuple), vendors=texts,
        one_audit_surface=st.booleans(), must_fine_tune=st.booleans(), open_weights_only=st.booleans(),
        openai_compatible_only=st.booleans(),
    ),
    demand_measured=st.booleans(),
)  # fmt: skip
decisions = st.builds(
    Decided,
    tiers=st.fixed_dictionaries(dict.fromkeys(TIERS, text)),
    as_of=st.dates(min_value=datetime.date(2026, 1, 1)),
    usd_per_period=maybe(dollars),
)
scenarios = st.builds(
    Scenario,
    constraints=maybe(constraints),
    decided=maybe(decisions),
    workload=workloads(),
    catalog=st.builds(Pin, name=text, content_hash=text, packages=st.dictionaries(text, text, max_size=2)),
    name=text,
    overrides=st.lists(st.builds(OverridesFile, file=text, text=text), max_size=2).map(tuple),
    choices=st.builds(
        Choices, search=text, models=texts, providers=texts, strengths=texts, min_window_tokens=count,
        hide_retired=st.booleans(), selected=text, compare_with=text,
    ),
)  # fmt: skip
many = settings(
    max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@many
@given(scenarios)
def test_what_is_saved_is_what_is_read(scenario: Scenario) -> None:
    assert Scenario.parse(scenario.to_yaml()) == scenario


@many
@given(scenarios)
def test_a_scenario_is_written_as_the_call_that_makes_it(scenario: Scenario) -> None:
    assert eval(repr(scenario)) == scenario


def test_a_saved_file_is_read_back(tmp_path: Path) -> None:
    scenario = decided(choices=Choices(models=("claude-sonnet-4-6",), selected="anthropic/claude-sonnet-4-6"))
    path = scenario.save(tmp_path / "bot.yaml")
    assert path == tmp_path / "bot.yaml"
    assert Scenario.read(path) == scenario
    head = path.read_text().splitlines()[0]
    assert head.startswith("#") and "`llmlab estimate --scenario FILE`" in head


def test_the_workload_is_saved_whole_and_only_the_choices_that_were_made() -> None:
    saved = decided(choices=Choices(search="opus")).to_yaml()
    for field in dataclasses.fields(Workload):
        assert f"\n  {field.name}: " in saved
    assert saved.endswith("choices:\n  search: opus\n")
    assert "choices" not in decided().to_yaml()


def test_a_file_from_before_there_were_constraints_is_still_read() -> None:
    saved = decided().to_yaml()
    assert "constraints" not in saved and "decided" not in saved
    assert Scenario.parse(saved).constraints is None


def test_constraints_are_saved_whole_so_that_a_new_default_changes_no_old_decision() -> None:
    saved = decided(constraints=Constraints(residency="eu", max_usd_per_request=Decimal("0.05"))).to_yaml()
    for field in dataclasses.fields(Constraints):
        assert f"\n  {field.name}:" in saved
    for field in (*dataclasses.fields(Quality), *dataclasses.fields(Ecosystem), *dataclasses.fields(LatencySla)):
        assert f"\n    {field.name}:" in saved
    assert "max_usd_per_request: 0.05\n" in saved


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  residence: eu", "unknown key 'residence'; did you mean residency"),
        ("  quality: {hard_kinds: [coding]}", "hard_kinds"),
        ("  quality: {hard_share: 1.5}", "shares and scores are from 0 to 1"),
        ("  worst_case_s: 0", "above 0 seconds"),
    ],
    ids=["key", "kind", "share", "seconds"],
)
def test_constraints_that_cannot_be_are_an_error_with_the_line(line: str, said: str) -> None:
    text = decided().to_yaml() + f"constraints:\n{line}\n"
    with pytest.raises(ScenarioError, match=said) as refused:
        Scenario.parse(text, "bank.yaml")
    assert str(refused.value).startswith("bank.yaml:")
    assert int(str(refused.value).split(":")[1]) >= len(text.splitlines()) - 1


def test_overrides_are_saved_as_a_block_that_reads_like_the_file() -> None:
    assert "  text: |\n    name: our-deals\n    checked_on: 2026-11-01\n" in with_deal().to_yaml()


# --- The pin ---------------------------------------------------------------------------------------------------------


def test_the_pinned_catalog_is_opened_where_it_still_says_the_same() -> None:
    assert decided().load_catalog().content_hash == load_catalog("2026-11").content_hash


def test_a_catalog_that_says_something_else_is_an_error_with_both_hashes() -> None:
    now = load_catalog("2026-11").content_hash
    old = decided(catalog=Pin(name="2026-11", content_hash="0123456789abcdef", packages={"litellm": "1.0.0"}))
    with pytest.raises(ScenarioError) as refused:
        old.load_catalog()
    said = str(refused.value)
    assert "'support bot'" in said and "0123456789abcdef (litellm 1.0.0)" in said and now in said
    assert "repinned()" in said


def test_pinning_anew_is_an_act_and_changes_nothing_else() -> None:
    old = decided(catalog=Pin(name="2026-11", content_hash="0123456789abcdef"))
    new = old.repinned()
    assert new == dataclasses.replace(old, catalog=pin("2026-11", load_catalog("2026-11")))
    assert new.load_catalog() is not None


def test_a_scenario_carries_its_overrides_and_needs_no_file() -> None:
    def input_rate(catalog: Catalog) -> object:
        rates = catalog.endpoint("anthropic/claude-sonnet-4-6").prices[0].rates.standard
        return rates and rates.input

    scenario = Scenario.parse(with_deal().to_yaml())
    catalog = scenario.load_catalog()
    assert catalog.overrides == ("our-deals",)
    assert (input_rate(catalog), input_rate(load_catalog("2026-11"))) == (1.5, 3)
    with pytest.raises(ScenarioError, match="prices may differ"):  # without them it is another catalog
        dataclasses.replace(scenario, overrides=()).load_catalog()


# --- What cannot be read ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema: 1\n", "", "bot.yaml:2: schema is None; this llmlab reads 1. Add `schema: 1`"),
        ("schema: 1\n", "schema: 2\n", "bot.yaml:2: schema is 2; this llmlab reads 1. A newer file"),
        ("name: support bot\n", "title: x\n", "bot.yaml:3: unknown key 'title'"),
        ("  requests:", "  request:", "bot.yaml:5: unknown key 'request'; did you mean requests?"),
        ("  requests: 100000\n", "  requests: many\n", "bot.yaml:5: workload.requests is 'many'; it must be a"),
        ("  period: month\n", "  period: year\n", "bot.yaml:6: workload.period is 'year'; allowed: run, day, month"),
        ("  cache_hit_rate: 0.0\n", "  cache_hit_rate: 80\n", "cache_hit_rate is 80; it must be between 0 and 1"),
        ("  name: 2026-11\n", "", "'name' is missing in catalog"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_as_written_is_an_error_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    saved = decided().to_yaml()
    assert old in saved
    path = tmp_path / "bot.yaml"
    path.write_text(saved.replace(old, new, 1))
    with pytest.raises(ScenarioError) as refused:
        Scenario.read(path)
    assert said in str(refused.value)
    assert f"{path}:" in str(refused.value)


def test_a_file_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.yaml: cannot be read: No such file or directory$"):
        Scenario.read(tmp_path / "none.yaml")


# --- Whole or not at all ---------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LlmlabError, match="cannot be written: No such file or directory"):
        decided().save(tmp_path / "none" / "bot.yaml")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_at_the_last_step_leaves_what_was_there_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "bot.yaml"
    target.mkdir()
    (target / "inside").write_text("kept")
    with pytest.raises(LlmlabError, match=r"bot\.yaml: cannot be written: "):
        decided().save(target)
    assert [p.name for p in tmp_path.iterdir()] == ["bot.yaml"]
    assert (target / "inside").read_text() == "kept"


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "bot.yaml"
    target.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LlmlabError, match="No space left on device"):
        write_whole(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["bot.yaml"]


def test_a_text_that_is_no_utf_8_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "bot.yaml"
    target.write_text("old")
    with pytest.raises(LlmlabError, match="cannot be written"):
        write_whole(target, "half a pair: \ud83d")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["bot.yaml"]


def test_a_saved_file_is_readable_like_any_other_and_keeps_the_mode_it_had(tmp_path: Path) -> None:
    target = tmp_path / "bot.yaml"
    beside = tmp_path / "beside"
    beside.write_text("")
    decided().save(target)
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(beside.stat().st_mode)
    target.chmod(0o640)
    decided(name="again").save(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert Scenario.read(target).name == "again"

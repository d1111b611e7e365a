"""An alias is switched off with its newest dated snapshot."""

from __future__ import annotations

from datetime import date

from llmlab.catalog.lifecycle import inherited_dates

EARLY, LATE = date(2026, 10, 1), date(2027, 10, 1)


def test_an_alias_takes_the_date_of_its_snapshot() -> None:
    assert inherited_dates({"gpt-5": None, "gpt-5-2025-08-07": EARLY})["gpt-5"] == EARLY


def test_a_date_of_its_own_is_kept() -> None:
    assert inherited_dates({"gpt-5": LATE, "gpt-5-2025-08-07": EARLY})["gpt-5"] == LATE


def test_the_newest_snapshot_decides_and_not_the_one_that_retires_last() -> None:
    dates = {"gpt-4o-2024-05-13": LATE, "gpt-4o": None, "gpt-4o-2024-11-20": EARLY, "gpt-4o-2024-08-06": LATE}
    assert inherited_dates(dates)["gpt-4o"] == EARLY


def test_a_newest_snapshot_without_a_date_leaves_the_alias_without_one() -> None:
    assert "gpt-4o" not in inherited_dates({"gpt-4o": None, "gpt-4o-2024-05-13": EARLY, "gpt-4o-2024-11-20": None})


def test_another_model_whose_name_begins_alike_is_not_its_snapshot() -> None:
    dates = {"gpt-5": None, "gpt-5-mini": None, "gpt-5-mini-2025-08-07": EARLY, "azure/gpt-5": None}
    assert inherited_dates(dates) == {"gpt-5-mini": EARLY, "gpt-5-mini-2025-08-07": EARLY}


def test_days_may_be_written_as_vertex_bedrock_and_anthropic_do() -> None:
    for snapshot in ("m@20251001", "m-20251001", "m-20251001-v1:0", "m-2025-10-01"):
        assert inherited_dates({"m": None, snapshot: EARLY})["m"] == EARLY


def test_latest_and_default_are_aliases_too() -> None:
    found = inherited_dates({"m-latest": None, "m@default": None, "m-20251001": EARLY})
    assert found["m-latest"] == found["m@default"] == EARLY


def test_a_number_that_is_no_day_or_has_no_year_is_not_a_snapshot() -> None:
    assert inherited_dates({"gpt-4": None, "gpt-4-0613": EARLY, "gpt-4-20259999": EARLY}).keys() == {
        "gpt-4-0613",
        "gpt-4-20259999",
    }


def test_a_dated_snapshot_without_a_date_inherits_nothing_from_a_newer_one() -> None:
    assert inherited_dates({"m-20240101": None, "m-20250101": EARLY}) == {"m-20250101": EARLY}

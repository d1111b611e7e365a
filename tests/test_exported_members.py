"""The public surface is a list. A change to it is a change to this file."""

from __future__ import annotations

import importlib

import pytest

import llmlab

PUBLIC = [
    "Catalog",
    "Constraints",
    "CostExplorer",
    "Ledger",
    "LlmlabError",
    "Playground",
    "RouterWizard",
    "Scenario",
    "StreamRecord",
    "Workload",
    "break_even",
    "estimate",
    "ledger",
    "load_catalog",
    "measure",
    "measure_live",
    "pareto",
    "recommend",
    "sensitivity",
    "verify",
]


def test_the_public_names_are_these() -> None:
    assert llmlab.__all__ == PUBLIC


def test_the_public_names_are_sorted() -> None:
    assert sorted(llmlab.__all__) == llmlab.__all__


def test_each_public_name_has_a_home_and_nothing_else_has() -> None:
    assert sorted(llmlab._HOMES) == llmlab.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_what_its_home_calls_so_and_says_what_it_is_for(name: str) -> None:
    home = importlib.import_module(f"llmlab.{llmlab._HOMES[name]}")
    assert getattr(llmlab, name) is getattr(home, name)
    assert getattr(llmlab, name).__doc__


def test_completion_offers_the_public_names_only() -> None:
    assert dir(llmlab) == sorted([*PUBLIC, "__version__"])


def test_a_version_is_known() -> None:
    assert isinstance(llmlab.__version__, str)
    assert llmlab.__version__


def test_an_unknown_name_is_an_attribute_error_that_says_the_nearest() -> None:
    with pytest.raises(AttributeError, match="module 'llmlab' has no attribute 'Scenaro'; did you mean Scenario?"):
        getattr(llmlab, "Scenaro")  # noqa: B009  a type checker would refuse it written plainly


def test_an_unknown_name_that_is_near_nothing_is_a_plain_attribute_error() -> None:
    assert not hasattr(llmlab, "quaternion")
    assert not hasattr(llmlab, "__wrapped__")


def test_a_folder_can_be_imported_from_the_package() -> None:
    from llmlab import catalog

    assert catalog.__name__ == "llmlab.catalog"


@pytest.mark.parametrize("folder", ["catalog", "cost", "measurement", "report", "routing", "simulator"])
def test_the_names_of_a_folder_are_sorted_and_exist(folder: str) -> None:
    module = importlib.import_module(f"llmlab.{folder}")
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name))  # constants first
    assert [name for name in module.__all__ if not hasattr(module, name)] == []

"""Every figure has a definition, every definition a figure, and each says whose it is and who differs."""

from __future__ import annotations

import pytest

from llmlab.measurement.definitions import Definition, definitions
from llmlab.measurement.records import StreamRecord

ALL = definitions()
FIGURE_ENDS = ("_ms", "_per_s")
FIGURES = {
    name for name, member in vars(StreamRecord).items() if isinstance(member, property) and name.endswith(FIGURE_ENDS)
}


def test_every_figure_of_a_record_is_defined_and_nothing_else_is_called_one() -> None:
    assert {name for name in ALL if name.endswith(FIGURE_ENDS)} == FIGURES
    assert len(FIGURES) > 10


def test_a_definition_that_is_no_figure_is_another_thing_a_run_says() -> None:
    assert {name for name in ALL if not name.endswith(FIGURE_ENDS)} == {
        "stall", "output_tokens", "billed_to_visible", "usage_source", "clock", "goodput",
    }  # fmt: skip


@pytest.mark.parametrize("definition", ALL.values(), ids=lambda definition: definition.name)
def test_a_definition_is_whole(definition: Definition) -> None:
    assert definition.term and definition.unit and definition.source
    assert definition.definition.endswith(".")
    assert all(difference.who and difference.how for difference in definition.differs)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_the_unit_is_the_one_in_the_name(name: str) -> None:
    assert ALL[name].unit == ("ms" if name.endswith("_ms") else "tokens/s")


def test_terms_are_not_used_twice() -> None:
    assert len({definition.term for definition in ALL.values()}) == len(ALL)


@pytest.mark.parametrize("name", ["ttft_ms", "ttfo_ms", "itl_ms", "gaps_ms", "e2e_ms", "output_tokens", "goodput"])
def test_where_others_mean_something_else_it_says_who(name: str) -> None:
    assert ALL[name].differs


def test_definitions_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ALL["ttft_ms"] = ALL["ttfo_ms"]  # type: ignore[index]  # that is what is tried

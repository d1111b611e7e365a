"""A control is an ordinary trait that says no in words."""

from __future__ import annotations

import ipywidgets
import pytest
from traitlets import TraitError

from demo import Demo, Streams
from llmlab.errors import UnknownNameError
from llmlab.widgets import controls as c
from llmlab.widgets.panel import Panel


def test_a_control_is_set_and_observed_like_any_trait() -> None:
    panel, seen = Demo(), []
    panel.observe(lambda change: seen.append(change["new"]), names="requests")
    panel.requests = 5
    assert seen == [5]


def test_a_control_can_be_linked_to_another_widget() -> None:
    panel, slider = Demo(), ipywidgets.IntSlider(min=1, max=1000)
    ipywidgets.link((panel, "output_tokens"), (slider, "value"))
    slider.value = 250
    assert panel.output_tokens == 250


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("requests", 0, "Requests (requests) cannot be 0: a whole number from 1 to 100,000,000"),
        ("requests", "many", "Requests (requests) cannot be 'many': a whole number from 1 to 100,000,000"),
        ("requests", True, "Requests (requests) cannot be True: a whole number from 1 to 100,000,000"),
        ("requests", 1.5, "Requests (requests) cannot be 1.5: a whole number from 1 to 100,000,000"),
        ("temperature", float("nan"), "Temperature (temperature) cannot be nan: a number from 0.0 to 2.0"),
        ("cache_hit_rate", 35, "Cache hit rate (cache_hit_rate) cannot be 35: a number from 0.0 to 1.0"),
        ("cache_ttl", "2h", "Cache lifetime (cache_ttl) cannot be '2h': allowed: 5m, 1h"),
        ("providers", ["antropic"], "Providers (providers) cannot be 'antropic': did you mean anthropic?"),
        ("providers", "openai", "Providers (providers) cannot be 'openai': give a list of options"),
        ("batch", "yes", "Batch (batch) cannot be 'yes': True or False"),
        ("search", 5, "Search (search) cannot be 5: a text"),
    ],
)
def test_a_refusal_names_the_control_the_value_and_what_is_allowed(name: str, value: object, message: str) -> None:
    panel = Demo()
    with pytest.raises(TraitError) as refusal:
        setattr(panel, name, value)
    assert str(refusal.value) == message
    assert getattr(panel, name) == getattr(Demo(), name)


def test_the_constructor_checks_values_too() -> None:
    with pytest.raises(TraitError, match="Requests .* cannot be 0"):
        Demo(requests=0)


def test_an_unknown_argument_is_answered_with_the_nearest_control() -> None:
    with pytest.raises(UnknownNameError, match="unknown control 'request'; did you mean requests?"):
        Demo(request=5)


def test_a_whole_number_may_come_as_javascript_writes_it() -> None:
    assert Demo(requests=5.0).requests == 5


def test_options_can_be_replaced_and_what_is_gone_is_dropped() -> None:
    panel = Demo(cache_ttl="1h", providers=["openai", "anthropic"])
    panel.set_options("cache_ttl", ["24h", ("5m", "5 minutes")])
    panel.set_options("providers", ["anthropic", "mistral"])
    assert (panel.cache_ttl, panel.providers) == ("24h", ("anthropic",))
    panel.providers = ["mistral"]
    assert Demo().cache_ttl == "5m", "other panels keep the declared options"


def test_options_may_be_set_before_the_constructor_checks_its_arguments() -> None:
    class Late(Panel):
        catalog = c.choice("", options=(), label="Catalog")

        def __init__(self, **values: object) -> None:
            self.set_options("catalog", ["seed", "2026-11"])
            super().__init__(**values)

    assert Late().catalog == "seed"
    assert Late(catalog="2026-11").catalog == "2026-11"
    with pytest.raises(TraitError, match="did you mean 2026-11?"):
        Late(catalog="2026-12")


def test_a_default_that_its_own_control_refuses_is_a_mistake_in_the_class() -> None:
    with pytest.raises(ValueError, match="the default 0 is not within 1 to 5"):
        c.number(0, label="N", min=1, max=5)
    with pytest.raises(ValueError, match="not one of the options"):
        c.choice("c", options=("a", "b"), label="C")


def test_a_control_cannot_take_a_name_that_panels_use() -> None:
    with pytest.raises(TypeError, match="cannot be called 'status'"):
        type("Bad", (Panel,), {"status": c.text(label="Status")})


def test_a_text_may_have_several_lines_and_says_so_to_the_browser() -> None:
    panel = Streams(prompt="Why?\n\nIn short.")
    assert panel.prompt == "Why?\n\nIn short."
    lines = {control["name"]: control.get("lines") for control in panel._spec["controls"]}
    assert lines == {"prompt": 4, "system": 2, "tokens": None}
    with pytest.raises(ValueError, match="Prompt: a text has at least 1 line, not 0"):
        c.text(label="Prompt", lines=0)

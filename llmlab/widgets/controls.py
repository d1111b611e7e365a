"""The controls a panel can declare: each is one ordinary traitlet whose tags say how to draw it.

    requests = controls.number(100_000, label="Requests", unit="per month", min=1, max=100_000_000, scale="log")

Because a control *is* a trait, `panel.requests = 5`, `panel.observe(...)` and `ipywidgets.link(...)` need nothing from
llmlab, and a new slider is a line of Python. A value that a control cannot hold is a `TraitError` that names the
control, the value and what is allowed, whether it comes from Python, a link or the browser.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NoReturn, TypeVar, overload

import traitlets

from ..errors import nearest

Options = Sequence[str | tuple[str, str]]
Scale = Literal["linear", "log"]


class Control:
    """Mixed into a trait class: marks it as something the panel draws."""

    metadata: dict[str, Any]
    name: str | None

    def options(self, panel: object) -> list[tuple[str, str]]:
        """The (value, label) pairs this panel offers now: its own if it replaced them, else the declared ones."""
        own: dict[str, list[tuple[str, str]]] = getattr(panel, "_options", {})
        declared: list[tuple[str, str]] = self.metadata.get("options", [])
        return own.get(self.name or "", declared)

    def refuse(self, value: object, allowed: str) -> NoReturn:
        """Say what was wrong with `value`, in the words the person sees on screen."""
        raise traitlets.TraitError(f"{self.metadata['label']} ({self.name}) cannot be {value!r}: {allowed}")

    def refuse_option(self, value: object, panel: object) -> NoReturn:
        """The same for a value that is not on offer, with the nearest that is."""
        known = [option for option, _ in self.options(panel)]
        near = nearest(str(value), known)
        listing = ", ".join(known[:12]) + (f" and {len(known) - 12} more" if len(known) > 12 else "")
        self.refuse(value, f"did you mean {' or '.join(near)}?" if near else f"allowed: {listing or 'nothing yet'}")


class WholeNumber(Control, traitlets.Int[int, int]):
    """A whole number within bounds."""

    def validate(self, obj: Any, value: Any) -> int:
        low, high = self.metadata["min"], self.metadata["max"]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole and isinstance(value, float) and value.is_integer():
            value, whole = int(value), True  # JavaScript and numpy write 5 as 5.0
        if not whole or not low <= value <= high:
            self.refuse(value, f"a whole number from {low:,} to {high:,}")
        return int(value)


class RealNumber(Control, traitlets.Float[float, float]):
    """A finite number within bounds."""

    def validate(self, obj: Any, value: Any) -> float:
        low, high = self.metadata["min"], self.metadata["max"]
        real = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not real or not low <= value <= high:
            self.refuse(value, f"a number from {low:,} to {high:,}")
        return float(value)


class Toggle(Control, traitlets.Bool[bool, bool]):
    """On or off."""

    def validate(self, obj: Any, value: Any) -> bool:
        if not isinstance(value, bool):
            self.refuse(value, "True or False")
        return value


class Choice(Control, traitlets.Unicode[str, str]):
    """One of the options on offer. Until there are any, only the default."""

    def validate(self, obj: Any, value: Any) -> str:
        known = [option for option, _ in self.options(obj)] or [self.default_value]
        if value not in known:
            self.refuse_option(value, obj)
        return str(value)


class Several(Control, traitlets.TraitType[tuple[str, ...], Iterable[str]]):
    """Any number of the options on offer, kept in the order they were given."""

    default_value: Any = ()

    def validate(self, obj: Any, value: Any) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, Iterable):
            self.refuse(value, "give a list of options")
        chosen = tuple(value)
        known = {option for option, _ in self.options(obj)}
        for option in chosen:
            if option not in known:
                self.refuse_option(option, obj)
        return tuple(dict.fromkeys(chosen))


class Text(Control, traitlets.Unicode[str, str]):
    """A text of one line or several."""

    def validate(self, obj: Any, value: Any) -> str:
        if not isinstance(value, str):
            self.refuse(value, "a text")
        return value


class File(Text):
    """The name of the file that was opened in the browser; its text goes to the panel's `on_<name>(name, text)`."""


_Trait = TypeVar("_Trait", bound=Control)


@overload
def number(
    default: int,
    *,
    label: str,
    min: int,
    max: int,
    unit: str = ...,
    help: str = ...,
    step: int | None = ...,
    scale: Scale = ...,
    group: str = ...,
) -> WholeNumber: ...
@overload
def number(
    default: float,
    *,
    label: str,
    min: float,
    max: float,
    unit: str = ...,
    help: str = ...,
    step: float | None = ...,
    scale: Scale = ...,
    group: str = ...,
) -> RealNumber: ...
def number(
    default: float,
    *,
    label: str,
    min: float,
    max: float,
    unit: str = "",
    help: str = "",
    step: float | None = None,
    scale: Scale = "linear",
    group: str = "",
) -> WholeNumber | RealNumber:
    """A slider with an exact number input beside it: whole numbers if `default` is an `int`, else floats.

    `scale="log"` gives each decade the same room; a minimum of 0 is the leftmost stop.
    """
    if not min <= default <= max:
        raise ValueError(f"{label}: the default {default} is not within {min} to {max}")
    whole = isinstance(default, int)
    step = step if step is not None else (1 if whole else (max - min) / 100)
    tags: dict[str, Any] = {"min": min, "max": max, "step": step, "scale": scale, "whole": whole}
    trait = WholeNumber(int(default)) if whole else RealNumber(float(default))
    return _tagged(trait, kind="number", label=label, unit=unit, help=help, group=group, **tags)


def share(default: float = 0.0, *, label: str, help: str = "", group: str = "") -> RealNumber:
    """A rate from 0 to 1, shown and typed as a percentage."""
    if not 0 <= default <= 1:
        raise ValueError(f"{label}: the default {default} is not within 0 to 1")
    return _tagged(
        RealNumber(float(default)), kind="share", label=label, unit="%", help=help, group=group, min=0.0, max=1.0
    )


def choice(default: str, *, options: Options, label: str, unit: str = "", help: str = "", group: str = "") -> Choice:
    """One of `options`, each a value or a (value, label) pair. `Panel.set_options` replaces them at run time."""
    pairs = option_pairs(options)
    if pairs and default not in [value for value, _ in pairs]:
        raise ValueError(f"{label}: the default {default!r} is not one of the options")
    return _tagged(Choice(default), kind="choice", label=label, unit=unit, help=help, group=group, options=pairs)


def several(
    default: Iterable[str] = (), *, options: Options, label: str, unit: str = "", help: str = "", group: str = ""
) -> Several:
    """Any number of `options`, drawn as a list of checkboxes that folds away."""
    pairs = option_pairs(options)
    missing = set(default) - {value for value, _ in pairs}
    if missing:
        raise ValueError(f"{label}: the defaults {sorted(missing)} are not among the options")
    return _tagged(
        Several(tuple(default)), kind="several", label=label, unit=unit, help=help, group=group, options=pairs
    )


def toggle(default: bool = False, *, label: str, help: str = "", group: str = "") -> Toggle:
    """A checkbox."""
    return _tagged(Toggle(default), kind="toggle", label=label, unit="", help=help, group=group)


def text(default: str = "", *, label: str, unit: str = "", help: str = "", group: str = "", lines: int = 1) -> Text:
    """A text, sent as it is typed. With `lines` over 1 a box of that height, for prompts, sent when typing pauses."""
    if lines < 1:
        raise ValueError(f"{label}: a text has at least 1 line, not {lines}")
    return _tagged(Text(default), kind="text", label=label, unit=unit, help=help, group=group, lines=lines)


def file(*, label: str, help: str = "", accept: str = "", group: str = "") -> File:
    """A file, read in the browser. The trait holds its name only; `on_<name>(name, text)` is called with its text.

    Taking the file away again calls `on_<name>("", "")`.
    """
    return _tagged(File(""), kind="file", label=label, unit="", help=help, group=group, accept=accept)


def option_pairs(options: Options) -> list[tuple[str, str]]:
    """Options as (value, label) pairs; a plain value is its own label."""
    return [(option, option) if isinstance(option, str) else (str(option[0]), str(option[1])) for option in options]


def _tagged(trait: _Trait, **tags: Any) -> _Trait:
    trait.metadata.update(tags, sync=True)
    return trait

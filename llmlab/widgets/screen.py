"""What a screen is declared from besides its controls: its views, its buttons, and what a button may hand over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """One part of the screen, drawn by the panel's `draw_<id>` when it is open. `half` shares a wide row with another.

    `sort` is the column a table starts sorted by, and whether descending; `limit` the number of rows at first.
    """

    id: str
    kind: str
    title: str
    open: bool = True
    half: bool = False
    help: str = ""
    selectable: bool = True
    sort: tuple[str, bool] = ("", False)
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Action:
    """A button that calls the panel's `on_<name>`; with `view`, it sits in that view.

    `primary` marks what a person comes for (Run). `Panel.unavailable` says when a button cannot be used, and why.
    """

    name: str
    label: str
    view: str = ""
    help: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Clipboard:
    """What an action returns to put text on the clipboard."""

    text: str


@dataclass(frozen=True, slots=True)
class Download:
    """What an action returns to hand over a file: text, or bytes as they are."""

    name: str
    data: str | bytes

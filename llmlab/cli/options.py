"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def as_of_option(meaning: str) -> Callable[[F], F]:
    """`--as-of`, a day; the command gets a `date`, or `None`."""
    return click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), callback=_day, help=meaning)


def _day(_ctx: click.Context, _option: click.Parameter, given: datetime | None) -> date | None:
    return None if given is None else given.date()

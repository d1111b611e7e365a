"""Who is beaten on both counts: the undominated rows of a table over any two of its numeric columns, less being
better."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UnknownNameError
from .estimates import Estimate


@dataclass(frozen=True)
class Pareto:
    """`front` rises in `x` and falls in `y`. `left_off` counts the rows with an unknown value in either column."""

    x: str
    y: str
    front: tuple[Estimate, ...]
    dominated: tuple[Estimate, ...]
    left_off: int


def pareto(rows: Sequence[Estimate], x: str = "total_usd", y: str = "p50_total_s") -> Pareto:
    """Split `rows` into those that nothing beats on both columns and those that something does; ties stay on the front.

    `x` and `y` are numeric columns of `Estimate`. A row with an unknown value in either is left off and counted.
    """
    columns = [f.name for f in dataclasses.fields(Estimate) if "float" in str(f.type)]
    for column in (x, y):
        if column not in columns:
            raise UnknownNameError("numeric column", column, columns)
    known = [(getattr(r, x), getattr(r, y), r) for r in rows]
    known = [point for point in known if point[0] is not None and point[1] is not None]
    front: list[Estimate] = []
    dominated: list[Estimate] = []
    best: float | None = None
    at: float | None = None
    for value_x, value_y, row in sorted(known, key=lambda point: point[:2]):
        if best is None or value_y < best or (value_y == best and value_x == at):
            front.append(row)
            best, at = value_y, value_x
        else:
            dominated.append(row)
    return Pareto(x, y, tuple(front), tuple(dominated), len(rows) - len(known))

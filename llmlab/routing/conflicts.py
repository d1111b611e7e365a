"""Why constraints cannot be met: the fewest of them that conflict, and the least to give up."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from .asks import Ask, asks
from .constraints import Constraints
from .facts import Facts
from .relaxing import Relaxed, best, least_that_alters

# What is given up first is what the seed locks last.
_PRIORITY = ("residency", "ttft", "percentile", "total", "worst_case", "ceiling", "hard", "least")


def fewest_that_conflict(constraints: Constraints, facts: Facts) -> Mapping[str, str] | None:
    """The smallest set of asks, by name and in words, that no set of endpoints meets together; empty where the catalog
    has no set even for nobody's constraints; `None` where there is no conflict."""
    given = {ask.name: ask for ask in asks(constraints, facts) if ask.given_up is not None}
    if best(constraints, facts) is not None:
        return None
    some = _shrunk(constraints, facts, tuple(given))
    for size in range(len(some)):
        for few in itertools.combinations(given, size):
            if best(keeping(constraints, facts, few), facts) is None:
                return {name: given[name].words for name in few}
    return {name: given[name].words for name in some}


def _shrunk(constraints: Constraints, facts: Facts, names: tuple[str, ...]) -> tuple[str, ...]:
    """A conflict from which no ask can be left out: the most that need be looked at."""
    for name in reversed(names):
        fewer = tuple(n for n in names if n != name)
        if best(keeping(constraints, facts, fewer), facts) is None:
            names = fewer
    return names


def keeping(constraints: Constraints, facts: Facts, names: tuple[str, ...]) -> Constraints:
    """The constraints with only these asks, all others given up."""
    while (ask := _first_but(asks(constraints, facts), names)) is not None:
        assert ask.given_up is not None
        constraints = ask.given_up
    return constraints


def _first_but(asked: list[Ask], names: tuple[str, ...]) -> Ask | None:
    return next((ask for ask in asked if ask.given_up is not None and ask.name not in names), None)


def nearest(constraints: Constraints, facts: Facts) -> Relaxed | None:
    """The least relaxation with which there is a set: of one constraint if that will do, the one of least priority;
    else of the fewest, those of least priority given up first and the last relaxed only as far as it must be."""
    names = sorted({ask.name for ask in asks(constraints, facts) if ask.given_up is not None}, key=_rank)
    for size in range(len(names) + 1):
        for given_up in itertools.combinations(names, size):
            rest = keeping(constraints, facts, tuple(n for n in names if n not in given_up))
            ways = list(least_that_alters(rest, facts, None)) if best(rest, facts) is None else []
            if ways:
                way = min(ways, key=lambda found: _rank(found.name))
                said = [f"without {name.replace(':', ' ').replace('_', ' ')}" for name in given_up]
                return Relaxed(way.name, "; ".join([*said, way.words]), way.constraints, way.found)
    return None


def _rank(name: str) -> int:
    """Rising with priority: the ecosystem is given up first."""
    kind = name.partition(":")[0]
    return len(_PRIORITY) - _PRIORITY.index(kind) if kind in _PRIORITY else 0

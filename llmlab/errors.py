"""The errors llmlab raises on purpose: one small tree, so that a caller can catch as much as it means to.

    LlmlabError                anything llmlab refuses; its text says what, where and how to mend it
    ├── UnknownNameError       a model, endpoint, snapshot or column that is not there; says the nearest that is
    ├── CatalogError           a snapshot or an overrides file that cannot be read as written; says file and line
    ├── WorkloadError          a workload that cannot exist (a hit rate of 1.2, a prefix longer than the prompt)
    ├── ScenarioError          a saved scenario that cannot be read, or whose catalog is no longer the same
    └── UnpricedError          dollars were asked of an endpoint that has no price

Nothing here carries a secret: messages quote names, numbers and positions in files, never values of variables.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LlmlabError(Exception):
    """Anything llmlab refuses to do. One line, written for the person who has to mend it."""


class CatalogError(LlmlabError):
    """A snapshot or an overrides file that cannot be read as written."""


class WorkloadError(LlmlabError):
    """A workload that cannot exist."""


class ScenarioError(LlmlabError):
    """A saved scenario that cannot be read, or whose catalog is no longer the one it was decided on."""


class UnpricedError(LlmlabError):
    """Dollars were asked of an endpoint that has no price. Unknown is never $0."""


class UnknownNameError(LlmlabError):
    """A name that is not there. `nearest` holds up to three that are, best first."""

    def __init__(self, what: str, name: object, known: Iterable[str], *, where: str = "") -> None:
        names = sorted(set(known))
        self.nearest = nearest(str(name), names)
        advice = f"did you mean {' or '.join(self.nearest)}?" if self.nearest else _listing(names)
        super().__init__(f"{where}{': ' if where else ''}unknown {what} {name!r}; {advice}")


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The names most like `name`, best first: by spelling, then by containment (`sonnet` finds the Sonnets)."""
    names = list(known)
    by_lower = {k.lower(): k for k in reversed(names)}
    wanted = name.lower()
    found = difflib.get_close_matches(wanted, by_lower, n=most, cutoff=0.6)
    last_parts = {k.rsplit("/", 1)[-1]: k for k in reversed(by_lower) if "/" in k}  # gpt-55 finds openai/gpt-5
    alike = difflib.get_close_matches(wanted, last_parts, n=most, cutoff=0.75)
    found += [last_parts[part] for part in alike if last_parts[part] not in found]
    if len(wanted) > 2:
        found += [k for k in sorted(by_lower, key=len) if wanted in k and k not in found]
    return [by_lower[k] for k in found[:most]]


def _listing(names: list[str], most: int = 12) -> str:
    if not names:
        return "there are none"
    shown = ", ".join(names[:most])
    return f"allowed: {shown}" + (f" and {len(names) - most} more" if len(names) > most else "")

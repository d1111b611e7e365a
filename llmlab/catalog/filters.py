"""Which endpoints of a catalog are asked for, and why each of the others is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from .catalog import Catalog
from .records import Endpoint, Model


@dataclass(frozen=True)
class Kept:
    """`places` are positions in `catalog.endpoints`; `left_out` counts, by reason, what a reader should be told of."""

    places: tuple[int, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is asked for; empty fields restrict nothing. Unknown residency or window falls under a rule on it."""

    search: str = ""
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    region: str = ""
    min_window_tokens: int = 0
    hide_retired: bool = True

    def keep(self, catalog: Catalog, as_of: date) -> Kept:
        """Walk the catalog. What was simply not asked for (a name, a provider) is left out without being counted."""
        words = self.search.lower().split()
        fallen = [self._falls(e, catalog.model(e.model), words, as_of) for e in catalog.endpoints]
        places = tuple(i for i, reason in enumerate(fallen) if reason is None)
        return Kept(places, Counter(reason for reason in fallen if reason))

    def _falls(self, endpoint: Endpoint, model: Model, words: list[str], as_of: date) -> str | None:
        """`None` it stays, "" it was not asked for, else the reason to tell."""
        text = f"{endpoint.id} {model.name} {model.maker}".lower() if words else ""
        asked = (
            all(word in text for word in words)
            and (not self.models or endpoint.model in self.models)
            and (not self.providers or endpoint.provider in self.providers)
            and (not self.strengths or not set(self.strengths).isdisjoint(model.strengths))
        )
        if not asked:
            return ""
        if endpoint.task != "text":
            return "not for text"
        if self.hide_retired and endpoint.status(as_of) == "retired":
            return "retired"
        if self.region and not endpoint.serves(self.region):
            return f"not known to be processed in {self.region}"
        if self.min_window_tokens:
            window = endpoint.max_input_tokens or model.context_tokens
            if window is None:
                return "of unknown window"
            if window < self.min_window_tokens:
                return f"with a window under {self.min_window_tokens:,}"
        return None

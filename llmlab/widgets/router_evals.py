"""The user's own eval scores, as a file has them.

scores: {claude-sonnet-5-5: 0.86, bedrock/eu.deepseek.v3.2: 0.71}   # by model or endpoint, 0 to 1
least: {cheap: 0.6, smart: 0.8}                                     # what a tier must reach

A tier that `least` does not name needs no score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..catalog import schema, strict_yaml
from ..errors import LlmlabError
from ..routing.constraints import Quality, TierName


@dataclass(frozen=True, slots=True, kw_only=True)
class Evals:
    """Scores by model or endpoint id and the least of each tier, as `routing.Quality` takes them."""

    scores: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[TierName, float] = field(default_factory=dict)


def parse_evals(text: str, name: str) -> Evals:
    """The scores in a file's `text`; raises `LlmlabError` with `name` and the line."""
    document = strict_yaml.parse(text, name, LlmlabError)
    evals = schema.decode(Evals, document.data, document, (), LlmlabError)
    try:
        Quality(scores=evals.scores, least=evals.least)
    except LlmlabError as e:
        raise LlmlabError(f"{name}: {e}") from e
    return evals

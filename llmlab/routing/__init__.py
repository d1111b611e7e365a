"""Which models should I use together? Decisions, pure: constraints, a workload and a catalog in, a tier set out."""

from .constraints import Constraints, Ecosystem, LatencySla, Quality
from .recommend import recommend
from .recommendation import Recommendation, TierChoice
from .redecide import Decided, Redecision, decide, redecide
from .walk import Walk, walk

__all__ = [
    "Constraints",
    "Decided",
    "Ecosystem",
    "LatencySla",
    "Quality",
    "Recommendation",
    "Redecision",
    "TierChoice",
    "Walk",
    "decide",
    "recommend",
    "redecide",
    "walk",
]

"""The decision tree, read from `tree.yaml`: questions in order, branches with a condition, leaves that name a class."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..catalog import schema, strict_yaml
from ..catalog.records import Bucket, Endpoint, Host, Model, Provider
from ..cost.workload import Workload
from ..errors import LlmlabError, UnknownNameError
from .constraints import OWN_NETWORK, Constraints, TierName
from .knowledge import assumptions, carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """What an endpoint must be; empty fields ask nothing. `words` stand among the strengths of its model."""

    buckets: tuple[Bucket, ...] = ()
    words: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()
    providers: tuple[str, ...] = ()
    open_weights: bool | None = None

    def matches(self, endpoint: Endpoint, model: Model, provider: Provider) -> bool:
        return (
            (not self.buckets or model.bucket in self.buckets)
            and (not self.words or carries(model, self.words))
            and (not self.hosts or provider.host in self.hosts)
            and (not self.providers or endpoint.provider in self.providers)
            and (self.open_weights is None or model.open_weights is self.open_weights)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointClass:
    """A kind of endpoint by name; `any` of its selectors will do, and without one everything is in it."""

    title: str
    any: tuple[Selector, ...] = ()

    def matches(self, endpoint: Endpoint, model: Model, provider: Provider) -> bool:
        return not self.any or any(selector.matches(endpoint, model, provider) for selector in self.any)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One answer. `when` is a condition by name; a branch without one is taken where no other is."""

    label: str
    when: str | None = None
    leaf: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One question; with a `tier`, the class that its lit leaf names is what that tier is drawn from."""

    id: str
    ask: str
    branches: tuple[Branch, ...]
    tier: TierName | None = None

    def lit(self, constraints: Constraints, workload: Workload) -> tuple[Branch, ...]:
        """The branches that are taken; of a tier's question only the first."""
        taken = tuple(b for b in self.branches if b.when is not None and CONDITIONS[b.when](constraints, workload))
        otherwise = tuple(b for b in self.branches if b.when is None)
        return (taken[:1] if self.tier else taken) or otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All of it. Raises `UnknownNameError` for a condition or class that there is not."""

    classes: Mapping[str, EndpointClass]
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        for branch in [branch for node in self.nodes for branch in node.branches]:
            if branch.when is not None and branch.when not in CONDITIONS:
                raise UnknownNameError("condition", branch.when, CONDITIONS, where="tree.yaml")
            if branch.leaf is not None and branch.leaf not in self.classes:
                raise UnknownNameError("class", branch.leaf, self.classes, where="tree.yaml")

    def tier_class(self, tier: TierName, constraints: Constraints, workload: Workload) -> EndpointClass | None:
        """What a tier is drawn from, `None` where scores decide instead. Backup is drawn from what smart is, since it
        answers the same requests; `gemini_pro` is where to look first and no limit: a second vendor must be found."""
        asked = "smart" if tier == "backup" else tier
        node = next(node for node in self.nodes if node.tier == asked)
        (branch,) = node.lit(constraints, workload)
        if branch.leaf is None:
            return None
        return self.classes["frontier" if asked == "smart" else branch.leaf]


def _ttft(constraints: Constraints) -> float | None:
    return constraints.latency.ttft_s


def _place(constraints: Constraints, workload: Workload) -> str | None:
    return constraints.residency or workload.region


def _is_fastest(constraints: Constraints) -> bool:
    ttft = _ttft(constraints)
    return ttft is not None and ttft <= assumptions().fastest_ttft_s


def _is_very_long(constraints: Constraints, workload: Workload) -> bool:
    prompt = constraints.quality.hard_input_tokens or workload.input_tokens
    return prompt > assumptions().very_long_tokens or "video" in constraints.quality.hard_kinds


CONDITIONS: Mapping[str, Callable[[Constraints, Workload], bool]] = {
    "own_network": lambda c, w: _place(c, w) == OWN_NETWORK,
    "in_eu": lambda c, w: _place(c, w) == "eu",
    "in_place": lambda c, w: _place(c, w) not in (None, "global", "eu", OWN_NETWORK),
    "offline": lambda c, w: c.offline,
    "fastest": lambda c, w: _is_fastest(c),
    "conversational": lambda c, w: _ttft(c) is not None and not _is_fastest(c),
    "bounded": lambda c, w: c.latency.total_s is not None or c.worst_case_s is not None,
    "ceiling": lambda c, w: c.max_usd_per_request is not None,
    "scored": lambda c, w: bool(c.quality.scores),
    "very_long_or_video": _is_very_long,
    "aws": lambda c, w: "aws" in c.ecosystem.clouds,
    "azure": lambda c, w: "azure" in c.ecosystem.clouds,
    "gcp": lambda c, w: "gcp" in c.ecosystem.clouds,
    "vendors": lambda c, w: bool(c.ecosystem.vendors),
    "audit": lambda c, w: c.ecosystem.one_audit_surface,
    "open_weights": lambda c, w: c.ecosystem.must_fine_tune or c.ecosystem.open_weights_only,
    "openai_only": lambda c, w: c.ecosystem.openai_compatible_only,
}


@functools.cache
def tree() -> Tree:
    """The tree that ships."""
    document = strict_yaml.read(Path(__file__).with_name("tree.yaml"), LlmlabError)
    return schema.decode(Tree, document.data, document, (), LlmlabError)

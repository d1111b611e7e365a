"""Where a request goes when some deployments fail, by the rules of the file: what a drill expects to see."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .router_file import RouterFile, Rule


@dataclass(frozen=True, slots=True)
class Route:
    """The groups that are tried, in their order, and the deployments of which one answers; none: the caller gets the
    error. `missing` are groups that a rule names and that there are none of: nobody can answer there."""

    groups: tuple[str, ...]
    answers: tuple[int, ...]
    missing: tuple[str, ...] = ()

    @property
    def reached(self) -> str:
        """The groups in words."""
        return " -> ".join(self.groups)


def route(file: RouterFile, group: str, failing: AbstractSet[int], rule: Rule = "fallbacks") -> Route:
    """What happens to a request to `group` while the deployments `failing` do: by `rule` first, and by `fallbacks` from
    there on. A rule that LiteLLM does not take for set is not asked; then `fallbacks` are."""
    groups: list[str] = []
    missing: list[str] = []

    def visit(name: str, depth: int, by: Rule) -> tuple[int, ...]:
        groups.append(name)
        members = file.members.get(name, ())
        if not members and not file.config.has_group(name):
            missing.append(name)
        healthy = tuple(index for index in members if index not in failing)
        first = [index for index in file.first(name) if index not in failing]
        if first and len(first) == len(file.first(name)):
            return tuple(first)
        if healthy:  # one of those that share the load, or of the next order
            return healthy
        for target in (file.means(by, name) or ()) if depth < file.most_fallbacks else ():
            if target in groups:
                continue
            depth += 1
            if answers := visit(target, depth, "fallbacks"):
                return answers
        return ()

    answers = visit(group, 0, rule if rule == "fallbacks" or file.has(rule) else "fallbacks")
    return Route(tuple(groups), answers, tuple(missing))


def reachable(file: RouterFile, group: str) -> tuple[str, ...]:
    """Every group that a request to `group` may end in, by any rule, itself first."""
    found = [group]
    for name in found:  # grows while it is walked
        for rule in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
            found += [target for target in file.means(rule, name) or () if target not in found]
    return tuple(found)

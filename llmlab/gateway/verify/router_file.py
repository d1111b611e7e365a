"""The router file that is verified: read as LiteLLM reads it, its groups and rules as whoever wrote them meant them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ...catalog.strict_yaml import Document
from ...errors import LlmlabError
from ..lint.config import Config, Deployment, number, target_of
from ..lint.installed import installed

Rule = Literal["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"]


@dataclass(frozen=True)
class RouterFile:
    """A config as plain data, with its includes in it. `environ` is where variables are looked up."""

    path: Path
    data: Mapping[str, Any]
    content_hash: str
    environ: Mapping[str, str]

    @functools.cached_property
    def config(self) -> Config:
        """Its parts by name, as the lint sees them."""
        return Config(Document(str(self.path), dict(self.data), {}), installed(), self.environ)

    @functools.cached_property
    def ids(self) -> tuple[str, ...]:
        """A name for each deployment, in their order: its own where it has one that no other has."""
        own = [str(d.info.get("id") or "") for d in self.config.deployments]
        return tuple(
            id if id and own.count(id) == 1 else f"{d.group or 'deployment'}-{index}"
            for index, (id, d) in enumerate(zip(own, self.config.deployments, strict=True))
        )

    @functools.cached_property
    def members(self) -> Mapping[str, tuple[int, ...]]:
        """The deployments of each group, by their place in `model_list`."""
        found: dict[str, tuple[int, ...]] = {}
        for index, deployment in enumerate(self.config.deployments):
            found[deployment.group] = (*found.get(deployment.group, ()), index)
        return found

    def deployment(self, index: int) -> Deployment:
        return self.config.deployments[index]

    def provider(self, index: int) -> str:
        """Who is called: the prefix of its model, or whose model that is."""
        return self.deployment(index).provider or "unknown"

    def order(self, index: int) -> float:
        """Its place among its group's: the lowest is asked first."""
        return number(self.deployment(index).params.get("order")) or 0.0

    def first(self, group: str) -> tuple[int, ...]:
        """The deployments of a group that are asked first: its primary, or those that share the load."""
        members = self.members.get(group, ())
        lowest = min(map(self.order, members), default=0.0)
        return tuple(index for index in members if self.order(index) == lowest)

    def means(self, rule: Rule, group: str) -> tuple[str, ...] | None:
        """Where a rule sends what fails in `group`, as it was meant: a lone name counts as a list of one, and a name
        that there is none of is kept. `None`: the rule says nothing of this group."""
        listed, _ = self.config.setting(rule)
        for name in (group, "*"):
            for entry in listed if isinstance(listed, list) else ():
                if isinstance(entry, Mapping) and name in entry:
                    return _names(entry[name])
        default = self.config.setting("default_fallbacks")[0] if rule == "fallbacks" else None
        return _names(default) if default else None

    def has(self, rule: Rule) -> bool:
        """Whether LiteLLM takes the rule for set: an empty list is not."""
        return bool(self.config.setting(rule)[0])

    @property
    def most_fallbacks(self) -> int:
        """How many fallbacks one request may make."""
        said = number(self.config.setting("max_fallbacks")[0])
        return int(said if said is not None else self.config.known.defaults["max_fallbacks"])

    def attempts(self, group: str, error: str) -> int:
        """How often a deployment of `group` may be called for one request that ends in `error` (`RateLimitError`)."""
        settings = self.config.section("router_settings")
        policies = settings.get("model_group_retry_policy"), settings.get("retry_policy")
        own = policies[0].get(group) if isinstance(policies[0], Mapping) else None
        policy = own if isinstance(own, Mapping) else policies[1] if isinstance(policies[1], Mapping) else {}
        ruled = number(policy.get(f"{error}Retries", policy.get("DefaultRetries")))
        if ruled is None:
            told = [number(d.params.get("num_retries")) for d in self.config.groups.get(group, ())]
            ruled = next((value for value in told if value is not None), None)
        if ruled is None:
            ruled = number(self.config.setting("num_retries")[0])
        return 1 + int(ruled if ruled is not None else self.config.known.defaults["num_retries"])


def read(path: Path, environ: Mapping[str, str]) -> RouterFile:
    """The file at `path`. Raises `LlmlabError` where LiteLLM could not read it either."""
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise LlmlabError(f"{path}: cannot be read: {e.strerror or e}") from e
    data = _mapping(path, raw)
    for name in data.pop("include", None) or ():
        other = path.parent / str(name)
        try:
            included = _mapping(other, other.read_bytes())
        except OSError as e:
            raise LlmlabError(f"{path}: includes {other}, which cannot be read: {e.strerror or e}") from e
        for key, value in included.items():  # as LiteLLM does: lists are added to, the rest is replaced
            both = isinstance(value, list) and isinstance(data.get(key), list)
            data[key] = [*data[key], *value] if both else value
    return RouterFile(path, data, hashlib.sha256(raw).hexdigest()[:16], environ)


def _mapping(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        data = yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise LlmlabError(f"{path}: not YAML: {' '.join(str(e).split())}") from e
    if not isinstance(data, dict):
        raise LlmlabError(f"{path}: a router config is a mapping (`key: value` lines), this is none")
    return data


def _names(targets: object) -> tuple[str, ...]:
    listed = targets if isinstance(targets, list) else [targets]
    return tuple(filter(None, map(target_of, listed)))

"""A router config as the rules see it: its parts by name, each knowing its line. Odd shapes become empty parts here;
that they are odd is found by `shape`."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ...catalog.strict_yaml import Document, Path_
from ...errors import nearest
from .finding import Finding, Severity
from .installed import Installed, ModelFacts
from .providers import OWN_NAMES, provider_of

REFERENCE = "os.environ/"
FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


@dataclass(frozen=True)
class Deployment:
    """One entry of `model_list`: `path` is where it stands, `group` the name that the application calls."""

    path: Path_
    entry: Mapping[str, Any]
    group: str
    params: Mapping[str, Any]
    info: Mapping[str, Any]
    model: str
    provider: str | None
    facts: ModelFacts | None

    @property
    def window(self) -> int | None:
        said = self.info.get("max_input_tokens", self.params.get("max_input_tokens"))
        return said if isinstance(said, int) else self.facts.window if self.facts else None

    @property
    def usd_per_request(self) -> float | None:
        rates = [
            number(self.params.get(k, self.info.get(k))) for k in ("input_cost_per_token", "output_cost_per_token")
        ]
        if rates[0] is not None and rates[1] is not None:
            return 4_000 * rates[0] + 500 * rates[1]
        return self.facts.usd_per_request if self.facts else None


@dataclass(frozen=True)
class Config:
    """The whole file, with what is installed and what the environment holds."""

    document: Document
    known: Installed
    environ: Mapping[str, str]

    def section(self, *path: str | int) -> Mapping[str, Any]:
        """The mapping at `path`, or an empty one."""
        found = self.at(*path)
        return found if isinstance(found, Mapping) else {}

    def at(self, *path: str | int) -> Any:
        """What stands at `path`; `None` where nothing does."""
        value: Any = self.document.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def setting(self, name: str) -> tuple[Any, Path_]:
        """A router setting, from `router_settings` or else `litellm_settings`, and where it stands."""
        for section in ("router_settings", "litellm_settings"):
            if (value := self.at(section, name)) is not None:
                return value, (section, name)
        return None, ("router_settings", name)

    def resolved(self, value: Any) -> Any:
        """A value with its variable put in; `None` for one that is not set."""
        if isinstance(value, str) and value.startswith(REFERENCE):
            return self.environ.get(value.removeprefix(REFERENCE))
        return value

    @functools.cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        listed = self.at("model_list")
        entries = listed if isinstance(listed, list) else []
        return tuple(self._deployment(i, entry) for i, entry in enumerate(entries) if isinstance(entry, Mapping))

    def _deployment(self, index: int, entry: Mapping[str, Any]) -> Deployment:
        params, info = (
            self.section("model_list", index, "litellm_params"),
            self.section("model_list", index, "model_info"),
        )
        model = self.resolved(params.get("model"))
        name = model if isinstance(model, str) else ""
        own = params.get("custom_llm_provider")
        provider = own if isinstance(own, str) else provider_of(name, self.providers, self.known.models)
        base = info.get("base_model") or params.get("base_model")
        facts = find_model(base, provider, self.known.models) if isinstance(base, str) else None
        if facts is None and provider not in OWN_NAMES:
            facts = find_model(name, provider, self.known.models)
        group = entry.get("model_name")
        return Deployment(
            path=("model_list", index),
            entry=entry,
            group=group if isinstance(group, str) else "",
            params=params,
            info=info,
            model=name,
            provider=provider,
            facts=facts,
        )

    @functools.cached_property
    def providers(self) -> frozenset[str]:
        """LiteLLM's, and those that `custom_provider_map` adds."""
        added = self.at("litellm_settings", "custom_provider_map")
        named = (item.get("provider") for item in added if isinstance(item, Mapping)) if isinstance(added, list) else ()
        return frozenset([*self.known.names["providers"], *(name for name in named if isinstance(name, str))])

    @functools.cached_property
    def groups(self) -> Mapping[str, tuple[Deployment, ...]]:
        """The deployments by the name that calls them."""
        found: dict[str, tuple[Deployment, ...]] = {}
        for deployment in self.deployments:
            found[deployment.group] = (*found.get(deployment.group, ()), deployment)
        return found

    @functools.cached_property
    def is_whole(self) -> bool:
        """Whether every group stands in this file, and not in one that it includes or in a database."""
        return not self.at("include") and self.at("general_settings", "store_model_in_db") is not True

    def has_group(self, name: str) -> bool:
        """Whether a request may be sent to `name`: a group or one of its ids, an alias, what a wildcard covers."""
        if name in self.groups or name in self.section("router_settings", "model_group_alias") or not self.is_whole:
            return True
        if any(str(deployment.info.get("id")) == name for deployment in self.deployments):
            return True
        routing = self.at("router_settings", "routing_groups")
        if isinstance(routing, list) and any(isinstance(g, Mapping) and g.get("group_name") == name for g in routing):
            return True
        return any(g == "*" or ("*" in g and name.startswith(g.split("*", 1)[0])) for g in self.groups)

    def rules(self, kind: str) -> Iterator[tuple[str, list[str], Path_]]:
        """The well-formed rules of one of the three kinds of fallbacks: from, to, and where it stands."""
        listed, path = self.setting(kind)
        for i, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, Mapping) and len(item) == 1:
                ((source, targets),) = item.items()
                if isinstance(targets, list):
                    yield source, [target_of(target) for target in targets], (*path, i, source)

    def fallbacks_of(self, group: str) -> list[str]:
        """The groups that answer an outage of `group`: its own rule, or else the one for all."""
        rules = self._fallbacks
        return [target for target in rules.get(group, rules.get("*", [])) if target in self.groups and target != group]

    @functools.cached_property
    def _fallbacks(self) -> Mapping[str, list[str]]:
        rules: dict[str, list[str]] = {}
        for source, targets, _ in self.rules("fallbacks"):
            rules.setdefault(source, targets)  # of two rules for one group LiteLLM takes the first
        default, _ = self.setting("default_fallbacks")
        if isinstance(default, list):
            rules.setdefault("*", [target_of(target) for target in default])
        return rules

    def finding(
        self,
        severity: Severity,
        code: str,
        path: Path_,
        message: str,
        litellm_does: str,
        near: tuple[str, ...] | list[str] = (),
    ) -> Finding:
        """A finding about the part of the file at `path`, or the nearest part above it that is there."""
        return Finding(
            severity=severity,
            code=code,
            line=self.document.line(path),
            where=spelled(path),
            message=message,
            litellm_does=litellm_does,
            near=tuple(near),
        )


def target_of(target: object) -> str:
    """The group that a fallback names, written as a name or as `{model: name, ...}`."""
    if isinstance(target, Mapping):
        target = target.get("model")
    return target if isinstance(target, str) else ""


def spelled(path: Path_) -> str:
    """`model_list[0].litellm_params.model`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def number(value: object) -> float | None:
    """A number that is written as one, or as text that LiteLLM converts; `None` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def find_model(model: str, provider: str | None, models: Mapping[str, ModelFacts]) -> ModelFacts | None:
    """The row of a model by the name it is called by, with or without routes (`bedrock/converse/`) and regions."""
    exact = models.get(model)
    if exact is not None and (provider is None or same_provider(exact.provider, provider)):
        return exact
    if provider is None:
        return None
    parts = model.split("/")
    for start in range(1 if len(parts) > 1 else 0, len(parts)):
        rest = "/".join(parts[start:])
        names = [f"{provider}/{rest}", rest]
        if provider.startswith("bedrock") and "." in rest:  # a profile whose own row is missing is priced as its model
            names += [f"{provider}/{rest.split('.', 1)[1]}", rest.split(".", 1)[1]]
        for name in names:
            found = models.get(name)
            if found is not None and same_provider(found.provider, provider):
                return found
    return None


def same_provider(row: str, provider: str) -> bool:
    """Whether a row is of a provider: LiteLLM splits some by maker or route (`vertex_ai-anthropic_models`)."""
    return row.replace("-", "_").startswith(provider.replace("-", "_")) or provider.startswith(row)


def near_models(model: str, provider: str | None, models: Mapping[str, ModelFacts]) -> list[str]:
    """The names most like `model` that may be called at `provider`."""
    facts = set(models.values())
    if provider is not None:
        return nearest(model, {f.call for f in facts if same_provider(f.provider, provider)})
    return nearest(model, {f.key for f in facts if "/" not in f.key})

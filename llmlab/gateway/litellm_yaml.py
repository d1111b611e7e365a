"""A plan as LiteLLM's `router.yaml`, for people who review it: a comment wherever a line that is gone would do harm.

Reading the file back gives exactly `to_config(plan)`. Names are data: whatever stands in them, they stay one scalar,
and those that LiteLLM itself would read as something else are refused. What LiteLLM (1.106) does with each line is in
`litellm_comments.yaml`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from ..catalog import schema, strict_yaml
from ..errors import LlmlabError
from .deploying import ENVIRON
from .plan import Deployment, PlannedTier, RouterPlan

# Every error that LiteLLM counts retries for by name, and all others.
_ERRORS = (
    "RateLimitErrorRetries",
    "TimeoutErrorRetries",
    "ServiceUnavailableErrorRetries",
    "InternalServerErrorRetries",
    "BadRequestErrorRetries",
    "AuthenticationErrorRetries",
    "ContentPolicyViolationErrorRetries",
    "NotFoundErrorRetries",
    "DefaultRetries",
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What is worth another try where nobody else is left. Not those that come with a Retry-After: LiteLLM would sleep up to
# a minute for it, and nobody counted that.
_TRANSIENT = ("TimeoutErrorRetries", "InternalServerErrorRetries")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comments:
    sections: Mapping[str, str]
    lines: Mapping[str, str]


@functools.cache
def _comments() -> _Comments:
    document = strict_yaml.read(Path(__file__).with_name("litellm_comments.yaml"), LlmlabError)
    return schema.decode(_Comments, document.data, document, (), LlmlabError)


# --- What it says


def to_config(plan: RouterPlan) -> dict[str, Any]:
    """The plan as LiteLLM's configuration: plain data, every secret as `os.environ/NAME`."""
    return {
        "model_list": [_entry(tier, deployment) for tier in plan.tiers for deployment in tier.deployments],
        "router_settings": _router_settings(plan),
        "litellm_settings": {"drop_params": True, "request_timeout": _slowest(plan)},
        "general_settings": {"master_key": f"{ENVIRON}LITELLM_MASTER_KEY"},
    }


def variables(plan: RouterPlan) -> tuple[str, ...]:
    """The environment variables that the plan's configuration names, in the order of their first use."""

    def found(value: Any) -> Iterator[str]:
        if isinstance(value, str) and value.startswith(ENVIRON):
            yield value.removeprefix(ENVIRON)
        elif isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                yield from found(part)

    names = tuple(dict.fromkeys(found(to_config(plan))))
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise LlmlabError(f"{plan.name}: {name!r} cannot name an environment variable")
    return names


def _entry(tier: PlannedTier, deployment: Deployment) -> dict[str, Any]:
    parameters: dict[str, Any] = {"model": deployment.litellm_model, **deployment.parameters}
    parameters |= {"timeout": _number(deployment.timeout_s), "stream_timeout": _number(deployment.stream_timeout_s)}
    if len(tier.deployments) > 1:
        parameters["order"] = deployment.order
    if deployment.max_budget_usd is not None:
        parameters |= {"max_budget": _number(deployment.max_budget_usd), "budget_duration": deployment.budget_duration}
    info: dict[str, Any] = {"id": _name(deployment.id)}
    if deployment.scope != "unknown":
        info["region"] = deployment.scope
    return {
        "model_name": _name(tier.name),
        "litellm_params": parameters,
        "model_info": info | dict(deployment.model_info),
    }


def _router_settings(plan: RouterPlan) -> dict[str, Any]:
    names = [tier.name for tier in plan.tiers]
    slowest = _slowest(plan)
    settings: dict[str, Any] = {
        "routing_strategy": "simple-shuffle",
        "num_retries": plan.num_retries,
        "retry_policy": dict.fromkeys(_ERRORS, 0),
    }
    last = [name for name in names if plan.attempts(name) > 1]
    if last:
        again = {error: plan.num_retries if error in _TRANSIENT else 0 for error in _ERRORS}
        settings["model_group_retry_policy"] = {name: dict(again) for name in last}
    settings |= {
        "timeout": slowest,
        "stream_timeout": slowest,
        "max_fallbacks": plan.max_fallbacks,
        "allowed_fails": plan.allowed_fails,
        "cooldown_time": _number(plan.cooldown_s),
        "enable_pre_call_checks": True,
        "fallbacks": [{name: list(plan.fallbacks[name])} for name in names if plan.fallbacks.get(name)],
        "context_window_fallbacks": [{name: list(plan.context_window_fallbacks.get(name, ()))} for name in names],
        "content_policy_fallbacks": [{name: list(plan.content_policy_fallbacks.get(name, ()))} for name in names],
    }
    if plan.provider_budgets:
        settings["provider_budget_config"] = {
            provider: {"budget_limit": _number(dollars), "time_period": period}
            for provider, (dollars, period) in plan.provider_budgets.items()
        }
    if any(_share(tier.deployments) for tier in plan.tiers):
        settings["optional_pre_call_checks"] = ["prompt_caching"]
    if plan.redis:
        settings["redis_url"] = f"{ENVIRON}REDIS_URL"
    return settings


def _slowest(plan: RouterPlan) -> int | float:
    return _number(max((d.timeout_s for tier in plan.tiers for d in tier.deployments), default=0.0))


def _share(deployments: tuple[Deployment, ...]) -> bool:
    """Whether two of them take turns: only then can a warm cache be missed."""
    return len({deployment.order for deployment in deployments}) < len(deployments)


def _number(value: float | Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)


def _name(text: str) -> str:
    """A name that LiteLLM takes for nothing but a name: not for a variable, nor for a pattern that others match."""
    if not text.strip() or "*" in text or text.startswith(ENVIRON):
        raise LlmlabError(f"{text!r} cannot name a tier or a deployment: LiteLLM reads more into it; use plain words")
    return text


# --- How it is written


def to_yaml(plan: RouterPlan) -> str:
    """The text of `router.yaml`. The same plan gives the same text."""
    written: set[str] = set()
    lines = list(_head(plan))
    for section, value in to_config(plan).items():
        lines += ["", *(f"# {line}" for line in [_comments().sections.get(section)] if line), f"{section}:"]
        lines += _block(value, 1, section, written)
    return "\n".join(lines) + "\n"


def _head(plan: RouterPlan) -> Iterator[str]:
    where = f"in {plan.residency}" if plan.residency else "anywhere"
    allowed = f", {plan.sla_s:g} s allowed" if plan.sla_s is not None else ""
    come_from = "; ".join(f"{name} {value}" for name, value in plan.provenance.items())
    for line in (
        f"router.yaml of {plan.name}: {', '.join(tier.name for tier in plan.tiers)}",
        f"Processed {where}. A caller waits {plan.worst_case_s:g} s at most{allowed}, when all of a chain hang.",
        f"{come_from}{'; ' if come_from else ''}plan {plan.content_hash}",
        "A comment says what LiteLLM does without its line, and stands at the first line of its kind.",
    ):
        yield f"# {_one_line(line)}"


def _one_line(text: str) -> str:
    """`text` as a comment can hold it: no character in it can end the line."""
    return "".join(c if c.isprintable() else " " for c in text)


def _block(value: Any, depth: int, path: str, written: set[str]) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _pair(f"{indent}{_scalar(key)}:", part, depth, f"{path}.{key}", written)
    else:
        for item in value:
            first, *others = _block(item, depth + 1, path, written)
            yield f"{indent}- {first.lstrip()}"
            yield from others


def _pair(head: str, value: Any, depth: int, path: str, written: set[str]) -> Iterator[str]:
    comment = "" if path in written else _comments().lines.get(path, "")
    written.add(path)
    told = f"  # {comment}" if comment else ""
    if isinstance(value, dict | list) and value and (isinstance(value, dict) or isinstance(value[0], dict)):
        yield f"{head}{told}"
        yield from _block(value, depth + 1, path, written)
    else:
        yield f"{head} {_flow(value)}{told}"


def _flow(value: Any) -> str:
    return f"[{', '.join(map(_scalar, value))}]" if isinstance(value, list) else _scalar(value)


def _scalar(value: Any) -> str:
    """A scalar as it may stand anywhere, also as a key or between brackets."""
    text: str = yaml.dump([value], Dumper=_Dumper, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.rstrip("\n")[1:-1]


class _Dumper(yaml.SafeDumper):
    """Strings that no plain scalar can hold on one line are written in double quotes, with escapes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)

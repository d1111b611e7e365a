"""Each deployment on its own: whether there is such a model and for how long, and whether its limits hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from ...errors import nearest
from .config import Config, Deployment, find_model, near_models, number
from .finding import Finding
from .providers import OWN_NAMES

NOTICE = timedelta(days=90)
_DURATION = re.compile(r"\d+(s|m|h|d|w|mo)")
_COUNTED = ("usage-based-routing", "usage-based-routing-v2")
_FREE = "prices it at $0, so budgets and spend see a free model."


def check(config: Config, as_of: date) -> Iterator[Finding]:
    """Unknown models and providers, models that retire, limits and budgets that are never enforced."""
    ids: dict[str, int] = {}
    for deployment in config.deployments:
        if deployment.model and "*" not in deployment.model:
            yield from _model(config, deployment)
            yield from _retirement(config, deployment, as_of)
        yield from _rate_limits(config, deployment)
        yield from _budget(config, deployment)
        own_id = deployment.info.get("id")
        if own_id is not None and str(own_id) in ids:
            yield config.finding(
                "error",
                "duplicate-id",
                (*deployment.path, "model_info", "id"),
                f"model_list[{ids[str(own_id)]}] has the id {str(own_id)!r} too",
                "keeps the cool-down, budget and spend of both under one id.",
            )
        ids.setdefault(str(own_id), int(deployment.path[1]))
    yield from _provider_budgets(config)


def _model(config: Config, deployment: Deployment) -> Iterator[Finding]:
    path = (*deployment.path, "litellm_params", "model")
    provider, models = deployment.provider, config.known.models
    head, slash, _ = deployment.model.partition("/")
    if provider is None and slash:
        near = [f"{name}/{deployment.model.partition('/')[2]}" for name in nearest(head, config.providers)]
        yield config.finding(
            "error",
            "unknown-provider",
            path,
            f"{head!r} is no provider",
            "drops the deployment and starts without it: whoever calls this name gets an error.",
            near or near_models(deployment.model, None, models),
        )
        return
    if provider is not None and provider not in config.providers:
        yield config.finding(
            "error",
            "unknown-provider",
            (*deployment.path, "litellm_params", "custom_llm_provider"),
            f"{provider!r} is no provider",
            "drops the deployment and starts without it.",
            nearest(provider, config.providers),
        )
        return
    base = deployment.info.get("base_model")
    if isinstance(base, str) and find_model(base, provider, models) is None and find_model(base, None, models) is None:
        near = near_models(base, provider, models)
        yield config.finding(
            "error",
            "unknown-model",
            (*deployment.path, "model_info", "base_model"),
            f"{base!r} is not in LiteLLM's price map",
            _FREE,
            near,
        )
    elif deployment.usd_per_request is None and deployment.facts is None:
        yield from _unpriced(config, deployment)


def _unpriced(config: Config, deployment: Deployment) -> Iterator[Finding]:
    path = (*deployment.path, "litellm_params", "model")
    provider, name = deployment.provider, deployment.model
    own_server = "api_base" in deployment.params and provider in ("openai", "text-completion-openai")
    if provider in OWN_NAMES or own_server or name.rpartition("/")[2].startswith("ft:"):
        if provider in ("azure", "azure_ai", "azure_text"):
            yield config.finding(
                "warning",
                "no-base-model",
                path,
                "the name of an Azure deployment does not say which model it is; name it as `model_info.base_model`",
                f"{_FREE} It knows no window either.",
            )
        return
    has_rows = any(f.provider.startswith(provider or "") for f in config.known.models.values()) if provider else True
    if not has_rows or not _is_text(deployment):
        return
    yield config.finding(
        "error",
        "unknown-model",
        path,
        f"{name!r} is not in LiteLLM's price map; check its name, or give its prices in `model_info`",
        f"accepts the name and {_FREE} If there is no such model, the first call fails.",
        near_models(name, provider, config.known.models),
    )


def _is_text(deployment: Deployment) -> bool:
    return deployment.info.get("mode") in (None, "chat", "completion", "responses")


def _retirement(config: Config, deployment: Deployment, as_of: date) -> Iterator[Finding]:
    facts = deployment.facts
    if facts is None or facts.retires_on is None or facts.retires_on - as_of > NOTICE:
        return
    path = (
        *deployment.path,
        *(("model_info", "base_model") if "base_model" in deployment.info else ("litellm_params", "model")),
    )
    past = facts.retires_on <= as_of
    follows = f"; {facts.successor} follows it" if facts.successor else ""
    yield config.finding(
        "warning",
        "retired" if past else "retiring",
        path,
        f"{facts.key} {'retired' if past else 'retires'} on {facts.retires_on}{follows}",
        "still prices it, and passes on the provider's error when the model is gone.",
        [facts.successor] if facts.successor else [],
    )


def _rate_limits(config: Config, deployment: Deployment) -> Iterator[Finding]:
    checks = config.at("router_settings", "optional_pre_call_checks")
    enforced = isinstance(checks, list) and "enforce_model_rate_limits" in checks
    if enforced or config.at("router_settings", "routing_strategy") in _COUNTED:
        return
    for holder, said in (((), deployment.entry), (("litellm_params",), deployment.params)):
        for limit in ("rpm", "tpm"):
            if said.get(limit) is not None:
                yield config.finding(
                    "error",
                    "limit-not-enforced",
                    (*deployment.path, *holder, limit),
                    f"{limit} limits nothing without `optional_pre_call_checks: [enforce_model_rate_limits]`",
                    "uses it as a weight when it chooses between deployments, and lets every request pass.",
                )


def _budget(config: Config, deployment: Deployment) -> Iterator[Finding]:
    path = (*deployment.path, "litellm_params")
    budget, duration = deployment.params.get("max_budget"), deployment.params.get("budget_duration")
    if budget is not None and duration is None:
        yield _not_enforced(config, (*path, "max_budget"), "max_budget without budget_duration", ("budget_duration",))
    elif duration is not None and budget is None:
        yield _not_enforced(config, (*path, "budget_duration"), "budget_duration without max_budget", ("max_budget",))
    elif duration is not None and not _is_duration(config.resolved(duration)):
        yield _not_enforced(
            config, (*path, "budget_duration"), "budget_duration is a number and s, m, h, d, w or mo", ()
        )
    for name in ("max_budget", "budget_duration"):
        if name in deployment.info:
            message = f"{name} belongs under litellm_params"
            yield _not_enforced(config, (*deployment.path, "model_info", name), message, (f"litellm_params.{name}",))


def _provider_budgets(config: Config) -> Iterator[Finding]:
    budgets = config.section("router_settings", "provider_budget_config")
    called = {deployment.provider for deployment in config.deployments if deployment.provider}
    for provider, said in budgets.items():
        path = ("router_settings", "provider_budget_config", provider)
        if provider not in config.providers:
            yield _not_enforced(config, path, f"{provider!r} is no provider", nearest(provider, config.providers))
        elif provider not in called and config.is_whole:
            yield _not_enforced(config, path, f"no deployment is called at {provider!r}", nearest(provider, called))
        if not isinstance(said, Mapping):
            yield config.finding(
                "error",
                "wrong-type",
                path,
                "a provider's budget is `{budget_limit: 50, time_period: 1d}`",
                "stops while it starts.",
            )
            continue
        for name in ("budget_limit", "time_period"):
            if said.get(name) is None:
                yield _not_enforced(config, (*path, name), f"{name} is missing", (name,))
        if said.get("time_period") is not None and not _is_duration(config.resolved(said["time_period"])):
            yield _not_enforced(config, (*path, "time_period"), "time_period is a number and s, m, h, d, w or mo", ())
        if said.get("budget_limit") is not None and number(config.resolved(said["budget_limit"])) is None:
            yield _not_enforced(config, (*path, "budget_limit"), "budget_limit is not a number", ())


def _is_duration(value: object) -> bool:
    return value is None or (isinstance(value, str) and _DURATION.fullmatch(value.strip()) is not None)


def _not_enforced(
    config: Config, path: tuple[str | int, ...], message: str, near: tuple[str, ...] | list[str]
) -> Finding:
    return config.finding(
        "error", "budget-not-enforced", path, f"this budget stops nothing: {message}", "never enforces it.", near
    )

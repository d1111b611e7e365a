"""From an endpoint of the catalog to a deployment that a gateway can call: where to dial, with which key, at what cost.

LiteLLM fills a gap without a word: no region is us-west-2 or us-central1, a model that it does not know costs $0. So a
deployment always says its region, takes every credential from a named variable, and brings its own prices and window
where LiteLLM's list would give others.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..catalog import load_catalog, schema, strict_yaml
from ..catalog.records import Endpoint, PriceList, Rates
from ..errors import LlmlabError
from ..routing.knowledge import lies_in
from .plan import Deployment

ENVIRON = "os.environ/"
_NOWHERE = ("global", "unknown", "own-network")  # scopes that name no area of the map
MILLION = Decimal(1_000_000)
# LiteLLM's names for dollars per token, by the catalog's token class; `_above_200k_tokens` follows for a tier.
_COSTS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "reasoning": "output_cost_per_reasoning_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a provider is called, as `providers.yaml` lists it."""

    prefix: str
    parameters: Mapping[str, str]
    region: str | None = None
    default_region: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    own_name: bool = False
    requires: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    providers: tuple[Access, ...]


@functools.cache
def _listed() -> Mapping[str, Access]:
    document = strict_yaml.read(Path(__file__).with_name("providers.yaml"), LlmlabError)
    listed = schema.decode(_File, document.data, document, (), LlmlabError).providers
    return {access.prefix: access for access in listed}


def access(litellm_model: str) -> Access:
    """How the provider of a LiteLLM model id is called; by a key of its own name where nobody listed it."""
    prefix = litellm_model.partition("/")[0]
    return _listed().get(prefix) or Access(
        prefix=prefix, parameters={"api_key": f"{ENVIRON}{_variable(prefix)}_API_KEY"}
    )


def deploy(
    endpoint: Endpoint,
    *,
    tier: str,
    region: str | None = None,
    as_of: date,
    timeout_s: float,
    window: int | None = None,
    max_budget_usd: Decimal | None = None,
    budget_duration: str | None = None,
) -> Deployment:
    """`endpoint` as the deployment of `tier`, dialled in `region` (its residency's usual one where that is `None`).

    `window` is the longest prompt in tokens, where the endpoint itself does not say it.

    Raises `LlmlabError` where nobody says how to call it, or where its requests would not stay where it says.
    """
    if endpoint.litellm_model is None:
        raise LlmlabError(f"{endpoint.id} has no litellm_model: nobody says how a gateway calls it")
    called = access(endpoint.litellm_model)
    scope = endpoint.residency.scope
    area = "" if scope in _NOWHERE else scope
    host = {"vertex_ai": "vertex", "hosted_vllm": "vllm"}.get(called.prefix, called.prefix)
    id = "-".join(filter(None, (tier, _slug(host), area)))
    place = _place(endpoint, called, region)
    names = {"AREA": f"_{_variable(area)}" if area else "", "ID": _variable(id)}
    parameters: dict[str, Any] = {called.region: place} if called.region else {}
    if area in called.hosts:
        parameters["api_base"] = called.hosts[area]
    parameters |= {name: value.format(**names) for name, value in called.parameters.items()}
    longest = window or endpoint.max_input_tokens
    priced_as = endpoint.rows.get("litellm", endpoint.litellm_model)
    model_info: dict[str, Any] = {"base_model": priced_as} if called.own_name else {}
    return Deployment(
        id=id,
        endpoint=endpoint.id,
        litellm_model=f"{called.prefix}/{_own_name(endpoint, area)}" if called.own_name else endpoint.litellm_model,
        parameters=parameters,
        model_info=model_info | _what_litellm_lacks(endpoint, longest, priced_as, place or area or None, as_of),
        scope=scope,
        region=place,
        timeout_s=timeout_s,
        stream_timeout_s=timeout_s,
        max_input_tokens=longest,
        max_budget_usd=max_budget_usd,
        budget_duration=budget_duration,
    )


def _place(endpoint: Endpoint, called: Access, asked: str | None) -> str | None:
    """The region to dial; `None` where the provider has no such thing."""
    if called.region is None:
        return asked if asked in endpoint.regions else None
    scope = endpoint.residency.scope
    usual = called.default_region.get(scope)
    if asked is None or asked == scope:
        if usual is None:
            raise LlmlabError(f"{endpoint.id}: nobody says which region of {scope} to dial; choose one")
        inside = [name for name in endpoint.regions if lies_in(name, scope)]
        return usual if usual in endpoint.regions or not endpoint.regions else (inside or list(endpoint.regions))[0]
    if endpoint.regions and asked not in endpoint.regions:
        raise LlmlabError(f"{endpoint.id} is not served in {asked}; it is in {', '.join(endpoint.regions)}")
    return asked


def _own_name(endpoint: Endpoint, area: str) -> str:
    """What to call a deployment that has a name of one's own: LiteLLM's id says the model, but not whose it is."""
    return _slug("-".join(filter(None, (endpoint.model, area and f"datazone-{area}"))))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _variable(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", text).upper()


# --- What LiteLLM's own list would get wrong


def _what_litellm_lacks(
    endpoint: Endpoint, window: int | None, row: str, region: str | None, as_of: date
) -> dict[str, Any]:
    """Window and prices, where LiteLLM's list has others or none, or a surcharge for the region is due."""
    listed = next((e for e in load_catalog("litellm").endpoints if e.id == row), None)
    told: dict[str, Any] = {}
    if window is not None and (listed is None or listed.max_input_tokens != window):
        told["max_input_tokens"] = window
    uplift = endpoint.uplift(region)
    ours = _costs(endpoint.price_on(as_of), uplift)
    theirs = _costs(listed.price_on(as_of) if listed else None, Decimal(1))
    if uplift != 1 or any(theirs.get(name) != cost for name, cost in ours.items()):
        told |= {name: float(cost) for name, cost in ours.items()}
    return told


def _costs(price: PriceList | None, uplift: Decimal) -> dict[str, Decimal]:
    """Dollars per token under LiteLLM's names. A reserved box costs nothing more per token, and says so."""
    if price is None:
        return {}
    costs = _named(price.rates.standard, uplift, "")
    for tier in price.tiers:
        above = f"_above_{tier.above // 1000}k_tokens" if tier.above % 1000 == 0 else f"_above_{tier.above}_tokens"
        costs |= _named(tier.rates.standard, uplift, above)
    if not costs and price.reserved_usd_per_hour is not None:
        return {"input_cost_per_token": Decimal(0), "output_cost_per_token": Decimal(0)}
    return costs


def _named(rates: Rates | None, uplift: Decimal, above: str) -> dict[str, Decimal]:
    if rates is None:
        return {}
    found = {name: getattr(rates, token_class) for token_class, name in _COSTS.items()}
    return {f"{name}{above}": rate * uplift / MILLION for name, rate in found.items() if rate is not None}

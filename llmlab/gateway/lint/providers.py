"""Who answers a model's name: what stands before its first slash, or whoever the price map says has that name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...catalog import strict_yaml
from ...errors import CatalogError

if TYPE_CHECKING:
    from .installed import ModelFacts

_KNOWN: dict[str, Any] = strict_yaml.read(Path(__file__).with_name("providers.yaml"), CatalogError).data
OWN_NAMES: frozenset[str] = frozenset(_KNOWN["own_names"])
SELF_HOSTED: frozenset[str] = frozenset(_KNOWN["self_hosted"])
SCOPE_OF_HOST: Mapping[str, str] = _KNOWN["scope_of_host"]
SCOPE_OF_VERTEX: Mapping[str, str] = _KNOWN["scope_of_vertex"]


def provider_of(model: str, providers: Collection[str], models: Mapping[str, ModelFacts]) -> str | None:
    """The provider that LiteLLM would call; `None` where it knows none."""
    head, slash, _ = model.partition("/")
    if slash and head in providers:
        return head
    row = models.get(model)
    if row is None:
        return None
    # A row's provider may be split by maker: `vertex_ai-anthropic_models` is called as `vertex_ai`.
    return row.provider if row.provider in providers else row.call.partition("/")[0]

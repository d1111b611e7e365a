"""What the bulk catalogs, read at run time from installed price packages, have in common.

Rows are never copied into the repo and never fetched: `litellm_map` and `genai_prices_map` translate what is installed
into the records of this folder, and `packages.yaml` holds what they have to know beside it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from ..errors import CatalogError
from . import strict_yaml
from .records import Endpoint, Evidence, Host, Model, Provider

UNKNOWN_MAKER = "unknown"
_T = TypeVar("_T")
_DATED_BEDROCK_VERSION = re.compile(r"(?<=-20\d{6})-v\d+:\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """A whole price package, translated. `left_out` counts what is not an endpoint, by the reason."""

    name: str
    version: str
    as_of: date
    providers: tuple[Provider, ...]
    models: tuple[Model, ...]
    endpoints: tuple[Endpoint, ...]
    left_out: Mapping[str, int]

    @property
    def unpriced(self) -> tuple[Endpoint, ...]:
        """The endpoints that no price list can bill a text request for: unpriced, not free. Their `note` says why."""
        return tuple(e for e in self.endpoints if not any(price.priced for price in e.prices))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one row says about a model. `maker` is set where the row's provider is the one that made it."""

    model: str
    source: str
    maker: str | None = None
    vendor: str | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    modalities: tuple[str, ...] = ()


@functools.cache
def known(*path: str) -> Any:
    """The part of `packages.yaml` at `path`."""
    value: Any = strict_yaml.read(Path(__file__).with_name("packages.yaml"), CatalogError).data
    for key in path:
        value = value[key]
    return value


def read_on(name: str, version: str, file: Path) -> tuple[date, str]:
    """The day on which this version was read, and what to add to the source where that is only the day of its file."""
    if version in known("read_on", name):
        return known("read_on", name)[version], ""
    day = date.fromtimestamp(file.stat().st_mtime)
    return day, f" (a version not reviewed; its file is dated {day})"


def providers(names: Mapping[str, str]) -> tuple[Provider, ...]:
    """Providers by id and name, each in its column of the hosting matrix."""
    return tuple(Provider(id=id, name=name, host=host(id)) for id, name in sorted(names.items()))


def host(provider: str) -> Host:
    """The column of the hosting matrix. LiteLLM splits Vertex by maker: `vertex_ai-anthropic_models` is Vertex."""
    by_id = known("hosts")
    return cast(Host, by_id.get(provider) or by_id.get(provider.split("-", maxsplit=1)[0], "native"))


def model_id(key: str, provider: str) -> tuple[str, str | None]:
    """The model's name at the end of a row's key, and its vendor where the key is a Bedrock id and says so."""
    name = key.rsplit("/", 1)[-1]
    if host(provider) != "bedrock":
        return name, None
    head, _, rest = name.partition(".")
    if rest and head in known("bedrock_profiles"):
        name = rest
        head, _, rest = name.partition(".")
    if not rest or head not in known("bedrock_vendors"):
        return name, None
    return _DATED_BEDROCK_VERSION.sub("", rest), known("bedrock_vendors")[head]


def merge(sightings: Iterable[Sighting], checked_on: date) -> tuple[Model, ...]:
    """One model per id. Its maker's own rows decide; a figure on which the deciding rows differ stays unknown.

    (Resellers cut windows: what an endpoint accepts is on the endpoint.)
    """
    by_id: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        by_id.setdefault(sighting.model, []).append(sighting)
    return tuple(_merged(id, rows, checked_on) for id, rows in sorted(by_id.items()))


def _merged(id: str, rows: list[Sighting], checked_on: date) -> Model:
    deciding = [row for row in rows if row.maker] or rows
    return Model(
        id=id,
        name=id,
        maker=_agreed({row.maker or row.vendor for row in deciding}) or UNKNOWN_MAKER,
        context_tokens=_agreed({row.context_tokens for row in deciding}),
        max_output_tokens=_agreed({row.max_output_tokens for row in deciding}),
        modalities=_agreed({row.modalities for row in deciding}) or (),
        evidence=Evidence(source=deciding[0].source, checked_on=checked_on),
    )


def _agreed(values: Collection[_T | None]) -> _T | None:
    said = [value for value in values if value is not None]
    return said[0] if len(said) == 1 else None


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent: 3, not 3.00 and not 3E+0."""
    short = value.normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short

"""What the installed LiteLLM understands and knows, and what the newest snapshot says of its models: read once, kept.

Deriving it takes some seconds, so it is kept in the user's cache folder, in one file for each version of LiteLLM and of
the price lists. A cache that is missing, damaged or cannot be written costs those seconds again and is no error.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ... import saving, shipped
from ...errors import LlmlabError
from .source import read_keys

FORM = 2  # of the cache file: one more when what is kept, or how it is derived, changes


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of one callable model: of its LiteLLM row, with what the newest snapshot says laid over it.

    Rates are dollars per million tokens. `provider` is LiteLLM's; `scope` is where it is said to be processed.
    """

    key: str
    call: str
    provider: str
    task: str = "text"
    window: int | None = None
    input: float | None = None
    output: float | None = None
    retires_on: date | None = None
    successor: str | None = None
    scope: str = "unknown"

    @property
    def usd_per_request(self) -> float | None:
        """Dollars for 4,000 tokens in and 500 out, the shape in which models are compared."""
        if self.input is None or self.output is None:
            return None
        return (4_000 * self.input + 500 * self.output) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What a LiteLLM takes. `sections` are the keys of each part of a config, with the kinds of value they take;
    `names` the values that some of them must be one of; `defaults` the numbers that hold where a config says none;
    `models` are by the name they are called by, and by the key of their row."""

    version: str
    sections: Mapping[str, Mapping[str, str]]
    names: Mapping[str, tuple[str, ...]]
    defaults: Mapping[str, float]
    models: Mapping[str, ModelFacts]


def installed() -> Installed:
    """What the LiteLLM of this environment understands. Raises `LlmlabError` if it is not there or not as expected."""
    folder = _folder()
    version = importlib.metadata.version("litellm")
    return _installed(folder, version, _fingerprint(folder, version), _cache_folder())


def _folder() -> Path:
    # find_spec of a top-level name finds a package without running it.
    spec = importlib.util.find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise LlmlabError("litellm is not installed, so nobody knows which keys it takes; install llmlab with it")
    return Path(spec.submodule_search_locations[0])


@functools.lru_cache(maxsize=4)
def _installed(folder: Path, version: str, fingerprint: str, cache: Path) -> Installed:
    file = cache / f"litellm-{version}-{fingerprint}.json"
    said = _read(file)
    if said is None:
        said = _derived(folder, fingerprint)
        with contextlib.suppress(OSError, LlmlabError):
            cache.mkdir(parents=True, exist_ok=True)
            saving.write_whole(file, json.dumps(said))
    facts = [ModelFacts(**{**row, "retires_on": _date(row.get("retires_on"))}) for row in said["models"]]
    return Installed(
        version=version,
        sections=said["sections"],
        names={name: tuple(values) for name, values in said["names"].items()},
        defaults=said["defaults"],
        models={fact.key: fact for fact in facts} | {fact.call: fact for fact in reversed(facts)},
    )


@functools.lru_cache(maxsize=1)
def _derived(folder: Path, fingerprint: str) -> dict[str, Any]:  # noqa: ARG001  other files, other keys
    return {**read_keys(folder), "models": _models()}


def _read(file: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    whole = isinstance(said, dict) and {"sections", "names", "defaults", "models"} <= said.keys()
    return said if whole else None


def _fingerprint(folder: Path, version: str) -> str:
    """Changes when LiteLLM's files or the price lists do."""
    files = [folder / "__init__.py", folder / "router.py", *sorted(shipped.folder("pricing").glob("*/*.yaml"))]
    stamps = [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files if file.is_file()]
    return hashlib.sha256(repr((FORM, version, stamps)).encode()).hexdigest()[:12]


def _cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "llmlab"


def _models() -> list[dict[str, Any]]:
    # Only where the cache is made: translating 4,000 rows takes a second.
    from ...catalog import load_catalog
    from ...catalog.litellm_map import read_litellm

    rows = {e.id: _facts(e) for e in read_litellm().endpoints}
    for endpoint in load_catalog().endpoints:
        key = endpoint.rows.get("litellm")
        if key in rows:
            ours = {name: value for name, value in _facts(endpoint).items() if value not in (None, "unknown")}
            rows[key] |= {
                name: ours[name] for name in ("window", "input", "output", "retires_on", "scope") if name in ours
            }
            rows[key]["successor"] = ours.get("successor") or rows[key].get("successor")
        elif endpoint.litellm_model and endpoint.litellm_model not in rows:
            rows[endpoint.litellm_model] = _facts(endpoint) | {"key": endpoint.litellm_model}
    return [{name: value for name, value in row.items() if value is not None} for row in rows.values()]


def _facts(endpoint: Any) -> dict[str, Any]:
    price = endpoint.price_on(date.today())
    rates = price.rates.standard if price else None
    return {
        "key": endpoint.id,
        "call": endpoint.litellm_model or endpoint.id,
        "provider": endpoint.provider,
        "task": endpoint.task,
        "window": endpoint.max_input_tokens,
        "input": float(rates.input) if rates and rates.input is not None else None,
        "output": float(rates.output) if rates and rates.output is not None else None,
        "retires_on": endpoint.retires_on.isoformat() if endpoint.retires_on else None,
        "successor": endpoint.successor,
        "scope": endpoint.residency.scope,
    }


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None

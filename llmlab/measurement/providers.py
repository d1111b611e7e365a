"""Which providers can be called from here: whose credentials are in the environment, and which prefixes LiteLLM knows.

Only names of variables are handled, and whether they are set: no value is kept, shown or compared. LiteLLM itself is
not imported: its list of providers is read out of the installed package's files.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..catalog import schema, strict_yaml
from ..errors import LlmlabError

_ENUM = re.compile(r"^class LlmProviders\(.*?\):\n(?P<body>.*?)^\S", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"^    [A-Z0-9_]+ = \"(?P<prefix>[^\"]+)\"", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Somebody LiteLLM can call.

    `prefix` begins its LiteLLM model ids; `catalog` are its ids in the shipped snapshots. Each of `ways` is a set of
    variables that is enough to call it. `elsewhere`, where not empty, says what does as well and cannot be seen from
    the environment: variables that are missing are then no reason to refuse a call.
    """

    prefix: str
    name: str
    catalog: tuple[str, ...] = ()
    ways: tuple[tuple[str, ...], ...]
    elsewhere: str = ""

    def variables(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The variables of the way that is set, else of the one that lacks the fewest, else of the first."""
        begun = [way for way in self.ways if len(_unset(way, environ)) < len(way)]
        return min(begun or self.ways[:1], key=lambda way: (len(_unset(way, environ)), -len(way)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    providers: tuple[Provider, ...]


@functools.cache
def providers() -> tuple[Provider, ...]:
    """All providers whose variables are known, as `providers.yaml` lists them."""
    document = strict_yaml.read(Path(__file__).with_name("providers.yaml"), LlmlabError)
    return schema.decode(_File, document.data, document, (), LlmlabError).providers


def available(environ: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers that can be called with what `environ` sets."""
    return tuple(p for p in providers() if not _unset(p.variables(environ), environ))


def provider_of(model: str) -> Provider | None:
    """The provider of a LiteLLM model id; `None` where its variables are not known."""
    prefix = model.partition("/")[0]
    return next((provider for provider in providers() if provider.prefix == prefix), None)


def missing(model: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that a LiteLLM model id needs and that are not set; none where nothing is known of its provider.

    See `Provider.elsewhere` before refusing a call for it. A variable that is empty is not set: so LiteLLM takes it.
    """
    provider = provider_of(model)
    return _unset(provider.variables(environ), environ) if provider else ()


@functools.cache
def litellm_prefixes() -> frozenset[str]:
    """Every prefix that the installed LiteLLM knows: its own providers and the OpenAI-like ones it has as data.

    Raises `LlmlabError` where they are not where LiteLLM 1.106 has them.
    """
    spec = importlib.util.find_spec("litellm")  # finds a package without running it
    home = Path((spec.submodule_search_locations or [""])[0]) if spec else Path()
    try:
        source = (home / "types" / "utils.py").read_text(encoding="utf-8")
        alike = json.loads((home / "llms" / "openai_like" / "providers.json").read_bytes())
    except (OSError, ValueError) as e:
        raise LlmlabError(f"the installed litellm is not as expected: {e}; install the version llmlab asks for") from e
    found = _ENUM.search(source)
    if found is None:
        raise LlmlabError("the installed litellm lists no providers; install the version llmlab asks for")
    return frozenset(alike).union(_MEMBER.findall(found["body"]))


def _unset(variables: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in variables if not environ.get(name))

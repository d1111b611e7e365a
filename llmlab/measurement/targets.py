"""What can be measured, from what a person types: a simulated endpoint, an endpoint of the catalog, any model id of
LiteLLM, or a model at a server of one's own.

A target says how LiteLLM is to be called and what its tokens are priced by. It never holds a secret: LiteLLM takes
keys from the environment by itself, and of a server of one's own it is told which variable holds the key.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlsplit

from ..catalog import Catalog, Endpoint, load_catalog
from ..catalog.bulk import known
from ..errors import LlmlabError, UnknownNameError, nearest
from ..simulator import litellm_parameters
from .providers import litellm_prefixes, missing
from .simulated import PREFIX, Simulated, simulated_endpoint, simulated_endpoints

BULK = "litellm"
KEY_VARIABLE = "LLMLAB_API_KEY"
# Of LiteLLM's prefixes for OpenAI-compatible servers, the one that sends nothing but what it is given: `openai/` adds
# OPENAI_ORGANIZATION to every request. Both read streamed usage and `reasoning_content`.
SERVER_PREFIX = "hosted_vllm/"
AWS_REGION = ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")
VERTEX_LOCATION = ("VERTEXAI_LOCATION", "VERTEX_LOCATION")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to measure.

    `name` is what records call it, `model` LiteLLM's id. `price` is the endpoint whose prices apply, out of `catalog`;
    `None` where nobody is known to sell it: unpriced, not free. `region` is where it is processed, if that is known and
    matters to the price. `key_variable` is set for a server of one's own: whoever makes the call gives its value as
    `api_key`, or any text where it is not set, so that LiteLLM takes no other key from the environment.
    """

    name: str
    model: str
    api_base: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    simulated: Simulated | None = None
    price: Endpoint | None = None
    catalog: str | None = None
    region: str | None = None
    key_variable: str | None = None

    @property
    def endpoint(self) -> str | None:
        """The catalog's id of what it is priced by."""
        return self.price.id if self.price else None

    def call(self, simulator_url: str | None = None) -> dict[str, Any]:
        """What LiteLLM is to be called with, beside the question. What is simulated needs `simulator_url`."""
        if self.simulated is not None:
            if simulator_url is None:
                raise LlmlabError(f"{self.name} is simulated: start a Simulator and give its url")
            return litellm_parameters(simulator_url, self.simulated.endpoint.name, self.simulated.dialect)
        base = {} if self.api_base is None else {"api_base": self.api_base}
        return {"model": self.model, **base, **self.parameters}

    def missing(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The variables that LiteLLM needs for it and that are not set; see `Provider.elsewhere`."""
        return () if self.simulated is not None or self.api_base is not None else missing(self.model, environ)


def resolve(
    models: Sequence[str],
    catalog: Catalog,
    *,
    api_base: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Target, ...]:
    """The targets that `models` name, in their order and each with a name of its own.

    A model is the name of a simulated endpoint (with or without `simulated/`), the id of an endpoint in `catalog`, or
    a model id of LiteLLM, which is priced by `catalog`, else by the installed LiteLLM's own list, else not at all. With
    `api_base`, the URL of an OpenAI-compatible server (vLLM, llama.cpp, Ollama, TGI), it is a model's name there,
    unless it begins with `simulated/`. `environ` (the process's, unless given) says where AWS and Vertex are dialled.

    Raises `UnknownNameError` for a name that is nothing of these, and `LlmlabError` for a URL that cannot be one, or
    for an endpoint that its model's name alone does not reach.
    """
    if not models:
        raise LlmlabError("there is nothing to measure: name a model, or simulated/claude-sonnet, which needs no key")
    url = None if api_base is None else server_url(api_base)
    environ = os.environ if environ is None else environ
    return _distinct([_target(model.strip(), catalog, url, environ) for model in models])


def server_url(text: str) -> str:
    """The base URL of an OpenAI-compatible server, as LiteLLM wants it: `/v1` is added where there is no path."""
    mend = f"write it as http://localhost:8000/v1, and a key as the variable {KEY_VARIABLE}"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    is_clean = parts.geturl().isprintable() and " " not in parts.geturl()
    # What was given is not quoted: there may be a secret in it.
    if parts.scheme not in ("http", "https") or not host or not is_clean:
        raise LlmlabError(f"the server's URL cannot be read as an http or https address; {mend}")
    if parts.username is not None or parts.query or parts.fragment:
        raise LlmlabError(f"the server's URL holds more than an address and a path; {mend}")
    path = parts.path.rstrip("/")
    for ending in ("/chat/completions", "/completions", "/models"):
        path = path.removesuffix(ending)
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{address}{'' if port is None else f':{port}'}{path or '/v1'}"


def _target(model: str, catalog: Catalog, url: str | None, environ: Mapping[str, str]) -> Target:
    if model.startswith(PREFIX) or (url is None and _is_simulated(model)):
        return _simulated(simulated_endpoint(model))
    if url is not None:
        return _at_server(model, catalog, url)
    found = _endpoint(model, catalog)
    if found is not None:
        return _of_endpoint(model, *found, environ)
    prefix, slash, _ = model.partition("/")
    if not slash or prefix not in litellm_prefixes():
        _refuse(model, catalog)
    return Target(name=model, model=model)


def _is_simulated(name: str) -> bool:
    return any(one.name == f"{PREFIX}{name}" for one in simulated_endpoints())


def _simulated(simulated: Simulated) -> Target:
    catalog, endpoint = simulated.prices
    return Target(
        name=simulated.name,
        model=litellm_parameters("", simulated.endpoint.name, simulated.dialect)["model"],
        simulated=simulated,
        price=load_catalog(catalog).endpoint(endpoint),
        catalog=catalog,
    )


def _at_server(name: str, catalog: Catalog, url: str) -> Target:
    """A model at a server. It has a price only where the catalog has it as self-hosted."""
    if not name:
        raise LlmlabError(f"a model at {url} has no name; the server lists its models at {url}/models")
    own = {e.id: e for e in catalog if str(e.litellm_model).startswith(SERVER_PREFIX)}
    priced = own.get(name)
    model = str(priced.litellm_model) if priced else f"{SERVER_PREFIX}{name.removeprefix(SERVER_PREFIX)}"
    priced = priced or next((e for e in own.values() if e.litellm_model == model), None)
    return Target(
        name=f"{model.removeprefix(SERVER_PREFIX)} at {urlsplit(url).netloc}",
        model=model,
        api_base=url,
        price=priced,
        catalog=catalog.name if priced else None,
        key_variable=KEY_VARIABLE,
    )


def _endpoint(model: str, catalog: Catalog) -> tuple[Endpoint, str] | None:
    """What a model id stands for in the catalog, or in LiteLLM's own list: by its id, then by LiteLLM's name for it."""
    for where in (catalog, load_catalog(BULK)):
        named = [e for e in where if e.id == model] or [e for e in where if e.litellm_model == model]
        if named:
            return named[0], where.name
        if where is catalog and "/" not in model and catalog.served_by(model):
            ids = ", ".join(e.id for e in catalog.served_by(model))
            raise LlmlabError(f"{model} is a model and can be had in more than one place; name an endpoint: {ids}")
    return None


def _of_endpoint(asked: str, endpoint: Endpoint, catalog: str, environ: Mapping[str, str]) -> Target:
    model = endpoint.litellm_model
    if model is None:
        raise LlmlabError(f"{asked} has no litellm_model in catalog {catalog}: nobody says how to call it")
    if endpoint.task != "text":
        raise LlmlabError(f"{asked} is for {endpoint.task.replace('_', ' ')}: it has no text to stream")
    prefix, _, rest = model.partition("/")
    if endpoint.id.startswith(f"{model}@"):
        raise LlmlabError(f"{asked} cannot be called by a model's name alone. {endpoint.note or 'It says no more.'}")
    if prefix == "azure" and rest.partition("/")[0] in known("azure_areas"):
        raise LlmlabError(f"{asked} is the price of a kind of deployment; to call yours, write azure/<its name>")
    parameters, region = _place(prefix, endpoint, environ)
    return Target(
        name=asked,
        model=model,
        parameters=parameters,
        price=endpoint,
        catalog=catalog,
        region=region,
    )


def _place(prefix: str, endpoint: Endpoint, environ: Mapping[str, str]) -> tuple[dict[str, str], str | None]:
    """Where to dial, and the region that this is: what the environment says, where it fits the endpoint; else what the
    endpoint says, because LiteLLM would dial us-west-2 or us-central1."""
    if prefix == "bedrock" and endpoint.regions:
        said = next((environ[name] for name in AWS_REGION if environ.get(name)), None)
        return {"aws_region_name": said if said in endpoint.regions else endpoint.regions[0]}, None
    if prefix == "vertex_ai" and endpoint.residency.scope == "global":
        said = next((environ[name] for name in VERTEX_LOCATION if environ.get(name)), "global")
        return {"vertex_location": said}, None if said == "global" else said
    return {}, None


def _refuse(model: str, catalog: Catalog) -> NoReturn:
    prefix, slash, rest = model.partition("/")
    prefixes = [f"{near}/{rest}" for near in nearest(prefix, litellm_prefixes())] if slash else []
    names = [one.name for one in simulated_endpoints()]
    raise UnknownNameError("model", model, [*names, *(e.id for e in catalog), *prefixes])


def _distinct(targets: list[Target]) -> tuple[Target, ...]:
    """The second of one name is called `name #2`."""
    count: Counter[str] = Counter()
    named: list[Target] = []
    for target in targets:
        count[target.name] += 1
        number = count[target.name]
        named.append(target if number == 1 else dataclasses.replace(target, name=f"{target.name} #{number}"))
    return tuple(named)

"""Deployments that would, or might, be answered outside the region that is allowed.

What counts is what makes a provider stay: the region of a Bedrock call and the reach of its profile, the location of a
Vertex call, the deployment type that an Azure base model names, the host of a native endpoint. A label does not.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ...catalog.bulk import known
from ...catalog.strict_yaml import Path_
from .config import REFERENCE, Config, Deployment
from .finding import Finding, Severity
from .providers import SCOPE_OF_HOST, SCOPE_OF_VERTEX, SELF_HOSTED

OWN_NETWORK = "own-network"
_AWS_REGION = re.compile(
    r"[/:]([a-z]{2}(?:-[a-z]+)+-\d)[/:]"
)  # `bedrock/eu-west-1/...`, `arn:aws:bedrock:eu-west-1:...`
_OWN_HOST = re.compile(r"(^localhost$|\.(local|internal|intern|lan|home|corp|cluster|svc|localhost)$|^[^.]+$)")
_WANDERS = "dials {}, whatever the rest of the file says."


def check(config: Config, wanted: str | None) -> Iterator[Finding]:
    """Each deployment against the region `wanted` (a scope such as `eu`, a region, or `own-network`).

    Where none is asked for, only what LiteLLM fills in by itself is said, as a warning.
    """
    for deployment in config.deployments:
        if "region_name" in deployment.params and deployment.provider not in ("watsonx", "watsonx_text"):
            yield config.finding(
                "warning",
                "region-label",
                (*deployment.path, "litellm_params", "region_name"),
                "region_name is a label",
                "does not choose the endpoint by it.",
                ("aws_region_name", "vertex_location"),
            )
        if not deployment.model or deployment.provider in (None, "auto_router"):
            continue
        provider = str(deployment.provider)
        if wanted == OWN_NETWORK:
            yield from _own_network(config, deployment)
        elif provider.startswith("bedrock"):
            yield from _bedrock(config, deployment, wanted)
        elif provider.startswith("vertex_ai"):
            yield from _vertex(config, deployment, wanted)
        elif wanted is not None and provider.startswith("azure"):
            yield from _azure(config, deployment, wanted)
        elif wanted is not None:
            yield from _host(config, deployment, wanted)


def _bedrock(config: Config, deployment: Deployment, wanted: str | None) -> Iterator[Finding]:
    path: Path_ = (*deployment.path, "litellm_params", "aws_region_name")
    said = deployment.params.get("aws_region_name")
    region = config.resolved(said) or next(iter(_AWS_REGION.findall(deployment.model)), None)
    if said is None and region is None:
        severity: Severity = "error" if wanted else "warning"
        does = _WANDERS.format("us-west-2 unless AWS_REGION or an AWS profile says otherwise")
        yield config.finding(severity, "no-region", path, "aws_region_name is missing", does, ("aws_region_name",))
    elif wanted is not None and not isinstance(region, str):
        yield _unproven(config, path, f"{_name(said)} is not set here, so nobody knows the region")
    elif wanted is not None:
        scope = known("region_scopes").get(region, "unknown")
        if wanted not in (region, scope):
            yield _outside(config, path, f"{region} is in {scope}", str(region))
    if wanted is None:
        return
    name = deployment.model.rpartition("/")[2]
    profile, dot, _ = name.partition(".")
    scope = known("bedrock_profiles").get(profile) if dot else None
    model: Path_ = (*deployment.path, "litellm_params", "model")
    if scope is not None and scope != wanted:
        yield _outside(config, model, f"the profile `{profile}.` may process in {scope}", "any region of the profile")


def _vertex(config: Config, deployment: Deployment, wanted: str | None) -> Iterator[Finding]:
    path: Path_ = (*deployment.path, "litellm_params", "vertex_location")
    said = deployment.params.get("vertex_location", config.at("litellm_settings", "vertex_location"))
    location = config.resolved(said)
    if said is None:
        severity: Severity = "error" if wanted else "warning"
        does = _WANDERS.format("us-central1 unless VERTEXAI_LOCATION says otherwise")
        yield config.finding(severity, "no-region", path, "vertex_location is missing", does, ("vertex_location",))
    elif wanted is not None and not isinstance(location, str):
        yield _unproven(config, path, f"{_name(said)} is not set here, so nobody knows the location")
    elif wanted is not None and location != wanted:
        begins = max((b for b in SCOPE_OF_VERTEX if location.startswith(b)), key=len, default="")
        scope = SCOPE_OF_VERTEX.get(begins, "unknown")
        if scope != wanted:
            yield _outside(config, path, f"{location} is in {scope}", location)


def _azure(config: Config, deployment: Deployment, wanted: str) -> Iterator[Finding]:
    base = deployment.info.get("base_model") or deployment.params.get("base_model")
    path: Path_ = (*deployment.path, "model_info", "base_model")
    parts = (base if isinstance(base, str) else deployment.model).split("/")
    area = known("azure_areas").get(parts[1]) if len(parts) > 2 else None
    if area is None:
        message = f"an Azure deployment stays where its type says; name it as `base_model: azure/{wanted}/...`"
        yield _unproven(config, path, message)
    elif area != wanted:
        yield _outside(config, path, f"{base} is deployed for {area}", "the address given")


def _host(config: Config, deployment: Deployment, wanted: str) -> Iterator[Finding]:
    """A native endpoint, or a server of one's own, by the address that is dialled."""
    model: Path_ = (*deployment.path, "litellm_params", "model")
    path: Path_ = (*deployment.path, "litellm_params", "api_base")
    said = deployment.params.get("api_base")
    address = config.resolved(said)
    if isinstance(said, str) and said.startswith(REFERENCE) and address is None:
        severity: Severity = "warning" if deployment.provider in SELF_HOSTED else "error"
        yield config.finding(
            severity, "region-unproven", path, f"{_name(said)} is not set here, so nobody knows the host", _DIALS
        )
        return
    host = host_of(address) if isinstance(address, str) else None
    if host is not None and (is_own(host) or SCOPE_OF_HOST.get(host) == wanted):
        return
    if host is not None and (scope := SCOPE_OF_HOST.get(host)):
        yield _outside(config, path, f"{host} answers from {scope}", host)
    elif host is None and deployment.facts is not None and deployment.facts.scope == wanted:
        return
    elif host is None and deployment.facts is not None and deployment.facts.scope not in ("unknown", wanted):
        yield _outside(
            config, model, f"{deployment.facts.key} is processed in {deployment.facts.scope}", "its one host"
        )
    else:
        yield _unproven(
            config, path if host else model, f"nothing says that {deployment.provider} answers from {wanted}"
        )


def _own_network(config: Config, deployment: Deployment) -> Iterator[Finding]:
    path: Path_ = (*deployment.path, "litellm_params", "api_base")
    said = deployment.params.get("api_base")
    address = config.resolved(said)
    if isinstance(said, str) and said.startswith(REFERENCE) and address is None:
        yield config.finding(
            "warning", "region-unproven", path, f"{_name(said)} is not set here, so nobody knows the host", _DIALS
        )
    elif not isinstance(address, str):
        yield _outside(config, (*deployment.path, "litellm_params", "model"), "api_base is missing", "the provider")
    elif (host := host_of(address)) is None or not is_own(host):
        yield _outside(config, path, f"{host or 'the address'} is not in a network of one's own", "that host")


_DIALS = "dials whatever the variable holds."


def host_of(address: str) -> str | None:
    """The host of an address; `None` where there is none in it."""
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname
    except ValueError:
        return None


def is_own(host: str) -> bool:
    """Whether a host can only be in a network of one's own: a private address, or a name that is not public."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return _OWN_HOST.search(host) is not None


def _name(reference: object) -> str:
    return str(reference).removeprefix(REFERENCE)


def _outside(config: Config, path: Path_, message: str, dials: str) -> Finding:
    return config.finding("error", "outside-region", path, message, f"dials {dials}, and asks nobody.")


def _unproven(config: Config, path: Path_, message: str) -> Finding:
    return config.finding("error", "region-unproven", path, message, "dials the provider's usual host and asks nobody.")

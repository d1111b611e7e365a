"""The egress proof: whom each deployment would dial, and whether that is inside the region that is allowed.

The host is necessary, not sufficient: a Bedrock profile may hand a request on to other regions, and an Azure resource
does not say in its name where it is. So what a host cannot show is said to be not checked, with what the file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...catalog.bulk import known
from ..lint.config import Deployment
from ..lint.providers import SCOPE_OF_HOST, SCOPE_OF_VERTEX
from ..lint.residency import OWN_NETWORK, is_own
from .environment import UNSET_HOST
from .recorder import Wanted
from .router_file import RouterFile
from .verification import Check, Status

_AWS = re.compile(r"^[\w-]+\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$")
_VERTEX = re.compile(r"^(?:([a-z]+(?:-[a-z]+\d+)?)-)?aiplatform(?:\.([a-z]+)\.rep)?\.googleapis\.com$")
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".azure-api.net")


def region_of(host: str) -> tuple[str | None, str]:
    """The region that a host's own name tells, if any, and its scope (`eu`, `us`, `unknown`, `own-network`)."""
    if is_own(host):
        return None, OWN_NETWORK
    if found := _AWS.match(host):
        return found[1], known("region_scopes").get(found[1], "unknown")
    if found := _VERTEX.match(host):
        location = found[1] or found[2] or "global"
        begins = max((start for start in SCOPE_OF_VERTEX if location.startswith(start)), key=len, default="")
        return location, SCOPE_OF_VERTEX.get(begins, "unknown")
    return None, SCOPE_OF_HOST.get(host, "unknown")


def dialled(file: RouterFile, dials: Mapping[str, Mapping[str, Any]], wanted: Sequence[Wanted],
            residency: str | None) -> tuple[Check, ...]:  # fmt: skip
    """A check for each deployment. `dials` are the rehearsal's messages by id, `wanted` what the recorder noted."""
    checks = []
    for index, id in enumerate(file.ids):
        deployment = file.deployment(index)
        message = dials.get(id)
        expected = f"a host in {residency}" if residency else "a host that this machine could name"
        if message is None:
            checks.append(_check(deployment, id, "not_checked", expected, "it was not called", None))
            continue
        seconds = (message["ended_ns"] - message["began_ns"]) / 1e9
        during = [one for one in wanted if message["began_ns"] <= one.at_ns <= message["ended_ns"]]
        hosts = list(dict.fromkeys(one.host for one in during))
        status, seen = _judged(deployment, hosts, residency, str(message["error"]))
        checks.append(_check(deployment, id, status, expected, seen, seconds))
    return tuple(checks)


def _judged(deployment: Deployment, hosts: Sequence[str], residency: str | None, error: str) -> tuple[Status, str]:
    if not hosts:
        return "not_checked", f"it dialled nobody: {error}"
    told = f"dials {', '.join(hosts)}"
    if UNSET_HOST in hosts:
        return "not_checked", "the address is in a variable that is not set here, so nobody knows the host"
    if residency is None:
        return "passed", told
    judged = [_inside(deployment, host, residency) for host in hosts]
    worst: Status = next((s for s in ("failed", "not_checked") if any(s == j[0] for j in judged)), "passed")
    return worst, f"{told}: {'; '.join(dict.fromkeys(why for _, why in judged))}"


def _inside(deployment: Deployment, host: str, residency: str) -> tuple[Status, str]:
    region, scope = region_of(host)
    if residency == OWN_NETWORK:
        return ("passed", "in your own network") if scope == OWN_NETWORK else ("failed", "outside your own network")
    if host.endswith(_AZURE):
        base = deployment.info.get("base_model") or deployment.params.get("base_model")
        parts = str(base or "").split("/")
        area = known("azure_areas").get(parts[1]) if len(parts) > 2 else None
        if area is not None and area != residency:
            return "failed", f"base_model says that it is deployed for {area}"
        says = f"the file says {base}" if area else "and the file says nothing"
        return (
            "not_checked",
            f"an Azure host does not tell its region, {says}: look at the resource and its type",
        )
    if scope == OWN_NETWORK:
        return "not_checked", "a host of your own does not tell its region"
    if scope == "unknown":
        facts = deployment.facts
        if facts is not None and facts.scope == residency and "api_base" not in deployment.params:
            return "passed", f"the catalog has it processed in {facts.scope}"
        return "failed", f"nothing says that this host answers from {residency}"
    if residency not in (region, scope):
        return "failed", f"{region or host} is in {scope}"
    profile, dot, _ = deployment.model.rpartition("/")[2].partition(".")
    reach = known("bedrock_profiles").get(profile) if dot else None
    if reach is not None and reach != residency:
        return "failed", f"{region or host} is in {scope}, and its profile `{profile}.` may process in {reach}"
    return "passed", f"{region or host} is in {scope}"


def _check(deployment: Deployment, id: str, status: Status, expected: str, seen: str, seconds: float | None) -> Check:
    return Check(
        rung="egress",
        name=f"{id} ({deployment.model})",
        tier=deployment.group,
        status=status,
        expected=expected,
        seen=seen,
        seconds=seconds,
    )

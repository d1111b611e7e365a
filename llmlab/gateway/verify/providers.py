"""How a deployment is given dummies for its credentials, and how it is sent to a simulated endpoint."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...catalog import strict_yaml
from ...errors import LlmlabError
from ..lint.config import Deployment
from .environment import DUMMY

URL = "{url}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An entry of `providers.yaml`."""

    address: Mapping[str, str]
    credentials: Mapping[str, str]
    drop: tuple[str, ...]
    unspoken: tuple[str, ...]


@functools.cache
def _listed() -> Mapping[str, Access]:
    document = strict_yaml.read(Path(__file__).with_name("providers.yaml"), LlmlabError)
    found: dict[str, Access] = {}
    for entry in document.data["providers"]:
        access = Access(
            address=entry["address"],
            credentials=entry["credentials"],
            drop=tuple(entry.get("drop", ())),
            unspoken=tuple(entry.get("not", ())),
        )
        found |= dict.fromkeys(entry["prefixes"], access)
    return found


def why_not(deployment: Deployment) -> str | None:
    """Why a deployment cannot be sent to a simulator; `None` where it can."""
    access = _listed().get(deployment.provider or "")
    if access is None:
        return f"no simulator speaks for {deployment.provider or deployment.model!r}"
    if deployment.facts is not None and deployment.facts.task not in ("text", "chat"):
        return f"{deployment.model} is for {deployment.facts.task}, and only chat is drilled"
    if str(deployment.info.get("mode", "chat")) not in ("chat", "completion"):
        return f"{deployment.model} is for {deployment.info['mode']}, and only chat is drilled"
    if "*" in deployment.group or "*" in deployment.model:
        return f"{deployment.group} stands for any model, so there is none to ask"
    route = next((part for part in deployment.model.split("/")[1:-1] if part in access.unspoken), None)
    return f"the simulator does not speak {route}" if route else None


def with_dummies(deployment: Deployment, google: str) -> dict[str, Any]:
    """Its parameters with credentials that open nothing; what is no credential is as it was."""
    access = _listed().get(deployment.provider or "")
    parameters = dict(deployment.params)
    if access is None:
        return parameters | ({} if "api_key" in parameters else {"api_key": DUMMY})
    kept = {name: value for name, value in parameters.items() if name not in access.drop}
    return kept | {name: value.format(dummy=DUMMY, google=google) for name, value in access.credentials.items()}


def redirected(deployment: Deployment, google: str, url: str) -> dict[str, Any]:
    """Its parameters when the endpoint at `url` answers for its provider."""
    access = _listed()[deployment.provider or ""]
    model = deployment.model.rpartition("/")[2]
    places = {name: value.format(url=url, model=model) for name, value in access.address.items()}
    kept = {name: value for name, value in with_dummies(deployment, google).items() if name != "base_url"}
    return kept | places


def service_account(token_url: str) -> str:
    """The credentials of a Google service account that there is none of; its tokens come from `token_url`."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "llmlab",
            "private_key_id": "none",
            "private_key": key.decode(),
            "client_email": "nobody@llmlab.invalid",
            "token_uri": token_url,
        }
    )

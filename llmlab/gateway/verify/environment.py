"""What the processes of a verification are told of the outside: nothing but what they need, and no secret.

Their environment is not the user's with names taken out of it, but made from nothing. A variable that the config names
gets a dummy, unless it says where to dial (an address, a region): that is what the egress proof is about, so its value
is kept, without any user or password in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REFERENCE = "os.environ/"
DUMMY = "sk-llmlab-dummy"
UNSET_HOST = "not-set.invalid"  # what an address is whose variable is not set
# What an interpreter needs to start.
NEEDED = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "VIRTUAL_ENV")
_PLACE = re.compile(r"(^|_)(api_base|base_url|endpoint|host|region|region_name|location|api_version|deployment_id)$")
_ADDRESS = re.compile(r"(^|_)(api_base|base_url|endpoint)$")
_SECRET = re.compile(r"(key|secret|token|password|credential|signature|authorization|database_url|dsn|webhook_url)s?$")
_NO_SECRET = re.compile(r"(^|_)(max|min|per|cost|budget)(_|$)|tokens$")


def says_where(parameter: str) -> bool:
    """Whether a parameter of this name says where to dial."""
    return _PLACE.search(parameter) is not None


def is_secret(parameter: str) -> bool:
    """Whether a parameter of this name holds what nobody may see."""
    name = parameter.lower().replace("-", "_")
    return _SECRET.search(name) is not None and _NO_SECRET.search(name) is None


def references(value: Any, parameter: str = "") -> Iterator[tuple[str, str]]:
    """Every variable that a config names, with the parameter that it stands for."""
    if isinstance(value, str) and value.startswith(REFERENCE):
        yield value.removeprefix(REFERENCE), parameter
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from references(part, str(name))
    elif isinstance(value, list):
        for part in value:
            yield from references(part, parameter)


def child_environment(
    config: Mapping[str, Any], outside: Mapping[str, str], *, home: Path, proxy: str, spared: bool
) -> dict[str, str]:
    """The whole environment of a child. `outside` is where values are looked up that say where to dial; `proxy` refuses
    what is sent through it; `spared`: what is on loopback is dialled directly, as a twin's endpoints are."""
    here = str(Path(__file__).parents[3])
    made = {name: os.environ[name] for name in NEEDED if name in os.environ}
    made |= {
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": here,
        "PYTHONUTF8": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # importing LiteLLM asks the network otherwise
        "LITELLM_MODE": "PRODUCTION",  # and reads a .env that nobody named
        "AIOHTTP_TRUST_ENV": "True",  # LiteLLM's aiohttp heeds no proxy otherwise
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_GCE_CHECK": "true",
    }
    made |= {name: proxy for base in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (base, base.lower())}
    if spared:
        made |= {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    else:
        made["DISABLE_AIOHTTP_TRANSPORT"] = "True"  # httpx asks its proxy by name, and looks nothing up before
    for name, parameter in references(config):
        if name in made:
            continue
        if not says_where(parameter):
            made[name] = DUMMY
        elif value := outside.get(name, ""):
            made[name] = without_user(value)
        elif _ADDRESS.search(parameter):
            made[name] = f"https://{UNSET_HOST}"
    return made


def without_user(address: str) -> str:
    """An address with its scheme, host, port and path only; anything else as it is, unless it holds an `@`."""
    if "://" not in address:
        return address if "@" not in address else DUMMY
    parts = urlsplit(address)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return DUMMY
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"

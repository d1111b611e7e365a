"""The simulated endpoints that ship with llmlab, by name: as fast as a published prior says, in a provider's dialect.

What they say is made up and their times are drawn: whatever is measured of them is SIMULATED, and every screen, table
and file has to say so. `simulated.yaml` holds them.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass, field
from pathlib import Path

from ..catalog import load_catalog, schema, strict_yaml
from ..errors import LlmlabError, UnknownNameError
from ..simulator import (
    AnswerShape,
    DialectName,
    FaultScript,
    LatencyProfile,
    SimulatedEndpoint,
    profile_from_latency,
)

PREFIX = "simulated/"
WIRE_PREFIX = "sim-"  # LiteLLM reads meaning into slashes


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A shipped simulated endpoint.

    `name` is what people and records call it (`simulated/gpt-5`); `endpoint.name` is what is asked on the wire.
    `prices` are the catalog and the endpoint in it whose prices it borrows. `basis` says where its latency is from and
    what was assumed; `about` what is special about it.
    """

    name: str
    endpoint: SimulatedEndpoint
    dialect: DialectName
    prices: tuple[str, str]
    basis: str
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An endpoint as the file has it."""

    name: str
    about: str = ""
    dialect: DialectName
    catalog: str
    endpoint: str
    priced_as: str | None = None
    answer: AnswerShape
    ttft_s: float | None = None
    jitter: float = 0.2
    chunk_tokens: tuple[int, int] | None = None
    faults: FaultScript = field(default_factory=FaultScript)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    endpoints: tuple[_Entry, ...]


@functools.cache
def simulated_endpoints() -> tuple[Simulated, ...]:
    """All that ship, in the order in which they are listed."""
    document = strict_yaml.read(Path(__file__).with_name("simulated.yaml"), LlmlabError)
    return tuple(map(_simulated, schema.decode(_File, document.data, document, (), LlmlabError).endpoints))


def simulated_endpoint(name: str) -> Simulated:
    """The one of this name, with or without `simulated/` before it; `UnknownNameError` says the nearest."""
    known = {one.name: one for one in simulated_endpoints()}
    found = known.get(name) or known.get(f"{PREFIX}{name}")
    if found is None:
        raise UnknownNameError("simulated endpoint", name, known)
    return found


def _simulated(entry: _Entry) -> Simulated:
    profile = _profile(entry)
    return Simulated(
        name=f"{PREFIX}{entry.name}",
        endpoint=SimulatedEndpoint(
            name=f"{WIRE_PREFIX}{entry.name}", profile=profile, answer=entry.answer, faults=entry.faults
        ),
        dialect=entry.dialect,
        prices=(entry.catalog, entry.priced_as or entry.endpoint),
        basis=profile.basis,
        about=entry.about,
    )


def _profile(entry: _Entry) -> LatencyProfile:
    """The prior's own profile, with what the entry assumes beside it."""
    latency = load_catalog(entry.catalog).endpoint(entry.endpoint).latency
    if latency is None:
        raise LlmlabError(f"simulated.yaml: {entry.endpoint} has no latency in catalog {entry.catalog}")
    profile = profile_from_latency(latency, jitter=entry.jitter)
    assumed = [profile.basis]
    if entry.ttft_s is not None:
        assumed.append(f"TTFT {entry.ttft_s * 1000:.0f} ms, for {latency.ttft_is} {float(latency.ttft_s or 0):g} s")
        profile = dataclasses.replace(profile, ttft_s=entry.ttft_s)
    if entry.chunk_tokens is not None:
        assumed.append("{} to {} tokens a chunk".format(*entry.chunk_tokens))
        profile = dataclasses.replace(profile, chunk_tokens=entry.chunk_tokens)
    return dataclasses.replace(profile, basis=f"{entry.endpoint} in {entry.catalog}: {', '.join(assumed)}")

"""Providers on loopback: the real wire dialects, a known timing, faults on demand.

What is measured through LiteLLM or an SDK can only be trusted if the truth is known beside it. So one server, in a
process of its own, answers as OpenAI, Azure, Anthropic, Gemini and Bedrock do, on a schedule that a seed decides, and
keeps the times at which it really sent each chunk. It runs without a key, a network or a model.

    with Simulator([SimulatedEndpoint(name="fast")]) as simulator:
        simulator.script("fast", [Status(code=503), Status(code=503)])  # then fine
        client = openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="any")
        ...
        simulator.log()

In what they say and are asked, one word is one token.

An endpoint's `name` is what a request calls its model, in any dialect. With `/at/NAME` before a dialect's path the
address says which endpoint answers, whatever model is asked for: so several may stand for one model.

A call for a tool is answered when the request offers tools and either forces one (`tool_choice`) or ends with a user
message that says `call` and the tool's name.
"""

from .answer import AnswerShape
from .endpoint import SimulatedEndpoint
from .examples import base_url, curl
from .faults import (
    Billed,
    ContextOverflow,
    Cut,
    Entry,
    Fault,
    FaultScript,
    Hang,
    InBandError,
    Malformed,
    MissingFinish,
    MissingUsage,
    Packed,
    Refusal,
    Split,
    Stall,
    Status,
)
from .process import DialectName, Simulator, litellm_parameters
from .profile import Burst, LatencyProfile, RateLimit, Schedule, profile_from_latency
from .wirelog import LoggedChunk, LoggedRequest

__all__ = [
    "AnswerShape",
    "Billed",
    "Burst",
    "ContextOverflow",
    "Cut",
    "DialectName",
    "Entry",
    "Fault",
    "FaultScript",
    "Hang",
    "InBandError",
    "LatencyProfile",
    "LoggedChunk",
    "LoggedRequest",
    "Malformed",
    "MissingFinish",
    "MissingUsage",
    "Packed",
    "RateLimit",
    "Refusal",
    "Schedule",
    "SimulatedEndpoint",
    "Simulator",
    "Split",
    "Stall",
    "Status",
    "base_url",
    "curl",
    "litellm_parameters",
    "profile_from_latency",
]

"""How fast is it really? Streams measured where their bytes arrive, through LiteLLM and beside it.

    records = measure(["simulated/claude-sonnet", "simulated/claude-haiku"], runs=20)

A record holds every time that matters of one call; what went wrong is part of it. The processes that measure are
warmed once and kept; simulated endpoints need no key.
"""

from .events import MeasurementEvent, Preparing, Progress, Recorded
from .measure import DEFAULT_PROMPT, Run, finish, measure, measure_live, prepare
from .orders import Question, Timeouts
from .plan import Plan
from .records import Chunk, StreamRecord, Usage

__all__ = [
    "DEFAULT_PROMPT",
    "Chunk",
    "MeasurementEvent",
    "Plan",
    "Preparing",
    "Progress",
    "Question",
    "Recorded",
    "Run",
    "StreamRecord",
    "Timeouts",
    "Usage",
    "finish",
    "measure",
    "measure_live",
    "prepare",
]

"""One simulated endpoint: what it is called, how fast it is, what it says, what goes wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ..errors import LlmlabError
from .answer import AnswerShape
from .faults import FaultScript
from .profile import LatencyProfile, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedEndpoint:
    """Answers every request whose model is `name`, in whichever dialect it is asked.

    `schedule` fixes the times of all answers, for tests that work them out by hand; otherwise `profile` and the seed
    draw them. A prompt over `context_tokens` is refused as too long.
    """

    name: str
    profile: LatencyProfile = field(default_factory=LatencyProfile)
    answer: AnswerShape = field(default_factory=AnswerShape)
    schedule: Schedule | None = None
    context_tokens: int | None = None
    faults: FaultScript = field(default_factory=FaultScript)

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise LlmlabError(f"an endpoint's name is what requests call its model, not {self.name!r}")

    def times(self, output_tokens: int, input_tokens: int, draw: random.Random) -> Schedule:
        """When the tokens of one answer are sent."""
        if self.schedule is not None:
            return self.schedule.fitted(output_tokens)
        return self.profile.schedule(output_tokens, input_tokens, draw)

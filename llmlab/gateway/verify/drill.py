"""What a drill is: a fault, some requests, and what must then be seen on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ...simulator import FaultScript, LoggedRequest
from .asking import Reply
from .router_file import RouterFile
from .verification import Status

# Drills of one phase run at the same time. `first` warms the proxy up; in `hangs` time counts; `no_redis` has its Redis
# taken away; `budgets` and `provider_budgets` spend what others of the same provider would need.
Phase = Literal["first", "main", "hangs", "no_redis", "budgets", "provider_budgets"]
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request of a drill: how many words its prompt has, and what else its body holds."""

    stream: bool = False
    words: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that reached a simulated endpoint: which deployment it stood for, and which question it served."""

    deployment: int
    wave: int
    question: int
    logged: LoggedRequest

    @property
    def held_s(self) -> float:
        """How long the caller was held, from when the request was read until it ended."""
        ended, read = self.logged.ended_ns, self.logged.read_ns
        return (ended - read) / 1e9 if ended is not None and read is not None else 0.0

    @property
    def outcome(self) -> str:
        """How it ended, in a word or two."""
        if self.logged.fault == "hang":
            return "hangs"
        if self.logged.status == 200:
            return {"cut": "cut", "refusal": "refuses"}.get(self.logged.fault or "", "200")
        return str(self.logged.status or "left unanswered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a drill: the replies of each wave, and every call on the wire in the order of arrival. `lag_s` is
    how long the proxy took at most for a sign of life meanwhile."""

    file: RouterFile
    replies: tuple[tuple[Reply, ...], ...]
    calls: tuple[Call, ...]
    time_scale: float
    lag_s: float = 0.0

    def of(self, wave: int, question: int = 0) -> tuple[Call, ...]:
        """The calls that one question caused."""
        return tuple(call for call in self.calls if (call.wave, call.question) == (wave, question))

    def waited_s(self, reply: Reply, calls: Iterable[Call]) -> float:
        """What the caller waited, with the hangs as long as the file has them: the rest of the time is not scaled."""
        hangs = sum(call.held_s for call in calls if call.logged.fault == "hang")
        return reply.seconds + hangs * (1 / self.time_scale - 1)

    def told(self, calls: Iterable[Call]) -> str:
        """Calls in words: `smart-bedrock-eu 503, backup-azure-eu 200`."""
        words: list[list[Any]] = []
        for call in calls:
            one = [self.file.ids[call.deployment], call.outcome]
            if words and words[-1][:2] == one:
                words[-1][2] += 1
            else:
                words.append([*one, 1])
        told = (f"{id} {outcome}{f' x {count}' if count > 1 else ''}" for id, outcome, count in words)
        return ", ".join(told) or "nobody was called"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a drill came to. `seconds` is what a caller waited, where that is the point."""

    status: Status
    seen: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill of one group. Each wave of questions is asked at once, `pause_s` after the one before. `faults` are by
    deployment; `own_names`: the file's own groups are asked, no copy of them."""

    name: str
    group: str
    expected: str
    judge: Callable[[Seen], Verdict]
    waves: tuple[tuple[Question, ...], ...] = ((Question(),),)
    faults: Mapping[int, FaultScript] = field(default_factory=dict)
    phase: Phase = "main"
    pause_s: float = 0.5
    scaled_windows: bool = False
    own_names: bool = False

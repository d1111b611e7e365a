"""One attempt while it lasts: what the library has handed over, and what the wire has shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from .paths import Delta, Told
from .records import Chunk, Kind
from .wire import Recorder


@dataclass(slots=True)
class Try:
    """`felt` is what the library handed over and when (`time.monotonic_ns()`); `problem` is what it raised."""

    recorder: Recorder
    called_ns: int
    messages: list[dict[str, str]]
    ended_ns: int = 0
    felt: list[tuple[int, Delta]] = field(default_factory=list)
    told: Told | None = None
    problem: BaseException | None = None

    def text(self, *kinds: Kind) -> str:
        return "".join(delta.text for _, delta in self.felt if delta.kind in kinds)

    def chunks(self) -> tuple[Chunk, ...]:
        """As the library handed them over."""
        return tuple(Chunk(at_ns, delta.kind, len(delta.text)) for at_ns, delta in self.felt)

"""What a benchmark returns and how it is shown: medians with their spread, and the ratio that is judged."""

from __future__ import annotations

import importlib.metadata
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

PACKAGES = (
    "llmlab",
    "litellm",
    "genai-prices",
    "numpy",
    "jupyterlab",
    "ipykernel",
    "ipywidgets",
    "anywidget",
    "plotly",
)
SMALLER_FIRST: Mapping[str, tuple[tuple[float, str], ...]] = {
    "s": ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")),
    "B": ((1.0, "B"), (1e3, "kB"), (1e6, "MB")),
}


class Skipped(Exception):  # noqa: N818  nothing went wrong
    """A benchmark, or a peer in it, that cannot be run here, and why."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """The median of `n` measurements, in seconds or bytes, and the quartiles around it."""

    median: float
    low: float
    high: float
    n: int
    unit: Literal["s", "B"] = "s"

    def __str__(self) -> str:
        size, name = next(
            (s for s in reversed(SMALLER_FIRST[self.unit]) if self.median >= s[0]), SMALLER_FIRST[self.unit][0]
        )
        if self.low == self.high:
            return f"{self.median / size:.3g} {name}"
        return f"{self.median / size:.3g} {name} ({self.low / size:.3g} to {self.high / size:.3g})"


def measure(values: Sequence[float], *, unit: Literal["s", "B"] = "s", times: float = 1.0) -> Measure:
    """The median and quartiles of `values`, each multiplied by `times`."""
    scaled = sorted(value * times for value in values)
    low, median, high = statistics.quantiles(scaled, n=4) if len(scaled) > 1 else (scaled[0],) * 3
    return Measure(median=median, low=low, high=high, n=len(scaled), unit=unit)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `limit` is the most that ours / theirs may be; `wanted` is what is hoped of ours alone."""

    job: str
    ours: Measure
    peer: str = ""
    theirs: Measure | None = None
    limit: float | None = None
    wanted: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours / theirs: below 1 is faster or smaller."""
        return self.ours.median / self.theirs.median if self.theirs else None

    @property
    def verdict(self) -> str:
        """Of the ratio only. Of an absolute time it is said whether it was as wanted; that depends on the machine."""
        if self.limit is not None and self.ratio is not None:
            return "ok" if self.ratio <= self.limit else "MISSED"
        if self.wanted is not None:
            return "as wanted" if self.ours.median < self.wanted else "not as wanted (not judged)"
        return ""


def in_turn(jobs: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each job in each round, all jobs once a round, the first in turn another."""
    names = list(jobs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            jobs[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def as_fraction(ratio: float) -> str:
    """0.0004 as 1/2,500: how often it fits."""
    return f"{ratio:.2f}" if ratio > 0.1 else f"1/{1 / ratio:,.0f}"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [("job", "ours", "peer", "peer's", "ours/peer", "limit", "n", "verdict")]
    for row in rows:
        wanted = str(measure([row.wanted], unit=row.ours.unit)) if row.wanted else ""
        ratio = "" if row.ratio is None else as_fraction(row.ratio)
        limit = as_fraction(row.limit) if row.limit is not None else f"want {wanted}" if wanted else ""
        n = f"{row.ours.n}" + (f", {row.theirs.n}" if row.theirs and row.theirs.n != row.ours.n else "")
        lines.append((row.job, str(row.ours), row.peer, str(row.theirs or ""), ratio, limit, n, row.verdict))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    notes = [f"  {row.job}: {row.note}" for row in rows if row.note]
    return "\n".join([text[0], "  ".join("-" * width for width in widths), *text[1:], *notes])


def versions() -> dict[str, str]:
    """What was measured, of what is installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found

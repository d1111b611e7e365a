"""A recommendation as the minutes of a design review: who fell and why, the set, what would change it, what to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..cost.speed import Speed
from ..routing.constraints import TIERS
from ..routing.recommendation import Recommendation
from ..routing.words import listed, seconds
from .money import usd
from .tables import TextTable


def to_text(name: str, found: Recommendation) -> str:
    """All of it as lines for a terminal; without a set, what conflicts and the least to give up. `name` is the
    scenario's."""
    w = found.workload
    head = (
        f"{name}: {w.requests:,} requests per {w.period}, {w.input_tokens:,} in x {w.output_tokens:,} out; "
        f"catalog {found.catalog.name} as it is on {found.as_of}\n"
    )
    parts = [head, _lines(_walk(found))]
    if found.conflict is None:
        parts += [_tiers(found), _lines(_consequences(found))]
        parts += _bullets("What would change it", [change.words for change in found.changes])
        parts += _bullets("To know before signing", [caution.words for caution in found.warnings])
    else:
        parts.append(f"There is no set: {found.conflict.words}.\n")
        if found.conflict.nearest is not None:
            parts.append(f"The least to give up: {found.conflict.nearest.words}.\n")
    return "\n".join(parts)


def _walk(found: Recommendation) -> Iterator[str]:
    """The questions that asked something, and how many fell at each."""
    yield f"{len(found.walk.standings):5}  endpoints"
    for step in found.walk.steps:
        if step.asked:
            unknown = f" (nobody says of {step.unknown})" if step.unknown else ""
            yield f"{-step.fell:5}  {step.ask} {listed(step.answers)}{unknown}"
    last = found.walk.steps[-1]
    yield f"{last.left:5}  left: {listed(f'{last.left_for[tier]} for {tier}' for tier in TIERS)}"


def _tiers(found: Recommendation) -> str:
    columns = ("tier", "endpoint", "requests", "per request", f"per {found.workload.period}", "first token")
    rows = tuple(
        (
            tier,
            choice.endpoint.id,
            f"{choice.share:.0%}",
            usd(choice.usd_per_request),
            usd(choice.usd_per_period),
            _first(choice.latency),
        )
        for tier, choice in found.tiers.items()
    )
    return TextTable(columns, rows, frozenset(columns[2:])).to_text()


def _first(latency: Speed) -> str:
    if latency.ttft_s is None:
        return "unknown"
    return f"{seconds(latency.ttft_s)}{', SIMULATED' if latency.kind == 'simulated' else ''}"


def _consequences(found: Recommendation) -> Iterator[str]:
    yield f"{usd(found.usd_per_period)} per {found.workload.period}, {usd(found.usd_per_request)} per request."
    follows = "; ".join(f"{tier} to {listed(targets)}" for tier, targets in found.fallbacks.items() if targets)
    waits = "" if found.worst_case_s is None else f" A caller waits at most {found.worst_case_s:g} s."
    yield f"On an outage: {follows or 'nothing follows'}.{waits}"
    if found.runner_up is not None:
        yield f"The next-best set {found.runner_up.words}."


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _bullets(title: str, lines: Sequence[str]) -> list[str]:
    return ["".join([f"{title}:\n", *(f"- {line}\n" for line in lines)])] if lines else []

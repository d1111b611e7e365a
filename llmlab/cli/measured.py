"""What `llmlab measure` says: a plan or records in, text out."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence

from ..measurement import Plan, StreamRecord
from ..measurement.calibration import Calibration
from ..measurement.providers import available
from ..measurement.simulated import simulated_endpoints
from ..measurement.statistics import Quantile, Quantiles
from ..measurement.summary import Slo, Summary, summarise
from ..report import TextTable, usd

FIGURES = {"TTFT": "ttft_ms", "TTFO": "ttfo_ms", "ITL": "itl_ms", "end to end": "e2e_ms"}
FROM_SCHEDULE = {"TTFT from its due time": "from_schedule_ms"}
SIMULATED = "SIMULATED: a simulator on this machine answered; nobody's servers were measured."
MESSAGE_CHARACTERS = 160


def offered() -> str:
    """What can be measured from here: names only, of simulated endpoints and of providers whose keys are set."""
    simulated = "".join(f"  {one.name}\n" for one in simulated_endpoints())
    found = "".join(f"  {provider.prefix}/...  ({provider.name})\n" for provider in available(os.environ))
    none = "  none; for one, set its key in the environment (ANTHROPIC_API_KEY)\n"
    return (
        f"SIMULATED, no key is needed:\n{simulated}"
        f"Providers whose keys are set:\n{found or none}"
        "Any OpenAI-compatible server: --api-base http://localhost:8000/v1\n"
    )


def cost(plan: Plan) -> str:
    """The most that the calls of real endpoints can cost, before they are made; empty where there are none."""
    real = {lane.name for lane in plan.lanes if not lane.simulated and not lane.free}
    if not real:
        return ""
    calls = tuple(call for call in plan.calls if call.lane in real)
    most = dataclasses.replace(plan, calls=calls).most_usd
    costs = "no price is known" if most is None else f"at most {usd(most)}"
    limit = "there is no budget" if plan.budget_usd is None else f"the budget is {usd(plan.budget_usd)} (--budget)"
    return f"{_count(len(calls))} of {', '.join(sorted(real))}: {costs}; {limit}"


def kept_back(plan: Plan, records: Sequence[StreamRecord]) -> str:
    """Which calls were not made, and why; empty where all were."""
    why = Counter(r.error.message for r in records if r.status == "not_sent" and r.error is not None)
    never = sum(not call.warm_up for call in plan.calls) - len(records)
    said = [f"{_count(count)} not sent: {message}" for message, count in why.items()]
    if never:
        said.append(f"{_count(never)} not made: the run ended at its deadline of {plan.deadline_s:g} s")
    return "\n".join(said)


def no_success(records: Sequence[StreamRecord]) -> str:
    """Why a run came to nothing, in a line."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(map(_kind, records)).most_common())
    first = next((record.error.message for record in records if record.error is not None), "no call was made")
    return f"no call succeeded ({kinds or 'none was made'}): {first[:MESSAGE_CHARACTERS]}"


def tables(plan: Plan, records: Sequence[StreamRecord], slo: Slo, calibration: Calibration | None) -> str:
    """The percentiles of each endpoint, how its calls went, and how far off the instrument is."""
    found = summarise(records, slo=slo if slo.bounds else None)
    is_open = any(call.at_s is not None for call in plan.calls)
    parts = [_head(plan, found)]
    if found:
        parts += [_percentiles(found, FIGURES | FROM_SCHEDULE if is_open else FIGURES), _calls(found)]
    if any(record.failed and not record.warm_up for record in records):
        parts.append(_failures(records))
    parts.append(_error(calibration))
    return "\n".join(parts)


def _head(plan: Plan, found: Sequence[Summary]) -> str:
    made = sum(summary.issued for summary in found)
    warm = sum(summary.warm_ups for summary in found)
    words = _count(made) + (f", after {warm:,} to warm up" if warm else "")
    words += f"; at most {plan.streams:,} at once; run {plan.run}\n"
    return words + (f"{SIMULATED}\n" if any(summary.simulated for summary in found) else "")


def _percentiles(found: Sequence[Summary], figures: dict[str, str]) -> str:
    columns = ("endpoint", "milliseconds", "n", "p50", "95 % interval", "p90", "p95", "p99")
    rows = []
    for summary in found:
        for place, (name, field) in enumerate(figures.items()):
            quantiles: Quantiles = getattr(summary, field)
            digits = 2 if field == "itl_ms" else 1
            rows.append(
                (
                    "" if place else _name(summary),
                    name,
                    str(quantiles.n),
                    _number(quantiles.p50.value, digits),
                    _interval(quantiles.p50, digits),
                    *(_tail(getattr(quantiles, q), digits) for q in ("p90", "p95", "p99")),
                )
            )
    return TextTable(columns, tuple(rows), frozenset(columns[2:])).to_text()


def _calls(found: Sequence[Summary]) -> str:
    goodput = ("goodput",) if any(summary.goodput for summary in found) else ()
    columns = ("endpoint", "ok", "decode tokens/s", "per call", "in all", "billed/visible", "library ms", *goodput)
    rows = tuple(
        (
            _name(summary),
            f"{summary.ok} of {summary.issued}",
            _number(summary.decode_tokens_per_s.p50.value, 1),
            usd(summary.median_usd),
            usd(summary.total_usd),
            _number(summary.billed_to_visible, 1, "x"),
            _number(summary.library_overhead_ms, 1),
            *([_goodput(summary)] if goodput else []),
            "; ".join(_notes(summary)),
        )
        for summary in found
    )
    return TextTable((*columns, ""), rows, frozenset(columns[1:])).to_text()


def _failures(records: Sequence[StreamRecord]) -> str:
    counted = [record for record in records if record.failed and not record.warm_up]
    kinds = Counter((record.endpoint, _kind(record)) for record in counted)
    said = {(r.endpoint, _kind(r)): r.error.message for r in reversed(counted) if r.error is not None}
    rows = tuple(
        (endpoint, kind, str(count), " ".join(said.get((endpoint, kind), "").split())[:MESSAGE_CHARACTERS])
        for (endpoint, kind), count in kinds.items()
    )
    return TextTable(("endpoint", "failed", "calls", "the first said"), rows, frozenset({"calls"})).to_text()


def _kind(record: StreamRecord) -> str:
    """How a call failed, in a word."""
    return record.error.kind if record.status == "error" and record.error is not None else record.status.upper()


def _name(summary: Summary) -> str:
    return f"{summary.endpoint}, SIMULATED" if summary.simulated else summary.endpoint


def _notes(summary: Summary) -> list[str]:
    notes = [] if summary.lane.path == "litellm" else [f"by {summary.lane.path}"]
    notes += ["chunk-timed"] if "chunk" in summary.clocks else []
    notes += [f"{summary.late} read late"] if summary.late else []
    notes += [f"tokens by {source}" for source in summary.usage_sources if source != "provider"]
    return notes + list(summary.unpriced)


def _goodput(summary: Summary) -> str:
    share = summary.goodput
    if share is None or share.value is None or share.low is None or share.high is None:
        return "unknown"
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"


def _interval(quantile: Quantile, digits: int) -> str:
    if quantile.low is None or quantile.high is None:
        return f"n < {quantile.needed}"
    return f"{quantile.low:,.{digits}f} to {quantile.high:,.{digits}f}"


def _tail(quantile: Quantile, digits: int) -> str:
    """A percentile of the tail; of too few calls, how many it takes."""
    return _number(quantile.value, digits) if quantile.enough else f"n < {quantile.needed}"


def _count(calls: int) -> str:
    return f"{calls:,} call{'' if calls == 1 else 's'}"


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "unknown" if value is None else f"{value:,.{digits}f}{unit}"


def _error(calibration: Calibration | None) -> str:
    if calibration is None:
        return "The instrument's own error was not measured.\n"
    return f"{calibration}\n"

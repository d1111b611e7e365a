"""What the Playground's lanes, tables and texts say: records and the live board in, formatted payloads out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ..measurement import Plan, StreamRecord
from ..measurement.calibration import Calibration
from ..measurement.definitions import definitions
from ..measurement.providers import provider_of
from ..measurement.records import Phase, Status
from ..measurement.statistics import Quantile, Quantiles
from ..measurement.summary import Comparison, Slo, Summary, compare, summarise
from ..report import usd
from .lanes import Lane, Lanes
from .playground_board import PHASES, Board, BoardLane
from .views import Badge, Bullets, Cell, Column, Note, Row, Segment, Series, Table, Text, Tone

SIMULATED = Badge("SIMULATED", "A simulator on this machine answered: nobody's servers were measured.", "warn")
SERIES = tuple(Series(phase, phase) for phase in PHASES)
DOING: dict[Phase, str] = {
    "queue": "waiting its turn",
    "connect": "connecting",
    "wait": "waiting for the first token",
    "think": "thinking",
    "answer": "answering",
    "tail": "finishing",
}
ENDED: dict[Status, tuple[str, Tone]] = {
    "ok": ("done", "good"),
    "truncated": ("TRUNCATED", "bad"),
    "malformed": ("unreadable", "bad"),
    "refused": ("refused", "warn"),
    "error": ("failed", "bad"),
    "connect_timeout": ("no connection in time", "bad"),
    "first_token_timeout": ("no token in time", "bad"),
    "stall_timeout": ("stalled", "bad"),
    "total_timeout": ("out of time", "bad"),
    "cancelled": ("cancelled", "quiet"),
    "not_sent": ("not sent", "quiet"),
}
LEAST_SCALE_MS = 500.0
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0)


# --- Lanes


def lanes(board: Board) -> Lanes:
    """Every lane, on one time scale that only grows in steps."""
    longest = max((sum(lane.spans_ms.values()) for lane in board.lanes.values()), default=0.0)
    return Lanes(
        tuple(_lane(lane) for lane in board.lanes.values()),
        SERIES,
        scale_ms=_scale(longest),
        empty=board.preparing or "Choose what to measure, then press Run.",
    )


def _lane(lane: BoardLane) -> Lane:
    state, tone = _state(lane)
    return Lane(
        key=lane.name,
        label=lane.name,
        badges=(SIMULATED,) if lane.simulated else (),
        state=state,
        tone=tone,
        reasoning=lane.reasoning,
        text=lane.text,
        parts=tuple(
            Segment(phase, span, ms(span), f"{DOING[phase]}: {ms(span)}") for phase, span in lane.spans_ms.items()
        ),
        facts=_facts(lane.record) if lane.record is not None else (),
        error=_why(lane.record) if lane.record is not None else "",
    )


def _state(lane: BoardLane) -> tuple[str, Tone]:
    of = f", call {min(lane.done + (lane.record is None), lane.calls)} of {lane.calls}" if lane.calls > 1 else ""
    if lane.record is not None:
        words, tone = ENDED[lane.record.status]
        warm = ", a warm-up" if lane.record.warm_up else ""
        return f"{words}{warm}{of}", tone
    if lane.live is None:
        return "not started", "quiet"
    if lane.lost:
        return f"broken off{of}", "bad"
    if lane.live.wait_s is not None:
        return (
            f"{lane.live.why.replace('_', ' ')}: waits {lane.live.wait_s:g} s for attempt {lane.live.attempt + 1}",
            "warn",
        )
    again = f", attempt {lane.live.attempt}" if lane.live.attempt > 1 else ""
    return f"{DOING[lane.live.phase]}{again}{of}", ""


def _facts(record: StreamRecord) -> tuple[Cell | str, ...]:
    said = definitions()
    facts: list[Cell | str] = []
    if record.ttft_ms is not None:
        facts.append(Cell(f"TTFT {ms(record.ttft_ms)}", said["ttft_ms"].definition))
    if record.think_ms:
        facts.append(Cell(f"first answer {ms(record.ttfo_ms)}", said["ttfo_ms"].definition))
    if record.decode_tokens_per_s is not None:
        facts.append(Cell(f"{record.decode_tokens_per_s:,.0f} tokens/s", said["decode_tokens_per_s"].definition))
    if record.usage is not None:
        source = "" if record.usage_source == "provider" else f" ({record.usage_source})"
        facts.append(Cell(f"{record.usage.output:,} tokens{source}", said["usage_source"].definition))
    if record.billed_to_visible is not None and record.billed_to_visible > 1.05:
        facts.append(Cell(f"{record.billed_to_visible:.1f}x billed", said["billed_to_visible"].definition))
    if record.usage is not None and record.usage.cache_read:
        facts.append(f"{record.usage.cache_read:,} cached")
    facts.append(Cell(usd(record.usd), record.unpriced or "From the tokens it used, at the catalog's price."))
    if record.clock == "chunk":
        facts.append(Cell("chunk-timed", said["clock"].definition))
    if record.late:
        facts.append(Cell("read late", "The measuring process was busy: these times may be later than the truth."))
    return tuple(facts)


def _why(record: StreamRecord) -> str:
    return record.error.message if record.error is not None else ""


def _scale(longest_ms: float) -> float:
    """The next round length: a bar that fills must not shrink with every frame."""
    wanted = max(longest_ms * 1.05, LEAST_SCALE_MS)
    decade = 10.0 ** math.floor(math.log10(wanted))
    return next(step * decade for step in _STEPS if step * decade >= wanted)


# --- Tables

_COLUMNS = (
    Column("endpoint", "Endpoint"),
    Column("ok", "ok / calls", help="Calls that succeeded, of those issued; warm-ups apart", numeric=True),
    Column("ttft", "TTFT p50", unit="ms", help="To the first token of anything, with its 95 % interval", numeric=True),
    Column("ttfo", "TTFO p50", unit="ms", help="To the first token of the answer", numeric=True),
    Column("ttfo_p90", "p90", unit="ms", help="Of TTFO", numeric=True),
    Column("ttfo_p95", "p95", unit="ms", help="Of TTFO", numeric=True),
    Column("ttfo_p99", "p99", unit="ms", help="Of TTFO", numeric=True),
    Column("itl", "ITL p50", unit="ms", help="From token to token, by the provider's own count", numeric=True),
    Column("decode", "Decode", unit="tokens/s", help="1 / ITL", numeric=True),
    Column("e2e", "End to end p50", unit="ms", help="To the last token", numeric=True),
    Column("felt", "Felt p50", unit="ms", help="From the application's call to its first delta", numeric=True),
    Column("library", "Library", unit="ms", help="What the library added, median", numeric=True),
    Column("usd", "Per call", help="Median cost of a call", numeric=True),
    Column("billed", "Billed / visible", help="Output tokens billed for each one seen", numeric=True),
    Column("goodput", "Goodput", help="Share of all calls within the service level, with its interval", numeric=True),
)
_FIGURES = {
    "ttft": "ttft_ms", "ttfo": "ttfo_ms", "itl": "itl_ms", "e2e": "e2e_ms", "felt": "felt_ttft_ms",
    "decode": "decode_tokens_per_s",
}  # fmt: skip


def percentiles(
    records: Sequence[StreamRecord],
    slo: Slo,
    sort: tuple[str, bool],
    calibration: Calibration | None,
    made_again: int = 0,
) -> Table:
    """A row per endpoint. A percentile of too few calls says how many it needs; `made_again` are not in `records`."""
    found = list(summarise(records, slo=slo if slo.bounds else None))
    key, descending = sort
    if key:
        found.sort(key=lambda summary: _sort_key(summary, key, descending=descending))
    rows = tuple(Row(summary.endpoint, _cells(summary)) for summary in found)
    again = f" {made_again:,} failed calls were made again, and are left out." if made_again else ""
    return Table(_COLUMNS, rows, caption=error_said(calibration) + again, empty="Nothing is measured yet.")


def _sort_key(summary: Summary, key: str, *, descending: bool) -> tuple[bool, float | str]:
    """Unknown last, either way."""
    if key == "endpoint":
        return (False, summary.endpoint)
    value = _value(summary, key)
    return (value is None, 0.0 if value is None else -value if descending else value)


def _value(summary: Summary, key: str) -> float | None:
    if key in _FIGURES:
        quantiles: Quantiles = getattr(summary, _FIGURES[key])
        return quantiles.p50.value
    if key.startswith("ttfo_"):
        found: Quantile = getattr(summary.ttfo_ms, key.removeprefix("ttfo_"))
        return found.value
    return {
        "ok": float(summary.ok),
        "library": summary.library_overhead_ms,
        "usd": None if summary.median_usd is None else float(summary.median_usd),
        "billed": summary.billed_to_visible,
        "goodput": summary.goodput.value if summary.goodput else None,
    }[key]


def _cells(summary: Summary) -> tuple[Cell | str, ...]:
    badges: tuple[Badge, ...] = (SIMULATED,) if summary.simulated else ()
    if summary.lane.path != "litellm":
        badges += (Badge(f"by {summary.lane.path}", "Asked through this library instead of LiteLLM."),)
    if "chunk" in summary.clocks:
        badges += (Badge("chunk-timed", definitions()["clock"].definition, "warn"),)
    if summary.late:
        badges += (Badge(f"{summary.late} read late", "The measuring process was busy during these calls.", "warn"),)
    if any(source != "provider" for source in summary.usage_sources):
        estimated = ", ".join(source for source in summary.usage_sources if source != "provider")
        badges += (Badge(f"tokens {estimated}", definitions()["usage_source"].definition, "warn"),)
    failures = ", ".join(f"{count} {ENDED[status][0]}" for status, count in summary.failures)
    return (
        Cell(summary.endpoint, summary.model, badges),
        Cell(f"{summary.ok} / {summary.issued}", failures or "none failed"),
        *(_quantile(getattr(summary, _FIGURES[key]).p50) for key in ("ttft", "ttfo")),
        *(_quantile(getattr(summary.ttfo_ms, name)) for name in ("p90", "p95", "p99")),
        _quantile(summary.itl_ms.p50, 2),
        _quantile(summary.decode_tokens_per_s.p50),
        _quantile(summary.e2e_ms.p50),
        _quantile(summary.felt_ttft_ms.p50),
        _number(summary.library_overhead_ms, 1),
        Cell(usd(summary.median_usd), "; ".join(summary.unpriced)),
        _number(summary.billed_to_visible, 1, "x"),
        _goodput(summary),
    )


def _quantile(found: Quantile, digits: int = 0) -> Cell:
    if found.value is None:
        return Cell("unknown", "No call that succeeded has this figure.", muted=True)
    text = f"{found.value:,.{digits}f}"
    if found.low is None or found.high is None:
        words = f"n = {found.n} is too small to say how sure that is: it takes {found.needed}."
        if found.q == 0.5:
            return Cell(f"{text} (n {found.n} < {found.needed})", words)
        return Cell(f"n {found.n} < {found.needed}", f"{words} In this sample: {text}.", muted=True)
    return Cell(f"{text} ({found.low:,.{digits}f} to {found.high:,.{digits}f})", f"95 % interval, n = {found.n}")


def _number(value: float | None, digits: int, unit: str = "") -> Cell:
    return Cell("unknown", muted=True) if value is None else Cell(f"{value:,.{digits}f}{unit}")


def _goodput(summary: Summary) -> Cell:
    share = summary.goodput
    if share is None or share.value is None or share.low is None or share.high is None:
        return Cell("no level set", muted=True) if share is None else Cell("unknown", muted=True)
    words = f"95 % interval (Wilson), {share.successes} of {share.n} calls"
    return Cell(f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})", words)


def calls(records: Sequence[StreamRecord], limit: int) -> Table:
    """The last calls, newest first."""
    columns = (
        Column("number", "#", numeric=True, sortable=False),
        Column("endpoint", "Endpoint", sortable=False),
        Column("status", "Ended", sortable=False),
        Column("ttft", "TTFT", unit="ms", numeric=True, sortable=False),
        Column("ttfo", "TTFO", unit="ms", numeric=True, sortable=False),
        Column("e2e", "End to end", unit="ms", numeric=True, sortable=False),
        Column("gap", "Longest gap", unit="ms", numeric=True, sortable=False),
        Column("tokens", "Tokens", numeric=True, sortable=False),
        Column("usd", "Cost", numeric=True, sortable=False),
        Column("why", "What went wrong", sortable=False),
    )
    rows = tuple(Row(call_key(record), _call_cells(record)) for record in reversed(records[-limit:]))
    return Table(columns, rows, total_rows=len(records), empty="Nothing is measured yet.")


def call_key(record: StreamRecord) -> str:
    """What tells one call from all others, also of other runs."""
    return f"{record.run}/{record.number}"


def _call_cells(record: StreamRecord) -> tuple[Cell | str, ...]:
    words, tone = ENDED[record.status]
    badges: tuple[Badge, ...] = (SIMULATED,) if record.simulated else ()
    if record.warm_up:
        badges += (Badge("warm-up", "Told apart: it opens connections for the others."),)
    tries = [f"attempt {i}: {_attempt(a.status, a.waited_s)}" for i, a in enumerate(record.attempts, 1)]
    usage = record.usage
    return (
        str(record.number),
        Cell(record.endpoint, record.model, badges),
        Cell("", badges=(Badge(words, _why(record), tone),)) if tone == "bad" else words,
        _number(record.ttft_ms, 1),
        _number(record.ttfo_ms, 1),
        _number(record.e2e_ms, 0),
        _number(record.longest_gap_ms, 0),
        Cell("unknown", muted=True) if usage is None else Cell(f"{usage.output:,}", f"by {record.usage_source}"),
        Cell(usd(record.usd), record.unpriced),
        "; ".join(filter(None, [*tries, _why(record)])),
    )


def _attempt(status: Status, waited_s: float) -> str:
    return f"{ENDED[status][0]}, then waited {waited_s:g} s"


# --- Texts


def before(plan: Plan, environ: Mapping[str, str]) -> Text:
    """What a run would do and cost, and which variables of `environ` it lacks, before it starts."""
    timed = sum(not call.warm_up for call in plan.calls)
    warm = len(plan.calls) - timed
    most = plan.most_usd
    real = [lane.name for lane in plan.lanes if not lane.simulated]
    blocks: list[str | Note | Bullets] = [
        f"{timed:,} calls to {len(plan.lanes)} endpoints" + (f", after {warm:,} to warm up" if warm else "")
        + f", at most {plan.streams} at once."
    ]  # fmt: skip
    if real:
        cap = "no budget" if plan.budget_usd is None else f"the run stops at {usd(plan.budget_usd)}"
        cost = "unpriced" if most is None else f"at most {usd(most)}"
        blocks.append(Note(f"{', '.join(real)}: called for real, {cost}; {cap}.", "warn"))
    else:
        over = most is not None and plan.budget_usd is not None and most > plan.budget_usd
        cap = f": the run stops at {usd(plan.budget_usd)} of it, as a real one would" if over else ""
        blocks.append(f"All of it is SIMULATED and costs nothing; as if real, at most {usd(most)}{cap}.")
    for target in plan.targets:
        if target.simulated is None and (missing := target.missing(environ)):
            provider = provider_of(target.model)
            elsewhere = f" ({provider.elsewhere})" if provider and provider.elsewhere else ""
            words = f"{' and '.join(missing)} not set{elsewhere}: set it in a cell (os.environ[...]), then press Run."
            blocks.append(Note(f"{target.name}: {words}", "bad"))
    return Text(tuple(blocks))


def comparison(records: Iterable[StreamRecord], metric: str = "ttfo_ms") -> Text:
    """Each endpoint against the fastest, by the interval of the paired difference."""
    found = compare(records, metric)
    if not found:
        return Text((), empty="Two endpoints with calls that succeeded can be compared.")
    items = tuple(Cell(_behind(one)) for one in found)
    return Text(("To the first token of the answer, paired by round:", Bullets(items)))


def _behind(one: Comparison) -> str:
    paired = one.paired
    simulated = ", SIMULATED" if one.lane.simulated else ""
    names = f"{one.lane.endpoint} against {one.fastest.endpoint}{simulated}"
    if paired.difference is None:
        return f"{names}: no round in which both succeeded."
    if paired.low is None or paired.high is None:
        unsure = f"it takes {paired.needed} to say how sure that is"
        return f"{names}: {paired.difference:+,.0f} ms in {paired.n} rounds; {unsure}."
    interval = f"{paired.low:+,.0f} to {paired.high:+,.0f} ms, n = {paired.n}"
    if not paired.shown:
        return f"{names}: no difference shown ({interval})."
    return f"{names}: {paired.difference:+,.0f} ms ({interval})."


def error_said(calibration: Calibration | None) -> str:
    """How far off the instrument is, in a sentence; every table shows it."""
    if calibration is None:
        return "The instrument's own error is not measured yet: that follows a run which is not cancelled."
    return str(calibration)


def meanings() -> Text:
    """What each figure is, and who means something else by it."""
    items = tuple(
        Cell(f"{one.term}: {one.definition}" + "".join(f" {d.who}: {d.how}." for d in one.differs), one.source)
        for one in definitions().values()
    )
    return Text((Bullets(items),))


def ms(value: float | None) -> str:
    """Milliseconds as people read them."""
    if value is None:
        return "unknown"
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"

"""What the Cost Explorer's bars and tables say: rows of the cost engine in, formatted payloads out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date
from typing import Any

from ..catalog import Catalog, Endpoint
from ..catalog.records import Confidence
from ..catalog.tables import dollars, tokens
from ..cost import Estimates, Ledger, Workload, band, ledger
from ..cost.bands import hedges
from ..cost.billing import price_list
from ..cost.estimates import Estimate
from ..cost.speed import SpeedKind
from ..report import TextTable, usd, usd_cents
from ..scenario import Scenario
from .views import Badge, Bar, Bars, Bullets, Cell, Code, Column, Definitions, Note, Row, Segment, Series, Table, Text

_CLASSES: tuple[tuple[str, str, str], ...] = (
    ("uncached_input_usd", "input", "input"),
    ("cache_read_usd", "cache_read", "cache read"),
    ("cache_write_usd", "cache_write", "cache write"),
    ("cache_storage_usd", "cache_storage", "cache storage"),
    ("visible_output_usd", "output", "output"),
    ("reasoning_usd", "reasoning", "reasoning"),
    ("fees_usd", "fees", "fees"),
    ("reservation_usd", "reservation", "reserved hours"),
)
_HEDGED: dict[Confidence, Badge | None] = {
    "list": None,
    "starts_at": Badge("starts at", "The publisher's own hedge: a price from here upwards.", "warn"),
    "approx": Badge("~", "The publisher's own hedge: an approximate price.", "warn"),
    "assumed": Badge("assumed", "Nobody publishes this price; it is an assumption.", "warn"),
}
_NOT_PRIOR: dict[SpeedKind | None, Badge] = {
    "measured": Badge("measured", "Measured from your own machine, not published.", "good"),
    "simulated": Badge("SIMULATED", "A simulator answered: nobody's servers were measured.", "warn"),
}
_COLUMNS = (
    Column("endpoint", "Endpoint"),
    Column("total", "Total", help="US dollars per period", numeric=True),
    Column("per_request", "Per request", numeric=True),
    Column("ratio", "x cheapest", help="Total against the cheapest priced endpoint of the catalog", numeric=True),
    Column("input", "Prompt", help="Dollars for input, cache reads, cache writes and storage", numeric=True),
    Column("output", "Answer", help="Dollars for output and hidden reasoning", numeric=True),
    Column("ttft", "First token", unit="s", help="Published prior unless marked as measured", numeric=True),
    Column("latency", "Whole answer", unit="s", help="Published p50, first token + rate, or measured", numeric=True),
    Column("window", "Window", help="Largest prompt, tokens", numeric=True),
    Column("price", "Price", help="list, or the publisher's own hedge"),
)
_WEIGHT = ("price", "retirement", "residency", "window", "gone", "new", "cache", "confidence", "name")
NOTHING_LEFT = "The filters leave no endpoint: clear one of them."
BY_TOTAL = ("total", "per_request", "ratio")  # one order: the period and the cheapest are the same for all
_SORT_FIELDS = {
    **dict.fromkeys(BY_TOTAL, "total_usd"),
    "endpoint": "endpoint", "input": "input_usd", "output": "output_usd", "ttft": "ttft_s",
    "latency": "p50_total_s", "price": "confidence",
}  # fmt: skip


def sort_value(row: Estimate, key: str, catalog: Catalog) -> Any:
    """What a table sorts a row by under the header `key`; `None` goes last."""
    return _window(row, catalog) if key == "window" else getattr(row, _SORT_FIELDS[key])


def bars(rows: Sequence[Estimate], *, total_rows: int, selected: str, caption: str) -> Bars:
    """Cost per endpoint, stacked by token class; hedged prices with the band that they may mean (assumed)."""
    used = [c for c in _CLASSES if any(getattr(r, c[0]) for r in rows)]
    if any(r.confidence not in (None, "list") and r.total_usd is not None for r in rows):
        caption += " Whiskers are bands by factors that llmlab assumes for the publisher's hedge."
    return Bars(
        bars=tuple(_bar(r, used) for r in rows),
        series=tuple(Series(key, label) for _, key, label in used),
        total_rows=total_rows,
        selected=selected,
        caption=caption,
        empty=NOTHING_LEFT,
    )


def _bar(row: Estimate, used: Sequence[tuple[str, str, str]]) -> Bar:
    if row.total_usd is None:
        return Bar(row.endpoint, row.endpoint, unpriced=f"unpriced: {row.unpriced}", badges=_badges(row), muted=True)
    segments = tuple(
        Segment(key, value, usd(value), f"{label} {usd(value)}, {value / row.total_usd:.0%} of the total")
        for field, key, label in used
        if (value := getattr(row, field)) and row.total_usd
    )
    low, high = hedges()[row.confidence or "list"]
    hedged = row.confidence not in (None, "list")
    return Bar(
        row.endpoint,
        row.endpoint,
        segments,
        total=usd(row.total_usd),
        low=row.total_usd * float(low) if hedged else None,
        high=row.total_usd * float(high) if hedged else None,
        badges=_badges(row),
        title=f"{row.source}, checked {row.checked_on}",
        muted=row.status == "retired",
    )


def table(rows: Sequence[Estimate], catalog: Catalog, *, total_rows: int, selected: str, caption: str) -> Table:
    """A row per endpoint, with what to look out for as chips beside its name."""
    return Table(
        _COLUMNS,
        tuple(_row(r, catalog) for r in rows),
        total_rows=total_rows,
        selected=selected,
        caption=caption,
        empty=NOTHING_LEFT,
    )


def _row(row: Estimate, catalog: Catalog) -> Row:
    source = f"{row.source}, checked {row.checked_on}" if row.source else "no source"
    basis = row.latency_basis
    cells = (
        Cell(row.endpoint, title=_who(catalog, row.model), badges=_badges(row)),
        Cell(usd(row.total_usd), title=row.unpriced or source),
        Cell("" if row.usd_per_request is None else usd(row.usd_per_request)),
        Cell(_times(row.ratio)),
        Cell("" if row.input_usd is None else usd(row.input_usd)),
        Cell("" if row.output_usd is None else usd(row.output_usd)),
        Cell(f"{'<' if row.ttft_is == 'under' else ''}{_seconds(row.ttft_s)}", title=basis, badges=_how_fast(row)),
        Cell(_seconds_range(row.p50_low_s, row.p50_high_s), title=basis, badges=_how_fast(row)),
        _window_cell(_window(row, catalog)),
        Cell(row.confidence.replace("_", " ") if row.confidence else "none", title=source),
    )
    return Row(row.endpoint, cells, muted=row.status == "retired" or row.total_usd is None)


def _who(catalog: Catalog, model_id: str) -> str:
    model = catalog.model(model_id)
    good_at = f": {', '.join(model.strengths)}" if model.strengths else ""
    return f"{model.name} by {model.maker}{good_at}"


def _badges(row: Estimate) -> tuple[Badge, ...]:
    hedge = _HEDGED[row.confidence] if row.confidence and row.total_usd is not None else None
    told = tuple(Badge(flag, tone="bad" if flag.startswith(("retired", "prompt over", "answer over")) else "warn")
                 for flag in row.flags)  # fmt: skip
    return (*((hedge,) if hedge else ()), *told)


def _how_fast(row: Estimate) -> tuple[Badge, ...]:
    return (_NOT_PRIOR[row.latency_kind],) if row.latency_kind in _NOT_PRIOR else ()


def _window(row: Estimate, catalog: Catalog) -> int | None:
    return catalog.endpoint(row.endpoint).max_input_tokens or catalog.model(row.model).context_tokens


def _window_cell(window: int | None) -> Cell:
    return Cell("unknown") if window is None else Cell(tokens(window), title=f"{window:,} tokens")


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2g}"


def _seconds_range(low: float | None, high: float | None) -> str:
    return _seconds(low) if low == high else f"{low:g}–{high:g}"  # noqa: RUF001  the dash of a range


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def bill(endpoint: Endpoint, workload: Workload, catalog: Catalog, as_of: date) -> Table:
    """The ledger of one endpoint: every line says tokens x rate x rule, its source and the day it was checked."""
    found = ledger(endpoint, workload, catalog, as_of=as_of)
    columns = (
        Column("class", f"{endpoint.id}", sortable=False),
        Column("quantity", "Quantity", numeric=True, sortable=False),
        Column("rate", "x rate", numeric=True, sortable=False),
        Column("uplift", "x uplift", numeric=True, sortable=False),
        Column("usd", "= US dollars", numeric=True, sortable=False),
        Column("rule", "Rule", sortable=False),
        Column("source", "Source of the rate", sortable=False),
    )
    if found.unpriced:
        return Table(columns, (), empty=f"{endpoint.id} is unpriced: {found.unpriced}.")
    lines = tuple(
        Row(
            f"{i}",
            (
                f"{line.token_class.replace('_', ' ')}, {line.sent}",
                f"{line.quantity:,.0f} {line.unit}",
                f"{dollars(line.rate)} per {line.per}",
                f"{line.uplift.normalize():f}" if line.uplift != 1 else "",
                usd_cents(line.usd),
                line.rule,
                Cell(f"{line.source}, {line.checked_on}", badges=_hedge(line.confidence)),
            ),
        )
        for i, line in enumerate(found.lines)
    )
    return Table(columns, (*lines, _total(found)), caption=_band_text(found))


def _total(found: Ledger) -> Row:
    total, each = found.total_usd, found.usd_per_request
    shown = "unpriced" if total is None else usd_cents(total)
    return Row("total", ("Total", "", "", "", shown, f"{usd(each)} per request", ""))


def _hedge(confidence: Confidence) -> tuple[Badge, ...]:
    badge = _HEDGED[confidence]
    return (badge,) if badge else ()


def _band_text(found: Ledger) -> str:
    spread = band(found)
    if spread is None or spread.low == spread.high:
        return f"List prices in force on {found.as_of}."
    return (
        f"Prices in force on {found.as_of}. The publisher hedges: {usd(spread.low)} to {usd(spread.high)} "
        "by assumed factors (see What these numbers rest on)."
    )


def changes(older: Catalog, newer: Catalog, as_of: date, limit: int) -> Table:
    """What moved from one catalog to the other, a row per change, prices first."""
    found = sorted(older.diff(newer, as_of=as_of), key=lambda change: _WEIGHT.index(change.kind))
    columns = (
        Column("endpoint", "Endpoint", sortable=False),
        Column("change", f"From {older.name} ({older.as_of}) to {newer.name} ({newer.as_of})", sortable=False),
        Column("ratio", "New / old", numeric=True, sortable=False),
    )
    rows = tuple(
        Row(
            str(i),
            (
                change.endpoint,
                str(change).removeprefix(f"{change.endpoint}: "),
                "" if change.ratio is None else f"{float(change.ratio):.3g}x",
            ),
        )
        for i, change in enumerate(found[:limit])
    )
    return Table(columns, rows, total_rows=len(found), empty=f"Nothing moved between {older.name} and {newer.name}.")


def about(catalog: Catalog, as_of: date, warning: str) -> Text:
    """The catalog, its packages, and every assumption that is not on a price list."""
    packages = ", ".join(f"{name} {version}" for name, version in catalog.packages.items()) or "none"
    factors = ", ".join(f"{word.replace('_', ' ')} x{low} to x{high}" for word, (low, high) in hedges().items())
    warned = (Note(warning),) if warning else ()
    return Text(
        (
            *warned,
            Definitions(
                (
                    ("Catalog", f"{catalog.title} (as of {catalog.as_of}, content {catalog.content_hash})"),
                    ("Packages read", packages),
                    ("Your prices", ", ".join(catalog.overrides) or "none"),
                    ("Prices in force on", str(as_of)),
                    ("Bands of hedged prices", f"ASSUMED by llmlab: {factors}"),
                )
            ),
            *((catalog.note,) if catalog.note else ()),
            Bullets(
                (
                    "A tier is chosen by the whole prompt of one request, cached tokens included.",
                    "A prefix below an endpoint's minimum never caches; requests that miss pay the write price.",
                    "Batch falls back to standard where no batch price is published, and the row says so.",
                    "Latencies are published priors, except where a row says measured or SIMULATED.",
                    f"Unpriced is a state, never $0: this catalog has {_unpriced(catalog, as_of):,} such endpoints.",
                )
            ),
        )
    )


def _unpriced(catalog: Catalog, as_of: date) -> int:
    return sum((price := price_list(e, as_of)) is None or not price.priced for e in catalog)


def code(call: str, scenario: Scenario) -> Code:
    """The Python call and the command line that give the same numbers."""
    lines = [
        "from llmlab import CostExplorer, Workload, estimate, load_catalog",
        *(["from llmlab.scenario import Choices, OverridesFile, Pin, Scenario"] if scenario.overrides else []),
        "",
        call,
        "",
        "# the same numbers without a screen",
        f"estimate({_workload_code(scenario.workload)}, load_catalog({scenario.catalog.name!r}))",
        f"# llmlab estimate {_flags(scenario)}",
    ]
    return Code("\n".join(lines), "python")


def _workload_code(workload: Workload) -> str:
    said = {f.name: getattr(workload, f.name) for f in dataclasses.fields(workload)}
    return f"Workload({', '.join(f'{k}={v!r}' for k, v in said.items() if v != getattr(Workload(), k))})"


def _flags(scenario: Scenario) -> str:
    said = {f.name: getattr(scenario.workload, f.name) for f in dataclasses.fields(Workload)}
    default = Workload()
    flags = [
        f"--{k.replace('_', '-')}" if v is True else f"--{k.replace('_', '-')} {v}"
        for k, v in said.items()
        if v != getattr(default, k) and k != "cache_storage_hours"
    ]
    return " ".join([*flags, f"--catalog {scenario.catalog.name}"])


def frame_text(rows: Estimates) -> TextTable:
    """Every column of every row, unrounded, for a spreadsheet."""
    dicts = rows.to_dicts()
    columns = tuple(dicts[0]) if dicts else ()
    return TextTable(columns, tuple(tuple(_raw(d[c]) for c in columns) for d in dicts))


def _raw(value: object) -> str:
    if value is None:
        return ""
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def review_text(rows: Sequence[Estimate], workload: Workload) -> TextTable:
    """The rows as a review reads them."""
    columns = ("endpoint", f"per {workload.period}", "per request", "x cheapest", "price is", "note")
    return TextTable(
        columns,
        tuple(
            (
                r.endpoint,
                usd(r.total_usd),
                "" if r.usd_per_request is None else usd(r.usd_per_request),
                _times(r.ratio),
                r.confidence.replace("_", " ") if r.confidence else "",
                "; ".join([*r.flags, *([r.unpriced] if r.unpriced else [])]),
            )
            for r in rows
        ),
        frozenset(columns[1:4]),
    )

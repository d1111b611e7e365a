"""The Cost Explorer's charts, as plain Plotly dictionaries: the front end gives them the theme's colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from html import escape

from ..catalog import Catalog, Endpoint
from ..cost import Workload, break_even, ledger, pareto, sensitivity
from ..cost.estimates import Estimate
from ..cost.sensitivity import Crossing, shown, with_input
from ..cost.speed import SpeedKind
from ..report import usd
from .views import Figure, Json

# Okabe-Ito, so that no pair is confused by a colour-blind reader; every mark also carries its words.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#8a8a8a"
_POINTS = 64
_MARKS: dict[SpeedKind | None, str] = {"measured": ", measured", "simulated": ", SIMULATED"}


def pareto_figure(rows: Sequence[Estimate], workload: Workload, unknown: int) -> Figure:
    """Cost against latency; what something else beats on both is grey. A latency that is no prior says so in words."""
    found = pareto(rows)
    off = unknown + found.left_off
    note = f"{off:,} endpoints left off: their latency or price is unknown."
    if not found.front:
        return Figure({}, alt=note, empty=f"Nothing to draw. {note}")
    front = [(r, GREEN, "undominated") for r in found.front]
    beaten = [(r, GREY, "dominated") for r in found.dominated]
    data = [
        _points([r for r, *_ in group], colour, name, labels=name == "undominated")
        for group, colour, name in ((beaten, GREY, "dominated"), (front, GREEN, "undominated"))
        if group
    ]
    layout = {
        "xaxis": {"title": {"text": _latency_title([*found.front, *found.dominated])}, "rangemode": "tozero"},
        "yaxis": {
            "title": {"text": f"US dollars per {workload.period}"},
            "type": "log",
            **_dollar_ticks([r.total_usd for r in (*found.front, *found.dominated) if r.total_usd]),
        },
        "annotations": [_caption(note)],
        "showlegend": True,
    }
    names = ", ".join(
        f"{r.endpoint}{_MARKS.get(r.latency_kind, '')} ({usd(r.total_usd)}, {r.p50_total_s:.2g} s)" for r in found.front
    )
    return Figure(
        {"data": data, "layout": layout},
        alt=f"Nothing is both cheaper and faster than: {names}. {len(found.dominated):,} are dominated. {note}",
        height=380,
    )


def _latency_title(rows: Sequence[Estimate]) -> str:
    unless = ", unless its name says so" if any(r.latency_kind in _MARKS for r in rows) else ""
    return f"s per answer (prior, not measured{unless})"


def _points(rows: Sequence[Estimate], colour: str, name: str, *, labels: bool) -> Json:
    return {
        "type": "scatter",
        "mode": "markers+text" if labels else "markers",
        "name": name,
        "x": [r.p50_total_s for r in rows],
        "y": [r.total_usd for r in rows],
        "text": [escape(r.endpoint, quote=False) + _MARKS.get(r.latency_kind, "") for r in rows],  # Plotly reads tags
        # Neighbours along the front alternate, so that their names do not lie on each other.
        "textposition": [("top right", "bottom left")[i % 2] for i in range(len(rows))],
        "customdata": [r.endpoint for r in rows],
        "hovertemplate": "%{text}<br>%{y:$,.4~r} and %{x:.2~f} s<extra></extra>",
        "marker": {"color": colour, "size": 9 if labels else 7, "symbol": "circle" if labels else "x"},
    }


def _dollar_ticks(totals: list[float]) -> Json:
    """1, 2 and 5 of each decade: Plotly's own choice on a logarithmic axis prints all nine over each other."""
    decades = range(math.floor(math.log10(min(totals))) - 1, math.ceil(math.log10(max(totals))) + 2) if totals else []
    ticks = [part * 10.0**decade for decade in decades for part in (1, 2, 5)]
    return {"tickvals": ticks, "ticktext": [usd(tick) for tick in ticks]}


def tornado(endpoint: Endpoint, workload: Workload, catalog: Catalog, as_of: date) -> Figure:
    """How far the total moves when one input goes through its range and the others stay; widest at the top."""
    base = ledger(endpoint, workload, catalog, as_of=as_of)
    if base.total_usd is None:
        return Figure({}, alt="", empty=f"{endpoint.id} is unpriced: {base.unpriced}.")
    swings = [s for s in sensitivity(endpoint, workload, catalog, as_of=as_of) if s.width]
    total = base.total_usd
    names = [s.variable.replace("_", " ") for s in swings]
    data = [
        _swing(names, [(s.variable, s.low, s.usd_at_low) for s in swings], total, BLUE, "at the low end"),
        _swing(names, [(s.variable, s.high, s.usd_at_high) for s in swings], total, ORANGE, "at the high end"),
    ]
    layout = {
        "barmode": "overlay",
        "xaxis": {
            "title": {"text": f"US dollars per {workload.period}; now {usd(total)}"},
            "tickprefix": "$",
            "range": _room([float(x) for s in swings for x in (s.usd_at_low, s.usd_at_high)] or [float(total)]),
        },
        "yaxis": {"autorange": "reversed", "automargin": True},
        "shapes": [_upright(float(total))],
    }
    said = "; ".join(
        f"{s.variable.replace('_', ' ')} {shown(s.variable, s.low)} to {shown(s.variable, s.high)}: "
        f"{usd(s.usd_at_low)} to {usd(s.usd_at_high)}"
        for s in swings
    )
    return Figure(
        {"data": data, "layout": layout}, alt=f"{endpoint.id}, {usd(total)} now. {said}.", height=110 + 34 * len(swings)
    )


def _swing(names: list[str], ends: list[tuple[str, float, Decimal]], base: Decimal, colour: str, label: str) -> Json:
    return {
        "type": "bar",
        "orientation": "h",
        "name": label,
        "y": names,
        "x": [float(total - base) for _, _, total in ends],
        "base": float(base),
        "text": [f"{shown(variable, value)}: {usd(total)}" for variable, value, total in ends],
        "textposition": "auto",
        "insidetextfont": {"color": "#fff" if colour == BLUE else "#000"},
        "hovertemplate": "%{y} %{text}<extra></extra>",
        "marker": {"color": colour},
    }


def break_even_figure(a: Endpoint, b: Endpoint, workload: Workload, catalog: Catalog, over: str, as_of: date) -> Figure:
    """Two totals as one input goes through its range, and where the cheaper one changes."""
    if a.id == b.id:
        return Figure(
            {}, alt="", empty=f"{a.id} is both: select another row, or choose what to compare with under Compare."
        )
    for endpoint in (a, b):
        if reason := ledger(endpoint, workload, catalog, as_of=as_of).unpriced:
            return Figure({}, alt="", empty=f"{endpoint.id} is unpriced: {reason}.")
    found = break_even(a, b, workload, catalog, over=over, as_of=as_of)
    steps = [found.low + (found.high - found.low) * i / _POINTS for i in range(_POINTS + 1)]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": e.id,
            "x": steps,
            "y": [_total(e, with_input(workload, over, x), catalog, as_of) for x in steps],
            "line": {"color": colour, "dash": dash, "width": 2.5},
        }
        for e, colour, dash in ((a, BLUE, "solid"), (b, ORANGE, "dash"))
    ]
    percent = found.high <= 1
    layout = {
        "xaxis": {"title": {"text": over.replace("_", " ")}, **({"tickformat": ".0%"} if percent else {})},
        "yaxis": {"title": {"text": f"US dollars per {workload.period}"}, "tickprefix": "$", "rangemode": "tozero"},
        "shapes": [_upright(c.at) for c in found.crossings],
        "annotations": [_mark(c, over) for c in found.crossings],
    }
    return Figure({"data": data, "layout": layout}, alt=f"{found}.", height=340)


def _room(values: list[float]) -> list[float]:
    """The range of the values with room on either side for the words outside the bars."""
    margin = 0.2 * (max(values) - min(values) or 1.0)
    return [min(values) - margin, max(values) + margin]


def _total(endpoint: Endpoint, workload: Workload, catalog: Catalog, as_of: date) -> float | None:
    usd_total = ledger(endpoint, workload, catalog, as_of=as_of).total_usd
    return None if usd_total is None else float(usd_total)


def _mark(crossing: Crossing, over: str) -> Json:
    return {
        "x": crossing.at, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False,
        "text": f"{shown(over, crossing.at)}{' (a tier or minimum)' if crossing.jump else ''}",
    }  # fmt: skip


def _upright(x: float) -> Json:
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": {"dash": "dot", "width": 1}}


def _caption(text: str) -> Json:
    return {
        "text": text, "x": 0, "y": -0.22, "xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left",
    }  # fmt: skip

"""The Playground's charts, as plain Plotly dictionaries: the front end gives them the theme's colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import accumulate

from ..measurement import StreamRecord
from ..measurement.records import Kind
from ..measurement.summary import Summary, summarise
from ..report import usd
from .playground_views import ms
from .views import Figure, Json

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
DASHES = ("solid", "dash", "dot", "dashdot")
KINDS: dict[Kind, tuple[str, str, str]] = {
    "reasoning": ("reasoning", "#CC79A7", "diamond"),
    "answer": ("answer", "#0072B2", "circle"),
    "tool": ("tool call", "#009E73", "square"),
}
WINDOW_MS = 250.0


def rates(records: Sequence[StreamRecord]) -> Figure:
    """Tokens per second over time, of the last good call of each endpoint, in windows of a quarter of a second."""
    last = {record.endpoint: record for record in records if not record.failed and record.tokens_per_chunk}
    data = []
    for i, record in enumerate(last.values()):
        times, values = _rate(record)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": escape(_name(record), quote=False),  # Plotly reads tags
                "x": times,
                "y": values,
                "line": {"color": COLOURS[i % len(COLOURS)], "dash": DASHES[i // len(COLOURS) % len(DASHES)]},
                "hovertemplate": "%{y:.0f} tokens/s at %{x:.2f} s<extra>%{fullData.name}</extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "s since the request was out"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "tokens/s"}, "rangemode": "tozero"},
        "showlegend": True,
    }
    said = "; ".join(f"{_name(r)}: {r.decode_tokens_per_s or 0:.0f} tokens/s while decoding" for r in last.values())
    return Figure({"data": data, "layout": layout} if data else {}, alt=said, empty="No call has succeeded yet.")


def _rate(record: StreamRecord) -> tuple[list[float], list[float]]:
    """By chunks, each taken for its share of the tokens: what no provider says of a single chunk is spread evenly."""
    start, each = record.t0_ns or record.scheduled_ns, record.tokens_per_chunk or 0.0
    at = [(chunk.at_ns - start) / 1e6 for chunk in record.chunks]
    times, values, end = [], [], 0.0
    while end < at[-1] + WINDOW_MS:
        end += WINDOW_MS / 2
        count = sum(1 for time in at if end - WINDOW_MS < time <= end)
        times.append(round((end - WINDOW_MS / 2) / 1000, 4))
        values.append(count * each * 1000 / WINDOW_MS)
    return times, values


def cost_against_wait(records: Sequence[StreamRecord]) -> Figure:
    """What a call costs against how long its answer is waited for: medians, with the interval of the wait."""
    found = [s for s in summarise(records) if s.median_usd is not None and s.ttfo_ms.p50.value is not None]
    unpriced = len(summarise(records)) - len(found)
    note = f"Left off, unpriced or without a call that succeeded: {unpriced}." if unpriced else ""
    widest = max((s.ttfo_ms.p50.value or 0.0 for s in found), default=0.0)
    by_cost = sorted(found, key=lambda s: s.median_usd or 0)
    data = [_point(s, i, widest, below=by_cost.index(s) % 2 == 0) for i, s in enumerate(found)]
    layout = {
        "xaxis": {"title": {"text": "TTFO p50, ms (whiskers: 95 % interval)"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "US dollars per 1,000 calls, median"}, "rangemode": "tozero", "tickprefix": "$"},
        "showlegend": False,
    }
    said = "; ".join(f"{_lane(s)}: {usd(s.median_usd)} a call, {ms(s.ttfo_ms.p50.value)}" for s in found)
    figure = {"data": data, "layout": layout} if data else {}
    return Figure(figure, alt=f"{said}. {note}".strip(), empty=note or "No call has succeeded yet.")


def _point(summary: Summary, place: int, widest: float, *, below: bool) -> Json:
    p50 = summary.ttfo_ms.p50
    value = p50.value or 0.0
    low, high = (value if bound is None else bound for bound in (p50.low, p50.high))
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [value],
        "y": [1000 * float(summary.median_usd or 0)],
        "text": [escape(_lane(summary), quote=False)],
        # into the chart, and neighbours away from each other
        "textposition": f"{'bottom' if below else 'top'} {'left' if value > widest / 2 else 'right'}",
        "cliponaxis": False,
        "error_x": {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low]},
        "marker": {"color": COLOURS[place % len(COLOURS)], "size": 10},
        "hovertemplate": "%{text}<br>%{x:,.0f} ms, $%{y:.3~r} per 1,000<extra></extra>",
    }


def timeline(record: StreamRecord | None) -> Figure:
    """Every chunk of one call: when it came, what it was, and how much had come by then."""
    if record is None or not record.chunks:
        words = "No call is chosen." if record is None else "This call brought no token."
        return Figure({}, alt=words, empty=f"{words} Choose one in the list of calls.")
    start = record.t0_ns or record.scheduled_ns
    at = [round((chunk.at_ns - start) / 1e6, 3) for chunk in record.chunks]
    so_far = list(accumulate(chunk.characters for chunk in record.chunks))
    data = []
    for kind, (name, colour, symbol) in KINDS.items():
        places = [i for i, chunk in enumerate(record.chunks) if chunk.kind == kind]
        if places:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "x": [at[i] for i in places],
                    "y": [so_far[i] for i in places],
                    "customdata": [record.chunks[i].characters for i in places],
                    "marker": {"color": colour, "symbol": symbol, "size": 6},
                    "hovertemplate": "%{x:.1f} ms: %{customdata} characters<extra>%{fullData.name}</extra>",
                }
            )
    marks = [("TTFT", record.ttft_ms), ("first answer", record.ttfo_ms if record.think_ms else None)]
    layout = {
        "xaxis": {"title": {"text": "ms since the request was out"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "characters so far"}, "rangemode": "tozero"},
        "showlegend": True,
        "shapes": [_upright(x) for _, x in marks if x is not None],
        "annotations": [_flag(f"{name} {ms(x)}", x) for name, x in marks if x is not None],
    }
    each = record.tokens_per_chunk
    held = f"{each:.1f} tokens each" if each is not None else "how many tokens each nobody says"
    gap = f"the longest gap {ms(record.longest_gap_ms)}"
    said = f"{_name(record)}, call {record.number}: {len(at)} chunks ({held}), {gap}."
    return Figure({"data": data, "layout": layout}, alt=said)


def _upright(x: float) -> Json:
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1,
        "line": {"dash": "dot", "width": 1, "color": "#8a8a8a"},
    }  # fmt: skip


def _flag(text: str, x: float) -> Json:
    return {"text": text, "x": x, "y": 1, "xref": "x", "yref": "paper", "showarrow": False, "yanchor": "bottom"}


def _name(record: StreamRecord) -> str:
    return f"{record.endpoint}, SIMULATED" if record.simulated else record.endpoint


def _lane(summary: Summary) -> str:
    return f"{summary.endpoint}, SIMULATED" if summary.simulated else summary.endpoint

"""One chart, three ways: what `screen` shows in a notebook. Imported by the kernel there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmlab.widgets import controls as c
from llmlab.widgets.panel import Panel, View
from llmlab.widgets.views import Bar, Bars, Figure, Segment, Series

if TYPE_CHECKING:
    import ipywidgets

START, MOST = 100, 1_000
MODELS = {f"model-{i:02}": (5.0 / (i + 1), 25.0 / (i + 2)) for i in range(12)}  # $ per million tokens: input, output


def costs(thousands: int) -> list[tuple[str, float, float]]:
    """Dollars of so many thousand requests of 4,000 tokens in and 500 out, per model."""
    return [(name, thousands * 4.0 * i, thousands * 0.5 * o) for name, (i, o) in MODELS.items()]


def figure(thousands: int) -> dict[str, Any]:
    """Twelve horizontal bars of two parts, and a title that says which move this is."""
    names, inputs, outputs = zip(*costs(thousands), strict=True)
    parts = {"Input": inputs, "Output": outputs}
    traces = [{"type": "bar", "orientation": "h", "name": k, "y": names, "x": v} for k, v in parts.items()]
    return {"data": traces, "layout": {"barmode": "stack", "height": 320, "title": {"text": str(thousands)}}}


class _OneChart(Panel):
    title = "Cost"
    thousands = c.number(START, label="Requests", unit="thousand", min=1, max=MOST)


class BarsChart(_OneChart):
    """As llmlab's screens draw it. Unlike the others it prints every amount, and a total per bar."""

    views = (View("chart", kind="bars", title="Cost per month"),)

    def draw_chart(self) -> Bars:
        bars = tuple(
            Bar(name, name, (Segment("in", i, f"${i:,.0f}"), Segment("out", o, f"${o:,.0f}")), total=f"${i + o:,.0f}")
            for name, i, o in costs(self.thousands)
        )
        return Bars(bars, (Series("in", "Input"), Series("out", "Output")), caption=str(self.thousands))


class FigureChart(_OneChart):
    """As llmlab's screens draw what only Plotly can: the same figure, through Plotly.react."""

    views = (View("chart", kind="figure", title="Cost per month"),)

    def draw_chart(self) -> Figure:
        return Figure(figure(self.thousands), alt="Cost per model")


def figure_widgets(count: int) -> ipywidgets.VBox:
    """The way that Plotly's manual shows: FigureWidgets under an ipywidgets slider that moves the first of them."""
    import ipywidgets
    import plotly.graph_objects as go

    charts = [go.FigureWidget(figure(START)) for _ in range(count)]
    slider = ipywidgets.IntSlider(value=START, min=1, max=MOST, description="Requests")

    def update(change: dict[str, Any]) -> None:
        _, inputs, outputs = zip(*costs(change["new"]), strict=True)
        with charts[0].batch_update():
            charts[0].data[0].x, charts[0].data[1].x = inputs, outputs
            charts[0].layout.title.text = str(change["new"])

    slider.observe(update, names="value")
    return ipywidgets.VBox([slider, *charts])

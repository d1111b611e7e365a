"""A panel with one of everything, and one that streams, for the tests and for looking at: all of it is made up."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmlab.errors import WorkloadError
from llmlab.widgets import controls as c
from llmlab.widgets.lanes import Lane, Lanes
from llmlab.widgets.panel import Action, Clipboard, Download, Panel, View
from llmlab.widgets.views import (
    Badge,
    Bar,
    Bars,
    Bullets,
    Card,
    Cards,
    Cell,
    Code,
    Column,
    Definitions,
    Figure,
    Note,
    Paragraph,
    Row,
    Segment,
    Series,
    Table,
    Text,
)

PRICES = {  # dollars per million tokens: input, output
    "Opus 4.5": (5.0, 25.0),
    "Sonnet 4.5": (3.0, 15.0),
    "GPT-5.1": (1.25, 10.0),
    "Gemini 3 Pro": (2.0, 12.0),
    "Haiku 4.5": (1.0, 5.0),
    "Llama 3.3 70B": (0.71, 0.71),
    "DeepSeek V3.2": (0.28, 0.42),
}
HOSTILE = '<img src=x onerror="window.hacked = true">'


class Recording(Panel):
    """Mixed into a panel: keeps what it would have sent to a browser, and hears what one would have said."""

    def __init__(self, **values: object) -> None:
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []  # of each message
        super().__init__(**values)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append(content)
        self.buffers.append(list(buffers or ()))
        super().send(content, buffers)

    def hear(self, **message: Any) -> None:
        """As if the browser had sent it."""
        self._handle_custom_msg(message, [])

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        """The messages of these kinds so far."""
        return [message for message in self.sent if message["kind"] in kinds]

    def settle(self) -> None:
        """Wait until what was asked of `redraw_soon` is done. Only then may it be judged."""
        while (thread := self._pacer._thread) is not None:
            thread.join(10)


class Demo(Panel):
    """Cost per model of a month of requests."""

    title = "Demo"
    requests = c.number(
        100_000,
        label="Requests",
        unit="per month",
        help="How often the product calls a model.",
        min=1,
        max=100_000_000,
        scale="log",
        group="Workload",
    )
    input_tokens = c.number(
        4_000,
        label="Input",
        unit="tokens",
        help="Prompt of one request, cached part included.",
        min=100,
        max=200_000,
        scale="log",
        group="Workload",
    )
    output_tokens = c.number(
        500, label="Output", unit="tokens", help="What one answer bills.", min=10, max=8_000, step=10, group="Workload"
    )
    cache_hit_rate = c.share(
        0.0, label="Cache hit rate", help="Part of the prompt that is read from cache.", group="Caching"
    )
    cache_ttl = c.choice(
        "5m",
        options=(("5m", "5 minutes"), ("1h", "1 hour")),
        label="Cache lifetime",
        help="Longer costs more.",
        group="Caching",
    )
    batch = c.toggle(False, label="Batch", help="Half price, within a day.", group="Processing")
    temperature = c.number(0.7, label="Temperature", help="Not billed.", min=0.0, max=2.0, step=0.1, group="Processing")
    providers = c.several(
        (),
        options=("anthropic", "openai", ("google", "Google Vertex AI"), "deepseek"),
        label="Providers",
        help="None chosen means all.",
        group="Catalog",
    )
    search = c.text("", label="Search", help="Part of a model's name.", group="Catalog")
    overrides = c.file(
        label="Own prices", help="A YAML file; it stays in this session.", accept=".yaml,.yml", group="Catalog"
    )

    views = (
        View("cards", kind="cards", title="At a glance"),
        View("bars", kind="bars", title="Cost per month"),
        View("table", kind="table", title="Models", sort=("total", False), limit=4, help="Choose a row to see why."),
        View("why", kind="text", title="Why this number", half=True),
        View("code", kind="code", title="Code", half=True),
        View("pareto", kind="figure", title="Price against output price", open=False),
        View("broken", kind="text", title="Breaks below 10 requests", open=False),
    )
    actions = (
        Action("copy_tsv", "Copy as TSV", view="table"),
        Action("save", "Save scenario", help="A YAML file for git."),
        Action("fail", "Fail"),
    )

    def __init__(self, **values: object) -> None:
        self.drawn: list[str] = []  # which views were drawn, in order
        self.chosen = ""
        super().__init__(**values)

    def costs(self) -> dict[str, tuple[float, float]]:
        """Dollars per month for input and output, of the models the search leaves."""
        factor = self.requests / 1e6 * (0.5 if self.batch else 1)
        saved = 1 - 0.9 * self.cache_hit_rate
        return {
            name: (factor * self.input_tokens * i * saved, factor * self.output_tokens * o)
            for name, (i, o) in PRICES.items()
            if self.search.lower() in name.lower()
        }

    def status(self) -> str:
        costs = {name: sum(parts) for name, parts in self.costs().items()}
        if not costs:
            return "No model matches."
        cheapest = min(costs, key=lambda name: costs[name])
        return f"Cheapest: {cheapest}, ${costs[cheapest]:,.0f} per month."

    def draw_cards(self) -> Cards:
        self.drawn.append("cards")
        costs = sorted((sum(parts), name) for name, parts in self.costs().items())
        if not costs:
            return Cards((), empty="No model matches the search.")
        return Cards((
            Card("Cheapest", f"${costs[0][0]:,.0f}", f"{costs[0][1]}, per month", tone="good"),
            Card("Dearest", f"${costs[-1][0]:,.0f}", f"{costs[-1][1]}, per month"),
            Card("Per request, cheapest", f"${costs[0][0] / self.requests:,.6f}"),
            Card("Spread", f"{costs[-1][0] / costs[0][0]:,.0f}×", "dearest over cheapest", tone="warn"),
        ))  # fmt: skip

    def draw_bars(self) -> Bars:
        self.drawn.append("bars")
        bars = [
            Bar(
                name,
                name,
                (Segment("in", i, f"${i:,.0f}"), Segment("out", o, f"${o:,.0f}")),
                total=f"${i + o:,.0f}",
                low=0.9 * (i + o) if name.startswith("Gemini") else None,
                high=1.2 * (i + o) if name.startswith("Gemini") else None,
                badges=(Badge("starts at", tone="warn"),) if name.startswith("Gemini") else (),
                muted=name.startswith("Opus"),
            )
            for name, (i, o) in self.costs().items()
        ]
        if bars:
            bars.append(Bar("x", f"Preview {HOSTILE}", unpriced="no published price"))
        return Bars(
            tuple(bars),
            (Series("in", "Input"), Series("out", "Output")),
            caption="dollars per month",
            empty="No model matches the search: empty it to see all.",
        )

    def draw_table(self) -> Table:
        self.drawn.append("table")
        key, descending = self.sort_of("table")
        raw = {n: {"model": n, "in": i, "out": o, "total": i + o} for n, (i, o) in self.costs().items()}
        order = sorted(raw.values(), key=lambda row: row[key], reverse=descending)  # type: ignore[arg-type,return-value]  # a column is all text or all numbers
        rows = [
            Row(
                str(row["model"]),
                (
                    Cell(
                        str(row["model"]), badges=(Badge("fast", tone="good"),) if "Haiku" in str(row["model"]) else ()
                    ),
                    f"${row['in']:,.0f}",
                    f"${row['out']:,.0f}",
                    Cell(f"${row['total']:,.0f}", title=f"{self.requests:,} requests at {row['model']}'s rates"),
                    Cell("price list", href="https://example.org/prices"),
                ),
            )
            for row in order
        ]
        columns = (
            Column("model", "Model"),
            Column("in", "Input", unit="$/month", numeric=True),
            Column("out", "Output", unit="$/month", numeric=True),
            Column("total", "Total", unit="$/month", numeric=True, help="Input and output."),
            Column("source", "Source", sortable=False),
        )
        return Table(
            columns,
            tuple(rows[: self.limit_of("table")]),
            total_rows=len(rows),
            empty="No model matches the search: empty it to see all.",
        )

    def draw_why(self) -> Text:
        self.drawn.append("why")
        name = self.chosen
        if not name:
            return Text((), empty="Choose a model in the table or the chart to see where its number comes from.")
        return Text((
            Paragraph(f"{self.requests:,} requests of {self.input_tokens:,} tokens in.", heading=name),
            Definitions((("Input", f"${PRICES[name][0]} per million"), ("Output", f"${PRICES[name][1]} per million"))),
            Note("These prices are made up."),
            Bullets(("Cache reads cost a tenth.", Cell("Batch halves all", href="https://example.org/batch"))),
        ))  # fmt: skip

    def draw_code(self) -> Code:
        self.drawn.append("code")
        return Code(self.to_code(), language="python", caption="Run this for the same panel.")

    def draw_pareto(self) -> Figure:
        self.drawn.append("pareto")
        names = list(self.costs())
        points = {
            "type": "scatter",
            "mode": "markers+text",
            "x": [PRICES[name][0] for name in names],
            "y": [PRICES[name][1] for name in names],
            "text": [f"{name} {HOSTILE}" if name == "Opus 4.5" else name for name in names],
            "customdata": names,
            "textposition": "top center",
        }
        layout = {
            "xaxis": {"title": {"text": f"Input price, {self.requests:,} requests"}},
            "yaxis": {"title": {"text": "Output"}},
        }
        return Figure(
            {"data": [points] if names else [], "layout": layout},
            alt=f"Input against output price of {len(names)} models.",
        )

    def draw_broken(self) -> Text:
        self.drawn.append("broken")
        if self.requests < 10:
            raise WorkloadError("fewer than 10 requests: raise Requests to 10 or more")
        return Text((f"Fine with {self.requests:,} requests.",))

    def on_select(self, view: str, row: str) -> None:
        if row == "x":
            raise ValueError("nothing is known about the preview")
        self.chosen = row

    def on_copy_tsv(self) -> Clipboard:
        return Clipboard("\n".join(f"{name}\t{i + o:.2f}" for name, (i, o) in self.costs().items()))

    def on_save(self) -> Download:
        return Download("demo.yaml", f"requests: {self.requests}\n")

    def on_fail(self) -> None:
        raise RuntimeError("this button always fails")

    def on_overrides(self, name: str, text: str) -> None:
        if name and "models:" not in text:
            raise WorkloadError(f"{name}: no `models:` in it")


SIMULATED = Badge("SIMULATED", "No provider was called.")
PHASES = tuple(Series(name, name) for name in ("queue", "connect", "wait", "think", "answer", "tail"))
THOUGHTS = "The question is about scattering. Blue light is scattered more than red, by the fourth power.\n"
ANSWER = (
    "The sky is blue because air scatters short waves more than long ones.\n\n"
    "- Sunlight holds all colours.\n- Molecules are much smaller than a wave.\n- So what reaches the eye from the "
    "side is mostly blue.\n\n"
    f"At sunset the way through the air is longer, and {HOSTILE} red is what is left. "
)


class Streams(Panel):
    """Four made-up streams side by side, run in the background."""

    title = "Streams"
    prompt = c.text("Why is the sky blue?", label="Prompt", help="Sent to all.", group="Ask", lines=4)
    system = c.text("", label="System prompt", help="May stay empty.", group="Ask", lines=2)
    tokens = c.number(120, label="Tokens", help="Of each answer.", min=1, max=2_000, group="Limits")

    views = (
        View("lanes", kind="lanes", title="Side by side"),
        View("cards", kind="cards", title="So far"),
        View("words", kind="text", title="The prompt", open=False),
    )
    actions = (
        Action("cancel", "Cancel"),
        Action("save", "Save as Parquet", help="What was measured."),
        Action("run", "Run", help="Nothing leaves this machine.", primary=True),
    )
    labels = ("Sonnet 4.5", "GPT-5.1", "Llama 3.3 70B", "DeepSeek V3.2")
    running = False

    def __init__(self, **values: object) -> None:
        self.lanes: dict[str, Lane] = {}
        self.scale_ms = 2_000
        super().__init__(**values)

    # What happens in the background

    def set_lane(self, label: str, **changed: Any) -> None:
        """Another state of one lane, from any thread."""
        self.lanes = {**self.lanes, label: replace(self.lanes[label], **changed)}
        self.redraw_soon(("lanes",))

    def say(self, label: str, text: str = "", reasoning: str = "") -> None:
        """A token."""
        old = self.lanes[label]
        self.set_lane(label, text=old.text + text, reasoning=old.reasoning + reasoning)

    def start(self) -> None:
        """Four empty lanes."""
        self.lanes = {label: Lane(label, label, (SIMULATED,), state="connecting") for label in self.labels}
        self.redraw_soon()

    def stream(self, tokens: int, per_second: float = 100) -> None:
        """As many tokens per lane, from this thread: a number each, so that it shows if one is missing."""
        due = time.monotonic()
        for number in range(tokens):
            for label in self.labels:
                self.say(label, f"{number} ")
            due += 1 / per_second
            time.sleep(max(due - time.monotonic(), 0))

    def play(self) -> None:
        """A run as a person would see it: one thinks first, one has to wait, one breaks off."""
        words = [f"{word} " if word[-1:] != "\n" else word for word in ANSWER.replace("\n", " \n ").split(" ")]
        thoughts = [f"{word} " for word in THOUGHTS.split(" ")]
        began = time.monotonic()
        waits = dict(zip(self.labels, (40, 90, 10, 60), strict=True))  # in steps of 10 ms
        for step in range(max(waits.values()) + len(thoughts) + self.tokens):
            if not self.running:
                break
            elapsed = 1_000 * (time.monotonic() - began)
            self.scale_ms = max(2_000, 1_000 * math.ceil(elapsed / 1_000))
            for label, wait in waits.items():
                thinks = len(thoughts) if label == "Sonnet 4.5" else 0
                said = step - wait - thinks
                if said >= self.tokens or (label == "DeepSeek V3.2" and said > self.tokens // 3):
                    continue
                if step < wait:
                    limited = label == "GPT-5.1" and step > 20
                    state = "429, waiting 1 s, attempt 2" if limited else "waiting for the first token"
                    self.set_lane(label, state=state, tone="warn" if limited else "", parts=_parts(wait=elapsed))
                elif said < 0:
                    self.say(label, reasoning=thoughts[step - wait])
                    self.set_lane(label, state="thinking", tone="", parts=_parts(10 * wait, elapsed))
                else:
                    self.say(label, words[said % len(words)])
                    first = 10 * (wait + thinks)
                    facts = (f"TTFT {10 * wait} ms", "98 tok/s", f"${0.00001 * said:.4f}")
                    self.set_lane(label, state="answering", tone="", facts=facts,
                                  parts=_parts(10 * wait, first, elapsed))  # fmt: skip
                    if said == self.tokens - 1:
                        self.set_lane(label, state="done", tone="good")
                    if label == "DeepSeek V3.2" and said == self.tokens // 3:
                        self.set_lane(label, state="TRUNCATED", tone="bad", error=f"the stream was cut {HOSTILE}")
            self.progress = (step / (max(waits.values()) + len(thoughts) + self.tokens), f"{step} steps")
            time.sleep(0.01)
        self.running, self.progress = False, None
        self.redraw_soon()

    # The screen

    def unavailable(self) -> Mapping[str, str]:
        if self.running:
            return {"run": "A run is under way: cancel it first."}
        return {"cancel": "Nothing is running."} | (
            {} if self.lanes else {"save": "Run first: nothing was measured yet."}
        )

    def status(self) -> str:
        return "Running." if self.running else f"{len(self.lanes)} lanes."

    def draw_lanes(self) -> Lanes:
        return Lanes(tuple(self.lanes.values()), PHASES, self.scale_ms, empty="Press Run to see the streams.")

    def draw_cards(self) -> Cards:
        return Cards((Card("Characters", f"{sum(len(lane.text) for lane in self.lanes.values()):,}"),))

    def draw_words(self) -> Text:
        return Text((self.prompt,))

    def on_run(self) -> str:
        self.running = True
        self.start()
        threading.Thread(target=self.play, daemon=True).start()
        return "Started."

    def on_cancel(self) -> None:
        self.running = False

    def on_save(self) -> Download:
        return Download("runs.parquet", b"PAR1\x00\xff")


def _parts(wait: float, think: float = 0, answer: float = 0) -> tuple[Segment, ...]:
    """Where the phases ended, in milliseconds since a start with 12 ms of connecting."""
    ends = {"connect": 12.0, "wait": wait, "think": think, "answer": answer}
    parts, at = [], 0.0
    for name, end in ends.items():
        if end > at:
            spent = end - at
            parts.append(Segment(name, spent, f"{spent:,.0f} ms" if spent < 1_000 else f"{spent / 1_000:.1f} s"))
            at = end
    return tuple(parts)

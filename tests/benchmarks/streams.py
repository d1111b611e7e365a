"""Four streams of text in a notebook, two ways: llmlab's lanes, and a widget with a trait per lane, set at each token.

Both are told the same tokens at the same times, from a thread of the kernel, and both keep four boxes at their ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import anywidget
import traitlets

from llmlab.widgets.lanes import Lane, Lanes
from llmlab.widgets.panel import Panel, View
from llmlab.widgets.views import Series

LANES = ("a", "b", "c", "d")
TOKENS, PER_SECOND = 500, 100


def whole() -> str:
    """What each lane says in the end."""
    return "".join(map(_token, range(TOKENS)))


class LanesOfLlmlab(Panel):
    """As llmlab's screens show streams."""

    title = "Lanes"
    views = (View("lanes", kind="lanes", title="Side by side"),)
    lanes: tuple[Lane, ...] = tuple(Lane(key, key) for key in LANES)

    def draw_lanes(self) -> Lanes:
        return Lanes(self.lanes, (Series("answer", "answer"),), 5_000)

    def say(self, place: int, token: str) -> None:
        """A token of one lane."""
        grown = replace(self.lanes[place], text=self.lanes[place].text + token)
        self.lanes = (*self.lanes[:place], grown, *self.lanes[place + 1 :])
        self.redraw_soon(("lanes",))


class TraitPerLane(anywidget.AnyWidget):
    """As a widget is usually written."""

    _esm = """
      export default { render({ model, el }) {
        const row = document.createElement("div");
        row.className = "traits";
        row.style.cssText = "display: grid; grid-template-columns: repeat(4, 1fr); gap: 14px";
        for (const name of ["a", "b", "c", "d"]) {
          const box = document.createElement("div");
          box.style.cssText = "height: 16em; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere";
          model.on(`change:${name}`, () => {
            box.textContent = model.get(name);
            box.scrollTop = box.scrollHeight;
          });
          row.append(box);
        }
        el.append(row);
      } };
    """
    a = traitlets.Unicode("").tag(sync=True)
    b = traitlets.Unicode("").tag(sync=True)
    c = traitlets.Unicode("").tag(sync=True)
    d = traitlets.Unicode("").tag(sync=True)

    def say(self, place: int, token: str) -> None:
        """A token of one lane."""
        setattr(self, LANES[place], getattr(self, LANES[place]) + token)


def stream(say: Callable[[int, str], None]) -> None:
    """All tokens of all lanes, each when it is due."""
    due = time.monotonic()
    for number in range(TOKENS):
        for place in range(len(LANES)):
            say(place, _token(number))
        due += 1 / PER_SECOND
        time.sleep(max(due - time.monotonic(), 0))


def _token(number: int) -> str:
    return f"word{number}" + ("\n" if number % 40 == 39 else " ")

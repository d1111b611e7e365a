"""A screen: controls declared as traits, views drawn on demand, and a front end that is the same for every panel.

    class Demo(Panel):
        title = "Demo"
        requests = controls.number(100_000, label="Requests", min=1, max=100_000_000, scale="log")
        views = (View("bars", kind="bars", title="Cost per endpoint"),)
        def draw_bars(self) -> Bars: ...

The kernel holds the truth and the browser shows it. Controls sync as ordinary traits. Views do not: their payloads
travel as messages, only for the views that are open, all of them in one message per change, so a saved notebook holds
no drawings. What the notebook does keep is the HTML snapshot under the panel, hidden while the panel is live.

What goes on in the background (a run) changes what the panel draws from and calls `redraw_soon`, from any thread and as
often as it likes: ten times a second at most is something drawn, and of a view that can be patched the difference sent.

Messages from the browser: `front end`, `hello`, `open`, `close`, `sort`, `more`, `select`, `action`, `file`, `settled`,
`plotly.js`. To the browser: `front end`, `draw`, `patch`, `hidden`, `error`, `did`, `plotly.js`. `static/panel.js` is
the other half.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, ClassVar, Self, TypeVar

import anywidget
import traitlets

from ..errors import LlmlabError, UnknownNameError
from . import display, frontend
from .browsers import Browsers
from .controls import Choice, Control, File, Options, Several, option_pairs
from .pacing import Pacer
from .screen import Action, Clipboard, Download, View
from .views import Json, Patch, Payload

__all__ = ["Action", "Clipboard", "Download", "Panel", "View"]

_log = logging.getLogger(__name__)

# JupyterLab sends a widget's messages over a subshell: while a cell computes in the main thread, the panel is used
# in another. One lock for all panels: linked panels change each other, and two locks could wait for each other.
_turn = threading.RLock()

REDRAW_REST_S = 0.1  # between two redraws of `redraw_soon`: at most ten a second
Progress = tuple[float | None, str]
_Value = TypeVar("_Value")


class Panel(anywidget.AnyWidget):
    """Base of all screens; see the module's docstring and `tests/widgets/demo.py`."""

    title: ClassVar[str] = ""
    views: ClassVar[tuple[View, ...]] = ()
    actions: ClassVar[tuple[Action, ...]] = ()
    groups: ClassVar[tuple[str, ...]] = ()
    """Groups of controls that come first, in this order; the others follow as they are declared."""

    last_error: Exception | None = None
    """What the panel shows as its error, until something succeeds."""

    _esm = traitlets.Unicode(frontend.loader()).tag(sync=True)
    _spec = traitlets.Dict().tag(sync=True)
    _options = traitlets.Dict()

    _controls: ClassVar[dict[str, Control]] = {}
    _browsers: Browsers
    _pacer: Pacer
    _drawn: Mapping[str, Payload] = {}  # of each view since the last change: what was drawn,
    _failed: Mapping[str, str] = {}  # or why it could not be
    _error: str | None = None
    _progress: Progress | None = None
    _sorts: Mapping[str, tuple[str, bool]] = {}
    _limits: Mapping[str, int] = {}
    _selected: Mapping[str, str] = {}
    _rev = 0
    _held = 0
    _stale = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = {n: t for k in reversed(cls.__mro__) for n, t in vars(k).items() if isinstance(t, Control)}
        # what a subclass made something else of (a property) is no control any more
        found = {name: trait for name, trait in declared.items() if isinstance(getattr(cls, name), Control)}
        places = {group: place for place, group in enumerate(cls.groups)}
        found = dict(sorted(found.items(), key=lambda item: places.get(item[1].metadata["group"], len(places))))
        cls._controls = found
        for name in found:
            if hasattr(Panel, name):
                raise TypeError(f"{cls.__name__}: a control cannot be called {name!r}, every panel has that already")
        for view in cls.views:
            if view.kind not in frontend.KINDS:
                raise UnknownNameError(
                    "kind of view", view.kind, frontend.KINDS, where=f"{cls.__name__}, view {view.id!r}"
                )
        needed = [f"draw_{view.id}" for view in cls.views] + [f"on_{action.name}" for action in cls.actions]
        needed += [f"on_{name}" for name, trait in found.items() if isinstance(trait, File)]
        if missing := [name for name in needed if not hasattr(cls, name)]:
            raise TypeError(f"{cls.__name__} declares views, actions or files but not their {', '.join(missing)}")

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """As in traitlets. A screen may set options before it calls our `__init__`: what that needs is here."""
        panel: Self = super().__new__(cls, *args, **kwargs)
        panel._browsers = Browsers()
        panel._pacer = Pacer(panel._redraw_now, REDRAW_REST_S)
        return panel

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in self._controls:
                raise UnknownNameError("control", name, self._controls, where=f"{type(self).__name__}()")
        self._spec = self._describe()
        super().__init__(**values)
        self.on_msg(self._receive)

    # What a screen may override

    def status(self) -> str:
        """One line that says where things stand, read out 400 ms after the last change."""
        return ""

    def unavailable(self) -> Mapping[str, str]:
        """The actions that cannot be used now, each with the reason. Asked for with every drawing and every action."""
        return {}

    def on_select(self, view: str, row: str) -> None:
        """A row, bar or point was chosen. Open views are drawn again afterwards."""

    def to_code(self) -> str:
        """The Python call that makes this panel again: every control that is not at its default."""
        name = type(self).__name__
        differing = {
            control: getattr(self, control)
            for control, trait in self._controls.items()
            if not isinstance(trait, File) and getattr(self, control) != self.trait_defaults(control)
        }
        arguments = [f"{control}={value!r}" for control, value in differing.items()]
        files = [getattr(self, control) for control, trait in self._controls.items() if isinstance(trait, File)]
        by_hand = "".join(f"  # with {file} opened by hand" for file in files if file)
        line = f"{name}({', '.join(arguments)})"
        if len(line) > 100:
            line = f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
        return line + by_hand

    def snapshot(self) -> str:
        """The open views as static HTML, and the call that makes the panel again: what stays without a kernel."""
        parts = [f"<p><strong>{escape(self.title)}</strong> (as last seen; run the cell to use it)</p>"]
        said = self._browsers.open
        showing = frozenset(view.id for view in self.views if view.open) if said is None else said
        for view in self.views:
            if view.id in showing:
                drawn = self._draw(view)
                content = drawn.to_html() if drawn else f"<p>{escape(self._failed[view.id])}</p>"
                parts.append(f"<p><strong>{escape(view.title)}</strong></p>{content}")
        parts.append(f"<p>To open it again:</p><pre><code>{escape(self.to_code())}</code></pre>")
        # the other two classes say that "$5 to $7" is money, not a formula between dollar signs
        return f'<div class="llmlab-snapshot mathjax_ignore tex2jax_ignore">{"".join(parts)}</div>'

    # What a screen may use

    @contextmanager
    def hold_changes(self) -> Iterator[None]:
        """Several changes, one message and one redraw. An invalid value takes all of them back."""
        with self._one_redraw(), self.hold_sync(), self.hold_trait_notifications():
            yield

    def redraw(self) -> None:
        """Draw the open views again, after a change that no control knows of."""
        with self._one_redraw():
            self._changed()

    def redraw_soon(self, views: Iterable[str] | None = None) -> None:
        """Draw these views (all, unless said) where they are open: ten times a second at most, the last never lost.

        For threads in the background, as often as they like: it returns at once, and what goes wrong is shown in the
        panel. The views are drawn in another thread, so a `draw_` method must find a state that holds together.
        """
        if self.comm is not None:
            self._pacer.ask([view.id for view in self.views] if views is None else views)

    def patch(self, view: str, change: Patch) -> None:
        """Send a change of one view now, if it is open, instead of drawing it again.

        What the view is drawn from has to hold the change already: under `hold_changes()`, so that no drawing comes
        between the two. `redraw_soon` finds the difference itself; this is for those who know it.
        """
        with self._one_redraw():
            self._drop({self._view(view).id})
            if view in self._browsers.showing and not self._stale:
                self._tell(**self._browsers.patch(view, change))

    @property
    def progress(self) -> Progress | None:
        """How far a run is: the share that is done, from 0 to 1 or `None` for unknown, and words; `None`: no run.

        May be set from any thread; shown as `redraw_soon` does it.
        """
        return self._progress

    @progress.setter
    def progress(self, progress: Progress | None) -> None:
        if progress is not None and progress[0] is not None and not 0 <= progress[0] <= 1:
            raise ValueError(f"the share that is done must be from 0 to 1, not {progress[0]}")
        self._progress = progress
        self.redraw_soon(())

    def sort_of(self, view: str) -> tuple[str, bool]:
        """The column a table is sorted by, and whether descending."""
        return self._sorts.get(view, self._view(view).sort)

    def limit_of(self, view: str) -> int:
        """How many rows of a view to show; its "Show more" doubles it."""
        return self._limits.get(view, self._view(view).limit)

    def selected_of(self, view: str) -> str | None:
        """The key of the row that was last chosen in a view."""
        return self._selected.get(view)

    def set_options(self, control: str, options: Options) -> None:
        """Offer other options in a choice or several. What is no longer on offer is dropped: the first takes its place.

        May be called before `super().__init__()`, so that a constructor's arguments are checked against them.
        """
        trait = self._controls.get(control)
        if not isinstance(trait, Choice | Several):
            named = [name for name, known in self._controls.items() if isinstance(known, Choice | Several)]
            raise UnknownNameError("control with options", control, named, where=type(self).__name__)
        pairs = option_pairs(options)
        values = [value for value, _ in pairs]
        with self.hold_changes():
            current = getattr(self, control)
            self._options = {**self._options, control: pairs}
            if isinstance(trait, Several):
                setattr(self, control, tuple(value for value in current if value in values))
            elif values and current not in values:
                setattr(self, control, values[0])
            self._spec = self._describe()

    def __repr__(self) -> str:
        return self.to_code()

    def reopen(self) -> None:
        """Come back after `close()`: a panel is closed when another takes its cell, and may be wanted again."""
        self.__dict__.pop("_repr_mimebundle_", None)  # set to None by ipywidgets' close()
        self._drawn, self._failed = {}, {}  # meanwhile `redraw_soon` did nothing
        self.open()

    def close(self) -> None:
        """As in ipywidgets: the browser's views of it go away. Nothing of `redraw_soon` is left behind."""
        if self.comm is not None:
            with _turn:
                self._pacer.stop()
                self._browsers.gone()
                super().close()

    # Changes, and the one redraw that follows them

    @contextmanager
    def hold_trait_notifications(self) -> Iterator[None]:
        """As in traitlets; and what changed meanwhile is drawn once."""
        with self._one_redraw(), super().hold_trait_notifications():
            yield

    def notify_change(self, change: Any) -> None:
        """As in traitlets; and once every observer has had its say, the open views are drawn."""
        with self._one_redraw():
            super().notify_change(change)
            if change["name"] in self._controls or change["name"] == "_options":
                self._changed()

    def set_state(self, sync_data: Json) -> None:
        """Values from the browser. One that a control cannot hold is shown as an error and taken back."""
        with self._guarded(), self._one_redraw():
            try:
                super().set_state(sync_data)
            except traitlets.TraitError:
                self.send_state([name for name in sync_data if name in self.keys])
                raise

    def _send(self, msg: Json, buffers: Sequence[bytes] | None = None) -> None:
        """As in ipywidgets. What the browser answers goes where the browser says, not to the thread that sent this.

        ipykernel 7.4 hands it to that of the last message: to the main thread while a cell computes in it, if a redraw
        in the background came last, and a Cancel would wait for the cell.
        """
        super()._send(msg, buffers)
        getattr(self.comm, "__dict__", {}).pop("_reply_subshell_id", None)

    @contextmanager
    def _one_redraw(self) -> Iterator[None]:
        with _turn:
            self._held += 1
            try:
                yield
            finally:
                if self._held == 1 and self._stale:
                    self._stale = False
                    self._rev += 1
                    self._send_views(self._browsers.showing)
                self._held -= 1

    def _changed(self) -> None:
        self._stale, self._drawn, self._failed = True, {}, {}

    def _redraw_now(self, names: frozenset[str]) -> None:
        """What `redraw_soon` asked for, in the pacer's thread."""
        with _turn, self._guarded(), self._one_redraw():
            of_a_drawing = self._error in self._failed.values()
            self._drop({self._view(name).id for name in names})
            self._rev += 1
            self._send_views(names & self._browsers.showing, sparing=True, mends=of_a_drawing)

    # Drawing

    def _draw(self, view: View) -> Payload | None:
        """What the view shows now, or None if drawing it failed: once per change, however often it is asked for."""
        if view.id not in self._drawn and view.id not in self._failed:
            try:
                self._drawn = {**self._drawn, view.id: self._completed(view, getattr(self, f"draw_{view.id}")())}
            except Exception as error:  # noqa: BLE001  shown in the panel, as every error is
                self._failed = {**self._failed, view.id: self._fail(error, view.title)}
        return self._drawn.get(view.id)

    def _completed(self, view: View, payload: Any) -> Payload:
        if not isinstance(payload, Payload) or payload.kind != view.kind:
            raise TypeError(f"draw_{view.id} must return what a {view.kind} view shows, not {type(payload).__name__}")
        own = {"sort": self.sort_of(view.id), "selected": self.selected_of(view.id)}
        unset = {name: value for name, value in own.items() if getattr(payload, name, "absent") is None}
        return dataclasses.replace(payload, **unset)  # type: ignore[type-var]  # every Payload is a dataclass

    def _send_views(self, ids: frozenset[str], *, sparing: bool = False, mends: bool = True) -> None:
        """One message for all of `ids`. A view that cannot be drawn keeps its last drawing; the others are drawn.

        If all can, an error that was shown is over, unless it `mends` nothing: a person must have time to read it.
        """
        if self._browsers.open is None:
            return
        drawn = {view.id: self._draw(view) for view in self.views if view.id in ids}
        beside = self._beside()
        if mends and not self._failed:
            self._succeed()
        beside["error"] = self._error
        send = self._browsers.difference if sparing else self._browsers.drawing
        if message := send(drawn, beside, self._rev):
            self._tell(**message)

    def _beside(self) -> Json:
        """What a browser shows beside the views. Where asking for it fails, it keeps what it shows."""
        asked: dict[str, Callable[[], object]] = {
            "status": self.status, "unavailable": self._refused, "progress": lambda: self.progress
        }  # fmt: skip
        self._drop({f"{name}()" for name in asked})
        found = {}
        for name, ask in asked.items():
            try:
                found[name] = ask()
            except Exception as error:  # noqa: BLE001  as above
                self._failed = {**self._failed, f"{name}()": self._fail(error)}
        return found

    def _refused(self) -> dict[str, str]:
        """`unavailable()`, of actions that there are."""
        refused = dict(self.unavailable())
        for name in refused:
            self._action(name)
        return refused

    def _tell(self, kind: str, buffers: Sequence[bytes] = (), **content: Any) -> None:
        self._browsers.told(error=self._error)
        self.send({"kind": kind, "error": self._error, **content}, list(buffers))

    # Errors

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever a handler raises is shown in the panel: nobody would see it otherwise."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  as above
            self._fail(error)
            self._tell("error")

    def _fail(self, error: Exception, where: str = "") -> str:
        meant = isinstance(error, LlmlabError | traitlets.TraitError)
        words = str(error) if meant else f"{type(error).__name__}: {error}"
        was, self._error = self._error, f"{where}: {words}" if where else words
        self.last_error = error
        if not meant and self._error != was:  # once, though it be drawn ten times a second
            _log.error("%s: %s", type(self).__name__, self._error, exc_info=error)
        return self._error

    def _succeed(self) -> None:
        self.last_error = self._error = None

    # Messages from the browser

    def _receive(self, _: object, message: Json, buffers: object) -> None:
        with self._guarded(), self._one_redraw():
            self._answer(message)

    def _answer(self, message: Json) -> None:
        match message:
            case {"kind": "front end"}:
                self.send({"kind": "front end", "module": frontend.module(), "style": frontend.style()})
            case {"kind": "hello" | "open" as kind, "views": [*ids]}:
                self._look(kind, frozenset(ids))
            case {"kind": "close", "view": str(name)}:
                self._look("close", frozenset({name}))
            case {"kind": "sort", "view": str(name), "key": str(key)}:
                current, descending = self.sort_of(name)
                self._sorts = {**self._sorts, name: (key, key == current and not descending)}
                self._forget(name)
            case {"kind": "more", "view": str(name)}:
                self._limits = {**self._limits, name: 2 * self.limit_of(name)}
                self._forget(name)
            case {"kind": "select", "view": str(name), "row": str(row)}:
                self._selected = {**self._selected, self._view(name).id: row}
                self._changed()
                self.on_select(name, row)
            case {"kind": "action", "name": str(name)}:
                self._act(name)
            case {"kind": "file", "name": str(name), "file": str(file), "text": str(text)} if name in self._controls:
                getattr(self, f"on_{name}")(file, text)
                setattr(self, name, file)
                self._changed()
            case {"kind": "settled"}:
                display.update_snapshot(self)
            case {"kind": "plotly.js"}:
                from plotly.offline import get_plotlyjs

                self.send({"kind": "plotly.js"}, buffers=[get_plotlyjs().encode()])
            case _:
                raise ValueError(f"a message this panel does not know: {message!r:.200}")

    def _look(self, kind: str, views: frozenset[str]) -> None:
        """A browser shows these views and no others (`hello`), also these (`open`), or these no more (`close`)."""
        was = self._browsers.showing
        if kind == "close":
            self._browsers.close(views)
        else:
            self._browsers.open = views if kind == "hello" else was | views
            self._send_views(views)
        if gone := was - self._browsers.showing:
            self._tell("hidden", views=sorted(gone))

    def _act(self, name: str) -> None:
        self._action(name)
        if why := self.unavailable().get(name):  # pressed before the browser knew
            self._tell("did", status=why)
            return
        result = getattr(self, f"on_{name}")()
        if not self._failed:
            self._succeed()
        self._send_views(frozenset(), sparing=True)  # what can be done next may have changed
        match result:
            case Clipboard(text):
                self._tell("did", clipboard=text, status="Copied.")
            case Download(file, str(text)):
                self._tell("did", download=text, file=file, status=f"Saved as {file}.")
            case Download(file, bytes(data)):
                self._tell("did", [data], file=file, status=f"Saved as {file}.")
            case _:
                self._tell("did", status=result or "")

    def _forget(self, view: str) -> None:
        """Draw one view again because what it shows of itself changed, not the values behind it."""
        self._drop({view})
        self._send_views(frozenset({view}))

    def _drop(self, views: set[str]) -> None:
        """The next drawing of these is a new one."""
        self._drawn, self._failed = _without(self._drawn, views), _without(self._failed, views)

    def _view(self, name: str) -> View:
        for view in self.views:
            if view.id == name:
                return view
        raise UnknownNameError("view", name, [view.id for view in self.views], where=type(self).__name__)

    def _action(self, name: str) -> Action:
        for action in self.actions:
            if action.name == name:
                return action
        raise UnknownNameError("action", name, [action.name for action in self.actions], where=type(self).__name__)

    def _describe(self) -> Json:
        """What the browser needs to build the screen: no values, no drawings."""
        selectable = type(self).on_select is not Panel.on_select
        views = [dataclasses.asdict(view) | {"selectable": view.selectable and selectable} for view in self.views]
        controls = [
            {"name": name, **{k: v for k, v in trait.metadata.items() if k != "sync"}, "options": trait.options(self)}
            for name, trait in self._controls.items()
        ]
        actions = [dataclasses.asdict(action) for action in self.actions]
        return {"title": self.title, "controls": controls, "views": views, "actions": actions}

    # Display

    def _ipython_display_(self) -> None:
        """The panel and, under it, its snapshot; without a kernel, the call that makes it."""
        with self._one_redraw():
            display.show(self)


def _without(known: Mapping[str, _Value], names: set[str]) -> dict[str, _Value]:
    return {name: value for name, value in known.items() if name not in names}

"""Where panels are shown: the cell each belongs to, and the snapshot that outlives the kernel.

JupyterLab keeps a widget alive when its cell runs again, and shows "model not found" for it once the kernel is gone. So
a panel closes the one it replaces, and leaves a second output beside it: static HTML, hidden while the panel is live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from IPython.core.getipython import get_ipython
from IPython.display import publish_display_data

if TYPE_CHECKING:
    from .panel import Panel

_runs: dict[str, str] = {}  # cell id -> the execution that filled it
_cells: dict[str, WeakSet[Panel]] = {}  # cell id -> panels shown there by that execution
_snapshots: WeakKeyDictionary[Panel, str] = WeakKeyDictionary()  # what each panel's second output says now


def show(panel: Panel) -> None:
    """Display a panel in the running cell; outside a kernel, print the call that makes it."""
    shell = get_ipython()
    if getattr(shell, "kernel", None) is None:
        print(repr(panel))
        return
    if panel.comm is None:  # it was closed when another panel took its cell, and is wanted again
        panel.reopen()
    _take_cell(panel, shell.get_parent())  # type: ignore[union-attr]  # a shell that has a kernel
    data, metadata = panel._repr_mimebundle_() or ({}, {})
    publish_display_data(data, metadata)  # type: ignore[no-untyped-call]  # IPython is partly typed
    _publish(panel, panel.snapshot())


def update_snapshot(panel: Panel) -> None:
    """Bring the second output up to date, if the panel has one and it says something else."""
    html = panel.snapshot() if panel in _snapshots else ""
    if html != _snapshots.get(panel, ""):
        _publish(panel, html, update=True)


def _take_cell(panel: Panel, parent: dict[str, Any]) -> None:
    """Close what an earlier run of this cell showed, unless another cell still shows it."""
    cell, run = parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id", "")
    if cell is None:
        return  # not a notebook: a console, or a script run through a kernel
    if _runs.get(cell) != run:
        replaced, _runs[cell], _cells[cell] = _cells.get(cell, WeakSet()), run, WeakSet()
        for old in replaced:
            if old is not panel and not any(old in shown for shown in _cells.values()):
                old.close()
    _cells[cell].add(panel)


def _publish(panel: Panel, html: str, *, update: bool = False) -> None:
    _snapshots[panel] = html
    data = {"text/html": html, "text/plain": panel.to_code()}
    publish_display_data(data, transient={"display_id": f"llmlab-{panel.model_id}"}, update=update)  # type: ignore[no-untyped-call]

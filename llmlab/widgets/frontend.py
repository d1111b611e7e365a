"""The browser's half of every panel: the small files under `static/`, joined into one module and one style sheet.

There is no build step. The files are joined here because a widget's module is loaded from a blob and cannot import its
neighbours, and as text because anywidget watches a `Path`, and what watches a panel keeps it alive after `close()`.
A saved notebook holds a widget's module once per panel, so that module is only `loader.js`: it asks the kernel for the
rest, once a page. What only people read is left out of what is sent: indentation, blank lines and comments that have a
line to themselves. Nothing within a line is touched (tests/widgets/test_frontend.py).
`static/view_table.js` defines `tableView`, and so on: a new kind of view is a new file.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

_STATIC = Path(__file__).parent / "static"

_COMMENT = re.compile(r"//.*|/\*((?!\*/).)*\*/")

KINDS = sorted(path.stem.removeprefix("view_") for path in _STATIC.glob("view_*.js"))


def loader() -> str:
    """The module of every panel: it fetches `module()` and `style()`, unless this version of them is on the page."""
    version = hashlib.sha256(f"{module()}{style()}".encode()).hexdigest()[:16]
    return f'const VERSION = "{version}";\n{_read("loader.js")}'


@functools.cache
def module() -> str:
    """All scripts as one ES module, with the register of views that `panel.js` looks kinds up in."""
    names = ["dom.js", "theme.js", "control.js", *(f"view_{kind}.js" for kind in KINDS), "panel.js"]
    register = f"const VIEWS = {{ {', '.join(f'{kind}: {kind}View' for kind in KINDS)} }};"
    return "\n".join([*map(_read, names), register])


@functools.cache
def style() -> str:
    """All style sheets as one."""
    return "\n".join(map(_read, ["panel.css", "controls.css", "views.css", "lanes.css", "tree.css"]))


def _read(name: str) -> str:
    lines = [line.strip() for line in (_STATIC / name).read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if line and not _COMMENT.fullmatch(line))

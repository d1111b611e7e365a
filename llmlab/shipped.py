"""Where the files that ship with llmlab are: `pricing/` and `notebooks/`.

In a checkout they stand beside the package, where people edit and read them; in an installed wheel they are inside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder `pricing` or `notebooks`, wherever this installation keeps it."""
    installed = _PACKAGE / "_shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name

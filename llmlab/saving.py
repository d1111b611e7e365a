"""Nothing a user made is lost: a file is replaced whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import LlmlabError


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` so that a reader, or a crash at any moment, finds the old file or the new one.

    Raises `LlmlabError` when the folder is missing, read-only or full; the old file is then untouched.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as e:
        raise LlmlabError(f"{path}: cannot be written: {e.strerror or e}") from e
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        fresh.chmod(mode)  # mkstemp makes files that only their owner can read
        fresh.replace(path)
    except (OSError, UnicodeError) as e:
        fresh.unlink(missing_ok=True)
        raise LlmlabError(f"{path}: cannot be written: {getattr(e, 'strerror', None) or e}") from e


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

"""Records in an append-only file, one JSON text a line, so that what was measured survives whatever happens next."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..errors import LlmlabError
from .records import StreamRecord
from .serialisation import from_plain, to_plain


class Journal:
    """Appends to the file at `path`, which only its owner can read; several processes may. `None` keeps nothing."""

    def __init__(self, path: str | None) -> None:
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, record: StreamRecord) -> None:
        """Append `record` in one write: lines of two processes never mix."""
        if self._file is not None:
            os.write(self._file, json.dumps(to_plain(record)).encode() + b"\n")

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_journal(path: str | Path) -> list[StreamRecord]:
    """The records in the file at `path`. A last line that a kill cut short is left out; any other is an error."""
    lines = Path(path).read_bytes().split(b"\n")
    records = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            records.append(from_plain(json.loads(line)))
        except (ValueError, LlmlabError) as e:
            if number == len(lines):
                break
            raise LlmlabError(f"{path}:{number}: {e}") from e
    return records

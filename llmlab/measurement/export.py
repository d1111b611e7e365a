"""A run as plain columns, a row per call: CSV, JSON, Parquet and a pandas DataFrame.

Every row says in words whether it is SIMULATED or measured. What is unknown is empty, never 0. Times are in
milliseconds; `definitions.yaml` says what each is.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Any, Literal

from .records import StreamRecord

if TYPE_CHECKING:
    import pandas as pd

ColumnType = Literal["text", "whole", "number", "flag", "usd"]
COLUMNS: dict[str, ColumnType] = {
    "run": "text",
    "number": "whole",
    "round": "whole",
    "endpoint": "text",
    "model": "text",
    "path": "text",
    "simulated": "flag",
    "label": "text",
    "warm_up": "flag",
    "started_at": "text",
    "status": "text",
    "error": "text",
    "error_message": "text",
    "http_status": "whole",
    "finish": "text",
    "request_id": "text",
    "attempts": "whole",
    "waited_s": "number",
    "clock": "text",
    "queue_ms": "number",
    "connect_ms": "number",
    "dns_ms": "number",
    "tcp_ms": "number",
    "tls_ms": "number",
    "reused": "flag",
    "library_before_ms": "number",
    "ttft_ms": "number",
    "ttfo_ms": "number",
    "think_ms": "number",
    "e2e_ms": "number",
    "tail_ms": "number",
    "itl_ms": "number",
    "longest_gap_ms": "number",
    "stalled": "flag",
    "decode_tokens_per_s": "number",
    "overall_tokens_per_s": "number",
    "felt_ttft_ms": "number",
    "library_after_ms": "number",
    "library_ms": "number",
    "from_schedule_ms": "number",
    "input_tokens": "whole",
    "cache_read_tokens": "whole",
    "cache_write_tokens": "whole",
    "output_tokens": "whole",
    "reasoning_tokens": "whole",
    "usage_source": "text",
    "billed_to_visible": "number",
    "chunks": "whole",
    "tokens_per_chunk": "number",
    "usd": "usd",
    "unpriced": "text",
    "loop_lag_ms": "number",
    "late": "flag",
    "text": "text",
}
_DERIVED: dict[str, Callable[[StreamRecord], Any]] = {  # the others are the record's own, by the same name
    "label": lambda r: "SIMULATED" if r.simulated else "measured",
    "error": lambda r: r.error.kind if r.error else None,
    "error_message": lambda r: r.error.message if r.error else None,
    "http_status": lambda r: r.error.http_status if r.error else None,
    "attempts": lambda r: len(r.attempts) + (r.status != "not_sent"),
    "waited_s": lambda r: sum((attempt.waited_s for attempt in r.attempts), 0.0),
    "dns_ms": lambda r: r.connection.dns_ms,
    "tcp_ms": lambda r: r.connection.tcp_ms,
    "tls_ms": lambda r: r.connection.tls_ms,
    "reused": lambda r: r.connection.reused,
    "input_tokens": lambda r: r.usage.input if r.usage else None,
    "cache_read_tokens": lambda r: r.usage.cache_read if r.usage else None,
    "cache_write_tokens": lambda r: r.usage.cache_write if r.usage else None,
    "output_tokens": lambda r: r.usage.output if r.usage else None,
    "reasoning_tokens": lambda r: r.usage.reasoning if r.usage else None,
    "chunks": lambda r: len(r.chunks),
}
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"  # and what an East Asian spreadsheet takes for the same
_DTYPES: dict[ColumnType, str] = {
    "text": "string", "whole": "Int64", "number": "Float64", "flag": "boolean", "usd": "Float64",
}  # fmt: skip
_USD_PLACES = 18
_USD = Context(prec=38, rounding=ROUND_HALF_EVEN)


def columns(records: Iterable[StreamRecord]) -> list[dict[str, Any]]:
    """A flat row per record, its keys those of `COLUMNS`; `usd` a `Decimal`, `None` what is unknown."""
    return [{name: _cell(record, name) for name in COLUMNS} for record in records]


def to_csv(records: Iterable[StreamRecord]) -> str:
    """CSV as RFC 4180 has it, with a header; unknown is an empty cell.

    Text that a spreadsheet would run as a formula (a model's answer may start with `=`) gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([_csv_cell(value) for value in row.values()] for row in columns(records))
    return out.getvalue()


def to_json(records: Iterable[StreamRecord]) -> str:
    """A JSON list with an object per call, one a line; `usd` is a number with all its digits, unknown is `null`."""
    lines = ",\n".join(_json_object(row) for row in columns(records))
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def to_parquet(records: Iterable[StreamRecord]) -> bytes:
    """A Parquet file of the same columns; `usd` is a decimal with 18 places, of a dollar."""
    import pyarrow as pa  # type: ignore[import-untyped]  # ships no types; a third of a second
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    types = {
        "text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
        "usd": pa.decimal128(38, _USD_PLACES),
    }  # fmt: skip
    rows = columns(records)
    for row in rows:
        if row["usd"] is not None:
            row["usd"] = row["usd"].quantize(Decimal(1).scaleb(-_USD_PLACES), context=_USD)
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), out)
    return out.getvalue()


def to_frame(records: Iterable[StreamRecord]) -> pd.DataFrame:
    """A pandas DataFrame of the same columns, of the same types whatever is in them, none included.

    `usd` is a float here, because pandas takes no median of decimals; the other exports keep every digit.
    """
    import pandas as pd

    rows = columns(records)
    for row in rows:
        row["usd"] = None if row["usd"] is None else float(row["usd"])
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return frame.astype({name: _DTYPES[kind] for name, kind in COLUMNS.items()})


def _cell(record: StreamRecord, name: str) -> Any:
    value = _DERIVED[name](record) if name in _DERIVED else getattr(record, name)
    if isinstance(value, str):
        return _whole_characters(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _whole_characters(text: str) -> str:
    """`text` without halves of characters, which a stream cut in the middle of one leaves and no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _csv_cell(value: Any) -> Any:
    if isinstance(value, str):
        text = value.replace("\0", "\ufffd")  # readers of CSV take it for the end
        inert = not text.lstrip().startswith(tuple(_FORMULA)) and not text.startswith(("\t", "\r", "\n"))
        return text if inert else f"'{text}"
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else value


def _json_object(row: dict[str, Any]) -> str:
    # Not json.dumps of the row: it would make a float of a decimal, and 0.1 + 0.2 of $0.3.
    parts = (
        f"{json.dumps(name)}: {format(value, 'f') if isinstance(value, Decimal) else json.dumps(value)}"
        for name, value in row.items()
    )
    return f"{{{', '.join(parts)}}}"

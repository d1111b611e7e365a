"""Latency profiles saved from runs: records in, an overlay of the catalog out, as a value or as a YAML file.

    save_profiles(records, "measured.yaml", endpoints={"groq/llama": "groq/llama-3-3-70b"}, region="Frankfurt")
    load_catalog("2026-11", overrides="measured.yaml").endpoint("groq/llama-3-3-70b").measured

Only calls that succeeded count, warm-up and calls timed by a late event loop left out. A percentile that so few calls
say nothing about is left out too, and an endpoint without even a median is not in the overlay.
"""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..catalog import Overrides
from ..catalog.overrides import EndpointLatency
from ..catalog.records import InstrumentError, MeasuredLatency, Percentiles
from ..errors import LlmlabError
from ..saving import write_whole
from .records import StreamRecord
from .statistics import Quantile, least_n, quantiles

if TYPE_CHECKING:
    from .calibration import Calibration

_MICROSECOND = Decimal("0.000001")
_MICROSECOND_MS = Decimal("0.001")


def profiles(
    records: Iterable[StreamRecord],
    *,
    endpoints: Mapping[str, str],
    region: str | None = None,
    as_of: date | None = None,
    calibration: Calibration | None = None,
) -> Overrides:
    """What `records` say of the latency of each endpoint, to lay over a catalog.

    `endpoints` gives the catalog's id for a record's `endpoint`; records of others are left out. `region` says in the
    caller's words from where was measured, `as_of` on which day (that of the last call unless said), `calibration` how
    far off the instrument was. Raises `LlmlabError` where simulated and real calls, or calls by several paths, fall on
    one endpoint, and where there is nothing to save.
    """
    found: dict[str, list[StreamRecord]] = {id: [] for id in endpoints.values()}
    for record in records:
        if record.endpoint in endpoints and not (record.failed or record.warm_up or record.late):
            found[endpoints[record.endpoint]].append(record)
    error = _error(calibration)
    made = {id: _profile(id, calls, region, as_of, error) for id, calls in found.items()}
    latencies = tuple(EndpointLatency(endpoint=id, measured=m) for id, m in made.items() if m is not None)
    if not latencies:
        counted = ", ".join(f"{id} has {len(calls)}" for id, calls in found.items()) or "no endpoint was named"
        raise LlmlabError(f"no latency to save: a median needs {least_n(0.5)} good calls of an endpoint; {counted}")
    day = max(latency.measured.measured_on for latency in latencies)
    return Overrides(f"measured {day}", latencies=latencies)


def save_profiles(
    records: Iterable[StreamRecord],
    path: str | Path,
    *,
    endpoints: Mapping[str, str],
    region: str | None = None,
    as_of: date | None = None,
    calibration: Calibration | None = None,
) -> Overrides:
    """Write `profiles(...)` to `path`, whole or not at all, as a file that `load_catalog(overrides=path)` reads.

    Returns what was written: an endpoint with too few good calls is not in it.
    """
    overlay = profiles(records, endpoints=endpoints, region=region, as_of=as_of, calibration=calibration)
    write_whole(Path(path).expanduser(), profiles_yaml(overlay))
    return overlay


def profiles_yaml(overlay: Overrides) -> str:
    """The latencies of `overlay` as YAML text; `parse_overrides` gives them back equal."""
    items = [{"endpoint": latency.endpoint, **_plain(latency.measured)} for latency in overlay.latencies]
    any_simulated = any(latency.measured.simulated for latency in overlay.latencies)
    simulated = "# SIMULATED: a simulator answered, nobody's servers were measured\n" if any_simulated else ""
    return (
        "# Latencies measured by llmlab: lay them over a catalog by load_catalog(NAME, overrides=THIS_FILE)\n"
        + simulated
        + yaml.dump(
            {"name": overlay.name, "latencies": items},
            Dumper=_Dumper,
            default_flow_style=None,  # a line for each record of percentiles
            sort_keys=False,
            allow_unicode=True,
            width=110,
        )
    )


def _profile(
    id: str, calls: list[StreamRecord], region: str | None, as_of: date | None, error: InstrumentError | None
) -> MeasuredLatency | None:
    if len({call.simulated for call in calls}) > 1:
        simulated = sum(call.simulated for call in calls)
        raise LlmlabError(
            f"{id}: the simulator answered {simulated} of {len(calls)} calls and real servers the others; a profile of "
            "both is true of neither: save them apart"
        )
    if len(paths := sorted({call.path for call in calls})) > 1:
        raise LlmlabError(f"{id}: measured by {' and by '.join(paths)}, each with its own error: save them apart")
    ttft, e2e = _percentiles(calls, lambda r: r.ttft_ms), _percentiles(calls, lambda r: r.e2e_ms)
    if ttft is None or e2e is None:
        return None
    counted = [call.usage for call in calls if call.usage is not None and call.usage_source == "provider"]
    return MeasuredLatency(
        measured_on=as_of or max(datetime.fromisoformat(call.started_at).date() for call in calls),
        simulated=calls[0].simulated,
        n=len(calls),
        ttft_s=ttft,
        ttfo_s=_percentiles(calls, lambda r: r.ttfo_ms),
        itl_s=_percentiles(calls, lambda r: r.itl_ms),
        e2e_s=e2e,
        input_tokens=_median(usage.input for usage in counted),
        output_tokens=_median(usage.output for usage in counted),
        path=calls[0].path,
        chunk_timed=any(call.clock == "chunk" for call in calls),
        region=region,
        machine=_machine(),
        instrument_error=error,
    )


def _percentiles(calls: list[StreamRecord], figure: Callable[[StreamRecord], float | None]) -> Percentiles | None:
    found = quantiles([ms for call in calls if (ms := figure(call)) is not None])
    median = _seconds(found.p50)
    if median is None:
        return None
    return Percentiles(n=found.n, p50=median, p90=_seconds(found.p90), p95=_seconds(found.p95), p99=_seconds(found.p99))


def _seconds(quantile: Quantile) -> Decimal | None:
    if quantile.value is None or not quantile.enough:
        return None
    return Decimal(quantile.value / 1000).quantize(_MICROSECOND)


def _median(counts: Iterable[int]) -> int | None:
    known = list(counts)
    return statistics.median_low(known) if known else None


def _error(calibration: Calibration | None) -> InstrumentError | None:
    if calibration is None:
        return None
    median, p99 = (Decimal(ms).quantize(_MICROSECOND_MS) for ms in (calibration.ttft_ms, calibration.ttft_p99_ms))
    return InstrumentError(median_ms=median, p99_ms=p99, n=calibration.n)


def _machine() -> str:
    # What another reader can compare with; never the host's name.
    cores = os.cpu_count() or 1
    return f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}"


def _plain(record: Any) -> Any:
    """A record as a file has it: without what nobody said."""
    if not dataclasses.is_dataclass(record):
        return record
    said = ((field.name, getattr(record, field.name)) for field in dataclasses.fields(record))
    return {name: _plain(value) for name, value in said if value is not None}


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: numbers as they are, no anchors for values that happen to be the same."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _number(dumper: yaml.SafeDumper, value: Decimal) -> yaml.ScalarNode:
    text = f"{value.normalize():f}"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML folds the other line breaks of Unicode, or reads them back as a space: only double quotes escape them.
    style = '"' if any(c in text for c in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(Decimal, _number)
_Dumper.add_representer(str, _text)

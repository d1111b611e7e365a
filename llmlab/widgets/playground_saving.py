"""What a Playground hands over as files: what they are called, and the latencies that can be laid over a catalog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..errors import LlmlabError
from ..measurement import StreamRecord
from ..measurement.calibration import Calibration
from ..measurement.profiles import profiles, profiles_yaml
from ..measurement.statistics import least_n
from ..measurement.targets import Target

NO_PRICE = "nothing that was measured is an endpoint of a catalog"


def file_name(records: Sequence[StreamRecord], ending: str) -> str:
    """Of the last run; with SIMULATED in it where nothing else was measured."""
    simulated = "SIMULATED-" if all(record.simulated for record in records) else ""
    return f"llmlab-{simulated}{records[-1].run}{ending}"


def too_few(records: Iterable[StreamRecord]) -> str:
    """Why there are no latencies to save yet, and what to do; empty where there are."""
    count: dict[str, int] = {}
    for record in records:
        if not (record.failed or record.warm_up or record.late):
            count[record.endpoint] = count.get(record.endpoint, 0) + 1
    least = least_n(0.5)
    most = max(count.values(), default=0)
    return "" if most >= least else f"a median needs {least} good calls of an endpoint, not {most}: raise Runs"


def latencies_yaml(
    records: Sequence[StreamRecord], targets: Iterable[Target], catalog: str, calibration: Calibration | None
) -> str:
    """The percentiles of `records` as YAML to lay over one catalog: `catalog`, if any of `targets` is in it.

    What was measured of other catalogs' endpoints, or of one endpoint under a second name, is named and left out.
    Raises `LlmlabError` where there is nothing to save.
    """
    named = [target for target in targets if target.endpoint is not None]
    if not named:
        raise LlmlabError(f"no latency to save: {NO_PRICE}")
    catalogs = [str(target.catalog) for target in named]
    chosen = catalog if catalog in catalogs else catalogs[0]
    names: dict[str, str] = {}  # endpoint -> the first that was measured as it
    for target in named:
        if target.catalog == chosen:
            names.setdefault(str(target.endpoint), target.name)
    overlay = profiles(records, endpoints={name: id for id, name in names.items()}, calibration=calibration)
    left = [target.name for target in named if target.name not in names.values()]
    said = f"# The catalog is {chosen}.\n"
    if left:
        said += f"# Left out, of another catalog or of an endpoint that is here already: {', '.join(left)}\n"
    return said + profiles_yaml(overlay)

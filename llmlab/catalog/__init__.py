"""What can I call, where, at what price, how fast? Facts, read from `pricing/`, installed packages and your
overrides."""

from .catalog import Catalog
from .overrides import Overrides, parse_overrides, read_overrides
from .records import Endpoint, Evidence, Latency, MeasuredLatency, Model, PriceList, Provider, Rates, Residency
from .snapshots import load_catalog, snapshot_names

__all__ = [
    "Catalog",
    "Endpoint",
    "Evidence",
    "Latency",
    "MeasuredLatency",
    "Model",
    "Overrides",
    "PriceList",
    "Provider",
    "Rates",
    "Residency",
    "load_catalog",
    "parse_overrides",
    "read_overrides",
    "snapshot_names",
]

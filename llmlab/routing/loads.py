"""What each tier is sent: its share of the requests, and the size of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..cost.sensitivity import with_input
from ..cost.workload import Workload
from .constraints import OWN_NETWORK, Constraints, TierName


@dataclass(frozen=True, slots=True)
class Load:
    """`share` of the workload's requests, each of the shape of `workload`."""

    share: float
    workload: Workload


def loads(constraints: Constraints, workload: Workload) -> Mapping[TierName, Load]:
    """By tier. Smart and backup get the hard requests at their size; backup's share is 0, an outage is not expected.

    Offline work is billed as a batch, where that is sold; what must stay in a place is billed with its surcharge.
    """
    quality = constraints.quality
    one = workload.change(region=priced_in(constraints, workload))
    if constraints.offline:
        one = one.change(batch_share=1.0)
    hard = one
    if quality.hard_input_tokens is not None:
        hard = with_input(hard, "input_tokens", quality.hard_input_tokens)
    if quality.hard_output_tokens is not None:
        hard = hard.change(output_tokens=quality.hard_output_tokens)
    bulk = max(0.0, 1 - quality.hard_share - quality.easy_share)
    return {
        "cheap": Load(quality.easy_share, one),
        "mid": Load(bulk, one),
        "smart": Load(quality.hard_share, hard),
        "backup": Load(0.0, hard),
    }


def priced_in(constraints: Constraints, workload: Workload) -> str | None:
    """The region that a bill is written for: the workload's own, else the one that data must stay in."""
    if workload.region is not None:
        return workload.region
    return None if constraints.residency in (None, OWN_NETWORK) else constraints.residency

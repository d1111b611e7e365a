"""Whether what is sent to an endpoint stays in a place, as far as somebody says so.

A surcharge for staying somewhere is a price and no promise: it does not count. Where the regions that may process a
request are published, all of them must lie in the place.
"""

from __future__ import annotations

from ..catalog.catalog import Catalog
from ..catalog.records import SCOPES, Endpoint, Host
from ..cost.workload import Workload
from ..errors import UnknownNameError
from .constraints import OWN_NETWORK, Constraints
from .knowledge import area_of, lies_in

_NO_PLACES = ("global", "unknown")


def places(constraints: Constraints, workload: Workload, catalog: Catalog) -> tuple[str, ...]:
    """Where data must stay: by the constraint, and by the workload's region. Raises `UnknownNameError` for a place that
    no scope or region is named after."""
    asked = dict.fromkeys(place for place in (constraints.residency, workload.region) if place not in (None, "global"))
    for place in asked:
        if place not in (*SCOPES, OWN_NETWORK) and area_of(str(place)) is None:
            regions = {region for e in catalog.endpoints for region in (*e.regions, *e.residency.processed_in)}
            if place not in regions:
                known = regions.union(scope for scope in SCOPES if scope not in _NO_PLACES)
                raise UnknownNameError("region", place, known, where="residency")
    return tuple(str(place) for place in asked)


def stays(endpoint: Endpoint, host: Host, place: str) -> tuple[bool | None, str]:
    """Whether requests to `endpoint` stay in `place` (`None`: nobody says), and the reason in words."""
    scope, processed = endpoint.residency.scope, endpoint.residency.processed_in
    if host == "self_host" or scope == OWN_NETWORK:
        return True, "it runs in your own network"
    if place == OWN_NETWORK:
        return False, "it is called outside your own network"
    outside = [region for region in processed if not lies_in(region, place)]
    if outside:
        return False, f"it may be processed in {', '.join(outside)}"
    if processed:
        return True, f"it is processed in {', '.join(processed)}"
    if scope == "global":
        return False, "it may be processed anywhere"
    if scope == "unknown":
        surcharge = (
            " (a surcharge for staying there is published, which is no promise)" if place in endpoint.uplifts else ""
        )
        return None, f"nobody says where it is processed{surcharge}"
    if lies_in(scope, place) or endpoint.regions == (place,):
        return True, f"it stays in {scope}"
    if area_of(place) == scope:
        return None, f"it stays in {scope}, and nobody says in which region"
    return False, f"it stays in {scope}"


def regions_in(endpoint: Endpoint, asked: tuple[str, ...]) -> tuple[str, ...]:
    """The regions in which an endpoint can be called that lie in every place asked for."""
    return tuple(region for region in endpoint.regions if all(lies_in(region, place) for place in asked))

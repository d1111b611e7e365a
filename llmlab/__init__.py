"""Which LLMs, from whom, wired together how, at what cost and latency.

    import llmlab
    bill = llmlab.estimate(llmlab.Workload(requests=100_000, cache_hit_rate=0.8), llmlab.load_catalog())
    llmlab.CostExplorer()  # the same, with sliders
    calls = llmlab.measure(["simulated/claude-sonnet", "simulated/gpt-5"], runs=10)
    llmlab.Playground()  # the same, while it happens
    llmlab.recommend(llmlab.Constraints(residency="eu"), llmlab.Workload(), llmlab.load_catalog())
    llmlab.RouterWizard()  # the same, question by question, until a router.yaml is proven

Importing this loads nothing: each name below is fetched from its folder when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog import Catalog, load_catalog
    from .cost import Ledger, Workload, break_even, estimate, ledger, pareto, sensitivity
    from .errors import LlmlabError
    from .gateway.verify import verify
    from .measurement import StreamRecord, measure, measure_live
    from .routing import Constraints, recommend
    from .scenario import Scenario
    from .widgets.cost_explorer import CostExplorer
    from .widgets.playground import Playground
    from .widgets.router_wizard import RouterWizard

    __version__: str

__all__ = [
    "Catalog",
    "Constraints",
    "CostExplorer",
    "Ledger",
    "LlmlabError",
    "Playground",
    "RouterWizard",
    "Scenario",
    "StreamRecord",
    "Workload",
    "break_even",
    "estimate",
    "ledger",
    "load_catalog",
    "measure",
    "measure_live",
    "pareto",
    "recommend",
    "sensitivity",
    "verify",
]

_HOMES = {
    "Catalog": "catalog",
    "Constraints": "routing",
    "CostExplorer": "widgets.cost_explorer",
    "Ledger": "cost",
    "LlmlabError": "errors",
    "Playground": "widgets.playground",
    "RouterWizard": "widgets.router_wizard",
    "Scenario": "scenario",
    "StreamRecord": "measurement",
    "Workload": "cost",
    "break_even": "cost",
    "estimate": "cost",
    "ledger": "cost",
    "load_catalog": "catalog",
    "measure": "measurement",
    "measure_live": "measurement",
    "pareto": "cost",
    "recommend": "routing",
    "sensitivity": "cost",
    "verify": "gateway.verify",
}


if not TYPE_CHECKING:  # a type checker knows the names above, and should not believe in others

    def __getattr__(name: str) -> object:
        import importlib

        if name in _HOMES:
            value: object = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        elif name == "__version__":
            value = _version()
        else:
            raise _unknown(name)
        globals()[name] = value  # asked once
        return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:  # a checkout on the path that nobody installed
        return "0+unknown"


def _unknown(name: str) -> AttributeError:
    from .errors import nearest

    near = [] if name.startswith("_") else nearest(name, __all__, most=1)
    advice = f"; did you mean {near[0]}?" if near else ""
    # `name` is given so that Python does not add a guess of its own.
    return AttributeError(f"module {__name__!r} has no attribute {name!r}{advice}", name=name)

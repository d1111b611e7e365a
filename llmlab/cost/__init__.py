"""What will my workload cost? Arithmetic, pure: values in, values out."""

from .bands import Band, band
from .cap import Cap, Reservation
from .estimates import Estimate, Estimates, estimate
from .grid import Grid
from .ledger import Ledger, Line, ledger
from .pareto import Pareto, pareto
from .sensitivity import BreakEven, Swing, break_even, sensitivity
from .speed import Speed, speed
from .usage import CallPrice, TokenCounts, ceiling, price_call
from .workload import Workload

__all__ = [
    "Band",
    "BreakEven",
    "CallPrice",
    "Cap",
    "Estimate",
    "Estimates",
    "Grid",
    "Ledger",
    "Line",
    "Pareto",
    "Reservation",
    "Speed",
    "Swing",
    "TokenCounts",
    "Workload",
    "band",
    "break_even",
    "ceiling",
    "estimate",
    "ledger",
    "pareto",
    "price_call",
    "sensitivity",
    "speed",
]

"""What will my workload cost? Arithmetic, pure: values in, values out."""

from .bands import Band, band
from .estimates import Estimate, Estimates, estimate
from .grid import Grid
from .ledger import Ledger, Line, ledger
from .pareto import Pareto, pareto
from .sensitivity import BreakEven, Swing, break_even, sensitivity
from .speed import Speed, speed
from .workload import Workload

__all__ = [
    "Band",
    "BreakEven",
    "Estimate",
    "Estimates",
    "Grid",
    "Ledger",
    "Line",
    "Pareto",
    "Speed",
    "Swing",
    "Workload",
    "band",
    "break_even",
    "estimate",
    "ledger",
    "pareto",
    "sensitivity",
    "speed",
]

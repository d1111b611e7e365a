"""Does a router file do what it says? Proven on the real LiteLLM proxy, in front of simulated providers.

    found = verify("router.yaml", residency="eu", sla_s=10)
    found.ok, found.to_text()

Nothing leaves this machine, whatever keys are set.
"""

from .ladder import verify
from .progress import Cancel, Progress
from .verification import Check, Rung, Status, Verification

__all__ = ["Cancel", "Check", "Progress", "Rung", "Status", "Verification", "verify"]

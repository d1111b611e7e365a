"""What is shipped, and does it really work? A router as LiteLLM's `router.yaml`, linted, and proven on a twin.

    plan = plan_router(recommendation, name="chat")
    export(plan, "router/", recommendation=recommendation)
    verify("router/router.yaml", residency="eu", sla_s=10).verdict

`lint`, `verify` and what they give are in folders of their own; `app.py` is the application's side, exported as it is.
"""

from .exporting import export
from .plan import Deployment, PlannedTier, RouterPlan
from .planning import plan_router
from .seed_config import seed_config

__all__ = ["Deployment", "PlannedTier", "RouterPlan", "export", "plan_router", "seed_config"]

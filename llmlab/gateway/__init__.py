"""What is shipped, and does it really work? A router as LiteLLM's `router.yaml`, linted, and proven on a twin.

    from llmlab.gateway.exporting import export
    from llmlab.gateway.planning import plan_router

    plan = plan_router(recommendation, name="chat")
    export(plan, "router/", recommendation=recommendation)
    llmlab.verify("router/router.yaml", residency="eu", sla_s=10).verdict

Nothing is loaded here: `lint` has to be there at once. `app.py` is the application's side, exported as it is.
"""

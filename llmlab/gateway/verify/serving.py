"""Inside the cage: LiteLLM's own proxy, as its command line starts it."""

from __future__ import annotations


def serve(config: str, port: int) -> None:
    """Run `litellm --config CONFIG --host 127.0.0.1 --port PORT` until the process ends.

    One thing is not as usual: it runs on asyncio's own event loop. uvloop's connections are made in C, where nobody
    can look at them first.
    """
    from litellm.proxy import proxy_cli

    proxy_cli.ProxyInitializationHelpers.get_loop_type = staticmethod(lambda: "asyncio")  # type: ignore[method-assign]
    arguments = ["--config", config, "--host", "127.0.0.1", "--port", str(port)]
    proxy_cli.run_server.main(arguments, prog_name="litellm")

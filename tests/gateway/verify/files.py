"""Router files for tests: few words, many shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from llmlab.gateway.verify.router_file import RouterFile, read

CLAUDE = "anthropic/claude-sonnet-4-6"
GPT = "openai/gpt-5.1"


def deployment(group: str, model: str = CLAUDE, **parameters: Any) -> dict[str, Any]:
    info = parameters.pop("info", {})
    return {"model_name": group, "litellm_params": {"model": model, "timeout": 2, **parameters}, "model_info": info}


def router_file(
    folder: Path, *deployments: dict[str, Any], more: dict[str, Any] | None = None, **settings: Any
) -> RouterFile:
    """A file of these deployments and router settings, read."""
    path = folder / "router.yaml"
    data = {"model_list": list(deployments), "router_settings": settings, **(more or {})}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return read(path, {})

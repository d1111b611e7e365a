"""What a lint of a router config finds: where, what is wrong, and what LiteLLM does with it as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One doubt about one place in a config.

    `error`: it will not start, or will not do as written. `warning`: it works and may hurt. `code` names the rule,
    `line` counts from 1, `where` is the path in the file (`model_list[0].litellm_params.model`). `message` says what is
    wrong and how to mend it, `litellm_does` what the installed LiteLLM makes of it. `near` are the names that may have
    been meant, best first.
    """

    severity: Severity
    code: str
    line: int
    where: str
    message: str
    litellm_does: str
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        missing = self.near and self.where.endswith(self.near[0])  # what is missing needs no guess
        meant = f"; did you mean {' or '.join(self.near)}?" if self.near and not missing else ""
        place = f"{self.line}: {self.severity}: {self.code}: {self.where}"
        return f"{place}: {self.message}{meant} (LiteLLM {self.litellm_does})"

"""Good configs, and one mistake planted into them at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from llmlab.gateway.lint import Finding, lint

CONFIGS = Path(__file__).with_name("configs")
AS_OF = date(2026, 11, 23)
VARIABLES = dict.fromkeys(
    (
        "ANTHROPIC_API_KEY",
        "BANK_AWS_ID",
        "BANK_AWS_SECRET",
        "BANK_AZURE_BASE",
        "BANK_AZURE_KEY",
        "BANK_GCP_PROJECT",
        "DATABASE_URL",
        "GROQ_API_KEY",
        "HOUSE_BASE",
        "LITELLM_MASTER_KEY",
        "OPENAI_API_KEY",
        "REDIS_HOST",
        "REDIS_PASSWORD",
        "VLLM_KEY",
    ),
    "is-set",
) | {"BANK_AZURE_BASE": "https://bank.openai.azure.com"}
BANK: dict[str, Any] = {"residency": "eu", "sla_s": 17.0}


def text_of(name: str) -> str:
    return (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")


def findings_of(text: str, **asked: Any) -> tuple[Finding, ...]:
    """What a config in a test is found to have, on the day and in the environment of the tests."""
    given: dict[str, Any] = {"environ": VARIABLES, "as_of": AS_OF} | asked
    return lint(text, **given)


@dataclass(frozen=True)
class Mistake:
    """`old` becomes `new` in a good config; the finding `code` stands on the line of `at` (of `new` if left out)."""

    name: str
    config: str
    old: str
    new: str
    code: str
    at: str = ""
    near: str | None = None
    severity: str = "error"
    asked: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        good = text_of(self.config)
        assert good.count(self.old) == 1, f"{self.name}: {self.old!r} stands {good.count(self.old)} times"
        return good.replace(self.old, self.new)

    @property
    def line(self) -> int:
        mark = self.at or self.new.strip().splitlines()[0]
        assert self.text.count(mark) == 1, f"{self.name}: {mark!r} stands {self.text.count(mark)} times"
        return self.text[: self.text.index(mark)].count("\n") + 1

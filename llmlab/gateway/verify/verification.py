"""What a verification found: every check with what was expected and what was seen, and what nobody looked at."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Rung = Literal["lint", "router", "validate_config", "egress", "proxy", "drills"]
Status = Literal["passed", "failed", "not_checked"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
RUNG_NAMES: Mapping[Rung, str] = {
    "lint": "Lint",
    "router": "Router init",
    "validate_config": "litellm --validate_config",
    "egress": "Egress: which host would be dialled",
    "proxy": "The real proxy on a mock twin",
    "drills": "Drills",
}
NEEDED: tuple[Rung, ...] = ("router", "proxy", "drills")  # without one of these there is no proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `tier` is the name that the application calls, where there is one; `seconds` is
    what the check took, or what a caller waited in it, as `seen` says."""

    rung: Rung
    name: str
    status: Status
    expected: str
    seen: str
    tier: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The whole ladder on one file.

    `seconds` is the time of each part, `total` among them; parts run side by side. Timeouts were multiplied by
    `time_scale` and windows by `window_scale`, so that a hang and a long prompt are short. `left_out` is what no rung
    can look at. `content_hash` is that of the file's bytes (SHA-256, sixteen digits).
    """

    path: str
    content_hash: str
    began_at: str
    litellm: str
    residency: str | None
    sla_s: float | None
    checks: tuple[Check, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    time_scale: float = 1.0
    window_scale: float = 1.0
    left_out: tuple[str, ...] = ()
    cancelled: bool = False

    @property
    def failed(self) -> tuple[Check, ...]:
        return self._with("failed")

    @property
    def ok(self) -> bool:
        """Nothing failed, and the Router, the proxy and the drills each have something that passed."""
        proven = {check.rung for check in self._with("passed")}
        return not self.failed and not self.cancelled and proven.issuperset(NEEDED)

    @property
    def not_checked(self) -> tuple[str, ...]:
        """All that was not looked at, each with the reason."""
        checks = (f"{_subject(check)}: {check.seen}" for check in self._with("not_checked"))
        return (*checks, *self.left_out)

    @property
    def exit_code(self) -> int:
        """0: proven. 1: something failed. 2: nothing failed, but the proof is not whole."""
        return 1 if self.failed else 0 if self.ok else 2

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        counts = {status: len(self._with(status)) for status in get_args(Status)}
        told = (
            f"{counts['passed']} checks passed, {counts['failed']} failed, {len(self.not_checked)} things not checked"
        )
        if self.cancelled:
            return f"Cancelled: {told}."
        return f"{'Proven' if self.ok else 'Failed' if self.failed else 'Not proven'}: {told}."

    def to_json(self) -> str:
        """Everything, as JSON."""
        said: dict[str, Any] = dataclasses.asdict(self)
        said |= {"ok": self.ok, "exit_code": self.exit_code, "verdict": self.verdict}
        return json.dumps(said | {"not_checked": self.not_checked}, indent=2, ensure_ascii=False)

    def to_text(self) -> str:
        """The report for a terminal."""
        from .report import to_text

        return to_text(self)

    def to_markdown(self) -> str:
        """The report for a review, or for the folder of an export."""
        from .report import to_markdown

        return to_markdown(self)

    def to_html(self) -> str:
        """The report as one HTML page that needs nothing else."""
        from .report import to_html

        return to_html(self)

    def _with(self, status: Status) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.status == status)


def _subject(check: Check) -> str:
    return f"{check.tier}: {check.name}" if check.tier else check.name

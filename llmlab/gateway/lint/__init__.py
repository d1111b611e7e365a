"""Will this LiteLLM config start, and will it do what it says? Asked of the file alone, without importing LiteLLM.

Every rule is about something that LiteLLM accepts in silence, or refuses only when it is too late. What it does was
taken from its source and seen in runs of the Router and the proxy, release 1.106.2; the keys it takes are read out of
whichever release is installed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from ...catalog import strict_yaml
from ...errors import LlmlabError
from . import deployments, fallbacks, secrets, server, shape, waiting
from . import installed as known
from . import residency as regions
from .config import Config
from .finding import Finding, Severity

__all__ = ["Finding", "Severity", "is_clean", "lint"]


class _UnreadableError(LlmlabError):
    """The file is not the YAML that a config should be; its text begins with file and line."""


def lint(
    path_or_text: Path | str,
    *,
    residency: str | None = None,
    sla_s: float | None = None,
    environ: Mapping[str, str] | None = None,
    as_of: date | None = None,
) -> tuple[Finding, ...]:
    """The findings of a LiteLLM proxy config, by line; errors before warnings on one line.

    A `str` with a line break in it is the config itself, any other is the path of its file. `residency` is a scope
    such as `eu`, a region such as `eu-central-1`, or `own-network`; `sla_s` is how many seconds a caller may wait in
    the worst case. `environ` is the environment to look variables up in (this process's if left out), `as_of` the day
    on which models may be retired (today).

    Raises `LlmlabError` where the file cannot be read, or LiteLLM is not installed as expected. A file that is no
    strict YAML (a key twice, an anchor, a tag) has one finding, `not-strict-yaml`.
    """
    day = as_of or date.today()
    as_text = isinstance(path_or_text, str) and "\n" in path_or_text
    name = "the config" if as_text else str(path_or_text)
    try:
        if as_text:
            document = strict_yaml.parse(str(path_or_text), name, _UnreadableError)
        else:
            document = strict_yaml.read(Path(path_or_text), _UnreadableError)
    except _UnreadableError as e:
        line, said = _line_of(str(e), name)
        if line is None:
            raise
        return (_not_yaml(line, said),)
    config = Config(document, known.installed(), os.environ if environ is None else environ)
    found = [
        *shape.check(config),
        *server.check(config),
        *secrets.check(config),
        *deployments.check(config, day),
        *fallbacks.check(config),
        *waiting.check(config, sla_s),
        *regions.check(config, residency),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda f: (f.line, f.severity, f.code, f.where)))


def is_clean(findings: Iterable[Finding]) -> bool:
    """Whether there is no error among them: a warning is advice."""
    return all(finding.severity != "error" for finding in findings)


def _line_of(text: str, name: str) -> tuple[int | None, str]:
    line, _, said = text.removeprefix(f"{name}:").partition(": ")
    return (int(line), said) if line.isdigit() else (None, text)


def _not_yaml(line: int, said: str) -> Finding:
    return Finding(
        severity="error",
        code="not-strict-yaml",
        line=line,
        where="the file",
        message=said,
        litellm_does="reads YAML loosely: of a key that stands twice it takes the last; what is no YAML ends it.",
    )

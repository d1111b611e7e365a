"""Secrets written out in the file, and references that LiteLLM will not resolve. No finding quotes a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...catalog.strict_yaml import Path_
from .config import REFERENCE, Config
from .finding import Finding

_SECRET_KEY = re.compile(
    r"(^|_)(api_?key|master_key|salt_key|secret|secret_key|secret_access_key|access_key_id|access_key|private_key|"
    r"account_key|signing_key|encryption_key|password|passwd|token|license|authorization|dsn)$"
)
_SECRET_VALUE = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|sk_(live|test)_\w{16,}|gsk_\w{20,}|hf_\w{20,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|"
    r"gh[pousr]_\w{30,}|github_pat_\w{30,}|xox[abposr]-[\w-]{10,}|xai-\w{30,}|pplx-\w{30,}|glpat-[\w-]{20,}|"
    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,})|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@|hooks\.slack\.com/services/\w"
)
# What people write where a server of their own asks for no key.
_NO_KEY = frozenset(
    ("anything", "dummy", "empty", "fake", "n/a", "na", "no-key", "none", "not-needed", "null", "ollama", "unused", "x")
)
_LIKE_A_REFERENCE = re.compile(
    r"^(\$\{?[A-Z_][A-Z0-9_]*\}?|(os\.)?env(iron)?([./\[(:].*)?|%\w+%|\{\{.*\}\})$|^os\.e\w+/"
)


def check(config: Config) -> Iterator[Finding]:
    """Literal secrets anywhere, text that was meant as a reference, and variables that are not set."""
    unset: dict[str, Path_] = {}
    named = {str(name) for name in config.section("environment_variables")}
    for path, value, in_list in _texts(config.document.data, ()):
        if value.startswith(REFERENCE):
            name = value.removeprefix(REFERENCE)
            if in_list:
                yield config.finding(
                    "warning",
                    "reference-in-list",
                    path,
                    "a reference that is an item of a list is not resolved",
                    "keeps the text `os.environ/...` as it is.",
                )
            elif not config.environ.get(name) and name not in named:
                unset.setdefault(name, path)
        elif _LIKE_A_REFERENCE.match(value):
            yield config.finding(
                "error",
                "not-a-reference",
                path,
                "only `os.environ/NAME` stands for a variable",
                "takes the text itself for the value.",
                ("os.environ/NAME",),
            )
        elif _is_secret(path, value):
            yield config.finding(
                "error",
                "literal-secret",
                path,
                "a secret is written out; write `os.environ/NAME`, and have this one replaced",
                "accepts it, so whoever can read the file has it.",
            )
    if not config.at("general_settings", "key_management_system"):  # else a secret manager may hold them
        for name, path in unset.items():
            yield config.finding(
                "warning",
                "unset-variable",
                path,
                f"{name} is not set here",
                "refuses to start (exit 3)."
                if path == ("general_settings", "master_key")
                else "reads it as nothing when it starts, and fails at the first call that needs it.",
            )


def _texts(value: Any, path: Path_, in_list: bool = False) -> Iterator[tuple[Path_, str, bool]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, (*path, key))
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from _texts(part, (*path, i), in_list=True)
    elif isinstance(value, str):
        yield path, value, in_list


def _is_secret(path: Path_, value: str) -> bool:
    if _SECRET_VALUE.search(value):
        return True
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if not value.strip() or value.strip().lower() in _NO_KEY:
        return False
    return bool(_SECRET_KEY.search(key.lower().replace("-", "_")))

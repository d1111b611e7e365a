"""A verification as text and as a page that stands beside the YAML: nothing is loaded, every word is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from ...report import TextTable
from .verification import RUNG_NAMES, RUNGS, Check, Rung, Verification

WORDS = {"passed": "passed", "failed": "FAILED", "not_checked": "not checked"}


def to_text(found: Verification) -> str:
    """The verdict, a table of all checks, and what was not checked."""
    lines = [found.verdict, *(f"{name}: {value}" for name, value in _facts(found)), ""]
    lines.append(_table(found.checks).to_text())
    if found.not_checked:
        lines += ["Not checked:", *(f"- {_one_line(text)}" for text in found.not_checked), ""]
    return "\n".join(lines)


def to_markdown(found: Verification) -> str:
    """The same as Markdown, without a heading of its own."""
    facts = "".join(f"- {escape(_one_line(f'{name}: {value}'), quote=False)}\n" for name, value in _facts(found))
    left = "".join(f"- {escape(_one_line(text), quote=False)}\n" for text in found.not_checked)
    after = f"\nNot checked:\n\n{left}" if left else ""
    return f"**{found.verdict}**\n\n{facts}\n{_table(found.checks).to_markdown()}{after}"


def to_html(found: Verification) -> str:
    """One page: the verdict, each rung with its checks, what was not checked, where the time went."""
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    body = "\n".join(_body(found))
    title = escape(f"Verification of {found.path}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>\n{style}</style></head>\n'
        f"<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _body(found: Verification) -> Iterator[str]:
    outcome = "passed" if found.ok else "failed" if found.failed else "not_checked"
    yield f'<p class="verdict {outcome}">{escape(found.verdict)}</p>'
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(found))
    yield f"<dl>{facts}</dl>"
    for rung in RUNGS:
        checks = [check for check in found.checks if check.rung == rung]
        if checks:
            yield f"<h2>{escape(RUNG_NAMES[rung])}</h2>"
            yield _rows(rung, checks)
    yield "<h2>Not checked</h2>"
    items = "".join(f"<li>{escape(text)}</li>" for text in found.not_checked)
    yield f"<ul>{items}</ul>" if items else "<p>Nothing was left out.</p>"
    yield "<h2>Where the time went</h2>"
    seconds = tuple((name, f"{value:.1f} s") for name, value in found.seconds.items())
    yield TextTable(("part", "time"), seconds, frozenset({"time"})).to_html()


def _rows(rung: Rung, checks: list[Check]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in ("result", "tier", "check", "expected", "seen", "time"))
    rows = (
        f'<tr class="{check.status}"><td>{WORDS[check.status]}</td>'
        + "".join(f"<td>{escape(text)}</td>" for text in _cells(check)[2:])
        + "</tr>"
        for check in checks
    )
    return f'<table class="{rung}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _table(checks: tuple[Check, ...]) -> TextTable:
    columns = ("result", "rung", "tier", "check", "expected", "seen", "time")
    return TextTable(columns, tuple(tuple(map(_one_line, _cells(check))) for check in checks), frozenset({"time"}))


def _cells(check: Check) -> tuple[str, ...]:
    time = "" if check.seconds is None else f"{check.seconds:.1f} s"
    return WORDS[check.status], check.rung, check.tier or "", check.name, check.expected, check.seen, time


def _facts(found: Verification) -> Iterator[tuple[str, str]]:
    yield "File", f"{found.path} (SHA-256 {found.content_hash})"
    yield "LiteLLM", found.litellm
    yield "Begun", found.began_at
    yield "Residency", found.residency or "none asked for"
    yield "A caller waits at most", f"{found.sla_s:g} s" if found.sla_s is not None else "no limit given"
    if found.time_scale != 1:
        yield "Time", f"every timeout multiplied by {found.time_scale:.3g} in the twin; waits are told unscaled"
    if found.window_scale != 1:
        yield "Windows", f"every context window multiplied by {found.window_scale:.3g} in the drills of long prompts"
    yield "Seconds", ", ".join(f"{name} {value:.1f}" for name, value in found.seconds.items())


def _one_line(text: str) -> str:
    return " ".join(text.split())

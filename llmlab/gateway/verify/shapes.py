"""Drills of what is asked: a plain request, tools, a JSON schema, and a prompt that is too long."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ...simulator import Status
from .drill import Drill, Question, Seen, Verdict
from .judging import expected, names, verdict, wrong
from .route import route
from .router_file import RouterFile
from .twin import Twin, always

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "llmlab_city": {"type": "string", "enum": ["llmlab_ulm", "llmlab_bonn"]},
        "llmlab_days": {"type": "integer"},
    },
    "required": ["llmlab_city", "llmlab_days"],
    "additionalProperties": False,
}
SCHEMA_WORDS = ("llmlab_city", "llmlab_ulm", "llmlab_bonn", "llmlab_days")
TOOL = {"name": "llmlab_forecast", "description": "llmlab_described", "parameters": SCHEMA}
SHAPES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "tools": (
        {"tools": [{"type": "function", "function": TOOL}], "tool_choice": "auto"},
        (*SCHEMA_WORDS, "llmlab_forecast", "llmlab_described"),
    ),
    "a JSON schema": (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "llmlab", "strict": True, "schema": SCHEMA},
            }
        },
        SCHEMA_WORDS,
    ),
}
FROM_THE_EDGE = 40  # tokens: LiteLLM counts a few more than words


def healthy(file: RouterFile, group: str) -> Drill:
    """Nothing is wrong, under the file's own names."""
    first = file.first(group)

    def judge(seen: Seen) -> Verdict:
        problems = []
        for number, reply in enumerate(seen.replies[0]):
            calls = seen.of(0, number)
            if not reply.answered:
                problems.append("no answer")
            elif [call.deployment for call in calls] != [c.deployment for c in calls[:1] if c.deployment in first]:
                problems.append("not answered by the primary, at once")
        told = " | ".join(f"{seen.told(seen.of(0, n))}; {reply.words}" for n, reply in enumerate(seen.replies[0]))
        return verdict(problems, told)

    return Drill(
        name="primary answers",
        group=group,
        expected=f"{names(file, first)} is called once and answers, whole and streamed",
        judge=judge,
        waves=((Question(), Question(stream=True)),),
        phase="first",
        own_names=True,
    )


def shapes(file: RouterFile, group: str) -> Iterator[Drill]:
    """A request with tools, and one with a JSON schema, reach the primary, which fails, and then its fallback."""
    first = file.first(group)
    way = route(file, group, frozenset(first))
    for name, (extra, needles) in SHAPES.items():
        yield Drill(
            name=f"a request with {name} arrives whole at {' and '.join(way.groups)}",
            group=group,
            expected="every name, value and description of the request is in the body on the wire",
            judge=_whole(file, first, way.answers, needles),
            waves=((Question(extra=extra),),),
            faults={index: always(Status(code=503)) for index in first} if way.answers else {},
        )


def _whole(
    file: RouterFile, first: tuple[int, ...], then: tuple[int, ...], needles: tuple[str, ...]
) -> Callable[[Seen], Verdict]:
    def judge(seen: Seen) -> Verdict:
        (reply,), calls = seen.replies[0], seen.of(0)
        problems = []
        if not any(call.deployment in first for call in calls):
            problems.append("it was never sent to the primary")
        if then and not any(call.deployment in then for call in calls):
            problems.append(f"it was never sent to {names(file, then)}")
        for call in calls:
            body = json.dumps(call.logged.body)
            lost = [needle for needle in needles if needle not in body]
            if lost:
                problems.append(f"{file.ids[call.deployment]} was sent a body without {', '.join(lost)}")
        return verdict(problems, f"{seen.told(calls)}; {reply.words}")

    return judge


def long_prompt(twin: Twin, group: str) -> Drill | None:
    """A prompt that is larger than the primary's window; `None` where nobody knows that window."""
    file = twin.file
    windows = {index: twin.window(index) for index in range(len(file.config.deployments))}
    here = [window for index in file.first(group) if (window := windows[index]) is not None]
    if not here or len(here) < len(file.first(group)):
        return None
    words = max(here) + max(2 * FROM_THE_EDGE, max(here) // 10)
    small = frozenset(i for i, window in windows.items() if window is not None and window < words + FROM_THE_EDGE)
    way = route(file, group, small, "context_window_fallbacks")
    checks_first = file.config.at("router_settings", "enable_pre_call_checks") is True

    def judge(seen: Seen) -> Verdict:
        (reply,), calls = seen.replies[0], seen.of(0)
        problems = list(wrong(file, way, calls, answered=reply.answered))
        in_vain = small if checks_first else small.difference(file.first(group))  # unchecked, the first call is paid
        paid = [call.deployment for call in calls if call.deployment in in_vain]
        if paid:
            problems.append(f"sent to {names(file, paid)}, whose window is too small")
        return verdict(problems, f"a prompt of {words:,} words; {seen.told(calls)}; {reply.words}", reply.seconds)

    before = " without calling whom it does not fit" if checks_first else ""
    return Drill(
        name="prompt larger than the primary's window",
        group=group,
        expected=f"{expected(file, way)}{before}",
        judge=judge,
        waves=((Question(words=words),),),
        scaled_windows=True,
    )

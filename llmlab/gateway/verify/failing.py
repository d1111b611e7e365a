"""Drills in which somebody fails: each group's primary in every way a provider can, and whole providers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...simulator import ContextOverflow, Cut, Fault, Hang, Refusal, Status
from .drill import Drill, Question, Seen, Verdict
from .judging import expected, names, outcome, verdict
from .providers import why_not
from .route import reachable, route
from .router_file import RouterFile
from .twin import always
from .waits import worst_wait_s

MARGIN_S = 1.0  # beside what the file's timeouts add up to: the proxy's own work
EITHER_WAY = ((Question(), Question(stream=True)),)


@dataclass(frozen=True, slots=True)
class Outage:
    """A way to fail that is answered by `fallbacks`. `error` is what LiteLLM counts retries by."""

    name: str
    fault: Fault
    error: str


OUTAGES = (
    Outage("429, with Retry-After", Status(code=429, retry_after_s=2), "RateLimitError"),
    Outage("503", Status(code=503), "ServiceUnavailableError"),
    Outage("401: a bad key", Status(code=401), "AuthenticationError"),
)


def outages(file: RouterFile, group: str, sla_s: float | None) -> Iterator[Drill]:
    """The primary fails, and somebody else answers, or the caller is told."""
    first = file.first(group)
    for outage in OUTAGES:
        yield _outage(file, group, f"primary answers {outage.name}", first, outage, sla_s)


def hangs(file: RouterFile, group: str, sla_s: float | None) -> Iterator[Drill]:
    """The primary hangs; then everybody whom the request can reach does. The latter is the worst case."""
    first = file.first(group)
    allowed = sla_s if sla_s is not None else worst_wait_s(file, group) + MARGIN_S
    everybody = tuple(i for name in reachable(file, group) for i in file.members.get(name, ()))
    cases = [("primary hangs", first), ("everybody hangs: the worst case", everybody)]
    for name, failing in cases:
        way = route(file, group, frozenset(failing))
        yield Drill(
            name=name,
            group=group,
            expected=f"{expected(file, way)}, within {allowed:g} s, streamed or not",
            judge=outcome(file, way, frozenset(failing), "TimeoutError", allowed),
            faults={index: always(Hang()) for index in failing},
            waves=EITHER_WAY,
            phase="hangs",
        )


def providers_down(file: RouterFile, group: str, sla_s: float | None) -> Iterator[Drill]:
    """Each provider that a request can reach answers nothing but 503, in all its deployments."""
    within = [
        i for name in reachable(file, group) for i in file.members.get(name, ()) if why_not(file.deployment(i)) is None
    ]
    for provider in dict.fromkeys(map(file.provider, within)):
        failing = tuple(index for index in within if file.provider(index) == provider)
        yield _outage(file, group, f"all of {provider} is down", failing, OUTAGES[1], sla_s)


def cut(file: RouterFile, group: str) -> Drill:
    """The stream is cut after its first token. Nobody can take back what was sent, but the caller must know."""

    def judge(seen: Seen) -> Verdict:
        (reply,), calls = seen.replies[0], seen.of(0)
        others = [call for call in calls if call.deployment not in file.first(group)]
        problems = ["an answer that was cut short passes for a whole one"] if reply.answered and not others else []
        if not calls:
            problems.append("the request reached nobody")
        return verdict(problems, f"{seen.told(calls)}; the caller got {reply.words}")

    return Drill(
        name="stream is cut after its first token",
        group=group,
        expected="the caller is told, by an error in the stream or an answer from somebody else",
        judge=judge,
        faults={index: always(Cut(token=1)) for index in file.first(group)},
        waves=((Question(stream=True),),),
    )


def refusal(file: RouterFile, group: str) -> Drill:
    """The primary refuses for its content policy."""
    first = file.first(group)
    way = route(file, group, frozenset(first), "content_policy_fallbacks")
    ruled = file.has("content_policy_fallbacks")
    answers = way.answers if ruled and file.means("content_policy_fallbacks", group) else ()
    if ruled:
        promised = expected(file, way) if answers else "the caller gets the refusal, and nobody else is asked"
    else:
        promised = (
            "given back, or answered by fallbacks: content_policy_fallbacks is not set, so each provider's way decides"
        )

    def judge(seen: Seen) -> Verdict:
        (reply,), calls = seen.replies[0], seen.of(0)
        others = [call for call in calls if call.deployment not in first]
        problems = [] if calls else ["the request reached nobody"]
        if ruled and not answers and others:
            problems.append("the refusal was answered by somebody else")
        if answers and not (reply.answered and calls and calls[-1].deployment in answers):
            problems.append(f"content_policy_fallbacks never fires: {group} -> {names(file, answers)}")
        back = f"told {reply.finish or 'an error'}" if not others else "answered by somebody else"
        return verdict(problems, f"{seen.told(calls)}; {back}: {reply.words}")

    return Drill(
        name="primary refuses for content policy",
        group=group,
        expected=promised,
        judge=judge,
        faults={index: always(Refusal(by="filter")) for index in first},
    )


def overflow(file: RouterFile, group: str) -> Drill:
    """The primary says that the prompt is too long for it, whatever its window."""
    first = frozenset(file.first(group))
    way = route(file, group, first, "context_window_fallbacks")
    return Drill(
        name="primary says that the prompt is too long",
        group=group,
        expected=expected(file, way),
        judge=outcome(file, way, first, "BadRequestError", None),
        faults={index: always(ContextOverflow()) for index in first},
    )


def _outage(
    file: RouterFile, group: str, name: str, failing: tuple[int, ...], how: Outage, sla_s: float | None
) -> Drill:
    way = route(file, group, frozenset(failing))
    within = f", within {sla_s:g} s" if sla_s is not None else ""
    return Drill(
        name=name,
        group=group,
        expected=f"{expected(file, way)}{within}",
        judge=outcome(file, way, frozenset(failing), how.error, sla_s),
        faults={index: always(how.fault) for index in failing},
    )

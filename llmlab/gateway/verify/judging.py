"""What drills ask of what was seen: who answered, in which order, how often who was called, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .drill import Call, Seen, Verdict
from .route import Route
from .router_file import RouterFile

BUSY_S = 0.25  # a proxy that takes longer for a sign of life is kept from its work by others


def verdict(problems: Iterable[str], seen: str, seconds: float | None = None) -> Verdict:
    """Passed where there is no problem; else the problems come first."""
    found = list(dict.fromkeys(problems))
    return Verdict("failed" if found else "passed", "; ".join([*found, seen]), seconds)


def names(file: RouterFile, deployments: Iterable[int]) -> str:
    """Deployments by their ids: `a or b`."""
    return " or ".join(dict.fromkeys(file.ids[index] for index in deployments))


def expected(file: RouterFile, way: Route) -> str:
    """What a route promises."""
    if way.answers:
        return f"{names(file, way.answers)} answers ({way.reached})"
    if way.missing:
        return f"{' or '.join(way.missing)} answers ({way.reached})"
    tried = way.reached if len(way.groups) > 1 else "no rule for it"
    return f"the caller gets the error ({tried})"


def outcome(
    file: RouterFile, way: Route, failing: frozenset[int], error: str, allowed_s: float | None
) -> Callable[[Seen], Verdict]:
    """Judges a drill in which the deployments `failing` do: `way` is what follows by the file, `error` what LiteLLM
    counts retries by, `allowed_s` how long a caller may wait."""

    def judge(seen: Seen) -> Verdict:
        problems: list[str] = []
        told: list[str] = []
        longest = 0.0
        late = False
        for number, reply in enumerate(seen.replies[0]):
            calls = seen.of(0, number)
            waited = seen.waited_s(reply, calls)
            longest = max(longest, waited)
            problems += wrong(file, way, calls, answered=reply.answered)
            problems += too_often(file, way, failing, calls, error)
            if allowed_s is not None and waited > allowed_s:
                late = True
                told.append(f"the caller waited {waited:.1f} s")
            scaled = f", {waited:.1f} s unscaled" if seen.time_scale != 1 and waited > reply.seconds + 0.05 else ""
            told.append(f"{'streamed: ' if reply.ask.stream else ''}{seen.told(calls)}; {reply.words}{scaled}")
        if late and not problems and seen.lag_s > BUSY_S:
            busy = f"this machine was too busy to tell: a sign of life took the proxy {seen.lag_s:.1f} s"
            return Verdict("not_checked", "; ".join([busy, *told]), longest)
        return verdict([*problems, *(["too late"] if late else ())], " | ".join(told), longest)

    return judge


def wrong(file: RouterFile, way: Route, calls: tuple[Call, ...], *, answered: bool) -> Iterator[str]:
    """What is wrong with who answered, and with the order in which they were asked."""
    by = calls[-1].deployment if calls and answered else None
    if way.missing and not way.answers:
        yield f"the rule names {', '.join(way.missing)}, and there is no such group: it never fires"
    elif way.answers and not answered:
        yield f"the fallback never fired: {way.reached} is written, and the caller got the error"
    elif way.answers and by not in way.answers:
        yield f"{file.ids[by] if by is not None else 'nobody'} answered"
    elif not way.answers and answered:
        yield "somebody answered"
    groups = list(dict.fromkeys(file.deployment(call.deployment).group for call in calls))
    if groups != [name for name in way.groups if name in groups]:
        yield f"asked in the order {' -> '.join(groups)}"


def too_often(
    file: RouterFile, way: Route, failing: frozenset[int], calls: tuple[Call, ...], error: str
) -> Iterator[str]:
    """Groups that were called more often than the file allows for one request."""
    for name in way.groups:
        most = file.attempts(name, error) * max(1, len(file.members.get(name, ())))
        count = sum(call.deployment in failing and file.deployment(call.deployment).group == name for call in calls)
        if count > most:
            yield f"{name} was called {count} times, where the file allows {most}"

"""From a request to the plan of its response: what is said, when, and what goes wrong. Pure, so that a schedule can be
worked out without a server."""

from __future__ import annotations

import json
from dataclasses import replace

from .answer import Answer, Request, compose, decline
from .dialect import Dialect, Failure
from .endpoint import SimulatedEndpoint
from .faults import Billed, ContextOverflow, Fault, Hang, InBandError, MissingFinish, MissingUsage, Refusal, Status
from .frames import Frame, Plan, deltas, streamed, whole
from .profile import Schedule, draw_for


def respond(
    dialect: Dialect,
    request: Request,
    endpoint: SimulatedEndpoint,
    faults: tuple[Fault, ...],
    *,
    seed: int,
    number: int,
    id: int,
    created: int,
) -> Plan:
    """The response to the `number`-th request to `endpoint` (from 0). `id` and `created` only name it."""
    scripted = {type(fault) for fault in faults}
    if Hang in scripted:
        return Plan(ending="hang")
    failure = _failure(dialect, request, endpoint, faults)
    if failure is not None:
        at_s = sum(fault.after_s for fault in faults if isinstance(fault, Status))
        return failed(dialect, replace(failure, model=request.model, number=id), at_s)

    # Words and times are drawn apart, so that a longer answer moves no time.
    words = draw_for(seed, f"{endpoint.name}/words", number)
    name = f"simulated-{id}"
    refusal = next((fault for fault in faults if isinstance(fault, Refusal)), None)
    if refusal is not None:
        answer = decline(request, endpoint.answer, by=refusal.by, id=name, created=created)
    else:
        answer = compose(request, endpoint.answer, words, id=name, created=created)
    billed = next((fault.output_tokens for fault in faults if isinstance(fault, Billed)), None)
    if billed is not None and answer.usage is not None:
        answer = replace(answer, usage=replace(answer.usage, output=billed))
    if MissingUsage in scripted:
        answer = replace(answer, usage=None)
    if MissingFinish in scripted:
        answer = replace(answer, finish=None)
    times = endpoint.times(len(answer.pieces), request.input_tokens, draw_for(seed, endpoint.name, number))
    tell = _stream if request.stream else _body
    return tell(dialect, request, answer, times, faults, id)


def failed(dialect: Dialect, failure: Failure, at_s: float = 0.0) -> Plan:
    """The response that tells of a failure."""
    told = dialect.failure(failure)
    data = json.dumps(told.body, ensure_ascii=False).encode()
    headers = {**dialect.headers(failure.number), **told.headers}
    return Plan(status=told.status, headers=headers, frames=(Frame(at_s, "error", data),), length=len(data))


def _failure(
    dialect: Dialect, request: Request, endpoint: SimulatedEndpoint, faults: tuple[Fault, ...]
) -> Failure | None:
    """What is told instead of an answer, if anything."""
    tokens, window = request.input_tokens, endpoint.context_tokens
    too_long = window is not None and tokens > window
    for fault in faults:
        match fault:
            case Status(code=code, retry_after_s=retry_after_s):
                return Failure(code=code, retry_after_s=retry_after_s)
            case InBandError(code=code) if not request.stream:
                return Failure(code=code)
            case Refusal() if dialect.name == "azure":
                return Failure(code=400, reason="refusal")
            case ContextOverflow():
                too_long = True
            case _:
                pass
    if not too_long:
        return None
    window = window or max(tokens - 1, 0)
    return Failure(code=400, reason="context_overflow", input_tokens=tokens, context_tokens=window)


def _ends_s(times: Schedule) -> float:
    return times.bursts[-1].at_s if times.bursts else 0.0


def _body(
    dialect: Dialect, request: Request, answer: Answer, times: Schedule, faults: tuple[Fault, ...], number: int
) -> Plan:
    data = json.dumps(dialect.body(request, answer), ensure_ascii=False).encode()
    frame = Frame(_ends_s(times), "body", data, len(answer.pieces), len(answer.pieces))
    return whole(Plan(headers=dict(dialect.headers(number)), frames=(frame,), length=len(data)), faults)


def _stream(
    dialect: Dialect, request: Request, answer: Answer, times: Schedule, faults: tuple[Fault, ...], number: int
) -> Plan:
    frames = dialect.frames(request, answer, deltas(answer, times), _ends_s(times))
    plan = Plan(content_type=dialect.stream_type, headers=dict(dialect.headers(number)), frames=frames)
    code = next((fault.code for fault in faults if isinstance(fault, InBandError)), 500)
    return streamed(plan, faults, spoil=dialect.spoil, error=dialect.in_band(Failure(code=code, number=number)))

"""One call, from its intended start to its record. Whatever goes wrong becomes part of the record.

What the library says is watched for timeouts and shown live; what counts is read afterwards from the wire. A call is
`ok` only where the provider itself said that it was finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Protocol

from ..cost import CallPrice, TokenCounts, price_call
from ..errors import WorkloadError
from .failures import Ending, judge
from .lag import LoopLag
from .orders import Call, Lane, Orders, Timeouts
from .paths import WAYS, Delta, Told
from .records import Attempt, CallError, Status, StreamRecord, Usage, UsageSource
from .trying import Try
from .wire import Reading, read_wire, recording

LATE_MS = 20.0
CLOSING_S = 2.0
FIRST_PAUSE_S = 0.5
RETRIED = frozenset({"rate_limited", "overloaded", "server", "connection"})
SECRETS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")  # in the names of variables that hold one
LEAST_SECRET = 6  # characters: to hide a shorter value would hide half of every text
HIDDEN = "(hidden)"
REQUEST_IDS = ("x-simulated-request", "x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")
OUT_OF_TIME: dict[Status, str] = {
    "connect_timeout": "the request was not out after {:g} s",
    "first_token_timeout": "no token after {:g} s",
    "stall_timeout": "no further token for {:g} s",
    "total_timeout": "not finished after {:g} s",
}

now_ns = time.monotonic_ns


class Listener(Protocol):
    """Is told how a call gets on, for those who watch."""

    def trying(self, call: Call, tried: Try) -> None:
        """An attempt begins."""

    def heard(self, call: Call, delta: Delta) -> None:
        """The library handed over some text."""

    def waiting(self, call: Call, attempt: Attempt) -> None:
        """An attempt failed; another follows after `attempt.waited_s`."""


async def make_call(
    orders: Orders, lane: Lane, call: Call, scheduled_ns: int, stop: asyncio.Event, listener: Listener, lag: LoopLag
) -> StreamRecord:
    """Make the call, and again where `orders.retries` allows it, until it has ended or `stop` is set."""
    attempts: list[Attempt] = []
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    while True:
        tried, ended_by = await _attempt(orders, lane, call, stop, listener)
        recorder = tried.recorder
        reading = read_wire(recorder.pieces, eof=recorder.eof)
        if tried.problem is not None and (reading is None or not reading.complete):
            recorder.abort()  # a library that gives up does not always close what it was reading
        ending = _without_secrets(judge(reading, tried.told, tried.problem, ended_by, felt=bool(tried.felt)))
        came = bool(tried.felt) or (reading is not None and bool(reading.chunks))
        pause_s = _pause_s(ending, len(attempts), came=came) if len(attempts) < orders.retries else None
        if pause_s is None or stop.is_set():
            break
        attempts.append(
            Attempt(
                status=ending.status,
                error=ending.error,
                called_ns=tried.called_ns,
                ended_ns=tried.ended_ns,
                waited_s=pause_s,
            )
        )
        listener.waiting(call, attempts[-1])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
    unread = reading is None and bool(recorder.pieces or tried.felt)  # nothing to read is no fault of the clock
    usage, source = _usage(lane, reading, tried)
    read_lag_ms = recorder.read_lag_ns / 1e6
    loop_lag_ms = lag.worst_ms(tried.called_ns)
    price = _price(lane, usage)
    return replace(
        unmade(orders, lane, call, scheduled_ns),
        started_at=started_at,
        status=ending.status,
        error=ending.error,
        finish=ending.finish,
        attempts=tuple(attempts),
        clock="chunk" if unread else "socket",
        called_ns=tried.called_ns,
        sent_ns=recorder.sent_ns,
        first_byte_ns=reading.first_byte_ns if reading is not None else None,
        ended_ns=tried.ended_ns,
        request_id=_request_id(reading),
        felt_first_ns=tried.felt[0][0] if tried.felt else None,
        connection=recorder.connection,
        chunks=tuple(reading.chunks) if reading is not None else tried.chunks(),
        loop_lag_ms=loop_lag_ms,
        late=(read_lag_ms if recorder.exact else loop_lag_ms) > LATE_MS,
        usage=usage,
        usage_source=source,
        text=reading.text("answer") + reading.text("tool") if reading is not None else tried.text("answer", "tool"),
        reasoning_text=reading.text("reasoning") if reading is not None else tried.text("reasoning"),
        usd=price.usd,
        unpriced=price.unpriced,
    )


def unmade(orders: Orders, lane: Lane, call: Call, scheduled_ns: int, why: CallError | None = None) -> StreamRecord:
    """The record of a call that was not made."""
    return StreamRecord(
        run=orders.run,
        number=call.number,
        round=call.round,
        endpoint=lane.name,
        model=str(lane.parameters.get("model", "")),
        path=lane.path,
        simulated=lane.simulated,
        warm_up=call.warm_up,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        status="not_sent",
        error=why,
        clock="socket",
        scheduled_ns=scheduled_ns,
        ended_ns=now_ns(),
        unpriced="not sent",
    )


async def _attempt(
    orders: Orders, lane: Lane, call: Call, stop: asyncio.Event, listener: Listener
) -> tuple[Try, tuple[Status, str] | None]:
    """Ask once. What is raised is kept; the second value says by what we ended it, if we did."""
    with recording() as recorder:
        messages = orders.question.messages(call.round, f"{orders.run}-{call.number}")
        tried = Try(recorder, now_ns(), messages)
        listener.trying(call, tried)
        asking = asyncio.create_task(_listen(tried, orders, lane, call, listener))
    stopped = asyncio.create_task(stop.wait())
    ended_by: tuple[Status, str] | None = None
    try:
        while not asking.done():
            status, limit_s, deadline_ns = _next_limit(tried, orders.timeouts)
            left_s = (deadline_ns - now_ns()) / 1e9
            if stop.is_set():
                ended_by = ("cancelled", "cancelled")
            elif left_s <= 0:
                ended_by = (status, OUT_OF_TIME[status].format(limit_s))
            if ended_by is not None:
                break
            # The next limit is not known before this one is met; it is never over sooner than the shortest one is long.
            look_s = min(left_s, orders.timeouts.first_token_s, orders.timeouts.stall_s)
            await asyncio.wait({asking, stopped}, timeout=look_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        tried.ended_ns = now_ns()
        stopped.cancel()
        if not asking.done():
            recorder.abort()  # what the libraries do when a task is cancelled leaves some connections open
            asking.cancel()
            await asyncio.wait({asking}, timeout=CLOSING_S)
    return tried, ended_by


async def _listen(tried: Try, orders: Orders, lane: Lane, call: Call, listener: Listener) -> None:
    deltas = WAYS[lane.path](lane, orders.question, tried.messages, orders.timeouts.total_s + CLOSING_S)
    try:
        async for one in deltas:
            if isinstance(one, Told):
                tried.told = one
            else:
                tried.felt.append((now_ns(), one))
                listener.heard(call, one)
    except Exception as e:  # noqa: BLE001  whatever it is, it belongs into the record
        tried.problem = e


def _next_limit(tried: Try, limits: Timeouts) -> tuple[Status, float, int]:
    """Which timeout is next, how many seconds it is, and when it is reached."""
    if tried.recorder.sent_ns is None and not tried.felt:
        found: tuple[Status, float, int] = ("connect_timeout", limits.connect_s, tried.called_ns)
    elif not tried.felt:
        since = tried.recorder.sent_ns or tried.called_ns
        found = ("first_token_timeout", limits.first_token_s, since)
    else:
        found = ("stall_timeout", limits.stall_s, tried.felt[-1][0])
    status, limit_s, since = found
    whole = tried.called_ns + round(limits.total_s * 1e9)
    reached = since + round(limit_s * 1e9)
    return (status, limit_s, reached) if reached <= whole else ("total_timeout", limits.total_s, whole)


def _pause_s(ending: Ending, tries: int, *, came: bool) -> float | None:
    """How long to wait before another attempt: what the provider asks for, or twice as long each time; `None` where
    another would do no good, or where tokens came (they are billed, and shown)."""
    if came or ending.status != "error" or ending.error is None or ending.error.kind not in RETRIED:
        return None
    asked = ending.error.retry_after_s
    return asked if asked is not None else FIRST_PAUSE_S * 2**tries


def _without_secrets(ending: Ending) -> Ending:
    """Some servers repeat the key that they refuse."""
    if ending.error is None:
        return ending
    message = ending.error.message
    for name, value in os.environ.items():
        if len(value) >= LEAST_SECRET and any(part in name.upper() for part in SECRETS):
            message = message.replace(value, HIDDEN)
    return replace(ending, error=replace(ending.error, message=message))


def _usage(lane: Lane, reading: Reading | None, tried: Try) -> tuple[Usage | None, UsageSource | None]:
    """The provider's count if it gave one; else LiteLLM's, which makes one up where there is none; else our own."""
    if reading is not None and reading.usage is not None:
        return reading.usage, "provider"
    told = tried.told.usage if tried.told is not None else None
    if told is not None:
        return told, "litellm-estimated" if lane.path == "litellm" else "provider"
    text = tried.text("reasoning", "answer", "tool")
    if not text:
        return None, None
    prompt = " ".join(message["content"] for message in tried.messages)
    return Usage(input=count_tokens(prompt), output=count_tokens(text)), "tokenizer"


def _request_id(reading: Reading | None) -> str | None:
    headers = reading.headers if reading is not None else {}
    return next((headers[name] for name in REQUEST_IDS if name in headers), None)


def count_tokens(text: str) -> int:
    """By the tokenizer that LiteLLM bundles (`cl100k_base`), whatever the model's own is."""
    import litellm

    return int(litellm.token_counter(model="", text=text))


def _price(lane: Lane, usage: Usage | None) -> CallPrice:
    if usage is None:
        return CallPrice(usd=None, unpriced="nobody knows what it used")
    if lane.price is None:
        return CallPrice(usd=None, unpriced="no price is known for this endpoint")
    try:
        counts = TokenCounts(
            input=usage.input,
            output=usage.output,
            cache_read=usage.cache_read,
            cache_write=usage.cache_write,
            reasoning=usage.reasoning or 0,
        )
    except WorkloadError as e:  # the provider contradicts itself
        return CallPrice(usd=None, unpriced=str(e))
    return price_call(lane.price, counts, date.today(), region=lane.region)

"""The server: finds the endpoint and the fault of a request, and writes what the dialect says when it is due."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from .anthropic import Anthropic
from .answer import Request, compose, decline
from .dialect import BadRequestError, Dialect, Failure, Route
from .endpoint import SimulatedEndpoint
from .faults import ContextOverflow, Fault, FaultScript, Hang, InBandError, MissingFinish, MissingUsage, Refusal, Status
from .frames import Frame, Plan, deltas, streamed, whole
from .openai import AzureOpenAI, OpenAI
from .profile import RateLimit, draw_for
from .serialisation import ScriptOrder, Settings, as_plain, read_json
from .wirelog import LoggedChunk, OpenRequest, WireLog, now_ns

HOST = "127.0.0.1"  # and nothing else: there is no option for it
LARGEST_BODY = 64 * 1024**2  # a prompt of some million tokens
DIALECTS: tuple[Dialect, ...] = (OpenAI(), AzureOpenAI(), Anthropic())


class Window:
    """Which requests a rate limit lets through: a sliding window, as strict as any provider's."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._let_through: deque[float] = deque()

    def wait_s(self, now_s: float) -> float:
        """Seconds until a request would be let through; 0 lets this one through and counts it."""
        while self._let_through and self._let_through[0] <= now_s - self._limit.per_s:
            self._let_through.popleft()
        if len(self._let_through) >= self._limit.requests:
            return self._let_through[0] + self._limit.per_s - now_s
        self._let_through.append(now_s)
        return 0.0


class Line:
    """One endpoint at work: how many requests it has had, and what its script says of the next."""

    def __init__(self, endpoint: SimulatedEndpoint) -> None:
        self.endpoint = endpoint
        self._asked = 0
        self._scripted = 0
        self._script = endpoint.faults
        self._window = Window(endpoint.profile.rate_limit) if endpoint.profile.rate_limit else None

    def script(self, faults: FaultScript) -> None:
        self._script, self._scripted = faults, 0

    def limited_s(self) -> float:
        return self._window.wait_s(time.monotonic()) if self._window else 0.0

    def take(self) -> tuple[int, Fault | None]:
        """The number of this request, from 0, and what happens to it."""
        number, place = self._asked, self._scripted
        self._asked, self._scripted = number + 1, place + 1
        return number, self._script.fault(place)


class Server:
    """All endpoints, on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._seed = settings.seed
        self._lines = {endpoint.name: Line(endpoint) for endpoint in settings.endpoints}
        self._log = WireLog()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        for dialect in DIALECTS:
            for route in dialect.routes():
                app.router.add_post(route.path, self._handler(dialect, route))
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/_log", self._read_log)
        app.router.add_post("/_script", self._take_script)
        return app

    # --- What a parent or another tool may ask

    async def _models(self, _: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in self._lines]
        return web.json_response({"object": "list", "data": models})

    async def _read_log(self, http: web.Request) -> web.Response:
        _local_only(http)
        return web.json_response(as_plain(self._log.after(int(http.query.get("after", "0")))))

    async def _take_script(self, http: web.Request) -> web.Response:
        _local_only(http)
        try:
            order = read_json(ScriptOrder, await http.read())
        except ValueError as e:
            raise web.HTTPBadRequest(text=str(e)) from e
        if order.endpoint not in self._lines:
            raise web.HTTPNotFound(text=f"no endpoint {order.endpoint!r}")
        self._lines[order.endpoint].script(order.faults)
        return web.json_response({})

    # --- What a client asks

    def _handler(self, dialect: Dialect, route: Route) -> Any:
        async def handle(http: web.Request) -> web.StreamResponse:
            entry = self._log.open(dialect=dialect.name, path=http.path, headers=http.headers)
            try:
                raw = await http.read()
                entry.read_ns = now_ns()
                plan = self._plan(dialect, route, raw, http, entry)
                return await _write(http, plan, entry)
            except (asyncio.CancelledError, ConnectionError):
                entry.end("client left")
                raise

        return handle

    def _plan(self, dialect: Dialect, route: Route, raw: bytes, http: web.Request, entry: OpenRequest) -> Plan:
        """What is written, and when."""

        def failed(failure: Failure, at_s: float = 0.0) -> Plan:
            return _failed(dialect, replace(failure, number=entry.number), at_s)

        try:
            body = json.loads(raw)
            entry.body = body
            if not isinstance(body, dict):
                raise BadRequestError("the body must be a JSON object")
            path = {**http.match_info, **{f"?{name}": value for name, value in http.query.items()}}
            request = dialect.read(body, path, streams=route.streams)
        except (ValueError, BadRequestError, AttributeError, TypeError) as e:
            return failed(Failure(code=400, reason="bad_request", message=f"Invalid request: {e}"))
        entry.endpoint = request.model
        line = self._lines.get(request.model)
        if line is None:
            return failed(Failure(code=404, reason="unknown_model", model=request.model))
        wait_s = line.limited_s()
        if wait_s > 0:
            return failed(Failure(code=429, reason="rate_limit", retry_after_s=math.ceil(wait_s)))
        number, fault = line.take()
        entry.fault = fault.kind if fault else None
        return self._answered(dialect, request, line.endpoint, fault, number, entry.number)

    def _answered(
        self, dialect: Dialect, request: Request, endpoint: SimulatedEndpoint, fault: Fault | None, number: int, id: int
    ) -> Plan:
        window = endpoint.context_tokens
        failure: Failure | None = None
        match fault:
            case Hang():
                return Plan(ending="hang")
            case Status(code=code, retry_after_s=retry_after_s):
                failure = Failure(code=code, retry_after_s=retry_after_s)
            case Refusal() if dialect.name == "azure":
                failure = Failure(code=400, reason="refusal")
            case InBandError(code=code) if not request.stream:
                failure = Failure(code=code)
            case _ if isinstance(fault, ContextOverflow) or (window is not None and request.input_tokens > window):
                most = window if window is not None else max(request.input_tokens - 1, 0)
                failure = Failure(code=400, reason="context_overflow", context_tokens=most)
            case _:
                pass
        if failure is not None:
            failure = replace(failure, model=request.model, number=id, input_tokens=request.input_tokens)
            return _failed(dialect, failure, fault.after_s if isinstance(fault, Status) else 0.0)

        draw = draw_for(self._seed, endpoint.name, number)
        said = draw_for(self._seed, f"{endpoint.name}/words", number)  # so that a longer text moves no time
        named = {"id": f"simulated-{id}", "created": int(time.time())}
        refuses = isinstance(fault, Refusal)
        answer = decline(request, endpoint.answer, **named) if refuses else compose(
            request, endpoint.answer, said, **named
        )
        if isinstance(fault, MissingUsage):
            answer = replace(answer, usage=None)
        if isinstance(fault, MissingFinish):
            answer = replace(answer, finish=None)
        times = endpoint.times(len(answer.pieces), request.input_tokens, draw)
        ends_s = times.bursts[-1].at_s if times.bursts else 0.0
        headers = dict(dialect.headers(id))
        if not request.stream:
            data = json.dumps(dialect.body(request, answer), ensure_ascii=False).encode()
            frame = Frame(ends_s, "body", data, len(answer.pieces), len(answer.pieces))
            return whole(Plan(headers=headers, frames=(frame,), length=len(data)), fault)
        frames = tuple(dialect.frames(request, answer, deltas(answer, times), ends_s))
        plan = Plan(content_type=dialect.stream_type, headers=headers, frames=frames)
        code = fault.code if isinstance(fault, InBandError) else 500
        return streamed(plan, fault, spoil=dialect.spoil, error=dialect.in_band(Failure(code=code, number=id)))


def _failed(dialect: Dialect, failure: Failure, at_s: float) -> Plan:
    told = dialect.failure(failure)
    data = json.dumps(told.body, ensure_ascii=False).encode()
    headers = {**dialect.headers(failure.number), **told.headers}
    return Plan(status=told.status, headers=headers, frames=(Frame(at_s, "error", data),), length=len(data))


async def _write(http: web.Request, plan: Plan, entry: OpenRequest) -> web.StreamResponse:
    """Write each frame at its time, and note when."""
    assert entry.read_ns is not None
    headers = {"Content-Type": plan.content_type, "x-simulated-request": str(entry.number), **plan.headers}
    response = web.StreamResponse(status=plan.status, headers=headers)
    if plan.length is not None:
        response.content_length = plan.length
    for frame in plan.frames:
        due_ns = entry.read_ns + round(frame.at_s * 1e9)
        await asyncio.sleep((due_ns - now_ns()) / 1e9)  # every time from the start: lateness does not add up
        if not response.prepared:
            await response.prepare(http)
            entry.status = plan.status
        sent_ns = now_ns()
        await response.write(frame.data)
        entry.chunks.append(
            LoggedChunk(sent_ns=sent_ns, due_ns=due_ns, kind=frame.kind, tokens=frame.tokens, bytes=len(frame.data))
        )
    if plan.ending == "hang":
        await asyncio.Event().wait()  # until the client leaves, which cancels this
    if plan.ending == "cut":
        if not response.prepared:
            await response.prepare(http)
            entry.status = plan.status
        entry.end("cut")
        if http.transport is not None:
            http.transport.close()
        return response
    await response.write_eof()
    entry.end("done")
    return response


def _local_only(http: web.Request) -> None:
    """Refuse a web page that had its own name resolved to this machine, to read what was asked."""
    if http.host.rsplit(":", 1)[0] not in (HOST, "localhost"):
        raise web.HTTPForbidden(text="ask 127.0.0.1 by its address")


async def listen(settings: Settings) -> tuple[web.AppRunner, int]:
    """Start to listen; gives what has to be cleaned up, and the port."""
    runner = web.AppRunner(
        Server(settings).application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1
    )
    await runner.setup()
    await web.TCPSite(runner, HOST, settings.port).start()
    port: int = runner.addresses[0][1]
    return runner, port

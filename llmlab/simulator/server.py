"""The server: finds the endpoint of a request, and writes its response when it is due."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from ..errors import LlmlabError
from ..stamps import arrival_ns
from .answer import Request, words
from .anthropic import Anthropic
from .bedrock import Bedrock
from .dialect import BadRequestError, Dialect, Failure, Route
from .frames import Plan
from .gemini import Gemini
from .lines import Line
from .openai import AzureOpenAI, OpenAI
from .response import failed, respond
from .serialisation import ScriptOrder, Settings, as_plain, read_json
from .wirelog import OpenRequest, WireLog, now_ns

HOST = "127.0.0.1"  # and nothing else: there is no option for it
LARGEST_BODY = 64 * 1024**2  # a prompt of some million tokens
AT = "/at/{endpoint:[^/]+}"  # before any path: the endpoint's name, whatever model the request then asks for
SPOKEN: tuple[Dialect, ...] = (OpenAI(), AzureOpenAI(), Anthropic(), Gemini(), Bedrock())


class Server:
    """All endpoints, on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._seed = settings.seed
        self._lines = {endpoint.name: Line(endpoint) for endpoint in settings.endpoints}
        self._log = WireLog()
        words()  # read now, not while the first request waits

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        for dialect in SPOKEN:
            for route in dialect.routes():
                app.router.add_post(route.path, self._handler(dialect, route))
                app.router.add_post(f"{AT}{route.path}", self._handler(dialect, route))
        app.router.add_post(f"{AT}/{{path:.*}}", self._unspoken)
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
        after = http.query.get("after", "0")
        if not after.isdecimal():
            raise web.HTTPBadRequest(text="after is the number of a request")
        return web.json_response(as_plain(self._log.after(int(after))))

    async def _take_script(self, http: web.Request) -> web.Response:
        _local_only(http)
        try:
            order = read_json(ScriptOrder, await http.read())
        except (ValueError, LlmlabError) as e:
            raise web.HTTPBadRequest(text=str(e)) from e
        if order.endpoint not in self._lines:
            raise web.HTTPNotFound(text=f"no endpoint {order.endpoint!r}")
        self._lines[order.endpoint].script(order.faults)
        return web.json_response({})

    # --- What a client asks

    async def _unspoken(self, http: web.Request) -> web.Response:
        """A path of no dialect, meant for one endpoint: noted, so that nobody wonders where the request went."""
        entry = self._log.open(dialect="", path=http.path, headers=http.headers)
        entry.endpoint, entry.status = http.match_info["endpoint"], 404
        with contextlib.suppress(ValueError):
            entry.body = json.loads(await http.read())
        entry.end("done")
        return web.json_response({"error": {"message": f"the simulator has no {http.path}"}}, status=404)

    def _handler(self, dialect: Dialect, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(http: web.Request) -> web.StreamResponse:
            entry = self._log.open(dialect=dialect.name, path=http.path, headers=http.headers)
            try:
                raw = await http.read()
                entry.read_ns = arrival_ns(http.transport)  # not now: this loop may have been busy
                self._log.note_size(entry, len(raw))
                return await _write(http, self._plan(dialect, route, raw, http, entry), entry)
            except asyncio.CancelledError:
                entry.end("client left")
                raise
            except ConnectionError:
                entry.end("client left")
                return web.Response()  # for aiohttp to throw away: there is nobody to send it to
            finally:
                self._log.note_size(entry, 8 * len(entry.chunks))

        return handle

    def _plan(self, dialect: Dialect, route: Route, raw: bytes, http: web.Request, entry: OpenRequest) -> Plan:
        """What is written, and when."""
        try:
            entry.body = json.loads(raw)
            request = _read(dialect, route, entry.body, http)
        except (ValueError, LookupError, AttributeError, TypeError, BadRequestError) as e:
            message = f"Invalid request: {e}"
            return failed(dialect, Failure(code=400, reason="bad_request", message=message, number=entry.number))
        entry.endpoint = http.match_info.get("endpoint", request.model)
        line = self._lines.get(entry.endpoint)
        if line is None:
            unknown = Failure(code=404, reason="unknown_model", model=entry.endpoint, number=entry.number)
            return failed(dialect, unknown)
        wait_s = line.wait_s()
        if wait_s > 0:
            wait = Failure(code=429, reason="rate_limit", retry_after_s=math.ceil(wait_s), number=entry.number)
            return failed(dialect, wait)
        number, faults = line.take()
        entry.fault = " + ".join(fault.kind for fault in faults) or None
        return respond(
            dialect,
            request,
            line.endpoint,
            faults,
            seed=self._seed,
            number=number,
            id=entry.number,
            created=int(time.time()),
        )


def _read(dialect: Dialect, route: Route, body: object, http: web.Request) -> Request:
    if not isinstance(body, dict):
        raise BadRequestError("the body must be a JSON object")
    path = {**http.match_info, **{f"?{name}": value for name, value in http.query.items()}}
    return dialect.read(body, path, streams=route.streams)


async def _write(http: web.Request, plan: Plan, entry: OpenRequest) -> web.StreamResponse:
    """Write each frame at its time, and note when. The head goes out with the first frame."""
    assert entry.read_ns is not None
    headers = {"Content-Type": plan.content_type, "x-simulated-request": str(entry.number), **plan.headers}
    response = web.StreamResponse(status=plan.status, headers=headers)
    if plan.length is not None:
        response.content_length = plan.length
    for together in plan.writes():
        due_ns = entry.read_ns + round(together[-1].at_s * 1e9)
        await asyncio.sleep((due_ns - now_ns()) / 1e9)  # every time from the start: lateness does not add up
        if not response.prepared:
            entry.status = plan.status
            await response.prepare(http)
        sent_ns = now_ns()
        await response.write(b"".join(frame.data for frame in together))
        for frame in together:
            entry.sent(sent_ns, due_ns, frame.kind, frame.tokens, len(frame.data))
    if plan.ending == "hang":
        await asyncio.Event().wait()  # until the client leaves, which cancels this
    if not response.prepared:  # cut before the first frame
        entry.status = plan.status
        await response.prepare(http)
    if plan.ending == "cut":
        entry.end("cut")
        if http.transport is not None:
            http.transport.close()
    else:
        await response.write_eof()
        entry.end("done")
    return response


def _local_only(http: web.Request) -> None:
    """Refuse a web page that had its own name resolved to this machine, to read what was asked."""
    if http.host.rsplit(":", 1)[0] not in (HOST, "localhost"):
        raise web.HTTPForbidden(text="ask 127.0.0.1 by its address")


async def listen(settings: Settings) -> tuple[web.AppRunner, int]:
    """Start to listen; gives what has to be cleaned up, and the port."""
    app = Server(settings).application()
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, settings.port).start()
    port: int = runner.addresses[0][1]
    return runner, port

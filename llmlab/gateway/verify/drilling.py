"""Running drills: all of a phase at once, each on a stage of its own, then judged by the wire log."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...simulator import LoggedRequest, Simulator
from .asking import GIVES_UP_S, Ask, Reply, ask_proxy
from .drill import PHASES, Call, Drill, Phase, Seen
from .environment import DUMMY
from .route import reachable
from .router_file import RouterFile
from .twin import Stage
from .verification import Check

if TYPE_CHECKING:
    import aiohttp

AT_ONCE = 4  # drills; the proxy is one process, and what it does for one it does not do for another
PULSE_EVERY_S = 0.25
APART_S = 0.2  # between drills that hang: their timeouts are not to run out together
MARK = re.compile(r"mark-(\d+)-(\d+)-(\d+)-x")
Replies = tuple[tuple[Reply, ...], ...]


@dataclass(frozen=True, slots=True)
class Staged:
    """A drill and the copy of its groups that it has for itself."""

    drill: Drill
    stage: Stage
    number: int


def staged(file: RouterFile, drills: Iterable[Drill]) -> tuple[Staged, ...]:
    """A stage for each drill; those that ask the file's own groups share the first, which has no faults."""
    own = Stage(number=0, group="", faults={})
    found = []
    for number, drill in enumerate(drills, start=1):
        stage = own
        if not drill.own_names:
            within = {i for name in reachable(file, drill.group) for i in file.members.get(name, ())}
            faults = {index: script for index, script in drill.faults.items() if index in within}
            stage = Stage(number=number, group=drill.group, faults=faults, scaled_windows=drill.scaled_windows)
        found.append(Staged(drill, stage, number))
    return tuple(found)


class Drilling:
    """Runs staged drills against the proxy at `url`. `told` is called after each, from another thread."""

    def __init__(
        self,
        file: RouterFile,
        simulator: Simulator,
        url: str,
        *,
        key: str = DUMMY,
        time_scale: float,
        told: Callable[[Drill], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._file, self._simulator, self._url, self._key = file, simulator, url, key
        self._time_scale, self._told, self._cancelled = time_scale, told, cancelled
        self._seen_log = 0
        self._lag_s = 0.0

    def run(self, phase: Phase, drills: Sequence[Staged]) -> tuple[Check, ...]:
        """The checks of one phase, in the order of its drills; none where it was cancelled."""
        assert phase in PHASES
        self._lag_s = 0.0
        replies = asyncio.run(self._all(drills))
        if replies is None:
            return ()
        calls = self._calls({one.number for one in drills})
        return tuple(
            self._check(one, said, tuple(call for number, call in calls if number == one.number))
            for one, said in zip(drills, replies, strict=True)
        )

    async def _all(self, drills: Sequence[Staged]) -> list[Replies] | None:
        import aiohttp

        room = asyncio.Semaphore(AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=GIVES_UP_S)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            pulse = asyncio.create_task(self._feel_pulse(session))
            tasks = {
                one.number: asyncio.create_task(
                    self._hanging(session, one, place * APART_S)
                    if one.drill.phase == "hangs"
                    else self._in_turn(session, one, room)
                )
                for place, one in enumerate(drills)
            }
            waiting = set(tasks.values())
            while waiting:
                _, waiting = await asyncio.wait(waiting, timeout=0.1)
                if self._cancelled():
                    for task in tasks.values():
                        task.cancel()
                    await asyncio.gather(*tasks.values(), return_exceptions=True)
                    break
            pulse.cancel()
            await asyncio.gather(pulse, return_exceptions=True)
            if self._cancelled():
                return None
            return [await tasks[one.number] for one in drills]

    async def _feel_pulse(self, session: aiohttp.ClientSession) -> None:
        """Note how long the proxy takes for next to nothing."""
        while True:
            await asyncio.sleep(PULSE_EVERY_S)
            began = time.monotonic()
            async with session.get(f"{self._url}/health/liveliness") as response:
                await response.read()
            self._lag_s = max(self._lag_s, time.monotonic() - began)

    async def _hanging(self, session: aiohttp.ClientSession, one: Staged, after_s: float) -> Replies:
        await asyncio.sleep(after_s)
        return await self._drill(session, one)

    async def _in_turn(self, session: aiohttp.ClientSession, one: Staged, room: asyncio.Semaphore) -> Replies:
        async with room:
            return await self._drill(session, one)

    async def _drill(self, session: aiohttp.ClientSession, one: Staged) -> Replies:
        replies = []
        for wave, questions in enumerate(one.drill.waves):
            if wave:
                await asyncio.sleep(one.drill.pause_s)
            asks = [
                Ask(
                    group=one.stage.alias(one.drill.group),
                    mark=f"mark-{one.number}-{wave}-{number}-x",
                    stream=question.stream,
                    words=question.words,
                    extra=question.extra,
                )
                for number, question in enumerate(questions)
            ]
            replies.append(tuple(await asyncio.gather(*(self._ask(session, ask) for ask in asks))))
        self._told(one.drill)
        return tuple(replies)

    async def _ask(self, session: aiohttp.ClientSession, ask: Ask) -> Reply:
        return await ask_proxy(session, self._url, self._key, ask)

    def _calls(self, numbers: set[int]) -> list[tuple[int, Call]]:
        """What reached the wire since the last phase, by drill."""
        log = self._simulator.log(after=self._seen_log)
        self._seen_log = max((logged.number for logged in log), default=self._seen_log)
        return [found for logged in log if (found := _call(logged)) is not None and found[0] in numbers]

    def _check(self, one: Staged, replies: Replies, calls: tuple[Call, ...]) -> Check:
        drill = one.drill
        verdict = drill.judge(
            Seen(file=self._file, replies=replies, calls=calls, time_scale=self._time_scale, lag_s=self._lag_s)
        )
        return Check(
            rung="drills",
            name=drill.name,
            tier=drill.group,
            status=verdict.status,
            expected=drill.expected,
            seen=verdict.seen,
            seconds=verdict.seconds,
        )


def _call(logged: LoggedRequest) -> tuple[int, Call] | None:
    found = MARK.search(json.dumps(logged.body))
    _, _, index = logged.endpoint.rpartition("-")
    if found is None or not index.isdecimal():
        return None
    drill, wave, question = map(int, found.groups())
    return drill, Call(deployment=int(index), wave=wave, question=question, logged=logged)

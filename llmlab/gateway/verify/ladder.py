"""The ladder: from reading the file to the last drill, each rung a list of checks, and nothing left running.

    lint ──────────────────────────────┐
    rehearsal: Router, validate, egress ├─> drills on the real proxy, which boots meanwhile
    twin: simulator, proxy ────────────┘

The processes are started together, because importing LiteLLM takes longest; the rungs are reported in their order.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from ...simulator import Simulator
from . import copies, egress, rungs
from .caged import Caged
from .drill import PHASES, Drill
from .drilling import Drilling, Staged, staged
from .environment import child_environment
from .program import drills, not_drilled, twin_of
from .progress import Cancel, CancelledError, Pace, Progress
from .providers import service_account
from .proxy import Proxy, RefusedToStartError
from .recorder import Recorder
from .redis_server import Redis
from .router_file import RouterFile, read
from .twin import Twin
from .verification import Check, Verification

LOOK_EVERY_S = 0.05
READY = 0.35  # the share of the work that is done when the proxy answers
NOT_HERE = (
    "Quality, speed and rate limits of the real models: nobody was asked.",
    "That keys, model names and regions are accepted by the providers: nothing left this machine.",
    "That a deployment comes back after its cool-down: the time was not waited for.",
    "Budgets under many requests at once: they are post-paid, so those under way are not stopped.",
    "Budgets of keys, users and teams: they need a database.",
    "More than one proxy process or machine at a time.",
)


def verify(
    path: Path | str,
    *,
    residency: str | None = None,
    sla_s: float | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    environ: Mapping[str, str] | None = None,
) -> Verification:
    """Whether the LiteLLM config at `path` does what it says, seen on the real proxy in front of simulated providers.

    `residency` is a scope (`eu`), a region (`eu-central-1`) or `own-network`; `sla_s` is how many seconds a caller may
    wait in the worst case. `progress` is called in this thread with words and the share that is done; once `cancel` is
    set, what is left is not checked. `environ` is where addresses and regions that the file takes from variables are
    looked up (this process's environment if left out): of no other variable is the value read, and no process that
    loads LiteLLM can connect to anything but the ports of 127.0.0.1 that belong to this verification.

    Takes the proxy's own boot and about half a minute. Raises `LlmlabError` where the file cannot be read.
    """
    file = read(Path(path), os.environ if environ is None else environ)
    began_at = datetime.now(UTC).isoformat(timespec="seconds")
    began = time.monotonic()
    pace = Pace(progress, cancel)
    run = _Run(file, residency, sla_s, pace)
    cancelled = False
    with contextlib.ExitStack() as stack:
        try:
            run.climb(stack)
        except CancelledError:
            cancelled = True
    run.seconds["total"] = time.monotonic() - began
    if not cancelled:
        with contextlib.suppress(CancelledError):
            pace.say("done", 1.0)
            pace.tell()
    return Verification(
        path=str(path),
        content_hash=file.content_hash,
        began_at=began_at,
        litellm=_version(),
        residency=residency,
        sla_s=sla_s,
        checks=tuple(rungs.whole(run.checks, cancelled=cancelled)),
        seconds={name: round(seconds, 2) for name, seconds in run.seconds.items()},
        time_scale=run.twin.time_scale,
        window_scale=run.twin.window_scale,
        left_out=(*copies.left_out(file), *NOT_HERE),
        cancelled=cancelled,
    )


@dataclass
class _Run:
    """One climb. `checks` and `seconds` fill while it goes, so that a cancelled one still tells what it saw."""

    file: RouterFile
    residency: str | None
    sla_s: float | None
    pace: Pace
    checks: list[Check] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    dials: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.twin: Twin = twin_of(self.file)

    def climb(self, stack: contextlib.ExitStack) -> None:
        """Everything. What is started is put on `stack`."""
        self.pace.say("reading the file", 0.0)
        self.pace.tell()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llmlab-verify-")))
        threads = stack.enter_context(ThreadPoolExecutor(max_workers=3, thread_name_prefix="verify"))
        recorder = stack.enter_context(contextlib.closing(Recorder()))
        redis = stack.enter_context(contextlib.closing(Redis(folder)))
        if copies.names_redis(self.file):
            redis.start()
        asks_google = any(self.file.provider(index) == "vertex_ai" for index in range(len(self.file.ids)))
        google = service_account(f"{recorder.url}/token") if asks_google else ""
        planned = staged(self.file, drills(self.twin, self.sla_s, redis=redis.alive))
        self.twin = Twin(self.file, _stages(planned), self.twin.time_scale, self.twin.window_scale)

        rehearsal = stack.enter_context(contextlib.closing(self._rehearsal(folder, google, recorder, redis)))
        told = threads.submit(self._rehearse, rehearsal, recorder)
        linted = threads.submit(self._lint)
        booted = threads.submit(self._boot, stack, folder, google, recorder, redis)
        self._wait_for(linted, told, booted)
        self.checks += [*linted.result(), *told.result(), *booted.result()[0]]
        ready = booted.result()[1]
        if ready is None:
            self._without_proxy()
        else:
            self._drill(threads, planned, *ready, redis)
        refused = [*rehearsal.refused, *(ready[1].process.refused if ready else ())]
        self.checks.append(rungs.nobody_else(self.dials, recorder.wanted, refused, self.residency))

    # --- Rungs, each in a thread of its own

    def _lint(self) -> list[Check]:
        began = time.monotonic()
        found = rungs.linted(self.file, self.residency, self.sla_s)
        self._spent("lint", began)
        return found

    def _rehearsal(self, folder: Path, google: str, recorder: Recorder, redis: Redis) -> Caged:
        data = copies.rehearsal_copy(self.file, google, redis.port)
        config = folder / "rehearsal.yaml"
        config.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        environment = child_environment(data, self.file.environ, home=folder, proxy=recorder.url, spared=False)
        calls = [id for index, id in enumerate(self.file.ids) if "*" not in self.file.deployment(index).model]
        return Caged(
            {"do": "rehearse", "config": str(config), "calls": calls},
            environment=environment,
            ports=[recorder.port, redis.port],
            folder=folder,
            name="rehearsal",
        )

    def _rehearse(self, process: Caged, recorder: Recorder) -> list[Check]:
        checks: list[Check] = []
        began = time.monotonic()
        for message in process.messages():
            self.pace.check()
            match message["did"]:
                case "import":
                    self.seconds["import litellm"] = message["seconds"]
                    self.pace.say("LiteLLM is loaded", 0.1)
                case "router":
                    checks.append(rungs.router_init(self.file, message))
                    self.pace.say("the Router was made", 0.12)
                case "validate_config":
                    checks.append(rungs.validated(message))
                    self.pace.say("litellm --validate_config has run", 0.15)
                    began = time.monotonic()
                case "dial":
                    self.dials[message["id"]] = message
                    share = 0.15 + 0.15 * len(self.dials) / max(len(self.file.ids), 1)
                    self.pace.say(f"{message['id']} would dial", share)
                case _:
                    pass
        self._spent("egress", began)
        if not checks:
            seen = process.last_words()
            checks.append(Check(rung="router", name="Router init", status="failed", expected=rungs.MADE, seen=seen))
        return checks + list(egress.dialled(self.file, self.dials, recorder.wanted, self.residency))

    def _boot(
        self, stack: contextlib.ExitStack, folder: Path, google: str, recorder: Recorder, redis: Redis
    ) -> tuple[list[Check], tuple[Simulator, Proxy] | None]:
        expected = "it starts and answers"
        name = "litellm --config (the twin)"
        if importlib.util.find_spec("fastapi") is None:
            seen = "litellm[proxy] is not installed; install llmlab[proxy]"
            return [Check(rung="proxy", name=name, status="not_checked", expected=expected, seen=seen)], None
        simulator = stack.enter_context(contextlib.closing(Simulator(self.twin.endpoints())))
        data = self.twin.config(simulator.url, google, redis.port)
        config = folder / "twin.yaml"
        config.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        environment = child_environment(data, self.file.environ, home=folder, proxy=recorder.url, spared=True)
        ports = [recorder.port, redis.port, simulator.port]
        proxy = Proxy(config, environment=environment, ports=ports, folder=folder)
        stack.callback(proxy.close)
        try:
            seconds = proxy.wait(self.pace.check)
        except RefusedToStartError as e:
            return [Check(rung="proxy", name=name, status="failed", expected=expected, seen=str(e))], None
        self.seconds["proxy boot"] = seconds
        self.pace.say("the proxy answers", READY)
        seen = f"it answered after {seconds:.1f} s, with {len(data['model_list'])} deployments"
        return [Check(rung="proxy", name=name, status="passed", expected=expected, seen=seen, seconds=seconds)], (
            simulator,
            proxy,
        )

    def _without_proxy(self) -> None:
        seen = "the proxy did not start, so nothing could be drilled"
        self.checks.append(Check(rung="drills", name="all drills", status="not_checked", expected="drilled", seen=seen))

    def _drill(
        self,
        threads: ThreadPoolExecutor,
        planned: tuple[Staged, ...],
        simulator: Simulator,
        proxy: Proxy,
        redis: Redis,
    ) -> None:
        began = time.monotonic()
        done: list[str] = []

        def told(drill: Drill) -> None:
            done.append(drill.name)
            self.pace.say(f"{drill.group}: {drill.name}", READY + (1 - READY) * len(done) / max(len(planned), 1))

        drilling = Drilling(
            self.file,
            simulator,
            proxy.url,
            time_scale=self.twin.time_scale,
            told=told,
            cancelled=lambda: self.pace.cancelled,
        )
        for phase in PHASES:
            these = [one for one in planned if one.drill.phase == phase]
            if not these:
                continue
            if phase == "no_redis":
                self.checks.append(rungs.redis_used(redis))
                redis.close()
            ran = threads.submit(drilling.run, phase, these)
            self._wait_for(ran)
            self.checks += ran.result()
            if phase == "no_redis":
                redis.start()
        self.checks += not_drilled(self.twin, self.sla_s, redis=redis.alive)
        self._spent("drills", began)

    # --- Waiting

    def _wait_for(self, *futures: Future[Any]) -> None:
        """Until all are done, telling how it goes meanwhile. Raises what one of them raised, or `CancelledError`."""
        waiting = set(futures)
        while waiting:
            done, waiting = wait_for(waiting, LOOK_EVERY_S)
            self.pace.tell()
            for future in done:
                future.result()

    def _spent(self, what: str, began: float) -> float:
        self.seconds[what] = time.monotonic() - began
        return self.seconds[what]


def _stages(planned: tuple[Staged, ...]) -> tuple[Any, ...]:
    """Every stage once; the file's own names come first, drilled or not."""
    return tuple({one.stage.number: one.stage for one in planned}.values())


def _version() -> str:
    try:
        return importlib.metadata.version("litellm")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"

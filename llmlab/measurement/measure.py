"""Measuring: one call that waits, one that tells what happens meanwhile, and the run behind both.

records = measure(["simulated/claude-sonnet", "simulated/claude-haiku"], runs=20)

async for event in measure_live(["openai/gpt-5"], runs=3):
...
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Unpack

from ..catalog import Catalog, load_catalog
from .background import background, result_of
from .events import MeasurementEvent, Preparing, Recorded
from .instrument import instrument
from .orders import Question
from .plan import Options, Plan, plan
from .records import StreamRecord
from .targets import resolve

DEFAULT_PROMPT = "Explain CRDTs in 200 words."  # the seed's own
LAST_RECORDS_S = 5.0

Listener = Callable[[MeasurementEvent], None]


class Run:
    """A run that has started. `listen` is called with each event, on the background loop: it must not wait."""

    def __init__(self, plan: Plan, listen: Listener, environment: Mapping[str, str] | None = None) -> None:
        self.plan = plan
        self._listen = listen
        self._environment = dict(os.environ if environment is None else environment)
        self._records: list[StreamRecord] = []
        self._begun = False
        self._future = background().start(self._go())

    @property
    def begun(self) -> bool:
        """Whether a call was made: before, nothing is lost with it."""
        return self._begun

    @property
    def over(self) -> bool:
        return self._future.done()

    def cancel(self) -> None:
        """Stop it: connections are closed at once, calls under way become records, and `result` then gives all."""
        background().start(instrument().stop(self.plan.run))

    def result(self, timeout_s: float | None = None) -> list[StreamRecord]:
        """Wait for the end; all records, in the order of the calls. Raises what made the run fail."""
        result_of(self._future, timeout_s)
        return sorted(self._records, key=lambda record: record.number)

    def when_over(self, then: Callable[[], None]) -> None:
        """Call `then` once the run is over, on whatever thread that happens."""
        self._future.add_done_callback(lambda _: then())

    async def _go(self) -> None:
        async for event in instrument().run(self.plan, self._environment):
            self._begun = self._begun or not isinstance(event, Preparing)
            if isinstance(event, Recorded):
                self._records.append(event.record)
            self._listen(event)


def prepare(
    endpoints: Sequence[str],
    prompt: str | Sequence[str] | Question = DEFAULT_PROMPT,
    *,
    catalog: Catalog | None = None,
    api_base: str | None = None,
    **options: Unpack[Options],
) -> Plan:
    """The run before it starts: which calls, in which order, and (`most_usd`) the most that they can cost.

    `endpoints` are simulated endpoints, endpoints of `catalog` (the newest snapshot unless given), LiteLLM's model ids,
    or with `api_base` models at an OpenAI-compatible server; see `resolve`. `prompt` is one, or several that take
    turns, or a `Question` with everything else that is asked.
    """
    targets = resolve(endpoints, catalog if catalog is not None else load_catalog(), api_base=api_base)
    options.setdefault("journal", runs_folder())
    return plan(targets, _question(prompt), **options)


def measure(
    endpoints: Sequence[str],
    prompt: str | Sequence[str] | Question = DEFAULT_PROMPT,
    *,
    catalog: Catalog | None = None,
    api_base: str | None = None,
    **options: Unpack[Options],
) -> list[StreamRecord]:
    """Call every endpoint `runs` times and give a record of each call, failed ones too. Parameters as in `prepare`.

    Interrupting it stops the run; what was recorded is in the journal.
    """
    return finish(Run(prepare(endpoints, prompt, catalog=catalog, api_base=api_base, **options), lambda _: None))


def finish(run: Run) -> list[StreamRecord]:
    """Wait for the records of `run`. An interruption cancels it first."""
    try:
        return run.result()
    except KeyboardInterrupt:
        run.cancel()
        if run.begun:
            with contextlib.suppress(TimeoutError, CancelledError):
                run.result(LAST_RECORDS_S)
        raise


async def measure_live(
    endpoints: Sequence[str],
    prompt: str | Sequence[str] | Question = DEFAULT_PROMPT,
    *,
    catalog: Catalog | None = None,
    api_base: str | None = None,
    **options: Unpack[Options],
) -> AsyncIterator[MeasurementEvent]:
    """The same, told while it happens. Leaving the loop early, or cancelling its task, cancels the run."""
    made = prepare(endpoints, prompt, catalog=catalog, api_base=api_base, **options)
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[MeasurementEvent | None] = asyncio.Queue()

    def put(event: MeasurementEvent | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop that asked is gone
            loop.call_soon_threadsafe(queue.put_nowait, event)

    run = Run(made, put)
    run.when_over(lambda: put(None))
    try:
        while (event := await queue.get()) is not None:
            yield event
        run.result()
    finally:
        if not run.over:
            run.cancel()


def runs_folder() -> str | None:
    """Where runs are kept: `LLMLAB_RUNS`, else the user's state folder; `None` where nothing can be written."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(os.environ.get("LLMLAB_RUNS") or Path(home) / "llmlab" / "runs")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


def _question(prompt: str | Sequence[str] | Question) -> Question:
    if isinstance(prompt, Question):
        return prompt
    return Question(prompts=(prompt,) if isinstance(prompt, str) else tuple(prompt))

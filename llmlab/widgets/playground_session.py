"""A Playground's runs, in the background: they fill the board, and then the instrument is measured as it was used.

session = Session(changed)
session.start(plan)  # returns at once; `changed` is called whenever there is something new
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from ..errors import LlmlabError
from ..measurement import MeasurementEvent, Plan, Recorded, Run, StreamRecord
from ..measurement.background import background
from ..measurement.calibration import Calibration, calibrate
from ..measurement.records import Path
from ..measurement.targets import Target
from ..simulator import DialectName
from .playground_board import Board

RUNNING = "Running."
CALIBRATING = "Measuring the instrument's own error."


class Session:
    """One run after the other, on one board.

    `changed` is called with whether a call has ended, or all of the run: on the background loop, so it must not wait.
    """

    def __init__(self, changed: Callable[[bool], None]) -> None:
        self.plan: Plan | None = None
        self.asked: dict[str, Target] = {}
        self.problem: Exception | None = None
        self.phase = ""  # what goes on, in words; empty: nothing
        self._changed = changed
        self._lock = threading.Lock()
        self._board = Board()
        self._run: Run | None = None
        self._cancelled = False
        self._calibrating: Future[Calibration] | None = None
        self._calibrations: dict[tuple[Path, int], Calibration] = {}
        self._at_rest = threading.Event()
        self._at_rest.set()

    @contextmanager
    def board(self) -> Iterator[Board]:
        """The board, while nothing is written on it."""
        with self._lock:
            yield self._board

    @property
    def records(self) -> list[StreamRecord]:
        """Every call so far, in the order in which they ended."""
        with self._lock:
            return list(self._board.records)

    @property
    def calibration(self) -> Calibration | None:
        """The instrument's error with as many streams at once as the records had, once it was measured."""
        used = self._used()
        return None if used is None else self._calibrations.get(used)

    @property
    def progress(self) -> tuple[float | None, str] | None:
        """As a panel shows it."""
        with self._lock:
            if not self.phase:
                return None
            if self.phase != RUNNING or self._board.preparing:
                return None, self._board.preparing or self.phase
            return self._board.made / max(self._board.total, 1), f"{self._board.made:,} of {self._board.total:,} calls"

    def start(self, plan: Plan, *, keep: bool = False) -> None:
        """Begin the calls of `plan`. With `keep` the other lanes stay as they are. One run at a time."""
        with self._lock:
            if not self._at_rest.is_set():
                raise LlmlabError("a run is under way: cancel it, or wait for it")
            self.plan, self.phase, self.problem, self._cancelled = plan, RUNNING, None, False
            targets = {target.name: target for target in plan.targets}
            self.asked = {**self.asked, **targets} if keep else targets
            self._board.begin(plan, keep=keep)
            self._at_rest.clear()
        self._run = Run(plan, self._hear)
        self._run.when_over(self._over)

    def cancel(self) -> None:
        """End what is under way: the run, or what measures the instrument after it."""
        with self._lock:
            self._cancelled = True
            run, calibrating = self._run, self._calibrating
        if run is not None and not run.over:
            run.cancel()
        if calibrating is not None:
            calibrating.cancel()

    def wait(self, timeout_s: float | None) -> list[StreamRecord]:
        """All records, once nothing is under way. Raises what made the run fail, and `TimeoutError`."""
        if not self._at_rest.wait(timeout_s):
            raise TimeoutError(f"the run was not over within {timeout_s:g} s; it goes on")
        if self.problem is not None:
            raise self.problem
        return self.records

    def _hear(self, event: MeasurementEvent) -> None:
        with self._lock:
            self._board.take(event)
        self._changed(isinstance(event, Recorded))

    def _over(self) -> None:
        """The run has ended. One that was not cancelled is followed by the measurement of the instrument."""
        assert self._run is not None
        with self._lock:
            self._board.end()
        try:
            self._run.result(0)
        except Exception as e:  # noqa: BLE001  for the panel to show, as every error is
            self.problem = e
            self._rest()
            return
        used = self._used()
        with self._lock:
            wanted = used is not None and used not in self._calibrations and not self._cancelled
            if used is not None and wanted:
                self.phase = CALIBRATING
                dialect: DialectName = "anthropic" if used[0] == "anthropic" else "openai"
                self._calibrating = background().start(calibrate(used[1], path=used[0], dialect=dialect))
        if self._calibrating is None:
            self._rest()
        else:
            self._changed(False)
            self._calibrating.add_done_callback(self._calibrated)

    def _calibrated(self, future: Future[Calibration]) -> None:
        self._calibrating = None
        if not future.cancelled():
            self.problem = future.exception()  # type: ignore[assignment]  # an Exception: it is no end of the program
            if self.problem is None:
                made = future.result()
                self._calibrations[made.path, made.streams] = made
        self._rest()

    def _rest(self) -> None:
        self.phase = ""
        self._changed(True)
        self._at_rest.set()

    def _used(self) -> tuple[Path, int] | None:
        """The library that was asked through, and how many calls were under way at once."""
        with self._lock:
            streams = self._board.most_at_once
            return None if self.plan is None or not streams else (self.plan.lanes[0].path, streams)

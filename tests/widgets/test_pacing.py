"""What is asked for many times a second is done a few times a second, and the last of it is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from llmlab.widgets.pacing import Pacer

REST_S = 0.05


class Work:
    """Keeps what each turn was asked to do, when it began and in which thread."""

    def __init__(self) -> None:
        self.turns: list[frozenset[str]] = []
        self.began: list[float] = []
        self.threads: list[threading.Thread] = []
        self.failing = False

    def __call__(self, names: frozenset[str]) -> None:
        self.began.append(time.monotonic())
        self.turns.append(names)
        self.threads.append(threading.current_thread())
        if self.failing:
            raise RuntimeError("this turn failed")


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def pacer(work: Work) -> Iterator[Pacer]:
    pacer = Pacer(work, REST_S)
    yield pacer
    pacer.stop()


def until(done: Callable[[], bool]) -> None:
    """Waits for what another thread does; if it never does, the test fails and does not hang."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_first_asking_is_done_without_a_second_one(pacer: Pacer, work: Work) -> None:
    pacer.ask({"lanes"})
    until(lambda: work.turns == [frozenset({"lanes"})])


def test_a_thousand_askings_are_a_few_turns_and_the_last_is_among_them(pacer: Pacer, work: Work) -> None:
    for number in range(1_000):
        pacer.ask({str(number)})
    until(lambda: "999" in work.turns[-1] if work.turns else False)
    assert frozenset().union(*work.turns) == {str(number) for number in range(1_000)}
    assert sum(map(len, work.turns)) == 1_000, "nothing is done twice"
    between = [later - earlier for earlier, later in zip(work.began, work.began[1:], strict=False)]
    assert all(gap >= REST_S for gap in between)


def test_asking_during_a_turn_is_for_the_next(work: Work) -> None:
    held, inside = threading.Event(), threading.Event()

    def hold(names: frozenset[str]) -> None:
        work(names)
        inside.set()
        held.wait(20)

    pacer = Pacer(hold, REST_S)
    pacer.ask({"first"})
    inside.wait(20)
    pacer.ask({"second"})
    pacer.ask({"third"})
    held.set()
    until(lambda: len(work.turns) == 2)
    assert work.turns == [{"first"}, {"second", "third"}]


def test_asking_for_no_names_is_asking(pacer: Pacer, work: Work) -> None:
    pacer.ask(())
    until(lambda: work.turns == [frozenset()])


def test_nothing_is_done_after_it_was_stopped_and_no_thread_is_left(pacer: Pacer, work: Work) -> None:
    pacer.ask({"now"})
    until(lambda: len(work.turns) == 1)
    pacer.ask({"later"})  # waits for its turn
    waiting = pacer._thread
    assert waiting is not None
    pacer.stop()
    waiting.join(20)
    assert not waiting.is_alive()
    assert work.turns == [{"now"}]


def test_it_can_be_asked_again_after_it_was_stopped(pacer: Pacer, work: Work) -> None:
    pacer.stop()
    pacer.ask({"again"})
    until(lambda: work.turns == [frozenset({"again"})])


def test_a_thread_lives_for_one_turn(pacer: Pacer, work: Work) -> None:
    pacer.ask({"a"})
    until(lambda: len(work.turns) == 1)
    work.threads[0].join(20)
    assert not work.threads[0].is_alive()
    assert pacer._thread is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_turn_that_fails_is_followed_by_the_next(pacer: Pacer, work: Work) -> None:
    work.failing = True
    pacer.ask({"a"})
    until(lambda: len(work.threads) == 1)
    work.threads[0].join(20)
    work.failing = False
    pacer.ask({"b"})
    until(lambda: work.turns == [{"a"}, {"b"}])

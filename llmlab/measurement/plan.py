"""Which calls a run makes, in which order and when, and what they can cost: known before the first is made."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path as FilePath
from typing import TypedDict, Unpack

from ..cost import Cap, ceiling
from ..errors import LlmlabError
from .orders import Arrivals, Call, Lane, Orders, Question, Timeouts
from .records import Path
from .targets import Target

MOST_STREAMS = 1_000
DEFAULT_BUDGET_USD = Decimal(1)
NOT_YET = "http://127.0.0.1:0"
FRAME_TOKENS = 64  # roles, the nonce, and what a provider adds around a prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run before it starts. In a closed loop at most `streams` calls are under way at once, in the order given; in an
    open one each call has its time, and `streams` is where it queues."""

    run: str
    targets: tuple[Target, ...]
    lanes: tuple[Lane, ...]
    calls: tuple[Call, ...]
    question: Question
    streams: int
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: int = 0
    deadline_s: float = 600.0
    budget_usd: Decimal | None = None
    journal: str | None = None

    def at(self, simulator_url: str) -> Plan:
        """The same, with simulated endpoints called where the simulator listens."""
        places = {target.name: target.call(simulator_url) for target in self.targets if target.simulated is not None}
        lanes = tuple(replace(lane, parameters=places.get(lane.name, lane.parameters)) for lane in self.lanes)
        return replace(self, lanes=lanes)

    @property
    def most_usd(self) -> Decimal | None:
        """The most that all calls can cost; `None` where one has no price."""
        ceilings = {lane.name: Decimal(0) if lane.free else lane.ceiling_usd for lane in self.lanes}
        known = [ceilings[call.lane] for call in self.calls]
        return None if None in known else sum((usd for usd in known if usd is not None), Decimal(0))


class Options(TypedDict, total=False):
    """How a run is made; each has a default.

    `runs` rounds, in each of which every endpoint is called once, another one first each time. Without `rate` it is a
    closed loop of `concurrency` streams (one per endpoint unless said); with `rate` an open one, in which calls arrive
    that often a second, by chance (`poisson`) or evenly (`fixed`), whatever is still under way. `warm_up` calls per
    endpoint come first and are told apart. `path` is the library to ask through. `retries` is how often a refused call
    is made again; `deadline_s` ends the run. `budget_usd` (default 1) is what it cannot exceed, `None` no limit.
    `journal` is a folder, where records are
    appended to a file as they come. `seed` decides the arrivals.
    """

    runs: int
    concurrency: int | None
    rate: float | None
    arrivals: Arrivals
    warm_up: int
    path: Path
    timeouts: Timeouts
    retries: int
    deadline_s: float
    budget_usd: Decimal | float | None
    journal: str | None
    seed: int


def plan(targets: Sequence[Target], question: Question, **options: Unpack[Options]) -> Plan:
    """The run of these targets. Where the simulator listens is only known when it starts.

    Raises `LlmlabError` for a run that cannot be, and for one whose cost no budget can hold.
    """
    runs, warm_up, retries = options.get("runs", 1), options.get("warm_up", 0), options.get("retries", 0)
    rate, deadline_s = options.get("rate"), options.get("deadline_s", 600.0)
    concurrency = options.get("concurrency")
    path = options.get("path", "litellm")
    if not targets:
        raise LlmlabError("there is nothing to measure: name an endpoint")
    streams = concurrency if concurrency is not None else len(targets) if rate is None else MOST_STREAMS
    if runs < 1 or not 1 <= streams <= MOST_STREAMS or warm_up < 0 or retries < 0 or deadline_s <= 0:
        raise LlmlabError(
            f"runs and concurrency are at least 1 (and concurrency at most {MOST_STREAMS:,}), warm_up and retries at "
            f"least 0, deadline_s above 0: runs={runs}, concurrency={streams}, warm_up={warm_up}, retries={retries}, "
            f"deadline_s={deadline_s:g}"
        )
    if rate is not None and rate <= 0:
        raise LlmlabError(f"a rate is calls per second above 0, not {rate:g}")
    lanes = tuple(_lane(target, question, path) for target in targets)
    calls = [Call(number=0, round=-1 - r, lane=lane.name, warm_up=True) for r in range(warm_up) for lane in lanes]
    calls += [
        Call(number=0, round=r, lane=lanes[(r + i) % len(lanes)].name) for r in range(runs) for i in range(len(lanes))
    ]
    budget = options.get("budget_usd", DEFAULT_BUDGET_USD)
    unpriced = [lane.name for lane in lanes if lane.ceiling_usd is None and not lane.free]
    if budget is not None and unpriced:
        raise LlmlabError(
            f"no price is known for {', '.join(unpriced)}, so that a budget of ${budget} cannot hold; give "
            "budget_usd=None to measure without one"
        )
    times = _arrivals(rate, options.get("arrivals", "poisson"), options.get("seed", 0))
    numbered = (
        Call(
            number=number,
            round=call.round,
            lane=call.lane,
            at_s=None if call.warm_up or rate is None else next(times),
            warm_up=call.warm_up,
        )
        for number, call in enumerate(calls)
    )
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    folder = options.get("journal")
    return Plan(
        run=run,
        targets=tuple(targets),
        lanes=lanes,
        calls=tuple(numbered),
        question=question,
        streams=min(streams, len(calls)),
        timeouts=options.get("timeouts") or Timeouts(),
        retries=retries,
        deadline_s=deadline_s,
        budget_usd=None if budget is None else Decimal(str(budget)),
        journal=None if folder is None else str(FilePath(folder) / f"{run}.jsonl"),
    )


def _lane(target: Target, question: Question, path: Path) -> Lane:
    price = target.price
    most = None
    if price is not None:
        most = ceiling(price, most_tokens(question), question.max_tokens, date.today(), region=target.region)
    return Lane(
        name=target.name,
        parameters=target.call(NOT_YET),
        path=path,
        simulated=target.simulated is not None,
        key_variable=target.key_variable,
        price=price,
        region=target.region,
        ceiling_usd=most,
        free=target.api_base is not None,
    )


def most_tokens(question: Question) -> int:
    """The most tokens that a prompt can be: no tokenizer makes more than one of a byte."""
    longest = max(len(prompt.encode()) for prompt in question.prompts)
    return longest + len(question.system.encode()) + FRAME_TOKENS


def _arrivals(rate: float | None, arrivals: Arrivals, seed: int) -> Iterator[float]:
    """Seconds from the start, one for each call."""
    draw = random.Random(seed)  # noqa: S311  chance that has to repeat, not a secret
    at_s = 0.0
    while rate is not None:
        yield at_s
        at_s += draw.expovariate(rate) if arrivals == "poisson" else 1 / rate


def share(plan: Plan, workers: int) -> list[Orders]:
    """The run in `workers` parts: calls in turn, streams and dollars in proportion; together they are the whole."""
    parts = min(workers, len(plan.calls))
    calls = [plan.calls[i::parts] for i in range(parts)]
    caps = Cap(plan.budget_usd).split([len(part) for part in calls])
    streams = [len(range(i, plan.streams, parts)) for i in range(parts)]
    return [
        Orders(
            run=plan.run,
            question=plan.question,
            lanes=plan.lanes,
            calls=part,
            streams=max(most, 1),
            timeouts=plan.timeouts,
            retries=plan.retries,
            deadline_s=plan.deadline_s,
            cap_usd=cap.usd,
            journal=plan.journal,
        )
        for part, most, cap in zip(calls, streams, caps, strict=True)
    ]

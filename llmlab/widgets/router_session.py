"""What a router wizard does in the background: it answers the latest question, and proves a router.

answers = Answers(ready, changed)
answers.to(question)  # at once: the answer, or `None`; then `changed` is called once it is there
proof = Proof(changed)
proof.start(plan)  # returns at once; `changed` is called whenever there is something new
"""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ..catalog import Catalog
from ..cost import Workload
from ..errors import LlmlabError
from ..gateway.litellm_yaml import to_yaml
from ..gateway.plan import RouterPlan
from ..gateway.verify import Verification, verify
from ..routing.constraints import Constraints
from ..routing.recommend import recommend
from ..routing.recommendation import Recommendation

BUSY = "a proof is under way"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, equal to another one where the answer is the same."""

    constraints: Constraints
    workload: Workload
    as_of: date
    catalog: Catalog = field(compare=False, repr=False)
    catalog_hash: str

    def answer(self) -> Recommendation:
        """Worked out here and now."""
        return recommend(self.constraints, self.workload, self.catalog, as_of=self.as_of)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question: a recommendation, or the problem with it."""

    asked: Asked
    found: Recommendation | None = None
    problem: Exception | None = None


class Answers:
    """One thread at most, which answers the latest question; those that were asked meanwhile are passed over.

    Both are called in that thread: `ready` before each answer, which may wait (two threads that compute take twice as
    long each), `changed` once the answer to the latest question is there.
    """

    def __init__(self, ready: Callable[[], None], changed: Callable[[], None]) -> None:
        self._ready, self._changed = ready, changed
        self._lock = threading.Lock()
        self._wanted: Asked | None = None
        self._latest: Answer | None = None
        self._working = False

    @property
    def latest(self) -> Answer | None:
        """The last answer that was found, which may be to an earlier question."""
        return self._latest

    def to(self, asked: Asked) -> Answer | None:
        """The answer, or `None` while it is worked out."""
        with self._lock:
            self._wanted = asked
            if self._latest is not None and self._latest.asked == asked:
                return self._latest
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="llmlab-recommend", daemon=True).start()
        return None

    def _work(self) -> None:
        self._ready()
        while (asked := self._next()) is not None:
            try:
                answer = Answer(asked, found=asked.answer())
            except Exception as e:  # noqa: BLE001  for the panel to show, as every error is
                answer = Answer(asked, problem=e)
            with self._lock:
                self._latest = answer
            self._ready()
        self._changed()

    def _next(self) -> Asked | None:
        """The question that waits for an answer; with none the thread is over, under the same lock."""
        with self._lock:
            done = self._latest is not None and self._latest.asked == self._wanted
            self._working = not done
            return None if done else self._wanted


class Proof:
    """The last proof, or the one under way. `changed` is called in the background, often."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._cancel = threading.Event()
        self.under_way = False
        self.plan: RouterPlan | None = None
        self.verification: Verification | None = None
        self.problem: Exception | None = None
        self.progress: tuple[float | None, str] | None = None

    def start(self, plan: RouterPlan) -> None:
        """Begin to prove the router of `plan`. One proof at a time."""
        text = to_yaml(plan)
        with self._lock:
            if self.under_way:
                raise LlmlabError(f"{BUSY}: cancel it, or wait for it")
            self.under_way, self.plan, self.verification, self.problem = True, plan, None, None
            self.progress = 0.0, "starting"
            self._cancel = threading.Event()
        threading.Thread(target=self._prove, args=(plan, text), name="llmlab-proof", daemon=True).start()

    def cancel(self) -> None:
        """End the one under way: what was not looked at by then is not checked."""
        with self._lock:
            self._cancel.set()

    def _prove(self, plan: RouterPlan, text: str) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="llmlab-proof-") as folder:
                path = Path(folder) / "router.yaml"
                path.write_text(text, "utf-8")
                found = verify(
                    path, residency=plan.residency, sla_s=plan.sla_s, progress=self._is_at, cancel=self._cancel
                )
            self.verification = dataclasses.replace(found, path=f"{plan.name}.yaml")  # the folder is gone
        except Exception as e:  # noqa: BLE001  for the panel to show, as every error is
            self.problem = e
        self.under_way, self.progress = False, None
        self._changed()

    def _is_at(self, words: str, share: float) -> None:
        self.progress = share, words
        self._changed()

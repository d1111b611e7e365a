"""What a `tree` view draws: questions from the top, the branches of each, the path that is lit, and who is left.

    Tree((Question("latency", "Who waits?", (Branch("nobody"), Branch("a person", lit=True)), left=12),), total=121)

Nothing is said by colour alone: a lit branch is marked, in words for those who hear it.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import ClassVar

from .views import Payload, paragraph


@dataclass(frozen=True, slots=True)
class Branch:
    """An answer; `leaf` is what it leads to."""

    label: str
    lit: bool = False
    leaf: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A node: `left` go on from here, `fell` ended here; `step` says where it is answered, `note` what it came to."""

    key: str
    ask: str
    branches: tuple[Branch, ...]
    left: int
    fell: int = 0
    step: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tree(Payload):
    """The whole of it, from the top; `total` endpoints begin. A question that is chosen is sent to `on_select`."""

    kind: ClassVar[str] = "tree"
    questions: tuple[Question, ...]
    total: int
    noun: str = "endpoints"
    selected: str | None = None
    empty: str = "Nothing to show."

    def to_html(self) -> str:
        if not self.questions:
            return paragraph(self.empty)
        items = "".join(f"<li>{_said(question)}</li>" for question in self.questions)
        return f"{paragraph(f'{self.total:,} {self.noun} to begin with.')}<ol>{items}</ol>"


def _said(question: Question) -> str:
    lit = [branch.label + (f" ({branch.leaf})" if branch.leaf else "") for branch in question.branches if branch.lit]
    step = f"{question.step}: " if question.step else ""
    note = f"; {question.note}" if question.note else ""
    return escape(f"{step}{question.ask} {' and '.join(lit)}: {question.fell:,} fell, {question.left:,} left{note}")

"""A decision tree as data: what it says where nobody can draw it."""

from __future__ import annotations

import pytest

from demo import HOSTILE
from llmlab.widgets.tree import Branch, Question, Tree

WHO = Question(
    "who", "Who waits?", (Branch("nobody"), Branch("a person", lit=True, leaf="the fast class")), left=12, fell=1_109,
    step="2 Latency", note="3 unknown",
)  # fmt: skip


def test_a_snapshot_says_the_path_and_who_is_left() -> None:
    said = Tree((WHO,), total=1_121).to_html()
    assert "1,121 endpoints to begin with." in said
    assert "<li>2 Latency: Who waits? a person (the fast class): 1,109 fell, 12 left; 3 unknown</li>" in said
    assert "nobody" not in said


def test_the_front_end_gets_all_branches_and_which_are_lit() -> None:
    (question,) = Tree((WHO,), total=20).to_json()["questions"]
    assert question["branches"] == [{"label": "nobody"}, {"label": "a person", "lit": True, "leaf": "the fast class"}]


def test_no_questions_are_said_in_words() -> None:
    assert Tree((), total=0, empty="No catalog yet.").to_html() == "<p>No catalog yet.</p>"


@pytest.mark.parametrize("part", ["ask", "step", "note", "label", "leaf"])
def test_hostile_text_stays_text_wherever_it_stands(part: str) -> None:
    words = dict.fromkeys(("ask", "step", "note", "label", "leaf"), "x") | {part: HOSTILE}
    branch = Branch(words["label"], lit=True, leaf=words["leaf"])
    said = Tree((Question("k", words["ask"], (branch,), 1, step=words["step"], note=words["note"]),), total=1).to_html()
    assert "<img" not in said
    assert "&lt;img" in said

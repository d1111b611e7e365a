"""A verification as a value, as text and as a page; and how drills are judged."""

from __future__ import annotations

import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from llmlab.gateway.verify import Check, Verification
from llmlab.gateway.verify.asking import Ask, Reply
from llmlab.gateway.verify.drill import Call, Seen
from llmlab.gateway.verify.judging import outcome
from llmlab.gateway.verify.progress import CancelledError, Pace
from llmlab.gateway.verify.route import route
from llmlab.gateway.verify.verification import NEEDED, Rung, Status
from llmlab.simulator import LoggedRequest
from tests.gateway.verify.files import deployment, router_file

EVIL = "<script>alert(1)</script>"


def check(rung: Rung = "drills", status: Status = "passed", **more: str) -> Check:
    return Check(rung=rung, name="n", status=status, expected="e", seen=more.get("seen", "s"), tier=more.get("tier"))


def verification(*checks: Check, cancelled: bool = False, **more: object) -> Verification:
    found = Verification(
        path="r.yaml", content_hash="0" * 16, began_at="2026-11-23T00:00:00+00:00", litellm="1.106.2", residency="eu",
        sla_s=10, checks=checks, seconds={"total": 1.0}, cancelled=cancelled,
    )  # fmt: skip
    return dataclasses.replace(found, **more)  # type: ignore[arg-type]


WHOLE = tuple(check(rung) for rung in NEEDED)


@pytest.mark.parametrize(
    ("found", "ok", "exit_code", "verdict"),
    [
        (verification(*WHOLE), True, 0, "Proven: 3 checks passed"),
        (verification(*WHOLE, check(status="not_checked")), True, 0, "1 things not checked"),
        (verification(*WHOLE, check("lint", "failed")), False, 1, "Failed: 3 checks passed, 1 failed"),
        (verification(*WHOLE[:2]), False, 2, "Not proven"),
        (verification(*WHOLE, cancelled=True), False, 2, "Cancelled"),
        (verification(), False, 2, "Not proven"),
    ],
)
def test_only_what_was_seen_is_proven(found: Verification, ok: bool, exit_code: int, verdict: str) -> None:
    assert (found.ok, found.exit_code) == (ok, exit_code)
    assert verdict in found.verdict


def test_json_says_everything_again() -> None:
    found = verification(*WHOLE, check(status="not_checked", seen="why", tier="mid"), left_out=("speed",))
    said = json.loads(found.to_json())
    assert said["not_checked"] == ["mid: n: why", "speed"]
    assert [one["status"] for one in said["checks"]] == ["passed"] * 3 + ["not_checked"]
    assert (said["ok"], said["exit_code"], said["time_scale"]) == (True, 0, 1.0)


class Page(HTMLParser):
    """What a browser would load or run of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href")]


def test_the_page_is_whole_by_itself_and_escapes_every_word() -> None:
    evil = verification(*WHOLE, check(seen=EVIL, tier=EVIL), path=EVIL, left_out=(EVIL,), litellm=EVIL)
    page = Page()
    page.feed(evil.to_html())
    assert "script" not in page.tags and page.fetched == []
    assert page.tags.count("table") == 4 and "style" in page.tags


def test_markdown_is_no_markup_of_others() -> None:
    said = verification(check(seen=f"{EVIL} | x\n# y"), left_out=(EVIL,), path=EVIL).to_markdown()
    assert "<script>" not in said and "\n# y" not in said and "\\| x" in said


def test_the_text_names_what_failed_and_what_was_left_out() -> None:
    text = verification(check(status="failed", seen="the fallback\nnever fired"), left_out=("speed",)).to_text()
    assert "FAILED" in text and "the fallback never fired" in text and "- speed" in text


# --- Judging


def seen_of(
    folder: Path, *statuses: tuple[int, int | None], reply: int, seconds: float = 0.1, lag_s: float = 0.0
) -> tuple[str, str]:
    """The verdict over calls of `a` then `b`, as (deployment, status); `None` hangs for a second."""
    file = router_file(folder, deployment("a"), deployment("b"), fallbacks=[{"a": ["b"]}], num_retries=0)
    calls = tuple(
        Call(deployment=index, wave=0, question=0, logged=LoggedRequest(
            number=n, endpoint="x", dialect="openai", path="/", headers={}, body={}, received_ns=0, read_ns=0,
            status=status, fault=None if status else "hang", ended_ns=1_000_000_000,
        ))
        for n, (index, status) in enumerate(statuses)
    )  # fmt: skip
    answer = Reply(ask=Ask(group="a", mark="m"), status=reply, seconds=seconds, error="" if reply == 200 else "no")
    seen = Seen(file=file, replies=((answer,),), calls=calls, time_scale=0.5, lag_s=lag_s)
    verdict = outcome(file, route(file, "a", {0}), frozenset({0}), "ServiceUnavailableError", 3.0)(seen)
    return verdict.status, verdict.seen


def test_a_fallback_that_answers_passes(tmp_path: Path) -> None:
    status, said = seen_of(tmp_path, (0, 503), (1, 200), reply=200)
    assert status == "passed" and said.startswith("a-0 503, b-1 200")


def test_one_that_does_not_fire_or_comes_from_elsewhere_fails(tmp_path: Path) -> None:
    assert "the fallback never fired" in seen_of(tmp_path, (0, 503), reply=503)[1]
    assert "a-0 answered" in seen_of(tmp_path, (0, 200), reply=200)[1]


def test_calling_more_often_than_the_file_allows_fails(tmp_path: Path) -> None:
    status, said = seen_of(tmp_path, (0, 503), (0, 503), (1, 200), reply=200)
    assert status == "failed" and "a was called 2 times, where the file allows 1" in said and "a-0 503 x 2" in said


def test_asking_in_another_order_fails(tmp_path: Path) -> None:
    assert "asked in the order b -> a" in seen_of(tmp_path, (1, 503), (0, 503), (1, 200), reply=200)[1]


def test_waits_count_unscaled_and_a_busy_machine_proves_nothing(tmp_path: Path) -> None:
    assert seen_of(tmp_path, (0, None), (1, 200), reply=200, seconds=1.2)[0] == "passed"  # 2.2 s unscaled
    status, said = seen_of(tmp_path, (0, None), (1, 200), reply=200, seconds=2.5)
    assert status == "failed" and "the caller waited 3.5 s" in said
    assert seen_of(tmp_path, (0, None), (1, 200), reply=200, seconds=2.5, lag_s=1.0)[0] == "not_checked"


# --- Progress


def test_progress_never_falls_and_cancelling_is_noticed() -> None:
    class Stop:
        asked = False

        def is_set(self) -> bool:
            return self.asked

    told: list[tuple[str, float]] = []
    stop = Stop()
    pace = Pace(lambda words, share: told.append((words, share)), stop)
    pace.say("a", 0.5)
    pace.say("b", 0.2)
    pace.say("c", 7.0)
    pace.tell()
    assert told == [("a", 0.5), ("b", 0.5), ("c", 1.0)]
    stop.asked = True
    with pytest.raises(CancelledError):
        pace.tell()

"""The Playground without a browser: what its controls ask for, and runs of the real instrument and simulator."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # ships no types
import pytest
import traitlets
from playground_records import QUICK, SLOW

from demo import Recording
from llmlab import Playground, load_catalog
from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.measurement.background import background
from llmlab.measurement.export import COLUMNS
from llmlab.measurement.instrument import instrument
from llmlab.measurement.providers import providers
from llmlab.widgets.panel import Download

SHORT = {"max_tokens": 8, "warm_up": 0}
LONG_S = 120.0
REAL = "openai/gpt-5"


class Watched(Recording, Playground):
    """A Playground, keeping what it would have sent to a browser."""


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider's key is set, and runs are kept where the test is."""
    monkeypatch.setenv("LLMLAB_RUNS", str(tmp_path / "runs"))
    for name in {name for provider in providers() for way in provider.ways for name in way}:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def instrumented() -> Iterator[None]:
    """The processes that measure end with these tests."""
    yield
    background().wait(instrument().close())


@pytest.fixture
def playground(instrumented: None) -> Iterator[Watched]:
    """One that a browser shows, with two quick endpoints."""
    made = Watched(endpoints=(QUICK, SLOW), runs=2, **SHORT)
    made.hear(kind="hello", views=["before", "lanes", "table", "comparison", "calls"])
    yield made
    made.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def says(playground: Playground, view: str) -> str:
    return str(getattr(playground, f"draw_{view}")().to_html())


def saved(download: object) -> tuple[str, str | bytes]:
    assert isinstance(download, Download)
    return download.name, download.data


# --- What the controls ask for


def test_it_opens_without_a_key_on_simulated_endpoints_and_says_what_to_do() -> None:
    made = Playground()
    assert all(name.startswith("simulated/") for name in made.endpoints)
    assert "All of it is SIMULATED" in says(made, "before")
    assert "press Run" in says(made, "lanes")
    for view in made.views:
        assert getattr(made, f"draw_{view.id}")().to_html()
    assert made.last_error is None


def test_a_plan_is_what_the_controls_say() -> None:
    made = Playground(
        endpoints=(QUICK, SLOW), prompt="why?", system="be brief", max_tokens=99, temperature="0.3", effort="low",
        nonce=False, runs=5, concurrency=7, warm_up=2, retries=3, path="litellm", budget_usd=0.25,
        first_token_s=9, stall_s=8, deadline_s=70,
    )  # fmt: skip
    question, plan = made.plan.question, made.plan
    assert (question.prompts, question.system, question.max_tokens) == (("why?",), "be brief", 99)
    assert (question.temperature, question.effort, question.nonce) == (0.3, "low", False)
    assert (len(plan.calls), plan.streams, plan.retries, plan.budget_usd) == (14, 7, 3, Decimal("0.25"))
    assert (plan.timeouts.first_token_s, plan.timeouts.stall_s, plan.deadline_s) == (9.0, 8.0, 70.0)
    assert all(call.at_s is None for call in plan.calls)


def test_no_concurrency_is_one_per_endpoint_and_a_rate_is_an_open_loop() -> None:
    assert Playground(endpoints=(QUICK, SLOW), concurrency=0).plan.streams == 2
    plan = Playground(endpoints=(QUICK, SLOW), rate=4.0, runs=10, warm_up=0).plan
    times = [call.at_s for call in plan.calls]
    assert None not in times and times == sorted(times)  # type: ignore[type-var]
    assert plan.streams == 20


def test_what_is_not_sent_is_not_sent() -> None:
    question = Playground().plan.question
    assert (question.temperature, question.effort) == (None, None)


def test_a_server_and_models_are_measured_together() -> None:
    made = Playground(
        endpoints=(QUICK,), models="groq/llama-3.1-8b-instant, ", server="localhost:1", server_models="qwen3, phi4"
    )
    with pytest.raises(LlmlabError, match="http://localhost:8000/v1"):
        made.plan  # noqa: B018  worked out when it is read
    made.server = "http://localhost:11434"
    names = [target.name for target in made.plan.targets]
    assert names == [QUICK, "groq/llama-3.1-8b-instant", "qwen3 at localhost:11434", "phi4 at localhost:11434"]
    text = says(made, "before")
    assert "groq/llama-3.1-8b-instant: GROQ_API_KEY not set" in text


@pytest.mark.parametrize(
    ("given", "missing"),
    [({"server": "http://localhost:1"}, "Models at your server"), ({"server_models": "x"}, "Your server")],
)
def test_half_a_server_is_said_and_not_passed_over(given: dict[str, str], missing: str) -> None:
    with pytest.raises(LlmlabError, match=f"fill in {missing}"):
        Playground(**given).plan  # type: ignore[arg-type]  # noqa: B018  as above


@pytest.mark.parametrize("url", ["http://me:hunter2@host/v1", "http://host/v1?key=hunter2", "http://host/#hunter2"])
def test_a_secret_in_a_url_is_held_nowhere(url: str) -> None:
    made = Watched()
    made.hear(kind="hello", views=["before"])
    made.set_state({"server": url})
    assert "LLMLAB_API_KEY" in str(made.last_error)
    assert made.server == ""
    assert "hunter2" not in json.dumps(made.sent) + str(made.last_error) + made.to_code() + made.snapshot()


def test_a_model_without_a_price_is_called_only_without_a_budget() -> None:
    made = Playground(endpoints=(), models="openai/ours")
    with pytest.raises(LlmlabError, match="no price is known for openai/ours"):
        made.plan  # noqa: B018  worked out when it is read
    made.keep_budget = False
    assert made.plan.budget_usd is None
    assert "unpriced; no budget" in says(made, "before")


def test_an_endpoint_that_there_is_not_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean simulated/claude-haiku"):
        Playground(endpoints=("simulated/claude-haiko",))
    with pytest.raises(traitlets.TraitError, match="give a list"):
        Playground(endpoints=QUICK)


def test_nothing_chosen_is_no_error() -> None:
    made = Playground(endpoints=())
    assert says(made, "before") == "<p>Choose at least one endpoint.</p>"
    with pytest.raises(LlmlabError, match="nothing to measure"):
        made.on_run()
    assert made.unavailable()["cancel"]


def test_the_code_of_a_playground_makes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    made = Playground(
        endpoints=(QUICK, REAL), models="a/b", server="http://h:1/v1", server_models="m", prompt='say "it"\n', rate=2.5,
        keep_budget=False, temperature="1",
    )  # fmt: skip
    monkeypatch.delenv("OPENAI_API_KEY")
    again = eval(made.to_code(), {"Playground": Playground})
    assert again.to_code() == made.to_code()
    assert again.endpoints == (QUICK, REAL)
    assert "secret" not in made.to_code() + made.snapshot()


def test_a_key_that_is_set_later_is_found_by_looking_and_by_running(
    playground: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = [name for name, _ in playground._options["endpoints"]]
    assert REAL not in offered
    playground.models = "groq/llama-3.1-8b-instant"
    assert "GROQ_API_KEY not set" in says(playground, "before")
    monkeypatch.setenv("GROQ_API_KEY", "secret")
    assert "Groq" in playground.on_look()
    drawn = playground.told("draw")[-1]["views"]["before"]
    assert "not set" not in json.dumps(drawn)
    playground.models = ""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    playground.on_run()
    assert REAL in [name for name, _ in playground._options["endpoints"]]
    playground.wait(LONG_S)
    assert "secret" not in json.dumps([m for m in playground.sent if m["kind"] != "front end"])


def test_only_text_endpoints_that_a_name_alone_reaches_are_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in providers():
        for name in provider.ways[0]:
            monkeypatch.setenv(name, "x")
    made = Playground(endpoints=(), keep_budget=False)
    found = [name for name, label in made._options["endpoints"] if "key found" in label]
    assert len(found) > 20
    made.endpoints = tuple(found)
    assert len(made.plan.targets) == len(found)


# --- Runs


def test_before_a_run_there_is_nothing_to_cancel_to_retry_or_to_save() -> None:
    made = Playground()
    assert set(made.unavailable()) == {"cancel", "retry", "save_csv", "save_json", "save_parquet", "save_profiles"}
    with pytest.raises(LlmlabError, match="nothing is measured yet"):
        made.on_save_csv()
    assert made.wait(1) == []


def test_a_run_fills_the_lanes_and_the_table_and_is_followed_by_a_calibration(playground: Watched) -> None:
    playground.hear(kind="action", name="run")
    assert playground.status() == "Running."
    assert playground.unavailable()["run"] == "a run is under way"
    records = playground.wait(LONG_S)
    playground.settle()
    assert len(records) == 4 and {record.status for record in records} == {"ok"}
    lanes = playground.draw_lanes().lanes
    assert [(lane.state, lane.text) for lane in lanes] == [
        ("done, call 2 of 2", [r.text for r in records if r.endpoint == lane.key][-1]) for lane in lanes
    ]
    calibration = playground.calibration
    assert calibration is not None and 1 <= calibration.streams <= 2
    assert f"measured here at {calibration.streams} at once" in playground.draw_table().caption
    assert playground.progress is None
    assert playground.status() == "4 of 4 calls made."
    assert set(playground.unavailable()) == {"cancel", "retry", "save_profiles"}
    last = playground.told("draw", "patch")[-1]
    assert last["progress"] is None
    assert playground.last_error is None


def test_what_a_browser_was_sent_is_the_text_of_the_records(playground: Watched) -> None:
    playground.max_tokens = 64
    playground.on_run()
    records = playground.wait(LONG_S)
    playground.settle()
    texts: dict[str, str] = {}
    for message in playground.told("draw", "patch"):
        whole = message["views"].get("lanes") if message["kind"] == "draw" else None
        change = (message["patches"] if message["kind"] == "draw" else message["views"]).get("lanes", {})
        if whole:
            texts = {lane["key"]: lane.get("text", "") for lane in whole.get("lanes", ())}
        for lane in change.get("changes", ()):
            texts[lane["key"]] += lane.get("text", "")
    assert texts == {record.endpoint: record.text for record in sorted(records, key=lambda record: record.number)}


def test_a_second_run_can_follow_at_once_and_starts_anew(playground: Watched) -> None:
    playground.on_run()
    first = playground.wait(LONG_S)
    playground.on_run()
    with pytest.raises(LlmlabError, match="a run is under way"):
        playground.on_run()
    second = playground.wait(LONG_S)
    assert len(second) == 4 and {record.run for record in first}.isdisjoint(record.run for record in second)


def test_a_cancelled_run_keeps_what_came_and_can_be_run_again_at_once(playground: Watched) -> None:
    playground.max_tokens, playground.runs = 200, 50
    playground.on_run()
    until(lambda: any(lane.text for lane in playground.draw_lanes().lanes))
    playground.hear(kind="action", name="cancel")
    assert playground.told("did")[-1]["status"] == "Cancelling."
    records = playground.wait(10)
    assert {record.status for record in records} <= {"ok", "cancelled"}
    assert any(record.text for record in records if record.status == "cancelled")
    assert "cancelled" in {lane.state.partition(",")[0] for lane in playground.draw_lanes().lanes}
    assert "run" not in playground.unavailable()
    playground.max_tokens, playground.runs = 8, 1
    playground.on_run()
    assert {record.status for record in playground.wait(LONG_S)} == {"ok"}


def test_what_measures_the_instrument_can_be_cancelled_too(playground: Watched) -> None:
    playground.concurrency = 3  # at which nothing was calibrated yet
    playground.runs = 3
    playground.on_run()
    until(lambda: playground.status() == "Measuring the instrument's own error.")
    assert "cancel" not in playground.unavailable()
    playground.on_cancel()
    playground.wait(10)
    assert playground.last_error is None
    assert playground.calibration is None
    assert "not measured yet" in playground.draw_table().caption


def test_only_failed_lanes_are_retried_with_the_same_question(playground: Watched) -> None:
    playground.endpoints, playground.runs = ("simulated/flaky", QUICK), 3
    playground.on_run()
    first = playground.wait(LONG_S)
    bad = [record for record in first if record.failed]
    assert {record.endpoint for record in bad} == {"simulated/flaky"}, "its script fails some of any first three calls"
    assert "retry" not in playground.unavailable()
    playground.max_tokens = 64
    playground.hear(kind="action", name="retry")
    assert playground.told("did")[-1]["status"] == "Running 1 again."
    both = playground.wait(LONG_S)
    assert [record for record in first if not record.failed] == both[: len(first) - len(bad)]
    again = both[len(first) - len(bad) :]
    assert {record.endpoint for record in again} == {"simulated/flaky"} and len(again) == 3
    assert all(record.usage.output <= 8 for record in again if record.usage)
    assert f"{len(bad)} failed calls were made again" in playground.draw_table().caption
    assert [lane.key for lane in playground.draw_lanes().lanes] == ["simulated/flaky", QUICK]


def test_a_retry_without_a_failure_is_refused(playground: Watched) -> None:
    with pytest.raises(LlmlabError, match="no call has failed"):
        playground.on_retry()


def test_a_run_whose_process_dies_is_an_error_on_screen_and_the_next_run_clears_it(playground: Watched) -> None:
    playground.max_tokens, playground.runs = 200, 50
    playground.on_run()
    until(lambda: any(lane.text for lane in playground.draw_lanes().lanes))
    worker = instrument()._workers[0]  # earlier tests may have asked for more of them
    assert worker.pid is not None
    os.kill(worker.pid, 9)
    with pytest.raises(LlmlabError, match="a measuring process has ended"):
        playground.wait(20)
    playground.settle()
    assert "a measuring process has ended" in str(playground.told("draw", "patch")[-1]["error"])
    assert {lane.state.partition(",")[0] for lane in playground.draw_lanes().lanes} >= {"broken off"}
    assert "run" not in playground.unavailable() and "retry" not in playground.unavailable()
    playground.max_tokens, playground.runs = 8, 1
    playground.hear(kind="action", name="run")
    assert len(playground.wait(LONG_S)) == 2
    playground.settle()
    assert playground.last_error is None and playground.told("draw", "patch")[-1]["error"] is None


def test_a_second_playground_waits_says_so_and_can_be_cancelled_meanwhile(playground: Watched) -> None:
    playground.max_tokens, playground.runs = 200, 50
    playground.on_run()
    until(lambda: any(lane.text for lane in playground.draw_lanes().lanes))
    second = Watched(endpoints=(QUICK,), runs=1, **SHORT)
    second.on_run()
    until(lambda: second.progress is not None and "another run is under way" in second.progress[1])
    assert second.draw_lanes().lanes[0].state == "not started"
    second.on_cancel()
    assert second.wait(5) == [], "it need not wait for the other"
    assert playground.status() == "Running."
    second.on_run()
    until(lambda: second.progress is not None and "another run is under way" in second.progress[1])
    playground.on_cancel()
    assert [record.status for record in second.wait(LONG_S)] == ["ok"]
    second.close()


def test_a_playground_that_is_closed_in_a_run_ends_it(playground: Watched) -> None:
    playground.max_tokens, playground.runs = 200, 50
    playground.on_run()
    until(lambda: any(lane.text for lane in playground.draw_lanes().lanes))
    simulator = background().wait(instrument().simulator())
    playground.close()
    assert "cancelled" in {record.status for record in playground.wait(10)}
    until(lambda: not any(entry.ended is None for entry in simulator.log()))
    assert "client left" in [entry.ended for entry in simulator.log()]


def test_a_budget_that_is_too_small_keeps_calls_back_and_says_so(playground: Watched) -> None:
    playground.budget_usd = 0.0
    playground.on_run()
    assert {record.status for record in playground.wait(LONG_S)} == {"not_sent"}
    assert {lane.state.partition(",")[0] for lane in playground.draw_lanes().lanes} == {"not sent"}
    assert playground.calibration is None


# --- Files


def test_files_hold_every_call_and_say_simulated_in_their_name_and_rows(playground: Watched) -> None:
    playground.on_run()
    records = playground.wait(LONG_S)
    name, text = saved(playground.on_save_csv())
    assert name == f"llmlab-SIMULATED-{records[0].run}.csv" and isinstance(text, str)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["label"] for row in rows] == ["SIMULATED"] * 4
    name, text = saved(playground.on_save_json())
    listed = json.loads(text)
    assert [row["label"] for row in listed] == ["SIMULATED"] * 4
    assert [row["ttft_ms"] for row in listed] == [record.ttft_ms for record in records]
    name, data = saved(playground.on_save_parquet())
    assert name.endswith(".parquet") and isinstance(data, bytes)
    table = pq.read_table(io.BytesIO(data))
    assert table.column_names == list(COLUMNS) and table.column("text").to_pylist() == [r.text for r in records]


def test_latencies_are_saved_for_one_catalog_and_lie_over_it(playground: Watched, tmp_path: Path) -> None:
    playground.endpoints, playground.runs = (QUICK, SLOW, "simulated/azure-gpt-4o"), 10
    playground.on_run()
    playground.wait(LONG_S)
    assert "save_profiles" not in playground.unavailable()
    name, text = saved(playground.on_save_profiles())
    assert name.startswith("llmlab-SIMULATED-") and isinstance(text, str)
    assert "# The catalog is 2026-11." in text and f"{QUICK}, {SLOW}" in text
    path = tmp_path / name
    path.write_text(text)
    measured = load_catalog("2026-11", overrides=path).endpoint("azure/gpt-4o").measured
    assert measured is not None and measured.simulated and measured.n >= 6


def test_latencies_of_too_few_calls_say_what_to_do(playground: Watched) -> None:
    playground.on_run()
    playground.wait(LONG_S)
    why = playground.unavailable()["save_profiles"]
    assert why == "a median needs 6 good calls of an endpoint, not 2: raise Runs"
    playground.hear(kind="action", name="save_profiles")
    assert playground.told("did")[-1]["status"] == why

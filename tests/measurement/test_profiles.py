"""What a run measured is saved, read back over a catalog as it was, and never mixed with what was simulated."""

from __future__ import annotations

import dataclasses
import os
import platform
import socket
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.catalog import Overrides, load_catalog, parse_overrides
from llmlab.catalog.records import InstrumentError, MeasuredLatency, Percentiles
from llmlab.cost import Workload, speed
from llmlab.errors import LlmlabError
from llmlab.measurement.calibration import Calibration
from llmlab.measurement.profiles import profiles, profiles_yaml, save_profiles
from llmlab.measurement.records import Chunk, StreamRecord, Usage

SONNET, HAIKU = "anthropic/claude-sonnet-4-6", "anthropic/claude-haiku-4-5"
NAMES = {"sonnet lane": SONNET, "haiku lane": HAIKU}
CALIBRATION = Calibration(
    streams=4, path="litellm", dialect="openai", n=128, ttft_ms=-0.05, ttft_p99_ms=1.90049, p99_shown=False,
    token_ms=0.1, library_ms=6.5, late=0, clock="socket", machine="the same", measured_on=date(2026, 11, 23),
)  # fmt: skip
ERROR = InstrumentError(median_ms=Decimal("-0.05"), p99_ms=Decimal("1.9"), n=128)
MS = 1_000_000


def call(
    ttft_ms: float = 400, *, think_ms: float = 0, itl_ms: float = 10, tokens: int = 11, **given: Any
) -> StreamRecord:
    """A call with a token a chunk: the first after `ttft_ms`, each next one `itl_ms` later; with `think_ms` the first
    is reasoning and the second follows by so much."""
    at = [round((ttft_ms + (think_ms if i else 0) + itl_ms * max(i - bool(think_ms), 0)) * MS) for i in range(tokens)]
    made: dict[str, Any] = {
        "run": "r", "number": 0, "round": 0, "endpoint": "sonnet lane", "model": "m", "path": "litellm",
        "simulated": False, "started_at": "2026-11-23T23:59:00+00:00", "status": "ok", "clock": "socket",
        "scheduled_ns": 0, "called_ns": 0, "sent_ns": 0, "ended_ns": at[-1] + MS,
        "chunks": tuple(Chunk(ns, "reasoning" if think_ms and not i else "answer", 4) for i, ns in enumerate(at)),
        "usage": Usage(input=1_200, output=tokens, reasoning=1 if think_ms else 0), "usage_source": "provider",
    }  # fmt: skip
    return StreamRecord(**made | given)


def only(records: list[StreamRecord], **more: Any) -> MeasuredLatency:
    (found,) = profiles(records, endpoints=NAMES, **more).latencies
    return found.measured


# --- What is saved ---------------------------------------------------------------------------------------------------


def test_seconds_to_the_first_token_the_answer_the_next_token_and_the_last() -> None:
    # Thinking: 400 ms to the first token, 600 more to the answer, then nine gaps of 10 ms.
    found = only([call(think_ms=600) for _ in range(10)])
    assert found.ttft_s == Percentiles(n=10, p50=Decimal("0.4"))
    assert found.ttfo_s == Percentiles(n=10, p50=Decimal(1))
    assert found.e2e_s == Percentiles(n=10, p50=Decimal("1.09"))
    assert found.itl_s == Percentiles(n=10, p50=Decimal("0.069"))  # 690 ms for the ten tokens after the first
    assert (found.n, found.input_tokens, found.output_tokens, found.path) == (10, 1_200, 11, "litellm")
    assert (found.simulated, found.chunk_timed, found.measured_on) == (False, False, date(2026, 11, 23))


@pytest.mark.parametrize(
    ("n", "known"),
    [(6, "p50"), (35, "p50"), (36, "p50 p90"), (71, "p50 p90"), (72, "p50 p90 p95"), (368, "p50 p90 p95 p99")],
)
def test_a_percentile_is_saved_only_where_n_is_enough(n: int, known: str) -> None:
    found = only([call(i) for i in range(1, n + 1)]).ttft_s
    assert found.n == n
    assert [name for name in ("p50", "p90", "p95", "p99") if getattr(found, name) is not None] == known.split()
    assert found.p50 == Decimal(n + 1) / 2000


def test_only_good_calls_count() -> None:
    good = [call() for _ in range(6)]
    other = [
        call(9_000, status="truncated"),
        call(9_000, status="cancelled"),
        call(9_000, warm_up=True),
        call(9_000, late=True),
        call(9_000, endpoint="somebody else's"),
    ]
    assert profiles(good + other * 20, endpoints=NAMES) == profiles(good, endpoints=NAMES)


def test_a_figure_that_not_all_calls_gave_has_an_n_of_its_own() -> None:
    guessed = [call(usage_source="tokenizer", usage=Usage(input=9, output=900)) for _ in range(4)]
    found = only([call() for _ in range(6)] + guessed)
    assert (found.n, found.ttft_s.n) == (10, 10)
    assert found.itl_s is not None and found.itl_s.n == 6
    assert (found.input_tokens, found.output_tokens) == (1_200, 11)  # what the provider counted, not the guesses


def test_without_enough_counted_tokens_there_is_no_rate_and_no_length() -> None:
    found = only([call(usage=None, usage_source=None) for _ in range(6)])
    assert (found.itl_s, found.input_tokens, found.output_tokens) == (None, None, None)


def test_lanes_of_one_endpoint_are_one_profile() -> None:
    lanes = {"a": SONNET, "b": SONNET}
    (found,) = profiles([call(endpoint=name) for name in "ab" for _ in range(3)], endpoints=lanes).latencies
    assert (found.endpoint, found.measured.n) == (SONNET, 6)


def test_an_endpoint_with_too_few_calls_is_left_out() -> None:
    overlay = profiles([call()] * 6 + [call(endpoint="haiku lane")] * 5, endpoints=NAMES)
    assert [latency.endpoint for latency in overlay.latencies] == [SONNET]


def test_it_says_where_from_by_what_and_how_exact_and_nothing_that_names_the_host() -> None:
    found = only(
        [call(clock="chunk"), *[call() for _ in range(5)]], region="the Frankfurt office", calibration=CALIBRATION
    )
    assert (found.region, found.instrument_error, found.chunk_timed) == ("the Frankfurt office", ERROR, True)
    assert found.machine is not None
    assert f"{os.cpu_count()} cores" in found.machine and platform.system() in found.machine
    assert socket.gethostname() not in found.machine.split()


def test_the_day_is_that_of_the_last_call_unless_said() -> None:
    calls = [call() for _ in range(5)]
    last = call(started_at="2026-11-24T00:00:01Z")
    assert only([last, *calls]).measured_on == date(2026, 11, 24)
    assert only([last, *calls], as_of=date(2026, 11, 20)).measured_on == date(2026, 11, 20)


# --- What is refused -------------------------------------------------------------------------------------------------


def test_simulated_and_real_calls_of_one_endpoint_are_not_one_profile() -> None:
    mixed = [call() for _ in range(6)] + [call(simulated=True) for _ in range(2)]
    with pytest.raises(LlmlabError, match=f"{SONNET}: the simulator answered 2 of 8 calls .* save them apart"):
        profiles(mixed, endpoints=NAMES)


def test_simulated_and_real_calls_of_two_endpoints_are_two_profiles() -> None:
    calls = [call() for _ in range(6)] + [call(simulated=True, endpoint="haiku lane") for _ in range(6)]
    overlay = profiles(calls, endpoints=NAMES)
    assert {latency.endpoint: latency.measured.simulated for latency in overlay.latencies} == {
        SONNET: False, HAIKU: True,
    }  # fmt: skip


def test_calls_by_two_paths_are_not_one_profile() -> None:
    with pytest.raises(LlmlabError, match="measured by httpx and by litellm, .*save them apart"):
        profiles([call()] * 6 + [call(path="httpx")] * 6, endpoints=NAMES)


@pytest.mark.parametrize(
    ("records", "endpoints", "told"),
    [
        ([], {}, "no endpoint was named"),
        ([call()] * 5, {"sonnet lane": SONNET}, f"a median needs 6 good calls of an endpoint; {SONNET} has 5"),
        ([call(late=True)] * 50, {"sonnet lane": SONNET}, f"{SONNET} has 0"),
    ],
)
def test_nothing_to_save_says_what_is_missing_and_writes_no_file(
    records: list[StreamRecord], endpoints: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(LlmlabError, match=told):
        save_profiles(records, tmp_path / "measured.yaml", endpoints=endpoints)
    assert list(tmp_path.iterdir()) == []


# --- There and back --------------------------------------------------------------------------------------------------


def test_a_saved_file_lies_over_a_catalog_as_the_value_does_and_is_preferred(tmp_path: Path) -> None:
    calls = [call(ttft + 0.123456, think_ms=50, endpoint=name) for ttft in range(100, 180) for name in NAMES]
    file = tmp_path / "measured.yaml"
    overlay = save_profiles(
        calls, file, endpoints=NAMES, region="Zürich", as_of=date(2026, 11, 23), calibration=CALIBRATION
    )
    read, laid = (load_catalog("seed-2026-early", overrides=found) for found in (file, overlay))
    assert read == laid
    assert read.content_hash == laid.content_hash
    assert read.endpoint(HAIKU).measured == overlay.latencies[1].measured
    found = speed(read.endpoint(SONNET), Workload(output_tokens=11))
    assert (found.ttft_s, found.basis) == (Decimal("0.139623"), "measured here on 2026-11-23, n=80, p50, Zürich")
    assert "SIMULATED" not in file.read_text(encoding="utf-8")


def test_a_saved_file_replaces_an_older_one_whole(tmp_path: Path) -> None:
    file = tmp_path / "measured.yaml"
    save_profiles([call(9_000 + i, endpoint=n) for i in range(80) for n in NAMES], file, endpoints=NAMES)
    save_profiles([call(1)] * 6, file, endpoints=NAMES)
    assert [item.endpoint for item in parse_overrides(file.read_text(encoding="utf-8"), "m.yaml").latencies] == [SONNET]
    assert list(tmp_path.iterdir()) == [file]


def test_a_simulated_profile_says_so_in_the_file_and_never_replaces_a_prior(tmp_path: Path) -> None:
    file = tmp_path / "measured.yaml"
    save_profiles([call(simulated=True)] * 6, file, endpoints=NAMES)
    assert file.read_text(encoding="utf-8").splitlines()[1].startswith("# SIMULATED")
    laid, plain = load_catalog("seed-2026-early", overrides=file), load_catalog("seed-2026-early")
    found = laid.endpoint(SONNET).measured
    assert found is not None and found.simulated
    assert speed(laid.endpoint(SONNET), Workload()) == speed(plain.endpoint(SONNET), Workload())


words = ["2026-11-23", "null", "~", "1_000", "yes", "0.1", "- a", "a: b # c", "&a *a", "a\x85b\u2028c", "", " a\n\nb "]
nonsense = st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.sampled_from(words)
calibrations = st.builds(
    dataclasses.replace,
    st.just(CALIBRATION),
    ttft_ms=st.floats(-9, 9),
    ttft_p99_ms=st.floats(0, 99),
    n=st.integers(1, 999),
)
milliseconds = st.floats(0.001, 900_000)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.lists(milliseconds, min_size=6, max_size=80),
    st.lists(milliseconds, min_size=6, max_size=40),
    st.none() | nonsense,
    st.none() | calibrations,
    st.booleans(),
    st.sampled_from(["litellm", "openai", "anthropic", "httpx"]),
)
def test_whatever_was_measured_is_read_back_equal(
    sonnet: list[float],
    haiku: list[float],
    region: str | None,
    calibration: Calibration | None,
    simulated: bool,
    path: str,
) -> None:
    lanes = {"sonnet lane": sonnet, "haiku lane": haiku}
    calls = [
        call(ms, endpoint=name, simulated=simulated, path=path, itl_ms=ms / 7)
        for name, times in lanes.items()
        for ms in times
    ]
    overlay = profiles(calls, endpoints=NAMES, region=region, as_of=date(2026, 11, 23), calibration=calibration)
    read: Overrides = parse_overrides(profiles_yaml(overlay), "measured.yaml")
    assert read == overlay

"""A latency measured by oneself is laid over a catalog, by name, and changes nothing of a catalog without one."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

from llmlab.catalog import Catalog, MeasuredLatency, load_catalog, parse_overrides
from llmlab.catalog.overrides import EndpointLatency, Overrides, apply
from llmlab.catalog.records import InstrumentError, Percentiles
from llmlab.errors import CatalogError, UnknownNameError

SONNET = "anthropic/claude-sonnet-4-6"
TEXT = """\
name: measured 2026-11-23
latencies:
- endpoint: anthropic/claude-sonnet-4-6
  measured_on: 2026-11-23
  simulated: false
  n: 40
  ttft_s: {n: 40, p50: 0.412, p90: 0.53}
  itl_s: {n: 38, p50: 0.011}
  e2e_s: {n: 40, p50: 3, p90: 4.25}
  input_tokens: 1200
  output_tokens: 250
  path: litellm
  region: Frankfurt, office
  machine: Linux x86_64, 2 cores, Python 3.11.9
  instrument_error: {median_ms: -0.1, p99_ms: 1.9, n: 128}
"""
SAID = MeasuredLatency(
    measured_on=date(2026, 11, 23),
    simulated=False,
    n=40,
    ttft_s=Percentiles(n=40, p50=Decimal("0.412"), p90=Decimal("0.53")),
    itl_s=Percentiles(n=38, p50=Decimal("0.011")),
    e2e_s=Percentiles(n=40, p50=Decimal(3), p90=Decimal("4.25")),
    input_tokens=1200,
    output_tokens=250,
    path="litellm",
    region="Frankfurt, office",
    machine="Linux x86_64, 2 cores, Python 3.11.9",
    instrument_error=InstrumentError(median_ms=Decimal("-0.1"), p99_ms=Decimal("1.9"), n=128),
)


def laid(text: str) -> Catalog:
    return load_catalog("seed-2026-early", overrides=parse_overrides(text, "measured.yaml"))


def test_a_measured_latency_is_set_on_its_endpoint_and_on_no_other() -> None:
    plain, ours = load_catalog("seed-2026-early"), laid(TEXT)
    assert ours.endpoint(SONNET).measured == SAID
    assert ours.endpoint(SONNET) == dataclasses.replace(plain.endpoint(SONNET), measured=SAID)
    assert [e for e in ours if e.id != SONNET] == [e for e in plain if e.id != SONNET]
    assert ours.overrides == ("measured 2026-11-23",)


def test_a_later_overlay_replaces_what_an_earlier_one_measured() -> None:
    later = dataclasses.replace(SAID, n=50)
    ours = apply(laid(TEXT), Overrides("later", latencies=(EndpointLatency(endpoint=SONNET, measured=later),)))
    assert ours.endpoint(SONNET).measured == later


def test_one_file_may_bring_an_endpoint_and_its_latency() -> None:
    own = "endpoints: [{id: house/sonnet, model: claude-sonnet-4-6, provider: anthropic}]\n"
    ours = laid(TEXT.replace(f"endpoint: {SONNET}", "endpoint: house/sonnet") + own)
    assert ours.endpoint("house/sonnet").measured == SAID
    assert ours.endpoint(SONNET).measured is None


@pytest.mark.parametrize(("name", "pinned"), [("seed-2026-early", "bf9c731f2705f9f0"), ("2026-11", "494fa222f4a4879c")])
def test_the_pin_of_a_catalog_without_measurements_is_what_it_was_before_there_were_any(name: str, pinned: str) -> None:
    assert load_catalog(name).content_hash == pinned


def test_the_pin_of_a_catalog_with_measurements_says_which() -> None:
    slower = TEXT.replace("p50: 0.412", "p50: 0.413")
    assert len({load_catalog("seed-2026-early").content_hash, laid(TEXT).content_hash, laid(slower).content_hash}) == 3


def test_an_endpoint_that_is_not_there_is_told_the_nearest_and_the_line() -> None:
    with pytest.raises(
        UnknownNameError, match=r"measured.yaml:3: unknown endpoint .*did you mean anthropic/claude-son"
    ):
        laid(TEXT.replace("sonnet-4-6", "sonet-4-6"))


def test_an_endpoint_measured_twice_in_one_file_is_told_both_lines() -> None:
    again = TEXT + TEXT[TEXT.index("- endpoint") :]
    with pytest.raises(CatalogError, match=r"measured.yaml:16: '.*sonnet-4-6' stands twice.*measured.yaml:3"):
        laid(again)


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("  simulated: false\n", "", r":3: 'simulated' is missing"),
        ("  path: litellm", "  path: litelm", r":12: .*path is 'litelm'; did you mean litellm"),
        ("p50: 0.412, p90: 0.53", "p90: 0.53", r":7: 'p50' is missing"),
        ("p50: 0.412, p90: 0.53", "p50: 0.53, p90: 0.412", r":7: .*percentiles cannot fall: 0.53, 0.412"),
        ("ttft_s: {n: 40", "ttft_s: {n: 0", r":7: .*n is 0; it must be above 0"),
        ("p50: 3,", "p50: -3,", r":9: .*it must be not below 0"),
        ("  ttft_s:", "  ttft:", r":7: unknown key 'ttft'; did you mean ttft_s\?"),
        ("- endpoint: anthropic/claude-sonnet-4-6\n  measured_on", "- measured_on", r":3: 'endpoint' is missing"),
    ],
)  # fmt: skip
def test_a_slip_is_told_its_line_and_the_mend(said: str, instead: str, told: str) -> None:
    assert said in TEXT
    with pytest.raises(CatalogError, match=f"measured.yaml{told}"):
        laid(TEXT.replace(said, instead))

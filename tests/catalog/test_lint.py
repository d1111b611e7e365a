"""What a reviewer is told to doubt."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from llmlab.catalog import Catalog, load_catalog, parse_overrides
from llmlab.catalog.lint import Finding, family_and_version, lint
from llmlab.catalog.overrides import apply

DAY = date(2026, 11, 23)
SEED = load_catalog("seed-2026-early")
NOVEMBER = load_catalog("2026-11")
OF_SEED = lint(SEED, as_of=DAY)
OF_NOVEMBER = lint(NOVEMBER, as_of=DAY)


def found(findings: tuple[Finding, ...], code: str) -> dict[str, Finding]:
    return {finding.endpoint: finding for finding in findings if finding.code == code}


def with_endpoint(catalog: Catalog, id: str, /, **changes: Any) -> Catalog:
    return dataclasses.replace(
        catalog,
        endpoints=tuple(dataclasses.replace(e, **changes) if e.id == id else e for e in catalog.endpoints),
    )


def one(catalog: Catalog, endpoint: str, code: str, **kwargs: Any) -> Finding:
    return found(lint(catalog, as_of=DAY, **kwargs), code)[endpoint]


def test_the_seed_carries_the_prices_of_two_older_claudes() -> None:
    siblings = found(OF_SEED, "sibling-price")
    assert set(siblings) == {"anthropic/claude-opus-4-7", "anthropic/claude-haiku-4-5"}
    opus, haiku = siblings["anthropic/claude-opus-4-7"], siblings["anthropic/claude-haiku-4-5"]
    assert opus.message == "$15 in and $75 out is the price of the older anthropic/claude-opus-4-1 (genai-prices)"
    assert opus.mend == "its own row (litellm claude-opus-4-7) has $5 and $25"
    assert "claude-3-5-haiku" in haiku.message
    assert "$0.80 in and $4 out" in haiku.message


def test_a_price_that_a_model_shares_with_its_older_sibling_is_its_own() -> None:
    assert "anthropic/claude-sonnet-4-6" not in found(OF_SEED, "sibling-price")
    assert not found(OF_NOVEMBER, "sibling-price")


def test_the_seeds_other_prices_that_no_source_confirms_are_disputed() -> None:
    disputed = found(OF_SEED, "sources-disagree")
    assert set(disputed) == {
        "anthropic/claude-opus-4-7",
        "anthropic/claude-haiku-4-5",
        "openai/gpt-5",
        "openai/gpt-4o",
        "deepseek/deepseek-v3",
    }
    assert "standard input: ours $10, litellm $1.25, genai-prices $1.25" in disputed["openai/gpt-5"].message
    assert "standard cache read: ours $0.25, litellm $1.25, genai-prices $1.25" in disputed["openai/gpt-4o"].message


def test_rows_compared_by_name_alone_are_said_to_be() -> None:
    mend = found(OF_SEED, "sources-disagree")["openai/gpt-5"].mend
    assert "(compared by name; `rows: {litellm: gpt-5, genai-prices: openai/gpt-5}` makes it sure)" in mend


def test_every_dispute_in_the_november_snapshot_is_already_accounted_for() -> None:
    disputed = found(OF_NOVEMBER, "sources-disagree")
    assert len(disputed) == 6
    assert all(finding.mend.startswith("our note: ") for finding in disputed.values())
    llama = disputed["together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo"]
    assert llama.message.startswith("standard input: ours $1.04, litellm $1.04, genai-prices $0.88")


def test_a_price_that_moved_in_the_sources_is_found() -> None:
    sonnet = NOVEMBER.endpoint("anthropic/claude-sonnet-4-6")
    price = sonnet.prices[-1]
    assert price.rates.standard is not None
    dearer = dataclasses.replace(price.rates.standard, input=Decimal("3.05"))
    moved = dataclasses.replace(price, note=None, rates=dataclasses.replace(price.rates, standard=dearer))
    finding = one(with_endpoint(NOVEMBER, sonnet.id, prices=(moved,)), sonnet.id, "sources-disagree")
    assert finding.message == "standard input: ours $3.05, litellm $3, genai-prices $3"
    assert finding.mend == "choose, say which in `evidence`, and give the other figure in `note`"


def test_one_per_cent_is_not_yet_a_dispute() -> None:
    sonnet = NOVEMBER.endpoint("anthropic/claude-sonnet-4-6")
    price = sonnet.prices[-1]
    assert price.rates.standard is not None
    near = dataclasses.replace(price.rates.standard, input=Decimal("3.03"))
    moved = dataclasses.replace(price, rates=dataclasses.replace(price.rates, standard=near))
    catalog = with_endpoint(NOVEMBER, sonnet.id, prices=(moved,))
    assert sonnet.id not in found(lint(catalog, as_of=DAY), "sources-disagree")


def test_a_discount_of_ones_own_is_no_dispute() -> None:
    deal = parse_overrides("name: d\ndiscounts: [{provider: anthropic, factor: 0.5, note: n}]", "d.yaml")
    findings = lint(apply(NOVEMBER, deal), as_of=DAY)
    assert Counter(f.code for f in findings) == Counter(f.code for f in OF_NOVEMBER)


def test_a_row_that_the_package_no_longer_has_is_found() -> None:
    catalog = with_endpoint(NOVEMBER, "openai/gpt-5", rows={"litellm": "gpt-five"})
    finding = one(catalog, "openai/gpt-5", "row-gone")
    assert finding.message == "litellm 1.106.2 has no row 'gpt-five'"


def test_figures_checked_more_than_90_days_ago_are_stale() -> None:
    assert len(found(OF_SEED, "stale")) == len(SEED)
    assert "price, model, latency on 2026-02-15 (281 days ago)" in found(OF_SEED, "stale")["openai/gpt-5"].message
    assert not found(lint(SEED, as_of=date(2026, 5, 16), against=()), "stale")
    assert found(lint(SEED, as_of=date(2026, 5, 17), against=()), "stale")


def test_in_the_november_snapshot_only_the_seeds_latencies_are_stale() -> None:
    stale = found(OF_NOVEMBER, "stale")
    assert set(stale) == {"deepseek/deepseek-v3", "groq/llama-3.1-8b-instant"}
    assert all(f.message.startswith("last checked: latency on 2026-02-15") for f in stale.values())


def test_a_measured_latency_grows_stale_like_the_prior_beside_it() -> None:
    text = """\
name: ours
latencies:
- {endpoint: openai/gpt-5, measured_on: 2026-08-20, simulated: false, n: 6, ttft_s: {n: 6, p50: 1},
   e2e_s: {n: 6, p50: 9}, path: litellm}
"""
    catalog = apply(SEED, parse_overrides(text, "ours.yaml"))

    def of_gpt_5(day: date) -> list[str]:
        return [str(finding) for finding in lint(catalog, as_of=day, against=()) if finding.endpoint == "openai/gpt-5"]

    prior, measured = of_gpt_5(date(2026, 11, 19))
    assert "latency on 2026-02-15 (277 days ago)" in prior
    assert measured == ("openai/gpt-5: stale: its latency was measured on 2026-08-20 (91 days ago); measure it again")
    assert len(of_gpt_5(date(2026, 11, 18))) == 1


def test_a_retirement_says_when_and_who_follows() -> None:
    gpt_5 = found(OF_NOVEMBER, "retiring")["openai/gpt-5"]
    assert gpt_5.message == "retires on 2026-12-11, in 18 days; its successor is openai/gpt-6.1-sol"
    assert gpt_5.mend == "call openai/gpt-6.1-sol"
    haiku = found(OF_NOVEMBER, "retired")["vertex_ai/claude-haiku-4-5"]
    assert haiku.message == "retired on 2026-10-15; its successor is vertex_ai/claude-haiku-5-5"


@pytest.mark.parametrize(
    ("day", "code", "when"),
    [
        ("2026-09-12", "retiring", "in 90 days"),
        ("2026-12-10", "retiring", "in 1 day;"),
        ("2026-12-11", "retired", "retired on 2026-12-11;"),
    ],
)
def test_an_endpoint_is_retiring_for_90_days_and_retired_on_its_date(day: str, code: str, when: str) -> None:
    findings = lint(NOVEMBER, as_of=date.fromisoformat(day), against=())
    assert when in found(findings, code)["openai/gpt-5"].message


def test_before_the_last_90_days_nothing_is_said() -> None:
    assert "openai/gpt-5" not in found(lint(NOVEMBER, as_of=date(2026, 9, 11), against=()), "retiring")


def test_a_retirement_without_a_successor_asks_for_one() -> None:
    catalog = with_endpoint(NOVEMBER, "openai/gpt-5", successor=None)
    finding = one(catalog, "openai/gpt-5", "retiring", against=())
    assert finding.message.endswith("no successor is named")
    assert finding.mend == "choose one and write it as `successor`"


def test_a_successor_that_is_retired_too_is_no_successor() -> None:
    catalog = with_endpoint(NOVEMBER, "openai/gpt-5", successor="deepseek/deepseek-v3")
    finding = one(catalog, "openai/gpt-5", "retiring", against=())
    assert finding.message.endswith("its successor deepseek/deepseek-v3 is retired too")
    assert finding.mend == "choose another"


def test_no_sources_means_no_comparison_and_nothing_is_loaded() -> None:
    assert {f.code for f in lint(NOVEMBER, as_of=DAY, against=())} == {"stale", "retired", "retiring"}
    code = (
        "import sys; from llmlab.catalog import load_catalog; load_catalog('2026-11').lint(against=());"
        "print('genai_prices' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_bulk_catalog_is_not_compared_with_itself() -> None:
    litellm = load_catalog("litellm")
    assert not found(lint(litellm, as_of=DAY, against=(litellm,)), "sources-disagree")
    against_the_other = found(lint(litellm, as_of=DAY), "sources-disagree")
    assert against_the_other
    assert all("genai-prices" in finding.message for finding in against_the_other.values())


def test_another_snapshot_can_be_what_it_is_compared_with() -> None:
    findings = lint(SEED, as_of=DAY, against=(NOVEMBER,))
    assert "2026-11 $5" in found(findings, "sources-disagree")["anthropic/claude-opus-4-7"].message


def test_nothing_is_matched_by_likeness() -> None:
    # gpt-5-min is like gpt-5-mini; a private endpoint is not the public one of the same model.
    text = (
        "name: a\nchecked_on: 2026-11-20\nmodels: [{id: gpt-5-min, name: x, maker: y}]\n"
        "endpoints:\n"
        "  - {id: openai/gpt-5-min, model: gpt-5-min, provider: openai,"
        " prices: [{rates: {standard: {input: 9, output: 9}}}]}\n"
        "  - {id: house/gpt-5, model: gpt-5, provider: vllm, prices: [{rates: {standard: {input: 9, output: 9}}}]}\n"
    )
    findings = lint(apply(NOVEMBER, parse_overrides(text, "a.yaml")), as_of=DAY)
    assert not {f.endpoint for f in findings} & {"openai/gpt-5-min", "house/gpt-5"}


@pytest.mark.parametrize(
    ("name", "family", "version"),
    [
        ("claude-haiku-4-5", {"claude", "haiku"}, (4, 5)),
        ("claude-3-5-haiku-20241022", {"claude", "haiku"}, (3, 5)),
        ("claude-haiku-4-5@20251001", {"claude", "haiku"}, (4, 5)),
        ("gpt-5-2025-08-07", {"gpt"}, (5,)),
        ("gpt-4o", {"gpt", "4o"}, ()),
        ("llama-3.3-70b", {"llama", "70b"}, (3, 3)),
        ("deepseek-v3", {"deepseek", "v"}, (3,)),
        ("mistral-large-2407", {"mistral", "large"}, ()),
        ("gemini-2.5-pro-preview-06-05", {"gemini", "pro"}, (2, 5)),
        ("mistral-large-latest", {"mistral", "large"}, ()),
    ],
)
def test_a_name_is_a_family_and_a_version(name: str, family: set[str], version: tuple[int, ...]) -> None:
    assert family_and_version(name) == (frozenset(family), version)


def test_every_finding_is_one_line_that_says_what_to_do() -> None:
    for finding in (*OF_SEED, *OF_NOVEMBER):
        text = str(finding)
        assert text == f"{finding.endpoint}: {finding.code}: {finding.message}; {finding.mend}"
        assert "\n" not in text and "Decimal" not in text
        assert finding.mend


def test_the_catalogs_own_method_gives_the_same() -> None:
    assert SEED.lint(as_of=DAY) == OF_SEED
    assert NOVEMBER.lint(as_of=DAY, against=()) == lint(NOVEMBER, as_of=DAY, against=())

"""Files of one's own: what they can say, and what a slip in one is told."""

# ruff: noqa: E501 - a table of slips is read by its columns

from __future__ import annotations

import dataclasses
import string
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmlab.catalog import Catalog, load_catalog, parse_overrides
from llmlab.catalog.overrides import apply
from llmlab.catalog.records import Evidence, ModeRates, PriceList, Rates
from llmlab.errors import CatalogError, LlmlabError, UnknownNameError

DEALS = """\
name: our-deals
discounts:
  - {provider: anthropic, factor: 0.85, note: contract until 2027-06}
endpoints:
  - id: house/llama-3-3-70b
    model: llama-3-3-70b
    provider: vllm
    residency: {scope: own-network}
    prices: [{reserved_usd_per_hour: 12.29, evidence: {source: invoice of October, checked_on: 2026-10-31}}]
"""

WHOLE = """\
name: mine
title: A catalog of my own
as_of: 2026-11-01
providers:
  - id: acme
    name: Acme
models:
  - id: anvil-1
    name: Anvil 1
    maker: Acme
    strengths: [heavy]
    evidence: {source: price page, checked_on: 2026-11-01}
endpoints:
  - id: acme/anvil-1
    model: anvil-1
    provider: acme
    prices:
      - rates:
          standard: {input: 1, output: 2}
        tiers:
          - above: 100000
            rates: {standard: {input: 2, output: 4}}
          - above: 200000
            rates: {standard: {input: 3, output: 6}}
        evidence:
          source: price page
          checked_on: 2026-11-01
    residency:
      scope: eu
    regions: [eu-central-1]
"""


def whole(tmp_path: Path, text: str = WHOLE) -> Catalog:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return load_catalog(file)


def laid(text: str, below: str = "2026-11") -> Catalog:
    return load_catalog(below, overrides=parse_overrides(text, "deals.yaml"))


def standard(catalog: Catalog, id: str) -> Rates:
    rates = catalog.endpoint(id).prices[-1].rates.standard
    assert rates is not None
    return rates


# --- What a file of one's own can say --------------------------------------------------------------------------------


def test_a_discount_lowers_every_rate_of_the_provider_and_says_so_in_the_source() -> None:
    plain, ours = load_catalog("2026-11"), laid(DEALS)
    assert standard(plain, "anthropic/claude-opus-4-7").input == 5
    assert standard(ours, "anthropic/claude-opus-4-7").input == Decimal("4.25")
    haiku = ours.endpoint("anthropic/claude-haiku-5-5").prices[0]
    batch = haiku.tiers[0].rates.batch
    assert batch is not None and batch.output == Decimal("1.25") * Decimal("0.85")
    assert haiku.evidence.source.endswith("x 0.85 by overrides our-deals (contract until 2027-06)")
    assert standard(ours, "openai/gpt-5") == standard(plain, "openai/gpt-5")


def test_off_peak_rates_are_discounted_too() -> None:
    ours = laid("name: d\ndiscounts: [{endpoint: deepseek/deepseek-flash, factor: 0.5, note: half}]")
    off_peak = ours.endpoint("deepseek/deepseek-flash").prices[0].off_peak
    assert off_peak is not None and off_peak.rates.input == Decimal("0.075")


def test_discounts_of_a_provider_and_of_a_model_multiply() -> None:
    both = DEALS.replace("endpoints:", "  - {model: claude-opus-4-7, factor: 0.5, note: pilot}\nendpoints:")
    assert standard(laid(both), "anthropic/claude-opus-4-7").input == Decimal("2.125")


def test_a_gpu_box_is_priced_by_the_hour_and_stays_in_its_own_network() -> None:
    house = laid(DEALS).endpoint("house/llama-3-3-70b")
    assert house.prices[0].reserved_usd_per_hour == Decimal("12.29")
    assert house.prices[0].priced
    assert house.prices[0].evidence == Evidence(source="invoice of October", checked_on=date(2026, 10, 31))
    assert house.residency.scope == "own-network"


def test_a_private_endpoint_may_bring_its_own_model_and_provider() -> None:
    ours = laid(
        "name: house\nchecked_on: 2026-11-20\n"
        "providers: [{id: house, name: Our cluster, host: self_host}]\n"
        "models: [{id: house-8b, name: House 8B, maker: us}]\n"
        "endpoints: [{id: house/house-8b, model: house-8b, provider: house,"
        " prices: [{rates: {standard: {input: 0.02, output: 0.02}}}]}]\n"
    )
    price = ours.endpoint("house/house-8b").prices[0]
    assert price.evidence.source == "overrides house"  # no source given: the file itself
    assert ours.overrides == ("house",)
    assert ours.content_hash != load_catalog("2026-11").content_hash


def test_an_endpoint_of_the_same_id_replaces_the_snapshots() -> None:
    own = "name: o\nendpoints: [{id: openai/gpt-5, model: gpt-5, provider: openai, max_input_tokens: 9000}]"
    ours = laid(own)
    assert len(ours) == len(load_catalog("2026-11"))
    assert ours.endpoint("openai/gpt-5").max_input_tokens == 9000
    assert ours.endpoint("openai/gpt-5").prices == ()


def test_overrides_are_laid_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\ndiscounts: [{provider: openai, factor: 0.5, note: a}]")
    (tmp_path / "b.yaml").write_text("name: b\ndiscounts: [{provider: openai, factor: 0.5, note: b}]")
    ours = load_catalog("2026-11", overrides=[tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert ours.overrides == ("a", "b")
    assert standard(ours, "openai/gpt-4o").input == Decimal("0.625")


def test_a_whole_catalog_fits_in_one_file_or_in_a_folder(tmp_path: Path) -> None:
    one = whole(tmp_path)
    folder = tmp_path / "mine"
    folder.mkdir()
    head, _, rest = WHOLE.partition("providers:")
    (folder / "snapshot.yaml").write_text(head)
    (folder / "acme.yaml").write_text("providers:" + rest)
    assert load_catalog(folder) == one
    assert [t.above for t in one.endpoint("acme/anvil-1").prices[0].tiers] == [100_000, 200_000]


def test_nothing_is_priced_before_its_first_list_or_after_its_last(tmp_path: Path) -> None:
    span = "effective_from: 2026-03-01\n        effective_to: 2026-06-01\n        evidence:"
    endpoint = whole(tmp_path, WHOLE.replace("evidence:\n", span + "\n")).endpoint("acme/anvil-1")
    assert endpoint.price_on(date(2026, 2, 28)) is None
    assert endpoint.price_on(date(2026, 3, 1)) is endpoint.prices[0]
    assert endpoint.price_on(date(2026, 5, 31)) is endpoint.prices[0]
    assert endpoint.price_on(date(2026, 6, 1)) is None


def test_of_two_lists_in_force_the_later_one_counts() -> None:
    said = Evidence(source="page", checked_on=date(2026, 11, 1))
    rates = ModeRates(standard=Rates(input=Decimal(1), output=Decimal(2)))
    old, new = (
        PriceList(rates=rates, effective_from=day, evidence=said) for day in (date(2026, 1, 1), date(2026, 6, 1))
    )
    assert old.in_force(date(2026, 7, 1)) and new.in_force(date(2026, 7, 1))
    endpoint = load_catalog("2026-11").endpoint("openai/gpt-5")
    both = dataclasses.replace(endpoint, prices=(new, old))
    assert both.price_on(date(2026, 7, 1)) is new
    assert both.price_on(date(2026, 5, 1)) is old


def test_importing_the_catalog_does_not_import_pydantic() -> None:
    code = "import sys, llmlab.catalog; print(sorted({'pydantic', 'genai_prices', 'litellm'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- What a slip is told ---------------------------------------------------------------------------------------------

SLIPS = {
    # what: (text to replace, by what, a piece of the line that is wrong, pieces of the message)
    "an unknown key in an endpoint": ("    regions:", "    region:", "region: [", ["unknown key 'region'", "did you mean regions?", "allowed: "]),
    "an unknown key in rates": ("{input: 1, output: 2}", "{input: 1, outputs: 2}", "outputs", ["'outputs'", "did you mean output?", "cache_read"]),
    "an unknown key at the top": ("endpoints:", "endpoint:", "endpoint:", ["unknown key 'endpoint'", "did you mean endpoints"]),
    "an unknown key in evidence": ("checked_on: 2026-11-01}", "checked_on: 2026-11-01, page: x}", "page: x", ["unknown key 'page'", "checked_on"]),
    "a negative rate": ("{input: 1, output: 2}", "{input: -1, output: 2}", "input: -1", ["standard.input is -1", "not below 0"]),
    "a window of nothing": ("    regions:", "    max_input_tokens: 0\n    regions:", "max_input_tokens", ["is 0", "above 0"]),
    "a rate that is a word": ("{input: 1, output: 2}", "{input: cheap, output: 2}", "cheap", ["'cheap'", "a number"]),
    "a rate that is a list": ("{input: 1, output: 2}", "{input: [1], output: 2}", "input: [1]", ["[1]", "a number"]),
    "a rate that is infinite": ("{input: 1, output: 2}", "{input: .inf, output: 2}", "input: .inf", ["not a number"]),
    "a rate that takes gigabytes to print": ("{input: 1, output: 2}", "{input: 1.0e+999999999, output: 2}", "1.0e", ["not a number"]),
    "the same in quotes": ("{input: 1, output: 2}", "{input: '1e999999', output: 2}", "1e999999", ["no number that a person would write"]),
    "half a token": ("above: 100000", "above: 100000.5", "100000.5", ["100000.5", "a whole number"]),
    "a list that is a word": ("regions: [eu-central-1]", "regions: eu-central-1", "regions:", ["'eu-central-1'", "a list"]),
    "a mapping that is a word": ("    residency:\n      scope: eu", "    residency: eu", "residency: eu", ["residency is 'eu'", "mapping of", "scope"]),
    "a word outside the list": ("scope: eu", "scope: golbal", "golbal", ["residency.scope is 'golbal'", "did you mean global?", "own-network"]),
    "tiers out of order": ("above: 200000", "above: 50000", "- rates:", ["tiers out of order: [100000, 50000]", "rising"]),
    "the same tier twice": ("above: 200000", "above: 100000", "- rates:", ["tiers out of order"]),
    "a price that ends before it starts": ("      - rates:", "      - effective_from: 2026-02-01\n        effective_to: 2026-01-01\n        rates:", "- effective_from", ["2026-01-01 must be after"]),
    "a day that is not in the calendar": ("checked_on: 2026-11-01}", "checked_on: 2026-02-30}", "2026-02-30", ["'2026-02-30' is not a number or date"]),
    "a day in words": ("checked_on: 2026-11-01}", "checked_on: yesterday}", "yesterday", ["'yesterday'", "a date such as 2026-11-23"]),
    "a moment instead of a day": ("as_of: 2026-11-01", "as_of: 2026-11-01 10:30:00", "as_of", ["a date such as 2026-11-23"]),
    "a model without evidence": ("    evidence: {source: price page, checked_on: 2026-11-01}\n", "", "- id: anvil-1", ["'evidence' is missing: say `{source: ..., checked_on: "]),
    "a price without evidence": ("        evidence:\n          source: price page\n          checked_on: 2026-11-01\n", "", "- rates:", ["'evidence' is missing"]),
    "a misspelt evidence, rather than that there is none": ("        evidence:", "        evidense:", "evidense", ["unknown key 'evidense'; did you mean evidence?"]),
    "an evidence without a day": ("{source: price page, checked_on: 2026-11-01}", "{source: price page}", "{source: price page}", ["'checked_on' is missing"]),
    "a missing name": ("title: A catalog of my own\n", "", "name: mine", ["'title' is missing"]),
    "an id that stands twice": ("endpoints:\n", "  - {id: anvil-1, name: A, maker: b, evidence: {source: s, checked_on: 2026-11-01}}\nendpoints:\n", "- {id: anvil-1", ["'anvil-1' stands twice; the first is at", ":8"]),
    "a key that stands twice": ("    name: Anvil 1\n", "    name: Anvil 1\n    name: Anvil 2\n", "Anvil 2", ["'name' stands twice", "first is on line 9"]),
    "a model that is not there": ("    model: anvil-1", "    model: anvil-2", "- id: acme/anvil-1", ["unknown model 'anvil-2'", "did you mean anvil-1?"]),
    "a provider that is not there": ("    provider: acme", "    provider: acmee", "- id: acme/anvil-1", ["unknown provider 'acmee'", "did you mean acme?"]),
    "a successor that is not there": ("    regions:", "    successor: acme/anvil-3\n    regions:", "- id: acme/anvil-1", ["unknown successor", "acme/anvil-1"]),
    "an anchor": ("strengths: [heavy]", "strengths: &s [heavy]", "&s", ["anchors and aliases"]),
    "a tag": ("name: Acme", "name: !!python/object:os.system Acme", "!!python", ["the tag", "is not read"]),
    "a merge key": ("    regions:", "    <<: {note: x}\n    regions:", "<<", ["a key must be a plain word"]),
    "a list of records that is a mapping": ("providers:\n  - id: acme\n    name: Acme", "providers:\n    acme: Acme", "providers:", ["providers must be a list"]),
    "a record that is a word": ("  - id: acme\n    name: Acme\n", "  - acme\n", "- acme", ["'acme'", "it must be a mapping of host, id, name, see"]),
    "text that is not YAML": ("regions: [eu-central-1]", "regions: [eu-central-1", "", ["not YAML"]),
    "a character that may not stand in YAML": ("name: Anvil 1", "name: Anvil\x01 1", "Anvil\x01", ["not YAML: the character '\\x01'"]),
}  # fmt: skip


@pytest.mark.parametrize("what", SLIPS)
def test_a_slip_is_told_on_one_line_with_its_file_and_exact_line(what: str, tmp_path: Path) -> None:
    old, new, wrong, pieces = SLIPS[what]
    assert WHOLE.count(old) >= 1
    text = WHOLE.replace(old, new, 1)
    with pytest.raises(LlmlabError) as caught:
        whole(tmp_path, text)
    message = str(caught.value)
    assert isinstance(caught.value, CatalogError | UnknownNameError)
    assert "\n" not in message
    if wrong:
        line = next(n for n, said in enumerate(text.split("\n"), start=1) if wrong in said)
        assert message.startswith(f"{tmp_path / 'mine.yaml'}:{line}: "), message
    for piece in pieces:
        assert piece in message


def test_a_slip_in_the_evidence_of_a_whole_file_is_told_where_it_is_written() -> None:
    with pytest.raises(CatalogError, match=r"^deals\.yaml:2: unknown key 'sauce'; did you mean source\?"):
        parse_overrides("name: a\nevidence: {sauce: x, checked_on: 2026-11-01}\nproviders: []\n", "deals.yaml")


DISCOUNTS = {
    "a misspelt provider": ("provider: anthropic", "provider: antropic", ["unknown provider 'antropic'", "did you mean anthropic"]),
    "a misspelt model": ("provider: anthropic", "model: claude-opus-47", ["unknown model", "claude-opus-4-7"]),
    "a misspelt endpoint": ("provider: anthropic", "endpoint: openai/gpt5", ["unknown endpoint", "openai/gpt-5"]),
    "two at once": ("provider: anthropic", "provider: anthropic, model: gpt-5", ["exactly one of provider, model, endpoint"]),
    "no note": (", note: contract until 2027-06", "", ["'note' is missing"]),
    "a factor of nothing": ("factor: 0.85", "factor: 0", ["it must be above 0"]),
}  # fmt: skip


@pytest.mark.parametrize("what", DISCOUNTS)
def test_a_slip_in_a_discount_is_told_with_its_line(what: str) -> None:
    old, new, pieces = DISCOUNTS[what]
    with pytest.raises(LlmlabError) as caught:
        laid(DEALS.replace(old, new))
    assert str(caught.value).startswith("deals.yaml:3: ")
    for piece in pieces:
        assert piece in str(caught.value)


def test_a_discount_on_a_provider_that_serves_nothing_here_says_so() -> None:
    lone = "name: a\nproviders: [{id: idle, name: Idle}]\n"
    below = apply(load_catalog("seed-2026-early"), parse_overrides(lone, "a.yaml"))
    with pytest.raises(CatalogError, match=r"b\.yaml:1: .*no endpoint of provider 'idle' is in seed-2026-early"):
        apply(below, parse_overrides("discounts: [{provider: idle, factor: 0.9, note: n}]\nname: b\n", "b.yaml"))


def test_an_unknown_key_of_an_overrides_file_is_told_every_key_that_may_stand_there() -> None:
    with pytest.raises(UnknownNameError, match=r"deals\.yaml:4: unknown key 'endpoint'; did you mean endpoints"):
        parse_overrides(DEALS.replace("endpoints:", "endpoint:"), "deals.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("- a\n- b\n", "the file is a list"),
        ("just words", "the file is a single value"),
        ("a: 1\n---\nb: 2\n", "another document"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, says: str) -> None:
    with pytest.raises(CatalogError, match=says):
        parse_overrides(text, "x.yaml")


def test_a_bomb_of_aliases_is_refused_before_it_is_built() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    with pytest.raises(CatalogError, match=r"^bomb\.yaml:1: anchors and aliases"):
        parse_overrides(bomb, "bomb.yaml")


@pytest.mark.parametrize("text", ["name: " + "[" * 5000 + "]" * 5000, "name: " + "{a: " * 5000])
def test_a_file_nested_without_end_is_refused(text: str) -> None:
    with pytest.raises(CatalogError, match="nested more than 40 deep"):
        parse_overrides(text, "deep.yaml")


def test_a_file_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text("name: " + "x" * 5_000_000)
    with pytest.raises(CatalogError, match="at most 4,000,000 are read"):
        load_catalog("2026-11", overrides=tmp_path / "big.yaml")


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(CatalogError, match=r"not UTF-8 text \(byte 6\)"):
        load_catalog(tmp_path / "b.yaml")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(CatalogError) as caught:
        parse_overrides(f"name: a\nproviders: [{{id: a, name: b, host: {'x' * 3000}}}]", "a.yaml")
    assert len(str(caught.value)) < 300


# --- Names that are not there ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("2026-1", "2026-11"), ("seed", "seed-2026-early"), ("lite-llm", "litellm"), ("genai_prices", "genai-prices")],
)
def test_an_unknown_snapshot_is_told_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_catalog(name)
    assert caught.value.nearest[0] == nearest


@pytest.mark.parametrize("name", ["no/such/folder", "missing.yaml", "~nobody-of-that-name/x.yaml", "a/" + "x" * 5000])
def test_a_path_that_is_not_there_is_told_the_names_that_are(name: str) -> None:
    with pytest.raises(CatalogError, match="no such file or folder; the catalogs by name are seed-2026-early, 2026-11"):
        load_catalog(name)


def test_an_overrides_file_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read: No such file"):
        load_catalog("2026-11", overrides=tmp_path / "none.yaml")


def test_a_folder_without_a_head_is_no_snapshot(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no snapshot\.yaml in this folder"):
        load_catalog(tmp_path)


ASK: dict[str, tuple[Callable[[Catalog, str], object], str, str]] = {
    "model": (Catalog.model, "claude-opus-4.7", "claude-opus-4-7"),
    "endpoint": (Catalog.endpoint, "openai/gpt5", "openai/gpt-5"),
    "provider": (Catalog.provider, "antropic", "anthropic"),
    "model or endpoint": (Catalog.find, "claude-opus-4-7-typo", "claude-opus-4-7"),
}


@pytest.mark.parametrize("what", ASK)
def test_a_name_that_is_not_there_is_never_priced_as_a_similar_one(what: str) -> None:
    ask, name, nearest = ASK[what]
    with pytest.raises(UnknownNameError, match=f"catalog 2026-11: unknown {what} ") as caught:
        ask(load_catalog("2026-11"), name)
    assert nearest in caught.value.nearest


# --- Whatever the text -----------------------------------------------------------------------------------------------

_YAML_LIKE = st.text(alphabet=string.printable + "é\u2028\ud800\x00\ufeff", max_size=200)


@st.composite
def _mutations(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from([DEALS, WHOLE.replace("title: A catalog of my own\nas_of: 2026-11-01\n", "")]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        pieces = st.sampled_from(
            [": ", "\n  - ", "{", "]", "1e9", "!!int", "&a", "*a", "null", "'", "-1", "[]", "2026-13-01"]
        )
        text = text[:start] + draw(pieces | st.text(max_size=4)) + text[end:]
    return text


@settings(max_examples=300, deadline=None)
@given(_YAML_LIKE | _mutations())
def test_any_text_is_read_or_refused_in_our_own_words(text: str) -> None:
    refusal = None
    try:
        ours = apply(load_catalog("2026-11"), parse_overrides(text, "any.yaml"))
        assert len(ours.content_hash) == 16  # the hash prints every value
    except LlmlabError as e:
        refusal = str(e)
    assert refusal is None or (refusal.startswith("any.yaml:") and "\n" not in refusal)

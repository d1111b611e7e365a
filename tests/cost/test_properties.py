"""What holds for any endpoint and any workload, the odd ones included.

Endpoints are made with every mix of modes, tiers, missing classes, off-peak hours, uplifts, caching minimums, fees,
reserved boxes and storage; workloads with every mix of shares. `derandomize` makes each run the same run.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from llmlab.catalog import Catalog, Endpoint, Evidence, Model, PriceList, Provider, Rates, Residency, load_catalog
from llmlab.catalog.records import MODES, ModeRates, OffPeak, Tier, Tokenizer
from llmlab.cost import Grid, Workload, ledger
from llmlab.cost.billing import caches, request, shipments, terms, tier_for
from llmlab.cost.ledger import CLASSES

DAY = date(2026, 11, 23)
SAID = Evidence(source="made up", checked_on=DAY)
FACTORS: tuple[str | None, ...] = (None, "1", "1.1", "1.5")  # a model for each: nobody measured, and three who did
CLASS_NAMES = tuple(f.name for f in dataclasses.fields(Rates))

often = settings(
    max_examples=80, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
sometimes = settings(often, max_examples=25)

a_rate = st.sampled_from([Decimal(n) for n in ("0", "0.0135", "0.1", "0.3", "1.25", "3", "15", "75")])
a_share = st.one_of(st.sampled_from([0.0, 1.0]), st.integers(1, 999).map(lambda n: n / 1000))
a_length = st.one_of(st.sampled_from([0, 1, 1_000, 1_001, 100_000, 110_000]), st.integers(0, 300_000))
a_scope = st.sampled_from(["unknown", "global", "eu", "us"])


def sometimes_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def rates(always: tuple[str, ...] = ()) -> st.SearchStrategy[Rates]:
    return st.builds(Rates, **{n: a_rate if n in always else sometimes_none(a_rate) for n in CLASS_NAMES})


def modes(standard: st.SearchStrategy[Any]) -> st.SearchStrategy[ModeRates]:
    others = {mode: sometimes_none(rates()) for mode in MODES if mode != "standard"}
    return st.builds(ModeRates, standard=standard, **others)


tiers = st.lists(
    st.builds(
        Tier,
        above=st.sampled_from([1_000, 100_000, 110_000, 200_000]),
        rates=modes(sometimes_none(rates())),
        boundary_included=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda tier: tier.above,
).map(lambda found: tuple(sorted(found, key=lambda tier: tier.above)))


def price_lists(standard: st.SearchStrategy[Any]) -> st.SearchStrategy[PriceList]:
    return st.builds(
        PriceList,
        rates=modes(standard),
        tiers=tiers,
        off_peak=sometimes_none(st.builds(OffPeak, hours_utc=st.just("16:30-00:30"), rates=rates())),
        per_request_usd=sometimes_none(a_rate),
        reserved_usd_per_hour=sometimes_none(a_rate),
        evidence=st.just(SAID),
    )


sound = price_lists(rates(("input", "output")))  # can bill tokens
any_price = st.one_of(sound, price_lists(sometimes_none(rates())))


def endpoints(prices: st.SearchStrategy[PriceList]) -> st.SearchStrategy[Endpoint]:
    return st.builds(
        Endpoint,
        id=st.just("made/one"),
        model=st.sampled_from([f"model-{factor}" for factor in FACTORS]),
        provider=st.just("made"),
        residency=st.builds(Residency, scope=a_scope),
        min_cache_tokens=sometimes_none(st.sampled_from([0, 1_000, 1_100, 4_096])),
        prices=st.one_of(st.tuples(prices), st.tuples(prices), st.tuples(prices), st.just(())),
        uplifts=st.dictionaries(st.sampled_from(["eu", "us", "*"]), st.sampled_from([Decimal("1.1"), Decimal(2)])),
    )


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    length = draw(a_length)
    return Workload(
        requests=draw(st.integers(1, 10**7)),
        period=draw(st.sampled_from(["run", "day", "month"])),
        input_tokens=length,
        output_tokens=draw(st.integers(0, 5_000)),
        reasoning_tokens=draw(st.integers(0, 5_000)),
        cacheable_tokens=draw(sometimes_none(st.integers(0, length))),
        cache_hit_rate=draw(a_share),
        cache_ttl=draw(st.sampled_from(["5m", "1h"])),
        cache_storage_hours=draw(st.sampled_from([0.0, 0.5, 24.0])),
        batch_share=draw(a_share),
        mode=draw(st.sampled_from(MODES)),
        off_peak_share=draw(a_share),
        retry_rate=draw(st.sampled_from([0.0, 0.02, 1.0])),
        region=draw(sometimes_none(st.sampled_from(["eu", "us", "eu-central-1", "nowhere"]))),
        same_text=draw(st.booleans()),
    )


def catalog_of(*made: Endpoint) -> Catalog:
    models = tuple(
        Model(
            id=f"model-{factor}",
            name=f"Model {factor}",
            maker="Nobody",
            tokenizer=Tokenizer(factor=Decimal(factor), evidence=SAID) if factor else None,
            evidence=SAID,
        )
        for factor in FACTORS
    )
    named = tuple(dataclasses.replace(e, id=f"made/{i}") for i, e in enumerate(made))
    return Catalog(
        name="made", title="Made", as_of=DAY, models=models, providers=(Provider(id="made", name="Made"),),
        endpoints=named,
    )  # fmt: skip


def total_of(endpoint: Endpoint, workload: Workload) -> Decimal | None:
    return ledger(endpoint, workload, catalog_of(endpoint), as_of=DAY).total_usd


def priced(endpoint: Endpoint, workload: Workload) -> Decimal:
    total = total_of(endpoint, workload)
    assume(total is not None)
    assert total is not None
    return total


def assert_ledger_equals_grid(catalog: Catalog, workload: Workload) -> None:
    prices = Grid(catalog, as_of=DAY).price(workload)
    for i, endpoint in enumerate(catalog):
        bill = ledger(endpoint, workload, catalog, as_of=DAY)
        if bill.total_usd is None:
            assert math.isnan(prices.total[i]), f"{endpoint.id}: {bill.unpriced}, but the grid has {prices.total[i]}"
            continue
        assert prices.total[i] == pytest.approx(float(bill.total_usd), rel=1e-9), endpoint.id
        # A class that is nearly nothing (the last request of a thousand that misses) is exact to the whole bill's size.
        noise = 1e-9 * float(bill.total_usd)
        for name in CLASSES:
            found, exact = getattr(prices, name)[i], float(bill.usd(name))
            assert found == pytest.approx(exact, rel=1e-9, abs=noise), f"{endpoint.id} {name}"


@often
@given(st.lists(endpoints(any_price), min_size=1, max_size=5), workloads())
def test_the_grid_agrees_with_the_ledger_on_any_endpoint(made: list[Endpoint], workload: Workload) -> None:
    assert_ledger_equals_grid(catalog_of(*made), workload)


@sometimes
@given(workloads())
def test_the_grid_agrees_with_the_ledger_on_the_snapshot_of_november(workload: Workload) -> None:
    assert_ledger_equals_grid(load_catalog("2026-11"), workload)


def sample(name: str) -> Catalog:
    """Every 25th endpoint of a bulk catalog, and each one whose price list is out of the ordinary."""
    catalog = load_catalog(name)
    odd = {e.id for e in catalog if any(p.tiers or p.off_peak or p.per_request_usd for p in e.prices)}
    chosen = {e.id for i, e in enumerate(catalog) if i % 25 == 0} | set(sorted(odd)[::4])
    return catalog.where(lambda e: e.id in chosen)


@pytest.mark.parametrize("name", ["litellm", "genai-prices"])
def test_the_grid_agrees_with_the_ledger_on_a_sample_of_a_bulk_catalog(name: str) -> None:
    catalog = sample(name)
    assert len(catalog) > 50

    @settings(sometimes, max_examples=10)
    @given(workloads())
    def agree(workload: Workload) -> None:
        assert_ledger_equals_grid(catalog, workload)

    agree()


def test_one_grid_prices_many_workloads_as_a_new_one_would() -> None:
    catalog = load_catalog("2026-11")
    grid = Grid(catalog, as_of=DAY)
    lengths = (1_000, 199_999, 200_000, 200_001, 272_000, 272_001, 1_000)
    for workload in (Workload(input_tokens=n, same_text=text) for n in lengths for text in (False, True)):
        kept, fresh = grid.price(workload).total, Grid(catalog, as_of=DAY).price(workload).total
        np.testing.assert_array_equal(kept, fresh)


def test_a_scaled_prompt_that_just_reaches_a_tier_is_not_pushed_over_it_by_float_noise() -> None:
    # 100,000 tokens of text are 110,000 of this tokenizer; in binary 100000 * 1.1 is 110000.00000000001.
    dear = Tier(above=110_000, rates=ModeRates(standard=Rates(input=Decimal(10), output=Decimal(10))))
    base = ModeRates(standard=Rates(input=Decimal(1), output=Decimal(1)))
    made = Endpoint(
        id="made/one", model="model-1.1", provider="made", prices=(PriceList(rates=base, tiers=(dear,), evidence=SAID),)
    )
    workload = Workload(requests=1, input_tokens=100_000, output_tokens=0, same_text=True)
    assert total_of(made, workload) == Decimal("0.11")
    assert_ledger_equals_grid(catalog_of(made), workload)


# --- Dearer is dearer ------------------------------------------------------------------------------------------------


@often
@given(endpoints(any_price), workloads(), st.sampled_from(["output_tokens", "reasoning_tokens"]), st.integers(1, 9_999))
def test_a_longer_answer_never_costs_less(endpoint: Endpoint, workload: Workload, name: str, more: int) -> None:
    # The answer chooses no tier, so this holds without condition.
    before = priced(endpoint, workload)
    after = total_of(endpoint, workload.change(**{name: getattr(workload, name) + more}))
    assert after is not None and after >= before


@often
@given(endpoints(any_price), workloads(), st.integers(1, 50_000))
def test_more_uncached_input_never_costs_less_within_a_tier(endpoint: Endpoint, workload: Workload, more: int) -> None:
    # The prefix stays as it is. Over a boundary it may cost less: a tier applies to the whole request, and nothing
    # keeps a provider from publishing a cheaper one.
    fixed = workload.change(cacheable_tokens=workload.prefix_tokens, same_text=False)
    longer = fixed.change(input_tokens=fixed.input_tokens + more)
    for price in endpoint.prices:
        assume(tier_for(price, fixed.input_tokens) == tier_for(price, longer.input_tokens))
    before = priced(endpoint, fixed)
    after = total_of(endpoint, longer)
    assert after is not None and after >= before


def _raise(holder: Any, path: tuple[str | int, ...], by: Decimal) -> Any:
    """`holder` with the rate at `path` raised by `by`."""
    head, *rest = path
    if isinstance(head, int):
        return tuple(_raise(part, tuple(rest), by) if i == head else part for i, part in enumerate(holder))
    old = getattr(holder, head)
    return dataclasses.replace(holder, **{head: _raise(old, tuple(rest), by) if rest else old + by})


def _published(holder: Any) -> list[tuple[str | int, ...]]:
    """The path of every rate that is published somewhere in a price list."""
    if isinstance(holder, Decimal):
        return [()]
    if isinstance(holder, tuple):
        return [(i, *path) for i, part in enumerate(holder) for path in _published(part)]
    if isinstance(holder, PriceList | ModeRates | Rates | Tier | OffPeak):
        fields = dataclasses.fields(holder)
        return [(f.name, *path) for f in fields for path in _published(getattr(holder, f.name))]
    return []


@often
@given(endpoints(sound), workloads(), a_rate.filter(bool), st.data())
def test_raising_any_published_rate_never_lowers_a_bill(
    endpoint: Endpoint, workload: Workload, by: Decimal, data: st.DataObject
) -> None:
    # Holds for every rate there is: a missing class takes another's rate (which can only rise along), and a cache read
    # is capped at the input rate, so that a dearer read may change nothing. Publishing a rate that was missing is no
    # raise: it may well be cheaper than what stood in for it.
    assume(endpoint.prices)
    (price,) = endpoint.prices
    path = data.draw(st.sampled_from(_published(price)))
    raised = dataclasses.replace(endpoint, prices=(_raise(price, path, by),))
    before = priced(endpoint, workload)
    after = total_of(raised, workload)
    assert after is not None and after >= before, path


@often
@given(endpoints(sound), workloads())
def test_a_cached_token_is_never_dearer_than_an_uncached_one_of_the_same_mode(
    endpoint: Endpoint, workload: Workload
) -> None:
    for price in endpoint.prices:
        for shipment in shipments(workload, price):
            found = terms(
                price, shipment.mode, workload.input_tokens, workload.cache_ttl, off_peak=shipment.off_peak
            )  # fmt: skip
            assert found is None or found.cache_read is None or found.cache_read.rate <= found.input.rate


def _batch_at_most_list(modes: ModeRates, factors: dict[str, Decimal | None]) -> ModeRates:
    """The same rates with a batch price for some of the classes that standard has: a share of it, up to all of it."""
    if modes.standard is None:
        return dataclasses.replace(modes, batch=None)
    cut = {
        n: f * rate for n, f in factors.items() if f is not None and (rate := getattr(modes.standard, n)) is not None
    }
    return dataclasses.replace(modes, batch=Rates(**cut))


@often
@given(
    endpoints(sound),
    workloads(),
    st.fixed_dictionaries(
        {n: sometimes_none(st.sampled_from([Decimal("0.5"), Decimal("0.75"), Decimal(1)])) for n in CLASS_NAMES}
    ),
)
def test_a_batch_is_never_dearer_than_list_where_no_batch_rate_is_above_the_standard_one(
    endpoint: Endpoint, workload: Workload, factors: dict[str, Decimal | None]
) -> None:
    cut = tuple(
        dataclasses.replace(
            p,
            rates=_batch_at_most_list(p.rates, factors),
            tiers=tuple(dataclasses.replace(t, rates=_batch_at_most_list(t.rates, factors)) for t in p.tiers),
        )
        for p in endpoint.prices
    )
    made = dataclasses.replace(endpoint, prices=cut)
    listed = workload.change(batch_share=0.0, mode="standard", off_peak_share=0.0)
    at_list = priced(made, listed)
    waited = total_of(made, listed.change(batch_share=1.0))
    assert waited is not None and waited <= at_list


# --- Nothing twice, nothing left out ---------------------------------------------------------------------------------


@often
@given(endpoints(sound), workloads())
def test_the_classes_of_one_request_are_its_prompt_and_its_answer(endpoint: Endpoint, workload: Workload) -> None:
    for cacheable in (False, True):
        one = request(endpoint, workload, Decimal(1), cacheable=cacheable)
        assert one.input + one.cache_read + one.cache_write == workload.input_tokens
        assert [int(one.output), int(one.reasoning)] == [workload.output_tokens, workload.reasoning_tokens]
        assert min(one.input, one.cache_read, one.cache_write) >= 0
        if not (cacheable and caches(endpoint, workload)):
            assert one.cache_read == one.cache_write == 0


@often
@given(endpoints(sound), workloads())
def test_every_token_of_every_attempt_is_billed_exactly_once(endpoint: Endpoint, workload: Workload) -> None:
    catalog = catalog_of(endpoint)
    bill = ledger(endpoint, workload, catalog, as_of=DAY)
    assume(bill.unpriced is None)
    tokenizer = catalog.model(endpoint.model).tokenizer
    scale = tokenizer.factor if tokenizer and workload.same_text else Decimal(1)
    one = (workload.input_tokens + workload.output_tokens + workload.reasoning_tokens) * scale
    attempts = workload.requests * (1 + Decimal(str(workload.retry_rate)))
    billed = sum(line.quantity for line in bill.lines if line.unit == "tokens")
    assert abs(billed - one * attempts) <= one * attempts * Decimal("1e-24")  # the last digits of 28


@often
@given(endpoints(sound), workloads())
def test_the_lines_of_a_bill_say_the_multiplication_they_are(endpoint: Endpoint, workload: Workload) -> None:
    for line in ledger(endpoint, workload, catalog_of(endpoint), as_of=DAY).lines:
        million = 1_000_000 if line.per.startswith("1M") else 1
        assert line.usd == line.quantity * line.rate * line.uplift / million
        assert line.token_class in CLASSES
        assert line.rule


@often
@given(any_price, workloads())
def test_the_shares_of_the_traffic_sum_to_all_of_it(price: PriceList, workload: Workload) -> None:
    sent = list(shipments(workload, price))
    assert sum(s.share for s in sent) == 1
    assert all(s.share > 0 for s in sent)
    assert len({s.name for s in sent}) == len(sent) or workload.mode == "batch"

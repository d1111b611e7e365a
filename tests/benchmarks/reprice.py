"""A whole catalog repriced for a workload it has not seen, beside the packages that price a row at a time.

Both price the same rows: those that the peer has a price for, once each, and ours are the same rows in a `Grid`. That
the two also say the same is counted, so that what is compared is the same work.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
from collections.abc import Callable, Mapping
from datetime import date

import numpy as np

from llmlab.catalog import Catalog, load_catalog
from llmlab.cost import Grid, Workload

from .rows import Measure, Row, in_turn, measure

OURS_PER_PEER = 20  # one pass of a peer is hundreds of ours
ROUNDS = 7
INPUT, OUTPUT = 4_000, 500
INTERACTIVE = ("github_copilot", "chatgpt")  # to price their rows LiteLLM starts a login, and waits for a person

_seeds = itertools.count(1)


def new_workload() -> Workload:
    """One that nothing has priced yet, in the price tier of the others."""
    seed = next(_seeds)
    return Workload(requests=100_000 + seed, input_tokens=INPUT + seed % 1_000, output_tokens=OUTPUT + seed % 97)


def rows() -> list[Row]:
    grid = Grid(load_catalog("litellm"))
    unseen = [measure(_each(lambda: grid.price(new_workload()), 300))]
    found = [_whole(grid, unseen[0]), _first(grid.catalog), _bare(grid)]
    found += _beside_litellm(grid.catalog)
    found += _beside_genai_prices()
    return found


def _each(job: Callable[[], object], times: int) -> list[float]:
    job()  # rates are compiled on first use
    return in_turn({"": job}, rounds=times)[""]


def _whole(grid: Grid, ours: Measure) -> Row:
    return Row(job=f"reprice all {len(grid.catalog.endpoints):,} rows of litellm", ours=ours, wanted=1e-3)


def _first(catalog: Catalog) -> Row:
    """The first workload in another price tier, mode or cache lifetime compiles its rates."""
    grids = [Grid(catalog) for _ in range(9)]
    seconds = in_turn({"": lambda: grids.pop().price(new_workload())}, rounds=len(grids))[""]
    return Row(job="the same, first use of a tier or mode", ours=measure(seconds))


def _bare(grid: Grid) -> Row:
    """The least it could take: two multiplications and a sum, in numpy, without caching, modes, uplifts or fees."""
    million = grid.price(Workload(requests=1, input_tokens=1_000_000, output_tokens=0))
    rate_in = np.nan_to_num(million.input)
    rate_out = np.nan_to_num(grid.price(Workload(requests=1, input_tokens=0, output_tokens=1_000_000)).output)

    def bare() -> None:
        w = new_workload()
        _ = (rate_in * w.input_tokens + rate_out * w.output_tokens) * (w.requests / 1e6)

    seconds = in_turn({"ours": lambda: grid.price(new_workload()), "bare": bare}, rounds=300)
    return Row(
        job="the same beside the bare formula", ours=measure(seconds["ours"]), peer="numpy, in x rate + out x rate",
        theirs=measure(seconds["bare"]),
    )  # fmt: skip


def _compared(
    job: str, peer: str, catalog: Catalog, prices: Mapping[str, float], their_pass: Callable[[], object], limit: float
) -> list[Row]:
    """A pass over the rows the peer has a price for, ours and theirs, and the same for one row."""
    grid = Grid(catalog.where(lambda e: e.id in prices))
    ids = [e.id for e in grid.catalog.endpoints]
    ours = grid.price(Workload(requests=1, input_tokens=INPUT, output_tokens=OUTPUT)).total
    same = int(np.isclose(ours, [prices[id] for id in ids], rtol=1e-9, atol=0).sum())

    def our_passes() -> None:
        for _ in range(OURS_PER_PEER):
            grid.price(new_workload())

    seconds = in_turn({"ours": our_passes, "theirs": their_pass}, rounds=ROUNDS)
    mine, theirs = measure(seconds["ours"], times=1 / OURS_PER_PEER), measure(seconds["theirs"])
    note = f"{same:,} of {len(ids):,} totals are the same; the rest are off-peak, or rows that only the peer prices"
    return [
        Row(job=f"{job}, {len(ids):,} rows", ours=mine, peer=peer, theirs=theirs, limit=limit, note=note),
        Row(
            job=f"{job}, per row", peer=peer, ours=measure(seconds["ours"], times=1 / OURS_PER_PEER / len(ids)),
            theirs=measure(seconds["theirs"], times=1 / len(prices)),
        ),
    ]  # fmt: skip


def _beside_litellm(catalog: Catalog) -> list[Row]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    try:
        import litellm
    except ImportError:
        return [_skipped("litellm")]
    litellm.suppress_debug_info = True
    known = {e.id for e in catalog.endpoints}
    candidates = [
        name
        for name, row in litellm.model_cost.items()
        if name in known
        and row.get("mode") == "chat"
        and (row.get("input_cost_per_token") or 0) > 0
        and not name.startswith(INTERACTIVE)
        and row.get("litellm_provider") not in INTERACTIVE
    ]

    def price(name: str, w: Workload) -> float:
        each = litellm.cost_per_token(model=name, prompt_tokens=w.input_tokens, completion_tokens=w.output_tokens)
        return float(sum(each))

    usual = Workload(input_tokens=INPUT, output_tokens=OUTPUT)
    prices: dict[str, float] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in candidates:
            with contextlib.suppress(Exception):  # it refuses some of its own rows; only what it prices is timed
                prices[name] = price(name, usual)

    def their_pass() -> None:
        w = new_workload()
        for name in prices:
            price(name, w)

    return _compared("reprice", "litellm.cost_per_token", catalog, prices, their_pass, 1 / 500)


def _beside_genai_prices() -> list[Row]:
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return [_skipped("genai-prices")]
    catalog = load_catalog("genai-prices")

    def price(id: str, w: Workload) -> float:
        provider, _, model = id.partition("/")
        usage = Usage(input_tokens=w.input_tokens, output_tokens=w.output_tokens)
        return float(calc_price(usage, model, provider_id=provider).total_price)

    usual = Workload(input_tokens=INPUT, output_tokens=OUTPUT)
    prices: dict[str, float] = {}
    for endpoint in catalog.endpoints:
        if (in_force := endpoint.price_on(date.today())) and in_force.priced:
            with contextlib.suppress(LookupError, ValueError):
                prices[endpoint.id] = price(endpoint.id, usual)

    def their_pass() -> None:
        w = new_workload()
        for id in prices:
            price(id, w)

    return _compared("reprice", "genai_prices.calc_price", catalog, prices, their_pass, 1 / 50)


def _skipped(package: str) -> Row:
    return Row(job=f"beside {package}: skipped, not installed", ours=measure([float("nan")]))

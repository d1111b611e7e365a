"""Catalogs made up for searching: every attribute that a constraint asks about, known or not, in every mix."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from llmlab.catalog import Catalog, Endpoint, Evidence, Latency, MeasuredLatency, Model, PriceList, Provider, Rates
from llmlab.catalog.records import Bucket, Host, ModeRates, Percentiles, Residency, Scope
from llmlab.cost import Workload
from llmlab.routing import Constraints, Ecosystem, LatencySla, Quality

DAY = date(2026, 11, 23)
SAID = Evidence(source="made up", checked_on=DAY)
MAKERS = ("Ann", "Bob", "Cy (open)", "Cy", "Dee", "unknown")
PROVIDERS = (
    Provider(id="ann", name="Ann"),
    Provider(id="bob", name="Bob"),
    Provider(id="bedrock", name="Bedrock", host="bedrock"),
    Provider(id="azure", name="Azure", host="azure"),
    Provider(id="vertex_ai", name="Vertex", host="vertex"),
    Provider(id="vllm", name="vLLM", host="self_host"),
)
STRENGTHS = ("code", "Long-doc reasoning, agentic tool use", "Largest context", "math", "strong multilingual")
SCOPES: tuple[Scope, ...] = ("unknown", "global", "eu", "us")
REGIONS = {"eu": ("eu-central-1", "eu-west-1"), "us": ("us-east-1", "us-west-2")}


class Maker:
    """Makes endpoints with a `random.Random`, so that hypothesis can shrink a seed and a benchmark can fix one."""

    def __init__(
        self, rng: random.Random, *, boxes: float = 0.1, odd: float = 0.1, providers: Sequence[Provider] = PROVIDERS
    ) -> None:
        # `odd` is how often a fact is unknown, or one that excludes.
        self.rng, self.boxes, self.odd, self.providers = rng, boxes, odd, providers

    def oddly(self) -> bool:
        return self.rng.random() < self.odd

    def catalog(self, count: int, makers: Sequence[str] = MAKERS) -> Catalog:
        """`count` endpoints of half as many models."""
        models = tuple(self.model(i, makers) for i in range(max(2, count // 2)))
        endpoints = tuple(self.endpoint(i, self.rng.choice(models)) for i in range(count))
        return Catalog(
            name="made", title="Made", as_of=DAY, models=models, providers=tuple(self.providers), endpoints=endpoints
        )

    def model(self, i: int, makers: Sequence[str]) -> Model:
        buckets: tuple[Bucket | None, ...] = ("frontier_closed", "frontier_open", "small_fast")
        return Model(
            id=f"m{i}",
            name=f"M{i}",
            maker=self.rng.choice(makers),
            bucket=None if self.oddly() else self.rng.choice(buckets),
            context_tokens=None if self.oddly() else self.rng.choice((128_000, 1_000_000)),
            strengths=() if self.oddly() else tuple(self.rng.sample(STRENGTHS, self.rng.randint(1, 4))),
            modalities=()
            if self.oddly()
            else self.rng.choice((("text",), ("text", "image"), ("text", "image", "video"))),
            open_weights=None if self.oddly() else self.rng.random() < 0.6,
            evidence=SAID,
        )

    def endpoint(self, i: int, model: Model) -> Endpoint:
        rng, provider = self.rng, self.rng.choice(self.providers)
        scope: Scope = "own-network" if provider.host == "self_host" else rng.choice(SCOPES)
        regions = REGIONS.get(scope, ())[: rng.randint(0, 2)]
        processed = regions if regions and rng.random() < 0.5 else ()
        retires = rng.choice((-10, 30)) if self.oddly() else rng.choice((91, 400))
        return Endpoint(
            id=f"{provider.id}/e{i}",
            model=model.id,
            provider=provider.id,
            task="embedding" if self.oddly() and rng.random() < 0.3 else "text",
            regions=regions,
            residency=Residency(scope=scope, processed_in=processed),
            max_input_tokens=3_000 if self.oddly() else rng.choice((None, 100_000, 200_000, 1_000_000)),
            prices=() if self.oddly() else (self.price(),),
            uplifts={scope: Decimal("1.1")} if scope in REGIONS and rng.random() < 0.3 else {},
            latency=None if self.oddly() else self.latency(),
            measured=self.measured() if rng.random() < 0.5 else None,
            retires_on=DAY + timedelta(days=retires) if rng.random() < 0.5 else None,
        )

    def price(self) -> PriceList:
        rates = [Decimal(self.rng.choice(("0.1", "0.5", "1", "1.25", "3", "5"))) for _ in range(2)]
        cached = rates[0] / 10 if self.rng.random() < 0.5 else None
        box = Decimal(self.rng.choice(("0.2", "1", "4"))) if self.rng.random() < self.boxes else None
        standard = Rates(input=rates[0], output=rates[1] * 4, cache_read=cached)
        only_box = box is not None and self.rng.random() < 0.5
        modes = ModeRates() if only_box else ModeRates(standard=standard)
        return PriceList(rates=modes, reserved_usd_per_hour=box, evidence=SAID)

    def latency(self) -> Latency:
        ttft = Decimal(self.rng.choice(("0.1", "0.4", "0.9", "2.5")))
        return Latency(ttft_s=ttft, output_tokens_per_s=Decimal(self.rng.choice((50, 200))), evidence=SAID)

    def measured(self) -> MeasuredLatency:
        base = Decimal(self.rng.choice(("0.2", "0.5", "1")))
        tails = (None, None) if self.oddly() else (base * 2, base * 10)
        return MeasuredLatency(
            measured_on=DAY, simulated=self.oddly(), n=100, path="litellm", output_tokens=500,
            ttft_s=Percentiles(n=100, p50=base, p95=tails[0]), e2e_s=Percentiles(n=100, p50=base * 5, p95=tails[1]),
            itl_s=Percentiles(n=100, p50=Decimal("0.01"), p95=Decimal("0.02")),
        )  # fmt: skip


def many(count: int, seed: int = 7) -> Catalog:
    """A catalog of `count` endpoints with full attributes, of 40 makers at 60 providers."""
    hosts: tuple[Host, ...] = ("native", "bedrock", "azure", "vertex", "self_host")
    providers = [Provider(id=f"p{i}", name=f"P{i}", host=hosts[max(0, i - 55)]) for i in range(60)]
    rng = random.Random(seed)
    catalog = Maker(rng, boxes=0.02, odd=0.05, providers=providers).catalog(count, [f"Maker {i}" for i in range(40)])
    exact = (
        dataclasses.replace(e, prices=tuple(_jittered(p, rng) for p in e.prices), max_input_tokens=200_000)
        for e in catalog
    )
    return dataclasses.replace(catalog, endpoints=tuple(exact))


def _jittered(price: PriceList, rng: random.Random) -> PriceList:
    standard = price.rates.standard
    if standard is None or standard.input is None:
        return price
    factor = Decimal(rng.randint(800, 1_200)) / 1_000
    rates = dataclasses.replace(standard, input=standard.input * factor)
    return dataclasses.replace(price, rates=ModeRates(standard=rates))


# --- For hypothesis


@st.composite
def catalogs(draw: st.DrawFn, most: int = 14) -> Catalog:
    """A small catalog: few makers and hosts, so that rules between endpoints bind."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    providers = draw(st.lists(st.sampled_from(PROVIDERS), min_size=2, max_size=6, unique=True).map(tuple))
    made = Maker(
        rng, boxes=draw(st.sampled_from([0.0, 0.4])), odd=draw(st.sampled_from([0.0, 0.2])), providers=providers
    )
    return dataclasses.replace(made.catalog(draw(st.integers(most - most // 4, most))), providers=PROVIDERS)


ASKED = (
    "residency",
    "ttft",
    "total",
    "p95",
    "worst",
    "ceiling",
    "hard",
    "scores",
    "providers",
    "audit",
    "open",
    "offline",
)


@st.composite
def constraints(draw: st.DrawFn) -> Constraints:
    """Up to three constraints, of any mix."""
    asked = draw(st.lists(st.sampled_from(ASKED), max_size=3, unique=True).map(frozenset))

    def given(name: str, values: Sequence[Any]) -> Any:
        return draw(st.sampled_from(values)) if name in asked else None

    offline = "offline" in asked
    scored = "scores" in asked
    return Constraints(
        residency=given("residency", ["eu", "us", "eu-central-1", "own-network"]),
        latency=LatencySla()
        if offline
        else LatencySla(
            ttft_s=given("ttft", [0.4, 1.0, 3.0]),
            total_s=given("total", [4.0, 11.0, 20.0]),
            percentile="p95" if "p95" in asked else "p50",
        ),
        worst_case_s=given("worst", [1.5, 4.0, 12.0]),
        max_usd_per_request=given("ceiling", [Decimal("0.005"), Decimal("0.02"), Decimal("0.1")]),
        quality=Quality(
            hard_kinds=(given("hard", ["code", "math", "vision"]),) if "hard" in asked else (),
            hard_share=draw(st.sampled_from([0.0, 0.05, 0.5])),
            easy_share=draw(st.sampled_from([0.0, 0.3])),
            hard_input_tokens=draw(st.sampled_from([None, 60_000])),
            scores={f"m{i}": draw(st.sampled_from([0.2, 0.5, 0.9])) for i in range(7)} if scored else {},
            least={t: draw(st.sampled_from([0.3, 0.6])) for t in ("mid", "smart")} if scored else {},
        ),
        ecosystem=Ecosystem(
            clouds=given("providers", [("aws", "azure"), ("aws", "azure", "gcp")]) or (),
            vendors=draw(st.sampled_from([(), ("ann", "vllm")])) if "providers" in asked else (),
            one_audit_surface="audit" in asked,
            open_weights_only="open" in asked,
        ),
        offline=offline,
    )


workloads = st.builds(
    Workload,
    requests=st.sampled_from([100, 100_000]),
    input_tokens=st.sampled_from([1_000, 4_000]),
    output_tokens=st.sampled_from([100, 500]),
    cache_hit_rate=st.sampled_from([0.0, 0.5]),
)


def relaxed(c: Constraints) -> list[tuple[str, Constraints]]:
    """Constraints that each ask a little less."""
    ways: list[tuple[str, Constraints]] = []

    def way(name: str, **fields: object) -> None:
        ways.append((name, dataclasses.replace(c, **fields)))  # type: ignore[arg-type]

    if c.residency is not None:
        way("residency", residency=None)
    if c.residency == "eu-central-1":
        way("region to area", residency="eu")
    for bound in ("ttft_s", "total_s"):
        value = getattr(c.latency, bound)
        for wider in (None, value * 3) if value is not None else ():
            way(bound, latency=dataclasses.replace(c.latency, **{bound: wider}))  # type: ignore[arg-type]
    if c.latency.percentile == "p95":
        way("percentile", latency=dataclasses.replace(c.latency, percentile="p50"))
    for wait in (None, c.worst_case_s * 3) if c.worst_case_s is not None else ():
        way("worst case", worst_case_s=wait)
    for most in (None, c.max_usd_per_request * 3) if c.max_usd_per_request is not None else ():
        way("ceiling", max_usd_per_request=most)
    if c.quality.hard_kinds and not c.quality.scores:
        way("hard kinds", quality=dataclasses.replace(c.quality, hard_kinds=()))
    if c.quality.least:
        lower = {tier: least - 0.2 for tier, least in c.quality.least.items()}
        way("scores", quality=dataclasses.replace(c.quality, least=lower))
        way("no scores asked", quality=dataclasses.replace(c.quality, least={}))
    eco = c.ecosystem
    if eco.clouds or eco.vendors:
        way("any provider", ecosystem=dataclasses.replace(eco, clouds=(), vendors=()))
        way("a vendor more", ecosystem=dataclasses.replace(eco, vendors=(*eco.vendors, "vertex_ai")))
    for flag in ("one_audit_surface", "open_weights_only"):
        if getattr(eco, flag):
            way(flag, ecosystem=dataclasses.replace(eco, **{flag: False}))  # type: ignore[arg-type]
    return ways

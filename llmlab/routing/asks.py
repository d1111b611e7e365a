"""Constraints as a list of single asks, each compared with every endpoint: meets it, does not, or nobody says.

What is unknown does not meet an ask. An ask holds for a tier at the size of the requests that the tier gets; smart and
backup, which others may fall back on, also at the ordinary size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..catalog.records import MODES
from ..cost.billing import price_list
from ..cost.grid import Floats
from ..cost.ledger import tokenizer_scale, unpriced_reason
from ..errors import UnknownNameError
from . import words
from .constraints import TIERS, Constraints, Ecosystem, TierName
from .facts import NO, UNKNOWN, YES, Bools, Facts, States
from .loads import Load, loads
from .tree import tree

CLOUD_NAMES = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
HOST_OF = {"aws": "bedrock", "azure": "azure", "gcp": "vertex"}
_ROUNDING = 1 + 1e-9  # the ledger's $0.0195 may be the grid's 0.019500000000000003


@dataclass(frozen=True)
class Ask:
    """One thing that is asked, at a `node` of the tree. `given_up` is what the constraints are without it, `None` for
    what no constraint asked. `why(i)` says in words why endpoint `i` does not meet it."""

    name: str
    node: str
    words: str
    states: Mapping[TierName, States]
    why: Callable[[int, TierName], str]
    given_up: Constraints | None = None


def asks(constraints: Constraints, facts: Facts) -> list[Ask]:
    """Everything that is asked, in the order of the tree."""
    sent = loads(constraints, facts.workload)
    return [
        _alive(facts),
        _fits(facts, sent),
        *_residency(constraints, facts),
        *_latency(constraints, facts, sent),
        *_ceiling(constraints, facts),
        *_quality(constraints, facts),
        *_ecosystem(constraints, facts),
    ]


def eligible(asked: list[Ask], count: int) -> dict[TierName, Bools]:
    """Which endpoints each tier may be drawn from."""
    found = {tier: np.ones(count, dtype=bool) for tier in TIERS}
    for ask in asked:
        for tier in TIERS:
            found[tier] &= ask.states[tier] == YES
    return found


def _everywhere(states: States) -> Mapping[TierName, States]:
    return dict.fromkeys(TIERS, states)


def _sized(ordinary: States, hard: States) -> Mapping[TierName, States]:
    # Smart and backup answer hard requests, and ordinary ones of a tier that is out.
    both = np.where((ordinary == NO) | (hard == NO), NO, np.minimum(ordinary, hard)).astype(np.int8)
    return {"cheap": ordinary, "mid": ordinary, "smart": both, "backup": both}


# --- What no constraint has to say


def _alive(facts: Facts) -> Ask:
    states = facts.once(
        "alive",
        lambda: np.array(
            [e.task == "text" and s == "live" for e, s in zip(facts.endpoints, facts.statuses, strict=True)],
            dtype=np.int8,
        ),
    )

    def why(i: int, _: TierName) -> str:
        endpoint = facts.endpoints[i]
        if endpoint.task != "text":
            return f"it makes no text: {endpoint.task.replace('_', ' ')}"
        if facts.statuses[i] == "retired":
            return f"it was retired on {endpoint.retires_on}"
        return f"it retires on {endpoint.retires_on}, within 90 days"

    return Ask("alive", "alive", "text, and live for 90 days more", _everywhere(states), why)


def _fits(facts: Facts, sent: Mapping[TierName, Load]) -> Ask:
    ordinary = facts.fits(sent["mid"])
    hard = facts.fits(sent["smart"]) if sent["smart"].workload != sent["mid"].workload else ordinary
    states = _sized(ordinary, hard)

    def why(i: int, tier: TierName) -> str:
        if facts.windows[i] is None:
            return "its window is unknown"
        w = _failing(i, tier, sent, {"mid": ordinary, "smart": hard}).workload
        scale = tokenizer_scale(facts.endpoints[i], w, facts.catalog)[0]
        if w.input_tokens * scale > (facts.windows[i] or 0):
            return f"a prompt of {w.input_tokens * scale:,.0f} tokens is over its window of {facts.windows[i]:,}"
        limit = facts.endpoints[i].max_output_tokens or facts.models[i].max_output_tokens
        return (
            f"an answer of {(w.output_tokens + w.reasoning_tokens) * scale:,.0f} tokens is over its limit of {limit:,}"
        )

    size = sent["smart"].workload.input_tokens
    return Ask("fits", "fits", f"takes {sent['mid'].workload.input_tokens:,} tokens ({size:,} when hard)", states, why)


def _failing(i: int, tier: TierName, sent: Mapping[TierName, Load], states: Mapping[TierName, States]) -> Load:
    """Of the sizes that a tier gets, the one that endpoint `i` does not take."""
    ordinary = tier in ("cheap", "mid") or states["mid"][i] != YES
    return sent["mid"] if ordinary else sent["smart"]


# --- What the constraints say


def _residency(constraints: Constraints, facts: Facts) -> Iterator[Ask]:
    for place in facts.places(constraints):
        states, reasons = facts.stays(place)
        asked = place == constraints.residency
        yield Ask(
            "residency" if asked else "region",
            "residency",
            f"data stays in {place}",
            _everywhere(states),
            lambda i, _, reasons=reasons: reasons[i],  # type: ignore[misc]  # bound here, not at the end of the loop
            dataclasses.replace(constraints, residency=None) if asked else None,
        )


def _latency(constraints: Constraints, facts: Facts, sent: Mapping[TierName, Load]) -> Iterator[Ask]:
    sla, at = constraints.latency, constraints.latency.percentile
    ordinary, hard = facts.waits(sent["mid"], at), facts.waits(sent["smart"], at)
    for which, (field, name, bound) in enumerate((("ttft_s", "TTFT", sla.ttft_s), ("total_s", "answer", sla.total_s))):
        if bound is None:
            continue
        states = _sized(_within(ordinary[which], bound), _within(hard[which], bound))

        def why(i: int, tier: TierName, which: int = which, name: str = name, bound: float = bound) -> str:
            found = ordinary[which][i] if tier in ("cheap", "mid") else max(ordinary[which][i], hard[which][i])
            if np.isnan(found):
                return f"nobody measured or published its {name} at {at}"
            return f"its {name} of {words.seconds(found)} at {at} is over {words.seconds(bound)}"

        without = dataclasses.replace(sla, **{field: None})  # type: ignore[arg-type]  # one of the two bounds
        yield Ask(
            "ttft" if which == 0 else "total", "latency", f"{name} within {words.seconds(bound)} at {at}", states, why,
            dataclasses.replace(constraints, latency=without),
        )  # fmt: skip
    if (most := constraints.worst_case_s) is not None:
        whole = sla.total_s is not None
        need, hard_need = facts.needs(sent["mid"], whole=whole), facts.needs(sent["smart"], whole=whole)
        # What takes longer alone than the whole chain may, fits in no chain.
        yield Ask(
            "worst_case", "latency", f"a caller waits {words.seconds(most)} at worst",
            _sized((need <= most).astype(np.int8), (hard_need <= most).astype(np.int8)),
            lambda i, _: f"it needs a timeout of {words.seconds(max(need[i], hard_need[i]))}, over the worst case",
            dataclasses.replace(constraints, worst_case_s=None),
        )  # fmt: skip


def _within(seconds: Floats, bound: float) -> States:
    return np.where(np.isnan(seconds), UNKNOWN, seconds <= bound * _ROUNDING).astype(np.int8)


def _ceiling(constraints: Constraints, facts: Facts) -> Iterator[Ask]:
    ceiling = constraints.max_usd_per_request
    if ceiling is None:
        return
    billed = facts.dollars(constraints)
    ordinary, hard = billed["mid"].per_request, billed["smart"].per_request
    most = float(ceiling) * _ROUNDING
    under = {
        "mid": np.where(np.isnan(ordinary), UNKNOWN, ordinary <= most).astype(np.int8),
        "smart": np.where(np.isnan(hard), UNKNOWN, hard <= most).astype(np.int8),
    }

    def why(i: int, tier: TierName) -> str:
        usd = ordinary[i] if tier in ("cheap", "mid") else max(ordinary[i], hard[i])
        if np.isnan(usd):
            return f"it is unpriced: {unpriced(facts, constraints, i)}"
        return f"{words.dollars(usd)} per request is over {words.dollars(ceiling)}"

    yield Ask(
        "ceiling", "cost", f"at most {words.dollars(ceiling)} per request", _sized(under["mid"], under["smart"]), why,
        dataclasses.replace(constraints, max_usd_per_request=None),
    )  # fmt: skip


def unpriced(facts: Facts, constraints: Constraints, i: int) -> str:
    """Why an endpoint has no price for this workload."""
    endpoint, w = facts.endpoints[i], loads(constraints, facts.workload)["mid"].workload
    reason = tokenizer_scale(endpoint, w, facts.catalog)[1]
    reason = reason or unpriced_reason(endpoint, price_list(endpoint, facts.as_of), w)
    return reason or f"no {w.mode if w.mode in MODES else 'such'} price published"


def _quality(constraints: Constraints, facts: Facts) -> Iterator[Ask]:
    if constraints.quality.scores:
        yield from _scores(constraints, facts)
        return
    yield from _buckets(constraints, facts)
    for kind in constraints.quality.hard_kinds:
        kinds = tuple(k for k in constraints.quality.hard_kinds if k != kind)
        fine = np.ones(len(facts), dtype=np.int8)
        states = facts.kind(kind)
        name = kind.replace("_", " ")
        yield Ask(
            f"hard:{kind}", "hard", f"smart and backup are for {name}",
            {"cheap": fine, "mid": fine, "smart": states, "backup": states},
            lambda i, _, states=states, name=name: (  # type: ignore[misc]
                f"nobody says that its model is for {name}" if states[i] == UNKNOWN
                else f"{name} is not among the strengths of its model"
            ),
            dataclasses.replace(constraints, quality=dataclasses.replace(constraints.quality, hard_kinds=kinds)),
        )  # fmt: skip


def _buckets(constraints: Constraints, facts: Facts) -> Iterator[Ask]:
    """A tier at a time: the class that the lit leaf names."""
    fine = np.ones(len(facts), dtype=np.int8)
    for tiers, node in ((("cheap",), "easy"), (("mid",), "bulk"), (("smart", "backup"), "hard")):
        kind = tree().tier_class(tiers[0], constraints, facts.workload)  # type: ignore[arg-type]  # a tuple of tier names
        if kind is None:
            continue
        states = facts.drawn(kind)

        def why(i: int, _: TierName, title: str = kind.title) -> str:
            if facts.models[i].bucket is None:
                return "nobody says which bucket its model is in"
            return f"{facts.models[i].name} is not in {title}"

        yield Ask(
            f"bucket:{tiers[0]}", node, f"{words.listed(tiers)} from {kind.title}",
            {tier: states if tier in tiers else fine for tier in TIERS}, why,
        )  # fmt: skip


def _scores(constraints: Constraints, facts: Facts) -> Iterator[Ask]:
    quality = constraints.quality
    fine = np.ones(len(facts), dtype=np.int8)
    score = scores(constraints, facts)
    for tier, node in (("cheap", "easy"), ("mid", "bulk"), ("smart", "hard"), ("backup", "hard")):
        if tier not in quality.least:
            continue
        least = quality.least[tier]  # type: ignore[index]  # `in` does not narrow
        states = np.where(np.isnan(score), UNKNOWN, score >= least).astype(np.int8)
        others = {name: value for name, value in quality.least.items() if name != tier}

        def why(i: int, _: TierName, least: float = least) -> str:
            return "it has no score" if np.isnan(score[i]) else f"its score of {score[i]:g} is under {least:g}"

        yield Ask(
            f"least:{tier}", node, f"{tier} scores {least:g} or more",
            {name: states if name == tier else fine for name in TIERS}, why,
            dataclasses.replace(constraints, quality=dataclasses.replace(quality, least=others)),
        )  # fmt: skip


def scores(constraints: Constraints, facts: Facts) -> Floats:
    """The user's score of each endpoint, its own or else its model's; NaN without one."""
    given = constraints.quality.scores
    return facts.once(
        "scores", lambda: np.array([given.get(e.id, given.get(e.model, np.nan)) for e in facts.endpoints], dtype=float)
    )


def _ecosystem(constraints: Constraints, facts: Facts) -> Iterator[Ask]:
    eco = constraints.ecosystem

    def without(**fields: object) -> Constraints:
        changed: Ecosystem = dataclasses.replace(eco, **fields)  # type: ignore[arg-type]
        return dataclasses.replace(constraints, ecosystem=changed)

    if eco.clouds or eco.vendors:
        names = _vendor_names(eco.vendors, facts)
        hosts = {HOST_OF[cloud] for cloud in eco.clouds}
        here = facts.once(
            ("providers", eco.clouds, eco.vendors),
            lambda: np.array([p.host in hosts or p.id in names for p in facts.providers], dtype=np.int8),
        )
        allowed = words.listed([*(CLOUD_NAMES[cloud] for cloud in eco.clouds), *eco.vendors])
        yield Ask(
            "providers", "providers", f"only {allowed}", _everywhere(here),
            lambda i, _: f"{facts.providers[i].name} is not among {allowed}", without(clouds=(), vendors=()),
        )  # fmt: skip
    if eco.one_audit_surface:
        yield Ask(
            "one_audit_surface", "audit", "all tiers behind one cloud's control plane",
            _everywhere(facts.clouds.astype(np.int8)),
            lambda i, _: f"{facts.providers[i].name} is behind no cloud's control plane",
            without(one_audit_surface=False),
        )  # fmt: skip
    for field, asked in (
        ("must_fine_tune", "weights that can be fine-tuned"),
        ("open_weights_only", "open weights only"),
    ):
        if getattr(eco, field):
            yield Ask(
                field, "weights", asked, _everywhere(facts.open_weights),
                lambda i, _: "its weights are closed" if facts.open_weights[i] == NO
                else "nobody says whether its weights are open",
                without(**{field: False}),
            )  # fmt: skip
    if eco.openai_compatible_only:
        yield Ask(
            "openai_compatible_only", "dialect", "OpenAI's chat completions only", _everywhere(facts.openai),
            lambda i, _: (
                f"{facts.models[i].name} at {facts.providers[i].name} does not speak it" if facts.openai[i] == NO
                else f"nobody says whether {facts.providers[i].name} speaks it"
            ),
            without(openai_compatible_only=False),
        )  # fmt: skip


def _vendor_names(vendors: tuple[str, ...], facts: Facts) -> set[str]:
    """The ids of the providers that are meant, by id or by name."""
    by_name = {p.name.lower(): p.id for p in facts.catalog.providers} | {
        p.id.lower(): p.id for p in facts.catalog.providers
    }
    found = set()
    for vendor in vendors:
        if vendor.lower() not in by_name:
            raise UnknownNameError("vendor", vendor, [p.id for p in facts.catalog.providers], where="ecosystem")
        found.add(by_name[vendor.lower()])
    return found

"""What the router wizard's tree, cards and tables say: values of routing in, formatted payloads out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from ..catalog import Catalog
from ..catalog.records import SCOPES, Endpoint
from ..cost import Workload, ledger
from ..cost.speed import Speed, speed
from ..report import usd
from ..routing.constraints import OWN_NETWORK
from ..routing.recommendation import Change, Recommendation, TierChoice
from ..routing.tree import Node
from ..routing.tree import tree as decision_tree
from ..routing.walk import Leaf, Standing, Step, Walk
from ..routing.words import listed, percent, seconds
from ..scenario import Scenario
from .tree import Branch, Question, Tree
from .views import Badge, Bullets, Card, Cards, Cell, Column, Definitions, Note, Paragraph, Row, Table, Text

Block = str | Paragraph | Note | Definitions | Bullets

WORKING = "Working it out."
STALE = "Being worked out anew: this was the answer before the last change."
CHOOSE = "Choose an endpoint in the list above: here it says what is known of it, and what would let it in."
HOSTS = {"bedrock": "AWS Bedrock", "azure": "Azure", "vertex": "Google Vertex AI", "self_host": "your own servers"}
KINDS = {"prior": "published prior", "measured": "measured", "simulated": "SIMULATED"}
PLACES = {
    "us": "the USA", "eu": "the EU", "uk": "the UK", "ca": "Canada", "au": "Australia", "jp": "Japan", "in": "India",
    "kr": "Korea", "sg": "Singapore", "br": "Brazil", "cn": "China", "apac": "Asia and the Pacific",
    "us-gov": "US government clouds", OWN_NETWORK: "cannot leave our network",
}  # fmt: skip
STEPS = {
    "residency": "1 Data", "latency": "2 Latency", "cost": "3 Cost", "easy": "4 Quality", "bulk": "4 Quality",
    "hard": "4 Quality", "providers": "5 Ecosystem", "audit": "5 Ecosystem", "weights": "5 Ecosystem",
    "dialect": "5 Ecosystem",
}  # fmt: skip


def residencies(catalog: Catalog) -> list[tuple[str, str]]:
    """Where data may be asked to stay: anywhere, the areas, and the regions that the catalog names."""
    areas = [scope for scope in SCOPES if scope not in ("global", "unknown")]
    regions = sorted({region for e in catalog for region in (*e.regions, *e.residency.processed_in)} - set(areas))
    return [("", "anywhere"), *((area, PLACES.get(area, area)) for area in areas), *((name, name) for name in regions)]


# --- The tree, and everybody's standing


def tree(walked: Walk, total: int, chosen: str) -> Tree:
    """Every question with all its branches: those that are taken are lit, and say what the catalog has for them."""
    steps = {step.node: step for step in walked.steps}
    questions = tuple(_question(node, steps[node.id]) for node in decision_tree().nodes)
    return Tree(questions, total=total, selected=chosen)


def _question(node: Node, step: Step) -> Question:
    leaves = {leaf.id: leaf for leaf in step.leaves}
    branches = tuple(
        Branch(branch.label, branch.label in step.answers, _leaf(leaves.get(branch.leaf or "")))
        for branch in node.branches
    )
    note = "; ".join(_notes(node, step))
    return Question(node.id, node.ask, branches, step.left, step.fell, STEPS.get(node.id, ""), note)


def _leaf(leaf: Leaf | None) -> str:
    return "" if leaf is None else f"{leaf.title}: {len(leaf.endpoints):,} left in this catalog"


def _notes(node: Node, step: Step) -> Iterator[str]:
    if node.tier is not None:
        yield f"{step.left_for[node.tier]:,} left for {node.tier}"
    elif node.id in STEPS:
        yield from step.asked
    if step.unknown:
        yield f"{step.unknown:,} fell because nobody says"


def standings(walked: Walk, node: str, chosen: str, limit: int) -> Table:
    """Who survived and who fell where; with `node`, only those who fell at that question."""
    questions = {step.node: step.ask for step in walked.steps}
    shown = [one for one in walked.standings if not node or one.fell_at == node]
    shown.sort(key=lambda one: one.fell_at is not None)
    columns = (
        Column("endpoint", "Endpoint", sortable=False),
        Column("stands", "Stands", sortable=False),
        Column("why", "Why", sortable=False),
    )
    rows = tuple(Row(one.endpoint, _standing(one, questions if not node else {}, chosen)) for one in shown[:limit])
    left = len(walked.survivors)
    caption = (
        f"Those who fell at “{questions[node]}” Choose the question again to see all."
        if node in questions
        else f"{left:,} left, {len(walked.standings) - left:,} fell. Choose a question to see who fell there, "
        "an endpoint to see what is known of it."
    )
    return Table(
        columns, rows, total_rows=len(shown), selected=chosen, caption=caption, empty="Nobody fell at this question."
    )


def _standing(one: Standing, questions: Mapping[str, str], chosen: str) -> tuple[Cell | str, ...]:
    if one.fell_at is None:
        stands = Cell(f"for {listed(one.tiers)}", badges=(Badge("left", tone="good"),))
        return (one.endpoint, stands, "; ".join(f"not {tier}: {why}" for tier, why in one.not_for.items()))
    badges = (Badge("unknown", "Nobody says: under a hard constraint that is a no.", "warn"),) if one.unknown else ()
    return (
        Cell(one.endpoint, muted=one.endpoint != chosen),
        Cell(": ".join(filter(None, ["fell", questions.get(one.fell_at, "")])), badges=badges),
        one.why,
    )


def why(
    walked: Walk,
    found: Recommendation | None,
    endpoint: Endpoint | None,
    workload: Workload,
    catalog: Catalog,
    as_of: date,
) -> Text:
    """All of one endpoint: where it stands and why, what is known of it, what would let it in."""
    if endpoint is None:
        return Text((), empty=CHOOSE)
    standing = walked.of(endpoint.id)
    blocks: list[Block] = [Paragraph(_stands(walked, standing, found), endpoint.id)]
    if standing.unknown:
        blocks.append(
            Note("Nobody says, and under a hard constraint that is a no. If you know it, say it in a file of your own.")
        )
    if standing.not_for:
        blocks.append(Bullets(tuple(f"not for {tier}: {said}" for tier, said in standing.not_for.items())))
    blocks.append(Definitions(tuple(_known(endpoint, workload, catalog, as_of))))
    lets_in = [] if found is None else [c for c in found.changes if endpoint.id in c.tiers.values()]
    if lets_in and endpoint.id not in (found.endpoints.values() if found else ()):
        blocks.append(Bullets(tuple(Cell(change.words) for change in lets_in)))
    return Text(tuple(blocks))


def _stands(walked: Walk, standing: Standing, found: Recommendation | None) -> str:
    if standing.fell_at is not None:
        asked = next(step.ask for step in walked.steps if step.node == standing.fell_at)
        return f"Fell at “{asked}” {_sentence(standing.why)}"
    taken = [tier for tier, id in found.endpoints.items() if id == standing.endpoint] if found else []
    chosen = f" It is {listed(taken)} of the set." if taken else ""
    return f"Left for {listed(standing.tiers)}.{chosen}"


def _known(endpoint: Endpoint, workload: Workload, catalog: Catalog, as_of: date) -> Iterator[tuple[str, Cell | str]]:
    bill = ledger(endpoint, workload, catalog, as_of=as_of)
    provider = catalog.provider(endpoint.provider)
    yield "Model", catalog.model(endpoint.model).name
    yield "Provider", HOSTS.get(provider.host, provider.name)
    yield "One request costs", usd(bill.usd_per_request)
    yield "Wait", _waits(speed(endpoint, workload))
    yield "Data", _residency(endpoint)


# --- The set


def tiers(found: Recommendation, *, stale: bool = False) -> Cards:
    """A card per tier, in the order in which a request meets them; without a set, what stands in its way."""
    if found.conflict is not None:
        label = f"What is asked{' (being worked out anew)' if stale else ''}"
        cards = [Card(label, "No set", _sentence(found.conflict.words), tone="bad")]
        if (nearest := found.conflict.nearest) is not None:
            costs = f"{usd(nearest.usd_per_period)} per {found.workload.period}"
            cards.append(Card("The least to give up gives one", costs, _sentence(nearest.words), tone="warn"))
        return Cards(tuple(cards))
    return Cards(tuple(_card(choice, found, stale=stale) for choice in found.tiers.values()))


def _card(choice: TierChoice, found: Recommendation, *, stale: bool) -> Card:
    label = f"{choice.tier}, {_share(choice, found)}{' (being worked out anew)' if stale else ''}"
    parts = [
        choice.endpoint.id,
        f"{usd(choice.usd_per_request)} a request",
        _waits(choice.latency),
        f"{_place(choice, found.catalog)}, {_region(choice)}",
        f"data: {_scope(choice.endpoint)}",
    ]
    return Card(label, found.catalog.model(choice.endpoint.model).name, "; ".join(parts), choice.why)


def _share(choice: TierChoice, found: Recommendation) -> str:
    if choice.share:
        return f"{percent(choice.share)} of requests"
    sources = [tier for tier, targets in found.fallbacks.items() if choice.tier in targets]
    return f"stands in for {listed(sources)}" if sources else "no share of requests"


def _place(choice: TierChoice, catalog: Catalog) -> str:
    return HOSTS.get(choice.host, catalog.provider(choice.endpoint.provider).name)


def _region(choice: TierChoice) -> str:
    return choice.region or "no region said"


def _scope(endpoint: Endpoint) -> str:
    scope = endpoint.residency.scope
    if scope == "unknown":
        return "nobody says where"
    if scope == "global":
        return "may be processed anywhere"
    return "stays in your network" if scope == OWN_NETWORK else f"stays in {PLACES.get(scope, scope)}"


def _residency(endpoint: Endpoint) -> Cell:
    """Where data stays, and who says so."""
    evidence = endpoint.residency.evidence
    if evidence is None:
        return Cell(_scope(endpoint), muted=True)
    see = evidence.see or ""
    href = see if see.startswith(("https://", "http://")) else ""
    return Cell(f"{_scope(endpoint)} ({evidence.source}, {evidence.checked_on})", href=href)


def _waits(latency: Speed) -> str:
    """First token and whole answer, and whether that is a prior, measured or SIMULATED."""
    first, whole = first_token(latency), whole_answer(latency)
    known = [f"first token {first}" if first else "", f"answer {whole}" if whole else ""]
    said = ", ".join(filter(None, known))
    return f"{said} ({KINDS[latency.kind]})" if said else "latency unknown"


def first_token(latency: Speed) -> str:
    """Empty where nobody says."""
    return (
        "" if latency.ttft_s is None else f"{'under ' if latency.ttft_is == 'under' else ''}{seconds(latency.ttft_s)}"
    )


def whole_answer(latency: Speed) -> str:
    """A published range stays one. Empty where nobody says."""
    low, high = latency.low_s, latency.high_s
    if low is None or high is None:
        return ""
    return seconds(low) if low == high else f"{seconds(low)} to {seconds(high)}"


def details(found: Recommendation, *, stale: bool = False) -> Table:
    """A row per tier: what it costs, how long it takes and on what that rests, where it is and who says so."""
    period = found.workload.period
    columns = (
        Column("tier", "Tier", sortable=False),
        Column("endpoint", "Endpoint", sortable=False),
        Column("request", "Cost", unit="per request", numeric=True, sortable=False),
        Column("period", "Cost", unit=f"per {period}", numeric=True, sortable=False),
        Column("first", "First token", numeric=True, sortable=False),
        Column("whole", "Whole answer", numeric=True, sortable=False),
        Column("rests", "Latency is", sortable=False),
        Column("where", "Called at", sortable=False),
        Column("data", "Data", sortable=False, help="Where it is processed, and who says so."),
        Column("why", "Why this one", sortable=False),
    )
    rows = tuple(Row(choice.tier, _detail(choice, found.catalog)) for choice in found.tiers.values())
    said = headline(found) if rows else ""
    return Table(columns, rows, caption=STALE if stale else said, empty="There is no set.")


def _detail(choice: TierChoice, catalog: Catalog) -> tuple[Cell | str, ...]:
    latency = choice.latency
    first, whole = first_token(latency), whole_answer(latency)
    return (
        choice.tier,
        choice.endpoint.id,
        usd(choice.usd_per_request),
        usd(choice.usd_per_period) if choice.share else "no share",
        first or Cell("unknown", muted=True),
        whole or Cell("unknown", muted=True),
        Cell(KINDS[latency.kind], latency.basis) if first or whole else "",
        f"{_place(choice, catalog)}, {_region(choice)}",
        _residency(choice.endpoint),
        choice.why,
    )


def headline(found: Recommendation) -> str:
    """The answer in a sentence."""
    if found.conflict is not None:
        return _sentence(found.conflict.words)
    cost = usd(found.usd_per_period)
    return f"The set {'is unpriced' if found.usd_per_period is None else f'costs {cost} per {found.workload.period}'}."


def moved(scenario: Scenario, catalog: Catalog) -> str:
    """What to say where a scenario's catalog is not what it was when it was decided; empty where it is."""
    pinned = scenario.catalog
    if catalog.content_hash == pinned.content_hash:
        return ""
    return (
        f"This scenario was decided on {pinned.name} {pinned.content_hash}, which now reads {catalog.content_hash}: "
        "prices or endpoints may have changed since."
    )


def reasons(found: Recommendation, remark: str = "", *, stale: bool = False) -> Text:
    """What fails over to what, the next-best set, and what to know before signing."""
    blocks: list[Block] = [Note(remark)] if remark else []
    blocks.append(STALE if stale else headline(found))
    if found.conflict is not None:
        if found.conflict.asks:
            asked = tuple(Cell(words) for words in found.conflict.asks.values())
            blocks += [Paragraph("No set of endpoints meets all of these at once:", "What conflicts"), Bullets(asked)]
        if found.conflict.nearest is not None:
            blocks.append(Paragraph(_sentence(found.conflict.nearest.words), "The least to give up"))
        return Text(tuple(blocks))
    blocks.append(Paragraph(_failing(found), "When something fails"))
    if found.runner_up is not None:
        blocks.append(Paragraph(_sentence(found.runner_up.words), "The next-best set"))
    blocks += [Note(_sentence(caution.words)) for caution in found.warnings]
    return Text(tuple(blocks))


def _failing(found: Recommendation) -> str:
    goes = [f"{tier} goes to {' then '.join(to)}" for tier, to in found.fallbacks.items() if to]
    outage = f"On an outage {listed(goes)}." if goes else "On an outage nothing follows."
    wait = "" if found.worst_case_s is None else f" A caller waits at most {found.worst_case_s:g} s."
    shared = " Smart and backup are on one host: they fail together." if found.shared_host else ""
    return f"{outage}{wait}{shared}"


def changes(found: Recommendation, *, stale: bool = False) -> Table:
    """What would alter the recommendation, the least of each."""
    verb = "Saves" if found.tiers else "Costs"
    columns = (
        Column("what", "If", sortable=False),
        Column("usd", verb, unit=f"per {found.workload.period}", numeric=True, sortable=False),
    )
    rows = tuple(
        Row(f"{number} {change.name}", _change(change, verb), title=_then(change))
        for number, change in enumerate(found.changes)
    )
    caption = STALE if stale else "The least of each that gives another set."
    return Table(columns, rows, caption=caption, empty="Nothing that can be relaxed gives another set.")


def _change(change: Change, verb: str) -> tuple[str, str]:
    return (_sentence(change.words), usd(change.saves_usd if verb == "Saves" else change.usd_per_period))


def _then(change: Change) -> str:
    return f"Then the set is {', '.join(f'{tier} {endpoint}' for tier, endpoint in change.tiers.items())}."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith('.') else '.'}"

"""What the router wizard's tree, cards and tables say: values of routing and gateway in, formatted payloads out."""

from __future__ import annotations

from ..cost.speed import Speed
from ..gateway.verify import Verification
from ..gateway.verify.verification import RUNG_NAMES, Check
from ..report import usd
from ..routing.recommendation import Caution, Recommendation, TierChoice
from ..routing.tree import tree as decision_tree
from ..routing.walk import Standing, Step, Walk
from .tree import Branch, Question, Tree
from .views import Badge, Bullets, Card, Cards, Cell, Column, Note, Paragraph, Row, Table, Text, Tone

HOSTS = {"bedrock": "AWS Bedrock", "azure": "Azure", "vertex": "Google Vertex AI", "self_host": "self-hosted"}
MARKS: dict[str, Tone] = {"passed": "good", "failed": "bad", "not_checked": "quiet"}


def tree(walked: Walk, total: int) -> Tree:
    """Every question with all its branches: those that are taken are lit, and say what the catalog has for them."""
    steps = {step.node: step for step in walked.steps}
    nodes = decision_tree().nodes
    questions = (_question(node.id, steps[node.id], tuple(b.label for b in node.branches)) for node in nodes)
    return Tree(tuple(questions), total=total)


def _question(key: str, step: Step, labels: tuple[str, ...]) -> Question:
    leaves = dict(zip(step.answers, step.leaves, strict=False)) if len(step.leaves) == len(step.answers) else {}
    branches = tuple(
        Branch(label, label in step.answers, _leaf(leaves[label]) if label in leaves else "") for label in labels
    )
    note = "; ".join(step.asked)
    if step.unknown:
        note += f"{'; ' if note else ''}of {step.unknown:,} that fell, nobody says"
    return Question(step.node if key == step.node else key, step.ask, branches, step.left, step.fell, note)


def _leaf(leaf: object) -> str:
    title, endpoints = getattr(leaf, "title", ""), getattr(leaf, "endpoints", ())
    return f"{title}: {len(endpoints)} in this catalog"


def tiers(found: Recommendation) -> Cards:
    """A card per tier, in the order in which a request meets them."""
    if found.conflict is not None:
        return Cards((), empty=found.conflict.words)
    return Cards(tuple(_card(choice) for choice in found.tiers.values()))


def _card(choice: TierChoice) -> Card:
    place = HOSTS.get(choice.host, choice.endpoint.provider)
    where = f"{place}, {choice.region}" if choice.region else place
    scope = choice.endpoint.residency.scope
    cost = (
        f"{usd(choice.usd_per_request)} a request, {usd(choice.usd_per_period)} for {choice.share:.3g} of the requests"
    )
    parts = [cost, _waits(choice.latency), f"{where}; data: {scope}"]
    evidence = choice.endpoint.residency.evidence
    said = (
        f"Residency: {evidence.source}, {evidence.checked_on}." if evidence else "Nobody says where data is processed."
    )
    return Card(choice.tier, choice.endpoint.id, "; ".join(filter(None, parts)), f"{choice.why} {said}".strip())


def _waits(latency: Speed) -> str:
    if latency.ttft_s is None and latency.total_s is None:
        return "latency unknown"
    kind = {"simulated": "SIMULATED", "measured": "measured"}.get(str(latency.kind), "a published prior")
    first = "" if latency.ttft_s is None else f"first token {float(latency.ttft_s):.2g} s"
    whole = "" if latency.total_s is None else f"answer {float(latency.total_s):.2g} s"
    return f"{', '.join(filter(None, [first, whole]))} ({kind})"


def headline(found: Recommendation) -> str:
    """The answer in a sentence."""
    if found.conflict is not None:
        return found.conflict.words
    return f"The set costs {usd(found.usd_per_period)} per {found.workload.period}."


def reasons(found: Recommendation) -> Text:
    """Why each tier is what it is, what follows on what, and what to know before signing."""
    blocks: list[str | Note | Bullets | Paragraph] = []
    if found.conflict is not None:
        blocks.append(Note(found.conflict.words, "bad"))
        blocks.append(Bullets(tuple(Cell(words) for words in found.conflict.asks.values())))
        if found.conflict.nearest is not None:
            blocks.append(Paragraph(found.conflict.nearest.words, "The least to give up"))
        return Text(tuple(blocks))
    blocks.append(Bullets(tuple(Cell(f"{choice.tier}: {choice.why}") for choice in found.tiers.values())))
    follows = ", ".join(f"{tier} to {' then '.join(to)}" for tier, to in found.fallbacks.items() if to)
    wait = "" if found.worst_case_s is None else f" A caller waits at most {found.worst_case_s:g} s."
    blocks.append(Paragraph(f"On an outage: {follows or 'nothing follows'}.{wait}", "When something fails"))
    if found.runner_up is not None:
        blocks.append(Paragraph(found.runner_up.words, "The next-best set"))
    blocks += [_warning(caution) for caution in found.warnings]
    return Text(tuple(blocks))


def _warning(caution: Caution) -> Note:
    return Note(caution.words, "warn")


def changes(found: Recommendation) -> Table:
    """What would alter the recommendation, the least of each."""
    columns = (
        Column("what", "If", sortable=False),
        Column("saves", "Saves", unit=f"per {found.workload.period}", numeric=True, sortable=False),
        Column("tiers", "The set would be", sortable=False),
    )
    rows = tuple(
        Row(
            f"{number} {change.name}",
            (
                Cell(change.words),
                "unknown" if change.saves_usd is None else usd(change.saves_usd),
                ", ".join(f"{tier}: {endpoint}" for tier, endpoint in change.tiers.items()),
            ),
        )
        for number, change in enumerate(found.changes)
    )
    return Table(columns, rows, empty="Nothing that can be relaxed would alter it.")


def standings(walked: Walk, node: str | None, limit: int) -> Table:
    """Who survived and who fell where; with `node`, only those who fell at that question."""
    questions = {step.node: step.ask for step in walked.steps}
    shown = [one for one in walked.standings if node is None or one.fell_at == node]
    shown.sort(key=lambda one: one.fell_at is not None)
    columns = (
        Column("endpoint", "Endpoint", sortable=False),
        Column("stands", "Stands", sortable=False),
        Column("why", "Why", sortable=False),
    )
    rows = tuple(Row(one.endpoint, _standing(one, questions)) for one in shown[:limit])
    caption = f"Those who fell at: {questions[node]}" if node in questions else ""
    return Table(columns, rows, total_rows=len(shown), caption=caption, empty="Nobody fell at this question.")


def _standing(one: Standing, questions: dict[str, str]) -> tuple[Cell | str, ...]:
    if one.fell_at is None:
        against = "; ".join(f"not {tier}: {why}" for tier, why in one.not_for.items())
        return (one.endpoint, Cell(f"left for {', '.join(one.tiers)}", badges=(Badge("left", tone="good"),)), against)
    badges = (Badge("unknown", "Nobody says: under a hard constraint that is a no.", "warn"),) if one.unknown else ()
    return (Cell(one.endpoint, muted=True), Cell(f"fell at: {questions[one.fell_at]}", badges=badges), one.why)


def proof(verified: Verification | None) -> Table:
    """Every check of the ladder, with what was expected and what was seen."""
    columns = (
        Column("rung", "Rung", sortable=False),
        Column("check", "Check", sortable=False),
        Column("status", "Result", sortable=False),
        Column("expected", "Expected", sortable=False),
        Column("seen", "Seen", sortable=False),
        Column("seconds", "s", numeric=True, sortable=False),
    )
    if verified is None:
        return Table(columns, (), empty="Not proven yet: Prove it runs the router against a twin of every provider.")
    rows = tuple(Row(f"{i}", _check(check)) for i, check in enumerate(verified.checks))
    took = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in verified.seconds.items())
    return Table(columns, rows, caption=f"{verified.verdict} LiteLLM {verified.litellm}; {took}.")


def _check(check: Check) -> tuple[Cell | str, ...]:
    status = check.status.replace("_", " ")
    return (
        RUNG_NAMES[check.rung],
        f"{check.tier}: {check.name}" if check.tier else check.name,
        Cell("", badges=(Badge(status, tone=MARKS[check.status]),)),
        check.expected,
        check.seen,
        "" if check.seconds is None else f"{check.seconds:.1f}",
    )

"""What the router wizard says of a proof: the verdict, what failed, what was not checked; and every check as a row."""

from __future__ import annotations

from ..errors import LlmlabError
from ..gateway.verify import Verification
from ..gateway.verify.verification import RUNG_NAMES, RUNGS, Check
from .router_session import Proof
from .views import Badge, Bullets, Cell, Column, Definitions, Note, Paragraph, Row, Table, Text, Tone

NOT_YET = (
    "Not proven yet. Prove it starts the real proxy with this router in front of simulated providers and makes them "
    "fail: about a minute, without a key, and nothing leaves this machine."
)
TONES: dict[str, Tone] = {"failed": "bad", "not_checked": "quiet", "passed": "good"}


def proof(known: Proof, *, stale: bool) -> Text:
    """Where the proof stands. `stale`: the router on screen is another one than was proven."""
    if known.under_way:
        words = known.progress[1] if known.progress else "starting"
        return Text((Paragraph(f"Under way: {words}. Cancel ends it."),))
    if known.problem is not None:
        problem = known.problem
        words = str(problem) if isinstance(problem, LlmlabError) else f"{type(problem).__name__}: {problem}"
        return Text((Note(f"The proof could not be made: {words}", "bad"),))
    found = known.verification
    if found is None:
        return Text((), empty=NOT_YET)
    tone: Tone = "good" if found.ok else "bad" if found.failed else "warn"
    blocks: list[Note | Definitions | Paragraph | Bullets] = [Note(found.verdict, tone)]
    if stale:
        blocks.insert(0, Note("The router has changed since: this is the proof of an earlier one. Prove it again."))
    blocks.append(Definitions(_rungs(found)))
    if found.failed:
        said = tuple(Cell(f"{_subject(check)}. Expected: {check.expected}.", check.seen) for check in found.failed)
        blocks += [Paragraph("What was seen instead stands in the list of every check.", "What failed"), Bullets(said)]
    if found.not_checked:
        blocks += [
            Paragraph("What this run says nothing about:", "Not checked"),
            Bullets(found.not_checked),
        ]
    return Text(tuple(blocks))


def _rungs(found: Verification) -> tuple[tuple[str, Cell | str], ...]:
    """How each rung of the ladder went, and how long all of it took."""
    rows: list[tuple[str, Cell | str]] = []
    for rung in RUNGS:
        counts = {status: sum(c.rung == rung and c.status == status for c in found.checks) for status in TONES}
        badges = tuple(
            Badge(f"{n} {status.replace('_', ' ')}", tone=TONES[status]) for status, n in counts.items() if n
        )
        rows.append((RUNG_NAMES[rung], Cell("", badges=badges) if badges else "not reached"))
    took = f"{found.seconds['total']:.0f} s" if "total" in found.seconds else "not timed"
    return (*rows, ("Took", f"{took}, with LiteLLM {found.litellm}"))


def checks(found: Verification | None, limit: int) -> Table:
    """Every check with what was expected and what was seen, those that failed first."""
    columns = (
        Column("check", "Check", sortable=False),
        Column("status", "Result", sortable=False),
        Column("rung", "Rung", sortable=False),
        Column("expected", "Expected", sortable=False),
        Column("seen", "Seen", sortable=False),
        Column("seconds", "Time", unit="s", numeric=True, sortable=False),
    )
    if found is None:
        return Table(columns, (), empty="Nothing is proven yet.")
    worst_first = sorted(found.checks, key=lambda check: list(TONES).index(check.status))
    rows = tuple(Row(f"{number}", _check(check)) for number, check in enumerate(worst_first[:limit]))
    return Table(columns, rows, total_rows=len(found.checks), caption=found.verdict)


def _check(check: Check) -> tuple[Cell | str, ...]:
    return (
        _subject(check),
        Cell("", badges=(Badge(check.status.replace("_", " "), tone=TONES[check.status]),)),
        RUNG_NAMES[check.rung],
        check.expected,
        check.seen,
        "" if check.seconds is None else f"{check.seconds:.1f}",
    )


def _subject(check: Check) -> str:
    return f"{check.tier}: {check.name}" if check.tier else check.name

"""A router as a folder that runs: what a reviewer reads, what operations start, what the application imports.

    router.yaml     the router, for LiteLLM
    .env.example    the names of the variables it needs; copy, fill in, and load it yourself
    run.sh          starts it, and says which variable is missing
    app.py          the application's side
    report.md       what was decided and why; what has been proven, once it has
    MANIFEST.json   what was written: by it, an edited file is known from one that may be replaced

A new folder appears whole or not at all. In one that is there, files are replaced one by one, each whole, and only
those that nobody has edited.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from ..cost.speed import Speed
from ..errors import LlmlabError
from ..routing.recommendation import Recommendation
from ..routing.words import dollars, seconds
from ..saving import write_whole
from .deploying import access
from .litellm_yaml import to_yaml, variables
from .plan import RouterPlan

MANIFEST = "MANIFEST.json"
NOT_PROVEN = "Not proven yet: nothing has been run against this router."
_PROOF = "## Proof"


def export(
    plan: RouterPlan,
    folder: str | Path,
    *,
    recommendation: Recommendation | None = None,
    proof: str | None = None,
    replace_edited: bool = False,
) -> Path:
    """Write the router to `folder`, and return that.

    With the `recommendation` that the plan was made from, the report says what it costs, how fast it is and why.
    `proof` is Markdown that says what was verified. Raises `LlmlabError`, and writes nothing, where a file in the way
    was edited or is somebody else's, unless `replace_edited`.
    """
    target = Path(folder).expanduser()
    files = _files(plan, recommendation, proof)
    if not target.exists():
        _write_new(target, files)
        return target
    before = _manifest(target)
    edited = [name for name, text in files.items() if _in_the_way(target / name, before.get(name), text)]
    if edited and not replace_edited:
        raise LlmlabError(
            f"{target}: {', '.join(edited)} would be lost, which llmlab did not write as it is now; export to another "
            "folder, move it away, or ask for edited files to be replaced"
        )
    _write_files(target, files, before)
    return target


def add_proof(folder: str | Path, proof: str) -> Path:
    """Put what was verified, as Markdown, into the report of an exported router; gives the report's path.

    What else stands in the report is kept, also what was edited.
    """
    target = Path(folder).expanduser()
    path = target / "report.md"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise LlmlabError(f"{path}: cannot be read: {e.strerror or e}; export a router to {target} first") from e
    before = _manifest(target)
    untouched = before.get(path.name) == _digest(text)
    proven = text.partition(_PROOF)[0] + f"{_PROOF}\n\n{proof.strip()}\n"
    write_whole(path, proven)
    if untouched:
        write_whole(target / MANIFEST, _as_manifest({**before, path.name: _digest(proven)}))
    return path


# --- What stands in the files


def _files(plan: RouterPlan, recommendation: Recommendation | None, proof: str | None) -> dict[str, str]:
    needed = variables(plan)
    return {
        "router.yaml": to_yaml(plan),
        ".env.example": _env(plan, needed),
        "run.sh": _run(needed),
        "app.py": Path(__file__).with_name("app.py").read_text(encoding="utf-8"),
        "report.md": _report(plan, recommendation, proof),
    }


def _env(plan: RouterPlan, needed: tuple[str, ...]) -> str:
    lines = [
        "# What router.yaml needs. No value belongs into this file, nor into any other that is checked in.",
        *(f"# {line}" for line in _required(plan)),
        *(f"{name}=" for name in needed),
    ]
    return "\n".join(lines) + "\n"


def _required(plan: RouterPlan) -> Iterator[str]:
    """What must exist at each provider before the first call."""
    for deployment in [one for tier in plan.tiers for one in tier.deployments]:
        provider, _, model = " ".join(deployment.litellm_model.split()).partition("/")
        if required := access(deployment.litellm_model).requires:
            yield f"{deployment.id} ({provider}, {model}) needs {required}"


def _run(needed: tuple[str, ...]) -> str:
    lines = [
        "#!/bin/sh",
        f"# Starts the router on http://127.0.0.1:4000 (or PORT). Once: pip install 'litellm[proxy]=={_litellm()}'",
        "set -eu",
        'cd "$(dirname "$0")"',
        *(f': "${{{name}:?is not set; see .env.example}}"' for name in needed),
        "export LITELLM_LOCAL_MODEL_COST_MAP=True  # prices as installed; otherwise they are fetched at every start",
        "export LITELLM_MODE=PRODUCTION            # otherwise LiteLLM reads any .env file that it finds",
        'exec litellm --config router.yaml --host 127.0.0.1 --port "${PORT:-4000}"',
    ]
    return "\n".join(lines) + "\n"


def _litellm() -> str:
    """The version that the router was made for: the one whose prices and keys were read."""
    return importlib.metadata.version("litellm")


def _report(plan: RouterPlan, recommendation: Recommendation | None, proof: str | None) -> str:
    allowed = "" if plan.sla_s is None else f" ({plan.sla_s:g} s allowed)"
    parts = [
        f"# {_cell(plan.name)}",
        "; ".join(f"{name} {_cell(value)}" for name, value in [*plan.provenance.items(), ("plan", plan.content_hash)]),
        *(_decided(recommendation) if recommendation is not None else ()),
        "## Tiers",
        _table(
            ["tier", "model", "processed in", "region", "timeout", "on an outage", "too long", "refused"],
            [
                [
                    tier.name,
                    deployment.litellm_model,
                    deployment.scope,
                    deployment.region or "",
                    f"{deployment.timeout_s:g} s",
                    *(
                        ", ".join(rule.get(tier.name, ())) or "the caller's"
                        for rule in (
                            plan.fallbacks,
                            plan.context_window_fallbacks,
                            plan.content_policy_fallbacks,
                        )
                    ),
                ]
                for tier in plan.tiers
                for deployment in tier.deployments
            ],
        ),
        f"A caller waits at most {plan.worst_case_s:g} s{allowed}, when every provider in a chain hangs.",
        _PROOF,
        (proof or NOT_PROVEN).strip(),
    ]
    return "\n\n".join(parts) + "\n"


def _decided(recommendation: Recommendation) -> Iterator[str]:
    """What was decided: cost, speed and reason of each tier, and what should be known with it."""
    workload = recommendation.workload
    yield (
        f"Expected: {_usd(recommendation.usd_per_request)} per request, {_usd(recommendation.usd_per_period)} for "
        f"{workload.requests:,} requests per {workload.period} of {workload.input_tokens:,} tokens in and "
        f"{workload.output_tokens:,} out."
    )
    yield "## Why"
    rows = [
        [tier, choice.endpoint.id, _usd(choice.usd_per_request), _speed(choice.latency), choice.why]
        for tier, choice in recommendation.tiers.items()
    ]
    yield _table(["tier", "endpoint", "per request", "latency", "why"], rows)
    if recommendation.warnings:
        yield "## To know before signing"
        yield "\n".join(f"- {_cell(caution.words)}" for caution in recommendation.warnings)
    if recommendation.changes:
        yield "## What would change it"
        yield "\n".join(f"- {_cell(change.words)}" for change in recommendation.changes)


def _speed(found: Speed) -> str:
    """The first token and the whole answer, as far as somebody says, and on what that rests."""
    first = "" if found.ttft_s is None else f"first token {found.ttft_is} {seconds(found.ttft_s)}"
    low, high = found.low_s, found.high_s
    span = "" if low is None or high is None else seconds(low) if low == high else f"{seconds(low)} to {seconds(high)}"
    known = [*filter(None, [first, span and f"whole answer {span}"])]
    return f"{', '.join(known)} ({found.kind}: {found.basis})" if known else "unknown"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    """Text that stays in its cell, and is no markup: a name may hold anything."""
    plain = " ".join(str(value).split())
    return re.sub(r"([|\\`<>\[\]*_#])", r"\\\1", plain)


def _usd(amount: Decimal | None) -> str:
    return "unpriced" if amount is None else dollars(amount)


# --- How they are written


def _write_new(target: Path, files: Mapping[str, str]) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as e:
        raise LlmlabError(f"{target}: cannot be made: {e.strerror or e}") from e
    try:
        _write_files(fresh, files, {})
        fresh.chmod(0o755)  # mkdtemp makes folders that only their owner can enter
        fresh.rename(target)
    except OSError as e:
        raise LlmlabError(f"{target}: cannot be made: {e.strerror or e}") from e
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write_files(folder: Path, files: Mapping[str, str], before: Mapping[str, str]) -> None:
    for name, text in files.items():
        write_whole(folder / name, text)
    (folder / "run.sh").chmod(0o755)
    # Last: after a crash, what was already replaced is as it would be written again, and so in nobody's way.
    write_whole(folder / MANIFEST, _as_manifest({**before, **{name: _digest(text) for name, text in files.items()}}))


def _in_the_way(path: Path, written: str | None, text: str) -> bool:
    """Whether there is something at `path` that is neither what was written, nor what is about to be."""
    if not path.exists():
        return False
    try:
        now = _digest(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError):
        return True
    return now not in (written, _digest(text))


def _manifest(folder: Path) -> dict[str, str]:
    """The digests of what was written before; none where nothing was, or where the list itself cannot be read."""
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(name): str(digest) for name, digest in files.items()} if isinstance(files, dict) else {}


def _as_manifest(files: Mapping[str, str]) -> str:
    return json.dumps({"written_by": "llmlab", "files": dict(files)}, indent=2) + "\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

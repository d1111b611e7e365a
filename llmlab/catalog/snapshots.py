"""Snapshots on disk, and the one way to get a catalog: `load_catalog`.

A snapshot is a folder of YAML files: `snapshot.yaml` says its name, day and the packages that were read; each other
file holds one provider's models and endpoints. A catalog of your own may be such a folder, or all of it in one file.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from ..errors import CatalogError, UnknownNameError
from ..shipped import folder
from . import schema, sections, strict_yaml
from .catalog import Catalog
from .overrides import Overrides, apply, read_overrides
from .records import HostingRow

BULK = ("litellm", "genai-prices")
HEAD = "snapshot.yaml"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What `snapshot.yaml` says."""

    name: str
    title: str
    as_of: date
    packages: Mapping[str, str] = field(default_factory=dict)
    hosting_matrix: tuple[HostingRow, ...] = ()
    note: str | None = None


def snapshot_names() -> tuple[str, ...]:
    """The snapshots that ship, oldest first, then the bulk catalogs read from installed packages."""
    return (*shipped_snapshots(), *BULK)


def shipped_snapshots() -> tuple[str, ...]:
    """The dated snapshots in `pricing/`, oldest first."""
    return tuple(path.name for path in _snapshot_folders())


def load_catalog(
    name: str | Path | None = None, overrides: Overrides | str | Path | Sequence[Overrides | str | Path] = ()
) -> Catalog:
    """A catalog by name or path, with the user's own overrides laid over it.

    `name` is a shipped snapshot (`2026-11`), a bulk catalog (`litellm`, `genai-prices`: the rows of the installed
    package, translated), or the path of a folder or file of the same form. Left out, it is the newest shipped snapshot.
    `overrides` are YAML files (see `pricing/README.md`) or `Overrides` already read.

    Raises `UnknownNameError` for a name that is not there and `CatalogError`, with file and line, for a file that
    cannot be read as written.
    """
    catalog = _named(str(name)) if name is not None else _named(_snapshot_folders()[-1].name)
    many = [overrides] if isinstance(overrides, Overrides | str | Path) else list(overrides)
    for one in many:
        catalog = apply(catalog, one if isinstance(one, Overrides) else read_overrides(Path(one)))
    return catalog


def _named(name: str) -> Catalog:
    if name in snapshot_names():
        return _shipped(name)
    path = Path(name)
    try:
        path = path.expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError, ValueError):  # a name too long for a path, a home that is nobody's
        is_folder = is_file = False
    if is_folder:
        return read_snapshot(path)
    if is_file:
        return _assemble([strict_yaml.read(path, CatalogError)])
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise CatalogError(f"{name}: no such file or folder; the catalogs by name are {', '.join(snapshot_names())}")
    raise UnknownNameError("catalog", name, snapshot_names())


@functools.lru_cache(maxsize=8)
def _shipped(name: str) -> Catalog:
    # What ships does not change while a kernel runs, and a bulk catalog takes a moment to translate.
    if name in BULK:
        return _read_bulk(name)
    return read_snapshot(folder("pricing") / name)


def _read_bulk(name: str) -> Catalog:
    """The rows of an installed price package, as a catalog like any other."""
    from .genai_prices_map import read_genai_prices
    from .litellm_map import read_litellm

    bulk = read_litellm() if name == "litellm" else read_genai_prices()
    return Catalog(
        name=bulk.name,
        title=f"{bulk.name} {bulk.version}, every row",
        as_of=bulk.as_of,
        packages={bulk.name: bulk.version},
        models=bulk.models,
        providers=bulk.providers,
        endpoints=bulk.endpoints,
        note=f"{len(bulk.endpoints):,} rows, {len(bulk.unpriced):,} of them unpriced (each says why)",
    )


def _snapshot_folders() -> list[Path]:
    found = [p.parent for p in folder("pricing").glob(f"*/{HEAD}")]
    if not found:
        raise CatalogError(f"{folder('pricing')}: no snapshot here; is the installation whole?")
    return sorted(found, key=lambda p: (read_head(p / HEAD).as_of, p.name))


@functools.lru_cache(maxsize=64)
def read_head(path: Path) -> Head:
    """What the `snapshot.yaml` at `path` says."""
    document = strict_yaml.read(path, CatalogError)
    return schema.decode(Head, document.data, document, (), CatalogError)


def read_snapshot(path: Path) -> Catalog:
    """The snapshot in the folder `path`."""
    head = path / HEAD
    if not head.is_file():
        raise CatalogError(f"{path}: no {HEAD} in this folder, so it is not a snapshot")
    rest = sorted(p for p in path.glob("*.yaml") if p.name != HEAD)
    return _assemble([strict_yaml.read(p, CatalogError) for p in (head, *rest)])


def _assemble(documents: list[strict_yaml.Document]) -> Catalog:
    first, *rest = documents
    if rest:
        for document in rest:
            sections.check_keys(document, ())
        data = first.data
    else:
        sections.check_keys(first, [f.name for f in dataclasses.fields(Head)])
        data = {key: value for key, value in first.data.items() if key not in sections.KEYS}
    head = schema.decode(Head, data, first, (), CatalogError)
    read = [sections.read_sections(document, head.packages, head.as_of) for document in rest or documents]
    catalog = Catalog(
        name=head.name,
        title=head.title,
        as_of=head.as_of,
        packages=head.packages,
        hosting=head.hosting_matrix,
        note=head.note,
        models=sections.unique(part for s in read for part in s.models),
        providers=sections.unique(part for s in read for part in s.providers),
        endpoints=sections.unique(part for s in read for part in s.endpoints),
    )
    sections.check_references(catalog, [part for s in read for part in s.endpoints])
    return catalog

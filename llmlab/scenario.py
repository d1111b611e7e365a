"""A scenario: one question and what was chosen about it, saved as a YAML file that a reviewer can diff.

It holds the workload, the constraints and the set that was decided under them, if any, the choices made on a screen,
and a *pin* of the catalog they were made on: its name, its content
hash and the versions of the packages that were read. An upgrade therefore cannot reprice a decision in silence:
opening a scenario on a catalog that now says something else is an error, and pinning it anew is an act.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from .catalog import Catalog, load_catalog, parse_overrides, schema, strict_yaml
from .catalog.overrides import apply
from .cost.workload import Workload
from .errors import LlmlabError, ScenarioError, WorkloadError
from .routing.constraints import Constraints
from .routing.redecide import Decided, Redecision, redecide
from .saving import write_whole

SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Which catalog was decided on: `name` as `load_catalog` takes it, and what it said then."""

    name: str
    content_hash: str
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OverridesFile:
    """The user's own prices, whole, so that the scenario can be opened where the file is not."""

    file: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What was filtered, selected and compared. Empty means no restriction."""

    search: str = ""
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    min_window_tokens: int = 0
    hide_retired: bool = True
    selected: str = ""
    compare_with: str = ""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Workload + choices + catalog pin, and what a router was decided on: constraints, and the set of endpoints.

    Equal by content; `save` and `read` are exact inverses.
    """

    workload: Workload
    catalog: Pin
    name: str = ""
    constraints: Constraints | None = None
    decided: Decided | None = None
    overrides: tuple[OverridesFile, ...] = ()
    choices: Choices = field(default_factory=Choices)

    def load_catalog(self) -> Catalog:
        """The pinned catalog with the scenario's overrides; `ScenarioError` if it no longer says what it said."""
        catalog = self.current_catalog()
        if catalog.content_hash != self.catalog.content_hash:
            raise ScenarioError(
                f"scenario {self.name!r} was decided on catalog {self.catalog.name} {self.catalog.content_hash}"
                f"{_versions(self.catalog.packages)}, which now reads {catalog.content_hash}"
                f"{_versions(catalog.packages)}: prices may differ. "
                "Look at the change, then accept it with scenario.repinned()"
            )
        return catalog

    def current_catalog(self, name: str | None = None) -> Catalog:
        """The catalog as it is today (or another, by `name`) with the scenario's overrides, whatever the pin says."""
        return load_catalog(name or self.catalog.name, [parse_overrides(o.text, o.file) for o in self.overrides])

    def laid_over(self, catalog: Catalog) -> Catalog:
        """Another catalog with the scenario's overrides."""
        for overrides in self.overrides:
            catalog = apply(catalog, parse_overrides(overrides.text, overrides.file))
        return catalog

    def repinned(self) -> Scenario:
        """The same scenario, pinned to what its catalog says today."""
        return dataclasses.replace(self, catalog=pin(self.catalog.name, self.current_catalog()))

    def to_yaml(self) -> str:
        """YAML text. The workload and the pin are said whole, so that a new default cannot change an old decision."""
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "name": self.name,
            "workload": dataclasses.asdict(self.workload),
            "catalog": dataclasses.asdict(self.catalog),
        }
        if self.constraints is not None:
            data["constraints"] = _plain(dataclasses.asdict(self.constraints))
        if self.decided is not None:
            data["decided"] = _plain(dataclasses.asdict(self.decided))
        if self.overrides:
            data["overrides"] = [dataclasses.asdict(o) for o in self.overrides]
        if choices := _made(self.choices):
            data["choices"] = choices
        return (
            "# llmlab scenario: open it by `llmlab estimate --scenario FILE` or CostExplorer.from_scenario(FILE)\n"
            + (yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))
        )

    def save(self, path: str | Path) -> Path:
        """Write the scenario to `path`, whole or not at all; returns the path."""
        target = Path(path).expanduser()
        write_whole(target, self.to_yaml())
        return target

    @classmethod
    def read(cls, path: str | Path) -> Scenario:
        """Read a saved scenario; `ScenarioError` with file and line for one that cannot be read as written."""
        return _decode(strict_yaml.read(Path(path).expanduser(), ScenarioError))

    @classmethod
    def parse(cls, text: str, name: str = "scenario") -> Scenario:
        """The same from text; `name` stands in error messages."""
        return _decode(strict_yaml.parse(text, name, ScenarioError))


def pin(name: str, catalog: Catalog) -> Pin:
    """The pin of `catalog`, which `load_catalog(name)` gave (with overrides laid over it, if any)."""
    return Pin(name=name, content_hash=catalog.content_hash, packages=dict(catalog.packages))


def redecide_folder(path: str | Path, catalog: Catalog) -> tuple[Redecision, ...]:
    """Whether each saved decision in a folder still holds on `catalog`, with the scenario's own overrides laid over it.

    Every `*.yaml` file that has constraints, by name. Raises `ScenarioError` for a file that is no scenario, and where
    there is no decision at all.
    """
    folder = Path(path).expanduser()
    read = [Scenario.read(file) for file in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))]
    decisions = [scenario for scenario in read if scenario.constraints is not None]
    if not decisions:
        raise ScenarioError(f"{folder}: no scenario with constraints here (*.yaml), so that there is nothing to check")
    return tuple(redecide(scenario, scenario.laid_over(catalog)) for scenario in decisions)


def _decode(document: strict_yaml.Document) -> Scenario:
    data = dict(document.data)
    version = data.pop("schema", None)
    if version != SCHEMA:
        raise ScenarioError(
            f"{document.at(('schema',))}: schema is {version!r}; this llmlab reads {SCHEMA}. "
            + ("Add `schema: 1`" if version is None else "A newer file needs a newer llmlab")
        )
    # Shares and seconds are floats; the strict reader makes decimals of them, for prices.
    if "workload" in data:
        data["workload"] = _floats(data["workload"])
    if isinstance(constraints := data.get("constraints"), dict):
        data["constraints"] = {k: v if k == "max_usd_per_request" else _floats(v) for k, v in constraints.items()}
    try:
        return schema.decode(Scenario, data, document, (), ScenarioError)
    except ScenarioError:
        raise
    except LlmlabError as e:  # a workload that cannot exist says so itself, but does not know the file
        part = "workload" if isinstance(e, WorkloadError) else "constraints"
        raise ScenarioError(f"{document.at((part,))}: {e}") from e


def _floats(value: Any) -> Any:
    """The same with floats for decimals, all the way down."""
    if isinstance(value, dict):
        return {key: _floats(part) for key, part in value.items()}
    return float(value) if isinstance(value, Decimal) else value


def _plain(value: Any) -> Any:
    """A value as YAML has it: lists for tuples, mappings of their own."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _made(choices: Choices) -> dict[str, Any]:
    """The choices that were made: what is empty restricts nothing, now and in any later version."""
    default = dataclasses.asdict(Choices())
    made = {k: v for k, v in dataclasses.asdict(choices).items() if v != default[k]}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in made.items()}


def _versions(packages: Mapping[str, str]) -> str:
    return f" ({', '.join(f'{name} {version}' for name, version in packages.items())})" if packages else ""


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: overrides as text blocks, no anchors for values that happen to be equal."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML folds the other line breaks of Unicode, or reads them back as a space: only double quotes escape them.
    style = '"' if any(c in text for c in "\x85\u2028\u2029") else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _number(dumper: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
    text = format(number, "f")
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _number)

"""README.md is checked like code: its commands exist, its example runs, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from llmlab.cli import main

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PRICING_README = (PROJECT / "pricing" / "README.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted(path.name for path in (PROJECT / "notebooks").glob("*.ipynb"))


def code_blocks(text: str, language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


def commands(text: str, program: str) -> list[str]:
    """The lines in code blocks that start with `program`, without their comments."""
    lines = [line.partition(" #")[0].strip() for line in code_blocks(text, "(?:sh)?").splitlines()]
    return [line for line in lines if line.split()[:1] == [program]]


def parse(line: str) -> None:
    """Read a command line as far as click would before it runs anything."""
    command: click.Command = main
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, f"{line}: there is no {words[0]}"
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


@pytest.mark.parametrize("line", sorted({*commands(README, "llmlab"), *commands(PRICING_README, "llmlab")}))
def test_a_command_that_is_promised_can_be_read(line: str) -> None:
    parse(line)


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="there is no burn"):
        parse("llmlab prices burn")
    with pytest.raises(click.UsageError):
        parse("llmlab estimate --requets 5")


def test_the_two_commands_install_the_pinned_versions_and_are_there_once() -> None:
    lines = [line for line in code_blocks(README, "sh").splitlines() if line.startswith("python3 -m venv")]
    start, test = lines
    assert "-r binder/requirements.txt -e ." in start and start.endswith(".venv/bin/llmlab")
    assert "-r tests/requirements.txt -e ." in test and test.endswith(".venv/bin/python -m pytest")


def test_ci_runs_the_test_command_that_is_promised() -> None:
    # .ci/run takes it from README by its end, so there has to be exactly one such line.
    assert len(re.findall(r" -m pytest$", README, re.MULTILINE)) == 1
    assert "README.md" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    # Line by line, so that the last expression is a value to look at.
    example = code_blocks(README, "python").strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(example[:-1]), names)
    frame = eval(example[-1], names)
    assert len(frame) > 10
    assert capsys.readouterr().out == ""


def test_every_notebook_is_in_the_table_and_every_one_in_the_table_exists() -> None:
    assert sorted(set(re.findall(r"\]\(notebooks/([^)]+\.ipynb)\)", README))) == NOTEBOOKS


def test_every_link_and_picture_leads_to_a_file() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert [target for target in targets if "://" not in target and not (PROJECT / target).exists()] == []


def test_every_folder_in_the_layout_exists_and_none_is_left_out() -> None:
    table = re.search(r"## Layout\n(.*?)\n## ", README, re.DOTALL)
    assert table is not None
    named = set(re.findall(r"^\| `([^`]+)` \|", table[1], re.MULTILINE))
    assert [name for name in named if not (PROJECT / name).exists()] == []
    folders = {f"llmlab/{path.name}/" for path in (PROJECT / "llmlab").iterdir() if any(path.glob("*.py"))}
    assert folders - named == set()


def test_the_licence_is_the_one_that_is_declared() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    assert (PROJECT / "LICENSE").read_text(encoding="utf-8").startswith(f"{declared} License")
    assert f"[{declared}](LICENSE)" in README

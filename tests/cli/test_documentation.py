"""docs/pdsadmin.md tells of every command and option, and of no others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pds.cli.__main__ import pdsadmin

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/pdsadmin.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EVERYWHERE = {"--json", "--help"}


def leaves(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(leaves(pdsadmin))
SECTIONS = dict(re.findall(r"^### `([a-z -]+)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
COMMAND = re.compile(r"^ {4,}(?:\$ )?(?:sudo )?(?:\./)?pdsadmin (.+)$", re.MULTILINE)
EXAMPLES = sorted({line for page in PAGES for line in COMMAND.findall(page.read_text("utf-8"))})


def options_of(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    }


def test_every_command_has_its_section_and_every_section_its_command() -> None:
    assert sorted(SECTIONS) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_section_names_the_options_the_command_has(name: str) -> None:
    prose = re.sub(r"^    .*$", "", SECTIONS[name], flags=re.MULTILINE)
    named = set(re.findall(r"`(--[a-z-]+)[^`]*`", prose))

    assert named == options_of(COMMANDS[name]) - EVERYWHERE


@pytest.mark.parametrize("name", COMMANDS)
def test_section_shows_an_example(name: str) -> None:
    assert f"    $ ./pdsadmin {name}" in SECTIONS[name]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_well_formed(example: str) -> None:
    words = shlex.split(example.partition(" | ")[0], comments=True)
    context = pdsadmin.make_context("pdsadmin", words)
    group: click.Command = pdsadmin
    rest = [*context._protected_args, *context.args]
    while isinstance(group, click.Group):
        found = group.get_command(context, rest.pop(0))
        assert found is not None
        group = found

    group.make_context("command", rest)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json_and_explains_itself(name: str) -> None:
    command = COMMANDS[name]

    assert "--json" in options_of(command)
    assert command.help
    assert command.help.splitlines()[0].endswith(".")
    assert all(o.help for o in command.params if isinstance(o, click.Option))

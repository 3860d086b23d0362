"""The table of OAuth's rules and their tests keeps up with the tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs/oauth-rules.md"

# The sections of the notes that say how such a server behaves.
SECTIONS = [
    *("1.1", "1.2", "1.3", "1.4", "1.5"),
    *("2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8"),
    "3",
    *("4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8"),
    *("5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7"),
    "6",
    *("7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "7.7", "7.8", "7.9", "7.10"),
    *("8.1", "8.2", "9", "10", "11", "12.1"),
]


def rows_of(page: str) -> Iterator[list[str]]:
    """The rows of all tables: the rule, its tests, what is otherwise."""
    for line in page.splitlines():
        if line.startswith("| ") and not line.startswith(("| ---", "| Rule |")):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


ROWS = list(rows_of(PAGE.read_text()))


@cache
def names_in(file: Path) -> frozenset[str]:
    """The functions in a file that are run as tests, also those in classes."""
    tree = ast.parse(file.read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_rows_are_found() -> None:
    assert len(ROWS) > 250


def test_every_section_has_its_rules() -> None:
    found = re.findall(r"^## §([0-9.]+) ", PAGE.read_text(), re.MULTILINE)

    assert found == SECTIONS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_every_test_of_a_rule_exists(row: list[str]) -> None:
    named = re.findall(r"`([a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", row[1])

    assert named
    assert len(named) == row[1].count("`") // 2
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (TESTS / file).is_file() or name not in names_in(TESTS / file)
    ]
    assert missing == []


def test_no_rule_stands_there_twice() -> None:
    texts = [
        (heading, row[0])
        for heading, part in re.findall(
            r"^## (.+)\n((?:.*\n)*?)(?=## |\Z)", PAGE.read_text(), re.MULTILINE
        )
        for row in rows_of(part)
    ]

    assert len(texts) == len(set(texts)) == len(ROWS)

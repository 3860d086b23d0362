"""What commands print: text for people, or one JSON document for programs; and who is there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

RULE = "-" * 40

Function = TypeVar("Function", bound=Callable[..., Any])

json_option: Callable[[Function], Function] = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of text."
)


def show(value: dict[str, Any], text: str | Iterable[str], *, as_json: bool) -> None:
    """Print ``value`` as JSON or else ``text`` (a string, or lines)."""
    if as_json:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    for line in [text] if isinstance(text, str) else text:
        click.echo(line)


def is_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def hint(text: str) -> None:
    """Tell people at a terminal what comes next; programs that read the output get no such line."""
    if sys.stdout.isatty():
        click.echo(text, err=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with the columns aligned."""
    lines = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def facts(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Lines ``Name : value``, the names aligned."""
    known = list(pairs)
    width = max(len(name) for name, _ in known)
    return [f"{name.ljust(width)} : {value}" for name, value in known]

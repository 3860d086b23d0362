"""The passphrase of sealed backups, asked for where none is set and somebody can be asked."""

from __future__ import annotations

from collections.abc import Callable

import click

from pds.cli.output import is_terminal


def asked_passphrase(place: str) -> Callable[[], str] | None:
    """What asks for the passphrase of the backups at ``place``; None where nobody is there."""
    if not is_terminal():
        return None
    tries = 0

    def ask() -> str:
        nonlocal tries
        if tries:
            click.echo("That is not it.", err=True)
        tries += 1
        text = f"Passphrase of the backups at {place} (not shown)"
        return str(click.prompt(text, hide_input=True, err=True))

    return ask

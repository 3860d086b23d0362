"""The command that ends an account for good."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from pds.cli.accounts import find_account, name_of
from pds.cli.output import is_terminal, json_option, show
from pds.cli.site import Site

REPORT_EVERY_S = 2.0


@click.command()
@click.argument("account")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_obj
def delete(site: Site, account: str, *, yes: bool, as_json: bool) -> None:
    """Delete an ACCOUNT with everything it holds. There is no way back."""
    if not yes and not is_terminal():
        message = "nobody can be asked here: add --yes to delete the account"
        raise click.UsageError(message)
    with site.services() as services:
        found = find_account(services, account)
        name = name_of(found)
        if not yes:
            question = f"Delete {name} ({found.did}) with everything it holds, for good?"
            click.confirm(question, abort=True, err=True)
        with _progress(f"Deleting {name}"):
            services.accounts.delete(found.did)
            services.accounts.clean_up()
    text = f"Deleted {name} ({found.did}) and everything it held."
    show({"did": found.did, "handle": found.handle, "deleted": True}, text, as_json=as_json)


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """Say on stderr every two seconds that the block is still at work."""
    done = threading.Event()

    def report() -> None:
        began = time.monotonic()
        while not done.wait(REPORT_EVERY_S):
            click.echo(f"{what}: {time.monotonic() - began:.0f} s so far", err=True)

    reporter = threading.Thread(target=report, name="progress", daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()

"""Commands that take accounts down and back."""

from __future__ import annotations

import click

from pds.cli.accounts import describe, find_account, name_of
from pds.cli.output import json_option, show
from pds.cli.site import Site


@click.command()
@click.argument("account")
@click.option("--ref", help="A word of your own to find the reason by. Default: the time.")
@json_option
@click.pass_obj
def takedown(site: Site, account: str, *, ref: str | None, as_json: bool) -> None:
    """Take an ACCOUNT down: nobody sees it and it cannot be used; nothing of it is lost."""
    _update(site, account, ref, as_json=as_json, applied=True)


@click.command()
@click.argument("account")
@json_option
@click.pass_obj
def untakedown(site: Site, account: str, *, as_json: bool) -> None:
    """Take the takedown of an ACCOUNT back."""
    _update(site, account, None, as_json=as_json, applied=False)


def _update(site: Site, account: str, ref: str | None, *, as_json: bool, applied: bool) -> None:
    with site.services() as services:
        from pds.services.takedowns import AccountSubject, Takedown

        found = find_account(services, account)
        services.takedowns.update(
            AccountSubject(found.did), Takedown(applied, ref), deactivated=None
        )
        changed = services.accounts.get_account(found.did)
    name = name_of(changed)
    text = f"Took {name} down." if applied else f"{name} is not taken down any more."
    show(describe(changed), text, as_json=as_json)

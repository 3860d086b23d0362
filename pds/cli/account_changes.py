"""Commands that change what an account is called and how its owner gets in."""

from __future__ import annotations

import click

from pds.cli.accounts import describe, find_account, name_of
from pds.cli.output import json_option, show
from pds.cli.site import Site


@click.command("set-handle")
@click.argument("account")
@click.argument("handle")
@json_option
@click.pass_obj
def set_handle(site: Site, account: str, handle: str, *, as_json: bool) -> None:
    """Give an ACCOUNT another HANDLE; reserved names and a handle domain itself are allowed."""
    with site.services() as services:
        from pds.services.account_listing import complete_handle

        found = find_account(services, account)
        wanted = complete_handle(handle, services.config.service_handle_domains)
        services.handle_changes.change(found.did, wanted, by_admin=True)
        changed = services.accounts.get_account(found.did)
    text = f"{name_of(found)} is {name_of(changed)} now."
    show(describe(changed), text, as_json=as_json)

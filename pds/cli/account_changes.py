"""Commands that change what an account is called and how its owner gets in."""

from __future__ import annotations

import click

from pds.cli.accounts import describe, find_account, name_of
from pds.cli.new_password import chosen_password
from pds.cli.output import RULE, facts, json_option, show
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


@click.command("set-email")
@click.argument("account")
@click.argument("email")
@json_option
@click.pass_obj
def set_email(site: Site, account: str, email: str, *, as_json: bool) -> None:
    """Give an ACCOUNT another e-mail address; the old one is told, the new one not confirmed."""
    with site.services() as services:
        found = find_account(services, account)
        services.email_addresses.change_by_operator(found.did, email)
        changed = services.accounts.get_account(found.did)
    text = f"The e-mail address of {name_of(changed)} is {changed.email} now."
    show(describe(changed), text, as_json=as_json)


@click.command("confirm-email")
@click.argument("account")
@json_option
@click.pass_obj
def confirm_email(site: Site, account: str, *, as_json: bool) -> None:
    """Count the e-mail address of an ACCOUNT as confirmed."""
    with site.services() as services:
        found = find_account(services, account)
        services.email_addresses.confirm_by_operator(found.did)
        changed = services.accounts.get_account(found.did)
    text = f"The e-mail address of {name_of(changed)}, {changed.email}, is confirmed."
    show(describe(changed), text, as_json=as_json)


@click.command("reset-password")
@click.argument("account")
@click.option(
    "--password",
    help="The new password; - reads it from the standard input. Default: a generated one.",
)
@json_option
@click.pass_obj
def reset_password(site: Site, account: str, *, password: str | None, as_json: bool) -> None:
    """Give an ACCOUNT another password; it is signed out everywhere."""
    new_password = chosen_password(password)
    with site.services() as services:
        found = find_account(services, account)
        services.password_changes.change_by_operator(found.did, new_password)
    show(
        {**describe(found), "password": new_password},
        [
            "Password changed, signed out everywhere.",
            RULE,
            *facts([("Handle", name_of(found)), ("DID", found.did), ("Password", new_password)]),
            RULE,
            "Save this password, it is not shown again.",
        ],
        as_json=as_json,
    )

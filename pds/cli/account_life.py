"""Commands that make accounts, and switch them off and on."""

from __future__ import annotations

import click

from pds.cli.accounts import describe, find_account, name_of
from pds.cli.new_password import chosen_password
from pds.cli.output import RULE, facts, hint, is_terminal, json_option, show
from pds.cli.site import Site


@click.command()
@click.option("--email", help="The owner's e-mail address.")
@click.option("--handle", help="Without a dot: below the server's first handle domain.")
@click.option(
    "--password",
    help="The first password; - reads it from the standard input. Default: a generated one.",
)
@json_option
@click.pass_obj
def create(
    site: Site, *, email: str | None, handle: str | None, password: str | None, as_json: bool
) -> None:
    """Make an account, without an invite code. Reserved names are allowed."""
    email = _asked("--email", "E-mail address", email)
    handle = _asked("--handle", "Handle", handle)
    first_password = chosen_password(password)
    with site.services() as services:
        from pds.services.account_creation import NewAccount
        from pds.services.account_listing import complete_handle

        full_handle = complete_handle(handle, services.config.service_handle_domains)
        new = NewAccount(full_handle, email, first_password, by_operator=True)
        did = services.accounts.create(new).did
        made = services.accounts.get_account(did)
        services.sessions.end_all(made.id)  # sign-up starts one, which nobody holds
        site_url = services.config.public_url
    show(
        {**describe(made), "password": first_password},
        [
            "Account created.",
            RULE,
            *facts([("Handle", name_of(made)), ("DID", did), ("Password", first_password)]),
            RULE,
            "Save this password, it is not shown again.",
        ],
        as_json=as_json,
    )
    hint(f"Sign in at {site_url}/account, or in an app with the hosting provider {site_url}.")


@click.command()
@click.argument("account")
@json_option
@click.pass_obj
def deactivate(site: Site, account: str, *, as_json: bool) -> None:
    """Make an ACCOUNT inactive, as its owner could; nothing of it is lost."""
    with site.services() as services:
        found = find_account(services, account)
        services.accounts.deactivate(found.did)
        changed = services.accounts.get_account(found.did)
    show(describe(changed), f"Deactivated {name_of(changed)}.", as_json=as_json)


@click.command()
@click.argument("account")
@json_option
@click.pass_obj
def activate(site: Site, account: str, *, as_json: bool) -> None:
    """Make a deactivated ACCOUNT active again; its DID must point to this server."""
    with site.services() as services:
        found = find_account(services, account)
        services.accounts.activate(found.did)
        changed = services.accounts.get_account(found.did)
    show(describe(changed), f"Activated {name_of(changed)}.", as_json=as_json)


def _asked(option: str, question: str, given: str | None) -> str:
    """What was given, or is answered now; a program that forgets it is not kept waiting."""
    if given:
        return given
    if not is_terminal():
        message = f"Missing option '{option}'."
        raise click.UsageError(message)
    answer: str = click.prompt(question, err=True)
    return answer

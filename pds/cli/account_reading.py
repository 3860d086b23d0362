"""Commands that look accounts up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pds.cli.accounts import describe, find_account, status_of
from pds.cli.output import facts, json_option, show, table
from pds.cli.site import Site

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.accounts import AccountRow


@click.command("list")
@click.argument("text", required=False, default="")
@click.option("--inactive", is_flag=True, help="Only accounts that are taken down or deactivated.")
@json_option
@click.pass_obj
def list_accounts(site: Site, text: str, *, inactive: bool, as_json: bool) -> None:
    """List all accounts, or those with TEXT in their handle, e-mail address or DID."""
    with site.services():
        from pds.services.account_listing import each_account

        found = list(each_account(text, only_inactive=inactive))
    lines = [(a.handle or "-", a.email or "-", a.did, status_of(a)) for a in found]
    show(
        {"accounts": [describe(account) for account in found]},
        table(["Handle", "E-mail", "DID", "Status"], lines),
        as_json=as_json,
    )


@click.command()
@click.argument("account")
@json_option
@click.pass_obj
def info(site: Site, account: str, *, as_json: bool) -> None:
    """Tell everything about one ACCOUNT: its handle, DID or e-mail address."""
    with site.services() as services:
        found = find_account(services, account)
        contents = _contents(services, found)
    show({**describe(found), **contents}, facts(_told(found, contents)), as_json=as_json)


def _contents(services: Services, account: AccountRow) -> dict[str, Any]:
    """What the account holds."""
    repo = services.accounts.repo_status(account.did)
    _, records = services.repos.counts(account.id)
    expected_blobs, blobs = services.blobs.counts(account.id)
    return {
        "rev": repo.rev,
        "head": str(repo.head),
        "records": records,
        "blobs": blobs,
        "missingBlobs": expected_blobs - blobs,
    }


def _told(account: AccountRow, contents: dict[str, Any]) -> list[tuple[str, str]]:
    confirmed = account.email_confirmed_at if account.is_email_confirmed else "not confirmed"
    blobs = str(contents["blobs"])
    if contents["missingBlobs"]:
        blobs += f", {contents['missingBlobs']} missing"
    since = account.deactivated_at
    pairs = [
        ("Handle", account.handle or "-"),
        ("DID", account.did),
        ("E-mail", account.email or "-"),
        ("Confirmed", confirmed or "not confirmed"),
        ("Status", status_of(account)),
        ("Created", account.created_at),
        ("Deactivated", since or ""),
        ("Delete after", account.delete_after or ""),
        ("Takedown", account.takedown_ref or ""),
        ("Invites", "disabled" if account.invites_disabled else ""),
        ("Records", str(contents["records"])),
        ("Blobs", blobs),
        ("Rev", contents["rev"]),
    ]
    return [(name, value) for name, value in pairs if value]

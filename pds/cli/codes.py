"""The command that reads out one-time codes, for members whom no mail reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pds.cli.accounts import find_account
from pds.cli.output import json_option, show, table
from pds.cli.site import Site

if TYPE_CHECKING:
    from pds.services.email_tokens import PendingCode


@click.command()
@click.argument("account", required=False)
@json_option
@click.pass_obj
def codes(site: Site, account: str | None, *, as_json: bool) -> None:
    """Show the codes that members have asked for and not used, of all or of one ACCOUNT."""
    with site.services() as services:
        did = find_account(services, account).did if account else None
        waiting = [code for code in services.email_tokens.pending() if did in (None, code.did)]
    show(
        {"codes": [_describe(code) for code in waiting]},
        _told(waiting) if waiting else "No codes are waiting.",
        as_json=as_json,
    )


def _describe(code: PendingCode) -> dict[str, Any]:
    return {
        "did": code.did,
        "handle": code.handle,
        "purpose": code.purpose,
        "code": code.code,
        "minutesLeft": code.minutes_left,
        "link": code.link,
    }


def _told(waiting: list[PendingCode]) -> list[str]:
    rows = [
        (code.handle or code.did, code.purpose, code.code, str(code.minutes_left), code.link or "-")
        for code in waiting
    ]
    return table(["Account", "Purpose", "Code", "Minutes left", "Link"], rows)

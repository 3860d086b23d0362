"""``pdsadmin invite …``: codes that let people sign up."""

from __future__ import annotations

import click

from pds.cli.accounts import find_account
from pds.cli.output import json_option, show
from pds.cli.site import Site


@click.group()
def invite() -> None:
    """Invite codes: make and look after them."""


@invite.command()
@click.option("--uses", type=click.IntRange(1), default=1, help="Sign-ups per code. Default: 1.")
@click.option("--count", type=click.IntRange(1), default=1, help="How many codes. Default: 1.")
@click.option("--for", "owner", help="The account whose codes they are. Default: the operator.")
@json_option
@click.pass_obj
def create(site: Site, *, uses: int, count: int, owner: str | None, as_json: bool) -> None:
    """Make invite codes and print them, one a line."""
    with site.services() as services:
        owners = (find_account(services, owner).did,) if owner else ("admin",)
        [(for_account, codes)] = services.invites.create(uses, owners, code_count=count)
    made = [{"code": code, "uses": uses, "forAccount": for_account} for code in codes]
    show({"codes": made}, codes, as_json=as_json)

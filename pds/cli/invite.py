"""``pdsadmin invite …``: codes that let people sign up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pds.cli.accounts import find_account
from pds.cli.failures import Failure
from pds.cli.output import hint, json_option, show, table
from pds.cli.site import Site

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.invites import ListedCode

OPERATOR = "admin"
PAGE = 500


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
        owners = (find_account(services, owner).did if owner else OPERATOR,)
        [(for_account, codes)] = services.invites.create(uses, owners, code_count=count)
        site_url = services.config.public_url
    made = [{"code": code, "uses": uses, "forAccount": for_account} for code in codes]
    show({"codes": made}, codes, as_json=as_json)
    hint(
        f"Whoever has a code makes an account at {site_url}/account/sign-up, or in an app with"
        f" the hosting provider {site_url}."
    )


@invite.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only codes that still let somebody in.")
@json_option
@click.pass_obj
def list_codes(site: Site, *, only_open: bool, as_json: bool) -> None:
    """List all invite codes, the newest first, and who used them."""
    with site.services() as services:
        found = [
            (code, _names(services, code))
            for code in _each(services)
            if not only_open or _state(code) == "open"
        ]
    headings = ["Code", "Used", "State", "For", "Made", "Used by"]
    show(
        {"codes": [_describe(code) for code, _ in found]},
        table(headings, [_row(code, names) for code, names in found]),
        as_json=as_json,
    )


@invite.command()
@click.argument("codes", nargs=-1)
@click.option("--of", "owner", help="All codes of this account.")
@json_option
@click.pass_obj
def disable(site: Site, codes: tuple[str, ...], *, owner: str | None, as_json: bool) -> None:
    """Close CODES, so that they let nobody in any more."""
    if not codes and not owner:
        message = "name codes, or an account with --of"
        raise click.UsageError(message)
    with site.services() as services:
        known = {code.code: code for code in _each(services)}
        for code in codes:
            if code not in known:
                message = f"there is no code {code}; to see all: pdsadmin invite list"
                raise Failure(message)
        owners = [find_account(services, owner).did] if owner else []
        services.invites.disable(codes, owners)
        closed = [
            code.code for code in known.values() if code.code in codes or code.for_account in owners
        ]
    show({"disabled": closed}, f"Closed: {len(closed)}.", as_json=as_json)


def _each(services: Services) -> Iterator[ListedCode]:
    """Every code, the newest first."""
    cursor = None
    while True:
        codes, cursor = services.invites.page("recent", cursor, PAGE)
        yield from codes
        if cursor is None:
            return


def _state(code: ListedCode) -> str:
    if code.disabled:
        return "closed"
    return "used up" if code.is_used_up else "open"


def _names(services: Services, code: ListedCode) -> list[str]:
    """Whose the code is, then who used it, by handle where there still is one."""
    people = [code.for_account, *(use.used_by for use in code.uses)]
    known = [services.accounts.find_account(did) for did in people]
    return [
        account.handle if account and account.handle else did
        for did, account in zip(people, known, strict=True)
    ]


def _row(code: ListedCode, names: list[str]) -> list[str]:
    used = f"{len(code.uses)}/{code.available_uses}"
    made = code.created_at[:10]
    return [code.code, used, _state(code), names[0], made, ", ".join(names[1:]) or "-"]


def _describe(code: ListedCode) -> dict[str, Any]:
    return {
        "code": code.code,
        "uses": code.available_uses,
        "state": _state(code),
        "forAccount": code.for_account,
        "createdBy": code.created_by,
        "createdAt": code.created_at,
        "usedBy": [{"did": use.used_by, "at": use.used_at} for use in code.uses],
    }

"""``pdsadmin sign-up …``: whether people can make accounts for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pds.cli.output import facts, json_option, show
from pds.cli.site import Site

if TYPE_CHECKING:
    from pds.services.flood_breaker import SignUpStatus

_WHY = {
    "flood": "too many came within an hour",
    "full": "the server is full",
    "operator": "by the operator",
}


@click.group()
def sign_up() -> None:
    """Sign-up: whether people can make accounts for themselves."""


@sign_up.command()
@json_option
@click.pass_obj
def status(site: Site, *, as_json: bool) -> None:
    """Show whether sign-up is open, and how near the caps are."""
    with site.services() as services:
        found = services.flood_breaker.status()
    lines = facts(
        [
            ("Sign-up", _told(found)),
            ("Last hour", _share(found.last_hour, found.per_hour)),
            ("Accounts", _share(found.in_all, found.max_in_all)),
        ]
    )
    show(_describe(found), lines, as_json=as_json)


@sign_up.command()
@json_option
@click.pass_obj
def close(site: Site, *, as_json: bool) -> None:
    """Let nobody sign up until it is opened again."""
    with site.services() as services:
        services.flood_breaker.close()
        found = services.flood_breaker.status()
    show(_describe(found), "Sign-up is closed.", as_json=as_json)


@sign_up.command("open")
@json_option
@click.pass_obj
def open_again(site: Site, *, as_json: bool) -> None:
    """Let people sign up again, also after a flood."""
    with site.services() as services:
        services.flood_breaker.reopen()
        found = services.flood_breaker.status()
    text = "Sign-up is open." if found.is_open else f"Sign-up stays {_told(found)}."
    show(_describe(found), text, as_json=as_json)


def _describe(found: SignUpStatus) -> dict[str, Any]:
    return {
        "open": found.is_open,
        "reason": found.reason,
        "since": found.since,
        "lastHour": found.last_hour,
        "maxPerHour": found.per_hour or None,
        "accounts": found.in_all,
        "maxAccounts": found.max_in_all or None,
    }


def _told(found: SignUpStatus) -> str:
    if found.reason is None:
        return "open"
    since = f" since {found.since}" if found.since else ""
    return f"closed{since}: {_WHY[found.reason]}"


def _share(number: int, cap: int) -> str:
    return f"{number} of {cap}" if cap else f"{number}, no cap"

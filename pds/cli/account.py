"""``pdsadmin account …``: one command after the other, in three modules."""

from __future__ import annotations

import click

from pds.cli.lazy_group import LazyGroup

COMMANDS = {
    "create": "pds.cli.account_life:create",
    "move-in": "pds.cli.move_in:move_in",
    "rescue": "pds.cli.rescue:rescue",
    "list": "pds.cli.account_reading:list_accounts",
    "info": "pds.cli.account_reading:info",
    "deactivate": "pds.cli.account_life:deactivate",
    "activate": "pds.cli.account_life:activate",
    "takedown": "pds.cli.account_takedown:takedown",
    "untakedown": "pds.cli.account_takedown:untakedown",
    "delete": "pds.cli.account_end:delete",
    "set-handle": "pds.cli.account_changes:set_handle",
    "set-email": "pds.cli.account_changes:set_email",
    "confirm-email": "pds.cli.account_changes:confirm_email",
    "reset-password": "pds.cli.account_changes:reset_password",
    "codes": "pds.cli.codes:codes",
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def account() -> None:
    """Accounts: make, find, change and delete them."""

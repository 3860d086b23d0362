"""Finding the account that a command is about, and describing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pds.cli.failures import Failure

if TYPE_CHECKING:
    from pds.services import Services
    from pds.services.accounts import AccountRow


def find_account(services: Services, name: str) -> AccountRow:
    """The account with this handle, DID or e-mail address. A Failure when there is none."""
    from pds.services.account_listing import find_named

    account = find_named(name, services.config.service_handle_domains)
    if account is None:
        message = f"there is no account {name} here; to see all: pdsadmin account list"
        raise Failure(message)
    return account


def status_of(account: AccountRow) -> str:
    return account.status or "active"


def name_of(account: AccountRow) -> str:
    """What a message calls the account."""
    return account.handle or account.did


def describe(account: AccountRow) -> dict[str, Any]:
    """The account for ``--json``; every command uses these keys."""
    return {
        "did": account.did,
        "handle": account.handle,
        "email": account.email,
        "emailConfirmedAt": account.email_confirmed_at or None,
        "status": status_of(account),
        "createdAt": account.created_at,
        "deactivatedAt": account.deactivated_at,
        "deleteAfter": account.delete_after,
        "takedownRef": account.takedown_ref,
        "invitesDisabled": bool(account.invites_disabled),
    }

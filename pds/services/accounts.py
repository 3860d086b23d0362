"""The accounts hosted here: find them, decide who may see or change what is theirs, list them.

Signing up, (de)activating and deleting are stories of their own, told in ``account_creation``,
``account_activation`` and ``account_deletion``; they are reached through here so that a caller
needs one name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pds.errors import (
    AccountDeactivatedError,
    AccountNotFoundError,
    AccountTakedownError,
    AuthRequiredError,
    InvalidRequestError,
    RepoDeactivatedError,
    RepoNotFoundError,
    RepoTakendownError,
)
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.storage import accounts
from pds.storage.accounts import AccountRow, HostedRepo

if TYPE_CHECKING:
    from pds.services.account_activation import AccountActivation, AccountCheck
    from pds.services.account_creation import AccountCreation, CreatedAccount, NewAccount
    from pds.services.account_deletion import AccountDeletion

# The rows are handed out from here, so callers who may not know storage name them from here.
__all__ = ["AccountRow", "Accounts", "HostedRepo", "RepoPage"]

_MAX_CURSOR_DIGITS = 18


@dataclass(frozen=True, slots=True)
class RepoPage:
    """``cursor`` continues after the last repo; None when this was the last page."""

    repos: list[HostedRepo]
    cursor: str | None


def read_id_cursor(cursor: str | None) -> int:
    """The account id to go on after; InvalidRequestError when it is not a cursor of ours."""
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MAX_CURSOR_DIGITS):
        message = "Malformed cursor"
        raise InvalidRequestError(message)
    return int(cursor)


class Accounts:
    """Accounts by DID or handle."""

    def __init__(
        self, creation: AccountCreation, activation: AccountActivation, deletion: AccountDeletion
    ) -> None:
        self._creation = creation
        self._activation = activation
        self._deletion = deletion

    def find_account(self, at_identifier: str) -> AccountRow | None:
        """The account a DID or handle names, in any status."""
        return accounts.find_account(at_identifier)

    def get_account(self, at_identifier: str) -> AccountRow:
        """The account a DID or handle names, in any status.

        Raises:
            RepoNotFoundError: it is not hosted here.
        """
        account = accounts.find_account(at_identifier)
        if account is None:
            message = f"Could not find repo: {at_identifier}"
            raise RepoNotFoundError(message)
        return account

    def get_readable(
        self,
        did: str,
        caller_did: str | None,
        is_admin: bool,  # noqa: FBT001 - who asks, not how it is done
    ) -> AccountRow:
        """The account, when this caller may read its repo and blobs.

        The owner and the admin may at any time: an account that moves away is exported while it is
        inactive. Everyone else sees active accounts only.

        Raises:
            RepoNotFoundError, RepoTakendownError, RepoDeactivatedError

        Spec: https://atproto.com/specs/account#hosting-status
        """
        account = self.get_account(did)
        if account.is_active or is_admin or caller_did == account.did:
            return account
        if account.is_taken_down:
            message = f"Repo has been taken down: {did}"
            raise RepoTakendownError(message)
        message = f"Repo has been deactivated: {did}"
        raise RepoDeactivatedError(message)

    def get_writable(self, repo: str, caller_did: str) -> AccountRow:
        """The account whose repo the caller wants to change, ``repo`` being its DID or handle.

        Raises:
            AccountNotFoundError, AccountTakedownError, AccountDeactivatedError
            AuthRequiredError: it is somebody else's.
        """
        account = accounts.find_account(repo)
        if account is None:
            message = f"Could not find repo: {repo}"
            raise AccountNotFoundError(message)
        if account.is_taken_down:
            raise AccountTakedownError
        if account.deactivated_at is not None:
            raise AccountDeactivatedError
        if account.did != caller_did:
            message = "This repo belongs to another account"
            raise AuthRequiredError(message)
        return account

    def repo_status(self, did: str) -> HostedRepo:
        """Head and status of a hosted repo. RepoNotFoundError when there is none."""
        hosted = accounts.find_hosted(did)
        if hosted is None:
            message = f"Could not find repo: {did}"
            raise RepoNotFoundError(message)
        return hosted

    def list_repos(self, limit: int, cursor: str | None) -> RepoPage:
        """A page of all hosted repos, inactive ones too, in the order the accounts were made.

        Raises:
            InvalidRequestError: the cursor is not one of ours.
        """
        after_id = read_id_cursor(cursor)
        page = accounts.list_page(after_id, limit + 1)
        if len(page) <= limit:
            return RepoPage(page, None)
        return RepoPage(page[:limit], str(page[limit - 1].id))

    def create(self, new: NewAccount) -> CreatedAccount:
        """Sign up; see ``AccountCreation.create``."""
        return self._creation.create(new)

    def resume_pending(self) -> None:
        """Finish or undo sign-ups that a crash cut off; see ``AccountCreation``."""
        self._creation.resume_pending()

    def activate(self, did: str) -> None:
        """Make an account active; see ``AccountActivation.activate``."""
        self._activation.activate(did)

    def deactivate(
        self,
        did: str,
        delete_after: str | None = None,
        *,
        also: Callable[[int], None] | None = None,
    ) -> None:
        """Make an account inactive at its owner's wish; see ``AccountActivation.deactivate``."""
        self._activation.deactivate(did, delete_after, also)

    def check_status(self, did: str) -> AccountCheck:
        """What checkAccountStatus tells; see ``AccountActivation.check``."""
        return self._activation.check(did)

    def delete(self, did: str) -> None:
        """Delete an account; see ``AccountDeletion.delete``."""
        self._deletion.delete(did)

    def delete_own(
        self,
        did: str,
        password: str,
        code: str,
        *,
        device: Device = UNKNOWN_DEVICE,
        bypass_key: str | None = None,
    ) -> None:
        """Delete an account as its owner; see ``AccountDeletion.delete_own``."""
        self._deletion.delete_own(did, password, code, device=device, bypass_key=bypass_key)

    def delete_lapsed(self) -> int:
        """Delete accounts whose owners wanted it by now; see ``AccountDeletion``."""
        return self._deletion.delete_lapsed()

    def start_clean_up(self) -> None:
        """Remove in the background what deleted accounts have left; see ``AccountDeletion``."""
        self._deletion.start_clean_up()

    def clean_up(self) -> int:
        """Like ``start_clean_up``, but wait until it is done; returns how many are finished."""
        return self._deletion.clean_up()

    def close(self) -> None:
        """Stop the work in the background."""
        self._deletion.close()

"""Accounts as moderators see them: with the invite code they came by and those they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pds.errors import NotFoundError
from pds.services.accounts import read_id_cursor
from pds.storage import account_listing, accounts, invite_listing
from pds.storage.accounts import AccountRow
from pds.storage.invite_listing import ListedCode


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """``invites`` are all codes of the account, closed and used up ones too."""

    account: AccountRow
    invited_by: ListedCode | None
    invites: list[ListedCode]


class AccountInfos:
    """Looks accounts up, in any status."""

    def get(self, did: str) -> AccountInfo:
        """Raises NotFoundError when there is no such account."""
        account = accounts.find_by_did(did)
        if account is None:
            message = "Account not found"
            raise NotFoundError(message)
        return _info(account)

    def get_many(self, dids: Iterable[str]) -> list[AccountInfo]:
        """Those that are here, in the order asked for."""
        found = [accounts.find_by_did(did) for did in dict.fromkeys(dids)]
        return [_info(account) for account in found if account is not None]

    def search(
        self, email: str, cursor: str | None, limit: int
    ) -> tuple[list[AccountInfo], str | None]:
        """Accounts with ``email`` somewhere in their address, oldest first; and the next cursor.

        The empty text finds all, also those without an address.

        Raises:
            InvalidRequestError: the cursor is not one of ours.
        """
        after_id = read_id_cursor(cursor)
        page = account_listing.list_by_email(email.strip().lower(), after_id, limit + 1)
        following = str(page[limit - 1].id) if len(page) > limit else None
        return [_info(account) for account in page[:limit]], following


def _info(account: AccountRow) -> AccountInfo:
    return AccountInfo(
        account, invite_listing.code_used_by(account.did), invite_listing.codes_of(account.did)
    )

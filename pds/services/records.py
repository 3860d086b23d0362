"""Read and list records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pds.atproto.cid import Cid
from pds.atproto.stored_cbor import decode_stored
from pds.atproto.syntax.at_uri import make_at_uri
from pds.errors import InvalidRequestError, RecordNotFoundError
from pds.storage import accounts, records
from pds.storage.accounts import AccountRow


@dataclass(frozen=True, slots=True)
class RecordView:
    uri: str
    cid: Cid
    value: Any


class Records:
    """What the public may read: records of active accounts that are not taken down."""

    def get_public_account(self, repo: str) -> AccountRow:
        """The active account named by handle or DID.

        Raises:
            InvalidRequestError: it is not here, or not active.
        """
        account = accounts.find_account(repo)
        if account is None or not account.is_active:
            message = f"Could not find repo: {repo}"
            raise InvalidRequestError(message)
        return account

    def get(self, repo: str, collection: str, rkey: str, cid: str | None = None) -> RecordView:
        """One record; with ``cid`` only if that is its current version.

        Raises:
            RecordNotFoundError: no such record, taken down, or another version.
            InvalidRequestError: no such repo.
        """
        account = self.get_public_account(repo)
        found = records.find_record(account.id, collection, rkey)
        uri = make_at_uri(account.did, collection, rkey)
        if found is None or found[2] is not None or (cid is not None and str(found[0]) != cid):
            message = f"Could not locate record: {uri}"
            raise RecordNotFoundError(message)
        return RecordView(uri, found[0], decode_stored(found[1]))

    def list_page(
        self, repo: str, collection: str, *, limit: int, cursor: str | None, reverse: bool
    ) -> list[RecordView]:
        """A page of a collection, newest key first, or oldest first with ``reverse``."""
        account = self.get_public_account(repo)
        prefix = make_at_uri(account.did, collection, "")
        page = records.list_records(
            account.id, collection, limit=limit, cursor=cursor, reverse=reverse
        )
        return [
            RecordView(prefix + rkey, cid, decode_stored(content)) for rkey, cid, content in page
        ]

    def collections(self, account: AccountRow) -> list[str]:
        """The NSIDs of which the repo has records, sorted."""
        return records.list_collections(account.id)

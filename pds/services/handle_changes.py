"""A new handle for an account: checked, published, stored and announced.

Spec: https://atproto.com/specs/handle
"""

from __future__ import annotations

from typing import Protocol

from pds.atproto.plc import Operation
from pds.errors import AccountTakedownError, InvalidRequestError
from pds.network.plc_directory import OperationRefusedError
from pds.services.handles import Handles
from pds.services.identity_journal import IdentityJournal, check_handle_free
from pds.storage import accounts
from pds.storage.accounts import AccountRow


class HandleOperations(Protocol):
    """The part of ``Identity`` that is needed here."""

    def handle_operation(self, did: str, handle: str) -> Operation | None: ...


class HandleChanges:
    """Gives accounts new handles."""

    def __init__(
        self, identity: HandleOperations, handles: Handles, journal: IdentityJournal
    ) -> None:
        self._identity = identity
        self._handles = handles
        self._journal = journal

    def change(self, did: str, handle: str, *, by_admin: bool = False) -> str:
        """Give the account ``handle``; return it in its normal form.

        Giving it the handle it has mends what may have gone wrong elsewhere: the network is told
        once more, and the directory where it names another.

        by_admin: reserved and rude names are fine, and so is an account that is taken down.

        Raises:
            InvalidHandleError, HandleNotAvailableError: of the handle.
            InvalidRequestError: it does not point to the DID; there is no such account; the DID
                has ended or is not this server's to change.
            IncompatibleDidDocError: a did:web document does not name the handle.
            AccountTakedownError, OperationRefusedError
            UpstreamFailureError: the directory does not answer. When that happened in the very
                middle, the change is finished or dropped as soon as it does.
        """
        account = accounts.find_by_did(did)
        if account is None:
            message = f"Account not found: {did}"
            raise InvalidRequestError(message)
        if account.is_taken_down and not by_admin:
            raise AccountTakedownError
        is_unchanged = self._handles.check_form(handle) == account.handle
        normal = self._handles.check_new(handle, did, by_admin=by_admin or is_unchanged)
        check_handle_free(normal, for_account=account.id)
        with self._journal.turn(account.id):
            self._publish(account, normal)
        return normal

    def _publish(self, account: AccountRow, handle: str) -> None:
        operation = self._identity.handle_operation(account.did, handle)
        if operation is None:
            self._journal.record(account, handle)
            return
        try:
            self._journal.send(account, operation, handle)
        except OperationRefusedError:
            # Another operation may have come first. Then ours can be made again, once.
            again = self._identity.handle_operation(account.did, handle)
            if again is None:
                self._journal.record(account, handle)
            elif again["prev"] == operation["prev"]:
                raise
            else:
                self._journal.send(account, again, handle)

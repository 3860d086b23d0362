"""The identity of accounts here changes in two places at once: the PLC directory and this database.

No transaction spans both. So a change goes in this order, and a crash anywhere leaves something
that ``resume`` can finish or drop:

1. transaction 1: the signed operation is written down, which also reserves the new handle;
2. the operation goes to the directory (sending the same one twice is harmless);
3. transaction 2: the account has the handle, the network is told, the entry goes.

An account has one change under way at most. Another process (the command line) may work on the
same entry: whoever comes second to step 3 finds the entry gone and has nothing left to do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pds.atproto.plc import Operation
from pds.errors import (
    AccountNotFoundError,
    HandleNotAvailableError,
    InvalidRequestError,
    PdsError,
    UpstreamFailureError,
)
from pds.services.account_events import announce_identity
from pds.services.clock import Clock
from pds.services.in_progress import InProgress
from pds.services.mail import Mail
from pds.services.resuming import resume_each
from pds.services.sequencer import Sequencer
from pds.storage import accounts, identity_changes
from pds.storage.accounts import AccountRow
from pds.storage.database import transaction
from pds.storage.identity_changes import IdentityChangeRow

logger = logging.getLogger("pds.identity")


class ChangeUnderWayError(InvalidRequestError):
    default_message = "Another change of this account's identity is under way, try again shortly"


class Directory(Protocol):
    """The part of ``Identity`` that is needed here."""

    def submit_operation(self, did: str, operation: Operation) -> None:
        """Raises OperationRefusedError, UpstreamFailureError."""

    def holds_operation(self, did: str, operation: Operation) -> bool:
        """Raises UpstreamFailureError."""


class IdentityJournal:
    """Carries changes of accounts' identity out, each wholly or not at all; tells the owners."""

    def __init__(
        self, directory: Directory, sequencer: Sequencer, mail: Mail, clock: Clock
    ) -> None:
        self._directory = directory
        self._sequencer = sequencer
        self._mail = mail
        self._clock = clock
        self._in_progress = InProgress()

    @contextmanager
    def turn(self, account_id: int) -> Iterator[None]:
        """Hold the account's identity for the block. An earlier change is brought to an end first.

        Raises:
            ChangeUnderWayError: somebody else holds it.
            UpstreamFailureError: how the earlier change ended cannot be found out now.
        """
        with self._in_progress.claim(account_id) as is_ours:
            if not is_ours:
                raise ChangeUnderWayError
            earlier = identity_changes.find_change(account_id)
            if earlier is not None:
                self._settle(earlier)
            yield

    def send(self, account: AccountRow, operation: Operation, handle: str | None = None) -> None:
        """Make a change that takes an operation; call it in the account's ``turn``.

        handle: the account's new handle; None keeps the one it has.

        Raises:
            HandleNotAvailableError, AccountNotFoundError, ChangeUnderWayError
            OperationRefusedError: the directory does not want it. Nothing has changed.
            UpstreamFailureError: it is unknown whether the directory took it. The change is
                finished or dropped as soon as that is known.
        """
        change = IdentityChangeRow(account.id, handle, operation, self._clock())
        with transaction():
            self._check(account, handle)
            if identity_changes.find_change(account.id) is not None:
                raise ChangeUnderWayError
            identity_changes.add_change(change)
        try:
            self._directory.submit_operation(account.did, operation)
        except UpstreamFailureError:
            if not self._is_known_to_have_arrived(account.did, operation):
                raise
        except PdsError:
            self._drop(change)
            raise
        self._finish(change)

    def record(self, account: AccountRow, handle: str) -> None:
        """Give the account a handle that its DID document names already, and tell the network.

        Raises:
            HandleNotAvailableError, AccountNotFoundError
        """
        with transaction():
            self._check(account, handle)
            accounts.set_handle(account.id, handle)
            announce_identity(self._sequencer, account.did, handle)
            if handle != account.handle:
                self._notify(account, handle)

    def resume(self) -> None:
        """Finish, or drop, what a crash or a silent directory has left open.

        What cannot be decided because the directory is still silent stays for the next time.
        """
        resume_each(identity_changes.list_changes(), self._resume)

    def _resume(self, change: IdentityChangeRow) -> None:
        with self._in_progress.claim(change.account_id) as is_ours:
            if is_ours:
                self._settle(change)

    def _check(self, account: AccountRow, handle: str | None) -> None:
        """What must hold when the change is written down. The caller holds the transaction."""
        if accounts.find_by_id(account.id) is None:
            raise AccountNotFoundError
        if handle is not None:
            check_handle_free(handle, for_account=account.id)

    def _settle(self, change: IdentityChangeRow) -> None:
        """Bring a change of the past to its end. Raises UpstreamFailureError."""
        account = accounts.find_by_id(change.account_id)
        if account is None:
            return  # deleted meanwhile, and its entry with it
        try:
            self._directory.submit_operation(account.did, change.operation)
        except UpstreamFailureError:
            raise
        except PdsError as error:
            self._drop(change)
            logger.warning("dropped a cut-off change of %s: %s", account.did, error)
            return
        self._finish(change)
        logger.info("finished a cut-off change of %s", account.did)

    def _is_known_to_have_arrived(self, did: str, operation: Operation) -> bool:
        """Whether only the directory's reply was lost."""
        try:
            return self._directory.holds_operation(did, operation)
        except UpstreamFailureError:
            return False

    def _finish(self, change: IdentityChangeRow) -> None:
        with transaction():
            account = accounts.find_by_id(change.account_id)
            if account is None or identity_changes.find_change(account.id) != change:
                return
            if change.handle is not None:
                accounts.set_handle(account.id, change.handle)
            announce_identity(self._sequencer, account.did, change.handle or account.handle)
            identity_changes.remove_change(account.id)
            self._notify(account, change.handle)

    def _notify(self, account: AccountRow, handle: str | None) -> None:
        """Queue a mail that says what has changed. The caller holds the transaction."""
        change = f"its handle is now @{handle}" if handle else "its DID document was changed"
        self._mail.notify(account, "identity_changed", change=change)

    @staticmethod
    def _drop(change: IdentityChangeRow) -> None:
        with transaction():
            if identity_changes.find_change(change.account_id) == change:
                identity_changes.remove_change(change.account_id)


def check_handle_free(handle: str, *, for_account: int) -> None:
    """Raises HandleNotAvailableError when somebody else here has the handle or is about to."""
    if identity_changes.is_handle_taken(handle, for_account=for_account):
        message = f"Handle already taken: {handle}"
        raise HandleNotAvailableError(message)

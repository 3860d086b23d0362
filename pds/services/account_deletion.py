"""Deleting accounts: gone at once, cleaned up after in the background.

1. One transaction takes away the account with its key, sessions and head, announces that it is
   deleted, and notes what is left to do in the table ``deletion``. From then on nothing of it can
   be read or written, and its handle and e-mail address are free.
2. Records, blocks, blobs and older events go in many short transactions, so that no other writer
   waits; then the files; then, in the last one, the note.

Every step can be repeated, so a crash anywhere only means that the clean-up starts over. Until it
is done the DID cannot come back, or it would find, or lose, what is not its own any more.

Whatever writes for an account checks in the same transaction that the account is there; that is
what keeps a write, an upload or an import under way from leaving something behind.

Spec: https://atproto.com/guides/account-lifecycle#deletion
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from pds.atproto.syntax.datetime import format_datetime
from pds.errors import (
    AuthRequiredError,
    InvalidSwapError,
    NotFoundError,
    PdsError,
    UpstreamFailureError,
)
from pds.services.account_events import announce_deletion
from pds.services.blobs import Blobs
from pds.services.clock import Clock
from pds.services.devices import UNKNOWN_DEVICE, Device
from pds.services.email_tokens import EmailTokens
from pds.services.repos import Repos
from pds.services.sequencer import Sequencer
from pds.services.sign_in import SignIn, WrongPasswordError
from pds.services.slices import Slices, StoppedError
from pds.storage import accounts, deletions, did_cache, events, invite_codes
from pds.storage.accounts import AccountRow
from pds.storage.database import close_thread_connection, transaction
from pds.storage.deletions import LARGE_TABLES, DeletionRow

logger = logging.getLogger("pds.accounts")

_EVENTS_READ: Final = 10_000
_REST_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Parts:
    """The services that deletion is put together from."""

    repos: Repos
    blobs: Blobs
    codes: EmailTokens
    sequencer: Sequencer
    sign_in: SignIn


class AccountDeletion:
    """Deletes accounts."""

    def __init__(self, parts: Parts, clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self._cleaning = threading.Lock()
        self._stopping = threading.Event()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="deletion")

    # --- step 1 ----------------------------------------------------------------------------------

    def delete(self, did: str) -> None:
        """Delete an account, whatever its status; the rest is cleaned up in the background.

        Raises:
            NotFoundError: it is not hosted here; nothing is announced.
        """
        account = accounts.find_by_did(did)
        if account is None:
            raise _not_found(did)
        self._delete(account)

    def delete_own(
        self,
        did: str,
        password: str,
        code: str,
        *,
        device: Device = UNKNOWN_DEVICE,
        bypass_key: str | None = None,
    ) -> None:
        """Delete an account as its owner, whatever its status. App passwords do not count.

        Raises:
            AuthRequiredError: no such account or a wrong password, without saying which.
            LockedOutError: too many were wrong, also where people sign in.
            InvalidTokenError, ExpiredTokenError: the code by mail.
        """
        account = accounts.find_by_did(did)
        try:
            proof = self._parts.sign_in.confirm(account, did, password, device, bypass_key)
        except WrongPasswordError as error:
            raise _wrong_password() from error

        def check(current: AccountRow) -> None:
            if current.password_scrypt != proof.account.password_scrypt:
                raise _wrong_password()
            self._parts.codes.redeem_in_transaction(current, "delete_account", code)

        try:
            self._delete(proof.account, check)
        except NotFoundError as error:
            raise _wrong_password() from error

    def delete_lapsed(self) -> int:
        """Delete deactivated accounts whose owner wanted that by now; return how many.

        One that is taken down stays until somebody decides about the takedown.
        """
        deleted = 0
        for account in accounts.list_lapsed(format_datetime(self._clock())):
            try:
                self._delete(account, check=_same_as(account))
            except PdsError as error:
                logger.info("%s is not deleted after all: %s", account.did, error)
                continue
            logger.warning(
                "deleted %s: deactivated, to be deleted after %s", account.did, account.delete_after
            )
            deleted += 1
        return deleted

    def _delete(
        self, account: AccountRow, check: Callable[[AccountRow], None] = lambda _: None
    ) -> None:
        """``check`` sees the account inside the transaction; what it raises leaves all as it is."""
        # The repo lock: a write that has begun is announced before the end is.
        with self._parts.repos.repo_lock(account.id), transaction():
            current = accounts.find_by_id(account.id)
            if current is None:
                raise _not_found(account.did)
            check(current)
            accounts.delete(current.id)
            invite_codes.forget_account(current.did)
            seq = announce_deletion(self._parts.sequencer, current.did)
            deletions.insert(DeletionRow(current.id, current.did, self._clock(), seq))
        logger.info("deleted the account %s; cleaning up after it", account.did)
        self.start_clean_up()

    # --- step 2 ----------------------------------------------------------------------------------

    def start_clean_up(self) -> None:
        """Clean up in the background. Call it at start, and now and then."""
        with suppress(RuntimeError):  # closed: the server is stopping
            self._background.submit(self._clean_up_in_thread)

    def clean_up(self) -> int:
        """Remove what deleted accounts have left; return how many are finished.

        One runs at a time, but another process may do the same beside it. Where one account's
        fails, the next still has its turn.
        """
        with self._cleaning:
            self._parts.sequencer.notice_others()
            return sum(self._finish(deletion) for deletion in deletions.list_unfinished())

    def close(self) -> None:
        """Stop at the next slice; the rest is done after the next start."""
        self._stopping.set()
        self._background.shutdown(wait=True, cancel_futures=True)

    def _clean_up_in_thread(self) -> None:
        try:
            self.clean_up()
        except StoppedError:
            pass
        except Exception:
            logger.exception("cleaning up after deleted accounts failed; tried again later")
        finally:
            close_thread_connection()

    def _finish(self, deletion: DeletionRow) -> bool:
        try:
            self._clean(deletion)
        except StoppedError:
            raise
        except UpstreamFailureError:
            logger.warning("cleaning up after %s waits for the store of blobs", deletion.did)
            return False
        except Exception:
            logger.exception("cleaning up after %s failed; it is tried again later", deletion.did)
            return False
        logger.info("nothing is left of the account %s", deletion.did)
        return True

    def _clean(self, deletion: DeletionRow) -> None:
        slices = Slices(self._stopping.is_set)
        for table in LARGE_TABLES:
            slices.run(partial(deletions.delete_some, table, deletion.account_id))
        self._delete_events(deletion, slices)
        while not self._parts.blobs.delete_files_of(deletion.did):
            if self._stopping.wait(_REST_S):
                raise StoppedError
        with transaction():
            did_cache.remove_document(deletion.did)
            deletions.remove(deletion.account_id)

    def _delete_events(self, deletion: DeletionRow, slices: Slices) -> None:
        """Delete the account's events but for the last, which tells that it is deleted."""
        read_through = (events.first_seq() or deletion.tombstone_seq) - 1
        while read_through < deletion.tombstone_seq - 1:
            last = min(read_through + _EVENTS_READ, deletion.tombstone_seq - 1)
            seqs = events.seqs_of(deletion.did, read_through, last)
            slices.run(partial(_delete_some, seqs))
            read_through = last


def _not_found(did: str) -> NotFoundError:
    return NotFoundError(f"Could not find account: {did}")


def _wrong_password() -> AuthRequiredError:
    return AuthRequiredError("Invalid did or password")


def _same_as(account: AccountRow) -> Callable[[AccountRow], None]:
    def check(current: AccountRow) -> None:
        if current != account:
            message = "The account was changed in the meantime"
            raise InvalidSwapError(message)

    return check


def _delete_some(seqs: list[int], limit: int) -> int:
    """Delete the first ``limit`` of these events and take them off the list."""
    batch = seqs[:limit]
    events.delete_events(batch)
    del seqs[:limit]
    return len(batch)

"""Blobs: upload, let records use them, fetch, list, find missing, clean up.

An upload is private until a record of the same account refers to it. The last reference gone, the
blob goes too. Bytes are in a store (a directory or a bucket), rows in the database, and no
transaction spans both, so the order matters: a file is in place before its row appears, and a row
is gone before its file is deleted. What a crash leaves in between is a file without a row, which
``sweep_files`` removes.

Putting a file into place with adding its row, and deleting a row with its file, happen under the
blob's lock, or an upload could lose its file to a deletion under way. The store is never asked
inside a transaction.
Spec: https://atproto.com/specs/blob
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import filetype

from pds.atproto.blob_ref import BlobRef
from pds.atproto.cid import RAW, Cid, InvalidCidError
from pds.atproto.syntax.at_uri import make_at_uri
from pds.disk_trouble import disk_trouble
from pds.errors import (
    AccountNotFoundError,
    AccountTakedownError,
    BlobNotFoundError,
    InvalidMimeTypeError,
    InvalidRequestError,
    InvalidSizeError,
    NotEnoughResourcesError,
    UpstreamFailureError,
)
from pds.services.blob_home import check_home
from pds.services.blob_sweep import HOUR_US, BlobSweep, SweepResult
from pds.services.clock import Clock
from pds.services.later import Later
from pds.storage import accounts, blobs, database, deletions
from pds.storage.accounts import AccountRow
from pds.storage.blob_locks import BlobLocks
from pds.storage.blob_store import BlobStore, TemporaryBlob, folder_name

logger = logging.getLogger("pds.blobs")

UPLOAD_LIFE_US: Final = 24 * HOUR_US
_BATCH: Final = 500
_ANY_TYPE = "*/*"
_UNKNOWN_TYPE = "application/octet-stream"
_MIME_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")


@dataclass(frozen=True, slots=True)
class OpenBlob:
    """A blob that may be served."""

    store: BlobStore
    folder: str
    cid: Cid
    mime_type: str
    size_bytes: int

    def open(self, start: int, size: int) -> BinaryIO:
        """A file that stands at the byte ``start``, with ``size`` bytes or more to come.

        Raises:
            BlobNotFoundError: it was deleted, or lost, in the meantime.
            UpstreamFailureError, UpstreamTimeoutError, NotEnoughResourcesError: of the store.
        """
        try:
            with self.store.turn():
                return self.store.open(self.folder, self.cid, start, size)
        except FileNotFoundError as error:
            where = self.store.describe(self.folder, self.cid)
            logger.error("the file of a stored blob is missing: %s", where)  # noqa: TRY400
            raise BlobNotFoundError from error


@dataclass(frozen=True, slots=True)
class MissingBlob:
    """A blob that a record refers to and nobody has uploaded."""

    cid: Cid
    record_uri: str


class Blobs:
    """The blobs of all accounts."""

    def __init__(
        self,
        store: BlobStore,
        locks: BlobLocks,
        *,
        clock: Clock,
        upload_limit_bytes: int,
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        """check_room: refuses uploads while the disk is nearly full."""
        self._store = store
        self._locks = locks
        self._clock = clock
        self._upload_limit_bytes = upload_limit_bytes
        self._check_room = check_room
        self._later = Later("blobs", self._delete_dropped)
        store.prepare()

    def upload(
        self,
        account: AccountRow,
        stream: BinaryIO,
        content_type: str | None,
        *,
        check_type: Callable[[str], None] | None = None,
    ) -> BlobRef:
        """Store what ``stream`` holds; returns the reference that a record may contain.

        The type is told from the bytes where they are recognised, else it is the declared one.
        A blob that is in use keeps the type it has, so that the reference always fits.
        check_type: called with the type before anything is kept; what it raises is passed on.

        Raises:
            PayloadTooLargeError: larger than the limit.
            InvalidRequestError: no usable content type, or the blob was taken down.
            AccountNotFoundError: the account was deleted in the meantime.
            AccountTakedownError: it is taken down, which a service token does not tell.
            NotEnoughResourcesError: the disk is full, or the store busy.
            UpstreamFailureError, UpstreamTimeoutError: of the store; nothing has changed.
        """
        declared = declared_type(content_type)
        self._check_room()
        incoming = self._store.incoming
        with _full_disk_told():
            temporary = incoming.write(stream, self._upload_limit_bytes)
            try:
                mime_type = filetype.guess_mime(temporary.head) or declared
                if check_type is not None:
                    check_type(mime_type)
                mime_type = self._keep(account, temporary, mime_type)
            finally:
                incoming.discard(temporary)
        return BlobRef(temporary.cid, mime_type, temporary.size_bytes)

    def _keep(self, account: AccountRow, blob: TemporaryBlob, mime_type: str) -> str:
        folder = folder_name(account.did)
        with self._store.turn(), self._locks.blobs(folder, [blob.cid]):
            _check_account(accounts.find_by_id(account.id))
            _refuse_taken_down(blobs.find_blob(account.id, blob.cid))
            self._store.keep(blob, folder)
            with database.transaction():
                return self._save(account.id, blob, mime_type)

    def _save(self, account_id: int, blob: TemporaryBlob, mime_type: str) -> str:
        """Write the row of an upload whose file is in place; returns the type that counts."""
        known = blobs.find_blob(account_id, blob.cid)
        _refuse_taken_down(known)
        is_used = blobs.is_referenced(account_id, blob.cid)
        now_us = self._clock()
        if known is None:
            waits_since = blobs.USED if is_used else now_us
            if not blobs.insert_blob(account_id, blob.cid, mime_type, blob.size_bytes, waits_since):
                raise AccountNotFoundError
            return mime_type
        if is_used:
            mime_type = known.mime_type
        blobs.renew_upload(account_id, blob.cid, mime_type, now_us)
        return mime_type

    def check_and_reference(
        self, account_id: int, collection: str, rkey: str, refs: Sequence[BlobRef]
    ) -> None:
        """Let a record use the blobs it refers to. The caller holds the transaction.

        Raises:
            BlobNotFoundError: not uploaded to this account, or taken down.
            InvalidMimeTypeError, InvalidSizeError: the reference says otherwise than the upload.
        """
        for ref in refs:
            _check_reference(ref, blobs.find_blob(account_id, ref.cid))
        blobs.add_references(account_id, collection, rkey, [ref.cid for ref in refs])

    def unreference(self, account_id: int, collection: str, rkey: str) -> list[Cid]:
        """Let a record use no blobs any more. The caller holds the transaction.

        Returns the blobs it used, to be passed to ``delete_unreferenced`` after the commit.
        """
        return blobs.drop_references(account_id, collection, rkey)

    def delete_unreferenced(self, account: AccountRow, cids: Sequence[Cid]) -> None:
        """Delete those of ``cids`` that no record uses now. Call it after the commit.

        Never raises: the change it follows is durable. What it cannot do, ``expire_uploads`` and
        ``sweep_files`` do later. With a remote store it only begins, and another thread goes on.
        """
        if self._store.is_remote:
            if cids:
                self._later.begin()
            return
        try:
            self._delete_due(account.id, account.did, cids, blobs.DROPPED)
        except Exception:
            logger.exception("blobs without a record could not be deleted; left for later")

    def delete_all_unreferenced(self, account: AccountRow) -> None:
        """Like ``delete_unreferenced``, for every blob that an import took the last record from."""
        if self._store.is_remote:
            self._later.begin()
            return
        try:
            while cids := blobs.find_due_of(account.id, _BATCH):
                self._delete_due(account.id, account.did, cids, blobs.DROPPED)
        except Exception:
            logger.exception("blobs without a record could not be deleted; left for later")

    def close(self) -> None:
        """End what runs in the background. What is left to delete has its mark."""
        self._later.stop()

    def open_blob(self, account: AccountRow, cid: Cid) -> OpenBlob:
        """Find a blob that a record uses; uploads no record uses are private.

        Raises:
            BlobNotFoundError: there is none, or it was taken down.
        """
        found = blobs.find_blob(account.id, cid)
        if found is None or found.takedown_ref is not None:
            raise BlobNotFoundError
        if not blobs.is_referenced(account.id, cid):
            raise BlobNotFoundError
        folder = folder_name(account.did)
        return OpenBlob(self._store, folder, cid, found.mime_type, found.size_bytes)

    def list_blobs(
        self, account: AccountRow, *, since: str | None, limit: int, cursor: str | None
    ) -> tuple[list[Cid], str | None]:
        """Blobs that records refer to, by CID, and the cursor of the next page.

        since: only those of records written after that rev.
        Raises: InvalidRequestError for a cursor that is not ours.
        """
        cids = blobs.list_cids(account.id, since=since, after=_after(cursor), limit=limit)
        return cids, str(cids[-1]) if len(cids) == limit else None

    def list_missing(
        self, account: AccountRow, *, limit: int, cursor: str | None
    ) -> tuple[list[MissingBlob], str | None]:
        """Blobs that records refer to and nobody has uploaded, and the cursor of the next page.

        Raises: InvalidRequestError for a cursor that is not ours.
        """
        found = blobs.list_missing(account.id, after=_after(cursor), limit=limit)
        missing = [
            MissingBlob(cid, make_at_uri(account.did, collection, rkey))
            for cid, collection, rkey in found
        ]
        return missing, str(missing[-1].cid) if len(missing) == limit else None

    def is_any_missing(self, account: AccountRow) -> bool:
        """Whether records refer to a blob that nobody has uploaded."""
        return bool(blobs.list_missing(account.id, after=b"", limit=1))

    def counts(self, account_id: int) -> tuple[int, int]:
        """(blobs that records refer to, how many of these are there), for checkAccountStatus."""
        return blobs.count_blobs(account_id)

    def begin_serving(self) -> None:
        """Remove what uploads that were killed left on disk, and see whether the store is there.

        Raises:
            ConfigError: the store will not let us in, or the blobs are in another one.
        """
        self._store.incoming.drop_leftovers()
        self._store.check()
        check_home(self._store)

    def expire_uploads(self, older_than_us: int = UPLOAD_LIFE_US) -> int:
        """Delete uploads no record has used in that time; returns how many."""
        through_us = self._clock() - older_than_us
        with database.transaction():
            blobs.settle_used(through_us)
        return self._delete_all_due(through_us)

    def delete_files_of(self, did: str) -> bool:
        """Remove some files of an account whose row is gone; call it until it says True: all.

        Doing it again is harmless.
        """
        folder = folder_name(did)
        # Uploads that saw the account are through now, and none after this puts a file there.
        with self._locks.account(folder):
            if not deletions.is_being_deleted(did):
                return True  # another process has finished, and the account may be back
            return not self._store.delete_some(folder)

    def sweep_files(self) -> SweepResult:
        """Remove files without a row, over an hour old, and report rows without a file."""
        return BlobSweep(self._store, self._locks, self._clock).run()

    def _delete_dropped(self) -> None:
        try:
            self._delete_all_due(blobs.DROPPED)
        except UpstreamFailureError:
            logger.warning("blobs without a record could not be deleted; left for later")

    def _delete_all_due(self, through_us: int) -> int:
        deleted = 0
        while due := blobs.find_due(through_us, _BATCH):
            owned = defaultdict[tuple[int, str], list[Cid]](list)
            for blob in due:
                owned[blob.account_id, blob.did].append(blob.cid)
            for (account_id, did), cids in owned.items():
                deleted += self._delete_due(account_id, did, cids, through_us)
        return deleted

    def _delete_due(self, account_id: int, did: str, cids: Sequence[Cid], through_us: int) -> int:
        folder = folder_name(did)
        with self._locks.blobs(folder, cids):
            with database.transaction():
                gone = blobs.delete_due(account_id, cids, through_us)
            self._store.delete(folder, gone)
        return len(gone)


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if disk_trouble(error) != "full":
            raise
        logger.error("an upload failed: the disk is full")  # noqa: TRY400 # no bug to trace
        message = "The server has no room for this upload"
        raise NotEnoughResourcesError(message) from error


def declared_type(content_type: str | None) -> str:
    """The media type of a Content-Type header, without parameters, in lower case.

    Client libraries that do not know the type send the method's own ``*/*``.

    Raises:
        InvalidRequestError: it is none.
    """
    essence = (content_type or "").partition(";")[0].strip().lower()
    if essence == _ANY_TYPE:
        return _UNKNOWN_TYPE
    if not _MIME_TYPE.fullmatch(essence):
        message = "An upload needs a Content-Type such as image/png"
        raise InvalidRequestError(message)
    return essence


def _check_account(account: AccountRow | None) -> None:
    if account is None:
        raise AccountNotFoundError
    if account.is_taken_down:
        raise AccountTakedownError


def _refuse_taken_down(known: blobs.BlobRow | None) -> None:
    if known is not None and known.takedown_ref is not None:
        message = "This blob was taken down and cannot be uploaded again"
        raise InvalidRequestError(message)


def _check_reference(ref: BlobRef, known: blobs.BlobRow | None) -> None:
    if ref.cid.codec != RAW or known is None or known.takedown_ref is not None:
        message = f"Could not find blob: {ref.cid}"
        raise BlobNotFoundError(message)
    if ref.mime_type != known.mime_type:
        message = f"The blob {ref.cid} is {known.mime_type}, but the record says {ref.mime_type}"
        raise InvalidMimeTypeError(message)
    if ref.size != known.size_bytes:
        message = f"The blob {ref.cid} has {known.size_bytes} bytes, but the record says {ref.size}"
        raise InvalidSizeError(message)


def _after(cursor: str | None) -> bytes:
    """The CID to go on after; the empty one comes before all."""
    if cursor is None:
        return b""
    try:
        return Cid.parse(cursor)
    except InvalidCidError as error:
        message = "Malformed cursor"
        raise InvalidRequestError(message) from error

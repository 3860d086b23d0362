"""What a crash has left in the blob store: unknown bytes are removed, lost ones told of."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pds.atproto.cid import Cid
from pds.services.clock import Clock
from pds.storage import accounts, blobs
from pds.storage.blob_locks import BlobLocks
from pds.storage.blob_store import BlobStore, folder_name

logger = logging.getLogger("pds.blobs")

HOUR_US: Final = 3_600_000_000
_BATCH: Final = 500
_MISSING_SHOWN: Final = 20
_LONGEST_PLAIN_DID: Final = 255


@dataclass(frozen=True, slots=True)
class SweepResult:
    """files_removed: files nobody knew. files_missing: blobs whose file is gone."""

    files_removed: int
    files_missing: int


class BlobSweep:
    """Goes through all there is. Everything it decides on, it looks at again under the lock."""

    def __init__(self, store: BlobStore, locks: BlobLocks, clock: Clock) -> None:
        self._store = store
        self._locks = locks
        self._clock = clock

    def run(self) -> SweepResult:
        return SweepResult(self._remove_unknown_files(), self._report_lost_files())

    def unknown(self) -> Iterator[tuple[str, int | None, list[Cid]]]:
        """(folder, id of its account, blobs in it that have had no row for an hour)."""
        before_us = self._clock() - HOUR_US
        hashed = {
            folder_name(did): account_id for account_id, did in blobs.long_dids(_LONGEST_PLAIN_DID)
        }
        for folder in self._store.folders():
            account = accounts.find_by_did(folder)
            account_id = account.id if account else hashed.get(folder)
            stale = (b.cid for b in self._store.list(folder) if b.modified_us < before_us)
            while batch := list(islice(stale, _BATCH)):
                known = set() if account_id is None else blobs.existing(account_id, batch)
                if unknown := [cid for cid in batch if cid not in known]:
                    yield folder, account_id, unknown

    def _remove_unknown_files(self) -> int:
        removed = 0
        for folder, account_id, cids in self.unknown():
            removed += self._remove_unknown(folder, account_id, cids)
        if removed:
            logger.info("removed %d blob files that no account knows", removed)
        return removed

    def _remove_unknown(self, folder: str, account_id: int | None, cids: Sequence[Cid]) -> int:
        """Remove those of ``cids`` that have no row; all of them when the account is gone."""
        with self._locks.blobs(folder, cids):
            known = set() if account_id is None else blobs.existing(account_id, cids)
            gone = [cid for cid in cids if cid not in known]
            self._store.delete(folder, gone)
        return len(gone)

    def _report_lost_files(self) -> int:
        lost = 0
        for blob in self._lost():
            lost += 1
            if lost <= _MISSING_SHOWN:
                path = self._store.describe(folder_name(blob.did), blob.cid)
                logger.error("the file of a stored blob is missing: %s", path)
        if lost > _MISSING_SHOWN:
            logger.error("files of %d stored blobs are missing", lost)
        return lost

    def _lost(self) -> Iterator[blobs.OwnedBlob]:
        """Blobs that have a row and no bytes."""
        folder, present = "", set[Cid]()
        after: tuple[int, bytes] = (0, b"")
        while page := blobs.owned_page(after, _BATCH):
            for blob in page:
                if folder != folder_name(blob.did):
                    folder = folder_name(blob.did)
                    present = {stored.cid for stored in self._store.list(folder)}
                if blob.cid not in present and self._is_lost(folder, blob):
                    yield blob
            after = (page[-1].account_id, page[-1].cid)

    def _is_lost(self, folder: str, blob: blobs.OwnedBlob) -> bool:
        """Look again: it may have come, or gone with its row, since the folder was listed."""
        with self._locks.blobs(folder, [blob.cid]):
            if blobs.find_blob(blob.account_id, blob.cid) is None:
                return False
            try:
                self._store.open(folder, blob.cid, 0, 1).close()
            except FileNotFoundError:
                return True
        return False

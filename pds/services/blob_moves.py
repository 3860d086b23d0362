"""Looking through all blobs: is each as its row says, and is each in another store too?

Both read every byte and compare it with the CID, which is its hash. They may run beside the server:
what is deleted meanwhile is passed over. What is uploaded meanwhile to where the server keeps its
blobs comes too late for a copy, which is why the last one is made while the server is stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from pds.atproto.cid import RAW, cid_from_digest
from pds.errors import PayloadTooLargeError
from pds.services.blob_sweep import BlobSweep
from pds.services.clock import Clock
from pds.storage import blobs
from pds.storage.blob_locks import BlobLocks
from pds.storage.blob_store import CHUNK_BYTES, BlobStore, folder_name
from pds.storage.blobs import BlobRow, OwnedBlob

_BATCH: Final = 500
_PROBLEMS_NAMED: Final = 1_000

Progress = Callable[[int, int], None]  # (how many are done, how many there are)
State = Literal["good", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class BlobProblem:
    """A blob whose bytes are not there, or not those of its CID."""

    did: str
    cid: str
    what: Literal["missing", "damaged"]


@dataclass(slots=True)
class Findings:
    """What a pass has found. ``problems`` are all counted, and the first thousand named."""

    blobs: int = 0
    size_bytes: int = 0
    copied: int = 0
    missing: int = 0
    damaged: int = 0
    unknown: int = 0
    problems: list[BlobProblem] = field(default_factory=list)

    def add(self, blob: OwnedBlob, row: BlobRow, state: State) -> None:
        self.blobs += 1
        if state == "good":
            self.size_bytes += row.size_bytes
            return
        self.missing += state == "missing"
        self.damaged += state == "damaged"
        if len(self.problems) < _PROBLEMS_NAMED:
            self.problems.append(BlobProblem(blob.did, str(blob.cid), state))


def verify(store: BlobStore, locks: BlobLocks, clock: Clock, progress: Progress) -> Findings:
    """Read every blob and compare it with its row; count bytes that have no row.

    Raises:
        UpstreamFailureError: the store does not do its part.
    """
    findings = Findings()
    for blob, row in _all_blobs(progress):
        state = state_of(store, blob, row)
        # Only what is wrong is looked at twice: it may have been deleted, or put right, meanwhile.
        if state != "good":
            with locks.blobs(folder_name(blob.did), [blob.cid]):
                current = blobs.find_blob(blob.account_id, blob.cid)
                if current is None:
                    continue
                state = state_of(store, blob, current)
        findings.add(blob, row, state)
    for _, _, cids in BlobSweep(store, locks, clock).unknown():
        findings.unknown += len(cids)
    return findings


def migrate(source: BlobStore, target: BlobStore, locks: BlobLocks, progress: Progress) -> Findings:
    """Copy to ``target`` what it lacks of the blobs that have a row. Nothing is deleted anywhere.

    A store shows whole blobs only, so one of the right size in ``target`` need not be copied again:
    however this was cut off, the next time goes on.

    Raises:
        UpstreamFailureError: a store does not do its part.
    """
    findings = Findings()
    folder, present = "", dict[bytes, int]()
    for blob, row in _all_blobs(progress):
        if folder != folder_name(blob.did):
            folder = folder_name(blob.did)
            present = {bytes(found.cid): found.size_bytes for found in target.list(folder)}
        if present.get(bytes(blob.cid)) == row.size_bytes:
            findings.add(blob, row, "good")
            continue
        with locks.blobs(folder, [blob.cid]):
            current = blobs.find_blob(blob.account_id, blob.cid)
            if current is None:
                continue
            state = _copy(source, target, blob, current)
        findings.add(blob, row, state)
        findings.copied += state == "good"
    return findings


def _all_blobs(progress: Progress) -> Iterator[tuple[OwnedBlob, BlobRow]]:
    total, done = blobs.count_all(), 0
    after: tuple[int, bytes] = (0, b"")
    while page := blobs.owned_page(after, _BATCH):
        for blob in page:
            row = blobs.find_blob(blob.account_id, blob.cid)
            if row is not None:
                yield blob, row
            done += 1
            progress(done, total)
        after = (page[-1].account_id, page[-1].cid)


def state_of(store: BlobStore, blob: OwnedBlob, row: BlobRow) -> State:
    """Read a blob whole and compare it with its row. Raises UpstreamFailureError."""
    try:
        file = store.open(folder_name(blob.did), blob.cid, 0, row.size_bytes)
    except FileNotFoundError:
        return "missing"
    digest, size_bytes = hashlib.sha256(), 0
    with file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size_bytes += len(chunk)
    is_good = cid_from_digest(RAW, digest.digest()) == blob.cid and size_bytes == row.size_bytes
    return "good" if is_good else "damaged"


def _copy(source: BlobStore, target: BlobStore, blob: OwnedBlob, row: BlobRow) -> State:
    folder = folder_name(blob.did)
    try:
        with source.open(folder, blob.cid, 0, row.size_bytes) as file:
            temporary = target.incoming.write(file, row.size_bytes)
    except FileNotFoundError:
        return "missing"
    except PayloadTooLargeError:
        return "damaged"
    try:
        if temporary.cid != blob.cid or temporary.size_bytes != row.size_bytes:
            return "damaged"
        target.keep(temporary, folder)
    finally:
        target.incoming.discard(temporary)
    return "good"

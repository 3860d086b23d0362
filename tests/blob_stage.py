"""Two accounts and their blobs, and what a write does to them."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

from pds.atproto.blob_ref import BlobRef
from pds.atproto.cid import Cid
from pds.services.blob_stores import bucket_store
from pds.services.blobs import Blobs
from pds.storage import accounts, database
from pds.storage.accounts import AccountRow, NewAccountRow
from pds.storage.blob_files import BlobFiles
from pds.storage.blob_locks import BlobLocks
from pds.storage.blob_store import BlobStore
from tests.factories import StillClock, make_config
from tests.fakes.s3_server import S3Server, s3_settings

ALICE = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"
BOB = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"
POST = "app.bsky.feed.post"
JPEG = b"\xff\xd8\xff\xe0" + bytes(500)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
LIMIT = 10_000


class Stage:
    """Two accounts, and their blobs in a store: on disk, if not said otherwise."""

    def __init__(self, directory: Path, clock: StillClock, store: BlobStore | None = None) -> None:
        self.directory = directory / "blobs"
        self.clock = clock
        self.store = store or BlobFiles(self.directory)
        locks = BlobLocks(directory / "blobs.lock")
        self.service = Blobs(self.store, locks, clock=clock, upload_limit_bytes=LIMIT)
        self.alice = add_account(ALICE)
        self.bob = add_account(BOB)

    def upload(
        self, content: bytes, mime: str = "text/plain", account: AccountRow | None = None
    ) -> BlobRef:
        return self.service.upload(account or self.alice, io.BytesIO(content), mime)

    def use(self, rkey: str, *refs: BlobRef, account: AccountRow | None = None) -> None:
        """What a write does that creates a record."""
        owner = account or self.alice
        with database.transaction():
            self.service.check_and_reference(owner.id, POST, rkey, refs)

    def drop(self, rkey: str, account: AccountRow | None = None) -> list[Cid]:
        """What a write does inside its transaction when it deletes a record."""
        owner = account or self.alice
        with database.transaction():
            return self.service.unreference(owner.id, POST, rkey)

    def drop_and_delete(self, rkey: str) -> None:
        self.delete(self.drop(rkey))

    def delete(self, dropped: list[Cid]) -> None:
        """What a write does after its commit, and the end of it where it goes on elsewhere."""
        self.service.delete_unreferenced(self.alice, dropped)
        self.service._later.wait()

    def read(self, cid: Cid, account: AccountRow | None = None) -> bytes:
        blob = self.service.open_blob(account or self.alice, cid)
        with blob.open(0, blob.size_bytes) as file:
            return file.read()

    def files(self) -> list[str]:
        """All there is in the store, and what uploads have left on disk."""
        stored = [
            f"{folder}/{blob.cid}"
            for folder in self.store.folders()
            for blob in self.store.list(folder)
        ]
        return sorted([*stored, *(path.name for path in self.store.incoming.directory.iterdir())])

    def put(self, folder: str, content: bytes) -> None:
        """Bytes in the store that no row knows."""
        blob = self.store.incoming.write(io.BytesIO(content), LIMIT)
        self.store.keep(blob, folder)
        self.store.incoming.discard(blob)

    def lose(self, *refs: BlobRef) -> None:
        """Remove bytes behind everybody's back."""
        self.store.delete(self.alice.did, [ref.cid for ref in refs])

    def state(self) -> Any:
        return (
            self.files(),
            database.rows("SELECT * FROM blob ORDER BY account_id, cid"),
            database.rows("SELECT * FROM record_blob ORDER BY 1, 2, 3, 4"),
        )

    def age_files(self, seconds: float) -> None:
        """Let so much time pass since now, which is when all files were really written."""
        self.clock.now_us = int((time.time() + seconds) * 1_000_000)


def new_bucket(server: S3Server, directory: Path, port: int | None = None) -> BlobStore:
    """A store in a bucket of its own; ``port``: where else to reach the server."""
    settings = s3_settings(server.new_bucket(), port or server.port)
    return bucket_store(make_config(directory, **settings))


def add_account(did: str) -> AccountRow:
    row = NewAccountRow(did, f"{did[8:12]}{len(did)}.test", None, None, "2026-01-01T00:00:00.000Z")
    with database.transaction():
        account_id = accounts.insert(row)
    account = accounts.find_by_id(account_id)
    assert account is not None
    return account


def place(account: AccountRow, cid: Cid) -> str:
    return f"{account.did}/{cid}"


def add_record(account_id: int, rkey: str, rev: str) -> None:
    """A record row: references alone are enough for all but ``since``."""
    with database.transaction():
        database.execute(
            "INSERT INTO record (account_id, collection, rkey, cid, rev, indexed_at_us, content)"
            " VALUES (?, ?, ?, x'00', ?, 0, x'a0')",
            (account_id, POST, rkey, rev),
        )


def take_down(account: AccountRow, cid: Cid) -> None:
    with database.transaction():
        database.execute(
            "UPDATE blob SET takedown_ref = 'bad' WHERE account_id = ? AND cid = ?",
            (account.id, cid),
        )

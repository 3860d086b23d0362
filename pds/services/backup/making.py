"""A new snapshot, while the server runs.

Blobs first, then the database, then the blobs that came in between: so the long part is over when
the moment of the snapshot comes, and a blob can be missing only if it was deleted in the seconds
after that. The manifest is last; whatever is cut off before it does no harm, and what was copied by
then need not be copied again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pds import __version__
from pds.atproto.cid import RAW, Cid, cid_from_digest
from pds.services.backup.layout import MANIFEST, SNAPSHOTS, blob_key
from pds.services.backup.manifest import FileEntry, Manifest, name_of
from pds.services.backup.room import check_for_backup
from pds.services.backup.vault import Vault
from pds.services.clock import Clock
from pds.storage import blobs
from pds.storage.blob_store import CHUNK_BYTES, BlobStore, folder_name
from pds.storage.database_copy import CopiedBlob, DatabaseCopy, copy_database

DATABASE: Final = "pds.sqlite"
SETTINGS: Final = "settings.json"
BLOB_LIST: Final = "blobs.txt"
_BATCH: Final = 500

Progress = Callable[[str, int, int], None]  # (what is being done, how many are done, how many)


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up.

    settings: the environment of the server, secrets included. reserve_bytes: what is to stay free
    on the disk of the data. damaged: blobs that the last check has found damaged at the place, as
    bytes of CIDs; they are copied anew.
    """

    database: Path
    store: BlobStore
    settings: Mapping[str, str]
    scratch: Path
    reserve_bytes: int = 0
    damaged: frozenset[bytes] = frozenset()


def make_snapshot(vault: Vault, source: Source, clock: Clock, progress: Progress) -> Manifest:
    """Back up everything as it is now; the manifest of the new snapshot.

    The caller holds the place alone, and has named its owner.

    Raises:
        BackupError, UpstreamFailureError, OSError: the place, or the store of blobs, does not do
            its part.
    """
    assert vault.owner is not None  # noqa: S101
    if vault.has_header():
        vault.open_or_make()
        _drop_cut_off(vault)
    there = vault.blob_cids() - source.damaged
    check_for_backup(source.database, source.scratch, vault.place, there, source.reserve_bytes)
    vault.open_or_make()
    _copy_blobs(vault, source, _known_blobs(), there, progress)

    created_at_us = clock()
    name = name_of(created_at_us)
    copy = source.scratch / DATABASE
    copy.unlink(missing_ok=True)
    progress("copying the database", 0, 1)
    copy_database(source.database, copy)
    try:
        with closing(DatabaseCopy(copy)) as content:
            lost = _copy_blobs(vault, source, content.blobs(), there, progress)
            files = {
                BLOB_LIST: _store_list(vault, source, name, content.blobs()),
                SETTINGS: _store_settings(vault, source, name),
                DATABASE: vault.store(f"{SNAPSHOTS}{name}/{DATABASE}", copy),
            }
            count, size_bytes = _sum(content.blobs())
            manifest = Manifest(
                name=name,
                created_at_us=created_at_us,
                version=__version__,
                service_did=vault.owner.did,
                last_seq=content.last_seq(),
                accounts=content.count_accounts(),
                blobs=count,
                blob_bytes=size_bytes,
                files=files,
                lost_blobs=tuple(sorted(str(cid) for cid in lost)),
            )
    finally:
        copy.unlink(missing_ok=True)
    with _file(source.scratch / MANIFEST, manifest.to_json().encode()) as file:
        vault.store(f"{SNAPSHOTS}{name}/{MANIFEST}", file.path)
    return manifest


def _drop_cut_off(vault: Vault) -> None:
    """What backups have left that were cut off is worth its room alone."""
    complete = vault.snapshot_names()
    for name in vault.all_snapshot_names():
        if name not in complete:
            for key in vault.files_of(name):
                vault.delete(key)


def _known_blobs() -> Iterator[CopiedBlob]:
    """Those the server has at the moment, a few at a time."""
    after: tuple[int, bytes] = (0, b"")
    while page := blobs.owned_page(after, _BATCH):
        for blob in page:
            row = blobs.find_blob(blob.account_id, blob.cid)
            if row is not None:
                yield CopiedBlob(blob.did, blob.cid, row.size_bytes)
        after = (page[-1].account_id, page[-1].cid)


def _copy_blobs(
    vault: Vault,
    source: Source,
    wanted: Iterator[CopiedBlob],
    there: set[bytes],
    progress: Progress,
) -> set[Cid]:
    """Copy what is not ``there`` yet, and note that it is; returns those that nobody has."""
    lost: set[Cid] = set()
    total = blobs.count_all()
    for done, blob in enumerate(wanted):
        progress("copying pictures and videos", done, max(done, total))
        if bytes(blob.cid) in there:
            continue
        try:
            _copy_blob(vault, source, blob)
        except (FileNotFoundError, _DamagedBlobError):
            lost.add(blob.cid)
            continue
        there.add(bytes(blob.cid))
        lost.discard(blob.cid)
    return lost


def _copy_blob(vault: Vault, source: Source, blob: CopiedBlob) -> None:
    path = source.scratch / "blob"
    opened = source.store.open(folder_name(blob.did), blob.cid, 0, blob.size_bytes)
    digest = hashlib.sha256()
    with opened as stream, _file(path, b"") as file:
        with file.path.open("wb") as written:
            left = blob.size_bytes
            while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
                digest.update(chunk)
                written.write(chunk)
                left -= len(chunk)
        if cid_from_digest(RAW, digest.digest()) != blob.cid:
            raise _DamagedBlobError  # kept under its name, it would pass for good for ever
        vault.store(blob_key(blob.cid), file.path)


class _DamagedBlobError(Exception):
    """The server's own bytes of a blob are not those of its CID."""


def _store_list(vault: Vault, source: Source, name: str, known: Iterator[CopiedBlob]) -> FileEntry:
    """The blobs that the snapshot needs, so that those nobody needs can be told without it."""
    with _file(source.scratch / BLOB_LIST, b"") as file:
        with file.path.open("w", encoding="ascii") as written:
            for blob in known:
                written.write(f"{blob.cid} {blob.size_bytes}\n")
        return vault.store(f"{SNAPSHOTS}{name}/{BLOB_LIST}", file.path)


def _store_settings(vault: Vault, source: Source, name: str) -> FileEntry:
    content = json.dumps(dict(source.settings), indent=1, sort_keys=True).encode()
    with _file(source.scratch / SETTINGS, content) as file:
        return vault.store(f"{SNAPSHOTS}{name}/{SETTINGS}", file.path)


def _sum(known: Iterator[CopiedBlob]) -> tuple[int, int]:
    count = size_bytes = 0
    for blob in known:
        count += 1
        size_bytes += blob.size_bytes
    return count, size_bytes


class _file:  # noqa: N801 # used like a function
    """A file on this machine, readable by its owner alone, gone after the block."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self._content = content

    def __enter__(self) -> _file:
        self.path.unlink(missing_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self._content)
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)

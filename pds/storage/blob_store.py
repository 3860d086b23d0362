"""Where the bytes of blobs are kept: what a store can do, and what all stores share.

Two stores fit: ``blob_files`` (a directory) and ``blob_objects`` (a bucket of an S3 service).
Either keeps a blob under its account's folder and its CID, and shows it whole or not at all, also
after a crash. Whether it is known to anyone is decided by its row in ``blobs``. Locks, so that rows
and bytes agree, are the caller's (``blob_locks``).

An upload is first written to a temporary file on disk, whichever the store: until all of it is
there, nobody knows its name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from pds.atproto.cid import RAW, Cid, cid_from_digest
from pds.errors import PayloadTooLargeError

SNIFF_BYTES: Final = 8_192
"""How much of a blob's beginning is kept for telling its type: what ``filetype`` looks at."""

CHUNK_BYTES: Final = 262_144
FOLDER_PREFIXES: Final = ("did:", "sha256-")
_MAX_NAME_BYTES: Final = 255  # of a file name on Linux; a DID may have 2,048


@dataclass(frozen=True, slots=True)
class TemporaryBlob:
    """An upload that is whole but has no name yet. ``head``: its first bytes."""

    path: Path
    cid: Cid
    size_bytes: int
    head: bytes


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as a store lists it."""

    cid: Cid
    size_bytes: int
    modified_us: int


class BlobStore(Protocol):
    """The bytes of all accounts' blobs. ``folder`` is always ``folder_name`` of a DID.

    Whatever asks a remote store raises UpstreamFailureError or UpstreamTimeoutError when that does
    not do its part; it has then said so in the log.
    """

    is_remote: bool  # whether deleting takes so long that nobody should wait for it
    name: str  # which store it is, for people; another place has another name
    incoming: Incoming

    def prepare(self) -> None:
        """Make what is needed on this machine."""

    def check(self) -> None:
        """Make sure that the store can be used. Call it before serving.

        Raises:
            ConfigError: it will not let us in, or there is no such place.
        """

    def turn(self) -> AbstractContextManager[None]:
        """What a request holds while it uses the store.

        Raises:
            NotEnoughResourcesError: so many wait for the store already that one more would take
                the threads of requests that have nothing to do with it.
        """

    def keep(self, blob: TemporaryBlob, folder: str) -> None:
        """Put an upload into its place, durably; what was there is replaced."""

    def open(self, folder: str, cid: Cid, start: int, size: int) -> BinaryIO:
        """A file that stands at the byte ``start``, with at least ``size`` bytes to come.

        Raises:
            FileNotFoundError: there is no such blob.
        """

    def delete(self, folder: str, cids: Sequence[Cid]) -> None:
        """Remove blobs; content with those that are not there."""

    def folders(self) -> Iterator[str]:
        """The accounts that have blobs, or had some a moment ago."""

    def list(self, folder: str) -> Iterator[StoredBlob]:
        """The blobs in a folder, in no order. What is not named by a CID is passed over."""

    def delete_some(self, folder: str) -> bool:
        """Remove some of all there is in a folder, in a short time; whether there may be more."""

    def describe(self, folder: str, cid: Cid) -> str:
        """Where a blob is, or would be, for people."""


class Incoming:
    """The directory of uploads under way: ``<directory>/tmp``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "tmp"

    def prepare(self) -> None:
        """Make the directories."""
        self.directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.mkdir(mode=0o700, exist_ok=True)

    def drop_leftovers(self) -> None:
        """Remove what uploads of an earlier run left, and every upload under way."""
        for leftover in self.directory.iterdir():
            leftover.unlink(missing_ok=True)

    def write(self, stream: BinaryIO, limit_bytes: int) -> TemporaryBlob:
        """Copy ``stream`` to a temporary file, hashing and counting; the file is then durable.

        Raises:
            PayloadTooLargeError: more than ``limit_bytes``; nothing is left behind.
        """
        path = self.directory / secrets.token_hex(16)
        try:
            with _create(path) as target:
                blob = _copy(stream, target, path, limit_bytes)
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return blob

    def discard(self, blob: TemporaryBlob) -> None:
        """Remove a temporary blob, unless a store has taken it away."""
        blob.path.unlink(missing_ok=True)


def folder_name(did: str) -> str:
    """The folder of an account: its DID, or a hash of it where that is too long for a name.

    DIDs hold no slash and begin with ``did:``, so they are safe as names and never look like the
    hashed form.
    """
    if len(did) <= _MAX_NAME_BYTES:
        return did
    return "sha256-" + hashlib.sha256(did.encode()).hexdigest()


def _create(path: Path) -> BinaryIO:
    """Open a new file, readable by the owner alone whatever the umask."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _copy(stream: BinaryIO, target: BinaryIO, path: Path, limit_bytes: int) -> TemporaryBlob:
    digest = hashlib.sha256()
    size_bytes = 0
    head = b""
    while chunk := stream.read(CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            message = f"The blob is larger than the limit of {limit_bytes} bytes"
            raise PayloadTooLargeError(message)
        if len(head) < SNIFF_BYTES:
            head += chunk[: SNIFF_BYTES - len(head)]
        digest.update(chunk)
        target.write(chunk)
    return TemporaryBlob(path, cid_from_digest(RAW, digest.digest()), size_bytes, head)

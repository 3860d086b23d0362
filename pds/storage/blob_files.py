"""Blob bytes on disk: written beside their place, made durable, then renamed into it.

    <directory>/tmp/<random>      an upload under way
    <directory>/<did>/<cid>       a whole blob of one account

A file under its final name is therefore always whole, also after a power cut. Whether it is known
to anyone is decided by its row in ``blobs``; files without a row are left for ``stale_files``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from pds.atproto.cid import RAW, Cid, InvalidCidError, cid_from_digest
from pds.errors import PayloadTooLargeError

SNIFF_BYTES: Final = 8_192
"""How much of a blob's beginning is kept for telling its type: what ``filetype`` looks at."""

_CHUNK_BYTES: Final = 262_144
_MAX_NAME_BYTES: Final = 255  # of a file name on Linux; a DID may have 2,048
_FOLDER_PREFIXES: Final = ("did:", "sha256-")


@dataclass(frozen=True, slots=True)
class TemporaryBlob:
    """An upload that is whole and durable but has no name yet. ``head``: its first bytes."""

    path: Path
    cid: Cid
    size_bytes: int
    head: bytes


class BlobFiles:
    """The blobs of all accounts below one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._temporary = directory / "tmp"

    def prepare(self) -> None:
        """Make the directories."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._temporary.mkdir(mode=0o700, exist_ok=True)

    def drop_leftovers(self) -> None:
        """Remove what uploads of an earlier run left, and every upload under way."""
        for leftover in self._temporary.iterdir():
            leftover.unlink(missing_ok=True)

    @contextmanager
    def hold(self, *, alone: bool) -> Iterator[None]:
        """Keep programs that work on the same files apart while files and rows are to agree.

        Any number may hold it together, or one ``alone``. Says nothing about threads.
        """
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def path(self, did: str, cid: Cid) -> Path:
        """Where the blob is, or would be."""
        return self._directory / folder_name(did) / str(cid)

    def write_temporary(self, stream: BinaryIO, limit_bytes: int) -> TemporaryBlob:
        """Copy ``stream`` to a temporary file, hashing and counting; the file is then durable.

        Raises:
            PayloadTooLargeError: more than ``limit_bytes``; nothing is left behind.
        """
        path = self._temporary / secrets.token_hex(16)
        try:
            with _create(path) as target:
                blob = _copy(stream, target, path, limit_bytes)
                target.flush()
                os.fsync(target.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return blob

    def keep(self, blob: TemporaryBlob, did: str) -> None:
        """Give a temporary blob its final place; replaces the same blob if it is there already."""
        target = self.path(did, blob.cid)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_directory(self._directory)
        blob.path.replace(target)
        _sync_directory(target.parent)

    def discard(self, blob: TemporaryBlob) -> None:
        """Remove a temporary blob, unless it has been kept."""
        blob.path.unlink(missing_ok=True)

    def delete(self, did: str, cid: Cid) -> None:
        """Remove a blob; content when it is not there."""
        self.path(did, cid).unlink(missing_ok=True)

    def folders(self) -> Iterator[str]:
        """Names of the accounts' directories (``folder_name`` of their DIDs)."""
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.startswith(_FOLDER_PREFIXES) and entry.is_dir(follow_symlinks=False):
                    yield entry.name

    def stale_files(self, folder: str, before_us: int) -> Iterator[Cid]:
        """Blobs in ``folder`` whose file is older than ``before_us``, in no order.

        Anything whose name is not a CID was not put there by us and is passed over.
        """
        try:
            entries = os.scandir(self._directory / folder)
        except FileNotFoundError:
            return  # its account was deleted a moment ago
        with entries:
            for entry in entries:
                try:
                    cid = Cid.parse(entry.name)
                    modified_us = entry.stat(follow_symlinks=False).st_mtime_ns // 1000
                except (InvalidCidError, FileNotFoundError):
                    continue
                if modified_us < before_us:
                    yield cid

    def delete_in(self, folder: str, cid: Cid) -> None:
        """Like ``delete``, for a folder whose account may no longer exist."""
        (self._directory / folder / str(cid)).unlink(missing_ok=True)

    def delete_some(self, did: str, limit: int) -> bool:
        """Remove up to ``limit`` of an account's files, and its folder with the last of them.

        Returns whether there are more.
        """
        folder = self._directory / folder_name(did)
        if not folder.is_dir():
            return False
        with os.scandir(folder) as entries:
            for entry in islice(entries, limit):
                Path(entry.path).unlink(missing_ok=True)
        with os.scandir(folder) as entries:
            if next(entries, None) is not None:
                return True
        folder.rmdir()
        _sync_directory(self._directory)
        return False


def folder_name(did: str) -> str:
    """The directory of an account: its DID, or a hash of it where that is too long for a name.

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
    while chunk := stream.read(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            message = f"The blob is larger than the limit of {limit_bytes} bytes"
            raise PayloadTooLargeError(message)
        if len(head) < SNIFF_BYTES:
            head += chunk[: SNIFF_BYTES - len(head)]
        digest.update(chunk)
        target.write(chunk)
    return TemporaryBlob(path, cid_from_digest(RAW, digest.digest()), size_bytes, head)


def _sync_directory(directory: Path) -> None:
    """Make renames and new entries in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

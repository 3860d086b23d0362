"""Blob bytes on disk: written beside their place, made durable, then renamed into it.

    <directory>/tmp/<random>      an upload under way
    <directory>/<did>/<cid>       a whole blob of one account

A file under its final name is therefore always whole, also after a power cut.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from pds.atproto.cid import Cid, InvalidCidError
from pds.storage.blob_store import FOLDER_PREFIXES, Incoming, StoredBlob, TemporaryBlob
from pds.storage.durable import sync_directory

_FILES_AT_ONCE: Final = 25  # more, and the file system lets the next commit wait


class BlobFiles:
    """The blobs of all accounts below one directory. A ``BlobStore``."""

    is_remote = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.name = str(directory)
        self.incoming = Incoming(directory)

    def prepare(self) -> None:
        self.incoming.prepare()

    def check(self) -> None:
        """Nothing to check: ``prepare`` has made the directory."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody waits for a disk long enough to be counted."""
        yield

    def keep(self, blob: TemporaryBlob, folder: str) -> None:
        target = self._path(folder, blob.cid)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self._directory)
        blob.path.replace(target)
        sync_directory(target.parent)

    def open(self, folder: str, cid: Cid, start: int, size: int) -> BinaryIO:
        file = self._path(folder, cid).open("rb")
        file.seek(start)
        return file

    def delete(self, folder: str, cids: Sequence[Cid]) -> None:
        for cid in cids:
            self._path(folder, cid).unlink(missing_ok=True)

    def folders(self) -> Iterator[str]:
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if entry.name.startswith(FOLDER_PREFIXES) and entry.is_dir(follow_symlinks=False):
                    yield entry.name

    def list(self, folder: str) -> Iterator[StoredBlob]:
        try:
            entries = os.scandir(self._directory / folder)
        except FileNotFoundError:
            return  # it has none, or its account was deleted a moment ago
        with entries:
            for entry in entries:
                try:
                    cid = Cid.parse(entry.name)
                    found = entry.stat(follow_symlinks=False)
                except (InvalidCidError, FileNotFoundError):
                    continue
                yield StoredBlob(cid, found.st_size, found.st_mtime_ns // 1000)

    def delete_some(self, folder: str) -> bool:
        """The folder goes with the last of its files."""
        directory = self._directory / folder
        if not directory.is_dir():
            return False
        with os.scandir(directory) as entries:
            for entry in islice(entries, _FILES_AT_ONCE):
                Path(entry.path).unlink(missing_ok=True)
        with os.scandir(directory) as entries:
            if next(entries, None) is not None:
                return True
        directory.rmdir()
        sync_directory(self._directory)
        return False

    def describe(self, folder: str, cid: Cid) -> str:
        return str(self._path(folder, cid))

    def _path(self, folder: str, cid: Cid) -> Path:
        return self._directory / folder / str(cid)

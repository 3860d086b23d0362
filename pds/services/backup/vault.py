"""A place for backups with its lock: files go in and come out, sealed if there is a passphrase.

The server seals with a public key, and the private one lies in the place, itself sealed with the
passphrase: opening it takes a second on purpose, so it is done once.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

import pyrage

from pds.atproto.cid import Cid, InvalidCidError
from pds.services.backup.errors import DamagedBackupError
from pds.services.backup.header import Owner
from pds.services.backup.layout import BLOBS, MANIFEST, SNAPSHOTS, temporary
from pds.services.backup.manifest import FileEntry, Manifest
from pds.services.backup.place_lock import PlaceLock
from pds.storage.backup_places import BackupPlace

_PACKED: Final = frozenset({"pds.sqlite", "blobs.txt"})
_GZIP: Final = ".gz"
_SEALED: Final = ".age"
_CHUNK: Final = 1024 * 1024
_SNAPSHOT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z")


class Vault:
    """Reads and writes the files of one place; ``scratch`` is a directory on this machine.

    Whatever a method cannot find is told as DamagedBackupError; a place that does not do its part
    raises OSError or UpstreamFailureError.
    """

    def __init__(
        self,
        place: BackupPlace,
        scratch: Path,
        owner: Owner | None,
        passphrase: str | None,
        ask: Callable[[], str] | None = None,
    ) -> None:
        """owner: the server whose backups these are, or None to take what there is.

        ask: for the passphrase, where none is set and one is needed to read.
        """
        self.place = place
        self.owner = owner
        self._scratch = scratch
        self._lock = PlaceLock(place, scratch, owner, passphrase, ask)

    @property
    def passphrase(self) -> str | None:
        """What opens the place, as it was given or answered."""
        return self._lock.passphrase

    @property
    def damaged(self) -> list[str]:
        """What could only be read from its copy."""
        return self._lock.damaged

    def open_or_make(self) -> None:
        """Begin to write; see ``PlaceLock.read_or_make``."""
        self._lock.read_or_make()

    def open(self) -> None:
        """Begin to read what is there; see ``PlaceLock.read``."""
        self._lock.read()

    def has_header(self) -> bool:
        """Whether there are backups, or were going to be."""
        return self._lock.has_header()

    def unlock(self) -> None:
        """Open the private key, so that ``fetch`` can read sealed files; see ``PlaceLock``."""
        self._lock.unlock()

    # --- files -----------------------------------------------------------------------------------

    def store(self, key: str, source: Path) -> FileEntry:
        """Keep the file ``source`` under ``key``, packed if that is worth it, and sealed."""
        with temporary(self._scratch) as packed, temporary(self._scratch) as sealed:
            current = source
            if _name_of(key) in _PACKED:
                with source.open("rb") as plain, gzip.open(packed, "wb", compresslevel=1) as out:
                    shutil.copyfileobj(plain, out, _CHUNK)
                current = packed
            if self._lock.recipient is not None:
                with current.open("rb") as plain, sealed.open("wb") as out_sealed:
                    pyrage.encrypt_io(plain, out_sealed, [self._lock.recipient])
                current = sealed
            self.place.put(self._stored_as(key), current)
        return entry_of(source)

    def fetch(self, key: str, target: Path) -> None:
        """Write the file ``key`` to the new file ``target``, as it was stored.

        Raises:
            DamagedBackupError: it is missing, or cannot be unsealed or unpacked.
        """
        try:
            with temporary(self._scratch) as raw, temporary(self._scratch) as packed:
                self.place.get(self._stored_as(key), raw)
                current = raw
                if self._lock.recipient is not None:
                    self.unlock()
                    assert self._lock.identity is not None  # noqa: S101 # unlock has set it
                    with raw.open("rb") as sealed, packed.open("wb") as out:
                        pyrage.decrypt_io(sealed, out, [self._lock.identity])
                    current = packed
                if _name_of(key) in _PACKED:
                    with gzip.open(current) as plain, _create(target) as written:
                        shutil.copyfileobj(plain, written, _CHUNK)
                else:
                    with current.open("rb") as plain_file, _create(target) as written:
                        shutil.copyfileobj(plain_file, written, _CHUNK)
        except FileNotFoundError as error:
            message = f"{key} is missing at {self.place.name}"
            raise DamagedBackupError(message) from error
        except (pyrage.DecryptError, EOFError, zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not one about the content
            message = f"{key} is damaged at {self.place.name}"
            raise DamagedBackupError(message) from error

    def snapshot_names(self) -> list[str]:
        """Those that are complete, oldest first."""
        wanted = self._stored_as(MANIFEST)
        found = (key.split("/") for key in self.place.list(SNAPSHOTS))
        return sorted({parts[1] for parts in found if _is_ours(parts) and parts[2] == wanted})

    def manifest(self, name: str) -> Manifest:
        """Raises DamagedBackupError."""
        with temporary(self._scratch) as file:
            self.fetch(f"{SNAPSHOTS}{name}/{MANIFEST}", file)
            return Manifest.from_json(file.read_text(encoding="utf-8", errors="replace"))

    def blob_cids(self) -> set[bytes]:
        """The blobs that are there, as bytes of CIDs."""
        found = set()
        for key in self.place.list(BLOBS):
            try:
                found.add(bytes(Cid.parse(key.rpartition("/")[2].removesuffix(_SEALED))))
            except InvalidCidError:
                continue
        return found

    def delete(self, key: str) -> None:
        self.place.delete(self._stored_as(key))

    def files_of(self, name: str) -> list[str]:
        """The keys of a snapshot, complete or not; the manifest first."""
        found = self.place.list(f"{SNAPSHOTS}{name}/")
        keys = [key.removesuffix(_SEALED).removesuffix(_GZIP) for key in found]
        return sorted(keys, key=lambda key: _name_of(key) != MANIFEST)

    def all_snapshot_names(self) -> list[str]:
        """Also those that were cut off."""
        found = (key.split("/") for key in self.place.list(SNAPSHOTS))
        return sorted({parts[1] for parts in found if _is_ours(parts)})

    def _stored_as(self, key: str) -> str:
        packed = key + _GZIP if _name_of(key) in _PACKED else key
        return packed if self._lock.recipient is None else packed + _SEALED


def _is_ours(parts: list[str]) -> bool:
    """Whether a key is of a snapshot, and not of something that somebody has put beside them."""
    return len(parts) == 3 and _SNAPSHOT.fullmatch(parts[1]) is not None


def _create(path: Path) -> BinaryIO:
    """Open a new file, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def entry_of(file: Path) -> FileEntry:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return FileEntry(digest.hexdigest(), file.stat().st_size)


def _name_of(key: str) -> str:
    return key.rpartition("/")[2]

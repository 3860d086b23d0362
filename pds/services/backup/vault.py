"""A place for backups with its lock: files go in and come out, sealed if there is a passphrase.

The server seals with a public key, and the private one lies in the place, itself sealed with the
passphrase: opening it takes seconds on purpose, so it is done once, and only by who reads.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import pyrage

from pds.atproto.cid import Cid, InvalidCidError
from pds.services.backup.errors import (
    BackupError,
    DamagedBackupError,
    ForeignBackupError,
    WrongPassphraseError,
)
from pds.services.backup.manifest import FileEntry, Manifest
from pds.storage.backup_places import BackupPlace

HEADER: Final = "hearth-backup.json"
IDENTITY: Final = "identity.age"
SNAPSHOTS: Final = "snapshots/"
BLOBS: Final = "blobs/"
MANIFEST: Final = "manifest.json"
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
        self, place: BackupPlace, scratch: Path, service_did: str, passphrase: str | None
    ) -> None:
        self.place = place
        self.service_did = service_did
        self._scratch = scratch
        self._passphrase = passphrase
        self._recipient: pyrage.x25519.Recipient | None = None
        self._identity: pyrage.x25519.Identity | None = None
        self._is_open = False

    # --- opening ---------------------------------------------------------------------------------

    def open_or_make(self) -> None:
        """Begin to write: make the place's header if it has none.

        Raises:
            ForeignBackupError: it holds another server's backups.
            WrongPassphraseError: it is sealed and there is no passphrase, or the other way round.
            BackupError: secrets would lie in a bucket in the clear.
        """
        if self._read_header(any_server=False):
            return
        if self.place.is_remote and self._passphrase is None:
            message = (
                "the keys of all accounts would lie in the bucket in the clear;"
                " set PDS_BACKUP_PASSPHRASE first, and keep it elsewhere too"
            )
            raise BackupError(message)
        header: dict[str, object] = {"format": 1, "server": self.service_did, "recipient": None}
        if self._passphrase is not None:
            self._identity = pyrage.x25519.Identity.generate()
            self._recipient = self._identity.to_public()
            sealed = pyrage.passphrase.encrypt(str(self._identity).encode(), self._passphrase)
            self._put_bytes(IDENTITY, sealed)
            header["recipient"] = str(self._recipient)
        self._put_bytes(HEADER, json.dumps(header, indent=1).encode())
        self._is_open = True

    def open(self, *, any_server: bool = False) -> None:
        """Begin to read what is there.

        Raises:
            ForeignBackupError, WrongPassphraseError
        """
        if not self._read_header(any_server=any_server):
            message = f"there are no backups of Hearth at {self.place.name}"
            raise ForeignBackupError(message)

    def _read_header(self, *, any_server: bool) -> bool:
        if self._is_open:
            return True
        try:
            content = self._get_bytes(HEADER)
        except FileNotFoundError:
            if any(key != IDENTITY for key in self.place.list("")):  # that one comes first
                message = (
                    f"{self.place.name} holds something else than backups of Hearth;"
                    " name an empty place"
                )
                raise ForeignBackupError(message) from None
            return False
        try:
            header = json.loads(content)
            server, recipient = header["server"], header["recipient"]
        except (ValueError, KeyError, TypeError) as error:
            message = f"{HEADER} at {self.place.name} is damaged"
            raise DamagedBackupError(message) from error
        if server != self.service_did and not any_server:
            message = f"{self.place.name} holds the backups of {server}, this is {self.service_did}"
            raise ForeignBackupError(message)
        self.service_did = server
        self._take_recipient(recipient)
        self._is_open = True
        return True

    def _take_recipient(self, recipient: str | None) -> None:
        if recipient is None:
            if self._passphrase is not None:
                message = (
                    f"the backups at {self.place.name} are not sealed; remove"
                    " PDS_BACKUP_PASSPHRASE, or name an empty place for sealed ones"
                )
                raise WrongPassphraseError(message)
            return
        if self._passphrase is None:
            message = f"the backups at {self.place.name} are sealed; set PDS_BACKUP_PASSPHRASE"
            raise WrongPassphraseError(message)
        self._recipient = pyrage.x25519.Recipient.from_str(recipient)

    def has_header(self) -> bool:
        """Whether there are backups, or were going to be."""
        try:
            self._get_bytes(HEADER)
        except FileNotFoundError:
            return False
        return True

    def unlock(self) -> None:
        """Open the private key, so that ``fetch`` can read sealed files. Takes seconds.

        Raises:
            WrongPassphraseError
        """
        if self._recipient is None or self._identity is not None:
            return
        try:
            sealed = self._get_bytes(IDENTITY)
            plain = pyrage.passphrase.decrypt(sealed, self._passphrase or "")
            self._identity = pyrage.x25519.Identity.from_str(plain.decode())
        except FileNotFoundError as error:
            message = f"{IDENTITY} is missing at {self.place.name}: sealed backups cannot be opened"
            raise DamagedBackupError(message) from error
        except (pyrage.DecryptError, pyrage.IdentityError, ValueError) as error:
            raise WrongPassphraseError from error

    # --- files -----------------------------------------------------------------------------------

    def store(self, key: str, source: Path) -> FileEntry:
        """Keep the file ``source`` under ``key``, packed if that is worth it, and sealed."""
        with self._temporary() as packed, self._temporary() as sealed:
            current = source
            if _name_of(key) in _PACKED:
                with source.open("rb") as plain, gzip.open(packed, "wb", compresslevel=1) as out:
                    shutil.copyfileobj(plain, out, _CHUNK)
                current = packed
            if self._recipient is not None:
                with current.open("rb") as plain, sealed.open("wb") as out_sealed:
                    pyrage.encrypt_io(plain, out_sealed, [self._recipient])
                current = sealed
            self.place.put(self._stored_as(key), current)
        return entry_of(source)

    def fetch(self, key: str, target: Path) -> None:
        """Write the file ``key`` to the new file ``target``, as it was stored.

        Raises:
            DamagedBackupError: it is missing, or cannot be unsealed or unpacked.
        """
        try:
            with self._temporary() as raw, self._temporary() as packed:
                self.place.get(self._stored_as(key), raw)
                current = raw
                if self._recipient is not None:
                    self.unlock()
                    assert self._identity is not None  # noqa: S101 # unlock has set it
                    with raw.open("rb") as sealed, packed.open("wb") as out:
                        pyrage.decrypt_io(sealed, out, [self._identity])
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
        with self._temporary() as file:
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
        return packed if self._recipient is None else packed + _SEALED

    def _put_bytes(self, key: str, content: bytes) -> None:
        with self._temporary() as file:
            file.write_bytes(content)
            self.place.put(key, file)

    def _get_bytes(self, key: str) -> bytes:
        with self._temporary() as file:
            self.place.get(key, file)
            return file.read_bytes()

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """The name of a file that is gone afterwards."""
        path = self._scratch / secrets.token_hex(12)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _is_ours(parts: list[str]) -> bool:
    """Whether a key is of a snapshot, and not of something that somebody has put beside them."""
    return len(parts) == 3 and _SNAPSHOT.fullmatch(parts[1]) is not None


def blob_key(cid: Cid) -> str:
    text = str(cid)
    return f"{BLOBS}{text[-2:]}/{text}"


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

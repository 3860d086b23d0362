"""A place for backups with its lock: files go in and come out, sealed if there is a passphrase.

The server seals with a public key, and the private one lies in the place, itself sealed with the
passphrase: opening it takes a second on purpose, so it is done once.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import pyrage

from pds.atproto.cid import Cid, InvalidCidError
from pds.services.backup.age_file import seal
from pds.services.backup.errors import (
    BackupError,
    DamagedBackupError,
    ForeignBackupError,
    WrongPassphraseError,
)
from pds.services.backup.header import Header, is_header
from pds.services.backup.manifest import FileEntry, Manifest
from pds.storage.backup_places import BackupPlace

HEADER: Final = "hearth-backup.json"
IDENTITY: Final = "identity.age"
COPIES: Final = "copies/"
SNAPSHOTS: Final = "snapshots/"
BLOBS: Final = "blobs/"
MANIFEST: Final = "manifest.json"
ASKED_TIMES: Final = 3
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
        service_did: str,
        passphrase: str | None,
        ask: Callable[[], str] | None = None,
    ) -> None:
        """ask: for the passphrase, where none is set and one is needed to read."""
        self.place = place
        self.service_did = service_did
        self.damaged: list[str] = []  # what could only be read from its copy
        self._scratch = scratch
        self._passphrase = passphrase
        self._ask = ask
        self._header: Header | None = None
        self._recipient: pyrage.x25519.Recipient | None = None
        self._identity: pyrage.x25519.Identity | None = None

    @property
    def passphrase(self) -> str | None:
        """What opens the place, as it was given or answered."""
        return self._passphrase

    # --- opening ---------------------------------------------------------------------------------

    def open_or_make(self) -> None:
        """Begin to write: make the place's header if it has none, and put right what is damaged.

        Raises:
            ForeignBackupError: it holds another server's backups.
            WrongPassphraseError: it is sealed and this is not the passphrase, or there is none, or
                it is not sealed and there is one.
            DamagedBackupError: what would open it is lost.
            BackupError: secrets would lie in a bucket in the clear.
        """
        if self._header is not None:
            return
        if self._read_header(any_server=False):
            self.unlock()
            self._put_right()
            return
        if self.place.is_remote and self._passphrase is None:
            message = (
                "the keys of all accounts would lie in the bucket in the clear;"
                " set PDS_BACKUP_PASSPHRASE first, and keep it elsewhere too"
            )
            raise BackupError(message)
        self.place.make()
        recipient = digest = None
        if self._passphrase is not None:
            self._identity = pyrage.x25519.Identity.generate()
            self._recipient = self._identity.to_public()
            sealed = seal(str(self._identity).encode(), self._passphrase)
            for key in (IDENTITY, COPIES + IDENTITY):
                self._put_bytes(key, sealed)
            recipient, digest = str(self._recipient), _sha256(sealed)
        self._header = Header(self.service_did, recipient, digest)
        for key in (HEADER, COPIES + HEADER):
            self._put_bytes(key, self._header.to_json().encode())

    def open(self, *, any_server: bool = False) -> None:
        """Begin to read what is there.

        Raises:
            ForeignBackupError, WrongPassphraseError, DamagedBackupError
        """
        if not self._read_header(any_server=any_server):
            message = f"there are no backups of Hearth at {self.place.name}"
            raise ForeignBackupError(message)

    def has_header(self) -> bool:
        """Whether there are backups, or were going to be."""
        return any(self._find_bytes(key) is not None for key in (HEADER, COPIES + HEADER))

    def unlock(self) -> None:
        """Open the private key, so that ``fetch`` can read sealed files. Takes a second.

        Raises:
            WrongPassphraseError, DamagedBackupError
        """
        if self._recipient is None or self._identity is not None:
            return
        sealed = self._sealed_identity()
        if self._passphrase is not None:
            self._identity = _opened(sealed, self._passphrase)
            return
        assert self._ask is not None  # noqa: S101 # else the header was refused
        for left in reversed(range(ASKED_TIMES)):
            self._passphrase = self._ask()
            try:
                self._identity = _opened(sealed, self._passphrase)
            except WrongPassphraseError:
                if not left:
                    raise
            else:
                return

    def _read_header(self, *, any_server: bool) -> bool:
        if self._header is not None:
            return True
        found = self._whole(HEADER, is_header)
        if found is None:
            self._refuse_what_is_not_ours()
            return False
        header = Header.from_json(found.decode(errors="replace"))
        if header.server != self.service_did and not any_server:
            message = (
                f"{self.place.name} holds the backups of {header.server}, this is"
                f" {self.service_did}"
            )
            raise ForeignBackupError(message)
        self._take_recipient(header.recipient)
        self.service_did = header.server
        self._header = header
        return True

    def _refuse_what_is_not_ours(self) -> None:
        for key in self.place.list(""):
            if key.startswith((SNAPSHOTS, BLOBS)):
                message = f"{HEADER} and its copy are missing at {self.place.name}"
                raise DamagedBackupError(message)
            if key.rpartition("/")[2] != IDENTITY:  # that one comes first
                message = (
                    f"{self.place.name} holds something else than backups of Hearth;"
                    " name an empty place"
                )
                raise ForeignBackupError(message)

    def _take_recipient(self, recipient: str | None) -> None:
        if recipient is None:
            if self._passphrase is not None:
                message = (
                    f"the backups at {self.place.name} are not sealed; remove"
                    " PDS_BACKUP_PASSPHRASE, or name an empty place for sealed ones"
                )
                raise WrongPassphraseError(message)
            return
        if self._passphrase is None and self._ask is None:  # nobody could open it
            message = f"the backups at {self.place.name} are sealed; set PDS_BACKUP_PASSPHRASE"
            raise WrongPassphraseError(message)
        try:
            self._recipient = pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            message = f"{HEADER} at {self.place.name} is damaged"
            raise DamagedBackupError(message) from error

    # --- what is kept twice, because nothing could be read without it ----------------------------

    def _sealed_identity(self) -> bytes:
        assert self._header is not None  # noqa: S101 # it is read first
        digest = self._header.identity_sha256
        found = self._whole(IDENTITY, lambda content: _sha256(content) == digest)
        if found is None:
            message = f"{IDENTITY} is missing at {self.place.name}: sealed backups cannot be opened"
            raise DamagedBackupError(message)
        return found

    def _whole(self, key: str, is_whole: Callable[[bytes], bool]) -> bytes | None:
        """The file, or its copy if it is missing or damaged; None when neither is there.

        Raises:
            DamagedBackupError: neither is whole.
        """
        there = False
        for where in (key, COPIES + key):
            content = self._find_bytes(where)
            if content is not None and is_whole(content):
                if where != key:
                    self.damaged.append(key)
                return content
            there |= content is not None
        if there:
            message = f"{key} at {self.place.name} is damaged, and so is its copy"
            raise DamagedBackupError(message)
        return None

    def _put_right(self) -> None:
        assert self._header is not None  # noqa: S101 # it is read first
        wanted = {HEADER: self._header.to_json().encode()}
        if self._recipient is not None:
            wanted[IDENTITY] = self._sealed_identity()
        for key, content in wanted.items():
            for where in (key, COPIES + key):
                if self._find_bytes(where) != content:
                    self._put_bytes(where, content)

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

    def has_snapshots(self) -> bool:
        """Whether there is a complete one, sealed or not: also while the place is not open."""
        found = (key.split("/") for key in self.place.list(SNAPSHOTS))
        return any(_is_ours(parts) and parts[2].startswith(MANIFEST) for parts in found)

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

    def _find_bytes(self, key: str) -> bytes | None:
        with self._temporary() as file:
            try:
                self.place.get(key, file)
            except FileNotFoundError:
                return None
            return file.read_bytes()

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """The name of a file that is gone afterwards."""
        path = self._scratch / secrets.token_hex(12)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _opened(sealed: bytes, given: str) -> pyrage.x25519.Identity:
    """Raises WrongPassphraseError."""
    try:
        plain = pyrage.passphrase.decrypt(sealed, given)
        return pyrage.x25519.Identity.from_str(plain.decode())
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError) as error:
        raise WrongPassphraseError from error


def _is_ours(parts: list[str]) -> bool:
    """Whether a key is of a snapshot, and not of something that somebody has put beside them."""
    return len(parts) == 3 and _SNAPSHOT.fullmatch(parts[1]) is not None


def blob_key(cid: Cid) -> str:
    text = str(cid)
    return f"{BLOBS}{text[-2:]}/{text}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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

"""What opens a place: its header and its key, both kept twice, and the passphrase to the key.

Without either of the two files nothing in a sealed place could be read any more, so each has a copy
and a digest; one bad sector costs nothing, and the next backup puts right what is damaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pyrage

from pds.services.backup.age_file import seal
from pds.services.backup.errors import (
    BackupError,
    DamagedBackupError,
    ForeignBackupError,
    WrongPassphraseError,
)
from pds.services.backup.header import Header, Owner, is_header
from pds.services.backup.layout import BLOBS, COPIES, HEADER, IDENTITY, SNAPSHOTS, temporary
from pds.storage.backup_places import BackupPlace

ASKED_TIMES: Final = 3


class PlaceLock:
    """Reads, makes and opens it; see ``Vault`` for the parameters."""

    def __init__(
        self,
        place: BackupPlace,
        scratch: Path,
        owner: Owner | None,
        passphrase: str | None,
        ask: Callable[[], str] | None,
    ) -> None:
        self.passphrase = passphrase  # as it was given or answered
        self.damaged: list[str] = []  # what could only be read from its copy
        self.recipient: pyrage.x25519.Recipient | None = None  # None: not sealed
        self.identity: pyrage.x25519.Identity | None = None
        self._place = place
        self._scratch = scratch
        self._owner = owner
        self._ask = ask
        self._header: Header | None = None

    def read_or_make(self) -> None:
        """Begin to write: make the place's header if it has none, and put right what is damaged.

        Raises:
            ForeignBackupError: it holds another server's backups.
            WrongPassphraseError: it is sealed and this is not the passphrase, or there is none, or
                it is not sealed and there is one.
            DamagedBackupError: what would open it is lost.
            BackupError: secrets would lie in a bucket in the clear.
        """
        assert self._owner is not None  # noqa: S101 # who writes has one
        if self._header is not None:
            return
        if self._read_header():
            self.unlock()
            self._put_right()
            return
        if self._place.is_remote and self.passphrase is None:
            message = (
                "the keys of all accounts would lie in the bucket in the clear;"
                " set PDS_BACKUP_PASSPHRASE first, and keep it elsewhere too"
            )
            raise BackupError(message)
        self._place.make()
        recipient = digest = None
        if self.passphrase is not None:
            self.identity = pyrage.x25519.Identity.generate()
            self.recipient = self.identity.to_public()
            sealed = seal(str(self.identity).encode(), self.passphrase)
            for key in (IDENTITY, COPIES + IDENTITY):
                self._put_bytes(key, sealed)
            recipient, digest = str(self.recipient), _sha256(sealed)
        self._header = Header(self._owner.did, self._owner.keys, recipient, digest)
        for key in (HEADER, COPIES + HEADER):
            self._put_bytes(key, self._header.to_json().encode())

    def read(self) -> None:
        """Begin to read what is there.

        Raises:
            ForeignBackupError, WrongPassphraseError, DamagedBackupError
        """
        if not self._read_header():
            message = f"there are no backups of Hearth at {self._place.name}"
            raise ForeignBackupError(message)

    def has_header(self) -> bool:
        """Whether there are backups, or were going to be."""
        return any(self._find_bytes(key) is not None for key in (HEADER, COPIES + HEADER))

    def unlock(self) -> None:
        """Open the private key, so that ``fetch`` can read sealed files. Takes a second.

        Raises:
            WrongPassphraseError, DamagedBackupError
        """
        if self.recipient is None or self.identity is not None:
            return
        identity = self._identity(self._sealed_identity())
        # Whoever can write there could have what is sealed from now on sealed for themselves.
        if str(identity.to_public()) != str(self.recipient):
            message = (
                f"the public key in {HEADER} at {self._place.name} is not the one of {IDENTITY}:"
                " somebody may have changed it; name an empty place for new backups"
            )
            raise DamagedBackupError(message)
        self.identity = identity

    def _identity(self, sealed: bytes) -> pyrage.x25519.Identity:
        """Raises WrongPassphraseError."""
        if self.passphrase is not None:
            return _opened(sealed, self.passphrase)
        assert self._ask is not None  # noqa: S101 # else the header was refused
        for _ in range(ASKED_TIMES - 1):
            self.passphrase = self._ask()
            with suppress(WrongPassphraseError):
                return _opened(sealed, self.passphrase)
        self.passphrase = self._ask()
        return _opened(sealed, self.passphrase)

    def _read_header(self) -> bool:
        if self._header is not None:
            return True
        found = self._whole(HEADER, is_header)
        if found is None:
            self._refuse_what_is_not_ours()
            return False
        header = Header.from_json(found.decode(errors="replace"))
        if self._owner is not None:
            self._refuse_another_server(header, self._owner)
        self._take_recipient(header.recipient)
        self._header = header
        return True

    def _refuse_another_server(self, header: Header, owner: Owner) -> None:
        if header.server != owner.did:
            message = (
                f"{self._place.name} holds the backups of {header.server}, this is {owner.did}"
            )
            raise ForeignBackupError(message)
        if header.keys != owner.keys:
            message = (
                f"the backups at {self._place.name} are of another {owner.did}, with other keys. To"
                " get that server back, on a new machine: pdsadmin backup restore. To begin with"
                " this one, name an empty place"
            )
            raise ForeignBackupError(message)

    def _refuse_what_is_not_ours(self) -> None:
        for key in self._place.list(""):
            if key.startswith((SNAPSHOTS, BLOBS)):
                message = f"{HEADER} and its copy are missing at {self._place.name}"
                raise DamagedBackupError(message)
            if key.rpartition("/")[2] != IDENTITY:  # that one comes first
                message = (
                    f"{self._place.name} holds something else than backups of Hearth;"
                    " name an empty place"
                )
                raise ForeignBackupError(message)

    def _take_recipient(self, recipient: str | None) -> None:
        if recipient is None:
            if self.passphrase is not None:
                message = (
                    f"the backups at {self._place.name} are not sealed; remove"
                    " PDS_BACKUP_PASSPHRASE, or name an empty place for sealed ones"
                )
                raise WrongPassphraseError(message)
            return
        if self.passphrase is None and self._ask is None:  # nobody could open it
            message = f"the backups at {self._place.name} are sealed; set PDS_BACKUP_PASSPHRASE"
            raise WrongPassphraseError(message)
        try:
            self.recipient = pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            message = f"{HEADER} at {self._place.name} is damaged"
            raise DamagedBackupError(message) from error

    # --- what is kept twice, because nothing could be read without it ----------------------------

    def _sealed_identity(self) -> bytes:
        assert self._header is not None  # noqa: S101 # it is read first
        digest = self._header.identity_sha256
        found = self._whole(IDENTITY, lambda content: _sha256(content) == digest)
        if found is None:
            message = (
                f"{IDENTITY} is missing at {self._place.name}: sealed backups cannot be opened"
            )
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
            message = f"{key} at {self._place.name} is damaged, and so is its copy"
            raise DamagedBackupError(message)
        return None

    def _put_right(self) -> None:
        assert self._header is not None  # noqa: S101 # it is read first
        wanted = {HEADER: self._header.to_json().encode()}
        if self.recipient is not None:
            wanted[IDENTITY] = self._sealed_identity()
        for key, content in wanted.items():
            for where in (key, COPIES + key):
                if self._find_bytes(where) != content:
                    self._put_bytes(where, content)

    def _put_bytes(self, key: str, content: bytes) -> None:
        with temporary(self._scratch) as file:
            file.write_bytes(content)
            self._place.put(key, file)

    def _find_bytes(self, key: str) -> bytes | None:
        with temporary(self._scratch) as file:
            try:
                self._place.get(key, file)
            except FileNotFoundError:
                return None
            return file.read_bytes()


def _opened(sealed: bytes, given: str) -> pyrage.x25519.Identity:
    """Raises WrongPassphraseError."""
    try:
        plain = pyrage.passphrase.decrypt(sealed, given)
        return pyrage.x25519.Identity.from_str(plain.decode())
    except (pyrage.DecryptError, pyrage.IdentityError, ValueError) as error:
        raise WrongPassphraseError from error


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

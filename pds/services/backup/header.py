"""What a place says about itself: whose backups it holds, and what they are sealed with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from pds.services.backup.errors import BackupError, DamagedBackupError

FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Header:
    """``hearth-backup.json``.

    server: the DID of the server. keys: a digest of its rotation key, which tells it from a new one
        of the same name. recipient: the public key as age writes it; None: not sealed.
    identity_sha256: of the sealed private key, so that damage is told from a wrong passphrase.
    """

    server: str
    keys: str
    recipient: str | None
    identity_sha256: str | None
    format: int = FORMAT

    def to_json(self) -> str:
        values = asdict(self)
        return json.dumps({**values, "digest": _digest(values)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Header:
        """Raises DamagedBackupError, or BackupError for one that a newer version has made."""
        values = _read(text)
        if values["format"] != FORMAT:
            message = (
                f"these backups have format {values['format']}; update this program to read them"
            )
            raise BackupError(message)
        return cls(values["server"], values["keys"], values["recipient"], values["identity_sha256"])


@dataclass(frozen=True, slots=True)
class Owner:
    """The server that a place belongs to: ``did`` and ``keys`` as in ``Header``."""

    did: str
    keys: str


def digest_of_keys(rotation_key_hex: str) -> str:
    """For ``Header.keys``; says nothing about the key itself."""
    return hashlib.sha256(f"hearth-backup {rotation_key_hex.lower()}".encode()).hexdigest()


def is_header(content: bytes) -> bool:
    """Whether it is what was written, as far as that can be told."""
    try:
        _read(content.decode())
    except (DamagedBackupError, UnicodeDecodeError):
        return False
    return True


def _read(text: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(text)
        stated = values.pop("digest")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = "hearth-backup.json is damaged"
        raise DamagedBackupError(message) from error
    if stated != _digest(values):
        message = "hearth-backup.json is damaged"
        raise DamagedBackupError(message)
    return values


def _digest(values: dict[str, Any]) -> str:
    plain = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()

"""What a snapshot says about itself. It is written last: a snapshot without one was cut off."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pds.services.backup.errors import BackupError, DamagedBackupError

FORMAT: Final = 1
_NAME: Final = "%Y-%m-%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the snapshot, as it is when unpacked."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot. Times are Unix microseconds.

    last_seq: the highest number of an event at that moment.
    files: by name (``pds.sqlite``, ``settings.json``, ``blobs.txt``), unpacked.
    lost_blobs: CIDs that the database knew and the server did not have.
    """

    name: str
    created_at_us: int
    version: str
    service_did: str
    last_seq: int
    accounts: int
    blobs: int
    blob_bytes: int
    files: dict[str, FileEntry]
    lost_blobs: tuple[str, ...] = ()
    format: int = FORMAT

    def to_json(self) -> str:
        values = json.loads(json.dumps(asdict(self)))  # tuples as JSON has them
        return json.dumps({**values, "digest": _digest(values)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Raises DamagedBackupError, or BackupError for one that a newer version has made."""
        try:
            values: dict[str, Any] = json.loads(text)
            stated = values.pop("digest")
            known_format = values["format"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged() from error
        if known_format != FORMAT:
            message = f"this backup has format {known_format}; update this program to read it"
            raise BackupError(message)
        if stated != _digest(values):
            raise _damaged()
        files = {name: FileEntry(**entry) for name, entry in values.pop("files").items()}
        return cls(**{**values, "files": files, "lost_blobs": tuple(values["lost_blobs"])})


def name_of(at_us: int) -> str:
    """Of a snapshot of that moment. To the millisecond: two of the same second are two."""
    at = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return f"{at:%Y-%m-%dT%H%M%S}.{at.microsecond // 1000:03d}Z"


def time_of(name: str) -> int:
    """When the snapshot of that name was made, by the clock of then; Unix microseconds."""
    at = datetime.strptime(name, _NAME).replace(tzinfo=UTC)
    return int(at.timestamp() * 1_000_000)


def _digest(values: dict[str, Any]) -> str:
    plain = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _damaged() -> DamagedBackupError:
    return DamagedBackupError("manifest.json is damaged; use another snapshot")

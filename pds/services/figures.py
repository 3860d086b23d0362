"""How much there is of everything: for whoever watches the server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pds.config import Config
from pds.local_secrets import DATABASE_NAME
from pds.services.backup import access
from pds.services.disk_guard import LEVELS, DiskGuard
from pds.services.sequencer import Sequencer
from pds.storage.figures import Counts, count_all


@dataclass(frozen=True, slots=True)
class Figures:
    """At one moment. Times are Unix microseconds; None where there was none yet.

    disk_level: 0 fine, 1 warn, 2 full, 3 critical.
    """

    counts: Counts
    last_seq: int
    database_bytes: int
    disk_free_bytes: int
    disk_size_bytes: int
    disk_level: int
    backup_at_us: int | None
    backup_checked_at_us: int | None
    backup_is_good: bool | None


def gather(config: Config, guard: DiskGuard, sequencer: Sequencer) -> Figures:
    """Count everything; a few milliseconds with a hundred accounts."""
    room = guard.room()
    backup, check = access.last_backup(), access.last_check()
    return Figures(
        counts=count_all(),
        last_seq=sequencer.last_seq,
        database_bytes=_size(config.data_directory),
        disk_free_bytes=room.free_bytes,
        disk_size_bytes=room.size_bytes,
        disk_level=LEVELS.index(guard.level()),
        backup_at_us=None if backup is None else backup.at_us,
        backup_checked_at_us=None if check is None else check.at_us,
        backup_is_good=None if check is None else check.is_good,
    )


def _size(directory: Path) -> int:
    """Of the database with its write-ahead log."""
    found = (directory / f"{DATABASE_NAME}{suffix}" for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in found if file.exists())

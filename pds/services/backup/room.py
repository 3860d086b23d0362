"""Is there room? Asked before anything is written: a full disk is worse than no backup."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Final

from pds.services.backup.errors import BackupError
from pds.storage.backup_places import BackupPlace
from pds.storage.database_copy import DatabaseCopy

_MIB: Final = 1024 * 1024
_COPIES: Final = 3  # of the database at a time: as it is, packed, sealed


def check_for_backup(
    database: Path, scratch: Path, place: BackupPlace, there: set[bytes], reserve_bytes: int
) -> None:
    """There must be room for the copy beside the data, and for what the place lacks.

    there: the blobs that the place has, as bytes of CIDs. reserve_bytes: what stays free on the
    disk of the data, so that members notice nothing.

    Raises:
        BackupError
    """
    size_bytes = database.stat().st_size
    beside = _COPIES * size_bytes + reserve_bytes
    at_place = size_bytes + _missing_bytes(database, there)
    free = place.free_bytes()
    if free is None:
        check_data_disk(scratch, beside, "a backup")
        return
    device, free_bytes = free
    if device == scratch.stat().st_dev:
        check_data_disk(scratch, beside + at_place, "a backup on the disk of the data")
        return
    check_data_disk(scratch, beside, "a backup")
    if free_bytes < at_place:
        message = (
            f"a backup needs {_mib(at_place)} MiB at {place.name}, and there are"
            f" {_mib(free_bytes)}; make room, or take a larger disk"
        )
        raise BackupError(message)


def check_data_disk(folder: Path, needed_bytes: int, what: str) -> None:
    """Raises BackupError."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        message = (
            f"{what} needs {_mib(needed_bytes)} MiB on the disk of {folder}, and there are"
            f" {_mib(free_bytes)}; make room first"
        )
        raise BackupError(message)


def needed_to_read(size_bytes: int) -> int:
    """How much is needed for a while to fetch a file of that size, unseal and unpack it."""
    return _COPIES * size_bytes


def _missing_bytes(database: Path, there: set[bytes]) -> int:
    missing: dict[bytes, int] = {}
    with closing(DatabaseCopy(database)) as live:
        for blob in live.blobs():
            if bytes(blob.cid) not in there:
                missing[bytes(blob.cid)] = blob.size_bytes
    return sum(missing.values())


def _mib(size_bytes: int) -> int:
    return -(-size_bytes // _MIB)

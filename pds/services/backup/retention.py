"""Which snapshots are kept: all of two days, the newest of each of the last days, weeks, months.

Then blobs that no snapshot needs go.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pds.atproto.cid import Cid
from pds.services.backup.errors import DamagedBackupError
from pds.services.backup.layout import SNAPSHOTS, blob_key
from pds.services.backup.making import BLOB_LIST
from pds.services.backup.vault import Vault, entry_of

_ALL_OF: Final = timedelta(days=2)
_FORMAT: Final = "%Y-%m-%dT%H%M%S.%fZ"


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days, weeks and months that have a snapshot keep one."""

    daily: int
    weekly: int
    monthly: int


def kept(names: Sequence[str], keep: Keep) -> set[str]:
    """Those of ``names`` that stay; the newest always does, and all of the two days before it.

    A server that was restored from the wrong one makes its own within minutes, and that must not
    cost the right one of the same day.
    """
    newest_first = sorted(names, reverse=True)
    stay = {name for name in newest_first if _time(newest_first[0]) - _time(name) < _ALL_OF}
    for count, period in ((keep.daily, _day), (keep.weekly, _week), (keep.monthly, _month)):
        newest_of: dict[object, str] = {}
        for name in newest_first:
            newest_of.setdefault(period(name), name)
        stay.update(list(newest_of.values())[:count])
    return stay


def prune(vault: Vault, keep: Keep, scratch: Path, just_made: str | None = None) -> list[str]:
    """Remove the snapshots that do not stay, and blobs that only they needed; their names.

    just_made: stays, also where a clock that is behind has made it look old.

    Raises:
        BackupError: the list of a snapshot that stays cannot be read; then no blob is removed.
    """
    vault.open()
    complete = vault.snapshot_names()
    stay = kept(complete, keep) | {name for name in complete if name == just_made}
    gone = [name for name in vault.all_snapshot_names() if name not in stay]
    for name in gone:
        for key in vault.files_of(name):  # the manifest first: what is half gone is not complete
            vault.delete(key)
    if gone:
        needed = set[bytes]()
        for name in stay:
            needed |= _blobs_of(vault, name, scratch)
        for cid in vault.blob_cids() - needed:
            vault.delete(blob_key(Cid(cid)))
    return [name for name in gone if name in complete]


def _blobs_of(vault: Vault, name: str, scratch: Path) -> set[bytes]:
    path = scratch / secrets.token_hex(12)
    try:
        vault.fetch(f"{SNAPSHOTS}{name}/{BLOB_LIST}", path)
        if entry_of(path) != vault.manifest(name).files.get(BLOB_LIST):
            message = f"{BLOB_LIST} of {name} is not what it was; no picture or video was removed"
            raise DamagedBackupError(message)
        with path.open(encoding="ascii") as lines:
            return {bytes(Cid.parse(line.partition(" ")[0])) for line in lines}
    finally:
        path.unlink(missing_ok=True)


def _time(name: str) -> datetime:
    return datetime.strptime(name, _FORMAT)  # noqa: DTZ007 # all are UTC


def _day(name: str) -> object:
    return _time(name).date()


def _week(name: str) -> object:
    return _time(name).isocalendar()[:2]


def _month(name: str) -> object:
    return _time(name).year, _time(name).month

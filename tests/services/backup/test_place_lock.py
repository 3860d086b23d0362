"""Who may open a place, and who could have it opened for them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyrage
import pytest

from pds.services.backup.errors import DamagedBackupError
from pds.services.backup.header import Header, Owner
from pds.services.backup.layout import COPIES, HEADER
from pds.services.backup.place_lock import PlaceLock
from pds.storage.backup_places import open_place


def lock_of(folder: Path, scratch: Path) -> PlaceLock:
    return PlaceLock(open_place(str(folder), {}), scratch, Owner("did:web:x", "k"), "secret", None)


def test_place_whose_public_key_was_changed_takes_no_backups(tmp_path: Path) -> None:
    """Who can write to the bucket must not read what goes there from then on."""
    folder, scratch = tmp_path / "place", tmp_path / "scratch"
    scratch.mkdir()
    lock_of(folder, scratch).read_or_make()
    lock_of(folder, scratch).read_or_make()
    theirs = str(pyrage.x25519.Identity.generate().to_public())
    for name in (HEADER, COPIES + HEADER):
        header = Header.from_json((folder / name).read_text())
        changed = dataclasses.replace(header, recipient=theirs)
        (folder / name).write_text(changed.to_json())

    with pytest.raises(DamagedBackupError, match="somebody may have changed it"):
        lock_of(folder, scratch).read_or_make()

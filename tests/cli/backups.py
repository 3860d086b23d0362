"""What tests of backups share: a server to back up, and what lies in a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.belongings import post
from tests.cli.conftest import Operator

PASSPHRASE = "correct horse battery staple"


def live(operator: Operator, name: str = "alice", count: int = 3) -> str:
    """An account with posts, each with a picture; its DID."""
    did = str(operator.create(name)["did"])
    write(operator, did, count)
    return did


def write(operator: Operator, did: str, count: int) -> None:
    with operator.services() as services:
        from tests.factories import Person

        person = Person(did, "", "", "", "", "")
        for number in range(count):
            content = f"{did} {number} {services.sequencer.last_seq}"
            post(services, person, content, blob=content.encode())


def stored(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def blobs(place: Path) -> list[Path]:
    return sorted(path for path in (place / "blobs").rglob("*") if path.is_file())


def snapshot(place: Path) -> Path:
    [found] = sorted((place / "snapshots").iterdir())
    return found


def flip(file: Path) -> None:
    """Change some bytes in the middle: one could be one that means nothing when it is packed."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    for place in range(middle, min(middle + 64, len(content))):
        content[place] ^= 0x55
    file.write_bytes(content)


def age(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a snapshot be years old, and no more than one be kept for its age."""
    snapshot.rename(snapshot.with_name("2020" + snapshot.name[4:]))
    monkeypatch.setenv("PDS_BACKUP_KEEP_DAILY", "1")
    monkeypatch.setenv("PDS_BACKUP_KEEP_WEEKLY", "0")
    monkeypatch.setenv("PDS_BACKUP_KEEP_MONTHLY", "0")

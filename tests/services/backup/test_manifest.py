"""What a snapshot says about itself can be read back, and a change in it is noticed."""

from __future__ import annotations

import json

import pytest

from pds.services.backup.errors import BackupError, DamagedBackupError
from pds.services.backup.manifest import FileEntry, Manifest

MANIFEST = Manifest(
    name="2026-01-01T030000.000Z",
    created_at_us=1,
    version="0.1.0",
    service_did="did:web:pds.example.org",
    last_seq=12,
    accounts=2,
    blobs=1,
    blob_bytes=100,
    files={"pds.sqlite": FileEntry("ab", 4096)},
    lost_blobs=("bafkreia", "bafkreib"),
)


def test_it_comes_back_as_it_was() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


@pytest.mark.parametrize("name", [key for key in json.loads(MANIFEST.to_json()) if key != "format"])
def test_any_change_is_noticed(name: str) -> None:
    values = json.loads(MANIFEST.to_json())
    values[name] = "else"

    with pytest.raises(DamagedBackupError, match="damaged"):
        Manifest.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", MANIFEST.to_json()[:-20]])
def test_half_a_manifest_is_none(text: str) -> None:
    with pytest.raises(DamagedBackupError):
        Manifest.from_json(text)


def test_format_of_a_newer_version_is_told_apart_from_damage() -> None:
    values = {**json.loads(MANIFEST.to_json()), "format": 2}

    with pytest.raises(BackupError, match="update this program"):
        Manifest.from_json(json.dumps(values))

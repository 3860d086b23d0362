"""Blob bytes on disk: whole under their final name or not there at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from pds.atproto.cid import cid_for_raw
from pds.storage.blob_files import BlobFiles
from pds.storage.blob_store import StoredBlob, folder_name

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
LONG_DID = "did:web:" + "a" * 300 + ".example.com"


@pytest.fixture
def files(tmp_path: Path) -> BlobFiles:
    files = BlobFiles(tmp_path / "blobs")
    files.prepare()
    return files


def keep(files: BlobFiles, content: bytes, did: str = DID) -> Path:
    blob = files.incoming.write(io.BytesIO(content), 10_000_000)
    files.keep(blob, folder_name(did))
    return Path(files.describe(folder_name(did), blob.cid))


def everything_below(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def test_kept_blob_is_at_its_place_alone(files: BlobFiles, tmp_path: Path) -> None:
    path = keep(files, b"hello")

    assert path.read_bytes() == b"hello"
    assert everything_below(tmp_path) == [f"blobs/{DID}/{cid_for_raw(b'hello')}"]


def test_modes_let_the_owner_in_alone(files: BlobFiles, tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        path = keep(files, b"hello")
    finally:
        os.umask(umask)

    assert path.stat().st_mode & 0o777 == 0o600
    for directory in (path.parent, tmp_path / "blobs", tmp_path / "blobs" / "tmp"):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_keeping_again_repairs_a_damaged_file(files: BlobFiles) -> None:
    path = keep(files, b"hello")
    path.write_bytes(b"he")

    keep(files, b"hello")

    assert path.read_bytes() == b"hello"


def test_discard_removes_an_unkept_blob_and_leaves_a_kept_one(
    files: BlobFiles, tmp_path: Path
) -> None:
    unkept = files.incoming.write(io.BytesIO(b"one"), 10)
    kept = files.incoming.write(io.BytesIO(b"two"), 10)
    files.keep(kept, DID)

    files.incoming.discard(unkept)
    files.incoming.discard(kept)

    assert everything_below(tmp_path) == [f"blobs/{DID}/{kept.cid}"]


def test_uploads_of_an_earlier_run_are_dropped_on_request_alone(
    files: BlobFiles, tmp_path: Path
) -> None:
    path = keep(files, b"hello")
    under_way = files.incoming.write(io.BytesIO(b"half done"), 100)
    other_process = BlobFiles(tmp_path / "blobs")
    other_process.prepare()
    assert under_way.path.exists()

    other_process.incoming.drop_leftovers()

    assert everything_below(tmp_path) == [str(path.relative_to(tmp_path))]


def test_delete_is_content_with_nothing_to_delete(files: BlobFiles) -> None:
    path = keep(files, b"hello")

    files.delete(DID, [cid_for_raw(b"hello")])
    files.delete(DID, [cid_for_raw(b"hello")])

    assert not path.exists()


@pytest.mark.parametrize(
    "did", [DID, "did:web:example.com%3A3000", "did:web:" + "a" * 247, LONG_DID]
)
def test_any_did_gets_a_folder_of_its_own(files: BlobFiles, did: str) -> None:
    path = keep(files, b"hello", did)

    assert path.read_bytes() == b"hello"
    assert path.parent.name == folder_name(did)
    assert list(files.folders()) == [folder_name(did)]


def test_list_has_what_is_named_by_a_cid(files: BlobFiles) -> None:
    path = keep(files, b"hello")
    os.utime(path, (1000, 1000))
    (path.parent / "README").touch()

    assert list(files.list(DID)) == [StoredBlob(cid_for_raw(b"hello"), 5, 1_000_000_000)]
    assert list(files.list("did:plc:nobody")) == []


def test_other_directories_are_not_taken_for_accounts(files: BlobFiles, tmp_path: Path) -> None:
    (tmp_path / "blobs" / "lost+found").mkdir()
    (tmp_path / "blobs" / "did:plc:file").touch()

    assert list(files.folders()) == []

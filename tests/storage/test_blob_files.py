"""Blob bytes on disk: whole under their final name or not there at all."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from pds.atproto.cid import cid_for_raw
from pds.errors import PayloadTooLargeError
from pds.storage.blob_files import SNIFF_BYTES, BlobFiles, folder_name

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
LONG_DID = "did:web:" + "a" * 300 + ".example.com"


class BreakingStream:
    """Gives some bytes, then fails as a lost connection does."""

    def __init__(self) -> None:
        self._left = [b"some bytes"]

    def read(self, size: int) -> bytes:
        if not self._left:
            raise ConnectionResetError
        return self._left.pop()


@pytest.fixture
def files(tmp_path: Path) -> BlobFiles:
    files = BlobFiles(tmp_path / "blobs")
    files.prepare()
    return files


def keep(files: BlobFiles, content: bytes, did: str = DID) -> Path:
    blob = files.write_temporary(io.BytesIO(content), 10_000_000)
    files.keep(blob, did)
    return files.path(did, blob.cid)


def everything_below(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


@pytest.mark.parametrize("size", [0, 1, SNIFF_BYTES, 262_144, 700_001])
def test_temporary_blob_is_hashed_counted_and_sniffed_while_written(
    files: BlobFiles, size: int
) -> None:
    content = os.urandom(size)

    blob = files.write_temporary(io.BytesIO(content), size)

    assert blob.cid == cid_for_raw(content)
    assert blob.size_bytes == size
    assert blob.head == content[:SNIFF_BYTES]
    assert blob.path.read_bytes() == content


def test_head_is_collected_over_short_reads(files: BlobFiles) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(7)

    content = os.urandom(SNIFF_BYTES + 100)

    blob = files.write_temporary(Dribble(content), len(content))

    assert blob.head == content[:SNIFF_BYTES]
    assert blob.cid == cid_for_raw(content)


def test_too_large_upload_leaves_nothing(files: BlobFiles, tmp_path: Path) -> None:
    with pytest.raises(PayloadTooLargeError):
        files.write_temporary(io.BytesIO(bytes(11)), 10)

    assert everything_below(tmp_path) == []


def test_broken_stream_leaves_nothing(files: BlobFiles, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        files.write_temporary(cast("BinaryIO", BreakingStream()), 100)

    assert everything_below(tmp_path) == []


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
    unkept = files.write_temporary(io.BytesIO(b"one"), 10)
    kept = files.write_temporary(io.BytesIO(b"two"), 10)
    files.keep(kept, DID)

    files.discard(unkept)
    files.discard(kept)

    assert everything_below(tmp_path) == [f"blobs/{DID}/{kept.cid}"]


def test_uploads_of_an_earlier_run_are_dropped_on_request_alone(
    files: BlobFiles, tmp_path: Path
) -> None:
    path = keep(files, b"hello")
    under_way = files.write_temporary(io.BytesIO(b"half done"), 100)
    other_process = BlobFiles(tmp_path / "blobs")
    other_process.prepare()
    assert under_way.path.exists()

    other_process.drop_leftovers()

    assert everything_below(tmp_path) == [str(path.relative_to(tmp_path))]


def test_delete_is_content_with_nothing_to_delete(files: BlobFiles) -> None:
    path = keep(files, b"hello")

    files.delete(DID, cid_for_raw(b"hello"))
    files.delete(DID, cid_for_raw(b"hello"))

    assert not path.exists()


@pytest.mark.parametrize(
    "did", [DID, "did:web:example.com%3A3000", "did:web:" + "a" * 247, LONG_DID]
)
def test_any_did_gets_a_folder_of_its_own(files: BlobFiles, did: str) -> None:
    path = keep(files, b"hello", did)

    assert path.read_bytes() == b"hello"
    assert path.parent.name == folder_name(did)
    assert list(files.folders()) == [folder_name(did)]


def test_hashed_folder_names_cannot_meet_plain_ones() -> None:
    assert folder_name(LONG_DID) != folder_name(LONG_DID + "x")
    assert not folder_name(LONG_DID).startswith("did:")
    assert len(folder_name(LONG_DID)) <= 255


def test_stale_files_are_old_and_named_by_a_cid(files: BlobFiles) -> None:
    old, new = keep(files, b"old"), keep(files, b"new")
    os.utime(old, (1000, 1000))
    stray = old.parent / "README"
    stray.touch()
    os.utime(stray, (1000, 1000))

    found = list(files.stale_files(folder_name(DID), 2_000_000_000))

    assert found == [cid_for_raw(b"old")]
    assert new.exists()


def test_other_directories_are_not_taken_for_accounts(files: BlobFiles, tmp_path: Path) -> None:
    (tmp_path / "blobs" / "lost+found").mkdir()
    (tmp_path / "blobs" / "did:plc:file").touch()

    assert list(files.folders()) == []


def test_a_process_that_deletes_waits_for_those_that_upload(
    files: BlobFiles, tmp_path: Path
) -> None:
    order: list[str] = []
    other_process = BlobFiles(tmp_path / "blobs")

    def delete() -> None:
        with other_process.hold(alone=True):
            order.append("deletes")

    with files.hold(alone=False), BlobFiles(tmp_path / "blobs").hold(alone=False):
        thread = threading.Thread(target=delete)
        thread.start()
        thread.join(0.05)
        order.append("uploaded")
    thread.join()

    assert order == ["uploaded", "deletes"]

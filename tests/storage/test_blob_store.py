"""Uploads under way: hashed, counted and sniffed while written, and gone when they fail."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from pds.atproto.cid import cid_for_raw
from pds.errors import PayloadTooLargeError
from pds.storage.blob_store import SNIFF_BYTES, Incoming, folder_name

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
def incoming(tmp_path: Path) -> Incoming:
    incoming = Incoming(tmp_path / "blobs")
    incoming.prepare()
    return incoming


def everything_below(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


@pytest.mark.parametrize("size", [0, 1, SNIFF_BYTES, 262_144, 700_001])
def test_temporary_blob_is_hashed_counted_and_sniffed_while_written(
    incoming: Incoming, size: int
) -> None:
    content = os.urandom(size)

    blob = incoming.write(io.BytesIO(content), size)

    assert blob.cid == cid_for_raw(content)
    assert blob.size_bytes == size
    assert blob.head == content[:SNIFF_BYTES]
    assert blob.path.read_bytes() == content


def test_head_is_collected_over_short_reads(incoming: Incoming) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(7)

    content = os.urandom(SNIFF_BYTES + 100)

    blob = incoming.write(Dribble(content), len(content))

    assert blob.head == content[:SNIFF_BYTES]
    assert blob.cid == cid_for_raw(content)


def test_too_large_upload_leaves_nothing(incoming: Incoming, tmp_path: Path) -> None:
    with pytest.raises(PayloadTooLargeError):
        incoming.write(io.BytesIO(bytes(11)), 10)

    assert everything_below(tmp_path) == []


def test_broken_stream_leaves_nothing(incoming: Incoming, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        incoming.write(cast("BinaryIO", BreakingStream()), 100)

    assert everything_below(tmp_path) == []


def test_hashed_folder_names_cannot_meet_plain_ones() -> None:
    assert folder_name(LONG_DID) != folder_name(LONG_DID + "x")
    assert not folder_name(LONG_DID).startswith("did:")
    assert len(folder_name(LONG_DID)) <= 255

"""Blobs are checked against their hashes, and copied from store to store, however it is cut off."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.cid import cid_for_raw
from pds.errors import UpstreamFailureError
from pds.services import blob_moves
from pds.services.blob_moves import BlobProblem, Findings
from pds.storage import database
from pds.storage.blob_files import BlobFiles
from pds.storage.blob_locks import BlobLocks
from pds.storage.blob_store import BlobStore
from tests.blob_stage import Stage, new_bucket, take_down
from tests.factories import StillClock
from tests.fakes.s3_server import S3Server


@pytest.fixture
def stage(tmp_path: Path, open_database: Path, clock: StillClock) -> Stage:
    del open_database
    return Stage(tmp_path, clock)


@pytest.fixture
def bucket(s3_server: S3Server, tmp_path: Path) -> BlobStore:
    store = new_bucket(s3_server, tmp_path / "other")
    store.prepare()
    return store


def said(done: int, total: int) -> None:
    assert 0 < done <= total


def verify(stage: Stage, store: BlobStore | None = None) -> Findings:
    locks = BlobLocks(stage.directory.parent / "blobs.lock")
    return blob_moves.verify(store or stage.store, locks, stage.clock, said)


def migrate(stage: Stage, source: BlobStore, target: BlobStore) -> Findings:
    locks = BlobLocks(stage.directory.parent / "blobs.lock")
    return blob_moves.migrate(source, target, locks, said)


def fill(stage: Stage) -> None:
    """Blobs of two accounts: used, waiting, taken down, empty."""
    for number in range(12):
        stage.upload(os.urandom(9_000), "a/b", stage.alice if number % 2 else stage.bob)
    stage.use("a", stage.upload(b"used"))
    take_down(stage.alice, stage.upload(b"taken down").cid)
    stage.upload(b"")


def digests(store: BlobStore) -> dict[str, bytes]:
    """The hash of everything in a store."""
    found = {}
    for folder in store.folders():
        for blob in store.list(folder):
            with store.open(folder, blob.cid, 0, blob.size_bytes) as file:
                found[f"{folder}/{blob.cid}"] = hashlib.sha256(file.read()).digest()
    return found


# --- verify -------------------------------------------------------------------------------------


def test_good_blobs_are_counted(stage: Stage) -> None:
    fill(stage)

    found = verify(stage)

    assert (found.blobs, found.size_bytes) == (15, 12 * 9_000 + 14)
    assert (found.missing, found.damaged, found.unknown, found.problems) == (0, 0, 0, [])


@pytest.mark.parametrize("content", [b"HELLO", b"he", b"hello there", b""])
def test_damage_is_found_by_hash_and_size(stage: Stage, content: bytes) -> None:
    ref = stage.upload(b"hello")
    stage.upload(b"good")
    (stage.directory / stage.alice.did / str(ref.cid)).write_bytes(content)

    found = verify(stage)

    assert (found.blobs, found.damaged) == (2, 1)
    assert found.problems == [BlobProblem(stage.alice.did, str(ref.cid), "damaged")]


def test_what_is_missing_and_what_nobody_knows(stage: Stage, bucket: BlobStore) -> None:
    ref = stage.upload(b"hello")
    stage.put("did:plc:gone", b"unknown")
    stage.age_files(7_200)

    assert verify(stage).unknown == 1

    found = verify(stage, bucket)
    assert (found.missing, found.unknown) == (1, 0)
    assert found.problems == [BlobProblem(stage.alice.did, str(ref.cid), "missing")]


def test_blob_that_is_deleted_meanwhile_is_no_problem(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.upload(b"hello")
    real = BlobFiles.open

    def delete_first(self: BlobFiles, *args: Any) -> Any:
        with database.transaction():
            database.execute("DELETE FROM blob", ())
        self.delete(stage.alice.did, [cid_for_raw(b"hello")])
        return real(self, *args)

    monkeypatch.setattr(BlobFiles, "open", delete_first)

    assert verify(stage).blobs == 0


# --- migrate ------------------------------------------------------------------------------------


def test_there_and_back_leaves_identical_hashes(
    stage: Stage, bucket: BlobStore, tmp_path: Path
) -> None:
    fill(stage)
    before = digests(stage.store)
    third = BlobFiles(tmp_path / "third")
    third.prepare()

    there = migrate(stage, stage.store, bucket)
    back = migrate(stage, bucket, third)

    assert (there.blobs, there.copied, back.copied) == (15, 15, 15)
    assert before == digests(bucket) == digests(third)
    assert len(before) == 15
    assert digests(stage.store) == before  # nothing was taken away
    assert verify(stage, third).problems == []


def test_second_time_copies_only_what_is_new_or_half_there(stage: Stage, bucket: BlobStore) -> None:
    fill(stage)
    migrate(stage, stage.store, bucket)
    ref = stage.upload(b"new")
    bucket.delete(stage.alice.did, [cid_for_raw(b"used")])

    found = migrate(stage, stage.store, bucket)

    assert (found.blobs, found.copied) == (16, 2)
    assert f"{stage.alice.did}/{ref.cid}" in digests(bucket)


def test_damaged_and_missing_blobs_are_not_copied(stage: Stage, bucket: BlobStore) -> None:
    refs = [stage.upload(content) for content in (b"hello", b"longer", b"lost", b"good")]
    folder = stage.directory / stage.alice.did
    (folder / str(refs[0].cid)).write_bytes(b"HELLO")
    (folder / str(refs[1].cid)).write_bytes(b"even longer")
    stage.lose(refs[2])

    found = migrate(stage, stage.store, bucket)

    assert (found.copied, found.damaged, found.missing) == (1, 2, 1)
    assert list(digests(bucket)) == [f"{stage.alice.did}/{refs[3].cid}"]
    assert stage.files() == sorted(f"{stage.alice.did}/{refs[n].cid}" for n in (0, 1, 3))


def test_failure_in_the_middle_is_gone_on_from(
    stage: Stage, bucket: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stage)
    real, calls = bucket.keep, [0]

    def fail(*args: Any) -> None:
        calls[0] += 1
        if calls[0] > 5:
            raise UpstreamFailureError
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(bucket, "keep", fail)
        with pytest.raises(UpstreamFailureError):
            migrate(stage, stage.store, bucket)
    assert list(bucket.incoming.directory.iterdir()) == []

    assert migrate(stage, stage.store, bucket).copied == 10
    assert digests(bucket) == digests(stage.store)

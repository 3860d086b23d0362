"""Blobs: gone with their last use, found again after a crash, listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pds.atproto.cid import Cid, cid_for_raw
from pds.errors import (
    BlobNotFoundError,
    InvalidRequestError,
    UpstreamFailureError,
)
from pds.storage import blobs, database
from tests.blob_stage import (
    ALICE,
    POST,
    Stage,
    add_account,
    add_record,
    new_bucket,
    place,
    take_down,
)
from tests.factories import StillClock

HOUR_S = 3_600


@pytest.fixture(params=["disk", "bucket"])
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, open_database: Path, clock: StillClock
) -> Stage:
    del open_database
    if request.param == "disk":
        return Stage(tmp_path, clock)
    return Stage(tmp_path, clock, new_bucket(request.getfixturevalue("s3_server"), tmp_path))


# --- deletion -----------------------------------------------------------------------------------


def test_blob_goes_with_its_last_record(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    stage.use("b", ref)

    stage.drop_and_delete("a")
    assert stage.read(ref.cid) == b"hello"
    stage.drop_and_delete("b")

    assert stage.state() == ([], [], [])


def test_blob_that_the_new_version_of_a_record_uses_stays(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    with database.transaction():
        dropped = stage.service.unreference(stage.alice.id, POST, "a")
        stage.service.check_and_reference(stage.alice.id, POST, "a", [ref])

    stage.delete(dropped)

    assert stage.read(ref.cid) == b"hello"


def test_rolled_back_deletion_keeps_the_blob(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    before = stage.state()

    def fail_after_dropping() -> None:
        with database.transaction():
            stage.service.unreference(stage.alice.id, POST, "a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_dropping()

    assert stage.state() == before


def test_upload_between_commit_and_deletion_is_not_lost(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    dropped = stage.drop("a")

    stage.upload(b"hello")
    stage.delete(dropped)

    stage.use("b", ref)
    assert stage.read(ref.cid) == b"hello"


def test_blob_uploaded_again_before_its_record_goes_waits_for_the_next(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)

    stage.upload(b"hello")
    stage.drop_and_delete("a")

    stage.use("b", ref)
    assert stage.read(ref.cid) == b"hello"


def test_use_between_commit_and_deletion_keeps_the_blob(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    dropped = stage.drop("a")

    stage.use("b", ref)
    stage.delete(dropped)

    assert stage.read(ref.cid) == b"hello"


def test_failing_deletion_is_logged_and_made_up_for_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    dropped = stage.drop("a")

    def fail(*_: Any) -> None:
        raise UpstreamFailureError if stage.store.is_remote else PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(stage.store, "delete", fail)
        stage.delete(dropped)
    assert "could not be deleted" in caplog.text
    assert stage.files() == [place(stage.alice, ref.cid)]

    stage.age_files(2 * HOUR_S)
    assert stage.service.sweep_files().files_removed == 1
    assert stage.files() == []


def test_crash_before_the_deletion_is_made_up_for_by_expiry(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    stage.drop("a")

    assert stage.service.expire_uploads() == 1

    assert stage.state() == ([], [], [])


def test_taken_down_blob_keeps_its_row_when_its_record_goes(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    take_down(stage.alice, ref.cid)

    stage.drop_and_delete("a")
    stage.clock.advance(100 * HOUR_S)
    stage.service.expire_uploads()

    with pytest.raises(InvalidRequestError, match="taken down"):
        stage.upload(b"hello")


# --- upkeep -------------------------------------------------------------------------------------


def test_uploads_that_no_record_used_in_a_day_expire(stage: Stage) -> None:
    old, used = stage.upload(b"old"), stage.upload(b"used")
    stage.use("a", used)
    stage.clock.advance(23 * HOUR_S)
    fresh = stage.upload(b"fresh")
    assert stage.service.expire_uploads() == 0
    stage.clock.advance(1.5 * HOUR_S)

    assert stage.service.expire_uploads() == 1

    assert stage.files() == sorted([place(stage.alice, fresh.cid), place(stage.alice, used.cid)])
    with pytest.raises(BlobNotFoundError):
        stage.use("b", old)


def test_used_blob_that_was_uploaded_again_in_vain_is_still_deleted_in_the_end(
    stage: Stage,
) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    stage.upload(b"hello")
    stage.clock.advance(25 * HOUR_S)
    assert stage.service.expire_uploads() == 0

    stage.drop_and_delete("a")

    assert stage.state() == ([], [], [])


def test_sweep_removes_old_files_nobody_knows(stage: Stage) -> None:
    ref = stage.upload(b"known")
    for folder in (ALICE, "did:plc:gone"):
        stage.put(folder, b"unknown")
    stage.age_files(HOUR_S - 60)
    assert stage.service.sweep_files().files_removed == 0
    stage.age_files(HOUR_S + 60)

    assert stage.service.sweep_files().files_removed == 2

    assert stage.files() == [place(stage.alice, ref.cid)]


def test_sweep_knows_the_folders_of_long_dids(stage: Stage) -> None:
    account = add_account("did:web:" + "a" * 300 + ".example.com")
    stage.upload(b"known", account=account)
    stage.age_files(2 * HOUR_S)

    assert stage.service.sweep_files().files_removed == 0


def test_sweep_reports_blobs_whose_file_is_gone(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    lost = [stage.upload(bytes([number])) for number in range(25)]
    stage.upload(b"there")
    stage.lose(*lost)

    assert stage.service.sweep_files().files_missing == 25

    assert str(lost[0].cid) in caplog.text
    assert "25 stored blobs are missing" in caplog.text


def test_blob_without_its_file_is_not_found(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    stage.lose(ref)

    with pytest.raises(BlobNotFoundError):
        stage.read(ref.cid)

    assert "missing" in caplog.text


# --- lists --------------------------------------------------------------------------------------


def test_blobs_are_listed_once_in_pages(stage: Stage) -> None:
    refs = [stage.upload(bytes([number])) for number in range(5)]
    stage.use("a", *refs)
    stage.use("b", *refs[:3])
    stage.upload(b"waiting")

    found: list[Cid] = []
    cursor = None
    for _ in range(3):
        page, cursor = stage.service.list_blobs(stage.alice, since=None, limit=2, cursor=cursor)
        found += page

    assert found == sorted(ref.cid for ref in refs)
    assert cursor is None


def test_list_since_a_rev_has_blobs_of_later_records(stage: Stage) -> None:
    old, new = stage.upload(b"old"), stage.upload(b"new")
    for rkey, ref, rev in (("a", old, "3jzfcijpj2z2a"), ("b", new, "3jzfcijpj2z2b")):
        add_record(stage.alice.id, rkey, rev)
        stage.use(rkey, ref)

    page, _ = stage.service.list_blobs(stage.alice, since="3jzfcijpj2z2a", limit=10, cursor=None)

    assert page == [new.cid]


def test_missing_blobs_are_listed_with_one_record_each(stage: Stage) -> None:
    present = stage.upload(b"present")
    stage.use("a", present)
    absent = sorted(cid_for_raw(bytes([number])) for number in range(3))
    with database.transaction():
        blobs.add_references(stage.alice.id, POST, "c", absent)
        blobs.add_references(stage.alice.id, POST, "b", absent[:1])
        blobs.add_references(stage.bob.id, POST, "b", [cid_for_raw(b"of bob")])

    first, cursor = stage.service.list_missing(stage.alice, limit=2, cursor=None)
    second, end = stage.service.list_missing(stage.alice, limit=2, cursor=cursor)

    assert [(blob.cid, blob.record_uri) for blob in [*first, *second]] == [
        (absent[0], f"at://{ALICE}/{POST}/b"),
        (absent[1], f"at://{ALICE}/{POST}/c"),
        (absent[2], f"at://{ALICE}/{POST}/c"),
    ]
    assert end is None
    assert stage.service.counts(stage.alice.id) == (4, 1)


@pytest.mark.parametrize("cursor", ["", "nonsense", "bafkrei", "zQm"])
def test_foreign_cursor_is_refused(stage: Stage, cursor: str) -> None:
    with pytest.raises(InvalidRequestError, match="cursor"):
        stage.service.list_blobs(stage.alice, since=None, limit=1, cursor=cursor)
    with pytest.raises(InvalidRequestError, match="cursor"):
        stage.service.list_missing(stage.alice, limit=1, cursor=cursor)

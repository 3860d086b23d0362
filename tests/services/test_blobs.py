"""Blobs: uploaded in private, public once a record uses them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from pds.atproto.blob_ref import BlobRef
from pds.atproto.cid import cid_for_cbor, cid_for_raw
from pds.errors import (
    AccountNotFoundError,
    BlobNotFoundError,
    InvalidMimeTypeError,
    InvalidRequestError,
    InvalidSizeError,
    NotEnoughResourcesError,
    PayloadTooLargeError,
)
from pds.storage import blobs, database
from tests.blob_stage import (
    JPEG,
    LIMIT,
    PNG,
    POST,
    Stage,
    new_bucket,
    place,
    take_down,
)
from tests.factories import StillClock


@pytest.fixture(params=["disk", "bucket"])
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, open_database: Path, clock: StillClock
) -> Stage:
    del open_database
    if request.param == "disk":
        return Stage(tmp_path, clock)
    return Stage(tmp_path, clock, new_bucket(request.getfixturevalue("s3_server"), tmp_path))


# --- upload -------------------------------------------------------------------------------------


def test_upload_returns_a_reference_and_stays_private(stage: Stage) -> None:
    ref = stage.upload(b"hello", "text/plain; charset=utf-8")

    assert ref == BlobRef(cid_for_raw(b"hello"), "text/plain", 5)
    assert stage.files() == [place(stage.alice, ref.cid)]
    with pytest.raises(BlobNotFoundError):
        stage.service.open_blob(stage.alice, ref.cid)
    assert stage.service.list_blobs(stage.alice, since=None, limit=10, cursor=None) == ([], None)


@pytest.mark.parametrize(
    ("content", "declared", "expected"),
    [
        (JPEG, "image/png", "image/jpeg"),
        (PNG, "application/octet-stream", "image/png"),
        (b"plain words", "Text/Markdown; a=b", "text/markdown"),
        (b"", "image/png", "image/png"),
        (b'{"a":1}', "application/json", "application/json"),
        (JPEG, "*/*", "image/jpeg"),
        (b"plain words", "*/*", "application/octet-stream"),
    ],
)
def test_type_is_told_from_the_bytes_or_else_as_declared(
    stage: Stage, content: bytes, declared: str, expected: str
) -> None:
    assert stage.upload(content, declared).mime_type == expected


@pytest.mark.parametrize("declared", [None, "", "image", "image/", "a/b\r\nX: y", ";a/b"])
def test_upload_without_a_usable_type_is_refused(stage: Stage, declared: str | None) -> None:
    before = stage.state()

    with pytest.raises(InvalidRequestError):
        stage.service.upload(stage.alice, io.BytesIO(b"hello"), declared)

    assert stage.state() == before


def test_upload_of_nothing_is_a_blob(stage: Stage) -> None:
    ref = stage.upload(b"")
    stage.use("a", ref)

    assert ref.size == 0
    assert stage.read(ref.cid) == b""


def test_upload_up_to_the_limit_and_no_further(stage: Stage) -> None:
    stage.upload(bytes(LIMIT))
    before = stage.state()

    with pytest.raises(PayloadTooLargeError):
        stage.upload(bytes(LIMIT + 1))

    assert stage.state() == before


def test_upload_to_a_deleted_account_leaves_no_row(stage: Stage) -> None:
    with database.transaction():
        database.execute("DELETE FROM account WHERE id = ?", (stage.alice.id,))

    with pytest.raises(AccountNotFoundError):
        stage.upload(b"hello")

    assert database.rows("SELECT * FROM blob") == []


def test_full_disk_is_said_and_leaves_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(NotEnoughResourcesError):
        stage.upload(b"hello")

    assert stage.files() == []


def test_disk_that_fills_up_at_the_last_step_is_said_as_well(
    tmp_path: Path, open_database: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    del open_database
    stage = Stage(tmp_path, clock)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)

    with pytest.raises(NotEnoughResourcesError):
        stage.upload(b"hello")

    assert stage.files() == []
    assert database.rows("SELECT * FROM blob") == []


def test_crash_before_the_row_leaves_an_upload_to_repeat(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "insert_blob", crash)
        with pytest.raises(RuntimeError):
            stage.upload(b"hello")
    assert database.rows("SELECT * FROM blob") == []

    ref = stage.upload(b"hello")
    stage.use("a", ref)

    assert stage.read(ref.cid) == b"hello"


def test_upload_of_a_blob_that_records_wait_for_is_public_at_once(stage: Stage) -> None:
    cid = cid_for_raw(b"hello")
    with database.transaction():
        blobs.add_references(stage.alice.id, POST, "a", [cid])

    stage.upload(b"hello")

    assert stage.read(cid) == b"hello"
    stage.clock.advance(360_000)
    assert stage.service.expire_uploads() == 0


def test_repeated_upload_of_a_waiting_blob_takes_the_new_type(stage: Stage) -> None:
    stage.upload(b"hello", "text/plain")

    ref = stage.upload(b"hello", "text/markdown")
    stage.use("a", ref)

    assert stage.service.open_blob(stage.alice, ref.cid).mime_type == "text/markdown"


def test_repeated_upload_of_a_used_blob_keeps_the_type_records_rely_on(stage: Stage) -> None:
    stage.use("a", stage.upload(b"hello", "text/plain"))

    ref = stage.upload(b"hello", "text/markdown")

    assert ref.mime_type == "text/plain"
    stage.use("b", ref)


def test_taken_down_blob_cannot_be_uploaded_again(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.use("a", ref)
    take_down(stage.alice, ref.cid)
    before = stage.state()

    with pytest.raises(InvalidRequestError, match="taken down"):
        stage.upload(b"hello")

    assert stage.state() == before


# --- references ---------------------------------------------------------------------------------


def test_used_blob_is_public_with_type_and_size(stage: Stage) -> None:
    ref = stage.upload(JPEG)
    stage.use("a", ref)

    found = stage.service.open_blob(stage.alice, ref.cid)

    assert (found.mime_type, found.size_bytes) == ("image/jpeg", len(JPEG))
    assert stage.read(ref.cid) == JPEG


def test_blob_of_another_account_cannot_be_used(stage: Stage) -> None:
    ref = stage.upload(b"hello", account=stage.bob)
    before = stage.state()

    with pytest.raises(BlobNotFoundError, match=f"Could not find blob: {ref.cid}"):
        stage.use("a", ref)

    assert stage.state() == before


def test_same_bytes_of_two_accounts_are_two_blobs(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    stage.upload(b"hello", account=stage.bob)
    stage.use("a", ref)
    stage.use("a", ref, account=stage.bob)

    stage.drop_and_delete("a")

    assert stage.files() == [place(stage.bob, ref.cid)]
    assert stage.read(ref.cid, stage.bob) == b"hello"


@pytest.mark.parametrize("is_used", [False, True])
def test_reference_must_say_what_the_upload_said(stage: Stage, is_used: bool) -> None:
    ref = stage.upload(JPEG)
    if is_used:
        stage.use("first", ref)
    before = stage.state()

    with pytest.raises(InvalidMimeTypeError):
        stage.use("a", BlobRef(ref.cid, "image/png", ref.size))
    with pytest.raises(InvalidSizeError):
        stage.use("a", BlobRef(ref.cid, ref.mime_type, ref.size + 1))

    assert stage.state() == before


def test_reference_to_a_block_or_a_taken_down_blob_is_refused(stage: Stage) -> None:
    ref = stage.upload(b"hello")
    take_down(stage.alice, ref.cid)

    for bad in (ref, BlobRef(cid_for_cbor(b"\xa0"), "text/plain", 1)):
        with pytest.raises(BlobNotFoundError):
            stage.use("a", bad)


def test_one_bad_reference_of_several_changes_nothing(stage: Stage) -> None:
    good = stage.upload(b"good")
    before = stage.state()

    with pytest.raises(BlobNotFoundError):
        stage.use("a", good, BlobRef(cid_for_raw(b"absent"), "text/plain", 6))

    assert stage.state() == before


def test_record_may_refer_to_one_blob_twice(stage: Stage) -> None:
    ref = stage.upload(b"hello")

    stage.use("a", ref, ref)

    assert stage.drop("a") == [ref.cid]

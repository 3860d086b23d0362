"""From what a client wants written to what goes into the repo."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto import dag_cbor
from pds.atproto.blob_ref import BlobRef
from pds.atproto.cid import cid_for_cbor, cid_for_raw
from pds.atproto.dag_json import MAX_DATA_DEPTH
from pds.atproto.lexicon.catalog import Catalog
from pds.atproto.lexicon.validate import Validator
from pds.errors import InvalidRequestError
from pds.services.record_writes import MAX_RECORD_BYTES, Write, check_path, prepare_record

POST = "app.bsky.feed.post"
NOTE = "com.example.note"
TID = "3jzfcijpj2z2a"
VALUE = {"text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}
CID = cid_for_raw(b"a")
BLOB = {"$type": "blob", "ref": CID, "mimeType": "image/png", "size": 1}
VALIDATOR = Validator(Catalog.installed())


def prepare(collection: str, value: Any, rkey: str = TID, **options: Any) -> Any:
    return prepare_record(Write("create", collection, rkey, value, **options), VALIDATOR)


def nested(levels: int) -> dict[str, Any]:
    """An object of so many levels of containers, itself included."""
    value: Any = []
    for _ in range(levels - 2):
        value = [value]
    return {"a": value}


def test_record_is_typed_encoded_and_hashed() -> None:
    prepared = prepare(POST, VALUE)

    row = prepared.row
    assert (row.collection, row.rkey) == (POST, TID)
    assert dag_cbor.decode(row.content) == {"$type": POST, **VALUE}
    assert row.cid == cid_for_cbor(row.content)
    assert (row.link_target, prepared.blobs, prepared.validation_status) == (None, [], "valid")


def test_given_value_is_not_changed() -> None:
    value = dict(VALUE)
    prepare(POST, value)
    assert value == VALUE


def test_type_that_is_there_must_be_the_collection() -> None:
    same = prepare(POST, {"$type": POST, **VALUE}).row.content
    assert same == prepare(POST, VALUE).row.content

    for validate in (None, True, False):
        with pytest.raises(InvalidRequestError, match=rf"expected {POST}, got {NOTE}"):
            prepare(POST, {"$type": NOTE, **VALUE}, validate=validate)


@pytest.mark.parametrize(
    ("collection", "validate", "status"),
    [
        (POST, None, "valid"),
        (POST, True, "valid"),
        (POST, False, None),
        (NOTE, None, "unknown"),
        (NOTE, False, None),
        ("app.bsky.unknown.thing", None, "unknown"),
    ],
)
def test_status_says_whether_somebody_looked(
    collection: str, validate: bool | None, status: str | None
) -> None:
    assert prepare(collection, VALUE, validate=validate).validation_status == status


@pytest.mark.parametrize("collection", [NOTE, "app.bsky.unknown.thing", "app.bsky.feed.defs"])
def test_demanded_schema_must_be_known(collection: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"Unknown lexicon type: {collection}"):
        prepare(collection, VALUE, validate=True)


@pytest.mark.parametrize("validate", [None, True])
@pytest.mark.parametrize(
    ("value", "rkey", "message"),
    [
        ({**VALUE, "text": 1}, TID, "Invalid app.bsky.feed.post record: record/text"),
        ({"text": ""}, TID, "record/createdAt"),
        (VALUE, "self", "rkey: must be a TID"),
    ],
)
def test_known_schema_is_enforced(
    value: Any, rkey: str, message: str, validate: bool | None
) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        prepare(POST, value, rkey, validate=validate)
    assert prepare(POST, value, rkey, validate=False).validation_status is None


@pytest.mark.parametrize(
    ("collection", "rkey", "message"),
    [
        ("post", "a", "NSID"),
        ("", "a", "NSID"),
        ("app.bsky.feed.post/x", "a", "NSID"),
        (NOTE, "", "record key"),
        (NOTE, "..", "record key"),
        (NOTE, "a/b", "record key"),
        (NOTE, "a\n", "record key"),
        (NOTE, "x" * 513, "record key"),
    ],
)
def test_path_must_be_one(collection: str, rkey: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        check_path(collection, rkey)
    with pytest.raises(InvalidRequestError, match=message):
        prepare(collection, {}, rkey, validate=False)


def test_write_without_a_record_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="A create needs a record"):
        prepare(NOTE, None)


def test_size_is_that_of_the_encoded_record() -> None:
    rest = len(prepare(NOTE, {"t": ""}).row.content)
    overhead = 4  # the longer head of a long text

    fits = prepare(NOTE, {"t": "x" * (MAX_RECORD_BYTES - rest - overhead)})
    assert len(fits.row.content) == MAX_RECORD_BYTES
    with pytest.raises(InvalidRequestError, match=f"Record too large: {MAX_RECORD_BYTES + 1}"):
        prepare(NOTE, {"t": "x" * (MAX_RECORD_BYTES - rest - overhead + 1)})


def test_depth_is_limited_for_every_record_alike() -> None:
    assert prepare(NOTE, nested(MAX_DATA_DEPTH)).row.content
    with pytest.raises(InvalidRequestError, match=f"{NOTE}/{TID}: nested too deeply"):
        prepare(NOTE, nested(MAX_DATA_DEPTH + 1))


@pytest.mark.parametrize("value", [1.5, 2**64, "\ud800", {1: 2}, object()])
def test_value_without_a_form_is_refused_by_path(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"Invalid record at {NOTE}/{TID}"):
        prepare(NOTE, {"a": value})


def test_blobs_are_found_wherever_they_are() -> None:
    ref = BlobRef(CID, "image/png", 1)

    assert prepare(NOTE, {"a": [{"b": BLOB}], "c": BLOB}).blobs == [ref, ref]


@pytest.mark.parametrize("validate", [None, False])
def test_blob_of_the_old_form_is_refused(validate: bool | None) -> None:
    old = {"cid": str(CID), "mimeType": "image/png"}
    with pytest.raises(InvalidRequestError, match=rf"Legacy blobs are not allowed \({CID}\)"):
        prepare(NOTE, {"a": [old]}, validate=validate)
    assert prepare(NOTE, {"a": {**old, "size": 1}}).blobs == []


def test_link_target_is_kept_with_the_record() -> None:
    subject = {"uri": f"at://did:plc:a/{POST}/{TID}", "cid": str(CID)}
    value = {"subject": subject, "createdAt": VALUE["createdAt"]}

    assert prepare("app.bsky.feed.like", value).row.link_target == subject["uri"]

"""Blob references are found without a schema."""

from __future__ import annotations

from typing import Any

import pytest

from pds.atproto.blob_ref import BlobRef, find_blob_refs, find_legacy_blob_refs
from pds.atproto.cid import cid_for_raw
from pds.atproto.dag_cbor import decode, encode
from pds.atproto.dag_json import from_json

FIRST = BlobRef(cid_for_raw(b"1"), "image/png", 10)
SECOND = BlobRef(cid_for_raw(b"2"), "text/plain", 0)
LEGACY = {"cid": str(FIRST.cid), "mimeType": "image/png"}


def test_a_reference_has_its_data_model_form() -> None:
    assert FIRST.to_value() == {
        "$type": "blob",
        "ref": FIRST.cid,
        "mimeType": "image/png",
        "size": 10,
    }
    assert decode(encode(FIRST.to_value())) == FIRST.to_value()


def test_references_are_found_at_any_depth_in_document_order() -> None:
    value = {
        "z": [FIRST.to_value(), {"deep": [[SECOND.to_value()]]}],
        "text": "blob",
        "a": FIRST.to_value(),
    }

    assert find_blob_refs(value) == [FIRST, SECOND, FIRST]
    assert find_blob_refs(FIRST.to_value()) == [FIRST]
    assert find_blob_refs(from_json({"a": {"b": []}, "c": None})) == []


@pytest.mark.parametrize("value", [None, "blob", 1, b"", FIRST.cid, [], {}])
def test_values_without_objects_hold_none(value: Any) -> None:
    assert find_blob_refs(value) == []
    assert find_legacy_blob_refs(value) == []


@pytest.mark.parametrize(
    "change",
    [
        {"$type": "image"},
        {"ref": str(FIRST.cid)},
        {"ref": None},
        {"mimeType": None},
        {"size": "10"},
        {"size": True},
    ],
)
def test_objects_that_are_no_blobs_are_passed_over(change: dict[str, Any]) -> None:
    assert find_blob_refs([FIRST.to_value() | change]) == []


def test_legacy_references_are_found_apart() -> None:
    value = {"avatar": LEGACY, "list": [FIRST.to_value(), LEGACY]}
    legacy = BlobRef(FIRST.cid, "image/png", -1)

    assert find_legacy_blob_refs(value) == [legacy, legacy]
    assert find_blob_refs(value) == [FIRST]


@pytest.mark.parametrize(
    "change",
    [
        {"size": 1},
        {"$type": "blob"},
        {"cid": "not a cid"},
        {"cid": FIRST.cid},
        {"mimeType": 5},
        {"cid": None},
    ],
)
def test_objects_that_only_resemble_the_legacy_form_are_passed_over(change: dict[str, Any]) -> None:
    assert find_legacy_blob_refs({"a": LEGACY | change}) == []


def test_nesting_cannot_exhaust_the_stack() -> None:
    value: Any = FIRST.to_value()
    for _ in range(50_000):
        value = [value]

    assert find_blob_refs(value) == [FIRST]

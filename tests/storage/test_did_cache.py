"""Remembered DID documents."""

from __future__ import annotations

import json

import pytest

from pds.storage import did_cache
from pds.storage.database import transaction
from pds.storage.did_cache import CachedDocument

pytestmark = pytest.mark.usefixtures("open_database")

DID = "did:web:alice.example.com"


def test_a_saved_document_is_found_with_its_time() -> None:
    with transaction():
        did_cache.save_document(DID, json.dumps({"id": DID, "é": [1]}), 7)

    assert did_cache.find_document(DID) == CachedDocument({"id": DID, "é": [1]}, 7)
    assert did_cache.find_document("did:web:other.example.com") is None


def test_saving_again_replaces() -> None:
    with transaction():
        did_cache.save_document(DID, '{"id": "old"}', 7)
        did_cache.save_document(DID, '{"id": "new"}', 8)

    assert did_cache.find_document(DID) == CachedDocument({"id": "new"}, 8)


def test_a_removed_document_is_gone() -> None:
    with transaction():
        did_cache.save_document(DID, "{}", 7)
        did_cache.remove_document(DID)
        did_cache.remove_document("did:web:never.example.com")

    assert did_cache.find_document(DID) is None


def test_only_older_documents_are_removed_and_no_more_than_asked() -> None:
    with transaction():
        for age in range(5):
            did_cache.save_document(f"{DID}{age}", "{}", age)

        assert did_cache.remove_older_than(4, limit=3) == 3
        assert did_cache.remove_older_than(4, limit=3) == 1
        assert did_cache.remove_older_than(4, limit=3) == 0

    assert did_cache.find_document(f"{DID}4") is not None


def test_all_but_the_newest_documents_are_forgotten() -> None:
    with transaction():
        for age in (3, 1, 4, 2):
            did_cache.save_document(f"{DID}{age}", "{}", age)
        assert did_cache.remove_all_but_newest(2) == 2

    kept = [age for age in range(1, 5) if did_cache.find_document(f"{DID}{age}") is not None]
    assert kept == [3, 4]

"""Exports that are sent again: small ones, by commit, and no more than fit."""

from __future__ import annotations

from pds.atproto.cid import cid_for_cbor
from pds.services import export_cache
from pds.services.export_cache import ExportCache

A, B, C = (cid_for_cbor(letter.encode()) for letter in "abc")


def test_a_kept_file_is_found_by_its_commit() -> None:
    cache = ExportCache()
    cache.keep(A, b"the file")
    assert cache.find(A) == b"the file"
    assert cache.find(B) is None


def test_the_least_recently_wanted_goes_first() -> None:
    cache = ExportCache(max_bytes=20)
    cache.keep(A, bytes(10))
    cache.keep(B, bytes(10))
    cache.find(A)
    cache.keep(C, bytes(10))
    assert [cache.find(commit) is not None for commit in (A, B, C)] == [True, False, True]


def test_keeping_twice_counts_once() -> None:
    cache = ExportCache(max_bytes=20)
    cache.keep(A, bytes(10))
    cache.keep(A, bytes(10))
    cache.keep(B, bytes(10))
    assert cache.find(A) is not None


def test_a_large_file_is_not_kept() -> None:
    cache = ExportCache()
    cache.keep(A, bytes(export_cache.MAX_FILE_BYTES + 1))
    assert cache.find(A) is None

"""Resolved DID documents and when they were last seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from peewee import IntegerField, TextField

from pds.storage import database
from pds.storage.database import Table


class DidCache(Table):
    did = TextField(primary_key=True)
    document = TextField()
    updated_at_us = IntegerField()

    class Meta:
        table_name = "did_cache"


@dataclass(frozen=True, slots=True)
class CachedDocument:
    document: dict[str, Any]
    updated_at_us: int


_FIND = "SELECT document, updated_at_us FROM did_cache WHERE did = ?"
_SAVE = (
    "INSERT INTO did_cache (did, document, updated_at_us) VALUES (?, ?, ?)"
    " ON CONFLICT (did) DO UPDATE SET"
    " document = excluded.document, updated_at_us = excluded.updated_at_us"
)
_REMOVE = "DELETE FROM did_cache WHERE did = ?"
_TRIM = """
    DELETE FROM did_cache WHERE did IN
        (SELECT did FROM did_cache ORDER BY updated_at_us DESC LIMIT -1 OFFSET ?)
"""
_EXPIRE = (
    "DELETE FROM did_cache WHERE did IN (SELECT did FROM did_cache WHERE updated_at_us < ? LIMIT ?)"
)


def find_document(did: str) -> CachedDocument | None:
    found = database.row(_FIND, (did,))
    return CachedDocument(json.loads(found[0]), found[1]) if found else None


def save_document(did: str, document_json: str, updated_at_us: int) -> None:
    """Keep what a DID resolved to just now. The caller holds the transaction."""
    database.execute(_SAVE, (did, document_json, updated_at_us))


def remove_document(did: str) -> None:
    """Forget a DID. The caller holds the transaction."""
    database.execute(_REMOVE, (did,))


def remove_all_but_newest(count: int) -> int:
    """Forget all but the ``count`` documents seen last; return how many went.

    The caller holds the transaction.
    """
    return database.execute(_TRIM, (count,))


def remove_older_than(updated_at_us: int, limit: int) -> int:
    """Forget up to ``limit`` documents last seen before the given time; return how many.

    The caller holds the transaction.
    """
    return database.execute(_EXPIRE, (updated_at_us, limit))

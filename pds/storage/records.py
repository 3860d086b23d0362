"""Records by account, collection and key, with their bytes.

The bytes are here, not among the blocks, so that reading or listing records is one indexed query
and two records with equal bytes never share a row that one of them may delete.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import BlobField, CompositeKey, IntegerField, TextField

from pds.atproto.cid import Cid
from pds.storage import database
from pds.storage.database import Table


class Record(Table):
    account_id = IntegerField()
    collection = TextField()
    rkey = TextField()
    cid = BlobField()
    rev = TextField()
    indexed_at_us = IntegerField()
    takedown_ref = TextField(null=True)
    link_target = TextField(null=True)
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("account_id", "collection", "rkey")
        indexes = ((("account_id", "cid"), False),)


Record.add_index(
    Record.account_id,
    Record.collection,
    Record.link_target,
    name="record_link_target",
    where=Record.link_target.is_null(False),
)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record to be written. ``link_target``: what a like, repost, follow or block points at."""

    collection: str
    rkey: str
    cid: Cid
    content: bytes
    link_target: str | None = None


_SELECT = (
    "SELECT cid, content, takedown_ref FROM record"
    " WHERE account_id = ? AND collection = ? AND rkey = ?"
)
_SELECT_CID = "SELECT cid FROM record WHERE account_id = ? AND collection = ? AND rkey = ?"
# Without ORDER BY on purpose: it lures the planner of a young file, which has no statistics yet,
# into reading the whole collection along the primary key (measured: 500 times as long).
_LINKS = (
    "SELECT rkey FROM record WHERE account_id = ? AND collection = ? AND link_target = ?"
    " AND link_target IS NOT NULL"
)
# takedown_ref is kept on purpose: editing a record that was taken down does not bring it back.
_UPSERT = (
    "INSERT INTO record"
    " (account_id, collection, rkey, cid, rev, indexed_at_us, link_target, content)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (account_id, collection, rkey) DO UPDATE SET"
    " cid = excluded.cid, rev = excluded.rev, indexed_at_us = excluded.indexed_at_us,"
    " link_target = excluded.link_target, content = excluded.content"
)
_SET_TAKEDOWN = (
    "UPDATE record SET takedown_ref = ? WHERE account_id = ? AND collection = ? AND rkey = ?"
)
_DELETE = "DELETE FROM record WHERE account_id = ? AND collection = ? AND rkey = ?"
_LIST = (
    "SELECT rkey, cid, content FROM record WHERE account_id = ? AND collection = ?"
    " AND takedown_ref IS NULL{after} ORDER BY rkey{direction} LIMIT ?"
)
# One index seek per collection instead of a scan over every record.
_COLLECTIONS = """
WITH RECURSIVE seen(name) AS (
    SELECT (SELECT min(collection) FROM record WHERE account_id = :account)
    UNION ALL
    SELECT (SELECT min(collection) FROM record
            WHERE account_id = :account AND collection > seen.name)
    FROM seen WHERE seen.name IS NOT NULL
)
SELECT name FROM seen WHERE name IS NOT NULL
"""


def find_record(
    account_id: int, collection: str, rkey: str
) -> tuple[Cid, bytes, str | None] | None:
    """The record's CID, bytes and takedown reference."""
    found = database.row(_SELECT, (account_id, collection, rkey))
    return (Cid(found[0]), found[1], found[2]) if found else None


def find_record_cid(account_id: int, collection: str, rkey: str) -> Cid | None:
    found = database.row(_SELECT_CID, (account_id, collection, rkey))
    return Cid(found[0]) if found else None


def find_by_link(account_id: int, collection: str, target: str) -> list[str]:
    """Keys of the records of ``collection`` that point at ``target``, in their order."""
    return sorted(found[0] for found in database.rows(_LINKS, (account_id, collection, target)))


def list_records(
    account_id: int, collection: str, *, limit: int, cursor: str | None, reverse: bool
) -> list[tuple[str, Cid, bytes]]:
    """(rkey, cid, bytes), newest key first, or oldest first with ``reverse``.

    ``cursor`` is the last key of the page before.
    """
    after = "" if cursor is None else f" AND rkey {'>' if reverse else '<'} ?"
    sql = _LIST.format(after=after, direction="" if reverse else " DESC")
    params = (account_id, collection, *(() if cursor is None else (cursor,)), limit)
    return [(rkey, Cid(cid), content) for rkey, cid, content in database.rows(sql, params)]


def list_collections(account_id: int) -> list[str]:
    return [found[0] for found in database.rows(_COLLECTIONS, {"account": account_id})]


def count_records(account_id: int) -> int:
    found = database.row("SELECT count(*) FROM record WHERE account_id = ?", (account_id,))
    return int(found[0]) if found else 0


def save_records(account_id: int, rev: str, now_us: int, rows: list[RecordRow]) -> None:
    """Create or replace records. The caller holds the transaction."""
    database.execute_many(
        _UPSERT,
        [
            (
                account_id,
                row.collection,
                row.rkey,
                row.cid,
                rev,
                now_us,
                row.link_target,
                row.content,
            )
            for row in rows
        ],
    )


def delete_records(account_id: int, keys: list[tuple[str, str]]) -> None:
    """Remove records by (collection, rkey). The caller holds the transaction."""
    database.execute_many(_DELETE, [(account_id, collection, rkey) for collection, rkey in keys])


def set_takedown(account_id: int, collection: str, rkey: str, takedown_ref: str | None) -> None:
    """Take a record down, or with None back up. The caller holds the transaction."""
    database.execute(_SET_TAKEDOWN, (takedown_ref, account_id, collection, rkey))

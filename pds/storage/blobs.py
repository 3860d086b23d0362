"""Which blobs an account has, and which of its records use them.

Terms
- A blob row says that the file is there. It is public once a ``record_blob`` row refers to it.
- ``record_blob`` rows may refer to blobs that are not there yet: an import brings records first.
- ``uploaded_at_us`` is the time of an upload that no record has used yet. It becomes ``USED`` with
  the first reference and ``DROPPED`` with the last one gone, so uploads that wait and blobs that
  are due for deletion are found by index, also after a crash. Uploading a used blob again makes
  it wait again: its owner is about to use it, even if the old record goes first.
"""

# ruff: noqa: S608 - the pieces the statements are put together from are constants
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from peewee import BlobField, CompositeKey, IntegerField, TextField

from pds.atproto.cid import Cid
from pds.storage import database
from pds.storage.database import Table

USED: Final = 0
DROPPED: Final = 1


class Blob(Table):
    account_id = IntegerField()
    cid = BlobField()
    mime_type = TextField()
    size_bytes = IntegerField()
    uploaded_at_us = IntegerField(index=True)
    takedown_ref = TextField(null=True)

    class Meta:
        primary_key = CompositeKey("account_id", "cid")


class RecordBlob(Table):
    account_id = IntegerField()
    cid = BlobField()
    collection = TextField()
    rkey = TextField()

    class Meta:
        table_name = "record_blob"
        primary_key = CompositeKey("account_id", "cid", "collection", "rkey")
        indexes = ((("account_id", "collection", "rkey"), False),)


@dataclass(frozen=True, slots=True)
class BlobRow:
    mime_type: str
    size_bytes: int
    takedown_ref: str | None


@dataclass(frozen=True, slots=True)
class OwnedBlob:
    """A blob with what is needed to find its file."""

    account_id: int
    did: str
    cid: Cid


_REFERENCE = "SELECT 1 FROM record_blob AS used WHERE used.account_id = {0} AND used.cid = {1}"
_IN_USE = f"EXISTS ({_REFERENCE.format('blob.account_id', 'blob.cid')})"

_SELECT = "SELECT mime_type, size_bytes, takedown_ref FROM blob WHERE account_id = ? AND cid = ?"
_IS_REFERENCED = f"{_REFERENCE.format('?', '?')} LIMIT 1"
# The account may have been deleted while its upload was under way; then no row appears.
_INSERT = (
    "INSERT INTO blob (account_id, cid, mime_type, size_bytes, uploaded_at_us)"
    " SELECT id, ?, ?, ?, ? FROM account WHERE id = ?"
)
_RENEW = "UPDATE blob SET mime_type = ?, uploaded_at_us = ? WHERE account_id = ? AND cid = ?"
_SET_TAKEDOWN = "UPDATE blob SET takedown_ref = ? WHERE account_id = ? AND cid = ?"
_ADD_REFERENCE = (
    "INSERT OR IGNORE INTO record_blob (account_id, cid, collection, rkey) VALUES (?, ?, ?, ?)"
)
_MARK_USED = (
    "UPDATE blob SET uploaded_at_us = 0 WHERE account_id = ? AND cid = ? AND uploaded_at_us <> 0"
)
# One statement on purpose: for a SELECT of CIDs alone SQLite would take the primary key's index,
# which covers it, and read every reference of the account.
_DROP_REFERENCES = (
    "DELETE FROM record_blob WHERE account_id = ? AND collection = ? AND rkey = ? RETURNING cid"
)
_MARK_DROPPED = (
    "UPDATE blob SET uploaded_at_us = 1"
    f" WHERE account_id = ? AND cid = ? AND uploaded_at_us = 0 AND NOT {_IN_USE}"
)
_MARK_ALL_USED = (
    f"UPDATE blob SET uploaded_at_us = 0 WHERE account_id = ? AND uploaded_at_us <> 0 AND {_IN_USE}"
)
# The plus keeps SQLite from the index on the time, in which nearly all blobs have the same value.
_MARK_ALL_DROPPED = (
    "UPDATE blob SET uploaded_at_us = 1"
    f" WHERE account_id = ? AND +uploaded_at_us = 0 AND NOT {_IN_USE}"
)
# A blob that was taken down keeps its row, so that it cannot be uploaded again.
_IS_DUE = f"uploaded_at_us > 0 AND uploaded_at_us <= ? AND takedown_ref IS NULL AND NOT {_IN_USE}"
_DELETE_DUE = f"DELETE FROM blob WHERE account_id = ? AND cid = ? AND {_IS_DUE}"
_SELECT_DUE = (
    "SELECT blob.account_id, account.did, blob.cid FROM blob"
    f" JOIN account ON account.id = blob.account_id WHERE {_IS_DUE}"
    " ORDER BY uploaded_at_us LIMIT ?"
)
_SELECT_DUE_OF = f"SELECT cid FROM blob WHERE account_id = ? AND {_IS_DUE} LIMIT ?"
_SETTLE = (
    "UPDATE blob SET uploaded_at_us = 0"
    f" WHERE uploaded_at_us > 0 AND uploaded_at_us <= ? AND {_IN_USE}"
)
_LIST = "SELECT DISTINCT cid FROM record_blob WHERE account_id = ? AND cid > ? ORDER BY cid LIMIT ?"
_LIST_SINCE = (
    "SELECT DISTINCT used.cid FROM record_blob AS used JOIN record"
    " ON record.account_id = used.account_id AND record.collection = used.collection"
    " AND record.rkey = used.rkey"
    " WHERE used.account_id = ? AND used.cid > ? AND record.rev > ? ORDER BY used.cid LIMIT ?"
)
_IS_FIRST = (
    "NOT EXISTS (SELECT 1 FROM record_blob AS earlier WHERE earlier.account_id = used.account_id"
    " AND earlier.cid = used.cid"
    " AND (earlier.collection, earlier.rkey) < (used.collection, used.rkey))"
)
_HAS_BLOB = "EXISTS (SELECT 1 FROM blob WHERE account_id = used.account_id AND cid = used.cid)"
_MISSING = (
    "SELECT used.cid, used.collection, used.rkey FROM record_blob AS used"
    f" WHERE used.account_id = ? AND used.cid > ? AND NOT {_HAS_BLOB} AND {_IS_FIRST}"
    " ORDER BY used.cid LIMIT ?"
)
_COUNT_EXPECTED = "SELECT count(DISTINCT cid) FROM record_blob WHERE account_id = ?"
_COUNT_PRESENT = f"SELECT count(*) FROM blob WHERE account_id = ? AND {_IN_USE}"
_OWNED_PAGE = (
    "SELECT blob.account_id, account.did, blob.cid FROM blob"
    " JOIN account ON account.id = blob.account_id"
    " WHERE (blob.account_id, blob.cid) > (?, ?)"
    " ORDER BY blob.account_id, blob.cid LIMIT ?"
)
_NEWEST = (
    "SELECT blob.account_id, account.did, blob.cid FROM blob"
    " JOIN account ON account.id = blob.account_id ORDER BY blob.rowid DESC LIMIT ?"
)
_LONG_DIDS = "SELECT id, did FROM account WHERE length(did) > ?"


def find_blob(account_id: int, cid: Cid) -> BlobRow | None:
    found = database.row(_SELECT, (account_id, cid))
    return BlobRow(*found) if found else None


def is_referenced(account_id: int, cid: Cid) -> bool:
    return database.row(_IS_REFERENCED, (account_id, cid)) is not None


def insert_blob(
    account_id: int, cid: Cid, mime_type: str, size_bytes: int, uploaded_at_us: int
) -> bool:
    """Add a blob; False when there is no such account. The caller holds the transaction."""
    params = (cid, mime_type, size_bytes, uploaded_at_us, account_id)
    return database.execute(_INSERT, params) == 1


def renew_upload(account_id: int, cid: Cid, mime_type: str, uploaded_at_us: int) -> None:
    """Note that a known blob was uploaded again. The caller holds the transaction."""
    database.execute(_RENEW, (mime_type, uploaded_at_us, account_id, cid))


def set_takedown(account_id: int, cid: Cid, takedown_ref: str | None) -> None:
    """Take a blob down, or with None back up. The caller holds the transaction."""
    database.execute(_SET_TAKEDOWN, (takedown_ref, account_id, cid))


def add_references(account_id: int, collection: str, rkey: str, cids: Sequence[Cid]) -> None:
    """Let a record use blobs. The caller holds the transaction."""
    database.execute_many(_ADD_REFERENCE, [(account_id, cid, collection, rkey) for cid in cids])
    database.execute_many(_MARK_USED, [(account_id, cid) for cid in cids])


def drop_references(account_id: int, collection: str, rkey: str) -> list[Cid]:
    """Let a record use no blobs any more; returns those it used. The caller holds the transaction.

    Blobs that no record uses now are marked as due for deletion.
    """
    found = database.rows(_DROP_REFERENCES, (account_id, collection, rkey))
    cids = [Cid(row[0]) for row in found]
    database.execute_many(_MARK_DROPPED, [(account_id, cid) for cid in cids])
    return cids


def mark_all(account_id: int) -> None:
    """Bring the marks of all blobs in line after their references were replaced wholesale.

    The caller holds the transaction.
    """
    database.execute(_MARK_ALL_USED, (account_id,))
    database.execute(_MARK_ALL_DROPPED, (account_id,))


def settle_used(through_us: int) -> None:
    """Unmark blobs uploaded again until ``through_us`` that records still use.

    The caller holds the transaction.
    """
    database.execute(_SETTLE, (through_us,))


def find_due(through_us: int, limit: int) -> list[OwnedBlob]:
    """Blobs that no record uses and that were dropped, or uploaded until ``through_us``."""
    return _owned(database.rows(_SELECT_DUE, (through_us, limit)))


def find_due_of(account_id: int, limit: int) -> list[Cid]:
    """Blobs of one account that its last record has let go of."""
    found = database.rows(_SELECT_DUE_OF, (account_id, DROPPED, limit))
    return [Cid(row[0]) for row in found]


def delete_due(account_id: int, cids: Iterable[Cid], through_us: int = DROPPED) -> list[Cid]:
    """Remove the rows of those blobs that are (still) due; returns these.

    The caller holds the transaction, and deletes the files after it.
    """
    return [
        cid for cid in cids if database.execute(_DELETE_DUE, (account_id, cid, through_us)) == 1
    ]


def list_cids(account_id: int, *, since: str | None, after: bytes, limit: int) -> list[Cid]:
    """Blobs that records refer to, in the order of their CIDs, from the first above ``after``.

    since: only those of records written after that rev.
    """
    if since is None:
        found = database.rows(_LIST, (account_id, after, limit))
    else:
        found = database.rows(_LIST_SINCE, (account_id, after, since, limit))
    return [Cid(row[0]) for row in found]


def list_missing(account_id: int, *, after: bytes, limit: int) -> list[tuple[Cid, str, str]]:
    """(cid, collection, rkey) of blobs that are not there, each with the first record using it."""
    found = database.rows(_MISSING, (account_id, after, limit))
    return [(Cid(cid), collection, rkey) for cid, collection, rkey in found]


def count_blobs(account_id: int) -> tuple[int, int]:
    """How many different blobs the records refer to, and how many of these are there."""
    return _count(_COUNT_EXPECTED, account_id), _count(_COUNT_PRESENT, account_id)


def existing(account_id: int, cids: Sequence[Cid]) -> set[bytes]:
    """Those of ``cids`` that have a row."""
    marks = ",".join("?" * len(cids))
    sql = f"SELECT cid FROM blob WHERE account_id = ? AND cid IN ({marks})"
    return {found[0] for found in database.rows(sql, (account_id, *cids))}


def owned_page(after: tuple[int, bytes], limit: int) -> list[OwnedBlob]:
    """Blobs of all accounts by (account id, CID)."""
    return _owned(database.rows(_OWNED_PAGE, (*after, limit)))


def newest(limit: int) -> list[OwnedBlob]:
    """The blobs whose rows were added last, by the order of the table."""
    return _owned(database.rows(_NEWEST, (limit,)))


def count_all() -> int:
    found: Any = database.row("SELECT count(*) FROM blob", ())
    return int(found[0])


def long_dids(longer_than: int) -> list[tuple[int, str]]:
    """(account id, DID) of the accounts whose DID has more than so many characters."""
    return [(found[0], found[1]) for found in database.rows(_LONG_DIDS, (longer_than,))]


def _owned(found: list[tuple[Any, ...]]) -> list[OwnedBlob]:
    return [OwnedBlob(account_id, did, Cid(cid)) for account_id, did, cid in found]


def _count(sql: str, account_id: int) -> int:
    found: Any = database.row(sql, (account_id,))
    return int(found[0])

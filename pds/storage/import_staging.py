"""Where an import waits until it is known to be good: a scratch database of its own.

Blocks go in as they arrive, far more than fits in memory, and what the tree turns out to need is
marked. Only then, in one transaction, is the account's repo replaced. The scratch file needs no
durability and shares no lock with the real one, so a large import does not slow other writers
while it is received and checked. Its name is removed at once: a crash leaves nothing behind.

A repo that was empty is filled in slices, since half a repo behind an empty root shows nowhere;
others then never wait for more than one slice. Its records go in first and out last: an empty root
beside records is how an import that was cut off is told.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pds.atproto.mst.tree import EMPTY_TREE_CID
from pds.storage import blobs, database

Filling = tuple[str, Iterator[tuple[Any, ...]]]
"""A statement, and the rows it is still to be run with."""

_PREFIX: Final = "import-"
_BATCH: Final = 500
_CACHE_KIB: Final = 16_000

_TABLES: Final = """
CREATE TABLE block (cid BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE node (cid BLOB NOT NULL);
CREATE TABLE record (
    collection TEXT NOT NULL, rkey TEXT NOT NULL, cid BLOB NOT NULL, link_target TEXT
);
CREATE TABLE record_blob (cid BLOB NOT NULL, collection TEXT NOT NULL, rkey TEXT NOT NULL);
"""
_NODES: Final = "SELECT ?, node.cid, ?, block.content FROM node JOIN block ON block.cid = node.cid"
_RECORDS: Final = (
    "SELECT ?, record.collection, record.rkey, record.cid, ?, ?, record.link_target, block.content"
    " FROM record JOIN block ON block.cid = record.cid ORDER BY record.rowid"
)
_REFERENCES: Final = "SELECT ?, cid, collection, rkey FROM record_blob"

_INSERT_NODE: Final = "INSERT INTO block (account_id, cid, rev, content) VALUES (?, ?, ?, ?)"
_INSERT_RECORD: Final = (
    "INSERT INTO record"
    " (account_id, collection, rkey, cid, rev, indexed_at_us, link_target, content)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_REFERENCE: Final = (
    "INSERT OR IGNORE INTO record_blob (account_id, cid, collection, rkey) VALUES (?, ?, ?, ?)"
)
_TAKEN_DOWN: Final = (
    "SELECT takedown_ref, account_id, collection, rkey FROM record"
    " WHERE account_id = ? AND takedown_ref IS NOT NULL"
)
_TAKE_DOWN: Final = (
    "UPDATE record SET takedown_ref = ? WHERE account_id = ? AND collection = ? AND rkey = ?"
)
_CUT_OFF: Final = (
    "SELECT account_id FROM repo_root WHERE data = ?"
    " AND EXISTS (SELECT 1 FROM record WHERE record.account_id = repo_root.account_id)"
)
_IS_CUT_OFF: Final = f"{_CUT_OFF} AND account_id = ?"
FILLED_TABLES: Final = ("record_blob", "block", "record")
_DELETES: Final = {
    table: f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608 - the names above
    f" (SELECT rowid FROM {table} WHERE account_id = ?"
    + (f" AND cid != x'{EMPTY_TREE_CID.hex()}'" if table == "block" else "")
    + " LIMIT ?)"
    for table in FILLED_TABLES
}


class ImportStaging:
    """One import under way. Used by one thread, and closed by it."""

    def __init__(self, directory: Path) -> None:
        path = directory / f"{_PREFIX}{secrets.token_hex(16)}.sqlite"
        path.touch(mode=0o600, exist_ok=False)
        try:
            self._scratch = sqlite3.connect(path, isolation_level=None)
            # One transaction that is never committed: nothing here outlives the connection.
            self._scratch.execute("PRAGMA journal_mode = OFF")
            self._scratch.execute("PRAGMA synchronous = OFF")
            self._scratch.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._scratch.executescript(_TABLES)
            self._scratch.execute("BEGIN")
        finally:
            path.unlink()

    def close(self) -> None:
        """Drop everything."""
        self._scratch.close()

    def add_blocks(self, blocks: Iterable[tuple[bytes, bytes]]) -> None:
        """Add (CID, content) pairs, taking them one by one; a block may come twice.

        What ``blocks`` raises comes through.
        """
        self._scratch.executemany("INSERT OR IGNORE INTO block VALUES (?, ?)", blocks)

    def find_block(self, cid: bytes) -> bytes | None:
        found = self._scratch.execute("SELECT content FROM block WHERE cid = ?", (cid,)).fetchone()
        return found[0] if found else None

    def find_blocks(self, cids: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the blocks that have arrived."""
        found: dict[bytes, bytes] = {}
        remaining = iter(cids)
        while batch := list(islice(remaining, _BATCH)):
            marks = ",".join("?" * len(batch))
            sql = f"SELECT cid, content FROM block WHERE cid IN ({marks})"  # noqa: S608 - marks
            found.update(self._scratch.execute(sql, batch).fetchall())
        return found

    def add_node(self, cid: bytes) -> None:
        """Mark a block as a node of the tree."""
        self._scratch.execute("INSERT INTO node VALUES (?)", (cid,))

    def add_records(self, rows: Sequence[tuple[str, str, bytes, str | None]]) -> None:
        """Mark blocks as records: (collection, rkey, CID, link target)."""
        self._scratch.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", rows)

    def add_references(self, rows: Sequence[tuple[bytes, str, str]]) -> None:
        """Note which blobs records refer to: (blob CID, collection, rkey)."""
        self._scratch.executemany("INSERT INTO record_blob VALUES (?, ?, ?)", rows)

    def nodes(self, account_id: int, rev: str) -> Iterator[tuple[Any, ...]]:
        """The marked nodes as rows for the real table."""
        return self._scratch.execute(_NODES, (account_id, rev))

    def records(self, account_id: int, rev: str, now_us: int) -> Iterator[tuple[Any, ...]]:
        """The marked records as rows for the real table, in the order of the tree."""
        return self._scratch.execute(_RECORDS, (account_id, rev, now_us))

    def references(self, account_id: int) -> Iterator[tuple[Any, ...]]:
        """The blob references as rows for the real table."""
        return self._scratch.execute(_REFERENCES, (account_id,))


def fillings(account_id: int, staging: ImportStaging, rev: str, now_us: int) -> list[Filling]:
    """All that was marked, records first, for ``fill_some``."""
    return [
        (_INSERT_RECORD, staging.records(account_id, rev, now_us)),
        (_INSERT_NODE, staging.nodes(account_id, rev)),
        (_INSERT_REFERENCE, staging.references(account_id)),
    ]


# The caller of each function below holds the transaction.


def fill_some(filling: Filling, limit: int) -> int:
    """Write up to ``limit`` more rows; return how many there were."""
    sql, marked = filling
    batch = list(islice(marked, limit))
    database.execute_many(sql, batch)
    return len(batch)


def finish_filling(account_id: int) -> None:
    """What is left to do once all rows are in and the root is about to name another tree."""
    database.execute(
        "DELETE FROM block WHERE account_id = ? AND cid = ?", (account_id, EMPTY_TREE_CID)
    )
    blobs.mark_all(account_id)


def empty_some(table: str, account_id: int, limit: int) -> int:
    """Delete up to ``limit`` rows that do not belong beside an empty root; return how many.

    table: one of ``FILLED_TABLES``, in that order.
    """
    return database.execute(_DELETES[table], (account_id, limit))


def list_cut_off() -> list[int]:
    """The accounts whose root is the empty tree although they have records."""
    return [found[0] for found in database.rows(_CUT_OFF, (EMPTY_TREE_CID,))]


def is_cut_off(account_id: int) -> bool:
    return database.row(_IS_CUT_OFF, (EMPTY_TREE_CID, account_id)) is not None


def replace_repo(account_id: int, staging: ImportStaging, rev: str, now_us: int) -> None:
    """Put the marked nodes and records in the place of the account's own, all at once.

    Takedowns of records that are still there stay. The caller sets the root.
    """
    taken_down = database.rows(_TAKEN_DOWN, (account_id,))
    for table in ("block", "record", "record_blob"):
        database.execute(f"DELETE FROM {table} WHERE account_id = ?", (account_id,))  # noqa: S608
    connection = database.db.connection()
    connection.executemany(_INSERT_NODE, staging.nodes(account_id, rev))
    connection.executemany(_INSERT_RECORD, staging.records(account_id, rev, now_us))
    connection.executemany(_INSERT_REFERENCE, staging.references(account_id))
    database.execute_many(_TAKE_DOWN, taken_down)
    blobs.mark_all(account_id)


def drop_leftovers(directory: Path) -> int:
    """Remove scratch files a crash left with their names; returns how many. Call it at start."""
    leftovers = list(directory.glob(f"{_PREFIX}*"))
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)

"""Accounts that are gone, as long as something of theirs is still to be removed.

The account's row went in one transaction, and all that refers to it by foreign key with it. What is
named here is too much for one transaction; it goes a slice at a time, and until then the row keeps
the DID from coming back to find it.
"""

from __future__ import annotations

from dataclasses import dataclass

from peewee import IntegerField, TextField

from pds.storage import database
from pds.storage.database import Table


class Deletion(Table):
    account_id = IntegerField(primary_key=True)
    did = TextField(unique=True)
    started_at_us = IntegerField()
    tombstone_seq = IntegerField()


@dataclass(frozen=True, slots=True)
class DeletionRow:
    """``tombstone_seq``: the event that announced it; the DID's events before that are to go."""

    account_id: int
    did: str
    started_at_us: int
    tombstone_seq: int


LARGE_TABLES = ("record", "record_blob", "block", "blob")
"""Tables with the column ``account_id`` that do not follow the account by foreign key."""

_DELETE = {
    table: f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608 - the names above
    f" (SELECT rowid FROM {table} WHERE account_id = ? LIMIT ?)"
    for table in LARGE_TABLES
}


def list_unfinished() -> list[DeletionRow]:
    """Oldest first."""
    found = database.rows(
        "SELECT account_id, did, started_at_us, tombstone_seq FROM deletion ORDER BY account_id"
    )
    return [DeletionRow(*row) for row in found]


def is_being_deleted(did: str) -> bool:
    return database.row("SELECT 1 FROM deletion WHERE did = ?", (did,)) is not None


# Every function below changes rows; the caller holds the transaction.


def insert(new: DeletionRow) -> None:
    database.execute(
        "INSERT INTO deletion (account_id, did, started_at_us, tombstone_seq) VALUES (?, ?, ?, ?)",
        (new.account_id, new.did, new.started_at_us, new.tombstone_seq),
    )


def remove(account_id: int) -> None:
    database.execute("DELETE FROM deletion WHERE account_id = ?", (account_id,))


def delete_some(table: str, account_id: int, limit: int) -> int:
    """Delete up to ``limit`` of an account's rows in one of ``LARGE_TABLES``; return how many."""
    return database.execute(_DELETE[table], (account_id, limit))

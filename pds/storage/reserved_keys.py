"""Signing keys promised to accounts that will move in, encrypted; one for each DID."""

from __future__ import annotations

from dataclasses import dataclass

from peewee import BlobField, IntegerField, TextField

from pds.storage.database import Table, execute, row, rows


class ReservedKey(Table):
    did = TextField(primary_key=True)
    did_key = TextField()
    encrypted = BlobField()
    created_at_us = IntegerField(index=True)

    class Meta:
        table_name = "reserved_key"


@dataclass(frozen=True, slots=True)
class ReservedKeyRow:
    did: str
    did_key: str
    encrypted: bytes
    created_at_us: int


def find_reserved(did: str) -> ReservedKeyRow | None:
    found = row(
        "SELECT did, did_key, encrypted, created_at_us FROM reserved_key WHERE did = ?", (did,)
    )
    return None if found is None else ReservedKeyRow(found[0], found[1], bytes(found[2]), found[3])


def count_reserved() -> int:
    [(count,)] = rows("SELECT count(*) FROM reserved_key")
    return int(count)


# Every function below changes rows; the caller holds the transaction.


def add_reserved(new: ReservedKeyRow) -> None:
    """Raises sqlite3.IntegrityError when the DID has one."""
    execute(
        "INSERT INTO reserved_key (did, did_key, encrypted, created_at_us) VALUES (?, ?, ?, ?)",
        (new.did, new.did_key, new.encrypted, new.created_at_us),
    )


def remove_reserved(did: str) -> None:
    execute("DELETE FROM reserved_key WHERE did = ?", (did,))


def remove_reserved_before(created_at_us: int) -> int:
    """Forget the keys reserved before a time; return how many went."""
    return execute("DELETE FROM reserved_key WHERE created_at_us < ?", (created_at_us,))
